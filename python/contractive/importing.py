"""Weights that another program trained, from a file of tensors: what ``cae import`` does."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _core
from ._from_layers import objective_of
from ._settings import speaking_parameters
from .saved import estimator_of

if TYPE_CHECKING:
    from .autoencoder import ContractiveAutoencoder


def import_weights(
    path: str | os.PathLike[str],
    *,
    layers: Sequence[str] | None = None,
    decoder_layers: Sequence[str] | None = None,
    activation: str | None = None,
    code_activation: str | None = None,
    decoder_activation: str | None = None,
    output_activation: str | None = None,
    tied: bool = False,
    kernel: str | None = None,
    loss: str = "mse",
    penalty: str | dict[str, Any] = "jacobian",
    contraction: float = 0.0,
    feature_names: Sequence[str] | None = None,
    image_shape: tuple[int, int] | None = None,
) -> ContractiveAutoencoder:
    """Read the Linear layers of a ``.safetensors`` file as a fitted estimator; no code is run.

    Parameters
    ----------
    path : path
        The file. ``.pt`` files are read by :func:`contractive.torch.from_torch`.
    layers, decoder_layers : sequence of str, optional
        The encoder's and the decoder's layers in their order, each by what stands before ``.weight``; the end of a name is
        enough. By default told by names and sizes, where those leave one way alone.
    activation, code_activation : str
        Of the encoder's layers before the code, and of the code: a file of weights does not hold them. ``activation`` is
        not needed where there is one layer.
    decoder_activation, output_activation : str, optional
        Of the decoder's layers before the output (the encoder's, if not given), and of the output (sigmoid under a
        cross-entropy, else identity).
    tied : bool, default=False
        Whether the decoder's weights are the encoder's, transposed; a file without decoder has it so in any case.
    kernel : {"out-in", "in-out"}, optional
        How weights lie; by default those called ``kernel`` are (in, out).
    loss, penalty, contraction : optional
        What it was trained for, as the estimator's parameters.
    feature_names : sequence of str, optional
        Names of the d features.
    image_shape : tuple of int, optional
        (height, width) where rows are images.

    Returns
    -------
    ContractiveAutoencoder
        It scales no rows. ``import_report_`` says what became of every tensor: ``tensors``, ``ignored``, ``notes``.

    Raises
    ------
    OSError
        Where the file cannot be read.
    ValueError
        Where it is no such file, or there is more than one way to understand it; the message names the layers.
    """
    if kernel not in (None, "out-in", "in-out"):
        raise ValueError(f"`kernel` must be 'out-in' or 'in-out', got {kernel!r}")
    output = "sigmoid" if loss in ("bce", "cross_entropy") else "identity"
    wishes = {
        "layers": None if layers is None else list(layers),
        "decoder_layers": None if decoder_layers is None else list(decoder_layers),
        "tied": tied,
        "is_turned": None if kernel is None else kernel == "in-out",
        "activation": activation,
        "code_activation": code_activation,
        "decoder_activation": decoder_activation,
        "output_activation": output_activation or output,
        "objective": objective_of(loss, penalty, contraction),
        "feature_names": None if feature_names is None else [str(name) for name in feature_names],
        "image_shape": image_shape,
    }
    with speaking_parameters():
        model, report = _core.import_weights(os.fspath(path), json.dumps(wishes))
    estimator = estimator_of(model)
    vars(estimator)["import_report_"] = json.loads(report)
    return estimator
