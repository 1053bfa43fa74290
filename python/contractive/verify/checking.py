"""``contractive.check_penalty``: what a function computes in the place of the contractive penalty."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from .candidates import EXACT, INERT, OTHER_GRADIENT, STALE, UNDECIDED, UNKNOWN, WRONG_TENSOR
from .fitting import Factor, along, flat
from .judging import Finding, Judge
from .searching import search
from .trials import Sample, Setting, Subject, Trial, settings
from .verdict import Row, Verdict
from .wording import known_as, message, remedy

# Calls of a stochastic function below which its error is not known.
_FEWEST_CALLS = 50

# What a function that holds tensors of the user's own module, and not of the copy that it is given, may look like.
_MAYBE_CLOSED_OVER = {STALE, WRONG_TENSOR, INERT, UNKNOWN, OTHER_GRADIENT}


def check_penalty(
    function: Callable[..., Any],
    encoder: Any,
    x: Any,
    *,
    activations: str | Sequence[str] | None = None,
    decoder: Any = None,
    contraction: float = 1.0,
    scales: Sequence[float] = (0.01, 0.3, 1.0, 3.0),
    sigma: float | None = None,
    calls: int = 200,
    random_state: int = 0,
) -> Verdict:
    """Tell what a function computes in the place of the contractive penalty ‖∂h/∂x‖²_F, and what is wrong with it.

    The function is run at several weight scales, with mirrored units, with batches of two sizes, in both modes; its value
    and gradient are compared with the exact ones and with those of every wrong formula that is known to be published.

    Parameters
    ----------
    function : callable
        ``function(encoder, x)`` gives what is added to the loss: a scalar, or one value a row. For a mapping of arrays it
        gives that, or ``(value, gradients)`` with gradients by the same names; a missing one is 0.
    encoder : torch.nn.Module, keras.Model, or dict of str to array
        From rows to codes. Of Keras a ``Sequential`` or functional chain of ``Dense`` and activations; as arrays
        ``encoder.0.weight`` of shape (out, in), ``encoder.0.bias``, ….
    x : array or tensor of shape (N, d), or (N, …) for PyTorch
        Rows as the encoder takes them.
    activations : str or sequence of str, optional
        Of each layer, where ``encoder`` is a mapping.
    decoder : torch.nn.Module, optional
        From codes to rows, where the function uses one: formulas with a decoder are then known too.
    contraction : float, default=1.0
        The function's own λ, which is divided out. Not 0.
    scales : sequence of float, default=(0.01, 0.3, 1, 3)
        Of the weights. One must be 1 or more: tiny weights hide most mistakes.
    sigma : float, optional
        Standard deviation of the function's corruptions, where it is the penalty of CAE+H.
    calls : int, default=200
        How often a function that draws random numbers is called at each setting, at most; 10 or more.
    random_state : int, default=0
        Seeds the weights and, for the function, the generators of Python, NumPy and the framework.

    Returns
    -------
    verdict : Verdict
        ``print`` it.

    Raises
    ------
    TypeError
        Where the function cannot be run on the encoder and rows.
    ValueError
        Where what it gives is no penalty, or an argument is out of range.

    Notes
    -----
    The encoder, its gradients, modes and buffers, and the random generators are left as they were. A verdict is about the
    encoder given: a formula that is right for its activation and depth alone is right, and a note says so.

    Examples
    --------
    >>> import numpy as np
    >>> from contractive import check_penalty
    >>> def penalty(parameters, x):
    ...     W, b = parameters["encoder.0.weight"], parameters["encoder.0.bias"]
    ...     h = np.tanh(x @ W.T + b)
    ...     return ((h * (1 - h)) ** 2 @ (W**2).sum(1)).mean()
    >>> rng = np.random.default_rng(0)
    >>> encoder = {"encoder.0.weight": rng.normal(size=(3, 5)), "encoder.0.bias": np.zeros(3)}
    >>> check_penalty(penalty, encoder, rng.normal(size=(8, 5)), activations="tanh").kind
    'h(1-h) with another activation'
    """
    _check_numbers(contraction, scales, sigma, calls)
    subject, rows = _subject(function, encoder, x, activations, decoder)
    with _generators_kept(), subject.untouched():
        check = _Check(subject, rows, contraction, scales, sigma, calls, random_state)
        verdict = check.verdict()
        if not isinstance(encoder, Mapping) and _MAYBE_CLOSED_OVER & set(verdict.kinds):
            verdict = _judged_in_place(check, verdict)
        return verdict


def _judged_in_place(check: _Check, before: Verdict) -> Verdict:
    """Judge once more on the user's own module, which a closure over it or its tensors follows."""
    check.subject.in_place = True
    check.subject.notes.clear()
    after = check.verdict()
    if after.kinds == before.kinds:
        return before
    note = (
        "the function does not depend, or not alone, on the encoder that it is given, but on tensors of one that it closes "
        "over (wrong tensor, wherever another encoder is given); judged on that one, in place"
    )
    return replace(after, notes=(note, *after.notes))


def _check_numbers(contraction: float, scales: Sequence[float], sigma: float | None, calls: int) -> None:
    if not (math.isfinite(contraction) and contraction != 0):
        raise ValueError(f"`contraction` must be a finite number other than 0, got {contraction}")
    if not all(s > 0 and math.isfinite(s) for s in scales) or not any(s >= 1 for s in scales):
        raise ValueError(
            f"`scales` must be above 0 and one of them 1 or more, got {tuple(scales)}: tiny weights alone hide most mistakes"
        )
    if sigma is not None and not (sigma > 0 and math.isfinite(sigma)):
        raise ValueError(f"`sigma` must be above 0, got {sigma}")
    if calls < 10:
        raise ValueError(f"`calls` must be 10 or more, got {calls}")


def _subject(function: Callable[..., Any], encoder: Any, x: Any, activations: Any, decoder: Any) -> tuple[Subject, Any]:
    is_of = {library: library in sys.modules for library in ("torch", "keras")}
    if is_of["keras"] and isinstance(encoder, sys.modules["keras"].Model):
        from .frameworks.keras import KerasSubject

        _refuse_decoder(decoder)
        rows = _rows(sys.modules["keras"].ops.convert_to_numpy(x))
        return KerasSubject(function, encoder, rows), rows
    if is_of["torch"] and isinstance(encoder, sys.modules["torch"].nn.Module):
        from .frameworks.pytorch import TorchSubject

        torch = sys.modules["torch"]
        tensor = x.detach() if isinstance(x, torch.Tensor) else torch.as_tensor(np.asarray(x))
        rows = _rows(tensor.cpu().double().numpy())
        return TorchSubject(function, encoder, tensor, decoder), rows
    if isinstance(encoder, Mapping):
        from .frameworks.numpy import NumpySubject

        _refuse_decoder(decoder)
        rows = _rows(x)
        return NumpySubject(function, encoder, rows, activations), rows
    raise TypeError(
        f"`encoder` must be a torch.nn.Module, a keras.Model or a mapping of arrays, got {type(encoder).__name__}"
    )


def _refuse_decoder(decoder: Any) -> None:
    if decoder is not None:
        raise TypeError("`decoder` is taken beside an encoder of PyTorch alone")


def _rows(x: Any) -> Any:
    array = np.asarray(x, dtype=np.float64)
    if array.ndim < 2 or 0 in array.shape:
        raise ValueError(f"`x` must be rows, (N, d), got the shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("`x` must be finite")
    return array.reshape(len(array), -1)


@contextmanager
def _generators_kept() -> Iterator[None]:
    torch = sys.modules.get("torch")
    state, legacy = random.getstate(), np.random.get_state()
    try:
        if torch is None:
            yield
        else:
            with torch.random.fork_rng():
                yield
    finally:
        random.setstate(state)
        np.random.set_state(legacy)


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


class _Check:
    """A subject with how it is tried."""

    def __init__(
        self,
        subject: Subject,
        rows: Any,
        contraction: float,
        scales: Sequence[float],
        sigma: float | None,
        calls: int,
        seed: int,
    ) -> None:
        self.subject, self.rows, self.contraction = subject, rows, contraction
        self.scales, self.sigma, self.calls, self.seed = scales, sigma, calls, seed

    def verdict(self) -> Verdict:
        """Try the function and put what is found into words."""
        rng = np.random.default_rng(self.seed)
        subject = self.subject
        tried = list(settings(subject, self.rows, self.scales, rng))
        subject.settle(tried[0])
        try:
            subject.point(tried[0])
        except ValueError as error:  # contractive.torch says why no Jacobian is defined
            return Verdict(UNDECIDED, (UNDECIDED,), str(error), notes=tuple(subject.notes))
        is_stochastic = self._is_stochastic(next(t for t in tried if t.scale not in ("own", "mirrored")))
        trials = [self._trial(setting, self.calls if is_stochastic else 1) for setting in tried]
        judge = Judge(subject, trials)
        finding = judge.known() or search(judge, self.sigma, rng)
        rows = [_row(t, subject, t.setting.activation or subject.own_activation) for t in trials]
        swapped = [] if is_stochastic else self._swapped(rng)
        finding.notes += _reach(finding, swapped)
        return Verdict(
            kind=finding.kinds[0],
            kinds=finding.kinds,
            message=message(finding),
            formula=finding.formula.name if finding.formula else "",
            factor=finding.factor.c if finding.factor else math.nan,
            factor_name=finding.factor_name,
            known_as=known_as(finding),
            remedy=remedy(finding.kinds, subject.line),
            trials=(*rows, *swapped),
            notes=(*subject.notes, *finding.notes),
        )

    def _call(self, setting: Setting) -> Sample:
        found = self.subject.call(setting)
        g = found.gradient
        return Sample(
            found.value / self.contraction,
            None if g is None else {name: value / self.contraction for name, value in g.items()},
        )

    def _is_stochastic(self, setting: Setting) -> bool:
        values = []
        for i in range(3):
            _seed(self.seed + i)
            values.append(self._call(setting).value)
        return max(values) - min(values) > 0.01 * self.subject.resolution * max(map(abs, values))

    def _trial(self, setting: Setting, calls: int) -> Trial:
        _seed(self.seed)
        point = self.subject.point(setting)
        exact = EXACT.value(point)
        samples = [self._call(setting)]
        while len(samples) < calls and not _is_settled(samples):
            samples.append(self._call(setting))
        trial = Trial(
            setting, samples[0], point, float(exact.detach()), self.subject.numbers(point.differentiate(exact))
        )
        if calls > 1:
            _average(trial, samples)
        return trial

    def _swapped(self, rng: np.random.Generator) -> list[Row]:
        rows: list[Row] = []
        for name in self.subject.others():
            try:
                tried = settings(self.subject, self.rows, self.scales, rng, name)
                rows += [_row(self._trial(setting, 1), self.subject, name) for setting in tried]
            except Exception as error:  # whatever a user's function raises of an activation that it was not made for
                self.subject.notes.append(f"with {name} the function raises {type(error).__name__}")
        return rows


def _is_settled(samples: Sequence[Sample]) -> bool:
    """Whether the mean of the values is known to two per cent."""
    if len(samples) < _FEWEST_CALLS or len(samples) % 10:
        return False
    values = np.array([s.value for s in samples])
    return bool(values.std(ddof=1) <= 0.02 * math.sqrt(len(values)) * abs(values.mean()))


def _average(trial: Trial, samples: Sequence[Sample]) -> None:
    values = np.array([s.value for s in samples])
    trial.calls = len(samples)
    trial.error = float(values.std(ddof=1) / math.sqrt(len(values)))
    gradients = [s.gradient for s in samples if s.gradient is not None]
    mean = None
    if gradients:
        mean, variance = {}, 0.0
        for name in gradients[0]:
            stack = np.stack([g[name] for g in gradients])
            mean[name] = stack.mean(0)
            variance += float(stack.var(0, ddof=1).sum()) / len(stack)
        trial.gradient_error = math.sqrt(variance)
    trial.sample = Sample(float(values.mean()), mean)


def _row(trial: Trial, subject: Subject, activation: str) -> Row:
    cosine = ratio = math.nan
    if trial.sample.gradient is not None:
        names = list(subject.originals)
        ratio, _, cosine = along(flat(trial.sample.gradient, names), flat(trial.exact_gradient, names))
    s = trial.setting
    mode = "train" if s.is_training else "eval"
    n, value = trial.n_rows, trial.sample.value
    return Row(s.scale, activation, mode, n, value, trial.exact, cosine, ratio, trial.error)


def _reach(finding: Finding, swapped: Sequence[Row]) -> list[str]:
    """Tell whether a formula that is right here is right with other activations too."""
    if finding.formula is not EXACT or finding.factor is None:
        return []
    factor: Factor = finding.factor
    off: dict[str, list[float]] = {}
    for row in swapped:
        if row.exact > 0:
            ratio = row.ratio / factor.at(row.n_rows)
            if abs(ratio - 1) > 0.01:
                off.setdefault(row.activation, []).append(ratio)
    if not off:
        return []
    told = ", ".join(f"{name}: {' and '.join(f'{r:.3g}' for r in ratios)} times" for name, ratios in off.items())
    return [
        f"so for the encoder's own activation alone; with another in its place the value is off ({told} the exact one)"
    ]
