"""SeriesDetector: a score for every timestamp, whatever holds the series, and the command's."""

import csv
import pickle

import numpy as np
import pytest
from contractive import SeriesDetector, load
from test_autoencoder import cae

SMALL = {"window": 24, "ensemble": 2, "steps": 100, "random_state": 0}


@pytest.fixture(scope="module")
def frame():
    pd = pytest.importorskip("pandas")
    t = np.arange(720)
    rng = np.random.default_rng(1)
    load_ = np.sin(2 * np.pi * t / 24) + 0.05 * rng.normal(size=720)
    heat = np.cos(2 * np.pi * t / 24) + 0.05 * rng.normal(size=720)
    load_[500] += 4
    return pd.DataFrame({"load": load_, "heat": heat}, index=pd.date_range("2024-01-01", periods=720, freq="h"))


def test_the_index_of_pandas_is_time(frame):
    detector = SeriesDetector(**SMALL).fit(frame)
    found = detector.detect(frame)
    assert found.index.equals(frame.index)
    assert found["score"].idxmax() == frame.index[500]
    assert found.loc[frame.index[500], "feature_1"] == "load"
    first = detector.ranges(frame)[0]
    assert (first["first"], first["peak"]) <= (500, 500)
    assert first["peak_at"] == "2024-01-21T20:00:00"
    assert first["columns"][0][0] == "load"
    zoned = frame.tz_localize("Etc/GMT-2")
    assert SeriesDetector(**SMALL).fit(zoned).ranges(zoned)[0]["peak_at"] == "2024-01-21T20:00:00+02:00"
    assert (detector.predict(frame) == -1).sum() == found["label"].sum()
    assert detector.window_ == 24


def test_scores_are_those_of_the_command(frame, tmp_path):
    table = frame.reset_index(names="time")
    with open(tmp_path / "series.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.columns)
        writer.writerows(
            [[str(row[0]), repr(float(row[1])), repr(float(row[2]))] for row in table.itertuples(index=False)]
        )
    detector = SeriesDetector(time="time", **SMALL).fit(table)
    cae(
        "train --detector --data series.csv --time time --window 24 --ensemble 2 --steps 100 --seed 0 --out d -q",
        tmp_path,
    )
    cae("detect d --data series.csv -o s.csv -q", tmp_path)
    with open(tmp_path / "s.csv", newline="") as file:
        told = [float(row["score"]) for row in csv.DictReader(file)]
    assert told == detector.anomaly_scores(table).tolist()
    indexed = SeriesDetector(**SMALL).fit(frame)
    assert indexed.anomaly_scores(frame).tolist() == told


def test_arrays_polars_and_several_series(frame):
    pl = pytest.importorskip("polars")
    array = SeriesDetector(**SMALL).fit(frame.to_numpy())
    assert int(np.argmax(array.anomaly_scores(frame.to_numpy()))) == 500
    table = pl.from_pandas(frame.reset_index(names="time"))
    polars = SeriesDetector(time="time", **SMALL).fit(table)
    found = polars.detect(table)
    assert polars.ranges(table)[0]["peak_at"] == "2024-01-21T20:00:00"
    assert isinstance(found, pl.DataFrame)
    assert found.columns[:2] == ["time", "score"]
    assert int(np.argmax(found["score"].to_numpy())) == 500
    several = pl.concat([table.with_columns(unit=pl.lit(name)) for name in ("a", "b")])
    both = SeriesDetector(time="time", series_key=["unit"], **SMALL).fit(several)
    scores = both.anomaly_scores(several)
    assert np.allclose(scores[:720], scores[720:])


def test_windows_are_chosen_and_errors_named(frame):
    detector = SeriesDetector(ensemble=1, steps=20, random_state=0).fit(frame)
    assert detector.window_ % 24 == 0
    assert any("period" in note for note in detector.notes_)
    for credit in ("both", "window", "part"):
        assert SeriesDetector(**SMALL, credit=credit).fit(frame).get_params()["credit"] == credit
    for settings, said in [
        ({"window": 1}, "window"),
        ({"normalise": "odd"}, "`normalise`"),
        ({"credit": "odd"}, "`credit`"),
        ({"gaps": "odd"}, "`gaps`"),
        ({"missing": "odd"}, "`missing`"),
        ({"time": "when"}, "when"),
        ({"window": 2000}, "2000"),
    ]:
        with pytest.raises(ValueError, match=said):
            SeriesDetector(**{"ensemble": 1, "steps": 5, **settings}).fit(frame)


def test_values_that_are_not_finite_are_named_by_place(frame):
    detector = SeriesDetector(**SMALL).fit(frame)
    for bad, said in (
        (np.nan, 'row 3 .from 0., column `heat`: the value is missing.*missing="previous"'),
        (np.inf, "got inf"),
    ):
        holed = frame.copy()
        holed.iloc[3, 1] = bad
        for call in (SeriesDetector(**SMALL).fit, detector.predict):
            with pytest.raises(ValueError, match=said):
                call(holed)
    holed.iloc[3, 1] = np.nan
    assert np.isfinite(SeriesDetector(**SMALL, missing="previous").fit(holed).anomaly_scores(holed)).all()


def test_detectors_survive_pickle_and_disk(frame, tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    detector = SeriesDetector(**SMALL).fit(frame)
    scores = detector.anomaly_scores(frame).tolist()
    assert pickle.loads(pickle.dumps(detector)).anomaly_scores(frame).tolist() == scores
    detector.save(tmp_path / "d")
    again = load(tmp_path / "d")
    assert isinstance(again, SeriesDetector)
    assert again.anomaly_scores(frame).tolist() == scores
    many = again.set_threshold("contamination:0.1").predict(frame)
    assert (many == -1).sum() == 72
    detector.report(tmp_path / "page.html", frame)
    assert "<svg" in (tmp_path / "page.html").read_text()
    assert detector.plot(frame).get_ylabel() == "score"
