"""‖J‖²_F of a chain of dense layers in closed form, for any library of arrays.

::

    J = D_L W_L … D_1 W_1,   D_l = diag φ′(z_l)        per row b of the batch:
    P_b = Σ_i φ′(z_L,i)² p_i,   p_i = ‖row i of U W_1‖² = (U G Uᵀ)_ii,   U = W_L D_{L-1} … W_2 D_1,   G = W_1 W_1ᵀ

``xp`` is the library: ``torch``, ``keras.ops``, or ``numpy``. It needs ``einsum``, ``ones_like``, ``reshape`` and
``sum``, for roots ``sqrt``, and for the slopes ``exp``, ``tanh``, ``sigmoid``, ``erf``, ``zeros_like``, ``where``.
Weights W_l have the shape (m_l, m_{l-1}), slopes φ′(z_l) (N, m_l). J is built by no call of
automatic differentiation; the gradient of what stands here is the library's own affair.

Source: Rifai et al. 2011, section 3.1, for one layer; derivation of the rest: docs/derivations/frobenius-deep.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

# Multiply-adds that an explicit entry of J is worth: it is written, squared and scaled. As in the core's order.rs.
_ENTRY_OF_J = 12


@dataclass
class Dense:
    """What a linear layer does to a change of its input: times the weight, (m, n), transposed."""

    weight: Any


@dataclass
class Slopes:
    """What an elementwise layer does: times numbers of each row, (N, …)."""

    values: Any


@dataclass
class Scale:
    """A change times numbers that all rows share, which broadcast to (1, …)."""

    values: Any


class Chain(NamedTuple):
    """A product of weights and slopes, in the order in which the input meets them.

    ``weights[0]`` may be None, an identity: then ``slopes[0]`` stands at the input itself. ``slopes[-1]`` may be None,
    where the code is linear.
    """

    weights: Sequence[Any]
    slopes: Sequence[Any]

    def transposed(self, xp: Any) -> Chain:
        """Give the chain whose Jacobian is Jᵀ: the columns of J as rows, from the input up."""
        turned = [xp.einsum("ij->ji", W) for W in self.weights if W is not None][::-1]
        first, last = self.weights[0], self.slopes[-1]
        inner = list(self.slopes[:-1])[::-1]
        top = None
        if first is None:
            top = inner.pop()
        if last is None:
            return Chain(turned, [*inner, top])
        return Chain([None, *turned], [last, *inner, top])


def chain_of(xp: Any, parts: Iterable[Dense | Slopes | Scale]) -> Chain:
    """Give parts of an encoder, at least one, as alternating weights and slopes.

    Constants go into the weights beside them, and weights with nothing between them become one.
    """
    weights: list[Any] = []
    slopes: list[Any] = []
    for part in parts:
        if isinstance(part, Dense):
            if weights and slopes[-1] is None:
                below = weights[-1]
                weights[-1] = part.weight if below is None else part.weight @ below
            else:
                weights.append(part.weight)
                slopes.append(None)
            continue
        if not weights:
            weights.append(None)
            slopes.append(None)
        values, held = xp.reshape(part.values, (-1, math.prod(part.values.shape[1:]))), slopes[-1]
        if isinstance(part, Scale) and held is None and weights[-1] is not None:
            weights[-1] = xp.reshape(values, (-1, 1)) * weights[-1]
        else:
            slopes[-1] = values if held is None else held * values
    # A constant before the first weight goes into it, so that the first part is a weight where it can be.
    if len(weights) > 1 and weights[0] is None and slopes[0] is not None and slopes[0].shape[0] == 1:
        weights, scale, slopes = weights[1:], slopes[0], slopes[1:]
        weights[0] = weights[0] * scale
    return Chain(weights, slopes)


def by_layer(parts: Sequence[Any], kinds: tuple[type, ...]) -> list[Sequence[Any]]:
    """Cut parts into layers: a linear part, of one of these kinds, with what follows it; the first with what precedes it."""
    starts = [0, *[i for i, part in enumerate(parts) if isinstance(part, kinds)][1:]]
    return [parts[start:end] for start, end in zip(starts, [*starts[1:], len(parts)], strict=True)]


def sizes_of(chain: Chain, d: int) -> tuple[int, ...]:
    """Give d, m_1, …, k."""
    return (d, *(d if W is None else W.shape[0] for W in chain.weights))


class Order(NamedTuple):
    """How J is multiplied out: from the code down or, transposed, from the input up; and whether G = W_1 W_1ᵀ ends it."""

    from_input: bool
    gram: bool


def multiply_adds(sizes: Sequence[int], order: Order, n_rows: int) -> float:
    """Count the multiply-adds of value and gradient for a row of the batch, as the core does.

    ``sizes`` are d, m_1, …, k, and a batch has ``n_rows``. One layer has no order: Σ_j φ′(z_j)² ‖W_j‖².
    """
    d, m_1, k, last = sizes[0], sizes[1], sizes[-1], sizes[-2]
    inner = sum(a * b for a, b in pairwise(sizes[1:-1]))
    if len(sizes) == 2:
        return 3.0 * m_1 + 2.0 * d * m_1 / n_rows
    if order.from_input:
        return d * (3.0 * (inner + last * k + m_1) + _ENTRY_OF_J * k)
    if order.gram:
        return k * (3.0 * (inner + last) + 2.0 * m_1 * m_1) + 2.0 * d * m_1 * m_1 / n_rows
    return k * (3.0 * (inner + last) + 3.0 * m_1 * d + _ENTRY_OF_J * d)


@lru_cache(maxsize=256)
def choose(sizes: tuple[int, ...], n_rows: int) -> Order:
    """Give the order with the fewest multiply-adds for encoder sizes d, m_1, …, k."""
    orders = (Order(False, True), Order(False, False), Order(True, False))
    return min(orders, key=lambda order: multiply_adds(sizes, order, max(n_rows, 1)))


def squared_norm(xp: Any, chain: Chain, order: Order) -> Any:
    """Give ‖J‖²_F of each row, shape (N,)."""
    if order.from_input:
        return squared_norm(xp, chain.transposed(xp), Order(False, False))
    s = chain.slopes[-1]
    p = squares_of_rows(xp, chain, order)
    return xp.sum(p, 1) if s is None else xp.sum(s * s * p, 1)


def squares_of_rows(xp: Any, chain: Chain, order: Order) -> Any:
    """Give p, the squared norm of each row of J before the slopes of the code, shape (N, k), or (1, k) of one layer."""
    W_1 = chain.weights[0]
    if len(chain.weights) == 1:
        return xp.ones_like(chain.slopes[0]) if W_1 is None else xp.reshape(xp.sum(W_1 * W_1, 1), (1, -1))
    U = rows_above(xp, chain)
    if W_1 is None:
        return xp.sum(U * U, 2)
    T = times(xp, U, xp.einsum("ia,ja->ij", W_1, W_1) if order.gram else W_1)
    return xp.sum(T * (U if order.gram else T), 2)


def positive_root(xp: Any, squares: Any) -> Any:
    """Give √ of each, with gradient 0 at 0 in place of ∞."""
    is_above = squares > 0
    return xp.where(is_above, xp.sqrt(xp.where(is_above, squares, xp.ones_like(squares))), xp.zeros_like(squares))


def rows_above(xp: Any, chain: Chain, top: Any = None) -> Any:
    """Give U = ∂(code before its slopes)/∂z_1, shape (N, k, m_1), of a chain of two layers or more.

    ``top`` are other rows in the place of the k unit rows: probes already times the slopes of the code, shape (N, p, k).
    """
    weights, slopes = list(chain.weights), list(chain.slopes)
    V = weights[-1] if top is None else times(xp, top, weights[-1])
    U = V * slopes[-2][:, None, :]
    for W, s in zip(weights[-2:0:-1], slopes[-3::-1], strict=True):
        U = times(xp, U, W) * s[:, None, :]
    return U


def times(xp: Any, rows: Any, W: Any) -> Any:
    """Multiply rows of shape (N, k, m) by a matrix (m, n), as one product of N k rows."""
    k, m, n = rows.shape[1], rows.shape[2], W.shape[1]
    return xp.reshape(xp.reshape(rows, (-1, m)) @ W, (-1, k, n))


def _gelu_slope(xp: Any, z: Any) -> Any:
    return 0.5 * (1 + xp.erf(z * math.sqrt(0.5))) + z * xp.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def _logistic_slope(xp: Any, z: Any) -> Any:
    # Not h(1 − h): 1 − h is 0 in 32 bits from z = 17 on.
    return xp.sigmoid(z) * xp.sigmoid(-z)


# φ′ by the names of the files (docs/derivations/activations.md); at the kinks the left value, as PyTorch takes.
SLOPES: dict[str, Callable[[Any, Any], Any]] = {
    "sigmoid": _logistic_slope,
    "tanh": lambda xp, z: 1 - xp.tanh(z) * xp.tanh(z),
    "relu": lambda xp, z: step(xp, z, 0.0),
    "leaky_relu": lambda xp, z: step(xp, z, 0.01),
    "softplus": lambda xp, z: xp.sigmoid(z),
    # The exponential of what is not above 0 alone: that of the rest may overflow, and 0 · ∞ is no gradient.
    "elu": lambda xp, z: xp.exp(xp.where(z > 0, xp.zeros_like(z), z)),
    "silu": lambda xp, z: xp.sigmoid(z) * (1 + z * xp.sigmoid(-z)),
    "gelu": _gelu_slope,
}


def step(xp: Any, z: Any, low: float) -> Any:
    """Give 1 where z > 0, else ``low``: no gradient flows to z."""
    ones = xp.ones_like(z)
    return xp.where(z > 0, ones, low * ones)
