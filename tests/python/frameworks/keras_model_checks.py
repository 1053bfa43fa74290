"""What is checked of the models, the layer and the conversions of contractive.keras, and of their pages, on each backend."""

import difflib
import itertools
import json
import re
import warnings
from pathlib import Path

import contractive
import keras
import numpy as np
from contractive.keras import (
    ContractiveAutoencoder,
    ContractivePenalty,
    from_keras,
    jacobian_penalty,
    sse,
    to_keras,
)
from keras import layers, ops
from keras_jacobians import (
    BACKEND,
    autoencoder,
    drawn,
    jacobian,
    numbers,
    precision,
    refused,
    rows,
    squares,
    with_gradients,
)
from numpy.testing import assert_allclose, assert_array_equal

if BACKEND == "tensorflow":
    import tensorflow as tf
elif BACKEND == "jax":
    pass
else:
    pass

DOCS = Path(__file__).parents[3] / "docs"


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
