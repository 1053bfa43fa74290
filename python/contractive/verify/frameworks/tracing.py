"""A module of PyTorch as a point: its dense layers found by watching them run, its Jacobian by ``contractive.torch``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ...torch import jacobian, jacobian_penalty
from ..points import Decoding, Layer, Point, product

# Above this a Jacobian is not multiplied out to see whether the layers found are the whole encoder.
_LARGEST_PRODUCT = 1 << 24


def point_of(encoder: nn.Module, x: Tensor, originals: Mapping[str, Any], decoder: nn.Module | None = None) -> Point:
    """Take an encoder at rows, everything in float64 and differentiable.

    Parameters
    ----------
    encoder : nn.Module
        In float64.
    x : Tensor of shape (N, …)
        Rows.
    originals : dict of str to array
        The parameters that it had before.
    decoder : nn.Module, optional
        In float64; gives rows from codes.

    Raises
    ------
    PenaltyError
        Where no Jacobian row by row is defined.
    """
    exact = jacobian_penalty(encoder, x, method="exact", reduction="none")
    watched, code = _watch(encoder, x)
    h = code.flatten(1)
    found = _layers(watched, h)
    names = {id(p): name for name, p in encoder.named_parameters()}
    parameters = dict(encoder.named_parameters())

    def differentiate(value: Tensor) -> dict[str, Tensor]:
        if not value.requires_grad:
            return {name: torch.zeros_like(p) for name, p in parameters.items()}
        grads = torch.autograd.grad(value, list(parameters.values()), retain_graph=True, materialize_grads=True)
        return dict(zip(parameters, grads, strict=True))

    return Point(
        x=x.flatten(1),
        h=h,
        exact=exact,
        layers=found,
        is_chain=_is_chain(found, x, exact),
        whole=lambda: jacobian(encoder, x),
        stale=[torch.as_tensor(originals[names[id(layer.W)]]).to(layer.W) for layer in found],
        differentiate=differentiate,
        decoding=None if decoder is None else _decoding(decoder, code, x),
    )


def _watch(encoder: nn.Module, x: Tensor) -> tuple[list[tuple[nn.Linear, Tensor, Tensor]], Tensor]:
    """Run the rows and note each dense layer with its input and output."""
    seen: list[tuple[nn.Linear, Tensor, Tensor]] = []

    def note(module: nn.Module, given: Any, z: Tensor) -> Tensor:
        seen.append((module, given[0], z))
        # What comes next may work in place, and z is wanted as it is.
        return z.clone()

    handles = [m.register_forward_hook(note) for m in encoder.modules() if isinstance(m, nn.Linear)]
    try:
        return seen, encoder(x)
    finally:
        for handle in handles:
            handle.remove()


def _layers(watched: list[tuple[nn.Linear, Tensor, Tensor]], h: Tensor) -> list[Layer]:
    """Give the last dense layers in a row whose output goes on element by element."""
    layers: list[Layer] = []
    after = h
    for module, given, z in reversed(watched):
        if z.ndim != 2 or after.shape != z.shape or not isinstance(module.weight, nn.Parameter):
            break
        (s,) = torch.autograd.grad(after.sum(), z, create_graph=True, allow_unused=True)
        if s is None:
            break
        layers.insert(0, Layer(module.weight, after, s))
        after = given.flatten(1) if given.ndim > 2 else given
    return layers


def _is_chain(layers: list[Layer], x: Tensor, exact: Tensor) -> bool:
    if (
        not layers
        or layers[0].W.shape[1] != x[0].numel()
        or len(x) * len(layers[-1].W) * x[0].numel() > _LARGEST_PRODUCT
    ):
        return False
    with torch.no_grad():
        J = product([layer.W for layer in layers], [layer.s for layer in layers])
        return bool(torch.allclose(J.square().sum((1, 2)), exact, rtol=1e-8, atol=1e-300))


def _decoding(decoder: nn.Module, code: Tensor, x: Tensor) -> Decoding:
    """Take a decoder at the codes; its Jacobian a row at a time, with its graph."""
    rows = decoder(code).flatten(1)
    units = torch.eye(rows.shape[1], dtype=rows.dtype, device=rows.device)
    found = [torch.autograd.grad(rows, code, u.expand_as(rows), create_graph=True)[0].flatten(1) for u in units]
    return Decoding(
        rows=rows.reshape(len(x), -1),
        of_code=torch.stack(found, 1),
        decode=lambda code_like: decoder(code_like.reshape(code.shape)).flatten(1),
    )
