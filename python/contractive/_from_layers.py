"""Models of layers that stand elsewhere, and the layers of ours: what ``contractive.torch`` and ``contractive.keras`` share.

A model of somebody else's layers scales no rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import _core
from ._base import fitted
from ._closed_form import SLOPES
from .saved import estimator_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .autoencoder import ContractiveAutoencoder

    Array = NDArray[np.float32]

ACTIVATIONS = ("identity", *SLOPES)


class Layer(NamedTuple):
    """A dense layer: φ(W a + b).

    Attributes
    ----------
    weight : array of shape (out, in)
        W. PyTorch has it so; Keras' kernel is its transpose.
    bias : array of shape (out,), or None
        b; None is 0.
    activation : str
        φ, one of identity, sigmoid, tanh, relu, leaky_relu (slope 0.01), softplus, elu (α = 1), silu, gelu (erf form).
    """

    weight: Any
    bias: Any
    activation: str


class Stacks(NamedTuple):
    """The layers of an encoder and of its decoder, in the order in which rows meet them."""

    encoder: list[Layer]
    decoder: list[Layer]
    tied: bool


def model_of_layers(
    encoder: Sequence[Layer],
    decoder: Sequence[Layer],
    *,
    tied: bool = False,
    loss: str = "mse",
    penalty: str | dict[str, Any] = "jacobian",
    contraction: float = 0.0,
    feature_names: Sequence[str] | None = None,
    image_shape: tuple[int, int] | None = None,
    source: str = "layers",
) -> ContractiveAutoencoder:
    """Make a fitted estimator of the weights of dense layers; it scales no rows.

    Parameters
    ----------
    encoder, decoder : sequence of Layer
        At least one each, d → … → k and k → … → d. Numbers become 32-bit ones; the arrays are copied.
    tied : bool, default=False
        Say that decoder layer l has the weight of encoder layer L − 1 − l, transposed; it is checked, and kept once. The
        decoder's ``weight`` may then be None.
    loss : {"mse", "sse", "bce", "cross_entropy"}, default="mse"
        What it was trained for; the last two need sigmoid outputs.
    penalty : str or dict, default="jacobian"
        What it was trained for, one of the estimator's.
    contraction : float, default=0.0
        Weight of the penalty, at least 0.
    feature_names : sequence of str, optional
        d names.
    image_shape : tuple of int, optional
        (height, width) where rows are images.
    source : str, default="layers"
        Where the layers come from, for the model's provenance.

    Returns
    -------
    ContractiveAutoencoder

    Raises
    ------
    ValueError
        Where sizes do not follow each other, an activation is none of ours, a number is not finite, weights said to be tied
        are not, or the loss does not fit the output.
    """
    encoder, decoder = list(encoder), list(decoder)
    if not encoder or not decoder:
        raise ValueError(
            f"an autoencoder needs at least one layer in its encoder and one in its decoder, got {len(encoder)} and "
            f"{len(decoder)}"
        )
    if tied and len(encoder) != len(decoder):
        raise ValueError(f"tied stacks must be of one depth, got {len(encoder)} and {len(decoder)} layers")
    tensors: dict[str, Array] = {}
    for layer, of in enumerate(encoder):
        _take(tensors, f"encoder.{layer}", of.weight, of)
    for layer, of in enumerate(decoder):
        partner = tensors[f"encoder.{len(encoder) - 1 - layer}.weight"].T if tied else None
        weight = partner if of.weight is None and partner is not None else of.weight
        _take(tensors, f"decoder.{layer}", weight, of)
        if partner is not None and not np.array_equal(tensors.pop(f"decoder.{layer}.weight"), partner):
            raise ValueError(
                f"decoder layer {layer} must have the weight of encoder layer {len(encoder) - 1 - layer}, transposed, to be "
                "tied; import it untied"
            )
    sizes = {
        "encoder": [
            tensors["encoder.0.weight"].shape[1],
            *(len(tensors[f"encoder.{n}.bias"]) for n in range(len(encoder))),
        ]
    }
    sizes["decoder"] = [sizes["encoder"][-1], *(len(tensors[f"decoder.{n}.bias"]) for n in range(len(decoder)))]
    _check_sizes(sizes, tensors)
    description = {
        "architecture": {
            "encoder_sizes": sizes["encoder"],
            "decoder_sizes": sizes["decoder"],
            "encoder_activations": [of.activation for of in encoder],
            "decoder_activations": [of.activation for of in decoder],
            "tied": tied,
        },
        "objective": objective_of(loss, penalty, contraction),
        "feature_names": None if feature_names is None else [str(name) for name in feature_names],
        "image_shape": None if image_shape is None else [int(n) for n in image_shape],
        "source": source,
    }
    return estimator_of(_core.model_of_tensors(json.dumps(description), tensors))


def objective_of(loss: str, penalty: str | dict[str, Any], contraction: float) -> dict[str, Any]:
    """Give what a model was trained for, as its files have it."""
    return {
        "loss": loss,
        "penalty": {"kind": penalty} if isinstance(penalty, str) else dict(penalty),
        "contraction": float(contraction),
        "sparsity": None,
    }


def _take(tensors: dict[str, Array], place: str, weight: Any, layer: Layer) -> None:
    """Check a layer's numbers, and keep them in 32 bits under the names of the file."""
    if layer.activation not in ACTIVATIONS:
        raise ValueError(f"the activation of {place} must be one of {', '.join(ACTIVATIONS)}, got {layer.activation!r}")
    W = np.array(weight, dtype=np.float64)
    if W.ndim != 2 or 0 in W.shape:
        raise ValueError(f"the weight of {place} must have the shape (out, in), got {W.shape}")
    b = np.zeros(len(W)) if layer.bias is None else np.array(layer.bias, dtype=np.float64)
    if b.shape != (len(W),):
        raise ValueError(f"the bias of {place} must have the shape ({len(W)},), got {b.shape}")
    for name, values in (("weight", W), ("bias", b)):
        with np.errstate(over="ignore"):
            single = np.ascontiguousarray(values, dtype="<f4")
        if not np.isfinite(single).all():
            at = tuple(int(n) for n in np.argwhere(~np.isfinite(single))[0])
            raise ValueError(f"the {name} of {place} must hold finite 32-bit numbers, but entry {at} is {values[at]}")
        tensors[f"{place}.{name}"] = single


def _check_sizes(sizes: dict[str, list[int]], tensors: dict[str, Array]) -> None:
    for stack, of in sizes.items():
        for layer, (n_in, n_out) in enumerate(pairwise(of)):
            weight = tensors.get(f"{stack}.{layer}.weight")
            if weight is not None and weight.shape != (n_out, n_in):
                raise ValueError(
                    f"the weight of {stack}.{layer} must have the shape ({n_out}, {n_in}), for {n_in} units come before it, "
                    f"got {weight.shape}"
                )
    if sizes["decoder"][-1] != sizes["encoder"][0]:
        raise ValueError(
            f"the decoder must give as many outputs as the encoder takes inputs, {sizes['encoder'][0]}, got "
            f"{sizes['decoder'][-1]}"
        )


def layers_of(model_or_estimator: Any) -> Stacks:
    """Give the layers of one of our autoencoders, as 32-bit numbers of its own copies.

    Parameters
    ----------
    model_or_estimator : ContractiveAutoencoder or contractive._core.Model
        A fitted one. Its layers take rows as the network sees them, after scaling.

    Returns
    -------
    Stacks
        With tied weights the decoder's are the encoder's, transposed.

    Raises
    ------
    TypeError
        For anything else.
    NotFittedError
        For an estimator that was not fitted.
    """
    model = model_of(model_or_estimator)
    told, tensors = json.loads(model.describe())["architecture"], model.parameters()
    depth = len(told["encoder_activations"])

    def stack(name: str) -> list[Layer]:
        found = []
        for layer, activation in enumerate(told[f"{name}_activations"]):
            weight = tensors.get(f"{name}.{layer}.weight")
            if weight is None:
                weight = np.ascontiguousarray(tensors[f"encoder.{depth - 1 - layer}.weight"].T)
            found.append(Layer(weight, tensors[f"{name}.{layer}.bias"], activation))
        return found

    return Stacks(stack("encoder"), stack("decoder"), bool(told["tied"]))


def model_of(model_or_estimator: Any) -> _core.Model:
    """Give the model of a fitted autoencoder, or a model as it is."""
    from .autoencoder import ContractiveAutoencoder

    if isinstance(model_or_estimator, _core.Model):
        return model_or_estimator
    if not isinstance(model_or_estimator, ContractiveAutoencoder):
        raise TypeError(
            "a fitted contractive.ContractiveAutoencoder must be given (contractive.load reads one), got "
            f"{type(model_or_estimator).__name__}"
        )
    fitted(model_or_estimator)
    return model_or_estimator.model_
