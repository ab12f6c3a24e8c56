"""Reading rows as text from CSV (zipped or not), XLSX, Parquet, GeoPackage, GeoJSON and OSM, with each row's number.

Here belongs how a file is written: encoding, delimiter, where the header is, rows that are too short, and geometry put
into EPSG:27700. What a column means, and which rows are kept, is `ingest`. Only the columns asked for are ever held:
a column that must not enter is left behind in the reader.
"""

from __future__ import annotations

import codecs
import csv
import datetime
import io
import itertools
import math
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NoReturn

from pipelines.authority import Files

CHUNK = 20_000
HEADER_SEARCH = 30
LARGEST_BLOCK = 1 << 30  # bytes that Arrow takes at a time
LONGEST_ROW = 500  # lines; a row that goes on for longer holds a quotation mark that nobody closed
GEOMETRY, EASTING, NORTHING = "@geometry", "@easting", "@northing"
SUFFIXES = {
    ".csv": "csv", ".txt": "csv", ".tsv": "csv", ".zip": "csv", ".xlsx": "xlsx", ".xlsm": "xlsx", ".parquet": "parquet",
    ".gpkg": "geopackage", ".geojson": "geojson", ".json": "geojson", ".osm": "osm", ".pbf": "osm",
}  # fmt: skip

csv.field_size_limit(64 * 1024 * 1024)


class FileRefused(Exception):
    """A file cannot be used as it is; the message says what was wanted, what was found, and where; never a value."""


class HeaderNotFound(FileRefused):
    """No row holds the headers needed; `looked_at` are the rows that were looked at, which may hold values."""

    def __init__(self, looked_at: list[list[str]]) -> None:
        super().__init__(f"wanted a row with the headers needed among the first {HEADER_SEARCH}; found none")
        self.looked_at = looked_at


@dataclass
class Rows:
    """An opened file: its headers, then chunks of rows.

    `chunks` yields (row numbers, columns), one column a header: a sequence of texts (None where empty), or an Arrow
    array of them. Row numbers are as a spreadsheet shows them: the first row of the file is 1. `bad` fills up with (row
    number, reason) while reading.
    """

    headers: list[str]
    chunks: Iterator[Chunk]
    encoding: str = ""
    bad: list[tuple[int, str]] = field(default_factory=list)


HasAll = Callable[[list[str]], bool]
Chunk = tuple[Sequence[int], list[Any]]


@contextmanager
def open_rows(path: Path, described: Files, is_header: HasAll) -> Iterator[Rows]:
    """Open a file's rows.

    `is_header` says whether a row of texts holds all the headers that are needed: the header is the first such row
    among the first 30 (or `header_row`, or the description's `headers` for a file without any). Raises `FileRefused`,
    also while the rows are read.
    """
    kind = described.format or SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise FileRefused(
            f"wanted a file ending in {', '.join(sorted(SUFFIXES))}, or `format:`; found `{path.suffix}`"
        )
    if path.stat().st_size == 0:
        raise FileRefused("wanted rows; found an empty file (0 bytes)")
    readers = {
        "csv": _open_csv, "xlsx": _open_xlsx, "parquet": _open_parquet, "geopackage": _open_features,
        "geojson": _open_features, "osm": _open_osm,
    }  # fmt: skip
    with ExitStack() as stack:
        yield readers[kind](path, described, is_header, stack)


def _headed(rows: Iterator[list[Any]], described: Files, is_header: HasAll) -> tuple[list[str], int]:
    """The headers, and the row number at which they stand (0 for a headerless file)."""
    if described.headers:
        return list(described.headers), 0
    looked_at: list[list[str]] = []
    for number, row in enumerate(itertools.islice(rows, max(HEADER_SEARCH, described.header_row)), start=1):
        headers = ["" if cell is None else str(cell) for cell in row]
        looked_at.append(headers)
        if number == described.header_row or (not described.header_row and is_header(headers)):
            return headers, number
    raise HeaderNotFound(looked_at)


class Unparted(list[Any]):
    """A row with a stray quotation mark: where its fields end is a guess, so a personal one may stand in any column."""


class _Sorter:
    """Parts rows that can be used from those that are blank or of the wrong width."""

    def __init__(self, width: int, bad: list[tuple[int, str]]) -> None:
        self.width, self.bad = width, bad
        # Blank rows count only where rows follow them: what trails behind the last row is no row.
        self.blank: list[tuple[int, str]] = []

    def rows_follow(self) -> None:
        """Blank rows met so far count."""
        self.bad += self.blank
        self.blank.clear()

    def sort(self, after: int, rows: list[list[Any]]) -> Chunk:
        """The rows that can be used, of rows of which the first is number `after` + 1."""
        numbers: list[int] = []
        kept: list[list[Any]] = []
        for number, row in enumerate(rows, start=after + 1):
            if isinstance(row, Unparted):
                self.bad.append(
                    (number, "stray_quote: text stands beside a quotation mark that ends a field")
                )
                continue
            if _is_blank(row):
                self.blank.append((number, "blank_row"))
                continue
            if self.blank:
                self.rows_follow()
            if len(row) > self.width and _is_blank(row[self.width :]):
                row = row[: self.width]
            if len(row) != self.width:
                self.bad.append((number, f"wrong_width: {len(row)} fields where the header has {self.width}"))
                continue
            numbers.append(number)
            kept.append(row)
        return numbers, list(zip(*kept, strict=True)) if kept else [()] * self.width


def _chunked(
    rows: Iterator[list[Any]], after: int, width: int, bad: list[tuple[int, str]]
) -> Iterator[Chunk]:
    sorter = _Sorter(width, bad)
    while chunk := list(itertools.islice(rows, CHUNK)):
        yield sorter.sort(after, chunk)
        after += len(chunk)


def _is_blank(row: list[Any]) -> bool:
    first = next(filter(None, row), None)  # most rows are settled by their first filled cell
    return first is None or (first.isspace() and not any(cell and not cell.isspace() for cell in row))


def _damaged(wanted: str, error: Exception) -> NoReturn:
    """Refuse a file on which a library gave up; its own words may hold values, so only their kind is told."""
    raise FileRefused(
        f"wanted {wanted}; it is damaged or something else ({type(error).__name__}): fetch it again"
    ) from None


# --- CSV -------------------------------------------------------------------------------------------------------------

# What a ZIP file that is damaged, cut short, encrypted or packed in an unusual way gives rise to.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def _open_csv(path: Path, described: Files, is_header: HasAll, stack: ExitStack) -> Rows:
    open_bytes = _csv_bytes(path, stack)
    encoding = described.encoding or _encoding(open_bytes)

    def text() -> io.TextIOWrapper:
        stream = stack.enter_context(open_bytes())
        return stack.enter_context(io.TextIOWrapper(stream, encoding=encoding, newline="", errors="strict"))

    headers, at, delimiter = _csv_head(text, described, is_header)
    bad: list[tuple[int, str]] = []
    # Start again, so that what was looked at for the header is neither lost nor read twice.
    return Rows(headers, _csv_chunks(text(), delimiter, at, _Sorter(len(headers), bad)), encoding, bad)


def _csv_bytes(path: Path, stack: ExitStack) -> Callable[[], IO[bytes]]:
    if path.suffix.lower() != ".zip":
        with path.open("rb") as stream:
            if stream.read(4) == b"PK\x03\x04":
                raise FileRefused("wanted text; found a workbook or ZIP file: give it its own ending")
        return lambda: path.open("rb")
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
        # Some systems put a hidden twin of each file into what they pack.
        names = [name for name in archive.namelist() if not name.rpartition("/")[2].startswith(".")]
        members = [name for name in names if name.lower().endswith(".csv")]
        if len(members) != 1:
            raise FileRefused(f"wanted one CSV inside the ZIP file; found {len(members)}")
        archive.open(members[0]).close()
    except ZIP_ERRORS as error:
        _refuse_zip(error)
    return lambda: archive.open(members[0])


def _refuse_zip(error: Exception) -> NoReturn:
    if isinstance(error, NotImplementedError):
        raise FileRefused(
            "wanted a ZIP file packed the common way (deflate); pack it again, or unpack it"
        ) from None
    if isinstance(error, RuntimeError):
        raise FileRefused("wanted a ZIP file without a password; unpack it") from None
    raise FileRefused(
        "wanted a whole ZIP file; found one that is damaged or cut short: fetch it again"
    ) from None


def _encoding(open_bytes: Callable[[], IO[bytes]]) -> str:
    """utf-8 (with or without its mark), utf-16 by its mark, else Windows-1252, which is what council systems write."""
    try:
        with open_bytes() as stream:
            if stream.read(4).startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                return "utf-16"
        for encoding in ("utf-8-sig", "cp1252"):
            decoder = codecs.getincrementaldecoder(encoding)()
            with suppress(UnicodeDecodeError), open_bytes() as stream:
                while block := stream.read(1 << 20):
                    decoder.decode(block)
                decoder.decode(b"", final=True)
                return encoding
    except ZIP_ERRORS as error:
        _refuse_zip(error)
    raise FileRefused("wanted text in UTF-8 or Windows-1252; found other bytes: state `encoding:`")


def _csv_head(
    text: Callable[[], io.TextIOWrapper], described: Files, is_header: HasAll
) -> tuple[list[str], int, str]:
    """The headers, the row number at which they stand, and the delimiter with which they were found."""
    failure: HeaderNotFound | None = None
    for delimiter in (
        [described.delimiter] if described.delimiter else _delimiters(text, described, is_header)
    ):
        try:
            return *_headed(_csv_rows(text(), delimiter), described, is_header), delimiter
        except HeaderNotFound as error:
            failure = failure or error
    raise failure or HeaderNotFound([])


def _delimiters(text: Callable[[], io.TextIOWrapper], described: Files, is_header: HasAll) -> list[str]:
    """The delimiters that occur, the likeliest first: addresses may hold more commas than a row has fields."""
    count = max(HEADER_SEARCH, described.header_row)

    def likely(delimiter: str) -> tuple[int, int]:
        rows: list[list[Any]] = []
        with suppress(FileRefused):  # by another delimiter its quotation marks may match
            for row in itertools.islice(_csv_rows(text(), delimiter), count):
                rows.append(row)  # those before a refusal count
        if described.headers:
            fits = sum(len(row) == len(described.headers) for row in rows)
        else:
            fits = sum(is_header(row) for row in rows)
        return fits, max((len(row) for row in rows), default=0)

    return sorted(",;\t|", key=likely, reverse=True)


def _csv_chunks(stream: io.TextIOWrapper, delimiter: str, at: int, sorter: _Sorter) -> Iterator[Chunk]:
    """The rows after the header, block by block, each by the fastest way that gives what the slowest would."""
    number = sum(1 for _ in itertools.islice(_csv_rows(stream, delimiter), at))
    while block := _lines(stream):
        if (columns := _plain_columns(block, delimiter, sorter.width)) is not None:
            sorter.rows_follow()
            yield range(number + 1, number + len(block) + 1), columns
            number += len(block)
            continue
        rows = _block_rows(block, delimiter)
        if rows is None:
            following = itertools.chain(block, stream)
            rows = list(_csv_rows(stream, delimiter, number, following, at_least=len(block)))
        yield sorter.sort(number, rows)
        number += len(rows)


def _lines(stream: io.TextIOWrapper) -> list[str]:
    try:
        return list(itertools.islice(stream, CHUNK))
    except (UnicodeError, *ZIP_ERRORS) as error:
        _refuse_text(stream, error)


def _plain_columns(block: list[str], delimiter: str, width: int) -> list[Any] | None:
    """The columns of a block as Arrow arrays, where it has no quotation marks, blank or ragged rows; else None."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    text = "".join(block)
    fields = {line.count(delimiter) for line in block}
    if '"' in text or "\x00" in text or fields != {width - 1} or not delimiter.isascii():
        return None
    if any(first == delimiter or first.isspace() for first in {line[0] for line in block}):
        return None  # may be blank
    names, encoded = [str(i) for i in range(width)], text.encode()
    if len(encoded) > LARGEST_BLOCK:
        return None
    table = arrow_csv.read_csv(
        pa.py_buffer(encoded),
        arrow_csv.ReadOptions(use_threads=False, column_names=names, block_size=len(encoded) + 1),
        arrow_csv.ParseOptions(delimiter=delimiter, quote_char=False),
        arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )
    return [column.combine_chunks() for column in table.columns] if len(table) == len(block) else None


def _block_rows(block: list[str], delimiter: str) -> list[list[Any]] | None:
    """The rows of a block in which each line is a row; None where it is not so."""
    if any("\x00" in line for line in block):
        return None
    try:
        rows = list(csv.reader(block, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows if len(rows) == len(block) else None


def _csv_rows(
    stream: io.TextIOWrapper,
    delimiter: str,
    number: int = 0,
    following: Iterable[str] | None = None,
    at_least: int = 0,
) -> Iterator[list[Any]]:
    """Row by row, with every check: the rows of a stream, or of the lines that follow row `number`."""
    record: list[str] = []  # the lines of the row being read
    taken = 0

    def lines() -> Iterator[str]:
        nonlocal taken
        for line in stream if following is None else following:
            taken += 1
            record.append(line)
            if len(record) > LONGEST_ROW:
                raise FileRefused(_unclosed(number + 1, len(record)))
            yield line.replace("\x00", "") if "\x00" in line else line

    try:
        for row in csv.reader(lines(), delimiter=delimiter):
            number += 1
            # A quotation mark that is not closed may swallow whole rows and end at the next one's first mark.
            parted = '"' not in "".join(record) or _is_parted_by_rule(record, delimiter, number)
            record = []
            yield row if parted else Unparted(row)
            if at_least and taken >= at_least:
                return
    except csv.Error as error:
        raise FileRefused(f"row {number + 1} cannot be read: {error}") from None
    except (UnicodeError, *ZIP_ERRORS) as error:
        _refuse_text(stream, error)


def _refuse_text(stream: io.TextIOWrapper, error: Exception) -> NoReturn:
    if isinstance(error, UnicodeError):
        raise FileRefused(f"wanted {stream.encoding} text; found other bytes: state `encoding:`") from None
    _refuse_zip(error)


def _is_parted_by_rule(lines: list[str], delimiter: str, number: int) -> bool:
    """Whether a row's quotation marks leave no doubt where its fields end. Refuses the file where one is not closed."""
    try:
        for _ in csv.reader((line.replace("\x00", "") for line in lines), delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        if len(lines) > 1 or "end of data" in str(error):
            raise FileRefused(_unclosed(number, len(lines))) from None
        return False
    return True


def _unclosed(number: int, lines: int) -> str:
    over = f"runs over {lines} lines" if lines > 1 else "is the last"
    return f"row {number} {over}: a quotation mark that opens there is never closed, or one inside it is not doubled"


# --- XLSX ------------------------------------------------------------------------------------------------------------


def _open_xlsx(path: Path, described: Files, is_header: HasAll, stack: ExitStack) -> Rows:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises whatever its parts raise on a damaged file
        _damaged("an XLSX workbook without a password", error)
    stack.callback(book.close)
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if described.sheet and described.sheet not in sheets:
        raise FileRefused(f"wanted the sheet `{described.sheet}`; found {', '.join(sheets)}")
    visible = [name for name, sheet in sheets.items() if sheet.sheet_state == "visible"]
    name, headers, at = _the_one(
        "sheet",
        [described.sheet] if described.sheet else visible,
        lambda name: _headed(_sheet_rows(sheets[name]), described, is_header),
    )
    while headers and not headers[-1].strip():
        headers.pop()
    bad: list[tuple[int, str]] = []
    rows = itertools.islice(_sheet_rows(sheets[name], len(headers)), at, None)
    return Rows(headers, _chunked(rows, at, len(headers), bad), "xlsx", bad)


def _the_one(
    what: str, names: list[str], head: Callable[[str], tuple[list[str], int]]
) -> tuple[str, list[str], int]:
    """The one sheet or layer that holds the headers needed, its headers and the row at which they stand."""
    found: list[tuple[str, list[str], int]] = []
    looked_at: list[list[str]] = []
    for name in names:
        try:
            found.append((name, *head(name)))
        except HeaderNotFound as error:
            looked_at += error.looked_at
    if len(found) > 1:
        several = ", ".join(name for name, _, _ in found)
        raise FileRefused(f"wanted one {what} with the headers needed; found {several}: state `{what}:`")
    if not found:
        raise HeaderNotFound(looked_at)
    return found[0]


def _sheet_rows(sheet: Any, width: int = 0) -> Iterator[list[Any]]:
    # Some systems write a size into the sheet that is smaller than what it holds.
    sheet.reset_dimensions()
    try:
        for row in sheet.iter_rows(values_only=True):
            cells = [_cell_text(value) for value in row]
            cells += [None] * (width - len(cells))
            yield cells
    except Exception as error:  # whatever its XML parser raises on a damaged sheet
        _damaged("an XLSX workbook", error)


def _cell_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value)


# --- Parquet ---------------------------------------------------------------------------------------------------------


def _open_parquet(path: Path, described: Files, is_header: HasAll, stack: ExitStack) -> Rows:
    import pyarrow.parquet as pq

    try:
        file = stack.enter_context(pq.ParquetFile(path))
        headers = list(file.schema_arrow.names)
    except Exception as error:
        _damaged("a Parquet file", error)
    if not is_header(headers):
        raise HeaderNotFound([headers])

    def rows() -> Iterator[list[Any]]:
        try:
            for batch in file.iter_batches(batch_size=CHUNK):
                columns = [[_cell_text(value) for value in column.to_pylist()] for column in batch.columns]
                yield from (list(row) for row in zip(*columns, strict=True))
        except Exception as error:
            _damaged("a Parquet file", error)

    bad: list[tuple[int, str]] = []
    return Rows(headers, _chunked(rows(), 0, len(headers), bad), "parquet", bad)


# --- GeoPackage, GeoJSON ---------------------------------------------------------------------------------------------


def _open_features(path: Path, described: Files, is_header: HasAll, stack: ExitStack) -> Rows:
    """Features as rows, with `@geometry` (WKB in EPSG:27700) and, of points, `@easting` and `@northing` as headers."""
    import fiona

    wanted = "a GeoPackage or GeoJSON file with features"
    # fiona does not survive an error message that is not UTF-8 (it takes the whole process down): hence these first.
    if (described.format or SUFFIXES.get(path.suffix.lower())) == "geojson":
        _hold_to_utf8(path)
    else:
        _hold_to_sqlite(path)
    try:
        layers = list(fiona.listlayers(path))
    except Exception as error:  # fiona has several families of errors
        _damaged(wanted, error)
    if described.layer and described.layer not in layers:
        raise FileRefused(f"wanted the layer `{described.layer}`; found {', '.join(layers)}")

    def head(layer: str) -> tuple[list[str], int]:
        with fiona.open(path, layer=layer) as source:
            headers = [*source.schema["properties"], GEOMETRY, EASTING, NORTHING]
        if not is_header(headers):
            raise HeaderNotFound([headers])
        return headers, 0

    try:
        layer, headers, _ = _the_one("layer", [described.layer] if described.layer else layers, head)
        source = stack.enter_context(fiona.open(path, layer=layer))
        count = len(source)
    except FileRefused:
        raise
    except Exception as error:
        _damaged(wanted, error)
    if not source.crs_wkt or "Undefined" in source.crs_wkt:
        raise FileRefused(
            "wanted a coordinate reference system; the layer states none: set it and write the file again"
        )
    bad: list[tuple[int, str]] = []
    rows = _feature_rows(source, headers[:-3], grid_transform(source.crs_wkt), count, wanted)
    return Rows(headers, _chunked(rows, 0, len(headers), bad), "features", bad)


def _hold_to_utf8(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as stream:
        try:
            while block := stream.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise FileRefused("wanted GeoJSON in UTF-8; found other bytes: write the file again") from None


def _hold_to_sqlite(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            for table in ("sqlite_master", "gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys"):
                for _ in database.execute(f"SELECT * FROM {table}"):
                    pass
    except (sqlite3.Error, UnicodeError) as error:
        _damaged("a GeoPackage", error)


def _feature_rows(
    source: Any, names: list[str], to_grid: Callable[[Any], Any] | None, count: int, wanted: str
) -> Iterator[list[Any]]:
    import shapely
    from shapely.geometry import shape

    read = 0
    try:
        for feature in source:
            read += 1
            cells: list[Any] = [_cell_text(feature.properties[name]) for name in names]
            geometry = shape(feature.geometry) if feature.geometry is not None else None
            if geometry is None or geometry.is_empty:
                yield [*cells, None, None, None]
                continue
            geometry = (
                shapely.transform(shapely.force_2d(geometry), to_grid)
                if to_grid
                else shapely.force_2d(geometry)
            )
            parts = shapely.get_parts(geometry)
            point = parts[0] if len(parts) == 1 and parts[0].geom_type == "Point" else None
            if geometry.is_empty or not all(map(math.isfinite, geometry.bounds)):
                # Outside Great Britain. The zero is read as such further on.
                yield [*cells, None, *((None, None) if point is None else ("0", "0"))]
                continue
            yield [
                *cells,
                shapely.to_wkb(geometry, byte_order=1),
                f"{point.x:.2f}" if point is not None else None,
                f"{point.y:.2f}" if point is not None else None,
            ]
    except Exception as error:
        _damaged(wanted, error)
    # A damaged file may simply end early.
    if read != count:
        raise FileRefused(f"wanted {count} features, as the file says; found {read}: fetch it again")


# --- OpenStreetMap ---------------------------------------------------------------------------------------------------

OSM_TAGS = Path(__file__).with_name("osm.ini")
LARGEST_BLOB_HEADER = 64 * 1024  # bytes, as the format says


def _open_osm(path: Path, described: Files, is_header: HasAll, stack: ExitStack) -> Rows:
    """The ways of an OSM file (PBF or XML) that are lines, with the tags that `osm.ini` names and `@geometry`.

    A row number is the way's place among those lines. Nodes and relations are not read.
    """
    import pyogrio.raw

    _hold_to_whole_osm(path)
    layer = described.layer or "lines"
    if layer != "lines":
        raise FileRefused(
            f"wanted the layer `lines` of an OpenStreetMap file; the description says `{layer}`"
        )
    wanted = "an OpenStreetMap file (PBF or XML)"
    try:
        # Asked for by a query, the one layer is read alone: else the points before it would all be held.
        meta, batches = stack.enter_context(
            pyogrio.raw.open_arrow(
                path, sql="SELECT * FROM lines", batch_size=CHUNK, use_pyarrow=True, CONFIG_FILE=str(OSM_TAGS)
            )
        )
    except Exception as error:  # pyogrio has several families of errors
        _damaged(wanted, error)
    headers = [*(str(name) for name in meta["fields"]), GEOMETRY]
    if not is_header(headers):
        raise HeaderNotFound([headers])
    return Rows(headers, _osm_chunks(batches, headers, wanted), "features")


def _osm_chunks(batches: Any, headers: list[str], wanted: str) -> Iterator[Chunk]:
    import numpy as np
    import shapely

    def to_grid(degrees: Any) -> Any:
        return np.column_stack(to_grid_metres(degrees[:, 0], degrees[:, 1]))

    after = 0
    try:
        for batch in batches:
            last = batch.schema.names[-1]
            columns: list[Any] = [batch.column(name).cast("string") for name in headers[:-1]]
            lines = shapely.from_wkb(batch.column(last).to_numpy(zero_copy_only=False))
            lines = shapely.transform(shapely.force_2d(lines), to_grid)
            inside = np.isfinite(shapely.bounds(lines)).all(
                axis=1
            )  # not finite: outside Great Britain, or no shape
            columns.append(list(np.where(inside, shapely.to_wkb(lines, byte_order=1), None)))
            yield range(after + 1, after + 1 + len(batch)), columns
            after += len(batch)
    except Exception as error:
        _damaged(wanted, error)


def _hold_to_whole_osm(path: Path) -> None:
    """Refuse a file that is cut short, of which the library would read what there is without a word."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(4)
        if head.lstrip()[:1] == b"<" or head.startswith(codecs.BOM_UTF8):
            stream.seek(max(0, size - 64))
            if not stream.read().rstrip().endswith(b"</osm>"):
                raise FileRefused(
                    "wanted a whole OpenStreetMap file, which ends in `</osm>`; found another end: fetch it again"
                )
            return
        at = blobs = 0
        while at < size:
            stream.seek(at)
            length = int.from_bytes(stream.read(4), "big")
            data = _blob_length(stream.read(length)) if 0 < length <= LARGEST_BLOB_HEADER else -1
            at += 4 + length + data
            if data < 0 or at > size:
                found = (
                    f"one that is cut short or damaged after {blobs} blocks" if blobs else "something else"
                )
                raise FileRefused(
                    f"wanted a whole OpenStreetMap file (PBF or XML); found {found}: fetch it again"
                )
            blobs += 1


def _blob_length(header: bytes) -> int:
    """The length of the block that a PBF header announces (its field 3), in bytes; -1 where it is no such header."""

    def number(at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            value |= (header[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if header[at - 1] < 0x80:
                return value, at

    at, length = 0, -1
    try:
        while at < len(header):
            key, at = number(at)
            value, at = number(at)
            if key == 3 << 3:
                length = value
            elif key & 7 == 2:
                at += value  # text or bytes of that length
            elif key & 7:
                return -1
    except IndexError:
        return -1
    return length


GRID_NAMES = {"OSGB36 / British National Grid", "OSGB 1936 / British National Grid", "British National Grid"}
DEGREES_EPSG = {4326, 4258, 4979, 4937}  # WGS 84 and ETRS89, with and without heights


def grid_transform(crs_wkt: str) -> Callable[[Any], Any] | None:
    """A function that takes (n, 2) coordinates of a CRS to EPSG:27700 metres, or None where they are there already.

    Longitude and latitude go by OSTN15 (convertbng), which is exact; any other CRS is first put into these.
    Raises `FileRefused` on a CRS that is not known.
    """
    import numpy as np
    from pyproj import CRS, Transformer
    from pyproj.exceptions import ProjError

    try:
        crs = CRS.from_wkt(crs_wkt)
        flat = crs.sub_crs_list[0] if crs.is_compound else crs
        if flat.to_epsg() == 27700 or flat.name.replace("_", " ") in GRID_NAMES:
            return None
        is_degrees = flat.is_geographic and (flat.to_epsg() in DEGREES_EPSG or flat.name.startswith("WGS 84"))
        # Longitude and latitude on another datum (OSGB36, say) are a hundred metres off.
        to_degrees = None if is_degrees else Transformer.from_crs(flat, 4326, always_xy=True)
    except ProjError:
        raise FileRefused("wanted a coordinate reference system that is known; found another one") from None

    def transform(coordinates: Any) -> Any:
        longitude, latitude = coordinates[:, 0], coordinates[:, 1]
        if to_degrees is not None:
            longitude, latitude = to_degrees.transform(longitude, latitude)
        return np.column_stack(to_grid_metres(longitude, latitude))

    return transform


def to_grid_metres(longitude: Any, latitude: Any) -> tuple[Any, Any]:
    """Longitudes and latitudes (ETRS89 or WGS84 degrees, arrays) as eastings and northings (EPSG:27700, OSTN15 exact).

    Points outside Great Britain come back as NaN.
    """
    import numpy as np
    from convertbng.cutil import convert_bng

    easting, northing = convert_bng(
        np.ascontiguousarray(longitude, float), np.ascontiguousarray(latitude, float)
    )
    return np.asarray(easting), np.asarray(northing)


def to_degrees(easting: Any, northing: Any) -> tuple[Any, Any]:
    """Eastings and northings (EPSG:27700 metres, arrays) as longitudes and latitudes (ETRS89 degrees, OSTN15 exact)."""
    import numpy as np
    from convertbng.cutil import convert_lonlat

    longitude, latitude = convert_lonlat(
        np.ascontiguousarray(easting, float), np.ascontiguousarray(northing, float)
    )
    return np.asarray(longitude), np.asarray(latitude)
