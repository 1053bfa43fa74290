#!/usr/bin/env bash
# The anomaly benchmark with the default detector, one configuration for every set.
#   bash scripts/adbench.sh                               the ADBench sets of the data folder, with and without
#                                                         contraction, into the tables of docs/anomaly.md
#   bash scripts/adbench.sh --data FOLDER --json FILE     any folder of .npz files (X, y; y = 1 for anomalies): auroc and
#                                                         average_precision of each set and on average, as JSON
# Further words are flags for `cae train --detector`, such as --ensemble 8. The data folder is $CONTRACTIVE_DATA_DIR, else
# ../shared/data. Peers are taken from benches/anomaly/peers.json, which benches/anomaly/peers.sh writes.
# Makes .anomaly-venv (numpy, scikit-learn) on first use.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 0
fi
. benches/anomaly/environment.sh
cargo build --release --locked --quiet -p contractive-cli
exec $venv/bin/python scripts/adbench.py --cae "${CARGO_TARGET_DIR:-target}/release/cae" "$@"
