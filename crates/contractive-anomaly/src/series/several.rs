//! Several series in one file: how it looks where nobody has named the column that tells them apart.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::Path;

use contractive_table::limits::is_accounted_for;
use contractive_table::{ReadOptions, TableSource, TextOptions};

use super::time::Moment;

/// More different values are no names of series.
const MOST_SERIES: usize = 10_000;
/// Fewest rows a series has on average.
const FEWEST_ROWS: usize = 4;
/// Bytes of a hash: sets are up to half empty.
const BYTES_A_HASH: u64 = 20;

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
/// timestamp. `moments` are those of its rows, `known` the columns with another meaning. Where what is remembered of the columns comes
/// to more than the table's size accounts for beside its rows, those of the most values are looked at no further.
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
    let (size, mut kept) = (source.size().unwrap_or(u64::MAX), 0);
    for frame in reader {
        let frame = frame.ok()?;
        let moments = moments.get(frame.first_row as usize..)?;
        for (at, column) in frame.columns.iter().enumerate() {
            let candidate = &mut candidates[at];
            if !candidate.is_open {
                continue;
            }
            let before = candidate.bytes();
            for (i, moment) in moments.iter().enumerate().take(frame.n_rows()) {
                candidate.see(column.values.text(i), *moment);
            }
            kept = kept - before + candidate.bytes();
            if !has_room(kept, size) {
                kept = close_some(&mut candidates, size);
            }
        }
    }
    let is_right = |c: &&Candidate| c.is_open && c.values.len() >= 2 && c.values.len() * FEWEST_ROWS <= moments.len();
    candidates.iter().filter(is_right).min_by_key(|c| c.values.len()).map(|c| c.name.clone())
}

/// Whether a table of `size` bytes has room for so many of hashes: half of it is that of its rows.
fn has_room(bytes: u64, size: u64) -> bool {
    is_accounted_for(bytes.saturating_mul(2), size)
}

/// Closes those of the most values, until there is room for the others and some more; gives the bytes of these. The last one stays:
/// it takes less than the rows do.
fn close_some(candidates: &mut [Candidate], size: u64) -> u64 {
    let mut open: Vec<&mut Candidate> = candidates.iter_mut().filter(|candidate| candidate.is_open).collect();
    open.sort_by_key(|candidate| candidate.values.len());
    let mut kept = open.iter().map(|candidate| candidate.bytes()).sum::<u64>();
    while open.len() > 1
        && !has_room(kept + kept / 3, size)
        && let Some(candidate) = open.pop()
    {
        kept -= candidate.bytes();
        candidate.close();
    }
    kept
}

type Hashes = HashSet<u64, BuildHasherDefault<DefaultHasher>>;

struct Candidate {
    name: String,
    is_open: bool,
    /// Hashes of its values, and of these with their moments.
    values: Hashes,
    seen: Hashes,
}

impl Candidate {
    fn new(name: &str, is_open: bool) -> Self {
        Candidate { name: name.to_owned(), is_open, values: Hashes::default(), seen: Hashes::default() }
    }

    fn close(&mut self) {
        *self = Candidate::new(&self.name, false);
    }

    /// What it remembers, about.
    fn bytes(&self) -> u64 {
        (self.values.len() + self.seen.len()) as u64 * BYTES_A_HASH
    }

    fn see(&mut self, value: Option<String>, moment: Moment) {
        if !self.is_open {
            return;
        }
        let is_new = value.is_some_and(|value| {
            let value = self.values.hasher().hash_one(value);
            self.values.insert(value);
            self.seen.insert(self.seen.hasher().hash_one((value, moment.nanoseconds)))
        });
        if !is_new || self.values.len() > MOST_SERIES {
            self.close();
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
    fn of_columns_without_room_those_of_the_fewest_values_stay() {
        let mut candidates: Vec<Candidate> = (0..4).map(|i| Candidate::new(&i.to_string(), true)).collect();
        for (of, candidate) in [3, 1, 2, 4].into_iter().zip(&mut candidates) {
            let values = (0..600_000).map(|i| Some((i % of).to_string()));
            moments(&(0..600_000).collect::<Vec<i128>>())
                .into_iter()
                .zip(values)
                .for_each(|(moment, value)| candidate.see(value, moment));
        }
        let open = |candidates: &[Candidate]| candidates.iter().map(|c| c.is_open).collect::<Vec<_>>();
        let kept = close_some(&mut candidates, 12 << 20);
        assert_eq!((open(&candidates), kept), (vec![false, true, true, false], 20 * (1_200_000 + 3)));
        assert_eq!(close_some(&mut candidates, 0), 20 * 600_001);
        assert_eq!(open(&candidates), [false, true, false, false]);
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
