"""The table `places.address_match`: what each address that a record gives came to, matched again only where it must be.

Here belongs which addresses are matched anew and which keep their former decision, and how the rulings of people come
in. How one address is decided is `address.match`; how people rule is `review`.

An address keeps its former decision as long as the matcher's code is the same and no address of the gazetteer that has
come, gone or changed since could be one of its candidates: none has its postcode, none has a street or name whose words
all stand in it (misspelt or not), and none brings or takes a word that stands in it. So a month's new houses cost the
matching of their neighbours, not of everybody.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.address.gazetteer import Entry, Gazetteer, no_garbage_collection, one_letter_less
from pipelines.address.match import BUILDING, MATCHED, NONE, Decision, Matcher, record_hash
from pipelines.address.standardise import read
from pipelines.address.words import STREET_TYPES
from pipelines.review import Ruling, still_holds, uprns_in_use
from pipelines.tables import Column, Table, text_literal
from pipelines.warehouse import Warehouse

if TYPE_CHECKING:
    import duckdb

COLUMNS = (
    Column("authority_code", "VARCHAR", "GSS code of the authority"),
    Column("record_hash", "VARCHAR", "mark of the wording: the same address and postcode always have the same"),
    Column("address", "VARCHAR", "address lines as given"),
    Column("postcode", "VARCHAR", "postcode as given, where well formed"),
    Column("outcome", "VARCHAR", "matched, building (not which part of it), review (a person should decide) or none"),
    Column("uprn", "BIGINT", "UPRN that it means; only where matched"),
    Column("building_uprn", "BIGINT", "UPRN of the building, where that alone is certain"),
    Column("precision", "VARCHAR", "property or building; empty where it has no place"),
    Column("score", "BIGINT", "how well the best property agrees, 0 to 100"),
    Column("reason", "VARCHAR", "why, in plain English"),
    Column("decided_by", "VARCHAR", "matcher or person"),
    Column("gazetteer_version", "VARCHAR", "the version of places.address that it was decided against"),
    Column("matcher_version", "VARCHAR", "the version of the matcher that decided"),
    Column(
        "candidates",
        "STRUCT(uprn BIGINT, score BIGINT, address VARCHAR, postcode VARCHAR, differs VARCHAR[])[]",
        "the properties that it could mean, best first, and in what each differs",
    ),
)  # fmt: skip
SCHEMA = pa.schema(
    [
        (
            column.name,
            pa.list_(
                pa.struct(
                    [
                        ("uprn", pa.int64()),
                        ("score", pa.int64()),
                        ("address", pa.string()),
                        ("postcode", pa.string()),
                        ("differs", pa.list_(pa.string())),
                    ]
                )
            )
            if column.name == "candidates"
            else pa.int64()
            if column.type == "BIGINT"
            else pa.string(),
        )
        for column in COLUMNS
    ]
)
Row = dict[str, Any]


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The rows of `places.address_match` with every address matched anew, and no ruling asked."""
    return match_records(con, None, {})[0]


def match_records(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse | None, rulings: Mapping[str, Ruling]
) -> tuple[pa.Table, dict[str, int]]:
    """The rows of `places.address_match`, and for people: how many addresses, how many matched anew, each outcome.

    The former decisions are those of `warehouse`, where there is one. `rulings` (by record hash) are what people
    decided; one whose UPRN is no longer live is left aside.
    """
    authority = con.execute("SELECT authority_code FROM sources.authority").fetchall()[0][0]
    wanted = con.execute(
        "SELECT DISTINCT address, postcode FROM services.record WHERE address IS NOT NULL ORDER BY ALL"
    ).fetchall()
    version = _version(warehouse) if warehouse else ""
    former = _former(con, warehouse) if warehouse else {}
    rows: list[Row] = []
    again = [pair for pair in wanted if pair not in former]
    if (
        warehouse
        and former
        and (decided_against := next(iter(former.values()))["gazetteer_version"]) != version
    ):
        changes = _changes(con, warehouse, decided_against)
        again += [pair for pair in wanted if pair in former and (changes is None or changes.touch(*pair))]
    with no_garbage_collection():
        match = Matcher(_entries(con) if again else []).match
        anew = {pair: _row(match(*pair)) for pair in again}
    live = uprns_in_use(con, rulings.values())
    for address, postcode in wanted:
        pair = (address, postcode)
        row = {
            **(anew[pair] if pair in anew else former[pair]),
            "authority_code": authority, "address": address, "postcode": postcode, "gazetteer_version": version,
            "matcher_version": matcher_version(), "record_hash": record_hash(address, postcode),
        }  # fmt: skip
        rows.append(_ruled(row, rulings.get(row["record_hash"]), live))
    facts = {"addresses": len(rows), "matched_anew": len(anew)}
    facts |= dict(sorted(Counter(row["outcome"] for row in rows).items()))
    if ruled := sum(row["decided_by"] == "person" for row in rows):
        facts["decided_by_people"] = ruled
    return pa.Table.from_pylist(rows, SCHEMA), facts


def _row(decision: Decision) -> Row:
    return {
        "outcome": decision.outcome,
        "uprn": decision.uprn,
        "building_uprn": decision.building_uprn,
        "precision": decision.precision,
        "score": decision.score,
        "reason": decision.reason,
        "decided_by": "matcher",
        "candidates": [
            {
                "uprn": one.uprn,
                "score": one.score,
                "address": one.address,
                "postcode": one.postcode,
                "differs": [evidence.said for evidence in one.evidence if evidence.verdict != "same"],
            }
            for one in decision.candidates
        ],
    }


def _ruled(row: Row, ruling: Ruling | None, live: Container[int]) -> Row:
    if ruling is None or not still_holds(ruling, live):
        return row
    on = f"decided by a person on {ruling.decided_on}"
    building = ruling.uprn if ruling.choice == "building" else None
    decided: Row = {"outcome": NONE, "uprn": None, "precision": "", "reason": f"{on}: none of them"}
    if ruling.choice == "property":
        decided = {"outcome": MATCHED, "uprn": ruling.uprn, "precision": "property", "reason": on}
    elif ruling.choice == "building":
        decided = {"outcome": BUILDING, "uprn": None, "precision": "building", "reason": on}
    return {**row, **decided, "building_uprn": building, "decided_by": "person"}


def _entries(con: duckdb.DuckDBPyConnection, table: str = "places.address") -> list[Entry]:
    columns = ", ".join(Entry._fields)
    return [
        Entry(*row)
        for row in con.execute(f"SELECT {columns} FROM {table} ORDER BY uprn, written_by").fetchall()
    ]


def _version(warehouse: Warehouse) -> str:
    facts = warehouse.facts("places", "address")
    return Path(facts["file"]).stem if facts else ""


@functools.cache
def matcher_version() -> str:
    """A mark of the code that decides: another code may decide otherwise, so nothing is kept of what it decided."""
    folder = Path(__file__).parent / "address"
    code = b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))
    return hashlib.sha256(code).hexdigest()[:20]


def _former(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> dict[tuple[str, str | None], Row]:
    """The former decisions of this matcher by address and postcode; what a person decided is decided again."""
    facts = warehouse.facts("places", "address_match")
    if facts is None or [name for name, *_ in facts["columns"]] != [column.name for column in COLUMNS]:
        return {}
    relation = con.execute(
        "SELECT * FROM places.address_match WHERE matcher_version = ? AND decided_by = 'matcher'",
        [matcher_version()],
    )
    names = [column[0] for column in relation.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in relation.fetchall()]
    if len({row["gazetteer_version"] for row in rows}) > 1:
        return {}
    return {(row["address"], row["postcode"]): row for row in rows}


class Changes:
    """What came, went or changed in the gazetteer, as a test of whether an address could have to do with it."""

    def __init__(self, changed: Iterable[Entry], before: Gazetteer, after: Gazetteer) -> None:
        self._gazetteers = before, after
        alone = Gazetteer(changed)
        self.postcodes = {known.postcode for known in alone.known} - {""}
        phrases = {
            frozenset(street[:-1] if street[-1] in STREET_TYPES else street)
            for street in alone.streets
            if street
        }
        phrases |= {names for known in alone.known for names in (known.name, known.organisation)}
        phrases |= {frozenset(place) for place in set(before.places) ^ set(after.places)}
        of_streets = set().union(*before.streets, *before.places) ^ set().union(*after.streets, *after.places)
        differs = of_streets | (before.words ^ after.words) | (before.businesses ^ after.businesses)
        self._words = {form for word in differs for form in _forms(word)}
        self._new = {word for word in differs if len(word) >= 3}
        # By the longest word, since fewest addresses have it.
        self._phrases: dict[str, list[frozenset[str]]] = {}
        for phrase in phrases - {frozenset()}:
            longest = max(sorted(phrase), key=len)
            for form in _forms(longest):
                self._phrases.setdefault(form, []).append(phrase)

    def touch(self, address: str, postcode: str | None) -> bool:
        """Whether an address might be decided otherwise than before."""
        wording = read(address, postcode)
        if wording.postcode in self.postcodes or wording.other_postcodes & self.postcodes:
            return True
        words = set(wording.words)
        if any(new in word for new in self._new for word in words if len(word) > len(new)):
            return True  # words run together, one of which is new
        for gazetteer in self._gazetteers:
            words.update(part for word in wording.words for part in gazetteer.split(word) or ())
        forms = {form for word in words for form in _forms(word)}
        return not forms.isdisjoint(self._words) or any(
            all(not forms.isdisjoint(_forms(word)) for word in phrase)
            for form in sorted(forms)
            for phrase in self._phrases.get(form, ())
        )


def _forms(word: str) -> set[str]:
    """The forms by which a word is found, misspelt or not; STREET is as good as ST."""
    if word == "STREET":
        return _forms("ST")
    return one_letter_less(word) if word.isalpha() and len(word) >= 3 else {word}


def _changes(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, former: str) -> Changes | None:
    """What changed between two versions of places.address; None where the former is gone."""
    path = warehouse.root / "places" / "address" / f"{former}.parquet"
    if not path.is_file():
        return None
    was = f"read_parquet({text_literal(str(path))})"
    columns = ", ".join(Entry._fields)
    found = con.execute(
        f"(SELECT {columns} FROM {was} EXCEPT SELECT {columns} FROM places.address) UNION ALL "
        f"(SELECT {columns} FROM places.address EXCEPT SELECT {columns} FROM {was})"
    ).fetchall()
    changed = [Entry(*row) for row in found]
    before, after = _entries(con, was), _entries(con)
    # A building is another when its parts are.
    parents = {entry.parent_uprn for entry in changed if entry.parent_uprn is not None}
    changed += [entry for entry in (*before, *after) if entry.uprn in parents]
    return Changes(changed, Gazetteer(before), Gazetteer(after))


TABLE = Table(
    "places",
    "address_match",
    "What each address that a record gives came to, decided against the gazetteer's addresses: one row per address and "
    "postcode as given.",
    COLUMNS,
    ("record_hash", "address"),
    ("places.address", "services.record", "sources.authority"),
    "pipelines/matching.py",
    make=make,
)
