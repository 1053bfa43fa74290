//! What an engine promises whatever the instructions: the same bits for any number of threads, passes that leave nothing
//! behind for the next, and bad settings and sizes refused by name.

mod tolerance;
mod trial;

use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::matrix::MatRef;
use contractive_core::optimiser::Optimiser;
use contractive_core::penalty::ProbeDistribution;
use contractive_core::{Activation, Batch, Loss, Objective, Parameters, Penalty};
use trial::{KHATRI_RAO, engine, network_of, numbers, penalties};

/// As training does between epochs.
#[test]
fn measuring_the_jacobian_leaves_the_next_objective_alone() {
    let rows: Vec<f32> = (0..60).map(|i| (i as f32 * 0.7).sin()).collect();
    let rows = MatRef::new(&rows, 10, 6);
    for penalty in [Penalty::None, Penalty::WeightL1, Penalty::Jacobian] {
        let network = network_of(&[6, 5, 3], Activation::Tanh, Activation::Identity, false);
        let mut parameters = Parameters::zeros(&network).unwrap();
        parameters.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v = (i as f32 * 0.3).cos());
        let objective = Objective::new(Loss::Mse, penalty, 0.1);
        let mut engine = CpuEngine::new(&parameters, &objective, Optimiser::default(), None, 1).unwrap();
        let before = engine.objective(&Batch::plain(rows)).unwrap();
        let mut squares = [0.0; 10];
        engine.jacobian_squares(rows, &mut squares).unwrap();
        assert!(squares.iter().all(|s| *s > 0.0));
        assert_eq!(engine.objective(&Batch::plain(rows)).unwrap(), before, "{penalty}");
        assert_eq!(engine.objective_and_gradient(&Batch::plain(rows)).unwrap(), before, "{penalty}");
    }
}

#[test]
fn codes_and_squares_of_one_pass_are_those_of_two_to_the_bit() {
    for (sizes, n) in [(&[6, 5, 3][..], 1), (&[6, 4], 700), (&[700, 130, 9], 37)] {
        let network = network_of(sizes, Activation::Tanh, Activation::Identity, false);
        let (d, k) = (sizes[0], sizes[sizes.len() - 1]);
        let values = numbers(5, n * d, 0.3);
        let rows = MatRef::new(&values, n, d);
        let mut engine = engine(&network, &Objective::new(Loss::Mse, Penalty::None, 0.0), Optimiser::default(), 2);
        let (mut codes, mut squares) = (vec![0.0; n * k], vec![0.0; n]);
        engine.encode(rows, &mut codes).unwrap();
        engine.jacobian_squares(rows, &mut squares).unwrap();
        let (mut codes_of_one, mut squares_of_one) = (vec![0.0; n * k], vec![0.0; n]);
        engine.encode_with_squares(rows, &mut codes_of_one, &mut squares_of_one).unwrap();
        assert_eq!((codes_of_one, squares_of_one), (codes, squares), "{sizes:?}");
        assert!(engine.encode_with_squares(rows, &mut [], &mut vec![0.0; n]).is_err());
    }
}

/// What one plan does without, the next may need.
#[test]
fn large_layers_serve_one_plan_after_the_other() {
    let network = network_of(&[2700, 50, 3], Activation::Tanh, Activation::Identity, true);
    let rows = numbers(4, 5 * 2700, 0.1);
    let rows = MatRef::new(&rows, 5, 2700);
    let fresh = |penalty| engine(&network, &Objective::new(Loss::Mse, penalty, 0.1), Optimiser::default(), 2);
    let squares_of = |engine: &mut CpuEngine| {
        let mut squares = [0.0; 5];
        engine.jacobian_squares(rows, &mut squares).unwrap();
        squares
    };
    let codes_of = |engine: &mut CpuEngine| {
        let mut codes = [0.0; 15];
        engine.encode(rows, &mut codes).unwrap();
        codes
    };
    let want = squares_of(&mut fresh(Penalty::None));
    let codes = codes_of(&mut fresh(Penalty::None));
    for penalty in [Penalty::None, Penalty::WeightL2, Penalty::Jacobian] {
        let mut engine = fresh(penalty);
        let objective = engine.objective(&Batch::plain(rows)).unwrap();
        for _ in 0..2 {
            assert_eq!(codes_of(&mut engine), codes, "{penalty}");
            assert_eq!(squares_of(&mut engine), want, "{penalty}");
            assert_eq!(engine.objective(&Batch::plain(rows)).unwrap(), objective, "{penalty}");
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits_and_so_does_a_repeat() {
    let of_usual = penalties(5).into_iter().map(|penalty| (&[60, 24, 5][..], 50, penalty));
    let of_khatri_rao = [Penalty::Jacobian, Penalty::JacobianNorm].map(|p| (KHATRI_RAO.0, KHATRI_RAO.1, p));
    // So wide that the weights themselves are dealt out in several pieces, and so many rows of a small one that lanes are.
    let of_wide = [(&[300, 120, 5][..], 30, Penalty::Jacobian)];
    let of_many_rows = [Penalty::Jacobian, Penalty::JacobianNorm].map(|p| (KHATRI_RAO.0, 8 * KHATRI_RAO.1, p));
    for (sizes, n, penalty) in of_usual.chain(of_khatri_rao).chain(of_wide).chain(of_many_rows) {
        let (network, d) = (network_of(sizes, Activation::Tanh, Activation::Identity, false), sizes[0]);
        let objective = Objective::new(Loss::Sse, penalty, 0.1);
        let rows = numbers(2, n * d, 0.5);
        let mut draws = numbers(3, penalty.n_draws(&network, n), 1.0);
        penalty.shape_draws(&network, &mut draws);
        let run = |threads: usize| {
            let mut engine = engine(&network, &objective, Optimiser::default(), threads);
            let mut bits = Vec::new();
            for _ in 0..5 {
                let batch = Batch { draws: &draws, ..Batch::plain(MatRef::new(&rows, n, d)) };
                bits.push(engine.objective_and_gradient(&batch).unwrap().total.to_bits());
                let _ = engine.update(1e-2);
            }
            bits.extend(engine.parameters().values().iter().map(|v| u64::from(v.to_bits())));
            bits
        };
        let one = run(1);
        for threads in [1, 2, 3, 7] {
            assert!(run(threads) == one, "{penalty}: {threads} threads give other bits");
        }
    }
}

/// A pass leaves nothing behind for the next: not the Jacobian's values for an objective without a penalty.
#[test]
fn measuring_the_jacobian_does_not_reach_the_next_objective() {
    let network = network_of(&[6, 4], Activation::Tanh, Activation::Identity, false);
    let rows = numbers(4, 20 * 6, 1.0);
    let rows = MatRef::new(&rows, 20, 6);
    for penalty in [Penalty::None, Penalty::WeightL1, Penalty::Layerwise] {
        let objective = Objective::new(Loss::Mse, penalty, 5.0);
        let mut engine = engine(&network, &objective, Optimiser::default(), 2);
        let before = engine.objective(&Batch::plain(rows)).unwrap();
        engine.jacobian_squares(rows, &mut [0.0; 20]).unwrap();
        assert_eq!(engine.objective(&Batch::plain(rows)).unwrap(), before, "{penalty}");
        assert_eq!(engine.objective_and_gradient(&Batch::plain(rows)).unwrap(), before, "{penalty}");
    }
}

#[test]
fn no_rows_give_no_codes() {
    let network = network_of(&[6, 4], Activation::Tanh, Activation::Identity, false);
    let objective = Objective::new(Loss::Mse, Penalty::None, 0.0);
    let mut engine = engine(&network, &objective, Optimiser::default(), 1);
    engine.encode(MatRef::new(&[], 0, 6), &mut []).unwrap();
    engine.decode(MatRef::new(&[], 0, 4), &mut []).unwrap();
    engine.jacobian_squares(MatRef::new(&[], 0, 6), &mut []).unwrap();
}

/// Settings whose buffers no machine holds, or whose f32 image is 0 or infinite, are refused before any work.
#[test]
fn settings_beyond_any_machine_are_refused() {
    let network = network_of(&[6, 4], Activation::Tanh, Activation::Identity, false);
    let parameters = Parameters::zeros(&network).unwrap();
    let rademacher = ProbeDistribution::Rademacher;
    for penalty in [
        Penalty::Projection { probes: usize::MAX / 8, distribution: rademacher },
        Penalty::FiniteDifference { epsilon: 1e-3, directions: 1 << 40 },
        Penalty::FiniteDifference { epsilon: 1e-200, directions: 0 },
        Penalty::Hessian { corruptions: 1 << 40, sigma: 0.1, ratio: 1.0 },
        Penalty::Hessian { corruptions: 1, sigma: 1e300, ratio: 1.0 },
        Penalty::Hessian { corruptions: 1, sigma: 0.1, ratio: 1e300 },
        Penalty::Reconstruction { probes: 1 << 40 },
        Penalty::Decoder { probes: 1 << 40 },
    ] {
        let objective = Objective::new(Loss::Mse, penalty, 0.1);
        assert!(CpuEngine::new(&parameters, &objective, Optimiser::default(), None, 1).is_err(), "{penalty:?}");
    }
    let objective = Objective::new(Loss::Mse, Penalty::Jacobian, 1e308);
    assert!(CpuEngine::new(&parameters, &objective, Optimiser::default(), None, 1).is_err());
    let tiny = Optimiser::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-40, weight_decay: 0.0 };
    assert!(tiny.check().is_err());
    assert!(Parameters::zeros(&network_of(&[784, 1 << 24], Activation::Tanh, Activation::Tanh, false)).is_err());
}

#[test]
fn wrong_sizes_are_errors_and_change_nothing() {
    let network = network_of(&[6, 4], Activation::Tanh, Activation::Identity, false);
    let penalty = Penalty::Projection { probes: 2, distribution: ProbeDistribution::Rademacher };
    let mut engine = engine(&network, &Objective::new(Loss::Mse, penalty, 0.1), Optimiser::default(), 1);
    let rows = [0.0; 15];
    let error = engine.objective_and_gradient(&Batch::plain(MatRef::new(&rows, 3, 5))).unwrap_err();
    assert_eq!(error.to_string(), "a batch must have 6 columns, got 5");
    let error = engine.objective(&Batch::plain(MatRef::new(&rows[..12], 2, 6))).unwrap_err();
    assert_eq!(error.to_string(), "the penalty's draws must have 16 numbers, got 0");
    assert!(engine.encode(MatRef::new(&rows[..12], 2, 6), &mut [0.0; 7]).is_err());
    assert!(engine.objective(&Batch::plain(MatRef::new(&[], 0, 6))).is_err());
    let other = Parameters::zeros(&network_of(&[6, 5], Activation::Tanh, Activation::Identity, false)).unwrap();
    assert!(engine.load(&other).is_err());
}

#[test]
fn bad_settings_are_refused_before_any_work() {
    let network = network_of(&[6, 4], Activation::Tanh, Activation::Identity, false);
    let parameters = Parameters::zeros(&network).unwrap();
    let build = |objective: &Objective, clip, threads| {
        CpuEngine::new(&parameters, objective, Optimiser::default(), clip, threads).err().map(|e| e.to_string())
    };
    let good = Objective::new(Loss::Mse, Penalty::Jacobian, 0.1);
    assert_eq!(build(&good, None, 1), None);
    for bad in [f64::NAN, -1.0, f64::INFINITY] {
        let message = build(&Objective::new(Loss::Mse, Penalty::Jacobian, bad), None, 1).unwrap();
        assert!(message.starts_with("`contraction` must be finite and at least 0, got"), "{message}");
    }
    assert!(build(&Objective::new(Loss::Bce, Penalty::Jacobian, 0.1), None, 1).unwrap().contains("sigmoid output"));
    assert!(build(&good, Some(0.0), 1).is_some());
    assert!(build(&good, None, 0).is_some());
}
