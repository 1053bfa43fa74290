"""The detector with PyOD's signs and attributes: higher scores are more anomalous, 1 is an outlier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._learning import learning
from .anomaly import AnomalyDetector

if TYPE_CHECKING:

    class BaseDetector:  # noqa: D101
        contamination: float

        def __init__(self, contamination: float = 0.1) -> None: ...
        def _process_decision_scores(self) -> None: ...
        def _set_n_classes(self, y: Any) -> None: ...

else:
    try:
        from pyod.models.base import BaseDetector
    except ImportError as error:
        raise ImportError("contractive.pyod needs PyOD: pip install pyod; AnomalyDetector works without it") from error


class ContractiveDetector(BaseDetector):
    """An ensemble of contractive autoencoders, as a detector of PyOD.

    Parameters
    ----------
    contamination : float, default=0.1
        Share of outliers among the rows fitted on, above 0 and at most 0.5.
    purity : {"contaminated", "mixed", "clean"}, default="contaminated"
        What is known of the rows fitted on. PyOD's detectors are told that outliers are among them, a share of
        ``contamination``, and its data sets have them in groups; :class:`contractive.AnomalyDetector` takes a group of
        3.5 % of the rows for ordinary unless it is told otherwise.
    ensemble, hidden_layer_sizes, contraction, steps, trim, kind, random_state, n_jobs
        As :class:`contractive.AnomalyDetector` has them.

    Attributes
    ----------
    decision_scores_ : ndarray of shape (N,)
        Scores of the rows fitted on, higher is more anomalous.
    threshold_ : float
        Scores above it are outliers.
    labels_ : ndarray of shape (N,)
        1 for outliers among the rows fitted on, 0 for the rest.
    detector_ : contractive.AnomalyDetector
        What does the work.

    Examples
    --------
    >>> import numpy as np
    >>> from contractive.pyod import ContractiveDetector
    >>> X = np.random.default_rng(0).normal(size=(200, 4))
    >>> ContractiveDetector(ensemble=2, steps=50, random_state=0).fit(X).labels_.sum()
    np.int64(20)
    """

    def __init__(
        self,
        contamination: float = 0.1,
        ensemble: int = 8,
        purity: str = "contaminated",
        hidden_layer_sizes: Sequence[int] | None = None,
        contraction: float = 1e-2,
        steps: int | None = None,
        trim: float = 0.0,
        kind: str = "combined",
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(contamination=contamination)
        self.ensemble = ensemble
        self.purity = purity
        self.hidden_layer_sizes = hidden_layer_sizes
        self.contraction = contraction
        self.steps = steps
        self.trim = trim
        self.kind = kind
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> ContractiveDetector:
        """Train on rows, without labels.

        Parameters
        ----------
        X : array of shape (N, d)
            Rows of finite numbers.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        with learning(self) as learner:
            learner._learn(X, y)
        return self

    def _learn(self, X: Any, y: Any) -> None:
        self._set_n_classes(y)
        self.detector_ = AnomalyDetector(
            ensemble=self.ensemble,
            purity=self.purity,
            hidden_layer_sizes=self.hidden_layer_sizes,
            contraction=self.contraction,
            steps=self.steps,
            trim=self.trim,
            kind=self.kind,
            random_state=self.random_state,
            n_jobs=self.n_jobs,
        ).fit(X)
        self.decision_scores_ = self.detector_.anomaly_scores(X)
        self._process_decision_scores()

    def decision_function(self, X: Any) -> np.ndarray[Any, np.dtype[Any]]:
        """Give the score of each row, shape (N,): higher is more anomalous."""
        from ._base import fitted

        fitted(self, "detector_")
        return self.detector_.anomaly_scores(X)
