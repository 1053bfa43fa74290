//! Where rows lie among the rows trained on: `contractive_anomaly`'s `surroundings`.
//!
//! Squared distances to all training rows come of one matrix product. Its rounding would order rows that are equally far at
//! random, so the squares are rounded to a 10⁻¹²th of |x|² and the mean |y|²; those that scores are made of are then
//! computed again from the differences.

use contractive_anomaly::detector::ScoreKind;
use contractive_anomaly::detector::numbers::{
    DetectorNumbers, LEAST_RATIO, LEAST_SPACING, NEAR_DISTANCE, SurroundingsNumbers,
};

use super::parts::Parts;
use super::term;
use super::views::{in_order, views};
use crate::graph::{Element, Graph, Value};

/// Squares are rounded to this share of the sizes of the two rows.
const GRAIN: f64 = 1e-12;
/// Nearest rows that are looked at for one that equals the row.
const LOOKED_AT: usize = 4;
/// More rows than are needed whose distances are computed again.
const SPARE: usize = 4;

/// The training rows in a graph.
struct Bank<'g> {
    rows: Value<'g>,
    m: usize,
    per_feature: usize,
}

/// What lies around rows.
pub(super) struct Place<'g> {
    nearest: Value<'g>,
    local: Value<'g>,
    remote: Value<'g>,
    /// What a region takes off, (N, 1).
    pub(super) crowd: Option<Value<'g>>,
    /// Each feature's part in the squared distance to the nearest row and to the far one, (N, D).
    shares: [Value<'g>; 2],
}

impl<'g> Place<'g> {
    /// Finds where rows `x` lie, of 64-bit numbers, (N, D).
    pub(super) fn of(graph: &'g Graph, of: &SurroundingsNumbers<'_>, x: Value<'g>) -> Self {
        let (m, d) = (of.spacing.len(), of.features.len());
        let width = of.views.len() / m;
        let kept = in_order(of.views, d, width / d);
        let seen = views(graph, &of.features, x);
        let bank = Bank { rows: graph.floats(&[m, width], &kept).cast(Element::Double), m, per_feature: width / d };
        let [few, some, remote, region] = of.neighbours;
        let squares = bank.others(graph, seen, bank.squares(seen, &kept), of.overlap);
        let (_, near) = squares.extremes(region.max(remote).max(some), false);
        let looked_at = (some + SPARE).min(region.max(remote).max(some));
        let candidates = near.slice(1, 0, looked_at);
        let (exact, order) = bank.exact(seen, candidates).extremes(some, false);
        let rows = candidates.at(order);
        let far = near.slice(1, remote - 1, remote);
        let parts = [rows.slice(1, 0, 1), far].map(|row| bank.parts(seen, row));
        let far = parts[1].sum(1).sqrt();
        let mean = |n: usize| (exact.slice(1, 0, n).sum(1) / n as f64).sqrt();
        let spacing = graph.doubles(&[m], of.spacing).pick_by(rows, 0).sum(1) / some as f64;
        let [first_mean, few_mean, far_mean] = of.means;
        let first = exact.slice(1, 0, 1).sqrt();
        let nearest = (first / first_mean + NEAR_DISTANCE) * (mean(few) / few_mean + NEAR_DISTANCE);
        Place {
            nearest: nearest.sqrt(),
            local: mean(some) / (spacing + LEAST_SPACING),
            remote: far / far_mean,
            crowd: of.crowd.map(|order| crowd(graph.doubles(&[m], of.scores), near.slice(1, 0, region), region, order)),
            shares: parts,
        }
    }

    /// Adds what the training rows say to a score of the detector's kind, and its parts; a region's is taken off.
    pub(super) fn add(
        &self,
        of: &DetectorNumbers<'_>,
        surroundings: &SurroundingsNumbers<'_>,
        score: &mut Vec<Value<'g>>,
        parts: &mut Parts<'g>,
    ) {
        let [near, far] = self.shares;
        let mut add = |value: Value<'g>, shares: Value<'g>| {
            parts.add(value, shares);
            score.push(value);
        };
        match of.score {
            ScoreKind::Combined => {
                let logarithms =
                    [self.nearest.log(), self.local.at_least(LEAST_RATIO).log(), (self.remote + NEAR_DISTANCE).log()];
                let shares = [near, near, far];
                for (i, weight) in of.weights.1.into_iter().enumerate().filter(|(_, weight)| *weight > 0.0) {
                    add(weight * term(logarithms[i], surroundings.terms[i], of.are_ratios), shares[i]);
                }
                if let Some(crowd) = self.crowd {
                    parts.take_off(crowd);
                    score.push(-crowd);
                }
            }
            ScoreKind::Nearest => add(self.nearest, near),
            ScoreKind::Local => add(self.local, near),
            ScoreKind::Remote => add(self.remote, far),
            _ => {}
        }
    }
}

impl<'g> Bank<'g> {
    /// |x − y|² of all training rows, (N, M), rounded.
    fn squares(&self, x: Value<'g>, kept: &[f32]) -> Value<'g> {
        let of_rows: Vec<f64> =
            kept.chunks_exact(kept.len() / self.m).map(|y| y.iter().map(|v| f64::from(*v).powi(2)).sum()).collect();
        let mean = of_rows.iter().sum::<f64>() / self.m as f64;
        let own = x.square().sum(1);
        let about = own + x.graph().doubles(&[1, self.m], &of_rows) - 2.0 * x.times(self.rows.transposed());
        let grain = GRAIN * (own + mean) + f64::MIN_POSITIVE;
        (about / grain).round() * grain
    }

    /// The same, ∞ for a row that equals x and for those that overlap it.
    fn others(&self, graph: &'g Graph, x: Value<'g>, squares: Value<'g>, overlap: usize) -> Value<'g> {
        let (_, places) = squares.extremes(LOOKED_AT.min(self.m), false);
        let is_equal = self.exact(x, places).equal(x.number(0.0));
        // Of none a place so far away that nothing overlaps it.
        let nowhere = graph.scalar(Element::Integer, -2.0 * self.m as f64);
        let (own, _) = is_equal.choose(places, graph.scalar(Element::Integer, 2.0 * self.m as f64)).extremes(1, false);
        let own = own.less(graph.scalar(Element::Integer, self.m as f64)).choose(own, nowhere);
        let all: Vec<i64> = (0..self.m as i64).collect();
        let distance = (graph.integers(&[1, self.m], &all) - own).abs();
        let is_passed = distance.less_or_equal(graph.scalar(Element::Integer, overlap as f64));
        is_passed.choose(squares.number(f64::INFINITY), squares)
    }

    /// |x − y|² of the rows at `places`, (N, n), from the differences.
    fn exact(&self, x: Value<'g>, places: Value<'g>) -> Value<'g> {
        (x.widened(1) - self.rows.pick_by(places, 0)).square().sum_away(2)
    }

    /// Each feature's part in |x − y|² of the rows at `place`, (N, 1): (N, D).
    fn parts(&self, x: Value<'g>, place: Value<'g>) -> Value<'g> {
        let squares = (x - self.rows.pick_by(place.narrowed(1), 0)).square();
        if self.per_feature == 1 {
            return squares;
        }
        squares.reshaped(&[0, self.per_feature as i64, -1]).sum_away(1)
    }
}

/// A quantile of the scores of a region, the lower of two, at least 0, (N, 1).
fn crowd<'g>(scores: Value<'g>, region: Value<'g>, n: usize, order: f64) -> Value<'g> {
    let at = (order * (n - 1) as f64).floor() as usize;
    // From whichever end is nearer.
    let (k, are_greatest) = if at < n / 2 { (at + 1, false) } else { (n - at, true) };
    let (some, _) = scores.pick_by(region, 0).extremes(k, are_greatest);
    some.slice(1, k - 1, k).at_least(0.0)
}
