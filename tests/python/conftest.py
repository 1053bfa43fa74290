"""What the tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def cae():
    """The command; scripts/test.sh names it in CONTRACTIVE_CAE."""
    path = os.environ.get("CONTRACTIVE_CAE")
    if path is None:
        pytest.fail("name the command in CONTRACTIVE_CAE, or run scripts/test.sh")
    return Path(path).resolve()
