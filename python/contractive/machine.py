"""How fast this machine is, and what this build is."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from . import _core


def _cae(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "contractive", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ValueError(done.stderr.strip().removeprefix("error: "))
    return done.stdout


def bench(
    *,
    sizes: Sequence[int] | None = None,
    recipe: str | None = None,
    workload: str | None = None,
    activation: str | None = None,
    batch: int | None = None,
    threads: int | None = None,
    seconds: float | None = None,
) -> dict[str, Any]:
    """Time training steps on this machine, as ``cae bench --json`` does, in a process of its own.

    Parameters
    ----------
    sizes : sequence of int, optional
        An encoder's sizes, features first, code last; the decoder mirrors it.
    recipe : str, optional
        The network of a recipe of ``cae recipes``.
    workload : str, optional
        A network of docs/performance.md: a, b, c, d, e or i; a where nothing else is named.
    activation : str, optional
        Activation of the layers of ``sizes``.
    batch : int, optional
        Rows a step.
    threads : int, optional
        Threads; by default one a processor.
    seconds : float, optional
        How long to measure; 5 by default.

    Returns
    -------
    dict
        What ``cae bench --json`` prints.
    """
    given = {
        "--sizes": ",".join(map(str, sizes)) if sizes is not None else None,
        "--recipe": recipe,
        "--workload": workload,
        "--activation": activation,
        "--batch": batch,
        "--threads": threads,
        "--seconds": seconds,
    }
    words = [word for flag, value in given.items() if value is not None for word in (flag, str(value))]
    told = json.loads(_cae("bench", *words, "--json"))
    assert isinstance(told, dict)
    return told


def show_versions() -> None:
    """Print versions, the instruction set in use and the threads: what a report of a fault should hold."""
    told = _core.versions()
    lines = {
        "contractive": told["contractive"],
        "instructions": told["instructions"],
        "threads": told["threads"],
        "machine": f"{told['architecture']} {told['system']}",
        "python": sys.version.split()[0],
        "platform": platform.platform(),
    }
    for name in ("numpy", "scikit-learn", "pandas", "polars", "pyarrow", "matplotlib", "pyod"):
        try:
            lines[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            lines[name] = "not installed"
    for name, value in lines.items():
        print(f"{name:13} {value}")
