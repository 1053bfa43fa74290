"""A test for every fault that a first attack on the package found."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import contractive
import numpy as np
import pytest
from conftest import X, detector, series, small
from contractive import ContractiveAutoencoder, load, objective
from sklearn.model_selection import GridSearchCV

ROOT = Path(__file__).parents[3]


def _goes_on(model, queue):
    queue.put(model.partial_fit(X).n_iter_)
    del model


def test_partial_fit_goes_on_after_a_fork():
    model = ContractiveAutoencoder((16, 4), n_jobs=2, random_state=0).partial_fit(X)
    fork = multiprocessing.get_context("fork")
    queue = fork.Queue()
    process = fork.Process(target=_goes_on, args=(model, queue))
    process.start()
    assert queue.get(timeout=30) == 2
    process.join(30)
    assert process.exitcode == 0


def test_an_array_beyond_memory_is_a_memory_error():
    script = (
        "import resource, numpy as np\n"
        "from contractive import ContractiveAutoencoder\n"
        "W = np.random.default_rng(0).normal(size=(2000, 5000)).astype('f4')\n"
        "m = ContractiveAutoencoder((1000,), max_iter=1, scale='none', random_state=0).fit(W[:50])\n"
        "resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))\n"
        "try: m.jacobian(W)\n"
        "except MemoryError as e: print(e)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "fewer rows" in done.stdout


def test_jacobians_in_the_rows_units_know_of_counts():
    counts = np.random.default_rng(1).poisson(4, size=(200, 5)) + 1.0
    model = small(log1p=True, max_iter=30).fit(counts)
    e = 1e-2
    steps = e * np.eye(5)
    some = counts[:5]
    differences = np.stack([(model.transform(some + s) - model.transform(some - s)) / (2 * e) for s in steps], axis=-1)
    assert np.abs(model.jacobian(some, units="input") - differences).max() < 1e-3 * np.abs(differences).max() + 1e-5
    assert np.allclose(model.inverse_transform(model.transform(counts)), model.reconstruct(counts), rtol=1e-4)
    sized = small(library_size=100).fit(counts)
    with pytest.raises(ValueError, match="library_size"):
        sized.jacobian(counts, units="input")
    assert np.allclose(
        sized.inverse_transform(sized.transform(counts)),
        sized.reconstruct(counts) * 100 / counts.sum(axis=1, keepdims=True),
        rtol=1e-3,
    )
    tied = np.repeat(counts[:20], 5, axis=0)
    assert small(scale="quantile").fit(tied).jacobian(tied, units="input").shape == (100, 2, 5)


def test_models_that_the_command_trained_are_whole(tmp_path):
    run = contractive.train("strokes", out=tmp_path / "run", epochs=2, data__rows=300, hidden=[8, 2])
    model = run.estimator
    assert "fitted: 784-8-2-8-784, 2 passes" in repr(model)
    assert model.n_iter_ == 2
    assert model._repr_html_()
    rows = contractive.datasets.strokes(rows=50).X
    with pytest.raises(ValueError, match="offset_"):
        model.predict(rows)
    with pytest.raises(AttributeError, match="spectrum"):
        _ = model.local_dimension_
    model.partial_fit(rows)
    assert model.predict(rows).shape == (50,)
    for folder in (ROOT / "models").iterdir():
        if (folder / "config.json").exists():
            assert "fitted" in repr(load(folder))


def test_numbers_of_numpy_are_numbers():
    detector(contamination=np.float64(0.1)).fit(X)
    search = GridSearchCV(
        detector(), {"contamination": np.linspace(0.05, 0.1, 2)}, cv=2, scoring=lambda e, X, y=None: 0.0
    )
    search.fit(X)
    small(contraction=np.float32(0.5), max_iter=np.int64(2), batch_size=np.int32(16)).fit(X)


def test_saved_estimators_keep_their_parameters(tmp_path):
    model = ContractiveAutoencoder(
        np.array([8, 2]), contraction=np.float32(0.5), max_iter=2, image_shape=[5, 1], random_state=0
    )
    model.fit(X).save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.hidden_layer_sizes == (8, 2)
    assert again.contraction == 0.5
    assert again.image_shape == (5, 1)
    again.fit(X).partial_fit(X)
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X.copy(), columns=list("abcde"))
    frame.loc[3, "b"] = np.nan
    fitted = detector(missing="mask", scale="standard", columns=["a", "b", "c"]).fit(frame)
    fitted.save(tmp_path / "d")
    loaded = load(tmp_path / "d")
    assert (loaded.missing, loaded.scale, loaded.columns) == ("mask", "standard", ["a", "b", "c"])
    assert loaded.n_features_in_ == 5
    assert list(loaded.feature_names_in_) == list("abcde")
    assert loaded.anomaly_scores(frame).tolist() == fitted.anomaly_scores(frame).tolist()
    loaded.fit(frame)
    of_series = series().fit(X)
    of_series.save(tmp_path / "s")
    assert load(tmp_path / "s").anomaly_scores(X).tolist() == of_series.anomaly_scores(X).tolist()


def test_a_refit_that_fails_leaves_the_last_good_estimator():
    model = small().fit(X)
    codes = model.transform(X)
    with pytest.raises(ValueError, match="relu"):
        model.set_params(activation="rellu").fit(X[:, :3])
    assert np.array_equal(model.transform(X), codes)
    found = detector().fit(X)
    scores = found.anomaly_scores(X)
    with pytest.raises(ValueError, match="steps"):
        found.set_params(steps=-1).fit(X[:, :3])
    assert np.array_equal(found.anomaly_scores(X), scores)


# A process that is started in the background may have been told to ignore Ctrl-C.
INTERRUPTED = """
import os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
from contractive import ContractiveAutoencoder
model = ContractiveAutoencoder((128, 32), max_iter=1, random_state=0).fit(np.ones((200, 400), dtype="f4") * np.arange(400))
X = np.random.default_rng(0).normal(size=(3000, 400)).astype("f4")
sent = []
def send():
    time.sleep(1.0)
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=send).start()
try:
    while True:
        model.spectrum(X)
except KeyboardInterrupt:
    print(time.perf_counter() - sent[0])
"""


def test_ctrl_c_is_heard_while_rows_are_looked_at():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 10


def test_a_run_ends_with_whatever_ends_the_caller(tmp_path):
    script = (
        "import signal, sys, contractive\n"
        "def raises(*_): raise TimeoutError('enough')\n"
        "signal.signal(signal.SIGALRM, raises)\n"
        "signal.alarm(4)\n"
        "try: contractive.train('strokes', out=sys.argv[1], epochs=100000)\n"
        "except TimeoutError as e: print(e)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "orphan")], capture_output=True, text=True)
    assert done.stdout == "enough\n", done.stderr
    time.sleep(0.2)
    commands = [Path(f"/proc/{pid}/cmdline") for pid in os.listdir("/proc") if pid.isdigit()]
    assert not any(str(tmp_path / "orphan").encode() in read(command) for command in commands)


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_what_the_objective_is_given_keeps_its_shape():
    parameters = {"encoder.0.weight": np.ones((2, 5)), "encoder.0.bias": np.zeros(2), "decoder.0.bias": np.zeros(5)}
    for given, said in [
        ({"corrupted": X.T}, "`corrupted` must have the shape"),
        ({"X": X[0]}, "shape"),
        ({"X": X.astype(complex)}, "complex"),
        ({"X": np.full((2, 5), np.nan)}, "finite"),
    ]:
        with pytest.raises(ValueError, match=said):
            objective(parameters, **{"X": X, **given})
    settings = {"penalty": {"kind": "projection", "probes": np.int64(2)}}
    assert objective(parameters, X, settings, draws=np.ones((200, 2, 2)))["penalty"] > 0
    with pytest.raises(ValueError, match="shape"):
        contractive.jacobian(parameters, X[0])


def test_rows_that_are_all_alike_have_a_score():
    alike = np.ones((50, 3))
    assert small(scale="none").fit(alike).score(alike) in (0.0, 1.0)


@pytest.mark.parametrize(
    "text", ["[]", "null", "{", '{"parameters": {"x": 1}, "learnt": {}}', '{"parameters": {}, "learnt": null}']
)
def test_a_note_that_is_not_ours_is_refused(tmp_path, text):
    small().fit(X).save(tmp_path / "m")
    (tmp_path / "m" / "estimator.json").write_text(text)
    with pytest.raises(ValueError, match=r"estimator\.json"):
        load(tmp_path / "m")


def test_a_deep_configuration_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("[" * 200_000)
    with pytest.raises((ValueError, OSError)):
        load(tmp_path)


@pytest.mark.parametrize(
    ("estimator", "said"),
    [
        (detector(hidden_layer_sizes=8), "`hidden_layer_sizes`"),
        (detector(keys=[0]), "`keys`"),
        (detector(contraction=float("nan")), "`contraction`"),
        (detector(threshold=3.0), "value:3.0"),
        (series(window="a"), "`window`"),
        (series(window=12.9), "`window`"),
        (small(image_shape="5x1"), "`image_shape`"),
        (small(image_shape=(-5, -1)), "`image_shape`"),
        (small(random_state=2**63), "`random_state`"),
        (small(max_iter=10**20), "`max_iter`"),
        (small(activation="😀"), "activation"),
        (small(penalty={"kind": "projection", "pro bes": 1}), "pro bes"),
    ],
)
def test_parameters_of_wrong_types_are_named(estimator, said):
    with pytest.raises(ValueError, match=said) as caught:
        estimator.fit(X)
    assert "TOML" not in str(caught.value)
    assert "line 1 column" not in str(caught.value)


def test_more_threads_than_processors_are_not_asked_for():
    script = (
        "import numpy as np\nfrom contractive import ContractiveAutoencoder\n"
        "ContractiveAutoencoder((2,), max_iter=1).fit(np.random.default_rng(0).normal(size=(50, 3)))\n"
    )
    env = {**os.environ, "OMP_NUM_THREADS": "5000"}
    assert subprocess.run([sys.executable, "-c", script], env=env).returncode == 0


def test_loss_curves_of_fits_and_parts_are_drawn_together():
    pytest.importorskip("matplotlib").use("Agg")
    model = small().fit(X).partial_fit(X)
    assert model.plot_loss().has_data()


def test_a_page_is_not_written_over_a_folder(tmp_path):
    with pytest.raises(OSError, match="folder"):
        small().fit(X).report(tmp_path)
    assert not list(tmp_path.iterdir())


def test_settings_of_the_estimator_are_json():
    assert json.loads(detector().fit(X).detector_.settings())["ensemble"] == 1
