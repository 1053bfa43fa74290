"""Encoders written as classes, as the layers that their ``forward`` calls one after the other.

``torch.fx`` runs ``forward`` once on a stand-in, without numbers (about a millisecond). Where it is a chain of modules and
elementwise functions, the encoder has the closed form of an ``nn.Sequential`` of them. A ``forward`` that branches on
values, joins two paths, or calls anything else is not taken. It is traced at each call, since it may have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

# What an elementwise function is as a module, from its further arguments.
_FUNCTIONS: dict[Any, Callable[..., nn.Module]] = {
    torch.relu: nn.ReLU,
    torch.sigmoid: nn.Sigmoid,
    torch.tanh: nn.Tanh,
    F.relu: nn.ReLU,
    F.sigmoid: nn.Sigmoid,
    F.tanh: nn.Tanh,
    F.leaky_relu: nn.LeakyReLU,
    F.softplus: nn.Softplus,
    F.elu: nn.ELU,
    F.silu: nn.SiLU,
    F.gelu: nn.GELU,
    F.selu: nn.SELU,
    F.celu: nn.CELU,
    F.mish: nn.Mish,
    F.relu6: nn.ReLU6,
    F.hardtanh: nn.Hardtanh,
    F.softsign: nn.Softsign,
    torch.flatten: nn.Flatten,
}
_METHODS: dict[str, Callable[..., nn.Module]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "flatten": nn.Flatten,
}


class _Tracer(fx.Tracer):
    """Stops at PyTorch's own modules, and at those whose derivative is given."""

    def __init__(self, leaves: Collection[type[nn.Module]]) -> None:
        super().__init__()
        self.leaves = tuple(leaves)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, self.leaves) or bool(super().is_leaf_module(m, module_qualified_name))


def layers_of(encoder: nn.Module, leaves: Collection[type[nn.Module]]) -> list[tuple[str, nn.Module]] | None:
    """Give the modules that ``forward`` calls one after the other, with names, or None where it does something else.

    ``leaves`` are classes of the user's own that are elementwise.
    """
    tracer = _Tracer(leaves)
    if torch.compiler.is_compiling() or _has_hooks_inside(encoder, tracer):
        return None
    try:
        nodes = list(tracer.trace(encoder).nodes)
    except Exception:
        # Whatever a forward of the user's own raises on a stand-in: it is no plain chain.
        return None
    chain = [node for node in nodes if not _is_size(node)]
    if chain[0].op != "placeholder" or chain[-1].op != "output" or chain[-1].args != (chain[-2],):
        return None
    found: list[tuple[str, nn.Module]] = []
    for before, node in pairwise(chain[:-1]):
        is_next = node.args[:1] == (before,) and all(n is before or _is_size(n) for n in node.all_input_nodes)
        module = _module_of(encoder, node) if is_next else None
        if module is None or sum(not _is_size(user) for user in before.users) != 1:
            return None
        found.append((str(node.target) if node.op == "call_module" else node.name, module))
    return found or None


def _is_size(node: fx.Node) -> bool:
    """Tell whether a node is the number of rows, as in ``x.view(x.size(0), -1)``."""
    return bool(node.op == "call_method" and node.target == "size" and node.args[1:] == (0,))


def _module_of(encoder: nn.Module, node: fx.Node) -> nn.Module | None:
    further, named = node.args[1:], dict(node.kwargs)
    if node.op == "call_module":
        return None if further or named else encoder.get_submodule(str(node.target))
    if node.op == "call_method" and node.target in ("view", "reshape"):
        return nn.Flatten() if not named and _flattens(further) else None
    made = _FUNCTIONS.get(node.target) if node.op == "call_function" else None
    made = _METHODS.get(str(node.target)) if node.op == "call_method" else made
    if made is nn.Flatten and not further and "start_dim" not in named:
        named["start_dim"] = 0  # as the function has it; the module leaves the rows
    try:
        return None if made is None else made(*further, **named)
    except TypeError:
        return None


def _flattens(shape: tuple[Any, ...]) -> bool:
    """Tell whether a shape is (rows, the rest): the number of rows and −1, or −1 and a number that the next layer checks."""
    if len(shape) != 2:
        return False
    rows, rest = shape
    return (isinstance(rows, fx.Node) and rest == -1) or (rows == -1 and isinstance(rest, int) and rest > 0)


def _has_hooks_inside(encoder: nn.Module, tracer: _Tracer) -> bool:
    """Tell whether a module that tracing passes through, which a closed form does not call, has hooks."""
    through = [encoder, *(module for module in encoder.modules() if not tracer.is_leaf_module(module, ""))]
    return any(module._forward_hooks or module._forward_pre_hooks for module in through)
