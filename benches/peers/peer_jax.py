"""JAX: `jit` (one jitted step a batch, the penalty by its closed form), `scan` (a whole round of batches in one
lax.scan), `jacrev` (vmap(jacrev)), and two of them without a penalty.

    python peer_jax.py WORKLOAD THREADS
"""

import os
import sys
from functools import partial

import protocol
import workloads

os.environ["JAX_PLATFORMS"] = "cpu"
import jax
import jax.numpy as jnp

jax.config.update("jax_default_matmul_precision", "float32")

PHI = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "identity": lambda z: z}
SLOPE = {
    "relu": lambda h: (h > 0).astype(h.dtype),
    "sigmoid": lambda h: h * (1 - h),
    "tanh": lambda h: 1 - h * h,
}


def weight(work, layers, l):
    """Layer l's weights (out, in); a tied decoder mirrors the encoder."""
    w = layers[l][0]
    return w if w is not None else layers[2 * work.depth - 1 - l][0].T


def encode(work, layers, x):
    codes = []
    for l in range(work.depth):
        x = PHI[work.activation](x @ weight(work, layers, l).T + layers[l][1])
        codes.append(x)
    return codes


def logits(work, layers, h):
    for l in range(work.depth, 2 * work.depth):
        h = h @ weight(work, layers, l).T + layers[l][1]
        if l < 2 * work.depth - 1:
            h = PHI[work.activation](h)
    return h


def penalty(work, layers, codes):
    """As in peer_pytorch.py: rows of the Jacobian from the code down, ending in G where it is cheaper."""
    rows = codes[0].shape[0]
    slopes = [SLOPE[work.activation](h) for h in codes]
    w = [layers[l][0] for l in range(work.depth)]
    if work.depth == 1:
        return (slopes[0] ** 2 @ (w[0] ** 2).sum(1)).sum() / rows
    u = slopes[-1][:, :, None] * w[-1] * slopes[-2][:, None, :]
    for l in range(work.depth - 2, 0, -1):
        u = (u @ w[l]) * slopes[l - 1][:, None, :]
    if work.through_gram:
        return ((u @ (w[0] @ w[0].T)) * u).sum() / rows
    return ((u @ w[0]) ** 2).sum() / rows


def jacrev_penalty(work, layers, x):
    jacobian = jax.vmap(jax.jacrev(lambda v: encode(work, layers, v)[-1]))(x)
    return (jacobian**2).sum() / x.shape[0]


def objective(work, kind, layers, x):
    codes = encode(work, layers, x)
    z = logits(work, layers, codes[-1])
    if work.loss == "cross_entropy":
        value = (jax.nn.softplus(z) - x * z).sum() / x.shape[0]
    else:
        value = ((z - x) ** 2).sum() / x.shape[0]
    if kind == "exact":
        value += work.contraction * penalty(work, layers, codes)
    if kind == "jacrev":
        value += work.contraction * jacrev_penalty(work, layers, x)
    return value


def start(work, layers):
    """The state of training: parameters, and Adam's two means and step."""
    if work.optimiser == "sgd":
        return (layers,)
    zeros = jax.tree.map(jnp.zeros_like, layers)
    return layers, zeros, jax.tree.map(jnp.zeros_like, layers), jnp.zeros((), jnp.float32)


def step(work, kind, state, x):
    value, g = jax.value_and_grad(partial(objective, work, kind))(state[0], x)
    lr = work.learning_rate
    if work.optimiser == "sgd":
        return (jax.tree.map(lambda p, g: p - lr * g, state[0], g),), value
    p, m, v, t = state
    t = t + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
    root = jnp.sqrt(1 - 0.999**t)
    rate, floor = lr * root / (1 - 0.9**t), 1e-8 * root
    p = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + floor), p, m, v)
    return (p, m, v, t), value


class Jitted(protocol.Form):
    def __init__(self, work, kind, scan=False):
        layers, batches = work.drawn()
        as_array = lambda v: None if v is None else jnp.asarray(v)
        self.state = start(work, [(as_array(w), as_array(b)) for w, b in layers])
        one = partial(step, work, kind)
        if scan:
            self.multiple = work.batches
            self.batches = [jnp.asarray(batches)]
            self.step = jax.jit(lambda state, xs: jax.lax.scan(one, state, xs), donate_argnums=0)
        else:
            self.batches = [jnp.asarray(x) for x in batches]
            self.step = jax.jit(one, donate_argnums=0)
        self.next = 0

    def run(self, n):
        losses = []
        for _ in range(n // self.multiple):
            self.state, value = self.step(self.state, self.batches[self.next % len(self.batches)])
            losses.append(value)
            self.next += 1
        jax.block_until_ready(self.state)
        return [float(v) for values in losses for v in jnp.atleast_1d(values)] if n <= 64 else []


def product(n):
    a, b = jax.random.uniform(jax.random.key(0), (2, n, n))
    run = jax.jit(jnp.matmul)
    return lambda: run(a, b).block_until_ready()


def infer(chunk, n):
    work = workloads.named(sys.argv[1])
    layers, _ = work.drawn()
    layers = [(jnp.asarray(w), jnp.asarray(b)) for w, b in layers]
    rows = work.drawn_rows(n)
    chunks = [jnp.asarray(rows[i : i + chunk]) for i in range(0, n, chunk)]

    @jax.jit
    def both(x):
        h = encode(work, layers, x)[-1]
        return h, PHI[work.output](logits(work, layers, h))

    def run():
        pairs = jax.block_until_ready([both(x) for x in chunks])
        return float(pairs[0][1][: protocol.CHECKED_ROWS].sum())

    return run


def main():
    work = workloads.named(sys.argv[1])
    forms = {
        "jax_jit": lambda: Jitted(work, "exact"),
        "jax_scan": lambda: Jitted(work, "exact", scan=True),
        "jax_jacrev": lambda: Jitted(work, "jacrev"),
        "jax_jit_plain": lambda: Jitted(work, "plain"),
        "jax_scan_plain": lambda: Jitted(work, "plain", scan=True),
    }
    protocol.serve({"jax": jax.__version__}, forms, product, infer)


main()
