//! The horizontal axis: ticks at round times, or at round numbers of rows.

use contractive_table::Unit;
use plotters::backend::DrawingBackend;

use super::super::chart::range;
use crate::axis::{Axis, Tick};
use crate::colour::FRAME;
use crate::error::FigureError;
use crate::page::{Align, Page};
use crate::panel::{BODY, PlotArea, SMALL, plain};
use crate::typeface::text_width;

/// Steps between ticks, seconds; and whether a tick is written as a date.
const STEPS: [(f64, bool); 28] = [
    (1.0, false),
    (2.0, false),
    (5.0, false),
    (10.0, false),
    (30.0, false),
    (60.0, false),
    (120.0, false),
    (300.0, false),
    (600.0, false),
    (1800.0, false),
    (3600.0, false),
    (7200.0, false),
    (10_800.0, false),
    (21_600.0, false),
    (43_200.0, false),
    (86_400.0, true),
    (172_800.0, true),
    (345_600.0, true),
    (604_800.0, true),
    (1_209_600.0, true),
    (2_592_000.0, true),
    (5_184_000.0, true),
    (7_776_000.0, true),
    (15_552_000.0, true),
    (31_536_000.0, true),
    (94_608_000.0, true),
    (315_360_000.0, true),
    (946_080_000.0, true),
];

/// The least room between two labels, points.
const BETWEEN_LABELS: f64 = 4.0;

/// An axis, and what its numbers are where they are no times.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ruler {
    pub(super) axis: Axis,
    title: &'static str,
}

impl Ruler {
    /// Over places of `x` with about `about` ticks: seconds after `start`, which is in seconds since 1970, or rows.
    pub(super) fn new(x: &[f64], start: Option<f64>, about: usize) -> Ruler {
        let (low, high) = range(x.iter().copied());
        let Some(start) = start else {
            return Ruler { axis: Axis::whole_numbers(low, high, about), title: "row" };
        };
        let mut axis = Axis::linear(low, high, about);
        let wanted = (high - low) / about as f64;
        let step = STEPS.into_iter().find(|(step, _)| *step >= wanted);
        // Below a second, and beyond what a calendar shows well, the seconds themselves are the best labels.
        let Some((step, is_date)) = step.filter(|_| wanted > 0.1) else {
            return Ruler { axis, title: "seconds after the first row" };
        };
        let first = ((start + low) / step).ceil();
        axis.ticks = (0..=(2 * about) as i64)
            .map(|i| (first + i as f64) * step)
            .take_while(|at| *at <= start + high)
            .map(|at| Tick { value: at - start, label: Some(time_label(at, step, is_date)) })
            .collect();
        Ruler { axis, title: "" }
    }

    /// Where a place of the axis lies on a frame.
    pub(super) fn place(&self, frame: &PlotArea, x: f64) -> Option<f64> {
        self.axis.place(x).map(|share| frame.left + share * (frame.right - frame.left))
    }

    /// Draws ticks and labels under the frame: none is cut by the edge of a sheet of `width`, and none over another.
    pub(super) fn draw<DB: DrawingBackend>(
        &self,
        page: &mut Page<DB>,
        frame: &PlotArea,
        width: f64,
    ) -> Result<(), FigureError> {
        let mut taken = f64::NEG_INFINITY;
        for tick in &self.axis.ticks {
            let (Some(label), Some(x)) = (&tick.label, self.place(frame, tick.value)) else { continue };
            page.rule((x, frame.bottom), (x, frame.bottom + 4.0), 1.0, FRAME)?;
            let half = text_width(label, SMALL) / 2.0;
            let middle = x.min(width - half).max(half);
            if middle - half >= taken {
                page.write(label, &plain(middle, frame.bottom + 8.0 + SMALL, SMALL, Align::Centre))?;
                taken = middle + half + BETWEEN_LABELS;
            }
        }
        if self.title.is_empty() {
            return Ok(());
        }
        let middle = (frame.left + frame.right) / 2.0;
        page.write(self.title, &plain(middle, frame.bottom + 12.0 + SMALL + BODY, BODY, Align::Centre))
    }
}

fn time_label(at: f64, step: f64, is_date: bool) -> String {
    let text = Unit::Second.text(at as i64, false);
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    if is_date {
        return date.to_owned();
    }
    let day = date.get(date.len().saturating_sub(5)..).unwrap_or_default();
    let length = if step < 60.0 { 8 } else { 5 };
    format!("{day} {}", time.get(..length).unwrap_or(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ruler: Ruler) -> Vec<String> {
        ruler.axis.ticks.into_iter().filter_map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_stand_at_round_times() {
        let start = 1_392_388_200.0; // 2014-02-14T14:30
        let labels = |x: &[f64]| labels(Ruler::new(x, Some(start), 7));
        assert_eq!(labels(&[0.0, 4.0 * 86_400.0]), ["2014-02-15", "2014-02-16", "2014-02-17", "2014-02-18"]);
        assert_eq!(labels(&[0.0, 3600.0 * 6.0])[..2], ["02-14 15:00", "02-14 16:00"]);
        assert_eq!(labels(&[0.0, 30.0])[..2], ["02-14 14:30:00", "02-14 14:30:05"]);
        for x in [&[0.0][..], &[0.0, 1e-6], &[0.0, 1e15]] {
            let ruler = Ruler::new(x, Some(start), 7);
            assert!(ruler.axis.ticks.len() < 30 && ruler.title.starts_with("seconds"), "{x:?}");
        }
    }

    #[test]
    fn every_span_has_some_ticks() {
        for about in [4, 7] {
            for seconds in (0..85).map(|power| 1.3_f64.powi(power)) {
                let n = labels(Ruler::new(&[0.0, seconds], Some(7.0), about)).len();
                assert!((1..=16).contains(&n), "{n} ticks for {seconds} s");
            }
        }
    }

    #[test]
    fn counted_rows_have_their_numbers() {
        let ruler = Ruler::new(&[1.0, 400.0], None, 4);
        assert_eq!((ruler.title, labels(ruler)), ("row", ["100", "200", "300", "400"].map(str::to_owned).to_vec()));
    }
}
