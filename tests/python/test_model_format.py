"""The code in docs/model-format.md gives the numbers of `cae encode` and `cae reconstruct`, and the page names every key."""

import json
import re
import subprocess
from pathlib import Path

import numpy
import pytest
from metrics import history

PAGE = Path(__file__).parents[2] / "docs" / "model-format.md"
COLUMNS = "abcde"
MODELS = {
    "standard, tied": "--scale standard --tied",
    "robust": "--scale robust --activation leaky_relu",
    "quantile, tied": "--scale quantile --tied",
    "min and max, cut off": "--scale minmax --loss bce --activation relu",
    "unscaled": "--scale none",
}


@pytest.fixture(scope="module")
def reader():
    """What the page's first blocks of Python define; the third, for PyTorch, is run by frameworks/test_loaders.py."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    names = {}
    exec("\n".join(blocks[:2]), names)
    return names


@pytest.fixture
def rows(tmp_path):
    """A table with a heavy tail, values that many rows share, a column of one value; later rows lie beyond it."""
    random = numpy.random.default_rng(5)
    values = random.lognormal(size=(200, 5))
    values[:, 3], values[:, 4] = numpy.round(values[:, 3]), 2.5
    for name, some in (("train", values), ("later", numpy.vstack([values[:20], 3 * values[:20] - 2]))):
        text = "\n".join(",".join(repr(float(v)) for v in row) for row in some)
        (tmp_path / f"{name}.csv").write_text(",".join(COLUMNS) + "\n" + text + "\n")
    return numpy.vstack([values[:20], 3 * values[:20] - 2])


def run(cae, folder, words):
    subprocess.run([cae, *words.split()], cwd=folder, check=True)


@pytest.mark.parametrize("flags", MODELS.values(), ids=MODELS.keys())
def test_codes_and_reconstructions_are_those_of_the_command(cae, tmp_path, reader, rows, flags):
    train = "train --data train.csv --hidden 7,3 --epochs 20 --learning-rate 0.01 --no-report --quiet --out run"
    run(cae, tmp_path, f"{train} {flags}")
    model = reader["load"](tmp_path / "run" / "model")
    for command in ("encode", "reconstruct"):
        run(cae, tmp_path, f"{command} run --data later.csv --quiet -o {command}.npy")
        want, got = numpy.load(tmp_path / f"{command}.npy"), reader[command](model, rows)
        assert got.shape == want.shape
        # In f32 the order of sums is free; sinh makes more of it far from the data.
        numpy.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-5, err_msg=command)
    assert numpy.ptp(numpy.load(tmp_path / "encode.npy"), axis=0).max() > 0.01, "a code that moves"


def test_every_key_of_a_run_is_on_the_page(cae, tmp_path, reader, rows):
    run(cae, tmp_path, "train --data train.csv --hidden 7,3 --epochs 2 --no-report --quiet --out run")
    page = PAGE.read_text()
    config, tensors = reader["load"](tmp_path / "run" / "model")
    assert set(tensors) == {f"{s}.{l}.{t}" for s in ("encoder", "decoder") for l in (0, 1) for t in ("weight", "bias")}
    raw = (tmp_path / "run" / "checkpoints" / "last.safetensors").read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    state = json.loads(header["__metadata__"]["contractive"])
    keys = [*config, *config["architecture"], *config["preprocessing"], *config["objective"], *config["provenance"]]
    keys += [*history(tmp_path / "run")[0], *state, *state["settings"], *state["schedule"], *state["stopping"]]
    keys += [name for name in header if name.startswith("optimiser")]
    assert [key for key in keys if not re.search(rf"`[^`]*\b{re.escape(key)}\b[^`]*`", page)] == []
    files = [path.name for path in (tmp_path / "run").iterdir() if not path.name.startswith("events")]
    assert [name for name in files if name not in page] == []
