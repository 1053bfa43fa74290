#!/usr/bin/env bash
# Writes the bill of materials of the command and of the wheel, CycloneDX 1.6 in JSON, and holds both to CycloneDX's schema.
#   bash scripts/sbom.sh [FOLDER]     into FOLDER/cae.cdx.json and FOLDER/contractive.cdx.json; without it, target/sbom
# Takes seconds; makes .venv-supply, with the schema, on first use. scripts/sbom.py says what is in it.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    sed -n '2,4s/^# \{0,1\}//p' "$0"
    exit 0
fi
. scripts/supply-chain-tools.sh
out=${1:-${CARGO_TARGET_DIR:-target}/sbom}
mkdir -p "$out"
python3 -B scripts/sbom.py cae >"$out/cae.cdx.json"
python3 -B scripts/sbom.py wheel >"$out/contractive.cdx.json"
.venv-supply/bin/python - "$out"/*.cdx.json <<'PYTHON'
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

for name in sys.argv[1:]:
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(Path(name).read_text(encoding="utf-8")):
        sys.exit(f"{name}: {error}")
    print(name)
PYTHON
