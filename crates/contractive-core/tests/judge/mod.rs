//! How the audit judges: ours must meet the truth, and the mistake must be clearly another number.

use contractive_core::parameters::layout;
use contractive_core::{Activation, Loss, Objective, Penalty};

use crate::by_hand::{differentiate, penalty};
use crate::trial::{Outcome, Subject, Trial, distance, network_of};

/// How far from the truth a mistake must be to count as clearly different.
pub const CLEAR: f64 = 0.05;

pub fn trial_of(seed: u64, sizes: &[usize], phi: Activation, scale: f64) -> Trial {
    let net = network_of(sizes, phi, Activation::Identity, false);
    Trial::draw(seed, net, Objective::new(Loss::Sse, Penalty::Jacobian, 1.0), 5, scale, 0.3)
}

/// The subject's terms, and the gradient of its penalty alone: of the objective, less that of a plain autoencoder. For
/// the gradient the decoder is set to 0, so that no reconstruction reaches the encoder and the difference loses no digits
/// there; the decoder itself must feel no penalty.
pub fn penalty_part(subject: &Subject, trial: &Trial) -> Outcome {
    let mut still = trial.clone();
    for place in layout(&trial.architecture) {
        if place.name.starts_with("decoder") {
            still.parameters[place.range()].fill(0.0);
        }
    }
    let with = (subject.evaluate)(&still).gradient;
    let plain = (subject.evaluate)(&still.with_penalty(Penalty::None)).gradient;
    let mut gradient: Vec<f64> = with.iter().zip(&plain).map(|(w, p)| w - p).collect();
    for place in layout(&trial.architecture) {
        if place.name.starts_with("decoder") {
            let felt = distance(&with[place.range()], &plain[place.range()]);
            assert!(felt <= subject.tolerance, "{}: the penalty moves {} by {felt:e}", subject.name, place.name);
            gradient[place.range()].fill(0.0);
        }
    }
    Outcome { terms: (subject.evaluate)(trial).terms, gradient }
}

/// Ours is `truth`, and `mistake` is clearly another number.
pub fn judge_value(subject: &Subject, what: &str, ours: f64, truth: f64, mistake: f64) {
    let error = distance(&[ours], &[truth]);
    assert!(error <= subject.tolerance, "{} {what}: {ours} is not {truth}, off by {error:e}", subject.name);
    assert!(distance(&[mistake], &[truth]) > CLEAR, "{what}: the mistake {mistake} hides beside {truth}");
}

/// The same of a gradient.
pub fn judge_gradient(subject: &Subject, what: &str, ours: &[f64], truth: &[f64], mistake: &[f64]) {
    let error = distance(ours, truth);
    assert!(error <= subject.tolerance, "{} {what}: the gradient is off by {error:e}", subject.name);
    let apart = distance(mistake, truth);
    assert!(apart > CLEAR, "{what}: the mistaken gradient hides, {apart:e} from the true one");
}

/// The true gradient of the penalty, by differences of the hand-made value.
pub fn true_gradient(trial: &Trial) -> Vec<f64> {
    differentiate(&|theta| penalty(&trial.at(theta)), &trial.parameters)
}
