"""docs/safety.md has a row for every `unsafe` of the tree: the file, the item, how many, the argument, the test, the sanitiser.

    python3 scripts/unsafe_blocks.py [ROOT]    names each `unsafe` without a row, and each row without its `unsafe`
    python3 scripts/unsafe_blocks.py --list    prints file, item and how many of each, as the rows begin
    python3 scripts/unsafe_blocks.py --self-test    fails unless planted ones are found, and no others

Blocks, functions, implementations and traits count, in tests and examples too; a pointer's type, `unsafe fn(…)`, and the
attribute `#[unsafe(…)]` do not. That each block has its argument beside it is clippy's to ask: `undocumented_unsafe_blocks`.
"""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from rust_source import CLOSING, tokens

PAGE = "docs/safety.md"
# | `file` | `item` | how many | argument | test | sanitisers |
ROW = re.compile(r"^\| `([^`]+\.rs)` \| `([^`]+)` \| (\d+) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$")


def unsafes(text):
    """What holds each `unsafe` of a file's text: the function that it stands in or is, or `impl A for B`."""
    found = tokens(text)
    # What the braces that are open belong to, and what the next one will.
    holders, coming = [], None
    for n, one in enumerate(found):
        after = found[n + 1].text if n + 1 < len(found) else ""
        if one.kind == "word" and one.text == "fn" and found[n + 1].kind == "word":
            coming = after
        elif one.kind == "punct" and one.text in CLOSING:
            holders.append(coming)
            coming = coming if one.text != "{" else None
        elif one.kind == "punct" and one.text in CLOSING.values():
            holders.pop()
        elif one.kind == "punct" and one.text == ";" and (not holders or holders[-1] is None):
            coming = None
        elif one.kind == "word" and one.text == "unsafe":
            if after in ("impl", "trait"):
                yield header(found, n + 1)
            elif after == "fn" or after == "extern":
                at = next(i for i in range(n + 1, len(found)) if found[i].text in ("fn", "{", ";"))
                # Neither a pointer's type nor a block of foreign declarations, which holds what is called by other blocks.
                if found[at].text == "fn" and found[at + 1].kind == "word":
                    yield found[at + 1].text
            elif after == "{":
                yield next((holder for holder in reversed(holders) if holder), None) or coming or "the file"


def header(found, at):
    """An implementation's or a trait's first words, without its own generics."""
    words, depth = [], 0
    for n in range(at, len(found)):
        text = found[n].text
        if text in ("{", "where"):
            break
        if found[n].kind == "punct" and text in "<>":
            depth += 1 if text == "<" else -1
        elif depth == 0 and found[n].kind == "word":
            words.append(text)
    return " ".join(words)


def of_tree(root):
    """How many each (file, item) holds."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.rs"],
        cwd=root, check=True, capture_output=True, text=True,
    ).stdout
    count = Counter()
    for name in filter(None, listed.split("\0")):
        file = root / name
        if file.exists():
            count.update((name, item) for item in unsafes(file.read_text(encoding="utf-8")))
    return count


def of_page(text):
    """How many each (file, item) holds as the page has it."""
    rows = Counter()
    for line in text.split("\n"):
        match = ROW.match(line)
        if match:
            file, item, n, *cells = match.groups()
            if not all(cell.strip() for cell in cells):
                raise SystemExit(f"{PAGE}: the row of `{file}` `{item}` has an empty cell")
            rows[file, item] += int(n)
    return rows


def faults(tree, page):
    """A line for each difference."""
    for file, item in sorted(tree.keys() | page.keys()):
        is_there, told = tree[file, item], page[file, item]
        if is_there != told:
            yield f"{file}: `{item}` holds {is_there} `unsafe`, {PAGE} tells of {told}"


PLANTED = """
#![allow(unsafe_code)] // unsafe { in_a_comment() }
struct Job { run: unsafe fn(*const ()) }
unsafe impl<T: Send> Send for Job<T> {}
unsafe trait Promise {}
/// `unsafe { in_doc() }`
fn safe() -> &'static str { "unsafe { in_a_string() }" }
fn outer<T: Fn([u8; 3])>(f: T) {
    struct Local { x: u8 }
    fn inner() { let _ = unsafe { one() }; }
    if true { f(unsafe { two() }); }
    let closure = |x: u8| { unsafe { three(x) } };
}
unsafe extern "C" fn called() { unsafe { four() } }
impl Job { unsafe fn method(&self) -> u8 { unsafe { five() } } }
"""
FOUND = {
    "impl Send for Job": 1, "trait Promise": 1, "inner": 1, "outer": 2, "called": 2, "method": 2,
}


def self_test():
    """The planted ones, one by one; a row too many and one too few."""
    assert Counter(unsafes(PLANTED)) == FOUND, Counter(unsafes(PLANTED))
    page = of_page("| `a.rs` | `f` | 2 | why | test | A |\n| `gone.rs` | `g` | 1 | why | test | A, T |\n| not | a | row |")
    assert len(list(faults(Counter({("a.rs", "f"): 2, ("gone.rs", "g"): 1}), page))) == 0
    assert len(list(faults(Counter({("a.rs", "f"): 3, ("new.rs", "h"): 1}), page))) == 3


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if "--self-test" in arguments:
        self_test()
        sys.exit(0)
    root = Path(next((one for one in arguments if one != "--list"), "."))
    tree = of_tree(root)
    if "--list" in arguments:
        for (file, item), n in sorted(tree.items()):
            print(f"| `{file}` | `{item}` | {n} |")
        sys.exit(0)
    found = list(faults(tree, of_page((root / PAGE).read_text(encoding="utf-8"))))
    for message in found:
        print(message, file=sys.stderr)
    sys.exit(1 if found else 0)
