"""Reverse-mode differentiation over NumPy in float64: what candidate formulas need where PyTorch is not.

:class:`Variable` has the names that a tensor of PyTorch has (``sum``, ``square``, ``mT``, ``unsqueeze``, ``detach``, …), so
that a formula is written once. The functions at the end are those that ``contractive._closed_form`` asks of a library of
arrays.

Source: the chain rule, backwards through a recorded graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_erf = np.vectorize(math.erf, otypes=[np.float64])

# A parent, and what the gradient of the result is to it.
Edge = tuple["Variable", Callable[[Any], Any]]


class Variable:
    """An array with the operations that made it.

    Parameters
    ----------
    value : array of any shape
        Taken as float64.
    edges : sequence of (Variable, function), optional
        What it was made of, each with the product of a gradient and the derivative.
    """

    # NumPy leaves `array * variable` to the variable.
    __array_ufunc__ = None

    def __init__(self, value: Any, edges: Sequence[Edge] = ()) -> None:
        self.value = np.asarray(value, dtype=np.float64)
        self.edges = list(edges)

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return self.value.ndim

    def __float__(self) -> float:
        return float(self.value)

    def __gt__(self, other: float) -> Any:
        return self.value > other

    def __add__(self, other: Any) -> Variable:
        other = variable(other)
        return Variable(self.value + other.value, [(self, lambda g: g), (other, lambda g: g)])

    def __mul__(self, other: Any) -> Variable:
        other = variable(other)
        edges: list[Edge] = [(self, lambda g: g * other.value), (other, lambda g: g * self.value)]
        return Variable(self.value * other.value, edges)

    def __truediv__(self, other: float) -> Variable:
        return self * (1.0 / other)

    def __matmul__(self, other: Any) -> Variable:
        other = variable(other)
        if other.ndim == 1:
            weighted: Variable = self * other
            return weighted.sum(-1)
        return Variable(
            self.value @ other.value,
            [(self, lambda g: g @ _turned(other.value)), (other, lambda g: _turned(self.value) @ g)],
        )

    def __neg__(self) -> Variable:
        return self * -1.0

    def __sub__(self, other: Any) -> Variable:
        return self + variable(other) * -1.0

    def __rsub__(self, other: Any) -> Variable:
        return variable(other) - self

    __radd__ = __add__
    __rmul__ = __mul__

    @property
    def mT(self) -> Variable:
        """The last two axes exchanged."""
        return Variable(_turned(self.value), [(self, _turned)])

    def sum(self, dim: int | tuple[int, ...] | None = None) -> Variable:
        """Add up over axes, or over all."""
        axes = tuple(range(self.ndim)) if dim is None else dim
        return Variable(
            self.value.sum(axes), [(self, lambda g: np.broadcast_to(np.expand_dims(g, axes), self.value.shape))]
        )

    def mean(self, dim: int | None = None) -> Variable:
        """Average over an axis, or over all."""
        total = self.sum(dim)
        return total / (self.value.size / max(total.value.size, 1))

    def square(self) -> Variable:
        """Square each element."""
        return self * self

    def sqrt(self) -> Variable:
        """Take the root of each element; where it is 0 the gradient is taken as 0."""
        root = np.sqrt(self.value)
        slope = np.divide(0.5, root, out=np.zeros_like(root), where=root > 0)
        return Variable(root, [(self, lambda g: g * slope)])

    def abs(self) -> Variable:
        """Take each element without its sign."""
        return Variable(np.abs(self.value), [(self, lambda g: g * np.sign(self.value))])

    def unsqueeze(self, dim: int) -> Variable:
        """Put in an axis of length 1."""
        return Variable(np.expand_dims(self.value, dim), [(self, lambda g: np.squeeze(g, dim))])

    def detach(self) -> Variable:
        """Give the same numbers as a constant."""
        return Variable(self.value)


def variable(value: Any) -> Variable:
    """Give a variable as it is, anything else as a constant."""
    return value if isinstance(value, Variable) else Variable(value)


def _turned(value: Any) -> Any:
    return np.swapaxes(value, -1, -2)


def gradients(value: Variable, leaves: Sequence[Variable]) -> list[Any]:
    """Give the gradients of a scalar in the leaves, zeros where it does not depend on one."""
    order: list[Variable] = []
    seen: set[int] = set()
    pending: list[tuple[Variable, bool]] = [(value, False)]
    while pending:
        node, is_done = pending.pop()
        if is_done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            pending.append((node, True))
            pending += [(parent, False) for parent, _ in node.edges]
    found: dict[int, Any] = {id(value): np.ones_like(value.value)}
    for node in reversed(order):
        g = found.get(id(node))
        for parent, share in node.edges if g is not None else ():
            part = _summed_to(share(g), parent.value.shape)
            before = found.get(id(parent))
            found[id(parent)] = part if before is None else before + part
    return [found.get(id(leaf), np.zeros_like(leaf.value)) for leaf in leaves]


def _summed_to(g: Any, shape: tuple[int, ...]) -> Any:
    """Add up over the axes along which an operand was repeated."""
    g = g.sum(tuple(range(g.ndim - len(shape))))
    repeated = tuple(axis for axis, n in enumerate(shape) if n == 1 and g.shape[axis] != 1)
    return g.sum(repeated, keepdims=True)


def _elementwise(value: Any, slope: Any, z: Variable) -> Variable:
    return Variable(value, [(z, lambda g: g * slope)])


def exp(z: Variable) -> Variable:
    """eᶻ."""
    value = np.exp(z.value)
    return _elementwise(value, value, z)


def tanh(z: Variable) -> Variable:
    """The hyperbolic tangent."""
    value = np.tanh(z.value)
    return _elementwise(value, 1 - value * value, z)


def sigmoid(z: Variable) -> Variable:
    """The logistic function, by the half that does not overflow."""
    small = np.exp(-np.abs(z.value))
    value = np.where(z.value > 0, 1, small) / (1 + small)
    return _elementwise(value, small / (1 + small) ** 2, z)


def erf(z: Variable) -> Variable:
    """The error function."""
    return _elementwise(_erf(z.value), 2 / math.sqrt(math.pi) * np.exp(-z.value * z.value), z)


def softplus(z: Variable) -> Variable:
    """log(1 + eᶻ)."""
    return _elementwise(np.logaddexp(0, z.value), sigmoid(z).value, z)


def where(condition: Any, yes: Any, no: Any) -> Variable:
    """Choose by element."""
    yes, no = variable(yes), variable(no)
    edges: list[Edge] = [(yes, lambda g: np.where(condition, g, 0)), (no, lambda g: np.where(condition, 0, g))]
    return Variable(np.where(condition, yes.value, no.value), edges)


def zeros_like(z: Variable) -> Variable:
    """Zeros of the same shape."""
    return Variable(np.zeros_like(z.value))


def ones_like(z: Variable) -> Variable:
    """Ones of the same shape."""
    return Variable(np.ones_like(z.value))
