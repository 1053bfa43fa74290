"""Whether one series of numbers is a constant times another, and what that constant is called.

The constant may go with a power of the batch size, N^p: a sum over rows is N times their mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_POWERS = (0.0, 1.0, -1.0, 0.5, -0.5)


@dataclass(frozen=True)
class Factor:
    """The constant c Nᵖ between two series, and the largest relative deviation from it."""

    c: float
    power: float = 0.0
    spread: float = 0.0

    @property
    def is_one(self) -> bool:
        """Whether it changes nothing, within what was measured."""
        return self.power == 0 and abs(self.c - 1) <= max(self.spread, 1e-9) * 2

    def at(self, n_rows: int) -> float:
        """Give the constant at a batch size."""
        return float(self.c * n_rows**self.power)

    def over(self, other: Factor) -> Factor:
        """Give the ratio of two constants."""
        return Factor(self.c / other.c, self.power - other.power, self.spread + other.spread)


def fit(values: Sequence[float], candidates: Sequence[float], rows: Sequence[int], tiny: float) -> Factor | None:
    """Fit c Nᵖ so that values ≈ c Nᵖ · candidates, or give None where that cannot be.

    Parameters
    ----------
    values, candidates : sequences of float
        One a trial.
    rows : sequence of int
        Batch sizes.
    tiny : float
        What is as good as 0, relative to the largest of each. Where both are, the trial says nothing.
    """
    v, c, n = (np.asarray(a, dtype=np.float64) for a in (values, candidates, rows))
    if not (np.isfinite(v).all() and np.isfinite(c).all()):
        return None
    told = (np.abs(v) > tiny * np.abs(v).max()) | (np.abs(c) > tiny * np.abs(c).max())
    v, c, n = v[told], c[told], n[told]
    if len(v) < min(3, len(told)) or (v == 0).any() or (c == 0).any():
        return None
    ratio = v / c
    if (ratio > 0).any() and (ratio < 0).any():
        return None
    sign, logs = float(np.sign(ratio[0])), np.log(np.abs(ratio))
    best: Factor | None = None
    for power in _POWERS if len(set(n)) > 1 else _POWERS[:1]:
        rest = logs - power * np.log(n)
        middle = float(np.median(rest))
        spread = float(np.expm1(min(np.abs(rest - middle).max(), 700.0)))
        # The first is the simplest, and a later one must be better by more than chance.
        if best is None or spread < 0.5 * best.spread - 1e-12:
            best = Factor(sign * math.exp(middle), power, spread)
    return best


def fit_noisy(
    values: Sequence[float], errors: Sequence[float], candidates: Sequence[float], rows: Sequence[int]
) -> tuple[Factor, float] | None:
    """Fit c Nᵖ to means with standard errors by least squares, or give None where they exclude it.

    Returns
    -------
    factor : Factor
    error : float
        The relative standard error of its constant.
    """
    v, e, c, n = (np.asarray(a, dtype=np.float64) for a in (values, errors, candidates, rows))
    if not np.isfinite(c).all() or not c.any():
        return None
    best: tuple[float, Factor, float] | None = None
    for power in _POWERS[:3] if len(set(n)) > 1 else _POWERS[:1]:
        u = c * n**power
        curvature = float(np.sum((u / e) ** 2))
        scale = float(np.sum(u * v / e**2)) / curvature
        misfit = float(np.sum(((v - scale * u) / e) ** 2))
        if scale and (best is None or misfit < best[0] - 4):
            best = misfit, Factor(scale, power), 1 / abs(scale) / math.sqrt(curvature)
    freedom = len(v) - 1
    # Four and a half standard deviations of χ²: errors are estimated themselves, from a few hundred calls.
    if best is None or best[0] > freedom + 4.5 * math.sqrt(2 * freedom):
        return None
    return best[1], best[2]


def named(factor: Factor, k: int, d: int, error: float = 0.0) -> tuple[str, bool]:
    """Give the name of a constant, and whether it is a mean over code units (has 1/k in it).

    ``error`` is the constant's relative standard error, for functions that draw random numbers. A constant that is none of
    those that we know is named by its digits.
    """
    close = max(2 * factor.spread, 1e-6, 4 * error)
    batch = {0.0: "", 1.0: "B", -1.0: "1/B", 0.5: "√B", -0.5: "1/√B"}.get(factor.power, f"B^{factor.power:g}")
    name, is_mean = f"{abs(factor.c):.6g}", False
    for known, number, has_k in _constants(k, d):
        if abs(abs(factor.c) / number - 1) <= close:
            name, is_mean = known, has_k
            break
    whole = " · ".join(part for part in ("" if name == "1" else name, batch) if part) or "1"
    return ("−" if factor.c < 0 else "") + whole, is_mean


def _constants(k: int, d: int) -> Iterator[tuple[str, float, bool]]:
    yield "1", 1.0, False
    yield "½", 0.5, False
    yield "2", 2.0, False
    for name, number, is_mean in (
        (f"1/(k·d) = 1/{k * d}", 1 / (k * d), True),
        (f"1/k = 1/{k}", 1 / k, True),
        (f"1/d = 1/{d}", 1 / d, False),
        (f"1/√(k·d) = 1/√{k * d}", 1 / math.sqrt(k * d), True),
        (f"1/k² = 1/{k * k}", 1 / (k * k), True),
        (f"1/√k = 1/√{k}", 1 / math.sqrt(k), True),
    ):
        yield name, number, is_mean
        yield f"½ · {name}", number / 2, is_mean
        yield f"2 · {name}", number * 2, is_mean
    yield "¼", 0.25, False
    yield "4", 4.0, False
    yield f"k = {k}", float(k), False
    yield f"d = {d}", float(d), False
    yield f"k·d = {k * d}", float(k * d), False


def flat(gradient: Mapping[str, Any], names: Sequence[str]) -> Any:
    """Give a gradient as one vector."""
    return np.concatenate([np.ravel(gradient[name]) for name in names]) if names else np.zeros(0)


def along(g: Any, G: Any) -> tuple[float, float, float]:
    """Compare a gradient with another: the ratio of g along G, the part of g beside it, and the cosine."""
    size, other = float(np.linalg.norm(g)), float(np.linalg.norm(G))
    if other == 0 or size == 0 or not np.isfinite(size):
        return (0.0, 0.0 if size == 0 else math.inf, math.nan)
    ratio = float(g @ G) / other**2
    beside = float(np.linalg.norm(g - ratio * G))
    return ratio, beside / max(abs(ratio) * other, 1e-300), float(g @ G) / size / other
