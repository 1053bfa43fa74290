"""What is checked of contractive.keras, in a process of one backend: `python keras_checks.py NAME...` prints JSON.

The brute force is J by the backend's automatic differentiation of the encoder as Keras itself calls it, in float64.
"""

import difflib
import itertools
import json
import math
import re
import sys
import time
import traceback
import warnings
from pathlib import Path

import contractive
import keras
import numpy as np
import pytest
from contractive._closed_form import Order, choose
from contractive.keras import (
    ContractiveAutoencoder,
    ContractivePenalty,
    PenaltyError,
    from_keras,
    jacobian_norm,
    jacobian_penalty,
    layerwise,
    sse,
    to_keras,
)
from keras import activations, layers, ops
from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE
from numpy.testing import assert_allclose, assert_array_equal

BACKEND = keras.config.backend()
DOCS = Path(__file__).parents[3] / "docs"
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


def of_the_backend():
    if BACKEND == "tensorflow":
        return [tf.nn.relu, tf.nn.leaky_relu, tf.nn.sigmoid, tf.nn.gelu, tf.nn.swish, tf.nn.elu, tf.tanh]
    if BACKEND == "jax":
        return [jax.nn.relu, jax.nn.leaky_relu, jax.nn.sigmoid, jax.nn.gelu, jax.nn.swish, jax.nn.elu, jax.numpy.tanh]
    F = torch.nn.functional
    return [F.relu, F.leaky_relu, torch.sigmoid, F.gelu, F.silu, F.elu, torch.tanh]


def check_activations():
    told = "linear sigmoid tanh relu relu6 leaky_relu softplus elu selu exponential silu swish gelu"
    names = [*told.split(), None, *of_the_backend(), layers.LeakyReLU(0.125), "softsign"]
    # Several in one encoder: the most of a check's time goes into compilations. Softsign has no second derivative in
    # TensorFlow, and stands alone.
    for some in [names[:5], names[5:9], names[9:14], names[14:18], names[18:-1], names[-1:]]:
        stack = [*(layers.Dense(5, activation=activation) for activation in some), layers.Dense(3, activation=some[0])]
        has_gradient = BACKEND != "tensorflow" or some != ["softsign"]
        same(drawn(keras.Sequential(stack), 4), rows(6, 4), f"activations {some}", LEAKY, has_gradient)
    elementwise = [
        layers.Activation("tanh"),
        layers.ReLU(),
        layers.ReLU(negative_slope=0.125),
        layers.ReLU(max_value=1.0, threshold=0.5),
        layers.ReLU(max_value=1.0, negative_slope=0.25, threshold=0.5),
        layers.LeakyReLU(negative_slope=0.0625),
        layers.ELU(),
        layers.ELU(alpha=0.4),
        layers.PReLU(),
    ]
    for some in (elementwise[:3], elementwise[3:6], elementwise[6:]):
        stack = [part for layer in some for part in (layers.Dense(5), layer)]
        same(drawn(keras.Sequential([*stack, layers.Dense(3)]), 4), rows(6, 4), f"layers {some}")
    own = keras.Sequential([layers.Dense(5, activation=swish_2), layers.Dense(4), Cube(), layers.Dense(3)])
    same(drawn(own, 4), rows(6, 4), "own", derivatives={swish_2: slope_of_swish_2, Cube: lambda z: 3 * z**2})
    # Far out h(1 − h) is 0 in 64 bits, and the exponential of ELU's slope is infinite.
    for activation in ("sigmoid", "elu", "softplus"):
        far = drawn(keras.Sequential([layers.Dense(5, activation=activation), layers.Dense(2)]), 4)
        value, gradients = with_gradients(
            lambda far=far: jacobian_penalty(far, rows(3, 4, scale=1e4)), far.trainable_variables
        )
        assert np.isfinite(value), activation
        assert all(np.isfinite(g).all() for g in gradients), activation


def check_orders():
    cases = {
        (40, 12, 8, 3): Order(from_input=False, gram=True),
        (8, 40, 9, 3): Order(from_input=False, gram=False),
        (2, 20, 15, 30): Order(from_input=True, gram=False),
    }
    for (d, *widths), order in cases.items():
        assert choose((d, *widths), 7) == order, "each order is tested"
        encoder = keras.Sequential([layers.Dense(m, activation="tanh") for m in widths])
        same(drawn(encoder, d), rows(7, d), f"{d}, {widths}")
        linear = keras.Sequential([*encoder.layers[:-1], layers.Dense(widths[-1])])
        same(drawn(linear, d), rows(7, d), f"{d}, {widths}, a linear code")
    same(drawn(keras.Sequential([layers.Dense(3, activation="sigmoid")]), 9), rows(1, 9), "one layer, one row")


def check_structures():
    x = rows(5, 6)
    inputs = keras.Input((6,))
    h = layers.Dense(5, activation="tanh", name="first")(inputs)
    h = layers.ReLU(negative_slope=0.25)(layers.Dense(4)(layers.Dropout(0.5)(h)))
    same(drawn(keras.Model(inputs, h), 6), x, "functional")
    inner = keras.Sequential([layers.Dense(4, activation="elu"), layers.Dropout(0.5)])
    nested = keras.Sequential([keras.Input((6,)), layers.GaussianNoise(1.0), inner, layers.Dense(3, use_bias=False)])
    same(drawn(nested, 6), x, "nested")
    outer = keras.Model(inputs, layers.Activation("tanh")(nested(inputs)))
    same(outer, x, "a Sequential within a functional model")
    linear = keras.Sequential([layers.Dense(5), layers.Dense(4), layers.Activation("linear")])
    same(drawn(linear, 6), x, "linear")
    same(drawn(keras.Sequential([keras.Input((6,)), layers.Activation("tanh")]), 6), x, "no Dense")
    assert float(numbers(jacobian_penalty(keras.Sequential([keras.Input((6,)), layers.Dropout(0.5)]), x))) == 6
    normalised = keras.Sequential(
        [
            layers.BatchNormalization(),
            layers.Dense(5),
            layers.BatchNormalization(scale=False),
            layers.Activation("tanh"),
            layers.BatchNormalization(center=False),
            layers.Dense(3, activation="tanh"),
            layers.BatchNormalization(),
        ]
    )
    normalised = drawn(normalised, 6)
    for layer in normalised.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_variance.assign(np.linspace(0.5, 3, len(layer.moving_variance.numpy())))
    same(normalised, x, "batch normalisation")
    images = np.random.default_rng(0).normal(size=(4, 3, 2, 2))
    scaling = layers.Normalization(axis=-1, mean=[0.1, -0.3], variance=[2.0, 0.5])
    shaped = keras.Sequential(
        [
            keras.Input((3, 2, 2)),
            layers.Rescaling(0.5, offset=-1.0),
            scaling,
            layers.Normalization(axis=-1, mean=[0.1, 0.2], variance=[0.3, 4.0], invert=True),
            layers.BatchNormalization(axis=2),
            layers.Flatten(),
            layers.Dense(6, activation="tanh"),
            layers.Reshape((3, 2)),
            layers.ELU(),
        ]
    )
    same(drawn(shaped, (3, 2, 2)), images, "images")
    parts = [layers.Dense(5, activation="relu"), layers.Dense(3)]
    together = keras.Sequential(parts)
    together.build((None, 6))
    got, code = jacobian_penalty(parts, x, reduction="none", return_code=True)
    assert_allclose(numbers(got), numbers(squares(jacobian(together, x))), rtol=1e-12)
    assert_allclose(numbers(code), numbers(together(x)), rtol=1e-14)


def check_other_penalties():
    x, encoder = rows(6, 7), keras.Sequential([layers.Dense(m, activation="tanh") for m in (6, 4, 3)])
    drawn(encoder, 7)
    want = numbers(squares(jacobian(encoder, x)))
    assert_allclose(numbers(jacobian_penalty(encoder, x, reduction="none")), want, rtol=1e-12)
    assert_allclose(numbers(jacobian_penalty(encoder, x, reduction="sum")), want.sum(), rtol=1e-12)
    variables = encoder.trainable_variables
    got, gradient = with_gradients(lambda: jacobian_norm(encoder, x), variables)
    value, wanted = with_gradients(lambda: ops.mean(ops.sqrt(squares(jacobian(encoder, x)))), variables)
    assert_allclose(got, value, rtol=1e-12)
    for g, w in zip(gradient, wanted, strict=True):
        assert_allclose(g, w, rtol=1e-10, atol=1e-12)
    a, total = x, 0
    for layer in encoder.layers:
        total = total + numbers(squares(jacobian(layer, a)))
        a = numbers(layer(a))
    assert_allclose(numbers(layerwise(encoder, x, reduction="none")), total, rtol=1e-12)
    dead = keras.Sequential([layers.Dense(4, activation="relu", bias_initializer=keras.initializers.Constant(-1e3))])
    dead(x)
    for penalty in (jacobian_penalty, jacobian_norm, layerwise):
        value, gradient = with_gradients(lambda penalty=penalty: penalty(dead, x), dead.trainable_variables)
        assert value == 0
        assert all(not g.any() for g in gradient), "a dead code has no gradient, and no NaN"


def check_precisions():
    x = rows(20, 30)
    of_64 = 1e-6 if BACKEND == "jax" else 1e-12  # tanh
    for dtype, tolerance in (("float64", of_64), ("float32", 1e-5), ("mixed_float16", 1e-5), ("mixed_bfloat16", 1e-5)):
        encoder = keras.Sequential([layers.Dense(m, activation="tanh", dtype=dtype) for m in (12, 5)])
        weights = drawn(encoder, 30, scale=2.0).get_weights()
        exact = keras.Sequential([layers.Dense(m, activation="tanh", dtype="float64") for m in (12, 5)])
        exact.build((None, 30))
        exact.set_weights(weights)
        given = x if dtype == "float64" else x.astype("float32")
        precision("float64")
        want = float(numbers(ops.mean(squares(jacobian(exact, given.astype("float64"))))))
        precision("float64", narrowed=True)
        found = jacobian_penalty(encoder, given)
        assert keras.backend.standardize_dtype(found.dtype) == keras.DTypePolicy(dtype).variable_dtype, dtype
        assert_allclose(float(numbers(found)), want, rtol=tolerance, err_msg=dtype)

        class Own(keras.Model):
            def __init__(self, encoder, **others):
                super().__init__(**others)
                self.encoder = encoder

            def call(self, x):
                self.add_loss(jacobian_penalty(self.encoder, x))
                return self.encoder(x)

        own = Own(encoder, dtype=dtype)
        own(given)
        # A policy of 16 bits rounds the rows that `call` is given, and not the weights of the penalty.
        rounding = 3e-3 if "16" in dtype else tolerance
        assert_allclose(float(numbers(sum(own.losses))), want, rtol=rounding, err_msg=f"{dtype}, in call")


def refused(says, call, *arguments, error=PenaltyError, **named):
    with pytest.raises(error, match=says) as raised:
        call(*arguments, **named)
    return raised.value


def check_refusals():
    x = rows(4, 6)
    remedy = {"torch": "contractive.torch", "tensorflow": "batch_jacobian", "jax": "jacrev"}[BACKEND]
    images = np.zeros((2, 8, 8, 1))
    convolution = keras.Sequential([layers.Conv2D(2, 3, name="strokes"), layers.Flatten(), layers.Dense(2)])
    raised = refused(f"'strokes' \\(Conv2D\\).*{remedy}", jacobian_penalty, convolution, images)
    assert raised.layer == "strokes"
    inputs = keras.Input((6,))
    branches = layers.Dense(3)(inputs) + layers.Dense(3)(inputs)
    refused(f"takes 2 inputs.*{remedy}", jacobian_penalty, keras.Model(inputs, branches), x)
    both = keras.Model(inputs, [layers.Dense(3)(inputs), layers.Dense(2)(inputs)])
    refused("one input and one output, got 1 and 2", jacobian_penalty, both, x)
    always = keras.Model(inputs, layers.Dropout(0.5, name="always")(layers.Dense(3)(inputs), training=True))
    refused("'always'.*training=True", jacobian_penalty, always, x)
    for layer in (layers.LayerNormalization(), layers.Softmax(), Cube()):
        with_it = keras.Sequential([layers.Dense(3), layer])
        refused(f"{type(layer).__name__}.*derivatives=", jacobian_penalty, with_it, x)
    for activation in ("softmax", "mish", lambda z: activations.leaky_relu(z, 0.1), swish_2):
        with_it = keras.Sequential([layers.Dense(3, activation=activation, name="odd")])
        refused(r"'odd' \(Dense\) has the activation.*derivatives=", jacobian_penalty, with_it, x)
    refused("put Flatten before it", jacobian_penalty, keras.Sequential([layers.Dense(3)]), images)

    turned = keras.Sequential([layers.Flatten(data_format="channels_first", name="turned"), layers.Dense(2)])
    refused("'turned'.*channels_last", jacobian_penalty, turned, images)

    class Own(keras.Model):
        def call(self, x):
            return x

    refused("as a list, in that order", jacobian_penalty, Own(), x)
    refused("got function", jacobian_penalty, swish_2, x)
    refused("must be rows", jacobian_penalty, keras.Sequential([layers.Dense(3)]), np.zeros(4))
    refused("mean, sum, none", jacobian_penalty, always, x, reduction="max", error=ValueError)
    halves = keras.Sequential([layers.Dense(3)]), keras.Sequential([layers.Dense(6)])
    for contraction in (-1.0, float("nan"), float("inf")):
        refused("0 or more", ContractiveAutoencoder, *halves, contraction=contraction, error=ValueError)
    refused("`penalty`", ContractivePenalty, halves[0], 1.0, "hessian", error=ValueError)

    def normalised():
        return keras.Sequential([layers.Dense(3), layers.BatchNormalization(name="norm"), layers.Activation("tanh")])

    says = r"(?s)'norm' \(BatchNormalization\).*trainable to False"
    model = ContractiveAutoencoder(normalised(), keras.Sequential([layers.Dense(6)]))
    model.compile("sgd", "mse")
    model(x)
    refused(says, model.fit, x, verbose=0)
    assert np.isfinite(numbers(model(x))).all(), "refused before the training begins"
    refused(says, model.train_on_batch, x, error=ValueError)
    model = keras.Sequential([ContractivePenalty(normalised()), layers.Dense(6)])
    model.compile("sgd", "mse")
    refused(says, model.fit, x, x, verbose=0, error=ValueError)
    normalised = normalised()
    normalised.layers[1].trainable = False
    model = ContractiveAutoencoder(normalised, keras.Sequential([layers.Dense(6)]))
    model.compile("sgd", "mse")
    model(x)
    before = normalised.layers[1].get_weights()
    model.fit(x, verbose=0)
    for one, other in zip(before, normalised.layers[1].get_weights(), strict=True):
        assert_array_equal(one, other, "frozen statistics")


def autoencoder(d=7, activation="tanh", **settings):
    encoder = keras.Sequential([layers.Dense(6, activation), layers.Dense(3, activation)])
    decoder = keras.Sequential([layers.Dense(6, activation), layers.Dense(d)])
    drawn(encoder, d), drawn(decoder, 3)
    return ContractiveAutoencoder(encoder, decoder, **settings)


def parameters_of(model):
    found = {}
    for stack in ("encoder", "decoder"):
        for i, layer in enumerate(getattr(model, stack).layers):
            found[f"{stack}.{i}.weight"] = numbers(layer.kernel).T.astype("float64")
            found[f"{stack}.{i}.bias"] = numbers(layer.bias).astype("float64")
    return found


def check_objective():
    """Value and gradient are those of the core in 64 bits, and so is a step of `fit`, compiled by the backend."""
    x = rows(12, 7)
    cases = [
        ("jacobian", "sse", sse),
        *((penalty, "mse", "mse") for penalty in ("jacobian", "jacobian_norm", "layerwise")),
    ]
    for penalty, name, loss in cases:
        model = autoencoder(contraction=0.3, penalty=penalty)
        config = {
            "activations": "tanh",
            "decoder_activations": ["tanh", "identity"],
            "loss": name,
            "penalty": penalty,
            "contraction": 0.3,
        }
        before = parameters_of(model)
        told = contractive.objective(before, x, config)
        model.compile(keras.optimizers.SGD(0.01), loss)
        history = model.fit(x, batch_size=12, verbose=0).history
        assert_allclose(history["loss"][0], told["total"], rtol=1e-6)
        assert_allclose(history["reconstruction"][0], told["reconstruction"], rtol=1e-6)
        assert_allclose(history["penalty"][0], told["penalty"], rtol=1e-6)
        after = parameters_of(model)
        for key, gradient in told["gradient"].items():
            assert_allclose(
                before[key] - after[key], 0.01 * gradient, rtol=1e-10, atol=1e-13, err_msg=f"{penalty} {name} {key}"
            )


def check_fit():
    precision("float32")
    x = rows(100, 7).astype("float32")
    y = x[::-1].copy()
    model = autoencoder(activation="relu", contraction=5.0)
    model.compile(keras.optimizers.Adam(0.03), "mse", metrics=["mae"])
    before = model.evaluate(x, verbose=0, return_dict=True)
    exact = float(numbers(ops.mean(squares(jacobian(model.encoder, x)))))
    assert_allclose(before["penalty"], exact, rtol=1e-5, err_msg="over all rows, the last batch a smaller one")
    history = model.fit(x, epochs=8, validation_data=(x[:30], x[:30]), verbose=0).history
    assert not model.run_eagerly
    terms = {"loss", "reconstruction", "penalty", "mae"}
    assert set(history) == terms | {f"val_{name}" for name in terms}
    assert history["penalty"][-1] < 0.8 * history["penalty"][0]
    assert history["loss"][-1] < history["loss"][0]
    for total, error, penalty in zip(*(history[name] for name in ("loss", "reconstruction", "penalty")), strict=True):
        assert_allclose(total, error + 5 * penalty, rtol=1e-5)
    after = model.evaluate(x[:30], verbose=0, return_dict=True)
    assert_allclose(after["penalty"], history["val_penalty"][-1], rtol=1e-5)
    error = np.mean((numbers(model(x[:30])) - x[:30]) ** 2)
    assert_allclose(after["reconstruction"], error, rtol=1e-5)
    weights = np.linspace(0, 2, 100).astype("float32")
    half = model.evaluate(x, y, sample_weight=weights, batch_size=100, verbose=0, return_dict=True)
    each = numbers(jacobian_penalty(model.encoder, x, reduction="none"))
    assert_allclose(half["penalty"], np.mean(weights * each), rtol=1e-5)
    error = np.mean((numbers(model(x)) - y) ** 2, 1)
    assert_allclose(half["reconstruction"], np.mean(weights * error), rtol=1e-5)
    assert_allclose(half["loss"], half["reconstruction"] + 5 * half["penalty"], rtol=1e-5)
    encoder = keras.Sequential([layers.Dense(3, "tanh", kernel_regularizer=keras.regularizers.L2(1.0))])
    decayed = ContractiveAutoencoder(encoder, keras.Sequential([layers.Dense(7)]), contraction=0.5)
    decayed.compile("sgd", "mse")
    told = decayed.evaluate(x, batch_size=100, verbose=0, return_dict=True)
    decay = np.sum(encoder.get_weights()[0] ** 2)
    assert_allclose(told["loss"], told["reconstruction"] + 0.5 * told["penalty"] + decay, rtol=1e-5)
    error = np.mean((numbers(decayed(x)) - x) ** 2)
    assert_allclose(told["reconstruction"], error, rtol=1e-5, err_msg="without the decay of weights")


@keras.saving.register_keras_serializable(package="checks")
def soft(z):
    return ops.softplus(z) - 0.5


@keras.saving.register_keras_serializable(package="checks")
def slope_of_soft(z):
    return ops.sigmoid(z)


def check_saving():
    precision("float32")
    x = rows(40, 7).astype("float32")
    encoder = keras.Sequential([layers.Dense(5, activation=soft), layers.Dropout(0.1), layers.Dense(2, "tanh")])
    decoder = keras.Sequential([layers.Dense(5, "tanh"), layers.Dense(7)])
    model = ContractiveAutoencoder(
        encoder, decoder, contraction=0.2, penalty="jacobian_norm", derivatives={soft: slope_of_soft}
    )
    model.compile("adam", sse)
    model.fit(x, verbose=0)
    layer = ContractivePenalty(encoder, 0.2, penalty="layerwise", derivatives={soft: slope_of_soft})
    stacked = keras.Sequential([keras.Input((7,)), layer, decoder])
    stacked.compile("adam", "mse")
    stacked.fit(x, x, verbose=0)
    for trained in (model, stacked):
        trained.save("trained.keras")
        loaded = keras.models.load_model("trained.keras")
        assert type(loaded) is type(trained)
        assert_array_equal(numbers(loaded(x)), numbers(trained(x)))
        before, after = (one.evaluate(x, x, verbose=0, return_dict=True) for one in (trained, loaded))
        assert before == after, "loss and terms, so contraction, penalty and derivatives"


def check_layer():
    precision("float32")
    x = rows(60, 7).astype("float32")

    class Own(keras.Model):
        def __init__(self, encoder, decoder):
            super().__init__()
            self.encoder, self.decoder = encoder, decoder

        def call(self, x):
            self.add_loss(3.0 * jacobian_penalty(self.encoder, x))
            return self.decoder(self.encoder(x))

    inputs = keras.Input((7,))
    parts = [(autoencoder().encoder, autoencoder().decoder) for _ in range(3)]
    functional = keras.Model(inputs, parts[0][1](ContractivePenalty(parts[0][0], 3.0)(inputs)))
    sequential = keras.Sequential([ContractivePenalty(parts[1][0], 3.0), parts[1][1]])
    for model, (encoder, _) in zip((functional, sequential, Own(*parts[2])), parts, strict=True):
        model.compile(keras.optimizers.Adam(0.01), "mse")
        before = float(numbers(ops.mean(squares(jacobian(encoder, x)))))
        told = model.evaluate(x, x, batch_size=60, verbose=0)
        error = np.mean((numbers(model(x)) - x) ** 2)
        assert_allclose(told, error + 3.0 * before, rtol=1e-5)
        model.fit(x, x, epochs=6, verbose=0)
        after = float(numbers(ops.mean(squares(jacobian(encoder, x)))))
        assert after < 0.6 * before, (before, after)


def check_models():
    """Ours as Keras' and back: codes, reconstructions, to 32 bits; weights, activations and names to the bit."""
    X = rows(50, 5).astype("float32")
    for activation in ("identity", "sigmoid", "tanh", "relu", "leaky_relu", "softplus", "elu", "silu", "gelu"):
        for tied in (False, True):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a training that short
                ours = contractive.ContractiveAutoencoder(
                    (6, 3),
                    activation=activation,
                    tied=tied,
                    max_iter=3,
                    scale="standard",
                    random_state=0,
                    contraction=0.1,
                ).fit(X)
            theirs = to_keras(ours, dtype="float64")
            scaled = ours.model_.scaled(X)
            assert_allclose(numbers(theirs.encoder(scaled)), ours.transform(X), rtol=2e-5, atol=1e-6)
            assert_allclose(numbers(theirs(scaled)), ours.model_.outputs(X), rtol=2e-5, atol=2e-6)
            assert (theirs.contraction, theirs.penalty) == (0.1, "jacobian")
            want = np.mean(ours.jacobian_norm(X) ** 2)
            assert_allclose(
                float(numbers(jacobian_penalty(theirs.encoder, scaled))), want, rtol=1e-5, err_msg=activation
            )
            back = from_keras(theirs, tied=tied)
            before, after = ours.model_.parameters(), back.model_.parameters()
            assert set(before) == set(after)
            for name in before:
                assert_array_equal(before[name], after[name])
            told, again = (json.loads(one.model_.describe()) for one in (ours, back))
            assert told["architecture"] == again["architecture"]
            assert_array_equal(back.transform(scaled), ours.transform(X))
            back.save("back")
            assert_array_equal(contractive.load("back").transform(scaled), ours.transform(X))
            assert_array_equal(numbers(to_keras("back").decoder.layers[-1].bias), after["decoder.1.bias"])


def check_folding():
    """Constants of Keras go into weights of ours; what ours do not have is refused by name."""
    X = rows(50, 6).astype("float32")
    encoder = keras.Sequential(
        [
            keras.Input((2, 3)),
            layers.Flatten(),
            layers.Normalization(mean=np.arange(6.0), variance=np.arange(1.0, 7.0)),
            layers.Rescaling(0.5, offset=0.1),
            layers.Dense(5, use_bias=False),
            layers.BatchNormalization(),
            layers.ELU(),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(3, "sigmoid", name="code"),
        ]
    )
    decoder = [
        layers.Dense(4),
        layers.LeakyReLU(negative_slope=0.01),
        layers.Dense(6),
        layers.Rescaling(2.0, offset=-1.0),
    ]
    whole = keras.Sequential([*encoder.layers, *decoder])
    drawn(whole, (2, 3))
    for layer in whole.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_variance.assign([0.5, 1, 2, 3, 0.1])
    images = X.reshape(-1, 2, 3)
    for given in ((whole,), ((encoder, decoder),), (encoder, decoder)):
        named = {"code": "code"} if given == (whole,) else {}
        ours = from_keras(*given, loss="sse", feature_names=list("abcdef"), image_shape=(2, 3), **named)
        assert_allclose(ours.transform(X), numbers(encoder(images, training=False)), rtol=1e-5, atol=1e-6)
        assert_allclose(ours.reconstruct(X), numbers(whole(images, training=False)), rtol=1e-5, atol=1e-5)
        told = ours.evaluate(X)
        want = float(numbers(ops.mean(squares(jacobian(encoder, images)))))
        assert_allclose(told["penalty"], want, rtol=1e-5)
        assert ours.hidden_layer_sizes == (5, 3)
        assert list(ours.feature_names_in_) == list("abcdef")
    turned = [layers.Flatten(data_format="channels_first", name="turned"), *encoder.layers[1:]]
    refused("'turned'.*channels_last", from_keras, turned, decoder)
    channels = [layers.Dense(6), layers.Reshape((3, 2)), layers.BatchNormalization(name="channels"), layers.Flatten()]
    stack = drawn(keras.Sequential(channels), 6)
    refused("'channels'.*2 channels after a Dense of 6", from_keras, stack, decoder)
    refused("`code` must name the layer", from_keras, whole, error=ValueError)
    last = layers.Dense(6)
    for odd, says in (
        (layers.Dense(3, "leaky_relu"), "activation leaky_relu"),
        (layers.Dense(3, "selu"), "activation selu"),
        (layers.LeakyReLU(name="steep"), "'steep'"),
        (layers.ELU(alpha=0.5, name="half"), "'half'"),
        (layers.PReLU(name="learnt"), "'learnt'"),
        (layers.LayerNormalization(name="norm"), "'norm'"),
    ):
        stack = drawn(keras.Sequential([layers.Dense(3), odd]), 6)
        refused(says, from_keras, stack, [last])
    tanh = drawn(keras.Sequential([layers.Dense(3, "tanh")]), 6)
    refused("must end in a Dense", from_keras, [*tanh.layers, layers.Rescaling(2.0)], [last], error=ValueError)
    last.build((None, 3))
    refused("transposed, to be tied", from_keras, tanh, [last], tied=True, error=ValueError)
    five = drawn(keras.Sequential([layers.Dense(5)]), 3)
    refused("as many outputs as the encoder takes inputs, 6, got 5", from_keras, tanh, five, error=ValueError)
    refused("must be given", to_keras, whole, error=TypeError)
    refused("not fitted", to_keras, contractive.ContractiveAutoencoder(), error=ValueError)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        flat = contractive.ContractiveAutoencoder((3,), penalty="weight_l2", max_iter=1, random_state=0).fit(X)
        del told[:]
        assert to_keras(flat).contraction == 0
    assert any("no penalty 'weight_l2'" in str(one.message) for one in told)


def programs(page):
    text = (DOCS / page).read_text()
    return dict(re.findall(r'^```(?:python|diff) title="([^"]+)"\n(.*?)^```$', text, re.DOTALL | re.MULTILINE))


def check_page():
    """The programs of docs/keras.md run on every backend."""
    precision("float32")
    found = programs("keras.md")
    assert len(found) >= 3
    names = {}
    for title, program in found.items():
        exec(compile(program, title, "exec"), names)
    assert names["history"]["penalty"][-1] < names["history"]["penalty"][0]


def check_article():
    """The article's program with the three lines of the page changed trains on the exact penalty."""
    precision("float32")
    found = programs("from-keras-article.md")
    program, change = found["Keras"], found["three changed lines"].splitlines()
    fixed = program
    for before, line in itertools.pairwise(change):
        if line[0] != "+":
            continue
        assert program.count(f"{before[1:]}\n") == 1, before
        kept = f"{before[1:]}\n" if before[0] == " " else ""
        fixed = fixed.replace(f"{before[1:]}\n", f"{kept}{line[1:]}\n")
    changed = [line for line in difflib.ndiff(program.splitlines(), fixed.splitlines()) if line[0] == "+"]
    assert len(changed) == 3

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (300, 28, 28), dtype="uint8")
    keras.datasets.fashion_mnist.load_data = lambda: ((images, None), (images[:50], None))
    first = {}
    exec(compile(program.replace("range(10)", "range(0)"), "article", "exec"), first)
    told = {}
    exec(compile(fixed.replace("range(10)", "range(2)"), "article, corrected", "exec"), told)
    penalty = float(jacobian_penalty(told["encoder"], told["x"]))
    assert_allclose(penalty, float(tf.reduce_mean(told["norms"])), rtol=1e-5)
    assert float(tf.reduce_mean(told["norms"])) < 0.9 * float(tf.reduce_mean(first["norms"])), "it contracts"
    # The gradient that its step takes, of the penalty alone, is that of the brute force.
    encoder, weights = told["encoder"], told["encoder"].trainable_weights
    _, got = with_gradients(lambda: ops.mean(jacobian_penalty(encoder, told["x"], reduction="none")), weights)
    _, want = with_gradients(lambda: ops.mean(squares(jacobian(encoder, told["x"]))), weights)
    for g, w in zip(got, want, strict=True):
        assert_allclose(g, w, rtol=1e-4, atol=1e-4 * np.abs(w).max() + 1e-9)
    # The article's own class, as the benchmark has it.
    peer = (DOCS.parent / "benches" / "peers" / "article_keras.py").read_text()
    names = {"tf": tf}
    exec(
        re.search(r"^class AutoEncoder.*?(?=^\S)", peer[peer.index("class AutoEncoder") :], re.DOTALL | re.MULTILINE)[
            0
        ],
        names,
    )
    model = names["AutoEncoder"]()
    x = tf.constant(images[:9] / 255, tf.float32)
    model(x)
    layers_of_code = [model.flatten_layer, model.dense1, model.dense2, model.bottleneck]
    got, code = jacobian_penalty(layers_of_code, x, reduction="none", return_code=True)
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = model(x)[2]
    assert_allclose(code, h, rtol=1e-5, atol=1e-6)
    assert_allclose(got, tf.reduce_sum(tape.batch_jacobian(h, x) ** 2, (1, 2, 3)), rtol=1e-5)


def main():
    outcomes = {}
    for name in sys.argv[1:]:
        precision("float64")
        keras.utils.set_random_seed(0)
        start = time.monotonic()
        try:
            globals()[f"check_{name}"]()
            outcomes[name] = None
        except (Exception, pytest.fail.Exception):
            outcomes[name] = traceback.format_exc()
        print(f"{name}: {time.monotonic() - start:.1f} s", file=sys.stderr)
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main()
