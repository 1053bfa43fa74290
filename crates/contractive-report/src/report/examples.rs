//! Originals over their reconstructions.

use crate::record::{Example, RunRecord};
use askama::Template;

use super::number::{count, significant};
use super::picture;
use crate::error::FigureError;

/// Examples a group.
const GROUP: usize = 10;

struct Tile {
    original: String,
    reconstruction: String,
    difference: String,
    name: String,
    error: String,
}

struct Profile {
    original: String,
    reconstruction: String,
    difference: String,
    zero: f64,
    name: String,
    error: String,
}

#[derive(Template)]
#[template(path = "panel/images.html")]
struct ImagesPanel {
    part: String,
    shown: String,
    groups: Vec<Vec<Tile>>,
    worst: Option<(String, String)>,
    are_whole: bool,
    is_colour: bool,
}

#[derive(Template)]
#[template(path = "panel/profiles.html")]
struct ProfilesPanel {
    part: String,
    shown: String,
    features: usize,
    of: usize,
    profiles: Vec<Profile>,
}

/// The panel; empty without examples.
pub(super) fn panel(record: &RunRecord) -> Result<String, FigureError> {
    let examples = &record.examples;
    if examples.rows.is_empty() {
        return Ok(String::new());
    }
    let what = if examples.are_whole { "picture" } else { "row" };
    let (part, shown) = (record.part.to_string(), count(examples.rows.len(), what));
    let Some(shape) = examples.picture_shape else {
        let profiles = profiles(record);
        let features = examples.rows[0].original.len();
        let of = record.architecture.input_size();
        return Ok(ProfilesPanel { part, shown, features, of, profiles }.render()?);
    };
    let mut tiles = Vec::new();
    for example in &examples.rows {
        tiles.push(Tile {
            original: picture::bright(&example.original, shape)?,
            reconstruction: picture::bright(&example.reconstruction, shape)?,
            difference: picture::signed(&difference(example), shape, 1.0)?,
            name: name(record, example),
            error: significant(example.error, 2),
        });
    }
    let worst = examples.rows.iter().filter(|e| e.error.is_finite()).max_by(|a, b| a.error.total_cmp(&b.error));
    let worst = worst.map(|example| (name(record, example), significant(example.error, 2)));
    let mut groups = Vec::new();
    let mut rest = tiles.into_iter().peekable();
    while rest.peek().is_some() {
        groups.push(rest.by_ref().take(GROUP).collect());
    }
    let (are_whole, is_colour) = (examples.are_whole, shape.channels == 3);
    Ok(ImagesPanel { part, shown, groups, worst, are_whole, is_colour }.render()?)
}

fn name(record: &RunRecord, example: &Example) -> String {
    example.label.map_or_else(String::new, |label| record.class_name(label))
}

/// Reconstruction less original.
fn difference(example: &Example) -> Vec<f32> {
    example.original.iter().zip(&example.reconstruction).map(|(x, x_hat)| x_hat - x).collect()
}

/// Profiles in a box of 300 × 110, all on one vertical axis.
fn profiles(record: &RunRecord) -> Vec<Profile> {
    let rows = &record.examples.rows;
    let all = rows.iter().flat_map(|row| row.original.iter().chain(&row.reconstruction));
    let (low, high) = super::chart::range(all.map(|v| f64::from(*v)).chain([0.0]));
    let high = if high > low { high } else { low + 1.0 };
    let y = |value: f64| 105.0 - 100.0 * ((value - low) / (high - low)).clamp(0.0, 1.0);
    let path = |values: &[f32]| {
        let step = 296.0 / values.len().saturating_sub(1).max(1) as f64;
        let finite = values.iter().enumerate().filter(|(_, value)| value.is_finite());
        let point = |(i, value): (usize, &f32)| format!("{:.1},{:.1}", 2.0 + step * i as f64, y(f64::from(*value)));
        finite.map(point).collect::<Vec<_>>().join(" ")
    };
    rows.iter()
        .map(|row| Profile {
            original: path(&row.original),
            reconstruction: path(&row.reconstruction),
            difference: path(&difference(row)),
            zero: y(0.0),
            name: name(record, row),
            error: significant(row.error, 2),
        })
        .collect()
}
