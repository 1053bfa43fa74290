"""What an encoder is made of: a chain of Keras layers as linear maps and slopes, at the rows given.

| layer | acts on a change of its input by |
|---|---|
| ``Dense`` | its kernel, then φ′(z) of its ``activation`` |
| ``Activation``, ``ReLU``, ``LeakyReLU``, ``ELU``, ``PReLU`` | φ′(z), one number an element |
| ``BatchNormalization`` | gamma / √(moving variance + epsilon), a constant: as inference computes it |
| ``Normalization``, ``Rescaling`` | their scale, a constant |
| ``Dropout`` and what else is idle in inference | nothing |
| ``Flatten``, ``Reshape``, ``Identity``, ``InputLayer`` | nothing |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import layers, ops

from .._closed_form import Dense, Scale, Slopes
from .errors import PenaltyError, automatic
from .slopes import Derivatives, calls_keras, of_function, of_layer
from .variables import value_of

Part: TypeAlias = Dense | Slopes | Scale

# What inference passes over.
IDLE = (
    layers.InputLayer,
    layers.Identity,
    layers.Dropout,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.SpatialDropout3D,
    layers.AlphaDropout,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.ActivityRegularization,
)
_KNOWN = (
    "InputLayer, Dense, Activation, ReLU, LeakyReLU, ELU, PReLU, Dropout, BatchNormalization, Normalization, Rescaling, "
    "Flatten and Reshape"
)


def chain(encoder: Any) -> list[Any]:
    """Give the layers of an encoder in the order in which rows meet them.

    Parameters
    ----------
    encoder : keras.Sequential, functional keras.Model, keras.Layer, or sequence of these
        One input, one output, and between them one layer after the other.

    Raises
    ------
    PenaltyError
        Where a graph branches, or the order of the layers is not known.
    """
    return list(_layers(encoder))


def _layers(encoder: Any) -> Iterator[Any]:
    if isinstance(encoder, (list, tuple)):
        for layer in encoder:
            yield from _layers(layer)
    elif isinstance(encoder, keras.Sequential) and calls_keras(encoder):
        for layer in encoder.layers:
            yield from _layers(layer)
    elif isinstance(encoder, keras.Model) and isinstance(encoder, keras.Function) and calls_keras(encoder):
        for operation in _of_graph(encoder):
            yield from _layers(operation)
    elif isinstance(encoder, keras.Model):
        raise PenaltyError(
            f"the model {encoder.name!r} ({type(encoder).__name__}) computes by a method of its own, and the order of its "
            "layers is not known: give the layers of its encoder as a list, in that order, or make the encoder a "
            "keras.Sequential",
            encoder.name,
        )
    elif isinstance(encoder, keras.Operation):
        yield encoder
    else:
        raise PenaltyError(
            "the encoder must be a keras.Sequential, a functional keras.Model or a list of layers, got "
            f"{type(encoder).__name__}; for any other function {automatic()}"
        )


def _of_graph(model: Any) -> list[Any]:
    """Give the operations of a functional model whose graph is a chain, first to last."""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise PenaltyError(
            f"the model {model.name!r} must have one input and one output, got {len(model.inputs)} and "
            f"{len(model.outputs)}: make the encoder a keras.Model of its own, from the input to the code",
            model.name,
        )
    found: list[Any] = []
    tensor = model.outputs[0]
    while tensor is not model.inputs[0]:
        operation, at, _ = tensor._keras_history
        node = operation._inbound_nodes[at]
        if len(node.input_tensors) != 1:
            raise PenaltyError(
                f"layer {operation.name!r} ({type(operation).__name__}) takes {len(node.input_tensors)} inputs: an encoder "
                f"must be a chain to have a closed form here; {automatic()}",
                operation.name,
            )
        if node.arguments.kwargs.get("training"):
            raise PenaltyError(
                f"layer {operation.name!r} ({type(operation).__name__}) must not be called with training=True in the "
                "encoder: the penalty is that of the encoder as inference computes it",
                operation.name,
            )
        found.append(operation)
        tensor = node.input_tensors[0]
    return found[::-1]


def read(encoder: Any, x: Any, derivatives: Derivatives) -> tuple[list[Part], Any]:
    """Run rows through an encoder as inference does, and give its parts, first to last, and the code.

    Everything is computed in the precision of the variables, x cast to it.
    """
    found = chain(encoder)
    weighted = [layer for layer in found if _is_dense(layer) or getattr(layer, "weights", None)]
    dtype = weighted[0].variable_dtype if weighted else keras.config.floatx()
    # Of a list TensorFlow would take 32 bits.
    a = ops.cast(ops.convert_to_tensor(x if hasattr(x, "shape") else np.asarray(x)), dtype)
    if len(a.shape) < 2 or 0 in a.shape:
        raise PenaltyError(f"`x` must be rows, shape (N, features) or (N, …), got {tuple(a.shape)}")
    if isinstance(encoder, keras.Model) and not encoder.built:
        encoder.build(tuple(a.shape))
    parts: list[Part] = []
    for layer in found:
        if isinstance(layer, keras.Layer) and not layer.built:
            layer.build(tuple(a.shape))
        some, a = _step(layer, a, derivatives)
        a = ops.cast(a, dtype)
        parts.extend(some)
    return parts, a


def _is_dense(layer: Any) -> bool:
    return isinstance(layer, layers.Dense) and calls_keras(layer)


def _step(layer: Any, a: Any, derivatives: Derivatives) -> tuple[list[Part], Any]:
    """Give what a layer does to a change of its input, and its output."""
    slope = of_layer(layer, derivatives)
    if slope is not None:
        return [Slopes(slope(a))], layer.call(a)
    if not isinstance(layer, keras.Layer) or not calls_keras(layer):
        raise _unknown(layer)
    if isinstance(layer, layers.Dense):
        return _dense(layer, a, derivatives)
    if isinstance(layer, layers.Activation):
        return _activation(layer, a, derivatives)
    constant = affine(layer)
    if constant is not None:
        return _times_constant(layer, constant, a)
    if isinstance(layer, IDLE):
        return [], a
    if isinstance(layer, (layers.Reshape, layers.Flatten)):
        refuse_other_order(layer)
        return [], layer.call(a)
    raise _unknown(layer)


def _unknown(layer: Any) -> PenaltyError:
    kind = type(layer).__name__
    return PenaltyError(
        f"layer {layer.name!r} ({kind}) has no closed form here: an encoder must be a chain of {_KNOWN}. Where it is "
        f"elementwise, give its derivative, derivatives={{{kind}: function of z}}; else {automatic()}",
        layer.name,
    )


def _dense(layer: Any, a: Any, derivatives: Derivatives) -> tuple[list[Part], Any]:
    if len(a.shape) != 2:
        raise PenaltyError(
            f"layer {layer.name!r} (Dense) must be given rows of shape (N, features), got (N, "
            f"{', '.join(str(n) for n in a.shape[1:])}): put Flatten before it",
            layer.name,
        )
    if getattr(layer, "quantization_mode", None) is not None:
        raise PenaltyError(
            f"layer {layer.name!r} (Dense) must not be quantised, got {layer.quantization_mode}: rounding has no "
            "derivative. Take the penalty before quantize()",
            layer.name,
        )
    kernel = value_of(layer.kernel)
    z = a @ kernel  # ops.matmul would take 64 bits for 32, except on TensorFlow
    if layer.bias is not None:
        z = z + value_of(layer.bias)
    slopes, after = _activation(layer, z, derivatives)
    return [Dense(ops.transpose(kernel)), *slopes], after


def _activation(layer: Any, z: Any, derivatives: Derivatives) -> tuple[list[Part], Any]:
    """Apply the ``activation`` that a layer holds, a function or a layer."""
    function = layer.activation
    if function is None:
        return [], z
    if isinstance(function, keras.Layer):
        return _step(function, z, derivatives)
    is_known, slope = of_function(function, derivatives)
    if not is_known:
        name = getattr(function, "__name__", type(function).__name__)
        raise PenaltyError(
            f"layer {layer.name!r} ({type(layer).__name__}) has the activation {name}, whose derivative is not known. Where "
            f"it is elementwise, give it: derivatives={{{name}: function of z}}; else {automatic()}",
            layer.name,
        )
    return [] if slope is None else [Slopes(slope(z))], function(z)


def affine(layer: Any) -> tuple[Any, Any] | None:
    """Give scale and shift of a layer that multiplies and adds constants, of its axis' size or one; None for others.

    Of batch normalisation they are those of inference.
    """
    if isinstance(layer, layers.Rescaling):
        return value_of(layer.scale), value_of(layer.offset)
    if isinstance(layer, layers.BatchNormalization):
        scale = ops.rsqrt(value_of(layer.moving_variance) + layer.epsilon)
        if layer.gamma is not None:
            scale = scale * value_of(layer.gamma)
        shift = -value_of(layer.moving_mean) * scale
        return scale, shift if layer.beta is None else shift + value_of(layer.beta)
    if isinstance(layer, layers.Normalization):
        mean = value_of(layer.mean)
        spread = ops.maximum(ops.sqrt(value_of(layer.variance)), keras.config.epsilon())
        return (spread, mean) if layer.invert else (1 / spread, -mean / spread)
    return None


def _times_constant(layer: Any, constant: tuple[Any, Any], a: Any) -> tuple[list[Part], Any]:
    scale, shift = (ops.cast(part, a.dtype) for part in constant)
    if isinstance(layer, layers.BatchNormalization):
        shape = [1] * len(a.shape)
        shape[layer.axis] = a.shape[layer.axis]
        scale, shift = ops.reshape(scale, shape), ops.reshape(shift, shape)
        after = a * scale + shift
    else:
        after = layer.call(a)
    return [Scale(ops.broadcast_to(scale, (1, *a.shape[1:])))], after


def refuse_other_order(layer: Any) -> None:
    """Raise where a layer changes the order of numbers."""
    if getattr(layer, "data_format", None) == "channels_first":
        raise PenaltyError(
            f"layer {layer.name!r} ({type(layer).__name__}) must not move the channels to the end, as it does with "
            "data_format='channels_first': use 'channels_last', which keeps the order, or Reshape((-1,))",
            layer.name,
        )


def refuse_training(encoder: Sequence[Any] | Any) -> None:
    """Raise where training would make rows depend on each other, as it does in batch normalisation.

    Raises
    ------
    PenaltyError
        For a ``BatchNormalization`` that is trainable: with the statistics of the batch a row has no Jacobian of its own.
    """
    for layer in chain(encoder):
        if isinstance(layer, layers.BatchNormalization) and layer.trainable:
            raise PenaltyError(
                f"layer {layer.name!r} (BatchNormalization) must not take the statistics of the batch while the penalty is "
                "trained on: each row's code would depend on all rows, and a row has no Jacobian of its own. Set its "
                "trainable to False, with which Keras uses its moving statistics, or leave it out of the encoder",
                layer.name,
            )
