//! Σ_i ‖(f(x+εe_i) − f(x−εe_i))/2ε‖², or the mean of the same along random directions u, in f64.
//!
//! ```text
//! z_1(x ± εu) = z_1(x) ± ε W_1 u                 the first layer needs no product: W_1 e_i is a column of W_1
//! c_i = (f(x+εu_i) − f(x−εu_i)) / 2ε             P_b = c Σ_i ‖c_i‖²,  c = 1 for coordinates, 1/n for n directions
//! ∂P_b/∂f(x±εu_i) = ± c · c_i / ε                then plain backpropagation through both
//! dW_1 u-part: ε (δ_i⁺ − δ_i⁻) u_iᵀ              x-part: Σ_i (δ_i⁺ + δ_i⁻), the adjoint of z_1(x)
//! ```
//!
//! Differences of nearly equal numbers: in f32 a step of 1e-6 leaves no correct digit, and the gradient subtracts two
//! terms of size 1/ε once more. Hence f64 throughout; the result is rounded to f32 once. Cost: 2n forward and backward
//! passes of all layers but the first, n = d for coordinates. Shapes: Z_l, A_l (2n, m_l), the + rows first.
//! Derivation: docs/derivations/finite-difference.md.

use super::gemm::{Destination, View, ViewMut, gemm};
use crate::activation::Activation;
use crate::buffer::Buffer;

/// An encoder layer in f64.
#[derive(Debug, Clone)]
pub struct Layer64 {
    /// Weights (m, n).
    pub W: Vec<f64>,
    /// The same transposed, (n, m).
    pub WT: Vec<f64>,
    /// Biases (m).
    pub b: Vec<f64>,
    /// φ.
    pub activation: Activation,
}

/// Gradients and scratch of one lane, f64.
#[derive(Debug, Clone, Default)]
pub struct FiniteDifferenceScratch {
    /// What is added to dW_l; layer 1 transposed, (d, m_1).
    pub dW: Vec<Vec<f64>>,
    /// What is added to db_l, l ≥ 2 (that of layer 1 comes with dZ).
    pub db: Vec<Vec<f64>>,
    /// φ(z_l) and φ′(z_l).
    A: Vec<Vec<f64>>,
    D: Vec<Vec<f64>>,
    base: Vec<f64>,
    X: Vec<f64>,
    other: Vec<f64>,
}

impl FiniteDifferenceScratch {
    /// Adds the gradients, rounded once, to f32 sums.
    pub fn round_into(&self, dW: &mut [Buffer], db: &mut [Buffer]) {
        for (to, from) in dW.iter_mut().zip(&self.dW).chain(db.iter_mut().zip(&self.db)) {
            to.iter_mut().zip(from).for_each(|(t, f)| *t += *f as f32);
        }
    }

    /// Sets the gradients to zero, sized for `net`.
    pub fn reset(&mut self, net: &[Layer64]) {
        self.dW.resize_with(net.len(), Vec::new);
        self.db.resize_with(net.len(), Vec::new);
        for (l, layer) in net.iter().enumerate() {
            self.dW[l].clear();
            self.dW[l].resize(layer.W.len(), 0.0);
            self.db[l].clear();
            self.db[l].resize(layer.b.len(), 0.0);
        }
    }
}

/// P\[b\] of every row of `X` along its directions `u(b)`; with `w`, the gradients into the scratch and `dZ` (rows, m_1).
pub fn finite_difference_rows<'u>(
    P: &mut [f64],
    dZ: &mut [f32],
    scratch: &mut FiniteDifferenceScratch,
    net: &[Layer64],
    X: &[f32],
    u: impl Fn(usize) -> &'u [f32],
    epsilon: f64,
    w: Option<f32>,
) {
    let (d, m) = (X.len() / P.len(), net[0].b.len());
    scratch.reset(net);
    for (b, P) in P.iter_mut().enumerate() {
        *P = finite_difference_forward(scratch, net, &X[b * d..(b + 1) * d], u(b), epsilon);
        if let Some(w) = w {
            let dZ = &mut dZ[b * m..(b + 1) * m];
            finite_difference_backward(dZ, scratch, net, u(b), epsilon, f64::from(w));
        }
    }
}

/// The value for one row `x` (d), into the return value; fills the scratch for the backward pass.
///
/// `directions` is (n, d), or empty for the d coordinates.
pub fn finite_difference_forward(
    scratch: &mut FiniteDifferenceScratch,
    net: &[Layer64],
    x: &[f32],
    directions: &[f32],
    epsilon: f64,
) -> f64 {
    let d = x.len();
    let n = if directions.is_empty() { d } else { directions.len() / d };
    scratch.A.resize_with(net.len(), Vec::new);
    scratch.D.resize_with(net.len(), Vec::new);
    let first = &net[0];
    let m = first.b.len();
    scratch.base.clear();
    scratch.base.extend((0..m).map(|j| first.b[j] + product(&first.W[j * d..(j + 1) * d], x)));
    let Z = resized(&mut scratch.A[0], 2 * n * m);
    for i in 0..n {
        for j in 0..m {
            let row = &first.W[j * d..(j + 1) * d];
            let shift = if directions.is_empty() { row[i] } else { product(row, &directions[i * d..(i + 1) * d]) };
            Z[i * m + j] = scratch.base[j] + epsilon * shift;
            Z[(n + i) * m + j] = scratch.base[j] - epsilon * shift;
        }
    }
    for (l, layer) in net.iter().enumerate() {
        let m = layer.b.len();
        let (below, here) = scratch.A.split_at_mut(l);
        let Z = resized(&mut here[0], 2 * n * m);
        if l > 0 {
            let inputs = layer.W.len() / m;
            let A = View::new(&below[l - 1], 2 * n, inputs);
            gemm(ViewMut::new(Z, 2 * n, m), Destination::Bias(&layer.b), 1.0, A, View::new(&layer.WT, inputs, m));
        }
        let D = resized(&mut scratch.D[l], 2 * n * m);
        for (z, d) in Z.iter_mut().zip(D) {
            *d = layer.activation.derivative(*z);
            *z = layer.activation.value(*z);
        }
    }
    let f = &scratch.A[net.len() - 1];
    let half = f.len() / 2;
    let sum: f64 = f[..half].iter().zip(&f[half..]).map(|(a, b)| ((a - b) / (2.0 * epsilon)).powi(2)).sum();
    if directions.is_empty() { sum } else { sum / n as f64 }
}

/// Adds w ∂P/∂θ to the scratch's gradients and w ∂P/∂z_1(x) to `dZ` (m_1), after a forward call for the same row.
pub fn finite_difference_backward(
    dZ: &mut [f32],
    scratch: &mut FiniteDifferenceScratch,
    net: &[Layer64],
    directions: &[f32],
    epsilon: f64,
    w: f64,
) {
    let depth = net.len();
    let d = net[0].W.len() / net[0].b.len();
    let n = if directions.is_empty() { d } else { directions.len() / d };
    let c = if directions.is_empty() { w } else { w / n as f64 };
    let f = &scratch.A[depth - 1];
    let half = f.len() / 2;
    let X = resized(&mut scratch.X, f.len());
    for i in 0..half {
        let slope = c * (f[i] - f[half + i]) / (2.0 * epsilon * epsilon);
        (X[i], X[half + i]) = (slope, -slope);
    }
    for l in (0..depth).rev() {
        let m = net[l].b.len();
        let X = &mut scratch.X[..2 * n * m];
        X.iter_mut().zip(&scratch.D[l]).for_each(|(x, d)| *x *= d);
        if l == 0 {
            break;
        }
        let inputs = net[l].W.len() / m;
        for row in X.chunks_exact(m) {
            scratch.db[l].iter_mut().zip(row).for_each(|(g, x)| *g += x);
        }
        let delta = View::new(&*X, 2 * n, m);
        let A = View::new(&scratch.A[l - 1], 2 * n, inputs);
        gemm(ViewMut::new(&mut scratch.dW[l], m, inputs), Destination::Add, 1.0, delta.t(), A);
        let next = resized(&mut scratch.other, 2 * n * inputs);
        gemm(ViewMut::new(next, 2 * n, inputs), Destination::Set, 1.0, delta, View::new(&net[l].W, m, inputs));
        std::mem::swap(&mut scratch.X, &mut scratch.other);
    }
    let m = net[0].b.len();
    scratch.base.fill(0.0);
    let shift = resized(&mut scratch.other, m);
    for i in 0..n {
        let (plus, minus) = (&scratch.X[i * m..(i + 1) * m], &scratch.X[(n + i) * m..(n + i + 1) * m]);
        for j in 0..m {
            scratch.base[j] += plus[j] + minus[j];
            shift[j] = epsilon * (plus[j] - minus[j]);
        }
        // dW_1 lies transposed, so that each coordinate adds to m neighbours.
        let mut add = |t: usize, u: f64| {
            let row = &mut scratch.dW[0][t * m..(t + 1) * m];
            row.iter_mut().zip(&*shift).for_each(|(g, s)| *g += u * s);
        };
        if directions.is_empty() {
            add(i, 1.0);
        } else {
            directions[i * d..(i + 1) * d].iter().enumerate().for_each(|(t, &u)| add(t, f64::from(u)));
        }
    }
    dZ.iter_mut().zip(&scratch.base).for_each(|(g, x)| *g += *x as f32);
}

/// ⟨row, v⟩ with v in f32, in eight sums that the compiler can keep in vector registers.
fn product(row: &[f64], v: &[f32]) -> f64 {
    let mut sums = [0.0; 8];
    let (rows, vs) = (row.chunks_exact(8), v.chunks_exact(8));
    let rest: f64 = rows.remainder().iter().zip(vs.remainder()).map(|(a, &b)| a * f64::from(b)).sum();
    for (a, b) in rows.zip(vs) {
        for i in 0..8 {
            sums[i] += a[i] * f64::from(b[i]);
        }
    }
    sums.iter().sum::<f64>() + rest
}

fn resized(buffer: &mut Vec<f64>, n: usize) -> &mut [f64] {
    if buffer.len() != n {
        buffer.resize(n, 0.0);
    }
    buffer
}

#[cfg(test)]
mod tests {
    use super::super::trial::{ROUNDING, Trial, assert_close, assert_same_gradient, numbers, wide};
    use super::*;
    use crate::reference::Matrix;
    use crate::reference::network::{LayerGradient, backward, forward};

    /// Value and gradient of the first row, `times` backward passes; `directions` empty for the coordinates.
    fn by_the_page(trial: &Trial, directions: &[f32], epsilon: f64, times: usize) -> (f64, Vec<LayerGradient>) {
        let layer = |l: &crate::reference::Layer| Layer64 {
            W: l.W.values().to_vec(),
            WT: l.W.transposed().values().to_vec(),
            b: l.b.clone(),
            activation: l.activation,
        };
        let net: Vec<Layer64> = trial.encoder.iter().map(layer).collect();
        let (x, mut scratch) = (&trial.X[..trial.d()], FiniteDifferenceScratch::default());
        let points = [x.to_vec()];
        let mut passes = trial.passes(&points);
        let mut value = 0.0;
        scratch.reset(&net);
        for _ in 0..times {
            value = finite_difference_forward(&mut scratch, &net, x, directions, epsilon);
            finite_difference_backward(&mut passes[0][0].dZ, &mut scratch, &net, directions, epsilon, 0.5);
        }
        let mut gradient = trial.backpropagated(&points, &passes);
        for (l, (into, layer)) in gradient.iter_mut().zip(&trial.encoder).enumerate() {
            let (m, n) = (layer.W.rows(), layer.W.columns());
            let dW = scratch.dW[l].clone();
            into.dW.add(&if l == 0 { Matrix::new(n, m, dW).transposed() } else { Matrix::new(m, n, dW) });
            into.db.iter_mut().zip(&scratch.db[l]).for_each(|(g, d)| *g += d);
        }
        (value, gradient)
    }

    /// The definition: f at both shifted points of every direction, and plain backpropagation of ±Q/ε.
    fn by_definition(trial: &Trial, directions: &[f32], epsilon: f64) -> (f64, Vec<LayerGradient>) {
        let (d, net, mut gradient, mut value) = (trial.d(), &trial.encoder, trial.zeros(), 0.0);
        let x = wide(&trial.X[..d]);
        let (U, share) = match directions.is_empty() {
            true => (Matrix::identity(d).values().to_vec(), 1.0),
            false => (wide(directions), d as f64 / directions.len() as f64),
        };
        for u in U.chunks_exact(d) {
            let shifted = |step: f64| forward(net, &x.iter().zip(u).map(|(x, u)| x + step * u).collect::<Vec<_>>());
            let (plus, minus) = (shifted(epsilon), shifted(-epsilon));
            let both = plus.output().iter().zip(minus.output());
            let Q: Vec<f64> = both.map(|(p, m)| (p - m) / (2.0 * epsilon)).collect();
            value += share * Q.iter().map(|q| q * q).sum::<f64>();
            for (at, sign) in [(&plus, 1.0), (&minus, -1.0)] {
                let dh: Vec<f64> = Q.iter().map(|q| 0.5 * share * sign * q / epsilon).collect();
                backward(net, at, &dh, &at.zeros(), &mut gradient);
            }
        }
        (value, gradient)
    }

    fn flat(gradient: &[LayerGradient]) -> Vec<f64> {
        gradient.iter().flat_map(|g| [g.dW.values(), &g.db].concat()).collect()
    }

    /// Two random directions with entries ±1.
    fn two_directions(d: usize) -> Vec<f32> {
        numbers(7, 2 * d).iter().map(|v| v.signum()).collect()
    }

    #[test]
    fn value_and_gradient_agree_with_the_definition() {
        for phi in Activation::ALL {
            for sizes in [&[7, 5][..], &[6, 5, 3], &[4, 6, 5, 7]] {
                let trial = Trial::draw(51, sizes, phi, 1);
                for directions in [vec![], two_directions(sizes[0])] {
                    let label = format!("{phi}, {sizes:?}, {} directions", directions.len() / sizes[0]);
                    let (P, gradient) = by_the_page(&trial, &directions, 0.1, 1);
                    let (want, want_gradient) = by_definition(&trial, &directions, 0.1);
                    assert!((P - want).abs() <= 1e-12 * want, "{label}: {P}, not {want}");
                    // The adjoint of z_1(x) leaves in f32; the rest is f64. A linear net's biases get rounding alone.
                    assert_close(&label, &flat(&gradient), &flat(&want_gradient), 1e-6);
                }
            }
        }
    }

    /// O(ε²): a step a tenth as long leaves a hundredth of the error, in the value and in the gradient.
    #[test]
    fn it_approaches_the_jacobian_with_the_square_of_the_step() {
        for phi in [Activation::Sigmoid, Activation::Tanh, Activation::Gelu, Activation::Softplus] {
            let trial = Trial::draw(52, &[6, 5, 4], phi, 1);
            let (want, want_gradient) = trial.explicit(0.5);
            let errors = |epsilon: f64| {
                let (P, gradient) = by_the_page(&trial, &[], epsilon, 1);
                [(P - want[0]).abs(), gradient[1].dW.minus(&want_gradient[1].dW).squared_norm().sqrt()]
            };
            for (long, short) in errors(1e-1).iter().zip(errors(1e-2)) {
                let slope = (long / short).log10();
                assert!((slope - 2.0).abs() < 0.1, "{phi}: the error falls with slope {slope}");
            }
        }
    }

    /// With this step f32 gives noise of a hundred times the value.
    #[test]
    fn a_step_of_a_millionth_keeps_six_digits() {
        for phi in [Activation::Sigmoid, Activation::Tanh, Activation::Silu] {
            let trial = Trial::draw(53, &[30, 12, 6], phi, 1);
            let (P, gradient) = by_the_page(&trial, &[], 1e-6, 1);
            let (want, want_gradient) = trial.explicit(0.5);
            assert!((P - want[0]).abs() < 1e-6 * want[0], "{phi}: {P}, not {}", want[0]);
            // The gradient subtracts terms of size 1/ε once more.
            assert_same_gradient(phi.name(), &gradient, &want_gradient, 1e-5);
        }
    }

    #[test]
    fn directions_along_the_axes_are_the_coordinates() {
        let trial = Trial::draw(54, &[4, 5, 3], Activation::Elu, 1);
        // √d e_i: the mean over d of them is the sum over the coordinates, at half the step as √4 = 2.
        let axes: Vec<f32> = (0..16).map(|i| if i % 5 == 0 { 2.0 } else { 0.0 }).collect();
        let (P, gradient) = by_the_page(&trial, &axes, 0.05, 1);
        let (want, want_gradient) = by_the_page(&trial, &[], 0.1, 1);
        assert!((P - want).abs() < 1e-12 * want);
        assert_same_gradient("axes", &gradient, &want_gradient, 1e-6);
    }

    #[test]
    fn backward_adds_and_saturated_units_stay_finite() {
        let trial = Trial::draw(55, &[6, 5, 4], Activation::Tanh, 1);
        let (_, mut once) = by_the_page(&trial, &[], 0.1, 1);
        for layer in &mut once {
            layer.dW = layer.dW.scaled(2.0);
            layer.db.iter_mut().for_each(|g| *g *= 2.0);
        }
        assert_same_gradient("twice", &by_the_page(&trial, &[], 0.1, 2).1, &once, ROUNDING);

        let mut saturated = trial;
        saturated.encoder[0].b = vec![1e6, -1e6, 400.0, -400.0, 800.0];
        let (P, gradient) = by_the_page(&saturated, &[], 1e-3, 1);
        assert_eq!(P, 0.0);
        assert!(flat(&gradient).iter().all(|g| *g == 0.0));
    }
}
