"""ContractiveAutoencoder: what it gives, what it refuses, and that it is the command's network."""

import copy
import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from contractive import ContractiveAutoencoder, TrainingDiverged, load

SMALL = {"hidden_layer_sizes": (16, 3), "max_iter": 100, "random_state": 0}


@pytest.fixture(scope="module")
def model(rows):
    return ContractiveAutoencoder(**SMALL).fit(rows)


def test_shapes_and_types_follow_the_rows(rows, model):
    for dtype in (np.float32, np.float64):
        X = rows.astype(dtype)
        assert model.transform(X).dtype == dtype
        assert model.reconstruct(X).dtype == dtype
        assert model.inverse_transform(model.transform(X)).dtype == dtype
        assert model.jacobian(X).shape == (400, 3, 6)
        assert model.feature_scores(X).shape == (400, 6)
    assert model.spectrum(rows).shape == (400, 3)
    assert model.tangents(rows, 2).shape == (400, 2, 6)
    assert 1 <= model.local_dimension_ <= 3
    assert 0.5 < model.score(rows) < 1


def test_the_jacobian_is_that_of_transform(rows, model):
    X, e = rows[:5].astype(np.float64), 1e-2
    steps = e * np.eye(6)
    differences = np.stack([(model.transform(X + s) - model.transform(X - s)) / (2 * e) for s in steps], axis=-1)
    J = model.jacobian(X, units="input")
    assert np.abs(J - differences).max() < 1e-3 * np.abs(J).max()
    scaled = model.jacobian(X)
    assert np.allclose(np.linalg.norm(scaled, axis=(1, 2)), model.jacobian_norm(X), rtol=1e-5)
    assert np.allclose(np.linalg.svd(scaled, compute_uv=False), model.spectrum(X), rtol=1e-3, atol=1e-6)
    # The first tangent is the first right singular vector, up to its sign.
    V = np.linalg.svd(scaled, full_matrices=False)[2][:, 0]
    assert np.allclose(np.abs((V * model.tangents(X, 1)[:, 0]).sum(axis=1)), 1, atol=1e-4)


def test_codes_and_reconstructions_are_those_of_the_parameters(rows, model):
    X = rows.astype(np.float64)
    p = model.model_.parameters()
    h = model.model_.scaled(rows).astype(np.float64)
    for layer in range(2):
        h = np.tanh(h @ p[f"encoder.{layer}.weight"].T + p[f"encoder.{layer}.bias"])
    assert np.abs(h - model.transform(X)).max() < 1e-5
    restored = model.inverse_transform(model.transform(X))
    assert np.abs(restored - model.reconstruct(X)).max() < 1e-5


def test_outliers_are_as_many_as_asked_for(rows, model):
    assert (model.predict(rows) == -1).sum() == 40
    assert np.array_equal(model.predict(rows) == -1, model.decision_function(rows) < 0)
    assert np.allclose(model.score_samples(rows), -model.feature_scores(rows).mean(axis=1), rtol=1e-4)
    odd = rows[:1].copy()
    odd[0, 2] = -odd[0, 2] - 3
    assert model.predict(odd) == [-1]


def test_the_same_seed_gives_the_same_bits_with_any_threads(rows, model):
    one = ContractiveAutoencoder(**SMALL, n_jobs=1).fit(rows)
    three = ContractiveAutoencoder(**SMALL, n_jobs=3).fit(rows)
    for other in (one, three):
        assert other.transform(rows).tobytes() == model.transform(rows).tobytes()
    assert ContractiveAutoencoder(**{**SMALL, "random_state": 1}).fit(rows).loss_ != model.loss_


def test_no_global_generator_is_touched(rows):
    np.random.seed(0)
    before = np.random.get_state()[1].tobytes()
    ContractiveAutoencoder((4,), max_iter=1).fit(rows)
    assert np.random.get_state()[1].tobytes() == before


def test_the_command_trains_the_same_network(rows, tmp_path):
    np.save(tmp_path / "rows.npy", rows)
    model = ContractiveAutoencoder((16, 3), max_iter=7, contraction=0.01, random_state=5).fit(rows)
    words = "train --data rows.npy --hidden 16,3 --epochs 7 --contraction 0.01 --seed 5 --out run -q"
    cae(words, tmp_path)
    assert load(tmp_path / "run").transform(rows).tobytes() == model.transform(rows).tobytes()
    records = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [record["train"]["total"] for record in records] == model.loss_curve_
    model.save(tmp_path / "model")
    cae("encode model --data rows.npy -o codes.npy -q", tmp_path)
    assert np.load(tmp_path / "codes.npy").tobytes() == model.transform(rows).tobytes()


def cae(words, folder):
    done = subprocess.run(
        [sys.executable, "-m", "contractive", *words.split()], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_float32_rows_are_not_copied(rows):
    # 64 MB of rows, trained on in a process whose memory is watched.
    script = (
        "import numpy as np, resource\n"
        "from contractive import ContractiveAutoencoder\n"
        "X = np.random.default_rng(0).random((64_000, 256), dtype=np.float32)\n"
        "small = ContractiveAutoencoder((4,), max_iter=1, scale='none', validation_fraction=0, n_jobs=1, random_state=0)\n"
        "small.fit(X[:1000])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "small.fit(X)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    # The threshold's errors of 16,000 rows take most of what there is; a copy of X alone would be 64 MB more.
    assert int(done.stdout) < 120_000, done.stdout


def test_rows_laid_out_otherwise_train_the_same(rows, model):
    wide = np.asfortranarray(rows)
    strided = np.repeat(rows, 2, axis=0)[::2]
    for X in (wide, strided, rows.tolist()):
        fitted = ContractiveAutoencoder(**SMALL).fit(np.asarray(X, dtype=np.float32))
        assert fitted.transform(rows).tobytes() == model.transform(rows).tobytes()


def test_models_survive_pickle_copy_and_disk(rows, model, tmp_path):
    codes = model.transform(rows)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert other.transform(rows).tobytes() == codes.tobytes()
        assert other.offset_ == model.offset_
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.transform(rows).tobytes() == codes.tobytes()
    assert again.predict(rows).tolist() == model.predict(rows).tolist()
    assert again.get_params() == model.get_params()
    again.save(tmp_path / "m")
    with pytest.raises(OSError, match="nowhere"):
        load(tmp_path / "nowhere")


def test_partial_fit_goes_on_where_it_was(rows):
    parts = {"shuffle": False, "validation_fraction": 0, "early_stopping": False}
    whole = ContractiveAutoencoder((8, 2), max_iter=3, random_state=0, **parts).fit(rows)
    steps = ContractiveAutoencoder((8, 2), random_state=0, **parts)
    for _ in range(3):
        steps.partial_fit(rows)
    assert steps.transform(rows).tobytes() == whole.transform(rows).tobytes(), "the optimiser's memory is kept"
    assert steps.n_iter_ == 3
    assert steps.loss_curve_ == whole.loss_curve_
    # From a fitted estimator the scaling stays.
    before = whole.loss_curve_[-1]
    whole.partial_fit(rows[:200])
    assert whole.loss_ < before * 1.5
    pickle.loads(pickle.dumps(whole)).partial_fit(rows[200:])


def test_callbacks_are_told_and_stop(rows):
    seen = []
    model = ContractiveAutoencoder(
        (4,), max_iter=50, random_state=0, callbacks=[lambda r: seen.append(r) or r["epoch"] == 3]
    )
    model.fit(rows)
    assert [record["epoch"] for record in seen] == [1, 2, 3]
    assert {"train_total", "validation_total", "jacobian_norm"} <= set(seen[0])
    assert model.n_iter_ == 3

    def fails(record):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        ContractiveAutoencoder((4,), max_iter=5, callbacks=[fails]).fit(rows)


def test_a_bar_only_where_it_is_asked_for(rows, capfd):
    pytest.importorskip("tqdm")
    ContractiveAutoencoder((4,), max_iter=3, random_state=0).fit(rows)
    assert capfd.readouterr() == ("", "")
    ContractiveAutoencoder((4,), max_iter=3, random_state=0, verbose=1).fit(rows)
    out, err = capfd.readouterr()
    assert out == ""
    assert "epoch 3" in err


def test_warm_start_goes_on(rows):
    model = ContractiveAutoencoder((8, 2), max_iter=5, warm_start=True, random_state=0).fit(rows)
    first = model.loss_
    assert model.fit(rows).loss_ < first


def test_images_know_their_shape():
    from contractive import datasets

    X, y = datasets.strokes(rows=300)
    assert X.shape == (300, 784)
    assert len(y) == 300
    model = ContractiveAutoencoder(
        (16,), max_iter=2, loss="bce", scale="none", image_shape=(28, 28), random_state=0
    ).fit(X)
    assert model.model_.image_shape == (28, 28)


REFUSED = [
    ({"contraction": -1}, "`contraction` must be finite and at least 0, got -1"),
    ({"contraction": float("nan")}, "`contraction`"),
    ({"hidden_layer_sizes": ()}, "hidden_layer_sizes"),
    ({"hidden_layer_sizes": (0,)}, "at least 1"),
    ({"hidden_layer_sizes": "64"}, "hidden_layer_sizes"),
    ({"activation": "rellu"}, "relu"),
    ({"penalty": "jacobain"}, "did you mean `jacobian`"),
    ({"penalty": {"kind": "projection", "probs": 3}}, "probes"),
    ({"noise": {"kind": "gaussian"}}, "sigma"),
    ({"loss": "bce", "scale": "none"}, "0 and 1"),
    ({"max_iter": 0}, "`max_iter`"),
    ({"max_iter": 2.5}, "`max_iter`"),
    ({"batch_size": 0}, "`batch_size`"),
    ({"learning_rate": 0}, "`learning_rate`"),
    ({"validation_fraction": 1}, "`validation_fraction`"),
    ({"contamination": 0.7}, "`contamination`"),
    ({"n_jobs": 0}, "`n_jobs`"),
    ({"random_state": -1}, "`random_state`"),
    ({"random_state": "zero"}, "`random_state`"),
    ({"optimiser": object()}, "`optimiser`"),
    ({"image_shape": (5, 5)}, "height"),
]


@pytest.mark.parametrize(("parameters", "said"), REFUSED)
def test_parameters_outside_their_range_are_named(rows, parameters, said):
    with pytest.raises(ValueError, match=said.replace("(", r"\(")) as caught:
        ContractiveAutoencoder(**{"hidden_layer_sizes": (4,), "max_iter": 1, **parameters}).fit(rows)
    assert "training." not in str(caught.value)
    assert "objective." not in str(caught.value)


def test_values_that_are_not_finite_are_named_by_place(rows):
    for bad, said in ((np.nan, "NaN"), (np.inf, "inf")):
        X = rows.copy()
        X[7, 3] = bad
        with pytest.raises(ValueError, match=rf"row 7, column 3 .*{said}"):
            ContractiveAutoencoder((4,), max_iter=1).fit(X)
    with pytest.raises(ValueError, match="Complex"):
        ContractiveAutoencoder((4,)).fit(rows.astype(complex))


def test_results_that_are_not_finite_name_their_row(rows):
    model = ContractiveAutoencoder(
        (8, 3), scale="none", activation="relu", code_activation="identity", max_iter=100, random_state=0
    ).fit(rows)
    X = rows.astype(np.float64)
    X[7, 2] = 3e38
    for give in (
        model.transform,
        model.reconstruct,
        model.score_samples,
        model.jacobian,
        model.jacobian_norm,
        model.spectrum,
    ):
        assert np.isfinite(give(X)).all(), give
    assert np.isfinite(model.score(X))
    with pytest.raises(ValueError, match=r"row 7, column \d: a squared error must be finite in float32"):
        model.feature_scores(X.astype(np.float32))
    assert np.isfinite(model.feature_scores(X)).all()


def test_a_fit_that_learnt_nothing_says_so(rows, recwarn):
    ContractiveAutoencoder(**SMALL).fit(rows)
    assert not recwarn.list
    with pytest.warns(UserWarning, match="lower contraction"):
        ContractiveAutoencoder((4, 2), contraction=1e4, max_iter=50, random_state=0).fit(rows)
    from contractive._concerns import _WORDS, in_words

    numbers = {
        "units": 4,
        "dead": 2,
        "code_deviation": 0.1,
        "rows_deviation": 1.0,
        "mse": 1.0,
        "variance": 1.0,
        "share": 0.7,
    }
    assert all("{" not in in_words({"kind": kind, **numbers}) for kind in _WORDS)


def test_a_divergence_says_where(rows):
    wild = ContractiveAutoencoder(
        (8,), activation="relu", optimiser="sgd", learning_rate=1e9, max_iter=50, random_state=0
    )
    with pytest.raises(TrainingDiverged, match=r"epoch \d+, step \d+"):
        wild.fit(rows)
    assert not issubclass(TrainingDiverged, ValueError)


# A process that is started in the background may have been told to ignore Ctrl-C.
INTERRUPTED = """
import os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
from contractive import ContractiveAutoencoder
X = np.random.default_rng(0).normal(size=(20_000, 200)).astype("f4")
model = ContractiveAutoencoder((512, 64), max_iter=100_000, early_stopping=False)
sent = []
def send():
    time.sleep(2)
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=send).start()
try:
    model.fit(X)
except KeyboardInterrupt:
    took = time.perf_counter() - sent[0]
    print(took, model.transform(X[:2]).shape, model.n_iter_ >= 0)
"""


def test_ctrl_c_ends_a_fit_and_leaves_an_estimator():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    took, shape = done.stdout.split(" ", 1)
    # A second is promised; a machine that does three things at once may need more.
    assert float(took) < 5
    assert shape.startswith("(2, 64)")


def test_without_scikit_learn_it_works_too(tmp_path):
    # A package of that name that cannot be imported stands in front of the real one.
    (tmp_path / "sklearn").mkdir()
    (tmp_path / "sklearn" / "__init__.py").write_text("raise ImportError('not here')")
    script = (
        "import numpy as np, pickle\n"
        "from contractive import ContractiveAutoencoder, AnomalyDetector\n"
        "X = np.random.default_rng(0).normal(size=(100, 4))\n"
        "m = ContractiveAutoencoder((4,), max_iter=2, random_state=0)\n"
        "try: m.transform(X)\n"
        "except ValueError as e: print(type(e).__name__)\n"
        "H = m.fit_transform(X)\n"
        "assert (pickle.loads(pickle.dumps(m)).transform(X) == H).all()\n"
        "try: m.transform(X[:, :3])\n"
        "except ValueError as e: print(e)\n"
        "print(m.set_params(contraction=2.0).get_params()['contraction'], m)\n"
        "print(AnomalyDetector(ensemble=1, steps=10, random_state=0).fit_predict(X).shape)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "NotFittedError"
    assert lines[1] == "X has 3 features, but ContractiveAutoencoder is expecting 4 features as input"
    assert lines[-1] == "(100,)"
