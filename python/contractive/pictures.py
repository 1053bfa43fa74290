"""Pictures on matplotlib's axes: each takes ``ax`` or makes one, and returns the axes it drew on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._base import as_rows, fitted


def _axes(ax: Any, **size: Any) -> Any:
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("pictures need matplotlib: pip install matplotlib") from None
    return plt.subplots(**size)[1]


def plot_loss(estimator: Any, ax: Any = None) -> Any:
    """Draw the objective of training and held-out rows by pass, and mean ‖J‖ on an axis of its own.

    Parameters
    ----------
    estimator : ContractiveAutoencoder
        A fitted one.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    fitted(estimator)
    history = getattr(estimator, "history_", [])
    if not history:
        raise ValueError("this model has no history: it was loaded without one")
    ax = _axes(ax, figsize=(7, 4), layout="constrained")
    passes = [record["epoch"] for record in history]
    ax.plot(passes, [record["train_total"] for record in history], label="training rows")
    held_out = [record for record in history if "validation_total" in record]
    if held_out:
        ax.plot(
            [record["epoch"] for record in held_out],
            [record["validation_total"] for record in held_out],
            label="held-out rows",
        )
    ax.axvline(
        estimator.best_iter_, color="0.7", linewidth=1, linestyle=":", label=f"kept: pass {estimator.best_iter_}"
    )
    ax.set(xlabel="pass over the rows", ylabel="objective, mean a row")
    ax.xaxis.get_major_locator().set_params(integer=True)
    drawn = [record[part] for record in history for part in ("train_total", "validation_total") if part in record]
    # Within less than a power of ten a logarithmic axis has no numbers to read.
    if min(drawn) > 0 and max(drawn) > 10 * min(drawn):
        ax.set_yscale("log")
    norms = [record["jacobian_norm"] for record in history if "jacobian_norm" in record]
    if len(norms) == len(passes):
        right = ax.twinx()
        right.plot(passes, norms, color="tab:green", linewidth=1, alpha=0.7)
        right.set_ylabel("mean ‖∂h/∂x‖", color="tab:green")
        right.set_ylim(bottom=0)
    # Below the axes: lines are everywhere within.
    ax.legend(
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=3,
        fontsize="small",
        handlelength=1.2,
        columnspacing=1.2,
    )
    return ax


def _shape(estimator: Any) -> tuple[int, int] | None:
    shape: tuple[int, int] | None = estimator.model_.image_shape or estimator.image_shape
    return shape


def plot_reconstructions(estimator: Any, X: Any, n: int = 10, ax: Any = None) -> Any:
    """Draw the first ``n`` rows of X over their reconstructions: images where ``image_shape`` is known, else profiles.

    Parameters
    ----------
    estimator : ContractiveAutoencoder
        A fitted one.
    X : array or frame of shape (N, d)
        Rows in the units fitted on.
    n : int, default=10
        How many rows, at least 1.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    fitted(estimator)
    rows = as_rows(estimator, X, reset=False)
    restored = estimator.reconstruct(X)
    n = max(1, min(n, len(rows)))
    shape = _shape(estimator)
    if shape is None:
        ax = _axes(ax, figsize=(8, 4), layout="constrained")
        for i in range(n):
            colour = f"C{i % 10}"
            ax.plot(rows[i], color=colour, linewidth=1, label="given" if i == 0 else None)
            ax.plot(restored[i], color=colour, linewidth=1, linestyle="--", label="restored" if i == 0 else None)
        ax.set(xlabel="feature", ylabel="value")
        ax.legend(frameon=False)
        return ax
    ax = _axes(ax, figsize=(max(n, 4), 2.2), layout="constrained")
    height, width = shape
    image = np.concatenate([np.hstack([row.reshape(height, width) for row in part[:n]]) for part in (rows, restored)])
    low, high = float(rows[:n].min()), float(rows[:n].max())
    ax.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([height / 2, 3 * height / 2], ["given", "restored"])
    return ax


def plot_filters(estimator: Any, n: int = 64, ax: Any = None) -> Any:
    """Draw the weights of the first layer: as images where ``image_shape`` is known, else as a heat map.

    Parameters
    ----------
    estimator : ContractiveAutoencoder
        A fitted one.
    n : int, default=64
        How many units, the longest weights first.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    fitted(estimator)
    W = estimator.model_.parameters()["encoder.0.weight"]
    W = W[np.argsort(-np.linalg.norm(W, axis=1), kind="stable")][:n]
    shape = _shape(estimator)
    if shape is None:
        ax = _axes(ax, figsize=(8, 4), layout="constrained")
        most = float(np.abs(W).max()) or 1.0
        drawn = ax.imshow(W, cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto", interpolation="nearest")
        ax.set(xlabel="feature", ylabel="unit of the first layer")
        ax.figure.colorbar(drawn, ax=ax, label="weight")
        return ax
    height, width = shape
    columns = int(np.ceil(np.sqrt(len(W))))
    lines = -(-len(W) // columns)
    canvas = np.full((lines * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for i, w in enumerate(W):
        top, left = (i // columns) * (height + 1), (i % columns) * (width + 1)
        # Each filter by its own largest weight: shapes are what is looked at.
        canvas[top : top + height, left : left + width] = w.reshape(height, width) / (np.abs(w).max() or 1.0)
    ax = _axes(ax, figsize=(7, 7 * lines / columns), layout="constrained")
    ax.imshow(canvas, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    return ax


def plot_codes(estimator: Any, X: Any, y: Any = None, ax: Any = None) -> Any:
    """Draw the code on its first two principal components, or on its two units where it has two.

    Parameters
    ----------
    estimator : ContractiveAutoencoder
        A fitted one.
    X : array or frame of shape (N, d)
        Rows in the units fitted on.
    y : array of shape (N,), optional
        Labels or numbers that colour the points.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    H = np.asarray(estimator.transform(X), dtype=np.float64)
    ax = _axes(ax, figsize=(6, 5), layout="constrained")
    if H.shape[1] == 1:
        points, names = np.column_stack([H[:, 0], np.zeros(len(H))]), ("h₁", "")
    elif H.shape[1] == 2:
        points, names = H, ("h₁", "h₂")
    else:
        centred = H - H.mean(axis=0)
        _, s, Vt = np.linalg.svd(centred, full_matrices=False)
        points = centred @ Vt[:2].T
        shares = s**2 / max(float((s**2).sum()), 1e-300)
        names = (f"first component, {shares[0]:.0%} of the variance", f"second, {shares[1]:.0%}")
    size = max(2.0, min(20.0, 6000 / max(len(points), 1)))
    if y is None:
        ax.scatter(points[:, 0], points[:, 1], s=size, linewidths=0, alpha=0.7)
    else:
        y = np.asarray(y)
        classes = np.unique(y)
        if y.dtype.kind == "f" and len(classes) > 20:
            drawn = ax.scatter(points[:, 0], points[:, 1], c=y, s=size, linewidths=0, alpha=0.7)
            ax.figure.colorbar(drawn, ax=ax)
        else:
            for i, label in enumerate(classes):
                some = points[y == label]
                ax.scatter(
                    some[:, 0], some[:, 1], s=size, color=f"C{i % 10}", linewidths=0, alpha=0.7, label=str(label)
                )
            ax.legend(frameon=False, markerscale=2, loc="center left", bbox_to_anchor=(1, 0.5))
    ax.set(xlabel=names[0], ylabel=names[1])
    return ax


def plot_spectrum(estimator: Any, X: Any = None, ax: Any = None, *, label: str | None = None) -> Any:
    """Draw the singular values of ∂h/∂x, largest first: the median over rows, and the quartiles.

    Parameters
    ----------
    estimator : ContractiveAutoencoder
        A fitted one.
    X : array or frame of shape (N, d), optional
        Rows; by default up to 256 of those fitted on.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    label : str, optional
        What the legend calls it, where several are drawn on the same axes.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    fitted(estimator)
    s = estimator.spectrum(estimator._kept() if X is None else X)
    low, middle, high = np.quantile(s, [0.25, 0.5, 0.75], axis=0)
    places = np.arange(1, s.shape[1] + 1)
    ax = _axes(ax, figsize=(7, 4), layout="constrained")
    ax.plot(places, middle, marker="o", markersize=3, label=label or f"median of {len(s)} rows")
    ax.fill_between(places, low, high, alpha=0.25, label="quartiles" if label is None else None)
    ax.set(xlabel="direction", ylabel="singular value of ∂h/∂x")
    ax.xaxis.get_major_locator().set_params(integer=True)
    # One dead direction must not stretch the axis over twenty powers of ten.
    most = float(high.max())
    if most > 0:
        ax.set_yscale("log")
        bottom = max(float(low[low > 0].min(initial=most)), most * 1e-6) * 0.7
        others = [line for line in ax.lines[:-1] if len(line.get_xdata())]
        ax.set_ylim(bottom=min(bottom, ax.get_ylim()[0]) if others else bottom)
    ax.legend(frameon=False)
    return ax


def plot_scores(scores: Any, threshold: float, ax: Any = None) -> Any:
    """Draw how anomaly scores are spread, with the threshold."""
    ax = _axes(ax, figsize=(7, 4), layout="constrained")
    scores = np.asarray(scores, dtype=np.float64)
    scores = scores[np.isfinite(scores)]
    counts, _, _ = ax.hist(scores, bins=min(80, max(10, len(scores) // 20)))
    above = int((scores > threshold).sum())
    most = max(float(counts.max()), 1.0)
    ax.plot(
        [threshold, threshold],
        [0, 1.5 * most],
        color="tab:red",
        linewidth=1,
        label=f"threshold {threshold:.4g}: {above} of {len(scores)} above",
    )
    # Room for the legend above the bars.
    ax.set(xlabel="score, higher is more anomalous", ylabel="rows", yscale="log")
    ax.set_ylim(0.7, 6 * most)
    ax.legend(frameon=False, loc="upper right")
    return ax


def plot_series(
    moments: Any, values: Any, names: list[str], score: Any, threshold: float, label: Any, ax: Any = None
) -> Any:
    """Draw a time series over its scores, the flagged timestamps marked; two axes where none is given, else the scores."""
    score, label = np.asarray(score, dtype=np.float64), np.asarray(label, dtype=bool)
    if ax is None:
        above, below = _axes(None, nrows=2, sharex=True, figsize=(9, 5), layout="constrained", height_ratios=[2, 1])
        values = np.asarray(values, dtype=np.float64).reshape(len(score), -1)
        for j, name in enumerate(names[:8]):
            above.plot(moments, values[:, j], linewidth=0.8, label=name)
        for i in np.flatnonzero(label):
            above.axvspan(moments[max(i - 1, 0)], moments[i], color="tab:red", alpha=0.15, linewidth=0)
        low, high = above.get_ylim()
        above.set_ylim(low, high + 0.15 * (high - low))
        above.legend(frameon=False, loc="upper left", ncols=8)
    else:
        below = ax
    below.plot(moments, score, color="0.3", linewidth=0.8)
    below.plot(moments, np.where(label, score, np.nan), color="tab:red", linewidth=1.2)
    below.axhline(threshold, color="tab:red", linewidth=0.8, linestyle="--", label=f"threshold {threshold:.4g}")
    below.set_ylabel("score")
    below.legend(frameon=False, loc="upper left")
    return below
