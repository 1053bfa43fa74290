"""Memory bounded by chunks: what a chunk of rows needs is computed, let go, and computed again for the gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, run: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
        ctx.run = run
        ctx.save_for_backward(*tensors)
        ctx.random = _random_state(tensors)
        with torch.enable_grad():
            return run(*[t.detach().requires_grad_(t.requires_grad) for t in tensors]).detach()

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        tensors, again = ctx.saved_tensors, torch.is_grad_enabled()
        with torch.enable_grad(), torch.random.fork_rng(devices=[at for at, _ in ctx.random[1:]]):
            _set_random_state(ctx.random)
            # For a second derivative the graph goes on through the tensors, by aliases: one of them may depend on another,
            # and that path is not this function's.
            inputs = [t.view_as(t) if again else t.detach().requires_grad_(t.requires_grad) for t in tensors]
            value = ctx.run(*inputs)
            wanted = [t for t in inputs if t.requires_grad]
            found = torch.autograd.grad(value, wanted, outer, create_graph=again, allow_unused=True)
        gradients = iter(found)
        return (None, *(next(gradients) if t.requires_grad else None for t in inputs))


def _random_state(tensors: Sequence[Tensor]) -> list[Any]:
    devices = {t.device.index for t in tensors if t.is_cuda}
    return [torch.get_rng_state(), *((at, torch.cuda.get_rng_state(at)) for at in devices)]


def _set_random_state(state: list[Any]) -> None:
    torch.set_rng_state(state[0])
    for at, of_device in state[1:]:
        torch.cuda.set_rng_state(of_device, at)


def recomputed(run: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Give ``run(*tensors)``, keeping the tensors alone for the gradient, which runs it once more.

    ``run`` must reach all that wants a gradient through its arguments; random numbers that it draws are drawn again.
    """
    return _Recomputed.apply(run, *tensors)
