"""TensorFlow: `function` (tf.function, the penalty by its closed form), `xla` (the same, jit_compile), `batch_jacobian`
(GradientTape.batch_jacobian, what people write), and two of them without a penalty.

    python peer_tensorflow.py WORKLOAD THREADS
"""

import os
import sys

import protocol
import workloads

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(protocol.THREADS)
tf.config.threading.set_inter_op_parallelism_threads(1)

PHI = {"relu": tf.nn.relu, "sigmoid": tf.sigmoid, "tanh": tf.tanh, "identity": tf.identity}
SLOPE = {
    "relu": lambda h: tf.cast(h > 0, h.dtype),
    "sigmoid": lambda h: h * (1 - h),
    "tanh": lambda h: 1 - h * h,
}


class Training(protocol.Form):
    def __init__(self, work, kind, xla=False):
        self.work, self.kind, self.next = work, kind, 0
        layers, batches = work.drawn()
        self.weights = [None if w is None else tf.Variable(w) for w, _ in layers]
        self.biases = [tf.Variable(b) for _, b in layers]
        self.variables = [p for pair in zip(self.weights, self.biases) for p in pair if p is not None]
        if work.optimiser == "adam":
            self.means = [[tf.Variable(tf.zeros_like(p)) for p in self.variables] for _ in range(2)]
            self.powers = [tf.Variable(1.0), tf.Variable(1.0)]
        self.batches = [tf.constant(x) for x in batches]
        self.step = tf.function(self.one_step, jit_compile=xla)

    def affine(self, l, x):
        """x W_l^T + b_l; a tied decoder mirrors the encoder."""
        if self.weights[l] is None:
            return tf.matmul(x, self.weights[2 * self.work.depth - 1 - l]) + self.biases[l]
        return tf.matmul(x, self.weights[l], transpose_b=True) + self.biases[l]

    def encode(self, x):
        codes = []
        for l in range(self.work.depth):
            x = PHI[self.work.activation](self.affine(l, x))
            codes.append(x)
        return codes

    def logits(self, h):
        depth = self.work.depth
        for l in range(depth, 2 * depth):
            h = self.affine(l, h)
            if l < 2 * depth - 1:
                h = PHI[self.work.activation](h)
        return h

    def penalty(self, codes):
        """As in peer_pytorch.py: rows of the Jacobian from the code down, ending in G where it is cheaper."""
        w, depth, rows = self.weights, self.work.depth, codes[0].shape[0]
        slopes = [SLOPE[self.work.activation](h) for h in codes]
        if depth == 1:
            return tf.reduce_sum(tf.linalg.matvec(slopes[0] ** 2, tf.reduce_sum(w[0] ** 2, 1))) / rows
        u = slopes[-1][:, :, None] * w[depth - 1] * slopes[-2][:, None, :]
        times = lambda u, m: tf.reshape(tf.matmul(tf.reshape(u, (-1, u.shape[2])), m), (rows, u.shape[1], m.shape[1]))
        for l in range(depth - 2, 0, -1):
            u = times(u, w[l]) * slopes[l - 1][:, None, :]
        if self.work.through_gram:
            return tf.reduce_sum(times(u, tf.matmul(w[0], w[0], transpose_b=True)) * u) / rows
        return tf.reduce_sum(times(u, w[0]) ** 2) / rows

    def batch_jacobian_penalty(self, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            h = self.encode(x)[-1]
        return tf.reduce_sum(tape.batch_jacobian(h, x) ** 2) / x.shape[0]

    def one_step(self, x):
        work = self.work
        with tf.GradientTape() as tape:
            codes = self.encode(x)
            z = self.logits(codes[-1])
            if work.loss == "cross_entropy":
                value = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(x, z)) / x.shape[0]
            else:
                value = tf.reduce_sum((z - x) ** 2) / x.shape[0]
            if self.kind == "exact":
                value += work.contraction * self.penalty(codes)
            if self.kind == "batch_jacobian":
                value += work.contraction * self.batch_jacobian_penalty(x)
        self.update(tape.gradient(value, self.variables))
        return value

    def update(self, gradients):
        """PyTorch's formulas by TensorFlow's fused kernels; Adam's epsilon is scaled, since Keras adds it elsewhere."""
        lr = self.work.learning_rate
        if self.work.optimiser == "sgd":
            for p, g in zip(self.variables, gradients):
                p.assign_sub(lr * g)
            return
        b1, b2 = (power.assign(power * beta) for power, beta in zip(self.powers, (0.9, 0.999)))
        floor = 1e-8 * tf.sqrt(1 - b2)
        for p, m, v, g in zip(self.variables, *self.means, gradients):
            tf.raw_ops.ResourceApplyAdam(
                var=p.handle, m=m.handle, v=v.handle, beta1_power=b1, beta2_power=b2, lr=lr, beta1=0.9, beta2=0.999,
                epsilon=floor, grad=g,
            )  # fmt: skip

    def run(self, n):
        losses = []
        for _ in range(n):
            losses.append(self.step(self.batches[self.next % len(self.batches)]))
            self.next += 1
        return [float(v) for v in losses]


def product(n):
    a, b = tf.random.uniform((n, n)), tf.random.uniform((n, n))
    return lambda: tf.matmul(a, b).numpy()[0, 0]


def infer(chunk, n):
    net = Training(workloads.named(sys.argv[1]), "plain")
    rows = net.work.drawn_rows(n)
    chunks = [tf.constant(rows[i : i + chunk]) for i in range(0, n, chunk)]

    @tf.function
    def both(x):
        h = net.encode(x)[-1]
        return h, PHI[net.work.output](net.logits(h))

    def run():
        pairs = [both(x) for x in chunks]
        return float(tf.reduce_sum(pairs[0][1][: protocol.CHECKED_ROWS]))

    return run


def main():
    work = workloads.named(sys.argv[1])
    forms = {
        "tf_function": lambda: Training(work, "exact"),
        "tf_xla": lambda: Training(work, "exact", xla=True),
        "tf_batch_jacobian": lambda: Training(work, "batch_jacobian"),
        "tf_function_plain": lambda: Training(work, "plain"),
        "tf_xla_plain": lambda: Training(work, "plain", xla=True),
    }
    protocol.serve({"tensorflow": tf.__version__}, forms, product, infer)


main()
