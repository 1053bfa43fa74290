"""The objective of a contractive autoencoder: reconstruction + contraction · penalty, means over rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import penalties
from .reduction import reduced

_RECONSTRUCTIONS = ("mse", "sse", "bce", "cross_entropy")
_PENALTIES: dict[str, Callable[..., Tensor]] = {
    "jacobian": penalties.jacobian_penalty,
    "jacobian_norm": penalties.jacobian_norm,
    "layerwise": penalties.layerwise,
    "hessian": penalties.hessian,
    "reconstruction": penalties.reconstruction,
}


class Terms(NamedTuple):
    """What is minimised, and the parts it is made of."""

    total: Tensor
    reconstruction: Tensor
    penalty: Tensor


class ContractiveLoss(nn.Module):
    """Reconstruction + contraction · penalty.

    Parameters
    ----------
    reconstruction : {"mse", "sse", "bce", "cross_entropy"} or callable, default="mse"
        Of a row: the mean over features of the squared error, its sum, the mean binary cross-entropy, its sum. A decoder
        that is an ``nn.Sequential`` ending in ``Sigmoid`` is then asked for logits. A function takes outputs and targets
        and gives a scalar or a value a row.
    contraction : float, default=1e-4
        λ, 0 or more.
    penalty : {"jacobian", "jacobian_norm", "layerwise", "hessian", "reconstruction"}, default="jacobian"
        Which function of this module.
    reduction : {"mean", "sum", "none"}, default="mean"
        Over rows.
    **options
        Of the penalty, such as ``method``, ``probes``, ``sigma``, ``derivatives`` or ``chunk_rows``.

    Examples
    --------
    >>> import torch
    >>> from contractive.torch import ContractiveAutoencoder, ContractiveLoss
    >>> autoencoder = ContractiveAutoencoder(784, (64, 16), activation="relu")
    >>> loss = ContractiveLoss("mse", contraction=1e-3)
    >>> x = torch.rand(32, 784)
    >>> loss(autoencoder, x).backward()
    >>> total, reconstruction, penalty = loss.terms(autoencoder, x)
    """

    def __init__(
        self,
        reconstruction: str | Callable[[Tensor, Tensor], Tensor] = "mse",
        contraction: float = 1e-4,
        penalty: str = "jacobian",
        reduction: str = "mean",
        **options: Any,
    ) -> None:
        super().__init__()
        if not callable(reconstruction) and reconstruction not in _RECONSTRUCTIONS:
            allowed = ", ".join(_RECONSTRUCTIONS)
            raise ValueError(f"`reconstruction` must be one of {allowed}, or a function, got {reconstruction!r}")
        if penalty not in _PENALTIES:
            raise ValueError(f"`penalty` must be one of {', '.join(_PENALTIES)}, got {penalty!r}")
        if not contraction >= 0:
            raise ValueError(f"`contraction` must be 0 or more, got {contraction}")
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"`reduction` must be one of mean, sum, none, got {reduction!r}")
        self.reconstruction, self.contraction, self.penalty = reconstruction, contraction, penalty
        self.reduction, self.options = reduction, options

    def forward(self, autoencoder: Any, x: Tensor, target: Tensor | None = None) -> Tensor:
        """Give what to minimise.

        Parameters
        ----------
        autoencoder : nn.Module with ``encoder`` and ``decoder``, or a pair of modules
            The penalty is that of the encoder at x.
        x : Tensor of shape (N, …)
            Rows.
        target : Tensor of shape (N, …), optional
            What the decoder should give; x if not given. A denoising autoencoder takes noisy x and clean targets.
        """
        return self.terms(autoencoder, x, target).total

    def terms(self, autoencoder: Any, x: Tensor, target: Tensor | None = None) -> Terms:
        """Give total, reconstruction and penalty, each reduced; the penalty without its factor."""
        encoder, decoder = parts_of(autoencoder)
        penalty, code = self._penalty(encoder, decoder, x)
        errors = self._errors(decoder, encoder(x) if code is None else code, x if target is None else target)
        error = errors if errors.ndim == 0 else reduced(errors, self.reduction)
        return Terms(error + self.contraction * penalty, error, penalty)

    def _penalty(self, encoder: nn.Module, decoder: nn.Module, x: Tensor) -> tuple[Tensor, Tensor | None]:
        penalise = _PENALTIES[self.penalty]
        if self.penalty == "reconstruction":
            return penalise(encoder, decoder, x, reduction=self.reduction, **self.options), None
        # Under autocast the code is computed again, as the rest of the network is.
        if self.penalty == "jacobian" and not torch.is_autocast_enabled(x.device.type):
            value, code = penalise(encoder, x, reduction=self.reduction, return_code=True, **self.options)
            return value, code
        return penalise(encoder, x, reduction=self.reduction, **self.options), None

    def _errors(self, decoder: nn.Module, code: Tensor, target: Tensor) -> Tensor:
        """Give the error of each row, (N,), or what the user's function gives."""
        if callable(self.reconstruction):
            return self.reconstruction(decoder(code), target)
        if self.reconstruction in ("mse", "sse"):
            each = (decoder(code) - target).square().flatten(1)
        else:
            each = _cross_entropies(decoder, code, target).flatten(1)
        return each.mean(1) if self.reconstruction in ("mse", "bce") else each.sum(1)


def _cross_entropies(decoder: nn.Module, code: Tensor, target: Tensor) -> Tensor:
    if isinstance(decoder, nn.Sequential) and type(decoder[-1]) is nn.Sigmoid:
        return F.binary_cross_entropy_with_logits(decoder[:-1](code), target, reduction="none")
    # The sigmoid is somewhere inside: its output is all there is.
    return F.binary_cross_entropy(decoder(code), target, reduction="none")


def parts_of(autoencoder: Any) -> tuple[nn.Module, nn.Module]:
    """Give encoder and decoder of a pair, or of a module that has both."""
    if isinstance(autoencoder, tuple | list) and len(autoencoder) == 2:
        return autoencoder[0], autoencoder[1]
    kind = type(autoencoder).__name__
    if isinstance(getattr(autoencoder, "module", None), nn.Module):
        # Past its forward, DistributedDataParallel does not sum gradients, and says nothing.
        raise ValueError(
            f"a {kind} must wrap autoencoder and loss together, as {kind}(Objective(autoencoder, loss)): its forward "
            f"must be what "
            "computes them"
        )
    if not hasattr(autoencoder, "encoder") or not hasattr(autoencoder, "decoder"):
        raise ValueError(
            f"an autoencoder must be a pair (encoder, decoder) or a module with both as attributes, got {kind}"
        )
    return autoencoder.encoder, autoencoder.decoder


class Objective(nn.Module):
    """An autoencoder with its loss as one module, whose ``forward`` gives what to minimise.

    Wrappers that prepare a module's parameters in its ``forward``, as ``DistributedDataParallel``, FSDP and trainers do,
    wrap this: ``DistributedDataParallel(Objective(autoencoder, ContractiveLoss()))``.

    Parameters
    ----------
    autoencoder : nn.Module with ``encoder`` and ``decoder``
        What is trained.
    loss : ContractiveLoss
        How it is judged.
    """

    def __init__(self, autoencoder: nn.Module, loss: ContractiveLoss) -> None:
        super().__init__()
        self.autoencoder, self.loss = autoencoder, loss

    def forward(self, x: Tensor, target: Tensor | None = None) -> Tensor:
        """Give the loss at rows x, (N, …)."""
        return self.loss(self.autoencoder, x, target)
