"""AddressBase Premium and DTF 7.3 files: many types of record in one headerless CSV, read type by type.

Here belong the layouts, what makes a file such a file, and getting its rows out as text, each with its row number, with
every row counted: of which type it is, or why it cannot be used. What becomes of the records is `gazetteer_files`.

Sources of the layouts (field names as there; the record identifier itself left out):

- AddressBase Premium: the CSV columns of the technical specification at docs.os.uk (record types 10 to 99, edition of
  December 2025; the same widths since version 2 of the product, 2016).
- DTF 7.3 (the gazetteer's own transfer format, GeoPlace): types 11, 15, 21 and 24 as in the open reader of Lambeth
  council (DtfParser); 23, 30, 31 and 32, which some systems add, as in the Scottish form of the same format.

A row whose width is none of its type's is rejected, so that a layout that differs is told and never misread.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from pipelines.formats import ZIP_ERRORS, FileRefused

ADDRESSBASE, DTF = "AddressBase Premium", "DTF 7.3"
BLOCK = 16 * 1024 * 1024  # bytes of lines that are looked at together

NAMES = {
    "10": "header", "11": "street", "12": "street cross-reference", "13": "elementary street unit",
    "14": "elementary street unit's coordinate", "15": "street descriptor", "21": "BLPU", "22": "provenance",
    "23": "application cross-reference", "24": "LPI", "25": "BLPU extent", "26": "BLPU extent polygon",
    "27": "BLPU extent vertex", "28": "delivery point address", "29": "metadata", "30": "successor cross-reference",
    "31": "organisation", "32": "classification", "98": "key sequence", "99": "trailer",
}  # fmt: skip

_HEADER = (
    "custodian_name local_custodian_code process_date volume_number entry_date time_stamp version file_type"
)
_LIFE = "start_date end_date last_update_date entry_date"
_PARTS = (
    "sao_start_number sao_start_suffix sao_end_number sao_end_suffix sao_text "
    "pao_start_number pao_start_suffix pao_end_number pao_end_suffix pao_text usrn"
)
_LAYOUTS = {
    ADDRESSBASE: {
        "10": _HEADER,
        "11": "change_type pro_order usrn record_type swa_org_ref_naming state state_date street_surface "
        "street_classification version street_start_date street_end_date last_update_date record_entry_date "
        "street_start_x street_start_y street_start_lat street_start_long street_end_x street_end_y street_end_lat "
        "street_end_long street_tolerance",
        "15": f"change_type pro_order usrn street_description locality town_name administrative_area language {_LIFE}",
        "21": "change_type pro_order uprn logical_status blpu_state blpu_state_date parent_uprn x_coordinate "
        f"y_coordinate latitude longitude rpc local_custodian_code country {_LIFE} addressbase_postal postcode_locator "
        "multi_occ_count",
        "23": f"change_type pro_order uprn xref_key cross_reference version source {_LIFE}",
        "24": "change_type pro_order uprn lpi_key language logical_status start_date end_date last_update_date "
        f"entry_date {_PARTS} usrn_match_indicator area_name level official_flag",
        "28": "change_type pro_order uprn udprn organisation_name department_name sub_building_name building_name "
        "building_number dependent_thoroughfare thoroughfare double_dependent_locality dependent_locality post_town "
        "postcode postcode_type delivery_point_suffix welsh_dependent_thoroughfare welsh_thoroughfare "
        "welsh_double_dependent_locality welsh_dependent_locality welsh_post_town po_box_number process_date "
        f"{_LIFE}",
        "30": f"change_type pro_order uprn succ_key {_LIFE} successor",
        "31": f"change_type pro_order uprn org_key organisation legal_name {_LIFE}",
        "32": f"change_type pro_order uprn class_key classification_code class_scheme scheme_version {_LIFE}",
        "99": "next_volume_number record_count entry_date time_stamp",
    },
    DTF: {
        "10": _HEADER,
        "11": "change_type pro_order usrn record_type swa_org_ref_naming state state_date street_surface "
        "street_classification version record_entry_date last_update_date street_start_date street_end_date "
        "street_start_x street_start_y street_end_x street_end_y street_tolerance",
        "15": "change_type pro_order usrn street_description locality town_name administrative_area language",
        "21": "change_type pro_order uprn logical_status blpu_state blpu_state_date blpu_class parent_uprn "
        f"x_coordinate y_coordinate rpc local_custodian_code {_LIFE} organisation ward_code parish_code custodian_one "
        "custodian_two can_key",
        "23": "change_type pro_order uprn xref_key start_date last_update_date entry_date end_date cross_reference "
        "source",
        "24": "change_type pro_order uprn lpi_key language logical_status start_date end_date entry_date "
        f"last_update_date {_PARTS} level postal_address postcode post_town official_flag custodian_one custodian_two "
        "can_key",
        "30": "change_type pro_order uprn succ_key start_date last_update_date entry_date end_date successor_type "
        "successor",
        "31": "change_type pro_order uprn org_key organisation legal_name start_date end_date entry_date "
        "last_update_date",
        "32": "change_type pro_order uprn class_key class_scheme classification_code start_date end_date entry_date "
        "last_update_date",
        "99": "next_volume_number record_count entry_date time_stamp",
    },
}  # fmt: skip
LAYOUTS = {
    form: {kind: tuple(text.split()) for kind, text in layouts.items()} for form, layouts in _LAYOUTS.items()
}

# Nothing but a record of these files begins with such a number and goes on with a change type or a header's fields.
_FIRST = re.compile(
    rb'\A(?:\xef\xbb\xbf)?(?:"?(?:10|11|15|21|23|24|28|30|31|32)"?([,|])(?:[^,|\r\n]*\1){4}|"?RECORD_IDENTIFIER"?([,|]))'
)
_SUPPLY = re.compile(
    r"_(FULL|COU)_(\d{4}-\d\d-\d\d)(?:_(?:(\d{1,4})|([A-Za-z]{2}\d{4})))?(?:_csv)?\Z", re.IGNORECASE
)


@dataclass(frozen=True)
class Member:
    """One file of records: a file of its own, or one inside a ZIP file (or inside a ZIP file in that)."""

    path: Path
    inside: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the file itself."""
        return self.inside[-1].rpartition("/")[2] if self.inside else self.path.name

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Its bytes. Raises `FileRefused` where a ZIP file is damaged."""
        with ExitStack() as stack:
            stream: IO[bytes] = stack.enter_context(self.path.open("rb"))
            try:
                for name in self.inside:
                    stream = stack.enter_context(stack.enter_context(zipfile.ZipFile(stream)).open(name))
            except ZIP_ERRORS:
                raise FileRefused(
                    "wanted a whole ZIP file without a password; found another: fetch it again"
                ) from None
            yield stream


def members(path: Path) -> list[Member]:
    """The files of records in a file: itself, or every CSV in a ZIP file, in the order of their names."""
    if path.suffix.lower() != ".zip":
        return [Member(path)]
    found: list[Member] = []

    def look(stream: IO[bytes], inside: tuple[str, ...]) -> None:
        with zipfile.ZipFile(stream) as archive:
            for name in sorted(archive.namelist()):
                last = name.rpartition("/")[2].lower()
                if last.startswith("."):
                    continue
                if last.endswith(".csv"):
                    found.append(Member(path, (*inside, name)))
                elif last.endswith(".zip") and not inside:
                    with archive.open(name) as packed:
                        look(packed, (name,))

    try:
        with path.open("rb") as stream:
            look(stream, ())
    except ZIP_ERRORS:
        raise FileRefused(
            "wanted a whole ZIP file without a password; found another: fetch it again"
        ) from None
    return found


def is_record_file(path: Path) -> bool:
    """Whether a file (or one in a ZIP file) holds records of many types, by its name as supplied or its first bytes."""
    if path.suffix.lower() not in {".csv", ".zip"}:
        return False
    if supply_named(path.name).date:
        return True  # also where it is damaged: whoever reads it says so
    try:
        for member in members(path):
            with member.open() as stream:
                if _FIRST.match(stream.read(2000)):
                    return True
    except (FileRefused, OSError, *ZIP_ERRORS):
        return False
    return False


@dataclass
class Supply:
    """What a file says of itself: in its header record, its trailer and its name.

    `date` is that of the supply (the file name's, which all volumes share, else the header's); `tile` the grid
    reference of a geographic chunk; `next_volume` what the trailer says (0: the last).
    """

    form: str = ADDRESSBASE
    is_full: bool = True
    date: str = ""
    time: str = ""
    volume: int | None = None
    tile: str = ""
    next_volume: int | None = None
    has_header: bool = False
    has_trailer: bool = False


@dataclass
class Records:
    """The rows of one file: `batches` while they are read; `counts`, `bad` and `supply` fill up with them.

    A batch is (record type, row numbers, Arrow columns by name). `bad` holds (row number, record type or '', reason).
    """

    batches: Iterator[tuple[str, Any, dict[str, pa.Array]]]
    supply: Supply
    counts: dict[str, int] = field(default_factory=dict)
    bad: list[tuple[int, str, str]] = field(default_factory=list)
    encoding: str = "utf-8"


def supply_named(name: str) -> Supply:
    """What a file's name tells: `AddressBasePremium_COU_2026-09-04_001.csv`, `..._FULL_2026-09-04_SU1020_csv.zip`."""
    supply = Supply()
    if found := _SUPPLY.search(re.sub(r"\.(csv|zip)\Z", "", name, flags=re.IGNORECASE)):
        kind, supply.date, volume, tile = found.groups()
        supply.is_full = kind.upper() == "FULL"
        supply.volume = int(volume) if volume else None
        supply.tile = (tile or "").upper()
    return supply


@contextmanager
def open_records(member: Member, wanted: dict[str, tuple[str, ...]]) -> Iterator[Records]:
    """Open a file of records; of the types in `wanted` the columns named there are given as text.

    Raises `FileRefused`, also while it is read: no layout fits, or the file ends before its trailer.
    """
    supply = supply_named(member.name)
    for outer in reversed((member.path.name, *member.inside[:-1])):
        if not supply.date:
            supply = supply_named(outer.rpartition("/")[2])
    with member.open() as stream:
        records = Records(iter(()), supply)
        records.batches = _batches(stream, records, wanted)
        try:
            yield records
        except ZIP_ERRORS:
            raise FileRefused("wanted a whole ZIP file; found one that is damaged or cut short") from None


def _batches(
    stream: IO[bytes], records: Records, wanted: dict[str, tuple[str, ...]]
) -> Iterator[tuple[str, Any, dict[str, pa.Array]]]:
    buffered = io.BufferedReader(stream, 1 << 20) if isinstance(stream, zipfile.ZipExtFile) else stream
    number, delimiter, form = 0, b",", ""
    blank: list[int] = []
    while lines := buffered.readlines(BLOCK):
        if not number:
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
            first = _FIRST.match(lines[0])
            delimiter = next((mark for mark in first.groups() if mark), b",") if first else b","
        groups: dict[bytes, tuple[list[int], list[bytes]]] = {}
        for number, line in enumerate(lines, start=number + 1):  # noqa: B020 (it goes on from the last)
            if line[2:3] == delimiter:
                key = line[:2]
            elif not line.strip():
                blank.append(number)
                continue
            else:
                key = line.split(delimiter, 1)[0].strip(b'"\r\n\t ')
            if blank:  # rows follow, so that those before were rows
                records.bad += [(n, "", "blank_row") for n in blank]
                blank.clear()
            if line.count(b'"') % 2:
                kind = key.decode("ascii", "replace")
                if kind in NAMES:
                    records.counts[kind] = records.counts.get(kind, 0) + 1
                records.bad.append((number, kind if kind in NAMES else "", UNCLOSED))
                continue
            group = groups.get(key)
            if group is None:
                group = groups[key] = ([], [])
            group[0].append(number)
            group[1].append(line)
        form = form or _form(groups, records.supply, delimiter)
        for key in sorted(groups):
            kind, (numbers, rows) = key.decode("ascii", "replace"), groups[key]
            if kind == "RECORD_IDENTIFIER":  # the heading of a file that was parted by record type
                continue
            if kind not in NAMES:
                records.bad += [
                    (n, "", "unknown_record_type: no record type of these files") for n in numbers
                ]
                continue
            records.counts[kind] = records.counts.get(kind, 0) + len(numbers)
            if kind in {"10", "99"}:
                _note(kind, rows[-1], records.supply, delimiter)
            if kind in wanted:
                yield _parsed(kind, form, numbers, rows, delimiter, wanted[kind], records)
    if records.supply.has_header and not records.supply.has_trailer:
        raise FileRefused("wanted a trailer (record 99) at the end; the file is cut short: fetch it again")


UNCLOSED = "stray_quote: a quotation mark in the row is not closed"


def _fields(line: bytes, delimiter: bytes) -> list[str]:
    text = line.decode("utf-8", "replace").strip()
    return [cell.strip('" ') for cell in text.split(delimiter.decode())]


def _note(kind: str, line: bytes, supply: Supply, delimiter: bytes) -> None:
    """Take from a header or trailer what it says of the supply; the file's name comes first for date and volume."""
    cells = _fields(line, delimiter)
    if kind == "99":
        supply.has_trailer = True
        if len(cells) > 1 and cells[1].isdigit():
            supply.next_volume = int(cells[1])
        return
    supply.has_header = True
    if len(cells) < 9:
        return
    if not supply.date:
        supply.date = cells[3]
    supply.time = cells[6]
    if supply.volume is None and not supply.tile and cells[4].isdigit():
        supply.volume = int(cells[4])
    if cells[8][:1].upper() in {"F", "C"}:
        supply.is_full = cells[8][:1].upper() == "F"


def _form(groups: dict[bytes, tuple[list[int], list[bytes]]], supply: Supply, delimiter: bytes) -> str:
    """Which of the two forms a file has: as its header says, else by the widths of its rows."""
    header = groups.get(b"10")
    version = (_fields(header[1][0], delimiter) + [""] * 9)[7] if header else ""
    if version.startswith("7"):
        supply.form = DTF
    elif version.startswith("1"):
        raise FileRefused(
            "wanted AddressBase Premium of version 2 or later, or DTF 7.3; the header says an older version, of which "
            "the columns differ: order a new supply"
        )
    elif not version.startswith("2"):
        fits = dict.fromkeys(LAYOUTS, 0)
        for key, (_, rows) in groups.items():
            kind = key.decode("ascii", "replace")
            for row in rows[:100]:
                width = row.count(delimiter)
                for form, layouts in LAYOUTS.items():
                    fits[form] += kind in layouts and width == len(layouts[kind])
        supply.form = max(fits, key=lambda form: fits[form])
    return supply.form


def _parsed(
    kind: str, form: str, numbers: list[int], rows: list[bytes], delimiter: bytes, columns: tuple[str, ...],
    records: Records,
) -> tuple[str, Any, dict[str, pa.Array]]:  # fmt: skip
    """The rows of one type as Arrow columns by name; those of another width go to `bad`."""
    layout = LAYOUTS[form].get(kind)
    if layout is None:
        why = f"unknown_record_type: {form} has no record type {kind}"
        records.bad += [(n, kind, why) for n in numbers]
        return kind, [], {}
    if not rows[-1].endswith(b"\n"):
        rows[-1] += b"\n"
    text = b"".join(rows)
    if b"\x00" in text:
        text = text.replace(b"\x00", b"")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        text, records.encoding = text.decode("cp1252", "replace").encode(), "cp1252"
    names = ["record_identifier", *layout]
    wrong: list[int] = []

    def reject(row: Any) -> str:
        at = numbers[row.number - 1]
        wrong.append(row.number - 1)
        why = f"wrong_width: {row.actual_columns} fields where a {kind} of {form} has {len(names)}"
        records.bad.append((at, kind, why))
        return "skip"

    used = [name for name in columns if name in layout]
    table = arrow_csv.read_csv(
        pa.py_buffer(text),
        arrow_csv.ReadOptions(use_threads=False, column_names=names, block_size=len(text) + 1),
        arrow_csv.ParseOptions(delimiter=delimiter.decode(), invalid_row_handler=reject),
        arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), include_columns=used),
    )
    if wrong:
        without = set(wrong)
        numbers = [n for i, n in enumerate(numbers) if i not in without]
    return kind, numbers, {name: table.column(name).combine_chunks() for name in used}
