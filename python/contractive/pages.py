"""Pages in HTML: what ``cae report`` and ``cae detect --report`` write."""

from __future__ import annotations

import html
import os
import threading
from pathlib import Path
from typing import Any

from . import _core
from ._base import as_rows, feature_names, fitted
from ._settings import speaking_parameters


def autoencoder_page(estimator: Any, path: str | os.PathLike[str] | None, X: Any) -> Page:
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
    return page(path, text)


def page(path: str | os.PathLike[str] | None, text: str) -> Page:
    """Write a page whole or not at all, where it has a place; a notebook shows it."""
    if path is None:
        return Page(text, None)
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} must be the place of a file, and is a folder")
    partial = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.writing")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return Page(text, target)


class Page:
    """A page in HTML: a path where it was written, and in a notebook the page itself."""

    def __init__(self, text: str, path: Path | None) -> None:
        self.text = text
        self.path = path

    def __fspath__(self) -> str:
        if self.path is None:
            raise TypeError("the page was not written: give a path")
        return str(self.path)

    def __str__(self) -> str:
        return self.text if self.path is None else str(self.path)

    def __repr__(self) -> str:
        return f"<page of {len(self.text):,} characters{f', {self.path}' if self.path else ''}>"

    def _repr_html_(self) -> str:
        # Its styles and scripts stay its own.
        return f'<iframe srcdoc="{html.escape(self.text)}" style="width: 100%; height: 48em; border: 0"></iframe>'
