"""Scores of Ray's Datasets by a pool of actors: ``map_batches`` about :func:`contractive.score_arrow`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._settings import whole_number
from .packages import needed
from .scoring import Scoring, arrow

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset


class Actor:
    """What an actor holds: a detector, read when it starts."""

    def __init__(self, scoring: Scoring) -> None:
        self._scoring = scoring
        scoring.make_ready()

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Score a batch."""
        return self._scoring.table(batch)


def score(
    dataset: Dataset,
    detector: str | os.PathLike[str] | Any,
    *,
    keep: Sequence[str] | None = None,
    kinds: Sequence[str] = (),
    explain: int = 0,
    n_jobs: int = 1,
    actors: int | tuple[int, int] = 1,
    batch_size: int | None = 8192,
    **options: Any,
) -> Dataset:
    """Score a Dataset's rows by actors, each of which reads the detector once.

    Parameters
    ----------
    dataset : ray.data.Dataset
        Rows with the columns learnt from; columns that are neither looked at nor kept are not read.
    detector : path, AnomalyDetector or ContractiveAutoencoder
        A directory that the driver and every node can read, or the detector itself, which goes along with the work.
    keep : sequence of str, optional
        Columns to carry along. None: those that were ``keys`` in training and are there. Ray does not keep the order of
        rows: scores without a key are refused, unless ``keep`` is empty.
    kinds, explain
        As :func:`contractive.score_arrow` has them.
    n_jobs : int, default=1
        Threads an actor; as many processors are reserved for it.
    actors : int or (int, int), default=1
        Number of actors, or the least and the most of them. Rows are read by tasks of their own: actors that take every
        processor of a cluster wait for rows for ever.
    batch_size : int, optional, default=8192
        Rows at once. None: a block.
    **options
        What else ``Dataset.map_batches`` takes.

    Returns
    -------
    scored : ray.data.Dataset
        As :func:`contractive.score_arrow` tells, computed when it is asked for.

    Raises
    ------
    ValueError, FileNotFoundError, ImportError
        As :func:`contractive.score_arrow`; what only shows in a row is raised by an actor, within Ray's error.
    """
    data = needed("ray.data", "contractive.engines.ray", "ray")
    arrow()
    n_jobs = whole_number(n_jobs, "n_jobs", 1)
    scoring = Scoring(detector, dataset.columns(), keep=keep, kinds=kinds, explain=explain, n_jobs=n_jobs)
    if keep is None and not scoring.kept:
        raise ValueError("Ray does not keep the order of rows: name a column that tells them apart in `keep`")
    least, most = (actors, actors) if isinstance(actors, int) else actors
    return dataset.select_columns(scoring.wanted).map_batches(
        Actor,
        fn_constructor_args=(scoring,),
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=data.ActorPoolStrategy(min_size=least, max_size=most),
        **{"num_cpus": n_jobs, "udf_modifying_row_count": False, **options},
    )
