//! Several series in one file: how it looks where nobody has named the column that tells them apart.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use contractive_table::{ReadOptions, TableSource, TextOptions};

use super::time::Moment;

/// More different values are no names of series.
const MOST_SERIES: usize = 10_000;
/// Fewest rows a series has on average.
const FEWEST_ROWS: usize = 4;

/// Whether many rows share their timestamp with an earlier one: one in five, more than a clock set back repeats.
pub(super) fn repeats(moments: impl ExactSizeIterator<Item = Moment>) -> bool {
    let n = moments.len();
    let distinct: HashSet<i128> = moments.map(|moment| moment.nanoseconds).collect();
    (n - distinct.len()) * 5 >= n
}

/// Whether time begins anew, at its first moment or before it, a few times; not as often as in rows without any order.
pub(super) fn restarts(moments: &[Moment]) -> bool {
    let Some(first) = moments.first() else { return false };
    let steps = moments.windows(2).filter(|pair| pair[1].nanoseconds < pair[0].nanoseconds);
    let (mut n_back, mut has_restarted) = (0, false);
    for pair in steps {
        n_back += 1;
        has_restarted |= pair[1].nanoseconds <= first.nanoseconds;
    }
    has_restarted && n_back * 10 <= moments.len()
}

/// The column of the table `source`, read by `text`, that tells its series apart: of few values, none of which repeats within a
/// timestamp. `moments` are those of its rows, `known` the columns with another meaning.
pub(super) fn telling_column(
    source: TableSource<'_>,
    text: TextOptions,
    moments: &[Moment],
    known: &[&String],
) -> Option<String> {
    if source.path() == Path::new("-") {
        return None;
    }
    let reader = source.open(&ReadOptions { text, ..ReadOptions::default() }).ok()?;
    let mut candidates: Vec<Candidate> =
        reader.fields().iter().map(|field| Candidate::new(&field.name, !known.contains(&&field.name))).collect();
    for frame in reader {
        let frame = frame.ok()?;
        for (candidate, column) in candidates.iter_mut().zip(&frame.columns).filter(|(c, _)| c.is_open) {
            let moments = moments.get(frame.first_row as usize..)?;
            for (i, moment) in moments.iter().enumerate().take(frame.n_rows()) {
                candidate.see(column.values.text(i), *moment);
            }
        }
    }
    let is_right = |c: &&Candidate| c.is_open && c.values.len() >= 2 && c.values.len() * FEWEST_ROWS <= moments.len();
    candidates.iter().filter(is_right).min_by_key(|c| c.values.len()).map(|c| c.name.clone())
}

struct Candidate {
    name: String,
    is_open: bool,
    values: HashMap<String, u32>,
    seen: HashSet<(u32, i128)>,
}

impl Candidate {
    fn new(name: &str, is_open: bool) -> Self {
        Candidate { name: name.to_owned(), is_open, values: HashMap::new(), seen: HashSet::new() }
    }

    fn see(&mut self, value: Option<String>, moment: Moment) {
        if !self.is_open {
            return;
        }
        let next = self.values.len() as u32;
        let id = value.map(|value| *self.values.entry(value).or_insert(next));
        let is_new = id.is_some_and(|id| self.seen.insert((id, moment.nanoseconds)));
        if !is_new || self.values.len() > MOST_SERIES {
            *self = Candidate::new(&self.name, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::time::Clock;
    use super::*;

    fn moments(seconds: &[i128]) -> Vec<Moment> {
        seconds.iter().map(|s| Moment { nanoseconds: s * 1_000_000_000, clock: Clock::Wall }).collect()
    }

    #[test]
    fn stacked_series_restart_and_shuffled_rows_do_not() {
        let stacked: Vec<i128> = (0..60).map(|i| i % 20).collect();
        assert!(restarts(&moments(&stacked)) && repeats(moments(&stacked).into_iter()));
        let shuffled: Vec<i128> = (0..60).map(|i| i * 37 % 60).collect();
        assert!(!restarts(&moments(&shuffled)) && !repeats(moments(&shuffled).into_iter()));
        // An hour of a day that the clock shows twice.
        let set_back: Vec<i128> = (0..25).map(|i| 3600 * (i - i128::from(i > 2))).collect();
        assert!(!restarts(&moments(&set_back)) && !repeats(moments(&set_back).into_iter()));
    }

    #[test]
    fn the_column_that_differs_within_every_timestamp_tells_series_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let mut text = String::from("time,state,unit,value,serial\n");
        (0..40).for_each(|i| text += &format!("{},on,{},{}.5,{}\n", i / 2, i % 2, i % 3, 1000 + i));
        std::fs::write(&path, text).unwrap();
        let of_rows = moments(&(0..40).map(|i| i / 2).collect::<Vec<i128>>());
        assert_eq!(
            telling_column((&path).into(), TextOptions::default(), &of_rows, &[&"time".to_owned()]).as_deref(),
            Some("unit")
        );
        assert_eq!(
            telling_column(
                (&path).into(),
                TextOptions::default(),
                &of_rows,
                &[&"unit".to_owned(), &"value".to_owned()]
            ),
            None
        );
        assert_eq!(telling_column(Path::new("-").into(), TextOptions::default(), &of_rows, &[]), None);
    }
}
