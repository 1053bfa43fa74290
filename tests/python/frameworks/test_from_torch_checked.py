"""from_torch takes what a module computes, and refuses one that computes more than its layers show."""

import numpy as np
import pytest
import torch
from contractive.torch import PenaltyError, from_torch, jacobian_penalty
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


def test_convolutions_are_refused_and_a_second_spatial_layer_is_told_of_probes():
    first, decoder = nn.Conv2d(1, 4, 4, stride=2), nn.Linear(6, 6)
    one = nn.Sequential(first, nn.Tanh(), nn.Conv2d(4, 2, 1), nn.Tanh())
    with pytest.raises(PenaltyError, match="cae train --patch") as refused:
        from_torch((one, decoder))
    assert "spatial" not in str(refused.value)
    two = nn.Sequential(first, nn.Tanh(), nn.Conv2d(4, 2, 3), nn.Flatten(), nn.Linear(18, 6))
    with pytest.raises(PenaltyError, match=r"'encoder\.2' is a second spatial layer.*method='probes'") as refused:
        from_torch((two, decoder))
    assert refused.value.module == "encoder.2"
    # What the message names takes it.
    assert jacobian_penalty(two, torch.rand(3, 1, 12, 12), method="probes").isfinite()
    with pytest.raises(PenaltyError, match="is none that a dense autoencoder has"):
        from_torch((nn.Linear(6, 6), nn.Sequential(nn.ConvTranspose2d(6, 1, 2))))


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
