//! What the flags of `cae train` ask for: one value a setting, or several, of which a sweep tries every combination.

use contractive::config::Layer;
use toml::{Table, Value};

use crate::errors::Usage;
use crate::numbers::plain;
use crate::setting_words::{
    any_value, any_values, decoder, noise, number_or_word, schedule, sizes, sizes_in_words, sparsity,
};
use crate::training_arguments::TrainingArguments;

/// The key of the seed, which a sweep takes means over.
pub(crate) const SEED: &str = "training.seed";

/// A setting with what was asked for it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Its key in the TOML file.
    pub(crate) key: String,
    /// At least one value, each with the word it was given by.
    pub(crate) values: Vec<(String, Value)>,
}

/// Settings in the order in which they are laid over each other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings(Vec<Asked>);

impl TrainingArguments {
    /// The flags as a layer over everything else; `--set` is above the named flags.
    ///
    /// # Errors
    /// [`Usage`] for a flag whose parts cannot be told apart, or with several values.
    pub(crate) fn layer(&self) -> Result<Layer, Usage> {
        let settings = self.settings()?;
        if let Some(several) = settings.several().first() {
            let text = format!("{} has several values, and here takes one", several.key);
            return Err(Usage(text));
        }
        settings.layer(&[])
    }

    /// The scaling given, which a detector does not have in its configuration.
    pub(crate) fn take_scale(&mut self) -> Result<Option<String>, Usage> {
        if self.scale.len() > 1 {
            return Err(Usage("--scale takes one value with --detector".into()));
        }
        Ok(self.scale.pop())
    }

    /// The keys that the flags set, with their sections: `training.seed`.
    pub(crate) fn keys(&self) -> Result<Vec<String>, Usage> {
        let mut keys = Vec::new();
        for (section, value) in self.settings()?.table(&[])? {
            match value {
                Value::Table(inner) => keys.extend(inner.keys().map(|key| format!("{section}.{key}"))),
                _ => keys.push(section),
            }
        }
        Ok(keys)
    }

    /// All that the flags ask for.
    ///
    /// # Errors
    /// [`Usage`] for a flag whose parts cannot be told apart, or a value given twice.
    pub(crate) fn settings(&self) -> Result<Settings, Usage> {
        let mut all = Settings::default();
        self.put_data(&mut all)?;
        self.put_network(&mut all)?;
        self.put_objective(&mut all)?;
        self.put_training(&mut all)?;
        for assignment in &self.set {
            let Some((key, text)) = assignment.split_once('=') else {
                return Err(Usage(format!("--set takes KEY=VALUE, such as training.epochs=10, got `{assignment}`")));
            };
            let value = |text: &str| (text.trim_matches(['"', '\'']).to_owned(), any_value(text));
            all.put(key.trim(), any_values(text).into_iter().map(value).collect())?;
        }
        Ok(all)
    }

    fn put_data(&self, all: &mut Settings) -> Result<(), Usage> {
        let text = |value: &Option<String>| value.clone().into_iter().map(word).collect();
        all.put("data.spec", text(&self.data))?;
        all.put("data.rows", numbers_or_word("--rows", &self.rows, "none")?)?;
        all.put("data.label_column", text(&self.label_column))?;
        all.put("data.array", text(&self.array))?;
        all.put("data.transpose", truth(self.transpose.then_some(true)))?;
        self.spelling.options(self.data.as_deref())?;
        all.put("data.header", truth(self.spelling.header))?;
        all.put("data.decimal", self.spelling.decimal.map(String::from).into_iter().map(word).collect())?;
        all.put("data.thousands", self.spelling.thousands.map(String::from).into_iter().map(word).collect())?;
        all.put("data.stream", truth(self.stream.then_some(true)))?;
        all.put("data.shuffle_rows", integers(&self.shuffle_rows))?;
        all.put("data.patch", numbers_or_word("--patch", &self.patch, "none")?)?;
        all.put("data.validation", numbers(&self.validation))?;
        let sum = |text: &String| match text.parse::<f64>() {
            Ok(sum) => (text.clone(), Value::from(sum)),
            Err(_) => word(text.clone()),
        };
        all.put("data.library_size", self.library_size.iter().map(sum).collect())?;
        all.put("data.log1p", truth(self.log1p.then_some(true)))?;
        all.put("data.scale", words(&self.scale))
    }

    fn put_network(&self, all: &mut Settings) -> Result<(), Usage> {
        all.put("model.hidden", self.hidden.iter().map(|list| (sizes_in_words(list), sizes(list))).collect())?;
        let of_decoder = |text: &String| Ok((text.replace(',', "-"), decoder(text)?));
        all.put("model.decoder", self.decoder.iter().map(of_decoder).collect::<Result<_, _>>()?)?;
        all.put("model.hidden_activation", words(&self.activation))?;
        all.put("model.decoder_activation", words(&self.decoder_activation))?;
        all.put("model.code_activation", words(&self.code_activation))?;
        all.put("model.output_activation", words(&self.output_activation))?;
        all.put("model.tied", truth((self.tied || self.untied).then_some(self.tied)))
    }

    fn put_objective(&self, all: &mut Settings) -> Result<(), Usage> {
        all.put("objective.loss", words(&self.loss))?;
        all.put("objective.contraction", numbers(&self.contraction))?;
        for (key, values) in [
            ("kind", words(&self.penalty)),
            ("probes", integers(&self.probes)),
            ("distribution", words(&self.distribution)),
            ("epsilon", numbers(&self.epsilon)),
            ("directions", integers(&self.directions)),
            ("corruptions", integers(&self.corruptions)),
            ("sigma", numbers(&self.sigma)),
            ("ratio", numbers(&self.ratio)),
            ("hold_weights", truth(self.hold_weights.then_some(true))),
        ] {
            all.put(&format!("objective.penalty.{key}"), values)?;
        }
        all.put("objective.noise", parsed(&self.noise, noise)?)?;
        all.put("objective.sparsity", parsed(&self.sparsity, sparsity)?)
    }

    fn put_training(&self, all: &mut Settings) -> Result<(), Usage> {
        all.put("training.epochs", numbers_or_word("--epochs", &self.epochs, "auto")?)?;
        all.put("training.batch_size", integers(&self.batch_size))?;
        all.put("training.optimiser.kind", words(&self.optimiser))?;
        all.put("training.optimiser.weight_decay", numbers(&self.weight_decay))?;
        all.put("training.learning_rate", numbers(&self.learning_rate))?;
        all.put("training.schedule", parsed(&self.schedule, schedule)?)?;
        all.put("training.clip", numbers_or_word("--clip", &self.clip, "none")?)?;
        let patience = |text: &String| match number_or_word("--patience", text, "none")? {
            word @ Value::String(_) => Ok((text.clone(), word)),
            patience => Ok((text.clone(), Value::Table(Table::from_iter([("patience".to_owned(), patience)])))),
        };
        all.put("training.early_stopping", self.patience.iter().map(patience).collect::<Result<_, _>>()?)?;
        all.put("training.initialisation", words(&self.initialisation))?;
        all.put(SEED, integers(&self.seed))?;
        all.put("training.threads", numbers_or_word("--threads", self.threads.as_slice(), "auto")?)
    }
}

fn word(text: String) -> (String, Value) {
    (text.clone(), Value::from(text))
}

fn words(list: &[String]) -> Vec<(String, Value)> {
    list.iter().cloned().map(word).collect()
}

fn truth(value: Option<bool>) -> Vec<(String, Value)> {
    value.into_iter().map(|value| (value.to_string(), Value::from(value))).collect()
}

fn numbers(list: &[f64]) -> Vec<(String, Value)> {
    list.iter().map(|&number| (plain(number), Value::from(number))).collect()
}

fn integers(list: &[i64]) -> Vec<(String, Value)> {
    list.iter().map(|&number| (number.to_string(), Value::from(number))).collect()
}

fn numbers_or_word(flag: &str, list: &[String], word: &str) -> Result<Vec<(String, Value)>, Usage> {
    parsed(list, |text| number_or_word(flag, text, word))
}

fn parsed(list: &[String], value: impl Fn(&str) -> Result<Value, Usage>) -> Result<Vec<(String, Value)>, Usage> {
    list.iter().map(|text| Ok((text.clone(), value(text)?))).collect()
}

impl Settings {
    /// Asks for `values` of `key`, instead of those asked for before; nothing where there are none.
    ///
    /// # Errors
    /// [`Usage`] for a value given twice.
    pub(crate) fn put(&mut self, key: &str, values: Vec<(String, Value)>) -> Result<(), Usage> {
        if let Some(i) = (1..values.len()).find(|&i| values[..i].iter().any(|(_, value)| *value == values[i].1)) {
            return Err(Usage(format!("{key} has the value {} twice; give each once", values[i].0)));
        }
        if !values.is_empty() {
            self.0.retain(|asked| asked.key != key);
            self.0.push(Asked { key: key.to_owned(), values });
        }
        Ok(())
    }

    /// Asks for so many pixels from patch to patch.
    ///
    /// # Errors
    /// As [`Settings::put`].
    pub(crate) fn put_stride(&mut self, stride: Option<usize>) -> Result<(), Usage> {
        // What is more than TOML holds is more than any patch too.
        let value = |stride: usize| (stride.to_string(), Value::from(i64::try_from(stride).unwrap_or(i64::MAX)));
        self.put("data.stride", stride.map(value).into_iter().collect())
    }

    /// Asks for pictures made alike: in colour or grey, of a size, by a fit; and whether broken ones are passed over.
    ///
    /// # Errors
    /// As [`Settings::put`].
    pub(crate) fn put_pictures(&mut self, words: [(&str, Option<String>); 3], skip_broken: bool) -> Result<(), Usage> {
        for (key, asked) in words {
            self.put(key, asked.into_iter().map(word).collect())?;
        }
        self.put("data.skip_broken", truth(skip_broken.then_some(true)))
    }

    /// The settings with several values, the seed last.
    pub(crate) fn several(&self) -> Vec<&Asked> {
        let mut several: Vec<&Asked> = self.0.iter().filter(|asked| asked.values.len() > 1).collect();
        several.sort_by_key(|asked| asked.key == SEED);
        several
    }

    /// The keys of all settings.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|asked| asked.key.as_str())
    }

    /// The values of a setting.
    pub(crate) fn values(&self, key: &str) -> &[(String, Value)] {
        self.0.iter().find(|asked| asked.key == key).map_or(&[], |asked| &asked.values)
    }

    /// The settings as a layer. `choice` says which value of each of [`Settings::several`] is taken; the first where it says
    /// nothing.
    ///
    /// # Errors
    /// [`Usage`] for a key that is none.
    pub(crate) fn layer(&self, choice: &[usize]) -> Result<Layer, Usage> {
        Ok(Layer::from_table("the command line", self.table(choice)?))
    }

    fn table(&self, choice: &[usize]) -> Result<Table, Usage> {
        let several = self.several();
        let mut table = Table::new();
        for asked in &self.0 {
            let place = several.iter().position(|other| other.key == asked.key);
            let chosen = place.and_then(|place| choice.get(place)).copied().unwrap_or(0);
            set(&mut table, &asked.key, asked.values[chosen].1.clone())?;
        }
        Ok(table)
    }
}

/// Puts `value` at `key`, made of sections and a name: `training.optimiser.beta2`.
fn set(table: &mut Table, key: &str, value: Value) -> Result<(), Usage> {
    let mut parts: Vec<&str> = key.split('.').collect();
    let name = parts.pop().filter(|name| !name.is_empty());
    let Some(name) = name.filter(|_| parts.iter().all(|part| !part.is_empty())) else {
        return Err(Usage(format!("--set takes a key such as training.epochs, got `{key}`")));
    };
    let mut here = table;
    for part in parts {
        let section = here.entry(part).or_insert_with(|| Value::Table(Table::new()));
        // A name alone stands for a table with that `kind`.
        if let Value::String(kind) = section {
            *section = Value::Table(Table::from_iter([("kind".to_owned(), Value::String(std::mem::take(kind)))]));
        }
        match section {
            Value::Table(inner) => here = inner,
            _ => return Err(Usage(format!("`{key}` is set below `{part}`, which is no section"))),
        }
    }
    match (here.get_mut(name), value) {
        (Some(Value::Table(old)), Value::Table(new)) if !new.contains_key("kind") => old.extend(new),
        (_, value) => {
            here.insert(name.to_owned(), value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting_words::layer_sizes;
    use contractive::TrainConfig;
    use contractive_core::Loss;
    use contractive_core::Noise;
    use contractive_core::optimiser::Optimiser;
    use contractive_core::schedule::Schedule;

    fn config(flags: TrainingArguments) -> TrainConfig {
        TrainConfig::layered(&TrainConfig::default(), &[flags.layer().unwrap()]).unwrap()
    }

    #[test]
    fn words_with_numbers_become_tables() {
        let flags = TrainingArguments {
            noise: vec!["gaussian:0.3".into()],
            schedule: vec!["step:10:0.5".into()],
            sparsity: vec!["0.05:0.1".into()],
            clip: vec!["1".into()],
            patience: vec!["3".into()],
            ..Default::default()
        };
        let config = config(flags);
        assert_eq!(config.objective.noise, Some(Noise::Gaussian { sigma: 0.3 }));
        assert_eq!(config.training.schedule, Schedule::Step { every: 10, factor: 0.5 });
        assert_eq!(config.objective.sparsity.unwrap().target, 0.05);
        assert_eq!(config.training.clip, Some(1.0));
        assert_eq!(config.training.early_stopping.unwrap().patience(), 3);
    }

    #[test]
    fn any_key_can_be_set_and_words_need_no_quotes() {
        let flags = TrainingArguments {
            optimiser: vec!["adamw".into()],
            set: [
                "training.optimiser.beta2=0.99",
                "objective.loss=sse",
                "model.hidden=[8, 4]",
                "data.validation = 0.2",
            ]
            .map(str::to_owned)
            .into(),
            ..Default::default()
        };
        let config = config(flags);
        assert!(matches!(config.training.optimiser, Optimiser::AdamW { beta2: 0.99, .. }));
        assert_eq!((config.objective.loss, config.model.hidden), (Loss::Sse, vec![8, 4]));
        assert_eq!(config.data.validation, 0.2);
        let wrong = |set: &str| TrainingArguments { set: vec![set.into()], ..Default::default() }.layer();
        assert!(wrong("training.epochs").is_err() && wrong("=1").is_err() && wrong("a..b=1").is_err());
    }

    #[test]
    fn several_values_make_choices_with_the_seed_last_and_set_above_the_flags() {
        let flags = TrainingArguments {
            seed: vec![3, 4],
            contraction: vec![0.0, 1.0],
            hidden: vec![layer_sizes("8,4").unwrap(), layer_sizes("6").unwrap()],
            set: vec!["objective.contraction=2,5,7".into(), "training.early_stopping.min_delta=0.1".into()],
            patience: vec!["3".into()],
            ..Default::default()
        };
        let settings = flags.settings().unwrap();
        let several = settings.several();
        let keys: Vec<(&str, usize)> = several.iter().map(|asked| (&*asked.key, asked.values.len())).collect();
        assert_eq!(keys, [("model.hidden", 2), ("objective.contraction", 3), (SEED, 2)]);
        assert_eq!(several[0].values[0].0, "8-4");
        let layer = settings.layer(&[1, 2, 1]).unwrap();
        let config = TrainConfig::layered(&TrainConfig::default(), &[layer]).unwrap();
        assert_eq!((config.model.hidden, config.objective.contraction, config.training.seed), (vec![6], 7.0, 4));
        let stopping = config.training.early_stopping.unwrap();
        assert_eq!((stopping.patience(), stopping.min_delta), (3, 0.1));
        assert!(flags.layer().is_err_and(|e| e.0.contains("several values")));
        let twice = TrainingArguments { seed: vec![3, 3], ..Default::default() };
        assert!(twice.settings().is_err_and(|e| e.0.contains("twice")));
    }
}
