//! What the laws are tried on: networks, losses, batches and penalties, drawn by proptest.

use contractive_core::penalty::ProbeDistribution;
use contractive_core::{Activation, Architecture, Loss, Objective, Penalty};
use proptest::prelude::*;

use crate::trial::Trial;

/// What the trials are drawn from.
#[derive(Clone, Debug)]
pub struct Setting {
    pub seed: u64,
    pub encoder_sizes: Vec<usize>,
    pub activations: Vec<Activation>,
    pub tied: bool,
    pub loss: Loss,
    pub n: usize,
    pub weight_scale: f64,
}

impl Setting {
    fn architecture(&self) -> Architecture {
        let output = if self.loss.is_cross_entropy() { Activation::Sigmoid } else { Activation::Identity };
        let depth = self.activations.len();
        let mut decoder_activations: Vec<Activation> = self.activations.iter().rev().copied().collect();
        decoder_activations[depth - 1] = output;
        Architecture {
            encoder_sizes: self.encoder_sizes.clone(),
            decoder_sizes: self.encoder_sizes.iter().rev().copied().collect(),
            encoder_activations: self.activations.clone(),
            decoder_activations,
            tied: self.tied,
        }
    }

    pub fn trial(&self, penalty: Penalty) -> Trial {
        let objective = Objective::new(self.loss, penalty, 0.7);
        let scale = self.weight_scale;
        Trial::draw(self.seed, self.architecture(), objective, self.n, scale, 0.5 * scale)
    }
}

/// Networks of up to `deepest` layers with these activations.
pub fn settings(activations: &'static [Activation], deepest: usize) -> impl Strategy<Value = Setting> {
    let layer = (1_usize..6, prop::sample::select(activations));
    let stack = prop::collection::vec(layer, 1..=deepest);
    let scale = prop::sample::select(&[0.1, 0.5, 1.0, 2.0][..]);
    let loss = prop::sample::select(&Loss::ALL[..]);
    (any::<u64>(), 1_usize..6, stack, any::<bool>(), loss, 1_usize..5, scale).prop_map(
        |(seed, d, stack, tied, loss, n, weight_scale)| Setting {
            seed,
            encoder_sizes: std::iter::once(d).chain(stack.iter().map(|s| s.0)).collect(),
            activations: stack.iter().map(|s| s.1).collect(),
            tied,
            loss,
            n,
            weight_scale,
        },
    )
}

pub fn every_penalty() -> impl Strategy<Value = Penalty> {
    let mut all = Penalty::ALL.to_vec();
    all.push(Penalty::FiniteDifference { epsilon: 0.1, directions: 2 });
    all.push(Penalty::Projection { probes: 3, distribution: ProbeDistribution::Spherical });
    all.push(Penalty::LogisticLast { hold_weights: true });
    all.push(Penalty::Reconstruction { probes: 2 });
    all.push(Penalty::Decoder { probes: 2 });
    prop::sample::select(all)
}

/// Penalties that no weight but the encoder's Jacobian makes: 0 where it is 0.
pub const OF_THE_JACOBIAN: [Penalty; 6] = [
    Penalty::Jacobian,
    Penalty::JacobianNorm,
    Penalty::Layerwise,
    Penalty::Projection { probes: 1, distribution: ProbeDistribution::Rademacher },
    Penalty::FiniteDifference { epsilon: 1e-3, directions: 0 },
    Penalty::Hessian { corruptions: 2, sigma: 0.1, ratio: 1.0 },
];

pub const SMOOTH: [Activation; 6] = [
    Activation::Identity,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Softplus,
    Activation::Silu,
    Activation::Gelu,
];
