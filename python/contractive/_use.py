"""What a fitted autoencoder does with rows beside ``transform``: reconstructions, scores."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._base import as_rows, feature_names, fitted
from ._learning import as_it_is
from ._settings import speaking_parameters, threads_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def narrowed(values: Array, dtype: Any, what: str) -> Array:
    """Give ``values``, (N, d), as numbers of ``dtype``; refuse what it does not hold by its row and column."""
    with np.errstate(over="ignore"):
        narrow: Array = values.astype(dtype, copy=False)
    bad = np.argwhere(~np.isfinite(narrow))
    if len(bad):
        (row, column), kind = bad[0], np.dtype(dtype)
        got = values[row, column]
        raise ValueError(
            f"row {row}, column {column}: {what} must be finite in {kind}, got {got:.3g}; give rows of float64"
        )
    return narrow


class Use:
    """Methods of an estimator that has a model."""

    model_: _core.Model
    offset_: float
    n_jobs: int | None

    def _rows(self, X: Any) -> Array:
        fitted(self)
        return as_rows(self, X, reset=False)

    def to_onnx(
        self, path: str | os.PathLike[str] | None = None, *, opset: int = 17, rows: bool = False
    ) -> bytes | None:
        """Write the autoencoder as an ONNX file, which ONNX Runtime computes with in any language.

        The graph takes ``x``, rows in the units fitted on (64-bit where they are scaled, else 32-bit), and gives ``code``,
        ``reconstruction``, ``score``, minus :meth:`score_samples`, and ``loss``.

        Of a model of patches (``cae train --patch``) it is the convolution: it takes ``pictures`` (N, C, H, W) of any size
        and gives their code maps ``code`` (N, k, h, w), ``reconstruction`` (N, C, H, W), the mean of overlapping patches,
        and ``score``, the mean squared error of each picture.

        Parameters
        ----------
        path : path, optional
            The file, written whole or not at all. Without it the file's bytes are given.
        opset : int, default=17
            The version of ONNX's operators, from 17 to 28.
        rows : bool, default=False
            Of a model of patches, write the graph of one patch, which takes rows as other models do.

        Returns
        -------
        bytes or None

        Raises
        ------
        ValueError
            For patches whose pixels are scaled by more than a line (``robust``, ``quantile``): give ``rows=True``.
        """
        fitted(self)
        return self.model_.to_onnx(path, opset=opset, rows=rows)

    def inverse_transform(self, H: Any) -> Array:
        """Give the rows that the decoder makes of codes, in the units fitted on.

        A code does not know what its row added up to: with ``library_size``, rows come back as large as that.

        Parameters
        ----------
        H : array of shape (N, k)
            Codes.

        Returns
        -------
        X : ndarray of shape (N, d)
        """
        fitted(self)
        codes = np.asarray(H)
        if codes.ndim != 2:
            raise ValueError(f"H must have the shape (rows, code units), got {codes.shape}")
        restored = self.model_.decode(
            np.require(codes, dtype=np.float32, requirements=["C", "A"]), threads_of(self.n_jobs)
        )
        return narrowed(restored, np.float32 if codes.dtype == np.float32 else np.float64, "a restored cell")

    def reconstruct(self, X: Any) -> Array:
        """Give the rows as the autoencoder restores them, shape (N, d), in the units fitted on."""
        rows = self._rows(X)
        restored = self.model_.reconstruct(rows, feature_names(self), threads_of(self.n_jobs))
        return narrowed(restored, rows.dtype, "a restored cell")

    def feature_scores(self, X: Any) -> Array:
        """Give the squared error of each feature, shape (N, d), in scaled units: where a row is odd."""
        seen = as_it_is(self)
        rows = seen._rows(X)
        return narrowed(seen._feature_scores(rows), rows.dtype, "a squared error")

    def _feature_scores(self, rows: Array) -> Array:
        names = feature_names(self)
        scaled = self.model_.scaled(rows, names)
        away = scaled.astype(np.float64) - self.model_.outputs(rows, names, threads_of(self.n_jobs))
        squares: Array = away * away
        return squares

    def _row_scores(self, rows: Array) -> Array:
        with speaking_parameters():
            return -self.model_.row_errors(rows, feature_names(self), threads_of(self.n_jobs))

    def score_samples(self, X: Any) -> Array:
        """Give how ordinary each row is, shape (N,): minus its mean squared error in scaled units."""
        return self._row_scores(self._rows(X))

    def decision_function(self, X: Any) -> Array:
        """Give ``score_samples`` less ``offset_``, shape (N,): below 0 is an outlier."""
        seen = as_it_is(self)
        scores = seen.score_samples(X)
        if not hasattr(seen, "offset_"):
            raise ValueError("this model was not saved with a threshold: set offset_ to a quantile of score_samples")
        return scores - seen.offset_

    def predict(self, X: Any) -> Array:
        """Give 1 for ordinary rows and -1 for outliers, shape (N,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def score(self, X: Any, y: Any = None) -> float:
        """Give the share of the rows' variance that is restored, in scaled units: at most 1, higher is better.

        Of rows that are all alike 1 where they are restored exactly, else 0.
        """
        seen = as_it_is(self)
        rows = seen._rows(X)
        scaled = seen.model_.scaled(rows, feature_names(seen)).astype(np.float64)
        variance = float(((scaled - scaled.mean(axis=0)) ** 2).sum())
        error = -float(seen._row_scores(rows).sum()) * scaled.shape[1]
        if variance == 0:
            return 1.0 if error == 0 else 0.0
        return float(1.0 - error / variance)
