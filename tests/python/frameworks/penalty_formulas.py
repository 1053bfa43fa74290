"""Penalties as people write them, right and wrong, that contractive.check_penalty judges."""

import numpy as np
import torch
from contractive.torch import jacobian_penalty
from torch.nn import functional as F


def wrt_input(e, x):
    x = x.detach().clone().requires_grad_()
    return x, e(x)


def jacobians(e, x):
    return torch.func.vmap(torch.func.jacrev(lambda row: e(row[None])[0]))(x)


# The audit (docs/check-penalty.md), PyTorch.


def lisa_floor(e, x):
    return torch.floor((jacobians(e, x) ** 2).sum() / len(x)).detach()


def mean_of_jacobian(e, x):
    return jacobians(e, x).mean()


def summed_then_squared(e, x):
    return (jacobians(e, x).sum((1, 2)) ** 2).mean()


class Hipsternet:
    """The weight is copied when the loss is made."""

    def __init__(self, e):
        self.W = e[-2].weight.detach().clone()

    def __call__(self, e, x):
        h = e(x)
        return ((h * (1 - h)) ** 2 * (self.W.to(h) ** 2).sum(1)).sum(1).mean()


def avijit(e, x):
    h = e(x)
    W = e.state_dict()["0.weight"]
    return ((h * (1 - h)) ** 2 @ (W**2).sum(1)).sum()


def avijit_attached(e, x):
    h = e(x)
    return ((h * (1 - h)) ** 2 @ (e[0].weight ** 2).sum(1)).mean()


def ruta(e, x):
    x, h = wrt_input(e, x)
    (g,) = torch.autograd.grad(h, x, torch.ones_like(h), create_graph=True)
    return (g**2).sum(1).mean()


def forum(e, x):
    x, h = wrt_input(e, x)
    h.backward(torch.ones_like(h), create_graph=True)
    return (x.grad**2).sum()


def forum_without_graph(e, x):
    x, h = wrt_input(e, x)
    h.backward(torch.ones_like(h))
    return (x.grad**2).sum()


def product_of_weights(e, x):
    return torch.linalg.norm(e[2].weight @ e[0].weight)


def mean_square_of_code(e, x):
    return (e(x) ** 2).mean()


def caglar(e, x):
    h = e(x)
    return ((h * (1 - h)) ** 2 @ e[0].weight.sum(1) ** 2).mean()


def zscore_mean(e, x):
    h = e(x)
    return torch.nanmean((h - h.mean()) / h.std())


def khdave(e, x):
    W = e.state_dict()["0.weight"]
    h = F.relu(W)
    return ((h * (1 - h)) ** 2 * (W**2).sum(1, keepdim=True)).sum()


def unsquared(e, x):
    return jacobians(e, x).square().sum((1, 2)).sqrt().mean()


def unsquared_of_batch(e, x):
    return torch.linalg.norm(jacobians(e, x).flatten())


def last_of_several(e, x):
    h = e(x)
    return ((h * (1 - h)) ** 2 @ (e[-2].weight ** 2).sum(1)).mean()


# Those with a decoder.


def rae_gp(e, d, x):
    x, h = wrt_input(e, x)
    r = d(h)
    (g,) = torch.autograd.grad(r, x, torch.ones_like(r), create_graph=True)
    return (g**2).sum(1).mean()


def official_rae(e, d, x):
    h = e(x)
    (g,) = torch.autograd.grad((d(h) ** 2).sum(), h, create_graph=True)
    return (g**2).sum(1).mean()


def accel_brain(e, d, x):
    h = e(x)
    return d(h * (1 - h)).mean()


def lisa_printed(e, d, x):
    loss = -(x * torch.log(d(e(x))) + (1 - x) * torch.log(1 - d(e(x)))).sum(1).mean()
    return (loss + jacobian_penalty(e, x)) / 2


# Those whose gradient is written by hand: (value, gradients) of arrays.


def logistic(parameters, x):
    return 1 / (1 + np.exp(-(x @ parameters["encoder.0.weight"].T + parameters["encoder.0.bias"])))


def by_hand(parameters, x):
    """Value and gradient of the mean over rows, one sigmoid layer: right."""
    W, h = parameters["encoder.0.weight"], logistic(parameters, x)
    s, q = h * (1 - h), (W**2).sum(1)
    delta = 2 * s**2 * (1 - 2 * h) * q / len(x)
    gradient = {"encoder.0.weight": 2 * (s**2).mean(0)[:, None] * W + delta.T @ x, "encoder.0.bias": delta.sum(0)}
    return (s**2 @ q).mean(), gradient


def ynd(parameters, x):
    value, gradient = by_hand(parameters, x)
    return value * len(x), {name: g / 2 for name, g in gradient.items()}


def shogun(parameters, x):
    W, h = parameters["encoder.0.weight"], logistic(parameters, x)
    s = h * (1 - h)
    g = 2 * (s**2).mean(0)[:, None] * W + 2 * (s**2 * (1 - 2 * h)).mean(0)[:, None] * W**3
    return (s**2 @ (W**2).sum(1)).mean(), {"encoder.0.weight": g}


def without_bias(parameters, x):
    value, gradient = by_hand(parameters, x)
    return value, {"encoder.0.weight": gradient["encoder.0.weight"]}


# Right ones, and those that compute the same by other means.


def closed_form(e, x):
    h = e(x)
    return ((h * (1 - h)) ** 2 @ (e[0].weight ** 2).sum(1)).mean()


def closed_form_of_tanh(e, x):
    return ((1 - e(x) ** 2) ** 2 @ (e[0].weight ** 2).sum(1)).mean()


def jacrev_of_the_batch(e, x):
    J = torch.func.jacrev(lambda rows: e(rows).sum(0))(x)
    return (J**2).sum() / len(x)


def jacfwd(e, x):
    return (torch.func.vmap(torch.func.jacfwd(e))(x) ** 2).sum((1, 2)).mean()


def unit_by_unit(e, x):
    x, h = wrt_input(e, x)
    total = 0
    for j in range(h.shape[1]):
        (g,) = torch.autograd.grad(h[:, j].sum(), x, create_graph=True)
        total = total + (g**2).sum(1)
    return total


def functional(e, x):
    parameters = dict(e.named_parameters())

    def code(row):
        return torch.func.functional_call(e, parameters, (row,))

    J = torch.func.vmap(torch.func.jacrev(code))(x)
    return torch.linalg.matrix_norm(J).square().mean()


def gram(e, x):
    J = jacobians(e, x)
    return torch.einsum("nij,nij->n", J @ J.mT, torch.eye(J.shape[1]).to(J).expand(len(J), -1, -1)).mean()


def singular_values(e, x):
    return torch.linalg.svdvals(jacobians(e, x)).square().sum(1).mean()


def central_differences(e, x, step=1e-5):
    moves = step * torch.eye(x.shape[1]).to(x)
    return sum(((e(x + v) - e(x - v)) / (2 * step)).square().sum(1) for v in moves).mean()


def single_differences(e, x, step=1e-2):
    """As by an encoder of float32, whose rounding the small differences show."""
    parameters = {name: p.float() for name, p in e.named_parameters()}

    def code(x):
        return torch.func.functional_call(e, parameters, (x,))

    x, moves = x.float(), step * torch.eye(x.shape[1])
    return sum(((code(x + v) - code(x - v)) / (2 * step)).square().sum(1) for v in moves).mean()


def library_jacobian(e, x):
    J = torch.autograd.functional.jacobian(e, x)
    return J.square().sum() / len(x)


def along_random_directions(e, x, step=1e-4):
    return ((e(x + step * torch.randn_like(x)) - e(x)) / step).square().sum(1).mean()


def hutchinson(e, x, probes=1):
    x, h = wrt_input(e, x)
    total = 0
    for _ in range(probes):
        v = torch.randn_like(h)
        (g,) = torch.autograd.grad(h, x, v, create_graph=True)
        total = total + (g**2).sum(1).mean() / probes
    return total
