//! Units that never move, and units at a bound.

use crate::record::RunRecord;
use askama::Template;

use super::number::{count, percent};
use crate::error::FigureError;

struct LayerRow {
    name: String,
    activation: String,
    units: usize,
    dead: usize,
    is_bad: bool,
    zero: String,
    saturation: String,
    /// Width of a bar of living units, 0 to 100.
    living: String,
}

#[derive(Template)]
#[template(path = "panel/units.html")]
struct UnitsPanel {
    rows: String,
    part: String,
    layers: Vec<LayerRow>,
    dead_code: usize,
    code: usize,
}

pub(super) fn panel(record: &RunRecord) -> Result<String, FigureError> {
    let dead = record.activity.dead();
    let phis = &record.architecture.encoder_activations;
    let depth = dead.len();
    let layers = record.activity.layers.iter().zip(&dead).zip(phis).enumerate().map(|(l, ((layer, dead), phi))| {
        let units = layer.deviation.len();
        let share = *dead as f64 / units.max(1) as f64;
        let zero = layer.zero.iter().sum::<f64>() / units.max(1) as f64;
        LayerRow {
            name: if l + 1 == depth { "code".to_owned() } else { format!("layer {}", l + 1) },
            activation: phi.to_string(),
            units,
            dead: *dead,
            is_bad: share > 0.2,
            zero: percent(zero),
            saturation: layer.saturation.map_or_else(|| "no bounds".to_owned(), percent),
            living: format!("{:.0}", 100.0 * (1.0 - share)),
        }
    });
    let (rows, part) = (count(record.activity.rows, "row"), record.part.to_string());
    let dead_code = dead.last().copied().unwrap_or(0);
    let layers = layers.collect();
    Ok(UnitsPanel { rows, part, layers, dead_code, code: record.architecture.code_size() }.render()?)
}
