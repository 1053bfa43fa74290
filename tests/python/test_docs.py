"""The site: programs on its pages print what the pages say, its notebooks run, and it builds without a warning."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from test_guides import commands, missing

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# A page, with the least number of its programs that say what they print.
PAGES = {"index.md": 1, "check-penalty.md": 1, "from-keras-article.md": 2, "from-pyod.md": 4, "from-scikit-learn.md": 7}
BLOCK = re.compile(r'^( *)```(python|text|console)(?: title="([^"]+)")?\n(.*?)^\1```$', re.DOTALL | re.MULTILINE)
# The libraries that a program may want and a test machine may lack.
LARGE = {"keras", "tensorflow", "torch"}


def blocks(page):
    """(language, title, text) of a page's fenced blocks, also of those within tabs."""
    for indent, language, title, text in BLOCK.findall((DOCS / page).read_text()):
        yield language, title, textwrap.dedent(text) if indent else text


def programs(page):
    """(title, program, what it prints or None) of the programs with a title."""
    found = []
    for language, title, text in blocks(page):
        if language == "python" and title:
            found.append([title, text, None])
        elif language == "text":
            own = [program for program in found if f"{program[0]} prints" == title]
            assert own, f"{page}: `{title}` stands after no program of that name"
            own[-1][2] = text.splitlines()
    return found


PROGRAMS = [(page, *program) for page in PAGES for program in programs(page)]


def wanted(program):
    """The top-level modules that a program imports."""
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def environment():
    """Where pictures are drawn without a screen and `cae` is that of the package."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "MPLBACKEND": "Agg", "PATH": path, "PYTHONUTF8": "1"}


def run(program, folder):
    (folder / "program.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=folder, env=environment(), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def fashion_mnist_is_here():
    folders = [os.environ.get("CONTRACTIVE_DATA_DIR"), Path.home() / ".cache" / "contractive"]
    return any(folder and (Path(folder) / "fashion-mnist").is_dir() for folder in folders)


@pytest.mark.parametrize("page", PAGES)
def test_pages_have_programs_that_say_what_they_print(page):
    assert sum(printed is not None for _, _, printed in programs(page)) >= PAGES[page]


@pytest.mark.parametrize(
    ("page", "title", "program", "printed"), PROGRAMS, ids=[f"{p.removesuffix('.md')}: {t}" for p, t, _, _ in PROGRAMS]
)
def test_programs_print_what_the_page_says(page, title, program, printed, tmp_path):
    for module in wanted(program):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    if "models.auto_encoder" in program and importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    if "fashion_mnist" in program and not fashion_mnist_is_here():
        pytest.skip("Fashion-MNIST lies neither in $CONTRACTIVE_DATA_DIR nor in the cache")
    got = run(program, tmp_path)
    if printed is None:
        assert not set(wanted(program)).isdisjoint(LARGE) or "auto_encoder" in program, f"{title}: what is printed?"
        return
    assert missing(printed, got) is None, f"{missing(printed, got)}\nis not in\n" + "\n".join(got)
    assert len(printed) == len(got), got


def test_commands_of_the_first_page_print_what_it_says(tmp_path):
    n_commands = 0
    for language, _, text in blocks("index.md"):
        if language != "console":
            continue
        for command, expected in commands(text.splitlines()):
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=tmp_path,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=300,
            )
            got = done.stdout.splitlines()
            assert done.returncode == 0, done.stdout
            assert missing(expected, got) is None, f"$ {command}\n{missing(expected, got)}\nis not in\n{done.stdout}"
            n_commands += 1
    assert n_commands >= 4


NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))


def printed_by(notebook):
    """The plain text that each cell leaves, a list of lines a cell."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            texts = [out.get("text") or out.get("data", {}).get("text/plain", "") for out in cell.outputs]
            yield "".join(text if text.endswith("\n") else text + "\n" for text in texts).splitlines()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run_and_leave_what_they_show(path, tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    kept = nbformat.read(path, as_version=4)
    nbformat.validate(kept)
    assert path.stat().st_size < 150_000
    fresh = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        fresh, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    for i, (shown, got) in enumerate(zip(printed_by(kept), printed_by(fresh), strict=True)):
        # A picture is told by its address in memory.
        shown = [line for line in shown if not line.startswith("<")]
        assert missing(shown, got) is None, f"cell {i}: {missing(shown, got)}\nis not in\n" + "\n".join(got)
    forms = [
        out["data"]["text/html"]
        for cell in fresh.cells
        for out in cell.get("outputs", [])
        if "text/html" in out.get("data", {})
    ]
    assert any("sk-container" in form for form in forms), "a fitted estimator shows scikit-learn's form"


def drawn_of(page, site):
    """(tables, formulas) of a page's source, and those of the page built from it."""
    source = (DOCS / page).read_text()
    folder = page.parent if page.stem in ("index", "README") else page.with_suffix("")
    built = (site / folder / "index.html").read_text()
    rules = re.findall(r"^ *\|(?:[ :]*-+[ :]*\|)+ *$", source, re.MULTILINE)
    told = (len(rules), source.count("$$") // 2)
    return told, (
        built.count("<table>"),
        built.count('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">'),
    )


def test_the_site_builds_without_a_warning(tmp_path):
    for module in ("material", "mkdocstrings", "latex2mathml"):
        pytest.importorskip(module)
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert "WARNING" not in done.stderr, done.stderr
    pages = [path.relative_to(DOCS) for path in DOCS.rglob("*.md") if path.parent.name != "python"]
    assert len(pages) >= 40
    for page in pages:
        if "\n::: " in (DOCS / page).read_text():  # with the tables of a reference
            continue
        told, drawn = drawn_of(page, tmp_path / "site")
        assert drawn == told, f"{page}: tables and formulas"
    text = (tmp_path / "site" / "python" / "autoencoder" / "index.html").read_text()
    assert "hidden_layer_sizes" in text, "the reference tells the parameters"
    assert 'id="contractive.ContractiveAutoencoder.jacobian_norm"' in text, "and methods, inherited ones too"
    text = (tmp_path / "site" / "derivations" / "frobenius" / "index.html").read_text()
    assert text.count("<math") >= 5, "formulas are MathML"
    assert "../crates" not in text, "links that leave the documents are text"
    # Nothing is fetched when a page is read.
    loads = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', text)
    assert not loads, loads
