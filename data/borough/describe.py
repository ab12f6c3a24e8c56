"""The README of the sample folder, with the figures as they were counted while making it."""

from __future__ import annotations

from collections.abc import Sequence

_TEXT = """# Quillhaven, an invented borough

Nothing here is real. Quillhaven lies in Cardigan Bay; its area codes (`E..999...`), postcodes (`QX`), UPRNs
(twelve digits beginning 99), USRNs, streets and people do not exist. `python -m data.borough --output
data/sample` makes it again, the same to the byte, from a fixed seed (compressed files and GeoPackages may
differ in bytes under other versions of zlib, openpyxl or SQLite; what they hold is the same).
The YAML files are written by hand.

It has {properties:,} standing properties, {homes:,} of them homes, {people:,} people, {postcodes:,}
postcodes and {links:,} road links; 120 output areas of {smallest} to {largest} homes in 40 LSOAs, 8 MSOAs
and, by best fit, 8 wards. The LSOAs {straddling} lie across two wards. A river with two bridges parts it;
poorer estates lie to the north-east and just south of the river, students in the inner terraces, older
people by the sea, four villages outside. Four of the road links are on an island where nobody lives.

## What is where
- `sources/`: open data and the council's gazetteer (`llpg`, and `cross_reference` to the housing system for three of
  its properties in five), in the publishers' layouts. Among them registered patients by LSOA, drawn by distance, size
  of list and habit, and the priority areas of three schools (`data/borough/belonging.py`).
- `services/`: council tax (three months; the first two put away in zip files), housing tenancies, adult
  social care events, requests to collect bulky waste. The last are more in spring and summer, where there is more
  deprivation, from the council's tenants, and one and a half times as likely from homes known to social care.
- `sites/`: general practices (by postcode), libraries (by UPRN), schools (by coordinates).
- `truth/`: for each row of each service's file (`row_number` 1 is the first row after the header) the right
  UPRN (empty where what is written names no property that there is) and what was done to the row;
  `planted.csv` has the counts below. Nothing but tests may read it.

## Canaries
Every personal value (names, dates of birth, telephone numbers, e-mail and NHS numbers, client, account,
tenancy and customer references) has a unique text such as `CANARY-7F3A` in it. A date of birth is the ISO date, a space
and a canary: `1951-03-09 CANARY-7F3A`. `data.borough.canaries(folder)` lists all that occur under a folder.
A canary found in anything published is a leak. A person keeps the same canaries in every month and every
event, and a household in all its requests.

## Planted damage
UPRNs in the council tax. Of the spoilt kinds, *zero padded*, *trailing .0* and *spaces around* can be put
right from the value itself; *retired* is the UPRN of a historic twin that has a successor; *shell* is the
flat's parent building; *unknown* is well formed but given to nothing; *rounded* ends in six noughts.

Bulky waste picked from a list of addresses has a UPRN, and it may be spoilt in the same ways; *another home* is the
UPRN of a home elsewhere, beside the right address. What was typed in has none, but an address as below.

Addresses (tenancies and social care have no UPRN). *neat*, *plain* (case, commas, spaces) and *short*
(`St`, `Rd`) name the property in full; *inverted*, *glued*, *typo* are harder; *lost flat* and *lost
number* name only a building or street; *absent flat* is a flat that the building does not have; *nothing*
has neither address nor postcode that says anything.

{table}

In the council tax, the first month has a byte order mark and CRLF, the second a total row, the third its
columns in another order. The gazetteer is Windows-1252 with CRLF and one accented street (`PÂTISSIÈRE
CLOSE`). In the sites, one library's UPRN is zero padded. 60 UPRNs of OS Open UPRN lie outside the borough.
Two streets, in town and in a village, share one name.
"""


def readme(
    figures: dict[str, int], planted: Sequence[tuple[str, str, int]], straddling: Sequence[str]
) -> str:
    """Text of `README.md`."""
    rows = ["| file | what | rows |", "|---|---|---:|"]
    rows += [f"| {file.rsplit('/', 1)[-1]} | {what} | {n:,} |" for file, what, n in planted]
    names = f"{', '.join(straddling[:-1])} and {straddling[-1]}"
    return _TEXT.format(**figures, straddling=names, table="\n".join(rows))
