"""Data sets by name, and any file that ``cae --data`` reads, as arrays."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _core

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Loaded", "cifar10_gray", "fashion_mnist", "load", "mnist", "strokes"]


@dataclass(frozen=True)
class Loaded:
    """Rows with what is known of them; ``X, y = loaded`` takes rows and labels."""

    X: NDArray[Any]
    """Rows, float32 of shape (N, d); pixels in [0, 1]."""
    y: NDArray[Any] | None
    """One label a row, where there are labels."""
    name: str
    """What the data are called."""
    feature_names: list[str] | None = None
    """One name a column, where they have names."""
    class_names: list[str] | None = None
    """The name of label c at place c, where they have names."""
    image_shape: tuple[int, int] | None = None
    """(height, width) where rows are images."""

    def __iter__(self) -> Any:
        return iter((self.X, self.y))


def load(
    spec: str | os.PathLike[str],
    *,
    part: str = "train",
    rows: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    offline: bool = False,
) -> Loaded:
    """Read a registered data set, or a file.

    Parameters
    ----------
    spec : str or path
        A name such as ``"strokes"``, ``"mnist:test"`` or ``"fashion-mnist"``, or a file: CSV, Parquet, Arrow, NPY, NPZ, IDX.
    part : {"train", "test"}, default="train"
        The part of a registered set, where the name has none.
    rows : int, optional
        The first rows only.
    data_dir : path, optional
        Where registered sets lie; else ``$CONTRACTIVE_DATA_DIR``, the user's cache, or a download with checksums.
    offline : bool, default=False
        Whether downloads are refused.

    Returns
    -------
    Loaded

    Raises
    ------
    OSError
        Where a file cannot be read or a download fails.
    ValueError
        For what the file holds.
    """
    told = _core.load(os.fspath(spec), part, rows, data_dir, offline)
    return Loaded(
        X=told["X"],
        y=told["labels"],
        name=told["name"],
        feature_names=told["feature_names"],
        class_names=told["class_names"],
        image_shape=told["image_shape"],
    )


def strokes(*, part: str = "train", rows: int | None = None) -> Loaded:
    """Digit-like strokes of 28 × 28 pixels, drawn from a seed: no file, no network.

    >>> from contractive import datasets
    >>> X, y = datasets.strokes(rows=100)
    >>> X.shape
    (100, 784)
    """
    return load("strokes", part=part, rows=rows)


def fashion_mnist(
    *, part: str = "train", rows: int | None = None, data_dir: str | os.PathLike[str] | None = None
) -> Loaded:
    """Fashion-MNIST: 60,000 and 10,000 pictures of clothes, 28 × 28."""
    return load("fashion-mnist", part=part, rows=rows, data_dir=data_dir)


def mnist(*, part: str = "train", rows: int | None = None, data_dir: str | os.PathLike[str] | None = None) -> Loaded:
    """MNIST: 60,000 and 10,000 handwritten digits, 28 × 28."""
    return load("mnist", part=part, rows=rows, data_dir=data_dir)


def cifar10_gray(
    *, part: str = "train", rows: int | None = None, data_dir: str | os.PathLike[str] | None = None
) -> Loaded:
    """CIFAR-10 in grey: 32 × 32; it is not downloaded, but read from ``data_dir``."""
    return load("cifar10-gray", part=part, rows=rows, data_dir=data_dir)
