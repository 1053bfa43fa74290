//! Settings that come as JSON, and thresholds in words.

use contractive_anomaly::detector::{DetectorSettings, ThresholdRule};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::de::DeserializeOwned;

use crate::failure::raise;

/// What JSON from the package's Python part says; a mistake in it is one of the caller's parameters.
pub fn parsed<T: DeserializeOwned>(json: &str) -> PyResult<T> {
    serde_json::from_str(json).map_err(raise)
}

/// The settings, with the threshold's rule in words.
pub fn detector_settings(json: &str, threshold: &str) -> PyResult<DetectorSettings> {
    let mut settings: DetectorSettings = by_key(json)?;
    settings.threshold = rule(threshold)?;
    settings.check().map_err(raise)?;
    Ok(settings)
}

/// The same, one key after the other: an error names its key, in backticks.
pub fn by_key<T: DeserializeOwned>(json: &str) -> PyResult<T> {
    let whole: serde_json::Value = parsed(json)?;
    serde_json::from_value(whole.clone()).map_err(|of_whole| {
        let keys = whole.as_object().into_iter().flatten();
        let fault = keys.into_iter().find_map(|(key, value)| {
            let mut one = serde_json::Map::new();
            one.insert(key.clone(), value.clone());
            let e = serde_json::from_value::<T>(one.into()).err()?;
            Some(format!("`{key}`: {e}"))
        });
        PyValueError::new_err(fault.unwrap_or_else(|| of_whole.to_string()))
    })
}

/// A threshold's rule in words, as the command has them: `contamination:0.1`.
pub fn rule(words: &str) -> PyResult<ThresholdRule> {
    words.parse().map_err(|e: <ThresholdRule as std::str::FromStr>::Err| PyValueError::new_err(e.to_string()))
}
