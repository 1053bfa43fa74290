//! The first layer's weights.

use crate::record::RunRecord;
use askama::Template;

use super::number::{grouped, percent, plain, significant};
use super::picture;
use crate::error::FigureError;

/// Features listed of a table.
const MOST_FEATURES: usize = 60;

struct Tile {
    image: String,
    unit: usize,
}

#[derive(Template)]
#[template(path = "panel/filters.html")]
struct FiltersPanel {
    tiles: Vec<Tile>,
    of: usize,
    is_colour: bool,
    /// Units that never move among those shown.
    dead: usize,
}

struct FeatureRow {
    name: String,
    error: String,
    unexplained: String,
    /// Width of a bar, 0 to 100.
    bar: String,
}

#[derive(Template)]
#[template(path = "panel/features.html")]
struct FeaturesPanel {
    part: String,
    rows: Vec<FeatureRow>,
    of: String,
    worst: String,
}

/// Filters as images; for a table, how well each feature is restored.
pub(super) fn panel(record: &RunRecord) -> Result<String, FigureError> {
    let filters = &record.filters;
    let Some(shape) = filters.picture_shape else { return features(record) };
    if filters.weights.is_empty() {
        return Ok(String::new());
    }
    let deviation = record.activity.layers.first().map_or(&[][..], |layer| layer.deviation.as_slice());
    let mut tiles = Vec::new();
    for (unit, weights) in filters.units.iter().zip(&filters.weights) {
        let largest = weights.iter().fold(0.0, |largest, w| f64::max(largest, f64::from(w.abs())));
        tiles.push(Tile { image: picture::signed(weights, shape, largest)?, unit: *unit });
    }
    let dead = filters.units.iter().filter(|unit| deviation.get(**unit) == Some(&0.0)).count();
    Ok(FiltersPanel { tiles, of: filters.of, is_colour: shape.channels == 3, dead }.render()?)
}

fn features(record: &RunRecord) -> Result<String, FigureError> {
    let mut features: Vec<_> = record.features.iter().collect();
    if features.is_empty() {
        return Ok(String::new());
    }
    features.sort_by(|a, b| b.error.total_cmp(&a.error));
    let names = record.data.feature_names.as_deref().unwrap_or_default();
    let name = |index: usize| names.get(index).cloned().unwrap_or_else(|| format!("feature {}", plain(index as f64)));
    let rows = features.iter().take(MOST_FEATURES).map(|feature| {
        // A constant feature has nothing to explain.
        let share = if feature.variance > 0.0 { feature.error / feature.variance } else { f64::NAN };
        FeatureRow {
            name: name(feature.index),
            error: significant(feature.error, 3),
            unexplained: if feature.variance > 0.0 { percent(share) } else { "constant".to_owned() },
            bar: format!("{:.0}", if share.is_finite() { (100.0 * share).clamp(0.0, 100.0) } else { 0.0 }),
        }
    });
    Ok(FeaturesPanel {
        part: record.part.to_string(),
        rows: rows.collect(),
        of: grouped(features.len()),
        worst: name(features[0].index),
    }
    .render()?)
}
