"""What a loss of power could lose, read from the calls of a command as `strace -f -y` logs them: files that get their name
before they are flushed, files that are written to under their name and not flushed in the end, and folders that are not flushed
after their entries changed. scripts/soak.py runs the command."""

import os
import pathlib
import re
import tempfile

# Grows by a line an epoch, for TensorBoard alone: `cae resume` completes it from metrics.jsonl.
EVENTS = "events."
# The calls that must be in the log.
CALLS = "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat"


def whole_calls(log):
    """The lines of a log. A call that another thread's line came into stands whole, at the place where it ended."""
    begun = {}
    for line in log.read_text(errors="replace").splitlines():
        thread = line.split(" ", 1)[0]
        resumed = re.match(r"\d+\s+<\.\.\. \w+ resumed>(.*)", line)
        if line.endswith("<unfinished ...>"):
            begun[thread] = line.removesuffix("<unfinished ...>")
        elif resumed:
            yield begun.pop(thread) + resumed[1]
        else:
            yield line


def unflushed(log, folder):
    """What a loss of power could lose of the files in the folder, in words; None where no file got a name there."""
    absolute = lambda name: os.path.normpath(os.path.join(folder, name))
    is_named = lambda path: path.startswith(str(folder)) and ".writing-" not in path and ".new-" not in path
    dirty, folders, found, named = set(), set(), [], 0
    for line in whole_calls(log):
        call = re.match(r"\d+\s+(\w+)\((.*)\)\s+= (?!-1)", line)
        if not call:
            continue
        descriptor = re.match(r"\d+<([^>]*)>", call[2])
        if call[1] in ("write", "pwrite64") and descriptor:
            dirty.add(descriptor[1])
        elif call[1] in ("fsync", "fdatasync") and descriptor:
            dirty.discard(descriptor[1])
            folders.discard(descriptor[1])
        elif call[1].startswith("rename"):
            old, new = (absolute(name) for name in re.findall(r'"([^"]*)"', call[2]))
            below = {path for path in dirty if path == old or path.startswith(old + "/")}
            # What is said of a name once is said.
            dirty = (dirty - below) | (set() if is_named(new) else {new + path.removeprefix(old) for path in below})
            if is_named(new):
                named += 1
                found += [f"{os.path.relpath(new, folder)} has its name before it is flushed"] if below else []
                folders.add(os.path.dirname(new))
        elif call[1].startswith("mkdir"):
            folders |= {os.path.dirname(absolute(name)) for name in re.findall(r'"([^"]*)"', call[2]) if is_named(absolute(name))}
    if named == 0:
        return None
    is_kept = lambda path: is_named(path) and not os.path.basename(path).startswith(EVENTS)
    found += [f"{os.path.relpath(path, folder)} is written to and not flushed" for path in sorted(dirty) if is_kept(path)]
    return found + [f"{folder} is not flushed after its entries changed" for folder in folders if os.path.isdir(folder)]


def self_test():
    """Logs in which a file is flushed before it gets its name, and in which it is not."""
    write, rename = "7 write(4</run/.writing-a>, ..., 9) = 9", '7 rename("/run/.writing-a", "/run/a") = 0'
    flush, folder = "7 fsync(4</run/.writing-a>", "7 fsync(5</run>) = 0"
    between = ["9 +++ exited with 0 +++"]
    flushed = [write, f"{flush}) = 0", rename, folder]
    split = [write, f"{flush} <unfinished ...>", *between, "7 <... fsync resumed>) = 0", rename, folder]
    renamed_meanwhile = ['7 rename("/run/.writing-a", "/run/a" <unfinished ...>', *between, "7 <... rename resumed>) = 0"]
    early = ["a has its name before it is flushed"]
    cases = [
        (flushed, []),
        (split, []),
        ([write, rename, folder], early),
        ([write, f"{flush}) = -1 EIO", rename, folder], early),
        ([write, f"{flush} <unfinished ...>", rename, "7 <... fsync resumed>) = 0", folder], early),
        ([write, *renamed_meanwhile, folder], early),
        ([write], None),
        ([*flushed, write.replace(".writing-a", "a")], ["a is written to and not flushed"]),
        ([*flushed, write.replace(".writing-a", "events.1")], []),
    ]
    for lines, expected in cases:
        with tempfile.NamedTemporaryFile("w", suffix=".log") as log:
            log.write("\n".join(lines))
            log.flush()
            found = unflushed(pathlib.Path(log.name), "/run")
        assert found == expected, f"{lines}: {found}"


if __name__ == "__main__":
    self_test()
