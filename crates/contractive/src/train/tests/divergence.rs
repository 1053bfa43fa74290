//! Runs that meet a number that is not finite.

use super::*;

#[test]
fn divergence_stops_at_the_step_and_keeps_the_last_good_checkpoint() {
    let prepared = prepared("");
    let folder = tempfile::tempdir().unwrap();
    let run = RunDirectory::create(folder.path().join("run"), &prepared.config).unwrap();
    let error = train_with(&toy(21), &prepared, Some(&run), None, &mut (), &AtomicBool::new(false)).unwrap_err();
    let TrainError::Diverged { epoch, step, term, last_good } = &error else { panic!("{error}") };
    assert_eq!((*epoch, *step, term.as_str()), (4, 21, "reconstruction"));
    assert_eq!(last_good.as_deref(), Some(run.last_checkpoint().as_path()));
    assert_eq!(run.metrics().unwrap().len(), 3);
    assert_eq!(run.divergence().unwrap(), error.divergence());
    assert!(!run.model().exists());
    assert_same(&quietly(&prepared, None).unwrap(), &resumed(&prepared, &run));
    assert_eq!(run.divergence().unwrap(), None, "what ended well has not diverged");
    let at_once = train_with(&toy(1), &prepared, None, None, &mut (), &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(at_once, TrainError::Diverged { step: 1, .. }), "{at_once}");
}

#[test]
fn a_huge_learning_rate_diverges_rather_than_finishing() {
    for overrides in ["training.learning_rate = 1e30", "training.learning_rate = 1e300"] {
        let error = quietly(&prepared(overrides), None).unwrap_err();
        assert!(matches!(error, TrainError::Diverged { last_good: None, .. }), "{error}");
    }
}

#[test]
fn an_optimiser_whose_memory_overflows_has_diverged_before_a_checkpoint_says_so() {
    // Losses of 1e24 are finite; squares of their gradients are not, and Adam's parameters stand still from then on.
    let text = "model = { hidden = [2], hidden_activation = \"identity\", code_activation = \"identity\" }\n\
                training = { epochs = 2, batch_size = 8, optimiser = \"adam\", threads = 1 }\n\
                objective = { noise = \"none\", penalty = \"none\", contraction = 0.0 }\ndata.scale = \"none\"";
    let config = TrainConfig::from_toml("test", text).unwrap();
    let values = (0..150).map(|i| 1e12 * (i as f32 * 0.37).sin()).collect();
    let prepared = Prepared::new(&config, Dataset::from_f32("large", 3, values).unwrap(), None).unwrap();
    let stop_at = |step: usize| (step, AtomicBool::new(false));
    for (stop_after, stop) in [stop_at(usize::MAX), stop_at(2)] {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::create(folder.path().join("run"), &prepared.config).unwrap();
        let on_step = |report: &StepReport| stop.store(report.step >= stop_after, Ordering::Relaxed);
        let error = train(&prepared, Some(&run), None, &mut Watch(on_step, |_: &EpochRecord| {}), &stop).unwrap_err();
        let TrainError::Diverged { term, last_good: None, .. } = &error else { panic!("{error:?}") };
        assert_eq!(term, "the optimiser's memory");
        assert!(run.resume().unwrap().is_none());
    }
}

#[test]
fn an_interrupted_run_without_a_directory_returns_finite_parameters_or_none() {
    let prepared = prepared("training.learning_rate = 1e300");
    let stop = AtomicBool::new(false);
    let mut watch = Watch(|_: &StepReport| stop.store(true, Ordering::Relaxed), |_: &EpochRecord| {});
    let error = train_with(&toy(0), &prepared, None, None, &mut watch, &stop).unwrap_err();
    assert!(matches!(error, TrainError::Diverged { step: 1, .. }), "{error}");
}
