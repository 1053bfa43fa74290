mod divergence;

use std::cell::Cell;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use contractive_core::matrix::MatRef;
use contractive_core::optimiser::OptimiserState;
use contractive_core::{Architecture, Batch, Terms};

use super::*;
use crate::config::{EarlyStopping, TrainConfig};
use crate::data::Dataset;
use crate::history::EpochRecord;
use crate::measure::{jacobian_means, measure};
use crate::model::Model;

/// An engine whose every number is a few sums: loss Σ (c_j − x̃_j)² with c the last d parameters, penalty the sum of all
/// other parameters times the mean draw, momentum. It says NaN at step `fails_at`.
struct Toy {
    parameters: Parameters,
    contraction: f64,
    gradient: Vec<f32>,
    memory: OptimiserState,
    fails_at: u64,
}

impl Toy {
    fn terms(&mut self, batch: &Batch<'_>) -> Terms {
        let d = batch.rows.columns();
        let n = self.parameters.len() - d;
        let (others, centre) = self.parameters.values().split_at(n);
        let rows = batch.encoded();
        let weight = 1.0 / rows.rows() as f64;
        let (mut loss, mut gradient) = (0.0, vec![0.0_f64; n + d]);
        for r in 0..rows.rows() {
            for j in 0..d {
                let off = f64::from(centre[j]) - f64::from(rows.row(r)[j]);
                loss += weight * off * off;
                gradient[n + j] += weight * 2.0 * off;
            }
        }
        let draw = batch.draws.iter().map(|v| f64::from(*v)).sum::<f64>() / batch.draws.len().max(1) as f64;
        let penalty = others.iter().map(|v| f64::from(*v).powi(2) + f64::from(*v) * draw).sum();
        for (g, v) in gradient.iter_mut().zip(others) {
            *g = self.contraction * (2.0 * f64::from(*v) + draw);
        }
        if self.memory.step + 1 == self.fails_at {
            loss = f64::NAN;
        }
        self.gradient = gradient.iter().map(|g| *g as f32).collect();
        Terms { total: loss + self.contraction * penalty, reconstruction: loss, penalty, sparsity: 0.0 }
    }
}

impl Engine for Toy {
    fn architecture(&self) -> &Architecture {
        self.parameters.architecture()
    }
    fn load(&mut self, parameters: &Parameters) -> Result<(), ArgumentError> {
        self.parameters = parameters.clone();
        Ok(())
    }
    fn parameters(&self) -> Parameters {
        self.parameters.clone()
    }
    fn encode(&mut self, _: MatRef<'_>, _: &mut [f32]) -> Result<(), ArgumentError> {
        Ok(())
    }
    fn decode(&mut self, _: MatRef<'_>, _: &mut [f32]) -> Result<(), ArgumentError> {
        Ok(())
    }
    fn objective(&mut self, batch: &Batch<'_>) -> Result<Terms, ArgumentError> {
        Ok(self.terms(batch))
    }
    fn row_terms(&mut self, _: &Batch<'_>, _: &mut [f64], _: &mut [f64]) -> Result<(), ArgumentError> {
        Ok(())
    }
    fn objective_and_gradient(&mut self, batch: &Batch<'_>) -> Result<Terms, ArgumentError> {
        Ok(self.terms(batch))
    }
    fn jacobian_squares(&mut self, rows: MatRef<'_>, squares: &mut [f64]) -> Result<(), ArgumentError> {
        squares.iter_mut().enumerate().for_each(|(r, s)| *s = f64::from(rows.row(r)[0]).powi(2));
        Ok(())
    }
    fn read_gradient(&self, gradient: &mut [f32]) -> Result<(), ArgumentError> {
        gradient.copy_from_slice(&self.gradient);
        Ok(())
    }
    fn write_gradient(&mut self, gradient: &[f32]) -> Result<(), ArgumentError> {
        self.gradient.copy_from_slice(gradient);
        Ok(())
    }
    fn update(&mut self, learning_rate: f64) -> bool {
        self.memory.step += 1;
        for ((p, g), v) in self.parameters.values_mut().iter_mut().zip(&self.gradient).zip(&mut *self.memory.first) {
            *v = 0.9 * *v + g;
            *p -= learning_rate as f32 * *v;
        }
        true
    }
    fn optimiser_state(&self) -> OptimiserState {
        self.memory.clone()
    }
    fn load_optimiser(&mut self, state: &OptimiserState) -> Result<(), ArgumentError> {
        self.memory = state.clone();
        Ok(())
    }
}

fn toy(fails_at: u64) -> Box<EngineBuilder<'static>> {
    Box::new(move |parameters, objective, optimiser, _, _| {
        let (parameters, contraction) = (parameters.clone(), objective.contraction);
        let memory = optimiser.state(parameters.len());
        let gradient = vec![0.0; parameters.len()];
        Ok(Box::new(Toy { parameters, contraction, gradient, memory, fails_at }))
    })
}

/// 50 rows of 3 features, 45 of them trained on: 6 steps an epoch, the last of 5 rows.
fn prepared(overrides: &str) -> Prepared {
    let text = "model.hidden = [2]\ntraining = { epochs = 6, batch_size = 8, learning_rate = 0.01, optimiser = \"momentum\" }\n\
                objective = { noise = { kind = \"gaussian\", sigma = 0.1 }, penalty = \"projection\", contraction = 0.1 }\n";
    let layers = [text, overrides].map(|text| crate::config::Layer::from_text("test", text).unwrap());
    let config = TrainConfig::layered(&TrainConfig::default(), &layers).unwrap();
    let values = (0..150).map(|i| (i as f32 * 0.37).sin() + (i % 3) as f32).collect();
    Prepared::new(&config, Dataset::from_f32("waves", 3, values).unwrap(), None).unwrap()
}

/// An observer that calls what it is given.
struct Watch<S: FnMut(&StepReport), E: FnMut(&EpochRecord)>(S, E);

impl<S: FnMut(&StepReport), E: FnMut(&EpochRecord)> Observer for Watch<S, E> {
    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        (self.0)(report);
        ControlFlow::Continue(())
    }
    fn on_epoch(&mut self, record: &EpochRecord) -> ControlFlow<()> {
        (self.1)(record);
        ControlFlow::Continue(())
    }
}

fn quietly(prepared: &Prepared, run: Option<&RunDirectory>) -> Result<Outcome, TrainError> {
    train_with(&toy(0), prepared, run, None, &mut (), &AtomicBool::new(false))
}

fn resumed(prepared: &Prepared, run: &RunDirectory) -> Outcome {
    let resume = run.resume().unwrap();
    train_with(&toy(0), prepared, Some(run), resume, &mut (), &AtomicBool::new(false)).unwrap()
}

fn timeless(history: &[EpochRecord]) -> Vec<EpochRecord> {
    history.iter().map(|r| EpochRecord { seconds: 0.0, rows_per_second: 0.0, ..*r }).collect()
}

fn assert_same(a: &Outcome, b: &Outcome) {
    assert_eq!(a.end, b.end);
    assert_eq!(timeless(&a.history), timeless(&b.history));
    let bits = |o: &Outcome| o.model.parameters().values().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(a), bits(b));
    assert_eq!(a.best_epoch, b.best_epoch);
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_does_not() {
    let first = quietly(&prepared(""), None).unwrap();
    assert_same(&first, &quietly(&prepared(""), None).unwrap());
    assert_eq!((first.end, first.history.len()), (End::Finished, 6));
    let other = quietly(&prepared("training.seed = 1"), None).unwrap();
    assert_ne!(first.model.parameters(), other.model.parameters());
    let unshuffled = quietly(&prepared("training.shuffle = false"), None).unwrap();
    assert_ne!(first.model.parameters(), unshuffled.model.parameters());
    let clean = quietly(&prepared("objective.noise = \"none\""), None).unwrap();
    assert_ne!(first.model.parameters(), clean.model.parameters());
}

#[test]
fn a_run_interrupted_at_any_step_goes_on_to_the_same_bits() {
    for overrides in ["", "training.schedule = { kind = \"plateau\", patience = 1, factor = 0.5 }"] {
        let prepared = prepared(overrides);
        let whole = quietly(&prepared, None).unwrap();
        for stop_after in [1, 6, 14, 18, 35] {
            let folder = tempfile::tempdir().unwrap();
            let run = RunDirectory::create(folder.path().join("run"), &prepared.config).unwrap();
            let (stop, steps) = (AtomicBool::new(false), Cell::new(0));
            let mut watch = Watch(
                |_: &StepReport| {
                    steps.set(steps.get() + 1);
                    stop.store(steps.get() == stop_after, Ordering::Relaxed);
                },
                |_: &EpochRecord| {},
            );
            let part = train_with(&toy(0), &prepared, Some(&run), None, &mut watch, &stop).unwrap();
            assert_eq!((part.end, part.history.len()), (End::Interrupted, stop_after / 6));
            assert!(Model::load(run.path()).is_ok(), "an interrupted run leaves a model");
            assert_same(&whole, &resumed(&prepared, &run));
            assert_eq!(timeless(&run.metrics().unwrap()), timeless(&whole.history));
        }
    }
}

#[test]
fn a_run_killed_at_any_epoch_goes_on_to_the_same_bits_and_metrics() {
    let prepared = prepared("");
    let folder = tempfile::tempdir().unwrap();
    let run = RunDirectory::create(folder.path().join("run"), &prepared.config).unwrap();
    let killed = |epoch: usize| folder.path().join(format!("killed-{epoch}"));
    let mut watch = Watch(|_: &StepReport| {}, |r: &EpochRecord| copy_folder(run.path(), &killed(r.epoch)));
    let whole = train_with(&toy(0), &prepared, Some(&run), None, &mut watch, &AtomicBool::new(false)).unwrap();
    assert_eq!(run.metrics().unwrap(), whole.history);
    assert_eq!(Model::load(run.path()).unwrap(), whole.model);
    for epoch in 1..=6 {
        let copy = RunDirectory::open(killed(epoch)).unwrap();
        let state = copy.resume().unwrap().expect("the first epoch is always written").last.state;
        assert_eq!(state.history, copy.metrics().unwrap());
        // What a kill between two writes leaves ahead of the last checkpoint: lines, and the best of a later epoch.
        copy.write_metrics(&whole.history).unwrap();
        fs::copy(run.best_checkpoint(), copy.best_checkpoint()).unwrap();
        assert_eq!(copy.config().unwrap(), prepared.config);
        assert_same(&whole, &resumed(&prepared, &copy));
        assert_eq!(timeless(&copy.metrics().unwrap()), timeless(&whole.history));
    }
    // Killed after its last checkpoint, before the numbers beside it: no epoch is left to write them.
    run.write_metrics(&whole.history[..1]).unwrap();
    assert_same(&whole, &resumed(&prepared, &run));
    assert_eq!(run.metrics().unwrap(), whole.history);
}

#[test]
fn a_finished_run_goes_on_when_given_more_epochs() {
    let folder = tempfile::tempdir().unwrap();
    let short = prepared("training.epochs = 4");
    let run = RunDirectory::create(folder.path().join("run"), &short.config).unwrap();
    quietly(&short, Some(&run)).unwrap();
    let long = prepared("");
    assert_same(&quietly(&long, None).unwrap(), &resumed(&long, &run));
    let again = resumed(&long, &run);
    assert_eq!((again.end, again.history.len()), (End::Finished, 6));
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = prepared("");
    let run = RunDirectory::create(folder.path().join("run"), &first.config).unwrap();
    quietly(&first, Some(&run)).unwrap();
    for (overrides, what) in [
        ("training.seed = 9", "the seed"),
        ("training.batch_size = 9", "the batch size"),
        ("model.hidden = [3]", "the architecture"),
        ("training.optimiser = \"adam\"", "the optimiser"),
        ("data.validation = 0.5", "the number of training rows"),
        ("objective.contraction = 0.2", "the objective"),
        ("objective.noise = \"none\"", "the input noise"),
        ("data.scale = \"minmax\"", "the scaling"),
        ("training.shuffle = false", "`training.shuffle`"),
        ("training.keep_last_partial_batch = false", "`training.keep_last_partial_batch`"),
    ] {
        let resume = run.resume().unwrap();
        let other = prepared(overrides);
        let error = train_with(&toy(0), &other, None, resume, &mut (), &AtomicBool::new(false)).unwrap_err();
        assert!(error.to_string().contains(what) && !error.to_string().contains('{'), "{error}");
    }
    // The same sizes and settings, and other numbers to scale by.
    let mut other = prepared("");
    other.preprocessing.factor[1] *= 2.0;
    let error = train_with(&toy(0), &other, None, run.resume().unwrap(), &mut (), &AtomicBool::new(false)).unwrap_err();
    assert!(error.to_string().contains("the sum of the scaling's numbers"), "{error}");
    let other = prepared("training.seed = 9");
    let resume = run.resume().unwrap();
    assert!(train_with(&toy(0), &other, Some(&run), resume, &mut (), &AtomicBool::new(false)).is_err());
    assert_eq!(run.config().unwrap(), first.config, "a refusal leaves the run's configuration as it was");
}

#[test]
fn what_may_change_between_two_parts_of_a_run_does_and_old_checkpoints_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let first = prepared("training.epochs = 2");
    let run = RunDirectory::create(folder.path().join("run"), &first.config).unwrap();
    quietly(&first, Some(&run)).unwrap();
    let mut resume = run.resume().unwrap().unwrap();
    for state in [&mut resume.last.state, &mut resume.best.as_mut().unwrap().state] {
        assert!(state.settings.take().is_some());
        assert!(!serde_json::to_string(state).unwrap().contains("settings"), "as older versions wrote it");
    }
    let other = prepared(
        "training = { learning_rate = 0.002, clip = 1.0, threads = 3, schedule = { kind = \"plateau\", patience = 1, factor = 0.5 }, \
         early_stopping = { patience = 9 } }",
    );
    for resume in [run.resume().unwrap(), Some(resume)] {
        let outcome = train_with(&toy(0), &other, Some(&run), resume, &mut (), &AtomicBool::new(false)).unwrap();
        assert_eq!(outcome.history.len(), 6);
        assert!(run.resume().unwrap().unwrap().last.state.settings.is_some());
    }
}

#[test]
fn early_stopping_ends_the_run_and_keeps_the_best() {
    let patient = "training.epochs = 200\ntraining.learning_rate = 1e-3\ntraining.early_stopping = { patience = 3, min_delta = 1e-3 }";
    let outcome = quietly(&prepared(patient), None).unwrap();
    assert_eq!(outcome.end, End::StoppedEarly);
    let totals: Vec<f64> = outcome.history.iter().map(EpochRecord::watched).collect();
    assert!(totals.len() < 200 && totals.len() > 4, "{totals:?}");
    let best = totals.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(totals[outcome.best_epoch - 1], best);
    assert!(outcome.history[outcome.best_epoch - 1].is_best);
    // The watched total must not have fallen by min_delta in any of the last three epochs.
    let before = totals[..totals.len() - 3].iter().copied().fold(f64::INFINITY, f64::min);
    assert!(totals[totals.len() - 3..].iter().all(|t| *t > before - 2e-3));
    // The best parameters, not the last ones, are what the model holds.
    let mut engine = toy(0)(
        outcome.model.parameters(),
        outcome.model.objective(),
        prepared(patient).config.training.optimiser,
        None,
        1,
    )
    .unwrap();
    let p = prepared(patient);
    let again = measure(
        engine.as_mut(),
        outcome.model.objective(),
        p.measured_validation(),
        0,
        contractive_core::random::Purpose::ValidationPenalty,
    )
    .unwrap();
    // Judged by the exact penalty, where probes estimate it in training.
    let (_, square) = jacobian_means(engine.as_mut(), p.measured_validation(), &p.group()).unwrap();
    let objective = outcome.model.objective();
    assert_eq!(Terms::combine(objective, again.reconstruction, square, again.sparsity).total, best);
    assert_eq!(EarlyStopping { patience: Some(3), min_delta: 1e-3 }, p.config.training.early_stopping.unwrap());
}

#[test]
fn means_weigh_the_short_last_batch_by_its_rows() {
    // A rate too small to move anything: the epoch's mean is that of all rows at the initial parameters.
    let still = "training.learning_rate = 1e-300\nobjective.noise = \"none\"\nobjective.penalty = \"none\"\n\
                 training.epochs = 1\ndata.scale = \"none\"\n";
    let prepared = prepared(still);
    let outcome = quietly(&prepared, None).unwrap();
    let centre = &outcome.model.parameters().values()[outcome.model.parameters().len() - 3..];
    let mut rows = Vec::new();
    prepared.reader().gather(&prepared.train_rows, &mut rows);
    let sum: f64 = rows.iter().enumerate().map(|(i, x)| f64::from(centre[i % 3] - x).powi(2)).sum();
    let mean = sum / prepared.train_rows.len() as f64;
    let got = outcome.history[0].train.reconstruction;
    assert!((got - mean).abs() < 1e-5 * mean, "{got} {mean}");
    assert_eq!(outcome.history[0].step, 6);
    let dropped = quietly(&self::prepared("training.keep_last_partial_batch = false"), None).unwrap();
    assert_eq!(dropped.history[0].step, 5);
}

#[test]
fn without_validation_the_training_total_is_watched() {
    let outcome = quietly(&prepared("data.validation = 0.0"), None).unwrap();
    assert!(outcome.history.iter().all(|r| r.validation.is_none() && r.watched() == r.train.total));
    assert!(outcome.history.iter().all(|r| r.jacobian_norm > 0.0 && r.jacobian_square > 0.0));
}

#[test]
fn a_validation_that_takes_every_row_is_refused_with_what_to_change() {
    let config = TrainConfig::from_toml("t", "data.validation = 0.6").unwrap();
    let error = Prepared::new(&config, Dataset::from_f32("t", 2, vec![0.5, 0.5]).unwrap(), None).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`data.validation` = 0.6 takes all 1 rows"), "{text}");
}

#[test]
fn rows_outside_the_unit_interval_are_refused_for_a_cross_entropy() {
    let config = TrainConfig::from_toml("t", "objective.loss = \"bce\"\ndata.scale = \"none\"").unwrap();
    let data = || Dataset::from_f32("t", 2, vec![0.5, 0.5, 0.5, 1.5, 0.1, 0.2, 0.9, 0.4, 0.3, 0.3]).unwrap();
    let error = Prepared::new(&config, data(), None).unwrap_err();
    assert!(error.to_string().contains("row 1, column 1 is 1.5"), "{error}");
    let config = TrainConfig::from_toml("t", "objective.loss = \"bce\"\ndata.scale = \"standard\"").unwrap();
    assert!(Prepared::new(&config, data(), None).is_err());
    let config = TrainConfig::from_toml("t", "objective.loss = \"bce\"").unwrap();
    assert!(Prepared::new(&config, data(), None).unwrap().preprocessing.clip);
}

#[test]
fn the_schedule_sees_the_watched_total_and_moves_the_learning_rate() {
    let prepared =
        prepared("training.schedule = { kind = \"plateau\", patience = 1, factor = 0.5 }\ntraining.epochs = 12");
    let history = quietly(&prepared, None).unwrap().history;
    let schedule = prepared.config.training.schedule;
    let mut state = contractive_core::schedule::ScheduleState::default();
    for (i, record) in history.iter().enumerate() {
        assert_eq!(record.learning_rate, 0.01 * schedule.factor(&state, i, 12));
        schedule.observe(&mut state, record.watched());
    }
    assert!(history[11].learning_rate < history[0].learning_rate, "the total must have waited at least once");
}
