"""An autoencoder of dense layers as a PyTorch module, which takes the weights of Contractive's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor, nn

from .tied import TiedLinear

# By the names of the files (docs/model-format.md).
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "softplus": nn.Softplus,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}


class ContractiveAutoencoder(nn.Module):
    """An encoder and a decoder of dense layers.

    Parameters
    ----------
    n_features : int
        Features of a row, d.
    hidden_layer_sizes : sequence of int
        Units of the encoder's layers, the code last.
    decoder_layer_sizes : sequence of int, optional
        Units of the decoder's inner layers; the encoder's, mirrored, if not given.
    activation, code_activation, decoder_activation, output_activation : str, optional
        Names as everywhere in Contractive. ``code_activation`` and ``decoder_activation`` are ``activation`` if not given,
        ``output_activation`` is ``identity``.
    encoder_activations, decoder_activations : sequence of str, optional
        One a layer, in place of those.
    tied : bool, default=False
        Decoder weights are the encoder's, transposed.

    Attributes
    ----------
    encoder : nn.Sequential
        From rows (N, d) to codes (N, k).
    decoder : nn.Sequential
        Back.
    """

    def __init__(
        self,
        n_features: int,
        hidden_layer_sizes: Sequence[int],
        *,
        decoder_layer_sizes: Sequence[int] | None = None,
        activation: str = "relu",
        code_activation: str | None = None,
        decoder_activation: str | None = None,
        output_activation: str = "identity",
        encoder_activations: Sequence[str] | None = None,
        decoder_activations: Sequence[str] | None = None,
        tied: bool = False,
    ) -> None:
        super().__init__()
        down = [n_features, *hidden_layer_sizes]
        inner = list(hidden_layer_sizes[-2::-1]) if decoder_layer_sizes is None else list(decoder_layer_sizes)
        up = [down[-1], *inner, n_features]
        if len(down) < 2 or min(*down, *up) < 1:
            raise ValueError(f"layers must have 1 unit or more, got {down} and {up}")
        if tied and up != down[::-1]:
            raise ValueError(f"`tied` needs a decoder that mirrors the encoder, {down[::-1]}, got {up}")
        code = activation if code_activation is None else code_activation
        back = activation if decoder_activation is None else decoder_activation
        of_encoder = encoder_activations or [*[activation] * (len(down) - 2), code]
        of_decoder = decoder_activations or [*[back] * (len(up) - 2), output_activation]
        linears = _linears(down)
        backs: list[nn.Module] = [TiedLinear(layer) for layer in linears[::-1]] if tied else [*_linears(up)]
        self.tied = tied
        self.encoder = _sequential(linears, of_encoder)
        self.decoder = _sequential(backs, of_decoder)

    def forward(self, x: Tensor) -> Tensor:
        """Give the reconstruction of rows x, shape (N, d)."""
        return self.decoder(self.encoder(x))


def _linears(sizes: Sequence[int]) -> list[nn.Linear]:
    return [nn.Linear(n, m) for n, m in pairwise(sizes)]


def _sequential(layers: Sequence[nn.Module], activations: Sequence[str]) -> nn.Sequential:
    if len(activations) != len(layers):
        raise ValueError(f"activations must be one a layer, {len(layers)}, got {len(activations)}")
    modules: list[nn.Module] = []
    for layer, name in zip(layers, activations, strict=True):
        if name not in ACTIVATIONS:
            raise ValueError(f"an activation must be one of {', '.join(ACTIVATIONS)}, got {name!r}")
        modules += [layer] if name == "identity" else [layer, ACTIVATIONS[name]()]
    return nn.Sequential(*modules)
