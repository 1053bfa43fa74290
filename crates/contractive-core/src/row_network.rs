//! A network applied to one row at a time, in f64: code, reconstruction, ‖J‖²_F and J.
//!
//! The engine cuts a batch into lanes and hands them to a matrix product in f32, whose last bit may depend on how many
//! rows are in the call. Here a row's numbers depend on that row alone: every sum runs in one fixed order.
//!
//! This forward pass and this Jacobian stand beside those of [`reference`](mod@crate::reference), which
//! [`jacobian::explicit`](crate::jacobian::explicit) uses, because the bits of both are kept: a sum here starts from the
//! bias and dot products have four running sums, which compile to vector instructions; the reference adds the bias last
//! and sums left to right. The reference also judges this file, and so cannot share its code.
#![allow(non_snake_case)] // J as in the formulas

use std::ops::Range;

use crate::activation::Activation;
use crate::parameters::Parameters;

/// One layer, its weights transposed: (in, out), so that a row's sums run over neighbouring numbers.
struct RowLayer {
    weights: Vec<f64>,
    bias: Vec<f64>,
    activation: Activation,
}

impl RowLayer {
    fn n_in(&self) -> usize {
        self.weights.len() / self.n_out()
    }

    fn n_out(&self) -> usize {
        self.bias.len()
    }

    /// a = φ(Wx + b), and φ′ where it is asked for.
    fn forward(&self, x: &[f64], a: &mut Vec<f64>, slope: Option<&mut Vec<f64>>) {
        a.clear();
        a.extend_from_slice(&self.bias);
        for (x, w) in x.iter().zip(self.weights.chunks_exact(self.n_out())) {
            a.iter_mut().zip(w).for_each(|(a, w)| *a += x * w);
        }
        if let Some(slope) = slope {
            slope.clear();
            slope.extend(a.iter().map(|z| self.activation.derivative(*z)));
        }
        a.iter_mut().for_each(|z| *z = self.activation.value(*z));
    }
}

/// An encoder and a decoder in f64, with what ‖J‖²_F needs of the weights computed once.
pub struct RowNetwork {
    encoder: Vec<RowLayer>,
    decoder: Vec<RowLayer>,
    square: SquaredNorm,
}

/// The most numbers of a matrix (m₁, m₁) that has more of them than the weights it comes from: 64 MiB.
const MOST_SQUARE: usize = 1 << 23;

/// The most numbers of a block of rows of J, or of what J is a product of, while one row has less: 8 MiB.
const MOST_BLOCK: usize = 1 << 20;

/// How ‖J‖²_F is computed.
enum SquaredNorm {
    /// Two layers of which the second has a constant slope c: with s = φ′(z_1), ‖c W₂ diag(s) W₁‖² = sᵀ P s,
    /// P = c² (W₂ᵀW₂) ∘ (W₁W₁ᵀ), (m₁, m₁).
    Form(Vec<f64>),
    /// G = W₁W₁ᵀ, (m₁, m₁): ‖A W₁‖² = Σ (A G) ∘ A costs m₁² instead of m₁·d a row of A.
    Gram(Vec<f64>),
    /// From all entries of J.
    Explicit,
}

impl SquaredNorm {
    /// The cheapest way for this encoder.
    fn of(encoder: &[RowLayer]) -> Self {
        match encoder {
            [first, second] if second.activation == Activation::Identity && is_in_proportion(first, second) => {
                // Row i of the transposed W₂ is column i of W₂.
                let mut form = gram(first);
                let columns: Vec<&[f64]> = second.weights.chunks_exact(second.n_out()).collect();
                for (i, row) in form.chunks_exact_mut(first.n_out()).enumerate() {
                    row.iter_mut().zip(&columns).for_each(|(p, column)| *p *= dot(columns[i], column));
                }
                SquaredNorm::Form(form)
            }
            [first, ..] if first.n_out() < first.n_in() => SquaredNorm::Gram(gram(first)),
            _ => SquaredNorm::Explicit,
        }
    }
}

/// Whether P of these layers is small, or no larger than they are.
fn is_in_proportion(first: &RowLayer, second: &RowLayer) -> bool {
    let square = first.n_out().saturating_mul(first.n_out());
    square <= MOST_SQUARE.max(first.weights.len() + second.weights.len())
}

/// What a network computes from one row; its buffers are reused from row to row.
#[derive(Debug, Default)]
pub struct RowOutput {
    /// The code h, k numbers.
    pub code: Vec<f64>,
    /// The reconstruction x̂, d numbers.
    pub reconstruction: Vec<f64>,
    /// ‖J‖²_F.
    pub jacobian_square: f64,
    /// J = ∂h/∂x, (k, d), where it was asked for.
    pub J: Vec<f64>,
    slopes: Vec<Vec<f64>>,
    from: Vec<f64>,
    to: Vec<f64>,
}

impl RowNetwork {
    /// The network with these parameters.
    pub fn new(parameters: &Parameters) -> Self {
        let architecture = parameters.architecture();
        let encoder = layers(parameters, "encoder", &architecture.encoder_sizes, &architecture.encoder_activations);
        let decoder = layers(parameters, "decoder", &architecture.decoder_sizes, &architecture.decoder_activations);
        let square = SquaredNorm::of(&encoder);
        RowNetwork { encoder, decoder, square }
    }

    /// Applies the network to the row `x`, which has d numbers; `wants_J` asks for the whole Jacobian in `out.J`.
    pub fn apply(&self, x: &[f64], wants_J: bool, out: &mut RowOutput) {
        self.reconstruct(x, out);
        out.J.clear();
        if let SquaredNorm::Form(form) = &self.square {
            out.jacobian_square = quadratic_forms(0.0, &out.slopes[0], form, self.encoder[0].n_out()).max(0.0);
        }
        if wants_J || !matches!(self.square, SquaredNorm::Form(_)) {
            self.jacobian(wants_J, out);
        }
    }

    /// Sets the code and the reconstruction of the row `x` alone; the rest of `out` keeps what it had.
    pub fn reconstruct(&self, x: &[f64], out: &mut RowOutput) {
        out.slopes.resize_with(self.encoder.len(), Vec::new);
        let (mut from, mut to) = (std::mem::take(&mut out.from), std::mem::take(&mut out.to));
        from.clear();
        from.extend_from_slice(x);
        for (layer, slope) in self.encoder.iter().zip(&mut out.slopes) {
            layer.forward(&from, &mut to, Some(slope));
            std::mem::swap(&mut from, &mut to);
        }
        out.code.clone_from(&from);
        for layer in &self.decoder {
            layer.forward(&from, &mut to, None);
            std::mem::swap(&mut from, &mut to);
        }
        out.reconstruction.clone_from(&from);
        (out.from, out.to) = (from, to);
    }

    /// How much each feature of `x` drives first-layer units away from where they move: Σ_i |W_ij x_j| (1 − |φ′_i|), with
    /// `output` that of `x`. Slopes above 1 count as 1.
    pub fn drive(&self, x: &[f64], output: &RowOutput) -> Vec<f64> {
        let first = &self.encoder[0];
        let fallen: Vec<f64> = output.slopes[0].iter().map(|s| 1.0 - s.abs().min(1.0)).collect();
        let weights = first.weights.chunks_exact(first.n_out());
        x.iter()
            .zip(weights)
            .map(|(x, w)| x.abs() * w.iter().zip(&fallen).map(|(w, f)| w.abs() * f).sum::<f64>())
            .collect()
    }

    /// J = D_L W_L … D_1 W_1 from the code's side, by blocks of its k rows.
    fn jacobian(&self, wants_J: bool, out: &mut RowOutput) {
        let k = out.code.len();
        let widest = self.encoder.iter().map(|layer| layer.n_in().max(layer.n_out())).max().unwrap_or(1);
        // Whole fours, so that the sums of squares run as they would over all rows at once.
        let step = (MOST_BLOCK / widest / 4).max(1) * 4;
        let (mut A, mut B) = (std::mem::take(&mut out.from), std::mem::take(&mut out.to));
        let (mut squares, mut forms) = (Products::default(), 0.0);
        for start in (0..k).step_by(step) {
            self.through_encoder(start..k.min(start + step), &out.slopes, &mut A, &mut B);
            if let SquaredNorm::Gram(gram) = &self.square {
                forms = quadratic_forms(forms, &A, gram, self.encoder[0].n_out());
            }
            if wants_J || matches!(self.square, SquaredNorm::Explicit) {
                times_weight(&A, &self.encoder[0], &mut B);
                if matches!(self.square, SquaredNorm::Explicit) {
                    squares.add(&B, &B);
                }
                if wants_J {
                    out.J.extend_from_slice(&B);
                }
            }
        }
        match self.square {
            SquaredNorm::Gram(_) => out.jacobian_square = forms.max(0.0),
            SquaredNorm::Explicit => out.jacobian_square = squares.sum(),
            SquaredNorm::Form(_) => {}
        }
        (out.from, out.to) = (A, B);
    }

    /// A = `rows` of D_L W_L … D_2 W_2 D_1, (rows, m_1); `B` is written over.
    fn through_encoder(&self, rows: Range<usize>, slopes: &[Vec<f64>], A: &mut Vec<f64>, B: &mut Vec<f64>) {
        let last = &slopes[self.encoder.len() - 1];
        let k = last.len();
        A.clear();
        A.resize(rows.len() * k, 0.0);
        for (i, j) in rows.enumerate() {
            A[i * k + j] = last[j];
        }
        for l in (1..self.encoder.len()).rev() {
            times_weight(A, &self.encoder[l], B);
            for row in B.chunks_exact_mut(slopes[l - 1].len()) {
                row.iter_mut().zip(&slopes[l - 1]).for_each(|(a, slope)| *a *= slope);
            }
            std::mem::swap(A, B);
        }
    }
}

/// The layers of `encoder` or `decoder`.
fn layers(parameters: &Parameters, name: &str, sizes: &[usize], activations: &[Activation]) -> Vec<RowLayer> {
    let depth = activations.len();
    let wide = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect();
    let layer = |l: usize| {
        let weights = match parameters.tensor(&format!("{name}.{l}.weight")) {
            Some(w) => transposed(w, sizes[l + 1], sizes[l]),
            // Tied: the decoder's weight is the mirrored encoder's, transposed, which is how it lies here.
            None => wide(parameters.encoder_weight(depth - 1 - l).values()),
        };
        let bias = parameters.tensor(&format!("{name}.{l}.bias")).unwrap_or_default();
        RowLayer { weights, bias: wide(bias), activation: activations[l] }
    };
    (0..depth).map(layer).collect()
}

fn transposed(w: &[f32], rows: usize, columns: usize) -> Vec<f64> {
    (0..columns).flat_map(|j| (0..rows).map(move |i| f64::from(w[i * columns + j]))).collect()
}

fn gram(layer: &RowLayer) -> Vec<f64> {
    let m = layer.n_out();
    let mut gram = vec![0.0; m * m];
    for w in layer.weights.chunks_exact(m) {
        for (a, row) in w.iter().zip(gram.chunks_exact_mut(m)) {
            row.iter_mut().zip(w).for_each(|(g, b)| *g += a * b);
        }
    }
    gram
}

/// B = A W, A (k, out), W (out, in).
fn times_weight(A: &[f64], layer: &RowLayer, B: &mut Vec<f64>) {
    let (n_in, n_out) = (layer.n_in(), layer.n_out());
    B.clear();
    for a in A.chunks_exact(n_out) {
        // Column i of W is row i of the transposed weights.
        B.extend(layer.weights.chunks_exact(n_out).map(|w| dot(a, w)));
    }
    debug_assert_eq!(B.len(), A.len() / n_out * n_in);
}

/// `sum` and Σ over rows a of A of aᵀ G a.
fn quadratic_forms(sum: f64, A: &[f64], gram: &[f64], m: usize) -> f64 {
    let of_row = |a: &[f64]| a.iter().zip(gram.chunks_exact(m)).map(|(a_i, g)| a_i * dot(a, g)).sum::<f64>();
    A.chunks_exact(m).map(of_row).fold(sum, |sum, form| sum + form)
}

/// Σ_i a_i b_i over parts that come one after the other, as [`dot`] of all of them. All parts but the last have whole fours.
#[derive(Default)]
struct Products {
    sums: [f64; 4],
    rest: f64,
}

impl Products {
    #[inline]
    fn add(&mut self, a: &[f64], b: &[f64]) {
        let (a4, b4) = (a.as_chunks::<4>(), b.as_chunks::<4>());
        for (x, y) in a4.0.iter().zip(b4.0) {
            for i in 0..4 {
                self.sums[i] += x[i] * y[i];
            }
        }
        self.rest = a4.1.iter().zip(b4.1).map(|(x, y)| x * y).sum();
    }

    #[inline]
    fn sum(&self) -> f64 {
        let [a, b, c, d] = self.sums;
        (a + b) + (c + d) + self.rest
    }
}

/// Σ_i a_i b_i in four running sums, which the compiler can keep in one vector register.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut products = Products::default();
    products.add(a, b);
    products.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Architecture;
    use crate::initialisation::Initialisation;
    use crate::random::{Purpose, Stream};
    use crate::reference::Network;
    use crate::reference::jacobian::jacobian;
    use crate::reference::network::forward;

    fn drawn(d: usize, hidden: &[usize], tied: bool, code: Activation) -> Parameters {
        let net = Architecture::mirrored(d, hidden, Activation::Tanh, code, Activation::Identity, tied);
        let mut stream = Stream::new(5, Purpose::Initialisation, 0, 0);
        Initialisation::GlorotUniform.parameters(&net, || stream.uniform()).unwrap()
    }

    #[test]
    fn layers_that_are_wide_take_memory_in_proportion() {
        // P alone would be 28.8 GB, of weights of a megabyte.
        let parameters = drawn(3, &[60_000, 2], false, Activation::Identity);
        let (x, mut out) = ([0.3, -0.2, 0.9], RowOutput::default());
        RowNetwork::new(&parameters).apply(&x, false, &mut out);
        let exact = jacobian(Network::from(&parameters).encoder(), &x).J().squared_norm();
        assert!((out.jacobian_square - exact).abs() < 1e-9 * exact, "{} {exact}", out.jacobian_square);
        // J is 2.3 GB of a bottleneck: it is squared by parts of its rows, to the bits of one sum over all.
        let parameters = drawn(17_000, &[1, 17_001], false, Activation::Sigmoid);
        let mut out = RowOutput::default();
        RowNetwork::new(&parameters).apply(&vec![0.01; 17_000], false, &mut out);
        assert!(out.from.capacity().max(out.to.capacity()) <= MOST_BLOCK, "{}", out.from.capacity());
        assert!(out.jacobian_square > 0.0);
    }

    #[test]
    fn squares_by_parts_are_those_of_all() {
        let all: Vec<f64> = (0..41).map(|i| (f64::from(i) * 0.7).sin()).collect();
        let mut squares = Products::default();
        [0..12, 12..40, 40..41].into_iter().for_each(|part| squares.add(&all[part.clone()], &all[part]));
        assert_eq!(squares.sum().to_bits(), dot(&all, &all).to_bits());
    }

    #[test]
    fn a_row_comes_out_as_the_reference_says() {
        for (hidden, tied, code) in [
            (&[5, 3][..], false, Activation::Sigmoid),
            (&[4], false, Activation::Sigmoid),
            (&[9], true, Activation::Identity),
            (&[20, 6, 4], true, Activation::Tanh),
            (&[5, 3], true, Activation::Identity),
            (&[16, 6], false, Activation::Identity),
        ] {
            let parameters = drawn(7, hidden, tied, code);
            let reference = Network::from(&parameters);
            let x: Vec<f64> = (0..7).map(|i| (f64::from(i) * 1.3).sin()).collect();
            let mut out = RowOutput::default();
            RowNetwork::new(&parameters).apply(&x, true, &mut out);
            let trace = forward(reference.encoder(), &x);
            let output = forward(reference.decoder(), trace.output());
            let at = jacobian(reference.encoder(), &x);
            let near = |a: &[f64], b: &[f64]| {
                assert_eq!(a.len(), b.len());
                a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{a} {b}"));
            };
            near(&out.code, trace.output());
            near(&out.reconstruction, output.output());
            near(&out.J, at.J().values());
            near(&[out.jacobian_square], &[at.J().squared_norm()]);
            let with_J = out.jacobian_square;
            RowNetwork::new(&parameters).apply(&x, false, &mut out);
            assert_eq!(out.jacobian_square.to_bits(), with_J.to_bits());
        }
    }
}
