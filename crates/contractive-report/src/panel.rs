//! One panel of a chart: frame, grid, ticks, titles, legend and curves. All lengths are in points.

use plotters::backend::DrawingBackend;

use crate::axis::{Axis, AxisScale};
use crate::colour::{FRAME, GRID, INK, MINOR_GRID, Rgb};
use crate::error::FigureError;
use crate::page::{Align, Direction, Page, Writing};
use crate::typeface::{fitted, text_width};

/// Sizes of type: tick labels, and titles and legends.
pub(crate) const SMALL: f64 = 12.0;
pub(crate) const BODY: f64 = 13.0;

/// Curves of up to this many points show each of them.
const MARKED_UP_TO: usize = 30;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Stroke {
    Solid,
    Dashed,
    Dotted,
}

impl Stroke {
    /// Lengths of a dash and of the gap after it; `None` for a line without gaps.
    fn pattern(self) -> Option<(f64, f64)> {
        match self {
            Self::Solid => None,
            Self::Dashed => Some((7.0, 4.0)),
            Self::Dotted => Some((2.0, 3.0)),
        }
    }
}

/// Values over the panel's shared positions.
#[derive(Debug, Clone)]
pub(crate) struct Curve<'a> {
    pub(crate) name: &'a str,
    pub(crate) values: &'a [f64],
    pub(crate) colour: Rgb,
    pub(crate) stroke: Stroke,
}

/// The plotting area of a panel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlotArea {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl PlotArea {
    fn x(&self, share: f64) -> f64 {
        self.left + share * (self.right - self.left)
    }

    fn y(&self, share: f64) -> f64 {
        self.bottom - share * (self.bottom - self.top)
    }
}

/// Text in the ink colour, running rightwards.
pub(crate) fn plain(x: f64, y: f64, em: f64, align: Align) -> Writing {
    Writing { x, y, em, align, direction: Direction::Rightwards, colour: INK }
}

/// Width of the widest label of an axis.
pub(crate) fn widest_label(axis: &Axis) -> f64 {
    axis.ticks.iter().filter_map(|tick| tick.label.as_deref()).map(|label| text_width(label, SMALL)).fold(0.0, f64::max)
}

/// Draws grid, frame and the labels of the vertical axis.
pub(crate) fn draw_axes<DB: DrawingBackend>(
    page: &mut Page<DB>,
    frame: &PlotArea,
    x_axis: &Axis,
    y_axis: &Axis,
) -> Result<(), FigureError> {
    // faint lines first, so that a labelled line is never crossed by one without a label
    for is_labelled in [false, true] {
        let colour = if is_labelled { GRID } else { MINOR_GRID };
        for tick in x_axis.ticks.iter().filter(|tick| tick.label.is_some() == is_labelled) {
            if let Some(x) = x_axis.place(tick.value).map(|share| frame.x(share)) {
                page.rule((x, frame.top), (x, frame.bottom), 0.8, colour)?;
            }
        }
        for tick in y_axis.ticks.iter().filter(|tick| tick.label.is_some() == is_labelled) {
            if let Some(y) = y_axis.place(tick.value).map(|share| frame.y(share)) {
                page.rule((frame.left, y), (frame.right, y), 0.8, colour)?;
            }
        }
    }
    for tick in &y_axis.ticks {
        if let (Some(label), Some(share)) = (&tick.label, y_axis.place(tick.value)) {
            let y = frame.y(share);
            page.rule((frame.left - 4.0, y), (frame.left, y), 1.0, FRAME)?;
            page.write(label, &plain(frame.left - 8.0, y + SMALL * 0.36, SMALL, Align::Right))?;
        }
    }
    page.rule((frame.left, frame.top), (frame.left, frame.bottom), 1.0, FRAME)?;
    page.rule((frame.left, frame.bottom), (frame.right, frame.bottom), 1.0, FRAME)
}

/// Draws ticks and labels under the frame, and the axis's title under them.
pub(crate) fn draw_x_labels<DB: DrawingBackend>(
    page: &mut Page<DB>,
    frame: &PlotArea,
    axis: &Axis,
    title: &str,
) -> Result<(), FigureError> {
    for tick in &axis.ticks {
        if let (Some(label), Some(share)) = (&tick.label, axis.place(tick.value)) {
            let x = frame.x(share);
            page.rule((x, frame.bottom), (x, frame.bottom + 4.0), 1.0, FRAME)?;
            page.write(label, &plain(x, frame.bottom + 8.0 + SMALL, SMALL, Align::Centre))?;
        }
    }
    page.write(title, &plain(frame.x(0.5), frame.bottom + 14.0 + SMALL + BODY, BODY, Align::Centre))
}

/// Writes a title along the vertical axis, its baseline at `x`, and says there if the axis is logarithmic. A name
/// longer than the frame is high is cut.
pub(crate) fn draw_y_title<DB: DrawingBackend>(
    page: &mut Page<DB>,
    frame: &PlotArea,
    x: f64,
    name: &str,
    scale: AxisScale,
) -> Result<(), FigureError> {
    let suffix = match scale {
        AxisScale::Linear => "",
        AxisScale::Logarithmic => ", log scale",
    };
    let room = frame.bottom - frame.top + 30.0 - text_width(suffix, BODY);
    let title = fitted(name, BODY, room) + suffix;
    let direction = Direction::Upwards;
    page.write(&title, &Writing { direction, ..plain(x, frame.y(0.5), BODY, Align::Centre) })
}

/// Draws the legend in one line above the frame, where it cannot hide a curve.
pub(crate) fn draw_legend<DB: DrawingBackend>(
    page: &mut Page<DB>,
    frame: &PlotArea,
    curves: &[Curve],
) -> Result<(), FigureError> {
    const SAMPLE: f64 = 26.0;
    let most = (frame.right - frame.left) / curves.len().max(1) as f64 - SAMPLE - 26.0;
    let mut x = frame.left;
    let y = frame.top - 11.0;
    for curve in curves {
        let name = fitted(curve.name, BODY, most);
        let middle = y - BODY * 0.3;
        draw_stroke(page, &[(x, middle), (x + SAMPLE, middle)], curve)?;
        page.write(&name, &plain(x + SAMPLE + 6.0, y, BODY, Align::Left))?;
        x += SAMPLE + 6.0 + text_width(&name, BODY) + 20.0;
    }
    Ok(())
}

/// Draws a curve; values that are not finite, or have no place on the axis, leave a gap.
pub(crate) fn draw_curve<DB: DrawingBackend>(
    page: &mut Page<DB>,
    frame: &PlotArea,
    (x_axis, y_axis): (&Axis, &Axis),
    positions: &[f64],
    curve: &Curve,
) -> Result<(), FigureError> {
    let places: Vec<Option<(f64, f64)>> = positions
        .iter()
        .zip(curve.values)
        .map(|(&position, &value)| Some((frame.x(x_axis.place(position)?), frame.y(y_axis.place(value)?))))
        .collect();
    let is_long = places.len() > THINNED_FROM;
    for run in places.split(Option::is_none) {
        let run: Vec<(f64, f64)> = run.iter().flatten().copied().collect();
        let run = if is_long { thinned(run) } else { run };
        draw_stroke(page, &run, curve)?;
        if run.len() == 1 || places.len() <= MARKED_UP_TO {
            for &place in &run {
                page.disc(place, 3.0, curve.colour)?;
            }
        }
    }
    Ok(())
}

/// Curves of more points than this lose those that could not be told apart.
const THINNED_FROM: usize = 2000;

/// Keeps of more than three points that share half a point of width the lowest, the highest and the last, so that the
/// work and an SVG's size follow the sheet and not the history.
fn thinned(run: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let column = |point: &(f64, f64)| (point.0 * 2.0).floor() as i64;
    let mut kept = Vec::new();
    for group in run.chunk_by(|a, b| column(a) == column(b)) {
        if group.len() <= 3 {
            kept.extend(group);
            continue;
        }
        let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        kept.extend(group.iter().min_by(by_height));
        kept.extend(group.iter().max_by(by_height));
        kept.extend(group.last());
    }
    kept
}

fn draw_stroke<DB: DrawingBackend>(page: &mut Page<DB>, path: &[(f64, f64)], curve: &Curve) -> Result<(), FigureError> {
    const WIDTH: f64 = 1.8;
    match curve.stroke.pattern() {
        None => page.polyline(path, WIDTH, curve.colour),
        Some((dash, gap)) => {
            dashes(path, dash, gap).iter().try_for_each(|dash| page.polyline(dash, WIDTH, curve.colour))
        }
    }
}

/// Cuts a path into dashes of a length, a gap after each, running on round its corners.
fn dashes(path: &[(f64, f64)], dash: f64, gap: f64) -> Vec<Vec<(f64, f64)>> {
    let mut dashes = Vec::new();
    let mut current: Vec<(f64, f64)> = path.first().copied().into_iter().collect();
    let mut is_drawing = true;
    let mut left = dash;
    for pair in path.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            if length < left {
                left -= length;
                if is_drawing {
                    current.push(to);
                }
                break;
            }
            let share = left / length;
            from = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
            if is_drawing {
                current.push(from);
                dashes.push(std::mem::take(&mut current));
            } else {
                current = vec![from];
            }
            is_drawing = !is_drawing;
            left = if is_drawing { dash } else { gap };
        }
    }
    if is_drawing && current.len() > 1 {
        dashes.push(current);
    }
    dashes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_extremes_and_bounds_the_count() {
        let mut run: Vec<_> = (0..500_000).map(|index| (f64::from(index) * 1e-3, f64::from(index % 7))).collect();
        run[123_456].1 = 300.0;
        run[345_678].1 = -5.0;
        let kept = thinned(run.clone());
        assert!(kept.len() <= 3 * 1000, "{}", kept.len());
        assert!(kept.contains(&run[123_456]) && kept.contains(&run[345_678]));
        assert_eq!(kept.last(), run.last());
        assert_eq!(thinned(run[..1].to_vec()), run[..1]);
    }

    #[test]
    fn dashes_keep_their_length_round_a_corner() {
        let cut = dashes(&[(0.0, 0.0), (5.0, 0.0), (5.0, 10.0)], 7.0, 4.0);
        assert_eq!(cut, [vec![(0.0, 0.0), (5.0, 0.0), (5.0, 2.0)], vec![(5.0, 6.0), (5.0, 10.0)]]);
    }
}
