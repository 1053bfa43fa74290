"""Spark: two local cores give the scores of one process."""

import os
import shutil

import pyarrow as pa
import pytest
from checks import by_key, heard_from_outside, reads_of, with_infinity
from contractive import engines, load

sql = pytest.importorskip("pyspark.sql")
if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
    pytest.skip("Spark needs Java 17, and there is none", allow_module_level=True)


@pytest.fixture(scope="module")
def spark():
    builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    for name in ("spark.driver.host", "spark.driver.bindAddress"):
        builder = builder.config(name, "127.0.0.1")
    session = builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


def rows_of(frame):
    """The rows by key."""
    return by_key(frame.toArrow())


def test_two_cores_give_the_scores_of_one_process(spark, orders, detector_again, once):
    frame = spark.createDataFrame(orders).repartition(8)
    scored = engines.spark.score(frame, detector_again, explain=1)
    assert scored.schema.simpleString() == (
        "struct<id:string,score:double,probability:double,label:boolean,feature_1:string,share_1:double>"
    )
    assert rows_of(scored) == once
    readers = reads_of(detector_again)
    assert 1 <= len(readers) < 8, "eight partitions"
    assert len(set(readers)) == len(readers), "each worker read it once"
    assert heard_from_outside() == []


def test_the_detector_goes_along_where_it_is_given(spark, orders, detector, once):
    scored = engines.spark.score(spark.createDataFrame(orders), load(detector), explain=1)
    assert rows_of(scored) == once


def test_more_partitions_than_rows(spark, orders, detector, once):
    frame = spark.createDataFrame(orders.slice(0, 3)).repartition(6)
    assert rows_of(engines.spark.score(frame, detector, explain=1)) == {
        f"order {i}": once[f"order {i}"] for i in range(3)
    }
    none = engines.spark.score(frame.filter("id = 'none'"), detector)
    assert none.collect() == []


def test_names_with_dots_and_other_types_are_kept(spark, orders, detector):
    frame = spark.createDataFrame(orders.rename_columns({"note": "order.note"})).selectExpr(
        "*", "date '2026-11-29' AS day"
    )
    kept = engines.spark.score(frame, detector, keep=["order.note", "day", "id"]).toArrow()
    assert kept.schema.types[:3] == [pa.string(), pa.date32(), pa.string()]
    assert kept.num_rows == orders.num_rows


def test_a_tasks_error_says_what_to_do(spark, orders, detector, detector_again):
    scored = engines.spark.score(spark.createDataFrame(with_infinity(orders, 60)), detector)
    with pytest.raises(Exception, match=r"got `inf`; the row is that of id = order 60"):
        scored.collect()
    scored = engines.spark.score(spark.createDataFrame(orders), detector_again)
    detector_again.rename(detector_again.with_name("moved"))
    with pytest.raises(Exception, match="where every worker reads it, or give the detector itself"):
        scored.collect()
