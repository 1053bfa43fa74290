//! The objective C on a batch and its gradient: where the reference begins.

use super::matrix::Matrix;
use super::network::{Gradient, Network, Trace, backward, forward};
use super::penalties::penalty_at_row;
use crate::activation::{sigmoid, softplus};
use crate::error::ArgumentError;
use crate::loss::Loss;
use crate::objective::{Objective, Sparsity, Terms};
use crate::penalty::Penalty;

/// A batch of rows with the random numbers that its step needs, in f64: [`crate::objective::Batch`] for the reference.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Clean rows x, shape (N, d): the targets, and where the penalty is taken.
    pub rows: &'a Matrix,
    /// Corrupted rows x̃ of the same shape, where there is input noise: what is encoded and decoded.
    pub corrupted: Option<&'a Matrix>,
    /// The penalty's probes, directions or corruptions, in the layout of [`Penalty::n_draws`].
    pub draws: &'a [f64],
}

/// The objective on a batch, with everything it was made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// C and its parts.
    pub terms: Terms,
    /// L of each row.
    pub reconstruction: Vec<f64>,
    /// P of each row, before weighting by the contraction.
    pub penalty: Vec<f64>,
    /// h = f(x̃) of each row, shape (N, k).
    pub code: Matrix,
    /// x̂ = g(h) of each row, shape (N, d).
    pub output: Matrix,
    /// ∂C/∂θ. Where the penalty holds its weights (`logistic_last`), the gradient that the copies descend.
    pub gradient: Gradient,
}

/// C on `batch` and its gradient.
///
/// ```text
/// C = 1/N Σ_rows [ L(x, g(f(x̃))) + contraction · P(x) ] + weight · Σ_j KL(target ‖ mean over rows of h_j)
/// ```
///
/// # Errors
/// When [`Objective::check`] refuses the objective for this network; [`ArgumentError::Size`] when the batch is empty or
/// does not fit the network, or the draws do not fit the batch; [`ArgumentError::Range`] when a cross-entropy gets
/// targets outside [0, 1].
///
/// # Example
/// ```
/// use contractive_core::reference::{Batch, Matrix, Network, objective_and_gradient};
/// use contractive_core::{Activation, Architecture, Loss, Objective, Penalty};
///
/// let sizes = Architecture::mirrored(2, &[1], Activation::Sigmoid, Activation::Sigmoid, Activation::Identity, true);
/// // W = (3, 4), b = 0, c = (0, 0): at x = 0, h = 1/2 and J = h(1−h) W, so ‖J‖² = 25/16.
/// let network = Network::new(&sizes, &[3.0, 4.0, 0.0, 0.0, 0.0])?;
/// let rows = Matrix::zeros(1, 2);
/// let batch = Batch { rows: &rows, corrupted: None, draws: &[] };
/// let objective = Objective::new(Loss::Sse, Penalty::Jacobian, 0.1);
/// let at = objective_and_gradient(&network, &objective, &batch)?;
/// assert_eq!(at.terms.penalty, 25.0 / 16.0);
/// assert_eq!(at.gradient.flatten().len(), 5);
/// # Ok::<(), contractive_core::ArgumentError>(())
/// ```
pub fn objective_and_gradient(
    network: &Network,
    objective: &Objective,
    batch: &Batch<'_>,
) -> Result<Evaluation, ArgumentError> {
    check(network, objective, batch)?;
    let (encoder, decoder) = (network.encoder(), network.decoder());
    let encoded = batch.corrupted.unwrap_or(batch.rows);
    let n = batch.rows.rows();
    let share = 1.0 / n as f64;
    let mut gradient = Gradient::zeros(network);

    let codes: Vec<Trace> = (0..n).map(|r| forward(encoder, encoded.row(r))).collect();
    let outputs: Vec<Trace> = codes.iter().map(|code| forward(decoder, code.output())).collect();

    // The sparsity term sees the whole batch: ∂/∂h_j of its value is the same for every row.
    let k = network.architecture().code_size();
    let mean_code: Vec<f64> = (0..k).map(|j| share * codes.iter().map(|c| c.output()[j]).sum::<f64>()).collect();
    let (sparsity, d_mean_code) = sparsity_term(objective.sparsity, &mean_code);

    let mut reconstruction = Vec::new();
    let mut penalty = Vec::new();
    for r in 0..n {
        let x = batch.rows.row(r);
        let (value, d_output, dz) = loss_at_row(objective.loss, x, &outputs[r], share);
        reconstruction.push(value);
        let mut dh = backward(decoder, &outputs[r], &d_output, &dz, &mut gradient.decoder);
        dh.iter_mut().zip(&d_mean_code).for_each(|(dh, d_mean)| *dh += share * d_mean);
        backward(encoder, &codes[r], &dh, &codes[r].zeros(), &mut gradient.encoder);

        let draws = draws_of_row(objective.penalty, network, batch, r);
        let scale = objective.contraction * share;
        penalty.push(penalty_at_row(objective.penalty, encoder, decoder, x, &draws, scale, &mut gradient));
    }

    let mean = |values: &[f64]| share * values.iter().sum::<f64>();
    Ok(Evaluation {
        terms: Terms::combine(objective, mean(&reconstruction), mean(&penalty), sparsity),
        reconstruction,
        penalty,
        code: stacked(&codes),
        output: stacked(&outputs),
        gradient,
    })
}

/// L(x, x̂) of one row, and `share` times its gradient in two parts: at the output x̂, and at each z of the decoder.
/// A cross-entropy is a function of the logits, the decoder's last z; a squared error of x̂.
fn loss_at_row(loss: Loss, x: &[f64], output: &Trace, share: f64) -> (f64, Vec<f64>, Vec<Vec<f64>>) {
    let factor = loss.feature_factor(x.len());
    let mut value = 0.0;
    let mut d_output = vec![0.0; x.len()];
    let mut dz = output.zeros();
    let last = output.z.len() - 1;
    for i in 0..x.len() {
        match loss {
            Loss::Mse | Loss::Sse => {
                let error = output.output()[i] - x[i];
                value += factor * error * error;
                d_output[i] = share * factor * 2.0 * error;
            }
            Loss::Bce | Loss::CrossEntropy => {
                let z = output.z[last][i];
                value += factor * (softplus(z) - x[i] * z);
                dz[last][i] = share * factor * (sigmoid(z) - x[i]);
            }
        }
    }
    (value, d_output, dz)
}

/// Σ_j KL(t ‖ ρ_j) = Σ_j t ln(t/ρ_j) + (1−t) ln((1−t)/(1−ρ_j)), ρ_j the mean of h_j over rows, and weight · ∂/∂ρ_j.
fn sparsity_term(sparsity: Option<Sparsity>, mean_code: &[f64]) -> (f64, Vec<f64>) {
    let Some(Sparsity { target: t, weight }) = sparsity else {
        return (0.0, vec![0.0; mean_code.len()]);
    };
    let divergence = |rho: f64| t * (t / rho).ln() + (1.0 - t) * ((1.0 - t) / (1.0 - rho)).ln();
    let slope = |rho: f64| -t / rho + (1.0 - t) / (1.0 - rho);
    let value = mean_code.iter().map(|rho| divergence(*rho)).sum();
    (value, mean_code.iter().map(|rho| weight * slope(*rho)).collect())
}

/// Row `r`'s probes (k numbers each), directions (d each) or corruptions (d each). Probes and directions lie together
/// row by row; of corruptions each is a whole batch.
fn draws_of_row<'a>(penalty: Penalty, network: &Network, batch: &Batch<'a>, r: usize) -> Vec<&'a [f64]> {
    let (d, k) = (network.architecture().input_size(), network.architecture().code_size());
    let n = batch.rows.rows();
    let together = |count: usize, size: usize| {
        (0..count).map(|i| &batch.draws[(r * count + i) * size..][..size]).collect::<Vec<_>>()
    };
    match penalty {
        Penalty::Projection { probes, .. } => together(probes, k),
        Penalty::FiniteDifference { directions, .. } => together(directions, d),
        Penalty::Reconstruction { probes } | Penalty::Decoder { probes } => together(probes, d),
        Penalty::Hessian { corruptions, .. } => {
            (0..corruptions).map(|c| &batch.draws[(c * n + r) * d..][..d]).collect()
        }
        _ => Vec::new(),
    }
}

/// The outputs of all rows as one matrix.
fn stacked(traces: &[Trace]) -> Matrix {
    let columns = traces.first().map_or(0, |t| t.output().len());
    Matrix::new(traces.len(), columns, traces.iter().flat_map(|t| t.output().to_vec()).collect())
}

fn check(network: &Network, objective: &Objective, batch: &Batch<'_>) -> Result<(), ArgumentError> {
    let architecture = network.architecture();
    objective.check(architecture)?;
    let (n, d) = (batch.rows.rows(), architecture.input_size());
    let fits = |what: &str, unit: &'static str, expected: usize, got: usize| {
        let what = what.to_owned();
        if expected == got { Ok(()) } else { Err(ArgumentError::Size { what, unit, expected, got }) }
    };
    fits("a batch, at the least,", "rows", 1, n.min(1))?;
    fits("the batch", "columns", d, batch.rows.columns())?;
    if let Some(corrupted) = batch.corrupted {
        fits("the corrupted batch", "rows", n, corrupted.rows())?;
        fits("the corrupted batch", "columns", d, corrupted.columns())?;
    }
    fits("the penalty's draws", "numbers", objective.penalty.n_draws(architecture, n), batch.draws.len())?;
    let outside = batch.rows.values().iter().position(|v| !(0.0..=1.0).contains(v));
    match outside {
        Some(i) if objective.loss.is_cross_entropy() => Err(ArgumentError::Range {
            loss: objective.loss.name(),
            row: i / d,
            column: i % d,
            value: batch.rows.values()[i] as f32,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, Architecture};

    fn refusal(rows: Matrix, corrupted: Option<Matrix>, draws: &[f64], penalty: Penalty, loss: Loss) -> String {
        let net = Architecture::mirrored(3, &[2], Activation::Sigmoid, Activation::Sigmoid, Activation::Sigmoid, true);
        let network = Network::new(&net, &[0.1; 6 + 2 + 3]).unwrap();
        let batch = Batch { rows: &rows, corrupted: corrupted.as_ref(), draws };
        let got = objective_and_gradient(&network, &Objective::new(loss, penalty, 1.0), &batch);
        got.map_or_else(|e| e.to_string(), |_| String::new())
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let rows = || Matrix::zeros(2, 3);
        let plain = (Penalty::Jacobian, Loss::Bce);
        assert_eq!(refusal(rows(), None, &[], plain.0, plain.1), "");
        assert!(refusal(Matrix::zeros(0, 3), None, &[], plain.0, plain.1).contains("rows"));
        assert!(refusal(Matrix::zeros(2, 4), None, &[], plain.0, plain.1).contains("must have 3 columns, got 4"));
        assert!(refusal(rows(), Some(Matrix::zeros(1, 3)), &[], plain.0, plain.1).contains("corrupted"));
        let hessian = Penalty::Hessian { corruptions: 2, sigma: 0.1, ratio: 1.0 };
        assert!(refusal(rows(), None, &[0.0; 11], hessian, plain.1).contains("must have 12 numbers, got 11"));
        assert_eq!(refusal(rows(), None, &[0.0; 12], hessian, plain.1), "");
        for bad in [1.5, f64::NAN] {
            let mut outside = rows();
            outside[(1, 2)] = bad;
            assert!(refusal(outside.clone(), None, &[], plain.0, Loss::Bce).contains("row 1, column 2"));
            assert_eq!(refusal(outside, None, &[], plain.0, Loss::Mse), "");
        }
    }

    #[test]
    fn a_wrong_number_of_parameters_is_refused() {
        let net = Architecture::mirrored(3, &[2], Activation::Relu, Activation::Relu, Activation::Identity, false);
        assert!(Network::new(&net, &[0.0; 3]).unwrap_err().to_string().contains("must have 17 numbers, got 3"));
    }
}
