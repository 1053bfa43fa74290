"""One line of JSON for one run under a sanitiser: for scripts/sanitise.sh.

    python3 scripts/sanitise_record.py RESULTS TOOL WHAT INSTRUCTIONS LOG STATUS SECONDS COMMAND

Counts the tests and the reports in the log, shows the first report, and appends the line. Exit code 1 when something was
reported, when the run failed, or when it ran no test: a run that says nothing is no evidence.
"""

import json
import re
import sys
from pathlib import Path

from measured import here

REPORTS = {
    "address": r"ERROR: (?:Address|Leak)Sanitizer|runtime error:",
    "thread": r"WARNING: ThreadSanitizer",
    "miri": r"error: (?:Undefined Behavior|memory leaked|unsupported operation|deadlock|Data race)",
    "valgrind": r"ERROR SUMMARY: (\d+) errors",
    "python": r"ERROR: (?:Address|Leak)Sanitizer|runtime error:",
}


def counted(tool, log):
    """Tests that passed, tests that failed, reports."""
    results = [re.findall(pattern, log) for pattern in (r"(\d+) passed", r"(\d+) failed")]
    passed, failed = (sum(map(int, numbers)) for numbers in results)
    found = re.findall(REPORTS[tool], log)
    return passed, failed, sum(map(int, found)) if tool == "valgrind" else len(found)


if __name__ == "__main__":
    results, tool, what, instructions, log, status, seconds, command = sys.argv[1:]
    text = Path(log).read_text(encoding="utf-8", errors="replace")
    passed, failed, reports = counted(tool, text)
    with open(results, "a", encoding="utf-8") as file:
        line = {
            **here(),
            "tool": tool,
            "what": what,
            "command": command,
            "instructions": instructions,
            "tests": passed,
            "failed": failed,
            "reports": reports,
            "status": int(status),
            "seconds": int(seconds),
        }
        file.write(json.dumps(line) + "\n")
    print(f"{passed} tests passed, {failed} failed, {reports} reports, exit code {status}, {seconds} s")
    is_clean = passed > 0 and not failed and not reports and status == "0"
    if not is_clean:
        first = re.search(REPORTS[tool], text)
        lines = (text[first.start() :] if first and tool != "valgrind" else text[-6000:]).splitlines()
        print("\n".join(lines[:80]))
    sys.exit(0 if is_clean else 1)
