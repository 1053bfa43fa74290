"""Encoders of Keras 3: chains of ``Dense`` and activations, on TensorFlow, JAX or PyTorch.

The exact values come from the weights, in float64 by NumPy; the function's gradient from the backend's own differentiation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import keras
import numpy as np

from .. import chains
from ..points import Point
from ..trials import Sample, Setting
from .numpy import value_of

_RESOLUTION = {"float64": 1e-5, "float32": 2e-3, "float16": 2e-2, "bfloat16": 5e-2}
_SWAPPED = ("sigmoid", "tanh", "relu")
# Keras' names of activations that ours differ from.
_NAMES = {"linear": "identity", "swish": "silu"}


class KerasSubject:
    """A model and a function of it and of rows."""

    def __init__(self, function: Callable[..., Any], encoder: Any, x: Any) -> None:
        self.function, self.encoder = function, encoder
        self.notes: list[str] = []
        self.in_place, self.dtype, self.line = False, "float64", "contractive.keras.jacobian_penalty(encoder, x)"
        self.activations, self.originals = _read(encoder)
        self.own_activation = "-".join(dict.fromkeys(self.activations))
        self._copies: dict[tuple[str, str], Any] = {}
        _check_chain(self, x)

    @property
    def resolution(self) -> float:
        """What differences can be seen, in the precision that the function takes."""
        return _RESOLUTION[self.dtype]

    def others(self) -> Sequence[str]:
        """Give the activations that can be put in, none where the model stands in place."""
        has_layers_of_their_own = any(isinstance(layer, keras.layers.ReLU) for layer in self.encoder.layers)
        if self.in_place or has_layers_of_their_own or set(self.activations) == {"identity"}:
            return ()
        return [name for name in _SWAPPED if name != self.own_activation]

    def modes(self) -> Sequence[bool]:
        """Give the one mode: Keras passes the mode with each call, which is the function's own."""
        return (False,)

    def settle(self, setting: Setting) -> None:
        """Find the precision that the function works in."""
        tried: list[Exception] = []
        # A model in place keeps the precision that it has.
        dtypes = [str(self.encoder.variable_dtype)] if self.in_place else ["float64", "float32"][not _has_float64() :]
        for self.dtype in dtypes:
            try:
                self.call(setting)
            except Exception as error:  # whatever a user's function raises
                tried.append(error)
            else:
                if self.dtype != "float64":
                    self.notes.append(f"judged in {self.dtype}")
                return
        raise TypeError(
            f"`function` must take the encoder and rows, and raised {type(tried[-1]).__name__}: {tried[-1]}"
        ) from tried[-1]

    def call(self, setting: Setting) -> Sample:
        """Run the function and differentiate it in the model's weights."""
        model = self._model(setting.activation)
        values = [_turned(setting.parameters[name]) for name in self.originals]
        x = keras.ops.convert_to_tensor(setting.x, self.dtype)
        differentiate = {"tensorflow": _by_tensorflow, "jax": _by_jax, "torch": _by_torch}[keras.backend.backend()]
        found, gradients = differentiate(self.function, model, values, x)
        named = zip(self.originals, gradients, strict=True)
        return Sample(value_of(found, len(setting.x)), {name: _turned(g) for name, g in named})

    def point(self, setting: Setting) -> Point:
        """Take the encoder in float64."""
        activations = [(setting.activation or name) if name != "identity" else name for name in self.activations]
        return chains.point(setting.parameters, activations, setting.x, self.originals)

    def codes(self, setting: Setting) -> Any:
        """Give the codes, (N, k)."""
        return self.point(setting).h.value

    def numbers(self, gradient: Any) -> dict[str, Any]:
        """Give variables of the tape as arrays."""
        return {name: getattr(g, "value", g) for name, g in gradient.items()}

    def untouched(self) -> AbstractContextManager[None]:
        """Give the model's weights back as they were."""
        return _parked(self.encoder)

    def _model(self, activation: str) -> Any:
        if self.in_place:
            return self.encoder
        key = (activation, self.dtype)
        if key not in self._copies:
            self._copies[key] = _copy(self.encoder, activation, self.dtype)
        return self._copies[key]


def _has_float64() -> bool:
    """Whether the backend has float64: JAX only where its user asks for it."""
    if keras.backend.backend() != "jax":
        return True
    import jax

    return bool(jax.config.jax_enable_x64)


def _turned(value: Any) -> Any:
    """Turn a weight round: Keras' kernels are (in, out), ours (out, in)."""
    array = np.asarray(value, np.float64)
    return array.T if array.ndim == 2 else array


def _read(model: Any) -> tuple[list[str], dict[str, Any]]:
    """Give the activations and tensors of the dense layers, in the order of ``model.trainable_variables``."""
    activations: list[str] = []
    tensors: dict[str, Any] = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            i = len(activations)
            tensors[f"encoder.{i}.weight"] = np.asarray(keras.ops.convert_to_numpy(layer.kernel), np.float64).T
            if layer.use_bias:
                tensors[f"encoder.{i}.bias"] = np.asarray(keras.ops.convert_to_numpy(layer.bias), np.float64)
            activations.append(_name_of(layer.activation))
        elif isinstance(layer, keras.layers.Activation | keras.layers.ReLU) and activations:
            name = "relu" if isinstance(layer, keras.layers.ReLU) else _name_of(layer.activation)
            if activations[-1] != "identity":
                raise TypeError(f"`encoder` must have one activation after each Dense, and {layer.name!r} is a second")
            activations[-1] = name
        elif not isinstance(layer, keras.layers.InputLayer | keras.layers.Dropout | keras.layers.Flatten):
            raise TypeError(
                f"`encoder` must be a chain of Dense and activations, and has {layer.name!r}, a {type(layer).__name__}; "
                "with PyTorch behind Keras, wrap it in a torch.nn.Module"
            )
    if not activations:
        raise TypeError("`encoder` must have a Dense layer, built, and has none")
    return activations, tensors


def _name_of(activation: Any) -> str:
    name = getattr(activation, "__name__", str(activation))
    name = _NAMES.get(name, name)
    if name not in chains.VALUES or name == "leaky_relu":
        raise TypeError(f"`encoder` must have activations of {', '.join(chains.VALUES)}, got {name}")
    return name


def _check_chain(subject: KerasSubject, x: Any) -> None:
    """Refuse a functional model that is no chain, whose layers say nothing of how they are joined."""
    told = keras.ops.convert_to_numpy(
        subject.encoder(keras.ops.convert_to_tensor(x.astype(np.float32)), training=False)
    )
    shapes = [subject.originals[f"encoder.{i}.weight"].shape for i in range(len(subject.activations))]
    is_joined = [x.shape[1], *(m for m, _ in shapes[:-1])] == [n for _, n in shapes]
    codes = subject.codes(Setting("own", subject.originals, x)) if is_joined else np.zeros(0)
    if told.shape != codes.shape or not np.allclose(told, codes, rtol=1e-3, atol=1e-4 * max(1.0, np.abs(codes).max())):
        raise TypeError(
            "`encoder` must be a chain of Dense and activations, and gives other codes than its layers in a row"
        )


def _copy(model: Any, activation: str, dtype: str) -> Any:
    """Build the chain again, of a precision and with an activation put in."""

    def clone(layer: Any) -> Any:
        config = {**layer.get_config(), "dtype": dtype}
        has_one = isinstance(layer, keras.layers.Dense | keras.layers.Activation)
        # A linear layer stays one: its activation may be a layer of its own.
        if activation and has_one and _name_of(layer.activation) != "identity":
            config["activation"] = activation
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=clone)
    copy.build(model.input_shape)
    return copy


def _variables(model: Any) -> list[Any]:
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    return [v for layer in layers for v in ([layer.kernel, layer.bias] if layer.use_bias else [layer.kernel])]


def _by_tensorflow(function: Callable[..., Any], model: Any, values: Sequence[Any], x: Any) -> tuple[Any, list[Any]]:
    import tensorflow as tf

    variables = _variables(model)
    for v, value in zip(variables, values, strict=True):
        v.assign(value)
    with tf.GradientTape() as tape:
        found = function(model, x)
        value = tf.reduce_mean(found)
    gradients = tape.gradient(value, [v.value for v in variables])
    told = [
        np.zeros(v.shape) if g is None else keras.ops.convert_to_numpy(g)
        for v, g in zip(variables, gradients, strict=True)
    ]
    return keras.ops.convert_to_numpy(value), told


def _by_jax(function: Callable[..., Any], model: Any, values: Sequence[Any], x: Any) -> tuple[Any, list[Any]]:
    import jax

    variables = _variables(model)
    for v, value in zip(variables, values, strict=True):
        v.assign(value)

    def of(arrays: list[Any]) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, arrays, strict=True))):
            return jax.numpy.mean(jax.numpy.asarray(function(model, x)))

    found, gradients = jax.value_and_grad(of)([v.value for v in variables])
    return np.asarray(found), [np.asarray(g) for g in gradients]


def _by_torch(function: Callable[..., Any], model: Any, values: Sequence[Any], x: Any) -> tuple[Any, list[Any]]:
    import torch

    variables = _variables(model)
    for v, value in zip(variables, values, strict=True):
        v.assign(value)
    with torch.enable_grad():
        found = function(model, x)
    tensors = [v.value for v in variables]
    gradients: Sequence[Any] = [None] * len(tensors)
    if isinstance(found, torch.Tensor) and found.requires_grad:
        gradients = torch.autograd.grad(found.mean(), tensors, allow_unused=True)
    told = [
        np.zeros(tuple(t.shape)) if g is None else keras.ops.convert_to_numpy(g)
        for t, g in zip(tensors, gradients, strict=True)
    ]
    return keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(found)), told


@contextmanager
def _parked(model: Any) -> Iterator[None]:
    before = model.get_weights()
    gradients = [getattr(v.value, "grad", None) for v in model.trainable_variables]
    try:
        yield
    finally:
        model.set_weights(before)
        if keras.backend.backend() == "torch":
            for v, g in zip(model.trainable_variables, gradients, strict=True):
                v.value.grad = g
