"""Scores of Arrow's batches: what every adapter does where the rows are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .scoring import Scoring, arrow

if TYPE_CHECKING:
    from ..anomaly import AnomalyDetector
    from ..autoencoder import ContractiveAutoencoder


def score_arrow(
    detector: str | os.PathLike[str] | AnomalyDetector | ContractiveAutoencoder,
    batch: Any,
    *,
    keep: Sequence[str] | None = None,
    kinds: Sequence[str] = (),
    explain: int = 0,
    n_jobs: int | None = None,
) -> Any:
    """Score the rows of an Arrow batch: for each what is kept of it, its score, probability and label.

    A row's scores are those that the estimator's own methods give, to the bit, however rows are put into batches.

    Parameters
    ----------
    detector : path, AnomalyDetector or ContractiveAutoencoder
        A detector's or a model's directory, which a process reads once and again where it was written anew, or an estimator.
    batch : pyarrow.RecordBatch or pyarrow.Table, or what gives Arrow's C stream
        Rows with the columns learnt from, found by name; what else is there is left out unless it is kept.
    keep : sequence of str, optional
        Columns to carry along, cell for cell. None: those that were ``keys`` in training and are there.
    kinds : sequence of str, default=()
        Kinds of score to give beside the detector's own.
    explain : int, default=0
        How many columns to name for each row that is an anomaly.
    n_jobs : int, optional
        Threads. None: ``OMP_NUM_THREADS``, else all processors that the process may use.

    Returns
    -------
    scored : pyarrow.RecordBatch or pyarrow.Table
        A batch of a batch, else a table, as many rows in the same order. After the columns kept come, with the names and
        types that ``cae detect -o FILE`` writes: ``score`` (float64, higher is more anomalous), ``probability`` (float64,
        0 to 1), ``label`` (bool, true above the threshold); a float64 ``score_KIND`` for each of ``kinds``; ``feature_1``
        (string), ``share_1`` (float64, 0 to 1), … for ``explain``. All are null for a row of which every cell is missing.
        Where a column that is kept has one of these names, ``cae_`` stands before ours. Of an autoencoder ``score`` is the
        squared error, minus :meth:`contractive.ContractiveAutoencoder.score_samples`, and ``label`` is there where it has an
        ``offset_``.

    Raises
    ------
    ValueError
        For a column that is not there and a cell that cannot be taken; for a detector of time series, whose windows need
        their order.
    FileNotFoundError
        Where there is no detector at the path.
    ImportError
        Where pyarrow is not installed.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from contractive import AnomalyDetector, score_arrow
    >>> amounts, items = [20 + i % 7 for i in range(300)], [1 + i % 3 for i in range(300)]
    >>> orders = pa.table({"id": range(300), "amount": amounts, "items": items})
    >>> detector = AnomalyDetector(ensemble=2, keys=["id"], random_state=0).fit(orders)
    >>> score_arrow(detector, orders.to_batches()[0]).schema.names
    ['id', 'score', 'probability', 'label']
    """
    pa = arrow()
    is_batch = isinstance(batch, pa.RecordBatch)
    if is_batch:
        table = pa.Table.from_batches([batch])
    elif isinstance(batch, pa.Table) or hasattr(batch, "__arrow_c_stream__"):
        table = pa.table(batch)
    else:
        raise ValueError(f"`batch` must be an Arrow batch or table, got {type(batch).__name__}")
    scoring = Scoring(detector, table.schema.names, keep=keep, kinds=kinds, explain=explain, n_jobs=n_jobs)
    scored = scoring.table(table)
    if not is_batch:
        return scored
    return pa.RecordBatch.from_arrays([column.combine_chunks() for column in scored.columns], schema=scored.schema)
