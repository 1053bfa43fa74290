"""Scores of Dask's DataFrames, partition by partition: ``map_partitions`` about :func:`contractive.score_arrow`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .packages import needed
from .scoring import Scoring, arrow

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd


def score(
    dataframe: dd.DataFrame,
    detector: str | os.PathLike[str] | Any,
    *,
    keep: Sequence[str] | None = None,
    kinds: Sequence[str] = (),
    explain: int = 0,
    n_jobs: int | None = 1,
) -> dd.DataFrame:
    """Score a DataFrame's rows where they lie.

    Parameters
    ----------
    dataframe : dask.dataframe.DataFrame
        Rows with the columns learnt from; columns that are neither looked at nor kept are not read.
    detector : path, AnomalyDetector or ContractiveAutoencoder
        A directory that the client and every worker can read, or the detector itself, which goes along with the work.
    keep : sequence of str, optional
        Columns to carry along. None: those that were ``keys`` in training and are there.
    kinds, explain
        As :func:`contractive.score_arrow` has them.
    n_jobs : int, default=1
        Threads a partition, beside those of the worker.

    Returns
    -------
    scored : dask.dataframe.DataFrame
        As :func:`contractive.score_arrow` tells, in pandas' types, with the index and the order of the rows, computed when
        it is asked for. Without a score ``label`` is False and numbers are NaN, as ``detect`` gives them.

    Raises
    ------
    ValueError, FileNotFoundError, ImportError
        As :func:`contractive.score_arrow`; what only shows in a row is raised by the worker that holds it.
    """
    delayed = needed("dask", "contractive.engines.dask", "dask").delayed
    arrow()
    scoring = Scoring(detector, dataframe.columns, keep=keep, kinds=kinds, explain=explain, n_jobs=n_jobs)
    rows = dataframe[scoring.wanted]
    # One thing of the graph, whatever the number of partitions: it may hold the detector.
    held = delayed(scoring, pure=False, traverse=False)
    return rows.map_partitions(scored, held, meta=scored(rows._meta, scoring))


def scored(rows: pd.DataFrame, scoring: Scoring) -> pd.DataFrame:
    """Score a partition."""
    import pyarrow as pa

    table = pa.Table.from_pandas(rows[scoring.wanted], preserve_index=False)
    ours = scoring.scores(table)
    whole = rows[scoring.kept].copy()
    for name, type in scoring.types("float64", "bool", "object").items():
        cells = ours.column(name).to_pandas()
        whole[name] = (cells.eq(True) if type == "bool" else cells.astype(type)).set_axis(rows.index)
    return whole
