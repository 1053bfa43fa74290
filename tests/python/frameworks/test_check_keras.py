"""contractive.check_penalty on Keras models, on each backend in a process of its own, and on arrays without either."""

import os
import subprocess
import sys
import textwrap

import pytest

KERAS = """
import numpy as np, keras
from keras import layers, ops
from contractive import check_penalty

keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(10, 6)).astype("float32")


def model(*layers_of_it):
    return keras.Sequential([keras.Input((6,)), *layers_of_it])


def closed_form(m, x):
    h, W = m(x), ops.convert_to_tensor(m.layers[-1].kernel)
    return ops.mean(ops.sum((h * (1 - h)) ** 2 * ops.sum(W**2, 0), 1))


def article(m, x):
    h, W = m(x), ops.stop_gradient(ops.convert_to_tensor(m.layers[-1].kernel))
    return ops.mean(ops.sum((h * (1 - h)) ** 2 * ops.sum(W**2, 0), 1))


class Hipsternet:
    def __init__(self, m):
        self.W = keras.Variable(m.layers[-1].get_weights()[0])

    def __call__(self, m, x):
        h = m(x)
        return ops.sum((h * (1 - h)) ** 2 * ops.sum(ops.cast(self.W, h.dtype) ** 2, 0), 1)


sigmoid = model(layers.Dense(4, activation="sigmoid"))
deep = model(layers.Dense(5, activation="relu"), layers.Dense(4), layers.Activation("relu"))
before = [w.copy() for w in sigmoid.get_weights()]
cases = [
    (closed_form, sigmoid, ("right",)),
    (lambda m, x: 0.5 * closed_form(m, x), sigmoid, ("constant factor",)),
    (Hipsternet(sigmoid), sigmoid, ("stale copy of W",)),
    (lambda _, x: closed_form(sigmoid, x), sigmoid, ("right",)),
    (lambda m, x: ops.mean(m(x) ** 2), deep, ("wrong tensor",)),
    (article, model(layers.Dense(5, activation="relu"), layers.Dense(4, activation="relu")),
     ("last layer only", "h(1-h) with another activation", "W held constant")),
]
for function, encoder, kinds in cases:
    verdict = check_penalty(function, encoder, x)
    assert verdict.kinds == kinds, str(verdict)
assert all(np.array_equal(a, b) for a, b in zip(before, sigmoid.get_weights()))
inputs = keras.Input((6,))
chain = keras.Model(inputs, layers.Dense(3, activation="tanh", use_bias=False)(layers.Dense(4, activation="gelu")(inputs)))
verdict = check_penalty(lambda m, x: ops.mean(m(x)), chain, x)
assert verdict.kinds == ("wrong tensor",), str(verdict)
branch = layers.Dense(4)(inputs)
for refused, words in (
    (keras.Model(inputs, branch + layers.Dense(4)(inputs)), "chain"),
    (model(layers.Dense(2, activation="selu")), "selu"),
):
    try:
        check_penalty(closed_form, refused, x)
    except TypeError as error:
        assert words in str(error), error
    else:
        raise AssertionError(words)
print("judged")
"""


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
def test_keras_models_are_judged_on_each_backend(backend):
    pytest.importorskip("keras")
    pytest.importorskip(backend)
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KERAS)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.endswith("judged\n")


def test_neither_framework_is_imported_for_arrays():
    program = """
import sys
import numpy as np
from contractive import check_penalty
encoder = {"encoder.0.weight": np.eye(3), "encoder.0.bias": np.zeros(3)}
print(check_penalty(lambda p, x: (p["encoder.0.weight"] ** 2).sum(), encoder, np.ones((4, 3)), activations="identity").kind)
assert "torch" not in sys.modules and "keras" not in sys.modules
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout == "right\n", done.stderr
