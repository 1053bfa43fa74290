"""Why a module's Jacobian cannot be had, with what to do instead."""

from __future__ import annotations


class PenaltyError(ValueError):
    """A module whose Jacobian, row by row, is not defined or cannot be computed as asked.

    Attributes
    ----------
    module : str
        The module's name within the encoder, such as ``"2"`` or ``"block.norm"``; empty for the encoder itself.
    """

    def __init__(self, message: str, module: str = "") -> None:
        super().__init__(message)
        self.module = module
