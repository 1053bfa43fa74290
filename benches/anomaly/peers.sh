#!/usr/bin/env bash
# Peers on the anomaly benchmark, into benches/anomaly/peers.json: bash benches/anomaly/peers.sh [FOLDER]
#   bash benches/anomaly/peers.sh --oddbench    PyOD's networks on the development sets, into peers-oddbench-PROTOCOL.json
# Makes .anomaly-venv on first use and adds PyOD and PyTorch to it (several GB; the GPU libraries are not used).
set -euo pipefail
cd "$(dirname "$0")/../.."
data=${CONTRACTIVE_DATA_DIR:-../shared/data}
. benches/anomaly/environment.sh
$venv/bin/python -m pip install -q -r $requirements -r benches/anomaly/requirements-peers.txt
if [ "${1:-}" = --oddbench ]; then
    for protocol in clean contaminated; do
        $venv/bin/python benches/anomaly/peers.py "$data/oddbench" benches/anomaly/peers-oddbench-$protocol.json $protocol
    done
    exit
fi
exec $venv/bin/python benches/anomaly/peers.py "${1:-$data/adbench}" benches/anomaly/peers.json
