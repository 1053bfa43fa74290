//! Ranges of the settings, checked before any work.

use contractive_core::ArgumentError;
use contractive_core::architecture::MOST_LAYERS;

use super::{ConfigError, TrainConfig};
use crate::encoding::MissingRule;
use crate::preprocess::LibrarySize;

impl TrainConfig {
    /// Refuses every setting outside its range, NaN included, and combinations that mean nothing.
    ///
    /// Nothing here needs the data; sizes are checked with a stand-in for the number of features.
    ///
    /// # Errors
    /// [`ConfigError::Number`] or [`ConfigError::Argument`], naming the setting.
    pub fn check(&self) -> Result<(), ConfigError> {
        let t = &self.training;
        self.check_depth()?;
        if let Some(rows) = self.data.rows {
            at_least_one("data.rows", rows)?;
        }
        if let Some(rows) = self.data.shuffle_rows {
            let most = f64::from(u32::MAX);
            number("data.shuffle_rows", "from 1 to 4294967295", rows as f64, |v| (1.0..=most).contains(&v))?;
            number("data.shuffle_rows", "left out where data.stream is not set", rows as f64, |_| self.data.stream)?;
        }
        self.check_patches()?;
        if let (true, Some(scale)) = (self.data.stream, self.data.scale.filter(|scale| scale.needs_all_rows())) {
            let but = format!("the quantiles of `data.scale = \"{}\"` need every row at once", scale.name());
            let what = "a stream must be scaled by what one pass tells".to_owned();
            let remedy = "take `standard` or `minmax`, or leave out `data.stream`";
            return Err(ArgumentError::Conflict { what, but, remedy }.into());
        }
        if self.data.stream && self.data.column_options().is_given() {
            let what = "a stream must be a table of numbers as it is".to_owned();
            let but = "`data.columns`, `keys`, `categorical` or `missing` ask for more".to_owned();
            let remedy = "leave them out, or leave out `data.stream`";
            return Err(ArgumentError::Conflict { what, but, remedy }.into());
        }
        if self.data.transpose && self.data.column_options().is_given() {
            let what = "a transposed table must be one of numbers".to_owned();
            let but = "`data.columns`, `keys`, `categorical` or `missing` ask for more".to_owned();
            return Err(
                ArgumentError::Conflict { what, but, remedy: "leave them out, or leave out `data.transpose`" }.into()
            );
        }
        if let Some(LibrarySize::Target(target)) = self.data.library_size {
            number("data.library_size", "finite and above 0", target, |v| v.is_finite() && v > 0.0)?;
        }
        if self.data.missing == MissingRule::Mask {
            let what = "`data.missing` must be refuse, mean or median".to_owned();
            let but = "`mask` is for detectors of anomalies".to_owned();
            return Err(ArgumentError::Conflict { what, but, remedy: "take `median`" }.into());
        }
        number("data.validation", "at least 0 and below 1", self.data.validation, |v| (0.0..1.0).contains(&v))?;
        let most = f64::from(u32::MAX);
        number("training.epochs", "from 1 to 4294967295", t.epochs() as f64, |v| (1.0..=most).contains(&v))?;
        number("training.batch_size", "from 1 to 4294967295", t.batch_size as f64, |v| (1.0..=most).contains(&v))?;
        number("training.learning_rate", "finite and above 0", t.learning_rate, |v| v.is_finite() && v > 0.0)?;
        if let Some(clip) = t.clip {
            number("training.clip", "finite and above 0", clip, |v| v.is_finite() && v > 0.0)?;
        }
        // TOML, and so config.toml, holds integers up to this one.
        number("training.seed", "at most 9223372036854775807", t.seed as f64, |_| i64::try_from(t.seed).is_ok())?;
        if let Some(threads) = t.threads {
            number("training.threads", "from 1 to 1024", threads as f64, |v| (1.0..=1024.0).contains(&v))?;
        }
        if let Some(stopping) = t.early_stopping {
            at_least_one("training.early_stopping.patience", stopping.patience())?;
            let min_delta = stopping.min_delta;
            number("training.early_stopping.min_delta", "finite and at least 0", min_delta, |v| {
                v.is_finite() && v >= 0.0
            })?;
        }
        t.optimiser.check()?;
        t.schedule.check()?;
        if let Some(noise) = self.objective.noise {
            noise.check()?;
        }
        if self.model.hidden.is_empty() {
            return Err(ConfigError::Number { name: "model.hidden", must_be: "a list of at least 1 size", got: 0.0 });
        }
        self.objective().check(&self.architecture(1))?;
        Ok(())
    }

    fn check_patches(&self) -> Result<(), ConfigError> {
        let (patch, stride) = (self.data.patch, self.data.stride);
        if let Some(patch) = patch {
            at_least_one("data.patch", patch)?;
        }
        if let Some(stride) = stride {
            number("data.stride", "left out where data.patch is not set", stride as f64, |_| patch.is_some())?;
            let most = patch.unwrap_or(1);
            number("data.stride", "from 1 to data.patch", stride as f64, |_| (1..=most).contains(&stride))?;
        }
        Ok(())
    }

    /// Refuses more layers than a model's reader takes, before anything is done for each of them.
    fn check_depth(&self) -> Result<(), ConfigError> {
        let between = self.model.decoder.as_ref().map_or(0, Vec::len);
        for (name, must_be, layers) in [
            ("model.hidden", "a list of at most 1024 sizes", self.model.hidden.len()),
            ("model.decoder", "a list of at most 1023 sizes", between + 1),
        ] {
            if layers > MOST_LAYERS {
                return Err(ConfigError::Number { name, must_be, got: layers as f64 });
            }
        }
        Ok(())
    }
}

fn number(
    name: &'static str,
    must_be: &'static str,
    got: f64,
    is_right: impl Fn(f64) -> bool,
) -> Result<(), ConfigError> {
    if is_right(got) { Ok(()) } else { Err(ConfigError::Number { name, must_be, got }) }
}

fn at_least_one(name: &'static str, value: usize) -> Result<(), ConfigError> {
    number(name, "at least 1", value as f64, |v| v >= 1.0)
}
