"""Where a function is tried: weights at several scales, mirrored units, batches of several sizes, both modes.

A wrong formula agrees with ‖J‖²_F somewhere. At tiny weights h(1 − h) hardly moves and a forgotten φ″ is not seen; a
sum-gradient is right on average over random signs; a factor of the batch is invisible at one batch size. Each kind of trial
is there because it exposes a kind of mistake.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from .candidates import Formula
from .points import Point

Parameters = Mapping[str, Any]

# Rows of the two batches.
BATCHES = (4, 7)


@dataclass(frozen=True)
class Setting:
    """One trial: what it is called, the weights and the rows.

    ``activation`` is the name of one that is put in the place of the encoder's own, or empty.
    """

    scale: str
    parameters: Parameters
    x: Any
    activation: str = ""
    is_training: bool = False


@dataclass
class Sample:
    """What a function gave: its value and the gradient by parameter, None where it gives none."""

    value: float
    gradient: dict[str, Any] | None


@dataclass
class Trial:
    """A setting, what the function gave there, and what is true there.

    With a stochastic function ``sample`` is the mean of ``calls`` calls, ``error`` the standard error of its value and
    ``gradient_error`` that of its gradient, as a distance.
    """

    setting: Setting
    sample: Sample
    point: Point
    exact: float
    exact_gradient: dict[str, Any]
    calls: int = 1
    error: float = 0.0
    gradient_error: float = 0.0
    _gradients: dict[Any, Any] = field(default_factory=dict)
    _values: dict[Any, float] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """N."""
        return self.point.sizes[0]

    def value_of(self, formula: Formula) -> float:
        """Give a formula's value here, not a number where it has none."""
        if formula not in self._values:
            found = formula.value(self.point)
            self._values[formula] = math.nan if found is None else float(found.detach())
        return self._values[formula]

    def gradient_of(self, subject: Subject, formula: Formula, held: str) -> dict[str, Any] | None:
        """Give a formula's gradient here with something held constant, None where it has none."""
        key = (formula, held)
        if key not in self._gradients:
            found = formula.value(self.point, held)
            self._gradients[key] = None if found is None else subject.numbers(self.point.differentiate(found))
        gradient: dict[str, Any] | None = self._gradients[key]
        return gradient


class Subject(Protocol):
    """An encoder of some framework, with the function that is judged.

    ``resolution`` is the relative difference that the numbers can show: 1e-5 in float64, 2e-3 in float32. ``in_place`` is
    set to judge a function on the user's own module instead of copies. ``line`` is what to write instead.
    """

    originals: dict[str, Any]
    own_activation: str
    notes: list[str]
    in_place: bool
    line: str

    @property
    def resolution(self) -> float:
        """The relative difference that can be seen."""

    def others(self) -> Sequence[str]:
        """Give the activations that can be put in."""

    def modes(self) -> Sequence[bool]:
        """Give the modes in which rows do not depend on each other or on chance: False eval, True training."""

    def settle(self, setting: Setting) -> None:
        """Find out how the function wants to be run."""

    def call(self, setting: Setting) -> Sample:
        """Run the function."""

    def point(self, setting: Setting) -> Point:
        """Take the encoder in float64."""

    def codes(self, setting: Setting) -> Any:
        """Give the codes in float64, (N, k)."""

    def numbers(self, gradient: Any) -> dict[str, Any]:
        """Give a gradient of the point as arrays."""

    def untouched(self) -> AbstractContextManager[None]:
        """Give the user's modules back as they were."""


def draw(originals: Parameters, scale: float, rms: float, rng: np.random.Generator, is_mirrored: bool) -> Parameters:
    """Draw weights of a scale: at 1 a unit's input has the standard deviation 1, biases half of that.

    ``rms`` is that of the rows, which the first weight makes up for. Mirrored, the last layer's units come in pairs
    (w, b), (−w, −b): the slopes of an even φ′ are the same, and their sum is 0.
    """
    drawn: dict[str, Any] = {}
    matrices = [name for name, value in originals.items() if np.ndim(value) > 1]
    for name, value in originals.items():
        shape = np.shape(value)
        if len(shape) > 1:
            fan_in = float(np.prod(shape[1:]))
            size = scale / np.sqrt(fan_in) / (rms if name == matrices[0] else 1.0)
            drawn[name] = size * rng.standard_normal(shape)
        elif name.rpartition(".")[2].startswith("bias"):
            drawn[name] = 0.5 * scale * rng.standard_normal(shape)
        else:  # of a normalisation, or a learnt slope: no weight whose scale means anything
            drawn[name] = np.array(value, dtype=np.float64)
    if is_mirrored and matrices:
        last = matrices[-1]
        for name in (last, f"{last.rpartition('.')[0]}.bias"):
            if name in drawn:
                half = len(drawn[name]) // 2
                drawn[name][half : 2 * half] = -drawn[name][:half]
    return drawn


def settings(
    subject: Subject, x: Any, scales: Sequence[float], rng: np.random.Generator, activation: str = ""
) -> Iterator[Setting]:
    """Give the trials of an activation: with the encoder's own all of them, with another scales 1 and 3 alone."""
    rms = float(np.sqrt(np.mean(np.square(x)))) or 1.0
    small, large = (_batch(x, n, rng) for n in BATCHES)

    def drawn(scale: float, is_mirrored: bool = False) -> Parameters:
        return draw(subject.originals, scale, rms, rng, is_mirrored)

    if activation:
        for scale in (1.0, 3.0):
            yield Setting(f"{scale:g}", drawn(scale), large, activation)
        return
    modes = subject.modes()
    yield Setting("own", dict(subject.originals), large, is_training=modes[0])
    for scale in scales:
        yield Setting(f"{scale:g}", drawn(scale), small, is_training=modes[0])
        yield Setting(f"{scale:g}", drawn(scale), large, is_training=modes[0])
    yield Setting("mirrored", drawn(1.0, is_mirrored=True), large, is_training=modes[0])
    for mode in modes[1:]:
        yield Setting("1", drawn(1.0), small, is_training=mode)


def _batch(x: Any, n: int, rng: np.random.Generator) -> Any:
    """Give n rows of x, some of them again where it has fewer."""
    order = rng.permutation(len(x))
    return x[np.resize(order, n)]
