"""Measures of maps of scores: pixel AUROC, PRO, and the AUROC of pictures."""

import numpy as np
from scipy import ndimage, stats


def auroc(scores, positive):
    """Area under the ROC curve, ties counted by half."""
    scores, positive = np.ravel(scores), np.ravel(positive).astype(bool)
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return float("nan")
    ranks = stats.rankdata(scores)
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * m))


def pro(maps, masks, most=0.3):
    """Per-region overlap: the mean, over connected regions of the masks, of the share found, integrated over the false positive
    rate up to `most` and divided by it (Bergmann et al., 2021, "The MVTec Anomaly Detection Dataset", section 5)."""
    normal = np.sort(maps[~masks])
    rates = np.linspace(0, most, 100)
    thresholds = np.quantile(normal, 1 - rates, method="nearest")
    overlaps = []
    for scores, mask in zip(maps, masks, strict=True):
        regions, count = ndimage.label(mask)
        for i in range(1, count + 1):
            inside = np.sort(scores[regions == i])
            overlaps.append(1 - np.searchsorted(inside, thresholds, side="left") / len(inside))
    return float(np.trapezoid(np.mean(overlaps, axis=0), rates) / most) if overlaps else float("nan")
