"""What the tests with PyTorch share; tests/python/requirements-frameworks.txt lists what they need."""

import pytest


@pytest.fixture(autouse=True)
def on_the_accelerator():
    """Where there is a GPU, tensors and modules are made on it: the tests are the same."""
    import torch

    torch.set_default_device("cuda" if torch.cuda.is_available() else "cpu")
    yield
    torch.set_default_device("cpu")
