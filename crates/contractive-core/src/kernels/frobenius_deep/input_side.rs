//! Input side: the columns of J, carried from the input up as tangents, for narrow inputs or wide codes.
//!
//! The d tangents of each sample of a group stand in one matrix a layer, row (b, i) for input coordinate i:
//!
//! ```text
//! up     V_1 = W_1ᵀ (the same for every sample),  T_1 = V_1 ∘ d_1
//!        V_l = T_{l−1} W_lᵀ,   T_l = V_l ∘ d_l                              l = 2 … L
//!        P_b = Σ_{i} ‖T_L,(b,i)‖²                                            T_L,(b,i) is column i of J_b
//! down   X = 2 w_b T_L
//!        for l = L … 1:  dZ_l += φ″_l ∘ Σ_i X ∘ V_l ;  X = X ∘ d_l ;
//!                        dW_l += Xᵀ T_{l−1} ;  X = X W_l                     dW_1ᵀ,i += X_(b,i)
//! ```
//!
//! Shapes: V_l, T_l, X (samples · d, m_l). Layers count from 0 in the code. dW_1 is gathered transposed, (d, m_1).

use std::ops::Range;

use pulp::Arch;

use crate::buffer::Buffer;
use crate::instructions::vectorised;

use super::super::gemm::{Destination, View, ViewMut, gemm};
use super::super::operands::{DenseLayer, LayerPass};
use super::super::sums::dot;
use super::{WeightSums, at_least, gate_in_place, through_slope_and_gate};

/// The tangents of one group of samples.
#[derive(Debug, Clone, Default)]
pub struct TangentStack {
    samples: Range<usize>,
    T: Vec<Buffer>,
    V: Vec<Buffer>,
    X: Buffer,
    other: Buffer,
}

/// Up: P\[b\] += Σ_i ‖column i of J_b‖² for `samples` of the lane.
pub fn tangents_forward(
    arch: Arch,
    P: &mut [f64],
    stack: &mut TangentStack,
    net: &[DenseLayer<'_>],
    pass: &[LayerPass],
    samples: Range<usize>,
) {
    let (d_x, depth) = (net[0].n, net.len());
    let rows = samples.len() * d_x;
    stack.samples = samples;
    stack.T.resize_with(depth, Buffer::new);
    stack.V.resize_with(depth, Buffer::new);
    let first = stack.samples.start;
    let owner = || (0..rows).map(move |r| first + r / d_x);
    for l in 0..depth {
        let (m, n) = (net[l].m, net[l].n);
        let (below, here) = stack.T.split_at_mut(l);
        let T = at_least(&mut here[0], rows * m);
        if l == 0 {
            T.chunks_exact_mut(d_x * m).for_each(|of_one_sample| of_one_sample.copy_from_slice(net[0].WT));
        } else {
            let input = View::new(&below[l - 1], rows, n);
            gemm(ViewMut::new(T, rows, m), Destination::Set, 1.0, input, View::new(net[l].WT, n, m));
            if net[l].is_smooth {
                at_least(&mut stack.V[l], rows * m).copy_from_slice(T);
            }
        }
        vectorised(
            arch,
            #[inline(always)]
            || gate_in_place(T, &pass[l].d, owner(), m, 1.0),
        );
    }
    let (T, k) = (&stack.T[depth - 1], net[depth - 1].m);
    vectorised(
        arch,
        #[inline(always)]
        || {
            for (T, b) in T.chunks_exact(k).zip(owner()) {
                P[b] += dot(T, T);
            }
        },
    );
}

/// Down: every dZ_l of `pass` and every dW_l of `sums`, layer 1 transposed.
pub fn tangents_backward(
    arch: Arch,
    sums: &mut WeightSums,
    pass: &mut [LayerPass],
    stack: &mut TangentStack,
    net: &[DenseLayer<'_>],
    w: &[f32],
) {
    let (d_x, depth) = (net[0].n, net.len());
    let rows = stack.samples.len() * d_x;
    let first = stack.samples.start;
    let owner = || (0..rows).map(move |r| first + r / d_x);
    let k = net[depth - 1].m;
    let X = at_least(&mut stack.X, rows * k);
    vectorised(
        arch,
        #[inline(always)]
        || {
            for ((X, T), b) in X.chunks_exact_mut(k).zip(stack.T[depth - 1].chunks_exact(k)).zip(owner()) {
                let weight = 2.0 * w[b];
                for (x, t) in X.iter_mut().zip(T) {
                    *x = weight * t;
                }
            }
        },
    );
    for l in (0..depth).rev() {
        let (m, n) = (net[l].m, net[l].n);
        let X = &mut stack.X[..rows * m];
        vectorised(
            arch,
            #[inline(always)]
            || match (net[l].is_smooth, l) {
                (false, _) => gate_in_place(X, &pass[l].d, owner(), m, 1.0),
                (true, 0) => through_first(&mut pass[0], X, net[0].WT, first, m),
                (true, _) => {
                    let LayerPass { d, dd, dZ } = &mut pass[l];
                    through_slope_and_gate(dZ, d, dd, X, &stack.V[l], owner(), m, 1.0);
                }
            },
        );
        if l == 0 {
            return add_samples(arch, &mut sums.W[0], X);
        }
        let V = View::new(&*X, rows, m);
        let T = View::new(&stack.T[l - 1], rows, n);
        gemm(ViewMut::new(&mut sums.W[l], m, n), Destination::Add, 1.0, V.t(), T);
        let next = at_least(&mut stack.other, rows * n);
        gemm(ViewMut::new(next, rows, n), Destination::Set, 1.0, V, View::new(net[l].W, m, n));
        std::mem::swap(&mut stack.X, &mut stack.other);
    }
}

/// The first layer, where V_1 is W_1ᵀ for every sample; the first of them is row `first` of the lane.
#[inline(always)]
fn through_first(pass: &mut LayerPass, X: &mut [f32], WT: &[f32], first: usize, m: usize) {
    let LayerPass { d, dd, dZ } = pass;
    for (sample, X) in X.chunks_exact_mut(WT.len()).enumerate() {
        let same = std::iter::repeat_n(first + sample, WT.len() / m);
        through_slope_and_gate(dZ, d, dd, X, WT, same, m, 1.0);
    }
}

/// dW_1ᵀ += X, sample after sample.
fn add_samples(arch: Arch, dW: &mut [f32], X: &[f32]) {
    vectorised(
        arch,
        #[inline(always)]
        || {
            for X in X.chunks_exact(dW.len()) {
                for (g, x) in dW.iter_mut().zip(X) {
                    *g += x;
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::super::super::trial::{ROUNDING, Trial, assert_close, wide};
    use super::super::super::{LanePenalty, PenaltyPlan};
    use super::super::laws::{
        adds_and_leaves_alone, agrees_with_the_explicit_jacobian, assert_six, is_finite_at_the_ends, works_the_example,
    };
    use super::*;
    use crate::activation::Activation;
    use crate::reference::jacobian::jacobian;
    use crate::reference::network::LayerGradient;

    /// Value, tangents T_L and gradient with weight ½, `times` over, in groups of `of` samples.
    fn by_the_page(trial: &Trial, of: usize, times: usize) -> (Vec<f64>, Vec<f32>, Vec<LayerGradient>) {
        let (arch, net, points) = (Arch::new(), trial.net(), trial.points(&[]));
        let (mut passes, n) = (trial.passes(&points), trial.rows().count());
        let (mut stack, mut lane) = (TangentStack::default(), LanePenalty::default());
        lane.reset(PenaltyPlan::InputSide { root: false }, &net);
        let (mut P, mut T, w) = (vec![0.0; n], vec![], vec![0.5; n]);
        for _ in 0..times {
            T.clear();
            for from in (0..n).step_by(of) {
                let samples = from..(from + of).min(n);
                let size = samples.len() * trial.d() * net.last().unwrap().m;
                tangents_forward(arch, &mut P, &mut stack, &net, &passes[0], samples);
                T.extend_from_slice(&stack.T[net.len() - 1][..size]);
                tangents_backward(arch, &mut lane.sums, &mut passes[0], &mut stack, &net, &w);
            }
        }
        let mut gradient = trial.backpropagated(&points, &passes);
        trial.add_sums(&mut gradient, &lane.sums, true);
        (P, T, gradient)
    }

    #[test]
    fn value_and_gradient_agree_with_the_explicit_jacobian() {
        agrees_with_the_explicit_jacobian(by_the_page, 101, &[&[4, 6], &[4, 6, 7], &[3, 5, 4, 6]]);
    }

    #[test]
    fn tangents_are_the_columns_of_the_jacobian() {
        let trial = Trial::draw(102, &[4, 6, 3], Activation::Elu, 3);
        let T = by_the_page(&trial, 3, 1).1;
        for (T, x) in T.chunks_exact(4 * 3).zip(trial.rows()) {
            let at = jacobian(&trial.encoder, &x);
            assert_close("Jᵀ", &wide(T), at.J().transposed().values(), ROUNDING);
        }
    }

    /// docs/derivations/frobenius-deep.md works this out to six digits.
    #[test]
    fn the_worked_example_comes_out() {
        assert_six(&wide(&works_the_example(by_the_page)), &[-0.273343, -0.469917]);
    }

    #[test]
    fn backward_adds_and_no_rows_change_nothing() {
        adds_and_leaves_alone(by_the_page, 103);
    }

    #[test]
    fn dead_and_saturated_units_give_finite_numbers() {
        is_finite_at_the_ends(by_the_page, 104);
    }
}
