"""Estimators that several ranks fit together: here ranks are threads, connected by an object of our own."""

import pickle
import threading

import numpy as np
import pytest
from contractive import AnomalyDetector, ContractiveAutoencoder
from contractive.communicators import communicator


class Room:
    """Where the threads meet."""

    def __init__(self, size):
        self.size = size
        self.brought = [None] * size
        self.barrier = threading.Barrier(size)

    def exchange(self, rank, array):
        self.brought[rank] = array.copy()
        self.barrier.wait(60)
        brought = list(self.brought)
        self.barrier.wait(60)
        return brought


class Thread:
    """What connects a thread with the others; changes arrays in place."""

    def __init__(self, room, rank):
        self.room, self.rank, self.size = room, rank, room.size

    def allreduce(self, array):
        array[:] = sum(self.room.exchange(self.rank, array))

    def broadcast(self, array, root):
        array[:] = self.room.exchange(self.rank, array)[root]


class Giving(Thread):
    """The same, which returns other arrays."""

    def allreduce(self, array):
        return sum(self.room.exchange(self.rank, array))

    def broadcast(self, array, root):
        return self.room.exchange(self.rank, array)[root]


def of_ranks(size, work, kind=Thread):
    """What ``work(comm)`` gives, or raises, on each of the ranks."""
    room = Room(size)
    given = [None] * size

    def one(rank):
        try:
            given[rank] = work(kind(room, rank))
        except BaseException as error:
            given[rank] = error

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given


def rows():
    rng = np.random.default_rng(0)
    t = rng.uniform(0, 6, size=(230, 1))
    return np.hstack([np.sin(t), np.cos(t), t / 3, t % 1, rng.normal(size=(230, 2))])


def estimator(**parameters):
    settings = {"max_iter": 4, "batch_size": 32, "random_state": 3, "n_jobs": 1, **parameters}
    return ContractiveAutoencoder((8, 3), **settings)


def detector(**parameters):
    return AnomalyDetector(
        **{"ensemble": 2, "steps": 40, "missing": "mask", "random_state": 3, "n_jobs": 1, **parameters}
    )


# Uneven, rank 0's without rows.
SHARES = {2: [0, 0, 230], 3: [0, 40, 41, 230]}


def share(X, comm):
    bounds = SHARES[comm.size]
    return X[bounds[comm.rank] : bounds[comm.rank + 1]]


@pytest.mark.parametrize("kind", [Thread, Giving])
@pytest.mark.parametrize("size", [2, 3])
def test_ranks_end_with_one_estimator_which_is_that_of_one_process(size, kind):
    X = rows()
    ours = of_ranks(size, lambda comm: estimator().fit(share(X, comm), comm=comm), kind)
    for one in ours:
        assert isinstance(one, ContractiveAutoencoder), one
        assert pickle.dumps(one) == pickle.dumps(ours[0])
    alone = estimator().fit(X)
    np.testing.assert_allclose(ours[0].loss_curve_, alone.loss_curve_, rtol=1e-5)
    np.testing.assert_allclose(ours[0].validation_curve_, alone.validation_curve_, rtol=1e-5)
    np.testing.assert_allclose(ours[0].offset_, alone.offset_, rtol=1e-5)
    np.testing.assert_allclose(ours[0].local_dimension_, alone.local_dimension_, rtol=1e-5)
    np.testing.assert_array_equal(ours[0]._kept_rows, alone._kept_rows)
    assert (ours[0].n_iter_, ours[0].best_iter_, ours[0].seed_) == (alone.n_iter_, alone.best_iter_, 3)


@pytest.mark.parametrize("first", ["integers", "no cell", "no rows", "no columns"])
def test_a_table_that_ranks_hold_is_that_of_one_process(first):
    """Shares of a table whose kinds differ, as files read one by one have them."""
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"a": rng.normal(size=150), "n": rng.integers(0, 9, size=150).astype(float)})
    table["c"] = rng.choice(["x", "y"], size=150)
    table.loc[120, "n"] = np.nan
    if first == "no cell":
        table.loc[:59, "n"] = np.nan
    ends = 60 if first in ("integers", "no cell") else 0
    shares = [table[:ends], table[ends:]]
    if first == "integers":
        shares[0] = shares[0].astype({"n": int})
    if first == "no cell":
        shares[0] = shares[0].astype({"n": object}).assign(n=None)
    if first == "no columns":
        shares[0] = pd.DataFrame()

    def work(comm):
        return detector().fit(shares[comm.rank], comm=comm)

    ours = of_ranks(2, work)
    alone = detector().fit(table)
    for one in ours:
        assert isinstance(one, AnomalyDetector), one
        assert one.detector_.to_files() == ours[0].detector_.to_files()
        assert list(one.feature_names_in_) == ["a", "n", "c"]
        assert one.notes_ == alone.notes_
        np.testing.assert_allclose(one.anomaly_scores(table), alone.anomaly_scores(table), rtol=1e-4, atol=1e-5)


def test_the_seed_and_the_beginning_are_those_of_rank_0():
    X = rows()

    def work(comm):
        ours = estimator(random_state=7, warm_start=True)
        if comm.rank == 0:
            ours.fit(X)
        return ours.set_params(random_state=None).fit(share(X, comm), comm=comm)

    first, second = of_ranks(2, work)
    assert first.seed_ == second.seed_
    assert pickle.dumps(first.model_) == pickle.dumps(second.model_)
    alone = estimator(random_state=7, warm_start=True).fit(X).set_params(random_state=first.seed_).fit(X)
    np.testing.assert_allclose(first.loss_curve_, alone.loss_curve_, rtol=1e-5)


def test_an_error_of_one_rank_is_raised_on_all():
    X = rows()
    X[200, 3] = np.nan

    first, second, third = of_ranks(3, lambda comm: estimator().fit(share(X, comm), comm=comm))
    assert type(third) is ValueError
    assert "X row 159, column 3 (from 0)" in str(third)  # its own 160th
    for other in (first, second):
        assert type(other) is RuntimeError
        assert str(other) == f"rank 2 failed: {third}"


def test_an_error_of_python_is_raised_on_all():
    first, second = of_ranks(2, lambda comm: estimator(contamination=0.1 + comm.rank).fit(rows(), comm=comm))
    assert "`contamination` must be above 0" in str(second)
    assert str(first) == f"rank 1 failed: {second}"


def test_settings_that_differ_are_refused_by_name():
    def work(comm):
        return estimator(learning_rate=0.01 * (1 + comm.rank)).fit(rows(), comm=comm)

    for error in of_ranks(3, work):
        assert type(error) is ValueError
        assert str(error) == "`learning_rate` must be the same on all ranks, got 0.02 on rank 1 and 0.01 on rank 0"
    for error in of_ranks(2, lambda comm: estimator().fit(rows()[:, : 5 + comm.rank], comm=comm)):
        assert "number of features" in str(error)
        assert "5" in str(error)
        assert "6" in str(error)


def test_a_callback_of_one_rank_stops_all():
    X = rows()

    def work(comm):
        stops = (lambda record: record["epoch"] == 2) if comm.rank == 1 else None
        return estimator(callbacks=stops and [stops]).fit(share(X, comm), comm=comm)

    assert [one.n_iter_ for one in of_ranks(2, work)] == [2, 2]


def test_what_a_callback_of_one_rank_raises_ends_all():
    X = rows()

    def work(comm):
        def raises(record):
            raise KeyError("mine")

        ours = estimator(callbacks=[raises] if comm.rank == 1 else None)
        with pytest.raises(KeyError if comm.rank == 1 else RuntimeError, match="mine"):
            ours.fit(share(X, comm), comm=comm)
        return ours

    first, second = of_ranks(2, work)
    assert first.n_iter_ == 1
    assert pickle.dumps(first.model_) == pickle.dumps(second.model_)


class Mean(Thread):
    def allreduce(self, array):
        super().allreduce(array)
        array /= self.size


class Elsewhere(Thread):
    def allreduce(self, array):
        super().allreduce(array.copy())


class NoBroadcast(Thread):
    def broadcast(self, array, root):
        super().broadcast(array.copy(), root)


class SingleSums(Thread):
    def allreduce(self, array):
        super().allreduce(array)
        return array.astype(np.float32)


class TooLong(Thread):
    def allreduce(self, array):
        super().allreduce(array)
        return np.append(array, 0.0)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (Mean, "`comm` does not add up"),
        (Elsewhere, "`comm` does not add up"),
        (NoBroadcast, "`comm` does not broadcast"),
        (SingleSums, "allreduce must change its array, or return one of the same type"),
        (TooLong, "allreduce must return 2 numbers, got 3"),
    ],
)
def test_an_object_that_is_no_communicator_is_found_out(kind, says):
    for error in of_ranks(2, lambda comm: estimator().fit(rows(), comm=comm), kind):
        assert says in str(error)


def test_a_rank_that_is_gone_ends_the_others():
    X = rows()

    def work(comm):
        def leaves(record):
            comm.room.barrier.abort()
            raise SystemExit

        ours = estimator(callbacks=[leaves] if comm.rank == 1 else None)
        return ours.fit(share(X, comm), comm=comm)

    first, second = of_ranks(2, work)
    assert isinstance(first, ConnectionError)
    assert "rank 0 of 2 cannot reach the others: BrokenBarrierError" in str(first)
    assert isinstance(second, (SystemExit, ConnectionError))


class Alone:
    rank, size = 0, 1

    def allreduce(self, array):
        raise AssertionError("one process asks nobody")

    broadcast = allreduce


def test_one_process_is_trained_as_without():
    X = rows()
    assert pickle.dumps(estimator().fit(X, comm=Alone()).model_) == pickle.dumps(estimator().fit(X).model_)


@pytest.mark.parametrize("variable", ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "WORLD_SIZE", "SLURM_NTASKS"])
def test_a_world_of_one_that_should_be_of_several_is_refused(variable, monkeypatch):
    for name in ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "WORLD_SIZE", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "4")
    with pytest.raises(ValueError, match=f"a world of 1 process, but {variable} says that there are 4"):
        estimator().fit(rows(), comm=Alone())
    assert communicator(Alone(), ranks=1).size == 1
    with pytest.warns(UserWarning, match=f"a world of 2 processes, but {variable} says that there are 4"):
        communicator(Thread(Room(2), 0))
    monkeypatch.setenv(variable, "2")
    assert communicator(Thread(Room(2), 0)).size == 2
    with pytest.raises(ValueError, match="as many processes as `ranks`, 3, got 2"):
        communicator(Thread(Room(2), 0), ranks=3)


@pytest.mark.parametrize("comm", [3, "gloo", object(), np])
def test_what_is_no_communicator_is_refused(comm):
    with pytest.raises(ValueError, match=r"`comm` must be a communicator of mpi4py such as MPI\.COMM_WORLD"):
        estimator().fit(rows(), comm=comm)


def test_a_rank_outside_its_size_is_refused():
    beyond = Thread(Room(2), 2)
    with pytest.raises(ValueError, match="rank from 0 and below its size, got rank 2 of 2"):
        estimator().fit(rows(), comm=beyond)


def test_threads_are_shared_out_among_the_ranks_of_a_machine(monkeypatch):
    from contractive import _ranks

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    processors = [{0, 1, 2, 3, 4, 5}, {0, 1, 2, 3, 4, 5}, {6, 7, 8}, {9}]
    of_thread = threading.local()
    monkeypatch.setattr(_ranks.os, "sched_getaffinity", lambda _: of_thread.processors, raising=False)

    def work(comm):
        of_thread.processors = processors[comm.rank]
        ranks = _ranks.Ranks(comm)
        return ranks.threads(None), ranks.threads(5)

    # Two of them share six.
    assert of_ranks(4, work) == [(3, 5), (3, 5), (3, 5), (1, 5)]
