"""The penalties of Contractive on Keras encoders: exact, one value a row, differentiable by every backend.

Definitions are those of the command and the estimators (docs/derivations): sums over inputs and code units, no ½, no
division but the mean over rows, which ``reduction`` takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from .._closed_form import Dense, Order, by_layer, chain_of, choose, positive_root, sizes_of, squared_norm
from .errors import PenaltyError
from .reading import Part, read
from .slopes import Derivatives

# Rows of a batch whose size is not known when a graph is traced: for the order of contraction alone.
_ROWS = 128


def jacobian_penalty(
    encoder: Any,
    x: Any,
    *,
    reduction: str = "mean",
    derivatives: Derivatives = None,
    return_code: bool = False,
) -> Any:
    """Give ‖∂f/∂x‖²_F of an encoder f, summed over inputs and code units, for each row or their mean.

    It is the encoder as inference computes it: dropout is idle, batch normalisation takes its moving statistics. J is never
    built by automatic differentiation; the product is multiplied out in the order with the fewest operations. Everything
    is in the precision of the variables, also under a mixed-precision policy; of float64 Keras itself takes some operations
    in 32 bits on JAX (exp, tanh, sqrt, erf).

    Parameters
    ----------
    encoder : keras.Sequential, functional keras.Model, or list of layers
        From rows to codes, a chain of ``Dense``, elementwise activations, ``Dropout``, ``BatchNormalization``,
        ``Normalization``, ``Rescaling``, ``Flatten`` and ``Reshape``. Of a subclassed model, the encoder's layers in order.
    x : tensor, array or nested list of shape (N, …)
        Rows.
    reduction : {"mean", "sum", "none"}, default="mean"
        Over rows; ``"none"`` gives shape (N,).
    derivatives : dict, optional
        φ′ of activations of your own, as functions of z, by activation function or by the class of an elementwise layer:
        ``{swish: lambda z: …}``.
    return_code : bool, default=False
        Give the code too, as inference gives it: ``(penalty, code)``.

    Returns
    -------
    penalty : tensor
        A scalar, or shape (N,), which the backend differentiates.

    Raises
    ------
    PenaltyError
        Where the graph branches, or a layer or activation has no closed form; the message names it and the remedy.
    ValueError
        For another reduction.

    Examples
    --------
    >>> import keras, numpy as np
    >>> from contractive.keras import jacobian_penalty
    >>> encoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
    >>> encoder.set_weights([np.array([[3.0], [4.0]]), np.zeros(1)])
    >>> float(jacobian_penalty(encoder, np.zeros((1, 2))))  # (1/4 · 3)² + (1/4 · 4)²
    1.5625
    """
    _check(reduction)
    parts, code = read(encoder, x, derivatives)
    value = _reduced(_squared_norms(parts, x, code), reduction)
    return (value, code) if return_code else value


def jacobian_norm(encoder: Any, x: Any, *, reduction: str = "mean", derivatives: Derivatives = None) -> Any:
    """Give ‖∂f/∂x‖_F, not squared, for each row or their mean; where J is 0 the gradient is taken as 0.

    Parameters are those of :func:`jacobian_penalty`.
    """
    _check(reduction)
    parts, code = read(encoder, x, derivatives)
    return _reduced(positive_root(ops, _squared_norms(parts, x, code)), reduction)


def layerwise(encoder: Any, x: Any, *, reduction: str = "mean", derivatives: Derivatives = None) -> Any:
    """Give Σ_l ‖∂a_l/∂a_{l-1}‖²_F, the penalty of the deep contractive network (Gu and Rigazio 2014).

    A layer is a ``Dense`` with the slopes and scales after it. Parameters are those of :func:`jacobian_penalty`.
    """
    _check(reduction)
    parts, code = read(encoder, x, derivatives)
    rows = [_squared_norms(list(layer), x, code) for layer in by_layer(parts, (Dense,))]
    return _reduced(sum(rows[1:], rows[0]), reduction)


def _squared_norms(parts: list[Part], x: Any, code: Any) -> Any:
    """Give ‖J‖²_F of a stretch of the encoder, shape (N,)."""
    flat = ops.reshape(code, (-1, math.prod(code.shape[1:])))
    none = ops.zeros_like(flat[:, 0])
    if not parts:
        return none + flat.shape[1]
    chain = chain_of(ops, parts)
    # Of what the sizes are for, the order, an identity in front leaves no choice.
    n_rows, *of_a_row = np.shape(x)
    sizes = sizes_of(chain, math.prod(of_a_row))
    order = Order(False, False) if chain.weights[0] is None else choose(sizes, n_rows or _ROWS)
    # A Jacobian that is the same for all rows is one value.
    return none + squared_norm(ops, chain, order)


def _check(reduction: str) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"`reduction` must be one of mean, sum, none, got {reduction!r}")


def _reduced(rows: Any, reduction: str) -> Any:
    if reduction == "none":
        return rows
    total = ops.sum(rows)
    # Not ops.mean, which would take 64 bits for 32, except on TensorFlow.
    return total / ops.cast(ops.shape(rows)[0], rows.dtype) if reduction == "mean" else total


PENALTIES: dict[str, Callable[..., Any]] = {
    "jacobian": jacobian_penalty,
    "jacobian_norm": jacobian_norm,
    "layerwise": layerwise,
}
__all__ = ["PENALTIES", "PenaltyError", "jacobian_norm", "jacobian_penalty", "layerwise"]
