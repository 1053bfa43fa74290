"""The named workloads (workloads.json of contractive_cli::speed), with the weights and rows that our side draws (contractive_cli::speed::drawn)."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

MODULUS, MULTIPLIER, SEED = 2147483647, 48271, 2011
SPEED = Path(__file__).parents[2] / "crates/contractive-cli/src/speed"
ALL = json.loads((SPEED / "workloads.json").read_text())


class Lehmer:
    """Lehmer's generator, many numbers at once: the state after i steps is MULTIPLIER^i times the first."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self, n):
        powers = np.array([MULTIPLIER], dtype=np.uint64)
        while len(powers) < n:
            powers = np.concatenate([powers, powers * powers[-1] % MODULUS])
        states = powers[:n] * np.uint64(self.state) % MODULUS
        self.state = int(states[-1])
        return states.astype(np.float64) / MODULUS


@dataclass
class Workload:
    """A network, its objective, and how it is trained. `layers` are (weight (out, in), bias), encoder then decoder; a
    tied decoder has biases alone, with None for its weights. `exact` is False for the same net without its penalty."""

    encoder: list
    activation: str
    output: str
    tied: bool
    loss: str
    contraction: float
    optimiser: str
    learning_rate: float
    batch: int
    batches: int

    def drawn(self):
        """Layers, and the batches (batches, batch, d)."""
        random, layers = Lehmer(SEED), []
        sizes = [*zip(self.encoder, self.encoder[1:])]
        backward = [*zip(self.encoder[::-1], self.encoder[-2::-1])]
        for i, (fan_in, fan_out) in enumerate(sizes + backward):
            weight = None
            if i < len(sizes) or not self.tied:
                u = random.uniform(fan_in * fan_out)
                weight = ((2 * u - 1) * (1 / fan_in**0.5)).astype(np.float32).reshape(fan_out, fan_in)
            random.uniform(fan_out)
            layers.append((weight, np.zeros(fan_out, dtype=np.float32)))
        u = random.uniform(self.batches * self.batch * self.encoder[0])
        return layers, (u**3).astype(np.float32).reshape(self.batches, self.batch, self.encoder[0])

    def drawn_rows(self, n):
        """The first `n` rows drawn after the weights, for inference."""
        return replace(self, batch=n, batches=1).drawn()[1][0]

    @property
    def depth(self):
        return len(self.encoder) - 1

    @property
    def through_gram(self):
        """Whether ||J||^2 is cheaper as tr(U G U^T), G = W_1 W_1^T, than with J = U W_1 itself."""
        return self.encoder[0] > self.encoder[1]


def named(name):
    fields = {k: v for k, v in ALL[name].items() if k != "says"}
    return Workload(**fields)
