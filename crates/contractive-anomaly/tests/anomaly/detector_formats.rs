//! The same rows have the same scores, to the bit, whatever file they come from and whatever else is in the call.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use crate::table_support::joined;
use contractive_anomaly::Detector;
use contractive_anomaly::detector::{
    DetectorSettings, EncodingOptions, FrameScorer, MissingRule, ScoreKind, ScoreOptions, ScoredFrame, TrainOptions,
    TrainingTable,
};
use contractive_table::{Column, Frame, FrameReader, FrameWriter, ReadOptions, Values};

/// Rows of two numbers that go together, a category, one number for all, and a key; holes in numbers and categories.
fn mixed(n: usize) -> Frame {
    let t = |i: usize| 0.7 * i as f64;
    let numbers = |cell: &dyn Fn(usize) -> f64| Values::Numbers((0..n).map(cell).collect());
    let texts = |cell: &dyn Fn(usize) -> Option<String>| Values::Text((0..n).map(cell).collect());
    let columns = [
        ("key", texts(&|i| Some(format!("{i:05}é")))),
        ("a", numbers(&|i| if i % 9 == 4 { f64::NAN } else { t(i).sin() })),
        ("b", numbers(&|i| 3e7 * t(i).sin() + 1e5 * (9.1 * t(i)).cos())),
        ("kind", texts(&|i| (i % 11 != 3).then(|| if t(i).sin() > 0.0 { "up, left" } else { "down" }.to_owned()))),
        ("same", numbers(&|_| 5.0)),
    ];
    Frame { first_row: 0, columns: columns.map(|(name, values)| Column { name: name.into(), values }).into() }
}

fn written(folder: &Path, name: &str, frame: &Frame) -> PathBuf {
    let path = folder.join(name);
    let mut writer = FrameWriter::create(&path, &frame.fields()).unwrap();
    writer.write(frame).unwrap();
    writer.finish().unwrap();
    path
}

fn trained(path: &Path, keys: &[&str], score: ScoreKind) -> Detector {
    let keys = keys.iter().map(|&key| key.to_owned()).collect();
    let options = EncodingOptions { keys, missing: MissingRule::Mask, ..EncodingOptions::default() };
    let table = TrainingTable::read(path, &options).unwrap();
    let settings = DetectorSettings { ensemble: 2, steps: Some(60), score, ..DetectorSettings::default() };
    Detector::train_table(table, &settings, &TrainOptions::default()).unwrap()
}

const EXPLAINED: ScoreOptions = ScoreOptions { contributions: true, threads: 1 };

fn scored(detector: &Detector, path: &Path) -> ScoredFrame {
    let (scorer, frames) = FrameScorer::open(detector, path, &Default::default(), None).unwrap();
    let frame = joined(frames.collect::<Result<_, _>>().unwrap());
    scorer.score(&frame, &EXPLAINED).unwrap()
}

fn bits(frame: &ScoredFrame) -> Vec<u64> {
    let scores = &frame.scores;
    let all = scores.score.iter().chain(&scores.probability).chain(scores.contributions.iter().flatten());
    all.map(|x| x.to_bits()).collect()
}

#[test]
fn text_and_typed_tables_give_the_same_detector_and_scores() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["t.csv", "t.csv.gz", "t.tsv", "t.parquet", "t.arrow"];
    let paths = names.map(|name| written(folder.path(), name, &mixed(300)));
    let mut expected: Option<Vec<u64>> = None;
    for trained_on in &paths {
        let detector = trained(trained_on, &["key"], ScoreKind::Combined);
        for path in &paths {
            let got = bits(&scored(&detector, path));
            assert!(*expected.get_or_insert_with(|| got.clone()) == got, "{trained_on:?} {path:?}");
        }
    }
    assert_eq!(expected.unwrap().len(), 300 * (2 + 3));
}

#[test]
fn arrays_of_numbers_score_as_tables_of_numbers_do() {
    let folder = tempfile::tempdir().unwrap();
    let mixed = mixed(300);
    let column =
        |name: &str, from: &str| Column { name: name.into(), values: mixed.column(from).unwrap().values.clone() };
    let frame = Frame { first_row: 0, columns: vec![column("1", "a"), column("2", "b")] };
    let names = ["t.parquet", "t.arrow", "t.npy"];
    let mut paths: Vec<PathBuf> = names.map(|name| written(folder.path(), name, &frame)).into();
    // CSV without a header, as numpy's savetxt writes it, from a row without a hole on.
    let csv = std::fs::read_to_string(written(folder.path(), "named.csv", &frame)).unwrap();
    paths.push(folder.path().join("t.csv"));
    std::fs::write(&paths[3], csv.split_once('\n').unwrap().1).unwrap();
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("X.npy", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(&std::fs::read(&paths[2]).unwrap()).unwrap();
    paths.push(folder.path().join("t.npz"));
    std::fs::write(&paths[4], archive.finish().unwrap().into_inner()).unwrap();
    let mut expected: Option<Vec<u64>> = None;
    for trained_on in &paths {
        let detector = trained(trained_on, &[], ScoreKind::Combined);
        for path in &paths {
            let got = bits(&scored(&detector, path));
            assert!(*expected.get_or_insert_with(|| got.clone()) == got, "{trained_on:?} {path:?}");
        }
    }
}

#[test]
fn parts_of_a_masked_table_add_up_and_no_row_looks_at_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "t.parquet", &mixed(300));
    let mut new = mixed(60);
    // A value never seen, another constant, and rows with nothing but a number or a category.
    let Values::Text(kinds) = &mut new.columns[3].values else { panic!() };
    kinds[7] = Some("sideways".into());
    kinds[8] = None;
    let Values::Numbers(same) = &mut new.columns[4].values else { panic!() };
    same[9] = 6.0;
    for (column, row) in [(1, 10), (2, 10), (2, 8)] {
        let Values::Numbers(cells) = &mut new.columns[column].values else { panic!() };
        cells[row] = f64::NAN;
    }
    let reversed = Frame {
        first_row: 0,
        columns: new.columns.iter().map(|c| Column { name: c.name.clone(), values: turned(&c.values) }).collect(),
    };
    let paths = [("new.csv", &new), ("back.csv", &reversed)].map(|(name, f)| written(folder.path(), name, f));
    for kind in ScoreKind::ALL {
        let detector = trained(&path, &["key"], kind);
        let whole = scored(&detector, &paths[0]);
        assert_eq!((whole.unseen_cells, whole.changed_cells), (1, 1), "{kind:?}");
        for r in 0..60 {
            let (score, parts) = (whole.scores.score[r], whole.scores.contributions_of(r).unwrap());
            let sum: f64 = parts.iter().sum();
            assert_eq!(parts.len(), 3, "a category has one part");
            assert!((sum - score).abs() < 1e-9 * (1.0 + score.abs()), "{kind:?} row {r}: {sum} {score}");
            for (j, column) in [1, 2, 3].into_iter().enumerate() {
                assert!(parts[j] == 0.0 || !new.columns[column].values.is_missing(r), "{kind:?} row {r}: {parts:?}");
            }
        }
        let back = scored(&detector, &paths[1]);
        let options = ReadOptions { chunk_rows: 1, ..ReadOptions::default() };
        let (scorer, _) = FrameScorer::open(&detector, &paths[0], &Default::default(), None).unwrap();
        for (r, frame) in FrameReader::open(&paths[0], &options).unwrap().enumerate() {
            let alone = scorer.score(&frame.unwrap(), &EXPLAINED).unwrap();
            let of = |frame: &ScoredFrame, r: usize| {
                let parts: Vec<u64> = frame.scores.contributions_of(r).unwrap().iter().map(|x| x.to_bits()).collect();
                (frame.scores.score[r].to_bits(), frame.scores.probability[r].to_bits(), parts)
            };
            assert!(of(&alone, 0) == of(&whole, r) && of(&back, 59 - r) == of(&whole, r), "{kind:?} row {r}");
        }
    }
}

fn turned(values: &Values) -> Values {
    match values {
        Values::Numbers(cells) => Values::Numbers(cells.iter().rev().copied().collect()),
        Values::Text(cells) => Values::Text(cells.iter().rev().cloned().collect()),
        other => other.clone(),
    }
}
