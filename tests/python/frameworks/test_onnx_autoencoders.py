"""Exported autoencoders in ONNX Runtime give what the toolkit gives; files of all kinds are whole and say what they are."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest
from contractive import AnomalyDetector, ContractiveAutoencoder, datasets
from contractive._frames import core_frame
from exported_files import NEWEST, assert_near, cells, largest, run, session
from tables_with_trouble import plain

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ACTIVATIONS = ["identity", "sigmoid", "tanh", "relu", "leaky_relu", "softplus", "elu", "silu", "gelu"]
SCALES = ["none", "minmax", "standard", "robust", "quantile"]
RECIPES = [
    "strokes",
    "fashion-64-32-16",
    "fashion-64-32-16-published",
    "mnist-sigmoid",
    "mnist-note",
    "mnist-bce",
    "mnist-256-64-exact",
    "mnist-256-64-fd",
    "mnist-256-64-l1",
    "mnist-rifai",
]


# Autoencoders


@pytest.fixture(scope="module")
def rows():
    """Numbers of several shapes: skewed, counted, constant, all but constant, huge."""
    draw = np.random.default_rng(0)
    X = draw.normal(size=(1000, 8)) @ draw.normal(size=(8, 8))
    X[:, 1] = np.exp(X[:, 1] / 3)
    X[:, 2] = np.round(np.abs(X[:, 2]))
    X[:, 3] = 7.0
    X[:, 4] = 1.7e9 + 60.0 * np.arange(1000)
    return X


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("scale", SCALES)
def test_every_activation_and_scaling(activation, scale, rows):
    X = rows if scale != "none" else np.delete(rows, [3, 4], axis=1).astype(np.float32)
    estimator = ContractiveAutoencoder(
        (6, 3), activation=activation, code_activation=activation, scale=scale, max_iter=2, random_state=0
    ).fit(X)
    ready = session(estimator.to_onnx())
    assert ready.get_inputs()[0].type == ("tensor(float)" if scale == "none" else "tensor(double)")
    got = run(ready, {"x": X})
    code, restored = estimator.transform(X), estimator.reconstruct(X)
    assert_near(got["code"], code, 1e-5, largest(code))
    for x, of_graph, ours in zip(X.T, got["reconstruction"].T, restored.T, strict=True):
        assert_near(of_graph, ours, 1e-5, largest(x))
    assert_near(got["score"], -estimator.score_samples(X), 1e-5)
    newest = run(session(estimator.to_onnx(opset=NEWEST), NEWEST), {"x": X[:1]})
    assert_near(newest["score"], got["score"][:1], 1e-6)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe(recipe, cae, tmp_path):
    def command(*words):
        subprocess.run([cae, *words], check=True, cwd=tmp_path, capture_output=True)

    command("train", recipe, "--data", "strokes", "--rows", "200", "--epochs", "1", "--no-report", "-q", "--out", "run")
    command("export", "run", "-o", "model.onnx", "-q")
    command("evaluate", "run", "--data", "strokes:test", "--rows", "100", "--per-row", "rows.csv", "--json")
    estimator = ContractiveAutoencoder.load(tmp_path / "run")
    X = datasets.strokes(part="test").X[:100]
    got = run(session((tmp_path / "model.onnx").read_bytes()), {"x": X.astype(np.float32)})
    code, restored = estimator.transform(X), estimator.reconstruct(X)
    assert_near(got["code"], code, 1e-5, largest(code))
    assert_near(got["reconstruction"], restored, 1e-5, largest(restored))
    assert_near(got["score"], -estimator.score_samples(X), 1e-5)
    header, *lines = (tmp_path / "rows.csv").read_text().splitlines()
    loss = ["mse", "sse", "bce", "cross_entropy"]
    place = next(i for i, name in enumerate(header.split(",")) if name in loss)
    assert_near(got["loss"], [float(line.split(",")[place]) for line in lines], 1e-5)


def test_the_recipes_are_all_there_are(cae):
    listed = subprocess.run([cae, "recipes", "--json"], check=True, capture_output=True, text=True).stdout
    assert sorted(recipe["name"] for recipe in json.loads(listed)) == sorted(RECIPES)


def test_counts_are_transformed_and_restored():
    draw = np.random.default_rng(1)
    X = draw.poisson(draw.uniform(0.1, 30, size=(1, 12)), size=(400, 12)).astype(np.float64)
    X[7] = 0
    for loss, scale in [("mse", "standard"), ("bce", "minmax")]:
        estimator = ContractiveAutoencoder(
            (6, 3),
            loss=loss,
            scale=scale,
            decoder_activation="sigmoid" if loss == "bce" else None,
            library_size="median",
            log1p=True,
            max_iter=2,
            random_state=0,
        )
        estimator.fit(X)
        got = run(session(estimator.to_onnx()), {"x": X})
        assert_near(got["code"], estimator.transform(X), 1e-5, 1)
        assert_near(got["reconstruction"], estimator.reconstruct(X), 1e-5, 1)
        assert_near(got["score"], -estimator.score_samples(X), 1e-5)


def test_an_autoencoder_of_a_table_with_categories(cae, tmp_path):
    draw = np.random.default_rng(2)
    kinds = draw.choice(["web", "shop", "phone"], 300)
    amounts = [f"{v:.3f}" if v < 3 else "" for v in draw.normal(size=300) + 1]
    lines = [f"{a},{k},same" for a, k in zip(amounts, kinds, strict=True)]
    (tmp_path / "table.csv").write_text("amount,channel,word\n" + "\n".join(lines) + "\n,new,same\n")

    def command(*words):
        subprocess.run([cae, *words], check=True, cwd=tmp_path, capture_output=True)

    command("train", "--data", "table.csv", "--hidden", "4,2", "--missing", "median", "--epochs", "2", "-q",
            "--no-report", "--scale", "robust", "--out", "run")  # fmt: skip
    command("export", "run", "-o", "model.onnx", "-q")
    command("encode", "run", "--data", "table.csv", "-o", "codes.npy", "-q")
    table = {
        "amount": np.array([float(a) if a else np.nan for a in amounts] + [np.nan]),
        "channel": np.array([*kinds, "new"], dtype=object),
    }
    ready = session((tmp_path / "model.onnx").read_bytes())
    got = run(ready, cells(ready, table))
    codes = np.load(tmp_path / "codes.npy")
    assert_near(got["code"], codes, 1e-5, largest(codes))
    assert got["reconstruction"].shape == (301, 5)


# Files


def test_files_are_written_whole_and_say_what_they_are(tmp_path, rows):
    estimator = ContractiveAutoencoder((6, 3), scale="standard", max_iter=1, random_state=0).fit(rows)
    path = tmp_path / "model.onnx"
    assert estimator.to_onnx(path) is None
    assert path.read_bytes() == estimator.to_onnx()
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]
    told = session(path.read_bytes()).get_modelmeta()
    assert told.producer_name == "contractive"
    assert told.custom_metadata_map["contractive.kind"] == "autoencoder"
    assert told.custom_metadata_map["contractive.scale"] == "standard"
    train, _ = plain(np.random.default_rng(9))
    detector = AnomalyDetector(steps=20, ensemble=1, random_state=0).fit(core_frame(train))
    told = session(detector.to_onnx()).get_modelmeta().custom_metadata_map
    assert json.loads(told["contractive.features"]) == list(train)
    assert float(told["contractive.threshold"]) == detector.threshold_


def test_what_cannot_be_written_is_said_before_any_work(tmp_path, rows):
    estimator = ContractiveAutoencoder((6, 3), max_iter=1, random_state=0)
    with pytest.raises(Exception, match="not fitted"):
        estimator.to_onnx()
    estimator.fit(rows)
    with pytest.raises(ValueError, match="from 17 to 28, got 16"):
        estimator.to_onnx(tmp_path / "model.onnx", opset=16)
    assert not list(tmp_path.iterdir())
    with pytest.raises(OSError, match="cannot write"):
        estimator.to_onnx(tmp_path / "nowhere" / "model.onnx")
    table = {"score": rows[:, 0].copy(), "other": rows[:, 1].copy()}
    detector = AnomalyDetector(steps=20, ensemble=1, random_state=0).fit(core_frame(table))
    with pytest.raises(ValueError, match="the column `score` cannot be an input"):
        detector.to_onnx()
