//! Kinds of autoencoders: the same network and budget, minimising different things.

use std::fmt;

use clap::ValueEnum;
use contractive::TrainConfig;
use contractive_core::objective::Sparsity;
use contractive_core::{Noise, Penalty};

/// A kind of autoencoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Reconstruction alone.
    Autoencoder,
    /// Input noise.
    Denoising,
    /// A sparse code.
    Sparse,
    /// A penalty on the encoder's Jacobian.
    Contractive,
    /// That, and one on how the Jacobian changes.
    #[value(name = "cae+h")]
    ContractiveHessian,
}

/// How strongly each kind is what it is. Weights are those beside a loss that is a sum over features.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strengths {
    /// Denoising.
    pub(crate) noise: Noise,
    /// Sparse.
    pub(crate) sparsity: Sparsity,
    /// Contractive, and with the Hessian.
    pub(crate) contraction: f64,
    /// With the Hessian.
    pub(crate) hessian: Penalty,
}

impl Kind {
    /// Every kind, the plain one first.
    pub(crate) const ALL: [Kind; 5] =
        [Kind::Autoencoder, Kind::Denoising, Kind::Sparse, Kind::Contractive, Kind::ContractiveHessian];

    /// Its name in tables and folders.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Autoencoder => "autoencoder",
            Kind::Denoising => "denoising",
            Kind::Sparse => "sparse",
            Kind::Contractive => "contractive",
            Kind::ContractiveHessian => "CAE+H",
        }
    }

    /// `base` as this kind minimises it.
    pub(crate) fn configure(self, base: &TrainConfig, strengths: &Strengths) -> TrainConfig {
        let mut config = base.clone();
        let objective = &mut config.objective;
        objective.contraction = 0.0;
        (objective.noise, objective.sparsity) = (None, None);
        objective.penalty = Some(Penalty::Jacobian);
        match self {
            Kind::Autoencoder => {}
            Kind::Denoising => objective.noise = Some(strengths.noise),
            Kind::Sparse => objective.sparsity = Some(strengths.sparsity),
            Kind::Contractive => objective.contraction = strengths.contraction,
            Kind::ContractiveHessian => {
                (objective.contraction, objective.penalty) = (strengths.contraction, Some(strengths.hessian));
            }
        }
        config
    }
}

impl fmt::Display for Kind {
    /// As the command line takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().to_lowercase())
    }
}

impl Strengths {
    /// Beside a loss that is `factor` times the sum over features: the same objective but for that factor.
    pub(crate) fn scaled(mut self, factor: f64) -> Self {
        self.contraction *= factor;
        self.sparsity.weight *= factor;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_differ_in_their_objective_alone() {
        let strengths = Strengths {
            noise: Noise::Gaussian { sigma: 0.2 },
            sparsity: Sparsity { target: 0.1, weight: 1.0 },
            contraction: 2.0,
            hessian: Penalty::Hessian { corruptions: 2, sigma: 0.1, ratio: 1.0 },
        };
        let base = TrainConfig::default();
        let all = Kind::ALL.map(|kind| kind.configure(&base, &strengths.scaled(0.5)));
        for config in &all {
            let objective = base.objective.clone();
            assert_eq!(TrainConfig { objective, ..config.clone() }, base);
        }
        let weights = all.map(|c| (c.objective.contraction, c.objective.sparsity.map_or(0.0, |s| s.weight)));
        assert_eq!(Kind::ALL.map(|kind| Kind::from_str(&kind.to_string(), false)), Kind::ALL.map(Ok));
        assert_eq!(weights, [(0.0, 0.0), (0.0, 0.0), (0.0, 0.5), (1.0, 0.0), (1.0, 0.0)]);
    }
}
