#!/usr/bin/env python3
"""Runs examples/python and keeps their pictures, in 128 colours, for docs/gallery.md.

Needs the Python package with matplotlib, pandas, scikit-learn and PyOD:  .venv/bin/python scripts/gallery.py
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
GALLERY = ROOT / "docs" / "images" / "gallery"
MOST_BYTES = 60_000

with tempfile.TemporaryDirectory() as folder:
    for example in sorted((ROOT / "examples" / "python").glob("*.py")):
        print(f"== {example.name}", flush=True)
        subprocess.run([sys.executable, example, folder], env={**os.environ, "MPLBACKEND": "Agg"}, check=True)
    for picture in sorted(Path(folder).glob("*.png")):
        kept = GALLERY / picture.name
        Image.open(picture).convert("RGB").quantize(128).save(kept, optimize=True)
        size = kept.stat().st_size
        if size >= MOST_BYTES:
            sys.exit(f"{kept.name} must be smaller than {MOST_BYTES} bytes, got {size}")
        print(f"{kept.name:24} {size:6} bytes")
