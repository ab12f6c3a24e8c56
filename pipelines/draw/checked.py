"""The page of a check (`places check`): one HTML file with everything inside, which asks the network for nothing.

Here: the words and layout of the page. Not here: what is checked (`pipelines/check.py`). The page shows counts, forms
and row numbers, and the values of short code lists; no value of an identifier or of a personal column.
"""

from __future__ import annotations

from markupsafe import Markup

from pipelines.check import FINDINGS, Checked
from pipelines.draw.page import content_security_policy, own_script, own_style, render
from pipelines.profile import RAREST_CODE, ColumnProfile

ROLES = {
    "uprn": "UPRN", "usrn": "USRN", "property_reference": "the service's property reference", "postcode": "postcode",
    "address_line": "line of an address", "easting": "easting", "northing": "northing", "longitude": "longitude",
    "coordinates": "coordinates",
    "latitude": "latitude", "area_code": "area code", "event_date": "date of the event", "date": "date",
    "record_reference": "reference of the record", "measure": "measure", "category": "category",
    "personal": "personal", "text": "text", "ignore": "nothing to keep", "weight": "how many it counts for",
    "as_at": "date of the extract",
}  # fmt: skip
TYPES = {
    "integer": "whole numbers", "decimal": "numbers", "date": "dates", "time": "times of day", "postcode": "postcodes",
    "gss_code": "GSS codes", "toid": "TOIDs", "e_mail": "e-mail addresses", "phone": "telephone numbers",
    "ni_number": "National Insurance numbers", "nhs_number": "NHS numbers", "pupil_number": "pupil numbers (UPN)",
    "web_address": "web addresses", "text": "text", "empty": "nothing",
}  # fmt: skip
KEYS = {
    "uprn": "UPRN", "cross_reference": "cross-reference", "address": "address", "coordinates": "coordinates",
    "postcode": "postcode", "area_code": "area code", "none": "nothing that places it",
}  # fmt: skip
PRECISIONS = {
    "property": "the property", "building": "the building, not the flat or unit", "street": "the street",
    "point": "a point", "postcode": "the postcode", "area": "the area", "none": "nowhere",
}  # fmt: skip
# The colours of the page on data quality.
CLASSES = {
    name: "unplaced" if name == "none" else "point" if name == "street" else name for name in PRECISIONS
}


def page(checked: Checked) -> str:
    """The page as HTML; the same answer gives the same text."""
    script = own_script("print.js")
    rows = max(1, checked.placing.rows) if checked.placing else 1
    precision = [
        (name, count, f"{100 * count / rows:.1f}")
        for name, count in (checked.placing.by_precision if checked.placing else {}).items()
    ]
    return str(
        render(
            "checked.html", checked=checked, sentence=in_a_sentence(checked), keeping=KEEPING, precision=precision,
            roles=ROLES, types=TYPES, keys=KEYS, precisions=PRECISIONS, classes=CLASSES, findings=FINDINGS, said=said,
            chosen={c.header: checked.roles.get(c.header, c.role.role) for c in checked.profile.columns},
            filled=filled_percent, rarest=RAREST_CODE, policy=content_security_policy([script]),
            style=Markup(own_style() + own_style("checked.css")), script=Markup(script),
        )
    )  # fmt: skip


KEEPING = (
    "This page is about records that are not published: counts are exact, small ones too. Keep it where the extract is "
    "kept."
)


def in_a_sentence(checked: Checked) -> str:
    """What the file is and what came out, in a sentence or two."""
    extract = checked.profile.extract
    written = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}.get(extract.delimiter, "")
    how = f", parted by {written}" if written else ""
    encoding = {"utf-8-sig": "UTF-8", "cp1252": "Windows-1252", "features": "features"}.get(
        extract.encoding, extract.encoding
    )
    columns = "column" if len(extract.headers) == 1 else "columns"
    shape = f"{extract.rows_read:,} rows, {len(extract.headers)} {columns} ({encoding}{how})."
    if checked.has("error"):
        return f"{shape} There is something to mend before it is used."
    if checked.has("warning"):
        return f"{shape} It can be used; some of it is worth a look."
    return f"{shape} Nothing is in the way of its use."


def said(column: ColumnProfile, role: str) -> str:
    """How sure the role of a column is, and why; of a role that was not guessed, that somebody said so."""
    guess = column.role
    if role != guess.role:
        return "as it is described" + (f"; {column.personal}" if column.personal else "")
    return f"{guess.sureness}: {guess.because}" if guess.because else guess.sureness


def filled_percent(column: ColumnProfile) -> str:
    """The share of filled cells; never 0% or 100% where it is not so."""
    if not column.filled or not column.blank:
        return "100%" if column.filled else "0%"
    return f"{min(99.9, max(0.1, 100 * column.filled / column.rows)):.1f}%".replace(".0%", "%")
