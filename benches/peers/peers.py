"""Training steps a second of PyTorch on the published network, by three formulas of the same objective.

Network 784-64-32-16-32-64-784, ReLU, batch 128, squared error summed over pixels plus the mean of ||J||^2_F of the whole
encoder (contraction 1), Adam 1e-3.  Weights and batches are drawn by the same generator as our side
(crates/contractive-core/examples/steps_per_second.rs), so the losses of 20 steps must agree before anything is timed.

    python peers.py OURS THREADS REPETITIONS

OURS is the built example. Prints one JSON object; run.sh makes the environment and calls this.
"""

import json
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
from torch.func import jacrev, vmap

ROWS, BATCHES, STEPS, SIZES = 128, 16, 100, [784, 64, 32, 16, 32, 64, 784]


def draws(n, state):
    """Lehmer's generator, as in our example: integers that fit, so both sides draw the same numbers."""
    values = np.empty(n, dtype=np.float64)
    for i in range(n):
        state = state * 48271 % 2147483647
        values[i] = state
    return values / 2147483647.0, state


def network_and_batches():
    state, layers = 2011, []
    for fan_in, fan_out in zip(SIZES, SIZES[1:]):
        u, state = draws(fan_in * fan_out, state)
        u2, state = draws(fan_out, state)
        weight = ((2 * u - 1) / fan_in**0.5).astype(np.float32).reshape(fan_out, fan_in)
        layers.append((weight, (u2 * 0).astype(np.float32)))
    u, _ = draws(BATCHES * ROWS * SIZES[0], state)
    return layers, (u**3).astype(np.float32).reshape(BATCHES, ROWS, SIZES[0])


def penalty_gram(weights, slopes):
    """tr(A G A^T) with A = D3 W3 D2 W2 D1 and G = W1 W1^T: autograd through the closed form."""
    w1, w2, w3 = weights[:3]
    d1, d2, d3 = slopes
    rows = (d3.unsqueeze(2) * w3) * d2.unsqueeze(1)
    rows = (rows @ w2) * d1.unsqueeze(1)
    return ((rows @ (w1 @ w1.T)) * rows).sum() / d1.shape[0]


def forward(params, x):
    weights, biases = params[0::2], params[1::2]
    a, slopes = x, []
    for layer, (w, b) in enumerate(zip(weights, biases)):
        a = a @ w.T + b
        if layer < 5:
            a = torch.relu(a)
            slopes.append((a > 0).to(a.dtype))
    return a, slopes[:3]


def loss_gram(params, x):
    out, slopes = forward(params, x)
    return ((out - x) ** 2).sum(1).mean() + penalty_gram(params[0::2], slopes)


def loss_jacrev(params, x):
    def encode(v):
        for w, b in zip(params[0:6:2], params[1:6:2]):
            v = torch.relu(v @ w.T + b)
        return v

    out, _ = forward(params, x)
    jacobian = vmap(jacrev(encode))(x)
    return ((out - x) ** 2).sum(1).mean() + (jacobian**2).sum() / x.shape[0]


def plain(params, x):
    out, _ = forward(params, x)
    return ((out - x) ** 2).sum(1).mean()


def trainer(loss, layers, batches):
    params = [torch.tensor(v.copy(), requires_grad=True) for layer in layers for v in layer]
    optimiser = torch.optim.Adam(params, lr=1e-3)

    def step(i):
        optimiser.zero_grad(set_to_none=True)
        value = loss(params, batches[i % BATCHES])
        value.backward()
        optimiser.step()
        return value

    return step


def main():
    ours, threads, repetitions = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    layers, batches = network_and_batches()
    batches = torch.tensor(batches)
    peers = {"torch_gram": loss_gram, "torch_jacrev": loss_jacrev, "torch_without_penalty": plain}
    steps = {name: trainer(loss, layers, batches) for name, loss in peers.items()}
    losses = {name: [step(i).item() for i in range(20)] for name, step in steps.items()}

    def run_ours():
        line = subprocess.run([ours, str(threads), "1"], check=True, capture_output=True, text=True).stdout
        return json.loads(line)

    mine = run_ours()
    for name in ("torch_gram", "torch_jacrev"):
        worst = max(abs(a - b) / abs(b) for a, b in zip(losses[name], mine["losses"]))
        if worst > 1e-4:
            sys.exit(f"{name} is not the same work: its losses differ by {worst:.2e} relative\n{losses[name]}\n{mine['losses']}")

    rates = {name: [] for name in ["ours", *steps]}
    for _ in range(repetitions):  # interleaved: what the machine does to one it does to all
        rates["ours"] += run_ours()["steps_per_second"]
        for name, step in steps.items():
            n = STEPS if name != "torch_jacrev" else 10
            start = time.perf_counter()
            for i in range(n):
                step(i)
            rates[name].append(n / (time.perf_counter() - start))
    median = {name: statistics.median(values) for name, values in rates.items()}
    json.dump(
        {
            "threads": threads,
            "torch": torch.__version__,
            "repetitions": repetitions,
            "steps_per_second": median,
            "spread": {name: [min(v), max(v)] for name, v in rates.items()},
            "ratio_to_torch_gram": median["ours"] / median["torch_gram"],
            "ratio_to_torch_jacrev": median["ours"] / median["torch_jacrev"],
        },
        sys.stdout,
        indent=2,
    )
    print()


main()
