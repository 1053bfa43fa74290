"""contractive.keras on TensorFlow, JAX and PyTorch: one process a backend runs what keras_checks.py collects."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("keras")
HERE = Path(__file__).parent
CHECKS = HERE / "keras_checks.py"
HOLD_CHECKS = [HERE / "keras_penalty_checks.py", HERE / "keras_model_checks.py"]
NAMES = [name for path in HOLD_CHECKS for name in re.findall(r"^def check_(\w+)\(", path.read_text(), re.MULTILINE)]
BACKENDS = [name for name in ("torch", "jax", "tensorflow") if importlib.util.find_spec(name) is not None]
ON_ONE_BACKEND = {"article": "tensorflow"}
CASES = [(backend, name) for backend in BACKENDS for name in NAMES if ON_ONE_BACKEND.get(name, backend) == backend]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What each check of each backend raised, None where nothing. The backends run beside each other."""
    running = {}
    for backend in BACKENDS:
        environment = {
            **os.environ,
            "KERAS_BACKEND": backend,
            # On the processor, where float64 is 64 bits everywhere; compiled without the care that only running rewards.
            "CUDA_VISIBLE_DEVICES": "-1",
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": "--xla_backend_optimization_level=0",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        names = [name for at, name in CASES if at == backend]
        folder = tmp_path_factory.mktemp(backend)
        with (folder / "stdout").open("w") as out, (folder / "stderr").open("w") as errors:
            command = [sys.executable, CHECKS, *names]
            child = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=errors)
        running[backend] = child, folder
    yield running
    for child, _ in running.values():
        child.kill()
        child.wait()


@pytest.mark.parametrize(("backend", "name"), CASES)
def test_keras(outcomes, backend, name):
    child, folder = outcomes[backend]
    code = child.wait(timeout=600)
    assert code == 0, (folder / "stderr").read_text()
    raised = json.loads((folder / "stdout").read_text().splitlines()[-1])[name]
    assert raised is None, raised
