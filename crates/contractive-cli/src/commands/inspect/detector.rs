//! `cae inspect` of a detector: what it was trained on, what it looks at, and where a score becomes an anomaly.

use std::collections::BTreeMap;

use contractive_anomaly::detector::{Detector, TERM_NAMES};
use contractive_anomaly::series::SeriesSpec;
use serde::Serialize;

use crate::detectors::AnyDetector;
use crate::introduction::network;
use crate::numbers::{count, grouped, percent, significant};
use crate::table::pairs;

/// Names written out in words.
const SHOWN: usize = 12;

/// A detector in words and numbers.
#[derive(Serialize)]
pub(super) struct DetectorRecord<'a> {
    /// `detector` or `series_detector`.
    kind: &'static str,
    training_rows: usize,
    /// What it was trained on, and by which version.
    data: String,
    version: String,
    /// Columns of a table by what they are for; none of bare rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<Columns>,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<&'a SeriesSpec>,
    networks: usize,
    architecture: &'a contractive_core::Architecture,
    contraction: f64,
    /// What is known of the training rows of a table; detectors of earlier versions were not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    purity: Option<&'static str>,
    score: &'static str,
    /// Of the terms of the combined score that count.
    weights: BTreeMap<&'static str, f64>,
    threshold: f64,
    rule: String,
    share_above: f64,
}

#[derive(Serialize)]
struct Columns {
    features: Vec<String>,
    keys: Vec<String>,
    label: Option<String>,
    constant: Vec<String>,
    scale: &'static str,
}

impl<'a> DetectorRecord<'a> {
    /// `None` of a detector of pictures, which has a record of its own.
    pub(super) fn of(any: &'a AnyDetector) -> Option<Self> {
        let detector: &Detector = match any {
            AnyDetector::Table(detector) => detector,
            AnyDetector::Series(detector) => detector.windows(),
            AnyDetector::Images(_) => return None,
        };
        let model = detector.first_model();
        let provenance = model.provenance();
        let series = match any {
            AnyDetector::Series(detector) => Some(detector.spec()),
            AnyDetector::Table(_) | AnyDetector::Images(_) => None,
        };
        let columns = detector.encoding().map(|encoding| Columns {
            features: encoding.source_names(),
            keys: encoding.key_names(),
            label: encoding.label_name().map(str::to_owned),
            constant: encoding.constant_names(),
            scale: encoding.scale().name(),
        });
        Some(DetectorRecord {
            kind: if series.is_some() { "series_detector" } else { "detector" },
            training_rows: any.n_training_rows(),
            data: provenance.data.clone(),
            version: provenance.version.clone(),
            columns,
            series,
            networks: detector.models().count(),
            architecture: model.architecture(),
            contraction: detector.settings().contraction,
            score: detector.settings().score.name(),
            purity: (series.is_none() && detector.has_training_rows()).then(|| detector.settings().purity.name()),
            weights: TERM_NAMES.into_iter().zip(detector.weights()).filter(|(_, weight)| *weight > 0.0).collect(),
            threshold: any.threshold(),
            rule: any.rule().to_string(),
            share_above: any.share_above(any.threshold()),
        })
    }

    pub(super) fn in_words(&self) -> String {
        let of_what = if self.series.is_some() { "timestamp" } else { "row" };
        let mut lines = vec![
            (
                "detector",
                format!("of the {of_what}s of {}", if self.series.is_some() { "a time series" } else { "a table" }),
            ),
            (
                "trained on",
                format!("{} of {}, by version {}", count(self.training_rows, of_what), self.data, self.version),
            ),
        ];
        if let Some(series) = self.series {
            lines.push(("values", listed(&series.values)));
            let time =
                series.time.as_ref().map_or_else(|| "rows are counted".into(), |time| format!("time in `{time}`"));
            if !series.series_key.is_empty() {
                lines.push(("series", format!("told apart by {}", listed(&series.series_key))));
            }
            lines.push(("windows", format!("{} rows, {time}; normalised: {}", series.window, series.normalise)));
        }
        if let Some(columns) = &self.columns {
            lines.push(("columns", format!("{}; scale {}", listed(&columns.features), columns.scale)));
            for (name, names) in [("keys", &columns.keys), ("constant", &columns.constant)] {
                if !names.is_empty() {
                    lines.push((name, listed(names)));
                }
            }
            lines.extend(columns.label.as_ref().map(|label| ("label", format!("{label}, not looked at"))));
        }
        lines.push(("networks", format!("{} of {}", self.networks, network(self.architecture))));
        lines.push(("contraction", significant(self.contraction, 4)));
        let weights: Vec<String> =
            self.weights.iter().map(|(term, weight)| format!("{term} {}", percent(*weight))).collect();
        lines.extend(self.purity.map(|purity| ("rows are", purity.to_owned())));
        lines.push(("score", format!("{}; weights of combined: {}", self.score, weights.join(", "))));
        let above = (self.share_above * self.training_rows as f64).round() as usize;
        lines.push((
            "threshold",
            format!(
                "{} ({}): {} of {} training {of_what}s above it",
                significant(self.threshold, 5),
                self.rule,
                grouped(above),
                grouped(self.training_rows)
            ),
        ));
        pairs(&lines)
    }
}

fn listed(names: &[String]) -> String {
    match names {
        _ if names.len() <= SHOWN => names.join(", "),
        [first, .., last] => format!("{} columns, {first} to {last}", names.len()),
        _ => String::new(),
    }
}
