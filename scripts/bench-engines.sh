#!/usr/bin/env bash
# How long Spark, Ray, Dask, polars and DuckDB take to score rows that one process scores too: start and scoring, two cores
# (about 10 minutes on two idle cores).
#   bash scripts/bench-engines.sh                        all, a table on the terminal
#   bash scripts/bench-engines.sh --only dask --rows 50000
# Makes .venv-engines on first use (1.6 GB), and adds this package, built as released. Servers listen on this machine alone.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    exit 0
fi
. scripts/engines.sh
. scripts/python-tools.sh
out=${CARGO_TARGET_DIR:-target}/bench-wheels
rm -rf "$out"
VIRTUAL_ENV=$PWD/.venv .venv/bin/maturin build --quiet --locked --release --out "$out"
$venv/bin/python -m pip install -q --force-reinstall --no-deps "$out"/*.whl
exec $venv/bin/python benches/engines/compare.py "$@"
