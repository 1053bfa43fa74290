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

/// Steps between ticks: seconds, written as times; days, and months from their firsts, written as dates.
const SECONDS: [i64; 15] = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10_800, 21_600, 43_200];
const DAYS: [i64; 5] = [1, 2, 4, 7, 14];
const MONTHS: [i64; 11] = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200];
const DAY: i64 = 86_400;
const MONTH: f64 = 30.44 * DAY as f64;
/// Ticks closer than this have no labels on a clock, seconds.
const CLOSEST: f64 = 0.5;

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
        // Below a second, and beyond what a calendar shows well, the seconds themselves are the best labels.
        let Some(ticks) = times(start + low, start + high, about) else {
            return Ruler { axis, title: "seconds after the first row" };
        };
        axis.ticks = ticks.into_iter().map(|(at, label)| Tick { value: at - start, label: Some(label) }).collect();
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

/// About `about` round times between two, in seconds since 1970, with their labels; `None` where there are none.
fn times(low: f64, high: f64, about: usize) -> Option<Vec<(f64, String)>> {
    let wanted = (high - low) / about as f64;
    if wanted < CLOSEST {
        return None;
    }
    let steps = SECONDS.into_iter().chain(DAYS.map(|days| days * DAY));
    if let Some(step) = steps.into_iter().find(|step| *step as f64 >= wanted) {
        let first = (low / step as f64).ceil() as i64 * step;
        let times = (0..=2 * about as i64).map(|i| first + i * step).take_while(|at| *at as f64 <= high);
        return Some(times.map(|at| (at as f64, time_label(at, step))).collect());
    }
    let step = MONTHS.into_iter().find(|step| *step as f64 * MONTH >= wanted)?;
    // A step too early, for months are not of one length.
    let first = ((low / MONTH).floor() as i64 + 12 * 1970).div_euclid(step) * step;
    let months = (0..=2 * about as i64).map(|i| first + i * step).map(|month| (month_start(month), month));
    let within = months.filter(|(at, _)| (low..=high).contains(at));
    Some(within.map(|(at, month)| (at, month_label(month, step))).collect())
}

/// Seconds from 1970 to the first of a month, which is counted from January of the year 0. Years begin in March here, so
/// that leap days end them.
fn month_start(month: i64) -> f64 {
    let (year, month) = ((month - 2).div_euclid(12), (month - 2).rem_euclid(12));
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = 365 * year + leap_days + (153 * month + 2) / 5 - 719_468;
    (days * DAY) as f64
}

fn month_label(month: i64, step: i64) -> String {
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    if step % 12 == 0 { year.to_string() } else { format!("{year:04}-{month:02}") }
}

fn time_label(at: i64, step: i64) -> String {
    let text = Unit::Second.text(at, false);
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    if step >= DAY {
        return date.to_owned();
    }
    let day = date.get(date.len().saturating_sub(5)..).unwrap_or_default();
    let length = if step < 60 { 8 } else { 5 };
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
        assert_eq!(labels(&[0.0, 200.0 * 86_400.0])[..2], ["2014-03", "2014-04"]);
        assert_eq!(labels(&[0.0, 2e9]), ["2020", "2030", "2040", "2050", "2060", "2070"]);
        assert_eq!([12 * 1970, 12 * 2000 + 2, 1].map(month_start), [0.0, 951_868_800.0, -62_164_540_800.0]);
        for x in [&[0.0][..], &[0.0, 0.8], &[0.0, 1e-6], &[0.0, 1e15]] {
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
