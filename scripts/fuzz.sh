#!/usr/bin/env bash
# Fuzzes the readers: scripts/fuzz.sh [SECONDS [TARGET...]]
# SECONDS a target, 1800 by default; all 20 targets of fuzz/ by default, FUZZ_JOBS of them at a time, 1 by default, each on
# one core at the lowest priority: ten hours of a core. Each run appends a line to benches/results/fuzz.jsonl. Exits with 1 where something was found: the
# input is in fuzz/artifacts/TARGET.
# FUZZ_GUIDE=coverage, the default, is libFuzzer: it needs cargo-fuzz (cargo install cargo-fuzz --locked) and a C++ compiler, no
# nightly toolchain; its first build takes about a quarter of an hour on two idle cores; what it learnt stays in fuzz/corpus, so that runs add up.
# FUZZ_SANITISER=none leaves out AddressSanitizer, and is two to three times as fast. FUZZ_GUIDE=none needs the toolchain
# alone, and mutates seeds blindly, in a build for tests.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-1800}
shift || true
sanitiser=${FUZZ_SANITISER:-address}
jobs=${FUZZ_JOBS:-1}
results=benches/results/fuzz.jsonl
guide=${FUZZ_GUIDE:-coverage}
[ "$guide" = coverage ] || sanitiser=none
[ "$guide" = none ] || command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz must be on the PATH: cargo install cargo-fuzz --locked" >&2; exit 2; }

targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cd fuzz/fuzz_targets && ls | sed 's/\.rs$//')
for target in "${targets[@]}"; do
    [ -f "fuzz/fuzz_targets/$target.rs" ] || { echo "no target is called $target; fuzz/fuzz_targets has them" >&2; exit 2; }
done

# Inputs that are files lie in memory where the system has such a place: readers sync what they write.
memory=$(mktemp -d "$([ -d /dev/shm ] && echo /dev/shm || echo /tmp)/contractive-fuzz-XXXXXX")
trap 'rm -rf "$memory"' EXIT
mkdir -p "$memory/seeds" "$memory/files"

if [ "$guide" = coverage ]; then
    build=$(realpath -m "${CARGO_TARGET_DIR:-target}/fuzz-$sanitiser")
    for target in "${targets[@]}"; do
        # cargo-fuzz passes flags that a stable compiler takes only so.
        RUSTC_BOOTSTRAP=1 cargo fuzz build -O -a -s "$sanitiser" --target-dir "$build" "$target"
    done
    bin=$(dirname "$(find "$build" -path "*/release/${targets[0]}" -type f | head -1)")
    cargo run --quiet --locked -p contractive-fuzz --example seeds -- "$memory/seeds"
else
    bin=$(cargo test --locked -p contractive-fuzz --test replay --no-run --message-format json |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1)
fi

# fuzzed TARGET: feeds it for so long; the log goes to standard output.
fuzzed() {
    if [ "$guide" = none ]; then
        TMPDIR=$memory/files/$1 CONTRACTIVE_FUZZ_SECONDS=$seconds CONTRACTIVE_FUZZ_SEED=$(date +%s%N) nice -n 19 "$bin" --exact "$1" --nocapture
    else
        TMPDIR=$memory/files/$1 nice -n 19 "$bin/$1" "fuzz/corpus/$1" "$memory/seeds/$1" -max_total_time="$seconds" -timeout=20 \
            -rss_limit_mb=2048 -malloc_limit_mb=256 -max_len=65536 -artifact_prefix="fuzz/artifacts/$1/" -print_final_stats=1
    fi
}

commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
. scripts/instructions.sh
instructions=$(instruction_sets | tail -1)

# recorded TARGET: fuzzes it and appends its line to the results; fails where something was found.
recorded() {
    mkdir -p "fuzz/corpus/$1" "fuzz/artifacts/$1" "$memory/files/$1"
    local log=$memory/$1.log began=$SECONDS found=0 TIMEFORMAT='%U %S'
    { time fuzzed "$1" >"$log" 2>&1 || found=1; } 2>"$memory/$1.time"
    last() { grep -oE "$1" "$log" | tail -1 | grep -oE '[0-9]+' | tail -1 || true; }
    # A run that ended at a finding has no sum: its last line of progress tells.
    local executions coverage features processor
    executions=$(last 'number_of_executed_units: +[0-9]+|[0-9]+ mutations')
    executions=${executions:-$(last '^#[0-9]+')}
    coverage=$(last 'cov: [0-9]+') features=$(last 'ft: [0-9]+')
    processor=$(tail -1 "$memory/$1.time" | LC_ALL=C awk '{ printf "%d", $1 + $2 }')
    printf '{"target": "%s", "guide": "%s", "seconds": %d, "processor_seconds": %d, "executions": %d, "coverage": %s, "features": %s, "findings": %d, "sanitiser": "%s", "instructions": "%s", "commit": "%s"}\n' \
        "$1" "$guide" $((SECONDS - began)) "$processor" "${executions:-0}" "${coverage:-null}" "${features:-null}" $found "$sanitiser" "$instructions" "$commit" | tee -a $results
    [ $found = 1 ] || return 0
    cp "$log" "fuzz/artifacts/$1/log"
    find "$memory/files/$1" -name "contractive-fuzz-$1-*" -type f -exec mv {} "fuzz/artifacts/$1/" ';'
    grep -vE '^#[0-9]+|^ +#[0-9]+ |^INFO|^stat::' "$log" | tail -20 >&2
    return 1
}

findings=0 running=0
for target in "${targets[@]}"; do
    if [ $running -ge "$jobs" ]; then
        wait -n || findings=1
        running=$((running - 1))
    fi
    recorded "$target" &
    running=$((running + 1))
done
while [ $running -gt 0 ]; do
    wait -n || findings=1
    running=$((running - 1))
done
exit $findings
