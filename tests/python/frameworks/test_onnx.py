"""Exported files in ONNX Runtime: what they give is what the toolkit gives."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from contractive import AnomalyDetector, ContractiveAutoencoder, SeriesDetector, datasets
from contractive._frames import core_frame

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
onnxruntime.set_default_logger_severity(2)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

FIXTURES = Path(__file__).parents[3] / "fixtures"
OLDEST, NEWEST = 17, 28
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


def session(file, opset=OLDEST):
    """The file, checked, ready to be run."""
    model = onnx.load_from_string(file)
    onnx.checker.check_model(model, full_check=True)
    assert [o.version for o in model.opset_import if o.domain == ""] == [opset]
    assert model.ir_version == onnx.helper.find_min_ir_version_for(model.opset_import[:1])
    return onnxruntime.InferenceSession(file)


def run(ready, feed):
    names = [output.name for output in ready.get_outputs()]
    return dict(zip(names, ready.run(None, feed), strict=True))


def cells(ready, table, rows=slice(None)):
    """The columns of a table as the file takes them: (N, 1), empty text and NaN where a cell is missing."""
    feed = {}
    for port in ready.get_inputs():
        column = table[port.name][rows]
        if port.type == "tensor(string)":
            column = np.array(["" if cell is None else cell for cell in column], dtype=object)
        feed[port.name] = np.asarray(column, dtype=object if column.dtype == object else np.float64).reshape(-1, 1)
    return feed


def assert_near(got, expected, share, scale=None):
    """No number is off by more than that share of itself or, where one is given, of the scale."""
    got, expected = np.asarray(got, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    assert got.shape == expected.shape
    assert (np.isnan(got) == np.isnan(expected)).all()
    size = np.abs(expected) if scale is None else np.maximum(np.abs(expected), scale)
    off = np.abs(got - expected) - share * size
    assert np.nanmax(off, initial=0) <= 0, f"off by {np.nanmax(np.abs(got - expected))}"


def largest(values):
    return float(np.max(np.abs(values)))


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


# Detectors of tables


def orders(draw, n):
    """Rows that go together: numbers, counts, truth values, categories."""
    kind, size = draw.integers(0, 3, n), draw.normal(size=n)
    return {
        "load": 10 * size + kind,
        "temperature": np.exp(size + 0.3 * draw.normal(size=n)),
        "count": draw.poisson(3, n).astype(float),
        "is_new": (draw.random(n) < 0.2).astype(float),
        "mode": np.array(["a", "b", "c"], dtype=object)[kind],
        "site": draw.choice(["x", "y", "zz", "rare"], n, p=[0.5, 0.3, 0.19, 0.01]).astype(object),
    }


def with_holes(draw, table, share):
    n = len(table["load"])
    for name in ("temperature", "mode"):
        table[name][draw.random(n) < share] = None if name == "mode" else np.nan
    return table


def plain(draw):
    new = orders(draw, 300)
    new["site"][3], new["mode"][4] = "never seen", "new"
    return orders(draw, 600), new


def holes(draw):
    train, new = with_holes(draw, orders(draw, 600), 0.1), with_holes(draw, orders(draw, 300), 0.3)
    for name, column in new.items():  # one row has nothing at all
        column[5] = None if column.dtype == object else np.nan
        assert name in train
    return train, new


def huge(draw):
    train, new = orders(draw, 600), orders(draw, 300)
    train["temperature"] *= 1e12
    train["load"][5] = 1e15
    new["load"][3], new["temperature"][4] = 1e200, -1e30
    return train, new


def constant(draw):
    train, new = orders(draw, 600), orders(draw, 300)
    for table, n in ((train, 600), (new, 300)):
        table["still"] = np.full(n, 3.0)
        table["word"] = np.full(n, "same", dtype=object)
    return train, new


def counts(draw):
    return [{c: draw.poisson(2, n).astype(float) for c in "abcdef"} for n in (600, 300)]


def truths(draw):
    return [{c: (draw.random(n) < 0.3).astype(float) for c in "abcdefgh"} for n in (600, 300)]


def categories(draw):
    # So many rows are equally far from each other that their order among them decides.
    train = {c: draw.choice(list("pqrst"), 600).astype(object) for c in "abcd"}
    return train, {c: draw.choice(list("pqrstu"), 300).astype(object) for c in "abcd"}


def times(draw):
    train, new = orders(draw, 600), orders(draw, 300)
    train["at"] = 1.7e9 + 60.0 * np.arange(600)
    new["at"] = 1.7e9 + 60.0 * draw.integers(0, 600, 300)
    return train, new


def few(draw):
    return orders(draw, 60), orders(draw, 40)


TABLES = [
    (plain, {}),
    (plain, {"scale": "quantile"}),
    (plain, {"scale": "minmax"}),
    (holes, {"missing": "mask"}),
    (holes, {"missing": "median"}),
    (holes, {"missing": "mean"}),
    (huge, {}),
    (constant, {}),
    (counts, {}),
    (truths, {}),
    (categories, {}),
    (times, {}),
    (few, {}),
]


def assert_scored_alike(detector, ready, table):
    got, ours = run(ready, cells(ready, table)), detector._scored(core_frame(table), contributions=True)
    score = np.asarray(ours["score"])
    size = float(np.nanmedian(np.abs(score)))
    assert_near(got["score"], score, 1e-8, size)
    assert_near(got["contributions"], ours["contributions"], 1e-8, size)
    assert (got["label"] == np.asarray(ours["label"])).all()
    # Where rows score alike but for rounding, a row may stand half a place off for each of them.
    is_continuous = "load" in table
    assert_near(got["probability"], ours["probability"], 1e-12 if is_continuous else 0.01, 1)
    one = run(ready, cells(ready, table, slice(7, 8)))
    assert_near(one["score"], score[7:8], 1e-8, size)


@pytest.mark.parametrize("purity", ["mixed", "clean", "contaminated"])
@pytest.mark.parametrize(
    ("tables", "settings"), TABLES, ids=lambda v: v.__name__ if callable(v) else "-".join(v.values())
)
def test_detectors_of_tables_with_trouble_in_them(tables, settings, purity):
    train, new = tables(np.random.default_rng(3))
    detector = AnomalyDetector(purity=purity, steps=40, ensemble=2, random_state=0, **settings)
    detector.fit(core_frame(train))
    ready = session(detector.to_onnx())
    for table in (train, new):
        assert_scored_alike(detector, ready, table)


@pytest.mark.parametrize(
    "kind",
    ["error", "scaled_error", "density", "neighbour", "reconstruction_norm", "jacobian", "nearest", "local", "remote"],
)
def test_every_kind_of_score(kind):
    train, new = holes(np.random.default_rng(4))
    settings = {"missing": "mask", "hidden_layer_sizes": (12, 6, 3)}
    detector = AnomalyDetector(kind=kind, steps=40, ensemble=2, random_state=0, **settings).fit(core_frame(train))
    assert_scored_alike(detector, session(detector.to_onnx()), new)


def test_detectors_at_the_newest_opset_and_of_a_thousand_rows():
    draw = np.random.default_rng(5)
    train, new = with_holes(draw, orders(draw, 600), 0.1), with_holes(draw, orders(draw, 1000), 0.2)
    detector = AnomalyDetector(missing="mask", steps=40, ensemble=2, random_state=0).fit(core_frame(train))
    assert_scored_alike(detector, session(detector.to_onnx(opset=NEWEST), NEWEST), new)


def test_a_cell_that_is_refused_makes_its_row_nan():
    train, new = plain(np.random.default_rng(6))
    detector = AnomalyDetector(steps=40, ensemble=1, random_state=0).fit(core_frame(train))
    ready = session(detector.to_onnx())
    new["load"][1], new["mode"][2], new["count"][3] = np.nan, None, 1e301
    got = run(ready, cells(ready, new))
    assert np.isnan(got["score"][1:4]).all()
    assert np.isnan(got["contributions"][1:4]).all()
    assert np.isnan(got["probability"][1:4]).all()
    assert not got["label"][1:4].any()
    assert np.isfinite(got["score"][4:]).all()


def test_the_command_writes_what_it_detects_by(cae, tmp_path):
    draw = np.random.default_rng(7)
    names = ["load", "temperature", "mode"]

    def write(name, n):
        table = with_holes(draw, orders(draw, n), 0.1)
        text = [["" if c is None or c != c else str(c) for c in table[column]] for column in names]
        lines = [",".join(row) for row in zip(*text, strict=True)]
        (tmp_path / name).write_text("\n".join([",".join(names), *lines]) + "\n")
        return table

    def command(*words):
        return subprocess.run([cae, *words], check=True, cwd=tmp_path, capture_output=True, text=True).stdout

    write("train.csv", 500)
    new = write("new.csv", 200)
    command("train", "--detector", "--data", "train.csv", "--missing", "mask", "--ensemble", "2", "--steps", "40", "-q",
            "--out", "d")  # fmt: skip
    told = json.loads(command("export", "d", "-o", "d.onnx", "--json"))
    assert [port["name"] for port in told["inputs"]] == names
    threshold = json.loads(command("threshold", "d", "--json"))["old"]["threshold"]
    assert float(told["metadata"]["contractive.threshold"]) == threshold
    command("detect", "d", "--data", "new.csv", "-o", "scores.csv", "-q")
    header, *lines = (tmp_path / "scores.csv").read_text().splitlines()
    place = header.split(",").index("score")
    ready = session((tmp_path / "d.onnx").read_bytes())
    got = run(ready, cells(ready, new))
    assert_near(got["score"], [float(line.split(",")[place]) for line in lines], 1e-8, 1)
    assert ((got["score"] > threshold) == got["label"]).all()


# Detectors of time series


def over_rows(of_windows, n, window):
    """The mean of each row over the windows that cover it."""
    sums, covers = np.zeros((n, *of_windows.shape[2:])), np.zeros(n)
    for start, part in enumerate(of_windows):
        sums[start : start + window] += part
        covers[start : start + window] += 1
    return sums / covers.reshape(-1, *[1] * (sums.ndim - 1))


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize(
    ("normalise", "credit", "window"),
    [("none", "both", 24), ("mean", "part", 24), ("standard", "window", 24), ("standard", "both", 7)],
)
def test_detectors_of_time_series(columns, normalise, credit, window):
    draw, n = np.random.default_rng(8), 500
    values = np.stack([np.sin(np.arange(n) / 9 + j) * (1 + j) for j in range(columns)], axis=1)
    values += 0.1 * draw.normal(size=values.shape)
    names = [f"v{j}" for j in range(columns)]

    def frame(values):
        return core_frame({name: values[:, j].copy() for j, name in enumerate(names)})

    detector = SeriesDetector(
        window=window, normalise=normalise, credit=credit, time=None, steps=40, ensemble=2, random_state=0
    ).fit(frame(values))
    odd = values.copy()
    odd[200:220] += 3
    odd[400:440] = 0.5
    ours = detector._scored(frame(odd), explains=True)
    windows = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(odd, window, axis=0).transpose(0, 2, 1))
    ready = session(detector.to_onnx())
    got = run(ready, {"windows": windows})
    size = float(np.median(np.abs(ours["score"])))
    assert_near(over_rows(got["row_score"], n, window), ours["score"], 1e-8, size)
    assert_near(over_rows(got["contributions"], n, window), ours["contributions"], 1e-8, size)
    newest = run(session(detector.to_onnx(opset=NEWEST), NEWEST), {"windows": windows[40:41]})
    assert_near(newest["score"], got["score"][40:41], 1e-10)
    windows[0, 1, 0] = np.inf
    assert np.isnan(run(ready, {"windows": windows[:1]})["score"]).all()


# Detectors of earlier formats


def fixture_rows(name):
    header, *lines = (FIXTURES / name).read_text().splitlines()
    columns = zip(*(line.split(",") for line in lines), strict=True)
    return dict(zip(header.split(","), (np.array(column) for column in columns), strict=True))


def test_a_detector_without_its_training_rows():
    table, scores = fixture_rows("detector-1/rows.csv"), fixture_rows("detector-1/scores.csv")
    ready = session(AnomalyDetector.load(FIXTURES / "detector-1/detector").to_onnx())
    numbers = {name: np.array([float(c) if c else np.nan for c in table[name]]) for name in ("temperature", "flow")}
    got = run(ready, cells(ready, {**numbers, "part": table["part"].astype(object)}))
    assert_near(got["score"], scores["score"].astype(float), 1e-8, 1)
    assert_near(got["probability"], scores["probability"].astype(float), 1e-12, 1)
    assert ((scores["label"] == "true") == got["label"]).all()


def test_a_detector_of_windows_without_planes():
    table, scores = fixture_rows("series-2/series.csv"), fixture_rows("series-2/scores.csv")
    detector = SeriesDetector.load(FIXTURES / "series-2/detector")
    values, window = table["x"].astype(float), json.loads(detector.detector_.spec())["window"]
    windows = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(values, window)[..., None])
    got = run(session(detector.to_onnx()), {"windows": windows})
    assert_near(over_rows(got["row_score"], len(values), window), scores["score"].astype(float), 1e-8, 1)


# The page


def test_the_program_of_the_page_scores_a_table(tmp_path, monkeypatch):
    draw = np.random.default_rng(10)
    train = {"channel": draw.choice(["web", "shop"], 300).astype(object), "amount": draw.gamma(3, 10, 300)}
    detector = AnomalyDetector(missing="mask", steps=40, ensemble=2, random_state=0).fit(core_frame(train))
    detector.to_onnx(tmp_path / "detector.onnx")
    monkeypatch.chdir(tmp_path)
    page = (FIXTURES.parent / "docs/onnx.md").read_text()
    program = page.split("ten lines")[1].split("```python\n")[1].split("```")[0]
    said = {}
    exec(program, said)
    ours = detector._scored(core_frame({name: np.array(cells) for name, cells in said["rows"].items()}))
    assert_near(said["score"][:2], np.asarray(ours["score"])[:2], 1e-8, 1)
    assert said["score"].shape == (3,)
    assert np.isfinite(said["score"]).all()
    assert said["contributions"].shape == (3, 2)


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
