//! Runs that meet a number that is not finite, on the engine: found in the step that makes it, with the last good checkpoint left to
//! go on from.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use contractive::config::{Layer, TrainConfig};
use contractive::data::Dataset;
use contractive::train::TrainError;
use contractive::{Model, Outcome, Prepared, RunDirectory, train};

use crate::run_support::{bits, interrupted, timeless, whole};

const D: usize = 5;
/// 200 rows less the validation part, in batches of 32: the last batch of an epoch is a short one.
const STEPS: u64 = 6;

fn values() -> Vec<f32> {
    (0..200 * D).map(|i| (i as f32 * 0.37).sin() + (i % D) as f32).collect()
}

fn prepared(file: Option<&Path>, text: &str) -> Prepared {
    let base = "model.hidden = [7, 3]\ntraining = { epochs = 4, batch_size = 32, threads = 2 }\n";
    let spec = file.map_or_else(String::new, |path| format!("data = {{ spec = {:?}, stream = true }}", path.display()));
    let layers = [base, &spec, text].map(|text| Layer::from_text("test", text).unwrap());
    let config = TrainConfig::layered(&TrainConfig::default(), &layers).unwrap();
    match file {
        Some(path) => Prepared::streamed(&config, path).unwrap(),
        None => Prepared::new(&config, Dataset::from_f32("waves", D, values()).unwrap(), None).unwrap(),
    }
}

fn go_on(prepared: &Prepared, run: &RunDirectory) -> Result<Outcome, TrainError> {
    train(prepared, Some(run), run.resume().unwrap(), &mut (), &AtomicBool::new(false))
}

/// A table of the same rows.
fn file(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("t.csv");
    let cells = |row: &[f32]| row.iter().map(f32::to_string).collect::<Vec<_>>().join(",");
    let rows: String = values().chunks_exact(D).map(|row| cells(row) + "\n").collect();
    std::fs::write(&path, format!("a,b,c,d,e\n{rows}")).unwrap();
    path
}

/// Two good epochs, then a learning rate that throws the parameters out of f32 at the next step; a smaller one goes on from the
/// checkpoint that is left, to the bits of a run that had it all along.
#[test]
fn the_step_is_named_the_last_good_checkpoint_kept_and_a_smaller_rate_goes_on() {
    for optimiser in ["sgd", "momentum", "adam", "adamw"] {
        for (tied, is_streamed) in [(false, false), (true, false), (false, true), (true, true)] {
            let folder = tempfile::tempdir().unwrap();
            let file = is_streamed.then(|| file(folder.path()));
            let case = format!("{optimiser}, tied {tied}, streamed {is_streamed}");
            let with_rate = |rate: &str| {
                let text = format!(
                    "model.tied = {tied}\ntraining = {{ optimiser = \"{optimiser}\", learning_rate = {rate} }}"
                );
                prepared(file.as_deref(), &text)
            };
            let good = with_rate("1e-3");
            let run = interrupted(&good, &folder.path().join("run"), 2 * STEPS as usize);
            let before = run.resume().unwrap().unwrap().last;
            let error = go_on(&with_rate("1e300"), &run).unwrap_err();
            let TrainError::Diverged { epoch, step, term, last_good } = &error else { panic!("{case}: {error}") };
            assert_eq!((*epoch, *step), (3, 2 * STEPS + 1), "{case}: {term}");
            assert!(term.starts_with("a parameter in `"), "{case}: {term}");
            assert_eq!(last_good.as_deref(), Some(run.last_checkpoint().as_path()), "{case}");
            let kept = run.resume().unwrap().unwrap().last;
            kept.parameters.check_finite().unwrap();
            assert_eq!((kept.parameters, kept.optimiser), (before.parameters, before.optimiser), "{case}");
            // That of the stop: none is saved at a divergence.
            Model::load(run.path()).unwrap().parameters().check_finite().unwrap();
            let outcome = go_on(&good, &run).unwrap();
            let wanted = whole(&good);
            assert_eq!(bits(&outcome), bits(&wanted), "{case}");
            assert_eq!(timeless(&outcome.history), timeless(&wanted.history), "{case}");
            assert_eq!(run.divergence().unwrap(), None, "{case}");
            Model::load(run.path()).unwrap().parameters().check_finite().unwrap();
        }
    }
}

/// The step is the one in which a number is made that is not finite, also where no loss would tell: saturated units hide infinite
/// weights, and an infinite mean of squares leaves Adam's parameters as they are.
#[test]
fn what_no_loss_tells_is_found_in_its_step() {
    let saturated = "model = { hidden_activation = \"sigmoid\", code_activation = \"sigmoid\", output_activation = \"sigmoid\" }\n\
                     objective = { loss = \"mse\", penalty = \"none\", contraction = 0.0 }\n";
    for optimiser in ["sgd", "adam"] {
        let text = format!("{saturated}training = {{ optimiser = \"{optimiser}\", learning_rate = 1e300 }}");
        let error = train(&prepared(None, &text), None, None, &mut (), &AtomicBool::new(false)).unwrap_err();
        let TrainError::Diverged { epoch: 1, step: 1, term, last_good: None } = &error else { panic!("{error}") };
        assert!(term.starts_with("a parameter in `"), "{optimiser}: {term}");
    }
}

/// Rates at which nothing moves, and penalties that outweigh all else or nothing, end in a finite model or name what is not.
#[test]
fn tiny_and_huge_settings_end_in_finite_numbers_or_in_a_divergence() {
    for text in [
        "training.learning_rate = 1e-300",
        "training.learning_rate = 1e-30",
        "objective.contraction = 1e-15",
        "objective.contraction = 1e15",
        "objective.contraction = 1e15\ntraining.clip = 1e-15",
        "training.clip = 1e15",
        "training.optimiser = \"sgd\"\ntraining.learning_rate = 1.0\nobjective.contraction = 1e15",
        "objective.penalty = { kind = \"hessian\", corruptions = 1, sigma = 1e15, ratio = 1e15 }\nobjective.contraction = 1.0",
        "objective.penalty = { kind = \"finite_difference\", epsilon = 1e-15 }\nobjective.contraction = 1e15",
        "objective.noise = { kind = \"gaussian\", sigma = 1e15 }",
        "training.batch_size = 1000000000",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let prepared = prepared(None, text);
        let run = RunDirectory::create(folder.path().join("run"), prepared.config()).unwrap();
        match train(&prepared, Some(&run), None, &mut (), &AtomicBool::new(false)) {
            Ok(outcome) => {
                outcome.model.parameters().check_finite().unwrap();
                let terms = outcome.history.iter().flat_map(|record| [Some(record.train), record.validation]);
                assert!(terms.flatten().all(|terms| terms.not_finite().is_none()), "{text}");
            }
            Err(TrainError::Diverged { term, .. }) => assert!(!term.is_empty() && !run.model().exists(), "{text}"),
            Err(e) => panic!("{text}: {e}"),
        }
        if let Some(resume) = run.resume().unwrap() {
            resume.last.parameters.check_finite().unwrap();
        }
    }
}

/// One row, one column, rows all alike, columns that never move, a last batch of one row, numbers at f32's ends: each trains to
/// finite numbers.
#[test]
fn degenerate_data_train_to_finite_numbers() {
    let ends = [f32::MAX, f32::MIN, 1e-45, -1e-45, f32::MIN_POSITIVE, 0.0];
    let tables: [(&str, usize, Vec<f32>); 7] = [
        ("one row", 3, vec![1.0, -2.0, 3.0]),
        ("one column", 1, (0..40).map(|i| i as f32).collect()),
        ("one cell", 1, vec![5.0]),
        ("rows all alike", 3, [1.0, 2.0, 3.0].repeat(30)),
        ("a last batch of one row", 2, (0..130).map(|i| (i as f32).cos()).collect()),
        ("subnormal numbers", 2, (0..60).map(|i| 1e-45 * (i % 7) as f32).collect()),
        ("the ends of f32", 1, (0..60).map(|i| ends[i % 6] / 2.0).collect()),
    ];
    for (name, d, values) in tables {
        for scale in ["none", "standard", "minmax", "robust", "quantile"] {
            if (name, scale) == ("the ends of f32", "none") {
                continue;
            }
            let text = format!(
                "model.hidden = [4, 2]\ndata = {{ validation = 0.0, scale = \"{scale}\" }}\ntraining = {{ epochs = 3, batch_size = 16 }}"
            );
            let config = TrainConfig::from_toml("test", &text).unwrap();
            let data = Dataset::from_f32(name, d, values.clone()).unwrap();
            let prepared =
                Prepared::new(&config, data.clone(), None).unwrap_or_else(|e| panic!("{name}, {scale}: {e}"));
            let outcome = whole(&prepared);
            let last = outcome.history.last().unwrap();
            assert!(last.train.not_finite().is_none() && last.jacobian_square.is_finite(), "{name}, {scale}: {last:?}");
            let codes = outcome.model.encode(&data, 1).unwrap_or_else(|e| panic!("{name}, {scale}: {e}"));
            assert!(codes.iter().all(|code| code.is_finite()), "{name}, {scale}");
            let restored = outcome.model.reconstruct(&data, 1).unwrap_or_else(|e| panic!("{name}, {scale}: {e}"));
            assert!(restored.iter().all(|value| value.is_finite()), "{name}, {scale}");
        }
    }
}
