"""What threads, Ctrl-C and failures see of an estimator that learns: as it was, or as it is then, never in between."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

_Estimator = TypeVar("_Estimator")


def as_it_is(estimator: _Estimator) -> _Estimator:
    """Give the estimator of this moment, for work that looks at several of its parts while another thread may fit it."""
    seen: _Estimator = object.__new__(type(estimator))
    seen.__dict__.update(estimator.__dict__.copy())
    return seen


@contextmanager
def learning(estimator: _Estimator) -> Iterator[_Estimator]:
    """Give a copy to learn on; what it learnt becomes the estimator's at once, where nothing fails or interrupts.

    What other threads set meanwhile stays; of two that learn, the one that ends last is kept, whole.
    """
    learner = as_it_is(estimator)
    before = learner.__dict__.copy()
    yield learner
    after = learner.__dict__
    now = {k: v for k, v in estimator.__dict__.copy().items() if k in after or k not in before}
    now.update({k: v for k, v in after.items() if k not in before or v is not before[k]})
    estimator.__dict__ = now


def turn_of(estimator: object) -> threading.Lock:
    """Give what threads wait for that learn one after the other; a process that is forked does not wait for its parent's."""
    turn: threading.Lock = estimator.__dict__.setdefault(f"{_TURN}{os.getpid()}", threading.Lock())
    return turn


_TURN = "_turn_in_"


def without_turns(state: dict[str, object]) -> dict[str, object]:
    """Give what leaves the process of an estimator's parts."""
    return {name: value for name, value in state.items() if not name.startswith(_TURN)}
