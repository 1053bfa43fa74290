//! Activations and their slopes as operations.

use contractive_core::activation::{Activation, LEAKY_SLOPE};

use crate::graph::{Element, Value};
use crate::messages::AttributeProto;

/// Whether a graph of this element can express it: the error function is there for 32 bits alone.
pub(crate) fn is_expressible(activation: Activation, element: Element) -> bool {
    element == Element::Float || activation != Activation::Gelu
}

/// φ(z).
pub(crate) fn value<'g>(activation: Activation, z: Value<'g>) -> Value<'g> {
    match activation {
        Activation::Identity => z,
        Activation::Sigmoid => sigmoid(z),
        Activation::Tanh => z.tanh(),
        Activation::Relu => z.by("Relu", vec![]),
        Activation::LeakyRelu => z.by("LeakyRelu", vec![AttributeProto::float("alpha", LEAKY_SLOPE as f32)]),
        Activation::Softplus => softplus(z),
        Activation::Elu if z.element() == Element::Float => z.by("Elu", vec![]),
        Activation::Elu => z.is_above(0.0).choose(z, z.at_most(0.0).exp_less_one()),
        Activation::Silu => z * sigmoid(z),
        Activation::Gelu => {
            let erf = (z * std::f64::consts::FRAC_1_SQRT_2).by("Erf", vec![]);
            0.5 * z * (1.0 + erf)
        }
    }
}

/// φ′(z) of a layer with the output `a`; `None` where it is 1 everywhere.
pub(crate) fn slope<'g>(activation: Activation, z: Value<'g>, a: Value<'g>) -> Option<Value<'g>> {
    let above = |yes: f64, no: Value<'g>| z.is_above(0.0).choose(z.number(yes), no);
    Some(match activation {
        Activation::Identity => return None,
        Activation::Sigmoid => sigmoid(z) * sigmoid(-z),
        Activation::Tanh => 1.0 - a.square(),
        Activation::Relu => z.is_above(0.0).cast(z.element()),
        Activation::LeakyRelu => above(1.0, z.number(LEAKY_SLOPE)),
        Activation::Softplus => sigmoid(z),
        Activation::Elu => above(1.0, z.at_most(0.0).exp()),
        Activation::Silu => sigmoid(z) * (1.0 + z * sigmoid(-z)),
        Activation::Gelu => {
            let density = (-0.5 * z.square()).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let erf = (z * std::f64::consts::FRAC_1_SQRT_2).by("Erf", vec![]);
            0.5 * (1.0 + erf) + z * density
        }
    })
}

fn sigmoid(z: Value<'_>) -> Value<'_> {
    z.by("Sigmoid", vec![])
}

/// ln(1 + eᶻ) without overflow at either end.
pub(crate) fn softplus(z: Value<'_>) -> Value<'_> {
    z.at_least(0.0) + (-z.abs()).exp().log_of_one_more()
}
