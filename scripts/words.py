"""Library crates know nothing of the command: no flag, no `cae`, no exit code in their strings and docs.

Every crate but contractive-cli, contractive-python, whose package carries the command, and contractive-mpi, which is one,
with its HTML templates; tests are left out. A flag is `--word`, unless it is a CSS variable; doc comments count as strings
do, so that `cargo doc` speaks of the library.

    python3 scripts/words.py [ROOT]    names FILE:LINE of each
"""

import re
import sys
from pathlib import Path

from rust_source import tokens, without_tests

FLAG = re.compile(r"(?<![\w(-])--[a-z][a-z-]*(?![\w-]*\s*:)")
COMMAND = re.compile(r"(?<![\w./])cae(?![\w.])")
EXIT = re.compile(r"\bexit (?:code|status)|\bexits? with\b", re.IGNORECASE)
EXIT_IN_CODE = {"ExitCode", "exit_code"}


def faults(file):
    """(line, what) of each word of the command in a file."""
    for one in without_tests(tokens(file.read_text(encoding="utf-8"))):
        if one.kind == "word" and one.text in EXIT_IN_CODE:
            yield one.line, one.text
        elif one.kind in ("string", "doc"):
            for n, line in enumerate(one.text.split("\n")):
                for pattern in (FLAG, COMMAND, EXIT):
                    for match in pattern.finditer(line):
                        yield one.line + n, f"{match.group()} in a {'doc comment' if one.kind == 'doc' else 'string'}"


def check(root):
    """Every fault below `root`."""
    for crate in sorted((root / "crates").iterdir()):
        if crate.name in ("contractive-cli", "contractive-mpi", "contractive-python"):
            continue
        for file in sorted((crate / "src").rglob("*.rs")):
            if file.name != "tests.rs":
                for line, what in faults(file):
                    yield f"{file.relative_to(root)}:{line}: {what}"
        for file in sorted(crate.rglob("*.html")):
            for n, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
                for match in [*FLAG.finditer(line), *COMMAND.finditer(line)]:
                    yield f"{file.relative_to(root)}:{n}: {match.group()} in a template"


if __name__ == "__main__":
    found = list(check(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
    for message in found:
        print(message, file=sys.stderr)
    sys.exit(1 if found else 0)
