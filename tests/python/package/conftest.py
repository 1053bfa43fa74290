"""What tests of the Python package share."""

import threading

import numpy as np
import pytest
from contractive import AnomalyDetector, ContractiveAutoencoder, ImageDetector, SeriesDetector


@pytest.fixture(scope="session")
def rows():
    """400 rows near a curve in six dimensions, float32."""
    rng = np.random.default_rng(7)
    t = rng.uniform(0, 6, size=(400, 1))
    X = np.hstack([np.sin(t), np.cos(t), t / 3, np.sin(2 * t), t**2 / 20, np.cos(3 * t)])
    return (X + 0.02 * rng.normal(size=X.shape)).astype(np.float32)


def orders(n=300):
    """A table of orders as a dictionary: keys, a category, numbers, a truth value, dates; two planted anomalies."""
    rng = np.random.default_rng(3)
    amount = rng.lognormal(3, 0.4, n)
    columns = {
        "id": [f"o{i:04}" for i in range(n)],
        "channel": [("web", "store", "phone")[i % 3] for i in range(n)],
        "amount": amount,
        "tax": amount * 0.2 + rng.normal(0, 0.05, n),
        "items": rng.integers(1, 6, n),
        "gift": rng.random(n) < 0.1,
    }
    columns["tax"][17], columns["amount"][40] = 90.0, 900.0
    return columns


X = np.random.default_rng(0).normal(size=(200, 5))
X.setflags(write=False)  # every test has the same


def small(**settings):
    return ContractiveAutoencoder((8, 2), **{"max_iter": 2, "random_state": 0, **settings})


def detector(**settings):
    return AnomalyDetector(**{"ensemble": 1, "steps": 20, "random_state": 0, **settings})


def series(**settings):
    return SeriesDetector(**{"ensemble": 1, "steps": 20, "window": 12, "random_state": 0, **settings})


def pictures(n, seed=0):
    """Grey waves of 32 by 32 pixels, bytes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:32, :32]
    waves = [120 + 40 * np.sin(0.8 * x + rng.uniform(0, 7)) * np.cos(0.6 * y) for _ in range(n)]
    return np.stack([np.uint8(wave + rng.normal(0, 5, wave.shape)) for wave in waves])


PICTURES = pictures(12)
PICTURES.setflags(write=False)


def images(**settings):
    return ImageDetector(**{"steps": 20, "scales": (1,), "hidden_layer_sizes": (16, 4), "random_state": 0, **settings})


def in_threads(*works):
    """Run each on a thread of its own; what one raises is raised."""
    raised = []

    def caught(work):
        try:
            work()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=caught, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    if raised:
        raise raised[0]
