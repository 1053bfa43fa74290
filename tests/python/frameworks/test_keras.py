"""contractive.keras on TensorFlow, JAX and PyTorch: one process a backend runs what keras_checks.py has."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("keras")
CHECKS = Path(__file__).parent / "keras_checks.py"
NAMES = re.findall(r"^def check_(\w+)\(", CHECKS.read_text(), re.MULTILINE)
ON_ONE_BACKEND = {"article": "tensorflow"}
CASES = [
    (backend, name)
    for backend in ("torch", "jax", "tensorflow")
    for name in NAMES
    if ON_ONE_BACKEND.get(name, backend) == backend
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What each check of a backend raised, None where nothing; a backend is run when it is first asked for."""
    found = {}

    def of(backend):
        if backend not in found:
            names = [name for at, name in CASES if at == backend]
            # Without oneDNN's and TensorFlow's messages, and on the processor, where float64 is 64 bits everywhere.
            environment = {
                **os.environ,
                "KERAS_BACKEND": backend,
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "CUDA_VISIBLE_DEVICES": "-1",
                "JAX_PLATFORMS": "cpu",
            }
            done = subprocess.run(
                [sys.executable, CHECKS, *names],
                cwd=tmp_path_factory.mktemp(backend),
                env=environment,
                capture_output=True,
                text=True,
                timeout=300,
            )
            assert done.returncode == 0, done.stderr
            found[backend] = json.loads(done.stdout.splitlines()[-1])
        return found[backend]

    return of


@pytest.mark.parametrize(("backend", "name"), CASES)
def test_keras(outcomes, backend, name):
    pytest.importorskip(backend)
    raised = outcomes(backend)[name]
    assert raised is None, raised
