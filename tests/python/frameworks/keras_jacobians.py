"""Brute force for the checks of contractive.keras: J by the backend's automatic differentiation, in float64.

The encoder is differentiated as Keras itself calls it.
"""

import math

import keras
import numpy as np
import pytest
from contractive.keras import ContractiveAutoencoder, PenaltyError, jacobian_penalty
from keras import layers, ops
from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE
from numpy.testing import assert_allclose

BACKEND = keras.config.backend()
if BACKEND == "tensorflow":
    import tensorflow as tf
elif BACKEND == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)
else:
    import torch


def precision(dtype, narrowed=False):
    """Compute in it; Keras' own custom, to take 64 bits for 32 on JAX and PyTorch, is kept where the check is of that."""
    BIT64_TO_BIT32_DTYPE["float64"] = "float32" if narrowed and BACKEND != "tensorflow" else "float64"
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)


def numbers(value):
    return np.asarray(ops.convert_to_numpy(value))


def jacobian(encoder, x):
    """J of each row, (N, k, d), of what Keras computes in inference, differentiable in the weights."""
    x = ops.convert_to_tensor(x)

    def code(rows):
        return ops.reshape(encoder(rows, training=False), (len(x), -1))

    if BACKEND == "torch":
        x = x.detach().requires_grad_()
        h = code(x)
        rows = [torch.autograd.grad(h[:, j].sum(), x, create_graph=True)[0] for j in range(h.shape[1])]
    elif BACKEND == "jax":
        of_row = jax.jacrev(lambda row: ops.reshape(encoder(row[None], training=False), (-1,)))
        return ops.reshape(jax.jit(jax.vmap(of_row))(x), (len(x), -1, math.prod(x.shape[1:])))
    else:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            h = code(x)
            units = [tf.reduce_sum(h[:, j]) for j in range(h.shape[1])]
        rows = [tape.gradient(unit, x, unconnected_gradients="zero") for unit in units]
    return ops.reshape(ops.stack(rows, 1), (len(x), len(rows), -1))


def with_gradients(value, variables):
    """A value, and its gradient in the variables; 0 where it does not depend on one."""
    if BACKEND == "torch":
        found = value()
        gradients = torch.autograd.grad(found, [v.value for v in variables], allow_unused=True) if variables else []
        gradients = [np.zeros(v.shape) if g is None else numbers(g) for v, g in zip(variables, gradients, strict=True)]
    elif BACKEND == "jax":

        def at(values):
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                return value()

        # One compilation for all, which takes a fraction of the time of one an operation.
        found, gradients = jax.jit(jax.value_and_grad(at))([v.value for v in variables])
    else:
        with tf.GradientTape() as tape:
            found = value()
        gradients = (
            tape.gradient(found, [v.value for v in variables], unconnected_gradients="zero") if variables else []
        )
    return float(numbers(found)), [numbers(g) for g in gradients]


def squares(J):
    return ops.sum(ops.square(J), (1, 2))


# TensorFlow holds the slope of a leaky ReLU in 32 bits; those of the tests are exact in them but for Keras' defaults.
LEAKY = 1e-7 if BACKEND == "tensorflow" else 1e-11


def same(encoder, x, name="", rtol=1e-11, has_gradient=True, **others):
    """The penalty and its gradient are those of the brute force."""
    encoder(x[:1])
    variables = encoder.trainable_variables if has_gradient else []
    got, gradient = with_gradients(lambda: jacobian_penalty(encoder, x, **others), variables)
    want, wanted = with_gradients(lambda: ops.mean(squares(jacobian(encoder, x))), variables)
    assert want > 1e-8, name
    assert_allclose(got, want, rtol=rtol, err_msg=name)
    for g, w, v in zip(gradient, wanted, variables, strict=True):
        assert_allclose(g, w, rtol=rtol, atol=rtol * max(np.abs(w).max(), 1e-3), err_msg=f"{name}: {v.path}")


def rows(n, d, seed=0, scale=1.5):
    return scale * np.random.default_rng(seed).normal(size=(n, d))


def drawn(encoder, d, seed=0, scale=1.0):
    """An encoder with weights and biases that put units on either side of their kinks."""
    rng = np.random.default_rng(seed)
    encoder.build((None, *np.atleast_1d(d)))
    encoder.set_weights([scale * rng.normal(size=w.shape) / max(len(w), 1) ** 0.5 + 0.1 for w in encoder.get_weights()])
    return encoder


def swish_2(z):
    return z * ops.sigmoid(2 * z)


def slope_of_swish_2(z):
    return ops.sigmoid(2 * z) + 2 * z * ops.sigmoid(2 * z) * ops.sigmoid(-2 * z)


class Cube(layers.Layer):
    def call(self, z):
        return z**3


def refused(says, call, *arguments, error=PenaltyError, **named):
    with pytest.raises(error, match=says) as raised:
        call(*arguments, **named)
    return raised.value


def autoencoder(d=7, activation="tanh", **settings):
    encoder = keras.Sequential([layers.Dense(6, activation), layers.Dense(3, activation)])
    decoder = keras.Sequential([layers.Dense(6, activation), layers.Dense(d)])
    drawn(encoder, d), drawn(decoder, 3)
    return ContractiveAutoencoder(encoder, decoder, **settings)
