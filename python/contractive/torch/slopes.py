"""φ and φ′ of the elementwise modules of PyTorch.

The nine activations of Contractive have closed forms, shared with Keras (``contractive._closed_form``), those with a
parameter (``LeakyReLU``, ``ELU``, ``Softplus``, ``GELU``) for any value of it. Other elementwise modules of PyTorch are
differentiated by autograd, which for them is as exact. A module of the user's own needs its derivative, in ``derivatives``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .._closed_form import SLOPES, step

# From the module and z to φ′(z).
Derivative = Callable[[Any, Tensor], Tensor]


def _leaky_relu(module: nn.LeakyReLU, z: Tensor) -> Tensor:
    return step(torch, z, module.negative_slope)


def _elu(module: nn.ELU, z: Tensor) -> Tensor:
    above = z > 0
    return torch.where(above, torch.ones_like(z), module.alpha * torch.exp(torch.where(above, torch.zeros_like(z), z)))


def _softplus(module: nn.Softplus, z: Tensor) -> Tensor:
    slope = torch.sigmoid(module.beta * z)
    return torch.where(module.beta * z > module.threshold, torch.ones_like(z), slope)


def _gelu(module: nn.GELU, z: Tensor) -> Tensor:
    if module.approximate == "none":
        return SLOPES["gelu"](torch, z)
    c, a = math.sqrt(2 / math.pi), 0.044715
    t = torch.tanh(c * (z + a * z * z * z))
    return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * c * (1 + 3 * a * z * z)


def _named(name: str) -> Derivative:
    return lambda _module, z: SLOPES[name](torch, z)


_CLOSED: dict[type[nn.Module], Derivative] = {
    nn.ReLU: _named("relu"),
    nn.LeakyReLU: _leaky_relu,
    nn.Softplus: _softplus,
    nn.ELU: _elu,
    nn.SiLU: _named("silu"),
    nn.GELU: _gelu,
}

_BY_AUTOGRAD = (
    nn.CELU,
    nn.Hardshrink,
    nn.Hardsigmoid,
    nn.Hardswish,
    nn.Hardtanh,
    nn.LogSigmoid,
    nn.Mish,
    nn.PReLU,
    nn.ReLU6,
    nn.SELU,
    nn.Softshrink,
    nn.Softsign,
    nn.Tanhshrink,
    nn.Threshold,
)


def _by_autograd(module: nn.Module, z: Tensor) -> Tensor:
    with torch.enable_grad():
        at = z if z.requires_grad else z.detach().requires_grad_()
        # A copy, since the module may work in place.
        (slope,) = torch.autograd.grad(module(at.clone()).sum(), at, create_graph=True)
    return slope if torch.is_grad_enabled() else slope.detach()


# φ′ from φ(z), where that is cheaper, with the rounding of PyTorch's own derivatives.
_BY_VALUE: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {
    nn.Sigmoid: lambda h: h * (1 - h),
    nn.Tanh: lambda h: 1 - h * h,
}


def is_elementwise(module: nn.Module, derivatives: Mapping[type[nn.Module], Derivative] | None) -> bool:
    """Tell whether φ′ of a module is known."""
    kind = type(module)
    return (
        (derivatives is not None and kind in derivatives)
        or kind in _CLOSED
        or kind in _BY_VALUE
        or kind in _BY_AUTOGRAD
    )


def value_and_slope(
    module: nn.Module, z: Tensor, derivatives: Mapping[type[nn.Module], Derivative] | None
) -> tuple[Tensor, Tensor]:
    """Give φ(z) and φ′(z) of an elementwise module, and leave z as it is, also where the module is told to work in place."""
    kind = type(module)
    h = module(z.clone() if getattr(module, "inplace", False) else z)
    if derivatives and kind in derivatives:
        return h, derivatives[kind](module, z)
    if kind in _BY_VALUE:
        return h, _BY_VALUE[kind](h)
    return h, _CLOSED.get(kind, _by_autograd)(module, z)
