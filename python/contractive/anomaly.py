"""Anomalies among the rows of a table: the ensemble of ``cae train --detector``."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._base import BaseEstimator, OutlierMixin, as_rows, feature_names, fitted
from ._detecting import Detecting, at_fault, check_names, detector_settings, parameters_of, threshold_words
from ._frames import beside, cells_of, columns_of, core_frame, is_frame, like, read_once
from ._learning import learning
from ._progress import MembersBar
from ._ranks import Ranks
from ._settings import names_of, speaking_parameters, threads_of, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .pages import Page

    Array = NDArray[Any]


class AnomalyDetector(Detecting, OutlierMixin, BaseEstimator):
    """Find anomalous rows: an ensemble of contractive autoencoders with calibrated scores and a threshold.

    Takes tables as they are: numbers, categories, truth values, missing cells, keys. Every setting has a default that fits
    the table's shape; see docs/anomaly.md for what the defaults are worth beside other detectors.

    Parameters
    ----------
    ensemble : int, default=8
        Networks, each from its own seed, from 1 to 1000.
    purity : {"mixed", "clean", "contaminated"}, default="mixed"
        What is known of the rows fitted on: some may be anomalies; none is; many may be, and alike.
    hidden_layer_sizes : sequence of int, optional
        Sizes of the encoder's layers; by default from the table's shape.
    contraction : float, default=0.01
        Weight of the penalty ‖∂h/∂x‖², at least 0.
    tied : bool, default=True
        Whether the decoder's weights are the encoder's, transposed.
    steps : int, optional
        Most steps a network; by default from the table's shape.
    batch_size : int, default=128
        Rows a step.
    learning_rate : float, default=3e-3
        Highest step size.
    trim : float, default=0.0
        Share of each batch, those restored worst, that a step leaves out; at most 0.5.
    time_budget : float, optional
        Longest time for training, in seconds; the result then depends on the machine.
    kind : str, default="combined"
        What is used as the score: combined, error, scaled_error, density, neighbour, reconstruction_norm, jacobian,
        nearest, local or remote.
    contamination : float, default=0.1
        Share of the rows fitted on that lie above the threshold, above 0 and at most 0.5.
    threshold : str, optional
        Another rule: "quantile:P", "sigma:K" or "pot:RATE", of the scores of rows that were held out, or "value:T".
    columns : sequence of str, optional
        Columns of a frame to learn from; by default all that are nothing else.
    keys : sequence of str, default=()
        Columns of a frame that name rows: they are carried to ``detect``'s tables.
    categorical : sequence of str, default=()
        Columns of numbers that are categories; text is one by itself.
    missing : {"refuse", "mean", "median", "mask"}, default="refuse"
        What becomes of missing cells.
    scale : str, optional
        How numbers of a frame are scaled: robust (default), standard, minmax, quantile or none.
    validation_fraction : float, default=0.15
        Share of the rows held out, for early stopping and as reference.
    random_state : int, numpy.random.Generator, RandomState or None, default=None
        Seed of everything random.
    n_jobs : int, optional
        Threads. None: ``OMP_NUM_THREADS``, else all processors that the process may use.
    verbose : int, default=0
        1 shows a progress bar on standard error.

    Attributes
    ----------
    detector_ : contractive._core.Detector
        The trained ensemble.
    threshold_ : float
        Scores above it are anomalies.
    offset_ : float
        Minus the threshold: ``score_samples`` below it are outliers.
    notes_ : list of str
        What should be known of how a table was understood.
    n_features_in_ : int
        Columns fitted on.
    feature_names_in_ : ndarray of str
        Their names, where they had some.

    Examples
    --------
    >>> import numpy as np
    >>> from contractive import AnomalyDetector
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=300)
    >>> X = np.column_stack([x, 2 * x, -x]) + 0.1 * rng.normal(size=(300, 3))
    >>> X[7] = [2, -4, 2]
    >>> detector = AnomalyDetector(ensemble=2, random_state=0).fit(X)
    >>> int(np.argmax(detector.anomaly_scores(X)))
    7
    """

    detector_: _core.Detector
    notes_: list[str]
    threshold_: float
    offset_: float
    seed_: int
    n_features_in_: int
    feature_names_in_: Array

    def __init__(
        self,
        *,
        ensemble: int = 8,
        purity: str = "mixed",
        hidden_layer_sizes: Sequence[int] | None = None,
        contraction: float = 1e-2,
        tied: bool = True,
        steps: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 3e-3,
        trim: float = 0.0,
        time_budget: float | None = None,
        kind: str = "combined",
        contamination: float = 0.1,
        threshold: str | None = None,
        columns: Sequence[str] | None = None,
        keys: Sequence[str] = (),
        categorical: Sequence[str] = (),
        missing: str = "refuse",
        scale: str | None = None,
        validation_fraction: float = 0.15,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.ensemble = ensemble
        self.purity = purity
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
        self.columns = columns
        self.keys = keys
        self.categorical = categorical
        self.missing = missing
        self.scale = scale
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    # Training

    def fit(self, X: Any, y: Any = None, *, comm: Any = None) -> AnomalyDetector:
        """Train on rows, without labels, which several processes may hold together.

        Parameters
        ----------
        X : frame or array of shape (N, d)
            A frame of pandas, polars or Arrow with columns of any kind, or an array of numbers. With ``comm`` the rows of
            this process, which may be none.
        y : None
            Ignored.
        comm : communicator, optional
            What connects the processes that fit one detector, as :func:`contractive.communicators.communicator` takes it: a
            communicator of mpi4py, torch.distributed or a group of it, xgboost.collective. Every process calls ``fit`` with
            the same parameters, and ends with the same detector, to the bit: that of one process with all the rows in the
            order of the ranks, but for the rounding of sums. ``random_state`` is rank 0's; ``verbose`` shows rank 0's
            progress alone. ``n_jobs``, where it is None and ``OMP_NUM_THREADS`` is not set, shares a machine's processors
            out among its processes.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a parameter outside its range, and for a cell that cannot be taken, with its row and column.
        TrainingDiverged
            Where a number was no longer finite.
        RuntimeError
            Where another process failed, with its rank and what it says.
        ConnectionError
            Where another process cannot be reached any more.
        """
        ranks = Ranks(comm)
        with learning(self) as learner:
            learner._learn(X, ranks)
        if self.verbose and ranks.is_first:
            for note in learner.notes_:
                warnings.warn(note, stacklevel=2)
        return self

    def _learn(self, X: Any, ranks: Ranks) -> None:
        shows = self.verbose if ranks.is_first else 0
        with speaking_parameters(), MembersBar(shows, self.ensemble, type(self).__name__) as bar:
            self.seed_ = ranks.seed(self.random_state)
            with ranks.together():
                settings, rule = detector_settings(self, self.seed_), threshold_words(self)
                columns = names_of(self.columns, "columns") if self.columns is not None else None
                keys, categories = names_of(self.keys, "keys"), names_of(self.categorical, "categorical")
                frame = self._frame_of(X, reset=True, least=0 if ranks.are_many else 1)
                if frame.n_rows == 1 and not ranks.are_many:
                    raise ValueError("a detector cannot be trained on one row, got n_samples = 1")
            ranks.agree_on(self, frame.n_rows)
            self.detector_, notes = _core.Detector.train_table(
                frame,
                settings,
                rule,
                columns=columns,
                keys=keys,
                categories=categories,
                missing=self.missing,
                scale=self.scale,
                n_threads=ranks.threads(self.n_jobs),
                listener=bar.listener,
                group=ranks.group,
            )
            self.notes_ = ranks.of_first(notes)
        self._learnt()

    def _frame_of(self, X: Any, *, reset: bool, least: int = 1) -> _core.Frame:
        X = read_once(X)
        if is_frame(X):
            check_names(self, X, reset=reset)
            return core_frame(X)
        # An array is a table of numbers, so that it gives what a frame of the same numbers gives.
        rows = as_rows(self, X, reset=reset, least=least)
        names = feature_names(self)
        if names is None:
            return core_frame(rows)
        return core_frame({name: rows[:, j] for j, name in enumerate(names)})

    # Use

    def _scored(self, X: Any, *, contributions: bool = False) -> _core._Scored:
        fitted(self, "detector_")
        n_threads = threads_of(self.n_jobs)
        with speaking_parameters():
            if self.detector_.columns is None:
                rows = as_rows(self, X, reset=False)
                return self.detector_.score_rows(
                    rows, names=feature_names(self), contributions=contributions, n_threads=n_threads
                )
            frame = self._frame_of(X, reset=False)
            return self.detector_.score_table(frame, contributions=contributions, n_threads=n_threads)

    def anomaly_scores(self, X: Any, kind: str | None = None) -> Array:
        """Give the score of each row, shape (N,): higher is more anomalous.

        Parameters
        ----------
        X : frame or array of shape (N, d)
            Rows with the columns fitted on.
        kind : str, optional
            A kind of score in place of the detector's own.

        Returns
        -------
        scores : ndarray of shape (N,)
        """
        scored = self._scored(X)
        if kind is None:
            return np.asarray(scored["score"])
        if kind not in scored["kinds"]:
            raise ValueError(f"`kind` must be one of {', '.join(scored['kinds'])}, got {kind!r}")
        return np.asarray(scored["kinds"][kind])

    def predict_proba(self, X: Any) -> Array:
        """Give the share of the rows fitted on that score lower, shape (N,): near 1 is anomalous."""
        return np.asarray(self._scored(X)["probability"])

    def feature_scores(self, X: Any) -> Array:
        """Give each column's part in the score, shape (N, columns): a row's parts add up to its score."""
        return np.asarray(self._scored(X, contributions=True)["contributions"])

    def detect(self, X: Any, *, explain: int = 3) -> Any:
        """Give a table as ``cae detect`` writes it: keys, score, probability, label, the columns at fault.

        Parameters
        ----------
        X : frame or array of shape (N, d)
            Rows with the columns fitted on.
        explain : int, default=3
            How many columns to name for each row that is an anomaly, with their shares of its parts above 0.

        Returns
        -------
        table
            A frame of the same kind as X, with its index; a dictionary of arrays where X is an array.
        """
        explain, X = whole_number(explain, "explain", 0), read_once(X)
        scored = self._scored(X, contributions=explain > 0)
        keys = [name for name in self.detector_.keys if is_frame(X) and name in columns_of(X)]
        ours = {"score": scored["score"], "probability": scored["probability"], "label": scored["label"]}
        if explain > 0:
            ours.update(at_fault(scored, min(explain, len(scored["feature_names"]))))
        return like(X, beside({name: cells_of(X, name) for name in keys}, ours))

    def report(self, path: str | os.PathLike[str] | None, X: Any, name: str = "X") -> Page:
        """Write the page of ``cae detect --report``: how scores are spread, the highest rows and why, drift.

        Parameters
        ----------
        path : path or None
            An .html file; None gives the page back alone, and a notebook shows it.
        X : frame or array of shape (N, d)
            Rows with the columns fitted on.
        name : str, default="X"
            What the page calls them.

        Returns
        -------
        page : contractive.pages.Page
            Its path where it was written; a notebook shows the page.
        """
        from .pages import page

        fitted(self, "detector_")
        with speaking_parameters():
            frame = self._frame_of(X, reset=False)
            return page(path, self.detector_.page(frame, name, n_threads=threads_of(self.n_jobs)))

    def plot(self, X: Any, ax: Any = None) -> Any:
        """Draw how the scores of X are spread, with the threshold."""
        from .pictures import plot_scores

        return plot_scores(self.anomaly_scores(X), self.threshold_, ax)

    # Keeping

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> AnomalyDetector:
        """Read a detector directory."""
        return cls._of(_core.Detector.load(os.fspath(path)))

    @classmethod
    def _of(cls, detector: _core.Detector) -> AnomalyDetector:
        purity = json.loads(detector.settings()).get("purity", "mixed")
        estimator = cls(purity=purity, keys=tuple(detector.keys), **parameters_of(detector))
        estimator.detector_, estimator.notes_, estimator.seed_ = detector, [], estimator.random_state
        estimator._learn_columns()
        estimator._learnt()
        return estimator

    def _learn_columns(self) -> None:
        """Know a loaded detector's columns, and the parameters that say what they are for."""
        told = self.detector_.encoding()
        if told is None:
            names, self.n_features_in_ = self.detector_.feature_names, self.detector_.n_features
        else:
            encoding = json.loads(told)
            roles = {column["name"]: column["role"]["kind"] for column in encoding["columns"]}
            names, self.n_features_in_ = list(roles), len(roles)
            self.missing, self.scale = encoding["missing"], encoding["scale"]
            if "left_out" in roles.values():
                self.columns = [name for name, role in roles.items() if role not in ("left_out", "key", "label")]
        if names is not None and names != [f"x{j}" for j in range(len(names))]:
            self.feature_names_in_ = np.asarray(names, dtype=object)

    # What scikit-learn asks

    def __repr__(self, *args: Any, **kwargs: Any) -> str:
        said: str = super().__repr__(*args, **kwargs)
        if not hasattr(self, "detector_"):
            return said
        rows = self.detector_.n_training_rows
        return f"{said}\n# fitted on {rows} rows, threshold {self.threshold_:.4g} ({self.detector_.threshold_rule})"
