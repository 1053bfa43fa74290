//! What runs are called beside each other: by the settings in which they differ.

use std::collections::BTreeSet;
use std::path::Path;

use contractive::TrainConfig;
use contractive::config::ConfigError;

use crate::record::RunRecord;

/// Most settings that a legend names.
const MOST_SETTINGS: usize = 3;
/// Settings that change no number, or follow from others.
const SILENT: [&str; 3] = ["recipe", "training.threads", "objective.penalty_reason"];

/// A setting in which runs differ, with its value in each.
pub(super) struct Differing {
    /// Its key: `objective.contraction`.
    pub(super) key: String,
    /// As TOML writes it, or `–` where a run has none.
    pub(super) values: Vec<String>,
}

/// The settings in which runs differ, and the number of all.
pub(super) fn differing(runs: &[RunRecord]) -> Result<(Vec<Differing>, usize), ConfigError> {
    let all: Vec<Vec<(String, String)>> = runs.iter().map(|run| flat(&run.config)).collect::<Result<_, _>>()?;
    let keys: BTreeSet<&str> = all.iter().flatten().map(|(key, _)| key.as_str()).collect();
    let value = |settings: &[(String, String)], key: &str| {
        settings.iter().find(|(name, _)| name == key).map_or_else(|| "–".to_owned(), |(_, value)| value.clone())
    };
    let of_key = |key: &&str| Differing {
        key: (*key).to_owned(),
        values: all.iter().map(|settings| value(settings, key)).collect(),
    };
    let number = keys.len();
    let differs = |setting: &Differing| setting.values.iter().any(|value| *value != setting.values[0]);
    Ok((keys.iter().map(of_key).filter(differs).collect(), number))
}

/// A configuration as `section.key = value` pairs, read from its TOML: a section's name, then its lines.
fn flat(config: &TrainConfig) -> Result<Vec<(String, String)>, ConfigError> {
    let text = config.to_toml()?;
    let mut section = String::new();
    let mut pairs: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((key, value)) = line.split_once(" = ").filter(|(key, _)| !key.starts_with(' ')) {
            pairs.push((format!("{section}{key}"), value.to_owned()));
        } else if let Some((_, value)) = pairs.last_mut() {
            // A list over several lines.
            value.push_str(line.trim());
        }
    }
    Ok(pairs)
}

/// One legend a run: `contraction = 1` where few settings differ and tell all runs apart, else the runs' names.
pub(super) fn legends(runs: &[RunRecord]) -> Result<Vec<String>, ConfigError> {
    let names = || runs.iter().map(|run| run.name.clone()).collect();
    let (all, _) = differing(runs)?;
    let told: Vec<&Differing> = all.iter().filter(|setting| !SILENT.contains(&setting.key.as_str())).collect();
    if told.is_empty() || told.len() > MOST_SETTINGS {
        return Ok(names());
    }
    let keys: Vec<&str> = told.iter().map(|setting| setting.key.as_str()).collect();
    let short = setting_names(&keys);
    let legend = |i: usize| {
        let word = |text: &str| file_name(text.trim_matches('"')).to_owned();
        let pairs = short.iter().zip(&told).map(|(name, setting)| format!("{name} = {}", word(&setting.values[i])));
        pairs.collect::<Vec<_>>().join(", ")
    };
    let legends: Vec<String> = (0..runs.len()).map(legend).collect();
    let unique = legends.iter().collect::<BTreeSet<_>>().len() == legends.len();
    Ok(if unique { legends } else { names() })
}

/// Short names of settings, all different: the last part of each key, or the whole where that is not enough.
///
/// ```
/// let keys = ["objective.contraction", "training.optimiser.kind", "model.hidden_activation"];
/// assert_eq!(contractive_report::setting_names(&keys), ["contraction", "optimiser", "activation"]);
/// ```
pub fn setting_names(keys: &[&str]) -> Vec<String> {
    let short = |key: &str| {
        let key = key.strip_suffix(".kind").unwrap_or(key);
        let last = key.rsplit('.').next().unwrap_or(key);
        if key == "model.hidden_activation" { "activation" } else { last }.to_owned()
    };
    let all: Vec<String> = keys.iter().map(|key| short(key)).collect();
    let is_alone = |name: &String| all.iter().filter(|other| *other == name).count() == 1;
    all.iter().zip(keys).map(|(name, key)| if is_alone(name) { name.clone() } else { (*key).to_owned() }).collect()
}

/// The last part of a path; a name that is none as it is.
pub(super) fn file_name(name: &str) -> &str {
    Path::new(name).file_name().and_then(|last| last.to_str()).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_short_where_that_tells_them_apart() {
        assert_eq!(setting_names(&["objective.noise.kind", "objective.noise.sigma"]), ["noise", "sigma"]);
        assert_eq!(
            setting_names(&["objective.noise.sigma", "objective.penalty.sigma"]),
            ["objective.noise.sigma", "objective.penalty.sigma"]
        );
        assert_eq!(
            [file_name("/data/my.csv"), file_name("fashion-mnist"), file_name("..")],
            ["my.csv", "fashion-mnist", ".."]
        );
    }

    proptest! {
        /// Different keys have different names, in the same order and number.
        #[test]
        fn names_tell_keys_apart(keys in prop::collection::btree_set("[a-c](\\.[a-c]){1,2}(\\.kind)?", 0..8)) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let names = setting_names(&keys);
            prop_assert_eq!(names.len(), keys.len());
            prop_assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{:?}", names);
        }
    }
}
