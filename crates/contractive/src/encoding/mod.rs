//! From tables to the rows of numbers that are learnt from, and back to the tables' columns.
//!
//! [`TableEncoding`] is learnt from the training table ([`TrainingTable`]) and saved with the model or the detector. It says what each
//! column is for, and how its cells become features:
//!
//! | column | features |
//! |---|---|
//! | number | one: the value, scaled ([`TableScale`]) |
//! | category | one a level seen in training, and one for every `other` value; each 1 or 0, minus its share in training |
//! | constant in training | none: nothing can be learnt from it, and any change would have an infinite score |
//! | key | none: carried to the output |
//! | label, left out | none |
//!
//! Missing cells are refused, or filled ([`MissingRule`]): with the mean or the median of the column, and the most
//! frequent level of a category. `mask` fills them the same way for the network's input, but leaves them out of the loss,
//! the score and the contributions. Infinite cells are refused always.

pub mod diagnosis;
pub mod distribution;
mod error;
mod file_kinds;
mod header;
mod identifier;
mod label_names;
mod learning;
mod learnt;
mod options;
mod reading;
mod rows;
mod scaling;
mod seen;
mod share;
mod usual;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use contractive_table::{Field, Kind, ReadOptions, Unreadable};
use contractive_table::{TableError, TextOptions};

pub use diagnosis::{ColumnDiagnosis, Looks, TableDiagnosis};
pub use error::EncodingError;
pub use file_kinds::has_columns;
pub use label_names::label_note;
pub use learning::TrainingTable;
pub use learnt::{ColumnUse, LearntColumn};
pub use options::EncodingOptions;
pub use rows::{EncodedRows, PlainRows, TOO_LARGE};
pub use scaling::{Scaling, TableScale};
pub use usual::UsualCells;

use self::distribution::Distribution;
use self::file_kinds::is_text_table;
pub use self::usual::{Usual, UsualColumn};

/// The format written and read.
const FORMAT_VERSION: u64 = 1;
/// Most levels of a category; further values are `other`.
pub const MOST_LEVELS: usize = 64;
/// Most features of a detector.
const MOST_FEATURES: usize = 100_000;

/// How a feature comes to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureKind {
    /// A number as it is, or scaled by a straight line.
    Plain,
    /// The arsinh of a scaled number.
    Arsinh,
    /// A level of a category.
    Level,
}

/// What becomes of missing cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingRule {
    /// They are an error.
    #[default]
    Refuse,
    /// They count as the mean of the training table's column.
    Mean,
    /// They count as its median.
    Median,
    /// As `median` for the network's input; left out of the loss, the score and the contributions.
    Mask,
}

impl MissingRule {
    /// Every rule.
    pub const ALL: [MissingRule; 4] = [MissingRule::Refuse, MissingRule::Mean, MissingRule::Median, MissingRule::Mask];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            MissingRule::Refuse => "refuse",
            MissingRule::Mean => "mean",
            MissingRule::Median => "median",
            MissingRule::Mask => "mask",
        }
    }
}

/// How a table's columns become features. See the [module](self).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableEncoding {
    format_version: u64,
    missing: MissingRule,
    scale: TableScale,
    /// How the training table was told to be spelled.
    #[serde(default, skip_serializing_if = "TextOptions::is_default")]
    text: TextOptions,
    columns: Vec<EncodedColumn>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EncodedColumn {
    name: String,
    role: Role,
}

/// What a column is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Role {
    /// A feature. `fill` is in the column's own units; `usual` is how its numbers were distributed.
    Number {
        fill: f64,
        scaling: Scaling,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usual: Option<Distribution>,
    },
    /// One feature a level and one for other values; `shares` of the training rows, the last one that of `other`.
    /// `fill` is a level's place.
    Category { levels: Vec<String>, shares: Vec<f64>, fill: usize },
    /// The same number in every training row.
    ConstantNumber { value: f64 },
    /// The same text in every training row.
    ConstantText { value: String },
    /// Carried to the output.
    Key,
    /// Labels: may be there, and is not looked at.
    Label,
    /// Not chosen: may be there, and is not looked at.
    LeftOut,
}

impl Role {
    fn n_features(&self) -> usize {
        match self {
            Role::Number { .. } => 1,
            Role::Category { shares, .. } => shares.len(),
            _ => 0,
        }
    }

    /// Whether new data must have the column.
    fn is_needed(&self) -> bool {
        !matches!(self, Role::Label | Role::LeftOut)
    }

    /// Whether the column's cells are looked at as numbers or categories.
    fn is_looked_at(&self) -> bool {
        self.is_needed() && *self != Role::Key
    }

    fn is_text(&self) -> bool {
        matches!(self, Role::Category { .. } | Role::ConstantText { .. })
    }

    fn fault(&self) -> Option<&'static str> {
        match self {
            Role::Number { usual: Some(usual), .. } if !usual.is_valid() => {
                Some("the distribution of a number must ascend to the share 1")
            }
            Role::Number { fill, scaling, .. } if !(fill.is_finite() && scaling.is_valid()) => {
                Some("its numbers must be finite, factors above 0, quantiles ascending")
            }
            Role::ConstantNumber { value } if !value.is_finite() => Some("its value must be finite"),
            Role::Category { levels, shares, fill } => {
                let differ = levels.iter().collect::<HashSet<_>>().len() == levels.len();
                let is_right = (1..=MOST_LEVELS).contains(&levels.len())
                    && shares.len() == levels.len() + 1
                    && shares.iter().all(|s| (0.0..=1.0).contains(s))
                    && *fill < levels.len()
                    && differ;
                (!is_right)
                    .then_some("its levels must differ, from 1 to 64, with a share from 0 to 1 each and one more")
            }
            _ => None,
        }
    }
}

/// What is asked of new data beyond the detector's own columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admission {
    /// Columns that the detector does not know, carried to the output.
    pub carried: Vec<String>,
    /// Whether features may stand in another order than in training.
    pub may_reorder: bool,
    /// How the text of the table is spelled; what is left out is as in training.
    pub text: TextOptions,
}

impl TableEncoding {
    /// What becomes of missing cells.
    pub fn missing(&self) -> MissingRule {
        self.missing
    }

    /// How numbers are scaled.
    pub fn scale(&self) -> TableScale {
        self.scale
    }

    /// Features of the network, D.
    pub fn n_features(&self) -> usize {
        self.columns.iter().map(|c| c.role.n_features()).sum()
    }

    /// Names of the network's features: a number's own, `COLUMN=LEVEL` and `COLUMN=(other)` for a category.
    pub fn feature_names(&self) -> Vec<String> {
        let mut names = Vec::with_capacity(self.n_features());
        for EncodedColumn { name, role } in &self.columns {
            match role {
                Role::Number { .. } => names.push(name.clone()),
                Role::Category { levels, .. } => {
                    names.extend(levels.iter().map(|level| format!("{name}={level}")));
                    names.push(format!("{name}=(other)"));
                }
                _ => {}
            }
        }
        names
    }

    /// How each feature comes to the network.
    pub fn feature_kinds(&self) -> Vec<FeatureKind> {
        let of = |column: &EncodedColumn| match &column.role {
            Role::Number { scaling: Scaling::Arsinh { .. }, .. } => vec![FeatureKind::Arsinh],
            Role::Number { .. } => vec![FeatureKind::Plain],
            role => vec![FeatureKind::Level; role.n_features()],
        };
        self.columns.iter().flat_map(of).collect()
    }

    /// Names of the table's columns that are features, in the order trained on.
    pub fn source_names(&self) -> Vec<String> {
        self.named(|role| role.n_features() > 0)
    }

    /// Names of the key columns.
    pub fn key_names(&self) -> Vec<String> {
        self.named(|role| *role == Role::Key)
    }

    /// Name of the label column, if one was left out in training.
    pub fn label_name(&self) -> Option<&str> {
        self.columns.iter().find(|c| c.role == Role::Label).map(|c| c.name.as_str())
    }

    /// Names of the columns that were constant in training.
    pub fn constant_names(&self) -> Vec<String> {
        self.named(|role| role.n_features() == 0 && role.is_looked_at())
    }

    fn named(&self, which: impl Fn(&Role) -> bool) -> Vec<String> {
        self.columns.iter().filter(|c| which(&c.role)).map(|c| c.name.clone()).collect()
    }

    /// Adds up the parts of a category's features: `parts`, row-major (N, [`TableEncoding::n_features`]), to
    /// (N, number of [`TableEncoding::source_names`]).
    ///
    /// # Panics
    /// If the parts do not fill whole rows.
    pub fn by_source(&self, parts: &[f64]) -> Vec<f64> {
        let d = self.n_features();
        assert!(parts.len().is_multiple_of(d), "parts must fill rows of {d}, got {}", parts.len());
        let widths: Vec<usize> = self.columns.iter().map(|c| c.role.n_features()).filter(|w| *w > 0).collect();
        let mut sums = Vec::with_capacity(parts.len() / d * widths.len());
        for row in parts.chunks_exact(d) {
            let mut rest = row;
            for &width in &widths {
                let (own, others) = rest.split_at(width);
                sums.push(own.iter().sum());
                rest = others;
            }
        }
        sums
    }

    /// How new data at `path` are to be read: keys cell for cell where they are text, categories as text, numbers as
    /// numbers.
    pub fn read_options(&self, path: &Path, admission: &Admission) -> ReadOptions {
        let mut as_text = self.named(Role::is_text);
        // A column trained on keeps the kind it had there, carried or not.
        let known: HashSet<String> = self.named(Role::is_looked_at).into_iter().collect();
        let carried = admission.carried.iter().filter(|name| !known.contains(*name)).cloned();
        let as_digits: Vec<String> = self.key_names().into_iter().chain(carried).collect();
        if is_text_table(path) {
            as_text.extend(as_digits.iter().cloned());
        }
        let as_numbers = self.named(|role| matches!(role, Role::Number { .. } | Role::ConstantNumber { .. }));
        // A row index that an older detector learnt from, or that is carried, is read; one it left out is not.
        let kept = self.named(Role::is_needed).into_iter().chain(admission.carried.iter().cloned()).collect();
        let text = admission.text.or(self.text);
        let unreadable = Unreadable::LeftOutOf(self.named(|role| !role.is_needed()));
        ReadOptions { as_text, as_numbers, as_digits, kept, unreadable, text, ..ReadOptions::default() }
    }

    /// An error of opening with [`TableEncoding::read_options`], in the words of this encoding.
    pub fn opening_error(&self, error: TableError, admission: &Admission) -> EncodingError {
        match error {
            TableError::MissingColumns { path, missing, available } => {
                let extra = self.unknown(available.iter(), admission);
                // All in the order trained on: opening asks for text alone first.
                let (carried, here) = (set_of(&admission.carried), set_of(&available));
                let missing: Vec<String> = match missing.iter().all(|m| carried.contains(m.as_str())) {
                    true => Vec::new(),
                    false => {
                        let mut needed = self.named(Role::is_needed);
                        needed.retain(|name| !here.contains(name.as_str()));
                        needed
                    }
                };
                if missing.is_empty() {
                    let missing = admission.carried.iter().filter(|c| !here.contains(c.as_str())).cloned().collect();
                    return TableError::MissingColumns { path, missing, available }.into();
                }
                EncodingError::Columns { path, missing, extra }
            }
            other => other.into(),
        }
    }

    fn unknown<'a>(&self, names: impl Iterator<Item = &'a String>, admission: &Admission) -> Vec<String> {
        let known: HashSet<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
        let carried = set_of(&admission.carried);
        let is_extra = |name: &&String| !known.contains(name.as_str()) && !carried.contains(name.as_str());
        names.filter(is_extra).cloned().collect()
    }

    /// Refuses new data whose columns are not those trained on.
    ///
    /// # Errors
    /// [`EncodingError::Columns`], [`EncodingError::Order`] or [`EncodingError::Kind`].
    pub fn check(&self, path: &Path, fields: &[Field], admission: &Admission) -> Result<(), EncodingError> {
        let here: HashMap<&str, &Field> = fields.iter().map(|f| (f.name.as_str(), f)).collect();
        let missing: Vec<String> =
            self.named(Role::is_needed).into_iter().filter(|name| !here.contains_key(name.as_str())).collect();
        let extra = self.unknown(fields.iter().map(|f| &f.name), admission);
        if !missing.is_empty() || !extra.is_empty() {
            return Err(EncodingError::Columns { path: path.to_path_buf(), missing, extra });
        }
        for column in self.columns.iter().filter(|c| c.role.is_looked_at()) {
            let kind = &here[column.name.as_str()].kind;
            let (expected, is_right) = match column.role.is_text() {
                true => ("text", matches!(kind, Kind::Text)),
                false => ("a number", kind.is_numeric()),
            };
            if !is_right {
                let (path, column) = (path.to_path_buf(), column.name.clone());
                return Err(EncodingError::Kind { path, column, expected, got: kind.name() });
            }
        }
        let order = self.named(Role::is_looked_at);
        let ordered = set_of(&order);
        let theirs: Vec<&String> =
            fields.iter().map(|f| &f.name).filter(|name| ordered.contains(name.as_str())).collect();
        match order.iter().zip(theirs).find(|(ours, theirs)| ours != theirs) {
            Some((expected, got)) if !admission.may_reorder => Err(EncodingError::Order {
                path: path.to_path_buf(),
                expected: expected.clone(),
                got: got.clone(),
                order,
            }),
            _ => Ok(()),
        }
    }

    /// What is wrong with a stored encoding, if anything is.
    pub fn fault(&self) -> Option<String> {
        if self.format_version != FORMAT_VERSION {
            return Some(format!("`format_version` must be {FORMAT_VERSION}, got {}", self.format_version));
        }
        let names: HashSet<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
        if names.len() != self.columns.len() {
            return Some("two of its columns have one name".into());
        }
        let n = self.n_features();
        if !(1..=MOST_FEATURES).contains(&n) {
            return Some(format!("it must give from 1 to {MOST_FEATURES} features, got {n}"));
        }
        self.columns.iter().find_map(|c| c.role.fault().map(|fault| format!("column `{}`: {fault}", c.name)))
    }
}

fn set_of(names: &[String]) -> HashSet<&str> {
    names.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod shared_tests;
#[cfg(test)]
mod tests;
