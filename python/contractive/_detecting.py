"""What the detectors of tables, of time series and of pictures share."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._base import HAS_SKLEARN, fitted
from ._frames import columns_of
from ._learning import as_it_is, learning
from ._settings import share_of, sizes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self

    Array = NDArray[Any]


class Detecting:
    """What detectors of rows and of timestamps have in common: scores as scikit-learn has them, labels, saving."""

    detector_: Any
    missing: str
    threshold_: float
    offset_: float

    def _learnt(self) -> None:
        self.threshold_ = self.detector_.threshold
        self.offset_ = -self.threshold_

    def set_threshold(self, rule: str) -> Self:
        """Change where a score becomes an anomaly; nothing is trained anew.

        Parameters
        ----------
        rule : str
            "contamination:SHARE", "quantile:P", "sigma:K", "pot:RATE" or "value:T".

        Returns
        -------
        self
        """
        fitted(self, "detector_")
        with learning(self) as learner:
            learner.detector_ = learner.detector_.with_threshold(rule_words(rule))
            learner._learnt()
        return self

    def anomaly_scores(self, X: Any) -> Array:
        """Give the scores, higher is more anomalous."""
        raise NotImplementedError

    def _scored(self, X: Any) -> _core._Scored | _core._ScoredPictures:
        raise NotImplementedError

    def score_samples(self, X: Any) -> Array:
        """Give minus the scores, shape (N,): higher is more ordinary, as scikit-learn has it."""
        return -self.anomaly_scores(X)

    def decision_function(self, X: Any) -> Array:
        """Give the threshold less the scores, shape (N,): below 0 is an outlier."""
        seen = as_it_is(self)
        return seen.score_samples(X) - seen.offset_

    def predict(self, X: Any) -> Array:
        """Give 1 for what is ordinary and -1 for anomalies, shape (N,)."""
        return np.where(self._scored(X)["label"], -1, 1)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a detector directory, which ``cae`` and ``contractive.load`` read."""
        from .saved import save

        save(self, path)

    def to_onnx(self, path: str | os.PathLike[str] | None = None, *, opset: int = 17) -> bytes | None:
        """Write the detector as an ONNX file, which ONNX Runtime computes with in any language.

        Of a table each column that is learnt from is an input of its own, shape (N, 1): numbers in 64 bits, NaN where a cell
        is missing, or text, empty where it is; outputs are ``score``, ``label``, ``probability`` and ``contributions``. Of a
        time series the input is ``windows``, shape (N, W, v), and the outputs ``score``, ``row_score`` and
        ``contributions``; the score of a timestamp is the mean of ``row_score`` over the windows that cover it.

        Parameters
        ----------
        path : path, optional
            The file, written whole or not at all. Without it the file's bytes are given.
        opset : int, default=17
            The version of ONNX's operators, from 17 to 28.

        Returns
        -------
        bytes or None
        """
        fitted(self, "detector_")
        file: bytes | None = self.detector_.to_onnx(path, opset=opset)
        return file

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "detector_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.allow_nan = self.missing != "refuse"
        return tags


def detector_settings(estimator: Any, seed: int) -> str:
    """Give the core's settings of a detector, from an estimator's parameters of the same names."""
    settings = {
        "ensemble": estimator.ensemble,
        "seed": seed,
        "validation": estimator.validation_fraction,
        "purity": getattr(estimator, "purity", "mixed"),
        "hidden": None,
        "contraction": estimator.contraction,
        "tied": estimator.tied,
        "steps": estimator.steps,
        "batch_size": estimator.batch_size,
        "learning_rate": estimator.learning_rate,
        "trim": estimator.trim,
        "time_budget": estimator.time_budget,
        "score": estimator.kind,
    }
    if estimator.hidden_layer_sizes is not None:
        settings["hidden"] = sizes_of(estimator.hidden_layer_sizes, "hidden_layer_sizes")
    for name, value in settings.items():
        if isinstance(value, np.generic):
            settings[name] = value = value.item()
        if isinstance(value, float) and not np.isfinite(value):
            raise ValueError(f"`{name}` must be a finite number, got {value}")
        if not isinstance(value, (int, float, str, list, type(None))):
            raise ValueError(f"`{name}` must be a number or a name, got {value!r}")
    return json.dumps(settings)


def parameters_of(detector: Any) -> dict[str, Any]:
    """Give the parameters that a detector's own settings tell: what :func:`detector_settings` was made of."""
    settings = json.loads(detector.settings())
    same = ("ensemble", "contraction", "tied", "steps", "batch_size", "learning_rate", "trim", "time_budget")
    return {
        **{name: settings[name] for name in same},
        "hidden_layer_sizes": settings["hidden"],
        "kind": settings["score"],
        "threshold": detector.threshold_rule,
        "validation_fraction": settings["validation"],
        "random_state": settings["seed"],
    }


def threshold_words(estimator: Any) -> str:
    """Give the threshold's rule: ``threshold``, else that of ``contamination``."""
    if estimator.threshold is not None:
        return rule_words(estimator.threshold)
    return f"contamination:{share_of(estimator.contamination)!r}"


def rule_words(rule: Any) -> str:
    """Give a threshold's rule, which is told in words."""
    if not isinstance(rule, str):
        raise ValueError(f"`threshold` must be a rule such as 'contamination:0.01' or 'value:{rule}', got {rule!r}")
    return rule


def check_names(estimator: Any, X: Any, *, reset: bool) -> None:
    """Keep the names of a frame's columns, or hold them to those fitted on: the core says which are missing or new."""
    names = columns_of(X)
    if reset:
        estimator.n_features_in_ = len(names)
        original = list(X.columns) if hasattr(X, "iloc") else names
        if all(isinstance(name, str) for name in original):
            estimator.feature_names_in_ = np.asarray(names, dtype=object)
        elif hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
        return
    # Columns of a table that the core holds are held to those fitted on by the core.
    if HAS_SKLEARN and hasattr(estimator, "feature_names_in_") and not isinstance(X, _core.Frame):
        from sklearn.utils.validation import validate_data

        validate_data(estimator, X, reset=False, skip_check_array=True)


def at_fault(scored: _core._Scored, k: int) -> dict[str, Any]:
    """Give ``feature_1``, ``share_1``, …: of each row that is an anomaly, the columns with the largest parts above 0."""
    parts = np.where(scored["contributions"] > 0, scored["contributions"], 0.0)
    whole = parts.sum(axis=1)
    flagged = np.asarray(scored["label"]) & (whole > 0)
    order = np.argsort(-parts, axis=1, kind="stable")[:, :k]
    names: Array = np.asarray(scored["feature_names"], dtype=object)
    table: dict[str, Any] = {}
    for place in range(k):
        column = order[:, place]
        share = np.take_along_axis(parts, column[:, None], axis=1)[:, 0] / np.where(whole > 0, whole, 1.0)
        is_told = flagged & (share > 0)
        table[f"feature_{place + 1}"] = np.where(is_told, names[column], np.asarray(None, dtype=object))
        table[f"share_{place + 1}"] = np.where(is_told, share, np.nan)
    return table
