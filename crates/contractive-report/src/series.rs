//! Rows of a table over the feature index, each with its reconstruction.

use plotters::backend::DrawingBackend;

use crate::axis::{Axis, extent};
use crate::colour::{BLUE, FRAME, VERMILION};
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
    if let Some(names) = names.filter(|names| names.len() != n_features) {
        return Err(FigureError::Length { what: "names", sizes: "n_features", expected: n_features, got: names.len() });
    }
    let widen = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<f64>>();
    let (originals, reconstructions) = (widen(originals), widen(reconstructions));
    if extent(originals.iter().chain(&reconstructions).copied()).is_none() {
        return Err(FigureError::NothingFinite { what: "originals", length: originals.len() });
    }
    let below = names.map_or(54.0, |names| name_height(names) + BODY + 24.0);
    let height = ABOVE + below + n_rows as f64 * (PANEL + BETWEEN) - BETWEEN;
    let (png_w, png_h) = check_size((WIDTH * UNIT) as usize, (height * UNIT).ceil() as usize, 1)?;
    draw_png(&Sheet { originals, reconstructions, n_features, names }, png_w, png_h, UNIT)
}

/// Height of the longest of some names, written upright.
pub(crate) fn name_height(names: &[String]) -> f64 {
    names.iter().map(|name| text_width(&fitted(name, SMALL, LONGEST_NAME), SMALL)).fold(0.0, f64::max)
}

struct Sheet<'a> {
    originals: Vec<f64>,
    reconstructions: Vec<f64>,
    n_features: usize,
    names: Option<&'a [String]>,
}

impl Figure for Sheet<'_> {
    fn draw<DB: DrawingBackend>(&self, page: &mut Page<DB>) -> Result<(), FigureError> {
        let features: Vec<f64> = (0..self.n_features).map(|feature| feature as f64).collect();
        let x_axis = self.feature_axis();
        let rows: Vec<_> = self
            .originals
            .chunks_exact(self.n_features)
            .zip(self.reconstructions.chunks_exact(self.n_features))
            .map(|(original, reconstruction)| {
                let (low, high) = extent(original.iter().chain(reconstruction).copied()).unwrap_or((0.0, 1.0));
                let curves = [
                    Curve { name: "original", values: original, colour: BLUE, stroke: Stroke::Solid },
                    Curve { name: "reconstruction", values: reconstruction, colour: VERMILION, stroke: Stroke::Dashed },
                ];
                (curves, Axis::linear(low, high, 4))
            })
            .collect();
        let left = 10.0 + BODY + 14.0 + rows.iter().map(|(_, axis)| widest_label(axis)).fold(0.0, f64::max) + 8.0;
        let mut last = None;
        for (row, (curves, y_axis)) in rows.iter().enumerate() {
            let top = ABOVE + row as f64 * (PANEL + BETWEEN);
            let frame = PlotArea { left, top, right: WIDTH - 24.0, bottom: top + PANEL };
            draw_axes(page, &frame, &x_axis, y_axis)?;
            for curve in curves {
                draw_curve(page, &frame, (&x_axis, y_axis), &features, curve)?;
            }
            draw_y_title(page, &frame, 10.0 + BODY, &format!("row {}", row + 1), y_axis.scale)?;
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
