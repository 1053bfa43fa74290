"""What an estimator does where processes fit it together, each with its own rows."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._base import feature_names, seed_of
from ._settings import threads_of

# Parameters that each process has its own of.
_OF_EACH = ("random_state", "n_jobs", "callbacks", "verbose")

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Ranks:
    """The processes that fit an estimator together; a process alone asks nobody."""

    group: _core.Group | None = None

    def __init__(self, comm: Any) -> None:
        if comm is not None:
            from .communicators import communicator

            group = _core.Group(communicator(comm))
            self.group = group if group.size > 1 else None

    @property
    def are_many(self) -> bool:
        """Whether there are others."""
        return self.group is not None

    @property
    def is_first(self) -> bool:
        """Whether this is the one that tells of progress."""
        return self.group is None or self.group.rank == 0

    @contextmanager
    def together(self) -> Iterator[None]:
        """Work of each process by itself: an error of one, such as a value that cannot be taken, is raised on all."""
        if self.group is None:
            yield
            return
        try:
            yield
        except BaseException as error:
            self.group.tell(str(error) or type(error).__name__)
            raise
        self.group.tell(None)

    def of_first(self, value: Any) -> Any:
        """Give the value of rank 0, of JSON."""
        if self.group is None:
            return value
        return json.loads(self.group.of_first(json.dumps(value).encode()))

    def each(self, value: Any) -> list[Any]:
        """Give the value of every process, of JSON, in their order."""
        if self.group is None:
            return [value]
        return [json.loads(one) for one in self.group.gather_bytes(json.dumps(value).encode())]

    def seed(self, random_state: Any) -> int:
        """Give rank 0's seed; every process draws its own, so that generators of theirs stay alike."""
        with self.together():
            seed = seed_of(random_state)
        return int(self.of_first(seed))

    def threads(self, n_jobs: int | None) -> int | None:
        """Give the threads for ``n_jobs``: processors that several processes of a machine may use are shared out."""
        with self.together():
            threads = threads_of(n_jobs)
        if self.group is None:
            return threads
        processors = (
            sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [*range(os.cpu_count() or 1)]
        )
        here = [socket.gethostname(), processors]
        n_here = sum(other == here for other in self.each(here))
        return threads if threads is not None else max(1, len(processors) // n_here)

    def agree_on(self, estimator: Any, n_rows: int) -> None:
        """Refuse parameters that differ between processes, by name; without rows, learn the columns from others."""
        if self.group is None:
            return
        parameters = estimator.get_params(deep=False)
        own = {name: repr(value) for name, value in parameters.items() if name not in _OF_EACH}
        columns = [estimator.n_features_in_, feature_names(estimator)]
        told = self.each([own, n_rows, columns])
        for rank, (other, _, _) in enumerate(told):
            for name, value in other.items():
                if value != told[0][0].get(name):
                    raise ValueError(
                        f"`{name}` must be the same on all ranks, got {value} on rank {rank} and "
                        f"{told[0][0].get(name)} on rank 0"
                    )
        known = next((columns for _, n, columns in told if n > 0), columns)
        if n_rows == 0:
            estimator.n_features_in_, names = known
            if names is not None:
                estimator.feature_names_in_ = np.asarray(names, dtype=object)

    def some(self, rows: Array, most: int) -> Array:
        """Give those of this process's rows that are among ``most`` evenly spaced ones of all."""
        counts = self.each(len(rows))
        apart = max(1, -(-sum(counts) // most))
        before = sum(counts[: self.group.rank]) if self.group is not None else 0
        return rows[-before % apart :: apart]

    def all(self, rows: Array) -> Array:
        """Give the rows of all processes, or their numbers, one after the other."""
        if self.group is None:
            return rows
        gathered = self.group.gather(np.ascontiguousarray(rows, dtype=np.float64).ravel())
        is_single = all(self.each(rows.dtype == np.float32))
        return gathered.reshape(-1, *rows.shape[1:]).astype(np.float32 if is_single else np.float64, copy=False)
