"""Jacobians by plain automatic differentiation, a code unit at a time: what closed forms are held against."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel


def jacobians(encoder, x):
    """J of each row, (N, k, d), differentiable."""
    at = x.detach().clone().requires_grad_()
    with sdpa_kernel(SDPBackend.MATH):  # the fused attention has no second derivative
        h = encoder(at).flatten(1)
    rows = [torch.autograd.grad(h[:, j].sum(), at, create_graph=True)[0].flatten(1) for j in range(h.shape[1])]
    return torch.stack(rows, 1)


def squared_norms(encoder, x):
    return jacobians(encoder, x).square().sum((1, 2))


def dense(sizes, activation, dtype=torch.float64):
    """Dense layers with an activation each, at weights and biases of size one."""
    modules = []
    for n, m in pairwise(sizes):
        layer = nn.Linear(n, m, dtype=dtype)
        nn.init.normal_(layer.weight, std=n**-0.5)
        nn.init.normal_(layer.bias)
        modules += [layer, activation() if isinstance(activation, type) else activation]
    return nn.Sequential(*modules).to(dtype)


def gradients(value, module):
    """The gradients of a scalar in all parameters, zeros where there is none."""
    parameters = list(module.parameters())
    found = torch.autograd.grad(value, parameters, allow_unused=True, retain_graph=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(found, parameters, strict=True)]


def assert_same(encoder, x, rows, relative=1e-9, expected=None):
    """The values of rows, and their gradients with unlike weights, are those of the brute force."""
    expected = squared_norms(encoder, x) if expected is None else expected
    most = expected.abs().max()
    assert (rows - expected).abs().max() <= relative * most
    weight = torch.linspace(0.5, 1.5, len(x), dtype=x.dtype)
    if not expected.requires_grad:  # an identity
        return
    theirs, ours = gradients((weight * expected).sum(), encoder), gradients((weight * rows).sum(), encoder)
    most = max(g.abs().max() for g in theirs)
    assert most > 0
    for a, b in zip(ours, theirs, strict=True):
        assert (a - b).abs().max() <= relative * most
