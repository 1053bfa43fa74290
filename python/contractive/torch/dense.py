"""‖J‖²_F of dense layers: the closed form, its gradient by hand, and what else a chain of layers gives.

With U, G, T = U G, p and s = φ′(z_L) as in ``contractive._closed_form``, and g the gradient at P, shape (N,)::

    w = 2 g s²      dG/dW_1:  (Uᵀ (w U)) W_1        Ū_1 = w T        s̄ = 2 g s p
    V_l = U_{l+1} W_{l+1},  U_l = V_l D_l:
    d̄_l = Σ_i Ū_l ∘ V_l      W̄_{l+1} = U_{l+1}ᵀ (Ū_l D_l)      Ū_{l+1} = (Ū_l D_l) W_{l+1}ᵀ

Autograd would multiply U by G and by Gᵀ, not knowing that G is symmetric, and square J once more; by hand the gradient
takes half the time. What flows on from the slopes d_l through φ″ to the layers below is autograd's. Second derivatives are
taken through the plain formula. Derivation: docs/derivations/frobenius-deep.md.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import _closed_form
from .._closed_form import Chain, Order, choose, rows_above, squared_norm
from .reading import Convolution, Part


def chain_of(parts: Sequence[Part]) -> Chain | None:
    """Give dense parts as alternating weights and slopes; None where there is a convolution."""
    dense = [part for part in parts if not isinstance(part, Convolution)]
    return None if len(dense) < len(parts) else _closed_form.chain_of(torch, dense)


def squared_norms(chain: Chain, sizes: tuple[int, ...], n_rows: int) -> Tensor:
    """Give ‖J‖²_F of each row, multiplied out in the order that is cheapest for so many rows.

    Shape (N,), or (1,) where the Jacobian is the same for all rows.
    """
    if len(chain.weights) == 1:
        return _one_layer(chain)
    is_first_an_identity = chain.weights[0] is None
    order = Order(False, False) if is_first_an_identity else choose(sizes, n_rows)
    if torch.compiler.is_compiling():
        # The compiler orders and fuses the products itself, forward and backward.
        return squared_norm(torch, chain, order)
    if order.from_input:
        chain = chain.transposed(torch)
        order = Order(False, False)
    has_first, has_last = chain.weights[0] is not None, chain.slopes[-1] is not None
    tensors = [t for t in (*chain.weights, *chain.slopes) if t is not None]
    shape = _Shape(len(chain.weights), order.gram, has_first, has_last)
    return _SquaredNorms.apply(shape, *tensors)[0]


def _one_layer(chain: Chain) -> Tensor:
    (W,), (s,) = chain.weights, chain.slopes
    if W is None:
        return s.square().sum(1)
    q = W.square().sum(1)
    return q.sum()[None] if s is None else s.square() @ q


class _Shape:
    """Which of a chain's tensors are there, and how it ends."""

    def __init__(self, depth: int, gram: bool, has_first: bool, has_last: bool) -> None:
        self.depth, self.gram, self.has_first, self.has_last = depth, gram, has_first, has_last

    def chain(self, tensors: Sequence[Any]) -> Chain:
        weights = list(tensors[: self.depth if self.has_first else self.depth - 1])
        slopes = list(tensors[len(weights) :])
        return Chain(weights if self.has_first else [None, *weights], slopes if self.has_last else [*slopes, None])

    def flat(self, weights: list[Any], slopes: list[Any]) -> list[Any]:
        return [*weights[0 if self.has_first else 1 :], *(slopes if self.has_last else slopes[:-1])]


def _products(shape: _Shape, chain: Chain) -> tuple[list[Tensor], list[Tensor], Tensor | None, Tensor]:
    """Give all U_l and V_l from the top down, T where there is a W_1, and p."""
    weights, slopes = chain.weights, chain.slopes
    U = weights[-1] * slopes[-2][:, None, :]
    N, k, _ = U.shape
    Us, Vs = [U], []
    for W, d in zip(weights[-2:0:-1], slopes[-3::-1], strict=True):
        V = (U.reshape(N * k, -1) @ W).view(N, k, -1)
        U = V * d[:, None, :]
        Us.append(U)
        Vs.append(V)
    W_1 = weights[0]
    if W_1 is None:
        return Us, Vs, None, U.square().sum(2)
    T = (U.reshape(N * k, -1) @ (W_1 @ W_1.T if shape.gram else W_1)).view(N, k, -1)
    return Us, Vs, T, (T * (U if shape.gram else T)).sum(2)


class _SquaredNorms(torch.autograd.Function):
    generate_vmap_rule = True  # gradients of each row, as by torch.func.vmap of torch.func.grad

    @staticmethod
    def forward(shape: _Shape, *tensors: Tensor) -> tuple[Tensor, ...]:
        chain = shape.chain(tensors)
        Us, Vs, T, p = _products(shape, chain)
        s = chain.slopes[-1]
        P = p.sum(1) if s is None else (s * s * p).sum(1)
        return (P, p, *Us, *Vs) if T is None else (P, p, *Us, *Vs, T)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        shape, *tensors = inputs
        ctx.shape, ctx.n = shape, len(tensors)
        ctx.mark_non_differentiable(*output[1:])
        # Else each of these outputs would be given a gradient of zeros.
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *output[1:])

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, *_: Tensor) -> tuple[Any, ...]:
        shape, saved = ctx.shape, ctx.saved_tensors
        tensors = saved[: ctx.n]
        if g is None:
            return (None,) * (1 + int(ctx.n))
        if torch.is_grad_enabled():
            # Of aliases: the slopes depend on the weights, and that path is not this function's.
            inputs = [t.view_as(t) for t in tensors]
            wanted = [t for t in inputs if t.requires_grad]
            P = squared_norm(torch, shape.chain(inputs), Order(False, shape.gram))
            found = iter(torch.autograd.grad(P, wanted, g, create_graph=True))
            return (None, *(next(found) if t.requires_grad else None for t in inputs))
        p, *products = saved[ctx.n :]
        Us, Vs = products[: shape.depth - 1], products[shape.depth - 1 : 2 * shape.depth - 3]
        T = products[-1] if shape.has_first else Us[-1]
        wants = shape.chain(ctx.needs_input_grad[1:])
        weights, slopes = _gradients(shape, shape.chain(tensors), (p, T, Us, Vs), wants.slopes, g)
        return (None, *shape.flat(weights, slopes))


# PyTorch binds the arguments of each call by it, and would make it anew.
_SquaredNorms.forward.__signature__ = inspect.signature(_SquaredNorms.forward)  # type: ignore[attr-defined]


def _gradients(
    shape: _Shape, chain: Chain, products: tuple[Any, ...], wants: Sequence[bool | None], g: Tensor
) -> tuple[list[Any], list[Any]]:
    """Give the gradients of weights and of those slopes that want one."""
    p, T, Us, Vs = products
    W, d = chain.weights, chain.slopes
    n, (N, k, _) = shape.depth, Us[0].shape
    of_weights: list[Any] = [None] * n
    of_slopes: list[Any] = [None] * n
    w = (2 * g)[:, None]
    s = d[-1]
    if s is not None:
        w = w * s
        of_slopes[-1] = w * p if wants[-1] else None
        w = w * s
    U, w = Us[-1], w[:, :, None]
    D = T * w
    if not shape.has_first:
        pass
    elif shape.gram:
        of_weights[0] = (U.reshape(N * k, -1).T @ (U * w).reshape(N * k, -1)) @ W[0]
    else:
        of_weights[0] = U.reshape(N * k, -1).T @ D.reshape(N * k, -1)
        D = (D.reshape(N * k, -1) @ W[0].T).view(N, k, -1)
    for layer in range(n - 2):
        of_slopes[layer] = (D * Vs[-1 - layer]).sum(1) if wants[layer] else None
        D = D.mul_(d[layer][:, None, :]).reshape(N * k, -1)
        of_weights[layer + 1] = Us[-2 - layer].reshape(N * k, -1).T @ D
        D = (D @ W[layer + 1].T).view(N, k, -1)
    of_slopes[n - 2] = (D * W[-1]).sum(1) if wants[n - 2] else None
    of_weights[n - 1] = D.mul_(d[n - 2][:, None, :]).sum(0)
    return of_weights, of_slopes


def squared_singular_values(chain: Chain, sizes: tuple[int, ...]) -> Tensor:
    """Give the eigenvalues of the smaller of J Jᵀ and Jᵀ J, ascending.

    Shape (N, min(k, d)), or (1, …) where the Jacobian is the same for all rows.
    """
    if sizes[-1] > sizes[0]:
        chain = chain.transposed(torch)
    if len(chain.weights) == 1:
        J = jacobian(chain)
        return torch.linalg.eigvalsh(J @ J.mT)
    U, W_1, s = rows_above(torch, chain), chain.weights[0], chain.slopes[-1]
    gram = U @ U.mT if W_1 is None else (U @ (W_1 @ W_1.T)) @ U.mT
    return torch.linalg.eigvalsh(gram if s is None else s[:, :, None] * gram * s[:, None, :])


def jacobian(chain: Chain) -> Tensor:
    """Give J itself, shape (N, k, d), or (1, k, d) where it is the same for all rows."""
    W_1, s = chain.weights[0], chain.slopes[-1]
    if len(chain.weights) == 1:
        return W_1[None] if s is None else s[:, :, None] * (torch.eye(s.shape[1]).to(s) if W_1 is None else W_1)
    U = rows_above(torch, chain)
    J = U if W_1 is None else U @ W_1
    return J if s is None else s[:, :, None] * J
