//! What every page of this folder must hold to, whatever it carries from one end of the encoder to the other.

use super::super::trial::{ROUNDING, Trial, assert_close, assert_same_gradient};
use crate::activation::Activation;
use crate::reference::network::LayerGradient;

/// A page with weight ½: value, what it carries at the end, and gradient of a trial's rows, in groups of so many samples, so
/// many times over.
pub type ByThePage = fn(&Trial, usize, usize) -> (Vec<f64>, Vec<f32>, Vec<LayerGradient>);

/// Six digits, as docs/derivations/frobenius-deep.md prints them.
#[track_caller]
pub fn assert_six(got: &[f64], want: &[f64]) {
    assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1.5e-6), "{got:?}, not {want:?}");
}

/// The gradient of docs/derivations/frobenius-deep.md's example.
#[track_caller]
pub fn assert_worked_gradient(gradient: &[LayerGradient]) {
    assert_six(gradient[0].dW.values(), &[-0.054582, -0.211188, 0.078111, 0.531037]);
    assert_six(gradient[1].dW.values(), &[-0.103679, -0.347264]);
    assert_six(&[&gradient[0].db[..], &gradient[1].db].concat(), &[0.105765, -0.357573, 0.008192]);
}

/// Twice the gradient of one pass after two.
#[track_caller]
pub fn assert_doubled(once: &[LayerGradient], twice: &[LayerGradient]) {
    for (once, twice) in once.iter().zip(twice) {
        assert_close("dW", twice.dW.values(), once.dW.scaled(2.0).values(), ROUNDING);
        let doubled: Vec<f64> = once.db.iter().map(|g| 2.0 * g).collect();
        assert_close("db", &twice.db, &doubled, ROUNDING);
    }
}

/// Value and gradient of the explicit Jacobian, for every activation.
pub fn agrees_with_the_explicit_jacobian(page: ByThePage, seed: u64, shapes: &[&[usize]]) {
    for phi in Activation::ALL {
        for sizes in shapes {
            let trial = Trial::draw(seed, sizes, phi, 5);
            let (want, want_gradient) = trial.explicit(0.5);
            for of in [5, 2] {
                let (P, _, gradient) = page(&trial, of, 1);
                let label = format!("{phi}, {sizes:?}, groups of {of}");
                assert_close(&format!("{label}, P"), &P, &want, ROUNDING);
                assert_same_gradient(&label, &gradient, &want_gradient, ROUNDING);
            }
        }
    }
}

/// The worked example; gives back what the page carries.
pub fn works_the_example(page: ByThePage) -> Vec<f32> {
    // Twice with the weight ½.
    let (P, carried, gradient) = page(&Trial::worked_example(), 1, 2);
    assert_six(&P, &[2.0 * 0.295539]);
    assert_worked_gradient(&gradient);
    carried
}

/// Two passes give twice the gradient, and no rows none.
pub fn adds_and_leaves_alone(page: ByThePage, seed: u64) {
    let trial = Trial::draw(seed, &[4, 6, 3], Activation::Gelu, 3);
    assert_doubled(&page(&trial, 3, 1).2, &page(&trial, 3, 2).2);
    let none = Trial::draw(seed, &[4, 6, 3], Activation::Gelu, 0);
    let (P, carried, gradient) = page(&none, 3, 1);
    assert!(P.is_empty() && carried.is_empty());
    assert_same_gradient("no rows", &gradient, &none.zeros(), 0.0);
}

/// Finite numbers where units are dead or saturated.
pub fn is_finite_at_the_ends(page: ByThePage, seed: u64) {
    for phi in [Activation::Relu, Activation::Sigmoid] {
        let mut trial = Trial::draw(seed, &[4, 6, 3], phi, 3);
        trial.encoder[0].b = vec![-1e6, 1e6, -95.0, 95.0, -1e3, -1e3];
        trial.encoder[1].b = vec![-1e6, 0.0, 95.0];
        let (P, _, gradient) = page(&trial, 3, 1);
        assert!(P.iter().all(|p| p.is_finite()));
        assert!(gradient.iter().flat_map(|g| g.dW.values().iter().chain(&g.db)).all(|g| g.is_finite()), "{phi}");
    }
}
