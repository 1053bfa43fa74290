"""A query of polars: the scores of one process, in batches, whatever follows in the query."""

import pytest
from checks import by_key, with_infinity
from contractive import engines, load

pl = pytest.importorskip("polars")


@pytest.fixture
def rows(orders):
    return pl.from_arrow(orders).lazy()


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_scores_are_those_of_one_process(rows, detector, once, engine):
    scored = engines.polars.score(rows, detector, explain=1)
    table = scored.collect(engine=engine)
    assert table.schema == scored.collect_schema()
    assert by_key(table.to_arrow()) == once
    assert table["id"].to_list() == rows.collect()["id"].to_list(), "rows keep their order"


def test_files_are_read_and_written_in_batches(rows, detector, once, tmp_path):
    for part in range(3):
        rows.slice(100 * part, 100).sink_parquet(tmp_path / f"{part}.parquet", row_group_size=40)
    scored = engines.polars.score(pl.scan_parquet(tmp_path / "*.parquet"), load(detector), explain=1)
    scored.sink_parquet(tmp_path / "scored.parquet")
    assert by_key(pl.read_parquet(tmp_path / "scored.parquet").to_arrow()) == once


def test_what_follows_in_a_query_sees_scores(rows, detector, once):
    scored = engines.polars.score(rows, detector)
    high = scored.filter(pl.col("label")).select("id").collect()
    assert set(high["id"]) == {key for key, row in once.items() if row[2]}
    assert scored.head(3).collect().height == 3
    assert scored.select(pl.len()).collect().item() == len(once)
    assert scored.filter(pl.col("id") == "order 5").collect().height == 1


def test_no_rows_give_no_rows(rows, detector):
    scored = engines.polars.score(rows.filter(pl.col("id") == "none"), detector, explain=1)
    assert scored.collect().schema == scored.collect_schema()
    assert scored.collect().height == 0


def test_a_cell_at_fault_is_told(orders, detector):
    scored = engines.polars.score(pl.from_arrow(with_infinity(orders, 60)).lazy(), detector)
    with pytest.raises(Exception, match=r"got `inf`; the row is that of id = order 60"):
        scored.collect()
