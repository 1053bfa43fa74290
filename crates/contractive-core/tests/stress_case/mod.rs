//! What the stress test tries: networks, objectives and batches of every kind, and of scales from tiny to huge.

use contractive_core::objective::Sparsity;
use contractive_core::penalty::ProbeDistribution;
use contractive_core::reference::Matrix;
use contractive_core::{Activation, Architecture, Loss, Objective, Penalty};
use proptest::prelude::*;

use crate::trial::Trial;

/// A case before its numbers are drawn.
#[derive(Clone, Debug)]
pub struct StressCase {
    seed: u64,
    pub architecture: Architecture,
    pub objective: Objective,
    n: usize,
    /// Weights are normal with this deviation over the root of the numbers a unit reads.
    gain: f64,
    bias_scale: f64,
    data_scale: f64,
    noise: Option<f64>,
}

impl StressCase {
    /// The case with its numbers.
    pub fn trial(&self) -> Trial {
        let mut trial = Trial::draw(self.seed, self.architecture.clone(), self.objective.clone(), self.n, 1.0, 1.0);
        for place in contractive_core::parameters::layout(&self.architecture) {
            let scale = match place.shape.as_slice() {
                [_, columns] => self.gain / (*columns as f64).sqrt(),
                _ => self.bias_scale,
            };
            trial.parameters[place.range()].iter_mut().for_each(|p| *p = f64::from((*p * scale) as f32));
        }
        if !self.objective.loss.is_cross_entropy() {
            trial.rows = each(&trial.rows, |x| f64::from((x * self.data_scale) as f32));
        }
        match self.noise {
            Some(sigma) => trial.with_noise(self.seed, sigma * self.data_scale),
            None => trial,
        }
    }
}

/// A matrix with every entry changed.
pub fn each(matrix: &Matrix, of: impl FnMut(f64) -> f64) -> Matrix {
    Matrix::new(matrix.rows(), matrix.columns(), matrix.values().iter().copied().map(of).collect())
}

fn penalties() -> impl Strategy<Value = Penalty> {
    let distribution = prop::sample::select(
        &[ProbeDistribution::Rademacher, ProbeDistribution::Spherical, ProbeDistribution::Orthogonal][..],
    );
    let epsilon = prop::sample::select(&[1e-3, 1e-2, 0.5][..]);
    let (sigma, ratio) = (prop::sample::select(&[1e-3, 0.1, 3.0][..]), prop::sample::select(&[0.0, 1.0, 100.0][..]));
    prop_oneof![
        1 => Just(Penalty::None),
        4 => Just(Penalty::Jacobian),
        2 => Just(Penalty::JacobianNorm),
        2 => Just(Penalty::Layerwise),
        2 => (1_usize..6, distribution).prop_map(|(probes, distribution)| Penalty::Projection { probes, distribution }),
        2 => (epsilon, 0_usize..4).prop_map(|(epsilon, directions)| Penalty::FiniteDifference { epsilon, directions }),
        2 => (1_usize..4, sigma, ratio).prop_map(|(corruptions, sigma, ratio)| Penalty::Hessian {
            corruptions,
            sigma,
            ratio
        }),
        1 => any::<bool>().prop_map(|hold_weights| Penalty::LogisticLast { hold_weights }),
        2 => (0_usize..4).prop_map(|probes| Penalty::Reconstruction { probes }),
        2 => (0_usize..4).prop_map(|probes| Penalty::Decoder { probes }),
        1 => Just(Penalty::WeightL1),
        1 => Just(Penalty::WeightL2),
    ]
}

fn layer() -> impl Strategy<Value = (usize, Activation)> {
    (prop_oneof![3 => 1_usize..=12, 1 => 1_usize..=40], prop::sample::select(&Activation::ALL[..]))
}

/// Encoders and decoders of one to five layers of 1 to 40 units, mirrored and tied in a third of the cases.
fn architectures() -> impl Strategy<Value = Architecture> {
    let stack = || prop::collection::vec(layer(), 1..=5);
    (1_usize..=40, stack(), stack(), 0..3).prop_map(|(d, encoder, mut decoder, kind)| {
        let (mut sizes, activations): (Vec<usize>, Vec<Activation>) = encoder.into_iter().unzip();
        sizes.insert(0, d);
        if kind < 2 {
            decoder = sizes.iter().rev().skip(1).zip(activations.iter().rev()).map(|(m, phi)| (*m, *phi)).collect();
        }
        let code = sizes[activations.len()];
        let last = decoder.len() - 1;
        decoder[last].0 = d;
        let (widths, decoder_activations): (Vec<usize>, Vec<Activation>) = decoder.into_iter().unzip();
        Architecture {
            encoder_sizes: sizes,
            decoder_sizes: std::iter::once(code).chain(widths).collect(),
            encoder_activations: activations,
            decoder_activations,
            tied: kind == 0,
        }
    })
}

/// Cases of every kind.
pub fn cases() -> impl Strategy<Value = StressCase> {
    let gain = prop::sample::select(&[1e-12, 1e-3, 0.1, 0.5, 1.0, 1.0, 2.0, 5.0, 30.0, 1e3][..]);
    let bias_scale = prop::sample::select(&[0.0, 0.1, 0.1, 1.0, 20.0][..]);
    let data_scale = prop::sample::select(&[1e-20, 1e-6, 0.01, 1.0, 1.0, 1.0, 100.0, 1e6, 1e12][..]);
    let contraction = prop::sample::select(&[0.0, 1e-6, 1e-2, 0.1, 1.0, 10.0, 1e6][..]);
    let sparsity = prop::option::of((0.01_f64..0.99, prop::sample::select(&[1e-3, 1.0, 100.0][..])));
    let noise = prop::option::of(prop::sample::select(&[0.01, 0.5][..]));
    let objective = (prop::sample::select(&Loss::ALL[..]), penalties(), contraction, sparsity);
    let scales = (gain, bias_scale, data_scale, noise);
    (any::<u64>(), architectures(), objective, prop_oneof![1 => Just(1_usize), 6 => 1_usize..=70], scales).prop_map(
        |(seed, mut architecture, (loss, mut penalty, contraction, sparsity), n, scales)| {
            if loss.is_cross_entropy() {
                let last = architecture.decoder_depth() - 1;
                architecture.decoder_activations[last] = Activation::Sigmoid;
            }
            if let Penalty::Projection { probes, .. } = &mut penalty {
                *probes = (*probes).min(architecture.code_size());
            }
            let mut objective = Objective::new(loss, penalty, contraction);
            if architecture.code_activation() == Activation::Sigmoid {
                objective.sparsity = sparsity.map(|(target, weight)| Sparsity { target, weight });
            }
            let (gain, bias_scale, data_scale, noise) = scales;
            StressCase { seed, architecture, objective, n, gain, bias_scale, data_scale, noise }
        },
    )
}
