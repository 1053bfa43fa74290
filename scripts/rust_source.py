"""Reads Rust source as tokens, for the checks beside this file. Standard library only.

A token is (kind, text, line); kinds are word, string, doc, punct, number and lifetime. Plain comments are left out, doc
comments are one token a line. `without_tests` drops every item under `#[cfg(test)]` or `#[test]`.
"""

import re
from typing import NamedTuple


class Token(NamedTuple):
    kind: str
    text: str
    line: int


TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<doc>//[/!](?!/)[^\n]*)
    | (?P<comment>//[^\n]*)
    | (?P<block>/\*)
    | (?P<raw>(?:b|c)?r(?P<hashes>\#*)"(?s:.*?)"(?P=hashes))
    | (?P<string>[bc]?"(?s:\\.|[^"\\])*")
    | (?P<char>b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[^}]*\}|.)|[^'\\\n])')
    | (?P<lifetime>'[^\W\d]\w*)
    | (?P<word>(?:r\#)?[^\W\d]\w*)
    | (?P<number>\d[\w]*(?:\.\d[\w]*)?)
    | (?P<punct>::|->|=>|.)
    """,
    re.VERBOSE,
)


def tokens(text):
    """The tokens of a file's text."""
    found, at, line = [], 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        kind, piece = match.lastgroup, match.group()
        if kind == "block":
            end = end_of_block_comment(text, at)
            piece = text[at:end]
            if piece.startswith(("/**", "/*!")) and len(piece) > 4:
                found.extend(Token("doc", one, line + n) for n, one in enumerate(piece.split("\n")))
        elif match.group("raw") is not None:
            quote = piece.index('"') + 1
            found.append(Token("string", piece[quote : len(piece) - 1 - len(match.group("hashes"))], line))
        elif kind == "string":
            found.append(Token("string", piece[piece.index('"') + 1 : -1], line))
        elif kind == "char":
            found.append(Token("number", piece, line))
        elif kind not in ("space", "comment"):
            found.append(Token(kind, piece, line))
        line += piece.count("\n")
        at += len(piece)
    return found


def end_of_block_comment(text, at):
    """Where the comment that opens at `at` ends; block comments nest."""
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(text, at):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(text)


CLOSING = {"(": ")", "[": "]", "{": "}"}


def end_of_group(found, at):
    """The index after the group that opens at `at`."""
    depth = 0
    for n in range(at, len(found)):
        if found[n].kind == "punct":
            if found[n].text in CLOSING:
                depth += 1
            elif found[n].text in ")]}":
                depth -= 1
                if depth == 0:
                    return n + 1
    return len(found)


ITEMS = "async const enum extern fn impl macro_rules mod pub static struct trait type union unsafe use".split()


def end_of_item(found, at):
    """The index after the item that begins at `at`: after its `;` or its braces; a variant or a field ends at `,`."""
    ends = (";",) if at < len(found) and found[at].text in ITEMS else (";", ",")
    n = at
    while n < len(found):
        text = found[n].text if found[n].kind == "punct" else ""
        if text == "{":
            after = end_of_group(found, n)
            # `use a::{b, c};` and `const X: [u8; 2] = {…};` go on after their braces
            return after + 1 if after < len(found) and found[after].text == ";" else after
        if text in ("(", "["):
            n = end_of_group(found, n)
            continue
        if text in ends:
            return n + 1
        if text == "}":
            return n
        n += 1
    return n


def is_for_tests(attribute):
    """Whether `#[…]` (its tokens) leaves its item out of every build but the tests'."""
    words = [one.text for one in attribute if one.kind == "word"]
    if words == ["test"]:
        return True
    return words[:1] == ["cfg"] and "test" in words and "not" not in words and "any" not in words


def without_tests(found):
    """The tokens without the items that only tests see."""
    kept, n = [], 0
    while n < len(found):
        if found[n].text == "#" and found[n].kind == "punct" and n + 1 < len(found) and found[n + 1].text == "[":
            after = end_of_group(found, n + 1)
            if is_for_tests(found[n + 2 : after - 1]):
                while after + 1 < len(found) and (found[after].kind == "doc" or found[after].text == "#"):
                    after = after + 1 if found[after].kind == "doc" else end_of_group(found, after + 1)
                n = end_of_item(found, after)
                continue
        kept.append(found[n])
        n += 1
    return kept
