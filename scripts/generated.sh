#!/usr/bin/env bash
# Generated seasonal series with known anomalies of ten kinds (benches/anomaly/generated_series.py): the default detector of time
# series beside peers, into the table `generated` of docs/anomaly.md (about 20 minutes).
#   bash scripts/generated.sh                  seeds 5 to 9, which chose nothing
#   bash scripts/generated.sh --seeds 0:2      some of those that choices were compared on, on the terminal alone
# Further words are flags for `cae train --detector`. Makes .anomaly-venv (numpy, scikit-learn) on first use.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit 0
fi
. benches/anomaly/environment.sh
cargo build --release --locked --quiet -p contractive-cli
exec $venv/bin/python scripts/generated.py --cae "${CARGO_TARGET_DIR:-target}/release/cae" "$@"
