"""Scores of polars' LazyFrames, batch by batch as a query goes: ``map_batches`` about :func:`contractive.score_arrow`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .packages import needed
from .scoring import Scoring, arrow

if TYPE_CHECKING:
    import polars as pl


def score(
    frame: pl.LazyFrame,
    detector: str | os.PathLike[str] | Any,
    *,
    keep: Sequence[str] | None = None,
    kinds: Sequence[str] = (),
    explain: int = 0,
    n_jobs: int | None = None,
) -> pl.LazyFrame:
    """Score a query's rows as they go by.

    Parameters
    ----------
    frame : polars.LazyFrame
        Rows with the columns learnt from; columns that are neither looked at nor kept are not read.
    detector : path, AnomalyDetector or ContractiveAutoencoder
        A directory, or the detector itself.
    keep : sequence of str, optional
        Columns to carry along. None: those that were ``keys`` in training and are there.
    kinds, explain, n_jobs
        As :func:`contractive.score_arrow` has them.

    Returns
    -------
    scored : polars.LazyFrame
        As :func:`contractive.score_arrow` tells, in the order of the rows. ``collect(engine="streaming")`` and
        ``sink_parquet`` hold a batch at a time.

    Raises
    ------
    ValueError, FileNotFoundError, ImportError
        As :func:`contractive.score_arrow`; what only shows in a row is raised when the query is run.
    """
    library = needed("polars", "contractive.engines.polars", "polars")
    arrow()
    rows = frame.lazy()
    schema = rows.collect_schema()
    scoring = Scoring(detector, schema.names(), keep=keep, kinds=kinds, explain=explain, n_jobs=n_jobs)
    own = scoring.types(library.Float64(), library.Boolean(), library.String())

    def scored(batch: pl.DataFrame) -> pl.DataFrame:
        ours = library.from_arrow(scoring.scores(batch.to_arrow()))
        return batch.select(scoring.kept).hstack(ours)

    # Filters by a score and the choice of columns must not move before the score.
    return rows.select(scoring.wanted).map_batches(
        scored,
        predicate_pushdown=False,
        projection_pushdown=False,
        slice_pushdown=False,
        schema={**{name: schema[name] for name in scoring.kept}, **own},
        streamable=True,
    )
