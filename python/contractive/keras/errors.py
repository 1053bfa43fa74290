"""Why an encoder's Jacobian cannot be had, with what to do instead."""

from __future__ import annotations

import keras

_AUTODIFF = {
    "torch": "on this backend contractive.torch.jacobian_penalty(encoder, x) takes any module",
    "tensorflow": "take its Jacobian by tf.GradientTape.batch_jacobian",
    "jax": "take its Jacobian by jax.jacrev under jax.vmap",
}


class PenaltyError(ValueError):
    """An encoder whose Jacobian, row by row, is not defined or has no closed form here.

    Attributes
    ----------
    layer : str
        The name of the layer at fault; empty where it is the whole encoder.
    """

    def __init__(self, message: str, layer: str = "") -> None:
        super().__init__(message)
        self.layer = layer


def automatic() -> str:
    """Say how to differentiate what has no closed form: Keras itself has no automatic differentiation."""
    backend = keras.config.backend()
    return _AUTODIFF.get(backend, f"take its Jacobian by the automatic differentiation of {backend}")
