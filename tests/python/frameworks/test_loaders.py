"""The code in docs/model-format.md that reads a model without us, into NumPy and into plain PyTorch."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("safetensors", reason="safetensors is not installed")

PAGE = Path(__file__).parents[3] / "docs" / "model-format.md"
ACTIVATIONS = ["identity", "sigmoid", "tanh", "relu", "leaky_relu", "softplus", "elu", "silu", "gelu"]


@pytest.fixture(scope="module")
def blocks():
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def ran(*blocks):
    names = {}
    exec("\n".join(blocks), names)
    return names


@pytest.fixture
def rows(tmp_path):
    rows = np.random.default_rng(4).normal(size=(120, 6)) * [1, 2, 3, 1, 5, 1] + 1
    np.save(tmp_path / "rows.npy", rows)
    return rows


def cae_table(cae, folder, words, name):
    subprocess.run([cae, *words.split(), "-o", name, "--quiet"], cwd=folder, check=True)
    return np.load(folder / name)


@pytest.mark.parametrize("phi", ACTIVATIONS)
@pytest.mark.parametrize("flags", ["--scale standard", "--scale standard --tied", "--scale none"])
def test_codes_and_reconstructions_are_those_of_the_command(cae, tmp_path, blocks, rows, phi, flags):
    train = f"train --data rows.npy --hidden 8,3 --epochs 5 --no-report --quiet --out run --activation {phi}"
    subprocess.run([cae, *f"{train} --code-activation {phi} {flags}".split()], cwd=tmp_path, check=True)
    code = cae_table(cae, tmp_path, "encode run --data rows.npy", "codes.npy")
    restored = cae_table(cae, tmp_path, "reconstruct run --data rows.npy", "restored.npy")
    assert np.ptp(code, axis=0).min() > 1e-3, "a code that moves"

    plain = ran(blocks[0], blocks[1])
    model = plain["load"](tmp_path / "run" / "model")
    if phi in plain["PHI"]:
        np.testing.assert_allclose(plain["encode"](model, rows), code, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(plain["reconstruct"](model, rows), restored, rtol=1e-4, atol=1e-4)

    encoder, decoder = ran(blocks[2])["load_modules"](tmp_path / "run" / "model")
    assert [type(part) for part in (encoder, decoder)] == [torch.nn.Sequential] * 2
    scaling = model[0]["preprocessing"]
    with torch.no_grad():
        h = encoder(torch.tensor(plain["scaled"](scaling, rows), dtype=torch.float32))
        x = plain["unscaled"](scaling, decoder(h).double().numpy())
    np.testing.assert_allclose(h.numpy(), code, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(x, restored, rtol=1e-4, atol=1e-4)


def test_the_loaders_are_as_short_as_they_say(blocks):
    for block in blocks[1:]:
        lines = [line for line in block.splitlines() if line.strip() and not line.startswith(("import", "from"))]
        assert len(lines) <= 15, len(lines)
