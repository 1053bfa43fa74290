"""The penalties of Contractive on PyTorch modules: exact, differentiable, one value a row.

Definitions are those of the command and the estimators (docs/derivations): sums over inputs and code units, no ½, no
division but the mean over rows, which ``reduction`` takes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from .._closed_form import positive_root
from .encoders import Derivatives, Encoder, Generator
from .reduction import reduced

# Code units above which an encoder that no closed form takes is estimated under method="auto": exact, it costs a backward
# pass a unit.
_WIDE_CODE = 1024


def jacobian_penalty(
    encoder: nn.Module | Callable[[Tensor], Tensor],
    x: Tensor,
    *,
    method: str = "auto",
    reduction: str = "mean",
    spectral_norm: bool = False,
    probes: int = 1,
    draws: Tensor | None = None,
    generator: Generator = None,
    derivatives: Derivatives = None,
    return_code: bool = False,
    chunk_rows: int | None = None,
) -> Any:
    """Give ‖∂f/∂x‖²_F of an encoder f, summed over inputs and code units, for each row or their mean.

    Parameters
    ----------
    encoder : nn.Module or callable
        From rows to codes. An ``nn.Sequential`` of ``Linear``, elementwise activations, ``Dropout``, ``BatchNorm`` in eval
        mode, ``Flatten``, ``Conv1d`` and ``Conv2d`` is computed in closed form; anything else by backward passes, a batch
        of code units at a time.
    x : Tensor of shape (N, …)
        Rows.
    method : {"auto", "exact", "probes"}, default="auto"
        ``"exact"``; ``"probes"`` an unbiased estimate, the mean of ‖vᵀJ‖² over random v; ``"auto"`` exact, except for a
        module without a closed form and more than 1,024 code units, where it says so and takes probes.
    reduction : {"mean", "sum", "none"}, default="mean"
        Over rows; ``"none"`` gives shape (N,).
    spectral_norm : bool, default=False
        Give ‖J‖₂, the largest singular value, in place of ‖J‖²_F; by the smaller of J Jᵀ and Jᵀ J.
    probes : int, default=1
        Vectors v a row, of independent signs ±1.
    draws : Tensor of shape (N, probes, k), optional
        The vectors themselves.
    generator : torch.Generator, optional
        Draws the probes.
    derivatives : dict from module class to function, optional
        φ′ of elementwise modules of your own: ``{Swish: lambda module, z: …}``.
    return_code : bool, default=False
        Give the code too, which is computed anyway: ``(penalty, code)``.
    chunk_rows : int, optional
        Rows at a time. What a chunk needs is computed again for the gradient, so that memory does not grow with N. By
        default chunks are made once more than 2²⁵ numbers would be kept.

    Returns
    -------
    penalty : Tensor
        A scalar, or shape (N,). Differentiable twice, in the parameters and in x.

    Raises
    ------
    PenaltyError
        Where rows depend on each other (BatchNorm in training mode), or hooks or work in place change values.

    Examples
    --------
    >>> import torch
    >>> from contractive.torch import jacobian_penalty
    >>> encoder = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Sigmoid())
    >>> with torch.no_grad():
    ...     _ = encoder[0].weight.copy_(torch.tensor([[3.0, 4.0]])), encoder[0].bias.zero_()
    >>> jacobian_penalty(encoder, torch.zeros(1, 2))  # (1/4 · 3)² + (1/4 · 4)²
    tensor(1.5625, grad_fn=<MeanBackward0>)
    """
    _one_of("method", method, ("auto", "exact", "probes"))
    with _plain_modes(x):
        at = Encoder(encoder, x, derivatives, chunk_rows)
        if spectral_norm:
            if method == "probes":
                raise ValueError("`spectral_norm` needs method='exact' or 'auto', got 'probes'")
            rows = at.spectral_norms()
        elif method == "probes" or (method == "auto" and not at.is_closed_form and _is_wide(at.code)):
            rows = at.projections(at.probes(probes, draws, generator))
        else:
            rows = at.squared_norms()
        value = reduced(rows, reduction)
        return (value, at.code) if return_code else value


def _is_wide(h: Tensor) -> bool:
    k = int(h[0].numel())
    if k > _WIDE_CODE:
        warnings.warn(
            f"the encoder is no nn.Sequential with a closed form and has {k} code units: the penalty is estimated by "
            f"probes. "
            "method='exact' takes a backward pass for each unit, method='probes' says that an estimate is meant",
            UserWarning,
            stacklevel=3,
        )
    return k > _WIDE_CODE


def jacobian_norm(
    encoder: nn.Module | Callable[[Tensor], Tensor],
    x: Tensor,
    *,
    reduction: str = "mean",
    derivatives: Derivatives = None,
    chunk_rows: int | None = None,
) -> Tensor:
    """Give ‖∂f/∂x‖_F, not squared, for each row or their mean; where J is 0 the gradient is taken as 0.

    Parameters are those of :func:`jacobian_penalty`.
    """
    with _plain_modes(x):
        rows = Encoder(encoder, x, derivatives, chunk_rows).squared_norms()
        return reduced(positive_root(torch, rows), reduction)


def layerwise(encoder: nn.Module, x: Tensor, *, reduction: str = "mean", derivatives: Derivatives = None) -> Tensor:
    """Give Σ_l ‖∂a_l/∂a_{l-1}‖²_F, the penalty of the deep contractive network (Gu and Rigazio 2014).

    Parameters
    ----------
    encoder : nn.Sequential
        Of modules that have a closed form; each ``Linear`` or convolution with the slopes after it is a layer.
    x : Tensor of shape (N, …)
        Rows.
    reduction : {"mean", "sum", "none"}, default="mean"
        Over rows.
    derivatives : dict from module class to function, optional
        As in :func:`jacobian_penalty`.
    """
    with _plain_modes(x):
        return reduced(Encoder(encoder, x, derivatives).layerwise(), reduction)


def hessian(
    encoder: nn.Module | Callable[[Tensor], Tensor],
    x: Tensor,
    *,
    sigma: float = 0.1,
    ratio: float = 1.0,
    corruptions: int = 1,
    draws: Tensor | None = None,
    generator: Generator = None,
    reduction: str = "mean",
    derivatives: Derivatives = None,
) -> Tensor:
    """Give ‖J(x)‖²_F + ratio · mean over ε of ‖J(x) − J(x+ε)‖²_F, the penalty of CAE+H (Rifai et al. 2011b).

    Parameters
    ----------
    encoder : nn.Module or callable
        As in :func:`jacobian_penalty`. One layer takes O(k) a corruption.
    x : Tensor of shape (N, …)
        Rows.
    sigma : float, default=0.1
        Standard deviation of the corruptions ε ~ N(0, σ² I), above 0.
    ratio : float, default=1.0
        Weight of the second term, 0 or more.
    corruptions : int, default=1
        Draws of ε a row.
    draws : Tensor of shape (corruptions, N, …), optional
        The corruptions themselves.
    generator : torch.Generator, optional
        Draws them.
    reduction : {"mean", "sum", "none"}, default="mean"
        Over rows.
    derivatives : dict from module class to function, optional
        As in :func:`jacobian_penalty`.
    """
    if not sigma > 0 or not ratio >= 0 or corruptions < 1:
        raise ValueError(
            f"`sigma` must be above 0, `ratio` 0 or more, `corruptions` 1 or more, got {sigma}, {ratio}, {corruptions}"
        )
    with _plain_modes(x):
        if draws is None:
            drawn = torch.randn(corruptions, *x.shape, generator=generator, device=x.device, dtype=x.dtype)
            draws = sigma * drawn
        elif draws.shape[1:] != x.shape:
            raise ValueError(f"`draws` must have the shape (corruptions, *{tuple(x.shape)}), got {tuple(draws.shape)}")
        clean = Encoder(encoder, x, derivatives)
        bends = [clean.squared_difference(Encoder(encoder, x + e, derivatives)) for e in draws]
        return reduced(clean.squared_norms() + ratio * torch.stack(bends).mean(0), reduction)


def reconstruction(
    encoder: nn.Module,
    decoder: nn.Module,
    x: Tensor,
    *,
    method: str = "auto",
    reduction: str = "mean",
    **others: Any,
) -> Tensor:
    """Give ‖∂g(f(x))/∂x‖²_F of the whole autoencoder (Alain and Bengio 2013).

    Parameters are those of :func:`jacobian_penalty`. The decoder's own ‖∂g/∂h‖²_F is ``jacobian_penalty(decoder, code)``.
    """
    whole = nn.Sequential(encoder, decoder)
    return jacobian_penalty(whole, x, method=method, reduction=reduction, **others)


def jacobian(encoder: nn.Module | Callable[[Tensor], Tensor], x: Tensor, *, derivatives: Derivatives = None) -> Tensor:
    """Give ∂f/∂x of each row, shape (N, k, d), codes and rows flattened.

    Parameters are those of :func:`jacobian_penalty`.
    """
    with _plain_modes(x):
        return Encoder(encoder, x, derivatives).jacobian()


def _one_of(name: str, given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise ValueError(f"`{name}` must be one of {', '.join(allowed)}, got {given!r}")


def _plain_modes(x: Tensor) -> AbstractContextManager[Any]:
    """Leave autocast: as PyTorch does for its losses, the penalty is computed in the precision of the parameters.

    Leave inference mode too, in which autograd, which gives J of most modules, is off for good; nothing wants a gradient.
    """
    where = x.device.type if isinstance(x, Tensor) else "cpu"
    modes: list[AbstractContextManager[Any]] = []
    if torch.is_autocast_enabled(where):
        modes.append(torch.autocast(where, enabled=False))
    # What is compiled is compiled outside of inference mode.
    if not torch.compiler.is_compiling() and torch.is_inference_mode_enabled():
        modes += [torch.inference_mode(False), torch.no_grad()]
    return modes[0] if len(modes) == 1 else _all_of(modes) if modes else nullcontext()


@contextmanager
def _all_of(modes: list[AbstractContextManager[Any]]) -> Iterator[None]:
    with ExitStack() as stack:
        for mode in modes:
            stack.enter_context(mode)
        yield
