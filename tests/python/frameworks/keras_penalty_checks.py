"""What is checked of the penalties of contractive.keras, on each backend."""

import keras
import numpy as np
from contractive._closed_form import Order, choose
from contractive.keras import (
    ContractiveAutoencoder,
    ContractivePenalty,
    jacobian_norm,
    jacobian_penalty,
    layerwise,
)
from keras import activations, layers, ops
from keras_jacobians import (
    BACKEND,
    LEAKY,
    Cube,
    drawn,
    jacobian,
    numbers,
    precision,
    refused,
    rows,
    same,
    slope_of_swish_2,
    squares,
    swish_2,
    with_gradients,
)
from numpy.testing import assert_allclose, assert_array_equal

if BACKEND == "tensorflow":
    import tensorflow as tf
elif BACKEND == "jax":
    import jax
else:
    import torch


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
    assert_allclose(numbers(jacobian_penalty(encoder, x.tolist(), reduction="none")), want, rtol=1e-12)
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
