//! How much each term of the combined score counts.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::surroundings::Learnt;

/// Terms that the networks give: scaled error, density, neighbour, ‖J‖.
pub(super) const MEMBER_TERMS: usize = 4;
/// Terms of the training rows: nearest, local, remote.
pub(super) const TABLE_TERMS: usize = 3;
/// Terms of the planes, of windows alone: of spans of a third of a window, of whole windows.
pub(super) const PLANE_TERMS: usize = 2;
/// All terms, in this order.
pub(super) const TERMS: usize = MEMBER_TERMS + TABLE_TERMS + PLANE_TERMS;
/// Their names; where there is a kind of score of a term, as it is called.
pub const TERM_NAMES: [&str; TERMS] = [
    "scaled_error",
    "density",
    "neighbour",
    "jacobian",
    "nearest",
    "local",
    "remote",
    "plane_of_thirds",
    "plane_of_windows",
];
/// Least skewness that counts: no term is passed over.
const LEAST_SKEWNESS: f64 = 0.1;
/// The terms that skewness weighs.
const WEIGHED: [usize; 5] = [0, 1, 2, 3, 6];

/// Weights of the terms, at least 0, adding up to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Weights(pub(super) [f64; TERMS]);

impl Weights {
    /// By the skewness of each term over rows, means over members: nothing for `nearest` and `local`, which anomalies with
    /// a double among the training rows mislead.
    pub(super) fn by_skewness(terms: &[[f64; TERMS]]) -> Self {
        let n = terms.len().max(1) as f64;
        let mut weights = [0.0; TERMS];
        for i in WEIGHED {
            let moment = |centre: f64, p: i32| terms.iter().map(|t| (t[i] - centre).powi(p)).sum::<f64>() / n;
            let mean = moment(0.0, 1);
            let skewness = moment(mean, 3) / moment(mean, 2).powf(1.5);
            weights[i] = if skewness.is_finite() { skewness.max(LEAST_SKEWNESS) } else { LEAST_SKEWNESS };
        }
        Weights::scaled(weights)
    }

    /// For clean rows: `nearest` and `local` alone, so that the logarithms of the two are added as they are.
    pub(super) fn of_clean_rows(learnt: &Learnt) -> Self {
        let mut weights = [0.0; TERMS];
        (weights[4], weights[5]) = (learnt.terms[0].spread, learnt.terms[1].spread);
        Weights::scaled(weights)
    }

    /// For windows of time series: `scaled_error`, `nearest` and the two planes.
    pub(super) fn of_windows() -> Self {
        let mut weights = [0.0; TERMS];
        for i in [0, 4, 7, 8] {
            weights[i] = 0.25;
        }
        Weights(weights)
    }

    fn scaled(weights: [f64; TERMS]) -> Self {
        let sum: f64 = weights.iter().sum();
        Weights(weights.map(|w| w / sum))
    }

    /// Those of the networks' terms.
    pub(super) fn of_members(&self) -> [f64; MEMBER_TERMS] {
        std::array::from_fn(|i| self.0[i])
    }

    /// Those of the table's terms.
    pub(super) fn of_table(&self) -> [f64; TABLE_TERMS] {
        std::array::from_fn(|i| self.0[MEMBER_TERMS + i])
    }

    /// Those of the planes.
    pub(super) fn of_planes(&self) -> [f64; PLANE_TERMS] {
        std::array::from_fn(|i| self.0[MEMBER_TERMS + TABLE_TERMS + i])
    }

    /// Whether any plane has a weight.
    pub(super) fn has_planes(&self) -> bool {
        self.of_planes().iter().any(|w| *w > 0.0)
    }

    /// Whether stored numbers can be weights.
    pub(super) fn is_valid(&self) -> bool {
        self.0.iter().all(|w| (0.0..=1.0).contains(w)) && (self.0.iter().sum::<f64>() - 1.0).abs() < 1e-9
    }
}

impl Serialize for Weights {
    /// Detectors without surroundings have the first four alone, those without planes all but the last.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let n = match (self.has_planes(), self.of_table().iter().any(|w| *w > 0.0)) {
            (true, _) => TERMS,
            (false, true) => MEMBER_TERMS + TABLE_TERMS,
            (false, false) => MEMBER_TERMS,
        };
        self.0[..n].serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Weights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Vec::<f64>::deserialize(deserializer)?;
        let lengths = [MEMBER_TERMS, MEMBER_TERMS + TABLE_TERMS, TERMS];
        if !lengths.contains(&stored.len()) {
            let [few, some, all] = lengths;
            let text = format!("`weights` must be {few}, {some} or {all} numbers, got {}", stored.len());
            return Err(serde::de::Error::custom(text));
        }
        let mut weights = [0.0; TERMS];
        weights[..stored.len()].copy_from_slice(&stored);
        Ok(Weights(weights))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_with_a_tail_weighs_more_than_one_without() {
        let terms: Vec<[f64; TERMS]> = (0..1000)
            .map(|i| {
                let even = f64::from(i) / 500.0 - 1.0;
                [even, if i % 100 == 0 { 8.0 } else { even }, -even.exp(), 1.0, 9.0, 9.0, even, 9.0, 9.0]
            })
            .collect();
        let weights = Weights::by_skewness(&terms);
        assert!(weights.is_valid());
        let [even, tail, downwards, constant, nearest, local, remote, thirds, windows] = weights.0;
        assert!(tail > 0.75 && even == downwards && even == constant && even == remote, "{weights:?}");
        assert_eq!((nearest, local, thirds, windows), (0.0, 0.0, 0.0, 0.0));
        assert!(Weights::by_skewness(&[[0.0; TERMS]]).is_valid());
    }

    #[test]
    fn four_stored_weights_are_those_of_a_detector_without_surroundings() {
        let old: Weights = serde_json::from_str("[0.1,0.2,0.3,0.4]").unwrap();
        assert_eq!(old.0, [0.1, 0.2, 0.3, 0.4, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(serde_json::to_string(&old).unwrap(), "[0.1,0.2,0.3,0.4]");
        let of_rows = "[0.1,0.2,0.3,0.2,0.0,0.0,0.2]";
        assert_eq!(serde_json::to_string(&serde_json::from_str::<Weights>(of_rows).unwrap()).unwrap(), of_rows);
        let of_windows = serde_json::to_string(&Weights::of_windows()).unwrap();
        assert_eq!(serde_json::from_str::<Weights>(&of_windows).unwrap(), Weights::of_windows());
        assert!(serde_json::from_str::<Weights>("[1.0]").is_err());
    }
}
