//! What is seen of a training table's columns, and the roles that it makes of them.

use std::collections::HashMap;
use std::path::Path;

use super::distribution::Distribution;
use super::identifier::id_note;
use super::scaling::Scaling;
use super::share::{Ranks, Spot, gathered};
use super::{EncodingError, MOST_LEVELS, MissingRule, Role, TableScale};
use contractive_core::communicator::CommunicationError;
use contractive_core::statistics::quantile_of_sorted;
use contractive_table::slips::Slips;
use contractive_table::{Kind, shown};
use serde::{Deserialize, Serialize};

/// Rows of a level that are needed for a feature of its own: a level seen once teaches nothing but its row.
const FEWEST_OF_A_LEVEL: usize = 2;

/// Whether rounding to 32 bits moves ascending numbers by more than a thousandth of their middle half's width.
fn loses_digits(sorted: &[f64]) -> bool {
    let width = quantile_of_sorted(sorted, 0.75) - quantile_of_sorted(sorted, 0.25);
    sorted.iter().any(|x| (f64::from(*x as f32) - x).abs() * 1e3 > width.max(f64::MIN_POSITIVE))
}

/// What a column's cells are learnt as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Cells {
    Numbers,
    Texts,
    Times,
}

impl Cells {
    pub(super) fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Text => Cells::Texts,
            Kind::Time(..) => Cells::Times,
            _ => Cells::Numbers,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Cells::Numbers => "numbers",
            Cells::Texts => "text",
            Cells::Times => "times",
        }
    }
}

/// What was seen of a column of text.
#[derive(Default)]
pub(super) struct Texts {
    /// How often each was there.
    levels: HashMap<String, usize>,
    /// Whether the user calls it a category.
    is_wished: bool,
    slips: Slips,
    /// The word among numbers that makes text of the column, and where it stands: known once all ranks' cells are.
    slip: Option<(Spot, String)>,
}

/// By what a column's role is learnt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) path: &'a Path,
    pub(super) missing: MissingRule,
    pub(super) scale: TableScale,
    /// Whether numbers come to the network as they are, in 32 bits.
    pub(super) keeps_digits: bool,
}

impl Texts {
    fn see(&mut self, column: &contractive_table::Column, first_row: u64) {
        // One value too many is all that the refusal needs.
        if !self.is_wished && self.levels.len() > MOST_LEVELS {
            return;
        }
        for (rows, text) in column.values.text_runs() {
            self.slips.see(first_row + rows.start as u64, &text, rows.len());
            *self.levels.entry(text).or_default() += rows.len();
        }
    }

    /// What all ranks saw.
    fn of_all(self, ranks: &Ranks<'_>) -> Result<Texts, CommunicationError> {
        let Texts { levels, is_wished, slips, .. } = self;
        let own_word = slips.first_word().map(|(row, _)| row);
        let mut told = gathered(ranks.group, (levels, slips))?.into_iter();
        let (mut levels, mut slips) = told.next().unwrap_or_default();
        for (more, later) in told {
            more.into_iter().for_each(|(level, count)| *levels.entry(level).or_default() += count);
            slips.append(later);
        }
        let slip = match slips.slip().filter(|_| !is_wished) {
            None => None,
            Some((_, text)) => ranks.spots(&[own_word])?.pop().flatten().map(|spot| (spot, shown(text))),
        };
        Ok(Texts { levels, is_wished, slips, slip })
    }

    /// Refuses text of too many values, and doubts that of numbers for the most part: a slip makes text of a column.
    fn doubt(&self, path: &Path, name: &str, notes: &mut Vec<String>) -> Result<(), EncodingError> {
        let has_many = self.levels.len() > MOST_LEVELS;
        if self.is_wished {
            return Ok(());
        }
        let (column, n_numbers) = (name.to_owned(), self.slips.n_numbers);
        match self.slip.clone() {
            Some((spot, text)) if has_many => {
                let (path, place) = (spot.path(), spot.place);
                Err(EncodingError::WordAmongNumbers { path, place, column, text, n_numbers })
            }
            Some((spot, text)) => {
                let place = spot.seen_from(path);
                notes.push(format!(
                    "`{name}` is taken as a category, though {n_numbers} of its cells are numbers: {place} holds {text}"
                ));
                Ok(())
            }
            None if has_many => Err(EncodingError::ManyLevels { path: path.to_path_buf(), column, most: MOST_LEVELS }),
            None => Ok(()),
        }
    }
}

/// What was seen of a column.
pub(super) enum Seen {
    /// Its present numbers.
    Numbers(Vec<f64>),
    /// Its present texts.
    Texts(Texts),
    /// It holds times, which are not looked at.
    Times,
    /// It is not looked at.
    Nothing(Role),
}

impl Seen {
    /// Of a column of these cells, which may be named in a role, before any is seen.
    pub(super) fn nothing_yet(role: Option<&str>, is_chosen: bool, cells: Cells) -> Self {
        match (role, cells) {
            (Some("key"), _) => Seen::Nothing(Role::Key),
            (Some("label"), _) => Seen::Nothing(Role::Label),
            (Some("category"), _) => Seen::Texts(Texts { is_wished: true, ..Texts::default() }),
            _ if !is_chosen => Seen::Nothing(Role::LeftOut),
            (_, Cells::Texts) => Seen::Texts(Texts::default()),
            (_, Cells::Times) => Seen::Times,
            (_, Cells::Numbers) => Seen::Numbers(Vec::new()),
        }
    }

    /// Whether the column's cells are looked at.
    pub(super) fn is_looked_at(&self) -> bool {
        matches!(self, Seen::Numbers(_) | Seen::Texts(_))
    }

    /// The row of the first word of a column of text, by which it may be doubted.
    pub(super) fn first_word(&self) -> Option<u64> {
        match self {
            Seen::Texts(texts) if !texts.is_wished => texts.slips.first_word().map(|(row, _)| row),
            _ => None,
        }
    }

    /// What its cells are learnt as, and whether there are any, in a table that has rows or not; `None` where nothing was to
    /// be found out.
    pub(super) fn cells(&self, has_rows: bool) -> Option<(Cells, bool)> {
        match self {
            Seen::Numbers(all) => Some((Cells::Numbers, !all.is_empty())),
            Seen::Texts(texts) if texts.is_wished => None,
            Seen::Texts(texts) => Some((Cells::Texts, !texts.levels.is_empty())),
            Seen::Times => Some((Cells::Times, has_rows)),
            Seen::Nothing(_) => None,
        }
    }

    /// What all ranks saw, in the order of their rows.
    pub(super) fn of_all(self, ranks: &Ranks<'_>) -> Result<Seen, CommunicationError> {
        Ok(match self {
            Seen::Numbers(own) => Seen::Numbers(ranks.group.gather(own)?),
            Seen::Texts(own) => Seen::Texts(own.of_all(ranks)?),
            seen => seen,
        })
    }

    /// Takes note of cells; the place of one that is not finite is an error.
    pub(super) fn see(&mut self, column: &contractive_table::Column, first_row: u64) -> Result<(), usize> {
        match self {
            Seen::Nothing(_) | Seen::Times => {}
            Seen::Numbers(all) => {
                let numbers = column.values.to_numbers().unwrap_or_default();
                if let Some(i) = numbers.iter().position(|x| x.abs() >= 1e300) {
                    return Err(i);
                }
                all.extend(numbers.iter().filter(|x| !x.is_nan()));
            }
            Seen::Texts(texts) => texts.see(column, first_row),
        }
        Ok(())
    }

    /// The role of the column `name`.
    pub(super) fn learn(self, rules: &Rules<'_>, name: &str, notes: &mut Vec<String>) -> Result<Role, EncodingError> {
        let no_values = || EncodingError::NoValues { path: rules.path.to_path_buf(), column: name.to_owned() };
        match self {
            Seen::Nothing(role) => Ok(role),
            Seen::Times => Ok(Role::LeftOut),
            Seen::Numbers(mut all) => {
                notes.extend(id_note(name, &all));
                all.sort_unstable_by(f64::total_cmp);
                let (Some(&lowest), Some(&highest)) = (all.first(), all.last()) else { return Err(no_values()) };
                if lowest == highest {
                    return Ok(Role::ConstantNumber { value: lowest });
                }
                let n = all.len() as f64;
                let fill = match rules.missing {
                    MissingRule::Mean => all.iter().map(|x| x / n).sum::<f64>(),
                    _ => quantile_of_sorted(&all, 0.5),
                };
                if rules.keeps_digits && loses_digits(&all) {
                    notes.push(format!(
                        "`{name}`: 32 bits do not hold its digits, and `scale` = none keeps it as it is"
                    ));
                }
                let usual = Some(Distribution::of_sorted(&all));
                Ok(Role::Number { fill, scaling: Scaling::learn(rules.scale, &all), usual })
            }
            Seen::Texts(texts) => {
                texts.doubt(rules.path, name, notes)?;
                let levels = texts.levels;
                let n: usize = levels.values().sum();
                let mut levels: Vec<(String, usize)> = levels.into_iter().collect();
                levels.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
                let all = levels.len();
                match levels.as_slice() {
                    [] => return Err(no_values()),
                    [(only, _)] => return Ok(Role::ConstantText { value: only.clone() }),
                    _ => {}
                }
                // The most frequent one stays, whatever its count.
                let kept = levels.iter().take_while(|(_, count)| *count >= FEWEST_OF_A_LEVEL).count();
                levels.truncate(kept.clamp(1, MOST_LEVELS));
                if levels.len() < all {
                    let others = all - levels.len();
                    notes.push(format!(
                        "`{name}`: {others} rare values count as `other`, {} as themselves",
                        levels.len()
                    ));
                }
                let mut shares: Vec<f64> = levels.iter().map(|(_, count)| *count as f64 / n as f64).collect();
                let kept: usize = levels.iter().map(|(_, count)| count).sum();
                shares.push((n - kept) as f64 / n as f64);
                Ok(Role::Category { levels: levels.into_iter().map(|l| l.0).collect(), shares, fill: 0 })
            }
        }
    }
}
