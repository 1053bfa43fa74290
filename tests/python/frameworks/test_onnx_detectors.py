"""Exported detectors in ONNX Runtime give what the toolkit gives."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from contractive import AnomalyDetector, SeriesDetector
from contractive._frames import core_frame
from exported_files import NEWEST, assert_near, cells, largest, run, session
from tables_with_trouble import (
    categories,
    constant,
    counts,
    few,
    holes,
    huge,
    orders,
    plain,
    repeats,
    times,
    truths,
    with_holes,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

FIXTURES = Path(__file__).parents[3] / "fixtures"
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


# Detectors of tables


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


@pytest.mark.parametrize("purity", ["mixed", "clean", "contaminated"])
def test_rows_that_equal_those_trained_on(purity):
    train, new = repeats(np.random.default_rng(3))
    detector = AnomalyDetector(purity=purity, steps=40, ensemble=2, random_state=0).fit(core_frame(train))
    ready = session(detector.to_onnx())
    got, ours = run(ready, cells(ready, new)), detector._scored(core_frame(new), contributions=True)
    # The middle row of so few different ones scores 0 but for rounding, all do where every one is ordinary: the terms, in
    # standard deviations, are the measure.
    size = max(1, largest(ours["score"]))
    assert_near(got["score"], ours["score"], 1e-12, size)
    assert_near(got["contributions"], ours["contributions"], 1e-12, size)
    assert (got["label"] == np.asarray(ours["label"])).all()
    assert_near(got["probability"], ours["probability"], 1e-12, 1)


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
