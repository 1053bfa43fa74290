"""The exact contractive penalty for PyTorch: any encoder, any device, under any trainer.

>>> import torch
>>> from contractive.torch import jacobian_penalty
>>> encoder = torch.nn.Sequential(torch.nn.Linear(784, 64), torch.nn.ReLU(), torch.nn.Linear(64, 16), torch.nn.Sigmoid())
>>> x = torch.rand(128, 784)
>>> penalty = jacobian_penalty(encoder, x)  # mean over rows of ‖∂h/∂x‖²_F
>>> penalty.backward()

Everything is made of PyTorch's own operations. Install ``torch`` yourself, for the device that you have.
"""

from __future__ import annotations

from .autoencoder import ContractiveAutoencoder
from .conversion import from_torch, to_torch
from .errors import PenaltyError
from .loss import ContractiveLoss, Objective, Terms
from .patches import PatchAutoencoder
from .penalties import hessian, jacobian, jacobian_norm, jacobian_penalty, layerwise, reconstruction

__all__ = [
    "ContractiveAutoencoder",
    "ContractiveLoss",
    "Objective",
    "PatchAutoencoder",
    "PenaltyError",
    "Terms",
    "from_torch",
    "hessian",
    "jacobian",
    "jacobian_norm",
    "jacobian_penalty",
    "layerwise",
    "reconstruction",
    "to_torch",
]
