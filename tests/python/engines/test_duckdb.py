"""A function of DuckDB's SQL: the scores of one process, vector by vector."""

import numpy as np
import pyarrow as pa
import pytest
from checks import by_key, with_infinity
from contractive import AnomalyDetector, ContractiveAutoencoder, engines, load, score_arrow

duckdb = pytest.importorskip("duckdb")


@pytest.fixture
def connection(orders):
    # Nothing is fetched, extensions neither.
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        connection.register("orders", orders)
        yield connection


def test_scores_are_those_of_one_process(connection, detector, once):
    call = engines.duckdb.register(connection, detector, explain=1)
    assert call == 'score("amount"::DOUBLE, "items"::DOUBLE, "channel", "weight"::DOUBLE, "express"::DOUBLE)'
    scored = connection.sql(f"SELECT id, unnest({call}) FROM orders").to_arrow_table()
    assert scored.schema.types[1:] == [pa.float64(), pa.float64(), pa.bool_(), pa.string(), pa.float64()]
    assert by_key(scored) == once


def test_more_rows_than_a_vector_holds(connection, orders, detector):
    call = engines.duckdb.register(connection, load(detector), name="oddness", n_jobs=2)
    many = connection.sql(f"SELECT id, ({call}).score AS s FROM orders CROSS JOIN range(10)").to_arrow_table()
    assert many.num_rows == 3000
    alone = dict(zip(*(score_arrow(detector, orders)[name].to_pylist() for name in ("id", "score")), strict=True))
    assert all(row["s"] == alone[row["id"]] for row in many.to_pylist())


def test_no_rows_and_a_cell_at_fault(connection, orders, detector):
    call = engines.duckdb.register(connection, detector)
    assert connection.sql(f"SELECT {call} FROM orders WHERE id = 'none'").fetchall() == []
    connection.register("faulty", with_infinity(orders, 60))
    with pytest.raises(duckdb.Error, match=r"column `amount`: every cell must be a finite number .* got `inf`"):
        connection.sql(f"SELECT {call} FROM faulty").fetchall()


def test_numbers_that_are_categories_are_cast_by_the_user(connection):
    draw = np.random.default_rng(0)
    rows = pa.table({"code": draw.integers(0, 3, 200), "a": draw.normal(size=200)})
    fitted = AnomalyDetector(ensemble=2, categorical=["code"], random_state=0).fit(rows)
    connection.register("rows", rows)
    call = engines.duckdb.register(connection, fitted, name="odd")
    with pytest.raises(duckdb.BinderException, match="explicit type casts"):
        connection.sql(f"SELECT {call} FROM rows")
    call = call.replace('"code"', '"code"::VARCHAR')
    scored = connection.sql(f"SELECT ({call}).score FROM rows").fetchall()
    assert [score for (score,) in scored] == fitted.anomaly_scores(rows).tolist()


def test_an_autoencoder_is_a_function_too(connection):
    X = np.random.default_rng(0).normal(size=(50, 2))
    model = ContractiveAutoencoder((3,), max_iter=2, random_state=0).fit(X)
    connection.register("rows", pa.table({"x0": X[:, 0], "x1": X[:, 1]}))
    call = engines.duckdb.register(connection, model, name="error")
    scored = connection.sql(f"SELECT ({call}).score FROM rows").fetchall()
    assert [score for (score,) in scored] == (-model.score_samples(X)).tolist()
