"""The widely read tutorial's program: a contractive autoencoder on Fashion-MNIST in TensorFlow, from start to exit.

    python article_keras.py printed | printed-function | exact-function  DATA_DIR THREADS EPOCHS

`printed` is as the article has it: a custom loop around GradientTape, run eagerly; the penalty h(1-h) of the last layer
though the units are ReLU, its weights held constant, lambda 100. `printed-function` puts the step into tf.function.
`exact-function` has the exact penalty by batch_jacobian, lambda 0.3 as our recipe, in tf.function (eager, it would take
many times longer). 54,000 rows in file order, as our recipe trains on; no validation and no report, which ours makes.
"""

import gzip
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
import numpy as np
import tensorflow as tf

ROWS, BATCH = 54000, 128


def images(folder):
    for name in ("train-images-idx3-ubyte.gz", "train-images-idx3-ubyte"):
        path = Path(folder) / "fashion-mnist" / name
        if path.exists():
            data = (gzip.open if name.endswith(".gz") else open)(path, "rb").read()
            return np.frombuffer(data, np.uint8, offset=16).reshape(-1, 28, 28).astype(np.float32) / 255
    sys.exit(f"no training images under {folder}")


class AutoEncoder(tf.keras.Model):
    def __init__(self):
        super().__init__()
        dense = tf.keras.layers.Dense
        self.flatten_layer = tf.keras.layers.Flatten()
        self.dense1 = dense(64, activation=tf.nn.relu)
        self.dense2 = dense(32, activation=tf.nn.relu)
        self.bottleneck = dense(16, activation=tf.nn.relu)
        self.dense4 = dense(32, activation=tf.nn.relu)
        self.dense5 = dense(64, activation=tf.nn.relu)
        self.dense_final = dense(784)

    def encode(self, x):
        return self.bottleneck(self.dense2(self.dense1(x)))

    def call(self, inputs):
        x = self.flatten_layer(inputs)
        h = self.encode(x)
        return self.dense_final(self.dense5(self.dense4(h))), x, h


def reconstruction(x, x_bar):
    return tf.reduce_mean(tf.keras.losses.mse(x, x_bar)) * 28 * 28


def printed_loss(model, x, x_bar, h):
    w = tf.transpose(tf.stop_gradient(tf.convert_to_tensor(model.bottleneck.weights[0])))
    dh = h * (1 - h)
    contractive = 100 * tf.reduce_sum(tf.linalg.matmul(dh**2, tf.square(w)), axis=1)
    return reconstruction(x, x_bar) + contractive


def exact_loss(model, x, x_bar, h):
    with tf.GradientTape() as tape:
        tape.watch(x)
        code = model.encode(x)
    jacobian = tape.batch_jacobian(code, x)
    return reconstruction(x, x_bar) + 0.3 * tf.reduce_mean(tf.reduce_sum(jacobian**2, axis=(1, 2)))


def main():
    form, folder, threads, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    batches = tf.data.Dataset.from_tensor_slices(images(folder)[:ROWS]).batch(BATCH)
    model, optimiser = AutoEncoder(), tf.keras.optimizers.Adam(learning_rate=1e-3)
    model(tf.zeros((1, 28, 28)))
    optimiser.build(model.trainable_variables)
    loss = printed_loss if form.startswith("printed") else exact_loss

    def step(inputs):
        with tf.GradientTape() as tape:
            x_bar, x, h = model(inputs)
            value = loss(model, x, x_bar, h)
        gradients = tape.gradient(value, model.trainable_variables)
        optimiser.apply_gradients(zip(gradients, model.trainable_variables))
        return value

    if form.endswith("function"):
        step = tf.function(step, reduce_retracing=True)
    for epoch in range(epochs):
        for inputs in batches:
            value = step(inputs)
        print(epoch, float(tf.reduce_sum(value)), flush=True)


main()
