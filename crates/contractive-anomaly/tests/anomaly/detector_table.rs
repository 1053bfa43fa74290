//! Detectors of tables: what is promised whatever the pieces, and of missing cells.

use std::path::{Path, PathBuf};

use contractive_anomaly::Detector;
use contractive_anomaly::detector::encoding::{EncodedRows, EncodingError};
use contractive_anomaly::detector::{
    DetectorError, DetectorSettings, EncodingOptions, FrameScorer, MissingRule, ScoreKind, ScoreOptions, Scores,
    TableScale, TrainOptions, TrainingTable,
};
use contractive_table::{Column, Frame, FrameReader, ReadOptions, TableSource};

/// 300 rows of two numbers that go together, a category that goes with them, and a key; holes where `holes`.
fn table(folder: &Path, holes: bool) -> PathBuf {
    let mut text = String::from("id,a,b,kind\n");
    for i in 0..300 {
        let t = f64::from(i) * 0.7;
        let kind = if t.sin() > 0.0 { "up" } else { "down" };
        let b =
            if holes && i % 9 == 4 { String::new() } else { format!("{:.4}", 3.0 * t.sin() + 0.1 * (9.1 * t).cos()) };
        text += &format!("{i},{:.4},{b},{kind}\n", t.sin());
    }
    let path = folder.join("table.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn trained(path: &Path, missing: MissingRule, scale: TableScale) -> (Detector, EncodedRows) {
    let options = EncodingOptions { keys: vec!["id".into()], missing, scale, ..EncodingOptions::default() };
    let table = TrainingTable::read(path, &options).unwrap();
    let rows = table.rows.clone();
    let settings = DetectorSettings { ensemble: 2, steps: Some(100), ..DetectorSettings::default() };
    (Detector::train_table(table, &settings, &TrainOptions::default()).unwrap(), rows)
}

fn explained(threads: usize) -> ScoreOptions {
    ScoreOptions { contributions: true, threads }
}

fn bits(scores: &Scores) -> Vec<u64> {
    let parts = scores.contributions.iter().flatten();
    scores.score.iter().chain(&scores.probability).chain(parts).map(|x| x.to_bits()).collect()
}

#[test]
fn a_row_scores_the_same_in_any_piece_and_after_saving() {
    let folder = tempfile::tempdir().unwrap();
    let path = table(folder.path(), true);
    let (detector, rows) = trained(&path, MissingRule::Mask, TableScale::Robust);
    let whole = detector.score_encoded(&rows, &explained(2)).unwrap();
    let saved = folder.path().join("detector");
    detector.save(&saved).unwrap();
    let loaded = Detector::load(&saved).unwrap();
    assert!(loaded == detector);
    let (scorer, frames) = FrameScorer::open(&loaded, &path, &Default::default(), None).unwrap();
    assert_eq!(scorer.feature_names(), ["a", "b", "kind"]);
    let mut pieces: Option<Scores> = None;
    for frame in frames {
        let frame = frame.unwrap();
        for start in (0..frame.n_rows()).step_by(37) {
            let end = frame.n_rows().min(start + 37);
            let cut = |c: &Column| Column { name: c.name.clone(), values: c.values.slice(start..end) };
            let piece = Frame { first_row: start as u64, columns: frame.columns.iter().map(cut).collect() };
            let more = scorer.score(&piece, &explained(1)).unwrap().scores;
            match &mut pieces {
                None => pieces = Some(more),
                Some(all) => all.append(more),
            }
        }
    }
    assert_eq!(bits(&pieces.unwrap()), bits(&whole));
}

#[test]
fn a_masked_cell_has_no_part_whatever_stands_in_it_and_parts_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = table(folder.path(), true);
    for kind in ScoreKind::ALL {
        let (mut detector, rows) = trained(&path, MissingRule::Mask, TableScale::Minmax);
        detector.set_score(kind).unwrap();
        let scores = detector.score_encoded(&rows, &explained(1)).unwrap();
        let mut n_parts = 0;
        for r in 0..rows.n_rows {
            let parts = scores.contributions_of(r).unwrap();
            let sum: f64 = parts.iter().sum();
            assert!((sum - scores.score[r]).abs() < 1e-9 * (1.0 + sum.abs()), "{kind:?} {sum} {}", scores.score[r]);
            // A present cell's part may be 0 as well, where it is the column's lowest and scaled to 0.
            assert!(parts[1] == 0.0 || r % 9 != 4, "{kind:?} row {r}: {parts:?}");
            n_parts += usize::from(parts[1] != 0.0);
        }
        assert!(n_parts > 200, "{kind:?}: {n_parts} of 266 present cells have a part");
        if kind == ScoreKind::Error {
            // By hand: with all features but one left out, the mean is that one's square.
            let mut one = EncodedRows { n_rows: 1, values: rows.values[..5].to_vec(), ..EncodedRows::default() };
            let mut sum = 0.0;
            for j in 0..5 {
                one.missing = (0..5).map(|i| i != j).collect();
                sum += detector.score_encoded(&one, &explained(1)).unwrap().score[0];
            }
            one.missing.clear();
            let all = detector.score_encoded(&one, &explained(1)).unwrap().score[0];
            assert!((sum / 5.0 - all).abs() < 1e-12 * all, "{sum} {all}");
        }
    }
}

#[test]
fn a_row_of_holes_alone_has_no_score() {
    let folder = tempfile::tempdir().unwrap();
    let (detector, mut rows) = trained(&table(folder.path(), true), MissingRule::Mask, TableScale::Robust);
    rows.missing[..5].fill(true);
    let scores = detector.score_encoded(&rows, &explained(1)).unwrap();
    assert!(scores.score[0].is_nan() && scores.probability[0].is_nan() && !scores.label[0]);
    assert!(scores.score[1..].iter().all(|s| s.is_finite()));
}

#[test]
fn rows_that_do_not_fit_their_encoding_are_not_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let options = EncodingOptions { missing: MissingRule::Mask, ..EncodingOptions::default() };
    let whole = TrainingTable::read(&table(folder.path(), true), &options).unwrap();
    let refused = |change: fn(&mut EncodedRows)| {
        let mut table = whole.clone();
        change(&mut table.rows);
        let error = Detector::train_table(table, &DetectorSettings::default(), &TrainOptions::default()).unwrap_err();
        assert!(matches!(error, DetectorError::Encoding(EncodingError::Unfit(_))), "{error}");
    };
    refused(|rows| rows.missing.truncate(7));
    refused(|rows| rows.n_rows += 1);
    refused(|rows| {
        let d = rows.values.len() / rows.n_rows;
        rows.missing[..d].fill(true);
    });
}

#[test]
fn every_scaling_and_rule_tells_a_pair_that_does_not_belong_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = table(folder.path(), false);
    let odd = folder.path().join("odd.csv");
    std::fs::write(&odd, "id,a,b,kind\n1,0.9,-2.7,up\n2,0.9,2.7,up\n").unwrap();
    for scale in TableScale::ALL {
        let (detector, _) = trained(&path, MissingRule::Refuse, scale);
        let (scorer, mut frames) = FrameScorer::open(&detector, &odd, &Default::default(), None).unwrap();
        let scores = scorer.score(&frames.next().unwrap().unwrap(), &explained(1)).unwrap().scores;
        // Where most rows lie in a small part of the range (minmax) the combination tells less than the rest.
        let margin = if scale == TableScale::Minmax { 0.0 } else { 1.0 };
        assert!(scores.score[0] > scores.score[1] + margin, "{scale:?} {:?}", scores.score);
        assert!(scale == TableScale::Minmax || scores.label[0], "{scale:?} {:?}", scores.score);
    }
}

#[test]
fn a_damaged_or_foreign_encoding_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (detector, rows) = trained(&table(folder.path(), false), MissingRule::Refuse, TableScale::Robust);
    let saved = folder.path().join("detector");
    detector.save(&saved).unwrap();
    let file = saved.join("encoding.json");
    let good = std::fs::read_to_string(&file).unwrap();
    for bad in ["", "{}", &good[..good.len() / 2], &good.replace("\"name\":\"a\"", "\"name\":\"z\"")] {
        std::fs::write(&file, bad).unwrap();
        assert!(Detector::load(&saved).is_err());
    }
    let few = EncodedRows { values: rows.values[1..].to_vec(), ..rows };
    assert!(detector.score_encoded(&few, &explained(1)).is_err());
}

#[test]
fn rows_that_a_program_holds_are_a_table_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = table(folder.path(), true);
    let options =
        EncodingOptions { missing: MissingRule::Median, keys: vec!["id".into()], ..EncodingOptions::default() };
    let of_file = TrainingTable::read(&path, &options).unwrap();
    let mut frames = FrameReader::open(&path, &ReadOptions { chunk_rows: 1 << 20, ..ReadOptions::default() }).unwrap();
    let frame = frames.next().unwrap().unwrap();
    let source = TableSource::Held { name: "the rows", frame: &frame };
    let of_frame = TrainingTable::read(source, &options).unwrap();
    assert_eq!((&of_frame.rows, &of_frame.encoding), (&of_file.rows, &of_file.encoding));

    let settings = DetectorSettings { ensemble: 1, steps: Some(20), ..DetectorSettings::default() };
    let detector = Detector::train_table(of_frame, &settings, &TrainOptions::default()).unwrap();
    let scores = |source: TableSource<'_>| {
        let (scorer, frames) = FrameScorer::open(&detector, source, &Default::default(), None).unwrap();
        frames.map(|frame| scorer.score(&frame.unwrap(), &explained(1)).unwrap().scores.score).collect::<Vec<_>>()
    };
    assert_eq!(scores(source), scores((&path).into()));
    let fewer = Frame { first_row: 0, columns: frame.columns[..2].to_vec() };
    let fewer = TableSource::Held { name: "the rows", frame: &fewer };
    let error = FrameScorer::open(&detector, fewer, &Default::default(), None).err().unwrap().to_string();
    assert!(error.contains("the rows"), "{error}");
}
