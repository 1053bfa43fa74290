//! ‖∂g(f(x))/∂x‖²_F of the whole network (Alain & Bengio 2014) and ‖∂g/∂h‖²_F of the decoder, exact or by probes.
//!
//! ```text
//! reconstruction   the chain of all layers, encoder then decoder, from x:   P_b = ‖D_n V_n … D_1 W_1‖²_F
//! decoder          the decoder's layers alone, from the clean code h:       P_b = ‖D_n V_n … D_1 V_1‖²_F
//! ```
//!
//! A chain of layers is a deep encoder to [`frobenius_deep`](super::frobenius_deep), whichever layers it is made of: the
//! same pages carry its rows or tangents, in the order that costs least. The chain is run once more for the lane's clean
//! rows, with φ′ and φ″ of every layer; what the penalty leaves in each dZ goes back through the chain here, into sums of
//! its own, and for `decoder` on into the encoder: dZ_L += (∂P/∂h) ∘ φ′_L.
//! Shapes: A_l, dZ_l (rows, m_l), dense; dW_l (m_l, n_l), layer 1 transposed when tangents are carried.
//! Derivation: docs/derivations/reconstruction.md.

use pulp::Arch;

use super::activation::activation_forward;
use super::affine::{
    TransposeScratch, affine_backward_bias, affine_backward_input, affine_backward_weight, affine_forward,
};
use super::frobenius::{frobenius_backward, frobenius_backward_weight, frobenius_forward};
use super::frobenius_deep::WeightSums;
use super::frobenius_deep::code_side::{CodeSideScratch, End, RowStack, ascend, descend, end_backward, end_forward};
use super::frobenius_deep::input_side::{TangentStack, tangents_backward, tangents_forward};
use super::gemm::{Destination, ViewMut};
use super::groups::groups;
use super::operands::{DenseLayer, LayerPass, widest};
use super::strided_rows::StridedRows;
use super::sums::row_square_norms;
use crate::activation::Activation;
use crate::buffer::Buffer;

/// The layers that a Jacobian is taken through, from its input up.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a> {
    /// The layers.
    pub net: &'a [DenseLayer<'a>],
    /// Their biases.
    pub biases: &'a [&'a [f32]],
    /// Their activations.
    pub activations: &'a [Activation],
    /// W_1 W_1ᵀ of the first of them, where [`Carry::Rows`] ends in it.
    pub G: &'a [f32],
}

/// What is carried through the chain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Carry {
    /// Nothing: one layer, closed form.
    Nothing,
    /// Rows from the output down: all of them (0 probes) or this many probes a row.
    Rows {
        /// Random probes a row; 0 for all unit rows.
        probes: usize,
        /// Whether they end in G.
        gram: bool,
    },
    /// Tangents from the input up.
    Tangents,
}

/// One lane's memory.
#[derive(Debug, Clone, Default)]
pub struct ChainMemory {
    /// What is added to dW_l of the chain, and K.
    pub sums: WeightSums,
    /// What is added to db_l of the chain.
    pub db: Vec<Buffer>,
    passes: Vec<LayerPass>,
    A: Vec<Buffer>,
    dA: Buffer,
    q: Buffer,
    s: Buffer,
    rows: RowStack,
    scratch: CodeSideScratch,
    tangents: TangentStack,
    transposes: TransposeScratch,
}

impl ChainMemory {
    /// Sets the sums to zero, sized for `net`.
    pub fn reset(&mut self, net: &[DenseLayer<'_>], carry: Carry) {
        let zero = |sum: &mut Buffer, n: usize| {
            sum.reset(n);
        };
        let gram = matches!(carry, Carry::Rows { gram: true, .. });
        zero(&mut self.sums.K, if gram { net[0].m * net[0].m } else { 0 });
        self.sums.W.resize_with(net.len(), Buffer::new);
        self.db.resize_with(net.len(), Buffer::new);
        for (l, layer) in net.iter().enumerate() {
            zero(&mut self.sums.W[l], layer.m * layer.n);
            zero(&mut self.db[l], layer.m);
        }
    }
}

/// P\[b\] of the chain at `input` (rows, n_1); with `w`, also the sums, and ∂C/∂input into `d_input` unless it is empty.
pub fn chain_forward_backward(
    arch: Arch,
    P: &mut [f64],
    d_input: &mut [f32],
    memory: &mut ChainMemory,
    chain: Chain<'_>,
    carry: Carry,
    input: &[f32],
    probes: &[f32],
    w: Option<&[f32]>,
) {
    let (net, n) = (chain.net, P.len());
    forward(arch, memory, chain, input, n, w.is_some());
    match carry {
        Carry::Nothing => one_layer(arch, P, memory, net, w),
        Carry::Rows { probes: count, gram } => {
            let end = if gram { End::Gram(chain.G) } else { End::Direct };
            let of_one = if count > 0 { count } else { net[net.len() - 1].m };
            for group in groups(n, of_one * widest(net)) {
                let (passes, stack, scratch) = (&mut memory.passes, &mut memory.rows, &mut memory.scratch);
                descend(arch, stack, net, passes, group.clone(), probes, count, false);
                end_forward(arch, P, scratch, stack, &net[0], end);
                if let Some(w) = w {
                    end_backward(arch, &mut memory.sums, scratch, stack, w, &net[0], end);
                    ascend(arch, &mut memory.sums, passes, scratch, stack, net);
                }
            }
        }
        Carry::Tangents => {
            for group in groups(n, net[0].n * widest(net)) {
                tangents_forward(arch, P, &mut memory.tangents, net, &memory.passes, group);
                if let Some(w) = w {
                    let (sums, passes) = (&mut memory.sums, &mut memory.passes);
                    tangents_backward(arch, sums, passes, &mut memory.tangents, net, w);
                }
            }
        }
    }
    if w.is_some() {
        backward(arch, d_input, memory, net, carry, input, n);
    }
}

/// A_l, φ′ and φ″ of every layer; dZ = 0.
fn forward(arch: Arch, memory: &mut ChainMemory, chain: Chain<'_>, input: &[f32], n: usize, gradient: bool) {
    memory.passes.resize_with(chain.net.len(), LayerPass::default);
    memory.A.resize_with(chain.net.len(), Buffer::new);
    for (l, layer) in chain.net.iter().enumerate() {
        let (below, here) = memory.A.split_at_mut(l);
        let data = if l == 0 { input } else { &below[l - 1] };
        let pass = &mut memory.passes[l];
        here[0].resize(n * layer.m);
        pass.d.resize(n * layer.m);
        pass.dd.resize(if gradient && layer.is_smooth { n * layer.m } else { 0 });
        pass.dZ.reset(if gradient { n * layer.m } else { 0 });
        let A = StridedRows { data, rows: n, columns: layer.n, stride: layer.n };
        affine_forward(&mut here[0], layer.m, A, layer.forward(), chain.biases[l], &mut memory.transposes);
        activation_forward(arch, chain.activations[l], &mut here[0], &mut pass.d, &mut pass.dd);
    }
}

/// [`frobenius`](super::frobenius) of the only layer; its s is turned into dW at once.
fn one_layer(arch: Arch, P: &mut [f64], memory: &mut ChainMemory, net: &[DenseLayer<'_>], w: Option<&[f32]>) {
    let (layer, pass) = (&net[0], &mut memory.passes[0]);
    memory.q.resize(layer.m);
    row_square_norms(arch, &mut memory.q, layer.W, layer.n);
    frobenius_forward(arch, P, &pass.d, &memory.q);
    if let Some(w) = w {
        memory.s.reset(layer.m);
        frobenius_backward(arch, &mut pass.dZ, &mut memory.s, &pass.d, &pass.dd, &memory.q, w);
        frobenius_backward_weight(arch, &mut memory.sums.W[0], layer.W, &memory.s);
    }
}

/// Every layer's dZ, back through the chain: dW_l += dZ_lᵀ A_{l−1}, db_l += Σ dZ_l, dZ_{l−1} += (dZ_l W_l) ∘ φ′_{l−1}.
fn backward(
    arch: Arch,
    d_input: &mut [f32],
    memory: &mut ChainMemory,
    net: &[DenseLayer<'_>],
    carry: Carry,
    input: &[f32],
    n: usize,
) {
    for (l, layer) in net.iter().enumerate().rev() {
        let data = if l == 0 { input } else { &memory.A[l - 1] };
        let A = StridedRows { data, rows: n, columns: layer.n, stride: layer.n };
        let (below, here) = memory.passes.split_at_mut(l);
        let dZ = StridedRows { data: &here[0].dZ, rows: n, columns: layer.m, stride: layer.m };
        let dW = &mut memory.sums.W[l];
        if l == 0 && carry == Carry::Tangents {
            affine_backward_weight(ViewMut::new(dW, A.columns, dZ.columns), Destination::Add, [0, 0], A, dZ);
        } else {
            affine_backward_weight(ViewMut::new(dW, dZ.columns, A.columns), Destination::Add, [0, 0], dZ, A);
        }
        affine_backward_bias(arch, &mut memory.db[l], dZ);
        if l == 0 && d_input.is_empty() {
            return;
        }
        let dA = if l == 0 {
            &mut *d_input
        } else {
            memory.dA.resize(n * layer.n);
            &mut memory.dA[..]
        };
        affine_backward_input(dA, dZ, layer.backward(), layer.n, &mut memory.transposes);
        if let Some(pass) = below.last_mut() {
            for ((dZ, &dA), &d) in pass.dZ.iter_mut().zip(&*dA).zip(&pass.d) {
                *dZ += dA * d;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::transpose::transpose;
    use super::*;
    use crate::reference::{Batch, Matrix, Network, objective_and_gradient};
    use crate::{Architecture, Loss, Objective, Penalty};

    fn numbers(n: usize, scale: f64) -> Vec<f64> {
        (1..=n).map(|i| f64::from((scale * ((i as f64 * 0.754_877_666).fract() - 0.5)) as f32)).collect()
    }

    /// The gradient first: one hidden layer and a linear decoder V have the closed form sᵀ((VᵀV) ∘ (W Wᵀ))s, s = φ′(z).
    /// Its value and its derivative along each weight, by central differences, are what the reference says of `reconstruction`.
    #[test]
    fn a_linear_decoder_has_the_closed_form() {
        let sizes = Architecture::mirrored(5, &[3], Activation::Tanh, Activation::Tanh, Activation::Identity, false);
        let (n_parameters, x) = (15 + 3 + 15 + 5, Matrix::new(1, 5, numbers(5, 2.0)));
        let closed = |p: &[f64]| {
            let (W, b, V) = (&p[..15], &p[15..18], &p[18..33]);
            let s: Vec<f64> = (0..3)
                .map(|j| Activation::Tanh.derivative(b[j] + (0..5).map(|i| W[5 * j + i] * x.row(0)[i]).sum::<f64>()))
                .collect();
            let mut sum = 0.0;
            for j in 0..3 {
                for l in 0..3 {
                    let of_W: f64 = (0..5).map(|i| W[5 * j + i] * W[5 * l + i]).sum();
                    let of_V: f64 = (0..5).map(|i| V[3 * i + j] * V[3 * i + l]).sum();
                    sum += s[j] * of_V * of_W * s[l];
                }
            }
            sum
        };
        let p = numbers(n_parameters, 1.6);
        let gradient = |penalty, contraction| {
            let network = Network::new(&sizes, &p).unwrap();
            let objective = Objective::new(Loss::Sse, penalty, contraction);
            let batch = Batch { rows: &x, corrupted: None, draws: &[] };
            objective_and_gradient(&network, &objective, &batch).unwrap()
        };
        let penalty = Penalty::Reconstruction { probes: 0 };
        let (with, without) = (gradient(penalty, 1.0), gradient(penalty, 0.0));
        assert!((with.terms.penalty - closed(&p)).abs() < 1e-12);
        let (with, without) = (with.gradient.flatten(), without.gradient.flatten());
        for i in 0..n_parameters {
            let moved = |by: f64| {
                let mut q = p.clone();
                q[i] += by;
                closed(&q)
            };
            let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((with[i] - without[i] - slope).abs() < 1e-8, "parameter {i}: {} not {slope}", with[i] - without[i]);
        }
    }

    /// Rows, tangents and the explicit product agree on a chain, in P and in every sum.
    #[test]
    fn every_way_through_a_chain_agrees() {
        let arch = Arch::new();
        let sizes = [4, 6, 3, 5];
        let weights: Vec<Vec<f32>> =
            sizes.windows(2).map(|p| numbers(p[0] * p[1], 1.5).iter().map(|v| *v as f32).collect()).collect();
        let biases: Vec<Vec<f32>> =
            sizes[1..].iter().map(|&m| numbers(m, 0.5).iter().map(|v| *v as f32).collect()).collect();
        let transposed: Vec<Vec<f32>> = weights
            .iter()
            .zip(sizes.windows(2))
            .map(|(W, p)| {
                let mut T = vec![0.0; W.len()];
                transpose(&mut T, p[1], StridedRows::dense(W, p[1], p[0]));
                T
            })
            .collect();
        let net: Vec<DenseLayer<'_>> = (0..3)
            .map(|l| DenseLayer { W: &weights[l], WT: &transposed[l], m: sizes[l + 1], n: sizes[l], is_smooth: true })
            .collect();
        let b: Vec<&[f32]> = biases.iter().map(|b| &b[..]).collect();
        let G: Vec<f32> =
            (0..36).map(|i| (0..4).map(|c| weights[0][i / 6 * 4 + c] * weights[0][i % 6 * 4 + c]).sum()).collect();
        let chain = Chain { net: &net, biases: &b, activations: &[Activation::Tanh; 3], G: &G };
        let input: Vec<f32> = numbers(8, 2.0).iter().map(|v| *v as f32).collect();
        let run = |carry| {
            let (mut P, mut d_input, mut memory) = (vec![0.0; 2], vec![0.0; 8], ChainMemory::default());
            memory.reset(&net, carry);
            chain_forward_backward(
                arch,
                &mut P,
                &mut d_input,
                &mut memory,
                chain,
                carry,
                &input,
                &[],
                Some(&[0.5, 0.25]),
            );
            (P, d_input, memory)
        };
        let (P, d_input, by_rows) = run(Carry::Rows { probes: 0, gram: false });
        assert!(P.iter().all(|p| *p > 1e-3));
        let close = |a: f64, b: f64| (a - b).abs() < 1e-5 * (1.0 + a.abs());
        for carry in [Carry::Rows { probes: 0, gram: true }, Carry::Tangents] {
            let (other, other_d, memory) = run(carry);
            assert!(P.iter().zip(&other).all(|(a, b)| close(*a, *b)), "{carry:?}: {P:?} {other:?}");
            assert!(d_input.iter().zip(&other_d).all(|(a, b)| close(f64::from(*a), f64::from(*b))), "{carry:?}");
            for l in 1..3 {
                let pairs =
                    by_rows.sums.W[l].iter().zip(&memory.sums.W[l]).chain(by_rows.db[l].iter().zip(&memory.db[l]));
                assert!(pairs.clone().any(|(a, _)| *a != 0.0));
                for (a, b) in pairs {
                    assert!(close(f64::from(*a), f64::from(*b)), "{carry:?} layer {l}: {a} and {b}");
                }
            }
        }
    }
}
