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

use crate::buffer::Buffer;
use crate::instructions::vectorised;

use super::super::gemm::{Destination, View, ViewMut, gemm, gemm_upper};
use super::super::operands::{DenseLayer, LayerPass};
use super::super::pieces::{in_pieces, piece};
use super::super::sums::dot;
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
    U: Vec<Buffer>,
    V: Vec<Buffer>,
}

/// Scratch of one lane, shared by its groups.
#[derive(Debug, Clone, Default)]
pub struct CodeSideScratch {
    /// N, later the adjoint X, but for the factor `scale`.
    X: Buffer,
    /// What X is still to be multiplied by: done where X is read anyway.
    scale: f32,
    other: Buffer,
    J: Buffer,
}

impl CodeSideScratch {
    /// The adjoint X after [`end_backward`], for a caller that changes it before [`ascend`].
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
    stack.owner.clear();
    stack.unit.clear();
    stack.U.resize_with(depth, Buffer::new);
    stack.V.resize_with(depth, Buffer::new);
    stack.most = samples.len() * if n_probes > 0 { n_probes } else { net[depth - 1].m };
    stack.owner.reserve(stack.most);
    let filled = if n_probes > 0 {
        start_from_probes(arch, stack, net[depth - 1].m, pass, samples, probes, n_probes);
        depth - 1
    } else {
        start_from_units(arch, stack, net, pass, samples, keep_dead);
        depth - 2
    };
    let (most, rows) = (stack.most, stack.owner.len());
    for l in (1..=filled).rev() {
        let DenseLayer { W, m, n, .. } = net[l];
        let (below, above) = stack.U.split_at_mut(l);
        let V = at_least_of(&mut stack.V[l - 1], rows * n, most * n);
        gemm(ViewMut::new(V, rows, n), Destination::Set, 1.0, View::new(&above[0], rows, m), View::new(W, m, n));
        let U = at_least_of(&mut below[l - 1], rows * n, most * n);
        vectorised(
            arch,
            #[inline(always)]
            || gate(U, V, &pass[l - 1].d, stack.owner.iter().copied(), n),
        );
    }
}

/// The top layer for probes: V_L = vᵀ, U_L = V_L ∘ d_L.
fn start_from_probes(
    arch: Arch,
    stack: &mut RowStack,
    k: usize,
    pass: &[LayerPass],
    samples: Range<usize>,
    probes: &[f32],
    n_probes: usize,
) {
    let top = pass.len() - 1;
    stack.owner.extend(samples.clone().flat_map(|b| std::iter::repeat_n(b, n_probes)));
    let size = stack.owner.len() * k;
    let V = at_least_of(&mut stack.V[top], size, stack.most * k);
    V.copy_from_slice(&probes[samples.start * n_probes * k..][..size]);
    let U = at_least_of(&mut stack.U[top], size, stack.most * k);
    vectorised(
        arch,
        #[inline(always)]
        || gate(U, V, &pass[top].d, stack.owner.iter().copied(), k),
    );
}

/// The two top layers for unit rows: V_{L−1} = d_L,bi W_L,i and U_{L−1} = V_{L−1} ∘ d_{L−1}, of the units i of each
/// sample b; those with d_L,bi = 0 only with `keep_dead`.
fn start_from_units(
    arch: Arch,
    stack: &mut RowStack,
    net: &[DenseLayer<'_>],
    pass: &[LayerPass],
    samples: Range<usize>,
    keep_dead: bool,
) {
    let l = net.len() - 2;
    let (k, d) = (net[l + 1].m, &pass[l + 1].d);
    stack.unit.reserve(stack.most);
    for b in samples {
        for i in 0..k {
            if keep_dead || d[b * k + i] != 0.0 {
                stack.owner.push(b);
                stack.unit.push(i);
            }
        }
    }
    let (W, m) = (net[l + 1].W, net[l].m);
    let size = stack.owner.len() * m;
    let V = at_least_of(&mut stack.V[l], size, stack.most * m);
    let U = at_least_of(&mut stack.U[l], size, stack.most * m);
    let below = &pass[l].d;
    vectorised(
        arch,
        #[inline(always)]
        || {
            let rows = V.chunks_exact_mut(m).zip(U.chunks_exact_mut(m)).zip(stack.owner.iter().zip(&stack.unit));
            for ((V, U), (&b, &i)) in rows {
                let (slope, W, below) = (d[b * k + i], &W[i * m..(i + 1) * m], &below[b * m..(b + 1) * m]);
                in_pieces!(m, |at, N| {
                    let (mut v, mut u) = (piece::<N>(W, at), piece::<N>(below, at));
                    for j in 0..N {
                        v[j] *= slope;
                        u[j] *= v[j];
                    }
                    V[at..at + N].copy_from_slice(&v);
                    U[at..at + N].copy_from_slice(&u);
                });
            }
        },
    );
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
            gemm(ViewMut::new(N, rows, m), Destination::Set, 1.0, View::new(U, rows, m), View::new(G, m, m));
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
            gemm(ViewMut::new(J, rows, d), Destination::Set, 1.0, View::new(U, rows, m), View::new(first.W, m, d));
            gemm(ViewMut::new(N, rows, m), Destination::Set, 1.0, View::new(J, rows, d), View::new(first.WT, d, m));
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

/// The end's weight gradient, and N turned into X = 2 w_b N. U_1 and J are scaled in place: the stack's U_1 is overwritten.
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
            gemm_upper(ViewMut::new(&mut sums.K, m, m), Destination::Add, shared, U.t(), U);
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
            gemm(ViewMut::new(&mut sums.W[0], m, d), Destination::Add, 2.0 * shared, U, J);
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
        gemm(ViewMut::new(&mut sums.W[l + 1], above.m, m), Destination::Add, 1.0, U.t(), V);
        let next = at_least_of(&mut scratch.other, rows * above.m, stack.most * above.m);
        gemm(ViewMut::new(next, rows, above.m), Destination::Set, 1.0, V, View::new(above.WT, m, above.m));
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
                let dW = &mut dW[i * m..][..m];
                in_pieces!(m, |at, N| {
                    let (mut g, x) = (piece::<N>(dW, at), piece::<N>(X, at));
                    for j in 0..N {
                        g[j] += slope * x[j];
                    }
                    dW[at..at + N].copy_from_slice(&g);
                });
                if top.is_smooth {
                    pass.dZ[b * k + i] += pass.dd[b * k + i] * dot(X, &top.W[i * m..(i + 1) * m]) as f32;
                }
            }
        },
    );
}

#[cfg(test)]
mod tests;
