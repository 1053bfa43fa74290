"""README's Python runs as it stands."""

import os
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[3] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def test_a_newcomers_ten_lines_leave_a_picture_and_a_page(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib").use("Agg")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(BLOCKS[0], names)
    assert names["codes"].shape == (2000, 16)
    assert names["J"].shape == (5, 16, 784)
    assert {"reconstructions.png", "report.html"} <= set(os.listdir())


def test_the_planted_order_is_found(capsys):
    pytest.importorskip("pandas")
    exec(BLOCKS[1], {})
    told = capsys.readouterr().out
    assert " 42 " in told
    assert "amount" in told
