"""The splits of the anomaly benchmark: the same rows for us and for the peers.

A set is an .npz file with X (N, d) and y (N), y = 1 for anomalies. Of more than 10,000 rows, 10,000 are drawn with
numpy.random.RandomState(0).choice(N, 10000, replace=False). Then scikit-learn's train_test_split(test_size=0.3,
stratify=y, random_state=0), and a StandardScaler fitted to the training rows, anomalies included.

Or one with X_train (normal rows), X_test and y_test: `clean` takes it as it is; `contaminated` moves anomalies, drawn with
numpy.random.RandomState(0), from the test rows to the training rows, until they are as frequent there as they were among
the test rows, but no more than half of them. Features are then as the file has them.
"""

import re
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

MOST_ROWS = 10_000
PROTOCOLS = ("clean", "contaminated")


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


def given(path, protocol="clean"):
    """Training rows, test rows, their labels, of a set that has them apart."""
    with np.load(path, allow_pickle=False) as file:
        train, test = np.asarray(file["X_train"], dtype=np.float32), np.asarray(file["X_test"], dtype=np.float32)
        y = np.asarray(file["y_test"]).ravel().astype(np.int64)
    if protocol == "contaminated":
        anomalies = np.flatnonzero(y == 1)
        share = len(anomalies) / len(y)
        most = min(len(anomalies) // 2, int(share / (1 - share) * len(train)) if share < 1 else 0)
        moved = np.random.RandomState(0).choice(anomalies, most, replace=False)
        train = np.concatenate([train, test[moved]])
        rest = np.setdiff1d(np.arange(len(y)), moved)
        test, y = test[rest], y[rest]
    return train, test, y


def is_development(name):
    """Whether a set is of the half that chose our default: those with an odd ADBench number."""
    number = re.match(r"(\d+)_", name)
    return bool(number) and int(number.group(1)) % 2 == 1
