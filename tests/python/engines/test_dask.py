"""Dask: two workers give the scores of one process."""

import pandas as pd
import pyarrow as pa
import pytest
from checks import by_key, heard_from_outside, reads_of, with_infinity
from contractive import engines, load

dd = pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def frame_of(orders, n_partitions):
    # Truth values with holes are objects to pandas, unless told, and text to Dask.
    return dd.from_pandas(orders.to_pandas().astype({"express": "boolean"}), npartitions=n_partitions, sort=False)


def rows_of(frame):
    """The rows by key; in pandas a row without a score has a label."""
    return by_key(pa.Table.from_pandas(frame, preserve_index=False))


def test_two_workers_give_the_scores_of_one_process(client, orders, detector_again, once):
    scored = engines.dask.score(frame_of(orders, 8), detector_again, explain=1)
    table = scored.compute()
    assert rows_of(table) == once
    pd.testing.assert_series_equal(table.dtypes, scored.dtypes)
    assert table.index.tolist() == list(range(len(once)))
    assert table["id"].tolist() == orders["id"].to_pylist(), "rows keep their order"
    readers = reads_of(detector_again)
    assert 1 <= len(readers) <= 2, "eight partitions, two workers"
    assert len(set(readers)) == len(readers), "each read it once"


def test_the_detector_goes_along_where_it_is_given(client, orders, detector, once):
    scored = engines.dask.score(frame_of(orders, 3), load(detector), explain=1)
    assert rows_of(scored.compute()) == once


def test_partitions_without_rows(client, orders, detector, once):
    frame = frame_of(orders.slice(0, 5), 5)
    few = frame[frame["id"] != "order 3"]
    scored = engines.dask.score(few, detector, explain=1)
    assert scored.map_partitions(len).compute().tolist() == [1, 1, 1, 0, 1]
    assert rows_of(scored.compute()) == {f"order {i}": once[f"order {i}"] for i in (0, 1, 2, 4)}


def test_a_workers_error_says_what_to_do(client, orders, detector, detector_again):
    scored = engines.dask.score(frame_of(with_infinity(orders, 60), 4), detector)
    with pytest.raises(ValueError, match=r"got `inf`; the row is that of id = order 60"):
        scored.compute()
    scored = engines.dask.score(frame_of(orders, 4), detector_again)
    detector_again.rename(detector_again.with_name("moved"))
    with pytest.raises(FileNotFoundError, match="where every worker reads it, or give the detector itself"):
        scored.compute()


def test_nothing_is_heard_outside_this_machine(client):
    assert heard_from_outside() == []
