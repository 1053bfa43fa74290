"""Scores in DuckDB's SQL: a function of columns, vector by vector, about :func:`contractive.score_arrow`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

from .loading import Carried
from .packages import needed
from .scorers import scorer_of
from .scoring import Scoring, arrow

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def register(
    connection: DuckDBPyConnection,
    detector: str | os.PathLike[str] | Any,
    *,
    name: str = "score",
    kinds: Sequence[str] = (),
    explain: int = 0,
    n_jobs: int | None = None,
) -> str:
    """Make a detector a function of SQL, and give its call with the columns that it takes.

    The function gives a struct, which ``unnest`` makes columns of:
    ``connection.sql(f"SELECT id, unnest({call}) FROM orders")``, where ``call`` is what this returns.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where it is known.
    detector : path, AnomalyDetector or ContractiveAutoencoder
        A directory, or the detector itself.
    name : str, default="score"
        What it is called.
    kinds, explain, n_jobs
        As :func:`contractive.score_arrow` has them.

    Returns
    -------
    call : str
        ``score("amount"::DOUBLE, "channel", …)``: the columns in the order that the function takes them in. Categories are
        text; a column of whole numbers that are categories is refused by DuckDB until it is cast, ``"code"::VARCHAR``.

    Raises
    ------
    ValueError, FileNotFoundError, ImportError
        As :func:`contractive.score_arrow`; what only shows in a row is raised by the query.
    """
    duckdb = needed("duckdb", "contractive.engines.duckdb", "duckdb")
    pa = arrow()
    estimator = Carried(detector).estimator
    scorer = scorer_of(estimator)
    columns = scorer.features or [f"x{j}" for j in range(scorer.n_features)]
    scoring = Scoring(estimator, columns, keep=(), kinds=kinds, explain=explain, n_jobs=n_jobs)

    def scored(*cells: Any) -> Any:
        return scoring.scores(pa.table(list(cells), names=columns)).to_struct_array()

    # DuckDB holds the number of types to the number of parameters.
    parameters = [Parameter(f"column_{j}", Parameter.POSITIONAL_ONLY) for j in range(len(columns))]
    scored.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    connection.create_function(
        name,
        scored,
        ["VARCHAR" if column in scorer.texts else "DOUBLE" for column in columns],
        duckdb.struct_type(scoring.types("DOUBLE", "BOOLEAN", "VARCHAR")),
        type="arrow",
        null_handling="special",
    )
    quoted = {column: '"' + column.replace('"', '""') + '"' for column in columns}
    # Truth values are numbers to a detector, not to DuckDB. What is a category is never cast: 1.0 is not the text 1.
    cells = [quoted[column] if column in scorer.texts else f"{quoted[column]}::DOUBLE" for column in columns]
    return f"{name}({', '.join(cells)})"
