"""Encoders, decoders and rows of a few features, as the tests of contractive.check_penalty judge on."""

from itertools import pairwise

import numpy as np
import torch
from torch import nn

D, K = 6, 5
DEEP = (nn.Tanh, nn.Sigmoid)


def encoder(*activations, sizes=(D, 4, K), seed=0):
    """A float32 encoder as a user has it."""
    torch.manual_seed(seed)
    modules = []
    for n, m, activation in zip(sizes[:-1], sizes[1:], activations, strict=True):
        modules += [nn.Linear(n, m), activation()]
    return nn.Sequential(*modules)


def one_layer(activation=nn.Sigmoid):
    return encoder(activation, sizes=(D, K))


def normal(*shape, seed=1):
    """The same numbers on every device."""
    return torch.tensor(np.random.default_rng(seed).normal(size=shape), dtype=torch.float32)


def rows(n=12):
    return normal(n, D)


def decoder(activation=nn.Identity):
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(K, D), activation())


def arrays(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    found = {}
    for i, (n, m) in enumerate(pairwise(sizes)):
        found[f"encoder.{i}.weight"] = rng.normal(size=(m, n)) / np.sqrt(n)
        found[f"encoder.{i}.bias"] = rng.normal(size=m)
    return found


def arrays_of(x):
    return x.double().cpu().numpy()
