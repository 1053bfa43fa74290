//! Ranks that share a batch, held to the reference on the whole of it: every penalty, noise, sparsity, tied weights, shares of
//! any size, none at all among them.

mod tolerance;
mod trial;

use std::sync::Arc;

use contractive_core::communicator::{Group, in_process};
use contractive_core::engine::{CpuEngine, DataParallel, Engine, SharedStop};
use contractive_core::matrix::MatRef;
use contractive_core::objective::Sparsity;
use contractive_core::optimiser::Optimiser;
use contractive_core::{Activation, ArgumentError, Batch, Loss, Objective, Parameters, Penalty, Terms};
use tolerance::ENGINE;
use trial::{REFERENCE, Trial, distance, network_of, penalties};

const ROWS: usize = 23;

/// What ranks of these shares of the rows say: `places[r]` are those of rank r.
fn of_ranks(trial: &Trial, places: &[Vec<u32>]) -> Vec<(Terms, Terms, Vec<f32>)> {
    std::thread::scope(|scope| {
        let ranks = in_process(places.len()).into_iter().zip(places);
        let ranks: Vec<_> = ranks.map(|(group, own)| scope.spawn(move || of_rank(trial, group, own))).collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

fn engine_of(trial: &Trial, group: Group, stop: Arc<SharedStop>) -> DataParallel {
    let mut parameters = Parameters::zeros(&trial.architecture).unwrap();
    parameters.values_mut().iter_mut().zip(&trial.parameters).for_each(|(to, from)| *to = *from as f32);
    let engine = CpuEngine::new(&parameters, &trial.objective, Optimiser::Sgd { weight_decay: 0.0 }, None, 1).unwrap();
    DataParallel::new(Box::new(engine), &trial.objective, group, stop)
}

fn of_rank(trial: &Trial, group: Group, own: &[u32]) -> (Terms, Terms, Vec<f32>) {
    let mut engine = engine_of(trial, group, Arc::default());
    let d = trial.rows.columns();
    let pick = |values: &[f64]| -> Vec<f32> {
        own.iter().flat_map(|r| values[*r as usize * d..][..d].iter().map(|v| *v as f32)).collect()
    };
    let rows = pick(trial.rows.values());
    let corrupted = trial.corrupted.as_ref().map(|c| pick(c.values()));
    let mut draws: Vec<f32> = trial.draws.iter().map(|v| *v as f32).collect();
    trial.objective.penalty.keep_draws(&trial.architecture, ROWS, own, &mut draws);
    let batch = Batch {
        corrupted: corrupted.as_ref().map(|c| MatRef::new(c, own.len(), d)),
        draws: &draws,
        ..Batch::plain(MatRef::new(&rows, own.len(), d))
    };
    let value = engine.objective(&batch).unwrap();
    let terms = engine.objective_and_gradient(&batch).unwrap();
    let mut gradient = vec![0.0; engine.n_parameters()];
    engine.read_gradient(&mut gradient).unwrap();
    (value, terms, gradient)
}

/// Rows dealt out in turn, in runs, all to one, and with ranks that have none.
fn shares() -> Vec<Vec<Vec<u32>>> {
    let all: Vec<u32> = (0..ROWS as u32).collect();
    let dealt = |n: u32| (0..n).map(|r| all.iter().copied().filter(|row| row % n == r).collect()).collect();
    let runs = vec![all[..2].to_vec(), all[2..20].to_vec(), vec![], all[20..].to_vec()];
    vec![vec![all.clone()], dealt(2), dealt(4), runs, vec![vec![], all]]
}

fn check(trial: &Trial, what: &str) {
    let want = (REFERENCE.evaluate)(trial);
    for places in shares() {
        let found = of_ranks(trial, &places);
        for (value, terms, gradient) in &found {
            let gradient: Vec<f64> = gradient.iter().map(|g| f64::from(*g)).collect();
            let (got, expected) = (terms.total, want.terms.total);
            assert!((got - expected).abs() <= ENGINE * expected.abs(), "{what}: {got} {expected}");
            assert!((value.total - expected).abs() <= ENGINE * expected.abs(), "{what}: {}", value.total);
            assert!(distance(&gradient, &want.gradient) <= ENGINE, "{what}, {} ranks", places.len());
            // Ranks that do not say the same to the bit would part.
            assert_eq!((terms, &gradient.len()), (&found[0].1, &found[0].2.len()));
        }
        assert!(found.iter().all(|(_, _, gradient)| *gradient == found[0].2), "{what}");
        assert_eq!(found, of_ranks(trial, &places), "{what}: the same ranks give the same bits");
    }
}

#[test]
fn ranks_have_the_objective_and_gradient_of_the_whole_batch() {
    for penalty in penalties(4) {
        let network = network_of(&[9, 7, 4], Activation::Sigmoid, Activation::Identity, false);
        let trial = Trial::draw(1, network, Objective::new(Loss::Mse, penalty, 0.3), ROWS, 0.5, 0.1);
        check(&trial, &format!("{penalty}"));
    }
}

#[test]
fn noise_sparsity_and_tied_weights_are_those_of_the_whole_batch() {
    for tied in [false, true] {
        let network = network_of(&[9, 7, 4], Activation::Sigmoid, Activation::Sigmoid, tied);
        let mut objective = Objective::new(Loss::CrossEntropy, Penalty::Jacobian, 0.3);
        objective.sparsity = Some(Sparsity { target: 0.1, weight: 0.7 });
        let trial = Trial::draw(2, network, objective, ROWS, 0.5, 0.1);
        check(&trial, "sparsity");
        check(&trial.with_noise(3, 0.1), "sparsity with noise");
    }
}

#[test]
fn a_rank_alone_has_the_bits_of_its_engine() {
    let network = network_of(&[9, 7, 4], Activation::Sigmoid, Activation::Identity, false);
    let trial = Trial::draw(1, network, Objective::new(Loss::Mse, Penalty::Jacobian, 0.3), ROWS, 0.5, 0.1);
    let (_, terms, gradient) = of_ranks(&trial, &shares()[0]).remove(0);
    let by_engine = (trial::ENGINE.evaluate)(&trial);
    assert_eq!(gradient.iter().map(|g| f64::from(*g)).collect::<Vec<f64>>(), by_engine.gradient);
    assert!((terms.total - by_engine.terms.total).abs() <= 1e-15 * terms.total);
}

#[test]
fn a_wish_to_stop_and_an_error_reach_all_ranks() {
    let network = network_of(&[9, 4], Activation::Sigmoid, Activation::Identity, false);
    let trial = &Trial::draw(1, network, Objective::new(Loss::Mse, Penalty::Jacobian, 0.3), ROWS, 0.5, 0.1);
    std::thread::scope(|scope| {
        let work = |group: Group| {
            let (rank, stop) = (group.rank(), Arc::new(SharedStop::default()));
            let mut engine = engine_of(trial, group, Arc::clone(&stop));
            let row = vec![0.5; 9];
            engine.objective_and_gradient(&Batch::plain(MatRef::new(&row, 1, 9))).unwrap();
            assert!(!stop.is_agreed());
            if rank == 1 {
                stop.wish();
            }
            engine.objective_and_gradient(&Batch::plain(MatRef::new(&row, 1, 9))).unwrap();
            assert!(stop.is_agreed());
            // A batch that does not fit is an error of rank 2 alone, whose message all get.
            let columns = if rank == 2 { 3 } else { 9 };
            let batch = Batch::plain(MatRef::new(&row, 9 / columns, columns));
            let error = engine.objective_and_gradient(&batch).unwrap_err();
            assert_eq!(matches!(error, ArgumentError::Size { .. }), rank == 2, "{error}");
            assert!(error.to_string().contains("a batch must have 9 columns, got 3"), "{error}");
            let nothing = Batch::plain(MatRef::new(&[], 0, 9));
            let error = engine.objective(&nothing).unwrap_err().to_string();
            assert!(error.contains("rows of a batch over all ranks"), "{error}");
        };
        in_process(3).into_iter().for_each(|group| {
            scope.spawn(move || work(group));
        });
    });
}
