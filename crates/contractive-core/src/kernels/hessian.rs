//! ‖J(x)‖²_F + ratio · mean over ε of ‖J(x) − J(x+ε)‖²_F: CAE+H (Rifai et al., ECML 2011).
//!
//! One layer, in closed form (c counts the C corruptions, r = ratio/C):
//!
//! ```text
//! P_b = Σ_j [ d_bj² + r Σ_c (d_bj − d^c_bj)² ] q_j           d = φ′(z(x)),  d^c = φ′(z(x+ε_c)),  q_j = ‖W_j‖²
//! ∂P_b/∂z_bj  = 2 q_j φ″_bj [ d_bj + r Σ_c (d_bj − d^c_bj) ]      ∂P_b/∂z^c_bj = −2 q_j φ″^c_bj r (d_bj − d^c_bj)
//! dW_j += 2 s_j W_j,   s_j = Σ_b w_b [ d_bj² + r Σ_c (d_bj − d^c_bj)² ]
//! ```
//!
//! Deep: J(x) − J(x+ε) = (U(x) − U(x+ε)) W_1 with U the rows of the code side, so the difference of two stacks goes
//! through the same end as one; its adjoint goes up both chains, with opposite signs.
//! Shapes: passes\[0\] is the point x, passes\[1..=C\] the corrupted ones. Derivation: docs/derivations/hessian.md.

use std::ops::Range;

use pulp::Arch;

use super::frobenius_deep::WeightSums;
use super::frobenius_deep::code_side::{CodeSideScratch, End, RowStack, ascend, descend, end_backward, end_forward};
use super::{EncoderLayer, LayerPass};

/// One layer: P\[b\] += the value; `passes[p]` is the layer at point p.
pub fn hessian_layer_forward(arch: Arch, P: &mut [f64], passes: &[Vec<LayerPass>], q: &[f32], ratio: f32) {
    let m = q.len();
    let r = ratio / (passes.len() - 1) as f32;
    arch.dispatch(
        #[inline(always)]
        || {
            for (b, P) in P.iter_mut().enumerate() {
                let d = &passes[0][0].d[b * m..(b + 1) * m];
                *P += super::sums::square_dot(d, q);
                for corrupted in &passes[1..] {
                    let d_c = &corrupted[0].d[b * m..(b + 1) * m];
                    let sum: f64 = (0..m).map(|j| f64::from((d[j] - d_c[j]) * (d[j] - d_c[j]) * q[j])).sum();
                    *P += f64::from(r) * sum;
                }
            }
        },
    );
}

/// One layer: every point's dZ, and s for dW_j += 2 s_j W_j.
pub fn hessian_layer_backward(
    arch: Arch,
    s: &mut [f32],
    passes: &mut [Vec<LayerPass>],
    q: &[f32],
    ratio: f32,
    w: &[f32],
) {
    let m = q.len();
    let r = ratio / (passes.len() - 1) as f32;
    let (base, corrupted) = passes.split_at_mut(1);
    let LayerPass { d, dd, dZ } = &mut base[0][0];
    super::frobenius::frobenius_backward(arch, dZ, s, &d[..w.len() * m], dd, q, w);
    arch.dispatch(
        #[inline(always)]
        || {
            for point in corrupted {
                let at = &mut point[0];
                for (b, &w) in w.iter().enumerate() {
                    for (j, i) in (b * m..(b + 1) * m).enumerate() {
                        let change = d[i] - at.d[i];
                        s[j] += w * r * change * change;
                        // A piecewise linear φ has no φ″, and then nothing flows here.
                        if !dd.is_empty() {
                            dZ[i] += 2.0 * w * r * q[j] * dd[i] * change;
                            at.dZ[i] -= 2.0 * w * r * q[j] * at.dd[i] * change;
                        }
                    }
                }
            }
        },
    );
}

/// Scratch of one lane for the deep form.
#[derive(Debug, Clone, Default)]
pub struct HessianScratch {
    stacks: Vec<RowStack>,
    code_side: CodeSideScratch,
    /// The adjoint of U(x) that the differences send.
    from_differences: Vec<f32>,
    /// ‖J(x) − J(x+ε)‖² of one corruption.
    change: Vec<f64>,
    weight: Vec<f32>,
}

/// Deep: P\[b\] += the value for `samples`; with `w`, also every dZ and the weight sums.
pub fn hessian_deep(
    arch: Arch,
    P: &mut [f64],
    sums: &mut WeightSums,
    passes: &mut [Vec<LayerPass>],
    scratch: &mut HessianScratch,
    net: &[EncoderLayer<'_>],
    end: End<'_>,
    samples: Range<usize>,
    ratio: f32,
    w: Option<&[f32]>,
) {
    let (m_1, corruptions) = (net[0].m, passes.len() - 1);
    let r = ratio / corruptions as f32;
    scratch.stacks.resize_with(passes.len(), RowStack::default);
    scratch.change.resize(P.len(), 0.0);
    for (stack, pass) in scratch.stacks.iter_mut().zip(&*passes) {
        descend(arch, stack, net, pass, samples.clone(), &[], 0, true);
    }
    let (base, corrupted) = scratch.stacks.split_at_mut(1);
    let base = &mut base[0];
    let size = base.rows() * m_1;
    scratch.from_differences.clear();
    scratch.from_differences.resize(size, 0.0);
    for (c, stack) in corrupted.iter_mut().enumerate() {
        // U(x+ε) − U(x): the sign is lost in the norm, and says which way the adjoint goes.
        stack.subtract_first(base, m_1);
        scratch.change[samples.clone()].fill(0.0);
        end_forward(arch, &mut scratch.change, &mut scratch.code_side, stack, &net[0], end);
        for b in samples.clone() {
            P[b] += f64::from(r) * scratch.change[b];
        }
        if let Some(w) = w {
            scratch.weight.clear();
            scratch.weight.extend(w.iter().map(|w| w * r));
            end_backward(arch, sums, &mut scratch.code_side, stack, &scratch.weight, &net[0], end);
            scratch.from_differences.iter_mut().zip(&scratch.code_side.X).for_each(|(sum, x)| *sum -= x);
            ascend(arch, sums, &mut passes[c + 1], &mut scratch.code_side, stack, net);
        }
    }
    end_forward(arch, P, &mut scratch.code_side, base, &net[0], end);
    if let Some(w) = w {
        end_backward(arch, sums, &mut scratch.code_side, base, w, &net[0], end);
        scratch.code_side.X.iter_mut().zip(&scratch.from_differences).for_each(|(x, more)| *x += more);
        ascend(arch, sums, &mut passes[0], &mut scratch.code_side, base, net);
    }
}
