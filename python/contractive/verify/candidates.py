"""What people add to their loss and call the contractive penalty: each formula as a value a row of the batch.

Sources: the audit of published implementations in docs/check-penalty.md; docs/derivations/ for those that are right. A
formula is written once, for tensors of PyTorch and for variables of ``contractive.verify.tape``. What a formula can not be
asked (no decoder, no dense last layer, J too large) it answers with None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from .points import Point, View

RIGHT = "right"
CONSTANT = "constant factor"
NOT_SQUARED = "not squared"
LAST_LAYER = "last layer only"
LAYERWISE = "layerwise sum"
LOGISTIC = "h(1-h) with another activation"
HELD = "W held constant"
SLOPES_HELD = "slopes held constant"
STALE = "stale copy of W"
SUM_GRADIENT = "sum gradient"
SUMMED_FIRST = "summed before squaring"
MEAN = "mean over units"
DIFFERENCES = "finite-difference noise"
UNBIASED = "unbiased estimate"
SECOND_ORDER = "second term of CAE+H"
WRONG_TENSOR = "wrong tensor"
INERT = "inert"
OTHER_GRADIENT = "gradient of another value"
NOT_FINITE = "not finite"
UNKNOWN = "differs in none of the known ways"
UNDECIDED = "cannot be judged"

KINDS = (
    RIGHT,
    UNBIASED,
    CONSTANT,
    MEAN,
    NOT_SQUARED,
    LAYERWISE,
    LAST_LAYER,
    LOGISTIC,
    HELD,
    STALE,
    SLOPES_HELD,
    SUM_GRADIENT,
    SUMMED_FIRST,
    DIFFERENCES,
    SECOND_ORDER,
    WRONG_TENSOR,
    INERT,
    OTHER_GRADIENT,
    NOT_FINITE,
    UNKNOWN,
    UNDECIDED,
)


@dataclass(frozen=True)
class Formula:
    """A formula.

    Attributes
    ----------
    name : str
        What it computes, in symbols.
    kinds : tuple of str
        What is wrong with it; empty for ‖J‖²_F itself.
    rows : function
        From a view to its value a row, (N,), or, with ``reduce="batch"``, to one value of the batch.
    slopes, weights : str
        The view that it takes (``Point.view``).
    reduce : {"mean", "root", "batch root", "batch"}
        Mean over rows; mean of roots; root of the mean; as it is.
    is_product : bool
        Whether it is made of weights and slopes, which can be held constant.
    """

    name: str
    kinds: tuple[str, ...]
    rows: Callable[[View], Any]
    slopes: str = ""
    weights: str = ""
    reduce: str = "mean"
    is_product: bool = False

    def value(self, point: Point, held: str = "") -> Any:
        """Give the value at a point, a scalar, or None where there is none."""
        rows = self.rows(point.view(held, self.slopes, self.weights))
        if rows is None or self.reduce == "batch":
            return rows
        if self.reduce == "root":
            return rows.sqrt().mean()
        return rows.mean().sqrt() if self.reduce == "batch root" else rows.mean()

    def holds(self) -> Iterator[str]:
        """Give what may be held constant in it: nothing, the weights, the slopes."""
        yield ""
        if self.is_product:
            yield "weights"
            yield "slopes"


def _exact(v: View) -> Any:
    return v.exact


def _last(v: View) -> Any:
    return _of_layer(v, -1) if v.W else None


def _first(v: View) -> Any:
    return _of_layer(v, 0) if len(v.W) > 1 else None


def _of_layer(v: View, i: int) -> Any:
    return v.s[i].square() @ v.W[i].square().sum(1)


def _layerwise(v: View) -> Any:
    return sum(_of_layer(v, i) for i in range(len(v.W))) if len(v.W) > 1 else None


def _of_jacobian(reduce: Callable[[Any], Any]) -> Callable[[View], Any]:
    return lambda v: None if v.J is None else reduce(v.J)


def _of_decoder(reduce: Callable[[Any, View], Any]) -> Callable[[View], Any]:
    return lambda v: None if v.decoding is None else reduce(v.decoding, v)


def _of_both(reduce: Callable[[Any], Any]) -> Callable[[View], Any]:
    """A function of ∂(reconstruction)/∂x, (N, d, d)."""
    return lambda v: None if v.decoding is None or v.J is None else reduce(v.decoding.of_code @ v.J)


def _of_weights(reduce: Callable[[list[Any]], Any]) -> Callable[[View], Any]:
    return lambda v: reduce(v.W) if v.W else None


def _multiplied(W: list[Any]) -> Any:
    whole = W[-1]
    for below in W[-2::-1]:
        if whole.shape[1] != below.shape[0]:
            return None
        whole = whole @ below
    return whole.square().sum()


def _logistic(h: Any) -> Any:
    return h * (1 - h)


_J = Formula("‖J‖²_F", (), _exact, is_product=True)
_LAST = Formula("Σ_j φ′(z_j)² ‖W_L,j‖²", (LAST_LAYER,), _last, is_product=True)
_LOGISTIC_CHAIN = Formula("‖J‖²_F with h(1 − h) for φ′", (LOGISTIC,), _exact, slopes="logistic", is_product=True)
_LOGISTIC_LAST = Formula(
    "Σ_j (h_j(1 − h_j))² ‖W_L,j‖²", (LAST_LAYER, LOGISTIC), _last, slopes="logistic", is_product=True
)
_PRODUCTS = (_J, _LAST, _LOGISTIC_CHAIN, _LOGISTIC_LAST)

_LAYERS = (
    Formula("Σ_l ‖D_l W_l‖²_F", (LAYERWISE,), _layerwise, is_product=True),
    Formula(
        "Σ_l ‖D_l W_l‖²_F with h(1 − h) for φ′", (LAYERWISE, LOGISTIC), _layerwise, slopes="logistic", is_product=True
    ),
    Formula("‖D_1 W_1‖²_F, the first layer alone", (WRONG_TENSOR,), _first, is_product=True),
    Formula("‖D_1 W_1‖²_F with h(1 − h) for φ′", (WRONG_TENSOR, LOGISTIC), _first, slopes="logistic", is_product=True),
)

_SUMS = (
    Formula("‖Jᵀ1‖²", (SUM_GRADIENT,), _of_jacobian(lambda J: J.sum(1).square().sum(1))),
    Formula("‖J1‖²", (SUMMED_FIRST,), _of_jacobian(lambda J: J.sum(2).square().sum(1))),
    Formula("(1ᵀJ1)²", (SUMMED_FIRST,), _of_jacobian(lambda J: J.sum((1, 2)).square())),
    Formula("(Σ over rows of 1ᵀJ1)²", (SUMMED_FIRST,), _of_jacobian(lambda J: J.sum().square()), reduce="batch"),
    Formula("1ᵀJ1, not squared", (NOT_SQUARED,), _of_jacobian(lambda J: J.sum((1, 2)))),
    Formula("Σ|J|", (NOT_SQUARED,), _of_jacobian(lambda J: J.abs().sum((1, 2)))),
    Formula(
        "‖J averaged over rows‖²_F", (SUMMED_FIRST,), _of_jacobian(lambda J: J.mean(0).square().sum()), reduce="batch"
    ),
    Formula(
        "‖J1‖² with h(1 − h) for φ′",
        (SUMMED_FIRST, LOGISTIC),
        _of_jacobian(lambda J: J.sum(2).square().sum(1)),
        slopes="logistic",
    ),
    Formula(
        "Σ_j φ′(z_j)² (Σ_i W_L,ji)²",
        (SUMMED_FIRST, LAST_LAYER),
        lambda v: v.s[-1].square() @ v.W[-1].sum(1).square() if v.W else None,
    ),
)

_ACTIVITIES = (
    Formula("Σ h²", (WRONG_TENSOR,), lambda v: v.h.square().sum(1)),
    Formula("Σ |h|", (WRONG_TENSOR,), lambda v: v.h.abs().sum(1)),
    Formula("Σ h", (WRONG_TENSOR,), lambda v: v.h.sum(1)),
    Formula("Σ (h(1 − h))², no weights", (WRONG_TENSOR,), lambda v: _logistic(v.h).square().sum(1)),
    Formula("Σ h(1 − h), no weights", (WRONG_TENSOR,), lambda v: _logistic(v.h).sum(1)),
    Formula("Σ φ′², no weights", (WRONG_TENSOR,), lambda v: v.s[-1].square().sum(1) if v.s else None),
    Formula("Σ φ′, no weights", (WRONG_TENSOR,), lambda v: v.s[-1].sum(1) if v.s else None),
)

_WEIGHTS = (
    Formula("‖W_L⋯W_1‖²_F, no slopes", (WRONG_TENSOR,), _of_weights(_multiplied), reduce="batch"),
    Formula("‖W_L‖²_F, no slopes", (WRONG_TENSOR,), _of_weights(lambda W: W[-1].square().sum()), reduce="batch"),
    Formula("‖W_1‖²_F, no slopes", (WRONG_TENSOR,), _of_weights(lambda W: W[0].square().sum()), reduce="batch"),
    Formula("Σ_l ‖W_l‖²_F", (WRONG_TENSOR,), _of_weights(lambda W: sum(w.square().sum() for w in W)), reduce="batch"),
    Formula("Σ_l Σ|W_l|", (WRONG_TENSOR,), _of_weights(lambda W: sum(w.abs().sum() for w in W)), reduce="batch"),
)

_DECODERS = (
    Formula("‖∂x̂/∂x‖²_F", (WRONG_TENSOR,), _of_both(lambda K: K.square().sum((1, 2)))),
    Formula("‖(∂x̂/∂x)ᵀ1‖²", (WRONG_TENSOR, SUM_GRADIENT), _of_both(lambda K: K.sum(1).square().sum(1))),
    Formula("‖∂x̂/∂h‖²_F", (WRONG_TENSOR,), _of_decoder(lambda D, v: D.of_code.square().sum((1, 2)))),
    Formula("‖(∂x̂/∂h)ᵀ1‖²", (WRONG_TENSOR, SUM_GRADIENT), _of_decoder(lambda D, v: D.of_code.sum(1).square().sum(1))),
    Formula(
        "‖∂(Σ x̂²)/∂h‖²",
        (WRONG_TENSOR, SUM_GRADIENT),
        _of_decoder(lambda D, v: (D.rows.unsqueeze(1) @ D.of_code).square().sum((1, 2))),
    ),
    Formula(
        "‖∂(Σ (x̂ − x)²)/∂x, x̂ alone‖²",
        (WRONG_TENSOR,),
        lambda v: (
            None
            if v.decoding is None or v.J is None
            else ((v.decoding.rows - v.x).unsqueeze(1) @ v.decoding.of_code @ v.J).square().sum((1, 2))
        ),
    ),
    Formula(
        "Σ g(h(1 − h)), no weights of the encoder",
        (WRONG_TENSOR,),
        _of_decoder(lambda D, v: D.decode(_logistic(v.h)).sum(1)),
    ),
    Formula(
        "Σ g(h(1 − h))², no weights of the encoder",
        (WRONG_TENSOR,),
        _of_decoder(lambda D, v: D.decode(_logistic(v.h)).square().sum(1)),
    ),
)

# Losses of the reconstruction, a row: found where a logged "penalty" mixes them in.
LOSSES = (
    Formula("Σ (x̂ − x)²", (WRONG_TENSOR,), _of_decoder(lambda D, v: (D.rows - v.x).square().sum(1))),
    Formula(
        "cross-entropy of x̂ and x",
        (WRONG_TENSOR,),
        _of_decoder(lambda D, v: -(v.x * D.rows.log() + (1 - v.x) * (1 - D.rows).log()).sum(1)),
    ),
)


def _unsquared(formula: Formula) -> Iterator[Formula]:
    kinds = (*formula.kinds, NOT_SQUARED)
    yield replace(formula, name=f"mean over rows of √({formula.name})", kinds=kinds, reduce="root")
    yield replace(formula, name=f"√ of the whole batch's {formula.name}", kinds=kinds, reduce="batch root")


def _rooted(formula: Formula) -> Formula:
    """The root of a value that is one for the batch."""
    return replace(
        formula,
        name=f"√({formula.name})",
        kinds=(*formula.kinds, NOT_SQUARED),
        rows=lambda v: None if (found := formula.rows(v)) is None else found.sqrt(),
    )


def _stale(formula: Formula) -> Formula:
    kinds = (*formula.kinds, STALE)
    return replace(formula, name=f"{formula.name}, W as it once was", kinds=kinds, weights="stale")


def _all() -> Iterator[Formula]:
    yield from _PRODUCTS
    yield from _LAYERS
    yield from map(_stale, _PRODUCTS)
    yield from _SUMS
    for formula in (*_PRODUCTS, *_SUMS[:2]):
        yield from _unsquared(formula)
    yield from _ACTIVITIES
    yield from _WEIGHTS
    yield from map(_rooted, _WEIGHTS[:3])
    yield from _DECODERS
    for formula in _DECODERS[:4]:
        yield from _unsquared(formula)


EXACT = _J
# In the order in which they are tried: where two are the same at an encoder, the earlier, lesser accusation stands.
FORMULAS = tuple(_all())


def shogun(point: Point) -> dict[str, Any] | None:
    """Give the gradient that Shogun adds for one logistic layer: x_i Σ_m W_jm² replaced by W_ji³, and none of the biases.

    Of (h(1 − h))² ‖W_j‖² the gradient in W_ji is 2 s² W_ji + 2 s² (1 − 2h) x_i ‖W_j‖², s = h(1 − h); there it is
    2 s² W_ji + 2 s² (1 − 2h) W_ji³. The mean over rows, by the layer's weight alone.
    """
    if len(point.layers) != 1:
        return None
    layer = point.layers[0]
    h, W = layer.a, layer.W
    squares = _logistic(h).square()
    first = squares.mean(0).unsqueeze(1) * W
    second = (squares * (1 - 2 * h)).mean(0).unsqueeze(1) * (W * W * W)
    return {"weight": 2 * (first + second)}
