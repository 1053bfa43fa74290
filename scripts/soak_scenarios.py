"""The commands that scripts/soak.py disturbs: how each begins, goes on, and what must be the same in the end."""

import dataclasses
import hashlib
import json
import math
import pathlib
import re
import tempfile
import tomllib

UNFINISHED = (".writing-", ".new-", ".tmp")
TIMES = ("seconds", "rows_per_second")
SIDE = 16


class Lost(Exception):
    """A promise that was broken."""


@dataclasses.dataclass
class Scenario:
    """A command that is disturbed."""

    name: str
    # Commands that make the folder it begins in.
    before: list[str]
    # The command under test.
    command: str
    # Commands that go on after the fault, of the folder as it is then.
    go_on: object
    # What must be the same in the end: parts of the folder by name.
    digest: object
    # What is old, new or not there right after the fault, each by itself: files, and folders as a whole. `*` stands for any name.
    whole: list[str]
    # Files among those that come by themselves, after them.
    later: tuple = ()


def csv(rows, columns):
    """A table of smooth numbers."""
    number = lambda i, j: 0.5 + 0.5 * math.sin(0.37 * i + (1.1 + 0.2 * (i % 7)) * j)
    lines = [",".join("abcdefgh"[:columns])]
    lines += [",".join(f"{number(i, j):.5f}" for j in range(columns)) for i in range(rows)]
    return "\n".join(lines) + "\n"


def series(rows):
    """A table of a time and a wave."""
    lines = ["time,load"]
    lines += [f"2024-01-{1 + i // 96:02}T{i % 96 // 4:02}:{i % 4 * 15:02}:00,{10 + 4 * math.sin(i / 12):.3f}" for i in range(rows)]
    return "\n".join(lines) + "\n"


def picture(number):
    """A weave as a BMP of 24 bits."""
    words = [54 + 3 * SIDE * SIDE, 0, 54, 40, SIDE, SIDE, 1 | 24 << 16, 0, 3 * SIDE * SIDE, 0, 0, 0, 0]
    level = lambda x, y: int(120 + 50 * math.sin(0.9 * (x + number)) + 50 * math.sin(0.7 * y + number) + (7 * x * y + number) % 13)
    pixels = bytes(level(x, y) for y in range(SIDE) for x in range(SIDE) for _ in range(3))
    return b"BM" + b"".join(word.to_bytes(4, "little") for word in words) + pixels


def data(folder):
    """The tables and pictures of all scenarios."""
    (folder / "t.csv").write_text(csv(300, 3))
    (folder / "u.csv").write_text(csv(200, 3))
    (folder / "s.csv").write_text(series(400))
    (folder / "good").mkdir()
    for number in range(8):
        (folder / "good" / f"{number}.bmp").write_bytes(picture(number))


def sha(path):
    """The sum of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def untimed(value):
    """A record without times, which differ from run to run."""
    if isinstance(value, dict):
        return {key: untimed(part) for key, part in value.items() if key not in TIMES}
    return [untimed(part) for part in value] if isinstance(value, list) else value


def tree(folder):
    """The names of all files below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def run_digest(folder):
    """What must repeat of a run directory."""
    names = [re.sub(r"tfevents\.\d+", "tfevents", name) for name in tree(folder)]
    metrics = [untimed(json.loads(line)) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    if [record["epoch"] for record in metrics] != list(range(1, len(metrics) + 1)):
        raise Lost(f"epochs with gaps or repeats: {[record['epoch'] for record in metrics]}")
    files = [path for place in ("model", "images") for path in sorted((folder / place).iterdir())]
    return {
        "names": names,
        "metrics": metrics,
        "events": sum(path.stat().st_size for path in folder.glob("events.*")),
        "config": (folder / "config.toml").read_text(),
        "files": {str(path.relative_to(folder)): sha(path) for path in files},
    }


def files_digest(folder):
    """Every file below a folder."""
    return {name: sha(folder / name) for name in tree(folder) if (folder / name).is_file()}


def without_stray(folder):
    """Refuse files that a fault left."""
    stray = [name for name in tree(folder) if any(part.startswith(UNFINISHED) for part in pathlib.Path(name).parts)]
    if stray:
        raise Lost(f"stray files: {stray}")


def parts(files, pattern):
    """The places that a pattern of names stands for, each with its files: by the digest of a folder. What is unfinished is
    in no place."""
    place = re.compile("(" + re.escape(pattern).replace(r"\*", "[^/]*") + r")(/.*)?")
    found = {}
    for name, digest in files.items():
        match = place.fullmatch(name)
        if match and not any(part.startswith(UNFINISHED) for part in pathlib.Path(name).parts):
            found.setdefault(match[1], {})[name] = digest
    return found


def check_whole(scenario, now, before, done):
    """Refuse what is neither the old nor the new nor, where there was no old one, nothing: by digests of the whole folder. A
    folder that comes to be without its config.json, which is written last, is nothing yet."""
    without = lambda files: {name: digest for name, digest in files.items() if name not in scenario.later}
    for pattern in [*scenario.whole, *scenario.later]:
        chosen = (lambda files: files) if pattern in scenario.later else without
        old, new, found = (parts(chosen(files), pattern) for files in (before, done, now))
        for place in sorted({*old, *new, *found}):
            is_nothing = place not in old and f"{place}/config.json" in new.get(place, {}) and f"{place}/config.json" not in now
            if found.get(place) not in (old.get(place), new.get(place)) and not is_nothing:
                raise Lost(f"{place} is neither the old one nor the new one: {sorted(found.get(place, {}))}")


def check_documents(folder):
    """Refuse documents under their names that are not whole."""
    for path in (folder / name for name in tree(folder)):
        if path.name.startswith(UNFINISHED) or not path.is_file():
            continue
        try:
            if path.suffix == ".toml":
                tomllib.loads(path.read_text())
            elif path.suffix == ".json":
                json.loads(path.read_text())
            elif path.suffix == ".jsonl":
                for line in path.read_text().splitlines():
                    json.loads(line)
        except ValueError as e:
            raise Lost(f"{path.relative_to(folder)} is not whole: {e}") from e


def places(folder):
    """The files and folders of a scenario, as a message may name them."""
    return {name.split("/")[0] for name in tree(folder)}


def names_a_place(said, scenario, folder):
    """Whether an error names a file or folder of the command. An unfinished folder has the name of its place in its own."""
    known = places(folder) | {word for word in scenario.command.split() if not word.startswith("-")}
    words = re.findall(r"[^\s:`'\",()]+", said)
    inside = lambda word: word.removeprefix(f"{folder}/").removeprefix("./").split("/")[0]
    place = lambda name: re.sub(r"^\.writing-(.+)-\w{6}$", r"\1", name)
    return any(place(inside(word)) in known for word in words)


def scenarios():
    """All commands that are disturbed."""
    train = "train --data t.csv --hidden 8,3 --epochs 4 --threads 1 -q --out m"
    resume = lambda folder: ["resume m -q" if (folder / "m/config.toml").exists() else train]
    detector = "train --detector --data t.csv --ensemble 2 --steps 20 --threads 1 -q --out d"
    of_series = "train --detector --data s.csv --time time --window 12 --ensemble 2 --steps 20 --threads 1 -q --out d"
    of_pictures = "train --detector --data good --steps 10 --threads 1 -q --out d"
    again = lambda words: lambda folder: [] if (folder / "d/config.json").exists() else [words]
    # The rule that it was trained by: the next command that writes there removes what a killed writer of the page left.
    judged_again = lambda words: lambda folder: ["threshold d sigma:3 -q"] if (folder / "d/config.json").exists() else [words]
    rerun = lambda words: lambda folder: [words]
    streamed = train.replace("--out", "--stream --out")
    longer = "resume m --epochs 5 -q"
    sweep = "train --data t.csv --hidden 3 --contraction 0,0.1 --epochs 2 --threads 1 -q --out w"
    sweep_digest = lambda folder: {
        "names": [re.sub(r"tfevents\.\d+", "tfevents", name) for name in tree(folder / "w")],
        "runs": [run_digest(run) for run in sorted((folder / "w").glob("*=*"))],
    }
    of_run = lambda folder: run_digest(folder / "m")
    of_all = lambda folder: files_digest(folder)
    # A detector whose page could not be written is one all the same, and is not trained again.
    without_page = lambda folder: {name: digest for name, digest in of_all(folder).items() if name != "d/report.html"}
    mine = "detect d --data t.csv -o d/mine.csv"
    threshold, copy = "threshold d contamination:0.05 -q", "threshold d contamination:0.2 -q -o copy"
    detect, encode = "detect d --data t.csv -o scores.parquet", "encode m --data t.csv -o codes.csv"
    report = "detect d --data t.csv -o scores.csv --report page.html -q"
    brought, export = "import m/model/model.safetensors --activation sigmoid --code-activation sigmoid -o brought", "export m -o m.onnx"
    run, of_detector = ["m/model", "m/report.html"], ["d"]
    return [
        Scenario("train", [], train, resume, of_run, run),
        Scenario("stream", [], streamed, lambda f: [streamed if words == train else words for words in resume(f)], of_run, run),
        Scenario("resume", [train], longer, rerun(longer), of_run, run),
        Scenario("detector", [], detector, again(detector), of_all, of_detector),
        Scenario("series", [], of_series, again(of_series), of_all, of_detector),
        Scenario("pictures", [], of_pictures, judged_again(of_pictures), without_page, of_detector, ("d/report.html",)),
        Scenario("threshold", [detector, mine], threshold, rerun(threshold), of_all, ["d"]),
        Scenario("replace", [detector, copy.replace("0.2", "0.1"), mine.replace("d/", "copy/")], copy, rerun(copy), of_all, ["copy"]),
        Scenario("sweep", [], sweep, rerun(sweep), sweep_digest, ["w/*=*/model", "w/*=*/report.html"]),
        Scenario("detect", [detector, detect.replace("t.csv", "u.csv")], detect, rerun(detect), of_all, ["d", "scores.parquet"]),
        Scenario("report", [detector, report.replace("t.csv", "u.csv")], report, rerun(report), of_all, ["d", "scores.csv", "page.html"]),
        Scenario("encode", [train], encode, rerun(encode), lambda folder: {"codes": sha(folder / "codes.csv")}, ["codes.csv", "m"]),
        Scenario("import", [train], brought, rerun(brought), lambda folder: files_digest(folder / "brought"), ["brought", "m"]),
        Scenario("export", [train], export, rerun(export), lambda folder: {"graph": sha(folder / "m.onnx")}, ["m.onnx", "m"]),
    ]  # fmt: skip


def self_test():
    """Folders that are whole and that are not; messages that name a place and that do not."""
    scenario = Scenario("replace", [], "threshold d -q -o copy", None, None, ["copy", "w/*=*"], ("copy/page",))
    fresh = Scenario("fresh", [], "train --out d", None, None, ["d"])
    before, done = {"copy/a": "1", "copy/b": "1", "t.csv": "0"}, {"copy/a": "2", "copy/b": "2", "copy/page": "2", "w/x=1/m": "2", "w/x=2/m": "2"}
    whole = [before, done, {**before, "copy/.writing-a": "9"}, {"copy/a": "2", "copy/b": "2", "w/x=2/m": "2"}]
    torn = [{"copy/a": "2", "copy/b": "1"}, {"copy/a": "1"}, {}, {**before, "copy/c": "1"}, {**done, "copy/page": "1"}, {**before, "w/x=1/m": "1"}]
    # With its document, but without the rest.
    unfinished = ({"d/config.json": "1"}, {}, {"d/a": "1", "d/config.json": "1"})
    for now in whole:
        check_whole(scenario, now, before, done)
    for case in [*((scenario, now, before, done) for now in torn), (fresh, *unfinished)]:
        try:
            check_whole(*case)
        except Lost:
            continue
        raise AssertionError(f"{case[1]} must not pass for whole")
    check_whole(fresh, {"d/a": "1"}, {}, {"d/a": "1", "d/config.json": "1"})
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        (folder / "d").mkdir()
        (folder / "d/.writing-a.json").write_text("{")
        check_documents(folder)
        for name, text in {"config.toml": "a = ", "config.json": "", "metrics.jsonl": '{"epoch": 1}\n{"ep'}.items():
            (folder / "d" / name).write_text(text)
            try:
                check_documents(folder)
            except Lost:
                (folder / "d" / name).unlink()
                continue
            raise AssertionError(f"{name} must not pass for whole")
        for said, expected in [
            ("error: cannot write d/config.json: No space left on device (os error 28)", True),
            (f"error: cannot write {folder}/copy: Input/output error (os error 5)", True),
            (f"error: cannot write {folder}/.writing-copy-PF1rsi/new/a: Input/output error (os error 5)", True),
            ("error: cannot flush `d`: Input/output error", True),
            ("error: No space left on device (os error 28)", False),
            ("error: cannot write elsewhere/d: Input/output error (os error 5)", False),
        ]:
            assert names_a_place(said, scenario, folder) == expected, said


if __name__ == "__main__":
    self_test()
