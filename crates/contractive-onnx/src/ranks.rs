//! Numbers by their ranks among quantiles, and back: `contractive::preprocess::Ranks`, for many columns at once.

use contractive::preprocess::Ranks;

use crate::graph::{Element, Graph, Value};

/// Half of √12: where the ends of the quantiles lie.
const HALF: f64 = 0.5 * Ranks::WIDTH;

/// The quantiles of D columns in a graph.
pub(crate) struct RankTable<'g> {
    /// All knots, one column's after the other, each filled up with ∞ to `stride` of them.
    knots: Value<'g>,
    stride: usize,
    /// Where each column's knots begin, (1, D).
    offset: Value<'g>,
    /// The ends, their distance, and the last knot's place, (1, D) each.
    lowest: Value<'g>,
    highest: Value<'g>,
    width: Value<'g>,
    last: Value<'g>,
    /// Which columns have one value alone, (1, D); `None` where none has.
    constant: Option<Value<'g>>,
}

impl<'g> RankTable<'g> {
    /// Of these columns, at least one.
    pub(crate) fn new(graph: &'g Graph, columns: &[&Ranks]) -> Self {
        let d = columns.len();
        let longest = columns.iter().map(|ranks| ranks.knots().len()).max().unwrap_or(0);
        let stride = longest + 1;
        let mut knots = Vec::with_capacity(d * stride);
        for ranks in columns {
            knots.extend_from_slice(ranks.knots());
            knots.resize(knots.len() + stride - ranks.knots().len(), f64::INFINITY);
        }
        let row = |of: &dyn Fn(&[f64]) -> f64| -> Value<'g> {
            graph.doubles(&[1, d], &columns.iter().map(|ranks| of(ranks.knots())).collect::<Vec<f64>>())
        };
        let highest = |knots: &[f64]| knots[knots.len() - 1];
        let is_constant: Vec<bool> = columns.iter().map(|r| r.knots()[0] == highest(r.knots())).collect();
        let offsets: Vec<i64> = (0..d).map(|j| (j * stride) as i64).collect();
        RankTable {
            knots: graph.doubles(&[knots.len()], &knots),
            stride,
            offset: graph.integers(&[1, d], &offsets),
            lowest: row(&|knots| knots[0]),
            highest: row(&highest),
            width: row(&|knots| (highest(knots) - knots[0]).clamp(f64::MIN_POSITIVE, f64::MAX)),
            last: row(&|knots| (knots.len() - 1) as f64),
            constant: is_constant.contains(&true).then(|| graph.truths(&[1, d], &is_constant)),
        }
    }

    /// √12 (rank − ½) between the ends, and arsinh of the distance beyond them, (N, D).
    pub(crate) fn scaled(&self, x: Value<'g>) -> Value<'g> {
        let inside = x.max(self.lowest).min(self.highest);
        let away = ((x - inside).abs() / self.width).asinh().at_most(Ranks::FARTHEST);
        let beyond = (x - inside).sign() * (away + HALF);
        let within = Ranks::WIDTH * (self.rank(inside) - 0.5);
        let scaled = x.equal(inside).choose(within, beyond);
        self.constant.map_or(scaled, |is| is.choose((x - self.lowest).within(Ranks::FARTHEST), scaled))
    }

    /// What `scaled` made of, (N, D).
    pub(crate) fn original(&self, y: Value<'g>) -> Value<'g> {
        let inside = self.quantile((y / Ranks::WIDTH + 0.5).at_least(0.0).at_most(1.0));
        let far = (y.abs() - HALF).at_least(0.0).sinh() * self.width;
        let beyond = y.is_above(0.0).choose(self.highest + far, self.lowest - far);
        let original = y.abs().is_above(HALF).choose(beyond, inside).within(f64::MAX);
        self.constant.map_or(original, |is| is.choose(y + self.lowest, original))
    }

    /// The knot at a place of each column, (N, D).
    fn knot(&self, place: Value<'g>) -> Value<'g> {
        self.knots.pick_by(place + self.offset, 0)
    }

    /// How many knots of its column are below each number; `up_to`, those that equal it too. By halving.
    fn count(&self, x: Value<'g>, up_to: bool) -> Value<'g> {
        let mut count = x.less(x).cast(Element::Integer);
        let mut step = (self.stride + 1).next_power_of_two() / 2;
        while step > 0 {
            let next = count + step as f64;
            let knot = self.knot((next - 1.0).at_most((self.stride - 1) as f64));
            let is_so = if up_to { knot.less_or_equal(x) } else { knot.less(x) };
            count = is_so.choose(next, count);
            step /= 2;
        }
        count
    }

    /// From 0 to 1, of numbers between the ends; the middle of knots that are equal.
    fn rank(&self, x: Value<'g>) -> Value<'g> {
        let (below, up_to) = (self.count(x, false), self.count(x, true));
        let [below_wide, up_to_wide] = [below, up_to].map(|count| count.cast(Element::Double));
        let middle = (below_wide + up_to_wide - 1.0) / 2.0;
        let (a, b) = (self.knot((below - 1.0).at_least(0.0)), self.knot(below));
        // Halved, so that the difference of huge numbers stays finite.
        let between = below_wide - 1.0 + (x / 2.0 - a / 2.0) / (b / 2.0 - a / 2.0);
        below.less(up_to).choose(middle, between) / self.last
    }

    /// The quantile of an order from 0 to 1.
    fn quantile(&self, order: Value<'g>) -> Value<'g> {
        let at = order * self.last;
        let floor = at.floor();
        let below = floor.cast(Element::Integer);
        let a = self.knot(below);
        let b = self.knot((below + 1.0).min(self.last.cast(Element::Integer)));
        a + (b - a) * (at - floor)
    }
}
