"""One table and one detector for every engine; tests/python/requirements-engines.txt lists what they need.

Engines listen on this machine's loopback alone, and report nothing to anyone.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from checks import by_key
from contractive import AnomalyDetector

HERE = Path(__file__).parent
os.environ |= {
    "CONTRACTIVE_READS": str(Path(tempfile.mkdtemp(prefix="contractive-")) / "reads"),
    "PYTHONPATH": os.pathsep.join([str(HERE / "in_workers"), *filter(None, [os.environ.get("PYTHONPATH")])]),
    "PYSPARK_PYTHON": sys.executable,
    "SPARK_LOCAL_IP": "127.0.0.1",
    # Without this Ray binds every interface; its name tells of the systems where that is the default.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}

N = 300


@pytest.fixture(scope="session")
def orders():
    """Rows with a key, holes, categories, truth values, a column that nobody asks for, and a row without any cell."""
    draw = np.random.default_rng(0)
    empty = np.arange(N) == 17

    def holes(share):
        return (draw.random(N) < share) | empty

    channel = draw.choice(["web", "shop", "phone"], N)
    amount = draw.normal(size=N) + np.where(channel == "web", 3.0, 0.0)
    amount[[5, 42]] += 30
    return pa.table(
        {
            "id": [f"order {i}" for i in range(N)],
            "note": ["-"] * N,
            "amount": pa.array(amount, mask=holes(0.1)),
            "items": pa.array(draw.integers(1, 9, N), mask=holes(0.1)),
            "channel": pa.array(channel, mask=holes(0.1)),
            "weight": pa.array((2 * amount + draw.normal(size=N)).astype(np.float32), mask=empty),
            "express": pa.array(draw.random(N) < 0.3, mask=empty),
        }
    )


@pytest.fixture(scope="session")
def detector(orders, tmp_path_factory):
    """A detector's directory."""
    path = tmp_path_factory.mktemp("detectors") / "orders"
    fitted = AnomalyDetector(ensemble=2, keys=["id"], missing="mask", contamination=0.05, random_state=0)
    fitted.fit(orders.drop_columns(["note"]).slice(18)).save(path)
    return path


@pytest.fixture(scope="session")
def once(orders, detector):
    """What one process says of all rows at once: by key (score, probability, label, feature_1, share_1)."""
    loaded, rows = AnomalyDetector.load(detector), orders.drop_columns(["note"])
    told = loaded.detect(rows, explain=1)
    np.testing.assert_array_equal(told["score"].to_numpy(), loaded.anomaly_scores(rows))
    rows = by_key(told)
    assert sum(row[2] is True for row in rows.values()) >= 5
    assert rows["order 17"] == (None, None, None, None, None)
    return rows


@pytest.fixture
def detector_again(detector, tmp_path):
    """The detector at a path of its own, which no process has read."""
    AnomalyDetector.load(detector).save(tmp_path / "again")
    return tmp_path / "again"
