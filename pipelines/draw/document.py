"""Pages of words (a transparency record, a fact sheet): one text, given as HTML for a browser and as Markdown.

Here: the layout of such a text in both forms. Not here: what it says (`transparency`). Text is plain text and is
escaped in both forms, whatever it holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup

from pipelines.draw.facts import Release
from pipelines.draw.page import Page, own_script, render


@dataclass(frozen=True)
class Words:
    """A paragraph; `to_write` marks what a person has still to write."""

    text: str
    to_write: bool = False


@dataclass(frozen=True)
class Items:
    """A list of plain texts."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table: headings, then rows of as many plain texts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Words | Items | Grid


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it; level 2 is a part of the document, level 3 a part of that."""

    heading: str
    blocks: tuple[Block, ...] = ()
    level: int = 2


@dataclass(frozen=True)
class Document:
    """A whole text: title, one sentence that says what it is, sections."""

    title: str
    sentence: str
    sections: tuple[Section, ...]


def lines_of(text: str) -> tuple[Block, ...]:
    """A text as blocks: one line is a paragraph, several are a list."""
    lines = tuple(line.strip() for line in text.splitlines() if line.strip())
    return (Items(lines),) if len(lines) > 1 else tuple(Words(line) for line in lines)


def as_page(document: Document, release: Release) -> str:
    """The document as one HTML file that stands beside the gallery; same document, same text."""
    return Page(
        title=document.title,
        sentence=document.sentence,
        release=release,
        body=blocks_of(document),
        scripts=[own_script("print.js")],
        home="index.html",
    ).html()


def blocks_of(document: Document) -> Markup:
    """The sections of the document as HTML, to stand in the shell of a page."""
    kinds = [
        (section, [(type(block).__name__.lower(), block) for block in section.blocks])
        for section in document.sections
    ]
    return render("document.html", sections=kinds)


def as_markdown(document: Document, authority_name: str) -> str:
    """The document as Markdown, under the name of its authority."""
    lines = [f"# {_escaped(authority_name)}: {_escaped(document.title)}", "", _escaped(document.sentence), ""]
    for section in document.sections:
        lines += [f"{'#' * section.level} {_escaped(section.heading)}", ""]
        for block in section.blocks:
            lines += [*_markdown(block), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _markdown(block: Block) -> list[str]:
    match block:
        case Words(text, to_write):
            return [f"> **{_escaped(text)}**" if to_write else _escaped(text)]
        case Items(items):
            return [f"- {_escaped(item)}" for item in items]
        case Grid(columns, rows):
            head = [_row(columns), "|" + "---|" * len(columns)]
            return head + [_row(row) for row in rows]


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _escaped(text: str) -> str:
    """Text on one line in which no character means anything to Markdown or, where that is let through, to HTML."""
    text = re.sub(r"([\\`*_\[\]|])", r"\\\1", " ".join(text.split()))
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    text = re.sub(r"^([#>+-])", r"\\\1", text)
    return re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", text)
