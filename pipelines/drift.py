"""What is otherwise in an extract than the description says, or than the extract before had.

Here belong columns whose values have changed their form or code list, rows of totals and notes, columns that were
added, counts that jump, an extract that is an earlier one again, and files of one year that differ. Headers that have
changed are `headers`; how the rows of one file become records is `ingest`. Nothing here tells a value.
"""

from __future__ import annotations

import re
from typing import Any

import duckdb

from pipelines.authority import Dataset, column_name
from pipelines.extracts import Refusal, stands_alone
from pipelines.forgetting import day_of_run
from pipelines.tables import quoted, text_literal

# A few values that cannot be read are slips; so many at least, and the column has changed.
FEW_UNREADABLE = 10
TOTAL = re.compile(r"((grand|sub|overall)[ -]?)?totals?[ :]*", re.IGNORECASE)
# A note is a sentence: a reference or a code has not so many words.
NOTE = re.compile(r"\S+\s+\S+\s+\S+.*", re.DOTALL)
# How far the records of an extract may differ in number from those of the one before it, per cent of these.
MOST_FEWER_PERCENT, MOST_MORE_PERCENT = 40, 60
# Of fewer records, any share is chance.
FEW_RECORDS = 20


def is_total(cell: Any) -> str | None:
    """A mark where a cell says that its row is a total; no record is called so."""
    return "total" if TOTAL.fullmatch(str(cell or "").strip()) else None


def is_note(cell: Any) -> str | None:
    """A mark where a cell holds a sentence, as notes below a table do."""
    return "note" if NOTE.fullmatch(str(cell or "").strip()) else None


def refused_for_form(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Refusal]:
    """The files in which a column has so many values that cannot be read, or are in no code list, that it has changed.

    Works on the temporary table `typed` of an ingest; the share is `unreadable_percent` of the description.
    """
    asked = []
    for header, use in dataset.columns.items():
        name = use.name or column_name(header)
        if use.is_own and use.values:
            bad, wanted = f"{name}: category_unknown", "in the list of its `values`"
        elif use.role == "measure" and use.type != "text":
            bad, wanted = f"{name}: number_malformed", "a number"
        elif use.role == "date":
            bad, wanted = f"{name}: date_malformed", "a date in a form that is known (`format`)"
        elif use.role == "event_date":
            name, bad, wanted = (
                "event_date",
                "event_date: date_malformed",
                "a date in a form that is known (`format`)",
            )
        else:
            continue
        is_bad = f"list_contains(issues, {text_literal(bad)})"
        counted = f"count(*) FILTER ({is_bad}), count(*) FILTER ({is_bad} OR {quoted(name)} IS NOT NULL)"
        asked.append((header, wanted, counted))
    for header, use in dataset.columns.items():
        if use.role == "weight":
            of_it = (
                f"_reject_column = {text_literal(header)} AND starts_with(_reject_reason, 'number_malformed')"
            )
            asked.append((header, "a whole number, 0 or more", f"count(*) FILTER ({of_it}), count(*)"))
    if not asked:
        return []
    rows = con.execute(
        f"SELECT file, {', '.join(counted for _, _, counted in asked)} FROM typed GROUP BY file, _turn ORDER BY _turn"
    ).fetchall()
    refusals = []
    for file, *counts in rows:
        wrong = [
            f"`{header}`: wanted {wanted}; {bad:,} of {values:,} values are not"
            for (header, wanted, _), bad, values in zip(asked, counts[::2], counts[1::2], strict=True)
            if bad >= FEW_UNREADABLE and bad * 100 > values * dataset.unreadable_percent
        ]
        if wrong:
            refusals.append(
                Refusal(
                    file,
                    f"{'; '.join(wrong)}. Has the column changed: correct its line in the description; are the values "
                    "wrong, have the extract made again; is it so for good, say how many may be (`unreadable_percent`)",
                )
            )
    return refusals


def told(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[str]:
    """What the latest extract of a dataset has otherwise than the one before it, in sentences.

    Reads `services.<dataset>_files`. Columns that were added are read by nobody, and told by name; a number of records
    that jumps is told for snapshots, whose extracts can be compared.
    """
    name = f"{dataset.name}_files"
    is_made = "SELECT 1 FROM duckdb_views() WHERE schema_name = 'services' AND view_name = ?"
    if not con.execute(is_made, [name]).fetchall():
        return []
    files = f"services.{quoted(name)}"
    read = con.execute(
        f"SELECT as_at, string_agg(DISTINCT columns_left_out, ', ' ORDER BY columns_left_out), "
        f"CAST(sum(rows_kept) AS BIGINT) FROM {files} WHERE status = 'read' AND as_at IS NOT NULL "
        "GROUP BY as_at ORDER BY as_at DESC LIMIT 2"
    ).fetchall()
    found = repeated(con, dataset) + ahead(con, dataset)
    if len(read) < 2:
        return found
    (as_at, left_out, rows), (before, left_out_before, rows_before) = read
    added = sorted(_names(left_out) - _names(left_out_before))
    found += [
        f"column_added: {dataset.name} has, since {as_at}, also {', '.join(f'`{name}`' for name in added)}: left out, "
        "as everything that its description does not name; is one of them of use, describe it"
    ] * bool(added)
    return found + jumps(dataset, rows_before, rows, f"{before}", f"{as_at}")


def repeated(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[str]:
    """A sentence where a service's newest snapshot is an earlier one, byte for byte; else none.

    That may be so, where nothing has changed; or a month was sent under the name of another. A list of sites changes so
    rarely that nothing is said of it. Reads `services.<dataset>_files`.
    """
    if dataset.group != "service" or not stands_alone(dataset):
        return []
    files = f"services.{quoted(f'{dataset.name}_files')}"
    found = con.execute(
        f"WITH read AS (SELECT as_at, sha256 FROM {files} WHERE status = 'read' AND rows_read > 0) "
        "SELECT later.as_at, max(earlier.as_at) FROM read AS later JOIN read AS earlier "
        "ON earlier.sha256 = later.sha256 AND earlier.as_at < later.as_at "
        "WHERE later.as_at = (SELECT max(as_at) FROM read) GROUP BY later.as_at"
    ).fetchall()
    return [
        f"extract_repeated: the extract of {dataset.name} of {as_at} is byte for byte that of {before}: has nothing "
        "changed, or was it not exported again?"
        for as_at, before in found
    ]


def ahead(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[str]:
    """A sentence where the newest extract describes a day that has not come yet, as a slip in its name does.

    Reads `services.<dataset>_files`.
    """
    files = f"services.{quoted(f'{dataset.name}_files')}"
    ((as_at,),) = con.execute(f"SELECT max(as_at) FROM {files} WHERE status = 'read'").fetchall()
    if as_at is None or as_at <= day_of_run():
        return []
    return [
        f"extract_ahead: the extract of {dataset.name} is of {as_at}, a day that has not come yet: is the date in its "
        "name right? What is late, and what is newest, is reckoned by it"
    ]


def figures_that_differ(con: duckdb.DuckDBPyConnection) -> list[str]:
    """A sentence for each two files of population estimates that are of one year and tell different figures of an area.

    The last by name counts. Reads `sources.population` and `sources.file_read`, where they are made.
    """
    is_made = "SELECT count(*) FROM duckdb_views() WHERE schema_name = 'sources' AND view_name IN (?, ?)"
    if con.execute(is_made, ["population", "file_read"]).fetchall() != [(2,)]:
        return []
    found = con.execute(
        "WITH told AS (SELECT file, list_last(regexp_extract_all(edition, '(?:19|20)\\d\\d')) AS year "
        "FROM sources.file_read WHERE status = 'read' AND \"of\" = 'population'), "
        "given AS (SELECT one.*, coalesce(told.year, 'no year') AS year "
        "FROM sources.population AS one JOIN told USING (file)) "
        "SELECT a.file, b.file, b.year, count(*) FROM given AS a JOIN given AS b "
        "ON b.area_code = a.area_code AND b.year = a.year AND b.file > a.file "
        "WHERE a.people <> b.people OR a.people_65_and_over <> b.people_65_and_over GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return [
        f"figures_differ: the population files `{file}` and `{other}` are both of {year}, and differ in {areas:,} "
        f"area(s): those of `{other}` count, as the last by name; is that the newer, else take it away"
        for file, other, year, areas in found
    ]


def jumps(dataset: Dataset, before: int, now: int, then: str, later: str) -> list[str]:
    """A sentence where the number of a snapshot's records jumps from one extract to the next; else none."""
    if dataset.kind != "stock" or max(before, now) < FEW_RECORDS or not before:
        return []
    percent = 100 * (now - before) / before
    if -MOST_FEWER_PERCENT <= percent <= MOST_MORE_PERCENT:
        return []
    way = "more" if percent > 0 else "fewer"
    return [
        f"count_jumps: {dataset.name} has {now:,} records at {later}, {abs(percent):.0f} % {way} than the {before:,} "
        f"at {then}: is the extract whole, and of the same records as before?"
    ]


def _names(headers: str | None) -> set[str]:
    return {name.strip() for name in (headers or "").split(",") if name.strip()}
