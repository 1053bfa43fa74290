//! Laws of detectors of time series.

mod files;
mod gaps;
mod planes;
mod rotation;

use std::io::Write;
use std::sync::OnceLock;

use proptest::prelude::*;

use super::windows::window_into;
use super::*;
use crate::detector::ScoreOptions;
use contractive::data::Dataset;
use contractive_table::TextOptions;

const MINUTE: u64 = 60;

/// `n` rows of a wave in two columns, one a minute, with a spike at `spike`.
fn text(n: usize, spike: Option<usize>) -> String {
    let mut text = String::from("time,load,heat,odd\n");
    for i in 0..n {
        let t = i as f64 * 0.4;
        let wobble = 0.05 * (t * 13.7).sin();
        let away = if Some(i) == spike { 6.0 } else { 0.0 };
        let odd = u8::from(Some(i) == spike);
        text +=
            &format!("{},{:.5},{:.5},{odd}\n", i as u64 * MINUTE, t.sin() + wobble + away, (t * 0.5).cos() + wobble);
    }
    text
}

fn read(text: &str, columns: &SeriesColumns) -> Result<Series, SeriesError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.csv");
    std::fs::write(&path, text).unwrap();
    Series::read(&path, columns)
}

fn columns() -> SeriesColumns {
    SeriesColumns { time: Some("time".into()), labels: Some("odd".into()), ..Default::default() }
}

fn series(n: usize, spike: Option<usize>) -> Series {
    read(&text(n, spike), &columns()).unwrap()
}

fn quick() -> DetectorSettings {
    let threshold = SeriesDetector::DEFAULT_THRESHOLD;
    DetectorSettings { ensemble: 2, steps: Some(60), threshold, ..Default::default() }
}

fn trained_with(window: usize, stride: usize, normalise: Normalise, credit: Credit) -> SeriesDetector {
    let series = series(160, None);
    let spec = SeriesSpec { window, stride, normalise, credit, ..SeriesSpec::new("time", series.names.clone()) };
    SeriesDetector::train(&series, &spec, &quick(), &TrainOptions::default()).unwrap()
}

/// Detectors of several windows and strides; each is trained once.
fn trained() -> &'static [SeriesDetector] {
    static DETECTORS: OnceLock<Vec<SeriesDetector>> = OnceLock::new();
    DETECTORS.get_or_init(|| {
        [
            (8, 1, Normalise::None, Credit::Part),
            (7, 3, Normalise::Mean, Credit::Window),
            (9, 2, Normalise::None, Credit::Both),
            (6, 6, Normalise::Standard, Credit::Part),
        ]
        .into_iter()
        .map(|(window, stride, normalise, credit)| trained_with(window, stride, normalise, credit))
        .collect()
    })
}

#[test]
fn a_spike_stands_out_at_its_own_timestamp() {
    let detector = &trained()[0];
    let series = series(200, Some(120));
    let scores = detector.score(&series, 2).unwrap();
    let highest = (0..200).max_by(|a, b| scores.score[*a].total_cmp(&scores.score[*b])).unwrap();
    assert_eq!(highest, 120);
    assert!(scores.label[120] && scores.probability[120] > 0.99);
    let anomalies = series.anomalies(None).unwrap().unwrap();
    let evaluation = evaluation::evaluate_series(detector, &series, &scores, &anomalies);
    assert_eq!((evaluation.rows, evaluation.anomalies, evaluation.anomaly_ranges), (200, 1, 1));
    assert_eq!(evaluation.auroc.unwrap().value, 1.0);
    assert_eq!(evaluation.recall.unwrap().value, 1.0);
    assert!(evaluation.vus_pr.unwrap() > 0.2, "{evaluation:?}");
}

#[test]
fn the_threshold_leaves_its_share_of_the_training_timestamps_above() {
    let series = series(160, None);
    let mut detector = trained()[0].clone();
    detector.set_threshold(ThresholdRule::Contamination { share: 0.1 }).unwrap();
    assert_eq!(detector.score(&series, 1).unwrap().label.iter().filter(|l| **l).count(), 16);
    assert!(detector.set_threshold(ThresholdRule::Quantile { p: 7.0 }).is_err());
}

/// The definition, window by window.
fn by_definition(detector: &SeriesDetector, series: &Series) -> Vec<f64> {
    let spec = detector.spec();
    let v = spec.values.len();
    let mut sums = vec![(0.0, 0.0); series.len()];
    let mut total = 0.0;
    let mut windows = 0.0;
    for start in spec.starts(series.len()) {
        let mut numbers = Vec::new();
        let rows = &series.values[start * v..][..spec.window * v];
        window_into(rows, v, spec.normalise, &detector.scales, &mut numbers);
        let data = Dataset::from_f64("w", spec.n_features(), numbers).unwrap();
        let scores = detector.windows().score(&data, &ScoreOptions { contributions: true, threads: 1 }).unwrap();
        total += scores.score[0];
        windows += 1.0;
        let (of_planes, by_spans) = scores.of_planes(0).unwrap();
        let rest_of_window = scores.score[0] - of_planes.iter().sum::<f64>();
        for (t, parts) in scores.contributions_of(0).unwrap().chunks_exact(v).enumerate() {
            let of_row = |parts: &[f64]| spec.window as f64 * parts.iter().sum::<f64>();
            let of_planes = of_row(&of_planes[t * v..][..v]);
            sums[start + t].0 += match spec.credit {
                Credit::Window => scores.score[0],
                Credit::Part => of_row(parts),
                Credit::Both => {
                    let rest = 0.8 * rest_of_window + 0.2 * (of_row(parts) - of_planes);
                    rest + of_row(&by_spans[t * v..][..v])
                }
            };
            sums[start + t].1 += 1.0;
        }
    }
    // Either way they are on the scale of the windows' scores.
    let all: f64 = sums.iter().map(|s| s.0).sum();
    assert!((all / spec.window as f64 - total).abs() < 1e-6 * (1.0 + total.abs()), "{all} {total} {windows}");
    sums.iter().map(|(sum, n)| sum / n).collect()
}

#[test]
fn scores_are_their_definition() {
    for detector in trained() {
        let series = series(61, Some(30));
        let scores = detector.score(&series, 2).unwrap();
        assert_eq!(scores.score, by_definition(detector, &series));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_timestamp_is_covered(n in 0_usize..300, window in 2_usize..40, stride in 1_usize..40) {
        let spec = SeriesSpec { window, stride: stride.min(window), ..SeriesSpec::new("t", vec!["x".into()]) };
        spec.check().unwrap();
        let starts = spec.starts(n);
        prop_assert_eq!(starts.is_empty(), n < window);
        let mut covered = vec![false; n];
        for start in &starts {
            covered[*start..start + window].fill(true);
        }
        prop_assert!(n < window || covered.iter().all(|c| *c));
        prop_assert!(starts.is_sorted_by(|a, b| a < b));
        prop_assert!(starts.last().is_none_or(|last| last + window == n));
    }

    #[test]
    fn following_gives_the_scores_of_the_whole_to_the_bit(
        n in 9_usize..120, which in 0_usize..4, cuts in prop::collection::vec(1_usize..20, 0..40), threads in 1_usize..3,
    ) {
        let detector = &trained()[which];
        let series = series(n, Some(n / 2));
        let whole = detector.score(&series, 1).unwrap();
        let mut follower = detector.follow("followed", threads);
        let (mut got, mut at) = (Vec::new(), 0);
        for cut in cuts {
            let end = (at + cut).min(n);
            let rows = follower.push(&series.moments[at..end], &series.values[at * 2..end * 2]).unwrap();
            at = end;
            // Each row once, in order, never before its windows are whole.
            prop_assert!(rows.iter().all(|row| (row.row as usize) < at));
            got.extend(rows);
            prop_assert_eq!(follower.provisional().count() == 0, at < detector.spec().window || got.len() == at);
        }
        got.extend(follower.push(&series.moments[at..], &series.values[at * 2..]).unwrap());
        got.extend(follower.finish().unwrap());
        prop_assert_eq!(got.len(), n);
        for (i, row) in got.iter().enumerate() {
            prop_assert_eq!(row.row, i as u64);
            prop_assert_eq!(row.score.to_bits(), whole.score[i].to_bits());
        }
    }
}

#[test]
fn short_series_wrong_rows_and_holes_are_named() {
    let detector = &trained()[0];
    let error = detector.score(&series(7, None), 1).unwrap_err().to_string();
    assert!(error.contains("7 rows") && error.contains("8 rows long"), "{error}");
    assert!(detector.follow("x", 1).push(&series(1, None).moments, &[1.0]).is_err());
    let hole = "time,load,heat,odd\n0,1,2,0\n60,,2,0\n";
    let error = read(hole, &columns()).unwrap_err().to_string();
    assert!(error.contains("line 3, column `load`"), "{error}");
    let filled = read(hole, &SeriesColumns { missing: Missing::Previous, ..columns() }).unwrap();
    assert_eq!((filled.values.as_slice(), filled.filled), (&[1.0, 2.0, 1.0, 2.0][..], 1));
    let error = read("time,load,heat,odd\n0,,2,0\n", &SeriesColumns { missing: Missing::Previous, ..columns() });
    assert!(error.unwrap_err().to_string().contains("line 2"));
    let error = read("time,load,odd\nx,1,0\n", &columns()).unwrap_err().to_string();
    assert!(error.contains("line 2, column `time`"), "{error}");
    let error = read("time,load,odd\n0,1e300,0\n", &columns()).unwrap_err().to_string();
    assert!(error.contains("1e300") && error.contains("below 1e150"), "{error}");
    assert!(read("time,load\n0,1\n", &columns()).unwrap_err().to_string().contains("odd"));
    let error = read("time,odd\n0,0\n", &columns()).unwrap_err().to_string();
    assert!(error.contains("no column of numbers"), "{error}");
    let few = series(12, None);
    let spec = SeriesSpec { window: 8, ..SeriesSpec::new("time", few.names.clone()) };
    let error = SeriesDetector::train(&few, &spec, &quick(), &TrainOptions::default()).unwrap_err().to_string();
    assert!(error.contains("at least 10 rows") && error.contains("windows"), "{error}");
    for (window, stride) in [(1, 1), (8, 0), (8, 9), (usize::MAX, 1)] {
        assert!(SeriesSpec { window, stride, ..spec.clone() }.check().is_err(), "{window} {stride}");
    }
    assert!(SeriesSpec::new("t", vec!["t".into()]).check().is_err());
    assert!(SeriesSpec::new("t", vec![]).check().is_err());
}

#[test]
fn windows_are_normalised_column_by_column() {
    let rows = [1.0, 10.0, 3.0, 10.0];
    let of = |normalise| {
        let mut out = Vec::new();
        window_into(&rows, 2, normalise, &[5.0, 400.0], &mut out);
        out
    };
    assert_eq!(of(Normalise::None), [1.0, 10.0, 3.0, 10.0]);
    assert_eq!(of(Normalise::Mean), [-1.0, 0.0, 1.0, 0.0]);
    assert_eq!(of(Normalise::Standard), [-1.0, 0.0, 1.0, 0.0]);
    let names = SeriesSpec { window: 2, ..SeriesSpec::new("t", vec!["a".into(), "b".into()]) }.feature_names();
    assert_eq!(names, ["a[t-1]", "b[t-1]", "a[t]", "b[t]"]);
}

#[test]
fn each_series_is_judged_by_its_own_times() {
    let columns = SeriesColumns { time: Some("t".into()), series_key: vec!["k".into()], ..Default::default() };
    // The clock of `a` is set back; `b` has one time twice.
    let a = ["01:00", "02:55", "02:00", "03:00"].map(|t| format!("2013-12-07 {t}:00,a,1"));
    let b = ["05:00", "05:00", "06:00", "07:00"].map(|t| format!("2013-12-07 {t}:00,b,1"));
    let series = read(&format!("t,k,x\n{}\n{}\n", a.join("\n"), b.join("\n")), &columns).unwrap();
    let pace = series.pace(None);
    assert_eq!((pace.set_back.count, pace.duplicates.count), (1, 1));
}

/// What is the same of all series is not asked of each: ten times as many would take a hundred times as long.
#[test]
fn many_short_series_take_no_pass_each() {
    let columns = SeriesColumns { series_key: vec!["k".into()], labels: None, ..columns() };
    let rows = (0..40_000).map(|i| format!("{i},a{i},1\n")).collect::<String>();
    let series = read(&format!("time,k,load\n{rows}"), &columns).unwrap();
    let began = std::time::Instant::now();
    let spec = SeriesSpec { window: 4, ..SeriesSpec::new("time", vec!["load".into()]) };
    assert_eq!(series.n_windows(&spec), 0);
    assert!(began.elapsed().as_secs() < 5, "counting windows took {:?}", began.elapsed());
    // Every one with its times twice, so that each looks like several.
    let rows = (0..2000).map(|i| format!("0,a{i},1\n0,a{i},1\n60,a{i},1\n")).collect::<String>();
    let text = format!("time,k,load\n{rows}");
    let began = std::time::Instant::now();
    assert_eq!(read(&text, &columns).unwrap().tracks.len(), 2000);
    assert!(began.elapsed().as_secs() < 8, "reading took {:?}", began.elapsed());
}

#[test]
fn a_column_named_is_read_though_pandas_wrote_it_as_the_row_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.parquet");
    let index = contractive_table::Values::Integers((0..9).map(|i| Some(i * 60)).collect());
    let load = contractive_table::Values::Numbers((0..9).map(f64::from).collect());
    let columns = [("__index_level_0__", index), ("load", load)]
        .map(|(name, values)| contractive_table::Column { name: name.into(), values });
    let frame = contractive_table::Frame { first_row: 0, columns: columns.into() };
    let mut writer = contractive_table::FrameWriter::create(&path, &frame.fields()).unwrap();
    writer.write(&frame).unwrap();
    writer.finish().unwrap();
    let columns = SeriesColumns { time: Some("__index_level_0__".into()), ..Default::default() };
    assert_eq!(Series::read(&path, &columns).unwrap().stamps[1], "60");
}

#[test]
fn a_line_is_named_below_the_header_that_was_told() {
    let text = TextOptions { header: Some(true), ..TextOptions::default() };
    let columns = SeriesColumns { time: Some("1".into()), text, ..Default::default() };
    let error = read("1,2\n60,1\n120,1\n180,1\n0,2\n", &columns).unwrap_err().to_string();
    assert!(error.contains("line 5"), "{error}");
}

#[test]
fn a_growing_file_gives_the_rows_of_the_whole_however_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.csv");
    std::fs::write(&path, "").unwrap();
    let detector = &trained()[0];
    let mut growing = Growing::open(&path, detector).unwrap();
    assert_eq!(growing.poll().unwrap(), Growth::default());
    let whole = text(40, None);
    let mut file = std::fs::File::options().append(true).open(&path).unwrap();
    let (mut stamps, mut moments, mut values) = (Vec::new(), Vec::new(), Vec::new());
    // Pieces that end within lines, cells and the header.
    for piece in whole.as_bytes().chunks(11) {
        file.write_all(piece).unwrap();
        let growth = growing.poll().unwrap();
        assert_eq!(growth.values.len(), growth.stamps.len() * 2);
        stamps.extend(growth.stamps);
        moments.extend(growth.moments);
        values.extend(growth.values);
    }
    let series = Series::read(&path, &detector.columns(None)).unwrap();
    assert_eq!((&stamps, &moments, &values), (&series.stamps, &series.moments, &series.values));
    file.write_all(b"2400,1.0").unwrap();
    assert!(growing.poll().unwrap().stamps.is_empty() && growing.is_within_line());
    file.write_all(b",2.0,0\n3000,1.0,x,0\n").unwrap();
    let error = growing.poll().unwrap_err().to_string();
    assert!(error.contains("line 43") && error.contains("`heat`"), "{error}");
}

/// A quote within a cell opens none, as for the reader of the whole file.
#[test]
fn a_quote_within_a_cell_holds_back_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.csv");
    let notes = ["a 5\" pipe", "\"two\nlines\"", "\"a 5\"\" pipe\"", "5\"", "\"a\" and \"b", "none"];
    let rows = (0..60).map(|i| format!("{},{i}.5,{},{}\r\n", i as u64 * MINUTE, 2 * i, notes[i % notes.len()]));
    let whole = format!("\u{feff}\"time\",load,heat,note\n{}", rows.collect::<String>());
    let detector = &trained()[0];
    std::fs::write(&path, &whole).unwrap();
    let series = Series::read(&path, &detector.columns(None)).unwrap();
    assert_eq!(Growing::open(&path, detector).unwrap().poll().unwrap().values, series.values);
    std::fs::write(&path, "").unwrap();
    let (mut growing, mut values) = (Growing::open(&path, detector).unwrap(), Vec::new());
    let mut file = std::fs::File::options().append(true).open(&path).unwrap();
    for piece in whole.as_bytes().chunks(7) {
        file.write_all(piece).unwrap();
        values.extend(growing.poll().unwrap().values);
    }
    assert_eq!((values.len(), values), (120, series.values));
    assert!(!growing.is_within_line());
}

#[test]
fn a_growing_file_is_spelled_as_the_table_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.csv");
    let mut detector = trained()[0].clone();
    for (header, decimal, first_lines) in [
        (None, Some(','), "sep=;\r\ntime;load;heat\r\n"),
        (None, None, "time;load;heat\n"),
        (Some(false), Some(','), ""),
    ] {
        detector.spec.text = TextOptions { header, decimal, thousands: decimal.map(|_| '.') };
        if header == Some(false) {
            (detector.spec.time, detector.spec.values) = (Some("1".into()), vec!["2".into(), "3".into()]);
        }
        let thousands = if decimal.is_some() { "1.234,5" } else { "1234,5" };
        std::fs::write(&path, format!("{first_lines}60;{thousands};-0,25\n120;7;1,5\n")).unwrap();
        let growth = Growing::open(&path, &detector).unwrap().poll().unwrap();
        let series = Series::read(&path, &detector.columns(None)).unwrap();
        assert_eq!(growth.values, [1234.5, -0.25, 7.0, 1.5], "{first_lines}");
        assert_eq!((growth.stamps, growth.values), (series.stamps, series.values));
    }
    detector.spec.text = TextOptions::default();
    std::fs::write(&path, "sep=;\n60;1,5;2\n").unwrap();
    assert!(Growing::open(&path, &detector).unwrap().poll().unwrap_err().to_string().contains("line 2"));
    detector.spec.text = TextOptions { decimal: Some(','), ..TextOptions::default() };
    (detector.spec.time, detector.spec.values) = (Some("time".into()), vec!["load".into(), "heat".into()]);
    std::fs::write(&path, "sep=;\ntime;load;heat\n60;1,5;x\n").unwrap();
    let error = Growing::open(&path, &detector).unwrap().poll().unwrap_err().to_string();
    assert!(error.contains("line 3") && error.contains("`heat`"), "{error}");
}

#[test]
fn what_is_no_growing_table_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.csv");
    let message = |growing: &mut Growing| growing.poll().unwrap_err().to_string();
    std::fs::write(&path, "1,2\n").unwrap();
    assert!(message(&mut Growing::open(&path, &trained()[0]).unwrap()).contains("line 1"));
    std::fs::write(&path, "time,load\n1,2\n").unwrap();
    assert!(message(&mut Growing::open(&path, &trained()[0]).unwrap()).contains("lacks heat"));
    assert!(Growing::open(folder.path().join("x.parquet"), &trained()[0]).is_err());
}

#[test]
fn a_detector_of_fewer_windows_than_overlap_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.csv");
    let rows: String = (0..160).map(|i| format!("{}\n", (0.3 * f64::from(i)).sin())).collect();
    std::fs::write(&path, format!("x\n{rows}")).unwrap();
    let columns = SeriesColumns { values: Some(vec!["x".into()]), ..SeriesColumns::default() };
    let series = Series::read(&path, &columns).unwrap();
    let spec = SeriesSpec { time: None, window: 100, ..SeriesSpec::new("", vec!["x".into()]) };
    let detector = SeriesDetector::train(&series, &spec, &quick(), &TrainOptions::default()).unwrap();
    detector.save(folder.path().join("d")).unwrap();
    let again = SeriesDetector::load(folder.path().join("d")).unwrap();
    assert_eq!(again.score(&series, 1).unwrap(), detector.score(&series, 2).unwrap());
}
