"""Examples in the docstrings of what needs PyTorch or Keras give what they say."""

import doctest
import importlib
import pkgutil

import contractive.keras
import contractive.torch
import contractive.verify
import pytest

MODULES = [
    f"{package.__name__}{name}"
    for package in (contractive.torch, contractive.keras, contractive.verify)
    for name in ("", *(f".{module.name}" for module in pkgutil.iter_modules(package.__path__)))
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name):
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert found.failed == 0
    if name in (
        "contractive.torch.penalties",
        "contractive.torch.loss",
        "contractive.torch.conversion",
        "contractive.keras",
    ):
        assert found.attempted > 0
