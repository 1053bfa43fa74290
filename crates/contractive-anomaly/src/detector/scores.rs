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
//! | `combined` | weighted mean of the four terms (ln v − median)/spread, v = `scaled_error`, `density`, `neighbour`, 1/‖J‖; median and spread those of the training rows | any of these; 0 is an ordinary row, 1 one robust standard deviation above |
//!
//! Scores of an ensemble are means over its members. The weights of the combination are the skewnesses of the four terms
//! over the rows given for training (at least 0.1, then scaled to add up to 1): a term in which a few rows stand far above
//! the rest has found something, one that spreads evenly to both sides has not. No label is needed for that.
#![allow(non_snake_case)] // J as in the formulas

use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, LEAST_ERROR};
use contractive_core::row_network::{RowNetwork, RowOutput};

/// Weights of the four terms of the combination, at least 0, adding up to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Weights(pub(super) [f64; 4]);

/// Least skewness that counts: no term is passed over.
const LEAST_SKEWNESS: f64 = 0.1;

impl Weights {
    /// By the skewness of each term over rows, means over members.
    pub(super) fn of(terms: &[[f64; 4]]) -> Self {
        let n = terms.len().max(1) as f64;
        let skewness: [f64; 4] = std::array::from_fn(|i| {
            let moment = |centre: f64, p: i32| terms.iter().map(|t| (t[i] - centre).powi(p)).sum::<f64>() / n;
            let mean = moment(0.0, 1);
            let skewness = moment(mean, 3) / moment(mean, 2).powf(1.5);
            if skewness.is_finite() { skewness.max(LEAST_SKEWNESS) } else { LEAST_SKEWNESS }
        });
        let sum: f64 = skewness.iter().sum();
        Weights(skewness.map(|s| s / sum))
    }

    /// Whether stored numbers can be weights.
    pub(super) fn is_valid(&self) -> bool {
        self.0.iter().all(|w| (0.0..=1.0).contains(w)) && (self.0.iter().sum::<f64>() - 1.0).abs() < 1e-9
    }
}

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
}

/// How many kinds of score there are.
pub const KINDS: usize = 7;

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
    /// Every kind of score, N numbers each, in the order of [`ScoreKind::ALL`].
    pub kinds: [Vec<f64>; KINDS],
    /// Where asked for: each feature's part in the score, row-major (N, d). A row's parts add up to its score, to
    /// rounding; a part below 0 makes the row less anomalous.
    pub contributions: Option<Vec<f64>>,
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

    /// Adds the scores of further rows. Contributions are kept where both have them.
    pub fn append(&mut self, more: Scores) {
        self.score.extend(more.score);
        self.probability.extend(more.probability);
        self.label.extend(more.label);
        self.kinds.iter_mut().zip(more.kinds).for_each(|(all, more)| all.extend(more));
        match (&mut self.contributions, more.contributions) {
            (Some(all), Some(more)) => all.extend(more),
            (all, _) => *all = None,
        }
    }

    /// The parts of the features in the score of row `r`, where contributions were asked for.
    pub fn contributions_of(&self, r: usize) -> Option<&[f64]> {
        self.contributions.as_ref().map(|c| &c[r * self.n_features..][..self.n_features])
    }
}

/// Whether feature `j` is missing; `missing` is empty where none is.
pub(super) fn is_missing(missing: &[bool], j: usize) -> bool {
    missing.get(j).copied().unwrap_or(false)
}

fn n_present(missing: &[bool], d: usize) -> usize {
    d - missing.iter().filter(|m| **m).count()
}

/// Least value whose logarithm is taken.
const TINY: f64 = 1e-30;

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
    density: Vec<f64>,
    neighbour: Vec<f64>,
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

    /// The four terms of the combination, each in robust standard deviations.
    pub(super) fn terms(&self, calibration: &Calibration) -> [f64; 4] {
        [
            calibration.error.standardised(log(self.scaled)),
            calibration.density.standardised(log(self.density)),
            calibration.neighbour.standardised(log(self.neighbour)),
            calibration.jacobian.standardised(self.jacobian),
        ]
    }

    /// All kinds of score, in the order of [`ScoreKind::ALL`].
    pub(super) fn kinds(&self, calibration: &Calibration, weights: &Weights, d: usize) -> [f64; KINDS] {
        let combined = self.terms(calibration).iter().zip(weights.0).map(|(term, w)| w * term).sum::<f64>();
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

/// The errors of each feature over rows, each with its missing features, as [`Calibration::feature_error`] keeps them.
pub(super) fn feature_errors<'a>(
    network: &RowNetwork,
    rows: impl Iterator<Item = (&'a [f64], &'a [bool])>,
    d: usize,
) -> Vec<f64> {
    let (mut sums, mut counts) = (vec![0.0; d], vec![0_usize; d]);
    let mut output = RowOutput::default();
    for (x, missing) in rows {
        network.reconstruct(x, &mut output);
        for (j, (x, y)) in x.iter().zip(&output.reconstruction).enumerate() {
            if !is_missing(missing, j) {
                sums[j] += (y - x) * (y - x);
                counts[j] += 1;
            }
        }
    }
    // A feature that none of the rows has counts as one restored as well as chance: scaled features vary by about 1.
    let error = |(sum, n): (&f64, &usize)| if *n == 0 { 1.0 } else { (sum / *n as f64).sqrt() + LEAST_ERROR };
    sums.iter().zip(&counts).map(error).collect()
}

/// Adds each feature's part in a score of kind `kind` of the row `x` to `out`, d numbers, times `weight`.
///
/// A value that is a sum over features is split as its definition has it. The others are split by how much
/// each feature moves them: density and neighbour along their gradients, |x_j · ∂v/∂x_j|, and ‖J‖ by how far each feature
/// drives first-layer units whose slope has fallen. A term below 0 says that the row as a whole is ordinary, and is
/// split evenly. Features that are `missing` have no part.
pub(super) fn add_contributions(
    kind: ScoreKind,
    x: &[f64],
    missing: &[bool],
    output: &RowOutput,
    raw: &Raw,
    calibration: &Calibration,
    network: &RowNetwork,
    weights: &Weights,
    directions: &Directions,
    weight: f64,
    out: &mut [f64],
) {
    let d = x.len();
    let squares = |sd: &dyn Fn(usize) -> f64| -> Vec<f64> {
        (0..d).map(|j| ((output.reconstruction[j] - x[j]) / sd(j)).powi(2)).collect()
    };
    let plain = || squares(&|_| 1.0);
    let scaled = || squares(&|j| calibration.feature_error[j]);
    let along = |gradient: &[f64]| -> Vec<f64> {
        let mut pull = vec![0.0; d];
        for (g, row) in gradient.iter().zip(output.J.chunks_exact(d)) {
            pull.iter_mut().zip(row).for_each(|(p, j)| *p += g * j);
        }
        pull.iter().zip(x).map(|(p, x)| (p * x).abs()).collect()
    };
    let drive = || network.drive(x, output);
    let present = n_present(missing, d);
    let mut add = |value: f64, mut shares: Vec<f64>| {
        for (share, _) in shares.iter_mut().zip(missing).filter(|(_, missing)| **missing) {
            *share = 0.0;
        }
        let sum: f64 = shares.iter().sum();
        let is_even = value < 0.0 || !(sum > 0.0 && sum.is_finite());
        for (j, (out, share)) in out.iter_mut().zip(&shares).enumerate() {
            if !is_missing(missing, j) {
                *out += weight * value * if is_even { 1.0 / present as f64 } else { share / sum };
            }
        }
    };
    match kind {
        ScoreKind::Combined => {
            let terms = raw.terms(calibration);
            let [error, density, neighbour, jacobian] = std::array::from_fn(|i| weights.0[i] * terms[i]);
            add(error, scaled());
            add(density, along(&directions.density));
            add(neighbour, along(&directions.neighbour));
            add(jacobian, drive());
        }
        ScoreKind::Error => add(raw.error, plain()),
        ScoreKind::ScaledError => add(raw.scaled, scaled()),
        ScoreKind::Density => add(raw.density, along(&directions.density)),
        ScoreKind::Neighbour => add(raw.neighbour, along(&directions.neighbour)),
        ScoreKind::ReconstructionNorm => add((raw.error * d as f64).sqrt(), plain()),
        ScoreKind::Jacobian => add(raw.jacobian, drive()),
    }
}
