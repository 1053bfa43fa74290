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

use super::super::gemm::{Into, View, ViewMut, gemm};
use super::super::sums::dot;
use super::super::{EncoderLayer, LayerPass};
use super::{WeightSums, at_least, gate_in_place, through_slope};

/// The tangents of one group of samples.
#[derive(Debug, Clone, Default)]
pub struct TangentStack {
    samples: Range<usize>,
    T: Vec<Vec<f32>>,
    V: Vec<Vec<f32>>,
    X: Vec<f32>,
    other: Vec<f32>,
}

/// Up: P\[b\] += Σ_i ‖column i of J_b‖² for `samples` of the lane.
pub fn tangents_forward(
    arch: Arch,
    P: &mut [f64],
    stack: &mut TangentStack,
    net: &[EncoderLayer<'_>],
    pass: &[LayerPass],
    samples: Range<usize>,
) {
    let (d_x, depth) = (net[0].n, net.len());
    let rows = samples.len() * d_x;
    stack.samples = samples;
    stack.T.resize_with(depth, Vec::new);
    stack.V.resize_with(depth, Vec::new);
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
            gemm(ViewMut::new(T, rows, m), Into::Set, 1.0, input, View::new(net[l].WT, n, m));
            if net[l].is_smooth {
                at_least(&mut stack.V[l], rows * m).copy_from_slice(T);
            }
        }
        arch.dispatch(
            #[inline(always)]
            || gate_in_place(T, &pass[l].d, owner(), m),
        );
    }
    let (T, k) = (&stack.T[depth - 1], net[depth - 1].m);
    arch.dispatch(
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
    net: &[EncoderLayer<'_>],
    w: &[f32],
) {
    let (d_x, depth) = (net[0].n, net.len());
    let rows = stack.samples.len() * d_x;
    let first = stack.samples.start;
    let owner = || (0..rows).map(move |r| first + r / d_x);
    let k = net[depth - 1].m;
    let X = at_least(&mut stack.X, rows * k);
    for ((X, T), b) in X.chunks_exact_mut(k).zip(stack.T[depth - 1].chunks_exact(k)).zip(owner()) {
        X.iter_mut().zip(T).for_each(|(x, t)| *x = 2.0 * w[b] * t);
    }
    for l in (0..depth).rev() {
        let (m, n) = (net[l].m, net[l].n);
        let X = &mut stack.X[..rows * m];
        let LayerPass { d, dd, dZ } = &mut pass[l];
        if net[l].is_smooth {
            arch.dispatch(
                #[inline(always)]
                || {
                    if l > 0 {
                        return through_slope(dZ, dd, X, &stack.V[l], owner(), m);
                    }
                    // V_1 is W_1ᵀ for every sample.
                    for (sample, X) in X.chunks_exact(d_x * m).enumerate() {
                        let same = std::iter::repeat_n(first + sample, d_x);
                        through_slope(dZ, dd, X, net[0].WT, same, m);
                    }
                },
            );
        }
        arch.dispatch(
            #[inline(always)]
            || gate_in_place(X, d, owner(), m),
        );
        if l == 0 {
            for X in X.chunks_exact(d_x * m) {
                sums.W[0].iter_mut().zip(X).for_each(|(g, x)| *g += x);
            }
            break;
        }
        let V = View::new(&*X, rows, m);
        gemm(ViewMut::new(&mut sums.W[l], m, n), Into::Add, 1.0, V.t(), View::new(&stack.T[l - 1], rows, n));
        let next = at_least(&mut stack.other, rows * n);
        gemm(ViewMut::new(next, rows, n), Into::Set, 1.0, V, View::new(net[l].W, m, n));
        std::mem::swap(&mut stack.X, &mut stack.other);
    }
}
