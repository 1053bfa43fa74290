//! The truth of the audit, by hand: φ and φ′ written out once more, J multiplied out, gradients by differences. Nothing
//! here comes from the crate but the matrix it is stored in.
#![allow(dead_code)] // each test uses some of this
#![allow(non_snake_case)] // matrices are upper case, as in the papers

use contractive_core::Activation;
use contractive_core::parameters::layout;
use contractive_core::reference::Matrix;

use crate::trial::Trial;

/// One encoder layer at one row.
pub struct LayerAt {
    pub activation: Activation,
    pub W: Matrix,
    pub input: Vec<f64>,
    pub z: Vec<f64>,
    pub a: Vec<f64>,
}

/// φ(z) and φ′(z).
pub fn phi(activation: Activation, z: f64) -> (f64, f64) {
    let sigma = 1.0 / (1.0 + (-z).exp());
    match activation {
        Activation::Identity => (z, 1.0),
        Activation::Sigmoid => (sigma, sigma - sigma * sigma),
        Activation::Tanh => (z.tanh(), 1.0 / z.cosh().powi(2)),
        Activation::Relu => (if z > 0.0 { z } else { 0.0 }, if z > 0.0 { 1.0 } else { 0.0 }),
        Activation::Softplus => (z.exp().ln_1p(), sigma),
        Activation::Silu => (z * sigma, sigma + z * sigma * (1.0 - sigma)),
        Activation::Gelu => {
            let Phi = 0.5 * (1.0 + libm::erf(z / 2.0_f64.sqrt()));
            (z * Phi, Phi + z * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt())
        }
        other => panic!("{other} has no hand-written form here"),
    }
}

/// The encoder's layers at `x`.
pub fn encode(trial: &Trial, x: &[f64]) -> Vec<LayerAt> {
    let mut input = x.to_vec();
    let places = layout(&trial.architecture);
    let activations = &trial.architecture.encoder_activations;
    let mut layers = Vec::new();
    for (pair, &activation) in places.chunks(2).zip(activations) {
        let W = Matrix::new(pair[0].shape[0], pair[0].shape[1], trial.parameters[pair[0].range()].to_vec());
        let b = &trial.parameters[pair[1].range()];
        let mut z = b.to_vec();
        for j in 0..z.len() {
            for i in 0..input.len() {
                z[j] += W[(j, i)] * input[i];
            }
        }
        let a: Vec<f64> = z.iter().map(|z| phi(activation, *z).0).collect();
        layers.push(LayerAt { activation, W, input: std::mem::replace(&mut input, a.clone()), z, a });
    }
    layers
}

/// J of these layers: J_ji = Σ over all paths, by the chain rule entry by entry.
pub fn jacobian(layers: &[LayerAt]) -> Matrix {
    let d = layers[0].W.columns();
    let mut J = Matrix::identity(d);
    for layer in layers {
        let mut next = Matrix::zeros(layer.z.len(), d);
        for j in 0..layer.z.len() {
            let slope = phi(layer.activation, layer.z[j]).1;
            for i in 0..d {
                for m in 0..layer.W.columns() {
                    next[(j, i)] += slope * layer.W[(j, m)] * J[(m, i)];
                }
            }
        }
        J = next;
    }
    J
}

/// Mean over the clean rows of `f`.
pub fn mean_over_rows(trial: &Trial, f: impl Fn(&[LayerAt]) -> f64) -> f64 {
    let n = trial.rows.rows();
    (0..n).map(|r| f(&encode(trial, trial.rows.row(r)))).sum::<f64>() / n as f64
}

/// Mean over rows of ‖J‖²_F of the whole encoder.
pub fn penalty(trial: &Trial) -> f64 {
    mean_over_rows(trial, |layers| jacobian(layers).values().iter().map(|v| v * v).sum())
}

/// ‖w‖².
pub fn squared_length(w: &[f64]) -> f64 {
    w.iter().map(|w| w * w).sum()
}

/// ∇f at `theta`, entry by entry, by the five-point difference: error O(h⁴).
pub fn differentiate(f: &dyn Fn(&[f64]) -> f64, theta: &[f64]) -> Vec<f64> {
    let h = 5e-4;
    let mut moved = theta.to_vec();
    (0..theta.len())
        .map(|i| {
            let mut at = |step: f64| {
                moved[i] = theta[i] + step;
                f(&moved)
            };
            let slope = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
            moved[i] = theta[i];
            slope
        })
        .collect()
}
