"""Encoders of PyTorch: any ``nn.Module``, copied for each trial, or judged where it stands."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...torch import PenaltyError
from ...torch.slopes import is_elementwise
from ..points import Point
from ..trials import Sample, Setting
from .numpy import value_of
from .tracing import point_of

_RESOLUTION = {torch.float64: 1e-5, torch.float32: 2e-3}
_SWAPPED = {"Sigmoid": nn.Sigmoid, "Tanh": nn.Tanh, "ReLU": nn.ReLU}


class TorchSubject:
    """A module and a function of it and of rows."""

    def __init__(self, function: Callable[..., Any], encoder: nn.Module, x: Tensor, decoder: nn.Module | None) -> None:
        self.function, self.encoder, self.decoder, self.rows = function, encoder, decoder, x
        self.device = next((p.device for p in encoder.parameters()), x.device)
        # Where float64 is: Apple's GPU has none.
        self._precise = torch.device("cpu") if self.device.type == "mps" else self.device
        self.originals = {name: _numbers(p) for name, p in encoder.named_parameters()}
        if not self.originals:
            raise ValueError("`encoder` must have parameters, and has none")
        try:
            copy.deepcopy(encoder)
        except Exception as error:  # whatever a module of the user's own holds
            raise TypeError(
                f"`encoder` must be a module that copy.deepcopy copies, and raised {type(error).__name__}: "
                f"{_first_line(error)}. Of torch.nn.utils.weight_norm, spectral_norm and pruning give a module with their "
                "parametrisations in torch.nn.utils.parametrizations, or remove them"
            ) from error
        self.notes: list[str] = []
        self.in_place, self.dtype, self.wants_grad = False, torch.float64, False
        self._copies: dict[tuple[str, torch.dtype, str], nn.Module] = {}
        self.line = "contractive.torch.jacobian_penalty(encoder, x)"
        activations = _activations(encoder)
        self.own_activation = "-".join(dict.fromkeys(type(m).__name__ for m in activations)) or "own"

    @property
    def resolution(self) -> float:
        """What differences can be seen, in the precision that the function takes."""
        return _RESOLUTION[self.dtype]

    def others(self) -> Sequence[str]:
        """Give the activations that can be put in: none where the encoder has no modules of them, or stands in place."""
        if self.in_place or not _activations(self.encoder):
            return ()
        return [name for name in _SWAPPED if name != self.own_activation]

    def modes(self) -> Sequence[bool]:
        """Give False, and True where training mode has neither chance nor rows that depend on each other."""
        modules = list(self.encoder.modules())
        if any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in modules):
            self.notes.append(
                "BatchNorm in training mode makes rows depend on each other, and no penalty row by row is defined there; "
                "judged in eval mode alone"
            )
            return (False,)
        if any(isinstance(m, nn.modules.dropout._DropoutNd) and m.p > 0 for m in modules):
            self.notes.append("Dropout draws another network at each call in training mode; judged in eval mode alone")
            return (False,)
        return (False, True)

    def settle(self, setting: Setting) -> None:
        """Find the precision that the function works in, and whether it wants rows that require a gradient."""
        tried: list[Exception] = []
        for dtype in (torch.float64, torch.float32):
            for wants_grad in (False, True):
                self.dtype, self.wants_grad = dtype, wants_grad
                try:
                    self.call(setting)
                except Exception as error:  # whatever a user's function raises
                    tried.append(error)
                    continue
                if dtype is torch.float32:
                    self.notes.append(
                        f"the function does not run in float64 ({_first_line(tried[0])}); judged in float32"
                    )
                return
        raise TypeError(
            f"`function` must take the encoder and rows, and raised {type(tried[-2]).__name__}: {_first_line(tried[-2])}"
        ) from tried[-2]

    def call(self, setting: Setting) -> Sample:
        """Run the function and differentiate it in the encoder's parameters."""
        with self._ready(setting) as module, torch.enable_grad():
            x = self._rows(setting.x, self.dtype, self.device).requires_grad_(self.wants_grad)
            found = self.function(module, x)
            names, parameters = zip(*module.named_parameters(), strict=True)
            value = value_of(found.detach().cpu() if isinstance(found, Tensor) else found, len(setting.x))
            gradients: Sequence[Tensor | None] = [None] * len(names)
            if isinstance(found, Tensor) and found.requires_grad:
                gradients = torch.autograd.grad(found.mean(), parameters, allow_unused=True)
            return Sample(
                value,
                {
                    name: np.zeros(tuple(p.shape)) if g is None else _numbers(g)
                    for name, p, g in zip(names, parameters, gradients, strict=True)
                },
            )

    def point(self, setting: Setting) -> Point:
        """Take the encoder in float64, on a copy that the function never sees."""
        # A copy a point: its graph is differentiated later, when others have been taken.
        module = copy.deepcopy(self._exact(setting))
        decoder = None if self.decoder is None else copy.deepcopy(self.decoder).to(self._precise).double().eval()
        with torch.enable_grad():
            return point_of(module, self._rows(setting.x, torch.float64, self._precise), self.originals, decoder)

    def codes(self, setting: Setting) -> Any:
        """Give the codes in float64, (N, k)."""
        with torch.no_grad():
            return _numbers(self._exact(setting)(self._rows(setting.x, torch.float64, self._precise)).flatten(1))

    def _exact(self, setting: Setting) -> nn.Module:
        module = self._copy("exact", torch.float64, setting.activation)
        self._load(module, setting)
        return module

    def numbers(self, gradient: Any) -> dict[str, Any]:
        """Give tensors as arrays."""
        return {name: _numbers(g) for name, g in gradient.items()}

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Give back encoder and decoder as they were: numbers, gradients, modes and buffers."""
        with _parked(self.encoder):
            if self.decoder is None:
                yield
                return
            with _parked(self.decoder):
                yield

    @contextmanager
    def _ready(self, setting: Setting) -> Iterator[nn.Module]:
        if self.decoder is not None:
            _cast(self.decoder, self.dtype)
        if not self.in_place:
            module = self._copy("given", self.dtype, setting.activation)
            self._load(module, setting)
            yield module
            return
        with _parked(self.encoder):
            _cast(self.encoder, self.dtype)
            self._load(self.encoder, setting)
            yield self.encoder

    def _copy(self, purpose: str, dtype: torch.dtype, activation: str) -> nn.Module:
        key = (purpose, dtype, activation)
        if key not in self._copies:
            module = copy.deepcopy(self.encoder)
            if activation:
                _swap(module, _SWAPPED[activation])
            self._copies[key] = module.to(self._precise if purpose == "exact" else self.device).to(dtype)
        return self._copies[key]

    def _load(self, module: nn.Module, setting: Setting) -> None:
        module.train(setting.is_training)
        module.requires_grad_(True)
        module.zero_grad(set_to_none=True)
        with torch.no_grad():
            for name, p in module.named_parameters():
                p.copy_(torch.as_tensor(setting.parameters[name], dtype=p.dtype))

    def _rows(self, x: Any, dtype: torch.dtype, device: torch.device) -> Tensor:
        return torch.from_numpy(x).reshape(len(x), *self.rows.shape[1:]).to(dtype=dtype).to(device)


def _numbers(tensor: Tensor) -> Any:
    return tensor.detach().cpu().double().numpy().copy()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


def _activations(module: nn.Module) -> list[nn.Module]:
    return [m for m in module.modules() if is_elementwise(m, None)]


def _swap(module: nn.Module, activation: type[nn.Module]) -> None:
    for name, child in list(module._modules.items()):
        if child is not None and is_elementwise(child, None):
            module._modules[name] = activation()
        elif child is not None:
            _swap(child, activation)


def _cast(module: nn.Module, dtype: torch.dtype) -> None:
    """Change the precision of the module's own parameters, which the function may hold."""
    for p in module.parameters():
        p.grad = None
        p.data = p.data.to(dtype)
    for _, buffer in module.named_buffers():
        if buffer.is_floating_point():
            buffer.data = buffer.data.to(dtype)


@contextmanager
def _parked(module: nn.Module) -> Iterator[None]:
    """Give a module back as it was, after errors too: the same tensors with the same bits."""
    parameters = [(p, p.data, p.data.clone(), p.grad, p.requires_grad) for p in module.parameters()]
    gradients = [None if g is None else g.clone() for _, _, _, g, _ in parameters]
    buffers = [(b, b.data, b.data.clone()) for b in module.buffers()]
    modes = [(m, m.training) for m in module.modules()]
    for p, *_ in parameters:
        p.grad = None
    try:
        yield
    finally:
        for (p, data, before, g, wanted), kept in zip(parameters, gradients, strict=True):
            p.grad = None
            p.data = data
            data.copy_(before)
            p.requires_grad_(wanted)
            if g is not None and kept is not None:
                g.data.copy_(kept)
                p.grad = g
        for buffer, data, before in buffers:
            buffer.data = data
            data.copy_(before)
        for m, mode in modes:
            m.training = mode


__all__ = ["PenaltyError", "TorchSubject"]
