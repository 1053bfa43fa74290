"""From one value a row to what is asked for."""

from __future__ import annotations

import torch
from torch import Tensor


def reduced(rows: Tensor, reduction: str) -> Tensor:
    """Give the mean or sum over rows, or the rows."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"`reduction` must be one of mean, sum, none, got {reduction!r}")
    return rows if reduction == "none" else rows.mean() if reduction == "mean" else rows.sum()


def positive_root(squares: Tensor) -> Tensor:
    """Give √ of each, with gradient 0 at 0 in place of ∞."""
    is_above = squares > 0
    return torch.where(
        is_above, torch.where(is_above, squares, torch.ones_like(squares)).sqrt(), torch.zeros_like(squares)
    )
