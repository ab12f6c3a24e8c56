"""The worksheet as one page: doubtful addresses and their candidates, to be settled from the keyboard.

One HTML file that asks the network for nothing and keeps decisions in its own memory until they are saved as a file:
nothing of them stays in the browser. Its words and looks are `draw/review.html`, `.css` and `.js`. Text of the data
goes in as JSON alone, and the script puts it on the page as text, never as markup.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from pipelines.draw.page import FOLDER, content_security_policy, json_for_html, own_script, render
from pipelines.review.queue import Item
from pipelines.review.reading import LONGEST_NAME, LONGEST_NOTE


def as_page(items: Sequence[Item], authority_name: str, left_out: int = 0) -> str:
    """The page; `left_out` is how many more wordings wait that it does not hold. Same items, same text."""
    script = own_script("review.js")
    data = {
        "leftOut": left_out,
        "items": [
            {
                "hash": item.record_hash,
                "address": item.address,
                "postcode": item.postcode,
                "why": item.why,
                "records": item.records,
                "datasets": item.datasets,
                "building": item.building_uprn,
                "version": item.gazetteer_version,
                "seen": item.candidates_seen,
                "candidates": [
                    {
                        "uprn": candidate.uprn,
                        "address": _without_postcode(candidate.address, candidate.postcode),
                        "postcode": candidate.postcode,
                        "score": candidate.score,
                        "differs": candidate.differs,
                    }
                    for candidate in item.candidates or ()
                ],
            }
            for item in items
        ],
    }
    return render(
        "review.html",
        authority_name=authority_name,
        policy=content_security_policy([script]),
        styles=[Markup((FOLDER / name).read_text(encoding="utf-8")) for name in ("page.css", "review.css")],
        script=Markup(script),
        data=Markup(json_for_html(data)),
        datasets=sorted({dataset for item in items for dataset in item.datasets}),
        longest_name=LONGEST_NAME,
        longest_note=LONGEST_NOTE,
    )


def _without_postcode(address: str, postcode: str) -> str:
    """The postcode stands in a line of its own."""
    if postcode and address.upper().endswith(postcode.upper()):
        return address[: -len(postcode)].rstrip(" ,")
    return address
