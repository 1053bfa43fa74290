"""An encoder at some rows: what its closed form, or else automatic differentiation, tells of its Jacobian there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from .._closed_form import Chain, Dense, by_layer, positive_root, rows_above, sizes_of, times
from . import by_autograd, convolution
from .dense import chain_of, jacobian, squared_norms, squared_singular_values
from .errors import PenaltyError
from .reading import Convolution, Part, read, refuse
from .recomputing import recomputed
from .slopes import Derivative

Derivatives: TypeAlias = Mapping[type[nn.Module], Derivative] | None
Generator: TypeAlias = "torch.Generator | None"

# Numbers kept for the gradient above which rows are taken in chunks.
_KEPT = 1 << 25


def _not_compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Keep a function out of a compiled graph: what torch.compile compiles has no second derivative."""
    return torch.compiler.disable(function) if torch.compiler.is_compiling() else function


class Encoder:
    """An encoder at rows x, with its code there."""

    def __init__(
        self,
        encoder: nn.Module | Callable[[Tensor], Tensor],
        x: Tensor,
        derivatives: Derivatives,
        chunk_rows: int | None = None,
    ) -> None:
        if not isinstance(x, Tensor) or not x.is_floating_point() or x.ndim < 2 or 0 in x.shape:
            told = f"{x.dtype} of shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
            raise PenaltyError(f"`x` must be a tensor of floating-point rows, (N, features) or (N, …), got {told}")
        if not callable(encoder):
            raise TypeError(
                f"`encoder` must be a module or a function of rows, got {type(encoder).__name__}; of layers in a list make "
                "nn.Sequential(*layers)"
            )
        if chunk_rows is not None and chunk_rows < 1:
            raise ValueError(f"`chunk_rows` must be 1 or more, got {chunk_rows}")
        if not torch.compiler.is_compiling() and x.is_inference():
            x = x.clone()  # out of inference mode, which the penalties leave: autograd takes the copy
        self.encoder, self.x, self.chunk_rows = encoder, x, chunk_rows
        self.parts: list[Part] | None = None
        self.chain: Chain | None = None
        found = None
        if isinstance(encoder, nn.Module):
            refuse(encoder)
            found = read(encoder, x, derivatives)
        if found is not None and found[0]:
            self.parts, self.code = found
            self.chain = chain_of(self.parts)
        else:
            with torch.enable_grad():
                self.at, self.differentiated = _not_compiled(by_autograd.code)(encoder, x)
            self.code = self.differentiated if torch.is_grad_enabled() else self.differentiated.detach()

    @property
    def is_closed_form(self) -> bool:
        """Whether no backward pass is needed for J."""
        return self.parts is not None

    @property
    def n_rows(self) -> int:
        """N."""
        return int(self.x.shape[0])

    @property
    def d(self) -> int:
        """Inputs of a row."""
        return int(self.x[0].numel())

    @property
    def k(self) -> int:
        """Code units of a row."""
        return int(self.code[0].numel())

    def squared_norms(self) -> Tensor:
        """Give ‖J‖²_F, shape (N,)."""
        if self.chain is not None:
            return self._of_dense(self.chain)
        if self.parts is not None and convolution.is_one_layer(self.parts):
            return convolution.one_layer(self.parts, self.n_rows)
        return self._by_units()

    def _of_dense(self, chain: Chain) -> Tensor:
        sizes = sizes_of(chain, self.d)
        kept = 3 * min(sizes[-1], sizes[0]) * max(sizes[1:])
        chunks = self._chunks(kept)
        # One layer keeps nothing but its slopes.
        if len(chunks) == 1 or len(chain.weights) == 1:
            return squared_norms(chain, sizes, self.n_rows).expand(self.n_rows)
        weights = [W for W in chain.weights if W is not None]

        def run(*tensors: Tensor) -> Tensor:
            given, slopes = list(tensors[: len(weights)]), list(tensors[len(weights) :])
            first = [] if chain.weights[0] is not None else [None]
            last = [] if chain.slopes[-1] is not None else [None]
            return squared_norms(Chain(first + given, slopes + last), sizes, self.n_rows)

        slopes = [s.expand(self.n_rows, -1) for s in chain.slopes if s is not None]
        return torch.cat([recomputed(run, *weights, *(s[at] for s in slopes)) for at in chunks])

    def _chunks(self, kept_a_row: int) -> list[slice]:
        rows = self.chunk_rows or max(1, _KEPT // max(1, kept_a_row))
        if self.chunk_rows is None and torch.compiler.is_compiling():
            rows = self.n_rows
        return [slice(start, start + rows) for start in range(0, self.n_rows, rows)]

    def _by_units(self) -> Tensor:
        """Sum the squares of rows of J over a chunk of code units at a time."""
        chunks = self._chunks(self.k * self.d)
        if len(chunks) == 1 or not isinstance(self.encoder, nn.Module) or self.parts is not None:
            return self._of_units(self.code, self.rows)
        module, parameters = self.encoder, by_autograd.parameters_of(self.encoder)

        def run(x: Tensor, *values: Tensor) -> Tensor:
            given = dict(zip(parameters, values, strict=True))
            at = Encoder(lambda rows: torch.func.functional_call(module, given, (rows,)), x, None, self.n_rows)
            return at._of_units(at.code, at.rows)

        return torch.cat([recomputed(run, self.x[at], *parameters.values()) for at in chunks])

    @property
    def _units_at_once(self) -> int:
        return max(1, _KEPT // max(1, 4 * self.n_rows * self.d))

    def _of_units(self, like: Tensor, rows: Callable[[Tensor], Tensor]) -> Tensor:
        """Sum the squares of vᵀJ over the unit rows v of outputs shaped as ``like``, (N, …)."""
        units = by_autograd.unit_rows(like, self._units_at_once)
        return torch.stack([rows(v).square().sum((1, 2)) for v in units]).sum(0)

    def rows(self, probes: Tensor) -> Tensor:
        """Give vᵀJ for probes of shape (p, N, k): (N, p, d)."""
        if self.chain is not None:
            return probe_rows(self.chain, probes.transpose(0, 1))
        if self.parts is not None:
            return convolution.rows_down(self.parts, probes.transpose(0, 1))
        return _not_compiled(by_autograd.rows_of_jacobian)(self.at, self.differentiated, probes)

    def probes(self, n: int, draws: Tensor | None, generator: Generator) -> Tensor:
        """Give probes of signs ±1, shape (N, n, k), or the draws given."""
        if draws is not None:
            if draws.ndim != 3 or draws.shape[0] != self.n_rows or draws.shape[2] != self.k:
                raise ValueError(
                    f"`draws` must have the shape ({self.n_rows}, probes, {self.k}), got {tuple(draws.shape)}"
                )
            return draws
        if n < 1:
            raise ValueError(f"`probes` must be 1 or more, got {n}")
        bits = torch.randint(0, 2, (self.n_rows, n, self.k), generator=generator, device=self.x.device)
        return (2 * bits - 1).to(self.code.dtype)

    def projections(self, probes: Tensor) -> Tensor:
        """Give the mean of ‖vᵀJ‖² over probes of shape (N, p, k): (N,)."""
        return self.rows(probes.transpose(0, 1)).square().sum(2).mean(1)

    def jacobian(self) -> Tensor:
        """Give J, shape (N, k, d)."""
        if self.chain is not None:
            return jacobian(self.chain).expand(self.n_rows, -1, -1)
        units = by_autograd.unit_rows(self.code, self._units_at_once)
        return torch.cat([self.rows(v) for v in units], 1)

    def spectral_norms(self) -> Tensor:
        """Give ‖J‖₂, shape (N,)."""
        if self.chain is not None:
            squares = squared_singular_values(self.chain, sizes_of(self.chain, self.d))
        else:
            J = self.jacobian()
            squares = torch.linalg.eigvalsh(J @ J.mT if self.k <= self.d else J.mT @ J)
        return positive_root(torch, squares[:, -1]).expand(self.n_rows)

    def layerwise(self) -> Tensor:
        """Give Σ_l ‖∂a_l/∂a_{l-1}‖²_F, shape (N,)."""
        if self.parts is None:
            raise PenaltyError(
                "`layerwise` needs an nn.Sequential of layers that have a closed form: of others the layers are not known"
            )
        layers = by_layer(self.parts, (Dense, Convolution))
        return torch.stack([self._of_layer(list(parts)) for parts in layers]).sum(0)

    def _of_layer(self, parts: list[Part]) -> Tensor:
        chain = chain_of(parts)
        if chain is not None:
            sizes = (0, *(W.shape[0] for W in chain.weights if W is not None))
            return squared_norms(chain, sizes, self.n_rows).expand(self.n_rows)
        if convolution.is_one_layer(parts):
            return convolution.one_layer(parts, self.n_rows)
        # Slopes or scales before the convolution: by its unit rows.
        after = next(part.output_shape for part in parts if isinstance(part, Convolution))
        like = self.x.new_zeros((self.n_rows, *after[1:]))
        return self._of_units(like, lambda v: convolution.rows_down(parts, v.transpose(0, 1)))

    def squared_difference(self, other: Encoder) -> Tensor:
        """Give ‖J(x) − J(x′)‖²_F, shape (N,), of the same encoder at other rows."""
        if self.chain is None or other.chain is None:
            return (self.jacobian() - other.jacobian()).square().sum((1, 2))
        return _squared_difference(self.chain, other.chain, self.n_rows)


def probe_rows(chain: Chain, probes: Tensor) -> Tensor:
    """Give vᵀJ of dense layers for probes of shape (N, p, k): (N, p, d)."""
    s, W_1 = chain.slopes[-1], chain.weights[0]
    top = probes if s is None else probes * s[:, None, :]
    if len(chain.weights) > 1:
        top = rows_above(torch, chain, top)
    return top if W_1 is None else times(torch, top, W_1)


def _squared_difference(one: Chain, other: Chain, n_rows: int) -> Tensor:
    W_1 = one.weights[0]
    if len(one.weights) == 1:
        s, t = one.slopes[0], other.slopes[0]
        if s is None:  # linear: the same everywhere
            return W_1.new_zeros(n_rows)
        bend = (s - t).square()
        return (bend.sum(1) if W_1 is None else bend @ W_1.square().sum(1)).expand(n_rows)
    difference: Any = _at_first(one) - _at_first(other)
    if W_1 is None:
        return difference.square().sum((1, 2))
    m_1, d = W_1.shape
    if m_1 < d:
        return (difference @ (W_1 @ W_1.T) * difference).sum((1, 2))
    return (difference @ W_1).square().sum((1, 2))


def _at_first(chain: Chain) -> Tensor:
    """Give ∂h/∂z_1, shape (N, k, m_1)."""
    U, s = rows_above(torch, chain), chain.slopes[-1]
    return U if s is None else U * s[:, :, None]
