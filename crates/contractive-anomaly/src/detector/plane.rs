//! How far a window's spans lie from the plane that spans of the training windows lie about: a term of windows alone.
//!
//! A window has W rows of v numbers, a span L = W/3 rows of it, x ∈ R^{Lv}. Spans begin every L/2 rows, and one more ends
//! with the window.
//!
//! ```text
//! r = (I − VᵀV)(x − μ)      μ (Lv): mean of the training spans; V (k, Lv): their leading principal directions,
//!                           as few as hold 90 % of the variance, at most 64
//! z_j = (r_j/s_j)²          s_j: root mean square of r_j over the training spans
//! e = √(mean_j z_j)/ẽ       ẽ: median over the training spans, so that 1 is an ordinary span
//! q_t = mean of z over the numbers of the span's row t, over ẽ²
//! p_t = mean of 0.9 e + 0.1 q_t over the spans that cover row t of the window
//! plane = mean over the rows of p_t
//! ```
//!
//! Networks that train for few steps restore no plane as well as this one does; and a span, shorter than a window, says
//! where in the window it is. The part of row t is p_t/W; its numbers share what each span gives it by their z. Windows of
//! two rows have spans of one.
//!
//! Source: Jolliffe, Principal Component Analysis, 2002, 10.1 (the residual as a statistic of outliers: Jackson & Mudholkar
//! 1979). The square root keeps one huge number from speaking for all rows near it; q lets it speak for its own.

use serde::{Deserialize, Serialize};

use super::calibration::LEAST_ERROR;
use super::directions::principal_directions;
use super::jobs::for_each;
use contractive_core::random::Stream;
use contractive_core::row_network::dot;
use contractive_core::statistics::median;

/// Spans as long as a window.
const SPANS: usize = 3;
/// Share of the variance that the plane holds.
const HELD: f64 = 0.9;
/// Most directions of the plane.
const MOST_DIRECTIONS: usize = 64;
/// Most spans that it is learnt from, and the most numbers of them.
const MOST_SPANS: usize = 4096;
const MOST_NUMBERS: usize = 1 << 24;
/// Least median distance that is divided by, of root mean squares of 1: most training spans may lie on the plane.
const LEAST_MEDIAN: f64 = 1e-3;
/// The share of q.
const OWN: f64 = 0.1;
/// The largest multiple of the median.
const LARGEST: f64 = 1e6;
/// Windows scored together.
const CHUNK: usize = 128;

/// The sizes that a stored plane says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sizes {
    /// W, v and L.
    pub(super) window: usize,
    pub(super) columns: usize,
    pub(super) span: usize,
    /// k.
    pub(super) directions: usize,
}

impl Sizes {
    fn of(window: usize, columns: usize) -> Self {
        Sizes { window, columns, span: (window / SPANS).max(1), directions: 0 }
    }

    /// Numbers of a span.
    pub(super) fn width(&self) -> usize {
        self.span * self.columns
    }

    /// The rows of a window that spans begin at.
    fn starts(&self) -> Vec<usize> {
        let last = self.window - self.span;
        let mut starts: Vec<usize> = (0..=last).step_by((self.span / 2).max(1)).collect();
        if starts.last() != Some(&last) {
            starts.push(last);
        }
        starts
    }

    /// Whether they can be those of windows of `d` numbers.
    pub(super) fn are_valid(&self, d: usize) -> bool {
        let is_whole = self.window > 0 && self.window.checked_mul(self.columns) == Some(d);
        is_whole && (1..=self.window).contains(&self.span) && self.directions <= MOST_DIRECTIONS.min(self.width())
    }
}

/// What was learnt of the training windows' spans. Every number is one that a file keeps in 32 bits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plane {
    pub(super) sizes: Sizes,
    /// μ and s, Lv numbers each.
    pub(super) centre: Vec<f64>,
    pub(super) scale: Vec<f64>,
    /// V, (k, Lv), row-major.
    pub(super) directions: Vec<f64>,
    /// ẽ.
    pub(super) median: f64,
    starts: Vec<usize>,
    /// Of each row of a window, how many spans cover it.
    cover: Vec<f64>,
}

/// What a thread writes over.
#[derive(Debug, Default)]
pub(super) struct PlaneScratch {
    residual: Vec<f64>,
    squares: Vec<f64>,
    /// Parts of the window last seen, W·v numbers that add up to its term.
    pub(super) parts: Vec<f64>,
}

impl Plane {
    /// Learns from windows of `window` rows of `columns` numbers, as the network takes them, at least one.
    pub(super) fn fit(windows: &[f32], window: usize, columns: usize, mut stream: Stream) -> Self {
        let sizes = Sizes::of(window, columns);
        let spans = training_spans(windows, &sizes);
        let width = sizes.width();
        let mut centre = vec![0.0; width];
        let n = (spans.len() / width) as f64;
        for x in spans.chunks_exact(width) {
            centre.iter_mut().zip(x).for_each(|(m, x)| *m += f64::from(*x) / n);
        }
        centre.iter_mut().for_each(|m| *m = kept(*m));
        let mut directions = principal_directions(&spans, &centre, HELD, MOST_DIRECTIONS, &mut stream);
        directions.iter_mut().for_each(|v| *v = kept(*v));
        let sizes = Sizes { directions: directions.len() / width, ..sizes };
        let mut plane = Plane::from_numbers(sizes, centre, vec![1.0; width], directions, 1.0);
        plane.calibrate(&spans);
        plane
    }

    fn from_numbers(sizes: Sizes, centre: Vec<f64>, scale: Vec<f64>, directions: Vec<f64>, median: f64) -> Self {
        let starts = sizes.starts();
        let mut cover = vec![0.0; sizes.window];
        for start in &starts {
            cover[*start..*start + sizes.span].iter_mut().for_each(|n| *n += 1.0);
        }
        Plane { sizes, centre, scale, directions, median, starts, cover }
    }

    /// From stored numbers, whose lengths fit `sizes`; `None` where they cannot be a plane's.
    pub(super) fn from_stored(
        sizes: Sizes,
        centre: Vec<f64>,
        scale: Vec<f64>,
        directions: Vec<f64>,
        median: f64,
    ) -> Option<Self> {
        let all = centre.iter().chain(&directions);
        let is_valid = all.clone().all(|v| v.is_finite())
            && scale.iter().chain([&median]).all(|v| v.is_finite() && *v >= f64::from(LEAST_MEDIAN as f32));
        is_valid.then(|| Plane::from_numbers(sizes, centre, scale, directions, median))
    }

    /// The scale of each number, then the median of the distances.
    fn calibrate(&mut self, spans: &[f32]) {
        let width = self.sizes.width();
        let n = (spans.len() / width) as f64;
        let (mut sums, mut residual, mut squares) = (vec![0.0; width], Vec::new(), Vec::new());
        for x in spans.chunks_exact(width) {
            self.residual(x, &mut residual);
            sums.iter_mut().zip(&residual).for_each(|(sum, r)| *sum += r * r / n);
        }
        self.scale = sums.iter().map(|sum| kept(sum.sqrt() + LEAST_ERROR)).collect();
        let mut distances: Vec<f64> =
            spans.chunks_exact(width).map(|x| self.distance(x, &mut residual, &mut squares)).collect();
        self.median = kept(median(&mut distances).max(LEAST_MEDIAN));
    }

    /// r of a span.
    fn residual(&self, x: &[f32], residual: &mut Vec<f64>) {
        residual.clear();
        residual.extend(x.iter().zip(&self.centre).map(|(x, m)| f64::from(*x) - m));
        // The directions are orthogonal: taken out one after the other, which is the more exact.
        for v in self.directions.chunks_exact(self.sizes.width()) {
            let along = dot(v, residual);
            residual.iter_mut().zip(v).for_each(|(r, v)| *r -= along * v);
        }
    }

    /// √(mean_j z_j) of a span; leaves z in `squares`.
    fn distance(&self, x: &[f32], residual: &mut Vec<f64>, squares: &mut Vec<f64>) -> f64 {
        self.residual(x, residual);
        squares.clear();
        squares.extend(residual.iter().zip(&self.scale).map(|(r, s)| (r / s).powi(2)));
        (squares.iter().sum::<f64>() / squares.len() as f64).sqrt()
    }

    /// The term of the window `x`, W·v numbers; leaves its parts in `scratch`.
    pub(super) fn term(&self, x: &[f32], scratch: &mut PlaneScratch) -> f64 {
        let PlaneScratch { residual, squares, parts } = scratch;
        let Sizes { window, columns, .. } = self.sizes;
        parts.clear();
        parts.resize(x.len(), 0.0);
        let mut term = 0.0;
        for &start in &self.starts {
            let numbers = start * columns..start * columns + self.sizes.width();
            let multiple = |v: f64| v.min(LARGEST);
            let e = multiple(self.distance(&x[numbers.clone()], residual, squares) / self.median);
            let rows = parts[numbers].chunks_exact_mut(columns).zip(squares.chunks_exact(columns));
            for ((parts, z), cover) in rows.zip(&self.cover[start..]) {
                let sum: f64 = z.iter().sum();
                let q = multiple(sum / columns as f64 / (self.median * self.median));
                let of_row = ((1.0 - OWN) * e + OWN * q) / (cover * window as f64);
                term += of_row;
                for (part, z) in parts.iter_mut().zip(z) {
                    *part += of_row * if sum > 0.0 && sum.is_finite() { z / sum } else { 1.0 / columns as f64 };
                }
            }
        }
        term
    }

    /// The terms of windows, one each.
    pub(super) fn terms(&self, windows: &[f32], threads: usize) -> Vec<f64> {
        let d = self.sizes.window * self.sizes.columns;
        let mut terms = vec![0.0; windows.len() / d];
        for_each(windows.chunks(CHUNK * d).zip(terms.chunks_mut(CHUNK)), threads, || {
            let mut scratch = PlaneScratch::default();
            move |(windows, terms): (&[f32], &mut [f64])| {
                for (x, term) in windows.chunks_exact(d).zip(terms) {
                    *term = self.term(x, &mut scratch);
                }
            }
        });
        terms
    }
}

/// One span of each of so many of the windows, in turn from each place that spans begin at.
fn training_spans(windows: &[f32], sizes: &Sizes) -> Vec<f32> {
    let d = sizes.window * sizes.columns;
    let n = windows.len() / d;
    let most = MOST_SPANS.min((MOST_NUMBERS / sizes.width()).max(1));
    let starts = sizes.starts();
    let mut spans = Vec::new();
    for (i, x) in windows.chunks_exact(d).step_by(n.div_ceil(most)).enumerate() {
        spans.extend_from_slice(&x[starts[i % starts.len()] * sizes.columns..][..sizes.width()]);
    }
    spans
}

/// A number as the file keeps it, in 32 bits.
fn kept(v: f64) -> f64 {
    f64::from(v as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contractive_core::random::Purpose;

    const WINDOW: usize = 24;
    const COLUMNS: usize = 2;

    /// Windows of two waves that go together, with a little noise, one number a row and column.
    fn windows(n: usize) -> Vec<f32> {
        let mut draw = Stream::new(3, Purpose::Analysis, 9, 0);
        let rows: Vec<[f32; COLUMNS]> = (0..n + WINDOW)
            .map(|t| {
                let wave = (t as f64 * 0.37).sin();
                [wave, -2.0 * wave].map(|v| (v + 0.1 * (draw.uniform() - 0.5)) as f32)
            })
            .collect();
        (0..n).flat_map(|i| rows[i..i + WINDOW].concat()).collect()
    }

    fn plane() -> Plane {
        Plane::fit(&windows(500), WINDOW, COLUMNS, Stream::new(0, Purpose::Analysis, 4, 0))
    }

    #[test]
    fn the_plane_of_a_wave_has_two_directions_and_ordinary_windows_lie_near_it() {
        let plane = plane();
        assert_eq!((plane.sizes.span, plane.sizes.directions), (8, 2));
        let mut terms = plane.terms(&windows(500), 1);
        assert!((0.9..1.2).contains(&median(&mut terms)), "{}", median(&mut terms));
        // The same of any number of threads.
        assert_eq!(plane.terms(&windows(500), 3), plane.terms(&windows(500), 1));
    }

    #[test]
    fn parts_add_up_and_lie_where_the_columns_part() {
        let (plane, mut scratch) = (plane(), PlaneScratch::default());
        let mut x = windows(1);
        let ordinary = plane.term(&x, &mut scratch);
        // Rows 16 to 19: the second column no longer goes with the first.
        (16..20).for_each(|t| x[t * COLUMNS + 1] *= -1.0);
        let term = plane.term(&x, &mut scratch);
        assert!(term > 3.0 * ordinary, "{term} {ordinary}");
        assert!((scratch.parts.iter().sum::<f64>() - term).abs() < 1e-12 * term);
        let of_rows: Vec<f64> = scratch.parts.chunks_exact(COLUMNS).map(|parts| parts.iter().sum()).collect();
        assert!(of_rows[17] > 4.0 * of_rows[3], "{of_rows:?}");
    }

    #[test]
    fn a_stored_plane_is_the_same_and_contradictions_are_refused() {
        let plane = plane();
        let Plane { sizes, centre, scale, directions, median, .. } = plane.clone();
        let stored = |scale: &[f64], median| {
            Plane::from_stored(sizes, centre.clone(), scale.to_vec(), directions.clone(), median)
        };
        assert_eq!(stored(&scale, median), Some(plane));
        assert_eq!(stored(&vec![0.0; scale.len()], median), None);
        assert_eq!(stored(&scale, f64::NAN), None);
        assert!(sizes.are_valid(WINDOW * COLUMNS));
        let wrong = [
            Sizes { window: 0, ..sizes },
            Sizes { columns: usize::MAX, ..sizes },
            Sizes { span: 0, ..sizes },
            Sizes { span: WINDOW + 1, ..sizes },
            Sizes { directions: 65, ..sizes },
        ];
        assert!(wrong.iter().all(|sizes| !sizes.are_valid(WINDOW * COLUMNS)));
    }

    #[test]
    fn windows_of_any_size_have_spans_that_cover_every_row() {
        for window in 1..40 {
            let sizes = Sizes::of(window, 3);
            let plane = Plane::from_numbers(sizes, vec![0.0; sizes.width()], vec![1.0; sizes.width()], vec![], 1.0);
            assert!(plane.cover.iter().all(|n| *n >= 1.0) && sizes.are_valid(3 * window), "{window}");
        }
    }

    #[test]
    fn windows_that_do_not_vary_and_huge_numbers_have_finite_terms() {
        let still = Plane::fit(&[1.0; 60], 6, 1, Stream::new(0, Purpose::Analysis, 4, 0));
        let (mut scratch, windows) = (PlaneScratch::default(), [[1.0; 6], [9.0; 6], [f32::MAX; 6], [-1e30; 6]]);
        let terms = windows.map(|x| still.term(&x, &mut scratch));
        assert!(terms.iter().all(|term| term.is_finite()) && terms[0] < 1.0 && terms[1] > 1.0, "{terms:?}");
        assert!(scratch.parts.iter().all(|part| part.is_finite()));
    }
}
