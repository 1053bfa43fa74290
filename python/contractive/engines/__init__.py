"""Scores on engines that hold the rows already: Spark, Ray Data, Dask, Polars and DuckDB.

>>> from contractive import engines
>>> scored = engines.spark.score(dataframe, "detector", keep=["id"])    # doctest: +SKIP
>>> scored = engines.ray.score(dataset, "detector", keep=["id"])        # doctest: +SKIP
>>> scored = engines.dask.score(dataframe, "detector")                  # doctest: +SKIP
>>> scored = engines.polars.score(lazyframe, "detector")                # doctest: +SKIP
>>> call = engines.duckdb.register(connection, "detector")              # doctest: +SKIP

Each is a few lines about :func:`score_arrow`, which any other engine that passes Arrow's batches can call. A row's score is,
to the bit, what :meth:`contractive.AnomalyDetector.anomaly_scores` gives for the whole table. A process reads a detector
once and says so to the logger ``contractive.engines``. An engine is imported when its module is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .arrow import score_arrow

if TYPE_CHECKING:
    from . import dask, duckdb, polars, ray, spark

__all__ = ["dask", "duckdb", "polars", "ray", "score_arrow", "spark"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
