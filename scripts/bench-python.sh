#!/usr/bin/env bash
# The Python package beside programs that people fit autoencoders with: PyOD's AutoEncoder, scikit-learn's MLPRegressor and
# Keras, the same network and passes, on one and two threads (about 15 minutes on two idle cores).
#   bash scripts/bench-python.sh --page        into the table `python` of docs/performance.md
#   bash scripts/bench-python.sh --rounds 1    on the terminal, once
# Makes .venv-frameworks on first use (several GB), adds PyOD and this package, built as released.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit 0
fi
. scripts/frameworks.sh
$venv/bin/python -m pip install -q -r benches/python/requirements.txt
. scripts/python-tools.sh
out=${CARGO_TARGET_DIR:-target}/bench-wheels
rm -rf "$out"
VIRTUAL_ENV=$PWD/.venv .venv/bin/maturin build --quiet --locked --release --out "$out"
$venv/bin/python -m pip install -q --force-reinstall --no-deps "$out"/*.whl
exec $venv/bin/python benches/python/compare.py "$@"
