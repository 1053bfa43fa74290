"""Our autoencoders as PyTorch modules, and dense PyTorch autoencoders as ours."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .._from_layers import Layer, layers_of, model_of, model_of_layers
from .._tensor_file import tensors_as_bytes
from ..importing import import_weights
from .autoencoder import ACTIVATIONS, ContractiveAutoencoder
from .errors import PenaltyError
from .loss import parts_of
from .patches import PatchAutoencoder
from .tied import TiedLinear

if TYPE_CHECKING:
    from ..autoencoder import ContractiveAutoencoder as Estimator

_NAMES = {made().__class__: name for name, made in ACTIVATIONS.items()}


def to_torch(
    model_or_estimator: Any, *, dtype: torch.dtype = torch.float32, device: Any = None
) -> ContractiveAutoencoder | PatchAutoencoder:
    """Give a trained autoencoder as a PyTorch module, with its weights copied.

    Parameters
    ----------
    model_or_estimator : ContractiveAutoencoder or path
        A fitted estimator of ``contractive``, or a directory that ``cae train`` or ``save`` left.
    dtype : torch.dtype, default=torch.float32
        Of the parameters.
    device : torch.device or str, optional
        Where they go; PyTorch's default if not given.

    Returns
    -------
    ContractiveAutoencoder
        It takes and gives rows in the network's units: where the estimator scales features,
        ``torch.from_numpy(estimator.model_.scaled(X))``. Of a model of patches (``cae train --patch``) a
        :class:`PatchAutoencoder`, which takes whole pictures (N, C, H, W), with values in [0, 1]; tied weights are copied.

    Raises
    ------
    ValueError
        If a model of patches scales its pixels.
    """
    if isinstance(model_or_estimator, str | os.PathLike):
        from ..saved import load

        model_or_estimator = load(model_or_estimator)
    stacks = layers_of(model_or_estimator)
    told = json.loads(model_of(model_or_estimator).describe())
    if told.get("patch") is not None:
        if told["scale"] != "none":
            raise ValueError(f"a model of patches must not scale its pixels to be a convolution, got {told['scale']!r}")
        convolution = PatchAutoencoder(
            told["patch"], told["stride"], told["picture_shape"][2], stacks.encoder, stacks.decoder
        )
        convolution.to(device=device, dtype=dtype)
        return convolution
    module = ContractiveAutoencoder(
        stacks.encoder[0].weight.shape[1],
        [len(layer.bias) for layer in stacks.encoder],
        decoder_layer_sizes=[len(layer.bias) for layer in stacks.decoder[:-1]],
        encoder_activations=[layer.activation for layer in stacks.encoder],
        decoder_activations=[layer.activation for layer in stacks.decoder],
        tied=stacks.tied,
    )
    module.to(device=device, dtype=dtype)
    for stack, layers in ((module.encoder, stacks.encoder), (module.decoder, stacks.decoder)):
        linears = [part for part in stack if isinstance(part, nn.Linear | TiedLinear)]
        with torch.no_grad():
            for linear, layer in zip(linears, layers, strict=True):
                linear.bias.copy_(torch.tensor(layer.bias))
                if isinstance(linear, nn.Linear):
                    linear.weight.copy_(torch.tensor(layer.weight))
    return module


def from_torch(
    module: Any,
    *,
    loss: str = "mse",
    penalty: str | dict[str, Any] = "jacobian",
    contraction: float = 0.0,
    feature_names: list[str] | None = None,
    image_shape: tuple[int, int] | None = None,
    **layers: Any,
) -> Estimator:
    """Give a dense PyTorch autoencoder as a fitted estimator, which encodes, scores, saves and reports as any other.

    Parameters
    ----------
    module : nn.Module with ``encoder`` and ``decoder``, a pair of modules, a state dict, or a path
        Modules are each an ``nn.Sequential`` of ``Linear``, the activations of Contractive with their default settings, and
        what does nothing in eval mode (``Dropout``, ``Flatten``, ``Identity``); ``BatchNorm1d`` is folded into the layer
        before it. A state dict, or the ``.pt`` or ``.safetensors`` file of one, holds no activations: they are given.
        ``.pt`` files are read with ``weights_only=True``, which runs no code.
    loss, penalty, contraction : optional
        What it was trained for, as the estimator's parameters: ``evaluate`` and the reports tell them.
    feature_names : list of str, optional
        Names of the d features.
    image_shape : tuple of int, optional
        (height, width) where rows are images.
    **layers
        Of a state dict: ``activation``, ``code_activation``, ``layers`` and the rest of :func:`contractive.import_weights`.

    Returns
    -------
    contractive.ContractiveAutoencoder
        With 32-bit weights and no scaling. Of a state dict ``import_report_`` says what became of every tensor.

    Raises
    ------
    PenaltyError
        For a module that a dense autoencoder cannot have, by name.
    ValueError
        Where sizes do not follow each other, a number is not finite, or a state dict can be understood in several ways.

    Examples
    --------
    >>> import torch
    >>> from contractive.torch import from_torch
    >>> encoder = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Tanh())
    >>> from_torch((encoder, torch.nn.Linear(2, 4))).transform(torch.zeros(3, 4).numpy()).shape
    (3, 2)
    """
    told: dict[str, Any] = {"loss": loss, "penalty": penalty, "contraction": contraction}
    told |= {"feature_names": feature_names, "image_shape": image_shape}
    if isinstance(module, str | os.PathLike):
        if os.fspath(module).endswith(".safetensors"):
            return import_weights(module, **told, **layers)
        module = state_of(module)
    if isinstance(module, Mapping):
        return _of_state(module, told, layers)
    if layers:
        raise TypeError(f"from_torch() takes `{next(iter(layers))}` for a state dict alone: a module tells it")
    encoder, decoder = parts_of(module)
    tied = any(isinstance(part, TiedLinear) for part in decoder.modules())
    return model_of_layers(
        _checked_layers("encoder", encoder), _checked_layers("decoder", decoder), tied=tied, source="PyTorch", **told
    )


def _of_state(state: Mapping[str, Tensor], told: dict[str, Any], layers: dict[str, Any]) -> Estimator:
    """Import the tensors of a state dict, by way of a file of them."""
    arrays = {name: _numbers(value) for name, value in state.items() if value.is_floating_point()}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "state.safetensors")
        with open(path, "wb") as file:
            file.write(tensors_as_bytes(arrays))
        return import_weights(path, **told, **layers)


def _checked_layers(stack: str, module: nn.Module) -> list[Layer]:
    """Give the layers of a module that computes in eval mode what they do, and no more.

    A forward of the user's own class, or a hook, does not show in the layers.
    """
    linear = next((part for part in module.modules() if isinstance(part, nn.Linear | TiedLinear)), None)
    if linear is None:
        return _layers(stack, module)
    modes = [(part, part.training) for part in module.modules()]
    like = linear.bias if linear.bias is not None else linear.weight
    rows = torch.randn(3, linear.weight.shape[1], generator=torch.Generator().manual_seed(0), device="cpu")
    try:
        module.eval()
        layers = _layers(stack, module)  # first, for what it refuses by name
        with torch.no_grad():
            found = module(rows.to(like)).flatten(1).double().cpu()
    finally:
        for part, mode in modes:
            part.training = mode
    layers = _layers(stack, module)  # again, for hooks put weights there at each call: weight_norm and pruning
    a = rows.to(like.dtype).double()
    for layer in layers:
        bias = 0 if layer.bias is None else torch.as_tensor(layer.bias, device="cpu")
        a = ACTIVATIONS[layer.activation]()(a @ torch.as_tensor(layer.weight, device="cpu").T + bias)
    tolerance = torch.finfo(like.dtype).eps ** 0.5 * max(1.0, float(a.abs().max()))
    if found.shape != a.shape or not torch.allclose(found, a, rtol=0, atol=tolerance, equal_nan=True):
        raise PenaltyError(
            f"the {stack} must compute what its layers do one after the other, and gives other values: the forward of a "
            "class of your own, or a hook, does more",
            stack,
        )
    return layers


def _layers(stack: str, module: nn.Module) -> list[Layer]:
    """Give the dense layers of an ``nn.Sequential``, or of one ``nn.Linear``."""
    found: list[Layer] = []
    for name, part in module.named_modules(remove_duplicate=False):
        if isinstance(part, nn.Sequential | nn.Flatten | nn.Unflatten | nn.Identity | nn.Dropout):
            continue
        place = f"{stack}.{name}" if name else stack
        if isinstance(part, nn.Linear | TiedLinear):
            bias = None if part.bias is None else _numbers(part.bias)
            found.append(Layer(_numbers(part.weight), bias, "identity"))
        elif isinstance(part, nn.BatchNorm1d) and found and found[-1].activation == "identity":
            found[-1] = _normalised(part, found[-1])
        elif type(part) in _NAMES and found and found[-1].activation == "identity":
            found[-1] = found[-1]._replace(activation=_activation(place, part))
        else:
            if stack == "encoder" and isinstance(part, nn.Conv1d | nn.Conv2d):
                _refuse_convolutions(place, part, module)
            raise PenaltyError(
                f"module {place!r} ({type(part).__name__}) is none that a dense autoencoder has there: layers are "
                f"Linear, each "
                f"followed by at most one of {', '.join(kind.__name__ for kind in _NAMES)}",
                place,
            )
    return found


def _refuse_convolutions(place: str, first: nn.Module, encoder: nn.Module) -> None:
    """Say of an encoder of convolutions where it can be trained: with a second spatial layer by this module alone."""
    kinds = (nn.Conv1d, nn.Conv2d)
    spatial = [name for name, part in encoder.named_modules() if isinstance(part, kinds) and max(part.kernel_size) > 1]
    if len(spatial) < 2:
        of_pictures = "`cae train --patch` trains such an encoder of pictures, `to_torch` gives it, and "
        raise PenaltyError(
            f"module {place!r} ({type(first).__name__}) is none that a dense autoencoder has: "
            f"{of_pictures if isinstance(first, nn.Conv2d) else ''}`jacobian_penalty` takes it as it is",
            place,
        )
    place = f"encoder.{spatial[1]}"
    raise PenaltyError(
        f"module {place!r} is a second spatial layer: outputs share hidden units, so that the penalty is no sum over places "
        "and no model of patches has it. Train such an encoder in PyTorch, with `jacobian_penalty` or `ContractiveLoss` of "
        "contractive.torch: method='probes' estimates its penalty, method='exact' costs the more the larger the code",
        place,
    )


def _activation(place: str, module: nn.Module) -> str:
    """Give the name of an activation, where its settings are ours."""
    name = _NAMES[type(module)]
    usual = ACTIVATIONS[name]()
    for setting in ("negative_slope", "alpha", "beta", "threshold", "approximate"):
        ours, theirs = getattr(usual, setting, None), getattr(module, setting, None)
        if ours != theirs:
            raise PenaltyError(
                f"module {place!r} ({type(module).__name__}) must have {setting}={ours!r}, got {theirs!r}", place
            )
    return name


def _normalised(norm: nn.BatchNorm1d, layer: Layer) -> Layer:
    """Fold a normalisation with its running statistics into the layer before it."""
    if norm.running_mean is None or norm.running_var is None:
        raise PenaltyError("BatchNorm1d must have running statistics to be folded into a layer")
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    scale = scale if norm.weight is None else scale * norm.weight.detach().double()
    shift = 0 if norm.bias is None else norm.bias.detach().double()
    weight, bias = (
        torch.tensor(layer.weight),
        torch.zeros_like(scale) if layer.bias is None else torch.tensor(layer.bias),
    )
    moved = scale.cpu() * (bias - norm.running_mean.double().cpu()) + (
        shift.cpu() if isinstance(shift, Tensor) else shift
    )
    return Layer((scale.cpu()[:, None] * weight).numpy(), moved.numpy(), layer.activation)


def _numbers(values: Tensor) -> Any:
    return values.detach().double().cpu().numpy()


def state_of(path: str | os.PathLike[str]) -> Mapping[str, Tensor]:
    """Read the tensors of a ``.pt`` file without running its code.

    Raises
    ------
    ValueError
        Where the file holds more than tensors and plain containers, or no state dict.
    """
    state = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    tensors = {str(name): value for name, value in state.items()} if isinstance(state, Mapping) else {}
    if not tensors or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise ValueError(f"{path} must hold a state dict: tensors by name")
    return tensors
