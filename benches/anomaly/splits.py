"""The splits of the anomaly benchmark: the same rows for us and for the peers.

A set is an .npz file with X (N, d) and y (N), y = 1 for anomalies. Of more than 10,000 rows, 10,000 are drawn with
numpy.random.RandomState(0).choice(N, 10000, replace=False). Then scikit-learn's train_test_split(test_size=0.3,
stratify=y, random_state=0), and a StandardScaler fitted to the training rows, anomalies included.
"""

import re
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

MOST_ROWS = 10_000


def sets(folder):
    """(name, path) of every set of a folder, by the number in front of the name, then by name."""

    def key(path):
        number = re.match(r"(\d+)_", path.name)
        return (int(number.group(1)) if number else 1 << 30, path.name)

    return [(path.stem, path) for path in sorted(Path(folder).glob("*.npz"), key=key)]


def split(path):
    """Training rows, their labels, test rows, their labels; rows are float32, z-scored on the training rows."""
    with np.load(path, allow_pickle=False) as file:
        x, y = np.asarray(file["X"], dtype=np.float64), np.asarray(file["y"]).ravel().astype(np.int64)
    if len(x) > MOST_ROWS:
        drawn = np.random.RandomState(0).choice(len(x), MOST_ROWS, replace=False)
        x, y = x[drawn], y[drawn]
    train, test, y_train, y_test = train_test_split(x, y, test_size=0.3, stratify=y, random_state=0)
    scaler = StandardScaler().fit(train)
    return scaler.transform(train).astype(np.float32), y_train, scaler.transform(test).astype(np.float32), y_test


def is_development(name):
    """Whether a set is of the half that chose our default: those with an odd ADBench number."""
    number = re.match(r"(\d+)_", name)
    return bool(number) and int(number.group(1)) % 2 == 1
