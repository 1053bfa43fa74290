"""The adapter keeps what PyOD's own tests ask of every detector: they are not part of an installed PyOD."""

import numpy as np
import pytest

pytest.importorskip("pyod")

from contractive.pyod import ContractiveDetector
from pyod.models.base import BaseDetector
from pyod.utils.data import generate_data
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

X_train, X_test, y_train, y_test = generate_data(
    n_train=600, n_test=200, n_features=30, contamination=0.1, random_state=42
)


@pytest.fixture(scope="module")
def fitted():
    return ContractiveDetector(contamination=0.1, ensemble=2, steps=100, random_state=0).fit(X_train)


def test_attributes(fitted):
    assert isinstance(fitted, BaseDetector)
    for name in ("decision_scores_", "labels_", "threshold_", "_mu", "_sigma"):
        assert getattr(fitted, name) is not None
    assert fitted.decision_scores_.shape == (600,)
    assert fitted.labels_.sum() == 60
    assert set(fitted.labels_) == {0, 1}


def test_scores_tell_outliers(fitted):
    scores = fitted.decision_function(X_test)
    assert scores.shape == (200,)
    assert roc_auc_score(y_test, scores) >= 0.8
    assert roc_auc_score(y_train, fitted.decision_scores_) >= 0.8


def test_labels_confidence_and_rejection(fitted):
    labels, confidence = fitted.predict(X_test, return_confidence=True)
    assert labels.shape == confidence.shape == y_test.shape
    assert confidence.min() >= 0
    assert confidence.max() <= 1
    assert np.array_equal(labels, fitted.decision_function(X_test) > fitted.threshold_)
    rejected, (expected, upper, cost) = fitted.predict_with_rejection(X_test, return_stats=True)
    assert rejected.shape == y_test.shape
    assert 0 <= expected <= 1
    assert 0 <= upper <= 1
    assert cost >= 0


@pytest.mark.parametrize("method", ["linear", "unify"])
def test_probabilities(fitted, method):
    proba, confidence = fitted.predict_proba(X_test, method=method, return_confidence=True)
    for values in (proba, confidence):
        assert values.min() >= 0
        assert values.max() <= 1
    with pytest.raises(ValueError, match="something"):
        fitted.predict_proba(X_test, method="something")


def test_fitting_and_judging_at_once(fitted):
    detector = clone(fitted)
    assert detector.fit_predict(X_train).shape == y_train.shape
    for scoring in ("roc_auc_score", "prc_n_score"):
        detector.fit_predict_score(X_test, y_test, scoring=scoring)
    with pytest.raises(NotImplementedError):
        detector.fit_predict_score(X_test, y_test, scoring="something")


def test_ranks_and_clones(fitted):
    ranks = fitted._predict_rank(X_test)
    assert ranks.min() >= 0
    assert ranks.max() <= len(X_train)
    assert clone(fitted).get_params() == fitted.get_params()
