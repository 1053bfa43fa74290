#!/usr/bin/env bash
# Detectors of pictures: seconds, pictures a second and peak memory, on drawn JPEGs of 256 × 256 in colour.
#   bash scripts/bench-pictures.sh [JSON]     1,000 pictures trained on and scored; trained on 100,000; 10,000 scored
# The 100,000 are 1,000 pictures under 100 names each (hard links). Takes about ten minutes and 100 MB of disk where TMPDIR is.
# Builds `cae` as released. Makes .venv on first use, as scripts/test.sh does.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    sed -n '2,5s/^# \{0,1\}//p' "$0"
    exit 0
fi
. scripts/python-tools.sh
cargo build --release --locked --quiet -p contractive-cli
exec .venv/bin/python -B scripts/bench_pictures.py "${CARGO_TARGET_DIR:-target}/release/cae" "$@"
