#!/usr/bin/env bash
# Runs the tests of the `unsafe` blocks, of the threads and of the readers under a sanitiser. docs/safety.md says which blocks
# there are, and what came of it.
#   bash scripts/sanitise.sh             all of them, one after the other
#   bash scripts/sanitise.sh address     AddressSanitizer with LeakSanitizer: core by each instruction set, readers, toolkit, detectors
#   bash scripts/sanitise.sh thread      ThreadSanitizer: team, ranks in threads, the reading thread, detectors on threads
#   bash scripts/sanitise.sh miri        Miri: what an interpreter gets through of core, by portable instructions
#   bash scripts/sanitise.sh python      AddressSanitizer: the Python extension's borrowed arrays and Arrow streams
#   bash scripts/sanitise.sh valgrind    valgrind's memcheck, where there is no nightly: core by AVX2, the best that it knows
# Needs a nightly Rust with its sources, for Miri also that: `rustup toolchain install nightly --component rust-src,miri`;
# `valgrind` that (Debian: apt-get install valgrind); `python` .venv, which it makes as scripts/test.sh does. Each builds anew, standard
# library and all, into sanitise/ of the target folder (3 GB at most, given back unless KEEP is set), and takes five minutes to
# half an hour on two free cores. Appends a line a run to benches/results/sanitise.jsonl; exit code 1 when anything was
# reported, a test failed, or none ran.
set -uo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    sed -n '2,15s/^# \{0,1\}//p' "$0"
    exit 0
fi
root=$PWD
results=$root/benches/results/sanitise.jsonl
targets=${CARGO_TARGET_DIR:-$root/target}/sanitise
triple=$(rustc -vV | sed -n 's/^host: //p')
# Without backtraces: an interpreter takes minutes for each of a test that panics on purpose.
export CARGO_INCREMENTAL=0 RUST_BACKTRACE=0
failed=0

# observed TOOL WHAT INSTRUCTIONS COMMAND...: runs a command with those instructions and records it.
observed() {
    local tool=$1 what=$2 set=$3 status=0 begin=$SECONDS log
    shift 3
    printf '\n== %s: %s, %s\n' "$tool" "$what" "$set"
    log=$(mktemp)
    CONTRACTIVE_INSTRUCTIONS=$set "$@" >"$log" 2>&1 || status=$?
    python3 -B scripts/sanitise_record.py "$results" "$tool" "$what" "$set" "$log" $status $((SECONDS - begin)) \
        "bash scripts/sanitise.sh $tool" || failed=1
    rm -f "$log"
}

. scripts/instructions.sh
missing_instruction_sets
best=$(instruction_sets | tail -1)

# instrumented NAME FLAGS: what follows is built with these flags, into a folder of its own.
instrumented() {
    export CARGO_TARGET_DIR=$targets/$1 RUSTFLAGS="$2 -Cdebuginfo=line-tables-only"
    cargo=(cargo +nightly test --locked --no-fail-fast -Zbuild-std --target "$triple")
}

finished() {
    if [ -z "${KEEP:-}" ]; then rm -rf "${targets:?}/$1"; fi
    unset RUSTFLAGS CARGO_TARGET_DIR
}

# Not the documentation's examples: each is built and linked by itself.
address() {
    instrumented address -Zsanitizer=address
    export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
    for set in $(instruction_sets); do
        observed address contractive-core "$set" "${cargo[@]}" -p contractive-core --lib \
            --test engine --test engine_contract --test data_parallel --test allocations
    done
    observed address contractive-table "$best" "${cargo[@]}" -p contractive-table --lib --tests
    # By the instructions that scripts/test.sh gives to core alone.
    observed address contractive portable "${cargo[@]}" -p contractive --lib --test toolkit
    observed address contractive-anomaly portable "${cargo[@]}" -p contractive-anomaly --lib
    finished address
}

thread() {
    instrumented thread -Zsanitizer=thread
    observed thread "the team of an engine" "$best" "${cargo[@]}" -p contractive-core --lib engine::cpu
    observed thread "ranks in threads" "$best" "${cargo[@]}" -p contractive-core --lib communicator
    observed thread "ranks of an engine" "$best" "${cargo[@]}" -p contractive-core --test data_parallel
    observed thread "engine on 1 to 5 threads" "$best" "${cargo[@]}" -p contractive-core --test engine_contract
    observed thread "the thread that reads ahead" "$best" "${cargo[@]}" -p contractive --test toolkit train_stream
    observed thread "ranks that train" "$best" "${cargo[@]}" -p contractive --test toolkit train_shared
    observed thread "detectors on threads" "$best" "${cargo[@]}" -p contractive-anomaly --lib detector
    finished thread
}

# What is left out computes for hours in an interpreter.
miri() {
    export CARGO_TARGET_DIR=$targets/miri
    local rooms=(buffer engine::cpu::team kernels::gemm kernels::transpose prefetch matrix::tests)
    local run=(cargo +nightly miri test --locked --no-fail-fast -p contractive-core --lib --)
    MIRIFLAGS=-Zmiri-disable-isolation observed miri "core, stacked borrows" portable "${run[@]}" "${rooms[@]}"
    MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-tree-borrows" \
        observed miri "core, tree borrows" portable "${run[@]}" "${rooms[@]}"
    MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-many-seeds=0..16" \
        observed miri "the team, 16 schedules" portable "${run[@]}" engine::cpu::team
    finished miri
}

# The interpreter is not instrumented: the sanitiser's library, which Rust has for programs only, is made into one that is loaded
# first, and what Python itself never gives back is no leak of ours.
python() {
    . scripts/python-tools.sh
    local package runtime
    export CARGO_TARGET_DIR=$targets/python RUSTFLAGS="-Zsanitizer=address -Cdebuginfo=line-tables-only"
    if cargo +nightly build --locked -Zbuild-std --target "$triple" -p contractive-python; then
        package=$(mktemp -d)
        mkdir "$package/contractive"
        runtime=$(rustc +nightly --print target-libdir)/librustc-nightly_rt.asan.a
        cp "$runtime" "$package/asan.a"
        # A library has no functions that run before all others, and one called libasan is taken for a second runtime.
        ar t "$package/asan.a" | grep preinit | xargs -r ar d "$package/asan.a"
        cc -shared -o "$package/runtime.so" -Wl,--whole-archive "$package/asan.a" -Wl,--no-whole-archive -lpthread -ldl -lm -lrt
        ln -s "$root"/python/contractive/* "$package/contractive"
        cp "$CARGO_TARGET_DIR/$triple/debug/libcontractive_python.so" "$package/contractive/_core.abi3.so"
        unset RUSTFLAGS
        observed python "borrowed arrays, Arrow streams" "$best" env PYTHONPATH="$package" PYTHONMALLOC=malloc \
            LD_PRELOAD="$package/runtime.so" ASAN_OPTIONS=detect_leaks=0 \
            .venv/bin/python -m pytest -q -p no:cacheprovider tests/python/package/test_borrowed.py
        rm -rf "$package"
    else
        failed=1
    fi
    finished python
}

valgrind() {
    export CARGO_TARGET_DIR=$targets/valgrind
    local program
    program=$(cargo test --locked --no-run --message-format json -p contractive-core --lib 2>/dev/null |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1)
    observed valgrind "core, its smaller tests" avx2 "$(type -P valgrind)" --error-exitcode=9 --leak-check=full \
        --errors-for-leak-kinds=definite --fair-sched=yes --num-callers=30 "$program" \
        buffer engine::cpu kernels::transpose prefetch matrix::tests kernels::gemm::tests
    finished valgrind
}

case ${1:-all} in
    address | thread | miri | python | valgrind) "$1" ;;
    all) for one in miri address thread python valgrind; do "$one"; done ;;
    *)
        echo "$1 must be address, thread, miri, python or valgrind" >&2
        exit 2
        ;;
esac
exit $failed
