//! What one network says of rows: `contractive_anomaly`'s `scores`, `covariance` and `neighbours`.

use contractive_anomaly::detector::ScoreKind;
use contractive_anomaly::detector::numbers::{DetectorNumbers, LEAST_VALUE, MemberNumbers};

use super::parts::Parts;
use super::term;
use crate::graph::{Element, Graph, Value};
use crate::network::{Encoded, Network};

/// A code nearer to one trained on than this share of their size is the same, but for rounding.
const SAME_CODE: f64 = 1e-12;

/// The rows that networks see.
#[derive(Clone, Copy)]
pub(super) struct Rows<'g> {
    /// Rows as networks take them, in 64 bits, (N, D).
    pub(super) x: Value<'g>,
    /// Features left out, (N, D).
    pub(super) missing: Option<Value<'g>>,
    pub(super) d: usize,
}

/// A network applied to rows.
pub(super) struct Member<'g, 'a> {
    numbers: &'a MemberNumbers<'a>,
    network: Network<'g>,
    encoded: Encoded<'g>,
    /// x̂ − x, 0 where the feature is missing.
    away: Value<'g>,
    rows: Rows<'g>,
}

impl<'g, 'a> Member<'g, 'a> {
    /// Applies the network; `slopes` are wanted where anything is read off the Jacobian.
    pub(super) fn apply(graph: &'g Graph, numbers: &'a MemberNumbers<'a>, rows: Rows<'g>, slopes: bool) -> Self {
        let network = Network::new(graph, numbers.model.parameters(), Element::Double);
        let encoded = network.encode(rows.x, slopes);
        let away = network.decode(encoded.code).output - rows.x;
        let away = rows.missing.map_or(away, |missing| missing.choose(away.number(0.0), away));
        Member { numbers, network, encoded, away, rows }
    }

    /// Adds `weight` times what this network gives to a score of the detector's kind to `score`, and its parts to `parts`.
    pub(super) fn add(&self, of: &DetectorNumbers<'_>, weight: f64, score: &mut Vec<Value<'g>>, parts: &mut Parts<'g>) {
        let mut add = |value: Value<'g>, shares: Value<'g>| {
            let value = weight * value;
            parts.add(value, shares);
            score.push(value);
        };
        match of.score {
            ScoreKind::Combined => self.add_terms(of, &mut add),
            ScoreKind::Error => add(self.mean(self.squares(false)), self.squares(false)),
            ScoreKind::ReconstructionNorm => {
                let value = (self.mean(self.squares(false)) * self.rows.d as f64).sqrt();
                add(value, self.squares(false));
            }
            ScoreKind::ScaledError => add(self.mean(self.squares(true)), self.squares(true)),
            ScoreKind::Density => {
                let (value, gradient) = self.density();
                add(value, self.along(gradient));
            }
            ScoreKind::Neighbour => {
                let (value, away) = self.neighbour();
                add(value, self.along(away));
            }
            ScoreKind::Jacobian => add(self.jacobian(), self.drive()),
            ScoreKind::Nearest | ScoreKind::Local | ScoreKind::Remote => {}
        }
    }

    /// The terms of the combination that count.
    fn add_terms(&self, of: &DetectorNumbers<'_>, add: &mut impl FnMut(Value<'g>, Value<'g>)) {
        let [error, density, neighbour, jacobian] = of.weights.0;
        let [error_at, density_at, neighbour_at, jacobian_at] = self.numbers.terms;
        let term = |at, logarithm: Value<'g>| term(logarithm, at, of.are_ratios);
        if error > 0.0 {
            let squares = self.squares(true);
            add(error * term(error_at, log(self.mean(squares))), squares);
        }
        if density > 0.0 {
            let (value, gradient) = self.density();
            add(density * term(density_at, log(value)), self.along(gradient));
        }
        if neighbour > 0.0 {
            let (value, away) = self.neighbour();
            add(neighbour * term(neighbour_at, log(value)), self.along(away));
        }
        if jacobian > 0.0 {
            add(jacobian * term(jacobian_at, self.jacobian()), self.drive());
        }
    }

    /// Squared errors of the features, (N, D); each over its own root mean square where they are `scaled`.
    fn squares(&self, scaled: bool) -> Value<'g> {
        if !scaled {
            return self.away.square();
        }
        let errors = self.away.graph().doubles(&[1, self.rows.d], self.numbers.feature_error);
        (self.away / errors).square()
    }

    /// Their mean over the features present, (N, 1).
    fn mean(&self, squares: Value<'g>) -> Value<'g> {
        let sum = squares.sum(1);
        match self.rows.missing {
            None => sum / self.rows.d as f64,
            Some(missing) => sum / missing.not().cast(Element::Double).sum(1),
        }
    }

    /// (h − μ)ᵀ Σ⁻¹ (h − μ), (N, 1), and its gradient, (N, k).
    fn density(&self) -> (Value<'g>, Value<'g>) {
        let (graph, k) = (self.away.graph(), self.numbers.centre.len());
        let away = self.encoded.code - graph.doubles(&[1, k], self.numbers.centre);
        // Symmetric: its own transpose.
        let gradient = 2.0 * away.times(graph.doubles(&[k, k], self.numbers.precision));
        ((0.5 * (gradient * away).sum(1)).at_least(0.0), gradient)
    }

    /// The distance to the neighbour, (N, 1), and the direction away from it, (N, k).
    fn neighbour(&self) -> (Value<'g>, Value<'g>) {
        let (graph, k) = (self.away.graph(), self.numbers.centre.len());
        let m = self.numbers.codes.len() / k;
        let codes = graph.doubles(&[m, k], self.numbers.codes);
        let squares = (self.encoded.code.widened(1) - codes.widened(0)).square().sum_away(2);
        let (nearest, places) = squares.extremes(self.numbers.neighbour, false);
        let last = |value: Value<'g>| value.slice(1, self.numbers.neighbour - 1, self.numbers.neighbour);
        let neighbour = codes.pick_by(last(places).narrowed(1), 0);
        let (distance, away) = (last(nearest).sqrt(), self.encoded.code - neighbour);
        // A row like one trained on is at 0 in the detector, and rounding puts it elsewhere here: far off in logarithms.
        let typical = (self.numbers.codes.iter().map(|h| h * h).sum::<f64>() / m as f64).sqrt();
        let size = self.encoded.code.square().sum(1).sqrt() + typical;
        let is_same = distance.less_or_equal(SAME_CODE * size);
        let zero = graph.scalar(Element::Double, 0.0);
        (is_same.choose(zero, distance), is_same.choose(zero, away))
    }

    /// −ln ‖J‖, (N, 1).
    fn jacobian(&self) -> Value<'g> {
        -0.5 * log(self.network.squared_norm(&self.encoded))
    }

    /// |x ∘ (gᵀJ)| of directions g, (N, D).
    fn along(&self, directions: Value<'g>) -> Value<'g> {
        (self.network.pulled_back(&self.encoded, directions) * self.rows.x).abs()
    }

    fn drive(&self) -> Value<'g> {
        self.network.drive(&self.encoded, self.rows.x)
    }
}

/// ln v, of nothing below the least value.
fn log(v: Value<'_>) -> Value<'_> {
    v.at_least(LEAST_VALUE).log()
}
