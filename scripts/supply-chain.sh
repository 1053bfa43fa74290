#!/usr/bin/env bash
# Asks the advisory databases about all that we pin: RustSec about Cargo.lock, PyPI about the Python requirements of the wheel's
# tests, tools and documents.
#   bash scripts/supply-chain.sh
# Exit code 1 for a known vulnerability. A database that this machine does not reach is said to be skipped, and makes no verdict:
# for PyPI's, a version that is known to be vulnerable is asked about first, since pip-audit takes an unreachable database for a
# clean one. Takes a minute; makes .venv and .venv-supply on first use.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/supply-chain-tools.sh
status=0

echo "== crates: advisories, licences, bans, sources"
bash scripts/crates.sh || status=1

echo "== Python packages: advisories"
canary=$(mktemp)
trap 'rm -f "$canary"' EXIT
echo "jinja2==2.4.1" >"$canary" # PYSEC-2014-8 and later ones
audit() { .venv-supply/bin/pip-audit --progress-spinner off --strict --no-deps --disable-pip --requirement "$1"; }
if said=$(audit "$canary" 2>&1) || ! grep -q "PYSEC\|GHSA\|CVE" <<<"$said"; then
    echo "advisories: skipped, their database cannot be reached here"
else
    for requirements in tests/python/requirements*.txt docs/requirements.txt; do
        echo "$requirements"
        audit "$requirements" || status=1
    done
fi
exit $status
