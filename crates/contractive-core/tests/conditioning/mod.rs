//! How far f32 may lie from f64 at a trial: measured, by moving what the reference is given by what rounding moves.
//!
//! To compute in f32 is, to first order, to compute exactly with operands that are off by some roundings u = 2⁻²⁴: a sum of n
//! products by at most n u of each product. So the reference is taken again with every parameter, input and draw moved by
//! ±[`MOVE`], the signs drawn, and what it moves by, times [`MOST`], is allowed. Sums that cancel, large weights and steep
//! activations all show there. What does not show, because no operand stands for it, is added: see [`Conditioning::of`].

use contractive_core::parameters::{TensorPlace, layout};
use contractive_core::reference::jacobian::jacobian;
use contractive_core::reference::network::{Layer, Trace, forward};
use contractive_core::{Activation, Penalty};

use crate::stress_case::each;
use crate::trial::{Draws, Outcome, REFERENCE, Trial};

/// A rounding of f32.
const U: f64 = 5.960_464_477_539_063e-8;
/// By how much operands are moved, relative to themselves: four roundings.
const MOVE: f64 = 4.0 * U;
/// How often they are moved.
const TIMES: u64 = 4;
/// How many times what the reference moves by is allowed. Sums have up to 70 terms and follow each other through ten layers,
/// while the signs of roundings differ. Measured:
/// over 80,000 cases the farthest lay at 0.998 of it, most runs of 2,000 at 0.1 to 0.3.
const MOST: f64 = 16.0;
/// What the engine flushes to zero, or gives for e^(−90) and less: each factor on the way may multiply it.
const VANISHED: f64 = 1e-36;
/// Norms whose squares are flushed to zero: `jacobian_norm` has no gradient there.
const NO_NORM: f64 = 1e-16;
/// How far the engine's Φ of `gelu` lies off, whatever it is: of units in the tail that is much of it.
const OF_NORMAL: f64 = 1.5e-7;
/// Products of factors beyond this are not held by f32 on the way.
const BEYOND: f64 = 1e28;

/// What is allowed at a trial.
pub struct Conditioning {
    /// Of total, reconstruction, penalty and sparsity.
    terms: [f64; 4],
    /// Of every tensor, in the order of `layout`.
    tensors: Vec<f64>,
    largest: f64,
}

fn numbers(outcome: &Outcome) -> [f64; 4] {
    let t = &outcome.terms;
    [t.total, t.reconstruction, t.penalty, t.sparsity]
}

fn most(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most: f64, v| most.max(v.abs()))
}

impl Conditioning {
    /// Of `trial`; none where a unit is so near a kink of its activation that rounding decides its side.
    pub fn of(trial: &Trial) -> Option<Self> {
        let size = Size::of(trial)?;
        let want = (REFERENCE.evaluate)(trial);
        let places = layout(&trial.architecture);
        let mut terms = [0.0; 4];
        let mut tensors = vec![0.0; places.len()];
        for time in 0..TIMES {
            let moved = (REFERENCE.evaluate)(&moved(trial, &size, time));
            for (allowed, (w, m)) in terms.iter_mut().zip(numbers(&want).into_iter().zip(numbers(&moved))) {
                *allowed = f64::max(*allowed, (w - m).abs());
            }
            for (allowed, place) in tensors.iter_mut().zip(&places) {
                let apart: Vec<f64> = place.range().map(|i| (want.gradient[i] - moved.gradient[i]).abs()).collect();
                *allowed = f64::max(*allowed, most(&apart));
            }
        }
        for ((weight, bias), read) in readers(&places, trial.network().encoder().len()).into_iter().zip(&size.read) {
            tensors[weight] += read * most(&want.gradient[places[bias].range()]);
        }
        let floor = size.floor();
        let of_terms = numbers(&want);
        for i in 0..4 {
            terms[i] = MOST * (terms[i] + MOVE * of_terms[i].abs()) + floor;
        }
        // The terms themselves are told without their weights.
        terms[2] += size.floor_of_penalty(of_terms[2]);
        terms[3] += size.sparsity;
        for (allowed, place) in tensors.iter_mut().zip(&places) {
            *allowed = MOST * (*allowed + MOVE * most(&want.gradient[place.range()])) + floor;
        }
        let largest = size.product().max(most(&want.gradient)).max(most(&of_terms));
        Some(Conditioning { terms, tensors, largest })
    }

    /// Whether f32 may overflow on the way.
    pub fn is_beyond_f32(&self) -> bool {
        !(self.largest < BEYOND)
    }

    /// How near `got` lies to `want`: the largest distance over what is allowed. What is beyond it, in words.
    pub fn compare(&self, trial: &Trial, got: &Outcome, want: &Outcome) -> Result<f64, String> {
        let mut farthest = 0.0_f64;
        for (i, name) in ["total", "reconstruction", "penalty", "sparsity"].into_iter().enumerate() {
            let (got, want) = (numbers(got)[i], numbers(want)[i]);
            let apart = (got - want).abs();
            if !(apart <= self.terms[i]) {
                return Err(format!("{name} is {got:e}, not {want:e}: {apart:e} apart, {:e} allowed", self.terms[i]));
            }
            farthest = farthest.max(apart / self.terms[i]);
        }
        for (allowed, place) in self.tensors.iter().zip(layout(&trial.architecture)) {
            for i in place.range() {
                let (got, want) = (got.gradient[i], want.gradient[i]);
                let apart = (got - want).abs();
                if !(apart <= *allowed) {
                    let at = i - place.start;
                    let name = &place.name;
                    return Err(format!("{name}[{at}] is {got:e}, not {want:e}: {apart:e} apart, {allowed:e} allowed"));
                }
                farthest = farthest.max(apart / allowed);
            }
        }
        Ok(farthest)
    }
}

/// Of each layer, the encoder's and then the decoder's, the places of its weight and of its bias. The weight of a tied decoder's
/// layer is that of the encoder's layer that mirrors it.
fn readers(places: &[TensorPlace], n_encoder: usize) -> Vec<(usize, usize)> {
    let is_bias = |i: &usize| places[*i].shape.len() == 1;
    let of_layer = |(l, bias): (usize, usize)| match bias - 1 {
        before if is_bias(&before) => (2 * (2 * n_encoder - 1 - l), bias),
        weight => (weight, bias),
    };
    (0..places.len()).filter(is_bias).enumerate().map(of_layer).collect()
}

/// The trial with its operands moved.
fn moved(trial: &Trial, size: &Size, time: u64) -> Trial {
    let mut draws = Draws::new(0x5EED + time);
    let mut sign = || if draws.uniform() < 0.5 { -1.0 } else { 1.0 };
    let mut moved = trial.clone();
    moved.parameters.iter_mut().for_each(|p| *p *= 1.0 + MOVE * sign());
    moved.rows = each(&trial.rows, |x| x * (1.0 + MOVE * sign()));
    if trial.objective.loss.is_cross_entropy() {
        moved.rows = each(&moved.rows, |x| x.clamp(0.0, 1.0));
    }
    moved.corrupted = trial.corrupted.as_ref().map(|corrupted| each(corrupted, |x| x * (1.0 + MOVE * sign())));
    if let Penalty::Hessian { .. } = trial.objective.penalty {
        // x + ε is rounded as the larger of the two is.
        let x = trial.rows.values();
        moved.draws.iter_mut().enumerate().for_each(|(i, e)| *e += MOVE * sign() * (e.abs() + x[i % x.len()].abs()));
    } else {
        moved.draws.iter_mut().for_each(|v| *v *= 1.0 + MOVE * sign());
    }
    for (place, shift) in layout(&trial.architecture).iter().filter(|p| p.shape.len() == 1).zip(&size.shifts) {
        moved.parameters[place.range()].iter_mut().for_each(|b| *b += sign() * shift);
    }
    moved
}

/// How large the numbers of a trial are.
struct Size {
    /// ∏ ‖W_l‖_F over both stacks, no factor taken below 1.
    weights: f64,
    contraction: f64,
    /// The largest activation or pre-activation, at least 1.
    a: f64,
    /// What each bias, in the order of `layout`, is moved by: roundings that are relative to 1 and not to what is rounded, as if
    /// a unit had another pre-activation. φ″ of `sigmoid`, `silu` and `gelu` cancels next to 0, and what reads a unit of `gelu`
    /// feels that its Φ is off.
    shifts: Vec<f64>,
    /// By how much what each layer reads is off because Φ is: its weights' gradient, δ aᵀ, has a as a factor.
    read: Vec<f64>,
    activations: Vec<Activation>,
    /// Roundings of f64 in finite differences, whose gradients cancel; and those of all quotients of a row, as a norm.
    differences: f64,
    quotients: f64,
    /// By how much the sparsity term moves where its mean code of next to 1 is rounded, and its gradient, which has its weight.
    sparsity: f64,
    sparsity_weight: f64,
}

impl Size {
    /// None where a unit is next to a kink, or where the reference and the engine are not of one thing by definition.
    fn of(trial: &Trial) -> Option<Self> {
        let network = trial.network();
        let layers: Vec<&Layer> = network.encoder().iter().chain(network.decoder()).collect();
        let mut shifts: Vec<f64> = layers.iter().map(|layer| own_shift(layer.activation)).collect();
        let (mut a, mut read) = (1.0_f64, vec![0.0_f64; layers.len()]);
        for (stack, first) in [(network.encoder(), 0), (network.decoder(), network.encoder().len())] {
            for point in points(trial) {
                let is_decoder = first > 0;
                let roundings = if is_decoder { after(network.encoder(), &point)? } else { of_inputs(&point) };
                let input = if is_decoder { forward(network.encoder(), &point).output().to_vec() } else { point };
                let trace = forward(stack, &input);
                roundings_through(stack, &trace, roundings)?;
                for (l, layer) in stack.iter().enumerate() {
                    a = a.max(most(&trace.z[l])).max(most(&trace.a[l]));
                    let next = first + l + 1;
                    if layer.activation == Activation::Gelu && next < layers.len() {
                        let off = off_by_normal(&trace.z[l], &trace.a[l + 1]);
                        read[next] = read[next].max(off);
                        shifts[next] = shifts[next].max(off * most(layers[next].W.values()));
                    }
                }
            }
        }
        if trial.objective.penalty == Penalty::JacobianNorm {
            let norm = |x: &Vec<f64>| jacobian(network.encoder(), x).J().squared_norm().sqrt();
            if points(trial).iter().any(|x| (f64::MIN_POSITIVE..NO_NORM).contains(&norm(x))) {
                return None;
            }
        }
        let norms = |stack: &[Layer]| stack.iter().map(|l| l.W.squared_norm().sqrt().max(1.0)).product::<f64>();
        let own = &trial.architecture;
        let weights = norms(network.encoder()) * norms(network.decoder());
        let step = if let Penalty::FiniteDifference { epsilon, .. } = trial.objective.penalty {
            epsilon
        } else {
            f64::INFINITY
        };
        Some(Size {
            weights,
            differences: 2e-16 * trial.objective.contraction * weights.powi(2) * a / step,
            quotients: 4e-16 * a / step * (own.encoder_sizes[0] as f64 * own.code_size() as f64).sqrt(),
            contraction: trial.objective.contraction,
            a,
            shifts,
            read,
            activations: own.encoder_activations.iter().chain(&own.decoder_activations).copied().collect(),
            sparsity: 4.0 * U * a * sparsity_slope(trial)?,
            sparsity_weight: trial.objective.sparsity.map_or(0.0, |sparsity| sparsity.weight),
        })
    }

    /// More than the penalty, its gradient, and the products on the way to them, where no slope is much above 1.
    fn penalty(&self) -> f64 {
        self.contraction * self.weights.powi(2) * self.a
    }

    /// The same of all terms.
    fn product(&self) -> f64 {
        (self.weights.powi(2) * self.a).max(self.weights * self.a.powi(2)) * self.contraction.max(1.0)
    }

    /// The same of the penalty, which is told without its weight: `penalty` is a square, or smaller than one, of what differs by
    /// the roundings of quotients.
    fn floor_of_penalty(&self, penalty: f64) -> f64 {
        let own = self.weights.powi(2) * self.a;
        let any = |phi, floor| if self.activations.contains(&phi) { floor } else { 0.0 };
        let of_quotients = 2.0 * penalty.abs().sqrt() * self.quotients + self.quotients.powi(2);
        of_quotients + any(Activation::Tanh, 2e-16 * own) + any(Activation::Gelu, 4e-7 * own)
    }

    /// What no operand stands for. Differences are taken in f64 by both. φ′ of `tanh` is 1 − tanh² in the reference, right to 1e-16 of 1; that of `gelu` in the
    /// engine to 4e-7.
    fn floor(&self) -> f64 {
        let of_tanh = 2e-16 * (self.weights * self.a.powi(2) + self.penalty());
        let of_gelu = 4e-7 * self.penalty();
        let any = |phi, floor| if self.activations.contains(&phi) { floor } else { 0.0 };
        let of_activations = any(Activation::Tanh, of_tanh) + any(Activation::Gelu, of_gelu);
        self.sparsity_weight * self.sparsity + of_activations + self.differences + VANISHED * self.product()
    }
}

/// The most that units of `gelu` are off because Φ is: z (Φ + [`OF_NORMAL`]), and in the far tail, which ends at 0 in the engine
/// too, no more than all of it.
fn off_by_normal(z: &[f64], a: &[f64]) -> f64 {
    z.iter().zip(a).map(|(z, a)| (OF_NORMAL * z.abs()).min(a.abs())).fold(0.0, f64::max)
}

fn own_shift(phi: Activation) -> f64 {
    if matches!(phi, Activation::Sigmoid | Activation::Silu | Activation::Gelu) { MOVE } else { 0.0 }
}

/// 1/(1 − ρ̂) of the unit whose mean over the rows, ρ̂, is nearest 1; none where the engine keeps ρ̂ off 0 or 1, which the
/// reference does not.
fn sparsity_slope(trial: &Trial) -> Option<f64> {
    if trial.objective.sparsity.is_none() {
        return Some(0.0);
    }
    let (network, rows) = (trial.network(), trial.corrupted.as_ref().unwrap_or(&trial.rows));
    let codes: Vec<Vec<f64>> =
        (0..rows.rows()).map(|r| forward(network.encoder(), rows.row(r)).output().to_vec()).collect();
    let mut largest = 0.0_f64;
    for j in 0..trial.architecture.code_size() {
        let mean = codes.iter().map(|code| code[j]).sum::<f64>() / codes.len() as f64;
        if !(1e-6..=1.0 - 1e-6).contains(&mean) {
            return None;
        }
        largest = largest.max(1.0 / (1.0 - mean));
    }
    Some(largest)
}

/// Where networks are evaluated.
fn points(trial: &Trial) -> Vec<Vec<f64>> {
    let x = &trial.rows;
    let mut all: Vec<Vec<f64>> = (0..x.rows()).map(|r| x.row(r).to_vec()).collect();
    if let Some(corrupted) = &trial.corrupted {
        all.extend((0..x.rows()).map(|r| corrupted.row(r).to_vec()));
    }
    if let Penalty::Hessian { .. } = trial.objective.penalty {
        for of_batch in trial.draws.chunks_exact(x.values().len()) {
            let moved: Vec<f64> = x.values().iter().zip(of_batch).map(|(x, e)| x + e).collect();
            all.extend(moved.chunks_exact(x.columns()).map(<[f64]>::to_vec));
        }
    }
    all
}

/// A bound of the roundings of numbers that are given.
fn of_inputs(x: &[f64]) -> Vec<f64> {
    x.iter().map(|x| 2.0 * U * x.abs()).collect()
}

/// Those of an encoder's code at `x`.
fn after(encoder: &[Layer], x: &[f64]) -> Option<Vec<f64>> {
    roundings_through(encoder, &forward(encoder, x), of_inputs(x))
}

/// A bound of the roundings of a stack's output, from one of its input's. None where they decide on which side of a kink a
/// pre-activation lies: 0 itself, where all that it is made of is 0 in the engine too, is not decided by them.
fn roundings_through(stack: &[Layer], trace: &Trace, mut roundings: Vec<f64>) -> Option<Vec<f64>> {
    for (l, layer) in stack.iter().enumerate() {
        let (a, z) = (&trace.a[l], &trace.z[l]);
        let of_sum = |j: usize| -> f64 {
            let terms = layer.W.row(j).iter().zip(a).zip(&roundings);
            let of_terms: f64 = terms.map(|((w, a), rounding)| w.abs() * (rounding + 8.0 * U * a.abs())).sum();
            of_terms + 8.0 * U * layer.b[j].abs()
        };
        let of_z: Vec<f64> = (0..z.len()).map(of_sum).collect();
        let is_decided = |z: f64, rounding: f64| if z == 0.0 { rounding == 0.0 } else { z.abs() > rounding + VANISHED };
        if has_kink(layer.activation) && !z.iter().zip(&of_z).all(|(z, rounding)| is_decided(*z, *rounding)) {
            return None;
        }
        roundings = z.iter().zip(&of_z).map(|(z, rounding)| rounding_of(layer.activation, *z, *rounding)).collect();
    }
    Some(roundings)
}

/// A bound of the rounding of φ(z), z off by `rounding`.
fn rounding_of(phi: Activation, z: f64, rounding: f64) -> f64 {
    let own = match phi {
        // 0 itself.
        Activation::Relu if z < 0.0 => return 0.0,
        // The engine's tails end at e^(−87).
        Activation::Sigmoid | Activation::Softplus => VANISHED,
        _ => 0.0,
    };
    let slope = (phi.derivative(z).abs() + rounding).min(1.2);
    slope * rounding + 8.0 * U * phi.value(z).abs() + own
}

fn has_kink(phi: Activation) -> bool {
    matches!(phi, Activation::Relu | Activation::LeakyRelu | Activation::Elu)
}
