"""What tests of the Python package share."""

import numpy as np
import pytest
from contractive import AnomalyDetector, ContractiveAutoencoder, SeriesDetector


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
