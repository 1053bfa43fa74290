"""The programs of docs/scoring-at-scale.md run, block after block, as a reader would type them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.dataset as ds
import pytest

PAGE = Path(__file__).parents[3] / "docs" / "scoring-at-scale.md"


@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17, and there is none")
def test_the_programs_of_the_page_run(tmp_path):
    for module in ("pyspark", "ray", "dask", "polars", "duckdb"):
        pytest.importorskip(module)
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 6
    # Java and Ray take their addresses from the environment of the tests.
    options = (
        "--conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 --conf spark.driver.bindAddress=127.0.0.1"
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)],
        cwd=tmp_path,
        env={**os.environ, "PYSPARK_SUBMIT_ARGS": f"{options} pyspark-shell"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    for engine in ("spark", "ray", "dask"):
        table = ds.dataset(tmp_path / f"scored-by-{engine}").to_table()
        assert sorted(table["id"].to_pylist()) == list(range(3000))
