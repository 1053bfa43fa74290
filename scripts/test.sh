#!/usr/bin/env bash
# The one test command: formatting, spelling, arrows, dependencies, lints, documentation, every test. README names it and .ci/run calls it.
# Needs the Rust toolchain of rust-toolchain.toml; a C compiler, for the TLS library, python3 with venv, for the tests that
# read our files with other people's programs, and Chromium, for the tests that click through a report, are installed when
# missing (Debian, as root), and so are Java for Spark and
# OpenMPI, MPICH and libclang for ranks; without one of these its tests say so and are skipped. Makes .venv,
# .venv-oldest, with PyTorch, TensorFlow and JAX in it (8 GB) .venv-frameworks, and with Spark, Ray and Dask (1.6 GB) .venv-engines
# on first use.
# Real data are used when they lie in ../shared/data or $CONTRACTIVE_DATA_DIR; without them the tests that want them say
# so and pass.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s (after %d s)\n' "$*" $SECONDS; }

# What needs nothing of what comes next goes on beside it: aside NAME COMMAND... begins it, joined NAME waits for it, prints
# what it said and fails where it failed.
logs=$(mktemp -d)
declare -A beside
ended() {
    for group in "${beside[@]}"; do kill -- "-$group" 2>/dev/null || true; done
    rm -rf "$logs"
}
trap ended EXIT
aside() {
    local name=$1
    shift
    set -m # a process group of its own, which ends as a whole
    "$@" >"$logs/$name" 2>&1 &
    beside[$name]=$!
    set +m
}
joined() {
    local failed=0
    wait "${beside[$1]}" || failed=$?
    cat "$logs/$1"
    return $failed
}

command -v cargo >/dev/null || { echo "cargo must be on the PATH: install Rust with rustup (https://rustup.rs)" >&2; exit 1; }
# want WHAT TEST PACKAGE...: installs Debian packages when the test fails, or says what to install and fails.
want() {
    local what=$1 check=$2
    shift 2
    if eval "$check" >/dev/null 2>&1; then return; fi
    say "installing $what"
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    else
        echo "$what must be on the PATH: install $*" >&2
        return 1
    fi
}
say "room"
echo "$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }') GB free; a first run takes about 20: builds 7, Python environments 12"

want "a C compiler" "command -v cc" gcc libc6-dev || exit 1
want "python3 with venv" "python3 -c 'import ensurepip, venv'" python3 python3-venv || exit 1
want "Chromium" "command -v chromium && command -v chromedriver" chromium chromium-driver || true
want "strace" "command -v strace" strace || true
want "Java" "command -v java" openjdk-17-jre-headless || true

if [ -z "${CONTRACTIVE_DATA_DIR:-}" ] && [ -d ../shared/data ]; then
    CONTRACTIVE_DATA_DIR=$(cd ../shared/data && pwd)
    export CONTRACTIVE_DATA_DIR
fi

say "Python tools"
. scripts/python-tools.sh

# Gigabytes to fetch, while the compiler works.
environments() {
    (. scripts/frameworks.sh)
    (. scripts/engines.sh)
    (. scripts/oldest.sh)
}
aside environments environments

# What of the Python is held to ruff.
package="python examples tests/python/package tests/python/frameworks tests/python/engines tests/python/oracle.py tests/python/test_docs.py tests/python/test_examples.py scripts/docs_hooks.py scripts/gallery.py"

say "formatting"
cargo fmt --all --check
.venv/bin/ruff format --check $package

say "the Python package: lints and types"
.venv/bin/ruff check $package
.venv/bin/mypy

say "spelling"
.venv/bin/typos

say "no circles: crates and modules point one way"
bash scripts/check-arrows.sh --self-test
bash scripts/check-arrows.sh

say "libraries know nothing of the command"
bash scripts/check-words.sh

say "every unsafe has its row in docs/safety.md"
python3 -B scripts/unsafe_blocks.py --self-test
python3 -B scripts/unsafe_blocks.py

say "licences, bans and sources of dependencies"
bash scripts/crates.sh
# fuzz/ is a workspace of its own, which nothing below builds.
cargo metadata --manifest-path fuzz/Cargo.toml --locked --format-version 1 >/dev/null

say "the bills of materials hold to CycloneDX's schema"
bash scripts/sbom.sh

# A fresh clone gains nothing from incremental compilation, and pays for it.
if [ ! -d "${CARGO_TARGET_DIR:-target}/debug/incremental" ]; then export CARGO_INCREMENTAL=0; fi

say "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings

say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

say "the toolkit compiles for WebAssembly"
wasm=wasm32-unknown-unknown
if rustup target list --installed 2>/dev/null | grep -qx $wasm || rustup target add $wasm >/dev/null 2>&1; then
    RUSTFLAGS="-D warnings" cargo check -p contractive --no-default-features --target $wasm --locked
else
    echo "skipped: the standard library for $wasm is not installed, and rustup cannot fetch it"
fi

say "tests"
cargo test --workspace --locked

# As README begins, where the workspace has more than one program. `cargo run` itself would build everything anew, with the
# features that `cae` alone asks for, and so would `cargo build -p`: what comes next takes the program that the tests used.
cargo metadata --locked --no-deps --format-version 1 | python3 -c '
import json, sys
read = json.load(sys.stdin)
runs = {one["default_run"] for one in read["packages"] if one["id"] in read["workspace_default_members"]} - {None}
sys.exit(f"cargo run must find cae, got {runs}" if runs != {"cae"} else 0)'
export CONTRACTIVE_CAE=${CARGO_TARGET_DIR:-target}/debug/cae
"$CONTRACTIVE_CAE" --version | grep -q "^cae "

say "kills, failing calls and full disks"
bash scripts/soak.sh --quick

# The kernels choose instructions at run time: here the ones that this processor would not choose. The programs built above
# are run as they are: `cargo test -p contractive-core` would compile core anew, with the features that it alone asks for.
programs=$(cargo test --workspace --locked --no-run --message-format json 2>/dev/null | python3 -c '
import json, sys
for line in sys.stdin:
    one = json.loads(line)
    if one.get("executable") and one["profile"]["test"] and "/contractive-core/" in one["manifest_path"]:
        print(one["executable"])')
[ -n "$programs" ] || { echo "the core has no test programs" >&2; exit 1; }
. scripts/instructions.sh
missing_instruction_sets
for instructions in portable $(instruction_sets | sed '1d;$d'); do
    say "the core's tests with $instructions instructions"
    while read -r program; do
        (cd crates/contractive-core && CONTRACTIVE_INSTRUCTIONS=$instructions CARGO_MANIFEST_DIR=$PWD "$program" --quiet)
    done <<<"$programs"
done

say "ranks of MPI: OpenMPI and MPICH"
bash scripts/mpi.sh

say "the Python package: a wheel, installed"
bash scripts/wheel.sh --quick
joined environments
for venv in .venv .venv-frameworks .venv-engines .venv-oldest; do
    $venv/bin/pip install -q --force-reinstall --no-deps "${CARGO_TARGET_DIR:-target}"/wheels/*.whl
done
# tested VENV TESTS...: the tests, by the Python of that environment.
tested() {
    local venv=$1
    shift
    $venv/bin/python -m pytest -q -rs -p no:cacheprovider "$@"
}

# The longest of them, beside the others.
aside frameworks tested .venv-frameworks tests/python/frameworks

say "Python tests"
tested .venv tests/python --ignore tests/python/frameworks --ignore tests/python/engines

say "the Python package with Spark, Ray, Dask, polars and DuckDB"
tested .venv-engines tests/python/engines

say "the Python package with the oldest NumPy, scikit-learn and pandas"
# Threads, forks and signals are those of the newest.
tested .venv-oldest tests/python/package --ignore tests/python/package/test_reliability.py

say "the Python package with PyTorch, Keras and ONNX Runtime, and in several processes"
joined frameworks

say "all green"
