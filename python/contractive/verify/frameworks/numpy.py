"""Encoders as mappings of tensors: ``encoder.0.weight``, ``encoder.0.bias``, …, as files and estimators name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from .. import chains
from ..points import Point
from ..trials import Sample, Setting

_RESOLUTION = 1e-5
_LINE = 'contractive.objective(parameters, x, {"activations": …, "penalty": "jacobian"})'


class NumpySubject:
    """A mapping of tensors and a function of it that gives a value, or a value and a mapping of gradients."""

    def __init__(
        self, function: Callable[..., Any], encoder: Mapping[str, Any], x: Any, activations: str | Sequence[str] | None
    ) -> None:
        if activations is None:
            raise ValueError(
                "`activations` must name the activation of each layer where `encoder` is a mapping of arrays"
            )
        tensors = {
            name: np.asarray(value, np.float64) for name, value in encoder.items() if name.startswith("encoder.")
        }
        n = sum(name.endswith(".weight") for name in tensors)
        self.activations = [activations] * n if isinstance(activations, str) else list(activations)
        _check(tensors, self.activations, n, x)
        self.function, self.originals = function, tensors
        self.others_of_it = {name: value for name, value in encoder.items() if name not in tensors}
        self.own_activation = "-".join(dict.fromkeys(self.activations))
        self.resolution, self.in_place, self.line = _RESOLUTION, False, _LINE
        self.notes: list[str] = []

    def others(self) -> Sequence[str]:
        """Give none: the function is not told of an activation."""
        return ()

    def modes(self) -> Sequence[bool]:
        """Give the one mode."""
        return (False,)

    def call(self, setting: Setting) -> Sample:
        """Run the function on copies."""
        given = {name: np.array(value) for name, value in {**self.others_of_it, **setting.parameters}.items()}
        found = self.function(given, np.array(setting.x))
        if not isinstance(found, tuple):
            return Sample(value_of(found, len(setting.x)), None)
        value, gradient = found
        unknown = sorted(set(gradient) - set(given))
        if unknown:
            raise ValueError(f"the function's gradients must be named as `encoder` is, got {unknown[0]!r}")
        gradients = {}
        for name, tensor in self.originals.items():
            g = np.asarray(gradient.get(name, np.zeros_like(tensor)), np.float64)
            if g.shape != tensor.shape:
                raise ValueError(f"the function's gradient of {name} must have the shape {tensor.shape}, got {g.shape}")
            gradients[name] = g
        return Sample(value_of(value, len(setting.x)), gradients)

    def settle(self, setting: Setting) -> None:
        """Run the function once: what it raises is raised before anything is judged."""
        self.call(setting)

    def untouched(self) -> AbstractContextManager[None]:
        """Do nothing: the function is given copies."""
        return nullcontext()

    def codes(self, setting: Setting) -> Any:
        """Give the codes, (N, k)."""
        return self.point(setting).h.value

    def point(self, setting: Setting) -> Point:
        """Take the encoder."""
        return chains.point(setting.parameters, self.activations, setting.x, self.originals)

    def numbers(self, gradient: Any) -> dict[str, Any]:
        """Give variables of the tape as arrays."""
        return {name: getattr(g, "value", g) for name, g in gradient.items()}


def value_of(found: Any, n_rows: int) -> float:
    """Give one number of a scalar, or of one a row their mean."""
    try:
        # np.asarray would take None for a number that is none.
        value = None if found is None else np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):
        value = None
    if value is None:
        missing = ": its `return` may be missing" if found is None else ""
        raise ValueError(
            f"the function must give a number or a tensor, a scalar or a value for each of {n_rows} rows, got "
            f"{type(found).__name__}{missing}"
        )
    if value.size != 1 and value.shape not in ((n_rows,), (n_rows, 1)):
        raise ValueError(
            f"the function must give a scalar or a value for each of {n_rows} rows, got the shape {value.shape}"
        )
    return float(value.mean())


def _check(tensors: Mapping[str, Any], activations: Sequence[str], n: int, x: Any) -> None:
    if not n or any(f"encoder.{i}.weight" not in tensors for i in range(n)):
        raise ValueError("`encoder` must hold encoder.0.weight of shape (out, in), encoder.0.bias, …")
    unknown = [name for name in activations if name not in chains.VALUES]
    if len(activations) != n or unknown:
        raise ValueError(
            f"`activations` must be {n} of {', '.join(chains.VALUES)}, got {', '.join(map(repr, activations))}"
        )
    width = x.shape[1]
    for i in range(n):
        shape = tensors[f"encoder.{i}.weight"].shape
        if len(shape) != 2 or shape[1] != width:
            raise ValueError(f"`encoder`: encoder.{i}.weight must have the shape (out, {width}), got {shape}")
        width = shape[0]
