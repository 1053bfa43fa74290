//! Means and standard deviations over the seeds of each combination of settings.

use std::collections::BTreeMap;

use contractive_core::statistics::Moments;
use serde::Serialize;

use super::plan::{Plan, Purpose};
use super::result::{RunResult, State};
use crate::numbers::significant;
use crate::table::{Side, aligned};

/// What marks the least number of a column.
const MARK: &str = " *";

/// A number of every run; `None` where a run has none.
pub(crate) struct Column {
    /// Its heading.
    pub(crate) name: String,
    /// Its name in files.
    pub(crate) key: String,
    /// One entry a run of the plan.
    pub(crate) values: Vec<Option<f64>>,
    /// Whether the least is the best.
    pub(crate) has_best: bool,
}

/// A number over the seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// Its mean.
    pub(crate) mean: f64,
    /// Its standard deviation, the divisor one less than the number of seeds; none of one seed.
    pub(crate) deviation: Option<f64>,
}

/// A row of the table: all seeds of one combination.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// Words by the settings, the seed left out.
    pub(crate) settings: BTreeMap<String, String>,
    /// Runs that ended well.
    pub(crate) runs: usize,
    /// Runs that diverged.
    pub(crate) diverged: usize,
    /// The numbers by their column.
    pub(crate) values: BTreeMap<String, Spread>,
    /// Columns in which this row has the least mean of all.
    pub(crate) best_in: Vec<String>,
    #[serde(skip)]
    words: Vec<String>,
}

/// The table, a row a combination of settings.
pub(crate) struct Table<'a> {
    plan: &'a Plan,
    columns: &'a [Column],
    /// The rows, in the order of the plan.
    pub(crate) rows: Vec<Row>,
}

impl Spread {
    /// Of some numbers; `None` of none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut moments = Moments::new(1);
        values.iter().for_each(|value| moments.see(&[*value]));
        let n = values.len() as f64;
        let squares = moments.squares()[0];
        let mean = moments.finish().mean[0];
        (n > 0.0).then(|| Spread { mean, deviation: (n > 1.0).then(|| (squares / (n - 1.0)).sqrt()) })
    }

    /// `78.35 ± 0.41`: the mean to the place of the deviation's second digit.
    fn text(self) -> String {
        match self.deviation {
            None => significant(self.mean, 4),
            Some(deviation)
                if deviation > 0.0 && deviation.is_finite() && self.mean.is_finite() && self.mean != 0.0 =>
            {
                let place = |value: f64| value.abs().log10().floor();
                let digits = (place(self.mean) - place(deviation) + 2.0).clamp(2.0, 6.0);
                format!("{} ± {}", significant(self.mean, digits as usize), significant(deviation, 2))
            }
            Some(deviation) => format!("{} ± {}", significant(self.mean, 4), significant(deviation, 2)),
        }
    }
}

impl<'a> Table<'a> {
    /// Of the results of `plan`, a column each of `columns`.
    pub(crate) fn new(plan: &'a Plan, results: &[RunResult], columns: &'a [Column]) -> Self {
        let row = |(words, members): (&[String], Vec<usize>)| {
            let count = |state: State| members.iter().filter(|i| results[**i].state == state).count();
            let spread = |column: &Column| {
                let values: Vec<f64> = members.iter().filter_map(|i| column.values[*i]).collect();
                Some((column.key.clone(), Spread::of(&values)?))
            };
            Row {
                settings: plan.settings.iter().cloned().zip(words.iter().cloned()).collect(),
                runs: count(State::Finished),
                diverged: count(State::Diverged),
                values: columns.iter().filter_map(spread).collect(),
                best_in: Vec::new(),
                words: words.to_vec(),
            }
        };
        let mut table = Table { plan, columns, rows: plan.groups().into_iter().map(row).collect() };
        columns.iter().filter(|column| column.has_best).for_each(|column| table.mark_best(&column.key));
        table
    }

    fn mark_best(&mut self, key: &str) {
        let mean = |row: &Row| row.values.get(key).map(|spread| spread.mean).filter(|mean| mean.is_finite());
        let means: Vec<f64> = self.rows.iter().filter_map(mean).collect();
        let least = means.iter().copied().fold(f64::INFINITY, f64::min);
        // One among several, and no other as good.
        if means.len() > 1 && means.iter().filter(|mean| **mean == least).count() == 1 {
            let best = self.rows.iter_mut().filter(|row| mean(row) == Some(least));
            best.for_each(|row| row.best_in.push(key.to_owned()));
        }
    }

    /// The first row that is best in a column.
    pub(crate) fn best(&self) -> Option<usize> {
        self.columns.iter().find_map(|column| self.rows.iter().position(|row| row.best_in.contains(&column.key)))
    }

    /// In aligned columns, the best of a column marked.
    pub(crate) fn text(&self) -> String {
        let shown: Vec<&Column> = self.columns.iter().filter(|c| c.values.iter().any(Option::is_some)).collect();
        let own = self.plan.own_settings();
        let has_groups = self.rows.iter().any(|row| row.runs + row.diverged > 1);
        let mut heading: Vec<String> = own.to_vec();
        heading.extend(has_groups.then(|| "runs".to_owned()));
        heading.extend(shown.iter().map(|column| format!("{}{}", column.name, " ".repeat(width_of_mark(column)))));
        let mut lines = vec![heading];
        for row in &self.rows {
            let mut line = row.words.clone();
            line.extend(has_groups.then(|| row.runs.to_string()));
            line.extend(shown.iter().map(|column| row.cell(column)));
            lines.push(line);
        }
        // Words of a comparison are names; those of a sweep are mostly numbers.
        let side = if self.plan.purpose == Purpose::Comparison { Side::Left } else { Side::Right };
        let sides: Vec<Side> =
            lines[0].iter().enumerate().map(|(i, _)| if i < own.len() { side } else { Side::Right }).collect();
        aligned(&sides, &lines)
    }
}

fn width_of_mark(column: &Column) -> usize {
    if column.has_best { MARK.len() } else { 0 }
}

impl Row {
    fn cell(&self, column: &Column) -> String {
        let Some(spread) = self.values.get(&column.key) else {
            let word = if self.diverged > 0 { "diverged" } else { "–" };
            return format!("{word}{}", " ".repeat(width_of_mark(column)));
        };
        let mark = if self.best_in.contains(&column.key) { MARK } else { &"  "[..width_of_mark(column)] };
        format!("{}{mark}", spread.text())
    }

    /// The words of the settings, the seed left out.
    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_of_a_sample_and_written_to_the_place_of_their_deviation() {
        let of = |values: &[f64]| Spread::of(values).map(Spread::text);
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[0.123_456]).unwrap(), "0.1235");
        assert_eq!(of(&[78.0, 79.0]).unwrap(), "78.50 ± 0.71");
        assert_eq!(of(&[2.0, 2.0]).unwrap(), "2.000 ± 0");
        assert_eq!(Spread::of(&[1.0, 2.0, 6.0]), Some(Spread { mean: 3.0, deviation: Some(7.0_f64.sqrt()) }));
    }
}
