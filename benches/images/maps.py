"""From patches of pictures to maps of scores, the same for every method that looks at patches."""

import numpy as np
from scipy import ndimage

PATCH, STRIDE, SCALES, SMOOTH = 8, 4, (1, 2), 2.0


def normalised(pictures):
    """(N, H, W, C) u8 as float32, each without its mean a channel and divided by its deviation."""
    x = pictures.astype(np.float32) / 255
    x = x - x.mean((1, 2), keepdims=True)
    return x / np.maximum(np.sqrt((x**2).mean((1, 2, 3), keepdims=True)), 1 / 64)


def smaller(x, scale):
    n, h, w, c = x.shape
    return x[:, : h // scale * scale, : w // scale * scale].reshape(n, h // scale, scale, w // scale, scale, c).mean((2, 4))


def patches(x, patch=PATCH, stride=STRIDE):
    """(N, h, w, patch · patch · C)."""
    view = np.lib.stride_tricks.sliding_window_view(x, (patch, patch), (1, 2))[:, ::stride, ::stride]
    return np.ascontiguousarray(view.transpose(0, 1, 2, 4, 5, 3)).reshape(*view.shape[:3], -1)


def overlap_mean(scores, side, patch=PATCH, stride=STRIDE):
    """Scores (N, h, w) of patches to pixels (N, side, side): the mean of the patches over a pixel."""
    n, h, w = scores.shape
    total, count = np.zeros((n, side, side)), np.zeros((side, side))
    for i in range(h):
        for j in range(w):
            at = (slice(i * stride, i * stride + patch), slice(j * stride, j * stride + patch))
            total[(slice(None), *at)] += scores[:, i, j, None, None]
            count[at] += 1
    return total / np.maximum(count, 1)


def maps_of_patches(train, test, learn, seed=0, most=20_000, scales=SCALES):
    """Maps (M, S, S) of test pictures. `learn(rows)` gives a function from rows to scores; the scores of each scale are counted
    in units of those of training pictures kept apart (one in five): 0 their median, 1 their 95 % quantile."""
    apart = np.arange(len(train)) % 5 == 4
    side, maps = test.shape[1], 0
    for scale in scales:
        a, b = (patches(smaller(normalised(x), scale)) for x in (train, test))
        rows = a[~apart].reshape(-1, a.shape[-1])
        rows = rows[np.random.default_rng(seed).permutation(len(rows))[:most]]
        score = learn(rows)
        usual = score(a[apart].reshape(-1, a.shape[-1]))
        middle, tail = np.quantile(usual, [0.5, 0.95])
        g = (score(b.reshape(-1, b.shape[-1])) - middle) / (tail - middle)
        small = overlap_mean(g.reshape(b.shape[:3]), side // scale)
        maps = maps + small.repeat(scale, 1).repeat(scale, 2)
    return smoothed(maps)


def smoothed(maps, deviation=SMOOTH):
    return ndimage.gaussian_filter(maps, (0, deviation, deviation), mode="nearest").astype(np.float32)


def score_of_picture(maps, share=0.01):
    """The mean of the highest hundredth of a map."""
    flat = maps.reshape(len(maps), -1)
    top = max(1, round(share * flat.shape[1]))
    return np.partition(flat, -top, axis=1)[:, -top:].mean(1)
