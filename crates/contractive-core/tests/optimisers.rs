//! Optimisers against PyTorch, through the engine, and what a checkpoint of one must hold.
#![allow(non_snake_case)] // matrices are upper case, as in the papers

mod tolerance;
mod trial;

use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::matrix::MatRef;
use contractive_core::optimiser::Optimiser;
use contractive_core::{Activation, Batch, Loss, Objective, Parameters, Penalty};
use tolerance::OPTIMISER_VS_PYTORCH;
use trial::{Draws, network_of};

const SGD: Optimiser = Optimiser::Sgd { weight_decay: 0.0 };
const MOMENTUM: Optimiser = Optimiser::Momentum { momentum: 0.8, nesterov: false, weight_decay: 0.0 };
const MOMENTUM_WD: Optimiser = Optimiser::Momentum { momentum: 0.8, nesterov: false, weight_decay: 0.3 };
const NESTEROV: Optimiser = Optimiser::Momentum { momentum: 0.8, nesterov: true, weight_decay: 0.0 };
const NESTEROV_WD: Optimiser = Optimiser::Momentum { momentum: 0.8, nesterov: true, weight_decay: 0.3 };
const ADAM: Optimiser = Optimiser::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
const ADAM_WD: Optimiser = Optimiser::Adam { beta1: 0.8, beta2: 0.95, epsilon: 0.01, weight_decay: 0.3 };
const ADAM_EPS: Optimiser = Optimiser::Adam { beta1: 0.9, beta2: 0.999, epsilon: 0.01, weight_decay: 0.0 };
const ADAMW: Optimiser = Optimiser::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 };
const ADAMW_WD: Optimiser = Optimiser::AdamW { beta1: 0.8, beta2: 0.95, epsilon: 0.01, weight_decay: 0.3 };

/// PyTorch 2.15:
///
/// ```python
/// S = torch.optim
///
/// def run(make, clip=None):
///     p = torch.tensor([1.0, -2.0, 0.5, 3.0], requires_grad=True)
///     o = make([p])
///     for t in range(5):
///         p.grad = torch.stack([p[0] * p[1], p[1] - 0.25 * t, p[2] ** 2, 4 * p[3] * p[0]]).detach()
///         if clip: torch.nn.utils.clip_grad_norm_([p], clip)
///         o.step()
///     print([float(f"{v:.9g}") for v in p.tolist()])
///
/// A = dict(lr=0.05, betas=(0.8, 0.95), eps=0.01, weight_decay=0.3)
/// run(lambda q: S.SGD(q, lr=0.05))
/// run(lambda q: S.SGD(q, lr=0.05, weight_decay=0.3))
/// run(lambda q: S.SGD(q, lr=0.05, momentum=0.8))
/// run(lambda q: S.SGD(q, lr=0.05, momentum=0.8, weight_decay=0.3))
/// run(lambda q: S.SGD(q, lr=0.05, momentum=0.8, nesterov=True))
/// run(lambda q: S.SGD(q, lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.3))
/// run(lambda q: S.Adam(q, lr=0.05))
/// run(lambda q: S.Adam(q, **A))
/// run(lambda q: S.AdamW(q, lr=0.05))
/// run(lambda q: S.AdamW(q, **A))
/// ```
const UNCLIPPED: [(Optimiser, [f64; 4]); 10] = [
    (SGD, [1.53326941, -1.42865717, 0.443243235, 0.749850631]),
    (Optimiser::Sgd { weight_decay: 0.3 }, [1.41283822, -1.31204796, 0.411687315, 0.71584183]),
    (MOMENTUM, [2.21991134, -0.771742165, 0.371041268, -1.28697634]),
    (MOMENTUM_WD, [1.92257404, -0.516143262, 0.300286174, -1.35713053]),
    (NESTEROV, [2.51188397, -0.55851537, 0.351302296, -0.595904112]),
    (NESTEROV_WD, [2.04970074, -0.303331017, 0.273834169, -0.645939887]),
    (ADAM, [1.2503947, -1.74891126, 0.259981364, 2.74945688]),
    (ADAM_WD, [1.24906492, -1.74909174, 0.266232342, 2.74935198]),
    (ADAMW, [1.24763012, -1.74416757, 0.259051502, 2.74222946]),
    (ADAMW_WD, [1.1682632, -1.61092293, 0.24645862, 2.539258]),
];

/// The same script, then:
///
/// ```python
/// run(lambda q: S.SGD(q, lr=0.05), clip=2.0)
/// run(lambda q: S.SGD(q, lr=0.05), clip=1e9)
/// run(lambda q: S.SGD(q, lr=0.05, momentum=0.8, weight_decay=0.3), clip=2.0)
/// run(lambda q: S.Adam(q, lr=0.05, eps=0.01), clip=2.0)
/// ```
const CLIPPED: [(Optimiser, f64, [f64; 4]); 4] = [
    (SGD, 2.0, [1.08435774, -1.89728642, 0.489771068, 2.51836514]),
    (SGD, 1e9, [1.53326941, -1.42865717, 0.443243235, 0.749850631]),
    (MOMENTUM_WD, 2.0, [1.02436697, -1.43166602, 0.393383354, 1.42709494]),
    (ADAM_EPS, 2.0, [1.24223506, -1.75616682, 0.313103229, 2.75131536]),
];

/// An engine whose four parameters are those of the script: weight and bias, there and back.
fn four_parameters(optimiser: Optimiser, clip: Option<f64>) -> CpuEngine {
    let network = network_of(&[1, 1], Activation::Identity, Activation::Identity, false);
    let mut parameters = Parameters::zeros(&network).unwrap();
    parameters.values_mut().copy_from_slice(&[1.0, -2.0, 0.5, 3.0]);
    let objective = Objective::new(Loss::Sse, Penalty::None, 0.0);
    CpuEngine::new(&parameters, &objective, optimiser, clip, 1).unwrap()
}

fn five_steps(optimiser: Optimiser, clip: Option<f64>) -> Vec<f32> {
    let mut engine = four_parameters(optimiser, clip);
    for t in 0..5 {
        let parameters = engine.parameters();
        let p = parameters.values();
        engine.write_gradient(&[p[0] * p[1], p[1] - 0.25 * t as f32, p[2] * p[2], 4.0 * p[3] * p[0]]).unwrap();
        assert!(engine.update(0.05));
    }
    engine.parameters().values().to_vec()
}

#[track_caller]
fn assert_pytorch(optimiser: Optimiser, clip: Option<f64>, want: [f64; 4]) {
    for (i, (got, want)) in five_steps(optimiser, clip).into_iter().zip(want).enumerate() {
        let error = (f64::from(got) - want).abs() / want.abs();
        let worst = format!("{optimiser:?}, clip {clip:?}: parameter {i} is {got}, PyTorch has {want}");
        assert!(error < OPTIMISER_VS_PYTORCH, "{worst}, a relative error of {error:.1e}");
    }
}

#[test]
fn five_steps_are_pytorchs() {
    UNCLIPPED.iter().for_each(|(optimiser, want)| assert_pytorch(*optimiser, None, *want));
}

#[test]
fn five_clipped_steps_are_pytorchs() {
    CLIPPED.iter().for_each(|(optimiser, clip, want)| assert_pytorch(*optimiser, Some(*clip), *want));
}

#[test]
fn a_gradient_of_zero_stays_finite() {
    for optimiser in Optimiser::ALL {
        let mut engine = four_parameters(optimiser, Some(1.0));
        for _ in 0..3 {
            engine.write_gradient(&[0.0; 4]).unwrap();
            assert!(engine.update(0.05));
        }
        let decay = if let Optimiser::AdamW { weight_decay, .. } = optimiser { 1.0 - 0.05 * weight_decay } else { 1.0 };
        for (got, start) in engine.parameters().values().iter().zip([1.0, -2.0, 0.5, 3.0]) {
            let want = start * decay.powi(3);
            assert!((f64::from(*got) - want).abs() < 1e-6, "{optimiser:?}: {got}, not {want}");
        }
    }
}

/// Four steps and, at two of them, the state before: what a checkpoint keeps.
#[test]
fn a_checkpoint_continues_to_the_same_bits() {
    let network = network_of(&[9, 6, 4], Activation::Tanh, Activation::Identity, true);
    let objective = Objective::new(Loss::Mse, Penalty::Jacobian, 0.1);
    let mut draws = Draws::new(5);
    let mut normal = |n: usize| -> Vec<f32> { (0..n).map(|_| 0.5 * draws.normal() as f32).collect() };
    let mut start = Parameters::zeros(&network).unwrap();
    start.values_mut().iter_mut().zip(normal(200)).for_each(|(p, v)| *p = v);
    let rows = normal(12 * 9);
    let batch = Batch::plain(MatRef::new(&rows, 12, 9));
    let bits = |engine: &CpuEngine| -> Vec<u32> { engine.parameters().values().iter().map(|v| v.to_bits()).collect() };
    let run = |engine: &mut CpuEngine, steps: usize| {
        for _ in 0..steps {
            engine.objective_and_gradient(&batch).unwrap();
            assert!(engine.update(0.01));
        }
    };

    for optimiser in [SGD, MOMENTUM, NESTEROV_WD, ADAM, ADAM_WD, ADAMW_WD] {
        let fresh = |parameters: &Parameters| CpuEngine::new(parameters, &objective, optimiser, Some(0.5), 1).unwrap();
        let mut straight = fresh(&start);
        run(&mut straight, 3);
        let (parameters, state) = (straight.parameters(), straight.optimiser_state());
        assert_eq!(state.step, 3);
        run(&mut straight, 4);

        let mut resumed = fresh(&parameters);
        resumed.load_optimiser(&state).unwrap();
        assert_eq!(resumed.optimiser_state(), state);
        run(&mut resumed, 4);
        assert_eq!(bits(&resumed), bits(&straight), "{optimiser:?}");

        // Loading parameters keeps the optimiser's memory, so both must be put back to repeat a stretch.
        straight.load(&parameters).unwrap();
        straight.load_optimiser(&state).unwrap();
        run(&mut straight, 4);
        assert_eq!(bits(&resumed), bits(&straight), "{optimiser:?}, again");

        let mut forgetful = fresh(&parameters);
        run(&mut forgetful, 4);
        assert_eq!(bits(&forgetful) == bits(&straight), matches!(optimiser, Optimiser::Sgd { .. }), "{optimiser:?}");
    }
}

#[test]
fn a_state_of_another_optimiser_is_refused() {
    let mut adam = four_parameters(ADAM, None);
    let before = adam.optimiser_state();
    for (other, message) in [
        (SGD, "the optimiser's first moments must have 4 numbers, got 0"),
        (MOMENTUM, "the optimiser's second moments must have 4 numbers, got 0"),
    ] {
        let state = four_parameters(other, None).optimiser_state();
        assert_eq!(adam.load_optimiser(&state).unwrap_err().to_string(), message);
        assert_eq!(adam.optimiser_state(), before);
    }
}

/// Gradients that f32 holds, up to its ends and beyond: the update says in which step something is not finite any more.
#[test]
fn an_update_says_whether_parameters_and_memory_are_finite_after_it() {
    for optimiser in Optimiser::ALL {
        let after = |gradient: f32, learning_rate: f64| {
            let mut engine = four_parameters(optimiser, None);
            engine.write_gradient(&[0.1, gradient, 0.0, -0.2]).unwrap();
            let told = engine.update(learning_rate);
            let memory = engine.optimiser_state();
            let numbers = [engine.parameters().values(), &memory.first, &memory.second].concat();
            assert_eq!(told, numbers.iter().all(|v| v.is_finite()), "{optimiser:?}, {gradient:e}, {learning_rate:e}");
            told
        };
        let is_adam = matches!(optimiser, Optimiser::Adam { .. } | Optimiser::AdamW { .. });
        assert!(after(1e10, 0.05) && after(1e-45, 1e-300) && after(0.0, 0.05), "{optimiser:?}");
        assert_eq!(after(1e30, 1e-3), !is_adam, "a square of 1e60 in the memory alone");
        assert!(![f32::INFINITY, f32::NEG_INFINITY, f32::NAN].into_iter().any(|g| after(g, 0.05)), "{optimiser:?}");
        assert!(!after(1.0, 1e300), "{optimiser:?}");
    }
}

/// The norm of a gradient is clipped also where its square is beyond f32: else the factor would be 0, and the training would
/// stand still without a word.
#[test]
fn a_gradient_whose_square_overflows_f32_is_clipped_to_its_length() {
    let mut engine = four_parameters(SGD, Some(1.0));
    engine.write_gradient(&[3e30, 0.0, 4e30, 0.0]).unwrap();
    assert!(engine.update(0.5));
    for (got, want) in engine.parameters().values().iter().zip([1.0 - 0.3, -2.0, 0.5 - 0.4, 3.0]) {
        assert!((got - want).abs() < 1e-6, "{got} {want}");
    }
    let mut engine = four_parameters(SGD, Some(1.0));
    engine.write_gradient(&[f32::INFINITY, 0.0, 1.0, 0.0]).unwrap();
    assert!(!engine.update(0.5), "an infinite gradient is no gradient of length 1");
}
