"""Our models as Keras' and Keras' as ours."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import activations, layers, ops

from .._from_layers import Layer, layers_of, model_of, model_of_layers
from ..saved import load
from .autoencoder import ContractiveAutoencoder
from .errors import PenaltyError
from .penalties import PENALTIES
from .reading import IDLE, affine, chain, refuse_other_order
from .slopes import calls_keras, name_of_function

if TYPE_CHECKING:
    from .. import ContractiveAutoencoder as Estimator

_TO_KERAS = {"identity": "linear"}
# What our other penalties are in Keras: those that estimate the exact one.
_ESTIMATES = {"projection": "jacobian", "finite_difference": "jacobian"}


def to_keras(model_or_estimator: Any, *, dtype: Any = None) -> ContractiveAutoencoder:
    """Give one of our autoencoders as a Keras model with its weights.

    Its ``encoder`` and ``decoder`` are ``keras.Sequential``; kernels are our weights transposed. It takes and gives rows as
    the network sees them: how the estimator scales rows first (its ``scale``) is not part of it, and
    ``estimator.model_.scaled(X)`` gives those rows. The decoder of a model with tied weights has a copy, transposed: trained
    further in Keras, the two move apart.

    Parameters
    ----------
    model_or_estimator : contractive.ContractiveAutoencoder or path
        A fitted estimator, its ``model_``, or a directory that ``cae train`` or ``save`` left.
    dtype : str or keras.DTypePolicy, optional
        Of the layers; by default Keras' own.

    Returns
    -------
    contractive.keras.ContractiveAutoencoder
        Built, not compiled, with the contraction and the penalty of the model.

    Warns
    -----
    UserWarning
        Where the model was trained with a penalty that is not here: then ``contraction`` is 0.

    Raises
    ------
    TypeError
        For anything but one of our autoencoders.
    NotFittedError
        For an estimator that was not fitted.
    """
    if isinstance(model_or_estimator, (str, os.PathLike)):
        model_or_estimator = load(model_or_estimator)
    model = model_of(model_or_estimator)
    stacks = layers_of(model)
    told = json.loads(model.describe())["objective"]
    kind, contraction = told["penalty"]["kind"], told["contraction"]
    penalty = _ESTIMATES.get(kind, kind)
    if penalty not in PENALTIES:
        if contraction > 0:
            warnings.warn(
                f"contractive.keras has no penalty {kind!r}: the model is given contraction=0; its penalties are "
                f"{', '.join(PENALTIES)}",
                UserWarning,
                stacklevel=2,
            )
        penalty, contraction = "jacobian", 0.0
    encoder, decoder = (_sequential(name, getattr(stacks, name), dtype) for name in ("encoder", "decoder"))
    made = ContractiveAutoencoder(encoder, decoder, contraction=contraction, penalty=penalty, dtype=dtype)
    made.build((None, model.n_features))
    return made


def _sequential(name: str, stack: Sequence[Layer], dtype: Any) -> Any:
    # Inputs of another type would be rounded to it.
    inputs = None if dtype is None else keras.dtype_policies.get(dtype).compute_dtype
    found: list[Any] = [keras.Input((np.shape(stack[0].weight)[1],), dtype=inputs)]
    for of in stack:
        # Keras' function of that name has a slope of 0.2 below 0.
        is_leaky = of.activation == "leaky_relu"
        activation = "linear" if is_leaky else _TO_KERAS.get(of.activation, of.activation)
        found.append(layers.Dense(len(of.bias), activation=activation, dtype=dtype))
        if is_leaky:
            found.append(layers.LeakyReLU(negative_slope=0.01, dtype=dtype))
    made = keras.Sequential(found, name=name)
    weights = [array for of in stack for array in (np.asarray(of.weight).T, np.asarray(of.bias))]
    made.set_weights(weights)
    return made


def from_keras(
    model: Any,
    decoder: Any = None,
    *,
    code: str | None = None,
    tied: bool = False,
    loss: str = "mse",
    penalty: str | dict[str, Any] | None = None,
    contraction: float | None = None,
    feature_names: Sequence[str] | None = None,
    image_shape: tuple[int, int] | None = None,
) -> Estimator:
    """Give a Keras autoencoder as one of our estimators: it encodes, scores, is evaluated and saved by our core.

    Constants (batch normalisation as inference computes it, ``Normalization``, ``Rescaling``) are folded into the weights
    beside them in 64 bits. Weights become 32-bit numbers.

    Parameters
    ----------
    model : keras.Model, or (encoder, decoder)
        One with the attributes ``encoder`` and ``decoder``, such as :class:`contractive.keras.ContractiveAutoencoder`; or an
        encoder, with ``decoder`` beside it; or a chain from rows to reconstructions, with ``code``. Each is what
        :func:`contractive.keras.jacobian_penalty` takes, and built.
    decoder : keras.Model or list of layers, optional
        The decoder of an encoder given as ``model``.
    code : str, optional
        In a chain, the name of the layer whose output is the code.
    tied : bool, default=False
        Say that the decoder's weights are the encoder's, transposed; it is checked.
    loss : {"mse", "sse", "bce", "cross_entropy"}, default="mse"
        What it was trained for.
    penalty : str or dict, optional
        What it was trained for; by default the model's own, or ``"jacobian"``.
    contraction : float, optional
        Its weight; by default the model's own, or 0.
    feature_names : sequence of str, optional
        Names of the features.
    image_shape : tuple of int, optional
        (height, width) where rows are images; the estimator takes them flattened.

    Returns
    -------
    contractive.ContractiveAutoencoder
        Fitted, with ``scale="none"``.

    Raises
    ------
    PenaltyError
        For a layer, or an activation with parameters, that our models do not have; the message names it.
    ValueError
        Where sizes do not follow each other, weights said to be tied are not, or a number is not finite.
    """
    encoder, decoder = _halves(model, decoder, code)
    return model_of_layers(
        _dense(encoder, "encoder"),
        _dense(decoder, "decoder"),
        tied=tied,
        loss=loss,
        penalty=(getattr(model, "penalty", None) or "jacobian") if penalty is None else penalty,
        contraction=(getattr(model, "contraction", None) or 0.0) if contraction is None else contraction,
        feature_names=feature_names,
        image_shape=image_shape,
        source="Keras",
    )


def _halves(model: Any, decoder: Any, code: str | None) -> tuple[list[Any], list[Any]]:
    if decoder is not None:
        return chain(model), chain(decoder)
    if isinstance(model, (tuple, list)) and len(model) == 2 and code is None:
        return chain(model[0]), chain(model[1])
    if hasattr(model, "encoder") and hasattr(model, "decoder"):
        return chain(model.encoder), chain(model.decoder)
    found = chain(model)
    names = [layer.name for layer in found]
    if code not in names:
        raise ValueError(
            "`code` must name the layer whose output is the code, for the model has no attributes `encoder` and `decoder`: "
            f"one of {', '.join(names)}; got {code!r}"
        )
    at = names.index(code) + 1
    return found[:at], found[at:]


def _dense(found: Sequence[Any], stack: str) -> list[Layer]:
    """Give a chain of Keras layers as dense layers of ours."""
    made: list[Layer] = []
    # a ↦ scale · a + shift, of constants that wait for the next kernel.
    waiting: tuple[Any, Any] | None = None
    is_linear = False  # whether the last layer of ours has no activation yet
    for layer in found:
        name, weights = _taken(layer)
        if weights is not None:
            W, b = weights
            if waiting is not None:
                scale, shift = waiting
                if not {np.size(scale), np.size(shift)} <= {1, W.shape[1]}:
                    raise _not_ours(
                        layer, f"a Dense of {W.shape[1]} inputs after constants for {np.size(scale)} channels"
                    )
                b = b + W @ (np.zeros(W.shape[1]) + shift)
                W = W * scale
                waiting = None
            made.append(Layer(W, b, "identity"))
            is_linear = True
        constant = affine(layer)
        if constant is not None:
            scale, shift = (np.asarray(ops.convert_to_numpy(part), np.float64).reshape(-1) for part in constant)
            if is_linear and waiting is None:
                W, b, _ = made[-1]
                if not {scale.size, shift.size} <= {1, len(b)}:
                    raise _not_ours(
                        layer, f"made of constants for {scale.size} channels after a Dense of {len(b)} units"
                    )
                made[-1] = Layer(scale.reshape(-1, 1) * W, scale * b + shift, "identity")
            else:
                before = waiting or (1.0, 0.0)
                waiting = (before[0] * scale, before[1] * scale + shift)
        if name not in (None, "identity"):
            if not is_linear or waiting is not None:
                raise _not_ours(layer, f"an activation that follows no Dense of the {stack}")
            made[-1] = made[-1]._replace(activation=name)
            is_linear = False
    if waiting is not None or not made:
        raise ValueError(
            f"the {stack} must end in a Dense and its activation: what stands after it cannot be folded into one"
        )
    return made


def _taken(layer: Any) -> tuple[str | None, tuple[Any, Any] | None]:
    """Give a layer's activation by our name, and its weight (out, in) and bias in 64 bits; None where it has none."""
    if not isinstance(layer, keras.Layer) or not calls_keras(layer):
        raise _not_ours(layer, "a layer of its own")
    if isinstance(layer, (layers.Dense, layers.Activation)):
        name = _activation_of(layer)
        if isinstance(layer, layers.Activation):
            return name, None
        if not layer.built:
            raise ValueError(f"layer {layer.name!r} must be built: call the model on some rows first")
        W = np.asarray(ops.convert_to_numpy(layer.kernel), np.float64).T
        b = np.zeros(len(W)) if layer.bias is None else np.asarray(ops.convert_to_numpy(layer.bias), np.float64)
        return name, (W, b)
    if isinstance(layer, layers.ReLU) and (layer.max_value, layer.negative_slope, layer.threshold) == (None, 0, 0):
        return "relu", None
    if isinstance(layer, layers.LeakyReLU) and np.float32(layer.negative_slope) == np.float32(0.01):
        return "leaky_relu", None
    if isinstance(layer, layers.ELU) and layer.alpha == 1:
        return "elu", None
    if affine(layer) is not None or isinstance(layer, IDLE):
        return None, None
    if isinstance(layer, (layers.Flatten, layers.Reshape)):
        refuse_other_order(layer)
        return None, None
    raise _not_ours(layer, "a layer with other settings, or of another kind")


def _activation_of(layer: Any) -> str:
    function = layer.activation
    if isinstance(function, keras.Layer):
        name, weights = _taken(function)
        if name is not None and weights is None:
            return name
    name = "identity" if function is None or function is activations.linear else name_of_function(function)
    if name is None:
        told = getattr(function, "__name__", type(function).__name__)
        raise _not_ours(layer, f"the activation {told}")
    return name


def _not_ours(layer: Any, what: str) -> PenaltyError:
    return PenaltyError(
        f"layer {layer.name!r} ({type(layer).__name__}) is {what}: our models are chains of Dense with identity, sigmoid, "
        "tanh, relu, leaky_relu (slope 0.01), softplus, elu (alpha 1), silu or gelu (erf form), and constants between them",
        layer.name,
    )
