//! What a member learns about its own outputs once it is trained, so that they compare across features, terms and
//! members: each feature's error, the density of codes, and where each term of the score usually lies.

use serde::{Deserialize, Serialize};

use super::covariance::CodeDensity;
use super::location::Location;
use super::neighbours::Neighbours;

/// A member's calibration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Calibration {
    /// Root mean square error of each feature over the reference rows, d numbers above 0.
    pub(super) feature_error: Vec<f64>,
    /// Where codes lie.
    pub(super) code: CodeDensity,
    /// Codes that neighbours are looked for among.
    pub(super) neighbours: Neighbours,
    /// Of ln(scaled error), over all rows given for training.
    pub(super) error: Location,
    /// Of ln(Mahalanobis² of the code).
    pub(super) density: Location,
    /// Of ln(distance to the neighbour).
    pub(super) neighbour: Location,
    /// Of −ln ‖J‖.
    pub(super) jacobian: Location,
}

/// Least error of a feature, in scaled units: a feature restored without error would divide by 0.
pub(super) const LEAST_ERROR: f64 = 1e-3;

impl Calibration {
    /// Whether the stored numbers can be those of `d` features and `k` code units.
    pub(super) fn is_valid(&self, d: usize, k: usize) -> bool {
        self.feature_error.len() == d
            && self.feature_error.iter().all(|v| v.is_finite() && *v > 0.0)
            && self.code.is_valid(k)
            && self.neighbours.is_valid(k)
            && [self.error, self.density, self.neighbour, self.jacobian].iter().all(Location::is_valid)
    }
}
