"""A verdict on other people's contractive penalties: :func:`contractive.check_penalty`."""

from __future__ import annotations

from .candidates import KINDS
from .checking import check_penalty
from .verdict import Row, Verdict

__all__ = ["KINDS", "Row", "Verdict", "check_penalty"]
