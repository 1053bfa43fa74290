//! Whole runs on the CPU engine: same bits for any thread count and across a kill, and a loss that falls.

use std::sync::atomic::AtomicBool;

use contractive::config::{Layer, TrainConfig};
use contractive::data::Dataset;
use contractive::train::TrainError;
use contractive::{Model, Prepared, evaluate, train};

use crate::run_support::{bits, interrupted, timeless, whole};

/// 300 rows of 12 features in [0, 1] on a curve, so that a bottleneck can hold them.
fn curve() -> Dataset {
    let at = |row: usize, column: usize| {
        let t = row as f32 * 0.021;
        0.5 + 0.45 * (t * (1.0 + column as f32 * 0.3) + column as f32).sin()
    };
    let values = (0..300).flat_map(|row| (0..12).map(move |column| at(row, column))).collect();
    Dataset::from_f32("curve", 12, values).unwrap()
}

fn prepared(text: &str) -> Prepared {
    let base = "model.hidden = [16, 4]\ntraining = { epochs = 4, batch_size = 32 }\n";
    let layers = [base, text].map(|text| Layer::from_text("test", text).unwrap());
    Prepared::new(&TrainConfig::layered(&TrainConfig::default(), &layers).unwrap(), curve(), None).unwrap()
}

#[test]
fn every_objective_resumes_to_the_same_bits_on_any_number_of_threads() {
    // Large enough that a second thread takes part.
    let hidden = "model.hidden = [32, 8]";
    for text in [
        "",
        "objective.penalty = \"none\"",
        "objective.penalty = \"reconstruction\"",
        "objective.penalty = { kind = \"reconstruction\", probes = 2 }",
        "objective.penalty = \"decoder\"",
        "objective.penalty = { kind = \"decoder\", probes = 2 }",
        "objective.penalty = \"projection\"\nobjective.contraction = 0.1",
        "objective.penalty = \"hessian\"\ntraining.optimiser = \"momentum\"",
        "objective.penalty = { kind = \"finite_difference\", directions = 2 }\ntraining.optimiser = \"sgd\"",
        "objective.noise = { kind = \"masking\", share = 0.3 }\nobjective.loss = \"cross_entropy\"\nmodel.tied = true",
        "objective.noise = { kind = \"salt_pepper\", share = 0.2 }\ntraining.clip = 0.1\ntraining.optimiser = \"adamw\"",
        "objective.sparsity = { target = 0.1, weight = 0.1 }\nmodel.code_activation = \"sigmoid\"",
        "training.schedule = { kind = \"cosine\" }\ndata.validation = 0.0",
    ] {
        let one = prepared(&format!("training.threads = 1\n{hidden}\n{text}"));
        let expected = whole(&one);
        let folder = tempfile::tempdir().unwrap();
        let run = interrupted(&one, &folder.path().join("run"), 13);
        let two = prepared(&format!("training.threads = 2\n{hidden}\n{text}"));
        let resume = run.resume().unwrap();
        let outcome = train(&two, Some(&run), resume, &mut (), &AtomicBool::new(false)).unwrap();
        assert_eq!(bits(&outcome), bits(&expected), "{text}");
        assert_eq!(timeless(&outcome.history), timeless(&expected.history), "{text}");
        assert_eq!(Model::load(run.path()).unwrap(), outcome.model, "{text}");
    }
}

#[test]
fn every_penalty_is_measured_where_its_weight_is_zero() {
    for penalty in [
        "\"none\"",
        "\"jacobian\"",
        "\"projection\"",
        "\"hessian\"",
        "{ kind = \"finite_difference\", directions = 2 }",
        "{ kind = \"reconstruction\", probes = 2 }",
        "{ kind = \"decoder\", probes = 2 }",
    ] {
        let prepared = prepared(&format!("objective.penalty = {penalty}\nobjective.contraction = 0.0"));
        let outcome = whole(&prepared);
        let terms = outcome.history[3].train;
        assert_eq!(terms.total, terms.reconstruction, "{penalty}");
        let found = evaluate(&outcome.model, &curve(), 1).unwrap();
        assert!((found.total - found.mse).abs() < 1e-6 * found.mse, "{penalty}: {} {}", found.total, found.mse);
        assert_eq!(found.trained_penalty_value > 0.0, penalty != "\"none\"", "{penalty}");
    }
}

#[test]
fn training_contracts_and_reconstructs_and_what_is_printed_is_what_evaluate_finds() {
    let contracted = whole(&prepared("objective.contraction = 0.3\ntraining.epochs = 30"));
    let plain = whole(&prepared("objective.contraction = 0.0\ntraining.epochs = 30"));
    let (first, last) = (contracted.history[0], contracted.history[29]);
    assert!(last.train.total < 0.8 * first.train.total, "{first:?} {last:?}");
    assert!(last.jacobian_square < 0.5 * plain.history[29].jacobian_square);
    let prepared = prepared("objective.contraction = 0.3\ntraining.epochs = 30");
    let mut held_out = vec![0.0; prepared.validation_rows().len() * 12];
    prepared.data().fill(prepared.validation_rows(), &mut held_out);
    let held_out = Dataset::from_f32("held out", 12, held_out).unwrap();
    let found = evaluate(&contracted.model, &held_out, 1).unwrap();
    let record = contracted.history[contracted.best_epoch - 1];
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9 * b.abs();
    assert!(near(found.total, record.validation.unwrap().total));
    assert!(near(found.jacobian_norm, record.jacobian_norm) && near(found.penalty, record.jacobian_square));
    // The penalty as trained is summed in f32 lanes, the exact Jacobian in f64.
    assert!((found.penalty - record.validation.unwrap().penalty).abs() < 1e-5 * found.penalty);
}

#[test]
fn a_huge_learning_rate_is_reported_as_divergence() {
    let diverging = prepared(
        "training.optimiser = \"sgd\"\ntraining.learning_rate = 1e25\nmodel.hidden_activation = \"relu\"\nmodel.code_activation = \"relu\"",
    );
    let error = train(&diverging, None, None, &mut (), &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(error, TrainError::Diverged { .. }), "{error:?}");
}
