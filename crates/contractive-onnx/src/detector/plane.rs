//! How far spans of windows lie from the planes of the training windows' spans: `contractive_anomaly`'s `plane`.

use contractive_anomaly::detector::numbers::{LARGEST_DISTANCE, PlaneNumbers};

use crate::graph::operations::total;
use crate::graph::{Element, Graph, Value};

/// What a plane, or several, give to scores.
#[derive(Clone, Copy)]
pub(crate) struct PlaneTerm<'g> {
    /// What is added to the score, (N, 1).
    pub(crate) term: Value<'g>,
    /// Its parts, each number's own and each number's by spans, (N, W, v).
    pub(crate) own: Value<'g>,
    pub(crate) by_spans: Value<'g>,
}

/// The terms of planes with their weights; `None` where no weight is above 0.
pub(super) fn terms<'g>(
    graph: &'g Graph,
    planes: &[PlaneNumbers<'_>],
    weights: &[f64],
    x: Value<'g>,
) -> Option<PlaneTerm<'g>> {
    let weighted = planes.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
    let terms: Vec<PlaneTerm<'g>> = weighted.map(|(plane, weight)| of_plane(graph, plane, *weight, x)).collect();
    Some(PlaneTerm {
        term: total(terms.iter().map(|of| of.term))?,
        own: total(terms.iter().map(|of| of.own))?,
        by_spans: total(terms.iter().map(|of| of.by_spans))?,
    })
}

/// A plane's numbers in a graph.
struct Plane<'g, 'a> {
    numbers: &'a PlaneNumbers<'a>,
    weight: f64,
    centre: Value<'g>,
    scale: Value<'g>,
    directions: Option<[Value<'g>; 2]>,
}

fn of_plane<'g>(graph: &'g Graph, numbers: &PlaneNumbers<'_>, weight: f64, x: Value<'g>) -> PlaneTerm<'g> {
    let width = numbers.centre.len();
    let k = numbers.directions.len() / width;
    let directions = (k > 0).then(|| {
        // Kept in 32 bits to begin with.
        let kept: Vec<f32> = numbers.directions.iter().map(|v| *v as f32).collect();
        let along = graph.floats(&[k, width], &kept).cast(Element::Double);
        [along.transposed().times(graph.doubles(&[k, k], &one_by_one(numbers.directions, width))), along]
    });
    let row = |values: &[f64]| graph.doubles(&[1, width], values);
    let plane = Plane { numbers, weight, centre: row(numbers.centre), scale: row(numbers.scale), directions };
    let [window, columns, _] = numbers.sizes;
    let rows = x.reshaped(&[0, window as i64, columns as i64]);
    let spans: Vec<PlaneTerm<'g>> = numbers.starts.iter().map(|start| plane.of_span(rows, *start)).collect();
    let sum = |part: fn(&PlaneTerm<'g>) -> Value<'g>| total(spans.iter().map(part)).unwrap_or(x);
    PlaneTerm { term: sum(|of| of.term), own: sum(|of| of.own), by_spans: sum(|of| of.by_spans) }
}

/// T with (c Vᵀ) T the lengths along the directions V, (k, width), each taken of what those before it left: 32 bits do not
/// keep directions orthogonal to the last digit. T = ((I + L)⁻¹)ᵀ, L the part of V Vᵀ below its diagonal.
fn one_by_one(directions: &[f64], width: usize) -> Vec<f64> {
    let rows: Vec<&[f64]> = directions.chunks_exact(width).collect();
    let k = rows.len();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut transposed = vec![0.0; k * k];
    for column in 0..k {
        // (I + L) y = e_column, from the top; y is a column of the inverse, and so a row of T.
        let mut y = vec![0.0; k];
        for i in column..k {
            let unit = f64::from(u8::from(i == column));
            y[i] = unit - (column..i).map(|j| dot(rows[i], rows[j]) * y[j]).sum::<f64>();
        }
        transposed[column * k..][..k].copy_from_slice(&y);
    }
    transposed
}

impl<'g> Plane<'g, '_> {
    /// What the span that begins at row `start` gives.
    fn of_span(&self, rows: Value<'g>, start: usize) -> PlaneTerm<'g> {
        let [window, columns, length] = self.numbers.sizes;
        let width = (length * columns) as f64;
        let span = rows.slice(1, start, start + length).reshaped(&[0, -1]) - self.centre;
        let residual = self.directions.map_or(span, |[along, back]| span - span.times(along).times(back));
        let squares = (residual / self.scale).square();
        let all = squares.sum(1);
        let multiple = (all / width).sqrt() / self.numbers.median;
        let distance = if self.numbers.is_squared { multiple.square() } else { multiple };
        let each = self.weight * distance.at_most(LARGEST_DISTANCE) / window as f64;
        let graph = rows.graph();
        let shares: Vec<f64> = self.numbers.cover[start..start + length].iter().map(|cover| 1.0 / cover).collect();
        let term = shares.iter().sum::<f64>() * each;
        let share = |z: Value<'g>, all: Value<'g>, n: f64| all.is_above(0.0).choose(z / all, z.number(1.0 / n));
        let by_number = [0, length as i64, columns as i64];
        let own = (term * share(squares, all, width)).reshaped(&by_number);
        let of_columns = squares.reshaped(&by_number).sum(1);
        let columns_share = share(of_columns, all.widened(2), columns as f64);
        let by_spans = each.widened(2) * columns_share * graph.doubles(&[1, length, 1], &shares);
        let whole = |part: Value<'g>| part.padded(1, start, window - start - length, 3);
        PlaneTerm { term, own: whole(own), by_spans: whole(by_spans) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_taken_one_after_the_other() {
        // Three directions that are not quite orthogonal, and something to take them out of.
        let directions = [0.8, 0.6, 0.001, 0.0, -0.6, 0.8, 0.01, 0.02, 0.003, -0.01, 0.9, 0.4];
        let x = [1.0, -2.0, 0.5, 3.0];
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (mut left, mut expected) = (x, Vec::new());
        for v in directions.chunks_exact(4) {
            let along = dot(v, &left);
            left.iter_mut().zip(v).for_each(|(left, v)| *left -= along * v);
            expected.push(along);
        }
        let at_once: Vec<f64> = directions.chunks_exact(4).map(|v| dot(v, &x)).collect();
        let t = one_by_one(&directions, 4);
        for (j, expected) in expected.iter().enumerate() {
            let along: f64 = (0..3).map(|i| at_once[i] * t[i * 3 + j]).sum();
            assert!((along - expected).abs() < 1e-15, "{along} {expected}");
        }
        assert!((at_once[2] - expected[2]).abs() > 1e-4, "the test must tell them apart");
    }
}
