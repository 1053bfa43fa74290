"""A dense layer with the weight of another, transposed."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class TiedLinear(nn.Module):
    """A dense layer whose weight is that of another, transposed; the bias is its own.

    Parameters
    ----------
    tied_to : nn.Linear
        The layer of the encoder; it is not counted among this module's parameters.
    """

    def __init__(self, tied_to: nn.Linear) -> None:
        super().__init__()
        # In a tuple, so that the module does not hold the layer as its child.
        self._tied_to = (tied_to,)
        self.bias = nn.Parameter(tied_to.weight.new_zeros(tied_to.in_features))

    @property
    def weight(self) -> Tensor:
        """The weight, shape (out, in)."""
        return self._tied_to[0].weight.T

    def forward(self, a: Tensor) -> Tensor:
        """Give W a + b for rows a, shape (N, in)."""
        return F.linear(a, self.weight, self.bias)
