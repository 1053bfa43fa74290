"""From trials to a finding: which formula the values follow, and whose gradient the gradient is.

Values are compared first, with every formula, by whether value / formula is one constant over all trials. Then the gradient
with that formula's own, with its weights or slopes held constant, and with the gradients of others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .candidates import (
    CONSTANT,
    EXACT,
    FORMULAS,
    HELD,
    INERT,
    MEAN,
    NOT_FINITE,
    OTHER_GRADIENT,
    RIGHT,
    SLOPES_HELD,
    STALE,
    UNBIASED,
    Formula,
    shogun,
)
from .fitting import Factor, along, fit, fit_noisy, flat, named
from .trials import Subject, Trial

_HELD = {"": (), "weights": (HELD,), "slopes": (SLOPES_HELD,)}


@dataclass
class Finding:
    """What was found: the verdict before it is put into words."""

    kinds: tuple[str, ...]
    says: str
    formula: Formula | None = None
    factor: Factor | None = None
    factor_name: str = ""
    notes: list[str] = field(default_factory=list)


class Judge:
    """The trials of a function, compared with formulas.

    Parameters
    ----------
    subject : Subject
        What was tried.
    trials : list of Trial
        With the encoder's own activation.
    """

    def __init__(self, subject: Subject, trials: Sequence[Trial]) -> None:
        self.subject, self.trials = subject, list(trials)
        self.resolution = subject.resolution
        # Sums that cancel leave the rounding of their terms; a root makes that its own root.
        self.tiny = 1e-13 if self.resolution < 1e-4 else 1e-6
        self.names = list(subject.originals)
        self.rows = [t.n_rows for t in trials]
        _, self.k, self.d = trials[0].point.sizes
        self.is_stochastic = any(t.calls > 1 for t in trials)
        self.has_gradient = all(t.sample.gradient is not None for t in trials)
        self.values = [t.sample.value for t in trials]

    # What the values follow.

    def fit_values(self, formula: Formula) -> tuple[Factor, float] | None:
        """Give the constant between values and a formula, with its relative error, or None."""
        candidates = [t.value_of(formula) for t in self.trials]
        if self.is_stochastic:
            errors = [max(t.error, self.resolution * abs(t.sample.value), 1e-300) for t in self.trials]
            return fit_noisy(self.values, errors, candidates, self.rows)
        found = fit(self.values, candidates, self.rows, self.tiny)
        return None if found is None or found.spread > self.resolution else (found, 0.0)

    def matches(self) -> list[tuple[Formula, Factor, float]]:
        """Give the formulas that the values follow, in the order in which they are tried."""
        found = []
        for formula in FORMULAS:
            fitted = self.fit_values(formula)
            if fitted is not None:
                found.append((formula, *fitted))
        return found

    # Whose gradient the gradient is.

    def own(self, formula: Formula, held: str = "") -> Callable[[Trial], Any]:
        """Give the function from a trial to a formula's gradient there."""
        return lambda trial: trial.gradient_of(self.subject, formula, held)

    def fit_gradients(self, wanted: Callable[[Trial], Any], names: Sequence[str] | None = None) -> Factor | None:
        """Give the constant between the function's gradient and another, or None where they are not parallel."""
        names = self.names if names is None else names
        told: list[tuple[float, float, int]] = []
        # The steepest first: most gradients are told apart there, and the others need not be had.
        for trial in sorted(self.trials, key=lambda t: -t.exact):
            G = wanted(trial)
            if G is None or trial.sample.gradient is None:
                return None
            g, G = flat(trial.sample.gradient, names), flat(G, names)
            size = float(np.linalg.norm(G))
            largest = max([size, *(other for other, _, _ in told)])
            if not np.isfinite(np.concatenate([g, G])).all() or size <= self.tiny * largest:
                continue
            ratio, beside, _ = along(g, G)
            if ratio == 0 or beside > self._may_differ(trial, abs(ratio) * size):
                return None
            told.append((size, ratio, trial.n_rows))
        if not told:
            return None
        _, ratios, rows = zip(*told, strict=True)
        if self.is_stochastic:
            return Factor(float(np.median(ratios)), 0.0, math.inf)
        found = fit(ratios, [1.0] * len(ratios), rows, 0.0)
        return None if found is None or found.spread > 10 * self.resolution else found

    def _may_differ(self, trial: Trial, size: float) -> float:
        """Give the share of a gradient that may point elsewhere and is not seen."""
        return 10 * self.resolution + 4 * trial.gradient_error / max(size, 1e-300)

    def gradient_is_zero(self, tolerance: float = 1e-12) -> bool:
        """Whether nothing, beside the exact gradient, reaches the encoder's parameters."""
        largest = max(float(np.linalg.norm(flat(t.exact_gradient, self.names))) for t in self.trials)
        return self.has_gradient and all(
            float(np.linalg.norm(flat(t.sample.gradient or {}, self.names))) <= tolerance * largest for t in self.trials
        )

    def not_finite(self) -> list[str]:
        """Give the weight scales at which the function's gradient is no number."""
        bad = [t for t in self.trials if not np.isfinite(flat(t.sample.gradient or {}, self.names)).all()]
        return list(dict.fromkeys(t.setting.scale for t in bad))

    def gradient_finding(self, formula: Formula, factor: Factor) -> tuple[tuple[str, ...], str] | None:
        """Say what is held constant in a gradient that is otherwise the value's own, or None."""
        for held in formula.holds():
            found = self.fit_gradients(self.own(formula, held))
            if found is not None and self._is_same(found, factor):
                # A stale copy is a constant already: that its weights have no gradient is no second mistake.
                kinds = () if STALE in formula.kinds else _HELD[held]
                return kinds, ""
        return None

    def _is_same(self, one: Factor, other: Factor) -> bool:
        if self.is_stochastic:
            return 0.5 < one.c / other.c / self._mean_of_rows(other) < 2
        ratio = one.over(other)
        return ratio.power == 0 and abs(ratio.c - 1) <= 20 * self.resolution

    def _mean_of_rows(self, factor: Factor) -> float:
        return float(np.median([n**factor.power for n in self.rows]))

    # The whole.

    def known(self) -> Finding | None:
        """Give the finding where the values follow a formula that is known, else None."""
        found = self.matches()
        if not found:
            return None
        formula, factor, error = found[0]
        if not self.has_gradient:
            finding = self._finding(formula, factor, error, (), "")
            finding.notes.append("no gradient was given: the values alone were judged")
            return finding
        if self.gradient_is_zero():
            says = "its gradient is zero: it changes no weight"
            return self._finding(formula, factor, error, (INERT,), says, first=True)
        finding = self._with_gradient(found)
        scales = self.not_finite()
        if scales:
            finding.kinds = (*(kind for kind in finding.kinds if kind != RIGHT), NOT_FINITE)
            where = f"its gradient is not finite at weights {', '.join(scales)}, as that of a root is at 0"
            finding.says = "; ".join(part for part in (finding.says, where) if part)
        return finding

    def _with_gradient(self, found: Sequence[tuple[Formula, Factor, float]]) -> Finding:
        for formula, factor, error in found:
            told = self.gradient_finding(formula, factor)
            if told is not None:
                return self._finding(formula, factor, error, *told)
        formula, factor, error = found[0]
        says = self._other_gradient(formula, factor)
        return self._finding(formula, factor, error, (OTHER_GRADIENT,), says, first=not formula.kinds)

    def _finding(
        self, formula: Formula, factor: Factor, error: float, kinds: tuple[str, ...], says: str, first: bool = False
    ) -> Finding:
        name, is_mean = named(factor, self.k, self.d, error)
        constant: tuple[str, ...] = ()
        is_one = name == "1"
        if formula is EXACT and not is_one:
            constant = (MEAN if is_mean else CONSTANT,)
        base = (*kinds, *formula.kinds) if first else (*formula.kinds, *kinds)
        if formula is EXACT and self.is_stochastic and not kinds:
            base = (UNBIASED,)
        kinds = (*base, *constant) or (RIGHT,)
        return Finding(kinds, says, formula, Factor(1.0) if is_one else factor, name)

    def _other_gradient(self, formula: Formula, factor: Factor) -> str:
        for held in formula.holds():
            own = self.fit_gradients(self.own(formula, held))
            if own is not None:
                name, _ = named(own.over(factor), self.k, self.d)
                what = f" with the {held} held constant" if held else ""
                return f"the gradient is {name} times the value's own{what}"
        weights = [n for n in self.names if n.endswith("weight")]
        if len(weights) < len(self.names):
            own = self.fit_gradients(self.own(formula), weights)
            if own is not None:
                return "the gradient of the biases is missing"
        if self._is_shogun(weights):
            return (
                "in the gradient x_i ‖W_j‖² is replaced by W_ji³, which tiny weights do not show, and no bias has one"
            )
        for other in FORMULAS:
            for held in other.holds() if other is not formula else ():
                if self.fit_gradients(self.own(other, held)) is not None:
                    what = f" with the {held} held constant" if held else ""
                    return f"the gradient is that of {other.name}{what}"
        return self.agreement()

    def _is_shogun(self, weights: Sequence[str]) -> bool:
        if len(weights) != 1 or any(shogun(t.point) is None for t in self.trials):
            return False

        def wanted(trial: Trial) -> Any:
            found = shogun(trial.point) or {}
            return {weights[0]: self.subject.numbers({weights[0]: found["weight"]})[weights[0]]}

        biases = [n for n in self.names if n not in weights]
        is_biased = any(np.any(flat(t.sample.gradient or {}, biases)) for t in self.trials)
        return not is_biased and self.fit_gradients(wanted, weights) is not None

    def agreement(self) -> str:
        """Tell by cosines where the gradient parts from the exact one."""
        cosines: dict[str, list[float]] = {}
        for t in self.trials:
            _, _, cosine = along(flat(t.sample.gradient or {}, self.names), flat(t.exact_gradient, self.names))
            cosines.setdefault(t.setting.scale, []).append(cosine)
        told = ", ".join(f"{min(c):.3f} at weights {scale}" for scale, c in cosines.items())
        return f"the gradient is that of no formula that we know; its cosine with the exact one is {told}"
