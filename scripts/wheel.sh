#!/usr/bin/env bash
# Builds the Python package into dist/: a wheel for every CPython from 3.10 on, and the source distribution.
#   bash scripts/wheel.sh            as it is shipped (profile dist: some minutes)
#   bash scripts/wheel.sh --quick    the wheel alone, built like the tests (profile dev), into target/wheels
# The wheel is for the Linux of this machine. Makes .venv on first use, as scripts/test.sh does.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    sed -n '2,5s/^# \{0,1\}//p' "$0"
    exit 0
fi
. scripts/python-tools.sh
export VIRTUAL_ENV=$PWD/.venv
if [ "${1:-}" = --quick ]; then
    out=${CARGO_TARGET_DIR:-target}/wheels
    rm -rf "$out"
    exec .venv/bin/maturin build --quiet --locked --profile dev --out "$out"
fi
rm -rf dist
.venv/bin/maturin build --locked --profile dist --out dist
.venv/bin/maturin sdist --out dist
ls -l dist
