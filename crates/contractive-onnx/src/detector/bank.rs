//! The rows trained on, and the nearest of them: `contractive_core::nearest`.
//!
//! How far all training rows are comes of one matrix product, |x − y|² − |x|² = |y|² − 2⟨x, y⟩: without |x|², so that a row
//! far from all others keeps the digits in which they differ. Rounding would order rows that are equally far at random, as
//! in tables of categories many are; so the numbers are rounded to a grain, a 10⁻¹²th of their size, which makes them
//! equal again. The squares of the nearest rows, and of all that may be as near as the last of them, are then computed from
//! the differences, added up in the order in which a detector adds them: to the same bits, so that a tie ends as it does
//! there.

use contractive_anomaly::detector::numbers::SurroundingsNumbers;
use contractive_core::matrix::MatRef;
use contractive_core::nearest::{Bank as Rows, NearestScratch, Neighbour};

use super::views::views;
use crate::graph::{Element, Graph, Value};

/// The grain, as a share of the mean |y|² and of |x| times its root.
const GRAIN: f64 = 1e-12;
/// Nearest rows that are looked at for one that equals the row.
const LOOKED_AT: usize = 4;
/// Running sums of a squared distance.
const SUMS: usize = 4;
/// Training rows whose ties are counted, and what is added to twice the most of them.
const COUNTED: usize = 64;
const SPARE: usize = 8;

/// The training rows in a graph.
pub(super) struct Bank<'g> {
    /// Their views, (M, width), filled up with zeros to a multiple of [`SUMS`].
    rows: Value<'g>,
    /// |y|² of each, (1, M), and their mean.
    squares: Value<'g>,
    mean_square: f64,
    m: usize,
    width: usize,
    filled: usize,
    per_feature: usize,
    overlap: usize,
}

/// The nearest training rows of rows, those left out that equal the row or overlap one that does.
pub(super) struct Nearest<'g> {
    /// Their squared distances, ascending, (N, n).
    pub(super) squares: Value<'g>,
    /// Which they are.
    pub(super) rows: Value<'g>,
}

impl<'g> Bank<'g> {
    /// The rows that a detector keeps.
    pub(super) fn new(graph: &'g Graph, of: &SurroundingsNumbers<'_>) -> Self {
        let m = of.spacing.len();
        let width = of.views.len() / m;
        let filled = width.next_multiple_of(SUMS);
        let mut rows = Vec::with_capacity(m * filled);
        for row in of.views.chunks_exact(width) {
            rows.extend_from_slice(row);
            rows.resize(rows.len() + filled - width, 0.0);
        }
        let square = |row: &[f32]| row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
        let squares: Vec<f64> = of.views.chunks_exact(width).map(square).collect();
        Bank {
            rows: graph.floats(&[m, filled], &rows).cast(Element::Double),
            squares: graph.doubles(&[1, m], &squares),
            mean_square: squares.iter().sum::<f64>() / m as f64,
            m,
            width,
            filled,
            per_feature: width / of.features.len(),
            overlap: of.overlap,
        }
    }

    /// Rows `x` as they are compared: their views, filled up as those of the bank are.
    pub(super) fn seen(&self, of: &SurroundingsNumbers<'_>, x: Value<'g>) -> Value<'g> {
        let seen = views(x.graph(), &of.features, x);
        if self.filled == self.width { seen } else { seen.padded(1, 0, self.filled - self.width, 2) }
    }

    /// The `n` nearest of rows that were `seen`.
    pub(super) fn nearest(&self, of: &SurroundingsNumbers<'_>, seen: Value<'g>, n: usize) -> Nearest<'g> {
        let about = self.others(seen);
        let looked_at = (n + spare(of, n, self.mean_square)).min(self.m);
        let (_, near) = about.extremes(looked_at, false);
        // In the order of the bank: of rows that are equally far the first counts.
        let (near, _) = near.extremes(looked_at, false);
        let infinity = about.number(f64::INFINITY);
        let is_passed = infinity.less_or_equal(about.at(near));
        let (squares, order) = is_passed.choose(infinity, self.exact(seen, near)).extremes(n, false);
        Nearest { squares, rows: near.at(order) }
    }

    /// |x − y|² − |x|² of all training rows, (N, M), rounded; ∞ for one that equals x and for those that overlap it.
    fn others(&self, x: Value<'g>) -> Value<'g> {
        let graph = x.graph();
        let about = self.squares - 2.0 * x.times(self.rows.transposed());
        let size = x.square().sum(1).sqrt() * self.mean_square.sqrt() + self.mean_square;
        let grain = GRAIN * size + f64::MIN_POSITIVE;
        let about = (about / grain).round() * grain;
        let (_, places) = about.extremes(LOOKED_AT.min(self.m), false);
        let differences = x.widened(1) - self.rows.pick_by(places, 0);
        let is_equal = differences.square().sum_away(2).equal(x.number(0.0));
        // Of none a place so far away that nothing overlaps it.
        let nowhere = graph.scalar(Element::Integer, 3.0 * self.m as f64);
        let (equal, _) = is_equal.choose(places, nowhere).extremes(1, false);
        let all: Vec<i64> = (0..self.m as i64).collect();
        let distance = (graph.integers(&[1, self.m], &all) - equal).abs();
        let is_passed = distance.less_or_equal(graph.scalar(Element::Integer, self.overlap as f64));
        is_passed.choose(about.number(f64::INFINITY), about)
    }

    /// |x − y|² of the rows at `places`, (N, n), to the bits of a detector: four running sums, one row after the other.
    fn exact(&self, x: Value<'g>, places: Value<'g>) -> Value<'g> {
        let steps = (self.filled / SUMS) as i64;
        x.graph().each_row(&[x, places], |row| {
            let differences = row[0].widened(0) - self.rows.pick_by(row[1], 0);
            let running = differences.square().reshaped(&[-1, steps, SUMS as i64]).running_sum(1);
            let sums = running.pick(&[(self.filled / SUMS) - 1], 1).reshaped(&[-1, SUMS as i64]);
            let sum = |i: usize| sums.slice(1, i, i + 1);
            ((sum(0) + sum(1)) + (sum(2) + sum(3))).narrowed(1)
        })
    }

    /// Each feature's part in |x − y|² of the row at `place`, (N, 1): (N, D).
    pub(super) fn parts(&self, x: Value<'g>, place: Value<'g>) -> Value<'g> {
        let squares = (x - self.rows.pick_by(place.narrowed(1), 0)).square().slice(1, 0, self.width);
        match self.per_feature {
            1 => squares,
            views => squares.reshaped(&[0, -1, views as i64]).sum_away(2),
        }
    }
}

/// How many rows may be as near as the `n`th, to the grain: twice the most of so many training rows, and a few.
fn spare(of: &SurroundingsNumbers<'_>, n: usize, mean_square: f64) -> usize {
    let m = of.spacing.len();
    let width = of.views.len() / m;
    let rows = Rows::new(of.views.to_vec(), width);
    let mut ties = 0;
    let mut count = |row: &[f32], near: &[Neighbour]| {
        let square: f64 = row.iter().map(|v| f64::from(*v).powi(2)).sum();
        let passed = 1 + 2 * of.overlap;
        let grain = GRAIN * ((square * mean_square).sqrt() + mean_square);
        let last = near[(n + passed).min(m) - 1].square + 4.0 * grain;
        ties = ties.max(near.iter().skip(n).filter(|other| other.square <= last).count());
    };
    let mut scratch = NearestScratch::default();
    for row in of.views.chunks_exact(width).step_by(m.div_ceil(COUNTED)) {
        rows.nearest(MatRef::new(row, 1, width), m, &mut scratch, |_, near| count(row, near));
    }
    2 * ties + SPARE
}
