"""The check of an extract: what its columns hold, what is wrong with its identifiers, what would be placed and how.

Here belong the questions that are asked of one file, and the answer as data (`Checked`): for anyone with an extract,
with a gazetteer or an authority's finished run to ask, or with neither. Placing is done by the very tables of a run
(`assets/places`), made in memory for the one file, so that the check says what the run would do. Nothing is written
but the rows to mend; how the answer looks is `commands/check` (terminal) and `draw/checked` (page).

`Checked` holds no value of a record, only counts, forms and row numbers. The rows to mend hold what was found in the
columns of identifiers, and in no other.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa

from pipelines import identifiers
from pipelines.address.files import STATUSES
from pipelines.authority import Authority, Dataset, Files, load_authority, match_headers
from pipelines.descriptions import DescriptionError, Problem, nearest
from pipelines.formats import FileRefused, to_grid_metres
from pipelines.gathered import RECORD_COLUMNS
from pipelines.identifiers import ISSUES, Issue
from pipelines.ingest import dataset_table, files_table, ingest_dataset, rejected_table
from pipelines.profile import ColumnProfile, Extract, Form, Profile, load, profile
from pipelines.pseudonyms import Pseudonyms
from pipelines.run import Output, plan
from pipelines.tables import Table, in_order, quoted, text_literal
from pipelines.warehouse import Warehouse

# What only a look at a whole column, or at how a value is written, can tell; the rest is the register of every run.
FINDINGS: dict[str, Issue] = {
    **ISSUES,
    "uprn_row_numbers": Issue(
        "error",
        "The column named UPRN counts the rows: it holds no UPRNs.",
        "Whoever makes the extract",
        "Take the UPRN out of the system, and not the number of the row",
    ),
    "uprn_running_numbers": Issue(
        "warning",
        "The column named UPRN holds short numbers that lie close together: it may be a property reference.",
        "Whoever makes the extract",
        "Is it the UPRN? Check some against the gazetteer, or check the file with one",
    ),
    "uprn_repeated": Issue(
        "warning",
        "The UPRN is on several rows of an extract that has one row a property nearly everywhere else.",
        "Service that owns the dataset",
        "Is it one property twice, several flats of one building, or a UPRN on the wrong row?",
    ),
    "postcode_spacing": Issue(
        "warning",
        "The postcode is whole, but not written as `AB1 2CD` (spaces, small letters, punctuation); read all the same.",
        "Whoever makes the extract",
        "Write it in capitals with one space before the last three characters, or comparisons elsewhere will fail",
    ),
    "uprn_column_unusable": Issue(
        "warning",
        "No row of the UPRN column holds a number that could be a UPRN.",
        "Whoever makes the extract",
        "Was the wrong field taken out of the system?",
    ),
    "coordinates_disagree": Issue(
        "warning",
        "Eastings and northings are not where longitudes and latitudes are: one pair was converted by another rule.",
        "Whoever makes the extract",
        "Which pair was recorded? Convert the other from it by OSTN15, and give one alone",
    ),
    "area_code_row_numbers": Issue(
        "warning",
        "The column is named like an area (ward, LSOA, ...) but holds small numbers: rows of somebody's map, no codes.",
        "Whoever makes the extract",
        "Leave the column out, or give the GSS code (a letter and eight digits)",
    ),
    "reference_repeated": Issue(
        "warning",
        "The reference is on several rows.",
        "Whoever makes the extract",
        "One row a reference, or another column is what a row is called by",
    ),
}

# Words that are no one's own, so that they may be shown where a form would hide what is the matter.
WORDS = (
    "NOT KNOWN", "UNKNOWN", "NOT APPLICABLE", "NOT AVAILABLE", "NONE", "NIL", "TBC", "TBA", "TO FOLLOW", "MOBILE",
    "VARIOUS", "MULTIPLE", "SEE NOTES", "PENDING", "X", "XX", "XXX", "?", "??", "#REF!", "#VALUE!", "#NAME?", "TEST",
)  # fmt: skip
MOST_FORMS, MOST_ROWS = 4, 5
# Rows whose UPRN another row has: where they are more than this, it is not a list of one row a property.
MOST_REPEATED_PERCENT = 5
# Numbers so close together are counted up by one system; UPRNs come in blocks that an authority uses up over decades.
DENSE_PERCENT, LONGEST_DENSE, LEAST_DENSE = 30, 7, 20
# Named so, the file's records stand in no dataset of the authority.
BARE = "checked_file"

KEYS = ("uprn", "cross_reference", "address", "coordinates", "postcode", "area_code", "none")
Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Finding:
    """One kind of damage in one column (with an empty column, of whole rows): how many rows, in which forms, where.

    `first_rows` are row numbers, empty where the whole column is meant; `most_alike` how many of the rows hold one and
    the same value.
    """

    column: str
    issue: str
    rows: int
    forms: tuple[Form, ...] = ()
    first_rows: tuple[int, ...] = ()
    most_alike: int = 0

    @property
    def about(self) -> Issue:
        """How grave it is, what it means, who must mend it and how."""
        return FINDINGS[self.issue]


@dataclass(frozen=True)
class Verdict:
    """What a column of identifiers is good for, in a sentence."""

    column: str
    role: str
    sentence: str
    severity: Literal["error", "warning", "fine"]


@dataclass(frozen=True)
class Read:
    """What a run would read of the file by its description: rows, and those rejected by column and reason."""

    dataset: str
    rows_read: int
    rows_kept: int
    rows_rejected: int
    rejected: tuple[tuple[str, str, int], ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Placing:
    """What would be placed: (key, precision, rows), best key first; why not, with rows; and what it was asked of."""

    asked: str
    placed: tuple[tuple[str, str, int], ...]
    unplaced: tuple[tuple[str, int], ...]
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows that were to be placed."""
        return sum(rows for *_, rows in self.placed)

    @property
    def by_precision(self) -> dict[str, int]:
        """Rows by how precise their place is, the most precise first."""
        found: dict[str, int] = {}
        for name in ("property", "building", "street", "point", "postcode", "area", "none"):
            if count := sum(rows for _, precision, rows in self.placed if precision == name):
                found[name] = count
        return found


@dataclass(frozen=True)
class Checked:
    """The answer: a file's profile, its verdicts and findings (the gravest first), what would be read and placed.

    `could` is, without a gazetteer, how many rows carry each key in good form: (key, rows).
    """

    name: str
    profile: Profile
    roles: Mapping[str, str]
    verdicts: tuple[Verdict, ...]
    findings: tuple[Finding, ...]
    could: tuple[tuple[str, int], ...]
    read: Read | None = None
    placing: Placing | None = None
    notes: tuple[str, ...] = ()

    @property
    def rows_to_mend(self) -> int:
        """Entries in the list of rows to mend."""
        return sum(one.rows for one in self.findings if one.first_rows and one.about.severity != "info")

    def has(self, severity: Severity) -> bool:
        """Whether there is a finding or a verdict of this severity."""
        return any(one.about.severity == severity for one in self.findings) or any(
            one.severity == severity for one in self.verdicts
        )


@dataclass(frozen=True)
class Asked:
    """What a file is checked against: an authority's finished run, or a gazetteer in a file, or nothing."""

    authority: Authority | None = None
    output: Output | None = None
    gazetteer: Path | None = None
    dataset: Dataset | None = None
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    described: Files = field(default_factory=Files)

    @property
    def warehouse(self) -> Warehouse | None:
        """The tables of the authority's run, where there has been one."""
        if self.output is None or self.authority is None:
            return None
        warehouse = Warehouse(self.output.restricted / "warehouse")
        return warehouse if warehouse.facts("places", "uprn") else None


@contextmanager
def checking(
    path: Path, asked: Asked, spill: Path | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Checked]]:
    """Check a file; gives the answer, and the connection from which `write_rows_to_mend` takes the rows to mend.

    What does not fit in memory goes to a folder of its own below `spill` (else the system's), which is removed. Raises
    `FileRefused` where the file cannot be used, `DescriptionError` where what it is checked against cannot.
    """
    with (
        tempfile.TemporaryDirectory(prefix=".check-", dir=spill) as aside,
        Warehouse(Path(aside) / "w").connect() as con,
    ):
        yield con, _check(con, path, asked, Path(aside))


def _check(con: duckdb.DuckDBPyConnection, path: Path, asked: Asked, aside: Path) -> Checked:
    dataset = asked.dataset
    extract = load(con, path, dataset or asked.described)
    notes = []
    if not extract.header_row and extract.delimiter and not (dataset and dataset.headers):
        notes.append("No row of headers was found: the columns are told by their position.")
    if len(extract.headers) == 1 and extract.delimiter:
        notes.append(
            "Only one column was found: are its fields parted by something other than comma, tab, ; or |?"
        )
    if dataset is None:
        found = profile(con, extract)
        roles = _roles(found, asked.roles)
    else:
        known = match_headers(dict(dataset.columns), list(extract.headers))
        at = {i: use.role for header, use in dataset.columns.items() for i in known[header]}
        personal = [extract.headers[i] for i, role in at.items() if role == "personal"]
        found = profile(con, extract, personal)
        roles = {extract.headers[i]: role for i, role in at.items()}
    of_role = {
        role: [c for c in found.columns if roles.get(c.header) == role] for role in set(roles.values())
    }
    con.execute(
        "CREATE OR REPLACE TEMP TABLE to_mend "
        "(position BIGINT, nth BIGINT, header VARCHAR, issue VARCHAR, value VARCHAR)"
    )
    read = None
    if dataset is not None and asked.authority is not None:
        read = _read_by_description(con, asked.authority, dataset, path)
    else:
        _read_by_role(con, extract, of_role)
    uprns = _by_surety(of_role.get("uprn", ()))
    placing = _place(con, asked, aside)
    _find_in_columns(con, extract, of_role, placing is not None)
    judged = None
    if placing is not None:
        _find_in_places(con, extract, uprns[0] if uprns else None)
        judged = con.execute("SELECT why, distinct_values, known FROM places.uprn_column").fetchall()
    verdicts, whole = _verdicts(con, extract, of_role, judged[0] if judged else None)
    for row, reason in extract.bad:
        code = reason.split(":")[0]
        con.execute("INSERT INTO to_mend VALUES (?, -1, '', ?, NULL)", [row, code])
    could = () if placing is not None else _could(con)
    return Checked(
        path.name, found, roles, verdicts, _findings(con, whole), could, read, placing, tuple(notes)
    )


# --- which column is what --------------------------------------------------------------------------------------------

PLACING_ROLES = (
    "uprn",
    "usrn",
    "postcode",
    "address_line",
    "easting",
    "northing",
    "longitude",
    "latitude",
    "area_code",
)


def _roles(found: Profile, given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The role of each column: as the user says, else as the profile guesses."""
    headers = {column.header.strip().casefold(): column.header for column in found.columns}
    roles = {
        column.header: column.role.role
        for column in found.columns
        if column.role.role in (*PLACING_ROLES, "record_reference") and column.role.role not in given
    }
    # The best that there is of each; a second column of UPRNs, postcodes or codes is only looked at.
    for role, names in given.items():
        for name in names:
            header = headers.get(name.strip().casefold())
            if header is None:
                near = nearest(name, [column.header for column in found.columns])
                raise FileRefused(
                    f"wanted the column `{name}`, as --{role.split('_')[0]} says; found none{near}"
                )
            roles[header] = role
    for one, other in (
        ("easting", "northing"),
        ("northing", "easting"),
        ("longitude", "latitude"),
        ("latitude", "longitude"),
    ):
        if one in roles.values() and other not in roles.values():
            roles = {header: role for header, role in roles.items() if role != one}
    return roles


def _by_surety(columns: Sequence[ColumnProfile]) -> list[ColumnProfile]:
    order = {"sure": 0, "likely": 1, "possible": 2}
    return sorted(
        columns, key=lambda one: (one.type == "empty", order[one.role.sureness], -one.filled, one.position)
    )


# --- the file as records ---------------------------------------------------------------------------------------------


def _read_by_description(
    con: duckdb.DuckDBPyConnection, authority: Authority, dataset: Dataset, path: Path
) -> Read:
    """Read the file as a run would, into `mine` (records) and `kept` (the dataset's own table)."""
    # In a pattern a bracket means something; a name may hold one.
    name = "".join(f"[{c}]" if c in "*?[" else c for c in path.name)
    alone = dataset.model_copy(update={"folder": str(path.resolve().parent), "files": (name,)})
    # References are replaced by marks of a key that nobody keeps: the check has no use for them.
    got = ingest_dataset(con, authority, alone, Pseudonyms(path.parent, secrets.token_bytes(32)))
    if got.refused:
        raise FileRefused(got.refused[0][1])
    if not got.files:
        raise FileRefused("wanted a file that is kept; this one is past the dataset's retention")
    own = {row[0] for row in con.execute("DESCRIBE kept").fetchall()}
    names = [column.name for column in RECORD_COLUMNS if column.name not in ("dataset", "role")]
    columns = ", ".join(quoted(name) if name in own else f"NULL AS {quoted(name)}" for name in names)
    _make_mine(
        con,
        f"SELECT {text_literal(dataset.name)} AS dataset, {text_literal(dataset.group)} AS role, {columns} FROM kept",
    )
    rejected = con.execute(
        "SELECT column_name, reason, count(*) FROM rejected GROUP BY ALL ORDER BY 3 DESC, 1, 2"
    ).fetchall()
    con.execute(
        "INSERT INTO to_mend SELECT row_number, -1, column_name, split_part(reason, ':', 1), NULL FROM rejected "
        "WHERE split_part(reason, ':', 1) NOT IN ('wrong_width', 'stray_quote', 'blank_row')"
    )
    (left_out,) = con.execute("SELECT columns_left_out FROM files").fetchall()[0]
    return Read(
        dataset.name, got.rows_read, got.rows_kept, got.rows_rejected, tuple(rejected),
        tuple(left_out.split(", ")) if left_out else (),
    )  # fmt: skip


def _make_mine(con: duckdb.DuckDBPyConnection, select: str) -> None:
    described = ", ".join(f"{quoted(column.name)} {column.type}" for column in RECORD_COLUMNS)
    con.execute(f"CREATE OR REPLACE TEMP TABLE mine ({described})")
    con.execute(f"INSERT INTO mine BY NAME {select}")


def _read_by_role(
    con: duckdb.DuckDBPyConnection, extract: Extract, of_role: Mapping[str, Sequence[ColumnProfile]]
) -> None:
    """The rows of a file of which no description speaks as records, in `mine`: by the same rules as a run's."""

    def text(role: str) -> str | None:
        columns = _by_surety(of_role.get(role, ()))
        return extract.column(columns[0].position) if columns else None

    values = {
        "dataset": text_literal(BARE), "role": "'service'", "file": text_literal(extract.path.name),
        "row_number": "position", "record_id": "CAST(position AS VARCHAR)", "weight": "1", "authority_code": "''",
    }  # fmt: skip
    lines = [
        f"nullif(trim(replace({extract.column(column.position)}, '|', ','), ', '), '')"
        for column in of_role.get("address_line", ())
    ]
    address = f"nullif(concat_ws(', ', {', '.join(lines)}), '')" if lines else ""
    if address:
        values["address"] = address
        values["postcode"] = identifiers.postcode_within(address)
    if uprn := text("uprn"):
        reading = identifiers.read_uprn(uprn)
        values |= {"uprn": reading.value, "uprn_issue": reading.issue}
        if any(column.name == "uprn_form" for column in RECORD_COLUMNS):
            values["uprn_form"] = (
                f"CASE WHEN ({reading.issue}) IS NOT NULL THEN {identifiers.form_of(uprn)} END"
            )
    if usrn := text("usrn"):
        values["usrn"] = identifiers.read_usrn(usrn).value
    if postcode := text("postcode"):
        reading = identifiers.read_postcode(postcode)
        within = identifiers.postcode_within(address) if address else "NULL"
        values |= {"postcode": f"coalesce({reading.value}, {within})", "postcode_issue": reading.issue}
    codes = [column for column in of_role.get("area_code", ()) if column.type == "gss_code"]
    if codes:
        reading = identifiers.read_area_code(extract.column(_finest(con, extract, codes).position))
        values |= {"area_code": reading.value, "area_code_issue": reading.issue}
    source = quoted(extract.table)
    if pair := _coordinate_columns(con, extract, of_role):
        table, one, other, _ = pair
        easting, northing, issue = identifiers.read_coordinate(one, other)
        values |= {"easting": easting, "northing": northing, "coordinates_issue": issue}
        if table:
            source = f"{source} JOIN {table} USING (position)"
    made = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in values.items())
    _make_mine(con, f"SELECT {made} FROM {source}")


def _finest(
    con: duckdb.DuckDBPyConnection, extract: Extract, codes: Sequence[ColumnProfile]
) -> ColumnProfile:
    """Of several columns of area codes, the one with the smallest areas: E00 (OA), E01 (LSOA), E02 (MSOA), ..."""

    def kind(column: ColumnProfile) -> tuple[str, int]:
        value = extract.column(column.position)
        (found,) = con.execute(
            f"SELECT mode(substr(upper({value}), 2, 2)) FROM {quoted(extract.table)} WHERE {value} IS NOT NULL"
        ).fetchall()[0]
        return str(found), column.position

    return min(codes, key=kind)


def _coordinate_columns(
    con: duckdb.DuckDBPyConnection, extract: Extract, of_role: Mapping[str, Sequence[ColumnProfile]]
) -> tuple[str, str, str, tuple[ColumnProfile, ColumnProfile]] | None:
    """(table of converted coordinates or '', SQL of easting and of northing, the two columns as given); or None."""
    pairs = (("easting", "northing"), ("longitude", "latitude"))
    for first, second in pairs:
        if of_role.get(first) and of_role.get(second):
            one, other = of_role[first][0], of_role[second][0]
            names = extract.column(one.position), extract.column(other.position)
            if first == "easting":
                return "", *names, (one, other)
            _to_grid(con, extract, *names)
            return "on_grid", "grid_easting", "grid_northing", (one, other)
    return None


def _to_grid(con: duckdb.DuckDBPyConnection, extract: Extract, longitude: str, latitude: str) -> None:
    """`on_grid`: each row's longitude and latitude as easting and northing, as texts; `0` outside Great Britain."""
    number = [identifiers.read_number(text, "DOUBLE").value for text in (longitude, latitude)]
    found: pa.Table = con.sql(
        f"SELECT position, {number[0]} AS lon, {number[1]} AS lat FROM {quoted(extract.table)} "
        f"WHERE {longitude} IS NOT NULL OR {latitude} IS NOT NULL ORDER BY position"
    ).to_arrow_table()
    lon, lat = (found[name].fill_null(float("nan")).to_numpy() for name in ("lon", "lat"))
    eastings, northings = to_grid_metres(lon, lat)
    texts = [
        "malformed" if a != a or b != b else "0" if e != e else f"{at:.2f}"
        for a, b, e, at in [
            *zip(lon, lat, eastings, eastings, strict=True),
            *zip(lon, lat, eastings, northings, strict=True),
        ]
    ]
    converted = pa.table(
        {
            "position": found["position"], "grid_easting": pa.array(texts[: len(lon)], pa.string()),
            "grid_northing": pa.array(texts[len(lon) :], pa.string()),
        }
    )  # fmt: skip
    con.register("converted", converted)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE on_grid AS SELECT position, grid_easting, grid_northing "
        f"FROM {quoted(extract.table)} LEFT JOIN converted USING (position)"
    )
    con.unregister("converted")


# --- what is wrong, by form ------------------------------------------------------------------------------------------


def _find_in_columns(
    con: duckdb.DuckDBPyConnection,
    extract: Extract,
    of_role: Mapping[str, Sequence[ColumnProfile]],
    is_placed: bool,
) -> None:
    """Put each damaged cell of a column of identifiers into `to_mend`, but for rows that a description rejects."""

    def put(column: ColumnProfile, issue: str, value: str, table: str = "") -> None:
        joined = f" JOIN {table} USING (position)" if table else ""
        con.execute(
            f"INSERT INTO to_mend SELECT position, {column.position}, {text_literal(column.header)}, issue, value FROM "
            f"(SELECT position, {issue} AS issue, {value} AS value FROM {quoted(extract.table)}{joined}) AS asked "
            "SEMI JOIN mine ON mine.row_number = asked.position WHERE issue IS NOT NULL"
        )

    for nth, column in enumerate(_by_surety(of_role.get("uprn", ()))):
        text = extract.column(column.position)
        if not (is_placed and nth == 0) and column.filled:
            put(column, identifiers.read_uprn(text).issue, text)
        _find_repeated_uprns(con, extract, column)
    for column in of_role.get("usrn", ()):
        text = extract.column(column.position)
        put(column, identifiers.read_usrn(text).issue, text)
    for column in of_role.get("postcode", ()):
        text = extract.column(column.position)
        reading = identifiers.read_postcode(text)
        spaced = f"CASE WHEN ({reading.value}) <> {text} THEN 'postcode_spacing' END"
        is_habit = 2 * _habit(con, extract, spaced) > column.filled
        put(column, reading.issue if is_habit else f"coalesce({reading.issue}, {spaced})", text)
    for column in of_role.get("area_code", ()):
        if column.type == "gss_code":
            text = extract.column(column.position)
            put(column, identifiers.read_area_code(text).issue, text)
    if pair := _coordinate_columns(con, extract, of_role):
        table, easting, northing, columns = pair
        texts = [extract.column(column.position) for column in columns]
        _, _, issue = identifiers.read_coordinate(easting, northing)
        value = f"concat_ws(', ', {texts[0]}, {texts[1]})"
        put(columns[0], issue, value, table)


def _habit(con: duckdb.DuckDBPyConnection, extract: Extract, issue: str) -> int:
    """How many rows of a file have an issue: where most have it, the column is to be mended, not each row."""
    (rows,) = con.execute(f"SELECT count({issue}) FROM {quoted(extract.table)}").fetchall()[0]
    return int(rows)


def _find_repeated_uprns(con: duckdb.DuckDBPyConnection, extract: Extract, column: ColumnProfile) -> None:
    text = extract.column(column.position)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE uprn_given AS "
        "SELECT position, uprn, count(*) OVER (PARTITION BY uprn) AS rows FROM "
        f"(SELECT position, {identifiers.read_uprn(text).value} AS uprn FROM {quoted(extract.table)}) AS asked "
        "SEMI JOIN mine ON mine.row_number = asked.position WHERE uprn IS NOT NULL"
    )
    rows, repeated = con.execute("SELECT count(*), count(*) FILTER (rows > 1) FROM uprn_given").fetchall()[0]
    if repeated and repeated * 100 <= MOST_REPEATED_PERCENT * rows:
        con.execute(
            f"INSERT INTO to_mend SELECT position, {column.position}, {text_literal(column.header)}, 'uprn_repeated', "
            f"{text} FROM uprn_given JOIN {quoted(extract.table)} USING (position) WHERE rows > 1"
        )


def _find_in_places(con: duckdb.DuckDBPyConnection, extract: Extract, column: ColumnProfile | None) -> None:
    """What the gazetteer says of the UPRNs, and which rows have no place, into `to_mend`."""
    if column is not None:
        con.execute(
            f"INSERT INTO to_mend SELECT position, {column.position}, {text_literal(column.header)}, uprn_finding, "
            f"{extract.column(column.position)} FROM places.record_placed AS placed "
            f"JOIN {quoted(extract.table)} AS extract ON extract.position = placed.row_number "
            # Of these the whole column is told, not each row.
            "WHERE uprn_finding NOT IN ('uprn_column_blank', 'uprn_column_not_uprns', 'uprn_unchecked')"
        )
    con.execute(
        "INSERT INTO to_mend SELECT row_number, -1, '', unplaced_because, NULL FROM places.record_placed "
        "WHERE unplaced_because IS NOT NULL"
    )


def _verdicts(
    con: duckdb.DuckDBPyConnection, extract: Extract, of_role: Mapping[str, Sequence[ColumnProfile]],
    judged: tuple[str, int, int] | None,
) -> tuple[tuple[Verdict, ...], list[Finding]]:  # fmt: skip
    """A sentence a column of identifiers, and the findings that are of a whole column."""
    verdicts: list[Verdict] = []
    whole: list[Finding] = []

    def say(column: ColumnProfile, role: str, sentence: str, issue: str = "", rows: int = 0) -> None:
        severity: Any = FINDINGS[issue].severity if issue else "fine"
        if issue:
            whole.append(
                Finding(
                    column.header,
                    issue,
                    rows or column.filled or column.rows,
                    _forms_of(con, extract, column),
                )
            )
        verdicts.append(Verdict(column.header, role, sentence, severity))

    def counted(value: str, table: str = "") -> tuple[int, int]:
        """Rows, and those with a value, of the rows that are kept."""
        joined = f" JOIN {table} USING (position)" if table else ""
        found: tuple[int, int] = con.execute(
            f"SELECT count(*), count({value}) FROM {quoted(extract.table)}{joined} "
            f"WHERE position IN (SELECT row_number FROM mine)"
        ).fetchall()[0]
        return found

    for nth, column in enumerate(_by_surety(of_role.get("uprn", ()))):
        rows, well = counted(identifiers.read_uprn(extract.column(column.position)).value)
        _judge_uprns(column, rows, well, judged if nth == 0 else None, say)
    for column in of_role.get("usrn", ()):
        rows, well = counted(identifiers.read_usrn(extract.column(column.position)).value)
        say(column, "usrn", f"{well:,} of {rows:,} rows hold a number that could be a USRN.")
    for column in of_role.get("postcode", ()):
        text = extract.column(column.position)
        value = identifiers.read_postcode(text).value
        rows, well = counted(value)
        habit = _habit(con, extract, f"CASE WHEN ({value}) <> {text} THEN 1 END")
        sentence = f"{well:,} of {rows:,} rows hold a whole postcode"
        if 2 * habit > column.filled:
            say(
                column,
                "postcode",
                f"{sentence}, but most are not written as `AB1 2CD`.",
                "postcode_spacing",
                habit,
            )
        else:
            say(column, "postcode", f"{sentence}.")
    for column in of_role.get("area_code", ()):
        if column.type in ("integer", "decimal"):
            say(
                column,
                "area_code",
                "Holds small numbers, no area codes: a false key.",
                "area_code_row_numbers",
            )
            continue
        rows, well = counted(identifiers.read_area_code(extract.column(column.position)).value)
        say(column, "area_code", f"{well:,} of {rows:,} rows hold a GSS code.")
    if pair := _coordinate_columns(con, extract, of_role):
        table, easting, northing, columns = pair
        value, _, _ = identifiers.read_coordinate(easting, northing)
        rows, well = counted(value, table)
        header = " and ".join(column.header for column in columns)
        verdicts.append(
            Verdict(
                header,
                "coordinates",
                f"{well:,} of {rows:,} rows hold a point of Great Britain.",
                "fine",
            )
        )
        if (metres := _apart(con, extract, of_role)) is not None:
            both = f"{header}; longitude and latitude"
            sentence = (
                f"The two pairs of coordinates are {metres:,.1f} m apart (median): one was converted wrongly."
            )
            verdicts.append(Verdict(both, "coordinates", sentence, "warning"))
            whole.append(Finding(both, "coordinates_disagree", rows))
    for column in of_role.get("record_reference", ()):
        again = column.filled - column.distinct
        if column.role.role == "record_reference" and column.role.sureness == "possible":
            continue
        if column.is_key:
            say(column, "record_reference", "Never blank, never twice: it can be what a record is called by.")
        elif column.filled and 0 < again * 100 <= MOST_REPEATED_PERCENT * column.filled:
            sentence = f"{again:,} rows repeat the reference of an earlier one; {column.blank:,} have none."
            say(column, "record_reference", sentence, "reference_repeated", again)
    return tuple(verdicts), whole


def _judge_uprns(
    column: ColumnProfile, rows: int, well: int, judged: tuple[str, int, int] | None, say: Callable[..., None]
) -> None:
    """The verdict on a column of UPRNs: by its form, and by what `places.uprn_column` says of it where there is one."""
    share = f"{well:,} of {rows:,} rows hold a number that could be a UPRN"
    why, distinct, known = judged or ("", 0, 0)
    low, high = column.smallest or 0, column.largest or 0
    dense = (
        column.type == "integer" and column.longest <= LONGEST_DENSE and column.distinct >= LEAST_DENSE
        and column.distinct * 100 >= DENSE_PERCENT * (high - low + 1)
    )  # fmt: skip
    if not column.filled:
        say(
            column,
            "uprn",
            "Blank from top to bottom: of no use. Was the wrong field taken?",
            "uprn_column_blank",
        )
    elif column.row_numbers:
        say(
            column,
            "uprn",
            f"Counts the rows from {low:.0f} to {high:.0f}: no UPRNs at all.",
            "uprn_row_numbers",
        )
    elif why in ("hardly any known", "other postcodes", "elsewhere"):
        but = {
            "hardly any known": "so it is another number",
            "other postcodes": "and on other postcodes than their records', so it is another number, or another row's",
            "elsewhere": "and the postcodes are of elsewhere too, so it is a list of another area",
        }[why]
        sentence = f"{share}, but {known:,} of {distinct:,} different ones are in the gazetteer, {but}: not believed."
        say(column, "uprn", sentence, "uprn_column_not_uprns")
    elif dense and why not in ("known", "few known but right"):
        sentence = f"{share}, but they are short and close together: is it a property reference?"
        say(column, "uprn", sentence, "uprn_running_numbers")
    elif not well:
        say(column, "uprn", "No row holds a number that could be a UPRN: of no use.", "uprn_column_unusable")
    elif judged:
        say(column, "uprn", f"{share}; {known:,} of {distinct:,} different ones are in the gazetteer.")
    else:
        say(column, "uprn", f"{share}.")


def _forms_of(con: duckdb.DuckDBPyConnection, extract: Extract, column: ColumnProfile) -> tuple[Form, ...]:
    """The forms of a column of identifiers, as those of single findings are shown."""
    value = extract.column(column.position)
    return tuple(
        Form(*row)
        for row in con.execute(
            f"SELECT {_shown(value)} AS form, count(*) AS rows FROM {quoted(extract.table)} WHERE {value} IS NOT NULL "
            f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_FORMS}"
        ).fetchall()
    )


def _shown(value: str) -> str:
    """SQL: the form of a value, or the value where it is a word that is no one's own."""
    words = ", ".join(text_literal(word) for word in WORDS)
    return f"CASE WHEN upper({value}) IN ({words}) THEN '`' || {value} || '`' ELSE {identifiers.form_of(value)} END"


# Coordinates are written to a metre or so; what is farther apart was converted by another rule.
FARTHEST_APART = 10


def _apart(
    con: duckdb.DuckDBPyConnection, extract: Extract, of_role: Mapping[str, Sequence[ColumnProfile]]
) -> float | None:
    """Metres between eastings with northings and longitudes with latitudes (median), where a file has both and they
    disagree."""
    if not all(of_role.get(role) for role in ("easting", "northing", "longitude", "latitude")):
        return None
    east, north, lon, lat = (
        extract.column(of_role[role][0].position) for role in ("easting", "northing", "longitude", "latitude")
    )
    _to_grid(con, extract, lon, lat)
    given = identifiers.read_coordinate(east, north)
    converted = identifiers.read_coordinate("grid_easting", "grid_northing")
    (metres,) = con.execute(
        f"SELECT median(sqrt(pow({given[0]} - {converted[0]}, 2) + pow({given[1]} - {converted[1]}, 2))) "
        f"FROM {quoted(extract.table)} JOIN on_grid USING (position)"
    ).fetchall()[0]
    return float(metres) if metres is not None and metres > FARTHEST_APART else None


def _findings(con: duckdb.DuckDBPyConnection, whole: Sequence[Finding]) -> tuple[Finding, ...]:
    """What `to_mend` holds, by column and issue, and what is of whole columns; the gravest and most frequent first."""
    shown = _shown("value")
    forms: dict[tuple[str, str], list[Form]] = {}
    for header, issue, form, rows in con.execute(
        "SELECT * FROM (SELECT header, issue, form, count(*) AS rows FROM "
        f"(SELECT header, issue, {shown} AS form FROM to_mend WHERE value IS NOT NULL) GROUP BY header, issue, form) "
        f"QUALIFY row_number() OVER (PARTITION BY header, issue ORDER BY rows DESC, form) <= {MOST_FORMS} "
        "ORDER BY header, issue, rows DESC, form"
    ).fetchall():
        forms.setdefault((header, issue), []).append(Form(form, rows))
    found = list(whole)
    for header, issue, rows, first, most in con.execute(
        "SELECT header, issue, count(*), list_slice(list_sort(list(DISTINCT position)), 1, "
        f"{MOST_ROWS}), max(same) FROM (SELECT *, CASE WHEN value IS NOT NULL THEN "
        "count(*) OVER (PARTITION BY header, issue, value) END AS same FROM to_mend) GROUP BY header, issue "
        "ORDER BY header, issue"
    ).fetchall():
        seen = tuple(forms.get((header, issue), ()))
        found.append(Finding(header, issue, rows, seen, tuple(first), most or 0))
    order = {"error": 0, "warning": 1, "info": 2}
    return tuple(sorted(found, key=lambda one: (order[one.about.severity], -one.rows, one.column, one.issue)))


def _could(con: duckdb.DuckDBPyConnection) -> tuple[tuple[str, int], ...]:
    """Without a gazetteer: the rows by the best key that they carry in good form."""
    return tuple(
        con.execute(
            """
            SELECT CASE WHEN uprn IS NOT NULL THEN 'uprn' WHEN address IS NOT NULL THEN 'address'
                WHEN easting IS NOT NULL THEN 'coordinates' WHEN postcode IS NOT NULL THEN 'postcode'
                WHEN area_code IS NOT NULL THEN 'area_code' ELSE 'none' END AS key, count(*)
            FROM mine GROUP BY 1
            ORDER BY list_position(['uprn', 'address', 'coordinates', 'postcode', 'area_code', 'none'], key)
            """
        ).fetchall()
    )


# --- what would be placed --------------------------------------------------------------------------------------------

PLACED = "places.record_placed"
NEEDED = (PLACED, "places.uprn_column")
STAND_IN = "name: A gazetteer in a file\ncode: E06000000\narea_vintage: 2021\n"
# Of a gazetteer alone no areas are known: everything within its extent lies in one that stands in for them.
ONE_AREA = "E00000000"


def _place(con: duckdb.DuckDBPyConnection, asked: Asked, aside: Path) -> Placing | None:
    """Make `places.record_placed` for the records in `mine` by the tables of a run; None where nothing can be asked."""
    warehouse = asked.warehouse
    notes: tuple[str, ...] = ()
    present: set[str] = set()
    given: dict[str, Callable[[duckdb.DuckDBPyConnection], None]] = {}
    if asked.gazetteer is not None:
        folder = aside / "authority"
        folder.mkdir()
        (folder / "authority.yaml").write_text(STAND_IN, "utf-8")
        authority = load_authority(folder, folder)
        entries = _read_gazetteer(con, asked.gazetteer)
        given = GIVEN
        name = f"{asked.gazetteer.name} ({entries:,} entries)"
        notes = (
            "A gazetteer alone knows no areas: coordinates count where they lie within its extent, and area codes "
            "place nothing.",
        )
    elif warehouse is not None and asked.authority is not None:
        authority = asked.authority
        warehouse.attach_views(con)
        codes = [code for (code,) in con.execute("SELECT authority_code FROM sources.authority").fetchall()]
        if codes != [authority.code]:
            problem = (
                f"wanted the run of {authority.code}; found that of {', '.join(codes)}: say which by --output"
            )
            raise DescriptionError([Problem(str(warehouse.root), 0, 0, problem)])
        present = {
            f"{stage}.{one}" for stage in ("sources", "services", "places") for one in warehouse.names(stage)
        }
        name = f"the gazetteer and open data of {authority.about.name}, as the last run read them"
    else:
        return None
    tables = {step.name: step.table for step in plan(authority)}
    mine = {"services.record"}
    _replace(con, "services.record", "SELECT * FROM mine")
    if asked.dataset is not None:
        mine.add(f"services.{asked.dataset.name}")
        own = dataset_table(asked.dataset)
        _replace(con, own.full_name, "SELECT * FROM kept")
        for beside in (files_table(own), rejected_table(own)):
            # Of a dataset that no run has read yet, the gathered tables want these too.
            if beside.full_name not in present:
                _make(con, beside)
    if "services.dataset" in present:
        mine.add("services.dataset")
        _describe_mine(con, asked.dataset)
    for table in _to_make(tables, mine, present):
        _make(con, table)
        if table.full_name in given:
            given[table.full_name](con)
        if table.full_name == "services.dataset":
            _describe_mine(con, asked.dataset)
    placed = con.execute(f"SELECT location_key, precision, count(*) FROM {PLACED} GROUP BY ALL").fetchall()
    unplaced = con.execute(
        f"SELECT unplaced_because, count(*) FROM {PLACED} WHERE unplaced_because IS NOT NULL "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    ordered = sorted(placed, key=lambda one: (KEYS.index(one[0]) if one[0] in KEYS else len(KEYS), one[1]))
    return Placing(name, tuple(ordered), tuple(unplaced), notes)


def _to_make(tables: Mapping[str, Table], mine: AbstractSet[str], present: AbstractSet[str]) -> list[Table]:
    """What must be made to place the records: what is made from them, and what the run has not made; in order."""
    needed: set[str] = set()
    ahead = [name for name in NEEDED if name in tables]
    while ahead:
        name = ahead.pop()
        if name not in needed:
            needed.add(name)
            ahead += tables[name].depends_on
    changed = set(mine)
    chosen = []
    for table in in_order(tables.values()):
        if changed & set(table.depends_on):
            changed.add(table.full_name)
        if table.full_name in needed - mine and (
            table.full_name in changed or table.full_name not in present
        ):
            chosen.append(table)
    return chosen


def _make(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Make one table in memory, as a run makes it; one that is read from files is empty."""
    if table.sql is not None:
        _replace(con, table.full_name, table.sql)
    elif table.make is not None:
        con.register("made_in_python", table.make(con))
        typed = ", ".join(f"CAST({quoted(c.name)} AS {c.type}) AS {quoted(c.name)}" for c in table.columns)
        _replace(con, table.full_name, f"SELECT {typed} FROM made_in_python")
        con.unregister("made_in_python")
    else:
        nothing = ", ".join(f"CAST(NULL AS {c.type}) AS {quoted(c.name)}" for c in table.columns)
        _replace(con, table.full_name, f"SELECT {nothing} WHERE false")


def _replace(con: duckdb.DuckDBPyConnection, full_name: str, select: str) -> None:
    """Put the result of a SELECT, which may read the former, in the place of a table or view of this connection."""
    stage, name = full_name.split(".")
    con.execute(f"CREATE OR REPLACE TEMP TABLE replacing AS {select}")
    kinds = con.execute(
        "SELECT table_type FROM information_schema.tables WHERE table_schema = ? AND table_name = ?",
        [stage, name],
    ).fetchall()
    for (kind,) in kinds:
        con.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} {stage}.{quoted(name)}")
    con.execute(f"CREATE TABLE {stage}.{quoted(name)} AS SELECT * FROM replacing")
    con.execute("DROP TABLE temp.replacing")


def _describe_mine(con: duckdb.DuckDBPyConnection, dataset: Dataset | None) -> None:
    """The file's dataset in `services.dataset`: as described, else as a stock of records of which nothing is known."""
    name, group, kind, counts = BARE, "service", "stock", "record"
    if dataset is not None:
        name, group, kind, counts = dataset.name, dataset.group, dataset.kind, dataset.counts
    values = {"dataset": name, "role": group, "kind": kind, "counts": counts}
    row = ", ".join(f"{text_literal(value)} AS {column}" for column, value in values.items())
    _replace(
        con, "services.dataset",
        f"SELECT * FROM services.dataset WHERE dataset <> {text_literal(name)} UNION ALL BY NAME SELECT {row}",
    )  # fmt: skip


# --- a gazetteer in a file -------------------------------------------------------------------------------------------

ENTRY_TEXTS = (
    "class_code", "status", "organisation", "sub_building", "building_name", "building_number", "street", "locality",
    "town", "address",
)  # fmt: skip
ENTRY_NUMBERS = {"parent_uprn": "uprn", "usrn": "usrn"}


def _read_gazetteer(con: duckdb.DuckDBPyConnection, path: Path) -> int:
    """A gazetteer as `places match` takes it into `gazetteer_entry`, one row per way of writing; returns how many.

    Columns: uprn and address, and any of parent_uprn, usrn, class_code, status, the parts of an address, postcode,
    easting, northing. Raises `FileRefused` where it lacks what it must have.
    """
    try:
        extract = load(con, path, table="gazetteer_file")
    except FileRefused as error:
        raise FileRefused(f"{path.name} (--gazetteer): {error}") from None
    at = {header.casefold(): extract.column(i) for i, header in enumerate(extract.headers)}
    if lacking := [name for name in ("uprn", "address") if name not in at]:
        found = ", ".join(f"`{header}`" for header in extract.headers)
        raise FileRefused(
            f"{path.name} (--gazetteer): wanted the column(s) {', '.join(lacking)}; found {found}"
        )
    values = {
        "uprn": identifiers.read_uprn(at["uprn"]).value, "written_by": "'row ' || position",
    }  # fmt: skip
    for name, reader in ENTRY_NUMBERS.items():
        read = identifiers.read_usrn if reader == "usrn" else identifiers.read_uprn
        values[name] = read(at[name]).value if name in at else "NULL::BIGINT"
    for name in ENTRY_TEXTS:
        values[name] = f"coalesce({at[name]}, '')" if name in at else "''"
    words = " ".join(
        f"WHEN {text_literal(word)} THEN {text_literal(status)}" for word, status in STATUSES.items()
    )
    values["status"] = f"CASE lower(trim({values['status']})) {words} ELSE 'live' END"
    values["postcode"] = (
        identifiers.read_postcode(at["postcode"]).value if "postcode" in at else "NULL::VARCHAR"
    )
    has_points = "easting" in at and "northing" in at
    pair = identifiers.read_coordinate(at["easting"], at["northing"]) if has_points else ("NULL", "NULL", "")
    values |= {
        f"{name}": f"CAST({pair[i]} AS DECIMAL(10, 2))" for i, name in enumerate(("easting", "northing"))
    }
    made = ", ".join(f"{sql} AS {name}" for name, sql in values.items())
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE gazetteer_entry AS SELECT * FROM (SELECT {made} FROM gazetteer_file) "
        "WHERE uprn IS NOT NULL"
    )
    (entries,) = con.execute("SELECT count(*) FROM gazetteer_entry").fetchall()[0]
    if not entries:
        raise FileRefused(
            f"{path.name} (--gazetteer): wanted UPRNs in its column `uprn`; found none that can be read"
        )
    return int(entries)


def _give_uprns(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        INSERT INTO places.uprn BY NAME
        SELECT
            '{ONE_AREA}' AS oa_code, uprn, status, parent_uprn, usrn, nullif(class_code, '') AS class_code, postcode,
            easting, northing,
            class_code LIKE 'P%' OR uprn IN (
                SELECT parent_uprn FROM gazetteer_entry
                WHERE status IN ('live', 'provisional') AND parent_uprn <> uprn
            ) AS is_shell,
            CASE
                WHEN class_code <> '' THEN status = 'live' AND (class_code LIKE 'RD%' OR class_code LIKE 'RH%')
            END AS is_home,
            class_code LIKE 'RI%' OR class_code LIKE 'RH%' AS is_communal
        FROM gazetteer_entry
        QUALIFY row_number() OVER (
            PARTITION BY uprn
            ORDER BY list_position(['live', 'provisional', 'historic', 'rejected'], status), address
        ) = 1
        """
    )


def _give_addresses(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        INSERT INTO places.address BY NAME
        SELECT
            uprn, written_by, parent_uprn, usrn, class_code, status, organisation, sub_building, building_name,
            building_number, street, locality, town, coalesce(postcode, '') AS postcode, easting, northing, address
        FROM gazetteer_entry
        WHERE class_code NOT LIKE 'PS%'  -- a street
        """
    )


def _give_area(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(f"INSERT INTO places.output_area BY NAME SELECT '{ONE_AREA}' AS oa_code")


def _give_points(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        INSERT INTO places.point_oa BY NAME
        SELECT DISTINCT easting, northing, '{ONE_AREA}' AS oa_code
        FROM mine
        CROSS JOIN (
            SELECT min(easting) AS west, max(easting) AS east, min(northing) AS south, max(northing) AS north
            FROM gazetteer_entry
        )
        WHERE easting BETWEEN west AND east AND northing BETWEEN south AND north
        """
    )


def _give_postcodes(con: duckdb.DuckDBPyConnection) -> None:
    # Those of properties that nobody lives in, too: `places.postcode` counts homes.
    con.execute(
        f"""
        INSERT INTO places.postcode BY NAME
        SELECT
            postcode, '{ONE_AREA}' AS oa_code, 'point' AS method, 0 AS homes, avg(easting) AS easting,
            avg(northing) AS northing
        FROM gazetteer_entry
        WHERE postcode IS NOT NULL AND postcode NOT IN (SELECT postcode FROM places.postcode)
        GROUP BY postcode
        """
    )


GIVEN: dict[str, Callable[[duckdb.DuckDBPyConnection], None]] = {
    "places.uprn": _give_uprns,
    "places.address": _give_addresses,
    "places.output_area": _give_area,
    "places.point_oa": _give_points,
    "places.postcode": _give_postcodes,
}


# --- rows to mend ----------------------------------------------------------------------------------------------------

ROWS_TO_MEND = "rows_to_mend.csv"


def write_rows_to_mend(con: duckdb.DuckDBPyConnection, folder: Path) -> Path:
    """Write the rows to mend, errors and warnings, of a check that is still open; returns the file.

    One line a row of the file and finding: row number, column, issue, how grave, what it means, who must mend it, how,
    and what was found, which is given for columns of identifiers alone (never a pupil's number).
    """
    register = ", ".join(
        "("
        + ", ".join(text_literal(text) for text in (name, i.severity, i.meaning, i.who_fixes, i.how_to_fix))
        + ")"
        for name, i in FINDINGS.items()
    )
    path, aside = folder / ROWS_TO_MEND, folder / f".{ROWS_TO_MEND}.{secrets.token_hex(8)}"
    # A spreadsheet takes what begins so for a formula.
    harmless = "CASE WHEN regexp_matches(value, '^[=+@\\t\\r-]') THEN '''' || value ELSE value END"
    try:
        aside.touch(mode=0o600)
        con.execute(
            'COPY (SELECT position AS row_number, header AS "column", issue, severity, meaning, who_fixes, '
            f"how_to_fix, CASE WHEN issue <> 'uprn_pupil_number' THEN {harmless} END AS found FROM to_mend "
            f"JOIN (VALUES {register}) AS register (issue, severity, meaning, who_fixes, how_to_fix) USING (issue) "
            "WHERE severity <> 'info' ORDER BY position, nth, issue) "
            f"TO {text_literal(str(aside))} (FORMAT csv, HEADER, USE_TMP_FILE false)"
        )
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path
