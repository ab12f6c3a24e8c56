"""A scan of every artefact of a release before it is put in place: is anything in a file that was withheld?

Here belongs opening each file as a curious reader would (rows, statistics, metadata, comments, blocks data, attributes
and scripts of a page, free space of a database) and holding it against the published tables, and against identifiers
of records that are not open. Whether the published tables themselves give something away is for `protect.verify` and
for audits that reckon; how files are written is `release`. No finding quotes a value.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb

from pipelines.protect import HIDDEN, OPEN_DATASETS, PUBLISHED, Finding, Publication, open_sql, rule_sentence
from pipelines.release import CHECKSUMS, CRS, DATABASE, GEOPACKAGE, Candidate
from pipelines.tables import quoted, text_literal

# Draws a page from a connection that sees the schema `published`.
Draw = Callable[[duckdb.DuckDBPyConnection], str]

TEXTS = (".html", ".json", ".md", ".txt", ".csv")
NOTEBOOK = ".ipynb"
# Whole authorities: their names and codes stand in every text beside numbers that are not about them.
WHOLE = ("authority", "lad")
# What a page's data block holds in place of a figure.
MARKER = {HIDDEN: "h", PUBLISHED: None}
NO_FIGURE = "n"
ABOUT = ("column_meaning", "licence", "release", "schema_meaning", "table_meaning")
PARQUET_METADATA = {"ARROW:schema", "geo", "pandas"}

NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?!\w)")
ISO_DATE = re.compile(r"\b\d{4}-\d\d(?:-\d\d)?\b")
DIGIT = re.compile(r"\d")
WORD = re.compile(r"[A-Za-z0-9]+(?:[-/][A-Za-z0-9]+)*")
AREA_CODE = re.compile(r"\b[EWSN]\d{8}\b")
# Fewer digits may be any number. A UPRN as short as that is found as part of an address or not at all.
UPRN_DIGITS = range(8, 13)
# As `pseudonyms` makes them. Digits alone are numbers that a database stores side by side; a mark of digits alone is
# among the references.
MARK = re.compile(r"(?<![0-9A-Za-z])(?![0-9]{24})[0-9a-f]{24}(?![0-9A-Za-z])")
POSTCODE = re.compile(r"(?<![A-Za-z0-9])([A-Z]{1,2}\d[A-Z\d]?) ?(\d[A-Z]{2})(?![A-Za-z0-9])")
# What must not be taken for words: hashes of scripts and files.
HASHES = re.compile(r"sha256-[A-Za-z0-9+/]+=*|(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
DATA_URI = re.compile(r"data:[\w/+.-]*;base64,([A-Za-z0-9+/=]+)")
# An exact figure below this turns up by chance; one as large as this, that is published nowhere, hardly does.
DISTINCTIVE = 1_000
YEARS = range(1900, 2101)


def scan(candidate: Candidate, drawn: Mapping[str, Draw]) -> Iterator[Finding]:
    """Everything in the candidate's files that the published tables do not account for.

    `drawn` are the pages by their place in the release (`maps/demand.html`), each with what drew it: it is drawn again
    from the released database alone and must come to the same bytes. `candidate.con` sees the published tables and the
    exact ones; where it has no `services.record`, there are no identifiers to look for.
    """
    known = Known.of(candidate)
    for path in sorted(p for p in candidate.folder.rglob("*") if not p.is_dir() or p.is_symlink()):
        yield from _scan_file(candidate, known, path, drawn)
    yield from _redrawn(candidate, drawn)


def _scan_file(
    candidate: Candidate, known: Known, path: Path, drawn: Mapping[str, Draw]
) -> Iterator[Finding]:
    name = path.relative_to(candidate.folder).as_posix()
    by_name = {publication.table.name: publication for publication in candidate.publications}
    if path.is_symlink() or not path.is_file():
        yield Finding(name, "", "is a link; a release holds files only")
        return
    raw = path.read_bytes()
    if path.suffix not in (*TEXTS, NOTEBOOK):
        yield from known.identifiers_in(name, _texts_in(raw))
    if name == DATABASE:
        yield from _scan_database(candidate, known, path)
    elif name == GEOPACKAGE:
        yield from _scan_geopackage(candidate, path, name, raw)
    elif path.parent == candidate.folder / "parquet" and path.suffix == ".parquet" and path.stem in by_name:
        yield from _scan_parquet(candidate, by_name[path.stem], path, name)
    elif name == CHECKSUMS:
        yield from _scan_checksums(candidate, name, raw.decode("utf-8", "replace"))
    elif path.suffix == NOTEBOOK:
        yield from _scan_notebook(known, name, raw.decode("utf-8", "replace"))
    elif path.suffix in TEXTS:
        yield from _scan_text(candidate, known, path, name, raw.decode("utf-8", "replace"), drawn)
    else:
        yield Finding(
            name, "", "is of a kind, or in a place, that a release does not have and the scan cannot read"
        )


def _texts_in(raw: bytes) -> str:
    """The runs of plain text in a binary file, one a line."""
    return "\n".join(run.decode("ascii") for run in re.findall(rb"[\x20-\x7e]{6,}", raw))


# What was published, and what was not ---------------------------------


@dataclass(frozen=True)
class Known:
    """What is held against the files: numbers published for each area, exact figures that were not, identifiers."""

    areas: Mapping[str, frozenset[Decimal]]  # by area code: every number that stands in a published row of it
    names: Mapping[str, tuple[str, ...]]  # area name -> codes
    sites: tuple[str, ...]  # names of published sites in which an area is named, the longest first
    numbers: frozenset[Decimal]  # every published number
    exact: frozenset[Decimal]  # exact figures that were rounded or hidden
    uprns: frozenset[str]
    postcodes: frozenset[str]
    addresses: frozenset[tuple[str, ...]]
    references: frozenset[str]
    row_names: tuple[str, ...]

    @staticmethod
    def of(candidate: Candidate) -> Known:
        """Read the tables of a candidate."""
        con = candidate.con
        areas: dict[str, set[Decimal]] = defaultdict(set)
        names: dict[str, set[str]] = defaultdict(set)
        numbers: set[Decimal] = set()
        open_words: set[str] = set()
        open_texts: list[str] = []
        for publication in candidate.publications:
            result = con.execute(f"SELECT * FROM published.{quoted(publication.table.name)}")
            columns = [column[0] for column in result.description or ()]
            at = {column: place for place, column in enumerate(columns)}
            is_open = publication.definition.open or publication.definition.rows == "open_only"
            rows = result.fetchall()
            numbers.add(Decimal(len(rows)).normalize())  # the catalogue tells it
            for row in rows:
                texts = {
                    column: str(value)
                    for column, value in zip(columns, row, strict=True)
                    if value is not None and not isinstance(value, bytes)
                }
                by_column = {column: _numbers(text) for column, text in texts.items()}
                numbers.update(*by_column.values())
                if is_open:
                    open_texts += texts.values()
                if "area_code" not in at or row[at["area_type"]] in WHOLE:
                    continue
                code = str(row[at["area_code"]])
                # What tells rows apart (two quarters ahead, the third fifth) is no figure of the area; a year may be.
                areas[code] |= {
                    number
                    for column, numbers_in_it in by_column.items()
                    for number in numbers_in_it
                    if column not in publication.table.key or YEARS.start <= number < YEARS.stop
                }
                if "area_name" in at and len(str(row[at["area_name"]] or "")) > 4:
                    names[str(row[at["area_name"]])].add(code)
        for text in open_texts:
            open_words.update(WORD.findall(text))
        exact = _exact_figures(candidate) - numbers
        uprns, postcodes, addresses, references, row_names = _identifiers(con)
        open_text = "\n".join(open_texts)
        open_postcodes = {f"{a} {b}" for a, b in POSTCODE.findall(open_text.upper())}
        open_phrases = {phrase for text in open_texts for phrase in _phrases(text)}
        return Known(
            {code: frozenset(found) for code, found in areas.items()},
            {name: tuple(sorted(codes)) for name, codes in names.items()},
            _sites_named_by_area(candidate, names),
            frozenset(numbers),
            frozenset(exact),
            frozenset(uprns - open_words),
            frozenset(postcodes - open_postcodes),
            frozenset(addresses - open_phrases),
            frozenset(references - open_words),
            row_names,
        )

    def identifiers_in(self, name: str, text: str) -> Iterator[Finding]:
        """Findings of identifiers of records that are not open, in any text."""
        text = HASHES.sub(" ", text)
        words = Counter(WORD.findall(text))
        found = {
            "a UPRN of a record": sum(n for word, n in words.items() if word in self.uprns),
            "a reference of a record": sum(n for word, n in words.items() if word in self.references),
            "what has the form of a keyed mark": len(MARK.findall(text)),
            "a postcode of a record": sum(f"{a} {b}" in self.postcodes for a, b in POSTCODE.findall(text)),
            "an address of a record": sum(
                phrase in self.addresses for line in text.splitlines() for phrase in _phrases(line)
            ),
            "the file and row of a record": sum(text.count(start) for start in self.row_names),
        }
        for what, times in found.items():
            if times:
                yield Finding(name, "", f"holds {what} that is not open, {times} time(s)")

    def numbers_in(self, name: str, where: str, units: Iterable[str]) -> Iterator[Finding]:
        """Findings of numbers beside an area that are not published for it, and of exact figures, in pieces of text."""
        strangers = exact = 0
        for unit in units:
            if not any(character.isdigit() for character in unit):
                continue
            found = _numbers(AREA_CODE.sub(" ", unit))
            exact += sum(number in self.exact for number in found)
            codes = [code for code in AREA_CODE.findall(unit) if code in self.areas]
            codes += [code for area in self._named(unit) for code in self.names[area]]
            if codes:
                strangers += len(found - frozenset().union(*(self.areas[code] for code in codes)))
        if strangers:
            yield Finding(name, where, f"{strangers} number(s) beside an area that are not published for it")
        if exact:
            yield Finding(name, where, f"{exact} exact figure(s) that were rounded or hidden")

    def _named(self, unit: str) -> list[str]:
        if len(unit) >= 10_000 or not any(area in unit for area in self.names):
            return []
        # The surgery of a ward is not the ward.
        for site in self.sites:
            unit = unit.replace(site, " ")
        return [area for area in self.names if area in unit]


def _sites_named_by_area(candidate: Candidate, areas: Iterable[str]) -> tuple[str, ...]:
    """Names of published sites in which the name of an area stands among other words, the longest first."""
    if not any(publication.table.full_name == "published.site" for publication in candidate.publications):
        return ()
    rows = candidate.con.execute("SELECT DISTINCT name FROM published.site WHERE name IS NOT NULL").fetchall()
    found = {name for (name,) in rows if any(area in name and area != name for area in areas)}
    return tuple(sorted(found - set(areas), key=lambda name: (-len(name), name)))


def _numbers(text: str) -> frozenset[Decimal]:
    """The numbers in a text; the parts of a date are none."""
    found = NUMBER.findall(ISO_DATE.sub(" ", text))
    return frozenset(Decimal(number.replace(",", "")).normalize() for number in found)


def _exact_figures(candidate: Candidate) -> set[Decimal]:
    """Distinctive counts of the exact layers, of which only a rounded figure, or none, was published."""
    found: set[Decimal] = set()
    for publication in candidate.publications:
        if not _has_table(candidate.con, *publication.definition.layer.split(".")):
            continue
        for count in publication.definition.counts:
            rows = candidate.con.execute(
                f"WITH {OPEN_DATASETS} SELECT DISTINCT {quoted(count)} FROM {publication.definition.layer} "
                f"WHERE {quoted(count)} >= {DISTINCTIVE} AND NOT ({open_sql(publication.definition)})"
            ).fetchall()
            found |= {Decimal(value).normalize() for (value,) in rows if int(value) not in YEARS}
    return found


def _has_table(con: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    known = "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?"
    return bool(con.execute(known, [schema, name]).fetchall())


def _identifiers(
    con: duckdb.DuckDBPyConnection,
) -> tuple[set[str], set[str], set[tuple[str, ...]], set[str], tuple[str, ...]]:
    """UPRNs, postcodes, addresses (as phrases), references, and beginnings of record names; of what is not open."""
    uprns: set[str] = set()
    postcodes: set[str] = set()
    addresses: set[tuple[str, ...]] = set()
    references: set[str] = set()
    if not _has_table(con, "services", "record"):
        return uprns, postcodes, addresses, references, ()
    closed = f"WITH {OPEN_DATASETS} SELECT * FROM services.record WHERE dataset NOT IN (FROM open_dataset)"
    columns = "SELECT DISTINCT uprn, postcode, address, file, dataset, record_id"
    files, datasets = set(), set()
    for uprn, postcode, address, file, dataset, record_id in con.execute(
        f"{columns} FROM ({closed})"
    ).fetchall():
        if uprn is not None and len(str(uprn)) in UPRN_DIGITS:
            uprns.add(str(uprn))
        if postcode is not None:
            postcodes.add(str(postcode))
        addresses |= _key_phrases(str(address or ""))
        if re.fullmatch(WORD, str(record_id or "")) and len(record_id) >= 6:
            references.add(str(record_id))
        files.add(str(file))
        datasets.add(str(dataset))
    if _has_table(con, "places", "record_placed"):
        placed = (
            "SELECT DISTINCT uprn FROM places.record_placed "
            "WHERE uprn IS NOT NULL AND dataset NOT IN (FROM open_dataset)"
        )
        uprns |= {
            str(uprn)
            for (uprn,) in con.execute(f"WITH {OPEN_DATASETS} {placed}").fetchall()
            if len(str(uprn)) in UPRN_DIGITS
        }
    for dataset in sorted(datasets):
        references |= _own_references(con, dataset)
    return uprns, postcodes, addresses, references, tuple(sorted(f"{file}#" for file in files))


def _own_references(con: duckdb.DuckDBPyConnection, dataset: str) -> set[str]:
    """Values of a dataset's own text columns that tell its rows apart, such as another system's property reference."""
    found: set[str] = set()
    record = {row[0] for row in con.execute("DESCRIBE services.record").fetchall()}
    for column, kind, *_ in con.execute(f"DESCRIBE services.{quoted(dataset)}").fetchall():
        if kind != "VARCHAR" or column in record:
            continue
        of = f"FROM services.{quoted(dataset)} WHERE {quoted(column)} IS NOT NULL"
        rows, values = con.execute(
            f"SELECT count(*), approx_count_distinct({quoted(column)}) {of}"
        ).fetchall()[0]
        if rows >= 20 and values * 2 > rows:
            for (value,) in con.execute(f"SELECT DISTINCT {quoted(column)} {of}").fetchall():
                if re.fullmatch(WORD, value) and len(value) >= 6 and re.search(r"\d", value):
                    found.add(value)
    return found


def _address_words(text: str) -> list[str]:
    return re.findall(r"[A-Z0-9]+(?:'[A-Z]+)*", text.upper())


def _key_phrases(address: str) -> set[tuple[str, ...]]:
    """What an address is known by: its number and the two words after it; its first four words where it has none."""
    words = _address_words(address)
    phrases = set(_numbered(words))
    if not phrases and len(words) >= 4:
        phrases.add(tuple(words[:4]))
    return phrases


def _numbered(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for first, second, third in zip(words, words[1:], words[2:], strict=False):
        if first[0].isdigit() and len(first) <= 5 and second.isalpha() and third.isalpha() and len(third) > 1:
            yield (first, second, third)


def _phrases(text: str) -> Iterator[tuple[str, ...]]:
    """Every phrase of a text that could be an address."""
    words = _address_words(text)
    yield from _numbered(words)
    without_digits = 0  # how many words up to here
    for place, word in enumerate(words, start=1):
        without_digits = 0 if DIGIT.search(word) else without_digits + 1
        if without_digits >= 4:
            yield tuple(words[place - 4 : place])


# Parquet ---------------------------------


def _published(con: duckdb.DuckDBPyConnection, publication: Publication) -> Any:
    """The published table as an Arrow table, in the order of its key."""
    key = ", ".join(quoted(name) for name in publication.table.key)
    name = quoted(publication.table.name)
    return con.sql(f"SELECT * FROM published.{name} ORDER BY {key}").to_arrow_table()


def _scan_parquet(candidate: Candidate, publication: Publication, path: Path, name: str) -> Iterator[Finding]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        got = file.read()
    except (pa.ArrowException, OSError):
        yield Finding(name, "", "cannot be read as Parquet")
        return
    wanted = _published(candidate.con, publication)
    has_geometry = "geometry" in got.column_names
    plain = [column for column in wanted.column_names if not (has_geometry and column == "geometry_wkb")]
    if [column for column in got.column_names if column != "geometry"] != plain:
        yield Finding(name, "", "its columns are not those of the published table")
        return
    if differing := _rows_apart(candidate.con, got.select(plain), wanted.select(plain)):
        yield Finding(name, "", "rows are not those of the published table", differing)
        return
    bounds = None
    if has_geometry:
        shapes, bounds = _shapes(wanted)
        found = [None if value is None else bytes(value) for value in got["geometry"].to_pylist()]
        if apart := sum(a != b for a, b in zip(found, shapes, strict=True)):
            yield Finding(name, "geometry", "shapes are not those of the published table", apart)
    for group in range(file.metadata.num_row_groups):
        rows = file.read_row_group(group)
        yield from _scan_statistics(name, file.metadata.row_group(group), rows)
    yield from _scan_metadata(name, file, bounds)
    yield from _scan_gaps(candidate.con, name, path, file.metadata.serialized_size)


def _rows_apart(con: duckdb.DuckDBPyConnection, got: Any, wanted: Any) -> int:
    """How many rows one table has and the other has not, either way."""
    con.register("scan_got", got)
    con.register("scan_wanted", wanted)
    try:
        one, other = con.execute(
            "SELECT (SELECT count(*) FROM (FROM scan_got EXCEPT ALL FROM scan_wanted)), "
            "(SELECT count(*) FROM (FROM scan_wanted EXCEPT ALL FROM scan_got))"
        ).fetchall()[0]
    finally:
        con.unregister("scan_got")
        con.unregister("scan_wanted")
    return int(one) + int(other)


def _shapes(wanted: Any) -> tuple[list[bytes | None], list[float]]:
    """Each row's shape as WKB, and the bounds of all, from the published table."""
    import numpy as np
    import shapely

    if "geometry_wkb" in wanted.column_names:
        shapes = shapely.from_wkb(np.array(wanted["geometry_wkb"].to_pylist(), dtype=object))
    else:
        metres = np.array(
            [
                [float("nan") if v is None else float(v) for v in wanted[c].to_pylist()]
                for c in ("easting", "northing")
            ]
        ).T.reshape(-1, 2)
        shapes = shapely.points(metres)
        shapes[np.isnan(metres).any(axis=1)] = None
    bounds = [float(edge) for edge in shapely.total_bounds(shapes)] if len(shapes) else [float("nan")] * 4
    return [None if one is None else shapely.to_wkb(one, flavor="iso") for one in shapes], bounds


def _scan_statistics(name: str, group: Any, rows: Any) -> Iterator[Finding]:
    import pyarrow.compute as pc

    for place in range(group.num_columns):
        column = group.column(place)
        statistics, values = column.statistics, rows.column(place)
        if statistics is None:
            continue
        wrong = statistics.has_null_count and statistics.null_count != values.null_count
        if statistics.has_distinct_count and statistics.distinct_count is not None:
            wrong = wrong or statistics.distinct_count > max(1, len(values.drop_null().unique()))
        if statistics.has_min_max:
            actual = pc.min_max(values).as_py()
            pairs = ((statistics.min, actual["min"]), (statistics.max, actual["max"]))
            wrong = wrong or any(not _same_statistic(told, true) for told, true in pairs)
        if wrong:
            yield Finding(name, column.path_in_schema, "a statistic does not follow from the published rows")


def _same_statistic(told: Any, true: Any) -> bool:
    """Whether a minimum or maximum is the true one; of a long text its beginning, the last byte one up in a maximum."""
    if isinstance(true, str):
        true = true.encode()
    if isinstance(told, str):
        told = told.encode()
    if told == true or not isinstance(true, bytes) or not isinstance(told, bytes):
        return bool(told == true)
    start = true[: len(told)]
    return 32 <= len(start) < len(true) and told[:-1] == start[:-1] and told[-1] - start[-1] in (0, 1)


def _scan_metadata(name: str, file: Any, bounds: list[float] | None) -> Iterator[Finding]:
    import pyarrow as pa

    held = {key.decode(): value for key, value in (file.metadata.metadata or {}).items()}
    if extra := set(held) - PARQUET_METADATA:
        yield Finding(name, "", f"{len(extra)} entry(ies) of metadata that no reader needs")
    if "geo" in held and not _is_plain_geo(held["geo"], bounds):
        yield Finding(name, "", "its metadata on geometry say more than column, kind, CRS and bounds")
    if "pandas" in held and not _is_plain_pandas(held["pandas"], file.metadata.num_rows):
        yield Finding(name, "", "its metadata for pandas say more than names and types")
    if "ARROW:schema" in held:
        try:
            schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(held["ARROW:schema"])))
        except (pa.ArrowException, binascii.Error):
            yield Finding(name, "", "its Arrow schema cannot be read")
            return
        inner = {key.decode(): value for key, value in (schema.metadata or {}).items()}
        plain = all(_is_plain_field(field) for field in schema)
        if {key: held.get(key) for key in inner} != inner or not plain:
            yield Finding(name, "", "its Arrow schema holds metadata of its own")


def _is_plain_field(field: Any) -> bool:
    """Whether a column says nothing of itself, or that it is geometry in the one CRS."""
    import pyproj

    said = {key.decode(): value for key, value in (field.metadata or {}).items()}
    if not said:
        return True
    try:
        crs = json.loads(said.pop("ARROW:extension:metadata"))
        named = said == {"ARROW:extension:name": b"geoarrow.wkb"} and set(crs) == {"crs"}
        return bool(named and pyproj.CRS.from_json_dict(crs["crs"]) == pyproj.CRS(CRS))
    except (KeyError, TypeError, ValueError, pyproj.exceptions.CRSError):
        return False


def _is_plain_geo(text: bytes, bounds: list[float] | None) -> bool:
    import pyproj

    try:
        geo = json.loads(text)
        column = dict(geo["columns"].pop("geometry"))
        crs = pyproj.CRS.from_json_dict(column.pop("crs"))
        fits = geo["columns"] == {} and set(geo) <= {"primary_column", "columns", "version", "creator"}
        bbox = column.pop("bbox", bounds)
        fits = fits and set(column) <= {"encoding", "geometry_types", "edges", "orientation"}
        fits = fits and set(geo.get("creator", {})) <= {"library", "version"}
        return bool(fits and crs == pyproj.CRS(CRS) and (bounds is None or str(bbox) == str(bounds)))
    except (KeyError, TypeError, ValueError, pyproj.exceptions.CRSError):
        return False


def _is_plain_pandas(text: bytes, rows: int) -> bool:
    try:
        pandas = json.loads(text)
    except ValueError:
        return False
    fits = set(pandas) <= {
        "index_columns", "column_indexes", "columns", "creator", "pandas_version", "attributes",
    } and not pandas.get("attributes")  # fmt: skip
    for index in pandas.get("index_columns", ()):
        fits = fits and index == {"kind": "range", "name": None, "start": 0, "stop": rows, "step": 1}
    known = {"name", "field_name", "pandas_type", "numpy_type", "metadata"}
    # Of a decimal its digits.
    return fits and all(
        set(one) <= known and set(one["metadata"] or ()) <= {"precision", "scale"}
        for one in pandas.get("columns", ())
    )


def _scan_gaps(con: duckdb.DuckDBPyConnection, name: str, path: Path, footer: int) -> Iterator[Finding]:
    """Bytes of a Parquet file that belong to no column, filter or footer: a reader sees none of them."""
    try:
        pieces = con.execute(
            "SELECT coalesce(dictionary_page_offset, data_page_offset), total_compressed_size, bloom_filter_offset, "
            f"bloom_filter_length FROM parquet_metadata({text_literal(str(path))}) WHERE row_group_id IS NOT NULL"
        ).fetchall()
    except duckdb.Error:
        yield Finding(name, "", "cannot be read as Parquet")
        return
    spans = [(0, 4), (path.stat().st_size - footer - 8, path.stat().st_size)]
    for start, length, bloom, bloom_length in pieces:
        spans += [(start, start + length)] if start is not None and length else []
        spans += [(bloom, bloom + bloom_length)] if bloom and bloom_length else []
    at = 0
    for start, end in sorted(spans):
        if start > at:
            yield Finding(name, "", "holds bytes that belong to no column, filter or footer")
            return
        at = max(at, end)


# The DuckDB file ---------------------------------


def _scan_database(candidate: Candidate, known: Known, path: Path) -> Iterator[Finding]:
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            yield from _scan_catalogue(candidate, known, con)
            tables = {
                row[:2]
                for row in con.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
            }
            for publication in candidate.publications:
                if ("published", publication.table.name) not in tables:
                    continue
                got, wanted = _published(con, publication), _published(candidate.con, publication)
                if got.schema.names != wanted.schema.names or got.schema.types != wanted.schema.types:
                    problem = "its columns are not those of the published table"
                    yield Finding(f"{DATABASE}:{publication.table.full_name}", "", problem)
                elif differing := _rows_apart(candidate.con, got, wanted):
                    problem = "rows are not those of the published table"
                    yield Finding(f"{DATABASE}:{publication.table.full_name}", "", problem, differing)
            yield from _scan_about(candidate, known, con)
    except duckdb.Error:
        yield Finding(DATABASE, "", "cannot be read as a DuckDB file")


def _scan_catalogue(candidate: Candidate, known: Known, con: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    """What a database holds beside rows: other objects, comments, blocks that nothing uses."""
    wanted = {("published", p.table.name) for p in candidate.publications} | {
        ("about", name) for name in ABOUT
    }
    found = {row[:2] for row in con.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()}
    for schema, _ in sorted(found - wanted):
        yield Finding(f"{DATABASE}:{schema}", "", "has a table that is no published one")
    for schema, table in sorted(wanted - found):
        yield Finding(f"{DATABASE}:{schema}.{table}", "", "is missing")
    for what, of in (
        ("view", "duckdb_views() WHERE NOT internal"),
        ("macro", "duckdb_functions() WHERE NOT internal"),
        ("sequence", "duckdb_sequences()"),
        ("index", "duckdb_indexes()"),
        ("type", "duckdb_types() WHERE NOT internal AND database_name = current_database()"),
        (
            "schema",
            "duckdb_schemas() WHERE NOT internal AND schema_name NOT IN ('published', 'about', 'main')",
        ),
        ("default", "duckdb_columns() WHERE NOT internal AND column_default IS NOT NULL"),
        ("constraint", "duckdb_constraints() WHERE constraint_type <> 'NOT NULL'"),
    ):
        ((number,),) = con.execute(f"SELECT count(*) FROM {of}").fetchall()
        if number:
            yield Finding(DATABASE, "", f"has {number} {what}(s); wanted tables only")
    ((free,),) = con.execute("SELECT free_blocks FROM pragma_database_size()").fetchall()
    if free:
        yield Finding(DATABASE, "", f"has {free} free block(s), which may hold what was there before")
    said = {p.table.name: p for p in candidate.publications}
    rows = con.execute(
        "SELECT schema_name, table_name, '', comment FROM duckdb_tables() WHERE comment IS NOT NULL UNION ALL "
        "SELECT schema_name, table_name, column_name, comment FROM duckdb_columns() "
        "WHERE NOT internal AND comment IS NOT NULL ORDER BY ALL"
    ).fetchall()
    rule = rule_sentence(candidate.rule)
    for schema, table, column, comment in rows:
        where = f"{DATABASE}:{schema}.{table}"
        yield from known.identifiers_in(where, comment)
        described = ""
        if schema == "published" and table in said:
            one = said[table]
            meanings = {c.name: c.meaning for c in one.table.columns}
            definition = one.definition
            described = meanings.get(column, "")
            if not column:
                described = f"{definition.meaning} {definition.purpose} {definition.not_for} {rule}"
        if _numbers(comment) - _numbers(described):
            yield Finding(where, column, "its comment holds a number that its description does not")


def _scan_about(candidate: Candidate, known: Known, con: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    """The tables `about` say what the catalogue and release.json beside them say, and nothing else."""
    said: set[str] = set()
    for name in ("catalogue.json", "release.json"):
        path = candidate.folder / name
        if path.is_file():
            said |= {str(leaf) for leaf in _leaves(json.loads(path.read_text(encoding="utf-8")))}
    for table in ABOUT:
        # What a schema is for stands in no other file: fixed words, without a figure.
        try:
            rows = con.execute(f"SELECT * FROM about.{table}").fetchall()
        except duckdb.CatalogException:
            continue
        strange = sum(
            any(str(value) not in said and _numbers(str(value)) for value in row if value is not None)
            for row in rows
        )
        if strange:
            problem = "rows with a number that the catalogue does not have"
            yield Finding(f"{DATABASE}:about.{table}", "", problem, strange)
        texts = "\n".join(str(value) for row in rows for value in row)
        yield from known.identifiers_in(f"{DATABASE}:about.{table}", texts)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None:
        yield value


# The GeoPackage ---------------------------------

SYSTEM_TABLES = {
    "gpkg_contents", "gpkg_extensions", "gpkg_geometry_columns", "gpkg_ogr_contents", "gpkg_spatial_ref_sys",
    "gpkg_tile_matrix", "gpkg_tile_matrix_set", "sqlite_sequence",
}  # fmt: skip
RTREE_TABLES = ("", "_rowid", "_node", "_parent")


def _scan_geopackage(candidate: Candidate, path: Path, name: str, raw: bytes) -> Iterator[Finding]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as con:
            layers = _layer_rows(candidate)
            yield from _scan_schema(con, name, layers)
            for layer, (columns, rows) in sorted(layers.items()):
                yield from _scan_layer(con, name, layer, columns, rows)
            yield from _scan_system_rows(con, name, layers)
            ((free,),) = con.execute("PRAGMA freelist_count").fetchall()
            ((size,),) = con.execute("PRAGMA page_size").fetchall()
    except sqlite3.Error:
        yield Finding(name, "", "cannot be read as a GeoPackage")
        return
    if free:
        yield Finding(name, "", f"has {free} free page(s), which may hold what was there before")
    if left := _leftovers(raw, size):
        yield Finding(name, "", f"holds remains of deleted or moved rows in {left} page(s)")


def _scan_schema(con: sqlite3.Connection, name: str, layers: Mapping[str, Any]) -> Iterator[Finding]:
    """Tables, indexes and triggers: those of layers and of the format, and no other."""
    tables = {*SYSTEM_TABLES, *layers}
    tables |= {f"rtree_{layer}_geom{ending}" for layer in layers for ending in RTREE_TABLES}
    triggers = {f"trigger_{what}_feature_count_{layer}" for layer in layers for what in ("insert", "delete")}
    triggers |= {
        f"rtree_{layer}_geom_{what}"
        for layer in layers
        for what in ("insert", "delete", *(f"update{number}" for number in range(1, 8)))
    }
    held = con.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master").fetchall()
    for kind, one, of, sql in held:
        fits = {
            "table": one in tables,
            "index": one.startswith("sqlite_autoindex_") and of in tables,
            "trigger": one in triggers or one.startswith("gpkg_tile_matrix_"),
        }.get(kind, False)
        if not fits or "--" in sql or "/*" in sql:
            yield Finding(
                name, "", f"has a {kind} that is neither a layer's nor the format's, or with words of its own"
            )
    missing = set(layers) - {one for kind, one, *_ in held if kind == "table"}
    for layer in sorted(missing):
        yield Finding(f"{name}:{layer}", "", "is missing")


def _scan_layer(
    con: sqlite3.Connection, name: str, layer: str, wanted: Sequence[str], rows: Counter[tuple[Any, ...]]
) -> Iterator[Finding]:
    columns = [row[1] for row in con.execute(f"PRAGMA table_info({quoted(layer)})").fetchall()]
    shown = [column for column in columns if column not in {"fid", "geom"}]
    if not columns or shown != list(wanted):
        yield Finding(f"{name}:{layer}", "", "its columns are not those of the published tables")
        return
    listed = ", ".join(quoted(column) for column in shown)
    got = Counter(
        tuple(_plain(value) for value in row)
        for row in con.execute(f"SELECT {listed} FROM {quoted(layer)}").fetchall()
    )
    if apart := sum(((got - rows) + (rows - got)).values()):
        yield Finding(f"{name}:{layer}", "", "attributes are not the published figures", apart)


def _scan_system_rows(con: sqlite3.Connection, name: str, layers: Mapping[str, Any]) -> Iterator[Finding]:
    odd = 0
    for table, identifier, description in con.execute(
        "SELECT table_name, identifier, description FROM gpkg_contents"
    ).fetchall():
        odd += table not in layers or identifier != table or bool(description)
    for (table,) in con.execute("SELECT table_name FROM gpkg_extensions").fetchall():
        odd += table not in layers
    for table, count in con.execute("SELECT table_name, feature_count FROM gpkg_ogr_contents").fetchall():
        odd += table not in layers or (count or 0) != sum(layers[table][1].values())
    for table, last in con.execute("SELECT name, seq FROM sqlite_sequence").fetchall():
        odd += table not in layers or (last or 0) != sum(layers[table][1].values())
    for table in ("gpkg_tile_matrix", "gpkg_tile_matrix_set"):
        odd += con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    if odd:
        yield Finding(name, "", "rows of the format's own tables that no layer accounts for", odd)


def _plain(value: Any) -> Any:
    """A value as it compares across DuckDB and SQLite: dates as text, numbers by their value."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return int(value)
    return float(value) if isinstance(value, Decimal | int) else value


def _layer_rows(candidate: Candidate) -> dict[str, tuple[list[str], Counter[tuple[Any, ...]]]]:
    """What each layer of the GeoPackage must hold: its columns, and its rows with how often each comes."""
    con, tables = candidate.con, {p.table.name: p for p in candidate.publications}
    found: dict[str, tuple[list[str], Counter[tuple[Any, ...]]]] = {}
    wide: dict[str, dict[str, Any]] = defaultdict(dict)
    beside: list[str] = []
    if demand := tables.get("demand_by_area"):
        parts = [*demand.definition.counts, *demand.definition.rates]
        shown = ["period", *(name for part in parts for name in (part, f"{part}_status"))]
        columns = ", ".join(quoted(name) for name in shown)
        rows = con.execute(
            f"SELECT dataset, area_code, {columns} FROM published.demand_by_area WHERE is_latest"
        ).fetchall()
        for dataset, code, *values in rows:
            wide[code] |= {f"{dataset}_{name}": value for name, value in zip(shown, values, strict=True)}
        beside = [f"{dataset}_{name}" for dataset in sorted({row[0] for row in rows}) for name in shown]
    for table, test in (
        ("area", "geometry_wkb IS NOT NULL"),
        ("site", "easting IS NOT NULL AND northing IS NOT NULL"),
        ("road", "geometry_wkb IS NOT NULL"),
        ("catchment", "geometry_wkb IS NOT NULL"),
    ):
        if table not in tables:
            continue
        own = [column.name for column in tables[table].table.columns if column.name != "geometry_wkb"]
        names = [*own, *beside] if table == "area" else own
        if table != "area":
            found[table] = (names, Counter())  # a layer, also without rows
        listed = ", ".join(quoted(name) for name in own)
        for row in con.execute(f"SELECT {listed} FROM published.{table} WHERE {test}").fetchall():
            held = dict(zip(own, row, strict=True))
            layer = f"area_{held['area_type']}" if table == "area" else table
            if table == "area":
                held |= wide.get(held["area_code"], {})
            found.setdefault(layer, (names, Counter()))[1][
                tuple(_plain(held.get(name)) for name in names)
            ] += 1
    return found


def _leftovers(raw: bytes, size: int) -> int:
    """In how many pages of an SQLite file unused space holds text that is nowhere in use.

    Cell pointers and heads of blocks are no text; a row that SQLite moved to another page is still in use there.
    """
    pages: list[list[bytes]] = []
    used = bytearray(raw)
    for start in range(0, len(raw), size):
        page, head = raw[start : start + size], 100 if start == 0 else 0
        if page[head] not in (2, 5, 10, 13):  # not a page of a table or index
            continue
        cells = int.from_bytes(page[head + 3 : head + 5], "big")
        begins = int.from_bytes(page[head + 5 : head + 7], "big") or 65_536
        ends = head + (12 if page[head] in (2, 5) else 8) + 2 * cells
        unused = [(ends, min(begins, size))]
        block = int.from_bytes(page[head + 1 : head + 3], "big")
        while block:
            unused.append((block + 4, block + int.from_bytes(page[block + 2 : block + 4], "big")))
            following = int.from_bytes(page[block : block + 2], "big")
            block = following if following > block else 0
        pages.append([])
        for first, end in unused:
            pages[-1] += re.findall(rb"[\x20-\x7e]{6,}", page[first:end])
            used[start + first : start + end] = bytes(max(0, end - first))
    return sum(any(text not in used for text in texts) for texts in pages)


# Pages and texts ---------------------------------


class _Parts(HTMLParser):
    """A page taken apart: pieces of text a reader could see or hear, comments, scripts, the data block."""

    BLOCKS = frozenset(
        {"tr", "li", "p", "title", "desc", "text", "option", "div", "h1", "h2", "h3", "td", "th", "dd"}
    )

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.units: list[str] = []
        self.comments: list[str] = []
        self.scripts: list[str] = []
        self.data: list[str] = []
        self._at = ""
        self._row: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        kept = {"content", "d", "points", "viewbox", "transform", "style"}  # policy, shapes and looks
        self.units += [value for name, value in attributes if value and name not in kept]
        if tag == "script":
            self._at = "data" if ("id", "page-data") in attributes else "script"
            (self.data if self._at == "data" else self.scripts).append("")
        elif tag == "style":
            self._at = "style"
        elif tag == "tr":
            self._row = []

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"}:
            self._at = ""
        elif tag == "tr":
            self.units.append(" ".join(self._row))
            self._row = []

    def handle_data(self, data: str) -> None:
        if self._at == "script":
            self.scripts[-1] += data
        elif self._at == "data":
            self.data[-1] += data
        elif self._at != "style" and data.strip():
            self.units.append(data.strip())
            self._row.append(data.strip())

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def _scan_text(
    candidate: Candidate, known: Known, path: Path, name: str, text: str, drawn: Mapping[str, Draw]
) -> Iterator[Finding]:
    if path.suffix == ".html":
        yield from known.identifiers_in(name, html.unescape(text))
        yield from _scan_page(candidate, known, name, text)
        if path.parent.name == "maps" and name not in drawn:
            yield Finding(name, "", "is a page that no file of assets/maps draws")
    elif path.suffix == ".json":
        try:
            value = json.loads(text)
        except ValueError:
            yield Finding(name, "", "cannot be read as JSON")
            return
        yield from known.numbers_in(name, "", _json_units(value))
        yield from known.identifiers_in(name, "\n".join(_json_units(value)))
        if name == "catalogue.json":
            yield from _scan_catalogue_text(candidate, name, value)
    else:
        yield from known.identifiers_in(name, text)
        yield from known.numbers_in(name, "", text.splitlines())


def _json_units(value: Any) -> Iterator[str]:
    """Each object's and list's own values as one piece of text, and each entry with its name."""
    if isinstance(value, dict):
        own = {key: inner for key, inner in value.items() if not isinstance(inner, dict | list)}
        yield " ".join(str(inner) for inner in own.values())
        yield from (f"{key}: {inner}" for key, inner in own.items())
        for key, inner in value.items():
            if isinstance(inner, dict | list):
                yield str(key)
                yield from _json_units(inner)
    elif isinstance(value, list):
        yield " ".join(str(inner) for inner in value if not isinstance(inner, dict | list))
        for inner in value:
            if isinstance(inner, dict | list):
                yield from _json_units(inner)
    else:
        yield str(value)


def _scan_catalogue_text(candidate: Candidate, name: str, value: Any) -> Iterator[Finding]:
    """The catalogue's only figures are how many rows each table has."""
    counted = {}
    for publication in candidate.publications:
        of = f"published.{quoted(publication.table.name)}"
        counted[publication.table.name] = candidate.con.execute(f"SELECT count(*) FROM {of}").fetchall()[0][0]
    told = {table["name"]: table["rows"] for table in value["tables"]}
    figures = [
        leaf for leaf in _leaves(value) if isinstance(leaf, int | float) and not isinstance(leaf, bool)
    ]
    if told != counted or len(figures) != len(told):
        yield Finding(name, "", "holds figures that are not the numbers of rows of the published tables")


def _scan_notebook(known: Known, name: str, text: str) -> Iterator[Finding]:
    try:
        cells = json.loads(text)["cells"]
        units: list[str] = []
        for cell in cells:
            units += "".join(cell.get("source", ())).splitlines()
            for output in cell.get("outputs", ()):
                units += "".join(output.get("text", ())).splitlines()
                for kind, value in output.get("data", {}).items():
                    if not kind.startswith(("text/", "application/json")):
                        yield Finding(
                            name, "", "has a picture among its outputs, which cannot be read: clear it"
                        )
                        continue
                    shown = value if isinstance(value, str) else "".join(map(str, value))
                    parts = _Parts()
                    parts.feed(shown)
                    units += [*shown.splitlines(), *parts.units, *parts.comments]
    except (AttributeError, KeyError, TypeError, ValueError):
        yield Finding(name, "", "cannot be read as a notebook")
        return
    yield from known.numbers_in(name, "outputs", units)
    yield from known.identifiers_in(name, "\n".join(units))


def _scan_checksums(candidate: Candidate, name: str, text: str) -> Iterator[Finding]:
    files = {path.relative_to(candidate.folder).as_posix() for path in candidate.folder.rglob("*")}
    odd = sum(
        not re.fullmatch(r"[0-9a-f]{64}  .+", line) or line.partition("  ")[2] not in files
        for line in text.splitlines()
    )
    if odd:
        yield Finding(name, "", "lines that are no checksum of a file of the release", odd)


def _scan_page(candidate: Candidate, known: Known, name: str, text: str) -> Iterator[Finding]:
    parts = _Parts()
    parts.feed(text)
    parts.close()
    yield from known.numbers_in(name, "text and attributes", parts.units)
    if parts.comments:
        yield Finding(name, "", f"has {len(parts.comments)} comment(s), which no reader of a page needs")
    for script in parts.scripts:
        if AREA_CODE.search(script) or any(area in script for area in known.names):
            yield Finding(name, "", "a script names areas; figures of areas belong in the data block")
        for properties in re.findall(r'"properties"\s*:\s*(\{[^{}]*\})', script):
            try:
                keys = set(json.loads(properties))
            except ValueError:
                keys = {""}
            if not keys <= {"i", "road"}:
                yield Finding(name, "", "a shape carries properties beside its number")
                break
    for encoded in DATA_URI.findall(text):
        with_text = base64.b64decode(encoded + "==").decode("latin-1")
        yield from known.identifiers_in(name, with_text)
        yield from known.numbers_in(name, "data inside", with_text.splitlines())
    for block in parts.data:
        try:
            data = json.loads(block)
        except ValueError:
            yield Finding(name, "", "its data block cannot be read")
            continue
        if isinstance(data, dict) and "topics" in data:
            yield from _scan_figures(candidate, name, data)
        else:
            yield from known.numbers_in(name, "data block", _json_units(data))


def _scan_figures(candidate: Candidate, name: str, data: dict[str, Any]) -> Iterator[Finding]:
    """Each figure of a map's data block, and each end of its interval, is the published one of that dataset, area,
    period and measure."""
    try:
        cells = {one["id"]: one.get("published") for one in data.get("measures", ())}
        areas = {one["id"]: [area[0] for area in one["areas"]] for one in data["geographies"]}
        facts = {
            (one["id"], area[0]): tuple(area[2:5]) for one in data["geographies"] for area in one["areas"]
        }
        figures: Counter[str] = Counter()
        hidden: Counter[str] = Counter()
        for topic in data["topics"]:
            periods = [period[0] for period in topic["periods"]]
            whole = {WHOLE: {m: [[value] for value in values] for m, values in topic["totals"].items()}}
            drawn: list[tuple[Any, Any, Any]] = [
                ((kind,), periods, {measure: figure["values"] for measure, figure in by_measure.items()})
                for kind, by_measure in topic["figures"].items()
            ]
            if past := topic.get("history"):
                drawn += [
                    ((kind,), past["periods"], {past["measure"]: values})
                    for kind, values in past["figures"].items()
                ]
            for kinds, of_periods, by_measure in [
                *drawn,
                *((kind, periods, by) for kind, by in whole.items()),
            ]:
                for measure, by_period in by_measure.items():
                    cell = cells.get(measure)
                    column = cell["column"] if cell else measure
                    published = _published_figures(candidate, topic["id"], column, kinds, cell)
                    if published is None:
                        continue  # a share worked out of published figures: drawn again, it must be the same
                    codes = areas[kinds[0]] if kinds != WHOLE else [""]
                    for period, values in zip(of_periods, by_period, strict=True):
                        for code, shown in zip(codes, values, strict=True):
                            wanted, status = published.get((code, period), (None, ""))
                            if status == HIDDEN and shown != MARKER[HIDDEN]:
                                hidden[measure] += 1
                            elif status != HIDDEN and shown != (NO_FIGURE if wanted is None else wanted):
                                figures[measure] += 1
            for kind, by_measure in topic["figures"].items():
                for measure, figure in by_measure.items():
                    wrong = _uncertainty_apart(
                        candidate, topic["id"], measure, kind, cells, figure, periods, areas
                    )
                    hidden[measure] += wrong[0]
                    figures[measure] += wrong[1]
        profile = _profiles(candidate)
        apart = sum(profile.get(key, told) != told for key, told in facts.items())
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        yield Finding(name, "", "its data block is not in the form that maps have")
        return
    for measure, times in sorted((+hidden).items()):
        yield Finding(name, measure, f"{times} hidden figure(s) without the marker")
    for measure, times in sorted((+figures).items()):
        yield Finding(name, measure, f"{times} figure(s) that are not the published ones")
    if apart:
        yield Finding(name, "", f"homes, people or deprivation of {apart} area(s) are not the published ones")


def _uncertainty_apart(
    candidate: Candidate,
    topic: str,
    measure: str,
    kind: str,
    cells: Mapping[str, Any],
    figure: Mapping[str, Any],
    periods: Sequence[str],
    areas: Mapping[str, Sequence[str]],
) -> tuple[int, int]:
    """Of a measure in the areas of a kind: how many hidden figures have an interval or a sign of one, and how many ends
    of intervals are not the published ones."""
    hidden = apart = 0
    for end in ("low", "high", "inner_low", "inner_high"):
        if end not in figure:
            continue
        cell = cells.get(measure) or {}
        published = None
        if cell.get(end):
            published = _published_figures(candidate, topic, cell[end], (kind,), cell)
        for number, (period, shown) in enumerate(zip(periods, figure[end], strict=True)):
            for code, value, told in zip(areas[kind], figure["values"][number], shown, strict=True):
                if value == MARKER[HIDDEN] and told != NO_FIGURE:
                    hidden += 1
                elif published is not None:
                    wanted, _ = published.get((code, period), (None, ""))
                    apart += told != (NO_FIGURE if wanted is None else wanted)
    for by_period in [figure.get("unsure", ()), *figure.get("outlined", {}).values()]:
        for number, places in enumerate(by_period):
            hidden += sum(figure["values"][number][place] == MARKER[HIDDEN] for place in places)
    return hidden, apart


def _published_figures(
    candidate: Candidate,
    topic: str,
    column: str,
    kinds: Sequence[str],
    cell: Mapping[str, Any] | None = None,
) -> dict[tuple[str, str], tuple[float | None, str]] | None:
    """By area (empty for the whole authority) and period: the published figure of a column and its status; None where
    no table has the column for the topic.

    `cell` is where a page says that its measure stands (see `draw.Cell`): then it stands there or nowhere.
    """
    for publication in candidate.publications:
        names = {known.name for known in publication.table.columns}
        if column not in names or not {"area_type", "area_code"} <= names:
            continue
        if len(publication.definition.datasets) != 1:
            continue
        if cell is not None and publication.table.name != cell["table"]:
            continue
        of = quoted(publication.definition.datasets[0])
        period = "period" if "period" in names else "''"
        status = next((quoted(one) for one in (f"{column}_status", "status") if one in names), "''")
        listed = ", ".join(text_literal(kind) for kind in kinds)
        code = "''" if tuple(kinds) == WHOLE else "area_code"
        only = [
            f"{quoted(one)} = {text_literal(value)}" for one, value in (cell or {}).get("where", {}).items()
        ]
        rows = candidate.con.execute(
            f"SELECT {code}, {period}, {quoted(column)}, {status} FROM published.{quoted(publication.table.name)} "
            f"WHERE {' AND '.join([f'{of} = {text_literal(topic)}', f'area_type IN ({listed})', *only])}"
        ).fetchall()
        if rows:
            return {
                (code, period): (None if value is None else float(value), status)
                for code, period, value, status in rows
            }
    return None if cell is None or tuple(kinds) == WHOLE else {}


def _profiles(candidate: Candidate) -> dict[tuple[str, str], tuple[Any, ...]]:
    area = next((p for p in candidate.publications if p.table.name == "area"), None)
    if area is None:
        return {}
    rows = candidate.con.execute(
        "SELECT area_type, area_code, homes, people, imd_decile FROM published.area"
    ).fetchall()
    return {(kind, code): tuple(values) for kind, code, *values in rows}


def _redrawn(candidate: Candidate, drawn: Mapping[str, Draw]) -> Iterator[Finding]:
    """Each page, drawn again from nothing but the released database, must come to the same bytes."""
    with duckdb.connect() as con:
        try:
            con.execute(f"ATTACH {text_literal(str(candidate.folder / DATABASE))} AS released (READ_ONLY)")
            con.execute("USE released")
        except duckdb.Error:
            return  # found already
        for name, draw in drawn.items():
            held = candidate.folder / name
            if not held.is_file():
                yield Finding(name, "", "is missing")
                continue
            try:
                again = draw(con)
            except Exception as error:  # whatever it is: the page was made of more than what is published
                problem = f"cannot be drawn from the released tables alone ({type(error).__name__})"
                yield Finding(name, "", problem)
                continue
            if again.encode() != held.read_bytes():
                yield Finding(name, "", "is not what its own code draws from the released tables")
