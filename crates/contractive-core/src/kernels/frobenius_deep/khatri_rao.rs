//! The Khatri-Rao product: for two layers, every J of a batch by one product with a matrix made of the weights alone.
//!
//! Without D_2 the Jacobian of a row is linear in the slopes d_1 of the first layer, with coefficients that all rows
//! share:
//!
//! ```text
//! F    F_(j,i),a = W_1,aj W_2,ia     F = W_1ᵀ ⊙ W_2, column a the Kronecker product of the columns a    once a step
//! up   Y = D_1 Fᵀ                    Y_b,(j,i) = (W_2 diag(d_1,b) W_1)_ij,  J_b,ij = d_2,bi Y_b,(j,i)
//!      s_bi = Σ_j Y_b,(j,i)²,  P_b = Σ_i d_2,bi² s_bi
//! down dZ_2,bi += φ″_2,bi 2 w_b d_2,bi s_bi
//!      dY_b,(j,i) = 2 w_b d_2,bi² Y_b,(j,i)
//!      dZ_1 += φ″_1 ∘ dY F,  dF = dYᵀ D_1
//!      dW_1,aj += Σ_i dF_(j,i),a W_2,ia,   dW_2,ia += Σ_j dF_(j,i),a W_1,aj
//! ```
//!
//! As many multiply-adds as J = U_1 W_1, but in products d k wide where those are d, and no U_1 is written. The price is
//! F and dF, which must stay in a core's L2 cache.
//!
//! Shapes: D_1 (rows, m_1), Y and dY (rows, d k), s (rows, k), F and dF (d k, m_1). dW_1 is gathered transposed, (d, m_1).
//! Source: vec(W_2 diag(d_1) W_1) = (W_1ᵀ ⊙ W_2) d_1, of the product of Khatri & Rao 1968.

use std::ops::Range;

use pulp::Arch;

use crate::buffer::Buffer;
use crate::instructions::vectorised;

use super::super::gemm::{Destination, View, ViewMut, gemm};
use super::super::operands::{DenseLayer, LayerPass};
use super::super::strided_rows::StridedRows;
use super::super::transpose::transpose;
use super::{WeightSums, at_least};

/// F and its transpose: what all rows of a step share.
#[derive(Debug, Clone, Default)]
pub struct KhatriRaoProduct {
    /// F = W_1ᵀ ⊙ W_2, shape (d k, m_1).
    F: Buffer,
    /// Fᵀ, shape (m_1, d k).
    FT: Buffer,
}

impl KhatriRaoProduct {
    /// Computes both from W_1ᵀ, shape (d, m), and W_2, shape (k, m).
    pub fn refresh(&mut self, arch: Arch, first_transposed: &[f32], second: &[f32], m: usize) {
        let size = first_transposed.len() / m * second.len();
        let (F, FT) = (at_least(&mut self.F, size), at_least(&mut self.FT, size));
        vectorised(
            arch,
            #[inline(always)]
            || {
                for (F, first) in F.chunks_exact_mut(second.len()).zip(first_transposed.chunks_exact(m)) {
                    for (F, second) in F.chunks_exact_mut(m).zip(second.chunks_exact(m)) {
                        for ((f, a), b) in F.iter_mut().zip(first).zip(second) {
                            *f = a * b;
                        }
                    }
                }
            },
        );
        transpose(FT, size / m, StridedRows::dense(F, size / m, m));
    }
}

/// Y and s of a group of samples, and scratch for their adjoints.
#[derive(Debug, Clone, Default)]
pub struct KhatriRaoStack {
    samples: Range<usize>,
    /// Y, later dY.
    Y: Buffer,
    s: Buffer,
    /// dY F, the adjoint of D_1.
    X: Buffer,
    dF: Buffer,
}

/// Terms summed in f32 before they go to f64.
const BLOCK: usize = 64;

/// Up: P\[b\] += ‖J_b‖² for `samples` of the lane.
pub fn products_forward(
    arch: Arch,
    P: &mut [f64],
    stack: &mut KhatriRaoStack,
    product: &KhatriRaoProduct,
    net: &[DenseLayer<'_>],
    pass: &[LayerPass],
    samples: Range<usize>,
) {
    let (d, m, k, rows) = (net[0].n, net[0].m, net[1].m, samples.len());
    let Y = at_least(&mut stack.Y, rows * d * k);
    let D = View::new(&pass[0].d[samples.start * m..], rows, m);
    gemm(ViewMut::new(Y, rows, d * k), Destination::Set, 1.0, D, View::new(&product.FT, m, d * k));
    let s = at_least(&mut stack.s, rows * k);
    s.fill(0.0);
    stack.samples = samples.clone();
    vectorised(
        arch,
        #[inline(always)]
        || {
            let of_rows = Y.chunks_exact(d * k).zip(s.chunks_exact_mut(k));
            for ((Y, s), b) in of_rows.zip(samples.clone()) {
                let slopes = &pass[1].d[b * k..(b + 1) * k];
                for Y in Y.chunks(BLOCK * k) {
                    let mut block = |i: usize, squares: &[f32]| {
                        for (i, &square) in (i..).zip(squares) {
                            s[i] += square;
                            P[b] += f64::from(slopes[i]) * f64::from(slopes[i]) * f64::from(square);
                        }
                    };
                    sums_of_products([Y, Y], [k, k], Y.len() / k, k, &mut block);
                }
            }
        },
    );
}

/// Down: every dZ_l of `pass` and every dW_l of `sums`, layer 1 transposed. Y is overwritten.
pub fn products_backward(
    arch: Arch,
    sums: &mut WeightSums,
    pass: &mut [LayerPass],
    stack: &mut KhatriRaoStack,
    product: &KhatriRaoProduct,
    net: &[DenseLayer<'_>],
    w: &[f32],
) {
    let (d, m, k, rows) = (net[0].n, net[0].m, net[1].m, stack.samples.len());
    let (Y, s, first) = (&mut stack.Y[..rows * d * k], &mut stack.s[..rows * k], stack.samples.start);
    let [below, above] = pass else { return };
    through_code(arch, above, Y, s, w, stack.samples.clone(), [d, k], net[1].is_smooth);
    let dY = View::new(&*Y, rows, d * k);
    if net[0].is_smooth {
        let X = at_least(&mut stack.X, rows * m);
        gemm(ViewMut::new(X, rows, m), Destination::Set, 1.0, dY, View::new(&product.F, d * k, m));
        let at = first * m..(first + rows) * m;
        let (dZ, curves) = (&mut below.dZ[at.clone()], &below.dd[at]);
        vectorised(
            arch,
            #[inline(always)]
            || {
                for ((dZ, &dd), &x) in dZ.iter_mut().zip(curves).zip(&*X) {
                    *dZ += dd * x;
                }
            },
        );
    }
    let dF = at_least(&mut stack.dF, d * k * m);
    gemm(ViewMut::new(dF, d * k, m), Destination::Set, 1.0, dY.t(), View::new(&below.d[first * m..], rows, m));
    weights_backward(arch, sums, dF, net);
}

/// dZ_2 of every sample, and Y turned into dY. s is overwritten by the factors of Y's columns.
fn through_code(
    arch: Arch,
    pass: &mut LayerPass,
    Y: &mut [f32],
    s: &mut [f32],
    w: &[f32],
    samples: Range<usize>,
    [d, k]: [usize; 2],
    is_smooth: bool,
) {
    vectorised(
        arch,
        #[inline(always)]
        || {
            for ((Y, s), b) in Y.chunks_exact_mut(d * k).zip(s.chunks_exact_mut(k)).zip(samples.clone()) {
                let (at, weight) = (b * k..(b + 1) * k, 2.0 * w[b]);
                let slopes = &pass.d[at.clone()];
                if is_smooth {
                    let (dZ, curves) = (&mut pass.dZ[at.clone()], &pass.dd[at]);
                    for i in 0..k {
                        dZ[i] += curves[i] * (weight * slopes[i]) * s[i];
                    }
                }
                for (s, slope) in s.iter_mut().zip(slopes) {
                    *s = weight * slope * slope;
                }
                scale_columns(Y, s);
            }
        },
    );
}

/// dW_1, transposed, and dW_2 from dF.
fn weights_backward(arch: Arch, sums: &mut WeightSums, dF: &[f32], net: &[DenseLayer<'_>]) {
    let (d, m, k) = (net[0].n, net[0].m, net[1].m);
    let (dW_1, dW_2) = sums.W.split_at_mut(1);
    vectorised(
        arch,
        #[inline(always)]
        || {
            for (dF, dW) in dF.chunks_exact(k * m).zip(dW_1[0].chunks_exact_mut(m)) {
                let mut add = |a: usize, sums: &[f32]| dW[a..].iter_mut().zip(sums).for_each(|(g, s)| *g += s);
                sums_of_products([dF, net[1].W], [m, m], k, m, &mut add);
            }
            for (i, dW) in dW_2[0].chunks_exact_mut(m).enumerate() {
                let mut add = |a: usize, sums: &[f32]| dW[a..].iter_mut().zip(sums).for_each(|(g, s)| *g += s);
                sums_of_products([&dF[i * m..], net[0].WT], [k * m, m], d, m, &mut add);
            }
        },
    );
}

/// Σ_t A_t ∘ B_t of rows of `width` numbers that lie `strides` apart, handed to `each` in pieces: place and sums.
#[inline(always)]
fn sums_of_products(
    [A, B]: [&[f32]; 2],
    strides: [usize; 2],
    terms: usize,
    width: usize,
    each: &mut impl FnMut(usize, &[f32]),
) {
    /// The pieces of `WIDTH` numbers that fit from `at` on; where they end.
    #[inline(always)]
    fn pieces<const WIDTH: usize>(
        [A, B]: [&[f32]; 2],
        strides: [usize; 2],
        terms: usize,
        width: usize,
        mut at: usize,
        each: &mut impl FnMut(usize, &[f32]),
    ) -> usize {
        while at + WIDTH <= width {
            let mut sums = [0.0_f32; WIDTH];
            for t in 0..terms {
                let (A, B) = (&A[t * strides[0] + at..][..WIDTH], &B[t * strides[1] + at..][..WIDTH]);
                for i in 0..WIDTH {
                    sums[i] += A[i] * B[i];
                }
            }
            each(at, &sums);
            at += WIDTH;
        }
        at
    }
    let mut at = pieces::<64>([A, B], strides, terms, width, 0, each);
    at = pieces::<16>([A, B], strides, terms, width, at, each);
    at = pieces::<8>([A, B], strides, terms, width, at, each);
    pieces::<1>([A, B], strides, terms, width, at, each);
}

/// In place: column i of Y, whose rows have as many numbers as `factors`, times factor i.
#[inline(always)]
fn scale_columns(Y: &mut [f32], factors: &[f32]) {
    let k = factors.len();
    let (sixteen, _) = factors.as_chunks::<16>();
    for (at, factors) in sixteen.iter().enumerate() {
        for Y in Y.chunks_exact_mut(k) {
            for (y, f) in Y[16 * at..][..16].iter_mut().zip(factors) {
                *y *= f;
            }
        }
    }
    let rest = 16 * sixteen.len();
    if rest < k {
        for Y in Y.chunks_exact_mut(k) {
            for (y, f) in Y[rest..].iter_mut().zip(&factors[rest..]) {
                *y *= f;
            }
        }
    }
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

    /// Value, Y and gradient with weight ½, `times` over, in groups of `of` samples.
    fn by_the_page(trial: &Trial, of: usize, times: usize) -> (Vec<f64>, Vec<f32>, Vec<LayerGradient>) {
        let (arch, net, points) = (Arch::new(), trial.net(), trial.points(&[]));
        let (mut passes, n) = (trial.passes(&points), trial.rows().count());
        let (mut stack, mut lane) = (KhatriRaoStack::default(), LanePenalty::default());
        let mut product = KhatriRaoProduct::default();
        product.refresh(arch, net[0].WT, net[1].W, net[0].m);
        lane.reset(PenaltyPlan::KhatriRao { root: false }, &net);
        let (mut P, mut Y, w) = (vec![0.0; n], vec![], vec![0.5; n]);
        for _ in 0..times {
            Y.clear();
            for from in (0..n).step_by(of) {
                let samples = from..(from + of).min(n);
                let size = samples.len() * trial.d() * net[1].m;
                products_forward(arch, &mut P, &mut stack, &product, &net, &passes[0], samples);
                Y.extend_from_slice(&stack.Y[..size]);
                products_backward(arch, &mut lane.sums, &mut passes[0], &mut stack, &product, &net, &w);
            }
        }
        let mut gradient = trial.backpropagated(&points, &passes);
        trial.add_sums(&mut gradient, &lane.sums, true);
        (P, Y, gradient)
    }

    #[test]
    fn value_and_gradient_agree_with_the_explicit_jacobian() {
        // Codes and first layers below, at and above the widths that are summed at once; an input of several blocks.
        let shapes: [&[usize]; 4] = [&[4, 6, 7], &[3, 64, 16], &[2, 90, 25], &[150, 3, 2]];
        agrees_with_the_explicit_jacobian(by_the_page, 111, &shapes);
    }

    #[test]
    fn the_product_with_the_slopes_is_the_jacobian_without_the_codes() {
        let trial = Trial::draw(112, &[4, 6, 3], Activation::Elu, 3);
        let (Y, slopes) = (by_the_page(&trial, 3, 1).1, &trial.passes(&trial.points(&[]))[0][1].d);
        for ((Y, d), x) in Y.chunks_exact(4 * 3).zip(slopes.chunks_exact(3)).zip(trial.rows()) {
            let transposed = jacobian(&trial.encoder, &x).J().transposed();
            let got: Vec<f64> = wide(Y).iter().enumerate().map(|(at, y)| y * f64::from(d[at % 3])).collect();
            assert_close("Jᵀ", &got, transposed.values(), ROUNDING);
        }
    }

    /// docs/derivations/frobenius-deep.md works this out to six digits.
    #[test]
    fn the_worked_example_comes_out() {
        assert_six(&wide(&works_the_example(by_the_page)), &[-1.093582, -1.880030]);
    }

    #[test]
    fn backward_adds_and_no_rows_change_nothing() {
        adds_and_leaves_alone(by_the_page, 113);
    }

    #[test]
    fn dead_and_saturated_units_give_finite_numbers() {
        is_finite_at_the_ends(by_the_page, 114);
    }
}
