//! The page of a time series: what is marked where, gaps, ranges seen closely, and its size.

use std::ops::Range;
use std::sync::OnceLock;

use contractive_anomaly::detector::{DetectorSettings, ThresholdRule, TrainOptions};
use contractive_anomaly::series::{Series, SeriesColumns, SeriesDetector, SeriesScores, SeriesSpec};
use contractive_report::{SeriesPage, series_html};

use crate::page::{HOSTILE, check_page, sections};

const NAMES: [&str; 2] = ["load", "flow"];
const VERMILION: &str = "#D55E00";

/// Waves, one column a name, with a row for each of some minutes.
fn series(minutes: impl Iterator<Item = usize>, names: &[&str], time: Option<&str>) -> Series {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect();
    let mut text = format!("time,{}\n", quoted.join(","));
    for minute in minutes {
        let (day, hour) = (1 + minute / 1440, minute / 60 % 24);
        text += &format!("2024-03-{day:02} {hour:02}:{:02}:00", minute % 60);
        (0..names.len()).for_each(|j| text += &format!(",{:.3}", (0.13 * minute as f64 + j as f64).sin()));
        text += "\n";
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pump <3>.csv");
    std::fs::write(&path, text).unwrap();
    let values = Some(names.iter().map(|name| (*name).to_owned()).collect());
    let columns = SeriesColumns { time: time.map(str::to_owned), values, ..SeriesColumns::default() };
    Series::read(&path, &columns).unwrap()
}

fn detector_of(names: &[&str], time: Option<&str>) -> SeriesDetector {
    let names_of = names.iter().map(|name| (*name).to_owned()).collect();
    let spec = SeriesSpec { window: 20, time: time.map(str::to_owned), ..SeriesSpec::new("", names_of) };
    let settings = DetectorSettings {
        ensemble: 1,
        steps: Some(10),
        threshold: ThresholdRule::Value { threshold: 2.0 },
        ..DetectorSettings::default()
    };
    let options = TrainOptions { threads: 1, ..TrainOptions::default() };
    SeriesDetector::train(&series(0..200, names, time), &spec, &settings, &options).unwrap()
}

fn detector() -> &'static SeriesDetector {
    static DETECTOR: OnceLock<SeriesDetector> = OnceLock::new();
    DETECTOR.get_or_init(|| detector_of(&NAMES, Some("time")))
}

/// Scores of 1, but in some ranges: the first of them has the highest, each in its middle. `at_fault` is the column.
fn scores(series: &Series, ranges: &[(Range<usize>, usize)]) -> SeriesScores {
    let (n, v) = (series.len(), series.names.len());
    let mut scores = SeriesScores {
        score: vec![1.0; n],
        probability: vec![0.5; n],
        label: vec![false; n],
        parts: Some(vec![1.0 / v as f64; n * v]),
    };
    for (place, (rows, column)) in ranges.iter().enumerate() {
        for row in rows.clone() {
            let peak = if row == (rows.start + rows.end) / 2 { 1.0 } else { 0.0 };
            scores.score[row] = 100.0 - place as f64 + peak;
            (scores.probability[row], scores.label[row]) = (0.999, true);
            if let Some(parts) = &mut scores.parts {
                let share = |j: usize| if j == *column { 0.8 } else { 0.2 / (v - 1) as f64 };
                (0..v).for_each(|j| parts[row * v + j] = share(j) * scores.score[row]);
            }
        }
    }
    scores
}

fn page_of(detector: &SeriesDetector, series: &Series, scores: &SeriesScores) -> String {
    let page = SeriesPage { detector, series, scores, pace: &series.pace(detector.step()), real: None };
    let html = series_html(&page).unwrap();
    assert_eq!(html, series_html(&page).unwrap(), "the same numbers, the same bytes");
    check_page(&html);
    html
}

/// The drawing of this identity.
fn drawing<'a>(html: &'a str, id: &str) -> &'a str {
    let all = html.split("<svg ").find(|svg| svg.contains(&format!("<title id=\"{id}-t\">")));
    all.and_then(|svg| svg.split("</svg>").next()).unwrap_or_else(|| panic!("no drawing {id}"))
}

/// Lines that begin with a column's colour.
fn lines(drawing: &str, colour: &str) -> usize {
    drawing.split("<polyline ").skip(1).filter(|line| line.split('>').next().unwrap().contains(colour)).count()
}

#[test]
fn a_gap_breaks_the_lines_is_shaded_and_listed() {
    let gapped = series((0..200).chain(260..500), &NAMES, Some("time"));
    let html = page_of(detector(), &gapped, &scores(&gapped, &[(10..30, 0)]));
    assert_eq!(sections(&html), ["series", "ranges"]);
    let told = "<title>no rows between 2024-03-01 03:19:00 and 2024-03-01 04:20:00: 60 steps missing</title>";
    for id in ["value-0", "value-1", "score-chart"] {
        let drawing = drawing(&html, id);
        assert!(drawing.contains(told) && drawing.matches("class=\"gap\"").count() == 1, "{id}");
        assert_eq!(lines(drawing, "#0072B2"), 2, "{id} is broken once");
    }
    assert!(html.contains("<td>2024-03-01 04:20:00</td><td>60</td>"), "listed");
    assert!(html.contains("Windows do not reach over a longer one") && html.contains("up to 2 missing steps"));
    let often = series((0..1600).filter(|minute| minute % 100 > 1), &NAMES, Some("time"));
    let html = page_of(detector(), &often, &scores(&often, &[]));
    assert_eq!(drawing(&html, "value-0").matches("class=\"gap\"").count(), 15);
    assert!(html.matches("<td>2</td>").count() == 10 && html.contains("and 5 more, none longer"));
    let paceless = series((0..600).filter(|minute| minute % 7 > 2), &NAMES, Some("time"));
    let html = page_of(detector(), &paceless, &scores(&paceless, &[]));
    assert!(!html.contains("class=\"gap\"") && html.contains("85 rows come more than 1.5 steps after the one above"));
}

#[test]
fn only_columns_at_fault_are_marked() {
    let whole = series(0..600, &NAMES, Some("time"));
    let marked = scores(&whole, &[(100..160, 0), (300..340, 0)]);
    let html = page_of(detector(), &whole, &marked);
    assert!(!drawing(&html, "value-1").contains(VERMILION) && drawing(&html, "value-1").contains("0 ranges marked"));
    let load = drawing(&html, "value-0");
    assert!(lines(load, VERMILION) == 2 && load.contains("2 ranges marked"));
    assert!(drawing(&html, "score-chart").contains("2 ranges marked"));
    assert!(html.contains("<td class=\"columns\">load 80\u{a0}%</td>"), "the share");
    assert!(html.contains("<td class=\"stamp\">2024-03-01 02:10:00</td><td>60</td><td>101.0</td>"), "its peak");
    assert!(!html.contains("UTC"), "times without a zone are those of the wall");
    let unknown = page_of(detector(), &whole, &SeriesScores { parts: None, ..marked });
    assert!(lines(drawing(&unknown, "value-1"), VERMILION) == 2, "where no column is known to be, all are marked");
    assert!(html.contains("in the columns at fault") && !unknown.contains("at fault"));
}

#[test]
fn the_highest_ranges_are_seen_closely() {
    let whole = series(0..1400, &NAMES, Some("time"));
    let twelve: Vec<(Range<usize>, usize)> = (0..12).map(|i| (100 * i + 50..100 * i + 58, i % 2)).collect();
    let html = page_of(detector(), &whole, &scores(&whole, &twelve));
    assert_eq!(html.matches("class=\"chart zoom\"").count(), 8);
    assert!(html.contains("href=\"#range-8\"") && !html.contains("href=\"#range-9\"") && html.contains(">12</th>"));
    let first = drawing(&html, "zoom-1");
    assert!(first.contains(">\nload\n<") && !first.contains("flow"), "the column at fault alone: {first}");
    assert_eq!(first.matches("class=\"hit\"").count(), 2, "the range is shaded in both frames");
    assert!(first.contains("\n03-01 01:00\n"), "{first}");
    let caption = "<b>1.</b> 2024-03-01 00:50:00 to 2024-03-01 00:57:00, 8 timestamps: highest score 101.0 at \
                   2024-03-01 00:54:00; load 80\u{a0}%<";
    assert!(html.contains(caption));
    let one = page_of(detector(), &whole, &scores(&whole, &twelve[..1]));
    assert!(one.contains("The first is drawn closely, with up to 20 rows before"));
}

#[test]
fn a_spike_of_one_row_has_a_disc_and_long_series_make_small_pages() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let detector = detector_of(&names, Some("time"));
    let long = series((0..20_000).filter(|minute| minute % 700 > 3), &names, Some("time"));
    let html = page_of(&detector, &long, &scores(&long, &[(7000..7001, 2)]));
    for id in ["value-2", "score-chart"] {
        assert_eq!(drawing(&html, id).matches("<circle").count(), 1, "{id}");
    }
    assert!(!drawing(&html, "value-0").contains("<circle"));
    // Every other row flagged, each in another column.
    let many: Vec<(Range<usize>, usize)> = (0..9000).map(|i| (2 * i..2 * i + 1, i % 8)).collect();
    let html = page_of(&detector, &long, &scores(&long, &many));
    assert!(html.len() < 1_500_000, "{}", html.len());
    assert!(html.contains("8975 more ranges"));
}

#[test]
fn hostile_names_stay_text() {
    let names = ["load", HOSTILE];
    let whole = series((0..200).chain(210..400), &names, Some("time"));
    let html = page_of(detector(), &whole, &scores(&whole, &[(100..130, 1)]));
    assert!(!html.contains("<script>alert") && !html.contains("<img src=x"));
    assert!(html.contains("<title>pump &#60;3&#62;.csv</title>") && html.contains("<h1>pump &#60;3&#62;.csv</h1>"));
    assert!(html.contains(&format!(". {}", whole.what.replace('<', "&#60;").replace('>', "&#62;"))), "the whole path");
}

#[test]
fn counted_rows_backward_files_and_scores_that_are_none_are_shown() {
    let counting = detector_of(&NAMES, None);
    let counted = series(0..300, &NAMES, None);
    let html = page_of(&counting, &counted, &scores(&counted, &[(100..140, 0)]));
    assert!(drawing(&html, "score-chart").contains("\nrow\n") && html.contains("load, flow from row 1 to 300"));
    assert!(!html.contains("reach over") && html.contains("<b>1.</b> rows 101 to 140, 40 timestamps:"));
    let forwards = series((0..150).chain(170..400), &NAMES, Some("time"));
    let mut backwards = series((170..400).rev().chain((0..150).rev()), &NAMES, Some("time"));
    backwards.what.clone_from(&forwards.what);
    let there = scores(&forwards, &[(100..120, 0), (300..301, 1)]);
    let flipped = |numbers: &[f64]| numbers.iter().rev().copied().collect::<Vec<f64>>();
    let parts = there.parts.as_ref().unwrap().chunks(2).rev().flatten().copied().collect();
    let back = SeriesScores {
        score: flipped(&there.score),
        probability: flipped(&there.probability),
        label: there.label.iter().rev().copied().collect(),
        parts: Some(parts),
    };
    let body = |html: String| html.split_once("<main>").unwrap().1.to_owned();
    assert_eq!(body(page_of(detector(), &backwards, &back)), body(page_of(detector(), &forwards, &there)));
    let mut holed = scores(&forwards, &[]);
    holed.score[50..70].fill(f64::NAN);
    let html = page_of(detector(), &forwards, &holed);
    assert!(html.contains("No timestamp is above the threshold") && !html.contains("zoom-1"));
    let short = SeriesScores { score: vec![1.0], ..holed };
    let page =
        SeriesPage { detector: detector(), series: &forwards, scores: &short, pace: &forwards.pace(None), real: None };
    assert!(series_html(&page).unwrap_err().to_string().contains("`scores` must hold 380 values"));
}
