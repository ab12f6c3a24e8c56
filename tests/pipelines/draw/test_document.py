"""Texts as HTML and as Markdown: the same words, and no character of them taken for markup."""

from __future__ import annotations

import re

import pytest

from pipelines.draw.document import Document, Grid, Items, Section, Words, as_markdown, as_page, lines_of
from pipelines.draw.facts import Release

EVIL = "</p><script>window.harmed = 1</script> *a* _b_ [c](d) | `e` \\ # f & 1. g"
RELEASE = Release("E06999009", "Small & bridge", 10, 5, "The rule.", (), ())


def document(text: str) -> Document:
    blocks = (
        Words(text),
        Words(text, to_write=True),
        Items((text, "two")),
        Grid(("A", text), ((text, "b"),)),
    )
    return Document("A title", "A sentence.", (Section(text, blocks), Section("Part", (), level=3)))


def test_page_takes_no_text_for_markup() -> None:
    html = as_page(document(EVIL), RELEASE)
    assert "<script>window" not in html and html.count("&lt;script&gt;window") == 6
    assert html.count("<h2>") == 1 and html.count("<h3>") == 1 and html.count("<li>") == 2
    assert 'class="to-write"' in html and 'href="index.html"' in html
    assert as_page(document(EVIL), RELEASE) == html


def test_markdown_takes_no_text_for_markup() -> None:
    text = as_markdown(document(EVIL), "Small & bridge")
    assert text.startswith("# Small &amp; bridge: A title\n\nA sentence.\n\n## ")
    assert "<script" not in text
    for special in "*_[]|`":
        unescaped = re.findall(
            rf"(?<!\\)\{special}", re.sub(r"^\|.*\|$|> \*\*|\*\*$|^- ", "", text, flags=re.M)
        )
        assert unescaped == [], special
    (row,) = [line for line in text.splitlines() if line.endswith("| b |")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3, "a bar in a cell makes no new cell"


@pytest.mark.parametrize("text", ["# head", "> quote", "- item", "+ item", "1. item", "2) item", "---"])
def test_a_line_begins_nothing_that_it_does_not_say(text: str) -> None:
    (line,) = as_markdown(Document("T", "S.", (Section("H", (Words(text),)),)), "N").splitlines()[-1:]
    assert "\\" in line[:3] and line.replace("\\", "") == text


def test_one_line_is_a_paragraph_and_several_a_list() -> None:
    assert lines_of("one\n") == (Words("one"),)
    assert lines_of("one\n\n two") == (Items(("one", "two")),)
    assert lines_of("") == ()
