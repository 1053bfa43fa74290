"""‖J‖²_F where layers are convolutions.

One convolution with its slopes has a closed form for any stride, dilation, groups and zero padding. The row of J that
belongs to output (c, p) is φ′(z_cp) times the kernel of c, where it lies on the image, so::

    ‖J‖²_F = Σ_cp φ′(z_cp)² q_cp,   q = convolution of an image of ones with the squared kernel

q is one small convolution a batch. Deeper stacks carry the k unit rows of the code down through the transposed
convolutions, as dense ones do (``contractive._closed_form``, direct order); what that costs grows with k. Source: the
remark in docs/derivations/frobenius.md for one layer; the rest is the chain rule.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .._closed_form import Dense, Scale, Slopes
from .reading import Convolution, Part


def is_one_layer(parts: Sequence[Part]) -> bool:
    """Tell whether the parts are one convolution and elementwise maps after it."""
    return isinstance(parts[0], Convolution) and all(isinstance(part, Slopes | Scale) for part in parts[1:])


def one_layer(parts: Sequence[Part], n_rows: int) -> Tensor:
    """Give ‖J‖²_F of each row, shape (N,), of one convolution."""
    first = parts[0]
    assert isinstance(first, Convolution)
    module = first.module
    ones = torch.ones(1, *first.input_shape[1:]).to(first.weight)
    convolve = F.conv2d if isinstance(module, nn.Conv2d) else F.conv1d
    q = convolve(ones, first.weight.square(), None, module.stride, first.padding, module.dilation, module.groups)
    slopes: Tensor | None = None
    for part in parts[1:]:
        assert isinstance(part, Slopes | Scale)
        slopes = part.values.flatten(1) if slopes is None else slopes * part.values.flatten(1)
    q = q.flatten()
    return (q.sum() if slopes is None else slopes.square() @ q).expand(n_rows)


def rows_down(parts: Sequence[Part], rows: Tensor) -> Tensor:
    """Carry rows v, shape (N, p, k), down to vᵀJ, shape (N, p, d)."""
    n, p = rows.shape[0], rows.shape[1]
    for part in reversed(parts):
        if isinstance(part, Dense):
            rows = rows @ part.weight
        elif isinstance(part, Convolution):
            rows = _adjoint(part, rows.reshape(n * p, *part.output_shape[1:])).reshape(n, p, -1)
        else:
            rows = rows * part.values.flatten(1)[:, None, :]
    return rows


def _adjoint(part: Convolution, of_output: Tensor) -> Tensor:
    """Give the transposed convolution, of the input's own size: a stride that leaves a rest has several."""
    module = part.module
    sizes = zip(
        part.input_shape[2:],
        part.output_shape[2:],
        module.stride,
        part.padding,
        module.dilation,
        module.kernel_size,
        strict=True,
    )
    rest = [n - ((m - 1) * s - 2 * p + d * (k - 1) + 1) for n, m, s, p, d, k in sizes]
    transposed = F.conv_transpose2d if isinstance(module, nn.Conv2d) else F.conv_transpose1d
    return transposed(of_output, part.weight, None, module.stride, part.padding, rest, module.groups, module.dilation)
