"""The examples run, say something, and leave their pictures; the gallery shows those, and no others."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples" / "python").glob("*.py"))
GALLERY = ROOT / "docs" / "images" / "gallery"
# What an example finds, as it prints it.
SAYS = {
    "01_first_fit": "codes of 178 rows, 2 numbers each",
    "02_images": "squared error an image: 1",
    "03_contraction": "local dimension",
    "04_orders": "A00300",
    "05_time_series": "outside",
    "06_pipeline": "'hidden_layer_sizes': (32, 16)",
    "07_gradients": "slope 1.99",
    "08_pyod": "KNN                  AUROC 0.944",
}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run_and_draw(example, tmp_path):
    for module in ("matplotlib", "pandas", "sklearn", *(["pyod"] if "pyod" in example.stem else [])):
        pytest.importorskip(module)
    done = subprocess.run(
        [sys.executable, example, tmp_path],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert SAYS[example.stem] in done.stdout, done.stdout
    picture = tmp_path / f"{example.stem}.png"
    assert picture.stat().st_size > 5000
    left = {path.stem for path in tmp_path.iterdir()}
    assert left == {example.stem}, "pictures and pages have the example's name"


def test_the_gallery_shows_every_example():
    text = (ROOT / "docs" / "gallery.md").read_text()
    names = {example.stem for example in EXAMPLES}
    assert set(SAYS) == names
    assert set(re.findall(r"\]\(images/gallery/(\w+)\.png\)", text)) == names
    assert set(re.findall(r"\]\(\.\./examples/python/(\w+)\.py\)", text)) == names
    assert {picture.stem for picture in GALLERY.iterdir()} == names
    for picture in GALLERY.iterdir():
        assert picture.stat().st_size < 60_000
