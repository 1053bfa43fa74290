"""Scores of Spark's DataFrames, partition by partition: ``mapInArrow`` about :func:`contractive.score_arrow`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from .packages import needed
from .scoring import Scoring, arrow

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


def score(
    dataframe: DataFrame,
    detector: str | os.PathLike[str] | Any,
    *,
    keep: Sequence[str] | None = None,
    kinds: Sequence[str] = (),
    explain: int = 0,
    n_jobs: int | None = 1,
) -> DataFrame:
    """Score a DataFrame's rows where they lie.

    Parameters
    ----------
    dataframe : pyspark.sql.DataFrame
        Rows with the columns learnt from; columns that are neither looked at nor kept are not read.
    detector : path, AnomalyDetector or ContractiveAutoencoder
        A directory that the driver and every executor can read, or the detector itself, which goes along with the work.
    keep : sequence of str, optional
        Columns to carry along. None: those that were ``keys`` in training and are there.
    kinds, explain
        As :func:`contractive.score_arrow` has them.
    n_jobs : int, default=1
        Threads a task; set ``spark.task.cpus`` to as many.

    Returns
    -------
    scored : pyspark.sql.DataFrame
        As :func:`contractive.score_arrow` tells, computed when it is asked for. Spark keeps no order of rows: keep a key.

    Raises
    ------
    ValueError, FileNotFoundError, ImportError
        As :func:`contractive.score_arrow`; what only shows in a row is raised by the task, within Spark's error.
    """
    types = needed("pyspark.sql.types", "contractive.engines.spark", "spark")
    arrow()
    scoring = Scoring(detector, dataframe.columns, keep=keep, kinds=kinds, explain=explain, n_jobs=n_jobs)
    own = scoring.types(types.DoubleType(), types.BooleanType(), types.StringType())
    fields = [dataframe.schema[name] for name in scoring.kept]
    fields += [types.StructField(name, type) for name, type in own.items()]
    # By place: mapInArrow takes no names with dots.
    rows = dataframe.select([dataframe[_quoted(name)].alias(f"c{j}") for j, name in enumerate(scoring.wanted)])
    return rows.mapInArrow(partial(scored, scoring), types.StructType(fields))


def scored(scoring: Scoring, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Score a partition, batch by batch."""
    import pyarrow as pa

    for batch in batches:
        table = pa.Table.from_batches([batch]).rename_columns(scoring.wanted)
        yield from scoring.table(table).to_batches()


def _quoted(name: str) -> str:
    """Give a column's name so that Spark takes a dot in it for a dot."""
    return "`" + name.replace("`", "``") + "`"
