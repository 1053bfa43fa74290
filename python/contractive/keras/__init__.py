"""The exact contractive penalty for Keras 3, behind which TensorFlow, JAX or PyTorch stands.

>>> import keras, numpy as np
>>> from contractive.keras import ContractiveAutoencoder
>>> encoder = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(16, "sigmoid")])
>>> decoder = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(20)])
>>> model = ContractiveAutoencoder(encoder, decoder, contraction=1e-3)
>>> model.compile("adam", "mse")
>>> history = model.fit(np.random.default_rng(0).random((256, 20)), verbose=0)

Everything is made of ``keras.ops``. Install ``keras`` and a backend yourself.
"""

from __future__ import annotations

from .autoencoder import ContractiveAutoencoder, ContractivePenalty, sse
from .errors import PenaltyError
from .models import from_keras, to_keras
from .penalties import jacobian_norm, jacobian_penalty, layerwise

__all__ = [
    "ContractiveAutoencoder",
    "ContractivePenalty",
    "PenaltyError",
    "from_keras",
    "jacobian_norm",
    "jacobian_penalty",
    "layerwise",
    "sse",
    "to_keras",
]
