//! How far spans of a window lie from the plane that such spans of the training windows lie about.
//!
//! A window has W rows of v numbers, a span L rows of it, x ∈ R^{Lv}: a third of the window, or all of it. Spans begin every
//! L/2 rows, and one more ends with the window.
//!
//! ```text
//! r = (I − VᵀV)(x − μ)      μ (Lv): mean of the training spans; V (k, Lv): their leading principal directions,
//!                           as few as hold 90 % of the variance, of whole windows 80 %, at most 64
//! z_j = (r_j/s_j)²          s_j: root mean square of r_j over the training spans
//! e = (√(mean_j z_j)/ẽ)^p   ẽ: median over the training spans, so that 1 is an ordinary span; p = 1, of whole windows 2
//! plane = mean over the window's rows of e_t,    e_t: mean of e over the spans that cover row t
//! ```
//!
//! Networks that train for few steps restore no plane as well as this one does; and a span, shorter than a window, says
//! where in the window it is. So there are two ways to share the term. A number's own part is what its z is of each span's;
//! by spans row t has e_t/W, and its columns share what each span gives it by their z in the whole span. Windows of two rows
//! have thirds of one.
//!
//! Source: Jolliffe, Principal Component Analysis, 2002, 10.1 (the residual as a statistic of outliers: Jackson & Mudholkar
//! 1979).

use super::calibration::LEAST_ERROR;
use super::directions::{Wanted, principal_directions};
use contractive_core::random::Stream;
use contractive_core::row_network::dot;
use contractive_core::statistics::median;

/// Most directions of a plane.
const MOST_DIRECTIONS: usize = 64;
/// Most spans that one is learnt from, and the most numbers of them.
const MOST_SPANS: usize = 4096;
const MOST_NUMBERS: usize = 1 << 24;
/// Least median distance that is divided by, of root mean squares of 1: most training spans may lie on the plane.
const LEAST_MEDIAN: f64 = 1e-3;
/// The largest multiple of the median.
pub(super) const LARGEST: f64 = 1e6;

/// The spans that a plane is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spans {
    /// W, v and L.
    pub(super) window: usize,
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) are_whole: bool,
}

impl Spans {
    /// Thirds of windows.
    pub(super) fn thirds(window: usize, columns: usize) -> Self {
        Spans { window, columns, rows: (window / 3).max(1), are_whole: false }
    }

    /// Whole windows.
    pub(super) fn windows(window: usize, columns: usize) -> Self {
        Spans { window, columns, rows: window, are_whole: true }
    }

    /// Numbers of a span.
    pub(super) fn width(&self) -> usize {
        self.rows * self.columns
    }

    /// Whether a plane of them can have so many directions.
    pub(super) fn may_have(&self, directions: usize) -> bool {
        directions <= MOST_DIRECTIONS.min(self.width())
    }

    /// The share of the variance that the plane holds.
    fn held(&self) -> f64 {
        if self.are_whole { 0.8 } else { 0.9 }
    }

    /// e of a multiple of the median.
    fn distance_of(&self, multiple: f64) -> f64 {
        (if self.are_whole { multiple * multiple } else { multiple }).min(LARGEST)
    }

    /// The rows of a window that spans begin at.
    fn starts(&self) -> Vec<usize> {
        let last = self.window - self.rows;
        let mut starts: Vec<usize> = (0..=last).step_by((self.rows / 2).max(1)).collect();
        if starts.last() != Some(&last) {
            starts.push(last);
        }
        starts
    }
}

/// What was learnt of the training windows' spans. Every number is one that a file keeps in 32 bits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plane {
    pub(super) spans: Spans,
    /// μ and s, Lv numbers each.
    pub(super) centre: Vec<f64>,
    pub(super) scale: Vec<f64>,
    /// V, (k, Lv), row-major.
    pub(super) directions: Vec<f64>,
    /// ẽ.
    pub(super) median: f64,
    pub(super) starts: Vec<usize>,
    /// Of each row of a window, how many spans cover it.
    pub(super) cover: Vec<f64>,
}

/// What a thread writes over.
#[derive(Debug, Default)]
pub(super) struct PlaneScratch {
    residual: Vec<f64>,
    /// z of the span last seen, and their sum by column.
    squares: Vec<f64>,
    of_columns: Vec<f64>,
}

/// The parts of a window's W·v numbers in a term, by the two ways; either add up to it.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct PlaneParts {
    pub(super) own: Vec<f64>,
    pub(super) by_spans: Vec<f64>,
}

impl PlaneParts {
    /// Parts of nothing yet, of `d` numbers.
    pub(super) fn reset(&mut self, d: usize) {
        for parts in [&mut self.own, &mut self.by_spans] {
            parts.clear();
            parts.resize(d, 0.0);
        }
    }
}

impl Plane {
    /// Learns from windows as the network takes them, at least one.
    pub(super) fn fit(windows: &[f32], spans: Spans, mut stream: Stream, threads: usize) -> Self {
        let seen = training_spans(windows, &spans);
        let width = spans.width();
        let mut centre = vec![0.0; width];
        let n = (seen.len() / width) as f64;
        for x in seen.chunks_exact(width) {
            centre.iter_mut().zip(x).for_each(|(m, x)| *m += f64::from(*x) / n);
        }
        centre.iter_mut().for_each(|m| *m = kept(*m));
        let wanted = Wanted { held: spans.held(), most: MOST_DIRECTIONS };
        let mut directions = principal_directions(&seen, &centre, wanted, &mut stream, threads);
        directions.iter_mut().for_each(|v| *v = kept(*v));
        let mut plane = Plane::from_numbers(spans, centre, vec![1.0; width], directions, 1.0);
        plane.calibrate(&seen);
        plane
    }

    fn from_numbers(spans: Spans, centre: Vec<f64>, scale: Vec<f64>, directions: Vec<f64>, median: f64) -> Self {
        let starts = spans.starts();
        let mut cover = vec![0.0; spans.window];
        for start in &starts {
            cover[*start..*start + spans.rows].iter_mut().for_each(|n| *n += 1.0);
        }
        Plane { spans, centre, scale, directions, median, starts, cover }
    }

    /// From stored numbers, whose lengths fit `spans`; `None` where they cannot be a plane's.
    pub(super) fn from_stored(
        spans: Spans,
        centre: Vec<f64>,
        scale: Vec<f64>,
        directions: Vec<f64>,
        median: f64,
    ) -> Option<Self> {
        let is_valid = centre.iter().chain(&directions).all(|v| v.is_finite())
            && scale.iter().chain([&median]).all(|v| v.is_finite() && *v >= f64::from(LEAST_MEDIAN as f32));
        is_valid.then(|| Plane::from_numbers(spans, centre, scale, directions, median))
    }

    /// k.
    pub(super) fn n_directions(&self) -> usize {
        self.directions.len() / self.spans.width()
    }

    /// The scale of each number, then the median of the distances.
    fn calibrate(&mut self, spans: &[f32]) {
        let width = self.spans.width();
        let n = (spans.len() / width) as f64;
        let (mut sums, mut scratch) = (vec![0.0; width], PlaneScratch::default());
        for x in spans.chunks_exact(width) {
            self.residual(x, &mut scratch.residual);
            sums.iter_mut().zip(&scratch.residual).for_each(|(sum, r)| *sum += r * r / n);
        }
        self.scale = sums.iter().map(|sum| kept(sum.sqrt() + LEAST_ERROR)).collect();
        let mut distances: Vec<f64> = spans.chunks_exact(width).map(|x| self.distance(x, &mut scratch)).collect();
        self.median = kept(median(&mut distances).max(LEAST_MEDIAN));
    }

    /// r of a span.
    fn residual(&self, x: &[f32], residual: &mut Vec<f64>) {
        residual.clear();
        residual.extend(x.iter().zip(&self.centre).map(|(x, m)| f64::from(*x) - m));
        // The directions are orthogonal: taken out one after the other, which is the more exact.
        for v in self.directions.chunks_exact(self.spans.width()) {
            let along = dot(v, residual);
            residual.iter_mut().zip(v).for_each(|(r, v)| *r -= along * v);
        }
    }

    /// √(mean_j z_j) of a span; leaves z in `scratch`.
    fn distance(&self, x: &[f32], scratch: &mut PlaneScratch) -> f64 {
        let PlaneScratch { residual, squares, of_columns } = scratch;
        self.residual(x, residual);
        squares.clear();
        squares.extend(residual.iter().zip(&self.scale).map(|(r, s)| (r / s).powi(2)));
        of_columns.clear();
        of_columns.resize(self.spans.columns, 0.0);
        for row in squares.chunks_exact(self.spans.columns) {
            of_columns.iter_mut().zip(row).for_each(|(sum, z)| *sum += z);
        }
        (of_columns.iter().sum::<f64>() / x.len() as f64).sqrt()
    }

    /// `weight` times the term of the window `x`, W·v numbers, whose parts are added to `parts`.
    pub(super) fn add_term(&self, x: &[f32], weight: f64, scratch: &mut PlaneScratch, parts: &mut PlaneParts) -> f64 {
        let Spans { window, columns, .. } = self.spans;
        let mut term = 0.0;
        for &start in &self.starts {
            let numbers = start * columns..start * columns + self.spans.width();
            let multiple = self.distance(&x[numbers.clone()], scratch) / self.median;
            let each = weight * self.spans.distance_of(multiple) / window as f64;
            let all: f64 = scratch.of_columns.iter().sum();
            let share = |z: f64, n: usize| if all > 0.0 { z / all } else { 1.0 / n as f64 };
            scratch.of_columns.iter_mut().for_each(|z| *z = share(*z, columns));
            let mut of_span = 0.0;
            let rows = parts.by_spans[numbers.clone()].chunks_exact_mut(columns);
            for (parts, cover) in rows.zip(&self.cover[start..]) {
                of_span += each / cover;
                parts.iter_mut().zip(&scratch.of_columns).for_each(|(part, share)| *part += each / cover * share);
            }
            let n = numbers.len();
            let own = parts.own[numbers].iter_mut().zip(&scratch.squares);
            own.for_each(|(part, z)| *part += of_span * share(*z, n));
            term += of_span;
        }
        term
    }
}

/// One span of each of so many of the windows, in turn from each place that spans begin at.
fn training_spans(windows: &[f32], spans: &Spans) -> Vec<f32> {
    let d = spans.window * spans.columns;
    let n = windows.len() / d;
    let most = MOST_SPANS.min((MOST_NUMBERS / spans.width()).max(1));
    let starts = spans.starts();
    let mut seen = Vec::new();
    for (i, x) in windows.chunks_exact(d).step_by(n.div_ceil(most)).enumerate() {
        seen.extend_from_slice(&x[starts[i % starts.len()] * spans.columns..][..spans.width()]);
    }
    seen
}

/// A number as the file keeps it, in 32 bits.
fn kept(v: f64) -> f64 {
    f64::from(v as f32)
}

#[cfg(test)]
mod tests {
    use super::super::planes::tests::{COLUMNS, WINDOW, windows};
    use super::*;
    use contractive_core::random::Purpose;

    fn plane(spans: Spans) -> Plane {
        Plane::fit(&windows(500), spans, Stream::new(0, Purpose::Analysis, 4, 0), 1)
    }

    fn term(plane: &Plane, x: &[f32]) -> (f64, PlaneParts) {
        let mut parts = PlaneParts::default();
        parts.reset(x.len());
        (plane.add_term(x, 1.0, &mut PlaneScratch::default(), &mut parts), parts)
    }

    #[test]
    fn planes_of_a_wave_have_two_directions_and_ordinary_windows_lie_near_them() {
        for (spans, rows) in [(Spans::thirds(WINDOW, COLUMNS), 8), (Spans::windows(WINDOW, COLUMNS), 24)] {
            let plane = plane(spans);
            assert_eq!((plane.spans.rows, plane.n_directions()), (rows, 2));
            let mut terms: Vec<f64> = windows(500).chunks_exact(WINDOW * COLUMNS).map(|x| term(&plane, x).0).collect();
            assert!((0.9..1.2).contains(&median(&mut terms)), "{}", median(&mut terms));
        }
    }

    #[test]
    fn what_lies_on_the_plane_of_whole_windows_is_at_no_distance_and_distances_are_squared() {
        let plane = plane(Spans::windows(WINDOW, COLUMNS));
        let (first, second) = plane.directions.split_at(plane.spans.width());
        let at = |along: f64, off: f64| -> Vec<f32> {
            let on = plane.centre.iter().zip(first.iter().zip(second)).map(|(m, (a, b))| m + along * (a - b));
            // Away by as many scales everywhere, but for what of it lies on the plane.
            on.zip(&plane.scale)
                .enumerate()
                .map(|(i, (x, s))| (x + off * s * if i % 4 < 2 { 1.0 } else { -1.0 }) as f32)
                .collect()
        };
        assert!(term(&plane, &at(3.0, 0.0)).0 < 1e-3);
        let (near, far) = (term(&plane, &at(0.0, 5.0)).0, term(&plane, &at(0.0, 50.0)).0);
        assert!(near > 10.0 && (far / near / 100.0 - 1.0).abs() < 1e-3, "{near} {far}");
    }

    #[test]
    fn parts_add_up_and_lie_where_the_columns_part() {
        let mut x = windows(1);
        let before = x.clone();
        // Rows 16 to 19: the second column no longer goes with the first.
        (16..20).for_each(|t| x[t * COLUMNS + 1] *= -1.0);
        for spans in [Spans::thirds(WINDOW, COLUMNS), Spans::windows(WINDOW, COLUMNS)] {
            let plane = plane(spans);
            let (whole, parts) = term(&plane, &x);
            assert!(whole > 2.5 * term(&plane, &before).0, "{whole}");
            let sums = [&parts.own, &parts.by_spans].map(|parts| parts.iter().sum::<f64>());
            assert!(sums.iter().all(|sum| (sum - whole).abs() < 1e-12 * whole), "{sums:?} {whole}");
            let of_rows =
                |parts: &[f64]| -> Vec<f64> { parts.chunks_exact(COLUMNS).map(|row| row.iter().sum()).collect() };
            let (own, by_spans) = (of_rows(&parts.own), of_rows(&parts.by_spans));
            assert!(own[16..20].iter().sum::<f64>() > 0.7 * whole, "{own:?}");
            let is_even = by_spans.iter().all(|part| (part - by_spans[0]).abs() < 1e-12 * whole);
            assert!(if spans.are_whole { is_even } else { by_spans[17] > 4.0 * by_spans[3] }, "{by_spans:?}");
        }
    }

    #[test]
    fn a_stored_plane_is_the_same_and_contradictions_are_refused() {
        let plane = plane(Spans::thirds(WINDOW, COLUMNS));
        let Plane { spans, centre, scale, directions, median, .. } = plane.clone();
        let stored = |scale: &[f64], median| {
            Plane::from_stored(spans, centre.clone(), scale.to_vec(), directions.clone(), median)
        };
        assert_eq!(stored(&scale, median), Some(plane));
        assert_eq!(stored(&vec![0.0; scale.len()], median), None);
        assert_eq!(stored(&scale, f64::NAN), None);
        assert!(spans.may_have(16) && !spans.may_have(17) && !Spans::windows(100, 3).may_have(65));
    }

    #[test]
    fn windows_of_any_size_have_spans_that_cover_every_row() {
        for window in 1..40 {
            for spans in [Spans::thirds(window, 3), Spans::windows(window, 3)] {
                let width = spans.width();
                let plane = Plane::from_numbers(spans, vec![0.0; width], vec![1.0; width], vec![], 1.0);
                assert!(plane.cover.iter().all(|n| *n >= 1.0), "{window}");
            }
        }
    }

    #[test]
    fn windows_that_do_not_vary_and_huge_numbers_have_finite_terms() {
        for spans in [Spans::thirds(6, 1), Spans::windows(6, 1)] {
            let still = Plane::fit(&[1.0; 60], spans, Stream::new(0, Purpose::Analysis, 4, 0), 1);
            assert_eq!(still.n_directions(), 0);
            let terms = [[1.0; 6], [9.0; 6], [f32::MAX; 6], [-1e30; 6]].map(|x| term(&still, &x));
            assert!(
                terms.iter().all(|(term, _)| term.is_finite()) && terms[0].0 < 1.0 && terms[1].0 > 1.0,
                "{terms:?}"
            );
            let parts = terms.iter().flat_map(|(_, parts)| parts.own.iter().chain(&parts.by_spans));
            assert!(parts.copied().all(f64::is_finite));
        }
    }
}
