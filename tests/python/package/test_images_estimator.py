"""A detector of pictures as an estimator: parameters, copies, threads, Ctrl-C, and the checks of scikit-learn."""

import copy
import inspect
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from conftest import PICTURES as GOOD
from conftest import images as small
from conftest import pictures
from contractive import ImageDetector

DEFAULTS = {name: parameter.default for name, parameter in inspect.signature(ImageDetector).parameters.items()}
# Each other than its default, and of a detector that is fitted in a moment.
OTHERS = {
    "patch": 6,
    "stride": 2,
    "scales": (1,),
    "colour": "grey",
    "image_size": None,
    "aspect": "pad",
    "position_aware": True,
    "whole": False,
    "skip_broken": True,
    "ensemble": 2,
    "hidden_layer_sizes": (16, 4),
    "contraction": 0.1,
    "tied": False,
    "steps": 10,
    "batch_size": 32,
    "learning_rate": 0.001,
    "trim": 0.1,
    "time_budget": 30.0,
    "contamination": 0.25,
    "threshold": "quantile:0.9",
    "validation_fraction": 0.2,
    "random_state": 3,
    "n_jobs": 2,
    "verbose": 0,
}
# Of patches, and of wholes.
BOTH = pytest.mark.parametrize("others", [OTHERS, {**OTHERS, "whole": True}])


def test_parameters_are_kept_as_they_are_given():
    assert ImageDetector().get_params() == DEFAULTS
    assert set(OTHERS) == set(DEFAULTS)
    for estimator in (ImageDetector(**OTHERS), ImageDetector().set_params(**OTHERS)):
        assert all(value is OTHERS[name] for name, value in estimator.get_params().items())
    # Nothing is looked at before `fit`, and nothing is changed by it.
    estimator = ImageDetector(**{**OTHERS, "patch": -1}).set_params(patch=6)
    assert estimator.fit(GOOD) is estimator
    assert estimator.get_params() == OTHERS
    with pytest.raises(ValueError, match="patches"):
        estimator.set_params(patches=3)
    assert estimator.get_params() == OTHERS


@BOTH
def test_copies_are_equal_and_apart(others, tmp_path):
    fitted = ImageDetector(**others).fit(GOOD)
    scores = fitted.anomaly_scores(GOOD)
    for other in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert other.get_params() == others
        assert repr(other) == repr(fitted)
        np.testing.assert_array_equal(other.anomaly_scores(GOOD), scores)
        other.set_params(random_state=4).fit(GOOD)
        assert not np.array_equal(other.anomaly_scores(GOOD), scores)
    np.testing.assert_array_equal(fitted.anomaly_scores(GOOD), scores)
    new = pickle.loads(pickle.dumps(ImageDetector(**others)))
    assert new.get_params() == others
    assert not hasattr(new, "detector_")
    # What the directory says is enough to train the same again.
    fitted.save(tmp_path / "d")
    again = ImageDetector.load(tmp_path / "d").fit(GOOD)
    np.testing.assert_array_equal(again.anomaly_scores(GOOD), scores)
    assert again.threshold_ == fitted.threshold_


@BOTH
def test_a_clone_has_the_parameters_and_nothing_else(others):
    clone = pytest.importorskip("sklearn.base").clone
    fitted = ImageDetector(**others).fit(GOOD)
    other = clone(fitted)
    assert other.get_params() == others
    assert not hasattr(other, "detector_")
    np.testing.assert_array_equal(other.fit(GOOD).anomaly_scores(GOOD), fitted.anomaly_scores(GOOD))


def test_it_says_what_it_is():
    assert repr(ImageDetector()) == "ImageDetector()"
    assert repr(ImageDetector(patch=6, threshold="sigma:2")) == "ImageDetector(patch=6, threshold='sigma:2')"
    fitted = small().fit(GOOD)
    first, second = repr(fitted).splitlines()[0], repr(fitted).splitlines()[-1]
    assert first.startswith("ImageDetector(")
    assert second == f"# fitted on 12 pictures, threshold {fitted.threshold_:.4g}"


def test_what_is_not_fitted_says_so():
    for work in ("predict", "anomaly_scores", "heatmap", "detect", "decision_function", "fit_predict"):
        estimator = small()
        if work == "fit_predict":
            assert set(estimator.fit_predict(GOOD)) <= {1, -1}
            continue
        with pytest.raises(Exception, match="not fitted") as raised:
            getattr(estimator, work)(GOOD)
        assert type(raised.value).__name__ == "NotFittedError"
    with pytest.raises(Exception, match="not fitted"):
        small().save("nowhere")
    with pytest.raises(Exception, match="not fitted"):
        small().set_threshold("sigma:2")


def test_a_refit_that_fails_leaves_the_last_good_estimator():
    found = small().fit(GOOD)
    scores = found.anomaly_scores(GOOD)
    for parameters, X in (({"steps": -1}, GOOD), ({"steps": 20}, GOOD[:, :4])):
        with pytest.raises(ValueError, match=r"steps|8 × 8"):
            found.set_params(**parameters).fit(X)
        np.testing.assert_array_equal(found.anomaly_scores(GOOD), scores)


def test_a_detector_that_is_fitted_while_others_score_is_the_old_or_the_new_one():
    new = pictures(3, seed=9)
    allowed = {small(random_state=seed).fit(GOOD).decision_function(new).tobytes() for seed in (0, 1)}
    assert len(allowed) == 2
    shared = small().fit(GOOD)
    done, seen, raised = threading.Event(), [], []

    def fits():
        try:
            for seed in (1, 0, 1):
                shared.set_params(random_state=seed).fit(GOOD)
        except BaseException as error:
            raised.append(error)
        done.set()

    def scores():
        try:
            while not done.is_set():
                seen.append(shared.decision_function(new).tobytes())
                assert np.shape(shared.heatmap(new)) == (3, 32, 32)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=work) for work in (fits, scores, scores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not raised
    assert seen
    assert set(seen) <= allowed
    assert shared.decision_function(new).tobytes() == small(random_state=1).fit(GOOD).decision_function(new).tobytes()


# A process that is started in the background may have been told to ignore Ctrl-C.
INTERRUPTED = """
import os, random, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
from contractive import ImageDetector, load
folder, rng = sys.argv[1], random.Random(7)
noise = np.random.default_rng(0)
good = np.uint8(noise.normal(120, 20, (10, 48, 48)).clip(0, 255))
def make(): return ImageDetector(steps=80, hidden_layer_sizes=(32, 8), random_state=0, n_jobs=2)
found = make().fit(good)
scores = found.anomaly_scores(good)
def fit(): make().fit(good)
def refit(): found.fit(good)
def score(): found.anomaly_scores(good)
def heatmap(): found.heatmap(good)
def page(): found.report(folder + "/page.html", good)
def save(): found.save(folder + "/d")
works = [fit, refit, score, heatmap, page, save]
took = {}
for work in works:
    began = time.perf_counter()
    work()
    took[work] = time.perf_counter() - began
slowest = 0
def send(after):
    time.sleep(after)
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
for i in range(18):
    work, sent = works[i % len(works)], []
    sender = threading.Thread(target=send, args=(0.9 * rng.random() * took[work],))
    try:
        sender.start()
        while True:
            work()
    except KeyboardInterrupt:
        slowest = max(slowest, time.perf_counter() - sent[0])
    sender.join()
    assert np.array_equal(found.anomaly_scores(good), scores), work.__name__
    assert np.array_equal(load(folder + "/d").anomaly_scores(good), scores), work.__name__
    assert set(os.listdir(folder)) == {"d", "page.html"}, os.listdir(folder)
    assert open(folder + "/page.html").read().rstrip().endswith("</html>")
print(slowest)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_ctrl_c_is_heard_in_all_that_takes_time_and_leaves_nothing_half_done(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert float(done.stdout) < 5


# Those of scikit-learn's checks that give an estimator no rows of numbers; the others do nothing else.
CHECKS = [
    "check_do_not_raise_errors_in_init_or_set_param",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_outlier_contamination",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]


def test_the_checks_of_scikit_learn_that_need_no_rows_pass():
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    known = [getattr(checks, name) for name in CHECKS if hasattr(checks, name)]
    assert len(known) >= 10
    for check in known:
        check("ImageDetector", ImageDetector())


def test_fitting_changes_neither_pictures_nor_parameters_and_only_adds_what_ends_in_an_underscore():
    X, before = GOOD.copy(), pickle.dumps(small().get_params())
    found = small().fit(X)
    np.testing.assert_array_equal(X, GOOD)
    assert pickle.dumps(found.get_params()) == before
    added = set(vars(found)) - set(vars(small()))
    assert added
    assert all(name.endswith("_") or name.startswith("_") for name in added), added
    state = dict(vars(found))
    for work in (found.predict, found.decision_function, found.heatmap, found.detect):
        work(X)
        assert dict(vars(found)) == state
    # Fitted again it is the same; a subset and another order have the same scores.
    scores = found.score_samples(X)
    np.testing.assert_array_equal(found.fit(X).score_samples(X), scores)
    np.testing.assert_array_equal(found.score_samples(X[::-1]), scores[::-1])
    np.testing.assert_array_equal(np.concatenate([found.score_samples(X[i : i + 1]) for i in range(len(X))]), scores)
    np.testing.assert_array_equal(found.predict(X), np.where(found.decision_function(X) < 0, -1, 1))
