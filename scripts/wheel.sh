#!/usr/bin/env bash
# Builds the Python package into dist/: a wheel for every CPython from 3.10 on, and the source distribution.
#   bash scripts/wheel.sh            as it is shipped (profile dist: some minutes)
#   bash scripts/wheel.sh --quick    the wheel alone, built like the tests (profile dev), into target/wheels
#   bash scripts/wheel.sh --into FOLDER --profile PROFILE      the wheel alone
# The wheel is for the Linux of this machine, and carries its bill of materials (CycloneDX, scripts/sbom.py) in its
# dist-info/sboms. Its bytes are those of any other build of the same source: scripts/reproducible.sh. Makes .venv on first use,
# as scripts/test.sh does.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 0
fi
. scripts/python-tools.sh
export VIRTUAL_ENV=$PWD/.venv
if [ "${1:-}" = --quick ]; then
    out=${CARGO_TARGET_DIR:-target}/wheels
    rm -rf "$out"
    exec .venv/bin/maturin build --quiet --locked --profile dev --out "$out"
fi
# Not maturin's own bill, which names the folders of this machine and the minute.
bill=$(mktemp -d)
trap 'rm -rf "$bill"' EXIT
python3 -B scripts/sbom.py wheel >"$bill/contractive.cdx.json"
if [ "${1:-}" = --into ]; then
    .venv/bin/maturin build --quiet --locked --profile "$4" --out "$2" --sbom-include "$bill/contractive.cdx.json"
    exit
fi
rm -rf dist
.venv/bin/maturin build --locked --profile dist --out dist --sbom-include "$bill/contractive.cdx.json"
.venv/bin/maturin sdist --out dist
ls -l dist
