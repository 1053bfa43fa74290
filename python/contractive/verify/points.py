"""An encoder at some weights and rows, seen by a formula: its layers' weights, slopes and codes, and its Jacobian.

Arrays are tensors of PyTorch or variables of ``contractive.verify.tape``, in float64, with the operations that both have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

# Numbers of a Jacobian of all rows above which formulas that need it are not tried.
_LARGEST_JACOBIAN = 1 << 25


@dataclass
class Layer:
    """A dense layer: W (m, n), its output after the activation a (N, m), and the slopes φ′(z) (N, m)."""

    W: Any
    a: Any
    s: Any


@dataclass
class Decoding:
    """What a decoder makes of the code: the rows given back (N, d), and Jacobians with their gradient.

    ``of_code`` is ∂g/∂h, (N, d, k); ``decode`` takes anything in the place of a code.
    """

    rows: Any
    of_code: Any
    decode: Callable[[Any], Any]


@dataclass
class Point:
    """An encoder at rows.

    Attributes
    ----------
    x, h : arrays of shape (N, d) and (N, k)
        Rows and codes, flattened.
    exact : array of shape (N,)
        ‖∂h/∂x‖²_F of each row.
    layers : list of Layer
        Dense layers, first to last: those whose output becomes a code or the input of the next element by element.
    is_chain : bool
        Whether ∂h/∂x is the product of these layers alone.
    whole : function to array of shape (N, k, d), or None
        ∂h/∂x where it is no such product.
    stale : list of arrays
        The weights of ``layers`` at the encoder's own parameters, constants.
    differentiate : function
        From a scalar to the gradient in each parameter.
    decoding : Decoding or None
        Where a decoder was given.
    """

    x: Any
    h: Any
    exact: Any
    layers: list[Layer]
    is_chain: bool
    whole: Callable[[], Any] | None
    stale: list[Any]
    differentiate: Callable[[Any], dict[str, Any]]
    decoding: Decoding | None = None
    _views: dict[Any, View] = field(default_factory=dict)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """N, k and d."""
        return int(self.x.shape[0]), int(self.h.shape[1]), int(self.x.shape[1])

    def view(self, held: str = "", slopes: str = "", weights: str = "") -> View:
        """Give what a formula sees.

        Parameters
        ----------
        held : {"", "weights", "slopes"}
            What is a constant to the gradient.
        slopes : {"", "logistic"}
            ``"logistic"`` puts a(1 − a) in the place of φ′(z).
        weights : {"", "stale"}
            ``"stale"`` puts in the weights that the encoder had before.
        """
        key = (held, slopes, weights)
        if key not in self._views:
            self._views[key] = View(self, held, slopes, weights)
        return self._views[key]


class View:
    """A point as a formula sees it: with weights or slopes held, exchanged, or as they are."""

    def __init__(self, point: Point, held: str, slopes: str, weights: str) -> None:
        self.point = point
        self.is_plain = not (held or slopes or weights)
        self.x, self.h, self.decoding = point.x, point.h, point.decoding
        self.W = point.stale if weights else [layer.W for layer in point.layers]
        self.s = [layer.a * (1 - layer.a) if slopes else layer.s for layer in point.layers]
        if held == "weights":
            self.W = [W.detach() for W in self.W]
        if held == "slopes":
            self.s = [s.detach() for s in self.s]

    @cached_property
    def J(self) -> Any:
        """Jacobian of each row, (N, k, d), or None where it cannot be had in this view."""
        n, k, d = self.point.sizes
        if n * k * d > _LARGEST_JACOBIAN:
            return None
        if self.point.is_chain:
            return product(self.W, self.s)
        return self.point.whole() if self.is_plain and self.point.whole else None

    @cached_property
    def exact(self) -> Any:
        """‖J‖²_F of each row, (N,)."""
        if self.is_plain:
            return self.point.exact
        return None if self.J is None else self.J.square().sum((1, 2))


def product(weights: Sequence[Any], slopes: Sequence[Any]) -> Any:
    """Multiply D_L W_L … D_1 W_1 out from the code down: (N, k, d)."""
    J = slopes[-1].unsqueeze(2) * weights[-1]
    for W, s in zip(weights[-2::-1], slopes[-2::-1], strict=True):
        J = (J * s.unsqueeze(1)) @ W
    return J
