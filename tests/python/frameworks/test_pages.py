"""The programs of the pages about PyTorch run, block after block, as a reader would type them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("page", ["torch.md"])
def test_the_programs_of_a_page_run(page, tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```$", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 3
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:contractive", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
