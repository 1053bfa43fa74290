//! Where rows lie among the rows trained on: `contractive_anomaly`'s `surroundings`.

use contractive_anomaly::detector::ScoreKind;
use contractive_anomaly::detector::numbers::{
    DetectorNumbers, LEAST_RATIO, LEAST_SPACING, NEAR_DISTANCE, SurroundingsNumbers,
};

use super::bank::{Bank, Nearest};
use super::parts::Parts;
use super::term;
use crate::graph::{Graph, Value};

/// What of the surroundings a score is made of.
#[derive(Clone, Copy)]
struct Uses {
    nearest: bool,
    local: bool,
    remote: bool,
    crowd: Option<f64>,
}

impl Uses {
    fn of(of: &DetectorNumbers<'_>, surroundings: &SurroundingsNumbers<'_>) -> Self {
        let [nearest, local, remote] = of.weights.1.map(|weight| weight > 0.0);
        match of.score {
            ScoreKind::Combined => Uses { nearest, local, remote, crowd: surroundings.crowd },
            kind => Uses {
                nearest: kind == ScoreKind::Nearest,
                local: kind == ScoreKind::Local,
                remote: kind == ScoreKind::Remote,
                crowd: None,
            },
        }
    }

    /// Whether there is anything.
    fn is_any(self) -> bool {
        self.nearest || self.local || self.remote || self.crowd.is_some()
    }

    /// How many neighbours are needed.
    fn neighbours(self, [few, some, remote, region]: [usize; 4]) -> usize {
        let needed = [(self.nearest, few), (self.local, some), (self.remote, remote), (self.crowd.is_some(), region)];
        needed.into_iter().filter(|(is_used, _)| *is_used).map(|(_, n)| n).fold(1, usize::max)
    }
}

/// What lies around rows.
struct Place<'g> {
    numbers: &'g Graph,
    bank: Bank<'g>,
    seen: Value<'g>,
    near: Nearest<'g>,
}

/// Adds what the training rows say of rows `x`, of 64-bit numbers, to a score of the detector's kind, and its parts; what a
/// region takes off is taken off.
pub(super) fn add<'g>(
    graph: &'g Graph,
    of: &DetectorNumbers<'_>,
    surroundings: &SurroundingsNumbers<'_>,
    x: Value<'g>,
    score: &mut Vec<Value<'g>>,
    parts: &mut Parts<'g>,
) {
    let uses = Uses::of(of, surroundings);
    if !uses.is_any() {
        return;
    }
    let bank = Bank::new(graph, surroundings);
    let seen = bank.seen(surroundings, x);
    let near = bank.nearest(surroundings, seen, uses.neighbours(surroundings.neighbours));
    let place = Place { numbers: graph, bank, seen, near };
    // A term of the combination where that is the score, else the number itself.
    let weighted = |i: usize, value: Value<'g>, logarithm: &dyn Fn() -> Value<'g>| match of.score {
        ScoreKind::Combined => of.weights.1[i] * term(logarithm(), surroundings.terms[i], of.are_ratios),
        _ => value,
    };
    let mut give = |value: Value<'g>, shares: Value<'g>| {
        parts.add(value, shares);
        score.push(value);
    };
    if uses.nearest {
        let nearest = place.nearest(surroundings);
        give(weighted(0, nearest, &|| nearest.log()), place.shares(0));
    }
    if uses.local {
        let local = place.local(surroundings);
        give(weighted(1, local, &|| local.at_least(LEAST_RATIO).log()), place.shares(0));
    }
    if uses.remote {
        let remote = place.remote(surroundings);
        let far = surroundings.neighbours[2] - 1;
        give(weighted(2, remote, &|| (remote + NEAR_DISTANCE).log()), place.shares(far));
    }
    if let Some(order) = uses.crowd {
        let crowd = place.crowd(surroundings, order);
        parts.take_off(crowd);
        score.push(-crowd);
    }
}

impl<'g> Place<'g> {
    /// The distance to the neighbour at a place, (N, 1).
    fn distance(&self, at: usize) -> Value<'g> {
        self.near.squares.slice(1, at, at + 1).sqrt()
    }

    /// q of so many neighbours, (N, 1).
    fn root_mean(&self, n: usize) -> Value<'g> {
        (self.near.squares.slice(1, 0, n).sum(1) / n as f64).sqrt()
    }

    fn nearest(&self, of: &SurroundingsNumbers<'_>) -> Value<'g> {
        let ([few, ..], [first_mean, few_mean, _]) = (of.neighbours, of.means);
        let first = self.distance(0) / first_mean + NEAR_DISTANCE;
        (first * (self.root_mean(few) / few_mean + NEAR_DISTANCE)).sqrt()
    }

    fn local(&self, of: &SurroundingsNumbers<'_>) -> Value<'g> {
        let some = of.neighbours[1];
        let spacing = self.numbers.doubles(&[of.spacing.len()], of.spacing);
        let around = spacing.pick_by(self.near.rows.slice(1, 0, some), 0).sum(1) / some as f64;
        self.root_mean(some) / (around + LEAST_SPACING)
    }

    fn remote(&self, of: &SurroundingsNumbers<'_>) -> Value<'g> {
        self.distance(of.neighbours[2] - 1) / of.means[2]
    }

    /// A quantile of the scores of the region, the lower of two, at least 0, (N, 1).
    fn crowd(&self, of: &SurroundingsNumbers<'_>, order: f64) -> Value<'g> {
        let n = of.neighbours[3];
        let at = (order * (n - 1) as f64).floor() as usize;
        // From whichever end is nearer.
        let (k, are_greatest) = if at < n / 2 { (at + 1, false) } else { (n - at, true) };
        let scores = self.numbers.doubles(&[of.scores.len()], of.scores);
        let (some, _) = scores.pick_by(self.near.rows.slice(1, 0, n), 0).extremes(k, are_greatest);
        some.slice(1, k - 1, k).at_least(0.0)
    }

    /// Each feature's part in the squared distance to the neighbour at a place, (N, D).
    fn shares(&self, at: usize) -> Value<'g> {
        self.bank.parts(self.seen, self.near.rows.slice(1, at, at + 1))
    }
}
