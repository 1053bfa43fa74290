//! Each penalty at one row: its value P(x), and `scale` · ∂P/∂θ added to the encoder's gradient.
//!
//! The table of formulas is in [`crate::penalty`]. All that differs between the penalties on J is ∂P/∂J:
//!
//! | penalty | ∂P/∂J |
//! |---|---|
//! | `jacobian` | 2 J |
//! | `jacobian_norm` | J/‖J‖, and 0 at J = 0 |
//! | `projection` | mean over probes of 2 v vᵀ J |
//! | `hessian` | at x: 2 J(x) + 2 ratio · mean (J(x) − J(x+ε)); at each x+ε: −2 ratio/n · (J(x) − J(x+ε)) |
//! | `layerwise` | 2 ∂a_l/∂a_{l−1} for each layer by itself |
//! | `reconstruction`, `decoder` | as `jacobian` or `projection`, of other stacks |

use super::jacobian::{JacobianAt, jacobian, jacobian_backward};
use super::matrix::{Matrix, dot};
use super::network::{Gradient, Layer, LayerGradient, backward, forward};
use crate::penalty::Penalty;

/// P at the clean row `x`; adds `scale` · ∂P/∂θ to `into`. `draws` are this row's probes, directions or corruptions.
pub(super) fn penalty_at_row(
    penalty: Penalty,
    encoder: &[Layer],
    decoder: &[Layer],
    x: &[f64],
    draws: &[&[f64]],
    scale: f64,
    into: &mut Gradient,
) -> f64 {
    let gradient = &mut into.encoder[..];
    match penalty {
        Penalty::Reconstruction { .. } => reconstruction(encoder, decoder, x, draws, scale, into),
        Penalty::Decoder { .. } => decoder_jacobian(encoder, decoder, x, draws, scale, into),
        Penalty::None => 0.0,
        Penalty::Jacobian => frobenius(encoder, x, scale, gradient),
        Penalty::JacobianNorm => frobenius_norm(encoder, x, scale, gradient),
        Penalty::Layerwise => layerwise(encoder, x, scale, gradient),
        Penalty::Projection { .. } => projection(encoder, x, draws, scale, gradient),
        Penalty::FiniteDifference { epsilon, directions: 0 } => {
            coordinate_differences(encoder, x, epsilon, scale, gradient)
        }
        Penalty::FiniteDifference { epsilon, .. } => {
            directional_differences(encoder, x, epsilon, draws, scale, gradient)
        }
        Penalty::Hessian { ratio, .. } => hessian(encoder, x, ratio, draws, scale, gradient),
        Penalty::LogisticLast { hold_weights } => logistic_last(encoder, x, hold_weights, scale, gradient),
        Penalty::WeightL1 => weight_l1(encoder, scale, gradient),
        Penalty::WeightL2 => weight_l2(encoder, scale, gradient),
    }
}

/// P = ‖J‖²_F, ∂P/∂J = 2 J.
fn frobenius(encoder: &[Layer], x: &[f64], scale: f64, gradient: &mut [LayerGradient]) -> f64 {
    let at = jacobian(encoder, x);
    jacobian_backward(encoder, &at, &at.J().scaled(2.0 * scale), gradient);
    at.J().squared_norm()
}

/// P = ‖J‖_F, ∂P/∂J = J/‖J‖; at J = 0, where there is no derivative, 0.
fn frobenius_norm(encoder: &[Layer], x: &[f64], scale: f64, gradient: &mut [LayerGradient]) -> f64 {
    let at = jacobian(encoder, x);
    let norm = at.J().squared_norm().sqrt();
    if norm > 0.0 {
        jacobian_backward(encoder, &at, &at.J().scaled(scale / norm), gradient);
    }
    norm
}

/// P = Σ_l ‖J_l‖²_F, J_l = ∂a_l/∂a_{l−1}. Layer l is a stack of one; what it sends to a_{l−1} goes back through the
/// layers below.
fn layerwise(encoder: &[Layer], x: &[f64], scale: f64, gradient: &mut [LayerGradient]) -> f64 {
    let mut sum = 0.0;
    for l in 0..encoder.len() {
        let below = forward(&encoder[..l], x);
        let layer = &encoder[l..=l];
        let at = jacobian(layer, below.output());
        sum += at.J().squared_norm();
        let da = jacobian_backward(layer, &at, &at.J().scaled(2.0 * scale), &mut gradient[l..=l]);
        backward(&encoder[..l], &below, &da, &below.zeros(), &mut gradient[..l]);
    }
    sum
}

/// P = mean over probes v of ‖vᵀJ‖², ∂P/∂J = mean of 2 v (vᵀJ).
fn projection(encoder: &[Layer], x: &[f64], probes: &[&[f64]], scale: f64, gradient: &mut [LayerGradient]) -> f64 {
    let at = jacobian(encoder, x);
    let (mean, dJ) = projected(at.J(), probes, scale);
    jacobian_backward(encoder, &at, &dJ, gradient);
    mean
}

/// The mean over probes v of ‖vᵀJ‖², and `scale` times its derivative by J.
fn projected(J: &Matrix, probes: &[&[f64]], scale: f64) -> (f64, Matrix) {
    let share = 1.0 / probes.len() as f64;
    let mut dJ = Matrix::zeros(J.rows(), J.columns());
    let mut mean = 0.0;
    for v in probes {
        let vJ = J.transpose_times_vector(v);
        mean += share * dot(&vJ, &vJ);
        let scaled: Vec<f64> = v.iter().map(|v| 2.0 * scale * share * v).collect();
        dJ.add_outer(&scaled, &vJ);
    }
    (mean, dJ)
}

/// P = Σ_i ‖(f(x+εe_i) − f(x−εe_i))/2ε‖² over every input coordinate i.
fn coordinate_differences(
    encoder: &[Layer],
    x: &[f64],
    epsilon: f64,
    scale: f64,
    gradient: &mut [LayerGradient],
) -> f64 {
    let directions = Matrix::identity(x.len());
    (0..x.len()).map(|i| squared_difference(encoder, x, epsilon, directions.row(i), scale, gradient)).sum()
}

/// P = mean over directions u of ‖(f(x+εu) − f(x−εu))/2ε‖².
fn directional_differences(
    encoder: &[Layer],
    x: &[f64],
    epsilon: f64,
    directions: &[&[f64]],
    scale: f64,
    gradient: &mut [LayerGradient],
) -> f64 {
    let share = 1.0 / directions.len() as f64;
    directions.iter().map(|u| share * squared_difference(encoder, x, epsilon, u, share * scale, gradient)).sum()
}

/// Q = ‖q‖², q = (f(x+εu) − f(x−εu))/2ε: plain backpropagation of ±q/ε through f at the two shifted points.
fn squared_difference(
    encoder: &[Layer],
    x: &[f64],
    epsilon: f64,
    u: &[f64],
    scale: f64,
    gradient: &mut [LayerGradient],
) -> f64 {
    let shifted = |step: f64| -> Vec<f64> { x.iter().zip(u).map(|(x, u)| x + step * u).collect() };
    let plus = forward(encoder, &shifted(epsilon));
    let minus = forward(encoder, &shifted(-epsilon));
    let q: Vec<f64> = plus.output().iter().zip(minus.output()).map(|(p, m)| (p - m) / (2.0 * epsilon)).collect();
    for (point, sign) in [(&plus, 1.0), (&minus, -1.0)] {
        let dh: Vec<f64> = q.iter().map(|q| sign * scale * q / epsilon).collect();
        backward(encoder, point, &dh, &point.zeros(), gradient);
    }
    dot(&q, &q)
}

/// P = ‖J(x)‖² + ratio · mean over ε of ‖J(x) − J(x+ε)‖². Both Jacobians depend on the parameters.
fn hessian(
    encoder: &[Layer],
    x: &[f64],
    ratio: f64,
    corruptions: &[&[f64]],
    scale: f64,
    gradient: &mut [LayerGradient],
) -> f64 {
    let share = ratio / corruptions.len() as f64;
    let at_x = jacobian(encoder, x);
    let mut value = at_x.J().squared_norm();
    let mut dJ_x = at_x.J().scaled(2.0 * scale);
    for epsilon in corruptions {
        let moved: Vec<f64> = x.iter().zip(*epsilon).map(|(x, e)| x + e).collect();
        let at_moved: JacobianAt = jacobian(encoder, &moved);
        let difference = at_x.J().minus(at_moved.J());
        value += share * difference.squared_norm();
        dJ_x.add(&difference.scaled(2.0 * scale * share));
        jacobian_backward(encoder, &at_moved, &difference.scaled(-2.0 * scale * share), gradient);
    }
    jacobian_backward(encoder, &at_x, &dJ_x, gradient);
    value
}

/// P = Σ_j (h_j(1−h_j))² ‖W_L,j‖² of the last layer, whatever φ is; the code h depends on the parameters by the true φ.
fn logistic_last(encoder: &[Layer], x: &[f64], hold_weights: bool, scale: f64, gradient: &mut [LayerGradient]) -> f64 {
    let last = encoder.len() - 1;
    let W = &encoder[last].W;
    let trace = forward(encoder, x);
    let mut value = 0.0;
    let mut dh = vec![0.0; W.rows()];
    for (j, h) in trace.output().iter().enumerate() {
        let s = h * (1.0 - h);
        let squared_length = dot(W.row(j), W.row(j));
        value += s * s * squared_length;
        dh[j] = scale * 2.0 * s * (1.0 - 2.0 * h) * squared_length;
        if !hold_weights {
            for (dw, w) in gradient[last].dW.row_mut(j).iter_mut().zip(W.row(j)) {
                *dw += scale * 2.0 * s * s * w;
            }
        }
    }
    backward(encoder, &trace, &dh, &trace.zeros(), gradient);
    value
}

/// ‖J‖²_F, or its estimate by probes where there are any.
fn exact_or_probed(stack: &[Layer], x: &[f64], probes: &[&[f64]], scale: f64, gradient: &mut [LayerGradient]) -> f64 {
    if probes.is_empty() { frobenius(stack, x, scale, gradient) } else { projection(stack, x, probes, scale, gradient) }
}

/// P = ‖∂g(f(x))/∂x‖²_F: encoder and decoder are one stack.
fn reconstruction(
    encoder: &[Layer],
    decoder: &[Layer],
    x: &[f64],
    probes: &[&[f64]],
    scale: f64,
    into: &mut Gradient,
) -> f64 {
    let stack: Vec<Layer> = encoder.iter().chain(decoder).cloned().collect();
    let mut gradient: Vec<LayerGradient> = into.encoder.iter().chain(&into.decoder).cloned().collect();
    let value = exact_or_probed(&stack, x, probes, scale, &mut gradient);
    into.decoder = gradient.split_off(encoder.len());
    into.encoder = gradient;
    value
}

/// P = ‖∂g/∂h‖²_F at h = f(x): what it sends to h goes back through the encoder.
fn decoder_jacobian(
    encoder: &[Layer],
    decoder: &[Layer],
    x: &[f64],
    probes: &[&[f64]],
    scale: f64,
    into: &mut Gradient,
) -> f64 {
    let code = forward(encoder, x);
    let at = jacobian(decoder, code.output());
    let (value, dJ) = if probes.is_empty() {
        (at.J().squared_norm(), at.J().scaled(2.0 * scale))
    } else {
        projected(at.J(), probes, scale)
    };
    let dh = jacobian_backward(decoder, &at, &dJ, &mut into.decoder);
    backward(encoder, &code, &dh, &code.zeros(), &mut into.encoder);
    value
}

/// P = Σ |w| over the encoder's weights; the derivative at w = 0 is taken as 0.
fn weight_l1(encoder: &[Layer], scale: f64, gradient: &mut [LayerGradient]) -> f64 {
    let sign = |w: f64| if w == 0.0 { 0.0 } else { w.signum() };
    let mut sum = 0.0;
    for (layer, into) in encoder.iter().zip(gradient) {
        sum += layer.W.values().iter().map(|w| w.abs()).sum::<f64>();
        let signs = layer.W.values().iter().map(|w| scale * sign(*w)).collect();
        into.dW.add(&Matrix::new(layer.W.rows(), layer.W.columns(), signs));
    }
    sum
}

/// P = Σ w² over the encoder's weights.
fn weight_l2(encoder: &[Layer], scale: f64, gradient: &mut [LayerGradient]) -> f64 {
    let mut sum = 0.0;
    for (layer, into) in encoder.iter().zip(gradient) {
        sum += layer.W.squared_norm();
        into.dW.add(&layer.W.scaled(2.0 * scale));
    }
    sum
}
