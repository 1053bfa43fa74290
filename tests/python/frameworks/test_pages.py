"""The programs of the pages about PyTorch run, block after block, as a reader would type them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("page", ["torch.md", "check-penalty.md"])
def test_the_programs_of_a_page_run(page, tmp_path):
    blocks = re.findall(
        r"^```python(?: title=[^\n]*)?\n(.*?)^```$", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE
    )
    assert blocks
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:contractive", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr


def test_readmes_lines_for_pytorch_run():
    blocks = re.findall(r"^```python\n(.*?)^```$", (DOCS.parent / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    (block,) = (block for block in blocks if "contractive.torch" in block)
    names = {}
    exec(block, names)
    assert names["penalty"].requires_grad
    assert names["penalty"] > 0
