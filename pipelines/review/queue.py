"""What waits for a person: wordings that the matcher left open, and decisions that the gazetteer has changed under.

Here belong the questions to the restricted tables (`places.address_match`, `places.address`,
`services.record`). Writing the answers out is `worksheet`; what was decided is `decisions`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from pipelines.review.decisions import Ruling, still_holds

MOST_CANDIDATES = 5
# A UPRN that a record may be put on, by its status in the gazetteer.
IN_USE = ("live", "provisional")
STATUSES = (*IN_USE, "historic", "rejected")
# Always written before the fingerprint, so that no spreadsheet takes it for a number.
_MARK = "c"


@dataclass(frozen=True)
class Candidate:
    """A property that a wording may mean; `differs` says in plain words, without values, what is otherwise."""

    uprn: int
    address: str
    postcode: str
    score: int
    differs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Item:
    """One wording, as `places.address_match` has it, with how many records of which datasets carry it.

    `building_uprn` is the building that the matcher is sure of, where it is; `again` is what has changed under an
    earlier decision. Candidates are best first, at most `MOST_CANDIDATES`; None where the table has none to tell of.
    """

    record_hash: str
    address: str
    postcode: str
    outcome: str
    reason: str
    decided_by: str
    gazetteer_version: str
    building_uprn: int | None
    candidates: tuple[Candidate, ...] | None
    records: int = 0
    datasets: tuple[str, ...] = ()
    again: tuple[str, ...] = ()

    @property
    def candidates_seen(self) -> str:
        """The fingerprint of its candidates."""
        return fingerprint(self.candidates or ())

    @property
    def why(self) -> str:
        """Why a person has to look, in plain words."""
        if not self.again:
            return self.reason
        return f"Decided before, and the gazetteer has changed since: {'; '.join(self.again)}"


@dataclass(frozen=True)
class State:
    """How the decisions in force stand against the present tables.

    `reused` counts those that the last run followed, `without_record` holds the hashes that no record carries now, and
    `look_again` the others that are to be looked at again, with what has changed.
    """

    in_force: int
    reused: int
    without_record: tuple[str, ...]
    look_again: dict[str, tuple[str, ...]] = field(default_factory=dict)


def fingerprint(candidates: Iterable[Candidate]) -> str:
    """A short mark of candidates, in their order: other UPRNs, addresses or postcodes give another one."""
    told = [[one.uprn, one.address, one.postcode] for one in candidates]
    return _MARK + hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()[:16]


def waiting(
    con: duckdb.DuckDBPyConnection,
    rulings: Mapping[str, Ruling],
    outcomes: Collection[str] = ("review",),
    dataset: str = "",
) -> list[Item]:
    """The wordings to be settled, that which places most records first.

    Those whose outcome is among `outcomes` and which no decision in force has settled, and those whose decision is to
    be looked at again. `dataset` limits them to wordings that its records carry.
    """
    state = state_of(con, rulings)
    found = [
        replace(item, again=state.look_again.get(item.record_hash, ()))
        for item in wordings(con, "outcome IN (SELECT unnest(?))", list(outcomes)).values()
        if item.record_hash not in rulings or item.record_hash in state.look_again
    ]
    there = {item.record_hash for item in found}
    others = [one for one in state.look_again if one not in there]
    found += [
        replace(item, again=state.look_again[item.record_hash])
        for item in wordings(con, "record_hash IN (SELECT unnest(?))", others).values()
    ]
    if dataset:
        found = [item for item in found if dataset in item.datasets]
    return sorted(found, key=lambda item: (-item.records, item.address, item.postcode, item.record_hash))


def wordings(con: duckdb.DuckDBPyConnection, where: str, values: list[str]) -> dict[str, Item]:
    """Wordings of `places.address_match` by record hash; `where` is SQL with one parameter, a list of texts.

    Two wordings of one hash (they say the same) are one item, with the records of both.
    """
    rows = con.execute(
        f"""
        WITH worded AS (
            SELECT address, postcode, sum(n)::BIGINT AS records, list_sort(list(dataset)) AS datasets
            FROM (
                SELECT address, postcode, dataset, count(*) AS n
                FROM services.record
                WHERE address IS NOT NULL
                GROUP BY ALL
            )
            GROUP BY ALL
        ),
        wanted AS (SELECT * FROM places.address_match WHERE {where})
        SELECT
            record_hash, wanted.address, coalesce(wanted.postcode, ''), outcome, coalesce(reason, ''),
            coalesce(decided_by, ''), coalesce(gazetteer_version, ''), building_uprn, candidates,
            coalesce(records, 0), coalesce(datasets, [])
        FROM wanted
        LEFT JOIN worded ON worded.address = wanted.address AND worded.postcode IS NOT DISTINCT FROM wanted.postcode
        ORDER BY record_hash, wanted.address, wanted.postcode
        """,
        [values],
    ).fetchall()
    found: dict[str, Item] = {}
    for *told, candidates, records, datasets in rows:
        record_hash, address, postcode, outcome, reason, decided_by, version, building_uprn = told
        same = found.get(record_hash)
        if same is not None:
            both = tuple(sorted({*same.datasets, *datasets}))
            found[record_hash] = replace(same, records=same.records + records, datasets=both)
            continue
        found[record_hash] = Item(
            record_hash, address, postcode, outcome, reason, decided_by, version, building_uprn,
            _candidates(candidates), records, tuple(datasets),
        )  # fmt: skip
    return found


def state_of(con: duckdb.DuckDBPyConnection, rulings: Mapping[str, Ruling]) -> State:
    """How decisions stand against the tables as they are now."""
    now = wordings(con, "record_hash IN (SELECT unnest(?))", list(rulings))
    statuses = status_of(con, {r.uprn for r in rulings.values() if r.uprn is not None})
    in_use = {uprn for uprn, status in statuses.items() if status in IN_USE}
    look_again: dict[str, tuple[str, ...]] = {}
    for record_hash, item in now.items():
        ruling, changed = rulings[record_hash], []
        if not still_holds(ruling, in_use):
            status = statuses.get(ruling.uprn or 0)
            changed.append(f"its UPRN is {status} now" if status else "its UPRN is not in the gazetteer now")
        if (
            item.candidates is not None
            and item.gazetteer_version != ruling.gazetteer_version
            and item.candidates_seen != ruling.candidates_seen
        ):
            changed.append("it has other candidates")
        if changed:
            look_again[record_hash] = tuple(changed)
    reused = sum(item.decided_by == "person" for item in now.values())
    return State(len(rulings), reused, tuple(one for one in rulings if one not in now), look_again)


def status_of(con: duckdb.DuckDBPyConnection, uprns: Collection[int]) -> dict[int, str]:
    """The status of each of these UPRNs that the gazetteer knows: live, provisional, historic or rejected.

    The best that one of its addresses has in `places.address`. A building that only its parts tell of is as they are.
    """
    if not uprns:
        return {}
    rows = con.execute(
        f"""
        WITH wanted AS (SELECT unnest(?) AS uprn),
        known AS (
            SELECT uprn, status FROM places.address SEMI JOIN wanted USING (uprn)
            UNION ALL
            SELECT parent_uprn, status
            FROM places.address
            WHERE parent_uprn IN (FROM wanted) AND parent_uprn NOT IN (SELECT uprn FROM places.address)
        )
        SELECT uprn, arg_min(status, list_position({list(STATUSES)}, status)) FROM known GROUP BY uprn
        """,
        [sorted(uprns)],
    ).fetchall()
    return dict(rows)


def uprns_in_use(con: duckdb.DuckDBPyConnection, rulings: Iterable[Ruling]) -> set[int]:
    """Of the UPRNs that decisions name, those that a record may be put on now: what `still_holds` wants to know."""
    statuses = status_of(con, {ruling.uprn for ruling in rulings if ruling.uprn is not None})
    return {uprn for uprn, status in statuses.items() if status in IN_USE}


def _candidates(found: list[dict[str, Any]] | None) -> tuple[Candidate, ...] | None:
    if found is None:
        return None
    return tuple(
        Candidate(
            one["uprn"],
            one["address"] or "",
            one["postcode"] or "",
            one["score"] or 0,
            tuple(one["differs"] or ()),
        )
        for one in found[:MOST_CANDIDATES]
    )
