"""What mkdocs does not know of our documents: links that leave docs/, formulas, notebooks, lists as code hosts read them."""

import html
import json
import logging
import posixpath
import re
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
log = logging.getLogger("mkdocs.hooks.docs")

# Code in fences, and formulas.
VERBATIM = re.compile(r"^ *(```|~~~|\$\$$)")
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])+)\]\(((?:\.\./)+[^)#\s]*)(?:#[^)]*)?\)")
LISTED = re.compile(r"(?:[-*+]|\d+\.) ")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_files(files, config):
    """Add a page for each notebook: its cells, and what they left."""
    for file in list(files):
        if file.src_uri.endswith(".ipynb"):
            notebook = json.loads(Path(file.abs_src_path).read_text(encoding="utf-8"))
            page = file.src_uri.removesuffix(".ipynb") + ".md"
            files.append(File.generated(config, page, content=told(notebook, posixpath.basename(file.src_uri))))
    return files


def told(notebook, name):
    """A notebook as Markdown."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        texts = []
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "image/png" in data:
                picture = "".join(data["image/png"]).replace("\n", "")
                parts.append(f'<img alt="what the cell above draws" src="data:image/png;base64,{picture}">')
            else:
                texts.append("".join(output.get("text") or data.get("text/plain", "")).rstrip())
        if any(texts):
            parts.append("```text\n" + "\n".join(texts) + "\n```")
    parts.insert(1, f"The [notebook]({name}) itself is there to be run; a test runs it too.")
    return "\n\n".join(parts) + "\n"


def on_page_markdown(markdown, page, config, files):
    """Make text of links that leave docs/, and part lists and tables from the line above, as code hosts do."""
    if '<div class="grid"' in markdown:
        # Programs beside each other want the width.
        page.meta["hide"] = ["toc"]
    lines, is_verbatim, is_list = [], False, False
    for line in markdown.split("\n"):
        if VERBATIM.match(line):
            is_verbatim = not is_verbatim
        elif not is_verbatim and not line.startswith("    "):
            line = LINK.sub(lambda link: elsewhere(link, page.file.src_uri), line)
            above = lines[-1] if lines else ""
            begins = LISTED.match(line) is not None
            is_apart = is_list and not above.startswith("    ")
            if (begins and above.strip() and not is_apart) or (line.startswith("|") and above.endswith("-->")):
                lines.append("")
            if is_list and line.startswith("  "):
                # What belongs to an item stands four spaces in.
                line = "    " + line.lstrip()
            elif line.strip():
                is_list = begins
        lines.append(line)
    return "\n".join(lines)


def elsewhere(link, page):
    """A link within docs/ as it is; one that leaves it as its text, with the path where the pointer rests."""
    text, target = link[1], link[2]
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), target))
    if path.startswith("docs/"):
        return link[0]
    if not (ROOT / path).exists():
        log.warning("%s: %s is linked to, and is not in the repository", page, path)
    return f'<span class="elsewhere" title="{html.escape(path)}, in the repository">{text}</span>'


def on_page_content(content, page, config, files):
    """Make MathML of formulas, which browsers draw by themselves."""

    def drawn(found):
        try:
            return convert(html.unescape(found[3]), display="block" if found[2] == "[" else "inline")
        except Exception as error:  # whatever it is, the formula is named
            log.warning("%s: the formula %s cannot be drawn: %r", page.file.src_uri, found[3].strip(), error)
            return found[0]

    return FORMULA.sub(drawn, content)
