//! Rows of a table over the feature index, each with its reconstruction, or with its tangents.

use plotters::backend::DrawingBackend;

use crate::axis::{Axis, extent};
use crate::colour::{BLUE, FRAME, GREEN, Rgb, VERMILION};
use crate::error::{FigureError, check_length};
use crate::page::{Align, Direction, Figure, Page, Writing, draw_png};
use crate::panel::{
    BODY, Curve, PlotArea, SMALL, Stroke, draw_axes, draw_curve, draw_legend, draw_x_labels, draw_y_title, plain,
    widest_label,
};
use crate::png::check_size;
use crate::typeface::{fitted, text_width};

/// Pixels a point.
const UNIT: f64 = 2.0;
const WIDTH: f64 = 800.0;
/// Height of one row's panel and of the space below it.
const PANEL: f64 = 110.0;
const BETWEEN: f64 = 16.0;
const ABOVE: f64 = 38.0;
/// Widest feature name; longer ones are cut.
pub(crate) const LONGEST_NAME: f64 = 120.0;

/// A PNG, 1600 pixels wide, with one panel a row: the original as a solid line over the feature index, its
/// reconstruction dashed. All panels share the feature axis; each has its own value axis. Values that are not finite
/// leave a gap.
///
/// **Shapes.** `originals`, `reconstructions`: (n_rows, n_features), row-major; `names`: n_features, written along the
/// axis in place of the index.
///
/// # Errors
/// [`FigureError::Empty`] where a size is 0, [`FigureError::Length`] where a slice does not fit the sizes,
/// [`FigureError::NothingFinite`] where no value of any row is finite, [`FigureError::Size`] past about 38 rows.
pub fn profile_grid(
    originals: &[f32],
    reconstructions: &[f32],
    n_rows: usize,
    n_features: usize,
    names: Option<&[String]>,
) -> Result<Vec<u8>, FigureError> {
    for (what, values) in [("originals", originals), ("reconstructions", reconstructions)] {
        check_length(what, "n_rows × n_features", values.len(), &[n_rows, n_features])?;
    }
    let drawn =
        [("original", originals, BLUE, Stroke::Solid), ("reconstruction", reconstructions, VERMILION, Stroke::Dashed)];
    let series = drawn.map(|(name, values, colour, stroke)| Series {
        name: name.to_owned(),
        values: wide(values),
        colour,
        stroke,
    });
    let titles = (1..=n_rows).map(|row| format!("row {row}")).collect();
    Sheet { series: series.into(), titles, n_features, names }.png()
}

/// A PNG as [`profile_grid`]'s, with one panel a row of a table: its first tangents over the feature index, at most three.
///
/// **Shapes.** `tangents`: (rows, k, n_features), row-major; `rows`: the rows' numbers, as the panels name them.
///
/// # Errors
/// As [`profile_grid`].
pub fn tangent_profiles(
    tangents: &[f32],
    rows: &[usize],
    k: usize,
    n_features: usize,
    names: Option<&[String]>,
) -> Result<Vec<u8>, FigureError> {
    check_length("tangents", "rows × k × n_features", tangents.len(), &[rows.len(), k, n_features])?;
    let drawn = [(BLUE, Stroke::Solid), (VERMILION, Stroke::Dashed), (GREEN, Stroke::Dotted)];
    let of = |j: usize| -> Vec<f32> {
        tangents.chunks_exact(k * n_features).flat_map(|row| &row[j * n_features..][..n_features]).copied().collect()
    };
    let series = drawn.into_iter().take(k).enumerate().map(|(j, (colour, stroke))| {
        let name = format!("tangent {}", j + 1);
        Series { name, values: wide(&of(j)), colour, stroke }
    });
    let titles = rows.iter().map(|row| format!("row {row}")).collect();
    Sheet { series: series.collect(), titles, n_features, names }.png()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// Height of the longest of some names, written upright.
pub(crate) fn name_height(names: &[String]) -> f64 {
    names.iter().map(|name| text_width(&fitted(name, SMALL, LONGEST_NAME), SMALL)).fold(0.0, f64::max)
}

/// One curve of every panel.
struct Series {
    name: String,
    /// (panels, n_features).
    values: Vec<f64>,
    colour: Rgb,
    stroke: Stroke,
}

struct Sheet<'a> {
    series: Vec<Series>,
    /// One a panel.
    titles: Vec<String>,
    n_features: usize,
    names: Option<&'a [String]>,
}

impl Figure for Sheet<'_> {
    fn draw<DB: DrawingBackend>(&self, page: &mut Page<DB>) -> Result<(), FigureError> {
        let features: Vec<f64> = (0..self.n_features).map(|feature| feature as f64).collect();
        let x_axis = self.feature_axis();
        let panel = |row: usize| {
            let place = row * self.n_features..(row + 1) * self.n_features;
            let values = self.series.iter().flat_map(|series| &series.values[place.clone()]);
            let (low, high) = extent(values.copied()).unwrap_or((0.0, 1.0));
            let curves = self.series.iter().map(|series| Curve {
                name: &series.name,
                values: &series.values[place.clone()],
                colour: series.colour,
                stroke: series.stroke,
            });
            (curves.collect::<Vec<Curve>>(), Axis::linear(low, high, 4))
        };
        let rows: Vec<_> = (0..self.titles.len()).map(panel).collect();
        let left = 10.0 + BODY + 14.0 + rows.iter().map(|(_, axis)| widest_label(axis)).fold(0.0, f64::max) + 8.0;
        let mut last = None;
        for (row, (curves, y_axis)) in rows.iter().enumerate() {
            let top = ABOVE + row as f64 * (PANEL + BETWEEN);
            let frame = PlotArea { left, top, right: WIDTH - 24.0, bottom: top + PANEL };
            draw_axes(page, &frame, &x_axis, y_axis)?;
            for curve in curves {
                draw_curve(page, &frame, (&x_axis, y_axis), &features, curve)?;
            }
            draw_y_title(page, &frame, 10.0 + BODY, &self.titles[row], y_axis.scale)?;
            if row == 0 {
                draw_legend(page, &frame, curves)?;
            }
            last = Some(frame);
        }
        let Some(frame) = last else { return Ok(()) };
        match self.names {
            None => draw_x_labels(page, &frame, &x_axis, "feature index"),
            Some(names) => draw_names(page, &frame, &x_axis, names),
        }
    }
}

impl Sheet<'_> {
    fn png(&self) -> Result<Vec<u8>, FigureError> {
        if let Some(names) = self.names.filter(|names| names.len() != self.n_features) {
            let (expected, got) = (self.n_features, names.len());
            return Err(FigureError::Length { what: "names", sizes: "n_features", expected, got });
        }
        if extent(self.series.iter().flat_map(|series| &series.values).copied()).is_none() {
            let length = self.series.iter().map(|series| series.values.len()).max().unwrap_or(0);
            return Err(FigureError::NothingFinite { what: "originals", length });
        }
        let below = self.names.map_or(54.0, |names| name_height(names) + BODY + 24.0);
        let height = ABOVE + below + self.titles.len() as f64 * (PANEL + BETWEEN) - BETWEEN;
        let (png_w, png_h) = check_size((WIDTH * UNIT) as usize, (height * UNIT).ceil() as usize, 1)?;
        draw_png(self, png_w, png_h, UNIT)
    }

    /// Ticks at round indices, or at as many features as have room for an upright name.
    fn feature_axis(&self) -> Axis {
        let last = (self.n_features - 1) as f64;
        Axis::whole_numbers(0.0, last, if self.names.is_some() { 36 } else { 12 })
    }
}

/// Writes names upright under their ticks.
fn draw_names<DB: DrawingBackend>(
    page: &mut Page<DB>,
    frame: &PlotArea,
    axis: &Axis,
    names: &[String],
) -> Result<(), FigureError> {
    for tick in &axis.ticks {
        if let (Some(share), Some(name)) = (axis.place(tick.value), names.get(tick.value as usize)) {
            let x = frame.left + share * (frame.right - frame.left);
            page.rule((x, frame.bottom), (x, frame.bottom + 4.0), 1.0, FRAME)?;
            let writing = plain(x + SMALL * 0.36, frame.bottom + 8.0, SMALL, Align::Right);
            let name = fitted(name, SMALL, LONGEST_NAME);
            page.write(&name, &Writing { direction: Direction::Upwards, ..writing })?;
        }
    }
    let middle = (frame.left + frame.right) / 2.0;
    let below = frame.bottom + name_height(names) + 12.0 + BODY;
    page.write("feature", &plain(middle, below, BODY, Align::Centre))
}
