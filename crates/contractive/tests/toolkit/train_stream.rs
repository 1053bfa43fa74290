//! Training on rows that stay in their file: the same bits whatever the format, after a stop, and as from memory.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use contractive::config::{Layer, TrainConfig};
use contractive::data::{self, FileOptions};
use contractive::train::TrainError;
use contractive::{EpochRecord, Observer, Outcome, Prepared, RunDirectory, train};
use contractive_table::{Column, Frame, FrameWriter, TableError, Values};

use crate::run_support::{bits, interrupted, timeless, whole};

const D: usize = 6;

/// Rows on a curve, as f32 holds them.
fn frame(n: usize) -> Frame {
    let at = |row: usize, column: usize| {
        let t = row as f32 * 0.021;
        f64::from(0.5 + 0.45 * (t * (1.0 + column as f32 * 0.3) + column as f32).sin())
    };
    let column =
        |j: usize| Column { name: format!("f{j}"), values: Values::Numbers((0..n).map(|row| at(row, j)).collect()) };
    Frame { first_row: 0, columns: (0..D).map(column).collect() }
}

fn write(path: &Path, frame: &Frame) {
    let mut writer = FrameWriter::create(path, &frame.fields()).unwrap();
    writer.write(frame).unwrap();
    writer.finish().unwrap();
}

fn file(folder: &tempfile::TempDir, name: &str, n: usize) -> PathBuf {
    let path = folder.path().join(name);
    write(&path, &frame(n));
    path
}

fn prepared(path: &Path, text: &str) -> Result<Prepared, TrainError> {
    let base = format!(
        "data.spec = {:?}\nmodel.hidden = [8, 3]\ntraining = {{ epochs = 3, batch_size = 32, threads = 2 }}\n",
        path.display().to_string()
    );
    let layers = [base.as_str(), text].map(|text| Layer::from_text("test", text).unwrap());
    let config = TrainConfig::layered(&TrainConfig::default(), &layers).unwrap();
    if config.data.stream {
        return Prepared::streamed(&config, path);
    }
    let label_column = config.data.label_column.clone();
    let options = FileOptions { rows: config.data.rows, label_column, ..FileOptions::default() };
    Prepared::new(&config, data::load(path, &options)?, None)
}

fn streamed(path: &Path, text: &str) -> Prepared {
    prepared(path, &format!("data.stream = true\n{text}")).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn in_the_order_of_the_file_a_stream_gives_the_bits_of_memory() {
    let folder = tempfile::tempdir().unwrap();
    for keep in [true, false] {
        for name in ["t.npy", "t.csv", "t.parquet"] {
            let path = file(&folder, name, 1000);
            let same = "data.validation = 0.0\ntraining.shuffle = false\ndata.scale = \"minmax\"\n";
            let same = format!("{same}training.keep_last_partial_batch = {keep}");
            let memory = whole(&prepared(&path, &same).unwrap());
            let stream = whole(&streamed(&path, &same));
            assert_eq!(bits(&stream), bits(&memory), "{name}");
            let totals = |outcome: &Outcome| outcome.history.iter().map(|record| record.train).collect::<Vec<_>>();
            assert_eq!(totals(&stream), totals(&memory), "{name}");
        }
    }
}

#[test]
fn a_held_out_row_that_scaling_makes_too_large_is_refused_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let outcomes = (0..12).map(|huge| {
        let at =
            |row: usize| if row == huge { 2_f32.powi(120).to_string() } else { (3e-4 * (row % 2) as f32).to_string() };
        let cells: String = (0..12).map(|row| format!("{}\n", at(row))).collect();
        std::fs::write(&path, format!("a\n{cells}")).unwrap();
        prepared(&path, "data = { stream = true, validation = 0.4, scale = \"standard\" }")
            .map(|p| p.n_validation_rows())
    });
    let (fine, refused): (Vec<_>, Vec<_>) = outcomes.partition(Result::is_ok);
    assert!(refused.len() > 1 && refused.len() == *fine[0].as_ref().unwrap(), "{fine:?} {refused:?}");
    for error in refused.into_iter().filter_map(Result::err) {
        assert!(matches!(error, TrainError::Columns(_)) && error.to_string().contains("1.3"), "{error}");
    }
}

#[test]
fn every_format_streams_to_the_same_bits_and_the_loss_falls() {
    let folder = tempfile::tempdir().unwrap();
    let text = "data.shuffle_rows = 100\ntraining.epochs = 8";
    let run = |name: &str| whole(&streamed(&file(&folder, name, 1500), text));
    let first = run("t.npy");
    let totals: Vec<f64> = first.history.iter().map(EpochRecord::watched).collect();
    assert!(totals[7] < 0.8 * totals[0], "{totals:?}");
    for name in ["t.csv", "t.csv.gz", "t.parquet", "t.arrow"] {
        let outcome = run(name);
        assert_eq!(bits(&outcome), bits(&first), "{name}");
        assert_eq!(timeless(&outcome.history), timeless(&first.history), "{name}");
    }
    let other = whole(&streamed(&folder.path().join("t.npy"), "data.shuffle_rows = 200\ntraining.epochs = 8"));
    assert_ne!(bits(&other), bits(&first), "another buffer is another order");
}

#[test]
fn rows_are_held_out_by_their_place_alone() {
    let folder = tempfile::tempdir().unwrap();
    let held_out = |prepared: &Prepared| {
        let mut rows = vec![0.0; prepared.validation_rows().len() * D];
        prepared.data().fill(prepared.validation_rows(), &mut rows);
        rows
    };
    let whole = streamed(&file(&folder, "t.npy", 1000), "");
    let first = streamed(&file(&folder, "t.npy", 1000), "data.rows = 400");
    assert_eq!(whole.n_training_rows() + whole.n_validation_rows(), 1000);
    assert_eq!(first.n_training_rows() + first.n_validation_rows(), 400);
    assert!((60..140).contains(&whole.n_validation_rows()));
    assert!(held_out(&whole).starts_with(&held_out(&first)));
    assert_ne!(held_out(&streamed(&folder.path().join("t.npy"), "training.seed = 1")), held_out(&whole));
}

#[test]
fn a_stream_that_is_stopped_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "t.parquet", 1000);
    let prepared = streamed(&path, "data.shuffle_rows = 64\nobjective.noise = { kind = \"masking\", share = 0.3 }");
    let expected = whole(&prepared);
    // 29 steps an epoch, or near: within the first epoch, at the end of one, within the last.
    let steps = prepared.n_training_rows().div_ceil(32);
    for stop_at in [5, steps, steps + 1, 2 * steps + 7] {
        let place = folder.path().join(format!("run{stop_at}"));
        let run = interrupted(&prepared, &place, stop_at);
        let again = Prepared::streamed(&run.config().unwrap(), &path).unwrap();
        let outcome = train(&again, Some(&run), run.resume().unwrap(), &mut (), &AtomicBool::new(false)).unwrap();
        assert_eq!(bits(&outcome), bits(&expected), "{stop_at}");
        assert_eq!(timeless(&outcome.history), timeless(&expected.history), "{stop_at}");
    }
}

#[test]
fn a_file_that_changes_meanwhile_stops_the_run() {
    let folder = tempfile::tempdir().unwrap();
    for n in [700, 1300] {
        let path = file(&folder, "t.csv", 1000);
        let prepared = streamed(&path, "data.shuffle_rows = 10");
        write(&path, &frame(n));
        let error = train(&prepared, None, None, &mut (), &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(error, TrainError::Changed { .. }), "{error}");
    }
}

/// Does something to the file after the first epoch.
struct After<'a>(&'a dyn Fn());

impl Observer for After<'_> {
    fn on_epoch(&mut self, record: &EpochRecord) -> ControlFlow<()> {
        if record.epoch == 1 {
            self.0();
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn another_file_of_the_same_size_stops_the_run_and_the_last_checkpoint_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (file(&folder, "t.csv", 1000), folder.path().join("other.csv"));
    let text = std::fs::read_to_string(&path).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let turned: String = std::iter::once(header).chain(rows.lines().rev()).flat_map(|line| [line, "\n"]).collect();
    assert!(turned.len() == text.len() && turned != text);
    let rewrite = || std::fs::write(&path, &turned).unwrap();
    let replace = || {
        std::fs::write(&other, &text).unwrap();
        std::fs::rename(&other, &path).unwrap();
    };
    for (name, change) in [("rewritten", &rewrite as &dyn Fn()), ("replaced", &replace)] {
        let prepared = streamed(&path, "training.epochs = 50\ndata.shuffle_rows = 10");
        let config = prepared.config().clone();
        let run = RunDirectory::create(folder.path().join(name), &config).unwrap();
        let error = train(&prepared, Some(&run), None, &mut After(change), &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(&error, TrainError::Changed { path: of } if *of == path), "{name}: {error}");
        assert!(error.to_string().contains("t.csv was changed"), "{error}");
        let last = run.resume().unwrap().expect("a checkpoint of the epochs before").last;
        assert!((1..50).contains(&last.state.epoch), "{name}: {}", last.state.epoch);
    }
}

#[test]
fn what_cannot_be_streamed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: &Path, text: &str| prepared(path, &format!("data.stream = true\n{text}")).unwrap_err();
    let absent = refused(&folder.path().join("absent.npy"), "");
    assert!(matches!(absent, TrainError::Data(TableError::Io { .. })), "{absent:?}");
    let path = folder.path().join("t.csv");
    std::fs::write(&path, "a,b,c\n1,x,2\n2,y,3\n").unwrap();
    let text = refused(&path, "").to_string();
    assert!(text.contains("column `b` must be numbers"), "{text}");
    let missing = refused(&path, "data.label_column = \"d\"");
    assert!(matches!(missing, TrainError::Data(TableError::MissingColumns { .. })), "{missing:?}");
    std::fs::write(&path, "a,b\n1,2\n1,\n3,4\n").unwrap();
    let text = refused(&path, "").to_string();
    assert!(text.contains("line 3, column `b`"), "{text}");
    let path = file(&folder, "t.npy", 3);
    let text = refused(&path, "data.validation = 0.999999").to_string();
    assert!(text.contains("nothing to train on"), "{text}");
    let path = folder.path().join("wide.csv");
    std::fs::write(&path, "a,b\n0,1\n0.5,3\n1,1\n").unwrap();
    let text = refused(&path, "objective.loss = \"bce\"\ndata.scale = \"none\"").to_string();
    assert!(text.contains("row 1, column 1"), "{text}");
}
