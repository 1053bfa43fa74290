//! Rows seen three ways at once: `contractive_anomaly`'s `views`.

use contractive_anomaly::detector::numbers::{FARTHEST_VIEW, FeatureViews, LARGEST_VALUE, TermLocation};

use crate::graph::operations::beside;
use crate::graph::{Element, Graph, Value};
use crate::ranks::RankTable;

/// The numbers of the features that are numbers of a table.
#[derive(Default)]
struct Numbers<'a> {
    places: Vec<usize>,
    is_arsinh: Vec<bool>,
    means: Vec<f64>,
    deviations: Vec<f64>,
    middles: Vec<TermLocation>,
    ranks: Vec<&'a contractive::preprocess::Ranks>,
}

/// The views of rows `x`, of 64-bit numbers, as comparisons take them: (N, D · views of a feature), rounded to 32 bits; those
/// of a feature beside each other.
pub(super) fn views<'g>(graph: &'g Graph, features: &[FeatureViews<'_>], x: Value<'g>) -> Value<'g> {
    if let Some(FeatureViews::Window { .. }) = features.first() {
        return rounded(of_windows(graph, features, x));
    }
    let (mut numbers, mut levels) = (Numbers::default(), Vec::new());
    for (j, feature) in features.iter().enumerate() {
        match feature {
            FeatureViews::Number { is_arsinh, mean, deviation, middle, ranks } => {
                numbers.places.push(j);
                numbers.is_arsinh.push(*is_arsinh);
                numbers.means.push(*mean);
                numbers.deviations.push(*deviation);
                numbers.middles.push(*middle);
                numbers.ranks.push(ranks);
            }
            _ => levels.push(j),
        }
    }
    let d = features.len();
    let feature_by_feature: Vec<usize> = (0..d).flat_map(|j| [j, d + j, 2 * d + j]).collect();
    if numbers.places.is_empty() {
        return rounded(beside(&[x, x, x], 1).pick(&feature_by_feature, 1));
    }
    let all = numbers.places.len() == d;
    let own = if all { x } else { x.pick(&numbers.places, 1) };
    let of_levels = (!all).then(|| x.pick(&levels, 1));
    let seen = of_numbers(graph, &numbers, own).map(|view| view.within(FARTHEST_VIEW));
    // Back to the order of the features.
    let mut order = vec![0; d];
    numbers.places.iter().chain(&levels).enumerate().for_each(|(i, j)| order[*j] = i);
    let whole = seen.map(|view| match of_levels {
        None => view,
        Some(levels) => beside(&[view, levels], 1).pick(&order, 1),
    });
    rounded(beside(&whole, 1).pick(&feature_by_feature, 1))
}

/// The standard, robust and rank views of numbers.
fn of_numbers<'g>(graph: &'g Graph, of: &Numbers<'_>, x: Value<'g>) -> [Value<'g>; 3] {
    let n = of.places.len();
    let row = |values: &[f64]| graph.doubles(&[1, n], values);
    let middle = |part: fn(&TermLocation) -> f64| row(&of.middles.iter().map(part).collect::<Vec<f64>>());
    let is_arsinh = graph.truths(&[1, n], &of.is_arsinh);
    let undone = || x.sinh();
    let v = match (of.is_arsinh.contains(&true), of.is_arsinh.contains(&false)) {
        (true, false) => undone(),
        (false, _) => x,
        (true, true) => is_arsinh.choose(undone(), x),
    };
    let v = v.within(LARGEST_VALUE);
    let standard = (v - row(&of.means)) / row(&of.deviations);
    let scored = || ((v - middle(|at| at.median)) / middle(|at| at.spread)).asinh();
    let robust = match (of.is_arsinh.contains(&true), of.is_arsinh.contains(&false)) {
        (true, false) => x,
        (false, _) => scored(),
        (true, true) => is_arsinh.choose(x, scored()),
    };
    [standard, robust, RankTable::new(graph, &of.ranks).scaled(x)]
}

fn of_windows<'g>(graph: &'g Graph, features: &[FeatureViews<'_>], x: Value<'g>) -> Value<'g> {
    let of = |part: fn(&FeatureViews<'_>) -> f64| {
        let values: Vec<f64> = features.iter().map(part).collect();
        graph.doubles(&[1, values.len()], &values)
    };
    let mean = of(|feature| match feature {
        FeatureViews::Window { mean, .. } => *mean,
        _ => 0.0,
    });
    let deviation = of(|feature| match feature {
        FeatureViews::Window { deviation, .. } => *deviation,
        _ => 1.0,
    });
    ((x - mean) / deviation).within(FARTHEST_VIEW)
}

/// As the rows trained on are kept.
fn rounded(x: Value<'_>) -> Value<'_> {
    x.cast(Element::Float).cast(Element::Double)
}
