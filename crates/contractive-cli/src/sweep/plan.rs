//! Which runs a sweep has: a pure function of what was asked for.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use contractive::TrainConfig;
use contractive_report::setting_names;
use serde::{Deserialize, Serialize};

use crate::training_settings::{SEED, Settings};

const FORMAT_VERSION: u32 = 1;
/// The name of the seed among the settings.
const SEED_NAME: &str = "seed";
/// Longest name of a run's folder; longer ones are numbers.
const LONGEST_NAME: usize = 120;

/// What the runs are trained for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// To see what settings do.
    Sweep,
    /// To see what kinds of autoencoders do.
    Comparison,
}

/// The runs of a sweep. Written into its folder, so that it can go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    format_version: u32,
    /// What for.
    pub(crate) purpose: Purpose,
    /// Names of the settings in which runs differ, the seed last.
    pub(crate) settings: Vec<String>,
    /// The runs, those that differ in the seed alone beside each other.
    pub(crate) runs: Vec<PlannedRun>,
}

/// A run of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlannedRun {
    /// Its folder's name.
    pub(crate) folder: String,
    /// The word of each setting, in their order.
    pub(crate) words: Vec<String>,
    /// All its settings; threads are left to the machine.
    pub(crate) config: TrainConfig,
}

impl Plan {
    /// Runs with these words and configurations.
    pub(crate) fn new(purpose: Purpose, settings: Vec<String>, runs: Vec<(Vec<String>, TrainConfig)>) -> Self {
        let mut taken = BTreeSet::new();
        let mut planned = Vec::new();
        for (i, (words, mut config)) in runs.into_iter().enumerate() {
            config.training.threads = None;
            let name = folder_name(&settings, &words);
            let is_good = name.len() <= LONGEST_NAME && !taken.contains(&name);
            let folder = if is_good { name } else { format!("run-{}", i + 1) };
            taken.insert(folder.clone());
            planned.push(PlannedRun { folder, words, config });
        }
        Plan { format_version: FORMAT_VERSION, purpose, settings, runs: planned }
    }

    /// Every combination of the settings with several values; `configure` makes the configuration of a choice.
    pub(crate) fn of_product(
        settings: &Settings,
        configure: impl Fn(&[usize]) -> anyhow::Result<TrainConfig>,
    ) -> anyhow::Result<Self> {
        let several = settings.several();
        let keys: Vec<&str> = several.iter().map(|asked| asked.key.as_str()).collect();
        let sizes: Vec<usize> = several.iter().map(|asked| asked.values.len()).collect();
        let run = |choice: Vec<usize>| {
            let words = several.iter().zip(&choice).map(|(asked, i)| asked.values[*i].0.clone()).collect();
            Ok((words, configure(&choice)?))
        };
        let runs = choices(&sizes).map(run).collect::<anyhow::Result<_>>()?;
        Ok(Plan::new(Purpose::Sweep, setting_names(&keys), runs))
    }

    /// Whether this program can carry it out.
    pub(crate) fn is_known(&self) -> bool {
        self.format_version == FORMAT_VERSION && self.runs.iter().all(|run| run.words.len() == self.settings.len())
    }

    /// The first folder of a run that is not one name of its own, within that of the sweep.
    pub(crate) fn wrong_folder(&self) -> Option<&str> {
        let mut taken = BTreeSet::new();
        let is_name = |folder: &str| {
            let mut parts = Path::new(folder).components();
            let first = matches!(parts.next(), Some(Component::Normal(name)) if name == folder);
            first && parts.next().is_none() && !folder.starts_with('.')
        };
        self.runs.iter().map(|run| run.folder.as_str()).find(|&folder| !is_name(folder) || !taken.insert(folder))
    }

    /// The settings without the seed.
    pub(crate) fn own_settings(&self) -> &[String] {
        &self.settings[..self.own(&self.settings).len()]
    }

    fn own<'a>(&self, words: &'a [String]) -> &'a [String] {
        let has_seed = self.settings.last().is_some_and(|name| name == SEED_NAME);
        &words[..words.len() - usize::from(has_seed)]
    }

    /// Runs that differ in the seed alone, by their places; each with the words that they share.
    pub(crate) fn groups(&self) -> Vec<(&[String], Vec<usize>)> {
        let mut groups: Vec<(&[String], Vec<usize>)> = Vec::new();
        for (i, run) in self.runs.iter().enumerate() {
            let own = self.own(&run.words);
            match groups.iter_mut().find(|(words, _)| *words == own) {
                Some((_, members)) => members.push(i),
                None => groups.push((own, vec![i])),
            }
        }
        groups
    }

    /// What a group is called where it is drawn: `contraction = 1`; in a comparison the kind alone.
    pub(crate) fn legend(&self, words: &[String]) -> String {
        if self.purpose == Purpose::Comparison {
            return words.join(", ");
        }
        let pairs = self.settings.iter().zip(words).map(|(name, word)| format!("{name} = {word}"));
        pairs.collect::<Vec<_>>().join(", ")
    }
}

/// How many combinations the settings make.
pub(crate) fn number_of_runs(settings: &Settings) -> usize {
    settings.several().iter().map(|asked| asked.values.len()).fold(1, usize::saturating_mul)
}

/// The settings that differ, as part of a folder's name: `by-contraction-seed`.
pub(crate) fn place_word(settings: &Settings) -> String {
    let several = settings.several();
    let keys: Vec<&str> = several.iter().map(|asked| asked.key.as_str()).collect();
    let names = setting_names(&keys).into_iter().zip(&keys);
    let words: Vec<String> = names.map(|(name, key)| if *key == SEED { "seed".into() } else { name }).collect();
    format!("by-{}", words.join("-"))
}

/// Every choice of one place each, the last moving fastest.
fn choices(sizes: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    let number: usize = sizes.iter().product();
    (0..number).map(move |mut i| {
        let mut choice = vec![0; sizes.len()];
        for (place, size) in choice.iter_mut().zip(sizes).rev() {
            (*place, i) = (i % size, i / size);
        }
        choice
    })
}

/// `contraction=1,seed=0`, with characters that no file system minds.
fn folder_name(settings: &[String], words: &[String]) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.+".contains(c) { c } else { '-' };
    let tame = |text: &String| text.chars().map(plain).collect::<String>();
    let pairs = settings.iter().zip(words).map(|(name, word)| format!("{}={}", tame(name), tame(word)));
    pairs.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::Value;

    fn plan(words: &[&str]) -> Plan {
        let mut settings = Settings::default();
        let values = |list: &[&str]| list.iter().map(|word| ((*word).to_owned(), Value::from(*word))).collect();
        settings.put(SEED, values(&["0", "1"])).unwrap();
        settings.put("objective.noise", values(words)).unwrap();
        assert_eq!(number_of_runs(&settings), 2 * words.len());
        assert_eq!(place_word(&settings), "by-noise-seed");
        Plan::of_product(&settings, |_| Ok(TrainConfig::default())).unwrap()
    }

    #[test]
    fn runs_are_every_combination_and_seeds_make_groups() {
        let plan = plan(&["none", "gaussian:0.1", "gaussian-0.1"]);
        let folders: Vec<&str> = plan.runs.iter().map(|run| run.folder.as_str()).collect();
        assert_eq!(folders[..3], ["noise=none,seed=0", "noise=none,seed=1", "noise=gaussian-0.1,seed=0"]);
        // Two names that come to the same are told apart.
        assert_eq!(folders[4], "run-5");
        let groups = plan.groups();
        assert_eq!(groups.iter().map(|(_, runs)| runs.clone()).collect::<Vec<_>>(), [[0, 1], [2, 3], [4, 5]]);
        assert_eq!(plan.legend(groups[1].0), "noise = gaussian:0.1");
        assert_eq!(plan.own_settings(), ["noise"]);
        let text = toml::to_string(&plan).unwrap();
        assert_eq!(toml::from_str::<Plan>(&text).unwrap(), plan);
    }

    #[test]
    fn choices_are_all_and_each_once() {
        let all: BTreeSet<Vec<usize>> = choices(&[3, 1, 2]).collect();
        assert_eq!((choices(&[3, 1, 2]).count(), all.len()), (6, 6));
        assert_eq!(choices(&[2, 2]).nth(1), Some(vec![0, 1]));
        assert_eq!(choices(&[]).count(), 1);
    }
}
