//! Scores of rows, with their parts.

use contractive_anomaly::detector::ScoreKind;
use contractive_anomaly::detector::numbers::DetectorNumbers;

use super::member::{Member, Rows};
use super::parts::Parts;
use super::plane::{PlaneTerm, terms};
use super::surroundings;
use crate::graph::operations::total;
use crate::graph::{Graph, Value};

/// Scores of rows.
pub(crate) struct Scored<'g> {
    /// The score, (N, 1).
    pub(crate) score: Value<'g>,
    /// Each feature's part in it, (N, D).
    pub(crate) parts: Value<'g>,
    /// What of both the planes give.
    pub(crate) planes: Option<PlaneTerm<'g>>,
}

/// The scores of rows `x` as networks take them, in 64 bits, (N, D), of which those features `missing` are left out.
pub(crate) fn scored<'g>(
    graph: &'g Graph,
    of: &DetectorNumbers<'_>,
    x: Value<'g>,
    missing: Option<Value<'g>>,
) -> Scored<'g> {
    let d = of.members[0].feature_error.len();
    let (mut score, mut parts) = (Vec::new(), Parts::new(x, d, missing));
    let weight = 1.0 / of.members.len() as f64;
    if uses_networks(of) {
        for numbers in &of.members {
            let member = Member::apply(graph, numbers, Rows { x, missing, d }, uses_jacobian(of));
            member.add(of, weight, &mut score, &mut parts);
        }
    }
    if let Some(around) = &of.surroundings {
        surroundings::add(graph, of, around, x, &mut score, &mut parts);
    }
    let planes = of.planes.as_ref().filter(|_| of.score == ScoreKind::Combined);
    let planes = planes.and_then(|planes| terms(graph, planes, &of.weights.2, x));
    if let Some(planes) = &planes {
        score.push(planes.term);
        parts.add_as_it_is(planes.own.reshaped(&[0, d as i64]));
    }
    let nothing = 0.0 * x;
    let score = total(score).unwrap_or_else(|| nothing.sum(1));
    Scored { score, parts: parts.sum().unwrap_or(nothing), planes }
}

fn uses_networks(of: &DetectorNumbers<'_>) -> bool {
    match of.score {
        ScoreKind::Combined => of.weights.0.iter().any(|weight| *weight > 0.0),
        kind => !matches!(kind, ScoreKind::Nearest | ScoreKind::Local | ScoreKind::Remote),
    }
}

/// Whether anything is read off the encoder's Jacobian or its slopes.
fn uses_jacobian(of: &DetectorNumbers<'_>) -> bool {
    let [_, density, neighbour, jacobian] = of.weights.0;
    match of.score {
        ScoreKind::Combined => density + neighbour + jacobian > 0.0,
        kind => matches!(kind, ScoreKind::Density | ScoreKind::Neighbour | ScoreKind::Jacobian),
    }
}
