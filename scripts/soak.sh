#!/usr/bin/env bash
# Kills `cae` anywhere, lets every call that changes the disk fail once, fills the disk, and goes on: bash scripts/soak.sh
# [MINUTES] [SCENARIO...], 60 minutes when not given. `--quick` is a step of scripts/test.sh: two faults of a kind and scenario, by
# chance, by $CONTRACTIVE_CAE or a debug build. A seed is printed; scripts/soak.py takes it.
# Wants strace for faults at calls (installed where that can be done) and root for full disks (small tmpfs); without them those
# faults are left out, and said so. The long one builds a release binary and adds a line a scenario and fault to
# benches/results/soak.jsonl. Ends with 1 if a promise was broken: a file lost or half, other bits, a stray file, a panic.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}

if ! command -v strace >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends strace >/dev/null || true
fi
command -v strace >/dev/null || echo "strace is not there: commands are killed at random instants alone"
[ "$(id -u)" = 0 ] || echo "not root: no disk is filled"

if [ "${1:-}" = --quick ]; then
    # They test themselves.
    python3 -B scripts/flush_order.py
    python3 -B scripts/soak_scenarios.py
    [ -n "${CONTRACTIVE_CAE:-}" ] || cargo build --quiet --locked -p contractive-cli
    exec python3 -B scripts/soak.py "${CONTRACTIVE_CAE:-$target/debug/cae}" --minutes 20 --each 2
fi
minutes=${1:-60}
shift || true
cargo build --quiet --release --locked -p contractive-cli
python3 -B scripts/soak.py "$target/release/cae" --minutes "$minutes" --seed "$(date +%s)" --record benches/results/soak.jsonl \
    ${1:+--only "$@"}
