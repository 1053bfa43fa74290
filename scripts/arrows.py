"""What check-arrows.sh asks: crates depend along the allowed arrows, and no crate's modules tie themselves in a circle.

A module is a file. Every `use` and every path in its code (tests left out) is followed, through re-exports, to the file
that defines the item: that is an arrow from file to file. `mod x;` and `pub use x::Y;` are no arrows by themselves, so a
parent may name its children; a child that uses what its parent's file defines, while the parent's code uses the child,
is a circle. What this cannot see: a method called on a value whose type is not named.

    python3 scripts/arrows.py [ROOT]
"""

import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from rust_source import end_of_group, tokens, without_tests

# The crates that a crate may depend on.
ALLOWED = {
    "contractive-core": [],
    "contractive-table": [],
    "contractive-pictures": ["contractive-core", "contractive-table"],
    "contractive": ["contractive-core", "contractive-table", "contractive-pictures"],
    "contractive-datasets": ["contractive-core", "contractive-table", "contractive-pictures", "contractive"],
    "contractive-anomaly": ["contractive-core", "contractive-table", "contractive-pictures", "contractive"],
    "contractive-report": ["contractive-core", "contractive-table", "contractive", "contractive-anomaly"],
}
ALLOWED["contractive-onnx"] = ["contractive-core", "contractive-table", "contractive", "contractive-anomaly"]
ALLOWED["contractive-cli"] = list(ALLOWED)
ALLOWED["contractive-python"] = list(ALLOWED)
ALLOWED["contractive-fuzz"] = ["contractive-core", "contractive-table", "contractive-pictures", "contractive", "contractive-datasets", "contractive-anomaly"]
ALLOWED["contractive-mpi"] = ["contractive-core", "contractive-cli"]

KEYWORDS = set(
    "as async await break const continue dyn else enum extern false fn for if impl in let loop match mod move mut pub ref "
    "return static struct trait true type unsafe use where while union macro_rules self super crate Self".split()
)
ITEM_WORDS = {"fn", "struct", "enum", "trait", "type", "const", "static", "union"}


class Import(NamedTuple):
    name: str  # the name it has here; "*" for all of a module
    path: tuple  # as written, `self` and nested braces resolved
    is_public: bool


class Module:
    """A module: its names, and the paths its code takes. Inline modules share their file."""

    def __init__(self, file, parent):
        self.file, self.parent = file, parent
        self.items, self.imports, self.children = set(), [], {}
        self.paths = []  # (path, what follows it, what stands before it), as found in code

    def root(self):
        return self if self.parent is None else self.parent.root()


def read_crate(entry):
    """The module tree that begins at `lib.rs` or `main.rs`."""
    root = Module(entry, None)
    read_file(root, entry, entry.parent)
    return root


def read_file(module, file, folder):
    read_body(module, without_tests(tokens(file.read_text(encoding="utf-8"))), folder)


def read_body(module, found, folder):
    """Fills `module` from its tokens; `folder` is where its child files lie."""
    found = [one for one in found if one.kind != "doc"]
    depth, n = 0, 0
    while n < len(found):
        kind, text = found[n].kind, found[n].text
        if kind == "punct" and text in "([{":
            depth += 1
        elif kind == "punct" and text in ")]}":
            depth -= 1
        elif kind == "punct" and text == "#" and n + 1 < len(found) and found[n + 1].text in ("[", "!"):
            # `#[serde(with = "super::hex")]`: paths in an attribute's strings count
            start = n + 1 if found[n + 1].text == "[" else n + 2
            after = end_of_group(found, start)
            for one in found[start:after]:
                if one.kind == "string" and re.fullmatch(r"(\w+::)+\w+", one.text):
                    module.paths.append((tuple(one.text.split("::")), "(", ""))
            n = after
            continue
        elif kind == "word" and text == "use" and found[n + 1].text != "<":  # `impl Trait + use<…>` is no import
            end = n
            while found[end].text != ";" or found[end].kind != "punct":
                end += 1
            is_public = n > 0 and found[n - 1].text in ("pub", ")")
            for name, path in use_tree(found[n + 1 : end]):
                module.imports.append(Import(name, path, is_public))
            n = end + 1
            continue
        elif kind == "word" and text == "mod" and n + 2 < len(found) and found[n + 1].kind == "word":
            name = found[n + 1].text
            if found[n + 2].text == ";":
                read_child(module, name, folder)
                n += 3
                continue
            if found[n + 2].text == "{":
                child = module.children[name] = Module(module.file, module)
                after = end_of_group(found, n + 2)
                read_body(child, found[n + 3 : after - 1], folder / name)
                n = after
                continue
        elif kind == "word" and text == "macro_rules" and found[n + 1].text == "!":
            module.items.add(found[n + 2].text)
            n += 3
            continue
        elif kind == "word" and text in ITEM_WORDS and n + 1 < len(found) and found[n + 1].kind == "word":
            if depth == 0 and found[n + 1].text not in KEYWORDS:
                module.items.add(found[n + 1].text)
                n += 2
                continue
        elif kind == "word" and not (n and found[n - 1].text in ("::", ".") and found[n - 1].kind == "punct"):
            end = n + 1
            while end + 1 < len(found) and found[end].text == "::" and found[end + 1].kind == "word":
                end += 2
            path = tuple(one.text for one in found[n:end:2])
            if path[0] == "in" or (len(path) == 1 and path[0] in KEYWORDS):
                n += 1
                continue
            before = found[n - 1].text if n else ""
            if not (before == "in" and n > 1 and found[n - 2].text == "("):  # pub(in crate::engine)
                module.paths.append((path, found[end].text if end < len(found) else "", before))
            n = end
            continue
        n += 1


def read_child(module, name, folder):
    if name == "tests":
        return
    for file, below in ((folder / f"{name}.rs", folder / name), (folder / name / "mod.rs", folder / name)):
        if file.is_file():
            child = module.children[name] = Module(file, module)
            read_file(child, file, below)
            return


def use_tree(found):
    """The (name, path) pairs of a `use` declaration's tokens."""
    pairs = []

    def walk(at, prefix):
        path = list(prefix)
        while at < len(found):
            text = found[at].text
            if text == "{":
                at += 1
                while found[at].text != "}":
                    at = walk(at, path)
                    if found[at].text == ",":
                        at += 1
                return at + 1
            if text == "*":
                pairs.append(("*", tuple(path)))
                return at + 1
            if text in (",", "}"):
                break
            if text == "as":
                pairs.append((found[at + 1].text, tuple(path)))
                return at + 2
            if text != "::":
                if text != "self" or not path:
                    path.append(text)
            at += 1
        if path:
            pairs.append((path[-1], tuple(path)))
        return at

    walk(0, [])
    return [(name, path) for name, path in pairs if path]


def lookup(module, name, seen):
    """What `name` means in `module`: a child module and the defining file of an item, each None where there is none."""
    if (id(module), name) in seen:
        return None, None
    seen = seen | {(id(module), name)}
    child = module.children.get(name)
    item = module.file if name in module.items else None
    for one in module.imports:
        if child is not None and item is not None:
            break
        if one.name == name:
            other_child, other_item = resolve(module, one.path, seen)
        elif one.name == "*":
            of, _ = resolve(module, one.path, seen)
            other_child, other_item = lookup(of, name, seen) if of is not None else (None, None)
        else:
            continue
        child = child if child is not None else other_child
        item = item if item is not None else other_item
    return child, item


def resolve(module, path, seen=frozenset()):
    """The module and the item's file at the end of `path`, read from within `module`; what follows an item is left."""
    here, rest = module, list(path)
    if rest[0] in ("crate", "$crate"):
        here, rest = module.root(), rest[1:]
    else:
        while rest and rest[0] in ("self", "super"):
            here = here.parent if rest[0] == "super" else here
            rest = rest[1:]
            if here is None:
                return None, None
    item = None
    for n, name in enumerate(rest):
        child, item = lookup(here, name, seen)
        if n + 1 == len(rest):
            return child, item
        if child is None:
            return None, item
        here = child
    return here, None


def arrows_of(module, found):
    """Adds the arrows of `module` and its children: found[from][to] = names."""
    used = defaultdict(set)
    imported = set()  # names of this module that are arrows already
    for one in module.imports:
        if one.name != "*" and not one.is_public:
            _, item = resolve(module, one.path)
            if item is not None:
                used[item].add(one.path[-1])
                imported.add(one.name)
    for path, after, before in module.paths:
        if path[0] in imported and lookup(module, path[0], frozenset())[0] is None:
            continue
        if len(path) == 1:
            name = path[0]
            # a bare name: a type, or a function where it is called
            if before in ("fn", "let", "'") or not (name[:1].isupper() or after in ("(", "!")):
                continue
            if name in module.items:
                continue
        _, item = resolve(module, path)
        if item is not None:
            last = next((name for name in reversed(path) if name not in KEYWORDS), path[-1])
            used[item].add(path[-2] if len(path) > 1 and path[-2][:1].isupper() else last)
    for item, names in used.items():
        if item != module.file:
            found[module.file][item] |= names
    for child in module.children.values():
        arrows_of(child, found)


def circles(found):
    """The strongly connected components of more than one file (Tarjan 1972)."""
    index, low, stack, on, components = {}, {}, [], set(), []

    def visit(file):
        index[file] = low[file] = len(index)
        stack.append(file)
        on.add(file)
        for other in found.get(file, ()):
            if other not in index:
                visit(other)
                low[file] = min(low[file], low[other])
            elif other in on:
                low[file] = min(low[file], index[other])
        if low[file] == index[file]:
            component = set()
            while file not in component:
                component.add(stack.pop())
            on.difference_update(component)
            if len(component) > 1:
                components.append(component)

    sys.setrecursionlimit(10_000)
    for file in sorted(found):
        if file not in index:
            visit(file)
    return components


def rooms_of(module, name=""):
    """For each module that has child files, by name: which files lie in which child."""
    rooms = {}

    def files(child):
        return {child.file}.union(*(files(below) for below in child.children.values()))

    inner = {one: child for one, child in module.children.items() if child.file != module.file}
    if inner:
        rooms[name] = {file: f"{name}{one}" for one, child in inner.items() for file in files(child)}
    for one, child in inner.items():
        rooms |= rooms_of(child, f"{name}{one}/")
    return rooms


def check_modules(packages):
    """One message a circle: of files, then of rooms (a module with all that lies below it) beside each other."""
    messages = []
    for package in packages:
        for target in package["targets"]:
            if not {"lib", "bin", "proc-macro"} & set(target["kind"]):
                continue
            entry = Path(target["src_path"])
            root = read_crate(entry)
            found = defaultdict(lambda: defaultdict(set))
            arrows_of(root, found)
            for component in circles(found):
                lines = told(component, found, lambda file: file.relative_to(entry.parent).as_posix())
                messages.append(f"{package['name']}: {len(component)} files in a circle\n{lines}")
            for rooms in rooms_of(root).values():
                between = defaultdict(lambda: defaultdict(set))
                for file, others in found.items():
                    for other, names in others.items():
                        ends = rooms.get(file), rooms.get(other)
                        if None not in ends and ends[0] != ends[1]:
                            between[ends[0]][ends[1]] |= names
                sizes = Counter(rooms.values())
                for component in circles(between):
                    if any(sizes[one] > 1 for one in component):  # the others were told above, file by file
                        lines = told(component, between, str)
                        messages.append(f"{package['name']}: {len(component)} rooms in a circle\n{lines}")
    return messages


def told(component, found, name):
    """The arrows inside a circle, pairs that tie each other first."""
    arrows = [(one, other) for one in sorted(component) for other in sorted(found[one]) if other in component]
    mutual = [(one, other) for one, other in arrows if one < other and one in found[other]]
    lines = []
    for one, other in mutual:
        lines.append(f"    {name(one)} -> {name(other)}: {', '.join(sorted(found[one][other]))}")
        lines.append(f"        and back: {', '.join(sorted(found[other][one]))}")
    told_already = set(mutual) | {(other, one) for one, other in mutual}
    for one, other in arrows:
        if (one, other) not in told_already:
            lines.append(f"    {name(one)} -> {name(other)}: {', '.join(sorted(found[one][other]))}")
    return "\n".join(lines)


def check_crates(packages):
    """One message a dependency that the table above does not allow. Tests may use any crate."""
    messages = []
    ours = {package["name"] for package in packages}
    for package in packages:
        name = package["name"]
        if name not in ALLOWED:
            messages.append(f"{name} has no row in scripts/arrows.py")
            continue
        for dependency in package["dependencies"]:
            if dependency["name"] in ours and dependency["kind"] != "dev" and dependency["name"] not in ALLOWED[name]:
                may = ", ".join(ALLOWED[name]) or "none of ours"
                messages.append(f"{name} must not depend on {dependency['name']}; it may use: {may}")
    return messages


def check(root):
    """Every message about the workspace at `root`."""
    metadata = json.loads(
        subprocess.run(
            ["cargo", "metadata", "--no-deps", "--format-version", "1", "--offline"],
            cwd=root,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
    )
    return check_crates(metadata["packages"]) + check_modules(metadata["packages"])


if __name__ == "__main__":
    found = check(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    for message in found:
        print(message, file=sys.stderr)
    sys.exit(1 if found else 0)
