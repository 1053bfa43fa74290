"""Ray Data: two actors give the scores of one process."""

import pytest
from checks import by_key, heard_from_outside, reads_of, with_infinity
from contractive import engines, load

ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")


@pytest.fixture(scope="module", autouse=True)
def two_processors():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=200 * 2**20)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def dataset_of(orders, rows=50):
    return ray.data.from_arrow([orders.slice(start, rows) for start in range(0, orders.num_rows, rows)])


def rows_of(dataset):
    """The rows by key."""
    import pyarrow as pa

    return by_key(pa.concat_tables(ray.get(dataset.to_arrow_refs()), promote_options="permissive"))


def test_two_actors_give_the_scores_of_one_process(orders, detector_again, once):
    scored = engines.ray.score(dataset_of(orders), detector_again, explain=1, actors=2, batch_size=20)
    assert rows_of(scored) == once
    readers = reads_of(detector_again)
    assert 1 <= len(readers) <= 2, "fifteen batches, two actors"
    assert len(set(readers)) == len(readers), "each read it once"
    assert heard_from_outside() == []


def test_the_detector_goes_along_and_more_actors_than_blocks_do_no_harm(orders, detector, once):
    few = dataset_of(orders.slice(0, 3), rows=1).filter(lambda row: row["id"] != "order 1")
    scored = engines.ray.score(few, load(detector), explain=1, actors=(1, 2))
    assert rows_of(scored) == {f"order {i}": once[f"order {i}"] for i in (0, 2)}


def test_an_actors_error_says_what_to_do(orders, detector):
    scored = engines.ray.score(dataset_of(with_infinity(orders, 60)), detector)
    with pytest.raises(Exception, match=r"got `inf`; the row is that of id = order 60"):
        scored.materialize()


def test_scores_without_a_key_are_refused(orders, detector):
    with pytest.raises(ValueError, match="Ray does not keep the order of rows: name a column"):
        engines.ray.score(dataset_of(orders.drop_columns(["id"])), detector)
