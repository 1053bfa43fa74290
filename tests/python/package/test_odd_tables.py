"""Tables and arrays of unusual types, orders and libraries: a test for every fault that a first attack found in them."""

import datetime
import decimal
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import X, detector, series, small
from contractive._frames import core_frame


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


def test_categories_are_the_same_words_with_missing_cells_and_without():
    pd = pytest.importorskip("pandas")

    def words(cells):
        return core_frame(pd.DataFrame({"c": pd.Categorical(cells)})).texts("c")

    assert words([1, 2, 1]) == ["1", "2", "1"]
    assert words([1, 2, None]) == ["1", "2", None]
    assert words(pd.array([1, 2, None], dtype="Int64")) == ["1", "2", None]
    assert words([1.5, 2.0, None]) == ["1.5", "2.0", None]
    assert words([True, False, None]) == ["True", "False", None]
    assert words(["b", None, "a"]) == ["b", None, "a"]
    assert words(pd.to_datetime(["2024-01-02", None])) == ["2024-01-02 00:00:00", None]
    rows = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": pd.Categorical([1, 2, 3, 2] * 50)})
    holes = rows.copy()
    holes.loc[::50, "c"] = None
    fitted = detector(missing="mask").fit(holes)
    whole = np.arange(200) % 50 > 0
    assert fitted.anomaly_scores(rows)[whole].tolist() == fitted.anomaly_scores(holes)[whole].tolist()


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_times_that_arrow_holds_for_pandas_are_of_any_year(unit, zone):
    pd = pytest.importorskip("pandas")
    pa = pytest.importorskip("pyarrow")
    days = np.array(["0001-01-01", "1677-01-01", "2024-07-01", "3000-01-01", "NaT", "9999-12-31"], dtype="M8[D]")
    stamps = pa.array(days.astype(f"M8[{unit}]"), type=pa.timestamp(unit, tz=zone))
    table = pa.table({"t": stamps})
    backed = pd.DataFrame({"t": pd.Series(stamps, dtype=pd.ArrowDtype(stamps.type))})
    texts = core_frame(table).texts("t")
    assert core_frame(backed).texts("t") == texts
    assert texts[3].startswith("3000-01-01")


def test_dates_that_arrow_holds_for_pandas_are_dates():
    pd = pytest.importorskip("pandas")
    pa = pytest.importorskip("pyarrow")
    days = [datetime.date(1500, 2, 3), None, datetime.date(2024, 7, 1)]
    for kind in (pa.date32(), pa.date64()):
        dates = pa.array(days, type=kind)
        backed = pd.DataFrame({"t": pd.Series(dates, dtype=pd.ArrowDtype(kind))})
        texts = core_frame(backed).texts("t")
        assert texts == core_frame(pa.table({"t": dates})).texts("t")
        assert texts[0].startswith("1500-02-03")


def test_times_of_numpy_of_any_unit_keep_their_year():
    for unit in ("Y", "M", "W", "D", "h", "m", "15m", "s", "10s", "ms", "us"):
        days = np.array(["1500-01-01", "NaT", "3000-01-01"], dtype="M8[D]").astype(f"M8[{unit}]")
        texts = core_frame({"t": days}).texts("t")
        assert (texts[0][:4], texts[1], texts[2][:4]) == (str(days[0])[:4], None, str(days[2])[:4]), unit
    texts = core_frame({"t": np.array(["1970-01-02T01:02:03.5"], dtype="M8[ps]")}).texts("t")
    assert texts[0].startswith("1970-01-02T01:02:03.5")


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


def test_what_only_streams_its_rows_is_asked_for_them_once():
    pa = pytest.importorskip("pyarrow")

    class Query:
        """What a database gives: each look at it may be work, and give other rows."""

        n_asked = 0

        def __arrow_c_stream__(self, requested_schema=None):
            self.n_asked += 1
            return pa.table({"id": [f"k{i}" for i in range(200)], "a": X[:, 0], "b": X[:, 1]}).__arrow_c_stream__()

    query = Query()
    fitted = detector(keys=["id"]).fit(query)
    assert query.n_asked == 1
    found = fitted.detect(query)
    assert query.n_asked == 2
    assert list(found["id"][:2]) == ["k0", "k1"]
    assert list(fitted.feature_names_in_) == ["id", "a", "b"]


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


def test_one_name_and_one_callback_may_stand_by_themselves():
    small(callbacks=lambda record: None).fit(X)
    fitted = detector().fit(X)
    with pytest.raises(ValueError, match="`explain`"):
        fitted.detect(X, explain=1.5)
    with pytest.raises(ValueError, match="value:3"):
        fitted.set_threshold(3.0)
