//! Layers of overrides: how a base, a file and flags become one configuration, and who is to blame when they do not.

use std::path::Path;

use toml::{Table, Value};

use super::text::{MOST_TEXT, check_opened, config_text};
use super::{ConfigError, TrainConfig};

/// Keys whose value is a table with `kind`; the name alone stands for the table.
const KINDS: [&str; 4] = [PENALTY, "objective.noise", "training.optimiser", "training.schedule"];

/// The one of them that may be left to the data.
const PENALTY: &str = "objective.penalty";

/// Keys that a layer can unset, with the word that does it.
const UNSET: [(&str, &str); 17] = [
    ("data.rows", "none"),
    ("data.patch", "none"),
    ("data.image_size", "none"),
    ("data.stride", "auto"),
    ("data.scale", "auto"),
    ("data.library_size", "none"),
    ("model.decoder", "none"),
    ("model.decoder_activation", "auto"),
    ("model.output_activation", "auto"),
    (PENALTY, "auto"),
    ("objective.noise", "none"),
    ("objective.sparsity", "none"),
    ("training.clip", "none"),
    ("training.epochs", "auto"),
    ("training.threads", "auto"),
    ("training.early_stopping", "none"),
    ("data.label_column", ""),
];

/// A partial configuration laid over others.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    origin: String,
    text: Option<String>,
    table: Table,
}

impl Layer {
    /// A layer from a table that was put together in memory, such as the command line's flags; `origin` names it in
    /// errors: "the command line".
    pub fn from_table(origin: impl Into<String>, table: Table) -> Self {
        Layer { origin: origin.into(), text: None, table }
    }

    /// A layer from TOML text; `origin` names it in errors.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`] with the line; [`ConfigError::Long`] for more than 512 KiB; [`ConfigError::ManyTables`].
    pub fn from_text(origin: impl Into<String>, text: impl Into<String>) -> Result<Self, ConfigError> {
        let (origin, text) = (origin.into(), text.into());
        if text.len() as u64 > MOST_TEXT {
            return Err(ConfigError::Long { origin, most: MOST_TEXT });
        }
        check_opened(&origin, &text)?;
        match text.parse::<Table>() {
            Ok(table) => Ok(Layer { origin, text: Some(text), table }),
            Err(e) => Err(ConfigError::Syntax {
                line: e.span().map(|span| line_at(&text, span.start)),
                reason: e.message().to_owned(),
                origin,
            }),
        }
    }

    /// A layer from a file.
    ///
    /// # Errors
    /// [`ConfigError::Read`], or as [`Layer::from_text`].
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        Layer::from_text(path.display().to_string(), config_text(path)?)
    }

    /// Whether the layer has this key, given with its sections: `data.spec`.
    pub fn has(&self, key: &str) -> bool {
        look_up(&self.table, key).is_some()
    }

    /// The string at this key, if there is one.
    pub fn string(&self, key: &str) -> Option<&str> {
        look_up(&self.table, key).and_then(Value::as_str)
    }
}

impl TrainConfig {
    /// `base` under `layers`, later ones above earlier ones.
    ///
    /// Tables merge key by key; lists and plain values are replaced. A table with `kind` is replaced when its kind
    /// changes, so settings of one penalty never leak into another. The word `"none"` (or `"auto"`) unsets an optional
    /// key. Unknown keys, settings of another kind and wrong values are refused with the layer's name, the line, and the
    /// nearest known key. Ranges are left to [`TrainConfig::check`].
    ///
    /// # Errors
    /// [`ConfigError::UnknownKey`], [`ConfigError::UnknownSetting`] or [`ConfigError::Value`].
    pub fn layered(base: &TrainConfig, layers: &[Layer]) -> Result<TrainConfig, ConfigError> {
        let mut merged = as_table(base)?;
        let mut config = base.clone();
        for layer in layers {
            merge(&mut merged, &layer.table, "");
            // A layer at a time, so that the layer which broke it is the one blamed.
            refuse_settings_of_none(layer, &merged)?;
            config = merged.clone().try_into().map_err(|e| blame(layer, &e))?;
            refuse_settings_passed_over(layer, &merged, &as_table(&config)?)?;
        }
        Ok(config)
    }

    /// A configuration from one TOML document over the defaults.
    ///
    /// # Errors
    /// As [`Layer::from_text`] and [`TrainConfig::layered`].
    pub fn from_toml(origin: &str, text: &str) -> Result<TrainConfig, ConfigError> {
        TrainConfig::layered(&TrainConfig::default(), &[Layer::from_text(origin, text)?])
    }

    /// A configuration from what [`TrainConfig::to_toml`] gave, which states everything: what it leaves out is unset, not at
    /// its default.
    ///
    /// # Errors
    /// As [`TrainConfig::from_toml`].
    pub fn from_stated(origin: &str, text: &str) -> Result<TrainConfig, ConfigError> {
        TrainConfig::layered(&TrainConfig::stated(), &[Layer::from_text(origin, text)?])
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn merge(into: &mut Table, from: &Table, path: &str) {
    if path == "model" && from.contains_key("hidden") && !from.contains_key("decoder") {
        into.remove("decoder");
    }
    if path == "objective" && from.contains_key("penalty") && !from.contains_key("penalty_reason") {
        into.remove("penalty_reason");
    }
    for (key, value) in from {
        let here = join(path, key);
        let kind = value.as_table().and_then(|table| table.get("kind")).and_then(Value::as_str);
        let said = value.as_str().or(kind);
        if UNSET.iter().any(|(name, word)| *name == here && said == Some(word)) {
            into.remove(key);
            continue;
        }
        let mut value = value.clone();
        if let (true, Value::String(word)) = (KINDS.contains(&here.as_str()), &value) {
            value = Value::Table(Table::from_iter([("kind".to_owned(), Value::String(word.clone()))]));
        }
        match (into.get_mut(key), value) {
            (Some(Value::Table(old)), Value::Table(new)) if has_same_kind(old, &new) => merge(old, &new, &here),
            (_, value) => {
                into.insert(key.clone(), value);
            }
        }
    }
}

fn has_same_kind(old: &Table, new: &Table) -> bool {
    new.get("kind").is_none_or(|kind| old.get("kind") == Some(kind))
}

fn as_table(config: &TrainConfig) -> Result<Table, ConfigError> {
    Table::try_from(config).map_err(|e| ConfigError::NotWritable { reason: e.to_string() })
}

/// Refuses a setting that the kind chosen does not have: serde passes over the keys beside a kind without settings.
fn refuse_settings_passed_over(layer: &Layer, asked: &Table, taken: &Table) -> Result<(), ConfigError> {
    for section in KINDS {
        let table = |of| look_up(of, section).and_then(Value::as_table);
        let (Some(asked), Some(taken)) = (table(asked), table(taken)) else { continue };
        if let Some(setting) = asked.keys().find(|key| !taken.contains_key(*key)) {
            let key = join(section, setting);
            return Err(ConfigError::UnknownSetting {
                origin: layer.origin.clone(),
                line: line_of(layer, &key),
                what: section.rsplit('.').next().unwrap_or(section),
                kind: taken.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned(),
                key,
            });
        }
    }
    Ok(())
}

/// Refuses a setting of a penalty that is left to the data.
fn refuse_settings_of_none(layer: &Layer, merged: &Table) -> Result<(), ConfigError> {
    let table = look_up(merged, PENALTY).and_then(Value::as_table).filter(|table| !table.contains_key("kind"));
    let Some(setting) = table.and_then(|table| table.keys().next()) else { return Ok(()) };
    let key = join(PENALTY, setting);
    let line = line_of(layer, &key);
    let (origin, what, kind) = (layer.origin.clone(), "penalty", "auto".to_owned());
    Err(ConfigError::UnknownSetting { origin, line, what, kind, key })
}

fn look_up<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let mut parts = key.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.as_table()?.get(part))
}

fn line_at(text: &str, byte: usize) -> usize {
    1 + text.as_bytes()[..byte.min(text.len())].iter().filter(|b| **b == b'\n').count()
}

/// Turns the deserialiser's complaint about a merged table into one that names the layer, the line and the key.
fn blame(layer: &Layer, error: &toml::de::Error) -> ConfigError {
    let reason = error.message().trim().to_owned();
    let shown = error.to_string();
    // The error's Display is the only place that gives the path of keys.
    let path = shown.lines().last().and_then(|l| l.strip_prefix("in `")?.strip_suffix('`')).unwrap_or("").to_owned();
    let mut words = reason.split('`').skip(1).step_by(2).map(str::to_owned);
    let origin = layer.origin.clone();
    let wrong = words.next();
    let known: Vec<String> = words.collect();
    if let (true, Some(wrong)) = (reason.starts_with("unknown field"), wrong.clone()) {
        let key = join(&path, &wrong);
        return ConfigError::UnknownKey {
            origin,
            line: line_of(layer, &key),
            nearest: nearest(&wrong, known.iter().map(String::as_str)),
            known: known.join(", "),
            key,
        };
    }
    let nearest = wrong
        .filter(|_| reason.starts_with("unknown variant"))
        .and_then(|wrong| nearest(&wrong, known.iter().map(String::as_str)));
    let line = line_of(layer, &path);
    ConfigError::Value { origin, line, key: path, reason, nearest }
}

/// The line of a key in a layer's text, or of the nearest section above it.
fn line_of(layer: &Layer, key: &str) -> Option<usize> {
    let text = layer.text.as_deref()?;
    let document = toml::de::DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut at = None;
    for part in key.split('.') {
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref() == part) else { break };
        at = Some(name.span().start);
        match value.get_ref().as_table() {
            Some(inner) => table = inner,
            None => break,
        }
    }
    at.map(|byte| line_at(text, byte))
}

/// The known word most like `word`, if one is near enough to be a slip.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let near = known.map(|k| (strsim::damerau_levenshtein(word, k), k)).min()?;
    let most = (word.chars().count().max(near.1.chars().count()) / 3).max(1);
    (near.0 <= most).then(|| near.1.to_owned())
}
