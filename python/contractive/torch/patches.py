"""Models of patches as convolutions: a picture of any size in, its code map and its reconstruction out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .autoencoder import ACTIVATIONS

if TYPE_CHECKING:
    from .._from_layers import Layer


class PatchAutoencoder(nn.Module):
    """A contractive autoencoder of patches, applied at every place of a picture.

    The encoder is ``Conv2d(C, m, patch, stride)`` and 1 × 1 layers; the decoder restores the patch of each place, by 1 × 1
    layers, and each pixel is the mean of the patches over it. As one trained by ``cae train --patch``, for pictures whose
    sides are ``patch`` and whole strides more: at other sizes ``cae`` has a last row or column of patches at the edge, which
    a convolution has not.

    Parameters
    ----------
    patch, stride : int
        Pixels of a patch's side, and from one patch to the next.
    channels : int
        Numbers a pixel, C.
    encoder, decoder : sequence of Layer
        The dense layers of a patch, whose d = patch · patch · C numbers are in the order (row, column, channel).

    Attributes
    ----------
    encoder : torch.nn.Sequential
        Pictures (N, C, H, W) to code maps (N, k, h, w); ``jacobian_penalty`` takes it.
    decoder : torch.nn.Sequential
        Code maps to patches, (N, C · patch · patch, h, w), in the order (channel, row, column).
    """

    def __init__(
        self, patch: int, stride: int, channels: int, encoder: Sequence[Layer], decoder: Sequence[Layer]
    ) -> None:
        super().__init__()
        self.patch, self.stride, self.channels = patch, stride, channels
        shape = (patch, patch, channels)
        parts: list[nn.Module] = []
        for i, layer in enumerate(encoder):
            weight = torch.as_tensor(layer.weight)
            kernel = weight.reshape(-1, *shape).permute(0, 3, 1, 2) if i == 0 else weight[:, :, None, None]
            parts += _layer(kernel, layer, stride if i == 0 else 1)
        self.encoder = nn.Sequential(*parts)
        parts = []
        # Patches are put together channel by channel.
        order = torch.arange(patch * patch * channels).reshape(shape).permute(2, 0, 1).flatten()
        for i, layer in enumerate(decoder):
            weight, bias = torch.as_tensor(layer.weight), torch.as_tensor(layer.bias)
            if i == len(decoder) - 1:
                weight, bias = weight[order], bias[order]
            parts += _layer(weight[:, :, None, None], layer._replace(bias=bias), 1)
        self.decoder = nn.Sequential(*parts)

    def encode(self, pictures: Tensor) -> Tensor:
        """Give the code maps (N, k, h, w) of pictures (N, C, H, W).

        Raises
        ------
        ValueError
            If a side is not ``patch`` and whole strides more.
        """
        for what, side in (("height", pictures.shape[-2]), ("width", pictures.shape[-1])):
            over = (side - self.patch) % self.stride if side >= self.patch else -1
            if over:
                sizes = f"{self.patch}, {self.patch + self.stride}, {self.patch + 2 * self.stride}, …"
                raise ValueError(
                    f"the {what} of pictures must be one of {sizes}, so that the patches are those of a convolution, "
                    f"got {side}"
                )
        return self.encoder(pictures)

    def decode(self, codes: Tensor) -> Tensor:
        """Give the pictures (N, C, H, W) of code maps (N, k, h, w): the means of overlapping patches."""
        places = codes.shape[-2:]
        size = [(n - 1) * self.stride + self.patch for n in places]
        patches = self.decoder(codes).flatten(2)
        sums = F.fold(patches, size, self.patch, stride=self.stride)
        ones = torch.ones_like(patches[:1, : self.patch * self.patch])
        return sums / F.fold(ones, size, self.patch, stride=self.stride)

    def forward(self, pictures: Tensor) -> Tensor:
        """Give the reconstructions of pictures (N, C, H, W)."""
        return self.decode(self.encode(pictures))


def _layer(kernel: Tensor, layer: Any, stride: int) -> list[nn.Module]:
    out, before, k, _ = kernel.shape
    convolution = nn.Conv2d(before, out, k, stride=stride, device=kernel.device)
    with torch.no_grad():
        convolution.weight.copy_(kernel)
        convolution.bias.copy_(torch.as_tensor(layer.bias))
    return [convolution, ACTIVATIONS[layer.activation]()]
