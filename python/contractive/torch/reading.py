"""What an encoder is made of: its layers as linear maps and slopes, at the rows given.

:func:`read` runs the rows through the modules and notes, for each, how it acts on a small change of its input. A module
that is none of these is not read, and its Jacobian is had by automatic differentiation (``contractive.torch.by_autograd``).

| module | acts on a change by |
|---|---|
| ``Linear`` | its weight |
| ``Conv1d``, ``Conv2d`` with zero padding | its kernel |
| an elementwise activation | φ′(z), one number an element |
| ``Dropout`` | in training, the mask that it draws; else nothing |
| ``BatchNorm1d``, ``BatchNorm2d`` in eval mode | weight / √(running variance + eps), a constant |
| ``Flatten``, ``Unflatten``, ``Identity`` | nothing |
| ``nn.Sequential``, and a class whose ``forward`` is a chain of these | one after the other |
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import NoReturn

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize

from .._closed_form import Dense, Scale, Slopes
from .errors import PenaltyError
from .slopes import Derivative, is_elementwise, value_and_slope
from .tied import TiedLinear
from .tracing import layers_of

# Those of all modules, by torch.nn.modules.module.register_module_forward_hook and ..._pre_hook.
_GLOBAL_HOOKS = (torch.nn.modules.module._global_forward_hooks, torch.nn.modules.module._global_forward_pre_hooks)

Derivatives = Mapping[type[nn.Module], Derivative]


@dataclass
class Convolution:
    """A change convolved with a kernel."""

    module: nn.Conv1d | nn.Conv2d
    weight: Tensor
    padding: tuple[int, ...]
    input_shape: torch.Size
    output_shape: torch.Size


Part = Dense | Convolution | Slopes | Scale


def read(encoder: nn.Module, x: Tensor, derivatives: Derivatives | None) -> tuple[list[Part], Tensor] | None:
    """Run rows through an encoder and give its parts, first to last, and the code.

    None where a module cannot be read, or is given rows of another shape than its closed form takes.
    """
    modules = _layers("", encoder, derivatives)
    if modules is None:
        return None
    # A compiler sees writes itself, and cannot tell how many there were.
    watches = not torch.compiler.is_compiling()
    parts: list[Part] = []
    a = x
    for name, module in modules:
        if isinstance(module, (nn.Linear, TiedLinear)) and a.ndim != 2:
            return None
        version = a._version if watches else 0
        with _parametrised_once(module):
            part, after = _step(module, a, derivatives)
            if watches and a._version != version:
                raise PenaltyError(
                    f"module {name!r} ({type(module).__name__}) must not change its input in place", name
                )
            # What hooks did cannot be seen by a compiler, which has no numbers yet: there a module with some is not read.
            if _has_forward_hooks(module) or _GLOBAL_HOOKS[0] or _GLOBAL_HOOKS[1]:
                if not watches:
                    return None
                _refuse_hooks_that_change(name, module, a, after)
        if after.shape[0] != x.shape[0]:  # Flatten(0) and the like
            return None
        if part is not None:
            parts.append(part)
        a = after
    return parts, a


def _layers(name: str, module: nn.Module, derivatives: Derivatives | None) -> list[tuple[str, nn.Module]] | None:
    """Give the modules that rows pass one after the other, with their names; None where one of them cannot be read."""
    # A forward put in the place of its class's, as some libraries do, or a call that does more than forward and hooks.
    if "forward" in vars(module) or type(module).__call__ is not nn.Module.__call__:
        return None
    if type(module).forward is nn.Sequential.forward:
        if _has_forward_hooks(module):  # which a closed form, that calls its children, would pass over
            return None
        # Not named_children(), which passes over a module that stands there twice.
        children = [(child, inner) for child, inner in module._modules.items() if inner is not None]
    elif _is_readable(module, derivatives):
        return [(name, module)]
    else:
        children = layers_of(module, (*(derivatives or ()), TiedLinear)) or []
        if not children:
            return None
    found: list[tuple[str, nn.Module]] = []
    for child, inner in children:
        layers = _layers(f"{name}.{child}" if name else child, inner, derivatives)
        if layers is None:
            return None
        found += layers
    return found


def _is_readable(module: nn.Module, derivatives: Derivatives | None) -> bool:
    kind = type(module)
    if isinstance(module, (nn.Conv1d, nn.Conv2d)):
        plain = kind.forward in (nn.Conv1d.forward, nn.Conv2d.forward)
        return plain and module.padding_mode == "zeros" and _padding(module) is not None
    if isinstance(module, (nn.Linear, TiedLinear)):
        return kind.forward in (nn.Linear.forward, TiedLinear.forward)
    shapes = (nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout, nn.BatchNorm1d, nn.BatchNorm2d)
    return kind in shapes or is_elementwise(module, derivatives)


def _parametrised_once(module: nn.Module) -> AbstractContextManager[None]:
    """Let a parametrised layer have one weight for the call and its part: spectral_norm in training moves at each read."""
    holder = module._tied_to[0] if isinstance(module, TiedLinear) else module
    return parametrize.cached() if parametrize.is_parametrized(holder) else nullcontext()


def _step(module: nn.Module, a: Tensor, derivatives: Derivatives | None) -> tuple[Part | None, Tensor]:
    if isinstance(module, (nn.Linear, TiedLinear)):
        # The weight is read after the call, for hooks before it may put it there: weight_norm and pruning do.
        after = module(a)
        return Dense(module.weight), after
    if isinstance(module, (nn.Conv1d, nn.Conv2d)):
        after = module(a)
        padding = _padding(module) or ()
        return Convolution(module, module.weight, padding, a.shape, after.shape), after
    if isinstance(module, (nn.Flatten, nn.Unflatten, nn.Identity)):
        return None, module(a)
    if isinstance(module, nn.Dropout):
        if not module.training or module.p == 0:
            return None, a
        mask = torch.nn.functional.dropout(torch.ones_like(a), module.p)
        return Slopes(mask), a * mask
    if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
        return Scale(_normalisation(module, a)), module(a)
    after, slope = value_and_slope(module, a, derivatives)
    return Slopes(slope), after


def _normalisation(module: nn.BatchNorm1d | nn.BatchNorm2d, a: Tensor) -> Tensor:
    assert module.running_var is not None
    scale = torch.rsqrt(module.running_var + module.eps)
    scale = scale if module.weight is None else scale * module.weight
    return scale.reshape(1, -1, *[1] * (a.ndim - 2)).expand(1, *a.shape[1:])


def _padding(module: nn.Conv1d | nn.Conv2d) -> tuple[int, ...] | None:
    """Give the zeros added on either side, None where the two sides differ."""
    if not isinstance(module.padding, str):
        return tuple(module.padding)
    if module.padding == "valid":
        return (0,) * len(module.kernel_size)
    total = [step * (size - 1) for step, size in zip(module.dilation, module.kernel_size, strict=True)]
    return None if any(width % 2 for width in total) else tuple(width // 2 for width in total)


def refuse(encoder: nn.Module) -> None:
    """Raise where rows depend on each other, or gradients are not those of what the module computes."""
    for module in encoder.modules():
        if isinstance(module, _BatchNorm) and (module.training or module.running_mean is None):
            _refuse(
                encoder,
                module,
                "must be in eval mode with running statistics: with the statistics of the batch each row's code depends on "
                "all rows, and a row has no Jacobian of its own. Call .eval() on the module while the penalty is taken, or "
                "use LayerNorm",
            )
        if module._backward_hooks or module._backward_pre_hooks:
            _refuse(
                encoder,
                module,
                "must have no backward hooks: they may change gradients, and so the Jacobian. Remove them (.remove() of "
                "what register_full_backward_hook gave) while the penalty is taken",
            )


def _refuse(encoder: nn.Module, module: nn.Module, must: str) -> NoReturn:
    name = next(name for name, part in encoder.named_modules() if part is module)
    kind = f"module {name!r} ({type(module).__name__})" if name else f"the encoder ({type(module).__name__})"
    raise PenaltyError(f"{kind} {must}", name)


def _has_forward_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _refuse_hooks_that_change(name: str, module: nn.Module, before: Tensor, after: Tensor) -> None:
    """Refuse hooks that change what goes in or comes out: the closed form does not see them. Others may look on."""
    with torch.no_grad():
        without = module.forward(before.clone())
    is_random = isinstance(module, nn.Dropout) and module.training
    if not is_random and not torch.equal(without, after):
        raise PenaltyError(
            f"module {name!r} ({type(module).__name__}) must have no hook that changes what it computes. Remove the hook, "
            "or wrap the encoder in a module of your own, which is differentiated with its hooks",
            name,
        )
