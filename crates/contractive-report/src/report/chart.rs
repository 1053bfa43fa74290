//! A chart for the page: plotters draws axes and curves, the page's style sheet colours them.

use std::fmt::Write;

use askama::Template;
use plotters::backend::DrawingBackend;

use crate::axis::{Axis, AxisScale, is_drawable};
use crate::colour::{FRAME, Rgb, SERIES};
use crate::error::FigureError;
use crate::page::{Align, Figure, INLINE_UNIT, Page, draw_inline};
use crate::panel::{BODY, Curve, PlotArea, SMALL, Stroke, draw_axes, draw_curve, draw_x_labels, plain, widest_label};

/// Size in points. Small enough to be read on a phone, where it is shown at its own size.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 268.0;

/// A named curve over positions of its own.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) positions: Vec<f64>,
    pub(crate) values: Vec<f64>,
    pub(crate) series: usize,
    pub(crate) stroke: Stroke,
}

/// Points of one colour.
#[derive(Debug, Clone)]
pub(crate) struct Dots {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) series: usize,
}

/// What a chart shows.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) x_title: String,
    pub(crate) y_title: String,
    pub(crate) lines: Vec<Line>,
    /// (from, to, height) of each bar; they stand on the lower end of the axis.
    pub(crate) bars: Vec<(f64, f64, f64)>,
    pub(crate) dots: Vec<Dots>,
    /// Upright rules at places of the horizontal axis, with a word beside each.
    pub(crate) marks: Vec<(f64, String)>,
}

/// A name with the look of its curve.
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) series: usize,
    pub(crate) dash: &'static str,
    pub(crate) is_dot: bool,
}

/// A chart as markup, with a description for screen readers.
#[derive(Template)]
#[template(path = "chart.html")]
pub(crate) struct Drawn {
    id: String,
    title: String,
    description: String,
    width: f64,
    height: f64,
    body: String,
    keys: Vec<Key>,
    /// Ends of the horizontal axis's data, and of the frame, for a cursor.
    cursor: Option<[f64; 4]>,
}

impl Chart {
    pub(crate) fn new(x: Axis, y: Axis, x_title: &str, y_title: &str) -> Self {
        let (x_title, y_title) = (x_title.to_owned(), y_title.to_owned());
        Chart { x, y, x_title, y_title, lines: vec![], bars: vec![], dots: vec![], marks: vec![] }
    }

    fn frame(&self) -> PlotArea {
        PlotArea { left: widest_label(&self.y) + 14.0, top: 30.0, right: WIDTH - 12.0, bottom: HEIGHT - 42.0 }
    }

    /// The chart as markup. `id` is unique on the page; a cursor spans `cursor` on the horizontal axis.
    pub(crate) fn draw(
        &self,
        id: &str,
        title: &str,
        description: &str,
        cursor: Option<(f64, f64)>,
    ) -> Result<String, FigureError> {
        let mut body = draw_inline(self, WIDTH, HEIGHT)?;
        body.push_str(&self.dots_markup());
        let frame = self.frame();
        let place = |value: f64| {
            self.x.place(value).map(|share| (frame.left + share * (frame.right - frame.left)) * INLINE_UNIT)
        };
        let cursor = cursor.and_then(|(first, last)| {
            Some([place(first)?, place(last)?, frame.top * INLINE_UNIT, frame.bottom * INLINE_UNIT])
        });
        let lines = self.lines.iter().map(|line| Key {
            name: line.name.clone(),
            series: line.series % SERIES.len(),
            dash: match line.stroke {
                Stroke::Solid => "none",
                Stroke::Dashed => "7 4",
                Stroke::Dotted => "2 3",
            },
            is_dot: false,
        });
        let dots = self.dots.iter().map(|dots| Key {
            name: dots.name.clone(),
            series: dots.series % SERIES.len(),
            dash: "none",
            is_dot: true,
        });
        let keys: Vec<Key> = lines.chain(dots).filter(|key| !key.name.is_empty()).collect();
        let drawn = Drawn {
            id: id.to_owned(),
            title: title.to_owned(),
            description: description.to_owned(),
            width: WIDTH * INLINE_UNIT,
            height: HEIGHT * INLINE_UNIT,
            body,
            keys,
            cursor,
        };
        Ok(drawn.render()?)
    }

    /// One path a colour: a circle a point would cost five times the bytes.
    fn dots_markup(&self) -> String {
        let frame = self.frame();
        let mut text = String::new();
        for dots in &self.dots {
            let mut path = String::new();
            for &(x, y) in &dots.points {
                if let (Some(x), Some(y)) = (self.x.place(x), self.y.place(y)) {
                    let x = (frame.left + x * (frame.right - frame.left)) * INLINE_UNIT;
                    let y = (frame.bottom - y * (frame.bottom - frame.top)) * INLINE_UNIT;
                    // Writing to a string cannot fail.
                    let _ = write!(path, "M{x:.0} {y:.0}h0");
                }
            }
            let colour = hex(SERIES[dots.series % SERIES.len()]);
            let _ = write!(text, "<path class=\"dots\" stroke=\"{colour}\" d=\"{path}\"/>");
        }
        text
    }
}

/// As plotters writes a colour.
pub(crate) fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

impl Figure for Chart {
    fn draw<DB: DrawingBackend>(&self, page: &mut Page<DB>) -> Result<(), FigureError> {
        let frame = self.frame();
        draw_axes(page, &frame, &self.x, &self.y)?;
        for &(from, to, height) in &self.bars {
            if let (Some(left), Some(right), Some(top)) = (self.x.place(from), self.x.place(to), self.y.place(height)) {
                let x = |share: f64| frame.left + share * (frame.right - frame.left);
                let y = frame.bottom - top * (frame.bottom - frame.top);
                page.rectangle(x(left) + 0.5, y, x(right) - 0.5, frame.bottom, SERIES[0])?;
            }
        }
        let mut heights = Vec::new();
        for mark in &self.marks {
            let height = self.free_height_at(mark.0, &heights);
            heights.push(height);
            self.draw_mark(page, &frame, mark, height)?;
        }
        for line in &self.lines {
            let colour = SERIES[line.series % SERIES.len()];
            let curve = Curve { name: &line.name, values: &line.values, colour, stroke: line.stroke };
            draw_curve(page, &frame, (&self.x, &self.y), &line.positions, &curve)?;
        }
        draw_x_labels(page, &frame, &self.x, &with_scale(&self.x_title, &self.x))?;
        page.write(&with_scale(&self.y_title, &self.y), &plain(2.0, frame.top - 14.0, BODY, Align::Left))
    }
}

impl Chart {
    fn draw_mark<DB: DrawingBackend>(
        &self,
        page: &mut Page<DB>,
        frame: &PlotArea,
        (at, word): &(f64, String),
        height: f64,
    ) -> Result<(), FigureError> {
        let Some(share) = self.x.place(*at) else { return Ok(()) };
        let x = frame.left + share * (frame.right - frame.left);
        page.polyline(&[(x, frame.top), (x, frame.bottom)], 1.2, FRAME)?;
        let (x, align) = if share > 0.6 { (x - 5.0, Align::Right) } else { (x + 5.0, Align::Left) };
        let y = frame.bottom - height * (frame.bottom - frame.top) + SMALL * 0.36;
        page.write(word, &plain(x, y, SMALL, align))
    }

    /// Share of the frame's height at which a word is farthest from the curves and from the words at `others`: near the
    /// top, the middle or the bottom.
    fn free_height_at(&self, at: f64, others: &[f64]) -> f64 {
        let nearest = |line: &Line| {
            let points = line.positions.iter().zip(&line.values).filter(|(x, y)| x.is_finite() && y.is_finite());
            points.min_by(|a, b| (a.0 - at).abs().total_cmp(&(b.0 - at).abs())).and_then(|(_, y)| self.y.place(*y))
        };
        let taken: Vec<f64> = self.lines.iter().filter_map(nearest).chain(others.iter().copied()).collect();
        let room = |share: f64| taken.iter().map(|taken| (taken - share).abs()).fold(1.0, f64::min);
        let places = [0.95, 0.06, 0.5];
        places.into_iter().reduce(|best, share| if room(share) > room(best) { share } else { best }).unwrap_or(0.95)
    }
}

fn with_scale(title: &str, axis: &Axis) -> String {
    match axis.scale {
        AxisScale::Linear => title.to_owned(),
        AxisScale::Logarithmic => format!("{title}, log scale"),
    }
}

/// Numbers below this share of the largest are not told apart: a dead unit's 10⁻²⁰ would leave no room for the others.
pub(crate) const LEAST_SHARE: f64 = 1e-6;

/// Lifts numbers below [`LEAST_SHARE`] of the largest to that height; whether there were any.
pub(crate) fn cut_off(lines: &mut [Line]) -> bool {
    let (_, high) = range(lines.iter().flat_map(|line| line.values.iter().copied()));
    let floor = LEAST_SHARE * high;
    let mut is_cut = false;
    for value in lines.iter_mut().flat_map(|line| &mut line.values) {
        // Not so of what is no number.
        if *value < floor {
            *value = floor;
            is_cut = true;
        }
    }
    is_cut
}

/// Smallest and largest drawable number of all, or 0 and 1 where there is none.
pub(crate) fn range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    crate::axis::extent(values.into_iter().filter(|v| is_drawable(*v))).unwrap_or((0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the numbers, none is left below the share, those above stay, and the axis spans few decades.
        #[test]
        fn small_numbers_are_lifted_and_others_left(values in prop::collection::vec(-300.0..300.0_f64, 1..20)) {
            let values: Vec<f64> = values.into_iter().map(|exponent| 10_f64.powf(exponent)).collect();
            let line = Line { name: String::new(), positions: vec![], values: values.clone(), series: 0, stroke: Stroke::Solid };
            let mut lines = [line];
            let is_cut = cut_off(&mut lines);
            let (low, high) = range(lines[0].values.iter().copied());
            prop_assert!(low >= LEAST_SHARE * high && high == values.iter().copied().fold(0.0, f64::max));
            for (before, after) in values.iter().zip(&lines[0].values) {
                prop_assert!(before == after || (is_cut && after > before));
            }
        }
    }
}
