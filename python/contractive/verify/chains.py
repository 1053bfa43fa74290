"""Dense encoders known by their tensors and the names of their activations, as Keras and NumPy give them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._closed_form import SLOPES
from . import tape
from .points import Layer, Point, product
from .tape import Variable

# φ by the names of the files; φ′ are those of the closed form, whose derivatives the tape finds.
VALUES: dict[str, Callable[[Variable], Variable]] = {
    "identity": lambda z: z,
    "sigmoid": tape.sigmoid,
    "tanh": tape.tanh,
    "relu": lambda z: tape.where(z > 0, z, 0.0),
    "leaky_relu": lambda z: tape.where(z > 0, z, 0.01 * z),
    "softplus": tape.softplus,
    "elu": lambda z: tape.where(z > 0, z, tape.exp(tape.where(z > 0, 0.0, z)) - 1.0),
    "silu": lambda z: z * tape.sigmoid(z),
    "gelu": lambda z: z * (0.5 + 0.5 * tape.erf(z * math.sqrt(0.5))),
}


def slope(name: str, z: Variable) -> Variable:
    """Give φ′(z) of an activation by name."""
    return tape.ones_like(z) if name == "identity" else SLOPES[name](tape, z)


def point(
    parameters: Mapping[str, Any], activations: Sequence[str], x: Any, stale: Mapping[str, Any] | None = None
) -> Point:
    """Take a dense encoder at rows.

    Parameters
    ----------
    parameters : dict of str to array
        ``encoder.0.weight`` of shape (out, in), ``encoder.0.bias`` of shape (out,), …; a bias may be missing.
    activations : sequence of str
        One a layer, by name.
    x : array of shape (N, d)
        Rows.
    stale : dict of str to array, optional
        The parameters that the encoder had before; by default ``parameters``.
    """
    leaves = {name: Variable(value) for name, value in parameters.items()}
    layers: list[Layer] = []
    a = rows = Variable(x)
    for i, name in enumerate(activations):
        W = leaves[f"encoder.{i}.weight"]
        z = a @ W.mT
        if f"encoder.{i}.bias" in leaves:
            z = z + leaves[f"encoder.{i}.bias"]
        a = VALUES[name](z)
        layers.append(Layer(W, a, slope(name, z)))
    J = product([layer.W for layer in layers], [layer.s for layer in layers])
    before = stale or parameters
    return Point(
        x=rows,
        h=a,
        exact=J.square().sum((1, 2)),
        layers=layers,
        is_chain=True,
        whole=None,
        stale=[Variable(before[f"encoder.{i}.weight"]) for i in range(len(layers))],
        differentiate=lambda value: dict(
            zip(leaves, tape.gradients(value, list(leaves.values())), strict=True),
        ),
    )
