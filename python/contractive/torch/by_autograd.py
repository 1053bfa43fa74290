"""Jacobians of any module by automatic differentiation: vᵀJ for a chunk of rows v at a time, differentiable itself.

Rows of the batch must not depend on each other: then ∂(Σ_b v_bᵀ h_b)/∂x holds v_bᵀ J_b in row b.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from .errors import PenaltyError

Module = Callable[[Tensor], Tensor]


def code(encoder: Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Give the rows as they were differentiated at, and their code, (N, …)."""
    at = x if x.requires_grad else x.detach().requires_grad_()
    # A fused attention has no second derivative, which the gradient of the penalty is. The module is given a copy, for its
    # first layer may work in place.
    with sdpa_kernel(SDPBackend.MATH):
        h = encoder(at.clone())
    if not isinstance(h, Tensor):
        raise PenaltyError(
            f"the encoder must give the code alone, one tensor, got {type(h).__name__}; give a function that "
            "picks the code"
        )
    if h.ndim == 0 or h.shape[0] != x.shape[0]:
        raise PenaltyError(
            f"the encoder must give a row for each of the {x.shape[0]} rows, got the shape {tuple(h.shape)}"
        )
    if not h.requires_grad:
        raise PenaltyError("the encoder's code must depend on x through differentiable operations, and does not")
    return at, h


def rows_of_jacobian(at: Tensor, h: Tensor, probes: Tensor) -> Tensor:
    """Give vᵀJ for probes v, shape (p, N, k): (N, p, d)."""
    shaped = probes.reshape(probes.shape[0], *h.shape)
    how = {"create_graph": torch.is_grad_enabled(), "retain_graph": True, "allow_unused": True}
    try:
        (rows,) = torch.autograd.grad(h, at, shaped, is_grads_batched=True, **how)
    except RuntimeError:  # an operation that PyTorch cannot batch
        found = [torch.autograd.grad(h, at, v, **how)[0] for v in shaped]
        rows = None if found[0] is None else torch.stack(found)
    if rows is None:
        return torch.zeros(at.shape[0], probes.shape[0], at[0].numel()).to(at)
    return rows.flatten(2).transpose(0, 1)


def unit_rows(h: Tensor, chunk: int) -> Iterator[Tensor]:
    """Give the unit rows of the code, (c, N, k), ``chunk`` at a time."""
    n, k = h.shape[0], h[0].numel()
    for start in range(0, k, chunk):
        units = torch.arange(start, min(start + chunk, k), device=h.device)
        unit = torch.nn.functional.one_hot(units, k).to(h)
        yield unit[:, None, :].expand(-1, n, -1)


def parameters_of(encoder: nn.Module) -> dict[str, Tensor]:
    """Give the parameters that want a gradient, by name."""
    return {name: p for name, p in encoder.named_parameters() if p.requires_grad}
