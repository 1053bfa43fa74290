"""The answer of :func:`contractive.check_penalty`: a verdict in words, with the numbers that it rests on."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field

from .candidates import CONSTANT, MEAN, RIGHT, UNBIASED

# What is right up to a constant factor, which a λ is too.
_SOUND = {RIGHT, UNBIASED, CONSTANT, MEAN}


@dataclass(frozen=True)
class Row:
    """One trial, in numbers.

    Attributes
    ----------
    scale : str
        Of the weights: a number, ``"own"`` for the encoder's, ``"mirrored"`` for units in pairs (w, −w).
    activation, mode : str
        The activation that stood in the encoder, and ``"eval"`` or ``"train"``.
    n_rows : int
        Of the batch.
    value, exact : float
        What the function gave, divided by ``contraction``, and the mean over rows of ‖J‖²_F.
    cosine, gradient_ratio : float
        Between the function's gradient and the exact one, and its size along it; not a number where there is none.
    error : float
        Standard error of ``value`` where it is a mean of several calls.
    """

    scale: str
    activation: str
    mode: str
    n_rows: int
    value: float
    exact: float
    cosine: float
    gradient_ratio: float
    error: float = 0.0

    @property
    def ratio(self) -> float:
        """Value over exact."""
        return self.value / self.exact if self.exact else math.nan


@dataclass(frozen=True)
class Verdict:
    """What a function computes in the place of the contractive penalty.

    Attributes
    ----------
    kind : str
        The verdict, one of ``contractive.verify.KINDS``; of several mistakes the first.
    kinds : tuple of str
        All of them.
    formula : str
        What the function computes, in symbols; empty where it is not known.
    factor : float
        The constant that the function gives times ``formula``, at a batch of one row; not a number where there is none.
    factor_name : str
        That constant in words: ``"½"``, ``"B"``, ``"1/(k·d) = 1/24"``.
    message : str
        The verdict in a sentence or more.
    known_as : str
        Who publishes such code.
    remedy : str
        What to write instead.
    trials : tuple of Row
        The numbers.
    notes : tuple of str
        What else was found, and how far the judgement reaches.
    """

    kind: str
    kinds: tuple[str, ...]
    message: str
    formula: str = ""
    factor: float = math.nan
    factor_name: str = ""
    known_as: str = ""
    remedy: str = ""
    trials: tuple[Row, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()

    @property
    def is_right(self) -> bool:
        """Whether value and gradient are those of ‖∂h/∂x‖²_F, mean over rows, up to one constant factor above 0."""
        return set(self.kinds) <= _SOUND and self.factor > 0

    def __str__(self) -> str:
        lines = [f"{' + '.join(self.kinds)}: {self.message}"]
        if self.formula:
            lines.append(
                f"computes   {self.factor_name + ' · ' if self.factor_name not in ('', '1') else ''}{self.formula}"
            )
        if self.known_as:
            lines.append(f"known as   {self.known_as}")
        if self.remedy:
            lines.append(f"instead    {self.remedy}")
        lines += [f"note       {note}" for note in self.notes]
        if self.trials:
            lines += ["", *_table(self.trials)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


_HEAD = ("weights", "activation", "mode", "rows", "value", "exact", "ratio", "gradient cosine", "gradient ratio")


def _table(trials: tuple[Row, ...]) -> list[str]:
    cells = [_HEAD, *(_cells(row) for row in trials)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(_HEAD))]
    return [
        "  ".join(
            c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]


def _cells(row: Row) -> tuple[str, ...]:
    value = _number(row.value) + (f" ± {_number(row.error)}" if row.error else "")
    numbers = (_number(row.exact), _number(row.ratio), _number(row.cosine), _number(row.gradient_ratio))
    return (row.scale, row.activation, row.mode, str(row.n_rows), value, *numbers)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"
