//! Pictures that a detector has scored: how the scores are spread, and the pictures that score highest with their maps.

use askama::Template;

use super::assembly::assemble_with;
use super::error::ReportError;
use super::header::{Header, headline};
use super::number::{count, grouped, percent, significant};
use super::picture::uri;
use super::table_scores::{Bars, Called};
use crate::error::FigureError;
use crate::record::images::{ImagesRecord, ShownPicture};

/// Bars say something of so many pictures.
const FEWEST_BARS: usize = 5;

/// One self-contained HTML file of pictures: the spread of their scores beside those in training, and those that score
/// highest, outlined, with their heat maps. The same record gives the same bytes.
///
/// # Errors
/// [`ReportError`] where something cannot be drawn.
pub fn images_html(record: &ImagesRecord) -> Result<String, ReportError> {
    let panels = vec![("worst", "Highest scores", worst(record)?), ("scores", "Scores", scores(record)?)];
    let note = "Scores are in units of patches of ordinary pictures: 0 is the usual one, 1 what one in twenty has.";
    assemble_with(&record.name, header(record)?, panels, env!("CARGO_PKG_VERSION"), note)
}

fn header(record: &ImagesRecord) -> Result<String, FigureError> {
    let n = record.scores.len();
    let share = percent(record.anomalies as f64 / n.max(1) as f64);
    let pictures = match (record.is_training, record.is_held_out) {
        (true, true) => format!("of {} given for training, held out", grouped(record.n_training)),
        (true, false) => "all given for training".to_owned(),
        _ => "scored".to_owned(),
    };
    let figures = vec![
        headline("pictures", grouped(n), pictures),
        headline("above the threshold", grouped(record.anomalies), format!("{share} of these pictures")),
        headline("threshold", significant(record.threshold, 4), record.rule.to_string()),
        headline("an odd pixel", format!("> {}", significant(record.pixel_level, 3)), "outlined below".into()),
    ];
    let trained = format!("trained on {}", count(record.n_training, "picture"));
    let line = format!("{}: patches of {}; {trained}", record.place, record.looked_at);
    Ok(Header { name: record.name.clone(), line, figures, advice: record.notes.clone() }.render()?)
}

/// A picture on the page.
struct Tile {
    name: String,
    score: String,
    probability: String,
    is_anomaly: bool,
    outlined: String,
    heat: String,
}

impl Tile {
    fn new(shown: &ShownPicture) -> Self {
        let drawn = |png: &[u8]| if png.is_empty() { String::new() } else { uri(png) };
        Tile {
            name: shown.name.clone(),
            score: significant(shown.score, 4),
            probability: percent(shown.probability),
            is_anomaly: shown.is_anomaly,
            outlined: drawn(&shown.outlined),
            heat: drawn(&shown.heat),
        }
    }
}

#[derive(Template)]
#[template(path = "panel/images_worst.html")]
struct WorstPanel {
    tiles: Vec<Tile>,
    n: String,
    is_training: bool,
    level: String,
}

fn worst(record: &ImagesRecord) -> Result<String, FigureError> {
    let panel = WorstPanel {
        tiles: record.shown.iter().map(Tile::new).collect(),
        n: count(record.scores.len(), "picture"),
        is_training: record.is_training,
        level: significant(record.pixel_level, 3),
    };
    Ok(panel.render()?)
}

#[derive(Template)]
#[template(path = "panel/images_scores.html")]
struct ScoresPanel {
    rule: String,
    is_training: bool,
    chart: String,
    beyond: String,
}

fn scores(record: &ImagesRecord) -> Result<String, FigureError> {
    let (mut chart, mut beyond) = (String::new(), String::new());
    if record.scores.len() >= FEWEST_BARS && !record.training_scores.is_empty() {
        let bars = Bars::new([&record.scores, &record.training_scores], record.threshold);
        chart = bars
            .chart(record.threshold, Called { these: "these pictures", training: "in training", unit: "pictures" })?;
        let above = record.scores.iter().filter(|score| **score > bars.high()).count();
        if above > 0 {
            let most = significant(record.scores.last().copied().unwrap_or(0.0), 4);
            beyond = format!("{} beyond the right end of the bars, up to {most}.", count(above, "picture"));
        }
    }
    Ok(ScoresPanel { rule: record.rule.to_string(), is_training: record.is_training, chart, beyond }.render()?)
}
