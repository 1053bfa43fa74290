//! Texts: configurations, and the words that people type.

use contractive::TrainConfig;
use contractive_anomaly::detector::{Shard, ThresholdRule};
use contractive_anomaly::series::time::moment;
use contractive_datasets::DataSpec;
use contractive_table::Unit;

use crate::input::Input;
use crate::panics::begin;
use crate::refusal::refused;

/// The TOML of a recipe or of a run's configuration.
pub fn recipe(bytes: &[u8]) {
    begin();
    let mut input = Input::new(bytes);
    let is_stated = input.byte() % 2 == 1;
    let Ok(text) = std::str::from_utf8(input.rest()) else { return };
    let read = if is_stated { TrainConfig::from_stated("t", text) } else { TrainConfig::from_toml("t", text) };
    let config = match read {
        Ok(config) => config,
        Err(error) => return refused(&error),
    };
    if let Err(error) = config.check() {
        return refused(&error);
    }
    let written = config.to_toml().unwrap_or_else(|e| panic!("a configuration that is accepted can be written: {e}"));
    let again = TrainConfig::from_stated("written", &written);
    let again = again.unwrap_or_else(|e| panic!("what was written must be read: {e}"));
    assert_eq!(again, config, "a configuration must be the same after writing");
    config.threads();
    config.training.epochs();
    config.objective();
}

/// Words: data specs, threshold rules, shards, timestamps.
pub fn words(bytes: &[u8]) {
    begin();
    let mut input = Input::new(bytes);
    let (way, number) = (input.byte(), input.byte());
    let Ok(text) = std::str::from_utf8(input.rest()) else { return };
    match way % 5 {
        0 => match text.parse::<DataSpec>() {
            Ok(spec) => assert_eq!(spec.to_string(), text),
            Err(error) => refused(&error),
        },
        1 => match text.parse::<ThresholdRule>() {
            Ok(rule) => {
                assert!(rule.check().is_ok(), "a rule that is read must be a rule");
                let scores: Vec<f64> = (0..200).map(f64::from).collect();
                match rule.threshold(&scores, &scores[..100]) {
                    Ok(threshold) => assert!(threshold.is_finite(), "a threshold must be finite"),
                    Err(error) => refused(&error),
                }
                assert_eq!(rule.to_string().parse::<ThresholdRule>(), Ok(rule), "a rule must be read as it is written");
            }
            Err(error) => refused(&error),
        },
        2 => {
            if let Some(first) = moment(text) {
                // Written with nanoseconds and read again: the same moment.
                let nanoseconds = i64::try_from(first.nanoseconds);
                let written = nanoseconds.map(|n| Unit::Nanosecond.text(n, true));
                let again = written.ok().and_then(|text| moment(&text));
                assert!(again.is_none_or(|again| again.nanoseconds == first.nanoseconds), "{text:?} is another moment");
            }
            Unit::is_text_of_time(text);
        }
        3 => {
            let units = [Unit::Day, Unit::Second, Unit::Millisecond, Unit::Microsecond, Unit::Nanosecond];
            let mut value = [0; 8];
            let n = text.len().min(8);
            value[..n].copy_from_slice(&text.as_bytes()[..n]);
            units[usize::from(number) % 5].text(i64::from_le_bytes(value) << (number / 5), number % 2 == 0);
        }
        _ => {
            if let Ok(shard) = text.parse::<Shard>() {
                assert_eq!(
                    shard.to_string().parse::<Shard>().ok(),
                    Some(shard),
                    "a shard must be read as it is written"
                );
            }
        }
    }
}
