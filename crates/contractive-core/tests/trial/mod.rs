//! A trial: a small network, an objective and a batch drawn from a seed, and the subjects that evaluate it.
//!
//! Every number drawn is rounded to f32, so that the f64 reference and the f32 engine are asked the same question.
#![allow(dead_code)] // each test uses some of this
#![allow(non_snake_case)] // matrices are upper case, as in the papers

use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::matrix::MatRef;
use contractive_core::optimiser::Optimiser;
use contractive_core::parameters::layout;
use contractive_core::penalty::ProbeDistribution;
use contractive_core::reference::{Batch, Matrix, Network, objective_and_gradient};
use contractive_core::{Activation, Architecture, Objective, Parameters, Penalty, Terms};

/// Random numbers that are the same everywhere (SplitMix64).
pub struct Draws(u64);

impl Draws {
    pub fn new(seed: u64) -> Self {
        Draws(seed.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(2011))
    }

    /// Uniform in (0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 + 0.5 / (1_u64 << 53) as f64
    }

    /// Standard normal (Box-Muller), rounded to f32.
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (self.uniform(), self.uniform());
        f64::from(((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32)
    }

    /// A direction of length 1.
    pub fn direction(&mut self, n: usize) -> Vec<f64> {
        let u: Vec<f64> = (0..n).map(|_| self.normal()).collect();
        let length = u.iter().map(|a| a * a).sum::<f64>().sqrt();
        u.iter().map(|a| a / length).collect()
    }

    /// Standard normal numbers as a matrix.
    pub fn matrix(&mut self, rows: usize, columns: usize) -> Matrix {
        Matrix::new(rows, columns, (0..rows * columns).map(|_| self.normal()).collect())
    }
}

/// A network, an objective and a batch.
#[derive(Clone)]
pub struct Trial {
    pub architecture: Architecture,
    /// In the order of `layout`.
    pub parameters: Vec<f64>,
    pub objective: Objective,
    pub rows: Matrix,
    pub corrupted: Option<Matrix>,
    pub draws: Vec<f64>,
}

impl Trial {
    /// Weights and biases are normal with these standard deviations; rows are uniform in [0, 1] for a cross-entropy, else
    /// normal, shrunk where weights are above 1 so that bounded units do not all saturate.
    pub fn draw(
        seed: u64,
        architecture: Architecture,
        objective: Objective,
        n: usize,
        weight_scale: f64,
        bias_scale: f64,
    ) -> Trial {
        let mut draws = Draws::new(seed);
        let mut parameters = Vec::new();
        for place in layout(&architecture) {
            let scale = if place.shape.len() == 2 { weight_scale } else { bias_scale };
            parameters.extend(place.range().map(|_| f64::from((scale * draws.normal()) as f32)));
        }
        let d = architecture.input_size();
        let rows = if objective.loss.is_cross_entropy() {
            Matrix::new(n, d, (0..n * d).map(|_| f64::from(draws.uniform() as f32)).collect())
        } else {
            let shrink = 1.0 / weight_scale.max(1.0);
            Matrix::new(n, d, (0..n * d).map(|_| f64::from((shrink * draws.normal()) as f32)).collect())
        };
        let mut trial = Trial { architecture, parameters, objective, rows, corrupted: None, draws: Vec::new() };
        trial.draw_for_penalty(&mut draws);
        trial
    }

    /// Fresh probes, directions or corruptions for this trial's penalty.
    pub fn draw_for_penalty(&mut self, draws: &mut Draws) {
        let penalty = self.objective.penalty;
        let count = penalty.n_draws(&self.architecture, self.rows.rows());
        let mut normal: Vec<f32> = (0..count).map(|_| draws.normal() as f32).collect();
        penalty.shape_draws(&self.architecture, &mut normal);
        self.draws = normal.iter().map(|v| f64::from(*v)).collect();
    }

    /// The same with Gaussian input noise.
    pub fn with_noise(mut self, seed: u64, sigma: f64) -> Trial {
        let mut draws = Draws::new(seed);
        let moved = self.rows.values().iter().map(|x| f64::from((x + sigma * draws.normal()) as f32)).collect();
        self.corrupted = Some(Matrix::new(self.rows.rows(), self.rows.columns(), moved));
        self
    }

    /// The same with another penalty, which must need no draws, or the same.
    pub fn with_penalty(&self, penalty: Penalty) -> Trial {
        let mut other = self.clone();
        other.objective.penalty = penalty;
        if penalty.n_draws(&self.architecture, self.rows.rows()) == 0 {
            other.draws.clear();
        }
        other
    }

    /// The same with other parameters.
    pub fn at(&self, parameters: &[f64]) -> Trial {
        Trial { parameters: parameters.to_vec(), ..self.clone() }
    }

    /// The network in f64.
    pub fn network(&self) -> Network {
        Network::new(&self.architecture, &self.parameters).unwrap()
    }

    /// The weight of an encoder layer, to be written; encoder layer `l` counted from 0.
    pub fn encoder_weight_mut(&mut self, l: usize) -> &mut [f64] {
        self.tensor_mut(&format!("encoder.{l}.weight"))
    }

    /// A tensor of the parameters, to be written.
    pub fn tensor_mut(&mut self, name: &str) -> &mut [f64] {
        let range = layout(&self.architecture).iter().find(|p| p.name == name).unwrap().range();
        &mut self.parameters[range]
    }

    /// A tensor of a flat vector, by its name.
    pub fn tensor_of<'a>(&self, flat: &'a [f64], name: &str) -> &'a [f64] {
        &flat[layout(&self.architecture).iter().find(|p| p.name == name).unwrap().range()]
    }
}

/// An encoder of `sizes` with one activation throughout, and a decoder that mirrors it.
pub fn network_of(sizes: &[usize], phi: Activation, output: Activation, tied: bool) -> Architecture {
    Architecture::mirrored(sizes[0], &sizes[1..], phi, phi, output, tied)
}

/// What a subject says of a trial.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub terms: Terms,
    /// In the order of `layout`.
    pub gradient: Vec<f64>,
}

/// Something that evaluates trials: the reference or an engine.
pub struct Subject {
    pub name: &'static str,
    pub evaluate: fn(&Trial) -> Outcome,
    /// Relative error allowed, of a value to itself, of a tensor to its largest entry.
    pub tolerance: f64,
}

/// The f64 reference.
pub const REFERENCE: Subject =
    Subject { name: "reference", evaluate: by_reference, tolerance: crate::tolerance::REFERENCE };

/// The f32 CPU engine, on two threads.
pub const ENGINE: Subject = Subject { name: "engine", evaluate: by_engine, tolerance: crate::tolerance::ENGINE };

/// Who is held to the audit and the laws.
pub const SUBJECTS: &[Subject] = &[REFERENCE, ENGINE];

fn by_reference(trial: &Trial) -> Outcome {
    let batch = Batch { rows: &trial.rows, corrupted: trial.corrupted.as_ref(), draws: &trial.draws };
    let got = objective_and_gradient(&trial.network(), &trial.objective, &batch).unwrap();
    Outcome { terms: got.terms, gradient: got.gradient.flatten() }
}

fn by_engine(trial: &Trial) -> Outcome {
    let to_f32 = |values: &[f64]| -> Vec<f32> { values.iter().map(|v| *v as f32).collect() };
    let mut parameters = Parameters::zeros(&trial.architecture).unwrap();
    parameters.values_mut().copy_from_slice(&to_f32(&trial.parameters));
    let optimiser = Optimiser::Sgd { weight_decay: 0.0 };
    let mut engine = CpuEngine::new(&parameters, &trial.objective, optimiser, None, 2).unwrap();

    let (n, d) = (trial.rows.rows(), trial.rows.columns());
    let rows = to_f32(trial.rows.values());
    let corrupted = trial.corrupted.as_ref().map(|c| to_f32(c.values()));
    let draws = to_f32(&trial.draws);
    let batch = contractive_core::Batch {
        corrupted: corrupted.as_ref().map(|c| MatRef::new(c, n, d)),
        draws: &draws,
        ..contractive_core::Batch::plain(MatRef::new(&rows, n, d))
    };
    let terms = engine.objective_and_gradient(&batch).unwrap();
    let mut gradient = vec![0.0; parameters.len()];
    engine.read_gradient(&mut gradient).unwrap();
    Outcome { terms, gradient: gradient.iter().map(|v| f64::from(*v)).collect() }
}

/// |got − want| over the largest |want|: how far apart two tensors are.
pub fn distance(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let largest = want.iter().fold(0.0_f64, |m, w| m.max(w.abs()));
    let apart = got.iter().zip(want).fold(0.0_f64, |m, (g, w)| if m.is_nan() { m } else { (g - w).abs().max(m) });
    let apart = if got.iter().all(|g| g.is_finite()) { apart } else { f64::INFINITY };
    if largest > 0.0 { apart / largest } else { apart }
}

/// ∂P/∂θ without the path through φ′: the gradient of the mean over rows of ‖D_L W_L … D_1 W_1‖²_F with every D_l held.
/// By hand: for l, D_l Aᵀ (2 J) Bᵀ with J = A D_l W_l B.
pub fn jacobian_gradient_with_held_derivatives(trial: &Trial) -> Vec<f64> {
    use contractive_core::reference::network::forward;
    let network = trial.network();
    let n = trial.rows.rows();
    let mut flat = vec![0.0; trial.parameters.len()];
    for r in 0..n {
        let trace = forward(network.encoder(), trial.rows.row(r));
        let factors: Vec<Matrix> = network
            .encoder()
            .iter()
            .zip(&trace.z)
            .map(|(layer, z)| {
                let d: Vec<f64> = z.iter().map(|z| layer.activation.derivative(*z)).collect();
                layer.W.scaled_rows(&d)
            })
            .collect();
        let chain = |range: &[Matrix], size: usize| {
            range.iter().fold(Matrix::identity(size), |product, factor| factor.product(&product))
        };
        let J = chain(&factors, trial.architecture.input_size());
        for (l, place) in layout(&trial.architecture).iter().filter(|p| is_encoder_weight(&p.name)).enumerate() {
            let A = chain(&factors[l + 1..], factors[l].rows());
            let B = chain(&factors[..l], trial.architecture.input_size());
            let phi = network.encoder()[l].activation;
            let d: Vec<f64> = trace.z[l].iter().map(|z| phi.derivative(*z)).collect();
            let dW = A.transpose_product(&J).product_transpose(&B).scaled_rows(&d).scaled(2.0 / n as f64);
            flat[place.range()].iter_mut().zip(dW.values()).for_each(|(g, v)| *g += v);
        }
    }
    flat
}

/// Two narrow layers, and rows of a batch for which the Khatri-Rao product is worth its making.
pub const KHATRI_RAO: (&[usize], usize) = (&[5, 17, 6], 100);

/// Every penalty, and settings of some of them beside the default, for a code of `k` units.
pub fn penalties(k: usize) -> Vec<Penalty> {
    let mut all = Penalty::ALL.to_vec();
    all.push(Penalty::LogisticLast { hold_weights: true });
    all.push(Penalty::FiniteDifference { epsilon: 1e-2, directions: 3 });
    all.push(Penalty::Projection { probes: 3, distribution: ProbeDistribution::Spherical });
    all.push(Penalty::Projection { probes: k, distribution: ProbeDistribution::Orthogonal });
    all.extend([2, 5].map(|probes| Penalty::Reconstruction { probes }));
    all.extend([1, 4].map(|probes| Penalty::Decoder { probes }));
    all
}

/// `n` normal numbers of this standard deviation.
pub fn numbers(seed: u64, n: usize, scale: f64) -> Vec<f32> {
    let mut draws = Draws::new(seed);
    (0..n).map(|_| (scale * draws.normal()) as f32).collect()
}

/// An engine on random parameters.
pub fn engine(network: &Architecture, objective: &Objective, optimiser: Optimiser, threads: usize) -> CpuEngine {
    let mut parameters = Parameters::zeros(network).unwrap();
    let values = numbers(1, parameters.len(), 0.1);
    parameters.values_mut().copy_from_slice(&values);
    CpuEngine::new(&parameters, objective, optimiser, Some(5.0), threads).unwrap()
}

/// Whether a tensor of this name is a weight of the encoder.
pub fn is_encoder_weight(name: &str) -> bool {
    name.starts_with("encoder.") && name.ends_with(".weight")
}
