"""What can be seen of a fitted autoencoder: its Jacobian, numbers, page and pictures."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ._base import feature_names, fitted
from ._learning import as_it_is
from ._settings import threads_of
from ._use import Use

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .pages import Page

    Array = NDArray[Any]


class Views(Use):
    """Methods of an estimator that has a model, and rows that are kept of those fitted on."""

    _kept_rows: Array

    def jacobian(self, X: Any, *, units: str = "scaled") -> Array:
        """Give ∂h/∂x of each row.

        Parameters
        ----------
        X : array or frame of shape (N, d)
            Rows in the units fitted on.
        units : {"scaled", "input"}, default="scaled"
            Of x: as the network sees it, in which penalty and ‖J‖ are taken, or as X has it.

        Returns
        -------
        J : ndarray of shape (N, k, d)
        """
        if units not in ("scaled", "input"):
            raise ValueError(f"`units` must be scaled or input, got {units!r}")
        seen = as_it_is(self)
        rows = seen._rows(X)
        J: Array = seen.model_.jacobian(rows, feature_names(seen))
        if units == "input":
            J = J * seen._slopes_in(rows)[:, None, :]
        return J.astype(rows.dtype, copy=False)

    def _slopes_in(self, rows: Array) -> Array:
        """dx′/dx of each cell, x′ being x in scaled units."""
        told = json.loads(self.model_.describe())
        if told["library_size"] is not None:
            raise ValueError(
                "rows divided by their sums move all features at once: give units='scaled', or fit without library_size"
            )
        with np.errstate(divide="ignore"):
            slopes: Array = 1.0 / self.model_.slopes(rows, feature_names(self))
        # Between two equal ranks a quantile scaling jumps: the slope there is infinite.
        return slopes / (1.0 + rows.astype(np.float64)) if told["log1p"] else slopes

    def jacobian_norm(self, X: Any) -> Array:
        """Give ‖∂h/∂x‖_F of each row, shape (N,), x in scaled units."""
        return self.model_.jacobian_norms(self._rows(X), feature_names(self), threads_of(self.n_jobs))

    def spectrum(self, X: Any) -> Array:
        """Give the singular values of ∂h/∂x at each row, shape (N, min(k, d)), largest first."""
        return self.model_.singular_values(self._rows(X), feature_names(self), threads_of(self.n_jobs))

    def tangents(self, X: Any, n: int = 1) -> Array:
        """Give the directions in which the code moves most at each row, shape (N, n, d): unit vectors in scaled units."""
        if not isinstance(n, (int, np.integer)) or n < 1:
            raise ValueError(f"`n` must be at least 1, got {n!r}")
        return self.model_.tangents(self._rows(X), int(n), feature_names(self))

    def _kept(self) -> Array:
        if not hasattr(self, "_kept_rows"):
            raise AttributeError(
                "a model that was loaded has none of the rows fitted on: give rows, to spectrum(X) for one"
            )
        return self._kept_rows

    @property
    def local_dimension_(self) -> float:
        """In how many directions the code moves: (Σ s²)² / Σ s⁴ of the singular values of J, mean over kept rows."""
        fitted(self)
        s = self.model_.singular_values(self._kept(), feature_names(self), threads_of(self.n_jobs))
        largest = s.max(axis=1, keepdims=True)
        squares = np.divide(s, largest, out=np.zeros_like(s), where=largest > 0) ** 2
        fourth = (squares**2).sum(axis=1)
        ratio = np.divide(squares.sum(axis=1) ** 2, fourth, out=np.zeros_like(fourth), where=fourth > 0)
        return float(ratio.mean())

    def evaluate(self, X: Any) -> dict[str, Any]:
        """Give the numbers of ``cae evaluate``: losses, penalty, mean ‖J‖, saturation."""
        told = json.loads(self.model_.evaluate(self._rows(X), feature_names(self), threads_of(self.n_jobs)))
        assert isinstance(told, dict)
        return told

    def report(self, path: str | os.PathLike[str] | None = None, X: Any = None) -> Page:
        """Write the page that explains the training: loss, spectrum of J, code, pictures.

        Parameters
        ----------
        path : path, optional
            An .html file; left out, the page is given back alone, and a notebook shows it.
        X : array or frame, optional
            The rows fitted on; left out, they are those of the last ``fit`` where they are still in memory.

        Returns
        -------
        page : contractive.pages.Page
            Its path where it was written; a notebook shows the page.
        """
        from .pages import autoencoder_page

        return autoencoder_page(self, path, X)

    def plot_loss(self, ax: Any = None) -> Any:
        """Draw the objective by pass, and ‖J‖; see :func:`contractive.pictures.plot_loss`."""
        from .pictures import plot_loss

        return plot_loss(self, ax)

    def plot_reconstructions(self, X: Any, n: int = 10, ax: Any = None) -> Any:
        """Draw ``n`` rows over their reconstructions: images, or profiles."""
        from .pictures import plot_reconstructions

        return plot_reconstructions(self, X, n, ax)

    def plot_filters(self, n: int = 64, ax: Any = None) -> Any:
        """Draw the weights of the first layer: images, or a heat map."""
        from .pictures import plot_filters

        return plot_filters(self, n, ax)

    def plot_codes(self, X: Any, y: Any = None, ax: Any = None) -> Any:
        """Draw the first two principal components of the code, coloured by ``y``."""
        from .pictures import plot_codes

        return plot_codes(self, X, y, ax)

    def plot_spectrum(self, X: Any = None, ax: Any = None, *, label: str | None = None) -> Any:
        """Draw the singular values of ∂h/∂x: median and quartiles over rows."""
        from .pictures import plot_spectrum

        return plot_spectrum(self, X, ax, label=label)
