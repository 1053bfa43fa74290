"""‖J‖²_F of a picture under a convolution is the sum over its patches: against the whole Jacobian in float64."""

import contractive
import numpy as np
import pytest
import torch
from contractive import _core
from contractive.torch import jacobian_penalty, to_torch
from torch import nn

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "identity": nn.Identity, "softplus": nn.Softplus}


def parameters(layers, activation, seed):
    """Weights of a dense network of patches, (out, in), and the convolutional encoder of the same numbers."""
    random = np.random.default_rng(seed)
    k, channels, sizes = layers
    d = k * k * channels
    ours, parts, before = {}, [], d
    for i, size in enumerate(sizes):
        weight, bias = random.normal(0, before**-0.5, (size, before)), random.normal(0, 0.3, size)
        ours |= {f"encoder.{i}.weight": weight, f"encoder.{i}.bias": bias}
        # Rows of the first weight are (u, v, c), channels last.
        kernel = weight.reshape(size, k, k, channels).transpose(0, 3, 1, 2) if i == 0 else weight[:, :, None, None]
        convolution = nn.Conv2d(kernel.shape[1], size, kernel.shape[2], dtype=torch.float64)
        convolution.weight = nn.Parameter(torch.tensor(kernel))
        convolution.bias = nn.Parameter(torch.tensor(bias))
        parts += [convolution, ACTIVATIONS[activation]()]
        before = size
    ours |= {"decoder.0.weight": np.zeros((d, before)), "decoder.0.bias": np.zeros(d)}
    return ours, nn.Sequential(*parts)


def patches(picture, k, stride):
    """Those of a picture (H, W, C), as rows."""
    height, width, _ = picture.shape
    return np.array(
        [
            picture[top : top + k, left : left + k].ravel()
            for top in range(0, height - k + 1, stride)
            for left in range(0, width - k + 1, stride)
        ]
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sizes", [(4,), (5, 3), (6, 4, 2)])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_penalty_of_a_picture_is_the_sum_over_its_patches(channels, sizes, stride, one_thread):
    torch.set_default_device("cpu")
    k = 3
    for seed, activation in enumerate(ACTIVATIONS):
        ours, encoder = parameters((k, channels, sizes), activation, seed)
        encoder[0].stride = (stride, stride)
        # Pixels that no patch sees, at the last row and column, have columns of zeros.
        picture = np.random.default_rng(seed).normal(size=(8, 7, channels))
        whole = torch.func.jacrev(encoder)(torch.tensor(picture.transpose(2, 0, 1)))
        rows = patches(picture, k, stride)
        at = contractive.objective(ours, rows, {"activations": activation})
        assert whole.shape[:3] == (sizes[-1], (8 - k) // stride + 1, (7 - k) // stride + 1)
        np.testing.assert_allclose(at["row_penalties"].sum(), (whole**2).sum().item(), rtol=1e-12)
        # Place by place, too.
        of_places = (whole**2).sum(dim=(0, 3, 4, 5)).flatten()
        np.testing.assert_allclose(at["row_penalties"], of_places.detach().numpy(), rtol=1e-11)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_trained_model_of_patches_is_a_convolution(channels, tmp_path, one_thread):
    torch.set_default_device("cpu")
    random = np.random.default_rng(channels)
    pixels = random.integers(0, 256, (8, 10, 13, channels), dtype=np.uint8)
    np.save(tmp_path / "p.npy", pixels if channels > 1 else pixels[..., 0])
    words = f"--data {tmp_path / 'p.npy'} --patch 4 --stride 3 --hidden 6,2 --epochs 1 --loss bce --quiet"
    assert _core.run(["cae", "train", *words.split(), "--out", str(tmp_path / "run")]) == 0
    whole = ["reconstruct", str(tmp_path / "run"), "-o", str(tmp_path / "r.npy"), "--quiet"]
    assert _core.run(["cae", *whole]) == 0
    module = to_torch(tmp_path / "run", dtype=torch.float64)
    pictures = torch.tensor(pixels.transpose(0, 3, 1, 2) / 255.0)
    restored = module(pictures).permute(0, 2, 3, 1).reshape(8, -1).detach().numpy()
    np.testing.assert_allclose(restored, np.load(tmp_path / "r.npy") / 255.0, atol=2e-6)
    # The penalty of contractive.torch at the whole picture is the sum over the patches.
    codes = torch.func.jacrev(module.encoder)(pictures[0])
    np.testing.assert_allclose(
        jacobian_penalty(module.encoder, pictures[:1]).item(), (codes**2).sum().item(), rtol=1e-9
    )
    with pytest.raises(ValueError, match="4, 7, 10, …"):
        module(pictures[:, :, :9])


def test_a_second_spatial_layer_has_no_such_sum(one_thread):
    torch.set_default_device("cpu")
    _, first = parameters((3, 1, (4,)), "tanh", 0)
    second = nn.Conv2d(4, 2, 2, dtype=torch.float64)
    picture = torch.tensor(np.random.default_rng(0).normal(size=(1, 6, 6)))
    whole = (torch.func.jacrev(nn.Sequential(first, second))(picture) ** 2).sum()
    # The squares hidden place by hidden place, without the products of those whose windows overlap.
    slopes, apart = torch.func.jacrev(first)(picture), 0.0
    for u, v in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        seen = slopes[:, u : u + 3, v : v + 3]
        apart += (torch.einsum("oc,cyxihw->oyxihw", second.weight[:, :, u, v], seen) ** 2).sum().item()
    assert abs(whole.item() - apart) > 1e-3 * whole.item(), (whole.item(), apart)
