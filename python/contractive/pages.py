"""Pages in HTML: what ``cae report`` and ``cae detect --report`` write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from . import _core
from ._base import as_rows, feature_names, fitted
from ._settings import speaking_parameters


def autoencoder_page(estimator: Any, path: str | os.PathLike[str], X: Any) -> str:
    """Write the page of a fitted autoencoder; see ``ContractiveAutoencoder.report``."""
    fitted(estimator)
    if not hasattr(estimator, "_config_toml"):
        raise ValueError(
            "the page tells of a training: call fit; an estimator that was loaded or fitted in parts has none"
        )
    if X is None:
        reference = getattr(estimator, "_training_rows", None)
        X = reference() if reference is not None else None
        if X is None:
            raise ValueError("the rows fitted on are no longer in memory: give them as X")
    rows = as_rows(estimator, X, reset=False)
    with speaking_parameters():
        text = _core.report(
            "ContractiveAutoencoder",
            estimator._config_toml,
            rows,
            estimator.model_,
            estimator._history_json,
            names=feature_names(estimator),
            image_shape=estimator.image_shape,
        )
    return write(path, text)


def write(path: str | os.PathLike[str], text: str) -> str:
    """Write a page whole or not at all."""
    target = Path(path)
    partial = target.with_name(f".{target.name}.writing")
    partial.write_text(text, encoding="utf-8")
    partial.replace(target)
    return str(target)
