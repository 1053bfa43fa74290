//! What a detector says of rows, and how one member says it of one row.
//!
//! With the row x (scaled), the code h = f(x), the reconstruction x̂ = g(h) and J = ∂h/∂x:
//!
//! | name | value | says |
//! |---|---|---|
//! | `error` | mean over features of (x̂ − x)² | the row is off the manifold |
//! | `scaled_error` | the same with each feature divided by its own root mean square error on held-out rows | the same, where features differ in how well they can be restored |
//! | `density` | squared Mahalanobis distance of h from the centre of the training codes, robust | the row is on the manifold, but far out |
//! | `neighbour` | distance of h to its 20th neighbour among 256 training codes | the row is between or beyond the groups of training rows |
//! | `reconstruction_norm` | ‖x̂ − x‖₂, the length of the reconstruction vector, which points along the gradient of the log density (Alain & Bengio 2014) | as `error`, in the units of the features |
//! | `jacobian` | −ln ‖J‖_F | the encoder no longer moves with the row: the contraction has won, as it does away from the training rows |
//! | `nearest` | distance to the nearest training rows, relative to that of training rows (`surroundings`) | no training row is like it |
//! | `local` | mean distance to the 20 nearest training rows, over theirs | it lies outside a dense part, however near |
//! | `remote` | distance to the twentieth part of the training rows | it lies away from most |
//! | `combined` | weighted mean of the terms (ln v − median)/spread, v = `scaled_error`, `density`, `neighbour`, 1/‖J‖, `nearest`, `local`, `remote`; median and spread those of the training rows; less what its region scores | any of these; 0 is an ordinary row, 1 one robust standard deviation above |
//!
//! Scores of an ensemble are means over its members. The last three kinds look at the table, without a network.
//!
//! What is known of the rows trained on ([`Purity`](super::settings::Purity)) decides the weights. Where some may be
//! anomalies, they are the skewnesses of the terms over those rows (at least 0.1, then scaled to add up to 1), without
//! `nearest` and `local`: a term in which a few rows stand far above the rest has found something, one that spreads evenly to
//! both sides has not. No label is needed for that. Where the rows are clean, `nearest` and `local` alone count: nothing
//! that a network says added to them there (docs/anomaly.md).
use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, LEAST_ERROR};
use super::error::DetectorError;
use super::location::Unit;
use super::surroundings::{Learnt, Place};
use super::weights::{MEMBER_TERMS, Weights};
use contractive_core::row_network::{RowNetwork, RowOutput};

/// What is used as the score; see the [module's table](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreKind {
    /// The default combination.
    #[default]
    Combined,
    /// Mean squared error.
    Error,
    /// Mean squared error, each feature scaled by its own.
    ScaledError,
    /// Squared Mahalanobis distance of the code.
    Density,
    /// Distance of the code to its neighbour among training codes.
    Neighbour,
    /// ‖x̂ − x‖₂.
    ReconstructionNorm,
    /// −ln ‖J‖_F.
    Jacobian,
    /// Distance to the nearest training rows.
    Nearest,
    /// Distance to near training rows, over theirs.
    Local,
    /// Distance to the twentieth part of the training rows.
    Remote,
}

/// How many kinds of score there are.
pub const KINDS: usize = 10;
/// Kinds of detectors that were saved without their training rows: the first so many.
pub(super) const MEMBER_KINDS: usize = 7;

impl ScoreKind {
    /// Every kind, in the order of the table.
    pub const ALL: [ScoreKind; KINDS] = [
        ScoreKind::Combined,
        ScoreKind::Error,
        ScoreKind::ScaledError,
        ScoreKind::Density,
        ScoreKind::Neighbour,
        ScoreKind::ReconstructionNorm,
        ScoreKind::Jacobian,
        ScoreKind::Nearest,
        ScoreKind::Local,
        ScoreKind::Remote,
    ];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ScoreKind::Combined => "combined",
            ScoreKind::Error => "error",
            ScoreKind::ScaledError => "scaled_error",
            ScoreKind::Density => "density",
            ScoreKind::Neighbour => "neighbour",
            ScoreKind::ReconstructionNorm => "reconstruction_norm",
            ScoreKind::Jacobian => "jacobian",
            ScoreKind::Nearest => "nearest",
            ScoreKind::Local => "local",
            ScoreKind::Remote => "remote",
        }
    }
}

/// What a detector says of N rows; entry r of every vector is of row r.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Number of features d.
    pub n_features: usize,
    /// The score, higher is more anomalous; NaN for a row without any present cell.
    pub score: Vec<f64>,
    /// The share of the reference rows (those held out in training) that score lower, strictly between 0 and 1.
    pub probability: Vec<f64>,
    /// Whether the score is above the threshold.
    pub label: Vec<bool>,
    /// Every kind of score, N numbers each, in the order of [`ScoreKind::ALL`]; NaN where the detector has no such kind.
    pub kinds: [Vec<f64>; KINDS],
    /// Where asked for: each feature's part in the score, row-major (N, d). A row's parts add up to its score, to
    /// rounding; a part below 0 makes the row less anomalous.
    pub contributions: Option<Vec<f64>>,
    /// What of the contributions the planes of windows give, row-major (N, 2d): each feature's own part, then its part
    /// where the rows of a span share it equally. `None` where there are no planes.
    pub planes: Option<Vec<f64>>,
}

impl Scores {
    /// Number of rows N.
    pub fn len(&self) -> usize {
        self.score.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.score.is_empty()
    }

    /// The scores of this kind.
    pub fn of(&self, kind: ScoreKind) -> &[f64] {
        &self.kinds[kind as usize]
    }

    /// Refuses kinds of score, the first `n_kinds`, and contributions that are not finite, of the rows of `data`. Rows without
    /// a present cell, which `is_empty` tells, have none.
    pub(super) fn check(
        &self,
        data: &str,
        n_kinds: usize,
        is_empty: impl Fn(usize) -> bool,
    ) -> Result<(), DetectorError> {
        let refuse = |row: usize, what: String, value: f64| {
            Err(DetectorError::NotFinite { data: data.to_owned(), row, what, value })
        };
        for row in (0..self.len()).filter(|row| !is_empty(*row)) {
            let mut of_kinds = ScoreKind::ALL.iter().zip(&self.kinds).take(n_kinds).map(|(kind, of)| (kind, of[row]));
            if let Some((kind, value)) = of_kinds.find(|(_, value)| !value.is_finite()) {
                return refuse(row, format!("the score `{}`", kind.name()), value);
            }
            let mut parts = self.contributions_of(row).unwrap_or_default().iter().enumerate();
            if let Some((j, value)) = parts.find(|(_, value)| !value.is_finite()) {
                return refuse(row, format!("the part of feature {j} in the score"), *value);
            }
        }
        Ok(())
    }

    /// Adds the scores of further rows. Contributions are kept where both have them.
    pub fn append(&mut self, more: Scores) {
        self.score.extend(more.score);
        self.probability.extend(more.probability);
        self.label.extend(more.label);
        self.kinds.iter_mut().zip(more.kinds).for_each(|(all, more)| all.extend(more));
        for (all, more) in [(&mut self.contributions, more.contributions), (&mut self.planes, more.planes)] {
            match (all, more) {
                (Some(all), Some(more)) => all.extend(more),
                (all, _) => *all = None,
            }
        }
    }

    /// The parts of the features in the score of row `r`, where contributions were asked for.
    pub fn contributions_of(&self, r: usize) -> Option<&[f64]> {
        self.contributions.as_ref().map(|c| &c[r * self.n_features..][..self.n_features])
    }

    /// What the planes give of those of row `r`, where there are any: the features' own parts, and the parts by spans.
    pub fn of_planes(&self, r: usize) -> Option<(&[f64], &[f64])> {
        let d = self.n_features;
        self.planes.as_ref().map(|c| c[r * 2 * d..][..2 * d].split_at(d))
    }

    /// The features with the `k` largest parts above 0 in the score of row `r`, each with its share of all parts above 0;
    /// none where contributions were not asked for.
    pub fn largest_shares(&self, r: usize, k: usize) -> Vec<(usize, f64)> {
        let mut shares = largest_shares(self.contributions_of(r).unwrap_or_default());
        shares.truncate(k);
        shares
    }
}

/// The places of the parts above 0, with their shares of those, the largest first.
pub fn largest_shares(parts: &[f64]) -> Vec<(usize, f64)> {
    let all: f64 = parts.iter().filter(|part| **part > 0.0).sum();
    let above = parts.iter().enumerate().filter(|(_, part)| **part > 0.0);
    let mut shares: Vec<(usize, f64)> = above.map(|(j, part)| (j, part / all)).collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    shares
}

/// Whether feature `j` is missing; `missing` is empty where none is.
pub(super) fn is_missing(missing: &[bool], j: usize) -> bool {
    missing.get(j).copied().unwrap_or(false)
}

pub(super) fn n_present(missing: &[bool], d: usize) -> usize {
    d - missing.iter().filter(|m| **m).count()
}

/// Least value whose logarithm is taken.
pub(super) const TINY: f64 = 1e-30;

/// A member's raw numbers of one row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw {
    pub(super) error: f64,
    pub(super) scaled: f64,
    pub(super) density: f64,
    pub(super) neighbour: f64,
    pub(super) jacobian: f64,
}

/// Directions in code space along which a term grows.
#[derive(Default)]
pub(super) struct Directions {
    pub(super) density: Vec<f64>,
    pub(super) neighbour: Vec<f64>,
}

impl Raw {
    /// `output` must be of the row `x`. Leaves the gradients of density and neighbour, up to a factor, in `directions`.
    /// Features that are `missing` (empty where none is) are left out of the errors' means.
    pub(super) fn of(
        x: &[f64],
        missing: &[bool],
        output: &RowOutput,
        calibration: &Calibration,
        directions: &mut Directions,
    ) -> Self {
        let (mut error, mut scaled) = (0.0, 0.0);
        for (j, ((x, y), sd)) in x.iter().zip(&output.reconstruction).zip(&calibration.feature_error).enumerate() {
            if is_missing(missing, j) {
                continue;
            }
            let away = y - x;
            error += away * away;
            scaled += (away / sd).powi(2);
        }
        // 0/0 where nothing is present: such a row has no score.
        let d = n_present(missing, x.len()) as f64;
        let density = calibration.code.squared_distance(&output.code, &mut directions.density);
        let neighbour = calibration.neighbours.distance(&output.code, &mut directions.neighbour);
        let jacobian = negative_log_norm(output.jacobian_square);
        Raw { error: error / d, scaled: scaled / d, density, neighbour, jacobian }
    }

    /// The networks' terms of the combination, each in `unit`.
    pub(super) fn terms(&self, calibration: &Calibration, unit: Unit) -> [f64; MEMBER_TERMS] {
        [
            calibration.error.term(log(self.scaled), unit),
            calibration.density.term(log(self.density), unit),
            calibration.neighbour.term(log(self.neighbour), unit),
            calibration.jacobian.term(self.jacobian, unit),
        ]
    }

    /// The kinds of score that a network gives, in the order of [`ScoreKind::ALL`]; of the combination its terms' part.
    pub(super) fn kinds(
        &self,
        calibration: &Calibration,
        weights: &Weights,
        unit: Unit,
        d: usize,
    ) -> [f64; MEMBER_KINDS] {
        let terms = self.terms(calibration, unit);
        let combined = terms.iter().zip(weights.of_members()).map(|(term, w)| w * term).sum::<f64>();
        [combined, self.error, self.scaled, self.density, self.neighbour, (self.error * d as f64).sqrt(), self.jacobian]
    }
}

/// The weight of each of `n` members in a mean over them.
pub(super) fn member_weight(n: usize) -> f64 {
    1.0 / n as f64
}

/// Adds a member's numbers to their mean over the members, in training as when rows are scored: to the same bits.
pub(super) fn add_weighted<const N: usize>(means: &mut [f64; N], numbers: [f64; N], weight: f64) {
    means.iter_mut().zip(numbers).for_each(|(mean, number)| *mean += weight * number);
}

pub(super) fn log(v: f64) -> f64 {
    libm::log(v.max(TINY))
}

pub(super) fn negative_log_norm(square: f64) -> f64 {
    -0.5 * log(square)
}

/// All kinds of score from those of the members and the place of a row; nothing is taken off for its region yet.
pub(super) fn with_table(
    members: [f64; MEMBER_KINDS],
    place: &Place,
    learnt: &Learnt,
    weights: &Weights,
) -> [f64; KINDS] {
    let mut kinds = without_table(members);
    let terms = place.terms(learnt);
    kinds[ScoreKind::Combined as usize] += terms.iter().zip(weights.of_table()).map(|(term, w)| w * term).sum::<f64>();
    kinds[MEMBER_KINDS..].copy_from_slice(&[place.nearest, place.local, place.remote]);
    kinds
}

/// The kinds of score of the members; those of the table are NaN.
pub(super) fn without_table(members: [f64; MEMBER_KINDS]) -> [f64; KINDS] {
    let mut kinds = [f64::NAN; KINDS];
    kinds[..MEMBER_KINDS].copy_from_slice(&members);
    kinds
}

/// Adds each feature's squared errors over rows, each with its missing features, and how many there were.
pub(super) fn add_squares<'a>(
    network: &RowNetwork,
    rows: impl Iterator<Item = (&'a [f64], &'a [bool])>,
    squares: &mut [f64],
    counts: &mut [f64],
) {
    let mut output = RowOutput::default();
    for (x, missing) in rows {
        network.reconstruct(x, &mut output);
        for (j, (x, y)) in x.iter().zip(&output.reconstruction).enumerate() {
            if !is_missing(missing, j) {
                squares[j] += (y - x) * (y - x);
                counts[j] += 1.0;
            }
        }
    }
}

/// The errors of each feature, as [`Calibration::feature_error`] keeps them.
pub(super) fn root_means(squares: &[f64], counts: &[f64]) -> Vec<f64> {
    // A feature that none of the rows has counts as one restored as well as chance: scaled features vary by about 1.
    let error = |(sum, n): (&f64, &f64)| if *n == 0.0 { 1.0 } else { (sum / n).sqrt() + LEAST_ERROR };
    squares.iter().zip(counts).map(error).collect()
}
