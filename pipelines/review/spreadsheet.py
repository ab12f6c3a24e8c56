"""CSV for spreadsheets: text that cannot become a formula, and files as a spreadsheet saves them again.

Here belongs the form of such a file, and reading a UPRN or a date out of a cell that a spreadsheet may have changed.
What the columns mean is elsewhere.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

# A cell that begins so may be run as a formula (OWASP, CSV injection), the full-width forms included. An apostrophe
# before it makes it text; apostrophes that stand there already get one more, so that taking one off always undoes it.
_FORMULA = re.compile("'*\\s*[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]")
_SCIENTIFIC = re.compile(r"[0-9]+([.,][0-9]+)?E\+?[0-9]+", re.IGNORECASE)
_BRITISH_DAY = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
UPRN_DIGITS = 12


class SheetUnreadable(Exception):
    """A file is not a table that can be read; the message says where, what was found and what to do."""


class CellUnreadable(Exception):
    """A cell does not hold what it should; the message says what it looks like, never the value itself."""


@dataclass(frozen=True)
class Sheet:
    """A table as read: its header, and each row by its number (as a spreadsheet counts; the header is row 1).

    `wrong` are rows that do not fit the header, with the reason. Blank rows are in neither.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    wrong: tuple[tuple[int, str], ...]


def guarded(text: str) -> str:
    """A text as a cell that no spreadsheet takes for a formula; `plain` gives the text back."""
    return f"'{text}" if _FORMULA.match(text) else text


def plain(cell: str) -> str:
    """The text of a cell that `guarded` wrote."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table as CSV: UTF-8 with a byte order mark, by which a spreadsheet knows it; text cells guarded."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([guarded(cell) if isinstance(cell, str) else cell for cell in row])
    return stream.getvalue().encode("utf-8-sig")


def read_sheet(path: Path, needed: Sequence[str]) -> Sheet:
    """Read a CSV file as written by `as_csv`, or as a spreadsheet saved it again.

    The encoding is UTF-8, UTF-16 (`Unicode text`) or Windows-1252; cells are parted by commas, semicolons or tabs. Rows
    that are shorter than the header are filled up; `plain` has been applied to every cell. Raises `SheetUnreadable`
    where there is no header with the `needed` columns, or the file is no such table; OSError where it cannot be opened.
    """
    text = _text(path)
    delimiter = max(",;\t", key=lambda mark: text.partition("\n")[0].count(mark))
    header: tuple[str, ...] = ()
    rows: list[tuple[int, dict[str, str]]] = []
    wrong: list[tuple[int, str]] = []
    number = 0
    try:
        for number, cells in enumerate(
            csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), start=1
        ):
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(path, [cell.strip().lower() for cell in cells], needed)
                continue
            if any(cell.strip() for cell in cells[len(header) :]):
                wrong.append(
                    (number, "it has more cells than the header: quote cells that hold the delimiter")
                )
                continue
            filled = [*cells, *[""] * (len(header) - len(cells))]
            rows.append((number, {n: plain(c.strip()) for n, c in zip(header, filled, strict=False) if n}))
    except csv.Error as error:
        raise SheetUnreadable(
            f"{path}, row {number + 1}: wanted cells as a spreadsheet saves them; found a damaged row ({error}). Save "
            "it again as CSV, or correct the quotation marks"
        ) from None
    if not header:
        _header(path, [], needed)
    return Sheet(header, tuple(rows), tuple(wrong))


def _text(path: Path) -> str:
    raw = path.read_bytes()
    if raw.startswith(b"PK\x03\x04"):
        raise SheetUnreadable(f"{path}: wanted a CSV file; found a workbook. Save the sheet as `CSV UTF-8`")
    if b"\0" in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SheetUnreadable(f"{path}: wanted a CSV file; found one that is not text")
    try:
        return raw.decode("utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _header(path: Path, names: list[str], needed: Sequence[str]) -> tuple[str, ...]:
    if lacking := [name for name in needed if name not in names]:
        raise SheetUnreadable(
            f"{path}, row 1: wanted a header with the columns {', '.join(needed)}; found none called "
            f"{', '.join(lacking)}. Keep the header of the worksheet as it is"
        )
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise SheetUnreadable(f"{path}, row 1: the column {twice[0]} is there twice; keep one")
    return tuple(names)


def uprn_in(cell: str) -> int:
    """The UPRN in a cell; raises `CellUnreadable` where a spreadsheet has spoilt it, or it is none."""
    text = re.sub(r"\s", "", cell).removesuffix(".0").lstrip("0")
    if _SCIENTIFIC.fullmatch(text):
        raise CellUnreadable(
            "a UPRN that a spreadsheet turned into scientific notation: its last digits are lost. Format the column "
            "as text and enter it again, or choose the candidate by its number"
        )
    if not (text.isascii() and text.isdecimal()):
        raise CellUnreadable("something that is no UPRN")
    if len(text) > UPRN_DIGITS:
        raise CellUnreadable(f"a number of more than {UPRN_DIGITS} digits")
    return int(text)


def day_in(cell: str) -> datetime.date:
    """The day in a cell, as 2026-09-30 or, as British spreadsheets save it, 30/09/2026; raises `CellUnreadable`."""
    try:
        if british := _BRITISH_DAY.fullmatch(cell):
            day, month, year = map(int, british.groups())
            return datetime.date(year, month, day)
        return datetime.date.fromisoformat(cell)
    except ValueError:
        raise CellUnreadable("something that is no day such as 2026-09-30") from None
