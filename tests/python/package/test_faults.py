"""A test for every fault that a first attack on the package found."""

import datetime
import decimal
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
from contractive import AnomalyDetector, ContractiveAutoencoder, SeriesDetector, load, objective
from sklearn.model_selection import GridSearchCV

ROOT = Path(__file__).parents[3]
X = np.random.default_rng(0).normal(size=(200, 5))
X.setflags(write=False)  # every test has the same


def small(**settings):
    return ContractiveAutoencoder((8, 2), **{"max_iter": 2, "random_state": 0, **settings})


def detector(**settings):
    return AnomalyDetector(**{"ensemble": 1, "steps": 20, "random_state": 0, **settings})


def series(**settings):
    return SeriesDetector(**{"ensemble": 1, "steps": 20, "window": 12, "random_state": 0, **settings})


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


def test_arrays_that_are_not_aligned_or_of_another_order():
    def unaligned(rows):
        return np.frombuffer(b"\0" + rows.tobytes(), rows.dtype, offset=1, count=rows.size).reshape(rows.shape)

    for dtype in (np.float32, np.float64):
        rows = X.astype(dtype)
        expected = small().fit(rows)
        odd = unaligned(rows)
        assert not odd.flags.aligned
        assert small().fit(odd).transform(odd).tobytes() == expected.transform(rows).tobytes()
        assert expected.inverse_transform(unaligned(expected.transform(rows))).shape == rows.shape
        with pytest.raises(ValueError, match="aligned"):
            expected.model_.encode(odd)
        columns = np.asfortranarray(rows[:3])
        assert np.array_equal(expected.model_.encode(columns), expected.model_.encode(rows[:3]))
        assert detector().fit(odd).anomaly_scores(odd).tolist() == detector().fit(rows).anomaly_scores(rows).tolist()
    big_endian = X.astype(">f8")
    assert detector().fit(big_endian).anomaly_scores(big_endian).shape == (200,)


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


def test_without_scikit_learn_names_of_columns_count(tmp_path):
    pytest.importorskip("pandas")
    (tmp_path / "sklearn").mkdir()
    (tmp_path / "sklearn" / "__init__.py").write_text("raise ImportError('not here')")
    script = (
        "import numpy as np, pandas as pd\n"
        "from contractive import ContractiveAutoencoder\n"
        "df = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list('abc'))\n"
        "m = ContractiveAutoencoder((2,), max_iter=1).fit(df)\n"
        "try: m.transform(df[list('cba')])\n"
        "except ValueError as e: print(e)\n"
        "print(hasattr(m.fit(df.to_numpy()), 'feature_names_in_'))\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env)
    assert "feature names should match" in done.stdout, done.stderr
    assert done.stdout.endswith("False\n")


def test_columns_of_odd_types_are_numbers_or_refused():
    pd = pytest.importorskip("pandas")
    prices = [decimal.Decimal(i) / 7 for i in range(60)]
    frame = pd.DataFrame({"a": X[:60, 0], "price": prices})
    floats = pd.DataFrame({"a": X[:60, 0], "price": [float(p) for p in prices]})
    assert (
        detector().fit(frame).anomaly_scores(frame).tolist() == detector().fit(floats).anomaly_scores(floats).tolist()
    )
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=i) for i in range(60)]
    periods = pd.period_range("2024-01-01", periods=60, freq="D")
    for times in (days, periods, pd.to_datetime(days)):
        with pytest.raises(ValueError, match="`when`"):
            detector().fit(pd.DataFrame({"a": X[:60, 0], "when": times}))
    words = pd.DataFrame({"a": X[:60, 0], "word": ["NaT", "<NA>", "other"] * 20})
    assert np.isfinite(detector().fit(words).anomaly_scores(words)).all(), "words that look like missing ones are words"
    masked = np.ma.masked_array(X, mask=np.zeros_like(X, dtype=bool))
    masked[3, 2] = np.ma.masked
    with pytest.raises(ValueError, match="row 3"):
        small().fit(masked)


def test_arrow_backed_frames_are_read_as_they_are():
    pd = pytest.importorskip("pandas")
    pa = pytest.importorskip("pyarrow")
    times = pd.Series(pd.date_range("2024-01-01", periods=60)).astype(pd.ArrowDtype(pa.timestamp("ns")))
    numbers = pd.Series(range(60)).astype(pd.ArrowDtype(pa.int64()))
    with pytest.raises(ValueError, match="`when`"):
        detector().fit(pd.DataFrame({"a": numbers, "when": times}))
    backed = pd.DataFrame({"a": numbers, "b": pd.Series(X[:60, 0]).astype(pd.ArrowDtype(pa.float64()))})
    plain = pd.DataFrame({"a": range(60), "b": X[:60, 0]})
    assert (
        detector().fit(backed).anomaly_scores(backed).tolist() == detector().fit(plain).anomaly_scores(plain).tolist()
    )


def test_keys_come_back_as_they_were():
    pd, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    large = [2**60 + i for i in range(200)]
    frame = pd.DataFrame({"id": pd.array(large, dtype="Int64"), "a": X[:, 0], "b": X[:, 1]})
    frame.loc[5, "id"] = pd.NA
    found = detector(keys="id").fit(frame).detect(frame)
    assert str(found["id"].dtype) == "Int64"
    assert found["id"][7] == large[7]
    table = pa.table({"id": large, "a": X[:, 0], "b": X[:, 1]})
    fitted = detector(keys=["id"]).fit(table)
    assert list(fitted.feature_names_in_) == ["id", "a", "b"]
    assert fitted.detect(table)["id"].to_pylist() == large
    for name in ("score", "feature_1"):
        named = frame.rename(columns={"id": name})
        told = detector(keys=[name]).fit(named).detect(named)
        assert told[name].equals(named[name])
        assert f"cae_{name}" in told
    counted = pd.DataFrame(X)
    assert len(detector(keys=["0"]).fit(counted).detect(counted)) == 200
    times = pd.DataFrame({"score": pd.date_range("2024-01-01", periods=200, freq="h"), "v": X[:, 0]})
    told = series(time="score").fit(times).detect(times)
    assert told["score"].equals(times["score"])
    assert "cae_score" in told


def test_relations_of_duckdb_are_tables():
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.sql("select 'k' || i as id, sin(i) as a, cos(i) as b from range(100) t(i)")
    found = detector(keys=["id"]).fit(relation).detect(relation)
    assert list(found["id"][:2]) == ["k0", "k1"]


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


def test_what_is_no_table_is_refused_with_the_remedy():
    pd = pytest.importorskip("pandas")

    class Mine(pd.DataFrame):
        pass

    frame = Mine({"a": X[:, 0], "b": X[:, 1]}, index=range(5, 205))
    assert detector().fit(frame).detect(frame).index.equals(frame.index)
    for estimator in (small(), detector(), series()):
        with pytest.raises(ValueError, match=r"to_frame\(\)"):
            estimator.fit(frame["a"])
    pl = pytest.importorskip("polars")
    with pytest.raises(ValueError, match=r"collect\(\)"):
        detector().fit(pl.LazyFrame({"a": X[:, 0]}))


def test_a_column_of_polars_without_cells_is_one_of_missing_cells():
    pl = pytest.importorskip("polars")
    empty = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "none": [None] * 200})
    with pytest.raises(ValueError, match="`none`"):
        detector().fit(empty)
    with pytest.raises(ValueError, match="`none`"):
        detector(missing="mask").fit(empty)


def test_indices_of_time_are_taken_or_refused():
    pd = pytest.importorskip("pandas")
    values = {"v": np.sin(np.arange(200) / 3)}
    hours = pd.date_range("2024-01-01", periods=200, freq="h")
    fitted = series().fit(pd.DataFrame(values, index=hours))
    with pytest.raises(ValueError, match="DatetimeIndex"):
        fitted.predict(pd.DataFrame(values))
    for index in (hours.to_period("h"), pd.to_timedelta(np.arange(200), unit="h")):
        with pytest.raises(ValueError, match="DatetimeIndex"):
            series().fit(pd.DataFrame(values, index=index))


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


def test_one_name_and_one_callback_may_stand_by_themselves():
    small(callbacks=lambda record: None).fit(X)
    fitted = detector().fit(X)
    with pytest.raises(ValueError, match="`explain`"):
        fitted.detect(X, explain=1.5)
    with pytest.raises(ValueError, match="value:3"):
        fitted.set_threshold(3.0)


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
