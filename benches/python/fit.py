"""Fits one program on one task and prints its seconds: python fit.py TASK PROGRAM THREADS. What fit() takes is timed, the
second time it is called, so that imports and compilation do not count."""

import json
import os
import sys
import time

TASKS = {
    # rows, features, hidden sizes, rows a step, passes
    "images": (10_000, 784, (64, 16), 128, 10),
    "table": (5_000, 20, (16, 4), 32, 20),
}


def rows(task):
    import numpy as np

    n, d, *_ = TASKS[task]
    rng = np.random.default_rng(0)
    if task == "images":
        from contractive import datasets

        return datasets.strokes(rows=n).X
    latent = rng.normal(size=(n, 3))
    X = np.tanh(latent @ rng.normal(size=(3, d))) + 0.1 * rng.normal(size=(n, d))
    return X.astype(np.float32)


def contractive(task, threads, contraction):
    from contractive import ContractiveAutoencoder

    _, _, hidden, batch, passes = TASKS[task]
    return ContractiveAutoencoder(
        hidden,
        max_iter=passes,
        batch_size=batch,
        contraction=contraction,
        penalty="jacobian",
        scale="none",
        validation_fraction=0,
        early_stopping=False,
        n_jobs=threads,
        random_state=0,
    ).fit


def mlp_regressor(task, threads):
    import warnings

    from sklearn.neural_network import MLPRegressor

    warnings.filterwarnings("ignore")  # ten passes are no convergence
    _, _, hidden, batch, passes = TASKS[task]
    model = MLPRegressor(
        hidden_layer_sizes=(*hidden, *hidden[-2::-1]),
        activation="tanh",
        batch_size=batch,
        max_iter=passes,
        n_iter_no_change=passes + 1,
        random_state=0,
    )
    return lambda X: model.fit(X, X)


def pyod(task, threads):
    import torch
    from pyod.models.auto_encoder import AutoEncoder

    torch.set_num_threads(threads)
    _, _, hidden, batch, passes = TASKS[task]
    return AutoEncoder(
        hidden_neuron_list=list(hidden),
        hidden_activation_name="tanh",
        batch_norm=False,
        dropout_rate=0,
        epoch_num=passes,
        batch_size=batch,
        preprocessing=False,
        random_state=0,
        verbose=0,
        device="cpu",
    ).fit


def keras(task, threads):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    _, d, hidden, batch, passes = TASKS[task]
    tf.random.set_seed(0)
    layers = [tf.keras.layers.Dense(n, activation="tanh") for n in (*hidden, *hidden[-2::-1])]
    model = tf.keras.Sequential([tf.keras.Input((d,)), *layers, tf.keras.layers.Dense(d)])
    model.compile(optimizer=tf.keras.optimizers.Adam(1e-3), loss="mse")
    return lambda X: model.fit(X, X, batch_size=batch, epochs=passes, verbose=0)


PROGRAMS = {
    "contractive, plain": lambda task, threads: contractive(task, threads, 0.0),
    "contractive, exact penalty": lambda task, threads: contractive(task, threads, 1e-3),
    "scikit-learn MLPRegressor": mlp_regressor,
    "PyOD AutoEncoder": pyod,
    "Keras": keras,
}


def main():
    task, program, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    X = rows(task)
    fit = PROGRAMS[program](task, threads)
    fit(X)
    began = time.perf_counter()
    fitted = fit(X)
    told = {"seconds": time.perf_counter() - began}
    if hasattr(fitted, "history_") and program.startswith("contractive"):
        told["steps"] = sum(record["seconds"] for record in fitted.history_)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
