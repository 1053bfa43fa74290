"""Anomalies in time series: windows of a frame with timestamps, a score for every timestamp."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._base import BaseEstimator, OutlierMixin, as_rows, fitted, seed_of
from ._detecting import Detecting, at_fault, check_names, detector_settings, parameters_of, threshold_words
from ._frames import beside, cells_of, core_frame, is_frame, like, numbers, read_once
from ._learning import learning
from ._progress import MembersBar
from ._settings import names_of, speaking_parameters, threads_of, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .pages import Page

    Array = NDArray[Any]

# The column that pandas' row index becomes.
_INDEX = "__time__"
# Fractions of a second that are none, at the end or before a zone.
_WHOLE = re.compile(r"(?<=:\d\d)\.0+(?=$|[Z+-])")


class SeriesDetector(Detecting, OutlierMixin, BaseEstimator):
    """Find anomalous timestamps: an ensemble of contractive autoencoders of windows.

    Parameters
    ----------
    time : str, optional
        The column of timestamps. None: pandas' DatetimeIndex where there is one, else rows are counted.
    values : sequence of str, optional
        Columns of values; by default all columns of numbers.
    series_key : sequence of str, default=()
        Columns that tell several series apart.
    window : int, optional
        Rows a window, at least 2; by default whole periods of the series where it has one, else 100.
    stride : int, default=1
        Rows from one window's beginning to the next.
    normalise : {"none", "mean", "standard"}, default="none"
        What is taken out of each window.
    credit : {"both", "window", "part"}, default="both"
        What of a window's score each of its rows takes.
    gaps : {"part", "span"}, optional
        What windows do where rows are missing; by default they end there, or span where rows come unevenly.
    missing : {"refuse", "previous"}, default="refuse"
        What stands in for a missing value.
    ensemble : int, default=8
        Networks, each from its own seed.
    hidden_layer_sizes : sequence of int, optional
        Sizes of the encoder's layers; by default from the window.
    contraction : float, default=0.01
        Weight of the penalty ‖∂h/∂x‖².
    tied : bool, default=True
        Whether the decoder's weights are the encoder's, transposed.
    steps : int, optional
        Most steps a network.
    batch_size : int, default=128
        Windows a step.
    learning_rate : float, default=3e-3
        Highest step size.
    trim : float, default=0.0
        Share of each batch that a step leaves out.
    time_budget : float, optional
        Longest time for training, in seconds.
    kind : str, default="combined"
        What is used as the score of windows.
    contamination : float, default=0.01
        Share of the timestamps fitted on that lie above the threshold.
    threshold : str, optional
        Another rule: "quantile:P", "sigma:K", "pot:RATE" or "value:T".
    validation_fraction : float, default=0.15
        Share of the windows held out.
    random_state : int, numpy.random.Generator, RandomState or None, default=None
        Seed of everything random.
    n_jobs : int, optional
        Threads. None: ``OMP_NUM_THREADS``, else all processors that the process may use.
    verbose : int, default=0
        1 shows a progress bar on standard error.

    Attributes
    ----------
    detector_ : contractive._core.SeriesDetector
        The trained ensemble.
    threshold_ : float
        Scores above it are anomalies.
    window_ : int
        Rows a window.
    notes_ : list of str
        What should be known of how the frame was understood.

    Examples
    --------
    >>> import numpy as np
    >>> from contractive import SeriesDetector
    >>> t = np.arange(600)
    >>> load = np.sin(2 * np.pi * t / 24)
    >>> load[400] += 3
    >>> detector = SeriesDetector(window=24, ensemble=2, steps=100, random_state=0).fit(load[:, None])
    >>> int(np.argmax(detector.anomaly_scores(load[:, None])))
    400
    """

    detector_: _core.SeriesDetector
    notes_: list[str]
    threshold_: float
    offset_: float
    window_: int
    seed_: int
    n_features_in_: int
    _has_index: bool
    _spec: dict[str, Any]

    def __init__(
        self,
        *,
        time: str | None = None,
        values: Sequence[str] | None = None,
        series_key: Sequence[str] = (),
        window: int | None = None,
        stride: int = 1,
        normalise: str = "none",
        credit: str = "both",
        gaps: str | None = None,
        missing: str = "refuse",
        ensemble: int = 8,
        hidden_layer_sizes: Sequence[int] | None = None,
        contraction: float = 1e-2,
        tied: bool = True,
        steps: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 3e-3,
        trim: float = 0.0,
        time_budget: float | None = None,
        kind: str = "combined",
        contamination: float = 0.01,
        threshold: str | None = None,
        validation_fraction: float = 0.15,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.time = time
        self.values = values
        self.series_key = series_key
        self.window = window
        self.stride = stride
        self.normalise = normalise
        self.credit = credit
        self.gaps = gaps
        self.missing = missing
        self.ensemble = ensemble
        self.hidden_layer_sizes = hidden_layer_sizes
        self.contraction = contraction
        self.tied = tied
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.trim = trim
        self.time_budget = time_budget
        self.kind = kind
        self.contamination = contamination
        self.threshold = threshold
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> SeriesDetector:
        """Train on the windows of a series, without labels.

        Parameters
        ----------
        X : frame, or array of shape (N, values)
            Rows in the order of time.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a parameter outside its range, a timestamp or value that cannot be read, a series shorter than a window.
        TrainingDiverged
            Where a number was no longer finite.
        """
        with learning(self) as learner:
            learner._learn(X)
        if self.verbose:
            for note in learner.notes_:
                warnings.warn(note, stacklevel=2)
        return self

    def _learn(self, X: Any) -> None:
        if self.missing not in ("refuse", "previous"):
            raise ValueError(f"`missing` must be refuse or previous, got {self.missing!r}")
        with speaking_parameters(), MembersBar(self.verbose, self.ensemble, type(self).__name__) as bar:
            self.seed_ = seed_of(self.random_state)
            self._has_index = self.time is None and has_times(X)
            wishes = {
                "time": _INDEX if self._has_index else self.time,
                "series_key": names_of(self.series_key, "series_key"),
                "values": names_of(self.values, "values") if self.values is not None else None,
                "fills_missing": self.missing == "previous",
                "window": whole_number(self.window, "window", 2) if self.window is not None else None,
                "stride": whole_number(self.stride, "stride", 1),
                "normalise": self.normalise,
                "credit": self.credit,
                "gaps": self.gaps,
            }
            frame = self._frame_of(X, reset=True)
            if frame.n_rows == 1:
                raise ValueError("a detector cannot be trained on one timestamp, got n_samples = 1")
            self.detector_, self.notes_ = _core.SeriesDetector.train(
                frame,
                json.dumps(wishes),
                detector_settings(self, self.seed_),
                threshold_words(self),
                n_threads=threads_of(self.n_jobs),
                listener=bar.listener,
            )
        self._learnt()

    def _frame_of(self, X: Any, *, reset: bool = False) -> _core.Frame:
        X = read_once(X)
        if not is_frame(X):
            return core_frame(as_rows(self, X, reset=reset))
        check_names(self, X, reset=reset)
        if not getattr(self, "_has_index", False):
            return core_frame(X)
        if not has_times(X):
            raise ValueError("X must have a DatetimeIndex, as the rows fitted on had")
        return core_frame(X, time_index=_INDEX)

    def _learnt(self) -> None:
        super()._learnt()
        self._spec = json.loads(self.detector_.spec())
        self.window_ = self._spec["window"]

    def _scored(self, X: Any, *, explains: bool = False) -> _core._Scored:
        fitted(self, "detector_")
        with speaking_parameters():
            return self.detector_.score(self._frame_of(X), explains=explains, n_threads=threads_of(self.n_jobs))

    def anomaly_scores(self, X: Any) -> Array:
        """Give the score of each timestamp, shape (N,): higher is more anomalous; NaN where a series is too short."""
        return np.asarray(self._scored(X)["score"])

    def detect(self, X: Any, *, explain: int = 3) -> Any:
        """Give a table with the score, probability and label of every timestamp, and the columns at fault.

        Parameters
        ----------
        X : frame, or array of shape (N, values)
            Rows in the order of time, with the columns fitted on.
        explain : int, default=3
            How many columns to name for each flagged timestamp, of a series of several.

        Returns
        -------
        table
            A frame of the same kind as X, with its index; a dictionary of arrays where X is an array.
        """
        fitted(self, "detector_")
        explain, X = whole_number(explain, "explain", 0), read_once(X)
        explains = explain > 0 and len(self._spec["values"]) > 1
        scored = self._scored(X, explains=explains)
        time = self._spec.get("time")
        kept = [*self._spec.get("series_key", []), *([time] if time not in (None, _INDEX) else [])]
        ours = {"score": scored["score"], "probability": scored["probability"], "label": scored["label"]}
        if explains:
            scored["feature_names"] = scored["value_names"]
            ours.update(at_fault(scored, min(explain, len(scored["value_names"]))))
        return like(X, beside({name: cells_of(X, name) for name in kept if is_frame(X)}, ours))

    def ranges(self, X: Any) -> list[dict[str, Any]]:
        """Give the flagged timestamps that follow each other, the highest score first.

        Returns
        -------
        list of dict
            ``start``, ``end`` and ``peak_at`` as timestamps (rows from 1 where there are none), ``first``, ``last`` and
            ``peak`` as rows from 0, ``timestamps``, ``score``, and ``columns`` at fault with their shares.
        """
        told = json.loads(self._scored(X, explains=True)["ranges"])
        assert isinstance(told, list)
        for found in told:
            for at, row in (("start", "first"), ("end", "last"), ("peak_at", "peak")):
                # An index's own times, in its zone. Of columns 02:00:00.000000 is 02:00:00.
                found[at] = X.index[found[row]].isoformat() if self._has_index else _WHOLE.sub("", found[at])
        return told

    def report(self, path: str | os.PathLike[str] | None, X: Any) -> Page:
        """Write the page of ``cae detect --report``: the series with what was found."""
        from .pages import page

        fitted(self, "detector_")
        with speaking_parameters():
            return page(path, self.detector_.page(self._frame_of(X), n_threads=threads_of(self.n_jobs)))

    def plot(self, X: Any, ax: Any = None) -> Any:
        """Draw the series over its scores, flagged timestamps marked."""
        from .pictures import plot_series

        scored = self._scored(X)
        n, time = len(scored["score"]), self._spec.get("time")
        moments: Any = np.arange(n)
        if time == _INDEX:
            moments = X.index.to_numpy()
        elif time is not None and is_frame(X):
            moments = np.asarray(cells_of(X, time))
            if moments.dtype.kind in "OU":
                moments = moments.astype("datetime64[ns]")
        names = scored["value_names"]
        values = numbers(X, names) if is_frame(X) else np.asarray(X)
        return plot_series(moments, values, names, scored["score"], self.threshold_, scored["label"], ax)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SeriesDetector:
        """Read a detector directory."""
        return cls._of(_core.SeriesDetector.load(os.fspath(path)))

    @classmethod
    def _of(cls, detector: _core.SeriesDetector) -> SeriesDetector:
        spec = json.loads(detector.spec())
        estimator = cls(
            time=spec.get("time") if spec.get("time") != _INDEX else None,
            values=spec["values"],
            series_key=tuple(spec.get("series_key", [])),
            window=spec["window"],
            stride=spec["stride"],
            normalise=spec.get("normalise", "none"),
            credit=spec.get("credit", "both"),
            gaps=spec.get("gaps"),
            missing=spec.get("missing", "refuse"),
            **parameters_of(detector),
        )
        estimator._has_index = spec.get("time") == _INDEX
        estimator.detector_, estimator.notes_, estimator.seed_ = detector, [], estimator.random_state
        estimator._learnt()
        estimator.n_features_in_ = (
            len(spec["values"]) + len(spec.get("series_key", [])) + (spec.get("time") not in (None, _INDEX))
        )
        return estimator

    def __repr__(self, *args: Any, **kwargs: Any) -> str:
        said: str = super().__repr__(*args, **kwargs)
        if not hasattr(self, "detector_"):
            return said
        rows = self.detector_.n_training_rows
        return f"{said}\n# fitted on {rows} timestamps, windows of {self.window_}, threshold {self.threshold_:.4g}"


def has_times(X: Any) -> bool:
    """Whether the row index of pandas is one of times."""
    index = getattr(X, "index", None) if is_frame(X) else None
    kind = type(index).__name__
    if kind in ("PeriodIndex", "TimedeltaIndex"):
        raise ValueError(
            f"the index of X must be a DatetimeIndex, or say nothing of time, got a {kind}: see to_timestamp()"
        )
    told = str(getattr(index, "dtype", ""))
    return told.startswith("datetime64") or (told.startswith("timestamp") and "pyarrow" in told)
