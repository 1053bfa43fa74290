//! The reference's gradient against central differences of its value: the error must fall as the square of the step.
//!
//! The rule is that of `slope_rule`. The last tests plant mistakes, and the rule must refuse them.
#![allow(non_snake_case)] // matrices are upper case, as in the papers

mod slope_rule;
mod tolerance;
mod trial;

use contractive_core::objective::Sparsity;
use contractive_core::penalty::ProbeDistribution;
use contractive_core::reference::network::forward;
use contractive_core::{Activation, Loss, Objective, Penalty};
use slope_rule::{Accepted, check, errors};
use trial::{REFERENCE, Trial, jacobian_gradient_with_held_derivatives, network_of};

const SCALES: [f64; 4] = [0.01, 0.3, 1.0, 3.0];
const SMOOTH: [Activation; 5] =
    [Activation::Sigmoid, Activation::Tanh, Activation::Softplus, Activation::Silu, Activation::Gelu];
const KINKED: [Activation; 3] = [Activation::Relu, Activation::LeakyRelu, Activation::Elu];
const SIZES: [&[usize]; 3] = [&[4, 3], &[4, 5, 3], &[4, 3, 4, 2]];

/// Every penalty there is, and the settings that take another way.
fn penalties() -> Vec<Penalty> {
    let mut all = Penalty::ALL.to_vec();
    all.extend([
        Penalty::Projection { probes: 2, distribution: ProbeDistribution::Spherical },
        Penalty::FiniteDifference { epsilon: 0.1, directions: 2 },
        Penalty::Reconstruction { probes: 2 },
        Penalty::Decoder { probes: 2 },
    ]);
    all
}

/// On which side of every kink the trial's network is: the signs of all z that meet a kinked activation, wherever the
/// objective evaluates the network, and of all weights under `weight_l1`.
fn sides(trial: &Trial) -> Vec<bool> {
    let network = trial.network();
    let mut sides = Vec::new();
    let mut look = |stack: &[_], a: &[f64]| {
        let trace = forward(stack, a);
        for (layer, z) in stack.iter().zip(&trace.z) {
            if KINKED.contains(&layer.activation) {
                sides.extend(z.iter().map(|z| *z > 0.0));
            }
        }
        trace.output().to_vec()
    };
    let d = trial.rows.columns();
    let n = trial.rows.rows();
    for r in 0..n {
        let x = trial.rows.row(r);
        let encoded = trial.corrupted.as_ref().unwrap_or(&trial.rows).row(r);
        let h = look(network.encoder(), encoded);
        look(network.decoder(), &h);
        look(network.encoder(), x);
        let moves: Vec<Vec<f64>> = match trial.objective.penalty {
            Penalty::Hessian { corruptions, .. } => {
                (0..corruptions).map(|c| trial.draws[(c * n + r) * d..][..d].to_vec()).collect()
            }
            Penalty::FiniteDifference { epsilon, directions: 0 } => (0..2 * d)
                .map(|i| {
                    (0..d).map(|j| if i / 2 == j { epsilon } else { 0.0 } * (1.0 - 2.0 * (i % 2) as f64)).collect()
                })
                .collect(),
            Penalty::FiniteDifference { epsilon, directions } => (0..2 * directions)
                .map(|i| {
                    let u = &trial.draws[(r * directions + i / 2) * d..][..d];
                    u.iter().map(|u| epsilon * u * (1.0 - 2.0 * (i % 2) as f64)).collect()
                })
                .collect(),
            _ => Vec::new(),
        };
        for step in moves {
            let moved: Vec<f64> = x.iter().zip(&step).map(|(x, s)| x + s).collect();
            look(network.encoder(), &moved);
        }
    }
    if trial.objective.penalty == Penalty::WeightL1 {
        sides.extend(network.encoder().iter().flat_map(|layer| layer.W.values().iter().map(|w| *w > 0.0)));
    }
    sides
}

fn value_of(trial: &Trial) -> f64 {
    (REFERENCE.evaluate)(trial).terms.total
}

fn check_trial(trial: &Trial, gradient: &[f64]) -> Result<Accepted, String> {
    check(&|theta| value_of(&trial.at(theta)), &|theta| sides(&trial.at(theta)), &trial.parameters, gradient)
}

/// What was accepted how, for a printed summary.
#[derive(Default)]
struct Tally {
    slopes: Vec<f64>,
    errors: Vec<f64>,
}

impl Tally {
    fn accept(&mut self, trial: &Trial, name: &str) {
        match check_trial(trial, &(REFERENCE.evaluate)(trial).gradient) {
            Ok(Accepted::Slope(slope)) => self.slopes.push(slope),
            Ok(Accepted::Error(error)) => self.errors.push(error),
            Err(fault) => panic!("{name}: {fault}"),
        }
    }

    fn print(&self) {
        let (low, high) =
            self.slopes.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), s| (l.min(*s), h.max(*s)));
        let worst = self.errors.iter().fold(0.0_f64, |m, e| m.max(*e));
        println!(
            "{} by slope, {low:.4} to {high:.4}; {} by error, worst {worst:.1e}",
            self.slopes.len(),
            self.errors.len()
        );
    }

    /// Most must be accepted by their slope: else the rule would be judging nothing.
    fn demand_slopes(&self) {
        assert!(
            self.slopes.len() > 4 * self.errors.len(),
            "{} slopes, {} errors",
            self.slopes.len(),
            self.errors.len()
        );
    }
}

/// Losses in turn; a cross-entropy brings a sigmoid output.
fn objective_in_turn(i: usize, penalty: Penalty) -> (Objective, Activation) {
    let loss = Loss::ALL[i % 4];
    let output = match loss {
        Loss::Bce | Loss::CrossEntropy => Activation::Sigmoid,
        _ => Activation::Identity,
    };
    (Objective::new(loss, penalty, 0.7), output)
}

fn every_penalty_with(activations: &[Activation]) -> Tally {
    let mut tally = Tally::default();
    let mut i = 0;
    for penalty in penalties() {
        for &phi in activations {
            for sizes in SIZES {
                for scale in SCALES {
                    i += 1;
                    let (objective, output) = objective_in_turn(i, penalty);
                    let tied = i / 3 % 2 == 0;
                    let net = network_of(sizes, phi, output, tied);
                    let mut trial = Trial::draw(i as u64, net, objective, 2, scale, 0.5 * scale);
                    if i % 5 == 0 {
                        trial = trial.with_noise(i as u64, 0.3);
                    }
                    tally.accept(&trial, &format!("{penalty} {phi} {sizes:?} at {scale}, trial {i}"));
                }
            }
        }
    }
    tally.print();
    tally
}

#[test]
fn every_penalty_falls_with_slope_2_on_smooth_networks() {
    every_penalty_with(&SMOOTH).demand_slopes();
}

/// Here a step is often lost to a kink, so the error decides more often.
#[test]
fn every_penalty_is_right_on_kinked_networks_away_from_kinks() {
    every_penalty_with(&KINKED);
}

#[test]
fn every_combination_of_loss_tying_noise_sparsity_and_depth_falls_with_slope_2() {
    let mut tally = Tally::default();
    let mut seed = 1000;
    for loss in Loss::ALL {
        for tied in [false, true] {
            for sigma in [0.0, 0.4] {
                for sparsity in [None, Some(Sparsity { target: 0.1, weight: 0.6 })] {
                    for sizes in SIZES {
                        for scale in SCALES {
                            seed += 1;
                            let mut net = network_of(sizes, Activation::Tanh, Activation::Sigmoid, tied);
                            *net.encoder_activations.last_mut().unwrap() = Activation::Sigmoid;
                            let mut objective = Objective::new(loss, Penalty::Jacobian, 0.4);
                            objective.sparsity = sparsity;
                            let mut trial = Trial::draw(seed, net, objective, 3, scale, 0.5 * scale);
                            if sigma > 0.0 {
                                trial = trial.with_noise(seed, sigma);
                            }
                            tally.accept(&trial, &format!("{loss} tied {tied} noise {sigma} {sizes:?} at {scale}"));
                        }
                    }
                }
            }
        }
    }
    tally.print();
    tally.demand_slopes();
}

/// Where φ is piecewise linear the difference is nearly exact, and the best step must agree to 1e-8.
#[test]
fn piecewise_linear_networks_agree_to_1e_8_away_from_kinks() {
    let mut worst = 0.0_f64;
    let mut seed = 5000;
    for penalty in penalties() {
        for phi in [Activation::Identity, Activation::Relu, Activation::LeakyRelu] {
            for sizes in SIZES {
                for scale in SCALES {
                    let objective = Objective::new(Loss::Sse, penalty, 0.5);
                    // A draw may lie on a kink by chance: the first whose smallest steps cross none is taken.
                    let (points, size) = (0..20)
                        .map(|_| {
                            seed += 1;
                            let net = network_of(sizes, phi, Activation::Identity, seed % 2 == 0);
                            let trial = Trial::draw(seed, net, objective.clone(), 2, scale, 0.5 * scale);
                            let gradient = (REFERENCE.evaluate)(&trial).gradient;
                            let value = |theta: &[f64]| value_of(&trial.at(theta));
                            let kinks = |theta: &[f64]| sides(&trial.at(theta));
                            errors(&value, &kinks, &trial.parameters, &gradient)
                        })
                        .find(|(points, _)| points.len() > 3)
                        .expect("a draw away from kinks");
                    let best = points.iter().map(|p| p.error / size).fold(f64::INFINITY, f64::min);
                    assert!(best <= tolerance::PIECEWISE_LINEAR, "{penalty} {phi} {sizes:?} at {scale}: {best:e}");
                    worst = worst.max(best);
                }
            }
        }
    }
    println!("worst relative error {worst:.1e}");
}

/// With `hold_weights` the gradient descends another function: the penalty with ‖W_L,j‖² frozen at today's weights.
#[test]
fn logistic_last_with_held_weights_is_the_gradient_of_its_frozen_form() {
    for scale in SCALES {
        for sizes in SIZES {
            let net = network_of(sizes, Activation::Tanh, Activation::Identity, false);
            let objective = Objective::new(Loss::Mse, Penalty::LogisticLast { hold_weights: true }, 0.7);
            let trial = Trial::draw(77, net, objective, 3, scale, 0.5 * scale);
            let lengths: Vec<f64> = {
                let W = &trial.network().encoder().last().unwrap().W.clone();
                (0..W.rows()).map(|j| W.row(j).iter().map(|w| w * w).sum()).collect()
            };
            let frozen = |theta: &[f64]| {
                let plain = trial.with_penalty(Penalty::None).at(theta);
                let network = plain.network();
                let penalty: f64 = (0..3)
                    .map(|r| {
                        let h = forward(network.encoder(), plain.rows.row(r)).output().to_vec();
                        h.iter().zip(&lengths).map(|(h, q)| (h * (1.0 - h)).powi(2) * q).sum::<f64>()
                    })
                    .sum();
                value_of(&plain) + 0.7 * penalty / 3.0
            };
            let gradient = (REFERENCE.evaluate)(&trial).gradient;
            check(&frozen, &|_| Vec::new(), &trial.parameters, &gradient).unwrap();
            assert!(check_trial(&trial, &gradient).is_err(), "the held gradient is not that of the value");
        }
    }
}

/// A trial of the contractive objective to plant mistakes in.
fn planting_ground(seed: u64, phi: Activation, sizes: &[usize], scale: f64) -> Trial {
    let net = network_of(sizes, phi, Activation::Identity, false);
    Trial::draw(seed, net, Objective::new(Loss::Sse, Penalty::Jacobian, 0.1), 3, scale, 0.5 * scale)
}

#[test]
fn a_gradient_without_the_second_derivative_is_rejected() {
    for scale in [0.3, 1.0, 3.0] {
        for phi in SMOOTH {
            for sizes in SIZES {
                let trial = planting_ground(9, phi, sizes, scale);
                let plain = (REFERENCE.evaluate)(&trial.with_penalty(Penalty::None)).gradient;
                let held = jacobian_gradient_with_held_derivatives(&trial);
                let planted: Vec<f64> = plain.iter().zip(&held).map(|(p, h)| p + 0.1 * h).collect();
                assert!(check_trial(&trial, &planted).is_err(), "{phi} {sizes:?} at {scale}");
                check_trial(&trial, &(REFERENCE.evaluate)(&trial).gradient).unwrap();
            }
        }
    }
}

#[test]
fn a_factor_on_the_penalty_gradient_is_rejected() {
    for scale in [0.3, 1.0, 3.0] {
        for phi in SMOOTH {
            for sizes in SIZES {
                let trial = planting_ground(10, phi, sizes, scale);
                let plain = (REFERENCE.evaluate)(&trial.with_penalty(Penalty::None)).gradient;
                let full = (REFERENCE.evaluate)(&trial).gradient;
                for factor in [0.5, 0.99, 2.0] {
                    let planted: Vec<f64> = plain.iter().zip(&full).map(|(p, f)| p + factor * (f - p)).collect();
                    assert!(check_trial(&trial, &planted).is_err(), "{phi} {sizes:?} at {scale}, factor {factor}");
                }
            }
        }
    }
}

#[test]
fn a_missing_bias_gradient_is_rejected() {
    for scale in [0.3, 1.0, 3.0] {
        let trial = planting_ground(11, Activation::Sigmoid, &[4, 3], scale);
        let plain = (REFERENCE.evaluate)(&trial.with_penalty(Penalty::None));
        let mut planted = (REFERENCE.evaluate)(&trial).gradient;
        let bias = contractive_core::parameters::layout(&trial.architecture)[1].range();
        planted[bias.clone()].copy_from_slice(&plain.gradient[bias]);
        assert!(check_trial(&trial, &planted).is_err(), "at {scale}");
    }
}
