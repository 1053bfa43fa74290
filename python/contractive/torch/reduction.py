"""From one value a row to what is asked for."""

from __future__ import annotations

from torch import Tensor


def reduced(rows: Tensor, reduction: str) -> Tensor:
    """Give the mean or sum over rows, or the rows."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"`reduction` must be one of mean, sum, none, got {reduction!r}")
    return rows if reduction == "none" else rows.mean() if reduction == "mean" else rows.sum()
