#!/usr/bin/env bash
# Builds the documents as a site into target/site; a broken link, or a page that is not in the contents, fails.
#   bash scripts/docs.sh            builds
#   bash scripts/docs.sh --serve    builds, and again at every change, on a local port
# Makes .docs-venv from docs/requirements.txt on first use and when that changes. Nothing is compiled: the Python reference
# is read from the sources.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit 0
fi
requirements=docs/requirements.txt
if ! cmp -s $requirements .docs-venv/requirements.txt; then
    python3 -m venv .docs-venv
    .docs-venv/bin/pip install -q -r $requirements
    cp $requirements .docs-venv/requirements.txt
fi
export NO_MKDOCS_2_WARNING=1
if [ "${1:-}" = --serve ]; then exec .docs-venv/bin/mkdocs serve --watch python --watch scripts/docs_hooks.py; fi
.docs-venv/bin/mkdocs build --strict
echo "built: target/site/index.html"
