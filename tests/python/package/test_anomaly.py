"""AnomalyDetector: tables of every library, the command's scores, keys, categories, holes."""

import copy
import csv
import pickle

import numpy as np
import pytest
from conftest import orders
from contractive import AnomalyDetector, load
from test_autoencoder import cae

SMALL = {"ensemble": 2, "steps": 100, "random_state": 0, "keys": ("id",), "contamination": 0.02}


@pytest.fixture(scope="module")
def frame():
    pd = pytest.importorskip("pandas")
    return pd.DataFrame(orders(), index=[f"row-{i}" for i in range(300)])


@pytest.fixture(scope="module")
def detector(frame):
    return AnomalyDetector(**SMALL).fit(frame)


def test_planted_anomalies_are_found_with_their_columns(frame, detector):
    found = detector.detect(frame)
    assert list(found.columns[:4]) == ["id", "score", "probability", "label"]
    assert found.index.equals(frame.index)
    highest = found.sort_values("score", ascending=False)
    assert set(highest.index[:2]) == {"row-17", "row-40"}
    assert found.loc["row-17", "feature_1"] in ("tax", "amount")
    assert found["label"].sum() == 6
    assert found.loc[~found["label"], "feature_1"].isna().all()
    assert (detector.predict(frame) == np.where(found["label"], -1, 1)).all()
    assert np.allclose(detector.feature_scores(frame).sum(axis=1), found["score"])


def test_scores_are_those_of_the_command(frame, tmp_path):
    columns = orders()
    with open(tmp_path / "orders.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        cell = lambda v: repr(float(v)) if isinstance(v, float) else str(v).lower()  # noqa: E731
        writer.writerows([[cell(v) for v in row] for row in zip(*columns.values(), strict=True)])
    settings = {**SMALL, "categorical": ("gift",)}
    detector = AnomalyDetector(**settings).fit(frame)
    cae(
        "train --detector --data orders.csv --key id --categorical gift --ensemble 2 --steps 100 --seed 0 "
        "--contamination 0.02 --out d -q",
        tmp_path,
    )
    cae("detect d --data orders.csv -o scores.csv -q", tmp_path)
    with open(tmp_path / "scores.csv", newline="") as file:
        told = list(csv.DictReader(file))
    assert [float(row["score"]) for row in told] == detector.anomaly_scores(frame).tolist()
    assert [row["label"] == "true" for row in told] == (detector.predict(frame) == -1).tolist()
    # And the command reads what Python saved.
    detector.save(tmp_path / "mine")
    cae("detect mine --data orders.csv -o mine.csv -q", tmp_path)
    assert (tmp_path / "mine.csv").read_text() == (tmp_path / "scores.csv").read_text()


def test_frames_of_every_library_give_the_same(frame, detector):
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    expected = detector.anomaly_scores(frame)
    polars = pl.DataFrame(orders())
    arrow = pa.table(orders())
    strings = frame.astype({"channel": "string", "items": "Int64", "gift": "boolean"})
    categories = frame.astype({"channel": "category"})
    for X in (polars, polars.lazy().collect(), arrow, strings, categories):
        assert detector.anomaly_scores(X).tolist() == expected.tolist(), type(X)
    assert isinstance(detector.detect(polars), pl.DataFrame)
    assert detector.detect(polars)["id"].to_list() == orders()["id"]
    assert isinstance(detector.detect(arrow), pa.Table)
    fitted = AnomalyDetector(**SMALL).fit(polars)
    assert fitted.anomaly_scores(polars).tolist() == expected.tolist()


def test_an_array_is_a_table_of_numbers(rows):
    pd = pytest.importorskip("pandas")
    settings = {"ensemble": 2, "steps": 50, "random_state": 0}
    array = AnomalyDetector(**settings).fit(rows)
    table = AnomalyDetector(**settings).fit(pd.DataFrame(rows, columns=[f"x{j}" for j in range(6)]))
    assert (
        array.anomaly_scores(rows).tolist()
        == table.anomaly_scores(pd.DataFrame(rows, columns=table.feature_names_in_)).tolist()
    )
    found = array.detect(rows)
    assert isinstance(found, dict)
    assert len(found["score"]) == 400


def test_missing_cells_are_refused_or_taken(frame):
    holes = frame.copy()
    holes.loc["row-3", "amount"] = np.nan
    holes.loc["row-5", "channel"] = None
    with pytest.raises(ValueError, match=r'`amount`: the cell is missing.*missing="mask"'):
        AnomalyDetector(**SMALL).fit(holes)
    masked = AnomalyDetector(**SMALL, missing="mask").fit(holes)
    assert np.isfinite(masked.anomaly_scores(holes)).all()
    rows = np.random.default_rng(0).normal(size=(60, 3))
    rows[5, 1] = np.nan
    assert np.isfinite(AnomalyDetector(ensemble=1, steps=10, missing="median").fit(rows).anomaly_scores(rows)).all()


def test_columns_that_differ_are_named(frame, detector):
    with pytest.raises(ValueError, match="tax"):
        detector.predict(frame.drop(columns="tax"))
    with pytest.raises(ValueError, match="order"):
        detector.predict(frame[["id", "channel", "tax", "amount", "items", "gift"]])
    strange = frame.copy()
    strange["when"] = np.datetime64("2024-01-01")
    with pytest.raises(ValueError, match="`when`"):
        AnomalyDetector(**SMALL).fit(strange)


def test_thresholds_and_kinds_change_without_training(frame, detector):
    other = copy.deepcopy(detector).set_threshold("contamination:0.1")
    assert (other.predict(frame) == -1).sum() == 30
    assert other.offset_ == -other.threshold_
    density = detector.anomaly_scores(frame, kind="density")
    trained = AnomalyDetector(**SMALL, kind="density").fit(frame)
    assert density.tolist() == trained.anomaly_scores(frame).tolist()
    with pytest.raises(ValueError, match="combined, error"):
        detector.anomaly_scores(frame, kind="nothing")
    with pytest.raises(ValueError, match="contamination:SHARE"):
        copy.deepcopy(detector).set_threshold("many")


def test_detectors_survive_pickle_and_disk(frame, detector, tmp_path):
    scores = detector.anomaly_scores(frame).tolist()
    assert pickle.loads(pickle.dumps(detector)).anomaly_scores(frame).tolist() == scores
    detector.save(tmp_path / "d")
    again = load(tmp_path / "d")
    assert isinstance(again, AnomalyDetector)
    assert again.anomaly_scores(frame).tolist() == scores
    assert again.detect(frame)["label"].tolist() == detector.detect(frame)["label"].tolist()
    again.save(tmp_path / "d")


def test_pages_and_pictures(frame, detector, tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    path = detector.report(tmp_path / "page.html", frame)
    text = (tmp_path / "page.html").read_text()
    assert str(path) == str(tmp_path / "page.html")
    assert "o0017" in text
    assert "tax" in text
    ax = detector.plot(frame)
    assert "threshold" in ax.get_legend().get_texts()[0].get_text()


REFUSED = [
    ({"ensemble": 0}, "`ensemble`"),
    ({"ensemble": "a"}, "`ensemble`"),
    ({"purity": "dirty"}, "clean"),
    ({"kind": "odd"}, "combined"),
    ({"threshold": "odd"}, "contamination:SHARE"),
    ({"contamination": 0.9}, "0.5"),
    ({"missing": "drop"}, "refuse, mean, median, mask"),
    ({"scale": "log"}, "robust"),
    ({"steps": -1}, "`steps`"),
    ({"trim": 0.9}, "trim"),
    ({"categorical": ("z",)}, "lacks z"),
    ({"validation_fraction": 0}, "`validation_fraction`"),
]


@pytest.mark.parametrize(("parameters", "said"), REFUSED)
def test_parameters_outside_their_range_are_named(rows, parameters, said):
    with pytest.raises(ValueError, match=said):
        AnomalyDetector(**{"ensemble": 1, "steps": 5, **parameters}).fit(rows)
