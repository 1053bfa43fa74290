#!/usr/bin/env bash
# Numbers under stress, for as long as there is time: the fast engine against the reference on random networks, objectives and
# batches of every scale (crates/contractive-core/tests/stress.rs), with each set of instructions in turn and other cases each
# time. Ends at the first case that fails, and says how it is repeated.
#
#     bash scripts/stress.sh [MINUTES]     20 by default, on one core at the lowest priority; needs cargo alone
#
# Appends a line to benches/results/reliability.jsonl. Instructions that the processor lacks are left out, and said so.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-20}
cases=${CONTRACTIVE_STRESS_CASES:-2000}
# The program itself is run, so that other builds may go on meanwhile.
program=$(cargo test -p contractive-core --test stress --no-run --message-format json 2>/dev/null |
    sed -nE 's/.*"executable":"([^"]*stress-[^"]*)".*/\1/p')
[ -n "$program" ] || { echo "the test does not build: cargo test -p contractive-core --test stress" >&2; exit 1; }
. scripts/instructions.sh
missing_instruction_sets
ends=$((SECONDS + 60 * minutes))
total=0
compared=0
farthest=0
seed=${PROPTEST_RNG_SEED:-$(date +%s)}
while [ $SECONDS -lt $ends ]; do
    for instructions in $(instruction_sets); do
        seed=$((seed + 1))
        settings="CONTRACTIVE_INSTRUCTIONS=$instructions PROPTEST_RNG_SEED=$seed CONTRACTIVE_STRESS_CASES=$cases"
        if ! told=$(env $settings nice -n 19 "$program" --nocapture 2>&1); then
            printf '%s\n' "$told"
            echo "failed; again: $settings cargo test -p contractive-core --test stress"
            exit 1
        fi
        read -r tried of_them apart used < <(sed -nE 's/^([0-9]+) cases, ([0-9]+) compared; farthest apart ([0-9.]+) .*; (.*)/\1 \2 \3 \4/p' <<<"$told")
        [ "$used" = "$instructions" ] || { echo "tested with $used instructions, and not with $instructions" >&2; exit 1; }
        total=$((total + tried))
        compared=$((compared + of_them))
        farthest=$(printf '%s\n%s\n' "$farthest" "$apart" | sort -g | tail -1)
        [ $SECONDS -lt $ends ] || break
    done
done
python3 -B scripts/measured.py "engine beside reference" "bash scripts/stress.sh $minutes" cases=$total compared=$compared failed=0 \
    farthest="$farthest" instructions="$(instruction_sets | paste -sd ' ')"
echo "$total cases in $minutes minutes, $compared compared, none failed; farthest apart $farthest of what is allowed"
