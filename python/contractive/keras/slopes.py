"""φ′ of Keras' activations, by function and by layer.

The closed forms are those of ``contractive._closed_form``. Parameters are Keras' own, whose defaults differ from place to
place: ``activation="leaky_relu"`` has a slope of 0.2 below 0, the layer ``LeakyReLU()`` one of 0.3. Functions of the backend
(``tf.nn.relu``, ``jax.nn.relu``, ``torch.relu``) are known as well.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

from keras import activations, layers, ops

from .._closed_form import SLOPES, step
from .variables import value_of

# From z to φ′(z).
Derivative: TypeAlias = Callable[[Any], Any]
# By an activation function, or by the class of an elementwise layer.
Derivatives: TypeAlias = Mapping[Any, Derivative] | None


def relu(z: Any, negative_slope: float, max_value: float | None, threshold: float) -> Any:
    """Give the slope of Keras' ReLU: that below the threshold, 1 above it, 0 from the largest value on."""
    ones = ops.ones_like(z)
    slope = ops.where(z > threshold, ones, negative_slope * ones)
    return slope if max_value is None else ops.where(z < max_value, slope, ops.zeros_like(z))


def elu(z: Any, alpha: float, scale: float = 1.0) -> Any:
    """Give the slope of scale · ELU."""
    return scale * ops.where(z > 0, ops.ones_like(z), alpha * SLOPES["elu"](ops, z))


def gelu_by_tanh(z: Any) -> Any:
    """Give the slope of GELU as tanh approximates it."""
    c, a = math.sqrt(2 / math.pi), 0.044715
    t = ops.tanh(c * (z + a * z * z * z))
    return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * c * (1 + 3 * a * z * z)


_OURS: dict[str, Derivative] = {name: partial(slope, ops) for name, slope in SLOPES.items()}


def _softsign(z: Any) -> Any:
    below = 1 + ops.abs(z)
    return 1 / (below * below)


# None is a slope of 1.
_OF_KERAS: dict[Any, Derivative | None] = {
    activations.linear: None,
    activations.sigmoid: _OURS["sigmoid"],
    activations.tanh: _OURS["tanh"],
    activations.relu: _OURS["relu"],
    activations.relu6: partial(relu, negative_slope=0.0, max_value=6.0, threshold=0.0),
    activations.leaky_relu: partial(step, ops, low=0.2),
    activations.softplus: _OURS["softplus"],
    activations.softsign: _softsign,
    activations.elu: _OURS["elu"],
    activations.selu: partial(elu, alpha=1.6732632423543772, scale=1.0507009873554805),
    activations.exponential: ops.exp,
    activations.silu: _OURS["silu"],
    activations.gelu: _OURS["gelu"],
}

# The functions of the backends by their names there; where a default differs, the slope that it gives.
_OF_BACKENDS: dict[str, dict[str, Derivative]] = {
    "tensorflow": {
        **{f"nn.{name}": _OURS[name] for name in ("sigmoid", "tanh", "relu", "softplus", "elu", "silu", "gelu")},
        "nn.swish": _OURS["silu"],
        "nn.leaky_relu": partial(step, ops, low=0.2),
        "tanh": _OURS["tanh"],
        "sigmoid": _OURS["sigmoid"],
    },
    "jax": {
        **{f"nn.{name}": _OURS[name] for name in ("sigmoid", "tanh", "relu", "softplus", "elu", "silu", "leaky_relu")},
        "nn.swish": _OURS["silu"],
        "nn.gelu": gelu_by_tanh,
        "numpy.tanh": _OURS["tanh"],
    },
    "torch": {
        **{f"nn.functional.{name}": slope for name, slope in _OURS.items()},
        "relu": _OURS["relu"],
        "sigmoid": _OURS["sigmoid"],
        "tanh": _OURS["tanh"],
    },
}


def _of_backends() -> Iterator[tuple[Any, Derivative]]:
    """Give functions of the libraries that are loaded: none is imported for this."""
    for library, known in _OF_BACKENDS.items():
        module = sys.modules.get(library)
        for name, slope in known.items() if module is not None else ():
            found = module
            for part in name.split("."):
                found = getattr(found, part, None)
            if found is not None:
                yield found, slope


def of_function(function: Any, derivatives: Derivatives) -> tuple[bool, Derivative | None]:
    """Tell whether an activation function's derivative is known, and give it; None for the identity."""
    if derivatives is not None and function in derivatives:
        return True, derivatives[function]
    if function in _OF_KERAS:
        return True, _OF_KERAS[function]
    for known, slope in _of_backends():
        if function is known:
            return True, slope
    return False, None


def name_of_function(function: Any) -> str | None:
    """Give our name of an activation function that is one of ours, as Keras or its backend has it; else None."""
    _, slope = of_function(function, None)
    ours = [name for name, known in _OURS.items() if known is slope]
    return ours[0] if ours else None


def of_layer(layer: Any, derivatives: Derivatives) -> Derivative | None:
    """Give the derivative of an elementwise layer, None where it is not known to be one."""
    if derivatives is not None and type(layer) in derivatives:
        return derivatives[type(layer)]
    if not calls_keras(layer):
        return None
    if isinstance(layer, layers.ReLU):
        return partial(relu, negative_slope=layer.negative_slope, max_value=layer.max_value, threshold=layer.threshold)
    if isinstance(layer, layers.LeakyReLU):
        return partial(step, ops, low=layer.negative_slope)
    if isinstance(layer, layers.ELU):
        return partial(elu, alpha=layer.alpha)
    if isinstance(layer, layers.PReLU):
        return lambda z: ops.where(z > 0, ops.ones_like(z), value_of(layer.alpha) + ops.zeros_like(z))
    return None


def calls_keras(layer: Any) -> bool:
    """Tell whether what a layer computes is Keras' own, not overridden."""
    definer = next(kind for kind in type(layer).__mro__ if "call" in vars(kind))
    return str(definer.__module__).split(".")[0] == "keras"
