"""Arrow's batches: the same scores however rows are put into batches, and what is refused."""

import pickle
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pytest
from checks import by_key, with_infinity
from contractive import AnomalyDetector, ContractiveAutoencoder, SeriesDetector, engines, load, score_arrow
from contractive.engines import loading
from contractive.engines.scoring import Scoring

FIELDS = [
    ("id", pa.string()),
    ("score", pa.float64()),
    ("probability", pa.float64()),
    ("label", pa.bool_()),
    ("feature_1", pa.string()),
    ("share_1", pa.float64()),
]


@pytest.mark.parametrize("rows", [1, 7, 100, 1000])
def test_batches_of_any_size_give_what_one_process_gives(orders, detector, once, rows):
    scored = [score_arrow(detector, batch, explain=1) for batch in orders.to_batches(max_chunksize=rows)]
    assert all(isinstance(batch, pa.RecordBatch) for batch in scored)
    assert by_key(pa.Table.from_batches(scored, schema=pa.schema(FIELDS))) == once


def test_columns_are_those_of_the_command(orders, detector, cae, tmp_path):
    import pyarrow.feather as feather

    feather.write_feather(orders.drop_columns(["note"]), tmp_path / "orders.arrow", "uncompressed")
    command = [cae, "detect", detector, "--data", tmp_path / "orders.arrow", "-o", tmp_path / "scored.arrow", "-q"]
    subprocess.run([*command, "--explain", "2"], check=True, timeout=60)
    told = feather.read_table(tmp_path / "scored.arrow").drop_columns(["row"])
    scored = score_arrow(detector, orders, explain=2)
    assert scored.schema == told.schema
    for name in ("id", "score", "probability", "label", "feature_1", "feature_2"):
        assert scored[name].to_pylist() == told[name].to_pylist()
    # The command adds up a row's parts in another order.
    known = ~np.isnan(told["share_1"].to_numpy())
    assert scored["share_1"].to_numpy()[known] == pytest.approx(told["share_1"].to_numpy()[known], rel=1e-12)


def test_a_batch_without_rows_gives_one_with_the_same_columns(orders, detector):
    whole = score_arrow(detector, orders, explain=1, kinds=["error"], keep=["note", "amount"])
    none = score_arrow(detector, orders.slice(0, 0), explain=1, kinds=["error"], keep=["note", "amount"])
    assert (none.num_rows, none.schema) == (0, whole.schema)
    batch = score_arrow(detector, orders.to_batches()[0].slice(0, 0), explain=1)
    assert batch.schema == pa.schema(FIELDS)


def test_columns_are_found_by_name_and_kept_as_they_are(orders, detector, once):
    turned = orders.select(orders.column_names[::-1])
    assert by_key(score_arrow(detector, turned, explain=1)) == once
    kept = score_arrow(detector, orders, keep=["express", "id"])
    assert kept.column_names == ["express", "id", "score", "probability", "label"]
    assert kept["express"].equals(orders["express"])
    assert score_arrow(detector, orders.drop_columns(["id"])).column_names == ["score", "probability", "label"]
    taken = score_arrow(detector, orders.rename_columns({"note": "score"}), keep=["score"])
    assert taken.column_names == ["score", "cae_score", "probability", "label"]


def test_other_spellings_of_the_same_cells_give_the_same_scores(orders, detector, once):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    encoded = orders.set_column(4, "channel", orders["channel"].dictionary_encode())
    assert by_key(score_arrow(detector, encoded, explain=1)) == once
    assert by_key(score_arrow(detector, polars.from_arrow(orders), explain=1)) == once
    assert isinstance(orders.to_pandas(), pandas.DataFrame)
    assert by_key(score_arrow(detector, orders.to_pandas(), explain=1)) == once
    # A batch in which a column has no cell may not know the column's type.
    one = orders.slice(17, 1)
    for name in ("channel", "amount"):
        one = one.set_column(one.schema.get_field_index(name), name, pa.nulls(1))
    assert by_key(score_arrow(detector, one, explain=1)) == {"order 17": once["order 17"]}


def test_kinds_of_score_are_those_of_the_estimator(orders, detector):
    loaded = load(detector)
    scored = score_arrow(loaded, orders, kinds=["error", "neighbour"])
    for kind in ("error", "neighbour"):
        ours = loaded.anomaly_scores(orders.drop_columns(["note"]), kind)
        assert scored[f"score_{kind}"].to_pylist() == [None if np.isnan(score) else score for score in ours]


def test_an_autoencoder_gives_its_errors(tmp_path):
    X = np.random.default_rng(0).random((100, 3))
    X[:, 2] = X[:, 0]
    model = ContractiveAutoencoder((4, 2), max_iter=60, contraction=1e-4, scale="standard", random_state=0).fit(X)
    model.save(tmp_path / "model")
    rows = pa.table({"k": range(100), "a": X[:, 0], "b": X[:, 1], "c": X[:, 2]})
    scored = score_arrow(tmp_path / "model", rows, keep=["k"])
    assert scored.schema.names == ["k", "score", "label"]
    assert scored["score"].to_pylist() == (-model.score_samples(X)).tolist()
    assert scored["label"].to_pylist() == (model.predict(X) < 0).tolist()
    with pytest.raises(ValueError, match="3 columns without names, and the table has 4"):
        score_arrow(model, rows)
    with pytest.raises(ValueError, match="column `c` must hold numbers, got text"):
        score_arrow(model, rows.set_column(3, "c", pa.array(["x"] * 100)), keep=["k"])
    with pytest.raises(ValueError, match="`kinds` must be empty for an autoencoder"):
        score_arrow(model, rows, keep=["k"], kinds=["error"])
    with pytest.raises(ValueError, match="`explain` must be 0 for an autoencoder"):
        score_arrow(model, rows, keep=["k"], explain=1)


def test_a_detector_of_rows_without_names_takes_columns_in_order(tmp_path):
    X = np.random.default_rng(0).normal(size=(200, 3))
    fitted = AnomalyDetector(ensemble=2, random_state=0).fit(X)
    fitted.save(tmp_path / "detector")
    rows = pa.table({f"x{j}": X[:, j] for j in range(3)})
    assert score_arrow(tmp_path / "detector", rows)["score"].to_pylist() == fitted.anomaly_scores(X).tolist()


def test_what_cannot_be_scored_is_refused(orders, detector, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no detector at .*nowhere.* give the detector itself"):
        score_arrow(tmp_path / "nowhere", orders)
    with pytest.raises(ValueError, match="it lacks amount, items and has id, note, channel"):
        score_arrow(detector, orders.drop_columns(["amount", "items"]))
    with pytest.raises(ValueError, match="that `keep` names: it lacks nothing"):
        score_arrow(detector, orders, keep=["nothing"])
    with pytest.raises(ValueError, match="`keep` must name each column once"):
        score_arrow(detector, orders, keep=["id", "id"])
    with pytest.raises(ValueError, match="two called `amount`"):
        score_arrow(detector, orders.rename_columns({"note": "amount"}))
    with pytest.raises(ValueError, match=r"`kinds` must be of combined, .*, got 'reach'"):
        score_arrow(detector, orders, kinds=["reach"])
    with pytest.raises(ValueError, match="`n_jobs` must be"):
        score_arrow(detector, orders, n_jobs=0)
    with pytest.raises(ValueError, match="`batch` must be an Arrow batch or table, got list"):
        score_arrow(detector, [1, 2])
    with pytest.raises(ValueError, match=r"`detector` must be a path, an AnomalyDetector or .*, got int"):
        score_arrow(3, orders)
    with pytest.raises(ValueError, match="not fitted"):
        score_arrow(AnomalyDetector(), orders)
    with pytest.raises(ValueError, match="windows, which need their rows in order"):
        score_arrow(SeriesDetector(), orders)


def test_a_cell_at_fault_is_told_by_its_key(orders, detector):
    with pytest.raises(ValueError, match=r"column `amount`: .* got `inf`; the row is that of id = order 203"):
        score_arrow(detector, with_infinity(orders, 203).slice(200, 10))


def test_a_directory_is_read_once_and_again_where_it_was_written_anew(orders, detector_again, monkeypatch):
    reads = []
    monkeypatch.setattr(loading, "load", lambda path: reads.append(path) or load(path))
    before = [score_arrow(detector_again, orders) for _ in range(3)]
    assert len(reads) == 1
    other = load(detector_again).set_threshold("value:-100")
    time.sleep(0.01)
    other.save(detector_again)
    after = score_arrow(detector_again, orders)
    assert len(reads) == 2
    assert after["score"].equals(before[0]["score"])
    assert sum(after["label"].to_pylist()[:17]) == 17


def test_a_process_holds_a_few_detectors_at_most(orders, detector, tmp_path):
    loaded = load(detector)
    for i in range(6):
        loaded.save(tmp_path / str(i))
        score_arrow(tmp_path / str(i), orders.slice(0, 1))
    assert len(loading._held) <= 4


def test_work_goes_along_as_a_path_or_with_the_detector(orders, detector, once):
    by_path = pickle.dumps(Scoring(detector, orders.column_names, explain=1))
    by_value = pickle.dumps(Scoring(load(detector), orders.column_names, explain=1))
    assert len(by_path) < 1000 < len(by_value)
    for work in (by_path, by_value):
        assert by_key(pickle.loads(work).table(orders)) == once
        assert pickle.dumps(pickle.loads(work)) == work, "work may go on to a third process"


def test_work_begun_with_another_detector_is_refused(orders, detector_again):
    work = pickle.dumps(Scoring(detector_again, orders.column_names))
    load(detector_again).set_threshold("value:0").save(detector_again)
    with pytest.raises(
        ValueError, match="was written anew after this work began: begin again, or give the detector itself"
    ):
        pickle.loads(work).table(orders)


def test_an_engine_that_is_not_installed_is_named():
    modules = {"spark": "pyspark", "ray": "ray", "dask": "dask", "polars": "polars", "duckdb": "duckdb"}
    program = f"""
import sys
from contractive import engines

for engine, module in {modules}.items():
    sys.modules[module] = None
    adapter = getattr(engines, engine)
    try:
        getattr(adapter, "score", getattr(adapter, "register", None))(None, "detector")
    except ImportError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    said = done.stdout.splitlines()
    assert len(said) == len(modules)
    for line, (engine, module) in zip(said, modules.items(), strict=True):
        assert line.startswith(f"contractive.engines.{engine} needs {module}: pip install 'contractive[{engine}]'"), (
            line
        )


def test_pyarrow_is_named_where_it_is_not_installed(orders, detector, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"needs pyarrow: pip install 'contractive\[arrow\]'"):
        score_arrow(detector, orders)


def test_the_adapters_are_found_by_name():
    assert set(engines.__all__) <= set(dir(engines))
    with pytest.raises(AttributeError, match="flink"):
        engines.flink  # noqa: B018
