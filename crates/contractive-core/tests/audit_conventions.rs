//! The audit's mistakes of convention and meaning, as `audit.rs` has those of derivatives: (e) mean, sum and half, (f) part
//! of the encoder, (h) silent zero, (i) activity called contraction, (j) scale escape, and what is reported.
#![allow(non_snake_case)] // matrices are upper case, as in the papers

mod by_hand;
mod judge;
mod tolerance;
mod trial;

use by_hand::{differentiate, encode, jacobian, mean_over_rows, penalty, phi, squared_length};
use contractive_core::{Activation, Loss, Objective, Penalty};
use judge::{judge_gradient, judge_value, penalty_part, trial_of, true_gradient};
use trial::{Draws, SUBJECTS, Trial, distance, is_encoder_weight, network_of};

/// (e) The gradient is half that of the penalty reported: ynd/cae.py, the authors' own code (ratio 2.000).
#[test]
fn audit_e_half_gradient() {
    for subject in SUBJECTS {
        let trial = trial_of(11, &[6, 4], Activation::Sigmoid, 1.0);
        let ours = penalty_part(subject, &trial);
        let half: Vec<f64> = true_gradient(&trial).iter().map(|g| 0.5 * g).collect();
        judge_gradient(subject, "half", &ours.gradient, &true_gradient(&trial), &half);
    }
}

/// (e) A sum over the batch reported where a mean is descended (ynd/cae.py): our value and gradient are means, so
/// repeating the rows moves neither.
#[test]
fn audit_e_sum_over_the_batch() {
    for subject in SUBJECTS {
        let trial = trial_of(12, &[6, 4], Activation::Sigmoid, 1.0);
        let ours = penalty_part(subject, &trial);
        judge_value(subject, "batch", ours.terms.penalty, penalty(&trial), 5.0 * penalty(&trial));
        let sum: Vec<f64> = true_gradient(&trial).iter().map(|g| 5.0 * g).collect();
        judge_gradient(subject, "batch", &ours.gradient, &true_gradient(&trial), &sum);
    }
}

/// (e) The mean of J's squared entries, or of its entries, for the sum: pylearn2 PR #90 and its higher-order model;
/// a hidden division by d.
#[test]
fn audit_e_mean_instead_of_sum() {
    for subject in SUBJECTS {
        let trial = trial_of(13, &[6, 5, 4], Activation::Tanh, 1.0);
        let ours = penalty_part(subject, &trial).terms.penalty;
        let entries = 4.0 * 6.0;
        judge_value(subject, "mean square", ours, penalty(&trial), penalty(&trial) / entries);
        judge_value(subject, "hidden 1/d", ours, penalty(&trial), penalty(&trial) / 6.0);
        let mean_entry = mean_over_rows(&trial, |layers| jacobian(layers).values().iter().sum::<f64>() / entries);
        judge_value(subject, "mean entry", ours, penalty(&trial), mean_entry);
    }
}

/// (e) Summed, then squared: pylearn2 PR #142, caglar/autoencoders `T.sqr(self.hidden.W.sum(axis=0))`.
#[test]
fn audit_e_summed_then_squared() {
    for subject in SUBJECTS {
        let trial = trial_of(14, &[6, 4], Activation::Sigmoid, 1.0);
        let form = |t: &Trial| {
            mean_over_rows(t, |layers| {
                let layer = &layers[0];
                let sum = |j: usize| layer.W.row(j).iter().sum::<f64>();
                (0..4).map(|j| (phi(Activation::Sigmoid, layer.z[j]).1 * sum(j)).powi(2)).sum()
            })
        };
        let ours = penalty_part(subject, &trial);
        judge_value(subject, "summed", ours.terms.penalty, penalty(&trial), form(&trial));
        let mistake = differentiate(&|theta| form(&trial.at(theta)), &trial.parameters);
        judge_gradient(subject, "summed", &ours.gradient, &true_gradient(&trial), &mistake);
    }
}

/// (e) The norm not squared, `sqrt(sum(square))`: a penalty of its own here, `jacobian_norm`, never under the name
/// `jacobian`. Its mean over rows is not the root of the mean square either.
#[test]
fn audit_e_unsquared_norm() {
    for subject in SUBJECTS {
        let trial = trial_of(15, &[6, 5, 4], Activation::Tanh, 1.0);
        let norm = |t: &Trial| mean_over_rows(t, |layers| jacobian(layers).squared_norm().sqrt());
        let ours = penalty_part(subject, &trial);
        judge_value(subject, "squared", ours.terms.penalty, penalty(&trial), norm(&trial));
        let other = penalty_part(subject, &trial.with_penalty(Penalty::JacobianNorm));
        judge_value(subject, "not squared", other.terms.penalty, norm(&trial), penalty(&trial));
        let truth = differentiate(&|theta| norm(&trial.at(theta)), &trial.parameters);
        judge_gradient(subject, "not squared", &other.gradient, &truth, &true_gradient(&trial));
    }
}

/// (e) CAE+H with a mean over all entries where the first-order term is a sum over entries: pylearn2
/// `HigherOrderContractiveAutoencoder`, `return (hessian ** 2).mean()`.
#[test]
fn audit_e_hessian_term_is_a_sum_over_entries() {
    for subject in SUBJECTS {
        let mut trial = trial_of(16, &[6, 4], Activation::Sigmoid, 1.0);
        trial.objective.penalty = Penalty::Hessian { corruptions: 3, sigma: 0.5, ratio: 2.0 };
        trial.draw_for_penalty(&mut Draws::new(17));
        // Σ_j (φ′(z_j) − φ′(z̃_j))² ‖W_j‖², the closed form of one layer.
        let second = |t: &Trial| {
            let at = |r: usize, c: usize| {
                let x = t.rows.row(r);
                let moved: Vec<f64> = (0..6).map(|i| x[i] + t.draws[(c * 5 + r) * 6 + i]).collect();
                let (here, there) = (&encode(t, x)[0], &encode(t, &moved)[0]);
                let slope = |z: f64| phi(Activation::Sigmoid, z).1;
                (0..4)
                    .map(|j| (slope(here.z[j]) - slope(there.z[j])).powi(2) * squared_length(here.W.row(j)))
                    .sum::<f64>()
            };
            (0..5).map(|r| (0..3).map(|c| at(r, c)).sum::<f64>() / 3.0).sum::<f64>() / 5.0
        };
        let ours = penalty_part(subject, &trial);
        let truth = |t: &Trial| penalty(t) + 2.0 * second(t);
        let mean = penalty(&trial) + 2.0 * second(&trial) / 24.0;
        judge_value(subject, "hessian", ours.terms.penalty, truth(&trial), mean);
        let gradient = differentiate(&|theta| truth(&trial.at(theta)), &trial.parameters);
        judge_gradient(subject, "hessian", &ours.gradient, &gradient, &true_gradient(&trial));
    }
}

/// Σ over layers `from..` of each layer's own squared Jacobian norm.
fn layer_sum(trial: &Trial, from: usize) -> f64 {
    mean_over_rows(trial, |layers| {
        layers[from..].iter().map(|l| jacobian(std::slice::from_ref(l)).squared_norm()).sum()
    })
}

/// (f) The last layer's own Jacobian for the encoder's: `dh**2 * sum(W**2)` of the last Dense after others.
#[test]
fn audit_f_last_layer_only() {
    for subject in SUBJECTS {
        for sizes in [&[6, 5, 4][..], &[6, 5, 4, 3]] {
            let trial = trial_of(18, sizes, Activation::Sigmoid, 1.0);
            let form = |t: &Trial| layer_sum(t, sizes.len() - 2);
            let ours = penalty_part(subject, &trial);
            judge_value(subject, "last layer", ours.terms.penalty, penalty(&trial), form(&trial));
            let mistake = differentiate(&|theta| form(&trial.at(theta)), &trial.parameters);
            judge_gradient(subject, "last layer", &ours.gradient, &true_gradient(&trial), &mistake);
        }
    }
}

/// (f) The sum of layer-wise terms for the Jacobian of the whole: Shogun's deep autoencoder. It has its own name here,
/// `layerwise`, and there it must reach the layers below each term.
#[test]
fn audit_f_sum_of_layers_has_its_own_name() {
    for subject in SUBJECTS {
        let trial = trial_of(19, &[6, 5, 4], Activation::Sigmoid, 1.0);
        let gradient = differentiate(&|theta| layer_sum(&trial.at(theta), 0), &trial.parameters);
        let ours = penalty_part(subject, &trial);
        judge_value(subject, "whole", ours.terms.penalty, penalty(&trial), layer_sum(&trial, 0));
        judge_gradient(subject, "whole", &ours.gradient, &true_gradient(&trial), &gradient);
        let ours = penalty_part(subject, &trial.with_penalty(Penalty::Layerwise));
        judge_value(subject, "layerwise", ours.terms.penalty, layer_sum(&trial, 0), penalty(&trial));
        judge_gradient(subject, "layerwise", &ours.gradient, &gradient, &true_gradient(&trial));
    }
}

/// (f) The product of the weights without any φ′, ‖W_L … W_1‖: AlexPasqua/Autoencoders `custom_losses.py`. It does not
/// depend on x at all.
#[test]
fn audit_f_product_of_weights_without_derivatives() {
    for subject in SUBJECTS {
        let trial = trial_of(20, &[6, 5, 4], Activation::Sigmoid, 1.0);
        let product = |t: &Trial| {
            let layers = encode(t, t.rows.row(0));
            layers[1].W.product(&layers[0].W).squared_norm()
        };
        let ours = penalty_part(subject, &trial);
        judge_value(subject, "product", ours.terms.penalty, penalty(&trial), product(&trial));
        let mut elsewhere = trial.clone();
        elsewhere.rows = elsewhere.rows.scaled(4.0);
        let moved = penalty_part(subject, &elsewhere);
        judge_value(subject, "elsewhere", moved.terms.penalty, penalty(&elsewhere), ours.terms.penalty);
    }
}

/// (h) Integer division: `T.sum(J ** 2) // self.n_batchsize` in DeepLearningTutorials `cA.py` since January 2016. The
/// value is floored and its gradient is 0 everywhere.
#[test]
fn audit_h_floored_penalty() {
    for subject in SUBJECTS {
        let trial = trial_of(22, &[6, 4], Activation::Sigmoid, 1.0);
        let ours = penalty_part(subject, &trial);
        judge_value(subject, "floored", ours.terms.penalty, penalty(&trial), penalty(&trial).floor());
        let zero = vec![0.0; trial.parameters.len()];
        judge_gradient(subject, "floored", &ours.gradient, &true_gradient(&trial), &zero);
    }
}

/// (h) A silent zero, such as pydbm's mean of a z-score: every penalty must give a value above 0 and a gradient.
#[test]
fn audit_h_no_penalty_is_silently_zero() {
    for subject in SUBJECTS {
        for penalty in Penalty::ALL.into_iter().filter(|p| *p != Penalty::None) {
            let mut trial = trial_of(23, &[6, 5, 4], Activation::Tanh, 1.0);
            trial.objective.penalty = penalty;
            trial.draw_for_penalty(&mut Draws::new(24));
            // These two reach the weights through the decoder, which `penalty_part` sets to 0.
            let ours = match penalty {
                Penalty::Reconstruction { .. } | Penalty::Decoder { .. } => {
                    let plain = (subject.evaluate)(&trial.with_penalty(Penalty::None));
                    let mut with = (subject.evaluate)(&trial);
                    with.gradient.iter_mut().zip(&plain.gradient).for_each(|(w, p)| *w -= p);
                    with
                }
                _ => penalty_part(subject, &trial),
            };
            assert!(ours.terms.penalty > 1e-3, "{} {penalty}: {}", subject.name, ours.terms.penalty);
            for place in contractive_core::parameters::layout(&trial.architecture) {
                // `logistic_last` reaches the first layer through h alone, every other penalty through J or W itself.
                if is_encoder_weight(&place.name) {
                    let part = &ours.gradient[place.range()];
                    assert!(part.iter().any(|g| g.abs() > 1e-4), "{} {penalty}: {}", subject.name, place.name);
                }
            }
        }
    }
}

/// (i) The mean squared code called contraction: DeepContractiveAEforRansomwareDetection. A saturated unit has the
/// largest activity and no contraction left to pay for.
#[test]
fn audit_i_activity_penalty() {
    for subject in SUBJECTS {
        let activity = |t: &Trial| {
            mean_over_rows(t, |layers| layers[0].a.iter().map(|h| h * h).sum::<f64>() / layers[0].a.len() as f64)
        };
        let mut trial = trial_of(25, &[6, 4], Activation::Sigmoid, 1.0);
        let ours = penalty_part(subject, &trial);
        judge_value(subject, "activity", ours.terms.penalty, penalty(&trial), activity(&trial));
        let mistake = differentiate(&|theta| activity(&trial.at(theta)), &trial.parameters);
        judge_gradient(subject, "activity", &ours.gradient, &true_gradient(&trial), &mistake);

        trial.tensor_mut("encoder.0.bias").fill(25.0);
        let saturated = penalty_part(subject, &trial).terms.penalty;
        assert!(activity(&trial) > 0.99 && saturated < 1e-6 * ours.terms.penalty, "{}: {saturated}", subject.name);
    }
}

/// (j) Scale escape: untied, the encoder may shrink and a linear decoder grow, and ‖J‖² goes to 0 at no cost. The
/// penalty must say so truly; ‖J‖² over the variance of the code does not fall for it; tied weights do not allow it.
#[test]
fn audit_j_scale_escape_is_visible() {
    for subject in SUBJECTS {
        for tied in [false, true] {
            let net = network_of(&[6, 4], Activation::Identity, Activation::Identity, tied);
            let trial = Trial::draw(26, net, Objective::new(Loss::Sse, Penalty::Jacobian, 1.0), 5, 1.0, 0.0);
            let mut escaped = trial.clone();
            escaped.encoder_weight_mut(0).iter_mut().for_each(|w| *w *= 0.125);
            if !tied {
                escaped.tensor_mut("decoder.0.weight").iter_mut().for_each(|w| *w *= 8.0);
            }
            let (before, after) = ((subject.evaluate)(&trial).terms, (subject.evaluate)(&escaped).terms);
            judge_value(subject, "escaped", after.penalty, before.penalty / 64.0, before.penalty);
            let same_loss = distance(&[after.reconstruction], &[before.reconstruction]);
            assert_eq!(same_loss <= subject.tolerance, !tied, "{}: {same_loss:e}", subject.name);
            let relative = |t: &Trial, penalty: f64| {
                let mean_code: Vec<f64> = (0..4).map(|j| mean_over_rows(t, |layers| layers[0].a[j])).collect();
                let variance = mean_over_rows(t, |layers| {
                    layers[0].a.iter().zip(&mean_code).map(|(h, mean)| (h - mean).powi(2)).sum()
                });
                penalty / variance
            };
            let (before, after) = (relative(&trial, before.penalty), relative(&escaped, after.penalty));
            assert!(distance(&[after], &[before]) <= subject.tolerance, "relative to the code's variance");
        }
    }
}

/// Row 3, `cA.py:295`: what it prints as "jacobian norm" mixes rows of both losses. Here the total printed is its parts,
/// each the mean it is called, and the gradient applied is the total's.
#[test]
fn audit_reported_is_optimised() {
    for subject in SUBJECTS {
        let mut trial = trial_of(27, &[6, 4], Activation::Sigmoid, 1.0);
        trial.objective.contraction = 3.0;
        let reconstruction = |t: &Trial| {
            let (V, c) = (t.tensor_of(&t.parameters, "decoder.0.weight"), t.tensor_of(&t.parameters, "decoder.0.bias"));
            mean_over_rows(t, |layers| {
                let (h, x) = (&layers[0].a, &layers[0].input);
                (0..6).map(|i| ((0..4).map(|j| V[4 * i + j] * h[j]).sum::<f64>() + c[i] - x[i]).powi(2)).sum()
            })
        };
        let total = |t: &Trial| reconstruction(t) + 3.0 * penalty(t);
        let ours = (subject.evaluate)(&trial);
        judge_value(subject, "total", ours.terms.total, total(&trial), reconstruction(&trial));
        judge_value(subject, "reconstruction", ours.terms.reconstruction, reconstruction(&trial), total(&trial));
        judge_value(subject, "penalty", ours.terms.penalty, penalty(&trial), 3.0 * penalty(&trial));
        let truth = differentiate(&|theta| total(&trial.at(theta)), &trial.parameters);
        let plain = differentiate(&|theta| reconstruction(&trial.at(theta)), &trial.parameters);
        judge_gradient(subject, "total", &ours.gradient, &truth, &plain);
    }
}

/// The penalty falls when it is trained alone, at every depth: the test that would have caught most of the above.
#[test]
fn audit_penalty_falls_when_trained_alone() {
    for subject in SUBJECTS {
        for activation in [Activation::Sigmoid, Activation::Tanh, Activation::Relu, Activation::Gelu] {
            for sizes in [&[6, 4][..], &[6, 5, 4]] {
                let mut trial = trial_of(28, sizes, activation, 1.0);
                let mut last = penalty(&trial);
                for _ in 0..20 {
                    let gradient = penalty_part(subject, &trial).gradient;
                    let square: f64 = gradient.iter().map(|g| g * g).sum();
                    let step = 0.02 * last / square;
                    let moved: Vec<f64> = trial.parameters.iter().zip(&gradient).map(|(t, g)| t - step * g).collect();
                    trial = trial.at(&moved);
                    let now = penalty(&trial);
                    assert!(now < last, "{} {activation} {sizes:?}: {last} to {now}", subject.name);
                    last = now;
                }
            }
        }
    }
}
