//! Code side: the rows of A = D_L W_L … W_2 D_1 (or of vᵀA), carried from the code down to the first layer.
//!
//! All rows of a group of samples stand in one matrix a layer, so that each layer is one product:
//!
//! ```text
//! down   U_L = V_L ∘ d_L,  V_L the unit rows e_iᵀ, or the probes vᵀ
//!        V_{l−1} = U_l W_l,   U_{l−1} = V_{l−1} ∘ d_{l−1}                l = L … 2
//! end    N = U_1 G,  P_b = Σ_{r of b} ⟨N_r, U_1,r⟩                        Gram, G = W_1 W_1ᵀ
//!        J = U_1 W_1,  P_b = Σ ‖J_r‖²,  N = J W_1ᵀ                        direct
//! up     X = 2 w_b N                                                      the adjoint of U_1
//!        K += w_b U_1ᵀ U_1 (dW_1 += 2 K W_1), or dW_1 += 2 w_b U_1ᵀ J
//!        for l = 1 … L:  dZ_l += φ″_l ∘ Σ_r X ∘ V_l ;  X = X ∘ d_l ;      now the adjoint of V_l
//!                        dW_{l+1} += U_{l+1}ᵀ X ;  X = X W_{l+1}ᵀ
//! ```
//!
//! Unit rows make the top layer elementwise (V_{L−1} is a scaled row of W_L), and a unit with φ′(z_L) = 0 (a dead ReLU)
//! has a zero row: it is left out before any product. Layers count from 0 in the code: `U[0]` is U_1.
//! Shapes: U_l, V_l, X (rows, m_l) with rows ≤ samples · k; N (rows, m_1); J (rows, d).

use std::ops::Range;

use pulp::Arch;

use crate::instructions::vectorised;

use super::super::gemm::{Into, View, ViewMut, gemm, gemm_upper};
use super::super::sums::dot;
use super::super::{DenseLayer, LayerPass};
use super::{WeightSums, at_least_of, gate, gate_in_place, through_slope_and_gate};

/// The rows of one group of samples at one point, from the code down.
#[derive(Debug, Clone, Default)]
pub struct RowStack {
    /// Sample (row of the lane) that each row belongs to.
    owner: Vec<usize>,
    /// Code unit of each row; empty for probes.
    unit: Vec<usize>,
    /// Rows there would be if no unit were dead: how many are alive changes from step to step, the memory must not.
    most: usize,
    U: Vec<Vec<f32>>,
    V: Vec<Vec<f32>>,
}

/// Scratch of one lane, shared by its groups.
#[derive(Debug, Clone, Default)]
pub struct CodeSideScratch {
    /// N, later the adjoint X, but for the factor `scale`.
    X: Vec<f32>,
    /// What X is still to be multiplied by: done where X is read anyway.
    scale: f32,
    other: Vec<f32>,
    J: Vec<f32>,
}

impl CodeSideScratch {
    /// The adjoint X after [`end_backward`], for whoever changes it before [`ascend`].
    pub fn adjoint(&mut self) -> &mut [f32] {
        let scale = std::mem::replace(&mut self.scale, 1.0);
        if scale != 1.0 {
            self.X.iter_mut().for_each(|x| *x *= scale);
        }
        &mut self.X
    }
}

/// How a chain of rows ends.
#[derive(Debug, Clone, Copy)]
pub enum End<'a> {
    /// In G = W_1 W_1ᵀ, shape (m_1, m_1).
    Gram(&'a [f32]),
    /// In W_1 itself.
    Direct,
}

/// Down: fills the stack for `samples` of the lane. `probes` are (rows of the lane, probes, k), or empty for unit rows;
/// `keep_dead` keeps rows of units with φ′ = 0, for differences between stacks.
pub fn descend(
    arch: Arch,
    stack: &mut RowStack,
    net: &[DenseLayer<'_>],
    pass: &[LayerPass],
    samples: Range<usize>,
    probes: &[f32],
    n_probes: usize,
    keep_dead: bool,
) {
    let depth = net.len();
    let (k, d) = (net[depth - 1].m, &pass[depth - 1].d);
    stack.owner.clear();
    stack.unit.clear();
    stack.U.resize_with(depth, Vec::new);
    stack.V.resize_with(depth, Vec::new);
    stack.most = samples.len() * if n_probes > 0 { n_probes } else { k };
    stack.owner.reserve(stack.most);
    let (most, mut l) = (stack.most, depth - 1);
    if n_probes > 0 {
        stack.owner.extend(samples.clone().flat_map(|b| std::iter::repeat_n(b, n_probes)));
        let size = stack.owner.len() * k;
        let V = at_least_of(&mut stack.V[l], size, most * k);
        V.copy_from_slice(&probes[samples.start * n_probes * k..][..size]);
        let U = at_least_of(&mut stack.U[l], size, most * k);
        vectorised(
            arch,
            #[inline(always)]
            || gate(U, V, d, stack.owner.iter().copied(), k),
        );
    } else {
        stack.unit.reserve(most);
        for b in samples {
            for i in 0..k {
                if keep_dead || d[b * k + i] != 0.0 {
                    stack.owner.push(b);
                    stack.unit.push(i);
                }
            }
        }
        l -= 1;
        let (W, m) = (net[depth - 1].W, net[l].m);
        let size = stack.owner.len() * m;
        let V = at_least_of(&mut stack.V[l], size, most * m);
        let U = at_least_of(&mut stack.U[l], size, most * m);
        let below = &pass[l].d;
        vectorised(
            arch,
            #[inline(always)]
            || {
                let rows = V.chunks_exact_mut(m).zip(U.chunks_exact_mut(m)).zip(stack.owner.iter().zip(&stack.unit));
                for ((V, U), (&b, &i)) in rows {
                    let (slope, W, below) = (d[b * k + i], &W[i * m..(i + 1) * m], &below[b * m..(b + 1) * m]);
                    for j in 0..m {
                        V[j] = slope * W[j];
                        U[j] = V[j] * below[j];
                    }
                }
            },
        );
    }
    while l > 0 {
        let layer = &net[l];
        let (m, n, rows) = (layer.m, layer.n, stack.owner.len());
        let (below, above) = stack.U.split_at_mut(l);
        let V = at_least_of(&mut stack.V[l - 1], rows * n, most * n);
        gemm(ViewMut::new(V, rows, n), Into::Set, 1.0, View::new(&above[0], rows, m), View::new(layer.W, m, n));
        let U = at_least_of(&mut below[l - 1], rows * n, most * n);
        vectorised(
            arch,
            #[inline(always)]
            || gate(U, V, &pass[l - 1].d, stack.owner.iter().copied(), n),
        );
        l -= 1;
    }
}

impl RowStack {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.owner.len()
    }

    /// U_1, shape (rows, m_1).
    pub fn first(&self, m_1: usize) -> &[f32] {
        &self.U[0][..self.rows() * m_1]
    }

    /// U_1 −= another stack's U_1, row by row.
    pub fn subtract_first(&mut self, other: &RowStack, m_1: usize) {
        let size = self.rows() * m_1;
        self.U[0][..size].iter_mut().zip(&other.U[0][..size]).for_each(|(a, b)| *a -= b);
    }
}

/// End: N into `scratch.X`, and P\[b\] += Σ_{r of b} ⟨N_r, U_1,r⟩ for the samples of the stack.
pub fn end_forward(
    arch: Arch,
    P: &mut [f64],
    scratch: &mut CodeSideScratch,
    stack: &RowStack,
    first: &DenseLayer<'_>,
    end: End<'_>,
) {
    let (rows, m, d) = (stack.rows(), first.m, first.n);
    let U = stack.first(m);
    let N = at_least_of(&mut scratch.X, rows * m, stack.most * m);
    match end {
        End::Gram(G) => {
            gemm(ViewMut::new(N, rows, m), Into::Set, 1.0, View::new(U, rows, m), View::new(G, m, m));
            vectorised(
                arch,
                #[inline(always)]
                || {
                    for ((N, U), &b) in N.chunks_exact(m).zip(U.chunks_exact(m)).zip(&stack.owner) {
                        P[b] += dot(N, U);
                    }
                },
            );
        }
        End::Direct => {
            let J = at_least_of(&mut scratch.J, rows * d, stack.most * d);
            gemm(ViewMut::new(J, rows, d), Into::Set, 1.0, View::new(U, rows, m), View::new(first.W, m, d));
            gemm(ViewMut::new(N, rows, m), Into::Set, 1.0, View::new(J, rows, d), View::new(first.WT, d, m));
            vectorised(
                arch,
                #[inline(always)]
                || {
                    for (J, &b) in J.chunks_exact(d).zip(&stack.owner) {
                        P[b] += dot(J, J);
                    }
                },
            );
        }
    }
}

/// The end's weight gradient, and N turned into X = 2 w_b N. U_1 and J are scaled in place: the stack's U_1 is spent.
pub fn end_backward(
    arch: Arch,
    sums: &mut WeightSums,
    scratch: &mut CodeSideScratch,
    stack: &mut RowStack,
    w: &[f32],
    first: &DenseLayer<'_>,
    end: End<'_>,
) {
    let (rows, m, d) = (stack.rows(), first.m, first.n);
    let X = &mut scratch.X[..rows * m];
    let U = &mut stack.U[0][..rows * m];
    // One weight for all rows is a factor of the products; else each row takes its own first.
    let mut weights = stack.owner.iter().map(|&b| w[b]);
    let of_all = weights.next().filter(|first| weights.all(|w| w == *first));
    let shared = of_all.unwrap_or(1.0);
    scratch.scale = 2.0 * shared;
    if of_all.is_none() {
        vectorised(
            arch,
            #[inline(always)]
            || scale_rows(X, m, &stack.owner, |b| w[b]),
        );
    }
    match end {
        End::Gram(_) => {
            if of_all.is_none() {
                // w ≥ 0, so that √w on both factors keeps K symmetric.
                vectorised(
                    arch,
                    #[inline(always)]
                    || scale_rows(U, m, &stack.owner, |b| w[b].sqrt()),
                );
            }
            let U = View::new(&*U, rows, m);
            gemm_upper(ViewMut::new(&mut sums.K, m, m), Into::Add, shared, U.t(), U);
        }
        End::Direct => {
            let J = &mut scratch.J[..rows * d];
            if of_all.is_none() {
                vectorised(
                    arch,
                    #[inline(always)]
                    || scale_rows(J, d, &stack.owner, |b| w[b]),
                );
            }
            let (U, J) = (View::new(&*U, rows, m).t(), View::new(J, rows, d));
            gemm(ViewMut::new(&mut sums.W[0], m, d), Into::Add, 2.0 * shared, U, J);
        }
    }
}

/// In place: row r times `factor` of its sample.
#[inline(always)]
fn scale_rows(rows: &mut [f32], width: usize, owner: &[usize], factor: impl Fn(usize) -> f32) {
    for (row, &b) in rows.chunks_exact_mut(width).zip(owner) {
        let f = factor(b);
        row.iter_mut().for_each(|v| *v *= f);
    }
}

/// Up: from X, the adjoint of U_1 in `scratch.X`, to every dZ_l of `pass` and every dW_l of `sums`, l ≥ 2.
pub fn ascend(
    arch: Arch,
    sums: &mut WeightSums,
    pass: &mut [LayerPass],
    scratch: &mut CodeSideScratch,
    stack: &RowStack,
    net: &[DenseLayer<'_>],
) {
    let (depth, rows) = (net.len(), stack.rows());
    let owner = || stack.owner.iter().copied();
    let top_is_units = !stack.unit.is_empty();
    for l in 0..depth {
        let (m, is_smooth) = (net[l].m, net[l].is_smooth);
        let X = &mut scratch.X[..rows * m];
        let LayerPass { d, dd, dZ } = &mut pass[l];
        let scale = std::mem::replace(&mut scratch.scale, 1.0);
        let is_top = l + 1 == depth;
        if is_smooth {
            vectorised(
                arch,
                #[inline(always)]
                || through_slope_and_gate(dZ, d, dd, X, &stack.V[l], owner(), m, scale),
            );
        } else if !is_top {
            vectorised(
                arch,
                #[inline(always)]
                || gate_in_place(X, d, owner(), m, scale),
            );
        }
        if is_top {
            break;
        }
        let above = &net[l + 1];
        if l + 2 == depth && top_is_units {
            ascend_units(arch, &mut sums.W[l + 1], &mut pass[l + 1], X, stack, above);
            break;
        }
        let V = View::new(&*X, rows, m);
        let U = View::new(&stack.U[l + 1], rows, above.m);
        gemm(ViewMut::new(&mut sums.W[l + 1], above.m, m), Into::Add, 1.0, U.t(), V);
        let next = at_least_of(&mut scratch.other, rows * above.m, stack.most * above.m);
        gemm(ViewMut::new(next, rows, above.m), Into::Set, 1.0, V, View::new(above.WT, m, above.m));
        std::mem::swap(&mut scratch.X, &mut scratch.other);
    }
}

/// The top layer for unit rows: V_{L−1,r} = d_bi W_L,i, so dW_L,i += d_bi X_r and dZ_L,bi += φ″_bi ⟨X_r, W_L,i⟩.
fn ascend_units(arch: Arch, dW: &mut [f32], pass: &mut LayerPass, X: &[f32], stack: &RowStack, top: &DenseLayer<'_>) {
    let (k, m) = (top.m, top.n);
    vectorised(
        arch,
        #[inline(always)]
        || {
            for ((X, &b), &i) in X.chunks_exact(m).zip(&stack.owner).zip(&stack.unit) {
                let slope = pass.d[b * k + i];
                for (g, &x) in dW[i * m..(i + 1) * m].iter_mut().zip(X) {
                    *g += slope * x;
                }
                if top.is_smooth {
                    pass.dZ[b * k + i] += pass.dd[b * k + i] * dot(X, &top.W[i * m..(i + 1) * m]) as f32;
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::super::super::Plan;
    use super::super::super::trial::{ROUNDING, Trial, assert_close, assert_same_gradient, numbers, wide};
    use super::super::order::Top;
    use super::*;
    use crate::activation::Activation;
    use crate::reference::Matrix;
    use crate::reference::network::{LayerGradient, forward};

    /// Down, end and up for all rows of a trial, `times` over.
    struct Page {
        P: Vec<f64>,
        N: Vec<f32>,
        U_1: Vec<f32>,
        rows: usize,
        gradient: Vec<LayerGradient>,
    }

    fn by_the_page(trial: &Trial, probes: &[f32], n_probes: usize, gram: bool, keep_dead: bool, times: usize) -> Page {
        let (arch, net, points) = (Arch::new(), trial.net(), trial.points(&[]));
        let (mut passes, n) = (trial.passes(&points), trial.rows().count());
        let (mut stack, mut scratch) = (RowStack::default(), CodeSideScratch::default());
        let mut lane = super::super::super::LanePenalty::default();
        lane.reset(Plan::CodeSide { top: Top::Units, gram, root: false }, &net);
        let end = if gram { End::Gram(&trial.G) } else { End::Direct };
        let (mut P, mut N, mut U_1) = (vec![0.0; n], vec![], vec![]);
        for _ in 0..times {
            descend(arch, &mut stack, &net, &passes[0], 0..n, probes, n_probes, keep_dead);
            end_forward(arch, &mut P, &mut scratch, &stack, &net[0], end);
            U_1 = stack.first(net[0].m).to_vec();
            N = scratch.X[..U_1.len()].to_vec();
            end_backward(arch, &mut lane.sums, &mut scratch, &mut stack, &vec![0.5; n], &net[0], end);
            ascend(arch, &mut lane.sums, &mut passes[0], &mut scratch, &stack, &net);
        }
        let mut gradient = trial.backpropagated(&points, &passes);
        trial.add_sums(&mut gradient, &lane.sums, false);
        Page { P, N, U_1, rows: stack.rows(), gradient }
    }

    #[test]
    fn value_and_gradient_agree_with_the_explicit_jacobian() {
        for phi in [Activation::Tanh, Activation::Gelu, Activation::LeakyRelu] {
            let trial = Trial::draw(91, &[7, 5, 6, 4], phi, 3);
            let (want, want_gradient) = trial.explicit(0.5);
            for gram in [true, false] {
                let page = by_the_page(&trial, &[], 0, gram, false, 1);
                assert_close("P", &page.P, &want, ROUNDING);
                assert_same_gradient(&format!("{phi}, gram {gram}"), &page.gradient, &want_gradient, ROUNDING);
            }
        }
    }

    /// U_1 are the rows of A = D_L W_L … W_2 D_1, or of VA; N = A G.
    #[test]
    fn down_carries_the_rows_of_the_product() {
        let trial = Trial::draw(92, &[6, 5, 4, 3], Activation::Softplus, 2);
        let probes = numbers(93, 2 * 2 * 3);
        let (by_units, by_probes) =
            (by_the_page(&trial, &[], 0, true, false, 1), by_the_page(&trial, &probes, 2, false, false, 1));
        for (b, x) in trial.rows().enumerate() {
            let trace = forward(&trial.encoder, &x);
            let mut A = Matrix::identity(3);
            for l in (0..3).rev() {
                let phi = trial.encoder[l].activation;
                let d: Vec<f64> = trace.z[l].iter().map(|z| phi.derivative(*z)).collect();
                A = A.transposed().scaled_rows(&d).transposed();
                A = if l > 0 { A.product(&trial.encoder[l].W) } else { A };
            }
            let G = trial.encoder[0].W.product_transpose(&trial.encoder[0].W);
            assert_close("U_1", &wide(&by_units.U_1[b * 15..][..15]), A.values(), ROUNDING);
            assert_close("N", &wide(&by_units.N[b * 15..][..15]), A.product(&G).values(), ROUNDING);
            let VA = Matrix::new(2, 3, wide(&probes[b * 6..][..6])).product(&A);
            assert_close("U_1 of probes", &wide(&by_probes.U_1[b * 10..][..10]), VA.values(), ROUNDING);
            assert_close("N of probes", &wide(&by_probes.N[b * 10..][..10]), VA.product(&G).values(), ROUNDING);
        }
    }

    /// docs/derivations/frobenius-deep.md works this out to six digits.
    #[test]
    fn the_worked_example_comes_out() {
        for gram in [true, false] {
            let page = by_the_page(&Trial::worked_example(), &[], 0, gram, false, 2);
            let six = |got: &[f64], want: &[f64]| {
                assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1.5e-6), "{got:?}, not {want:?}");
            };
            // Twice with the weight ½.
            six(&page.P, &[2.0 * 0.295539]);
            six(&wide(&page.U_1), &[0.196574, -0.469917]);
            six(&wide(&page.N), &[-0.273343, -0.743260]);
            six(page.gradient[0].dW.values(), &[-0.054582, -0.211188, 0.078111, 0.531037]);
            six(page.gradient[1].dW.values(), &[-0.103679, -0.347264]);
            six(&[&page.gradient[0].db[..], &page.gradient[1].db].concat(), &[0.105765, -0.357573, 0.008192]);
        }
    }

    /// A unit with φ′ = 0 has a zero row: leaving it out changes nothing, and it gets no gradient.
    #[test]
    fn dead_rows_are_left_out_exactly() {
        let trial = Trial::draw(94, &[6, 5, 7], Activation::Relu, 4);
        let alive = |x: Vec<f64>| forward(&trial.encoder, &x).z[1].iter().filter(|z| **z > 0.0).count();
        let n_alive: usize = trial.rows().map(alive).sum();
        assert!(n_alive > 0 && n_alive < 28, "the trial must have both kinds, has {n_alive} of 28 alive");
        for gram in [true, false] {
            let (without, with) =
                (by_the_page(&trial, &[], 0, gram, false, 1), by_the_page(&trial, &[], 0, gram, true, 1));
            assert_eq!((without.rows, with.rows), (n_alive, 28));
            assert_close("P", &without.P, &with.P, 1e-7);
            assert_same_gradient("gradient", &without.gradient, &with.gradient, 1e-6);
            assert_close("P", &without.P, &trial.explicit(0.5).0, ROUNDING);
        }
    }

    #[test]
    fn no_living_row_and_no_row_at_all_give_nothing() {
        let mut dead = Trial::draw(95, &[6, 5, 4, 3], Activation::Relu, 4);
        dead.encoder[2].b.fill(-1e3);
        let none = Trial::draw(95, &[6, 5, 4, 3], Activation::Tanh, 0);
        for gram in [true, false] {
            for trial in [&dead, &none] {
                let page = by_the_page(trial, &[], 0, gram, false, 1);
                assert!(page.rows == 0 && page.P.iter().all(|p| *p == 0.0));
                assert_same_gradient("nothing", &page.gradient, &trial.zeros(), 0.0);
            }
        }
    }

    #[test]
    fn backward_adds() {
        let trial = Trial::draw(96, &[6, 5, 4, 3], Activation::Silu, 3);
        for (probes, n_probes) in [(vec![], 0), (numbers(97, 3 * 2 * 3), 2)] {
            for gram in [true, false] {
                let once = by_the_page(&trial, &probes, n_probes, gram, false, 1);
                let twice = by_the_page(&trial, &probes, n_probes, gram, false, 2);
                let doubled: Vec<f64> = once.P.iter().map(|p| 2.0 * p).collect();
                assert_close("P", &twice.P, &doubled, 1e-12);
                for (once, twice) in once.gradient.iter().zip(&twice.gradient) {
                    assert_close("dW", twice.dW.values(), once.dW.scaled(2.0).values(), ROUNDING);
                    let doubled: Vec<f64> = once.db.iter().map(|g| 2.0 * g).collect();
                    assert_close("db", &twice.db, &doubled, ROUNDING);
                }
            }
        }
    }
}
