//! The mistakes that public implementations of the contractive penalty make, each as a regression test: this file has
//! those in its derivatives, (a) wrong φ′, (b) detached or stale W, (c) ‖Jᵀ1‖ for ‖J‖, (d) no path through φ″,
//! (g) gradient check at tiny weights; `audit_conventions.rs` has the rest.
//!
//! Every test computes the truth by hand, without this crate's mathematics, and computes the mistaken quantity on the
//! same inputs. Ours must meet the truth within the subject's tolerance; the mistake must differ from it by at least
//! 5 %, so that planting the mistake in our code fails the test.
#![allow(non_snake_case)] // matrices are upper case, as in the papers

mod by_hand;
mod judge;
mod tolerance;
mod trial;

use by_hand::{differentiate, encode, jacobian, mean_over_rows, penalty, phi, squared_length};
use contractive_core::penalty::ProbeDistribution;
use contractive_core::{Activation, Loss, Objective, Penalty};
use judge::{CLEAR, judge_gradient, judge_value, penalty_part, trial_of, true_gradient};
use trial::{Draws, SUBJECTS, Trial, distance, jacobian_gradient_with_held_derivatives, network_of};

/// Σ_j (h_j(1−h_j))² ‖W_j‖² of the last layer.
fn logistic_form(trial: &Trial) -> f64 {
    mean_over_rows(trial, |layers| {
        let last = layers.last().unwrap();
        (0..last.a.len()).map(|j| (last.a[j] * (1.0 - last.a[j])).powi(2) * squared_length(last.W.row(j))).sum()
    })
}

/// (a) h(1−h) in place of φ′, whatever φ is. avijit9/Contractive_Autoencoder_in_Pytorch `CAE_pytorch.py` (ReLU), and
/// many copies of the Keras post that began at wiseodd/hipsternet (tanh).
#[test]
fn audit_a_wrong_derivative_of_the_activation() {
    for subject in SUBJECTS {
        for activation in [Activation::Tanh, Activation::Relu, Activation::Softplus, Activation::Silu] {
            for scale in [1.0, 3.0] {
                let trial = trial_of(1, &[6, 4], activation, scale);
                let ours = penalty_part(subject, &trial);
                let what = format!("{activation} at {scale}");
                judge_value(subject, &what, ours.terms.penalty, penalty(&trial), logistic_form(&trial));
                let mistake = differentiate(&|theta| logistic_form(&trial.at(theta)), &trial.parameters);
                judge_gradient(subject, &what, &ours.gradient, &true_gradient(&trial), &mistake);
            }
        }
    }
}

/// (a) The named penalty `logistic_last` still gives that form, for who must reproduce it, and it alone.
#[test]
fn audit_a_logistic_last_is_the_copied_form_and_only_by_that_name() {
    for subject in SUBJECTS {
        let trial = trial_of(2, &[6, 5, 4], Activation::Tanh, 1.0);
        let copied = trial.with_penalty(Penalty::LogisticLast { hold_weights: false });
        let ours = penalty_part(subject, &copied);
        judge_value(subject, "logistic_last", ours.terms.penalty, logistic_form(&trial), penalty(&trial));
        let truth = differentiate(&|theta| logistic_form(&trial.at(theta)), &trial.parameters);
        judge_gradient(subject, "logistic_last", &ours.gradient, &truth, &true_gradient(&trial));
    }
}

/// (b) W taken out of the graph: `Variable(W)**2`, `state_dict()['fc1.weight']` (avijit9, Khdave02). What is left of the
/// gradient, the path through h, points the wrong way at moderate weights: it *grows* the contraction, as a user of
/// discuss.pytorch.org saw in 2020.
#[test]
fn audit_b_detached_weights() {
    const N: usize = 256;
    for subject in SUBJECTS {
        let net = network_of(&[64, 32], Activation::Sigmoid, Activation::Identity, false);
        let objective = Objective::new(Loss::Sse, Penalty::Jacobian, 1.0);
        // Weights of standard deviation 1/√64: pre-activations of about 1.
        let trial = Trial::draw(3, net, objective, N, 0.125, 0.0);
        let ours = penalty_part(subject, &trial);

        // True: 2 φ′² W + 2 φ′ φ″ ‖W_j‖² x; detached: the second half alone.
        let (mut truth, mut detached) = (vec![0.0; trial.parameters.len()], vec![0.0; trial.parameters.len()]);
        for r in 0..N {
            let x = trial.rows.row(r);
            let layer = &encode(&trial, x)[0];
            for j in 0..32 {
                let h = layer.a[j];
                let s = h * (1.0 - h);
                let through_h = 2.0 / N as f64 * s * s * (1.0 - 2.0 * h) * squared_length(layer.W.row(j));
                for i in 0..64 {
                    truth[64 * j + i] += 2.0 / N as f64 * s * s * layer.W.row(j)[i] + through_h * x[i];
                    detached[64 * j + i] += through_h * x[i];
                }
                truth[64 * 32 + j] += through_h;
                detached[64 * 32 + j] += through_h;
            }
        }
        judge_gradient(subject, "detached W", &ours.gradient, &truth, &detached);

        let cosine = |u: &[f64], v: &[f64]| {
            let dot = |u: &[f64], v: &[f64]| u.iter().zip(v).map(|(a, b)| a * b).sum::<f64>();
            dot(u, v) / (dot(u, u) * dot(v, v)).sqrt()
        };
        let agreement = cosine(&detached, &ours.gradient);
        assert!(agreement < -0.2, "the detached gradient points away from the true one, cosine {agreement}");
        let step = |gradient: &[f64]| {
            let length = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            let moved: Vec<f64> = trial.parameters.iter().zip(gradient).map(|(t, g)| t - 0.05 * g / length).collect();
            penalty(&trial.at(&moved))
        };
        assert!(step(&ours.gradient) < penalty(&trial) && step(&detached) > penalty(&trial));
    }
}

/// (b) A frozen copy of the initial weights: `K.variable(value=...get_weights()[0])` in wiseodd/hipsternet, hugochan/KATE
/// and at least ten copies. Once the weights move, the copy's penalty is of another network.
#[test]
fn audit_b_stale_weights() {
    for subject in SUBJECTS {
        let mut trial = trial_of(4, &[6, 4], Activation::Sigmoid, 1.0);
        let initial = trial.clone();
        trial.encoder_weight_mut(0).iter_mut().for_each(|w| *w *= 0.5);
        let stale = mean_over_rows(&trial, |layers| {
            let W = &encode(&initial, initial.rows.row(0))[0].W;
            (0..4).map(|j| phi(Activation::Sigmoid, layers[0].z[j]).1.powi(2) * squared_length(W.row(j))).sum()
        });
        let ours = penalty_part(subject, &trial);
        judge_value(subject, "stale W", ours.terms.penalty, penalty(&trial), stale);
    }
}

/// (b) Tied weights: the decoder must follow the encoder, and its share of the gradient must reach W.
#[test]
fn audit_b_tied_weights_are_one_tensor() {
    for subject in SUBJECTS {
        let net = network_of(&[5, 3], Activation::Sigmoid, Activation::Identity, true);
        let trial = Trial::draw(5, net, Objective::new(Loss::Sse, Penalty::None, 0.0), 4, 1.0, 0.3);
        let loss = |decoder_of: &Trial, t: &Trial| {
            mean_over_rows(t, |layers| {
                let (h, x) = (&layers[0].a, &layers[0].input);
                let c = decoder_of.tensor_of(&t.parameters, "decoder.0.bias");
                let W = decoder_of.tensor_of(&decoder_of.parameters, "encoder.0.weight");
                (0..5).map(|i| ((0..3).map(|j| W[5 * j + i] * h[j]).sum::<f64>() + c[i] - x[i]).powi(2)).sum()
            })
        };
        let ours = (subject.evaluate)(&trial);
        let truth = differentiate(&|theta| loss(&trial.at(theta), &trial.at(theta)), &trial.parameters);
        let encoder_alone = differentiate(&|theta| loss(&trial, &trial.at(theta)), &trial.parameters);
        judge_gradient(subject, "tied W", &ours.gradient, &truth, &encoder_alone);
    }
}

/// ‖Jᵀ1‖², mean over rows: what automatic differentiation of a *sum* of codes gives.
fn sum_gradient_form(trial: &Trial) -> f64 {
    mean_over_rows(trial, |layers| {
        let J = jacobian(layers);
        (0..J.columns()).map(|i| (0..J.rows()).map(|j| J[(j, i)]).sum::<f64>().powi(2)).sum()
    })
}

/// (c) The gradient of the summed code, ‖Jᵀ1‖²: fdavidcl/ruta `k_gradients(encoding_h, input_x)`, PyTorch forum 12124
/// `y.backward(ones)`, manupillai308 `tf.gradients(codings, X)`, pythae's RAE-GP. It is exactly 0 for mirrored units,
/// (w, b) and (−w, −b), however strongly they react.
#[test]
fn audit_c_sum_gradient_is_zero_for_mirrored_units() {
    for subject in SUBJECTS {
        for activation in [Activation::Sigmoid, Activation::Tanh] {
            let mut trial = trial_of(6, &[5, 4], activation, 1.0);
            let W = trial.encoder_weight_mut(0);
            for i in 0..10 {
                W[10 + i] = -W[i];
            }
            let b = trial.tensor_mut("encoder.0.bias");
            (b[2], b[3]) = (-b[0], -b[1]);
            assert!(sum_gradient_form(&trial) < 1e-28);
            let ours = penalty_part(subject, &trial);
            judge_value(subject, "mirrored", ours.terms.penalty, penalty(&trial), sum_gradient_form(&trial));
            let mistake = differentiate(&|theta| sum_gradient_form(&trial.at(theta)), &trial.parameters);
            judge_gradient(subject, "mirrored", &ours.gradient, &true_gradient(&trial), &mistake);
        }
    }
}

/// (c) One probe of ones is that form too: `projection` must average probes that have covariance I.
#[test]
fn audit_c_projection_averages_to_the_whole_norm() {
    for subject in SUBJECTS {
        let mut trial = trial_of(7, &[5, 4, 3], Activation::Tanh, 1.0);
        let distribution = ProbeDistribution::Orthogonal;
        trial.objective.penalty = Penalty::Projection { probes: 3, distribution };
        trial.draw_for_penalty(&mut Draws::new(8));
        let ours = penalty_part(subject, &trial);
        // Probes are drawn in f32, so they are orthogonal to f32's accuracy.
        assert!(distance(&[ours.terms.penalty], &[penalty(&trial)]) < 1e-5);
        assert!(distance(&[sum_gradient_form(&trial)], &[penalty(&trial)]) > CLEAR);
    }
}

/// (d) No path through φ′, so no φ″: what is left when the derivative is treated as a constant.
#[test]
fn audit_d_forgotten_path_through_the_derivative() {
    for subject in SUBJECTS {
        for activation in [Activation::Sigmoid, Activation::Tanh, Activation::Softplus, Activation::Gelu] {
            for sizes in [&[6, 4][..], &[6, 5, 4], &[6, 5, 4, 3]] {
                for scale in [0.3, 1.0, 3.0] {
                    let trial = trial_of(9, sizes, activation, scale);
                    let ours = penalty_part(subject, &trial);
                    let mistake = jacobian_gradient_with_held_derivatives(&trial);
                    let what = format!("{activation} {sizes:?} at {scale}");
                    judge_gradient(subject, &what, &ours.gradient, &true_gradient(&trial), &mistake);
                }
            }
        }
    }
}

/// (d) The bias moves the penalty only through φ″: with ReLU it must get nothing, with the others something.
#[test]
fn audit_d_biases_feel_the_penalty_only_through_the_second_derivative() {
    for subject in SUBJECTS {
        for (activation, feels) in [(Activation::Sigmoid, true), (Activation::Relu, false)] {
            let trial = trial_of(10, &[6, 4], activation, 1.0);
            let gradient = penalty_part(subject, &trial).gradient;
            let largest = |name| trial.tensor_of(&gradient, name).iter().fold(0.0_f64, |m, g| m.max(g.abs()));
            let (weight, bias) = (largest("encoder.0.weight"), largest("encoder.0.bias"));
            assert!(weight > 0.0);
            assert_eq!(bias > subject.tolerance * weight, feels, "{} {activation}: bias {bias:e}", subject.name);
        }
    }
}

/// (g) Shogun `NeuralLogisticLayer.cpp`: x_i ‖W_j‖² became W_ji³ and the bias gets nothing; its own gradient test, at
/// weights of 0.01 with an absolute tolerance of 1e-6, passes, because 1 − 2h is nearly 0 there.
#[test]
fn audit_g_gradient_check_at_tiny_weights_hides_the_mistake() {
    let shogun = |trial: &Trial| {
        let mut gradient = vec![0.0; trial.parameters.len()];
        for r in 0..5 {
            let layer = &encode(trial, trial.rows.row(r))[0];
            for j in 0..4 {
                let h = layer.a[j];
                let s = (h * (1.0 - h)).powi(2);
                for i in 0..6 {
                    let w = layer.W.row(j)[i];
                    gradient[6 * j + i] += 2.0 / 5.0 * s * (w + (1.0 - 2.0 * h) * w.powi(3));
                }
            }
        }
        gradient
    };
    for subject in SUBJECTS {
        let mut tiny = trial_of(21, &[6, 4], Activation::Sigmoid, 0.01);
        tiny.tensor_mut("encoder.0.bias").fill(0.0);
        let truth = true_gradient(&tiny);
        let weights = 0..24;
        let worst = |a: &[f64], b: &[f64]| a.iter().zip(b).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
        assert!(worst(&shogun(&tiny)[weights.clone()], &truth[weights]) < 1e-5, "the check at 0.01 sees nothing");
        for scale in [0.3, 1.0, 3.0] {
            let trial = trial_of(21, &[6, 4], Activation::Sigmoid, scale);
            let ours = penalty_part(subject, &trial);
            let what = format!("shogun at {scale}");
            judge_gradient(subject, &what, &ours.gradient, &true_gradient(&trial), &shogun(&trial));
        }
    }
}
