"""What the tests with PyTorch share; tests/python/requirements-frameworks.txt lists what they need."""

import os

import pytest

# Keras' default, TensorFlow, aborts a process in which torch.compile loads Triton; tests of the backends have processes of
# their own.
os.environ["KERAS_BACKEND"] = "torch"


@pytest.fixture(autouse=True)
def on_the_accelerator():
    """Where there is a GPU, tensors and modules are made on it: the tests are the same."""
    import torch

    torch.set_default_device("cuda" if torch.cuda.is_available() else "cpu")
    yield
    torch.set_default_device("cpu")


@pytest.fixture(scope="module")
def one_thread():
    """Work as small as that of the tests of check_penalty is done sooner by one."""
    import torch

    n = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n)
