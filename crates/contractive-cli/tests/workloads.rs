//! The workloads of `scripts/bench.sh` train: their losses are finite and fall. Nothing is timed.

use contractive_cli::speed::operations::StepOperations;
use contractive_cli::speed::workload::{self, Workload};
use contractive_core::Penalty;

fn named(name: &str) -> Workload {
    workload::all()[name].clone()
}

/// Mean of the first and of the last `n` of `steps` losses.
fn ends(work: &Workload, penalty: Penalty, steps: usize, n: usize) -> [f64; 2] {
    let mut training = work.steps(penalty, 2).unwrap();
    let losses: Vec<f64> = (0..steps).map(|_| training.step().unwrap()).collect();
    assert!(losses.iter().all(|v| v.is_finite()), "{losses:?}");
    [&losses[..n], &losses[steps - n..]].map(|part| part.iter().sum::<f64>() / n as f64)
}

#[test]
fn losses_fall_with_and_without_the_penalty() {
    for name in ["a", "b", "d", "i"] {
        for penalty in [Penalty::None, Penalty::Jacobian] {
            let [first, last] = ends(&named(name), penalty, 32, 8);
            assert!(last < first, "{name}, {penalty:?}: from {first} to {last}");
        }
    }
}

/// The wide nets with few rows and few steps: their steps at full size take seconds.
#[test]
fn wide_nets_train_too() {
    let wide = Workload { batch: 4, batches: 1, ..named("c") };
    let expression = Workload { batch: 2, batches: 1, ..named("e") };
    for work in [wide, expression] {
        let [first, last] = ends(&work, Penalty::Jacobian, 3, 1);
        assert!(last < first, "{:?}: from {first} to {last}", work.encoder);
    }
}

/// A penalty that is a ten-thousandth of the loss could be left out, and the comparison of losses would not see it.
#[test]
fn the_penalty_weighs_in_the_losses_that_are_compared() {
    for name in ["a", "b", "d", "i"] {
        let work = named(name);
        let [exact, plain] =
            [Penalty::Jacobian, Penalty::None].map(|penalty| work.steps(penalty, 1).unwrap().step().unwrap());
        assert!((exact - plain) / exact > 3e-3, "{name}: {exact} beside {plain}");
    }
}

#[test]
fn every_workload_has_its_counts() {
    for name in ["a", "b", "c", "d", "e", "i"] {
        let work = named(name);
        let count = StepOperations::count(&work.architecture(), work.batch);
        assert!(count.least() > count.plain && count.least() <= count.dense(), "{name}: {count:?}");
    }
}
