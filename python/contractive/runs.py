"""Whole training runs with their directory: what ``cae train`` does."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _core
from ._settings import toml

if TYPE_CHECKING:
    from .autoencoder import ContractiveAutoencoder


@dataclass(frozen=True)
class Run:
    """A run directory."""

    path: Path
    """Where it lies."""

    @property
    def history(self) -> list[dict[str, Any]]:
        """A record an epoch, as ``metrics.jsonl`` has them."""
        text = (self.path / "metrics.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    @property
    def estimator(self) -> ContractiveAutoencoder:
        """The trained model, as a fitted estimator."""
        from .saved import load_autoencoder

        return load_autoencoder(self.path)

    @property
    def report(self) -> Path:
        """The page that explains the run."""
        return self.path / "report.html"


def train(
    recipe: str | os.PathLike[str] | None = None,
    *,
    data: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    verbose: int = 0,
    **settings: Any,
) -> Run:
    """Train as ``cae train`` does, in a process of its own: checkpoints, metrics, model, pictures and report.

    Parameters
    ----------
    recipe : str or path, optional
        A recipe of ``cae recipes``, or a TOML file of settings.
    data : str or path, optional
        A registered name or a file, as ``cae train --data``.
    out : path, optional
        The run directory; by default a new one under ``runs/``.
    data_dir : path, optional
        Where registered sets lie.
    verbose : int, default=0
        1 lets the run's own progress through.
    **settings
        Settings by the configuration's keys with ``__`` for the point, such as ``training__epochs=5``, or by the names
        ``epochs``, ``contraction``, ``hidden``, ``seed``, ``batch_size``, ``learning_rate``, ``loss``, ``penalty``.

    Returns
    -------
    Run

    Raises
    ------
    ValueError
        For settings or data that are refused.
    TrainingDiverged
        Where a number was no longer finite.
    KeyboardInterrupt
        Ctrl-C; what was trained so far is saved, and ``cae resume`` goes on.
    """
    words = [sys.executable, "-m", "contractive", "train"]
    with tempfile.TemporaryDirectory() as folder:
        given = os.fspath(recipe) if recipe is not None else None
        is_file = given is not None and given.endswith(".toml")
        if given is not None and not is_file:
            words.append(given)
        text = toml({_key(name): value for name, value in settings.items()})
        if is_file and text:
            raise ValueError("give settings in the file or as parameters, not both")
        if is_file and given is not None:
            words += ["--config", given]
        elif text:
            config = Path(folder) / "settings.toml"
            config.write_text(text, encoding="utf-8")
            words += ["--config", str(config)]
        for flag, value in (("--data", data), ("--out", out), ("--data-dir", data_dir)):
            if value is not None:
                words += [flag, os.fspath(value)]
        return Run(_finished([*words, "--json"], verbose))


# Seconds that a run has to save what it has.
_PATIENCE = 30

_SHORT = {
    "epochs": "training.epochs",
    "seed": "training.seed",
    "batch_size": "training.batch_size",
    "learning_rate": "training.learning_rate",
    "hidden": "model.hidden",
    "loss": "objective.loss",
    "contraction": "objective.contraction",
    "penalty": "objective.penalty",
}


def _key(name: str) -> str:
    return _SHORT.get(name, name.replace("__", "."))


def _finished(words: list[str], verbose: int) -> Path:
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=None if verbose else subprocess.PIPE, text=True)
    try:
        out, err = process.communicate()
    except BaseException:
        # A terminal has told the run of Ctrl-C too; elsewhere it is told here, and saves what it has.
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=_PATIENCE)
        finally:
            process.kill()
        raise
    if process.returncode == 4:
        raise _core.TrainingDiverged(_said(err or "training diverged"))
    if process.returncode != 0:
        raise ValueError(_said(err or "the run failed; see above"))
    last = json.loads(out.strip().splitlines()[-1])
    return Path(last["run"])


def _said(message: str) -> str:
    """A run's last words, without the place of the file that this process gave it."""
    message = message.strip().removeprefix("error: ")
    return re.sub(r"\S*settings\.toml, line \d+: ", "", message)
