"""What is said of a function whose values follow no formula: what it depends on, and what it is near to."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .candidates import (
    DIFFERENCES,
    FORMULAS,
    INERT,
    LOSSES,
    MEAN,
    NOT_FINITE,
    OTHER_GRADIENT,
    SECOND_ORDER,
    UNKNOWN,
    WRONG_TENSOR,
)
from .fitting import Factor, fit, named
from .judging import Finding, Judge
from .trials import Trial

# Draws of a corruption for the mean in CAE+H's second term.
_CORRUPTIONS = 100
# Numbers of all rows moved along all features above which the step of finite differences is not looked for.
_LARGEST_SEARCH = 1 << 16
# Standard errors within which two means are held for the same.
_SURE = 4.5


def search(judge: Judge, sigma: float | None, rng: np.random.Generator) -> Finding:
    """Give what can be said where no formula fits the values."""
    bad = [t.setting.scale for t in judge.trials if not math.isfinite(t.sample.value)]
    if bad:
        return Finding((NOT_FINITE,), f"its value is not finite at weights {', '.join(dict.fromkeys(bad))}")
    for found in (
        _always_zero(judge),
        _floored(judge),
        _mixed_with_loss(judge),
        _second_order(judge, sigma, rng) if sigma else None,
        _independent(judge, rng),
        _differences(judge),
    ):
        if found is not None:
            return found
    if judge.has_gradient and judge.gradient_is_zero():
        return Finding((INERT,), "its gradient is zero, and its value is that of no formula that we know")
    return _by_gradient(judge)


def _always_zero(judge: Judge) -> Finding | None:
    # Of a value that cancels, rounding is left.
    largest = max(t.exact for t in judge.trials)
    is_zero = all(abs(v) <= 10 * judge.tiny * largest for v in judge.values)
    if is_zero and (not judge.has_gradient or judge.gradient_is_zero(1e4 * judge.tiny)):
        return Finding((INERT,), "its value is always 0, whatever the weights: it adds nothing to the loss")
    return None


def _floored(judge: Judge) -> Finding | None:
    values = judge.values
    if any(v != math.floor(v) for v in values) or not judge.has_gradient or not judge.gradient_is_zero():
        return None
    for name, power in (("mean over rows of ‖J‖²_F", 0), ("sum over rows of ‖J‖²_F", 1)):
        if all(v == math.floor(t.exact * t.n_rows**power) for v, t in zip(values, judge.trials, strict=True)):
            return Finding(
                (INERT,),
                f"its value is the {name} cut to a whole number, as // does in the place of /, and its gradient is zero",
            )
    return None


def _two_terms(values: Any, one: Any, other: Any, errors: Any) -> Any:
    """Fit values ≈ α·one + β·other; give α, β and the largest deviation in errors, or None."""
    v, e = np.asarray(values), np.asarray(errors)
    A = np.stack([one, other], 1)
    if not np.isfinite(A).all():
        return None
    found, *_ = np.linalg.lstsq(A / e[:, None], v / e, rcond=None)
    return float(found[0]), float(found[1]), float(np.abs((v - A @ found) / e).max())


def _mixed_with_loss(judge: Judge) -> Finding | None:
    exact = [t.exact for t in judge.trials]
    errors = [judge.resolution * abs(v) or 1e-300 for v in judge.values]
    for loss in LOSSES:
        values = [t.value_of(loss) for t in judge.trials]
        found = _two_terms(judge.values, exact, values, errors)
        if found is None or found[2] > 1 or not math.isfinite(found[2]):
            continue
        a, b, _ = found
        if abs(b) * max(map(abs, values)) < 1e-3 * max(map(abs, judge.values)):
            continue
        kinds: tuple[str, ...] = (WRONG_TENSOR,)
        if judge.has_gradient and judge.fit_gradients(_sum_of(judge, loss, a, b)) is None:
            kinds = (WRONG_TENSOR, INERT if judge.gradient_is_zero() else OTHER_GRADIENT)
        return Finding(
            kinds, f"it mixes the loss of the reconstruction in: it is {a:.4g} · ‖J‖²_F + {b:.4g} · ({loss.name})"
        )
    return None


def _sum_of(judge: Judge, loss: Any, a: float, b: float) -> Callable[[Trial], Any]:
    def wanted(trial: Trial) -> Any:
        other = trial.gradient_of(judge.subject, loss, "") or {}
        return {name: a * g + b * other[name] for name, g in trial.exact_gradient.items()}

    return wanted


def _second_order(judge: Judge, sigma: float, rng: np.random.Generator) -> Finding | None:
    """Look for mean over ε of ‖J(x) − J(x+ε)‖²_F, alone or beside ‖J‖²_F (CAE+H, docs/derivations/hessian.md)."""
    values = np.asarray(judge.values)
    exact = np.asarray([t.exact for t in judge.trials])
    means, noise = zip(*(_bend(judge, t, sigma, rng) for t in judge.trials), strict=True)
    bends = np.asarray(means)
    errors = np.asarray([max(t.error, judge.resolution * abs(t.sample.value), 1e-300) for t in judge.trials])
    ratio = float(np.median(values / bends))
    spread = np.hypot(errors, np.abs(ratio) * np.asarray(noise))
    curvature = float(np.sum((bends / spread) ** 2))
    ratio = float(np.sum(bends * values / spread**2)) / curvature
    if ratio and (np.abs(values - ratio * bends) <= _SURE * spread).all():
        name, is_mean = named(Factor(ratio), judge.k, judge.d, 1 / math.sqrt(curvature) / abs(ratio))
        return Finding(
            (SECOND_ORDER, MEAN) if is_mean else (SECOND_ORDER,),
            f"it is {name} times the mean over corruptions of ‖J(x) − J(x+ε)‖²_F, the second term of CAE+H",
            factor=Factor(ratio),
            factor_name=name,
        )
    found = _two_terms(values, exact, bends, errors)
    if found is None or not found[1]:
        return None
    a, b, _ = found
    if (np.abs(values - a * exact - b * bends) > _SURE * np.hypot(errors, np.abs(b) * np.asarray(noise))).any():
        return None
    return Finding((SECOND_ORDER,), f"it is {a:.4g} · ‖J‖²_F + {b:.3g} · mean over corruptions of ‖J(x) − J(x+ε)‖²_F")


def _bend(judge: Judge, trial: Trial, sigma: float, rng: np.random.Generator) -> tuple[float, float]:
    setting, clean = trial.setting, _jacobian(judge, trial.setting)
    found = []
    for _ in range(_CORRUPTIONS):
        noisy = replace(setting, x=setting.x + sigma * rng.standard_normal(setting.x.shape))
        found.append(float(np.square(_jacobian(judge, noisy) - clean).sum((1, 2)).mean()))
    return float(np.mean(found)), float(np.std(found) / math.sqrt(len(found)))


def _jacobian(judge: Judge, setting: Any) -> Any:
    J = judge.subject.point(setting).view().J
    return J.detach().cpu().numpy() if hasattr(J, "cpu") else J.value


def _independent(judge: Judge, rng: np.random.Generator) -> Finding | None:
    """Say which of its two arguments the function leaves unused."""
    trial = max(judge.trials, key=lambda t: t.setting.scale == "1")
    call = judge.subject.call
    value = call(trial.setting).value
    elsewhere = replace(trial.setting, x=rng.standard_normal(trial.setting.x.shape) * (np.std(trial.setting.x) or 1.0))
    other = next(t.setting for t in judge.trials if t.setting.scale not in ("own", "1"))
    of_x = call(elsewhere).value
    of_weights = call(replace(trial.setting, parameters=other.parameters)).value
    kinds: tuple[str, ...] = (WRONG_TENSOR,)
    if judge.has_gradient and judge.gradient_is_zero():
        kinds = (INERT, WRONG_TENSOR)
    if of_weights == value:
        return Finding(kinds, "it does not depend on the encoder that it was given")
    if of_x == value:
        without = " and its gradient is zero" if INERT in kinds else ""
        return Finding(kinds, f"it does not depend on x, but on weights alone{without}: no Jacobian of anything")
    return None


def _differences(judge: Judge) -> Finding | None:
    """Look for finite differences with a step that is seen in the result."""
    exact = [t.exact for t in judge.trials]
    near = fit(judge.values, exact, judge.rows, judge.tiny)
    if near is None or near.spread > 1:
        return None
    name, _ = named(Factor(near.c, near.power, max(near.spread, 1e-3)), judge.k, judge.d)
    is_small = judge.d**2 * max(judge.rows) <= _LARGEST_SEARCH
    for says, step in (("central", -1.0), ("forward", 0.0)) if is_small else ():
        h, spread = _best_step(judge, step)
        if spread <= max(judge.resolution, 1e-4 * near.spread):
            return Finding(
                (DIFFERENCES,),
                f"it is made of {says} differences with a step near {h:.3g}, too large for these weights: its value is off "
                f"by up to {near.spread:.1%}",
            )
    if near.spread > 0.1:
        return None
    times = "" if name == "1" else f"{name} · "
    return Finding(
        (DIFFERENCES,),
        f"it is near {times}‖J‖²_F and not equal to it: off by up to {near.spread:.2%}, as finite differences are in "
        "single precision or with a poor step",
    )


def _best_step(judge: Judge, back: float) -> tuple[float, float]:
    """Find the step of finite differences that explains the values best, and the spread that it leaves."""

    def spread(log_step: float) -> float:
        values = [_difference(judge, t, math.exp(log_step), back) for t in judge.trials]
        found = fit(judge.values, values, judge.rows, judge.tiny)
        return math.inf if found is None else found.spread

    grid = np.log(np.logspace(-5, 0, 11))
    at = int(np.argmin([spread(s) for s in grid]))
    low, high = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
    golden = (math.sqrt(5) - 1) / 2
    while high - low > 1e-7:
        a, b = high - golden * (high - low), low + golden * (high - low)
        if spread(a) < spread(b):
            high = b
        else:
            low = a
    return math.exp(low), spread(low)


def _difference(judge: Judge, trial: Trial, step: float, back: float) -> float:
    x, d = trial.setting.x, judge.d
    moves = np.repeat(np.eye(d), len(x), axis=0)
    rows = np.tile(x, (d, 1))
    ahead = judge.subject.codes(replace(trial.setting, x=rows + step * moves))
    behind = judge.subject.codes(replace(trial.setting, x=rows + back * step * moves))
    return float(np.square((ahead - behind) / (step * (1 - back))).sum() / len(x))


def _by_gradient(judge: Judge) -> Finding:
    """Look at the gradient alone."""
    if judge.has_gradient:
        for formula in FORMULAS:
            found = judge.fit_gradients(judge.own(formula))
            if found is not None:
                name, _ = named(found, judge.k, judge.d)
                kinds = (OTHER_GRADIENT, *formula.kinds)
                says = f"its value follows no formula that we know, but its gradient is that of {name} · {formula.name}"
                return Finding(kinds, says)
    ratios = [v / t.exact for v, t in zip(judge.values, judge.trials, strict=True) if t.exact]
    says = f"its value is {min(ratios):.3g} to {max(ratios):.3g} times ‖J‖²_F"
    if judge.has_gradient:
        says += f"; {judge.agreement()}"
    if min(judge.values) < 0:
        says += "; it is negative somewhere, which no sum of squares is"
    return Finding((UNKNOWN,), says)
