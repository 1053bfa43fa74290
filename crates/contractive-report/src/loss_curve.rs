//! The losses and the penalty over the epochs of a run.

use plotters::backend::DrawingBackend;

use crate::axis::{Axis, extent, is_drawable};
use crate::colour::{BLUE, GREEN, VERMILION};
use crate::error::FigureError;
use crate::page::{Figure, Page, draw_png, draw_svg};
use crate::panel::{
    BODY, Curve, PlotArea, Stroke, draw_axes, draw_curve, draw_legend, draw_x_labels, draw_y_title, widest_label,
};
use crate::png::check_size;

/// Size in points on which the layout is made; larger pictures scale it up.
const LAYOUT: (f64, f64) = (800.0, 600.0);

/// What a run measured at each epoch. Every vector is as long as `epoch`; values that are not finite are skipped.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LossHistory {
    /// Epochs, usually 1, 2, …; whole numbers or not.
    pub epoch: Vec<f64>,
    /// Total objective on the training rows: mean over rows of loss plus weighted penalty.
    pub train_total: Vec<f64>,
    /// The same on the validation rows, if there are any.
    pub validation_total: Option<Vec<f64>>,
    /// Reconstruction loss alone on the training rows, if it is to be shown.
    pub train_reconstruction: Option<Vec<f64>>,
    /// Penalty on the training rows, drawn in a panel of its own; `None` for a run without one.
    pub train_penalty: Option<Vec<f64>>,
    /// What the losses are, written along their axis, such as `loss per row (sse)`.
    pub loss_name: String,
    /// What the penalty is, with its weight if that is included, such as `mean ‖J‖²`; in the legend and on the axis.
    pub penalty_name: String,
}

impl LossHistory {
    /// Requires one value an epoch in every series and something to draw in the first.
    fn check(&self) -> Result<(), FigureError> {
        let expected = self.epoch.len();
        if expected == 0 {
            return Err(FigureError::Empty { what: "epoch" });
        }
        let series = [
            ("train_total", Some(&self.train_total)),
            ("validation_total", self.validation_total.as_ref()),
            ("train_reconstruction", self.train_reconstruction.as_ref()),
            ("train_penalty", self.train_penalty.as_ref()),
        ];
        for (what, values) in series {
            if let Some(got) = values.map(Vec::len).filter(|&got| got != expected) {
                return Err(FigureError::Length { what, sizes: "one an epoch", expected, got });
            }
        }
        if !self.has_points(&self.train_total) {
            return Err(FigureError::NothingFinite { what: "train_total", length: expected });
        }
        Ok(())
    }

    fn has_points(&self, values: &[f64]) -> bool {
        self.epoch.iter().zip(values).any(|(&epoch, &value)| is_drawable(epoch) && is_drawable(value))
    }

    fn loss_curves(&self) -> Vec<Curve<'_>> {
        let mut curves = Vec::new();
        if let Some(values) = self.train_reconstruction.as_deref().filter(|values| self.has_points(values)) {
            curves.push(Curve { name: "training reconstruction", values, colour: GREEN, stroke: Stroke::Dotted });
        }
        let values = self.train_total.as_slice();
        curves.push(Curve { name: "training total", values, colour: BLUE, stroke: Stroke::Solid });
        if let Some(values) = self.validation_total.as_deref().filter(|values| self.has_points(values)) {
            curves.push(Curve { name: "validation total", values, colour: VERMILION, stroke: Stroke::Dashed });
        }
        curves
    }
}

/// The history as a PNG of `width` × `height` pixels, laid out as on 800 × 600 points: 1600 × 1200 is twice the
/// density of a screen. Losses share the upper panel, the penalty has the lower one; an axis whose values are positive
/// and span more than a factor of 20 is logarithmic and says so.
///
/// # Errors
/// [`FigureError::Empty`] without epochs, [`FigureError::Length`] where a series is not as long as `epoch`,
/// [`FigureError::NothingFinite`] where no training total can be drawn, [`FigureError::Size`] for a side under 200
/// pixels or a picture too large.
pub fn loss_curve_png(history: &LossHistory, width: u32, height: u32) -> Result<Vec<u8>, FigureError> {
    let (sheet, unit) = lay_out(history, width, height)?;
    draw_png(&sheet, width, height, unit)
}

/// The history as an SVG document with a view box of `width` × `height`; the same picture as [`loss_curve_png`].
///
/// # Errors
/// Those of [`loss_curve_png`].
pub fn loss_curve_svg(history: &LossHistory, width: u32, height: u32) -> Result<String, FigureError> {
    let (sheet, unit) = lay_out(history, width, height)?;
    draw_svg(&sheet, width, height, unit)
}

fn lay_out(history: &LossHistory, width: u32, height: u32) -> Result<(Sheet<'_>, f64), FigureError> {
    history.check()?;
    check_size(width as usize, height as usize, 200)?;
    let (width, height) = (f64::from(width), f64::from(height));
    let unit = f64::min(width / LAYOUT.0, height / LAYOUT.1);
    Ok((Sheet { history, width: width / unit, height: height / unit }, unit))
}

/// A history on a sheet of a size in points.
struct Sheet<'a> {
    history: &'a LossHistory,
    width: f64,
    height: f64,
}

/// Curves on one vertical axis.
struct Panel<'a> {
    curves: Vec<Curve<'a>>,
    axis: Axis,
    title: &'a str,
}

impl<'a> Panel<'a> {
    fn of(curves: Vec<Curve<'a>>, epochs: &[f64], title: &'a str) -> Option<Self> {
        let points = curves.iter().flat_map(|curve| epochs.iter().zip(curve.values));
        let (low, high) = extent(points.filter(|(epoch, _)| is_drawable(**epoch)).map(|(_, &value)| value))?;
        let axis = Axis::of_values(low, high, 6);
        Some(Self { curves, axis, title })
    }
}

impl Figure for Sheet<'_> {
    fn draw<DB: DrawingBackend>(&self, page: &mut Page<DB>) -> Result<(), FigureError> {
        let history = self.history;
        let epochs = &history.epoch;
        let Some((first, last)) = extent(epochs.iter().copied()) else { return Ok(()) };
        let are_whole = epochs.iter().filter(|&&epoch| is_drawable(epoch)).all(|epoch| epoch.fract() == 0.0);
        let x_axis = if are_whole && first.abs().max(last.abs()) < 1e9 {
            Axis::whole_numbers(first, last, 10)
        } else {
            Axis::linear(first, last, 10)
        };

        let penalty_name = format!("training {}", history.penalty_name);
        let penalty = history
            .train_penalty
            .as_deref()
            .map(|values| vec![Curve { name: &penalty_name, values, colour: BLUE, stroke: Stroke::Solid }]);
        let panels: Vec<Panel> = [
            Panel::of(history.loss_curves(), epochs, &history.loss_name),
            penalty.and_then(|curves| Panel::of(curves, epochs, &history.penalty_name)),
        ]
        .into_iter()
        .flatten()
        .collect();

        let widest = panels.iter().map(|panel| widest_label(&panel.axis)).fold(0.0, f64::max);
        let title_x = 10.0 + BODY;
        let left = title_x + 14.0 + widest + 8.0;
        let (above, below, between) = (38.0, 54.0, 46.0);
        let free = self.height - above - below - between * (panels.len().saturating_sub(1)) as f64;
        // the losses get the larger share
        let shares: &[f64] = if panels.len() == 2 { &[0.58, 0.42] } else { &[1.0] };
        let mut top = above;
        let mut lowest = None;
        for (panel, share) in panels.iter().zip(shares) {
            let frame = PlotArea { left, top, right: self.width - 24.0, bottom: top + free * share };
            draw_axes(page, &frame, &x_axis, &panel.axis)?;
            for curve in &panel.curves {
                draw_curve(page, &frame, (&x_axis, &panel.axis), epochs, curve)?;
            }
            draw_legend(page, &frame, &panel.curves)?;
            draw_y_title(page, &frame, title_x, panel.title, panel.axis.scale)?;
            top = frame.bottom + between;
            lowest = Some(frame);
        }
        lowest.map_or(Ok(()), |frame| draw_x_labels(page, &frame, &x_axis, "epoch"))
    }
}
