"""Packages that the adapters are about, imported when they are used."""

from __future__ import annotations

import importlib
from typing import Any


def needed(module: str, what: str, extra: str) -> Any:
    """Import a module, or say how to install it: ``contractive[extra]`` brings it along."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        top = module.partition(".")[0]
        raise ImportError(f"{what} needs {top}: pip install 'contractive[{extra}]' ({error})") from error
