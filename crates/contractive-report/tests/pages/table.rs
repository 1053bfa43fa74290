//! The page of a table that was scored: its parts, names and cells that are markup, and tables with little to show.

use contractive_anomaly::detector::drift::Moved;
use contractive_anomaly::detector::{Drift, ThresholdRule, UsualCells};
use contractive_report::record::table::{Cause, FaultyColumn, HighRow};
use contractive_report::{TableRecord, table_html};

use crate::page::{HOSTILE, check_page, sections};

fn moved(name: &str, distance: f64) -> Moved {
    let has_drifted = distance > 0.1;
    Moved { name: name.into(), distance, noise: 0.1, has_drifted, medians: Some([1.0, 2.0]), level: None, missing: 0.0 }
}

fn cause(column: &str, cell: Option<&str>, usual: Option<UsualCells>) -> Cause {
    Cause { column: column.into(), share: 0.6, cell: cell.map(str::to_owned), usual }
}

/// A thousand rows, one of them far above the others.
fn record() -> TableRecord {
    let numbers = UsualCells::Numbers { low: 19.5, middle: 104.0, high: 288.0 };
    let levels = UsualCells::Levels { levels: vec![("Oslo".into(), 0.6), ("Lyon".into(), 0.4)], others: 0.0 };
    let causes = vec![
        cause("price", Some("310"), Some(numbers)),
        cause("city", Some("Atlantis"), Some(levels)),
        cause("mood", None, None),
    ];
    let score = moved("score", 0.01);
    let columns = vec![moved("price", 0.4), moved("city", 0.02)];
    let scores: Vec<f64> = (0..1000).map(|i| f64::from(i) / 200.0).collect();
    TableRecord {
        name: "new.csv".into(),
        notes: vec!["1 cell: missing".into()],
        trained_on: ("orders.csv".into(), 2000),
        score: "combined",
        threshold: 4.05,
        rule: ThresholdRule::Contamination { share: 0.01 },
        training_scores: scores.iter().map(|score| 0.9 * score).collect(),
        scores: scores.into_iter().chain([80.0]).collect(),
        anomalies: 190,
        without_score: 0,
        keys: vec!["order".into()],
        highest: vec![HighRow {
            row: 7,
            keys: vec!["A-17".into()],
            score: 80.0,
            probability: 0.999,
            is_anomaly: true,
            causes,
        }],
        faults: vec![FaultyColumn { name: "price".into(), first: 100, share: 0.55 }],
        known_columns: [3, 3],
        drift: Drift { rows: 1001, drift: 0.4, has_drifted: true, share_above: [0.19, 0.01], score, columns },
    }
}

fn page(record: &TableRecord) -> String {
    let html = table_html(record).unwrap();
    check_page(&html);
    html
}

#[test]
fn a_table_has_every_panel_and_the_same_bytes_twice() {
    let html = page(&record());
    assert_eq!(sections(&html), ["scores", "rows", "columns", "drift"]);
    assert_eq!(table_html(&record()).unwrap(), html);
    for text in [
        "1,001",
        "19 % of the rows; 1.0 % of the training rows",
        "contamination:0.01, of the score combined",
        "The rows have drifted, most in `price`; their scores have not.",
        "scored by a detector trained on 2,000 rows of orders.csv",
        "A-17",
        "above the usual 19.5 to 288",
        "never seen in training; usual: Oslo 60 %, Lyon 40 %",
        "189 more rows above the threshold",
        "1 row beyond the right end of the bars, up to 80.00.",
        "over 190 anomalies",
        "median 2.000",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert!(!html.contains("earlier version"));
}

#[test]
fn hostile_names_and_cells_of_a_table_stay_text() {
    let mut record = record();
    let hostile = || HOSTILE.to_owned();
    record.name = hostile();
    record.notes = vec![hostile()];
    record.trained_on.0 = hostile();
    record.keys = vec![hostile()];
    record.highest[0].keys = vec![hostile()];
    let levels = UsualCells::Levels { levels: vec![(hostile(), 1.0)], others: 0.0 };
    record.highest[0].causes = vec![cause(HOSTILE, Some(HOSTILE), Some(levels))];
    record.faults[0].name = hostile();
    record.drift.columns[0] = Moved { level: Some((hostile(), 0.5, 0.1)), medians: None, ..moved(HOSTILE, 0.9) };
    let html = page(&record);
    assert!(!html.contains("<script>alert") && !html.contains("<img src=x") && !html.contains("\"'>"));
    assert!(html.matches("script&#62;alert(1)").count() >= 10);
}

#[test]
fn tables_with_little_to_show_still_have_a_page() {
    let mut none = record();
    (none.anomalies, none.faults, none.highest[0].is_anomaly) = (0, Vec::new(), false);
    let html = page(&none);
    assert!(html.contains("No row is above the threshold") && html.contains("no column at fault"), "{html}");
    let mut one = none.clone();
    one.scores = vec![-3.0];
    one.drift.rows = 1;
    assert!(page(&one).contains("1 row"));
    let mut without = none;
    (without.scores, without.highest, without.without_score) = (Vec::new(), Vec::new(), 3);
    without.drift.rows = 3;
    let html = page(&without);
    assert!(html.contains("No row has a score") && html.contains("3 without any cell"), "{html}");
    for (known, words) in [([3, 1], "earlier version"), ([3, 0], "bare rows")] {
        assert!(page(&TableRecord { known_columns: known, ..record() }).contains(words), "{words}");
    }
    let mut odd = record();
    odd.scores = vec![-1e308, 0.0, 1e308];
    odd.threshold = 1e300;
    page(&odd);
}
