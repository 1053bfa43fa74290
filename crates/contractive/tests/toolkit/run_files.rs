//! What a run leaves on the disk, read back when it has been damaged, and the exit codes of what is refused.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use contractive::checkpoint::{Checkpoint, CheckpointError};
use contractive::config::TrainConfig;
use contractive::data::Dataset;
use contractive::model::ModelError;
use contractive::run::{RunError, default_path};
use contractive::{End, EpochRecord, Model, Observer, Prepared, RunDirectory, Trainer, train};
use proptest::prelude::*;

fn run_in(folder: &Path) -> RunDirectory {
    let text = "model.hidden = [3]\ntraining = { epochs = 2, batch_size = 8 }\n";
    let config = TrainConfig::from_toml("test", text).unwrap();
    let values = (0..80).map(|i| (i as f32).sin()).collect();
    let prepared = Prepared::new(&config, Dataset::from_f32("waves", 4, values).unwrap(), None).unwrap();
    let run = RunDirectory::create(folder.join("run"), prepared.config()).unwrap();
    train(&prepared, Some(&run), None, &mut (), &AtomicBool::new(false)).unwrap();
    run
}

fn every_file(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(every_file(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

#[test]
fn a_run_leaves_the_files_promised_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path());
    let names: Vec<String> = every_file(run.path())
        .iter()
        .map(|p| p.strip_prefix(run.path()).unwrap().to_string_lossy().replace('\\', "/"))
        .map(|name| if name.starts_with("events.out.tfevents.") { "events.out.tfevents.*".into() } else { name })
        .collect();
    assert_eq!(
        names,
        [
            "checkpoints/best.safetensors",
            "checkpoints/last.safetensors",
            "config.toml",
            "events.out.tfevents.*",
            "metrics.jsonl",
            "model/config.json",
            "model/model.safetensors"
        ]
    );
    let line = fs::read_to_string(run.metrics_file()).unwrap().lines().next().unwrap().to_owned();
    for key in ["epoch", "step", "seconds", "train", "validation", "test", "jacobian_norm", "learning_rate"] {
        assert!(line.contains(&format!("\"{key}\":")), "{line}");
    }
    let config = fs::read_to_string(run.config_file()).unwrap();
    assert!(config.contains("scale = \"standard\"") && config.contains("output_activation = \"identity\""), "{config}");
}

#[test]
fn a_place_that_is_taken_or_not_writable_is_refused_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path());
    let error = RunDirectory::create(run.path(), &TrainConfig::default()).unwrap_err();
    assert!(matches!(error, RunError::Occupied { .. }));
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    for path in [file.clone(), file.join("inside")] {
        let error = RunDirectory::create(&path, &TrainConfig::default()).unwrap_err();
        assert!(error.to_string().starts_with(&format!("cannot write {}", path.display())), "{error}");
    }
    let error = RunDirectory::open_to_write(run.path()).unwrap_err();
    assert!(matches!(error, RunError::Held { .. }), "{error}");
    drop(run);
    RunDirectory::open_to_write(folder.path().join("run")).unwrap();
    let error = RunDirectory::open(folder.path()).unwrap_err();
    assert!(error.to_string().ends_with("is not a run directory: it has no config.toml"), "{error}");
}

#[test]
fn a_run_killed_before_it_had_a_configuration_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    fs::create_dir_all(path.join("checkpoints")).unwrap();
    fs::write(path.join(".writing-abcdef"), "seed =").unwrap();
    let error = RunDirectory::open_to_write(&path).unwrap_err();
    assert!(matches!(error, RunError::NotBegun { .. }), "{error}");
    RunDirectory::create(&path, &TrainConfig::default()).unwrap();
    assert!(!path.join(".writing-abcdef").exists());
    let other = folder.path().join("other");
    fs::create_dir_all(other.join("checkpoints")).unwrap();
    fs::write(other.join("checkpoints/mine.txt"), "mine").unwrap();
    let error = RunDirectory::create(&other, &TrainConfig::default()).unwrap_err();
    assert!(matches!(error, RunError::Occupied { .. }), "{error}");
}

#[test]
fn a_damaged_metrics_line_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path());
    let text = fs::read_to_string(run.metrics_file()).unwrap();
    fs::write(run.metrics_file(), &text[..text.len() - 20]).unwrap();
    let error = run.metrics().unwrap_err();
    assert!(error.to_string().contains("metrics.jsonl, line 2: "), "{error}");
}

#[test]
fn a_model_file_is_not_a_checkpoint_and_bad_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path());
    let error = Checkpoint::load(run.model().join("model.safetensors")).unwrap_err();
    assert!(error.to_string().contains("is not a checkpoint"), "{error}");
    fs::write(run.model().join("model.safetensors"), [255; 16]).unwrap();
    assert!(matches!(Model::load(run.path()), Err(ModelError::Tensors(_))));
    assert!(matches!(Model::load(folder.path()), Err(ModelError::Read { .. })));
}

#[test]
fn names_are_made_fit_for_a_path() {
    assert_eq!(default_path(Path::new("runs"), "../a b:test", "20260101"), Path::new("runs/a-b-test-20260101"));
}

#[test]
fn no_damaged_checkpoint_panics_or_is_taken_for_whole() {
    let folder = tempfile::tempdir().unwrap();
    let written = run_in(folder.path()).last_checkpoint();
    let (whole, checkpoint) = (fs::read(&written).unwrap(), Checkpoint::load(&written).unwrap());
    let path = folder.path().join("damaged.safetensors");
    proptest!(|(at in any::<prop::sample::Index>(), byte: u8, cut: bool)| {
        let mut bytes = whole.clone();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        fs::write(&path, bytes).unwrap();
        let read = Checkpoint::load(&path);
        prop_assert!(!(cut && read.is_ok()));
        // Spaces between the header's words may change, no word and no number.
        if let Ok(read) = read {
            prop_assert_eq!(&read, &checkpoint);
        }
    });
    let mut bytes = whole.clone();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = Checkpoint::load(&path).unwrap_err();
    assert!(matches!(error, CheckpointError::Checksum { .. }), "{error}");
}

#[test]
fn a_trainer_goes_on_from_any_model_and_names_its_own_data() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<f32> = (0..400).map(|i| (i as f32 * 0.3).sin()).collect();
    let data = Dataset::from_f32("my own matrix", 4, values).unwrap();
    let config = |epochs: usize| {
        TrainConfig::from_toml(
            "test",
            &format!("model.hidden = [3]\ntraining = {{ epochs = {epochs}, learning_rate = 0.02 }}"),
        )
        .unwrap()
    };
    let first = Trainer::new(config(40)).run_directory(folder.path().join("run")).fit(&data).unwrap();
    let run = RunDirectory::open(folder.path().join("run")).unwrap();
    assert_eq!(run.config().unwrap().data.spec, "my own matrix");
    assert_eq!(Model::load(run.path()).unwrap(), first.model);
    let start = Trainer::new(config(1)).fit(&data).unwrap().history[0].train.total;
    let on = Trainer::new(config(1)).start_from(&first.model).fit(&data).unwrap();
    assert!(on.history[0].train.total < 0.9 * start, "{} {start}", on.history[0].train.total);
    let wider = TrainConfig::from_toml("test", "model.hidden = [4]\ntraining.epochs = 1").unwrap();
    let error = Trainer::new(wider).start_from(&first.model).fit(&data).unwrap_err();
    assert!(error.to_string().contains("the architecture"), "{error}");
}

/// Stops after so many epochs.
struct Until(usize);

impl Observer for Until {
    fn on_epoch(&mut self, record: &EpochRecord) -> ControlFlow<()> {
        if record.epoch == self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[test]
fn an_observer_stops_a_run() {
    let values: Vec<f32> = (0..400).map(|i| (i as f32 * 0.3).sin()).collect();
    let data = Dataset::from_f32("waves", 4, values).unwrap();
    let config = TrainConfig::from_toml("test", "model.hidden = [3]\ntraining.epochs = 9").unwrap();
    let outcome = Trainer::new(config.clone()).observer(&mut Until(2)).fit(&data).unwrap();
    assert_eq!((outcome.end, outcome.history.len()), (End::Interrupted, 2));
    let outcome = Trainer::new(config).observer(&mut Until(9)).fit(&data).unwrap();
    assert_eq!((outcome.end, outcome.history.len()), (End::Finished, 9));
}
