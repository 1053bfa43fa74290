"""Another threshold comes at once or not at all: for other threads, after Ctrl-C, and where it fails."""

import copy
import threading

import numpy as np
import pytest
from conftest import PICTURES, X, detector, images, in_threads, series

DETECTORS = pytest.mark.parametrize(("make", "rows"), [(detector, X), (series, X), (images, PICTURES)])
RULES = ("contamination:0.1", "contamination:0.4")


@DETECTORS
def test_other_threads_see_the_old_threshold_or_the_new_one(make, rows):
    shared = make().fit(rows)
    thresholds = {shared.set_threshold(rule).threshold_ for rule in RULES}
    assert len(thresholds) == 2
    done = threading.Event()
    seen = set()

    def changes():
        while not done.is_set():
            for rule in RULES:
                shared.set_threshold(rule)

    def looks():
        try:
            for _ in range(200):
                of_now = copy.copy(shared)
                assert of_now.threshold_ == of_now.detector_.threshold == -of_now.offset_
                seen.add(of_now.threshold_)
            scores = shared.anomaly_scores(rows)
            for _ in range(20):
                anomalous = shared.predict(rows) == -1
                assert any(np.array_equal(anomalous, scores > threshold) for threshold in thresholds)
        finally:
            done.set()

    in_threads(changes, looks)
    assert seen
    assert seen <= thresholds


@DETECTORS
def test_what_fails_or_is_interrupted_leaves_the_old_threshold(make, rows, monkeypatch):
    found = make().fit(rows)
    before = (found.threshold_, found.offset_, found.detector_)

    def interrupted(_):
        raise KeyboardInterrupt

    # The new detector is there by then, and its threshold is not.
    with monkeypatch.context() as patched:
        patched.setattr(type(found), "_learnt", interrupted)
        with pytest.raises(KeyboardInterrupt):
            found.set_threshold("contamination:0.2")
    assert (found.threshold_, found.offset_, found.detector_) == before
    for rule in ("contamination:2", "share:0.1", "sigma", ""):
        with pytest.raises(ValueError, match="threshold"):
            found.set_threshold(rule)
        assert (found.threshold_, found.offset_, found.detector_) == before
    assert found.set_threshold("contamination:0.2").threshold_ != before[0]
