//! What formulas in use for the contractive penalty would say of a network, beside ‖J‖²_F.
//!
//! Most public code for the penalty is wrong, and each mistake goes unseen on some networks. On the network and the rows
//! given, [`verify`] takes the exact mean of ‖J‖²_F with its gradient, and the same of every formula: how far its value is
//! off, how long its gradient is, and whether that points where the true one does. All is in 64 bits with explicit
//! Jacobians, held by tests against [`contractive_core::reference`].
//!
//! ```
//! use contractive::verify::{Verdict, verify};
//! use contractive_core::{Activation, Architecture, Parameters};
//!
//! // Two sigmoid units that mirror each other: the sum of their gradients is 0, their Jacobian is not.
//! let phi = Activation::Sigmoid;
//! let net = Architecture::mirrored(2, &[2], phi, phi, Activation::Identity, false);
//! let mut parameters = Parameters::zeros(&net)?;
//! parameters.tensor_mut("encoder.0.weight").unwrap().copy_from_slice(&[1.0, 2.0, -1.0, -2.0]);
//! let told = verify(&parameters, &[0.3, -0.1])?;
//! let of_sum = told.formulas.iter().find(|told| told.name == "sum_gradient").unwrap();
//! assert!(told.squared_norm > 0.5 && of_sum.value == Some(0.0) && of_sum.verdict == Verdict::Inert);
//! # Ok::<(), contractive_core::ArgumentError>(())
//! ```
#![allow(non_snake_case)] // matrices are upper case, as in the papers

mod chain;
mod formula;
mod rows;
#[cfg(test)]
mod tests;

use contractive_core::reference::network::LayerGradient;
use contractive_core::reference::{Layer, Network};
use contractive_core::{ArgumentError, Parameters};
use serde::Serialize;

use formula::{AtRow, EXACT, FORMULAS, Formula, Quantity};
pub use rows::{Drawn, drawn_rows};

/// What was found on a network and some rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// Rows looked at.
    pub rows: usize,
    /// Mean over the rows of ‖J‖²_F of the whole encoder.
    pub squared_norm: f64,
    /// Length of its gradient over the encoder's parameters.
    pub gradient_norm: f64,
    /// Every formula: the right one, those that are right but for a factor, the others.
    pub formulas: Vec<FormulaRecord>,
}

/// What one formula says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FormulaRecord {
    /// Its name.
    pub name: &'static str,
    /// What it is, in symbols; a mean over rows where it does not say otherwise.
    pub formula: &'static str,
    /// Whose code has it.
    pub seen_in: &'static str,
    /// Its value; none where the formula overflows 64 bits, as one of its ratios may.
    pub value: Option<f64>,
    /// Its value over that of ‖J‖²_F; none where that is 0.
    pub ratio: Option<f64>,
    /// The length of its gradient over that of the true one; none where that is 0.
    pub gradient_ratio: Option<f64>,
    /// The cosine between its gradient and the true one; none where one of them is 0.
    pub cosine: Option<f64>,
    /// What that comes to.
    pub verdict: Verdict,
}

/// How a formula stands to ‖J‖²_F on a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The same value and gradient here.
    Same,
    /// The same but for a constant factor: another weight of the penalty makes up for it.
    Factor,
    /// The gradient points elsewhere, or the value is none of ‖J‖²_F times that factor.
    Different,
    /// No gradient: training does not feel it.
    Inert,
}

/// What differs by less than this is the same: rounding in 64 bits, over sums of many terms.
const ROUNDING: f64 = 1e-9;

/// The most weights of an encoder that is looked at: explicit Jacobians in 64 bits take a multiple of their memory.
const MOST_WEIGHTS: usize = 100_000_000;

/// Looks at the encoder of `parameters` at `rows`, as the network takes them, row-major (N, d), N at least 1.
///
/// # Errors
/// [`ArgumentError::Size`] without rows or for rows that are not whole, [`ArgumentError::Number`] for an encoder of more
/// than 100 million weights, [`ArgumentError::NotFinite`] where ‖J‖²_F or its gradient overflows 64 bits.
pub fn verify(parameters: &Parameters, rows: &[f32]) -> Result<Verification, ArgumentError> {
    let architecture = parameters.architecture();
    let (d, k) = (architecture.input_size(), architecture.code_size());
    if rows.is_empty() || !rows.len().is_multiple_of(d) {
        let expected = rows.len().div_ceil(d).max(1) * d;
        let what = "the rows to verify on".to_owned();
        return Err(ArgumentError::Size { what, unit: "numbers", expected, got: rows.len() });
    }
    let weights: usize = architecture.encoder_sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
    if weights > MOST_WEIGHTS {
        let must_be = "at most 100000000 to be verified: explicit Jacobians are kept";
        return Err(ArgumentError::Number { name: "number of encoder weights", must_be, got: weights as f64 });
    }
    let network = Network::from(parameters);
    let wide: Vec<f64> = rows.iter().map(|x| f64::from(*x)).collect();
    let rows: Vec<AtRow<'_>> = wide.chunks_exact(d).map(|x| AtRow::new(network.encoder(), x)).collect();
    let exact = Mean::of(EXACT, network.encoder(), &rows);
    for (tensor, value) in [("the mean of ‖J‖²_F", exact.value), ("the length of its gradient", exact.norm)] {
        if !value.is_finite() {
            return Err(ArgumentError::NotFinite { tensor: tensor.to_owned(), index: 0, value: value as f32 });
        }
    }
    let record = |formula: &Formula| {
        let (of_value, of_gradient) = formula.taken.factors(rows.len(), d, k);
        let own =
            if formula.quantity == EXACT { None } else { Some(Mean::of(formula.quantity, network.encoder(), &rows)) };
        let mean = own.as_ref().unwrap_or(&exact);
        let value = if of_gradient == 0.0 { mean.value.floor() } else { of_value * mean.value };
        FormulaRecord::new(formula, value, of_gradient, mean, &exact)
    };
    let formulas = FORMULAS.iter().map(record).collect();
    Ok(Verification { rows: rows.len(), squared_norm: exact.value, gradient_norm: exact.norm, formulas })
}

/// The mean of a quantity over the rows, with its gradient.
struct Mean {
    value: f64,
    gradient: Vec<LayerGradient>,
    norm: f64,
}

impl Mean {
    fn of(quantity: Quantity, stack: &[Layer], rows: &[AtRow<'_>]) -> Self {
        let mut gradient = zeros(stack);
        let is_of_rows = !matches!(quantity, Quantity::WeightProduct | Quantity::WeightSquares);
        let rows = if is_of_rows { rows } else { &rows[..1] };
        let share = 1.0 / rows.len() as f64;
        let value = rows.iter().map(|row| share * row.take(quantity, share, &mut gradient)).sum();
        let norm = dot(&gradient, &gradient).sqrt();
        Mean { value, gradient, norm }
    }
}

impl FormulaRecord {
    fn new(formula: &Formula, value: f64, factor: f64, mean: &Mean, exact: &Mean) -> Self {
        let over = |value: f64, of: f64| (of != 0.0).then(|| value / of);
        let (ratio, gradient_ratio) = (over(value, exact.value), over(factor * mean.norm, exact.norm));
        let is_inert = gradient_ratio.is_none_or(|ratio| ratio <= ROUNDING);
        let lengths = mean.norm * exact.norm;
        let cosine = (!is_inert).then(|| (dot(&mean.gradient, &exact.gradient) / lengths).clamp(-1.0, 1.0));
        let is_one = |value: Option<f64>| value.is_none_or(|value| (value - 1.0).abs() <= ROUNDING);
        let verdict = match (ratio, gradient_ratio, cosine) {
            (_, Some(_), _) if is_inert => Verdict::Inert,
            // The code moves at no row: what has a value or a gradient there is no ‖J‖²_F.
            (_, None, _) if factor == 0.0 => Verdict::Inert,
            (_, None, _) if value != exact.value || mean.norm != 0.0 => Verdict::Different,
            (ratio, length, cosine) if is_one(ratio) && is_one(length) && is_one(cosine) => Verdict::Same,
            // A factor has to be that of the value too.
            (Some(ratio), Some(length), Some(cosine)) if is_one(Some(cosine)) && is_one(Some(length / ratio)) => {
                Verdict::Factor
            }
            _ => Verdict::Different,
        };
        let Formula { name, formula, seen_in, .. } = *formula;
        let told = |value: Option<f64>| value.filter(|value| value.is_finite());
        let (value, ratio, gradient_ratio, cosine) =
            (told(Some(value)), told(ratio), told(gradient_ratio), told(cosine));
        FormulaRecord { name, formula, seen_in, value, ratio, gradient_ratio, cosine, verdict }
    }
}

fn zeros(stack: &[Layer]) -> Vec<LayerGradient> {
    use contractive_core::reference::Matrix;
    let of = |layer: &Layer| LayerGradient {
        dW: Matrix::zeros(layer.W.rows(), layer.W.columns()),
        db: vec![0.0; layer.b.len()],
    };
    stack.iter().map(of).collect()
}

/// The scalar product of two gradients.
fn dot(one: &[LayerGradient], other: &[LayerGradient]) -> f64 {
    let of = |u: &[f64], v: &[f64]| u.iter().zip(v).map(|(u, v)| u * v).sum::<f64>();
    one.iter().zip(other).map(|(u, v)| of(u.dW.values(), v.dW.values()) + of(&u.db, &v.db)).sum()
}
