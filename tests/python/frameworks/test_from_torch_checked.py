"""from_torch takes what a module computes, and refuses one that computes more than its layers show."""

import numpy as np
import pytest
import torch
from contractive.torch import PenaltyError, from_torch
from torch import nn
from torch.nn.utils import prune, weight_norm


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


def hooked(module):
    module.register_forward_hook(lambda _, __, output: 2 * output)
    return module


MORE = {
    "a Linear of one's own": lambda: nn.Sequential(Doubled(6, 6), nn.Tanh()),
    "a Sequential of one's own": lambda: Residual(nn.Linear(6, 6), nn.Tanh()),
    "a hook on a layer": lambda: nn.Sequential(hooked(nn.Linear(6, 6)), nn.Tanh()),
    "a hook on all": lambda: hooked(nn.Sequential(nn.Linear(6, 6), nn.Tanh())),
}


@pytest.mark.parametrize("name", MORE)
def test_more_than_the_layers_is_refused(name):
    encoder = MORE[name]()
    with pytest.raises(PenaltyError, match="the encoder must compute what its layers do"):
        from_torch((encoder, nn.Linear(6, 6)))
    assert all(part.training for part in encoder.modules())


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("wrap", [weight_norm, lambda layer: prune.l1_unstructured(layer, "weight", amount=0.5)])
def test_weights_that_hooks_put_there_are_those_of_now(wrap):
    encoder, x = nn.Sequential(wrap(nn.Linear(6, 3)), nn.Tanh()), torch.randn(5, 6)
    with torch.no_grad():
        for p in encoder.parameters():
            p.mul_(1.7)
    found = from_torch((encoder, nn.Linear(3, 6))).transform(x.cpu().numpy())
    np.testing.assert_allclose(found, encoder(x).detach().cpu().numpy(), atol=1e-5)
