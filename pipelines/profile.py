"""The profile of a file: what each column holds, without showing what it holds, and what the column may be.

Here belongs reading a whole file of which nobody has said anything yet, and describing its columns: how full, how
distinct, in which form, of which type, whether personal, and which role in a description fits. What is wrong with an
identifier is `identifiers` and `check`; reading a file that is described is `ingest`. All is counted in SQL, over the
forms of the values where that will do (there are few), so that a million rows take seconds.

No value is in a profile but those of short code lists in columns that nothing says are personal.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import duckdb
import pyarrow as pa

from pipelines import identifiers
from pipelines.authority import Files, column_name
from pipelines.formats import EASTING, GEOMETRY, NORTHING, SUFFIXES, FileRefused, HeaderNotFound, open_rows
from pipelines.tables import quoted, text_literal

Sureness = Literal["sure", "likely", "possible"]

MOST_FORMS = 5
LONGEST_FORM = 40
# A list of codes: so few values, and each so often that it is nobody's own.
MOST_CODES, RAREST_CODE = 25, 5
# Of a column's filled cells, so many percent are of its type; the rest are damage, which `check` names.
OF_A_TYPE = 90
OLD_OFFICE = b"\xd0\xcf\x11\xe0"
DELIMITERS = ",;\t|"

DATE_FORMATS = (
    "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d", "%d/%m/%y", "%d %b %Y",
    "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M:%S %p",
)  # fmt: skip


class Form(NamedTuple):
    """How values are written (digits as 9, letters as A or a), and in how many rows."""

    form: str
    rows: int


class Guess(NamedTuple):
    """A role of a column, how sure that is, and why, in words without values."""

    role: str
    sureness: Sureness
    because: str


NOT_GUESSED = Guess("text", "possible", "")


@dataclass(frozen=True)
class ColumnProfile:
    """What one column holds.

    `rows` and `blank` count cells (a word for "no value" is blank), `distinct` the values. `type` is that of nearly all
    filled cells (`fits_percent`): integer, decimal, date, time, postcode, gss_code, toid, e_mail, phone, ni_number,
    nhs_number, pupil_number, web_address, text, empty; `date_format` how dates are read, as `strptime` writes it, and
    `date_in_doubt` whether another reading fits as well. `smallest` and `largest` are of numbers that are not personal.
    `row_numbers`: the values are consecutive whole numbers from 0 or 1. `is_key`: never blank, never twice.
    `personal` says why the column may be about a person (empty where nothing says so). `values` are those of a code
    list (value, rows), the most frequent first, never of a personal column.
    """

    position: int
    header: str
    rows: int
    blank: int
    distinct: int
    shortest: int
    longest: int
    forms: tuple[Form, ...]
    type: str
    fits_percent: int
    date_format: str = ""
    date_in_doubt: bool = False
    smallest: float | None = None
    largest: float | None = None
    row_numbers: bool = False
    is_key: bool = False
    personal: str = ""
    role: Guess = NOT_GUESSED
    values: tuple[tuple[str, int], ...] = ()

    @property
    def filled(self) -> int:
        """Cells with a value."""
        return self.rows - self.blank


@dataclass(frozen=True)
class Extract:
    """A file that was read: its headers (named where they were blank or there twice), and how it is written.

    `written` are the headers as the file writes them. `header_row` is 0 where no header was found; `bad` holds (row
    number, reason) of rows that could not be split into fields. The other rows are in the temporary table `table` of
    the connection: `position` (the row number, as a spreadsheet counts) and a text column `c0`, `c1`, ... for each
    header, trimmed, NULL for "no value".
    """

    path: Path
    headers: tuple[str, ...]
    encoding: str
    delimiter: str
    header_row: int
    rows: int
    bad: tuple[tuple[int, str], ...]
    table: str
    written: tuple[str, ...] = ()

    @property
    def rows_read(self) -> int:
        """Rows in the file, the header not counted."""
        return self.rows + len(self.bad)

    def column(self, position: int) -> str:
        """The name in SQL of the column at a position."""
        return f"c{position}"


@dataclass(frozen=True)
class Profile:
    """A file's profile."""

    extract: Extract
    columns: tuple[ColumnProfile, ...]

    def of_role(self, *roles: str) -> list[ColumnProfile]:
        """The columns that are thought to have one of these roles, in the order of the file."""
        return [column for column in self.columns if column.role.role in roles]


# --- reading a file of which nothing is said -------------------------------------------------------------------------


def load(
    con: duckdb.DuckDBPyConnection, path: Path, described: Files | None = None, table: str = "extract"
) -> Extract:
    """Read a file into a temporary table of a connection, whatever its delimiter, encoding and header row.

    `described` may say some of that. Raises `FileRefused` where the file cannot be used; nothing of it is in the
    message.
    """
    described, width = _as_written(path, described or Files())
    try:
        with open_rows(path, described, _looks_like_header(described, width)) as rows:
            headers, written = _named(rows.headers), [str(header) for header in rows.headers]
            positions = [i for i, header in enumerate(rows.headers) if header != GEOMETRY]
            schema = pa.schema(
                [("position", pa.int64()), *((f"c{i}", pa.string()) for i in range(len(positions)))]
            )
            failure: BaseException | None = None
            first = 0

            def batches() -> Iterator[pa.RecordBatch]:
                nonlocal failure, first
                try:
                    for numbers, columns in rows.chunks:
                        if not len(numbers):
                            continue
                        first = first or numbers[0]
                        arrays = [pa.array(numbers, pa.int64())]
                        for i in positions:
                            cells = columns[i]
                            arrays.append(
                                cells if isinstance(cells, pa.Array) else pa.array(cells, pa.string())
                            )
                        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
                except GeneratorExit:
                    raise
                except BaseException as error:  # as in `ingest`: DuckDB would wrap it
                    failure = error

            con.register("raw_extract", pa.RecordBatchReader.from_batches(schema, batches()))
            cleaned = ", ".join(
                f"{identifiers.missing_as_null(f'c{i}')} AS c{i}" for i in range(len(positions))
            )
            try:
                con.execute(
                    f"CREATE OR REPLACE TEMP TABLE {quoted(table)} AS SELECT position, {cleaned} FROM raw_extract"
                )
            finally:
                con.unregister("raw_extract")
            if failure is not None:
                raise failure
            bad, encoding = tuple(rows.bad), rows.encoding
    except HeaderNotFound:
        raise FileRefused(
            "wanted a row of headers among the first 30; found none that several cells of the row could be: is it "
            "further down, or is there none?"
        ) from None
    count = int(con.execute(f"SELECT count(*) FROM {quoted(table)}").fetchall()[0][0])
    if not count:
        what = "rows that cannot be split into fields" if bad else "a header and nothing under it"
        raise FileRefused(f"wanted rows; found {what}")
    return Extract(
        path, tuple(headers[i] for i in positions), encoding, described.delimiter,
        0 if described.headers else described.header_row, count, bad, table, tuple(written[i] for i in positions),
    )  # fmt: skip


def _as_written(path: Path, described: Files) -> tuple[Files, int]:
    """The description with what was found in the file (its delimiter, the row of its headers, or that it has none), and
    how many columns its first rows reach over.

    Raises `FileRefused` where the file cannot be used.
    """
    if path.is_dir():
        raise FileRefused("wanted a file; found a folder")
    kind = described.format or SUFFIXES.get(path.suffix.lower())
    if kind in ("parquet", "geopackage", "geojson", "osm"):
        return described, 0
    if kind == "csv":
        _hold_to_text(path)
    if kind == "xlsx":
        with path.open("rb") as stream:
            if stream.read(4) == OLD_OFFICE:
                raise FileRefused(
                    "wanted an XLSX workbook; found one of the older kind (.xls) or one with a password: save it as "
                    "XLSX, without a password"
                )
    delimiter, rows = "", _first_rows(path, described, "") if kind != "csv" else []
    if kind == "csv":
        delimiter, rows = _delimiter(path, described)
    known: dict[str, Any] = {"delimiter": delimiter} if delimiter else {}
    width = _width(rows)
    if not (described.headers or described.header_row):
        header = next((i for i, row in enumerate(rows, start=1) if _is_header(row, width)), 0)
        if header and kind == "csv":
            known["header_row"] = header
        elif not header and rows:
            known["headers"] = tuple(f"column {i + 1}" for i in range(width))
    return described.model_copy(update=known), width


def _hold_to_text(path: Path) -> None:
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
    if head.startswith((b"PK\x03\x04", b"\xff\xfe", b"\xfe\xff")):
        return  # a ZIP file, or UTF-16: `formats` sees to them
    binary = (OLD_OFFICE, b"%PDF", b"\x1f\x8b", b"PAR1", b"SQLite format")
    if b"\x00\x00" in head or head.startswith(binary):
        raise FileRefused(
            f"wanted text, as the ending `{path.suffix}` says; found a binary file: give it its own ending, or save it "
            "as CSV"
        )


def _first_rows(path: Path, described: Files, delimiter: str) -> list[list[str]]:
    """The rows among which the header is looked for, as texts; of a workbook, those of every visible sheet."""
    asked = described.model_copy(update={"headers": (), "header_row": 0, "delimiter": delimiter})
    try:
        with open_rows(path, asked, lambda row: False):
            return []
    except HeaderNotFound as error:
        return error.looked_at


def _delimiter(path: Path, described: Files) -> tuple[str, list[list[str]]]:
    """The delimiter by which most of the first rows are of one width, and these rows."""
    best: tuple[tuple[float, int], str, list[list[str]]] | None = None
    refused: FileRefused | None = None
    for delimiter in described.delimiter or DELIMITERS:
        try:
            rows = _first_rows(path, described, delimiter)
        except FileRefused as error:
            refused = refused or error  # by another delimiter its quotation marks may match
            continue
        widths = Counter(len(row) for row in rows if any(cell.strip() for cell in row))
        if not widths:
            continue
        width, count = max(widths.items(), key=lambda found: (found[1], found[0]))
        fit = (count / widths.total() if width > 1 else 0.0, width)
        if best is None or fit > best[0]:
            best = (fit, delimiter, rows)
    if best is None or (refused is not None and best[0][1] < 2):
        raise refused or FileRefused("wanted rows; found blank lines only")
    return best[1], best[2]


def _width(rows: Sequence[Sequence[str]]) -> int:
    """In how many columns the rows reach: the most that two of them fill."""
    filled = sorted(
        (max((i for i, cell in enumerate(row, start=1) if cell.strip()), default=0) for row in rows),
        reverse=True,
    )
    return filled[min(1, len(filled) - 1)] if filled else 0


def _is_header(row: Sequence[str], width: int) -> bool:
    """Whether a row could name columns: most of the width is filled, mostly with words, and nothing is a value."""
    cells = [cell.strip() for cell in row if cell.strip()]
    if len(cells) < max(1, 0.6 * width):
        return False
    words = sum(bool(re.search(r"[^\W\d_]", cell)) for cell in cells)
    values = sum(bool(A_VALUE.fullmatch(cell)) for cell in cells)
    return words >= 0.5 * len(cells) and not values and max(map(len, cells)) <= 200


# A postcode, a date, an e-mail address, a GSS code: none of them is the name of a column.
A_VALUE = re.compile(
    r"[A-Za-z]{1,2}\d[A-Za-z\d]? ?\d[A-Za-z]{2}|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|[^@\s]+@[^@\s]+\.[^@\s]+"
    r"|[EWSN]\d{8}|https?://.*"
)


def _looks_like_header(described: Files, width: int) -> Any:
    def is_header(row: list[str]) -> bool:
        if EASTING in row or not row:
            return bool(row)
        filled = [cell for cell in row if cell.strip()]
        return len(filled) > 1 and _is_header(row, width)

    return (lambda row: True) if described.header_row or described.headers else is_header


def _named(headers: Sequence[str]) -> list[str]:
    """The headers without spaces round them; one that is blank or stands twice is told by its position."""
    names: list[str] = []
    for i, header in enumerate(headers, start=1):
        name = " ".join(str(header).split()) or f"column {i}"
        names.append(name if name not in names else f"{name} (column {i})")
    return names


# --- the profile -----------------------------------------------------------------------------------------------------


def profile(con: duckdb.DuckDBPyConnection, extract: Extract, personal: Sequence[str] = ()) -> Profile:
    """The profile of every column of an extract; `personal` names headers that are known to be personal."""
    known = {header.strip().casefold() for header in personal}
    columns = []
    for position, header in enumerate(extract.headers):
        column = _measure(con, extract, position, header)
        because = PERSONAL_BY_DESCRIPTION if header.casefold() in known else _personal(column)
        column = replace(column, personal=because)
        columns.append(replace(column, role=guess_role(column)))
    columns = _settled(columns)
    return Profile(extract, tuple(_with_values(con, extract, column) for column in columns))


PERSONAL_BY_DESCRIPTION = "the description says so"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
FORMED = "a" * 26 + "A" * 26 + "9" * 10


def form(text: str) -> str:
    """SQL: the form of a text: each digit as 9, each letter as A or a, all else as it is."""
    plain = f"translate({text}, '{LETTERS}', '{FORMED}')"
    other = plain
    for pattern, letter in (("\\p{Lu}", "A"), ("[\\p{Ll}\\p{Lt}\\p{Lm}\\p{Lo}]", "a"), ("\\p{N}", "9")):
        other = f"regexp_replace({other}, '{pattern}', '{letter}', 'g')"
    return f"CASE WHEN strlen({text}) = length({text}) THEN {plain} ELSE {other} END"


# By the form alone, in this order; the first that fits. Long forms are text, but for addresses of the internet.
TYPES_BY_FORM = (
    ("integer", "-?9+"),
    ("decimal", "-?(9*\\.9+|9+\\.|9{1,3}(,999)+(\\.9+)?)(E[-+]?9+)?"),
    ("decimal", "[-+]?£?-?[9,]+(\\.9+)?"),
    (
        "date",
        "(9{4}[-/.]99?[-/.]99?|99?[-/. ](99?|A{3,9})[-/. ](9999|99))"
        "([T ]99?:99(:99(\\.9+)?)?( ?(AM|PM|AA|AAA|Z|A))?)?",
    ),
    ("time", "99?:99(:99)?"),
    ("gss_code", "A9{8}"),
    ("postcode", "A{1,2}9[9A]? *9AA"),
    ("pupil_number", "A9{11}[9A]"),
    ("ni_number", "AA ?99 ?99 ?99 ?A"),
    ("toid", "AAAA9{13,16}"),
    ("e_mail", "[^@ ,;]+@[^@ ,;]+\\.[^@ ,;]+"),
    ("web_address", "(A{3,5}://|AAA\\.).+"),
    ("phone", "\\+?[9() -]{10,18}"),
)  # fmt: skip


def _measure(con: duckdb.DuckDBPyConnection, extract: Extract, position: int, header: str) -> ColumnProfile:
    value, table = extract.column(position), quoted(extract.table)
    # Each value once: there are few, but in a column of keys.
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE value_found AS SELECT {value} AS value, count(*) AS n FROM {table} "
        f"WHERE {value} IS NOT NULL GROUP BY 1"
    )
    types = " ".join(
        f"WHEN regexp_full_match(upper(form), {text_literal(pattern)}) THEN {text_literal(name)}"
        for name, pattern in TYPES_BY_FORM
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE form_found AS SELECT form, n, shortest, longest, "
        f"CASE WHEN length(form) > 40 AND NOT contains(form, '@') AND NOT contains(form, '://') THEN 'text' {types} "
        f"ELSE 'text' END AS type FROM (SELECT {form('value')} AS form, CAST(sum(n) AS BIGINT) AS n, "
        "min(length(value)) AS shortest, max(length(value)) AS longest FROM value_found GROUP BY 1)"
    )
    filled, shortest, longest, distinct = con.execute(
        "SELECT coalesce(sum(n), 0), coalesce(min(shortest), 0), coalesce(max(longest), 0), "
        "(SELECT count(*) FROM value_found) FROM form_found"
    ).fetchall()[0]
    found = con.execute("SELECT type, sum(n) FROM form_found GROUP BY 1 ORDER BY 2 DESC, 1").fetchall()
    type_, fits = _type({name: int(n) for name, n in found}, int(filled))
    column = ColumnProfile(
        position, header, extract.rows, extract.rows - int(filled), int(distinct), int(shortest), int(longest), (),
        type_, round(100 * fits / filled) if filled else 0, is_key=int(distinct) == extract.rows,
    )  # fmt: skip
    column = _closer(con, column)
    return replace(column, forms=_forms(con, column))


def _type(by_type: dict[str, int], filled: int) -> tuple[str, int]:
    """The type of nearly all values, and how many are of it; integers are decimals where both occur."""
    if not filled:
        return "empty", 0
    name, most = next(iter(by_type.items()))
    numbers = by_type.get("integer", 0) + by_type.get("decimal", 0)
    if name in ("integer", "decimal") and by_type.get("decimal") and by_type.get("integer"):
        name, most = ("integer", most) if by_type["decimal"] * 100 < filled else ("decimal", numbers)
    if name in ("integer", "phone") and by_type.get("phone"):
        name, most = "phone", by_type["phone"] + by_type.get("integer", 0)
    # Damaged identifiers are still such: the words among them are what `check` is for.
    enough = OF_A_TYPE if name not in ("integer", "postcode", "gss_code") else 50
    return (name, most) if most * 100 >= enough * filled else ("text", filled)


def _forms(con: duckdb.DuckDBPyConnection, column: ColumnProfile) -> tuple[Form, ...]:
    """The most frequent forms. Of text, how long its words are may tell whose it is: a word is A, a or Aa."""
    shown = "form"
    if column.type in ("text", "e_mail", "web_address"):
        for pattern, short in (("A+", "A"), ("a+", "a"), ("Aa( Aa)+", "Aa Aa")):
            shown = f"regexp_replace({shown}, '{pattern}', '{short}', 'g')"
    found = con.execute(
        f"SELECT CASE WHEN length(shown) > {LONGEST_FORM} THEN left(shown, {LONGEST_FORM}) || '...' ELSE shown END, "
        f"CAST(sum(n) AS BIGINT) FROM (SELECT {shown} AS shown, n FROM form_found) "
        f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_FORMS}"
    ).fetchall()
    return tuple(Form(*row) for row in found)


def _closer(con: duckdb.DuckDBPyConnection, column: ColumnProfile) -> ColumnProfile:
    """What only the values tell: how dates are read, how large numbers are, whether a number is a telephone's."""
    if column.type == "date":
        return _dated(con, column)
    if column.type == "gss_code":
        (codes,) = _asked(con, _rows_where("regexp_full_match(upper(value), '[EWSNKJLM][0-9]{8}')"))
        return column if 2 * codes >= column.filled else replace(column, type="text", fits_percent=100)
    if column.type == "toid":
        (osgb,) = _asked(con, _rows_where("prefix(lower(value), 'osgb')"))
        return column if _nearly_all(osgb, column) else replace(column, type="text", fits_percent=100)
    if column.type == "text" and column.filled:
        titled = "(MR|MRS|MISS|MS|DR|REV|SIR|MX)([.]? .*|[.])?"
        (named,) = _asked(con, _rows_where(f"regexp_full_match(upper(left(value, 40)), '{titled}')"))
        if named * 100 >= 30 * column.filled:
            return replace(column, personal="its values begin with Mr, Mrs, Miss, ...")
    if column.type in ("integer", "phone") and column.longest >= 10:
        bare = "regexp_replace(value, '[ ()+-]', '', 'g')"
        digits = [f"CAST({bare}[{i}] AS INT)" for i in range(1, 11)]
        # Weights 10 to 2, the remainder by 11 (NHS Data Dictionary, NHS NUMBER).
        weighted = " + ".join(f"{digit} * {11 - i}" for i, digit in enumerate(digits[:9], start=1))
        ten = f"regexp_full_match({bare}, '[0-9]{{10}}')"
        phones, health = _asked(
            con,
            _rows_where(f"regexp_full_match({bare}, '(0|44)[1-9][0-9]{{8,9}}')"),
            _rows_where(f"CASE WHEN {ten} THEN (11 - ({weighted}) % 11) % 11 = {digits[9]} END"),
        )
        for count, name in ((phones, "phone"), (health, "nhs_number")):
            # One number in eleven has the check digit right by chance.
            if _nearly_all(count, column):
                return replace(column, type=name, fits_percent=round(100 * count / column.filled))
    if column.type == "phone":
        return replace(column, type="text", fits_percent=100)
    if column.type == "integer":
        low, high, days = _asked(
            con, "min(TRY_CAST(value AS HUGEINT))", "max(TRY_CAST(value AS HUGEINT))",
            _rows_where("regexp_full_match(value, '(19|20)[0-9]{6}') AND try_strptime(value, '%Y%m%d') IS NOT NULL"),
        )  # fmt: skip
        if _nearly_all(days, column):
            return _dated(con, replace(column, type="date"))
        all_once = column.distinct == column.filled > 2
        counts = all_once and low in (0, 1) and high - low + 1 == column.filled
        return replace(column, smallest=_float(low), largest=_float(high), row_numbers=counts)
    if column.type == "decimal":
        number = identifiers.read_number("value", "DOUBLE").value
        low, high = _asked(con, f"min({number})", f"max({number})")
        return replace(column, smallest=_float(low), largest=_float(high))
    return column


def _dated(con: duckdb.DuckDBPyConnection, column: ColumnProfile) -> ColumnProfile:
    """The column with the form in which most of its dates are read; in doubt where day and month could be swapped."""

    def reads(formats: Sequence[str], found: str) -> list[tuple[str, int]]:
        counts = ", ".join(
            f"coalesce(sum(n) FILTER (try_strptime(value, '{one}') IS NOT NULL), 0)" for one in formats
        )
        return list(zip(formats, con.execute(f"SELECT {counts} FROM {found}").fetchall()[0], strict=True))

    # The forms that a few are in are tried on all.
    few = "(SELECT * FROM value_found ORDER BY n DESC, value LIMIT 500)"
    tried = [one for one, rows in reads(DATE_FORMATS, few) if rows]
    read = reads(tried, "value_found") if tried else []
    most = max((rows for _, rows in read), default=0)
    fits = round(100 * most / column.filled)
    if not _nearly_all(most, column):
        return replace(column, fits_percent=fits)
    fit = [one for one, rows in read if rows == most]
    return replace(column, date_format=fit[0], date_in_doubt=len(fit) > 1, fits_percent=fits)


def _rows_where(condition: str) -> str:
    return f"coalesce(sum(n) FILTER ({condition}), 0)"


def _asked(con: duckdb.DuckDBPyConnection, *asked: str) -> tuple[Any, ...]:
    """Aggregates over the values of the column in hand (`value`, `n` rows each)."""
    found: tuple[Any, ...] = con.execute(f"SELECT {', '.join(asked)} FROM value_found").fetchall()[0]
    return found


def _nearly_all(rows: int, column: ColumnProfile) -> bool:
    return column.filled > 0 and rows * 100 >= OF_A_TYPE * column.filled


def _float(number: Any) -> float | None:
    return None if number is None else float(number)


def _with_values(con: duckdb.DuckDBPyConnection, extract: Extract, column: ColumnProfile) -> ColumnProfile:
    """The column with the values of its code list, where it is one and nothing says that it is personal."""
    if column.personal or column.role.role != "category":
        return column
    value = extract.column(column.position)
    found = con.execute(
        f"SELECT {value}, count(*) AS n FROM {quoted(extract.table)} WHERE {value} IS NOT NULL GROUP BY 1 "
        f"HAVING n >= {RAREST_CODE} ORDER BY n DESC, 1"
    ).fetchall()
    return replace(column, values=tuple((text, int(n)) for text, n in found))


# --- what a column may be --------------------------------------------------------------------------------------------

PERSONAL_WORDS = (
    (r"fore_?names?|first_?names?|given_?names?|sur_?names?|last_?names?|middle_?names?|full_?name|initials", "a name"),
    (
        r"(tenant|claimant|applicant|customer|client|person|contact|resident|lead|liable|holder|parent|carer|child|pupil|"
        r"patient|subscriber|partner|payer|owner|occupier|landlord|complainant|officer|worker|user)s?(_.*)?_?name\d?",
        "the name of a person",
    ),
    (r"subscriber|claimant|tenant|applicant|complainant|resident|occupier|payee|account_holder", "a person"),
    (r"dob|d_o_b|(date_of_)?birth(_?date|day)?|date_of_death|dod", "a date of birth or death"),
    (r"ni_?no|nino|ni_?number|national_insurance.*", "a National Insurance number"),
    (r"nhs_?(no|number|num)|.*nhs_number", "an NHS number"),
    (r"upn|unique_pupil_number", "a pupil number"),
    (r".*e_?mail.*", "an e-mail address"),
    (r"(.*_)?(tele)?phone(_.*)?|(.*_)?mobile(_.*)?|tel(_?no|_number)?|(.*_)?fax(_.*)?", "a telephone number"),
    (r"title|salutation", "a form of address"),
    (r"gender|sex|age|ethnic.*|religion|faith|nationality|language|disab.*|sexual.*|marital.*", "a trait of a person"),
    (r"(.*_)?(bank|sort_code|iban|passport|driving_licen[cs]e)(_.*)?", "a personal number"),
    (r"person_?(id|ref|no)|party_?(id|ref)|client_?(id|ref|no)|child_?(id|ref)?|patient_?(id|ref)|customer_?(id|ref|no)",
     "the reference of a person"),
)  # fmt: skip
NO_PERSON = (
    "oa_|ward|area|authority|council|borough|parish|street|road|town|site|school|library|surgery|practice|premises|building|"
    "business|company|trading|org|file|dataset|service|la_|product"
)
FREE_TEXT = (
    r"(.*_)?(notes?|comments?|remarks?|narrative|details|free_?text|description|reason_text|conditions)(_.*)?"
)
ROLE_WORDS = (
    ("uprn", r"(.*_)?uprn(_.*)?|unique_property_ref.*"),
    ("usrn", r"(.*_)?usrn(_.*)?|unique_street_ref.*"),
    ("postcode", r"(.*_)?post_?code\d?|pcds?|pcd\d?|zip(_code)?|home_post|pl_post"),
    (
        "property_reference",
        r"(property|prop|premises|asset|dwelling|building)_?(ref|reference|code|id|no|number)|uarn|udprn",
    ),
    ("easting", r"(.*_)?eastings?(_.*)?|x|x_?coord(inate)?|gridgb1e|oseast.*|geo_?x"),
    ("northing", r"(.*_)?northings?(_.*)?|y|y_?coord(inate)?|gridgb1n|osnrth.*|geo_?y"),
    ("longitude", r"(.*_)?lon(g|gitude)?|lng"),
    ("latitude", r"(.*_)?lat(itude)?"),
    (
        "area_code",
        r"(.*_)?(oa|lsoa|msoa|ward|wd|lad|la|gss|parish|borough|district|area|ctry|rgn)_?(\d\d)?_?(\d{4}_)?(cd|code)|gss|"
        r"(oa|lsoa|msoa|ward|wd)\d*|.*(lower|middle)_(layer_)?super_output_areas?.*|output_areas?(_.*)?|wards?",
    ),
    (
        "address_line",
        r"(.*_)?addr(ess)?(_?(line|text|full))?_?\d?|(full|property|site|premises)_address|location(_?text)?|street(_name)?|"
        r"town(_or_city|_name)?|city|locality|county|house_?(no|number|name)|(building|flat|unit)_?(no|number|name)?|paon|saon|"
        r"property_address|street_descriptor",
    ),
    ("record_reference", r"(.*_)?(ref|reference|id|key|case_?no|account(_?no|_?number)?|number|no)"),
)  # fmt: skip


def _words(header: str) -> str:
    """A header as words joined by underscores: `CaseReference` is `case_reference`."""
    return column_name(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", header))


def _personal(column: ColumnProfile) -> str:
    """Why a column may be personal, by its header, else by its content; empty where nothing says so."""
    if column.personal:
        return column.personal
    name = _words(column.header)
    for pattern, what in PERSONAL_WORDS:
        if re.fullmatch(pattern, name):
            return f"its header says that it is {what}"
    by_content = {
        "e_mail": "its values are e-mail addresses", "phone": "its values are telephone numbers",
        "ni_number": "its values have the form of a National Insurance number",
        "nhs_number": "its values are NHS numbers, check digit and all",
        "pupil_number": "its values have the form of a pupil number (UPN)",
    }  # fmt: skip
    if column.type in by_content:
        return by_content[column.type]
    if (name == "name" or name.endswith("_name")) and not re.search(NO_PERSON, name):
        return "a name may be a person's" if column.distinct > MOST_CODES else ""
    if re.fullmatch(FREE_TEXT, name) and column.type == "text" and column.distinct > MOST_CODES:
        return "what people write freely may name somebody"
    if column.type == "text" and column.longest > 200 and column.distinct > MOST_CODES:
        return "long free text may name somebody"
    return ""


def guess_role(column: ColumnProfile) -> Guess:
    """The role in a description (`dataset.yaml`) that fits a column best, how sure that is, and why."""
    name = _words(column.header)
    if column.header == EASTING or column.header == NORTHING:
        return Guess(column.header.removeprefix("@"), "sure", "the geometry of the features")
    by_header = next((role for role, words in ROLE_WORDS if re.fullmatch(words, name)), "")
    if column.personal and by_header not in ("uprn", "postcode"):
        sureness: Sureness = "possible" if " may " in column.personal else "likely"
        if column.personal == PERSONAL_BY_DESCRIPTION:
            sureness = "sure"
        return Guess("personal", sureness, column.personal)
    if column.type == "empty":
        return Guess(
            by_header or "ignore",
            "possible",
            "the column is empty" + (", by its header" if by_header else ""),
        )
    if column.row_numbers and by_header not in ("uprn", "area_code"):
        return Guess("ignore", "likely", "it counts the rows")
    if by_header:
        fits, why = _content_fits(by_header, column)
        if fits:
            return Guess(
                by_header, "sure" if why else "likely", "its header" + (f", and {why}" if why else "")
            )
        if by_header == "uprn" or (by_header == "area_code" and column.type in ("integer", "decimal")):
            return Guess(by_header, "possible", "its header alone: its content is something else")
    return _role_by_content(column)


def _content_fits(role: str, column: ColumnProfile) -> tuple[bool, str]:
    """Whether the content can be of a role, and what speaks for it."""
    low, high = column.smallest, column.largest
    match role:
        case "uprn":
            # `.0` behind each is damage, but of UPRNs
            is_number = column.type == "integer" or (column.type == "decimal" and column.longest <= 15)
            return is_number, "whole numbers" if is_number else ""
        case "usrn":
            return column.type == "integer" and column.longest <= 8, "whole numbers of up to 8 digits"
        case "postcode":
            return column.type in ("postcode", "text"), "the form" if column.type == "postcode" else ""
        case "easting" | "northing":
            inside = low is not None and high is not None and high > 1000 and high < 1_400_000
            return inside, "numbers within the National Grid"
        case "latitude":
            return high is not None and 48 < high < 62, "numbers of Great Britain's latitudes"
        case "longitude":
            return (
                high is not None and low is not None and -10 < high < 4,
                "numbers of Great Britain's longitudes",
            )
        case "area_code":
            return column.type == "gss_code", "GSS codes"
        case "address_line":
            is_text = column.type == "text" and any(re.search("[Aa]", one.form) for one in column.forms)
            return is_text or column.type == "integer", "text" if is_text else ""
        case "record_reference":
            return column.is_key, "never blank, never twice"
    return True, ""


def _role_by_content(column: ColumnProfile) -> Guess:
    by_type = {
        "postcode": "postcode", "gss_code": "area_code", "date": "date", "time": "text", "toid": "text",
        "web_address": "text",
    }  # fmt: skip
    if column.type in by_type:
        return Guess(
            by_type[column.type], "likely", f"its values are of the form of a {column.type.replace('_', ' ')}"
        )
    few = column.distinct <= MOST_CODES and column.filled >= 4 * column.distinct
    if few and column.type != "decimal":
        return Guess("category", "likely", f"{column.distinct} value(s) in {column.filled:,} rows")
    if column.is_key and column.rows > 2 and column.type != "decimal" and " " not in column.forms[0].form:
        return Guess("record_reference", "possible", "never blank, never twice")
    if column.type in ("integer", "decimal"):
        return Guess("measure", "possible", "numbers")
    return Guess("text", "possible", "words")


def _settled(columns: list[ColumnProfile]) -> list[ColumnProfile]:
    """The columns with roles that only one column can have given once, to the surest; the first date is the event's."""
    order = {"sure": 0, "likely": 1, "possible": 2}
    for role in ("record_reference", "easting", "northing", "longitude", "latitude", "usrn"):
        of_role = [column for column in columns if column.role.role == role]
        for column in sorted(of_role, key=lambda one: (order[one.role.sureness], one.position))[1:]:
            # A second set of the same is of something else, or the same again.
            columns[column.position] = replace(
                column, role=Guess("text", "possible", f"another column is the {role}")
            )
    dates = [column for column in columns if column.role.role == "date"]
    if dates:
        told = replace(dates[0], role=Guess("event_date", "possible", "the first column of dates"))
        columns[told.position] = told
    return columns
