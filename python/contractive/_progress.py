"""Progress bars on standard error, by tqdm, where ``verbose`` asks for one."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any


def _bar(**settings: Any) -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise ImportError("`verbose` needs tqdm for its progress bar: pip install tqdm, or leave it 0") from None
    return tqdm(**settings)


class StepsBar:
    """A bar of steps."""

    def __init__(self, verbose: int) -> None:
        self.verbose = verbose
        self.bar: Any = None

    def __enter__(self) -> StepsBar:
        return self

    def __exit__(self, *raised: Any) -> None:
        if self.bar is not None:
            self.bar.close()

    @property
    def start(self) -> Callable[[str], None] | None:
        return self._start if self.verbose else None

    @property
    def step(self) -> Callable[[str], None] | None:
        return self._step if self.verbose else None

    def _start(self, plan: str) -> None:
        told = json.loads(plan)
        self.steps = told["steps"]
        self.bar = _bar(total=told["epochs"] * told["steps"], unit="step", desc="ContractiveAutoencoder")

    def _step(self, report: str) -> None:
        told = json.loads(report)
        self._move((told["epoch"] - 1) * told["steps"] + told["step"])

    def epoch(self, record: dict[str, Any]) -> None:
        """Show the end of a pass."""
        if self.bar is not None:
            watched = record.get("validation_total", record["train_total"])
            self.bar.set_postfix_str(f"epoch {record['epoch']}, objective {watched:.4g}", refresh=False)
            self._move(record["epoch"] * self.steps)

    def _move(self, done: int) -> None:
        self.bar.update(done - self.bar.n)


class MembersBar:
    """A bar of networks trained."""

    def __init__(self, verbose: int, ensemble: int, title: str) -> None:
        self.verbose, self.ensemble, self.title = verbose, ensemble, title
        self.bar: Any = None

    def __enter__(self) -> MembersBar:
        if self.verbose:
            self.bar = _bar(total=self.ensemble, unit="network", desc=self.title)
        return self

    def __exit__(self, *raised: Any) -> None:
        if self.bar is not None:
            self.bar.close()

    @property
    def listener(self) -> Callable[[str], None] | None:
        """What the core tells of the training, where there is a bar."""
        return self._told if self.bar is not None else None

    def _told(self, event: str) -> None:
        told = json.loads(event)
        if told["event"] == "member":
            self.bar.update(1)
        for apart in told.get("apart", ()):
            warnings.warn(
                f"the scores `{apart['own']}` and `{apart['other']}` name different rows as the most anomalous: look at "
                f"both, with anomaly_scores(X, kind={apart['other']!r})",
                stacklevel=2,
            )
