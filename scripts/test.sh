#!/usr/bin/env bash
# The one test command: formatting, lints, documentation, every test. README names it and .ci/run calls it.
# Needs the Rust toolchain of rust-toolchain.toml; a C compiler, for the TLS library, and python3 with venv, for the tests
# that read our files with other people's programs, are installed when missing (Debian). Makes .venv on first use.
# Real data are used when they lie in ../shared/data or $CONTRACTIVE_DATA_DIR; without them the tests that want them say
# so and pass.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

command -v cargo >/dev/null || { echo "cargo must be on the PATH: install Rust with rustup (https://rustup.rs)" >&2; exit 1; }
if ! command -v cc >/dev/null; then
    say "installing a C compiler"
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq && apt-get install -y -qq gcc libc6-dev
    else
        echo "a C compiler must be on the PATH: install gcc or clang" >&2
        exit 1
    fi
fi
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    say "installing python3-venv"
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq && apt-get install -y -qq python3 python3-venv
    else
        echo "python3 with venv must be on the PATH: install python3 and python3-venv" >&2
        exit 1
    fi
fi
if [ -z "${CONTRACTIVE_DATA_DIR:-}" ] && [ -d ../shared/data ]; then
    CONTRACTIVE_DATA_DIR=$(cd ../shared/data && pwd)
    export CONTRACTIVE_DATA_DIR
fi

say "formatting"
cargo fmt --all --check

say "dependencies point one way"
bash scripts/check-arrows.sh

say "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings

say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

say "tests"
cargo test --workspace --locked

say "Python tests"
requirements=tests/python/requirements.txt
if ! cmp -s $requirements .venv/requirements.txt; then
    python3 -m venv .venv
    .venv/bin/pip install -q -r $requirements
    cp $requirements .venv/requirements.txt
fi
CONTRACTIVE_CAE=${CARGO_TARGET_DIR:-target}/debug/cae .venv/bin/python -m pytest -q -p no:cacheprovider tests/python

say "all green"
