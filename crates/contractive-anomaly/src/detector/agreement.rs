//! Whether the kinds of score agree on which training rows are the most anomalous.
//!
//! The highest hundredth by one kind is held beside the highest hundredth by another: how many rows they share, and where
//! the one's highest stand by the other. Two kinds are apart where next to none are shared and most of either's highest
//! rows are not even among the highest quarter by the other. Of 114 tables of ADBench and ODDBench 15 have such a pair;
//! few shared rows alone is common (61 of them), for a hundredth is small.

use super::scores::{KINDS, ScoreKind};

/// The kinds that look at a row in ways of their own; the others follow one of these closely.
const LOOKED_AT: [ScoreKind; 6] = [
    ScoreKind::ScaledError,
    ScoreKind::Density,
    ScoreKind::Neighbour,
    ScoreKind::Nearest,
    ScoreKind::Local,
    ScoreKind::Remote,
];
/// Share of the rows that are compared, and the fewest of them that say something.
const SHARE: f64 = 0.01;
const FEWEST: usize = 20;
/// Largest share of them that kinds apart have in common, and the part of all rows in which the one's highest rows do not
/// stand by the other.
const SHARED: f64 = 0.1;
const UPPER: f64 = 0.25;

/// How far a kind of score names the training rows that the detector's own score names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// The detector's own score.
    pub own: ScoreKind,
    /// The other kind.
    pub other: ScoreKind,
    /// Rows among the highest by both.
    pub shared: usize,
    /// How many of the highest rows of each were compared.
    pub of: usize,
    /// Where the highest rows by the own score stand by the other, and the other's by the own: the share of all rows that
    /// score higher, the median over these rows.
    pub stand: [f64; 2],
}

impl Agreement {
    /// Whether the two name different rows.
    pub fn is_apart(&self) -> bool {
        (self.shared as f64) < SHARED * self.of as f64 && self.stand.iter().all(|share| *share >= UPPER)
    }
}

/// How far each kind agrees with `own` on the highest of the rows; nothing of fewer rows than say something.
pub(super) fn agreements(scores: &[[f64; KINDS]], own: ScoreKind) -> Vec<Agreement> {
    let of = FEWEST.max((SHARE * scores.len() as f64).round() as usize);
    if scores.len() < 10 * of {
        return Vec::new();
    }
    let own_order = Order::new(scores, own);
    let others = LOOKED_AT.into_iter().filter(|other| *other != own);
    others
        .map(|other| {
            let order = Order::new(scores, other);
            let both = |kinds: &&[f64; KINDS]| own_order.is_among(kinds, of) && order.is_among(kinds, of);
            // Rows that tie at the edge can make more of them than are compared.
            let shared = scores.iter().filter(both).count().min(of);
            let stand = [own_order.stand_by(&order, scores, of), order.stand_by(&own_order, scores, of)];
            Agreement { own, other, shared, of, stand }
        })
        .collect()
}

/// Scores of one kind, the highest first.
struct Order {
    kind: ScoreKind,
    falling: Vec<f64>,
}

impl Order {
    fn new(scores: &[[f64; KINDS]], kind: ScoreKind) -> Self {
        let mut falling: Vec<f64> = scores.iter().map(|kinds| kinds[kind as usize]).collect();
        falling.sort_unstable_by(|a, b| b.total_cmp(a));
        Order { kind, falling }
    }

    /// Whether a row is one of the highest `of`, those that tie with the last of them included.
    fn is_among(&self, kinds: &[f64; KINDS], of: usize) -> bool {
        kinds[self.kind as usize] >= self.falling[of - 1]
    }

    /// The share of all rows that score higher than a row.
    fn share_above(&self, kinds: &[f64; KINDS]) -> f64 {
        let above = self.falling.partition_point(|score| *score > kinds[self.kind as usize]);
        above as f64 / self.falling.len() as f64
    }

    /// Where the highest `of` rows stand by another order: the median of their shares above.
    fn stand_by(&self, other: &Order, scores: &[[f64; KINDS]], of: usize) -> f64 {
        let highest = scores.iter().filter(|kinds| self.is_among(kinds, of));
        let mut shares: Vec<f64> = highest.map(|kinds| other.share_above(kinds)).collect();
        shares.sort_unstable_by(f64::total_cmp);
        shares.get(shares.len() / 2).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows scored by `combined` and, all other kinds alike, by `others`.
    fn rows(n: usize, others: fn(usize) -> f64) -> Vec<[f64; KINDS]> {
        let row = |i: usize| std::array::from_fn(|kind| if kind == 0 { i as f64 } else { others(i) });
        (0..n).map(row).collect()
    }

    #[test]
    fn kinds_that_name_the_same_rows_are_not_apart() {
        for others in [(|i| i as f64) as fn(usize) -> f64, |i| (i as f64).powi(3), |_| 7.0] {
            let found = agreements(&rows(3000, others), ScoreKind::Combined);
            assert_eq!(found.len(), 6);
            assert!(found.iter().all(|a| (a.shared, a.of) == (30, 30) && !a.is_apart()), "{found:?}");
        }
        // None is shared, but each stands high by the other.
        let near = agreements(&rows(1000, |i| if i < 950 { i as f64 } else { 1949.0 - i as f64 }), ScoreKind::Combined);
        assert!(near.iter().all(|a| a.shared == 0 && !a.is_apart()), "{near:?}");
    }

    #[test]
    fn kinds_that_name_others_are_and_few_rows_say_nothing() {
        let found = agreements(&rows(1000, |i| ((i + 500) % 1000) as f64), ScoreKind::Combined);
        assert!(found.iter().all(|a| (a.shared, a.of) == (0, 20) && a.is_apart()), "{found:?}");
        let own = agreements(&rows(1000, |i| -(i as f64)), ScoreKind::Density);
        assert!(own.iter().all(|a| a.other != ScoreKind::Density && !a.is_apart()), "{own:?}");
        assert!(agreements(&rows(199, |i| -(i as f64)), ScoreKind::Combined).is_empty());
    }
}
