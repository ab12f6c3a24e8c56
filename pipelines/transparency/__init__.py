"""What a release says of itself: datasets, data protection fact sheet, model card, algorithmic transparency record.

Filled from the facts of the run (published tables, descriptions, definitions) and from what people wrote in
`authority.yaml`; what neither says is listed as still to be written. Every figure is a published one, and nothing says
when it was made, so that the same content gives the same text. How the texts are laid out is `draw`; what may be
published at all is `protect`.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from pipelines.authority import Authority
from pipelines.draw.document import as_markdown, as_page
from pipelines.protect import Publication
from pipelines.transparency.atrs import atrs_document, atrs_fields, atrs_json
from pipelines.transparency.datasets import datasets_document
from pipelines.transparency.dpia import dpia_document
from pipelines.transparency.facts import read_facts
from pipelines.transparency.model_card import model_card, model_card_json

# The pages for readers, as the gallery names them: file beside it, title, one sentence.
PAGES = (
    (
        "datasets.html",
        "Datasets",
        "Which records and open data the figures are made of, who answers for each, and why.",
    ),
    (
        "atrs.html",
        "Algorithmic transparency record",
        "What this tool does, who answers for it, and its risks.",
    ),
    (
        "models.html",
        "Model card",
        "Which models work out what is published, how well they did on the past, and their limits.",
    ),
    (
        "dpia.html",
        "Data protection fact sheet",
        "How personal data are used and protected, for those who assess it.",
    ),
)


def documents(
    con: duckdb.DuckDBPyConnection, authority: Authority, publications: Sequence[Publication]
) -> dict[str, str]:
    """The texts of a release by file name, made from `published.*` on the connection and from the descriptions.

    Raises ValueError where a published figure that is hidden carries a value.
    """
    facts = read_facts(con, authority, publications)
    fields = atrs_fields(facts)
    texts = {"atrs.json": atrs_json(facts, fields), "models.json": model_card_json(facts)}
    for page, text, document in (
        ("datasets.html", "DATASETS.md", datasets_document(facts)),
        ("dpia.html", "DPIA.md", dpia_document(facts)),
        ("models.html", "MODELS.md", model_card(facts)),
        ("atrs.html", "atrs.md", atrs_document(facts, fields)),
    ):
        texts[page] = as_page(document, facts.release)
        texts[text] = as_markdown(document, facts.release.authority_name)
    return texts


def document(
    name: str, authority: Authority, publications: Sequence[Publication], con: duckdb.DuckDBPyConnection
) -> str:
    """One of the texts by its file name: for whoever makes it again, from a released database say."""
    return documents(con, authority, publications)[name]
