//! The page against the explicit Jacobian.

use super::super::super::PenaltyPlan;
use super::super::super::trial::{ROUNDING, Trial, assert_close, assert_same_gradient, numbers, wide};
use super::super::laws::{assert_doubled, assert_six, assert_worked_gradient};
use super::*;
use crate::activation::Activation;
use crate::order::Top;
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
    lane.reset(PenaltyPlan::CodeSide { top: Top::Units, gram, root: false }, &net);
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
        // Twice with the weight ½.
        assert_six(&page.P, &[2.0 * 0.295539]);
        assert_six(&wide(&page.U_1), &[0.196574, -0.469917]);
        assert_six(&wide(&page.N), &[-0.273343, -0.743260]);
        assert_worked_gradient(&page.gradient);
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
        let (without, with) = (by_the_page(&trial, &[], 0, gram, false, 1), by_the_page(&trial, &[], 0, gram, true, 1));
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
            assert_doubled(&once.gradient, &twice.gradient);
        }
    }
}
