"""Which header of a file is what: the headers that a description needs, their other names, and what to say without.

Here belongs finding the headers of a description in those of a file, and proposing, where one is missing, which
other one it may have become. What a column's values mean for a row is `ingest`; how files are written is `formats`.
"""

from __future__ import annotations

import difflib
import re

from pipelines import identifiers
from pipelines.authority import AsAtColumn, ColumnUse, Dataset, Source, is_pattern, match_headers
from pipelines.formats import HEADER_SEARCH

# What the values of a column look like that has become another: form by role. Any text fits the others.
FORMS = {
    "uprn": r"[0-9]{1,12}", "usrn": r"[0-9]{6,8}", "postcode": r"[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}",
    "area_code": r"[EWSNK][0-9]{8}", "easting": r"[0-9]{5,6}(\.[0-9]+)?", "northing": r"[0-9]{4,7}(\.[0-9]+)?",
    "longitude": r"-?[0-9]\.[0-9]+", "latitude": r"[4-6][0-9]\.[0-9]+", "weight": r"[0-9][0-9,]*",
    "measure": r"[-+\u00a3]?[0-9][0-9,.]*", "event_date": r".*[0-9]{4}.*|[0-9]+[-/.][0-9]+[-/.][0-9]+",
    "date": r".*[0-9]{2}.*", "as_at": r".*[0-9]{2}.*",
}  # fmt: skip
ALIKE = 0.6


def by_their_names(described: Source | Dataset, headers: list[str]) -> list[str]:
    """The headers of a file, each that the description knows by another name (`also`) under the one that it has there.

    Where a file has both, each keeps its own.
    """
    if not isinstance(described, Dataset):
        return headers
    present = {str(header or "").strip().casefold() for header in headers}
    names = {
        other.strip().casefold(): header
        for header, use in described.columns.items()
        for other in use.also
        if header.strip().casefold() not in present
    }
    return [names.get(str(header or "").strip().casefold(), header) for header in headers]


def become(described: Dataset, row: list[str], below: list[list[str]], header: str) -> str:
    """The header of a file that a missing one has most likely become; empty where none or several may be it.

    It is one that the description does not know, whose values have the form of what was wanted, and that either is
    written alike or stands where the missing one stood, between the same columns.
    """
    if is_pattern(header):
        return ""
    use = described.columns.get(header)
    found = match_headers(described.columns, row)
    known = {position for positions in found.values() for position in positions}
    free = [
        at for at, cell in enumerate(row) if at not in known and cell.strip() and not cell.startswith("@")
    ]
    fitting = [at for at in free if use is None or _has_form(use, at, below)]
    alike = {
        at: difflib.SequenceMatcher(None, header.casefold(), row[at].strip().casefold()).ratio()
        for at in fitting
    }
    near = sorted((at for at in fitting if alike[at] >= ALIKE), key=lambda at: -alike[at])
    if near and (len(near) == 1 or alike[near[0]] > alike[near[1]]):
        return row[near[0]].strip()
    order = list(described.columns)
    if header not in order:
        return ""
    place = order.index(header)
    before = [at for name in order[:place] for at in found[name]][-1:]
    after = [at for name in order[place + 1 :] for at in found[name]][:1]
    between = [at for at in fitting if (not before or at > before[0]) and (not after or at < after[0])]
    # By position alone only where it stands right between its neighbours, and has a form of its own.
    is_sure = use is not None and use.role in FORMS and len(between) == 1 and bool(before or after)
    return row[between[0]].strip() if is_sure else ""


def _has_form(use: ColumnUse, at: int, below: list[list[str]]) -> bool:
    form = FORMS.get(use.role)
    values = [row[at].strip() for row in below if at < len(row)]
    values = [value for value in values if value.upper() not in identifiers.MISSING]
    if use.values:
        codes = {code.strip().upper() for code in use.values}
        return bool(values) and 2 * sum(value.upper() in codes for value in values) >= len(values)
    if form is None:
        return True
    return bool(values) and 2 * sum(bool(re.fullmatch(form, v, re.IGNORECASE)) for v in values) >= len(values)


def headers_needed(described: Source | Dataset) -> list[str]:
    """For a dataset the headers that its files must have; for a source the table's required columns."""
    if isinstance(described, Source):
        return [name for name, column in described.table.items() if column.required]
    needed = [
        h
        for h, use in described.columns.items()
        if use.role not in {"ignore", "personal", "change"} or use.is_own
    ]
    rules = [*described.exclude, *([described.keep_only] if described.keep_only else [])]
    needed += [rule.column for rule in rules if rule.column not in needed]
    if isinstance(described.as_at, AsAtColumn) and described.as_at.column not in needed:
        needed.append(described.as_at.column)
    return needed


def alternatives(described: Source | Dataset, headers: list[str], wanted: list[str]) -> list[list[bool]]:
    """For each thing needed, whether each way of having it is there."""
    if isinstance(described, Dataset):
        found = match_headers(dict.fromkeys(wanted), headers)
        return [[bool(found[header])] for header in wanted]
    found = match_headers(described.columns, headers)
    constants = {name for header in described.columns if found[header] for name in _groups(header)}
    return [
        [
            name in constants,
            *(bool(found[header]) for header, column in described.columns.items() if column == name),
        ]
        for name in wanted
    ]


def _groups(header: str) -> list[str]:
    return list(re.compile(header[1:-1]).groupindex) if is_pattern(header) else []


def _close(header: str, row: list[str]) -> list[str]:
    """The cell of a row that is written most like a header, if any."""
    by_folded = {cell.strip().casefold(): cell.strip() for cell in row if cell.strip()}
    near = difflib.get_close_matches(header.strip().casefold(), by_folded, n=1, cutoff=0.75)
    return [by_folded[folded] for folded in near if not is_pattern(header)]


def lacking(described: Source | Dataset, looked_at: list[list[str]], wanted: list[str]) -> str:
    """What to say of a file whose header was not found. A row is repeated only where it clearly is the header."""
    known = dict.fromkeys([*described.columns, *(wanted if isinstance(described, Dataset) else ())])

    def alike(row: list[str]) -> int:
        return sum(
            bool(found) or bool(_close(header, row)) for header, found in match_headers(known, row).items()
        )

    best = max(looked_at, key=alike, default=[])
    is_header = 3 * alike(best) >= len(known)
    present = [header.strip() for header in best if header.strip()] if is_header else []
    parts, lines = [], []
    below = looked_at[looked_at.index(best) + 1 :] if is_header else []
    for want, found in zip(wanted, alternatives(described, best, wanted), strict=True):
        if any(found):
            continue
        ways = [header for header, column in described.columns.items() if column == want] or [want]
        near = [header for way in ways for header in _close(way, present)]
        if isinstance(described, Dataset) and is_header and (new := become(described, best, below, want)):
            near = [new]
            if want in described.columns:
                use = described.columns[want]
                lines.append(f"`{want}: {{is: {use.role}, also: [{quoted_if_needed(new)}], ...}}`")
        parts.append(f"`{'` or `'.join(ways)}`" + (f" (did you mean `{near[0]}`?)" if near else ""))
    columns = f"wanted the column(s) {', '.join(parts)}"
    if not is_header:
        return (
            f"{columns}; no row among the first {HEADER_SEARCH} looks like their header: is it further down "
            "(`header_row:`), missing (`headers:`), or is the delimiter another (`delimiter:`)?"
        )
    found_are = ", ".join(f"`{header}`" for header in present)
    if lines:
        return (
            f"{columns}; found {found_are}. If that is a new name of the same column, confirm it in the description, "
            f"and leave the rest of the line as it is: {', '.join(lines)}; else correct the file"
        )
    return f"{columns}; found {found_are}; correct the file, or the description if a column has a new name"


def quoted_if_needed(header: str) -> str:
    """A header as it is written in a list of a description."""
    return header if re.fullmatch(r"[A-Za-z_][\w -]*", header) else "'" + header.replace("'", "''") + "'"
