"""Deliveries of a gazetteer, brought to the tables of the sources: AddressBase Premium, DTF 7.3 and OS NGD Address.

Here belongs what the files of one delivery mean together: which supply is the base and in which order change-only
updates go on top, which row of a record is the current one, and how records of many types become one row per LPI, per
delivery point and per cross-reference. How the files are written is `addressbase` (records) and `formats` (NGD); the
typing of values and the account are `ingest`'s.

How changes are applied (docs.os.uk, "Working with COU data"): a supply is told by its date; the volumes of a supply go
in their order, and in a volume the records by PRO_ORDER. Of all rows with one key the last says how it stands: I and U
put it there, D takes it away. A geographic tile is delivered whole whenever anything in it changed, so that the latest
file of a tile stands for the earlier ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipelines import identifiers
from pipelines.addressbase import DTF, Member, Supply, is_record_file, members, open_records, supply_named
from pipelines.authority import Files, Source, match_headers
from pipelines.formats import EASTING, NORTHING, FileRefused, open_rows
from pipelines.tables import quoted, text_literal

CLASS_SCHEME = "AddressBase Premium Classification Scheme"

# By source: the record type of which one row becomes one row of its table; the others that are joined to it.
RECORDS = {
    "llpg": ("24", ("15", "21", "30", "31", "32")),
    "delivery_point": ("28", ()),
    "cross_reference": ("23", ()),
}
_KEYS = {
    "15": "usrn, language", "21": "uprn", "23": "xref_key, uprn", "24": "lpi_key", "28": "udprn",
    "30": "succ_key", "31": "org_key", "32": "class_key",
}  # fmt: skip
_NUMBERS = tuple(
    f"{part}_{what}" for part in ("sao", "pao") for what in (
        "start_number", "start_suffix", "end_number", "end_suffix", "text")
)  # fmt: skip
_USED = {
    "15": ("usrn", "street_description", "locality", "town_name", "language"),
    "21": (
        "uprn", "logical_status", "blpu_state", "blpu_class", "parent_uprn", "x_coordinate", "y_coordinate", "rpc",
        "organisation", "addressbase_postal", "postcode_locator", "multi_occ_count",
    ),
    "23": ("uprn", "xref_key", "cross_reference", "source", "start_date", "end_date"),
    "24": (
        "uprn", "lpi_key", "language", "logical_status", *_NUMBERS, "usrn", "postal_address", "postcode", "post_town",
    ),
    "28": (
        "uprn", "udprn", "organisation_name", "department_name", "sub_building_name", "building_name",
        "building_number", "dependent_thoroughfare", "thoroughfare", "double_dependent_locality", "dependent_locality",
        "post_town", "postcode", "po_box_number",
    ),
    "30": ("uprn", "succ_key", "successor", "start_date", "end_date"),
    "31": ("uprn", "org_key", "organisation", "start_date", "end_date"),
    "32": ("uprn", "class_key", "classification_code", "class_scheme", "start_date", "end_date"),
}  # fmt: skip


@dataclass
class Part:
    """One file's account of one kind of row: `kind` empty for the rows that become rows of the table."""

    file_no: int
    kind: str
    rows_read: int
    reason: str = ""


@dataclass
class File:
    """One file of a delivery, as it was read."""

    path: Path
    shown: str
    bytes: int
    encoding: str = ""
    supply: Supply = field(default_factory=Supply)
    superseded: str = ""


@dataclass
class Delivery:
    """What a delivery came to.

    Beside it stand the temporary tables `delivery` (file_no, position, and the source's columns as text) and
    `delivery_rejected` (file_no, position, kind, column_name, reason).
    """

    files: list[File]
    parts: list[Part]


@dataclass(frozen=True)
class Due:
    """A delivery that is to be read: its files, how, and the record type of which the table's rows are made."""

    paths: list[Path]
    read: Callable[[], Delivery]
    kind: str = ""


def deliveries(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    own: list[Path],
    gazetteer: list[Path],
    shown: Callable[[Path], str],
) -> tuple[list[Path], list[Due]]:
    """Part the files of a gazetteer's source: extracts with a header that its description maps, and deliveries.

    `own` are the files in the source's folder, `gazetteer` those in the folder `llpg`, where a delivery lies of which
    the sources of delivery points and cross-references are fed as well.
    """
    is_llpg = source.name == "llpg"
    records = [path for path in own if is_record_file(path)]
    features = [path for path in own if ngd_feature(path) in {"address", "alternate"}]
    features_only = {"address", "alternate", "other"}
    flat = [path for path in own if path not in records and ngd_feature(path) not in features_only]
    whole = is_llpg or bool(records)
    if not is_llpg:
        records = records or [path for path in gazetteer if is_record_file(path)]
        if source.name == "delivery_point":
            flat = sorted({*flat, *(path for path in gazetteer if ngd_feature(path) == "royal_mail")})
        features = []
    else:
        flat = [path for path in flat if ngd_feature(path) != "royal_mail"]
    due: list[Due] = []
    if is_llpg and sum(map(bool, (records, features, flat))) > 1:
        return [], [Due([*records, *features, *flat], _refuse_side_by_side)]
    if records:
        due.append(
            Due(records, lambda: read_records(con, source, records, shown, whole), RECORDS[source.name][0])
        )
    if features:
        due.append(Due(features, lambda: read_ngd(con, source, features, shown)))
    return flat, due


def _refuse_side_by_side() -> Delivery:
    raise FileRefused(
        "wanted one gazetteer; found files of several kinds side by side (an extract with a header, AddressBase or DTF "
        "records, OS NGD features): keep one kind"
    )


def read_records(
    con: duckdb.DuckDBPyConnection, source: Source, paths: Iterable[Path], shown: Callable[[Path], str], whole: bool
) -> Delivery:  # fmt: skip
    """Read a delivery of AddressBase Premium or DTF 7.3 files for one source's table.

    `whole` says whether rows that belong to no record type are accounted for here. Raises `FileRefused` (with the file
    in its words) where the delivery cannot be used: better nothing than a part of it.
    """
    main, joined = RECORDS[source.name]
    wanted = {kind: ("change_type", "pro_order", *_USED[kind]) for kind in (main, *joined)}
    _tables(con, wanted)
    files: list[File] = []
    parts: list[Part] = []
    found = [member for path in paths for member in members(path)]
    for member, supply in _in_force(found):
        file_no = len(files)
        name = "/".join((shown(member.path), *member.inside))
        file = File(member.path, name, member.path.stat().st_size)
        files.append(file)
        if supply.superseded:
            file.superseded = supply.superseded
            continue
        try:
            with open_records(member, wanted) as records:
                for kind, numbers, cells in records.batches:
                    _store(con, file_no, kind, numbers, cells)
                _reject(
                    con, file_no, [row for row in records.bad if row[1] in wanted or (whole and not row[1])]
                )
        except FileRefused as error:
            raise FileRefused(f"{name}: {error}; nothing of the delivery is read without it") from None
        file.supply, file.encoding = records.supply, f"{records.supply.form}, {records.encoding}"
        unplaced = sum(1 for row in records.bad if not row[1]) if whole else 0
        # Where the files are another source's first, only those that hold such records count as read for this one.
        if whole or main in records.counts:
            parts.append(Part(file_no, "", records.counts.get(main, 0) + unplaced))
        for kind, count in sorted(records.counts.items()):
            if kind in joined:
                parts.append(Part(file_no, kind, count))
            elif whole and kind != main:
                elsewhere = next((of for of, (first, _) in RECORDS.items() if first == kind), "")
                why = f"read for sources.{elsewhere}" if elsewhere else "no table is made of it"
                parts.append(Part(file_no, kind, count, why))
    _order(con, files)
    for kind, columns in wanted.items():
        _clean(con, kind, columns)
        _settle(con, kind)
    make = {"llpg": _make_llpg, "delivery_point": _make_delivery_points, "cross_reference": _make_references}
    make[source.name](con)
    for kind in wanted:
        con.execute(f"DROP TABLE temp.record_{kind}")
        con.execute(f"DROP TABLE temp.current_{kind}")
    con.execute("DROP TABLE temp.record_file")
    return Delivery(files, parts)


@dataclass
class _Named:
    superseded: str = ""


def _in_force(found: list[Member]) -> list[tuple[Member, _Named]]:
    """The files in order; those of a tile that came again later are marked as superseded."""
    last: dict[str, str] = {}
    for member in found:
        supply = _named(member)
        if supply.tile:
            last[supply.tile] = max(last.get(supply.tile, ""), supply.date)
    marked = []
    for member in found:
        supply = _named(member)
        old = supply.tile and supply.date < last[supply.tile]
        marked.append((member, _Named("a later supply of the same tile is there" if old else "")))
    return marked


def _named(member: Member) -> Supply:
    for name in reversed((member.path.name, *member.inside)):
        supply = supply_named(name.rpartition("/")[2])
        if supply.date:
            return supply
    return Supply()


def _tables(con: duckdb.DuckDBPyConnection, wanted: dict[str, tuple[str, ...]]) -> None:
    con.execute(
        "CREATE OR REPLACE TEMP TABLE delivery_rejected "
        "(file_no INTEGER, position BIGINT, kind VARCHAR, column_name VARCHAR, reason VARCHAR)"
    )
    for kind, columns in wanted.items():
        described = ", ".join(f"{name} VARCHAR" for name in columns)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE given_{kind} (file_no INTEGER, position BIGINT, {described})"
        )


def _store(
    con: duckdb.DuckDBPyConnection, file_no: int, kind: str, numbers: list[int], columns: dict[str, pa.Array]
) -> None:
    if not len(numbers):
        return
    con.register("batch", pa.table({"position": pa.array(numbers, pa.int64()), **columns}))
    try:
        con.execute(f"INSERT INTO given_{kind} BY NAME SELECT {file_no} AS file_no, * FROM batch")
    finally:
        con.unregister("batch")


def _clean(con: duckdb.DuckDBPyConnection, kind: str, columns: tuple[str, ...]) -> None:
    """Make `record_<kind>` of all that was given: the keys read as what they are, all else text without what is none.

    Once for a whole delivery, since a delivery may be of hundreds of small files.
    """
    made = {name: name for name in columns}
    for name, read in (("uprn", identifiers.read_uprn), ("usrn", identifiers.read_usrn)):
        if name in made:
            made[name] = f"{read(name).value} AS {name}"
    made["pro_order"] = "TRY_CAST(pro_order AS BIGINT) AS pro_order"
    if "language" in made:
        made["language"] = "coalesce(upper(language), 'ENG') AS language"
    clean = ", ".join(f"{identifiers.missing_as_null(name)} AS {name}" for name in columns)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE record_{kind} AS "
        f"WITH clean AS (SELECT file_no, position, {clean} FROM given_{kind}) "
        f"SELECT file_no, position, {', '.join(made.values())} FROM clean"
    )
    con.execute(f"DROP TABLE temp.given_{kind}")


def _reject(con: duckdb.DuckDBPyConnection, file_no: int, bad: list[tuple[int, str, str]]) -> None:
    if not bad:
        return
    numbers, kinds, reasons = zip(*bad, strict=True)
    con.register(
        "bad", pa.table({"n": pa.array(numbers, pa.int64()), "kind": list(kinds), "why": list(reasons)})
    )
    con.execute(f"INSERT INTO delivery_rejected SELECT {file_no}, n, kind, '', why FROM bad")
    con.unregister("bad")


def _order(con: duckdb.DuckDBPyConnection, files: list[File]) -> None:
    """Put the files in the order in which they apply. Refuses a delivery without its base, or with gaps."""
    read = [(n, file) for n, file in enumerate(files) if not file.superseded]
    full = sorted({file.supply.date for _, file in read if file.supply.is_full and not file.supply.tile})
    changes = [file for _, file in read if not file.supply.is_full and not file.supply.tile]
    tiles = any(file.supply.tile for _, file in read)
    if changes and not full and not tiles:
        raise FileRefused(
            "wanted the full supply that these change-only updates (COU) are to be applied to; found only updates: "
            "put the full supply beside them, or order one"
        )
    if len(full) > 1:
        raise FileRefused(
            f"wanted one full supply; found those of {' and '.join(full)} side by side: take the older away"
        )
    if full and any(file.supply.date < full[0] for file in changes):
        raise FileRefused(
            f"found change-only updates from before the full supply of {full[0]}, which has them already: take them "
            "away"
        )
    _hold_to_all_volumes([file for _, file in read])

    def rank(numbered: tuple[int, File]) -> tuple[str, bool, str, int, str]:
        supply = numbered[1].supply
        return supply.date, not supply.is_full, supply.time, supply.volume or 0, numbered[1].shown

    ordered = sorted(read, key=rank)
    con.execute("CREATE OR REPLACE TEMP TABLE record_file (file_no INTEGER, place INTEGER, supply VARCHAR)")
    if ordered:
        con.executemany(
            "INSERT INTO record_file VALUES (?, ?, ?)",
            [(n, at, f"{file.supply.is_full} {file.supply.date}") for at, (n, file) in enumerate(ordered)],
        )


def _hold_to_all_volumes(files: list[File]) -> None:
    supplies: dict[tuple[bool, str], list[Supply]] = {}
    for file in files:
        # A gazetteer system counts the volumes of DTF 7.3 on from one export to the next.
        if file.supply.form != DTF and file.supply.volume is not None and not file.supply.tile:
            supplies.setdefault((file.supply.is_full, file.supply.date), []).append(file.supply)
    for (is_full, date), volumes in sorted(supplies.items()):
        numbers = {supply.volume for supply in volumes if supply.volume}
        what = "full supply" if is_full else "change-only update"
        if len(numbers) < sum(1 for supply in volumes if supply.volume):
            raise FileRefused(
                f"wanted each volume of the {what} of {date or 'an unknown date'} once; found one twice (packed and "
                "unpacked, perhaps): take one away"
            )
        due = set(range(1, max(numbers, default=0) + 1))
        # The trailer names the volume that follows; 0 means none.
        due |= {supply.next_volume for supply in volumes if supply.next_volume}
        if missing := sorted(due - numbers):
            raise FileRefused(
                f"wanted every volume of the {what} of {date or 'an unknown date'}; volume {missing[0]} is missing: "
                "put it beside the others"
            )


def _settle(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Make `current_<kind>`: of each key its last row, where that does not take the record away; the rest rejected."""
    key = _KEYS[kind]
    needed = [*key.split(", "), *(["uprn"] if "uprn" in _USED[kind] else [])]
    gaps = " ".join(
        f"WHEN {name} IS NULL THEN {text_literal(name.upper())}" for name in dict.fromkeys(needed)
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE ranked AS WITH judged AS (SELECT record.rowid AS row_id, file_no, position, "
        f"change_type, supply, place, pro_order, {key}, CASE {gaps} "
        "WHEN upper(change_type) NOT IN ('I', 'U', 'D') THEN 'CHANGE_TYPE' END AS wrong "
        f"FROM record_{kind} AS record JOIN record_file USING (file_no)) "
        "SELECT row_id, file_no, position, upper(change_type) AS change_type, supply, wrong, "
        "row_number() OVER latest AS nth, first_value(supply) OVER latest AS last_supply FROM judged "
        f"WINDOW latest AS (PARTITION BY wrong IS NULL, {key} "
        "ORDER BY place DESC, pro_order DESC NULLS LAST, position DESC)"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE current_{kind} AS SELECT record.* FROM record_{kind} AS record JOIN ranked "
        "ON record.rowid = ranked.row_id WHERE wrong IS NULL AND nth = 1 AND coalesce(ranked.change_type, 'I') <> 'D'"
    )
    con.execute(
        f"INSERT INTO delivery_rejected SELECT file_no, position, {text_literal(kind)}, coalesce(wrong, ''), CASE "
        "WHEN wrong = 'CHANGE_TYPE' THEN 'change_type_unknown: wanted I, U or D' "
        "WHEN wrong IS NOT NULL THEN 'required: the value is missing or malformed' "
        "WHEN nth > 1 AND supply = last_supply THEN 'repeated: a later row of the same supply has the same key' "
        "WHEN nth > 1 THEN 'superseded: a later supply changes or takes away this record' "
        "ELSE 'taken_away: the supply says that the record has ceased to exist' END "
        "FROM ranked WHERE wrong IS NOT NULL OR nth > 1 OR change_type = 'D'"
    )
    con.execute("DROP TABLE temp.ranked")


def _newest(of: str, key: str, where: str = "true") -> str:
    """SQL: of the records of each UPRN the one that counts: one without an end before others, then the latest begun."""
    return (
        f"SELECT * FROM current_{of} WHERE {where} QUALIFY row_number() OVER "
        f"(PARTITION BY uprn ORDER BY end_date IS NOT NULL, start_date DESC NULLS LAST, {key}) = 1"
    )


def _make_llpg(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "INSERT INTO delivery_rejected SELECT lpi.file_no, lpi.position, '24', 'UPRN', "
        "'no_blpu: no BLPU (record 21) has its UPRN' FROM current_24 AS lpi ANTI JOIN current_21 USING (uprn)"
    )
    con.execute(
        "INSERT INTO delivery_rejected SELECT blpu.file_no, blpu.position, '21', 'UPRN', "
        "'no_lpi: no LPI (record 24) writes its address' FROM current_21 AS blpu ANTI JOIN current_24 USING (uprn)"
    )
    # A street is called in the LPI's own language, else in English, else in whatever there is.
    numbers = ", ".join(f"lpi.{name}" for name in _NUMBERS)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE delivery AS
        WITH class AS ({_newest("32", "class_key", f"coalesce(class_scheme, '') = '{CLASS_SCHEME}'")}),
        other_class AS ({_newest("32", "class_key", "class_scheme IS NULL OR class_scheme LIKE 'BS7666%'")}),
        organisation AS ({_newest("31", "org_key")}),
        successor AS ({_newest("30", "succ_key")}),
        street AS (
            SELECT * FROM current_15
            QUALIFY row_number() OVER (PARTITION BY usrn ORDER BY language <> 'ENG', language) = 1
        )
        SELECT
            lpi.file_no, lpi.position, lpi.lpi_key, lpi.uprn, blpu.parent_uprn, lpi.usrn,
            blpu.logical_status AS blpu_status, lpi.logical_status AS lpi_status, blpu.blpu_state,
            coalesce(class.classification_code, other_class.classification_code, blpu.blpu_class) AS class_code,
            coalesce(organisation.organisation, blpu.organisation) AS organisation,
            {numbers},
            coalesce(own.street_description, street.street_description) AS street,
            CASE WHEN own.usrn IS NULL THEN street.locality ELSE own.locality END AS locality,
            CASE WHEN own.usrn IS NULL THEN coalesce(street.town_name, lpi.post_town)
                ELSE coalesce(own.town_name, lpi.post_town) END AS town,
            coalesce(blpu.postcode_locator, lpi.postcode) AS postcode,
            blpu.x_coordinate AS easting, blpu.y_coordinate AS northing,
            successor.successor AS successor_uprn,
            lpi.language, coalesce(blpu.addressbase_postal, lpi.postal_address) AS postal,
            blpu.multi_occ_count AS multi_occupancy, blpu.rpc
        FROM current_24 AS lpi
        JOIN current_21 AS blpu USING (uprn)
        LEFT JOIN current_15 AS own ON own.usrn = lpi.usrn AND own.language = lpi.language
        LEFT JOIN street ON street.usrn = lpi.usrn
        LEFT JOIN class ON class.uprn = lpi.uprn
        LEFT JOIN other_class ON other_class.uprn = lpi.uprn
        LEFT JOIN organisation ON organisation.uprn = lpi.uprn
        LEFT JOIN successor ON successor.uprn = lpi.uprn
        """
    )


def _make_delivery_points(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE delivery AS
        SELECT
            file_no, position, uprn, udprn, organisation_name AS organisation, department_name AS department,
            sub_building_name AS sub_building, building_name, building_number,
            dependent_thoroughfare AS dependent_street, thoroughfare AS street, double_dependent_locality,
            dependent_locality AS locality, post_town AS town, postcode, po_box_number AS po_box
        FROM current_28
        """
    )


def _make_references(con: duckdb.DuckDBPyConnection) -> None:
    # The same reference under two keys is one: that without an end, else the latest begun.
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE counted AS
        SELECT *, row_number() OVER (
            PARTITION BY uprn, source, cross_reference
            ORDER BY end_date IS NOT NULL, start_date DESC NULLS LAST, xref_key
        ) AS nth FROM current_23
        """
    )
    con.execute(
        "INSERT INTO delivery_rejected SELECT file_no, position, '23', 'CROSS_REFERENCE', "
        "'repeated: another record has the same UPRN, source and reference' FROM counted WHERE nth > 1"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE delivery AS SELECT file_no, position, uprn, source, "
        "cross_reference AS reference, start_date, end_date FROM counted WHERE nth = 1"
    )
    con.execute("DROP TABLE temp.counted")


# --- OS NGD Address --------------------------------------------------------------------------------------------------

# Feature types by the name of their files: a letter for the key, and the status where the row itself states none.
_FEATURES = {"built": ("B", 1), "prebuild": ("P", 6), "nonaddressable": ("N", 1), "historic": ("H", 8)}


_FEATURE_FILE = re.compile(
    r"add_(?:gb|isl)_(?:(built|prebuild|historic|royalmail)address|(nonaddressable)object)(_altadd)?(?:[_-]?\d+|_csv)*\Z"
)


def ngd_feature(path: Path) -> str:
    """What a file of OS NGD Address holds, by its name; empty for every other file.

    `address`, `alternate` (other addresses of the same features), `royal_mail`, or `other` where nothing is made of it
    (related entities, street addresses). The names are OS Select+Build's, such as `add_gb_builtaddress_altadd.csv`.
    """
    stem = path.stem.lower()
    if not stem.startswith(("add_gb_", "add_isl_")):
        return ""
    found = _FEATURE_FILE.match(stem)
    if not found:
        return "other"
    return "royal_mail" if found[1] == "royalmail" else "alternate" if found[3] else "address"


def read_ngd(
    con: duckdb.DuckDBPyConnection, source: Source, paths: Iterable[Path], shown: Callable[[Path], str]
) -> Delivery:
    """Read OS NGD address features (CSV with a header, zipped or not, or GeoPackage) for the gazetteer's table.

    The attributes are those of the data structure at docs.os.uk (Built Address, schema 3.0; 2.0 has the same that are
    used here). Each feature gives a row; where it has the address in another language as well, that gives one more.
    Raises `FileRefused` where a file cannot be used.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE delivery_rejected "
        "(file_no INTEGER, position BIGINT, kind VARCHAR, column_name VARCHAR, reason VARCHAR)"
    )
    wanted = (*_NGD, *_NGD_OTHER)
    columns = ", ".join(f"{quoted(name)} VARCHAR" for name in wanted)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE ngd (file_no INTEGER, position BIGINT, feature VARCHAR, is_alternate BOOLEAN, "
        f"status INTEGER, {columns})"
    )
    files: list[File] = []
    counts: list[int] = []
    for path in paths:
        file_no = len(files)
        file = File(path, shown(path), path.stat().st_size)
        files.append(file)
        letter, status = next(found for word, found in _FEATURES.items() if f"_{word}" in path.name.lower())
        is_alternate = ngd_feature(path) == "alternate"
        read = 0
        try:
            # A GeoPackage of a feature type has its other addresses and related entities as further layers.
            layer = path.stem if path.suffix.lower() == ".gpkg" else ""
            with open_rows(path, Files(layer=layer), _is_ngd_header) as rows:
                at = match_headers(dict.fromkeys([*wanted, EASTING, NORTHING]), rows.headers)
                at = {
                    name: at[name] or at.get(f"@{name}", []) for name in wanted
                }  # a GeoPackage's own points
                for numbers, cells in rows.chunks:
                    read += len(numbers)
                    given = {name: cells[found[0]] for name, found in at.items() if found}
                    _store_ngd(con, (file_no, letter, is_alternate, status), list(numbers), given)
                counts.append(read + len(rows.bad))
                file.encoding = f"OS NGD, {rows.encoding}"
        except FileRefused as error:
            raise FileRefused(f"{file.shown}: {error}; nothing of the delivery is read without it") from None
        _reject(con, file_no, [(number, "", why) for number, why in rows.bad])
    _make_ngd(con)
    more = con.execute("SELECT file_no, count(*) FROM delivery WHERE is_more GROUP BY file_no").fetchall()
    for file_no, count in more:
        counts[file_no] += count
    con.execute("DROP TABLE temp.ngd")
    return Delivery(files, [Part(file_no, "", count) for file_no, count in enumerate(counts)])


def _is_ngd_header(headers: list[str]) -> bool:
    folded = {header.strip().casefold() for header in headers}
    return {"uprn", "fulladdress"} <= folded


_NGD = (
    "uprn", "organisationname", "subname", "name", "number", "streetname", "locality", "townname", "postcode",
    "classificationcode", "buildstatus", "addressstatus", "postcodesource", "parentuprn", "usrn", "easting",
    "northing",
)  # fmt: skip
_NGD_OTHER = (
    "alternatelanguage", "alternatelanguagesubname", "alternatelanguagename", "alternatelanguagenumber",
    "alternatelanguagestreetname", "alternatelanguagelocality", "alternatelanguagetownname",
)  # fmt: skip


def _store_ngd(
    con: duckdb.DuckDBPyConnection,
    of: tuple[int, str, bool, int],
    numbers: list[int],
    columns: dict[str, Any],
) -> None:
    if not numbers:
        return
    arrays = {
        name: cells if isinstance(cells, pa.Array) else pa.array(cells, pa.string())
        for name, cells in columns.items()
    }
    file_no, letter, is_alternate, status = of
    con.register("batch", pa.table({"position": pa.array(numbers, pa.int64()), **arrays}))
    clean = ", ".join(f"{identifiers.missing_as_null(quoted(name))} AS {quoted(name)}" for name in columns)
    try:
        con.execute(
            f"INSERT INTO ngd BY NAME SELECT {file_no} AS file_no, position, {text_literal(letter)} AS feature, "
            f"{is_alternate} AS is_alternate, {status} AS status, {clean} FROM batch"
        )
    finally:
        con.unregister("batch")


def _make_ngd(con: duckdb.DuckDBPyConnection) -> None:
    """Rows of the gazetteer's table from the features; codes as in BS 7666, from the words of OS NGD's code lists.

    A number that is none (`12A`, `3-5`) is parted into its numbers and letters; any other stands with the name.
    """
    number = r"'^([0-9]{1,4})([A-Z]?)(?:-([0-9]{1,4})([A-Z]?))?$'"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE judged AS
        SELECT *, {identifiers.read_uprn("uprn").value} AS known_uprn,
            row_number() OVER (PARTITION BY {identifiers.read_uprn("uprn").value}, feature, is_alternate
                ORDER BY file_no, position) AS nth
        FROM ngd
        """
    )
    con.execute(
        "INSERT INTO delivery_rejected SELECT file_no, position, '', 'uprn', CASE WHEN known_uprn IS NULL "
        "THEN 'required: the value is missing or malformed' ELSE 'repeated: an earlier row has the same UPRN' END "
        "FROM judged WHERE known_uprn IS NULL OR (nth > 1 AND NOT is_alternate)"
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE delivery AS
        WITH good AS (SELECT * FROM judged WHERE known_uprn IS NOT NULL AND (nth = 1 OR is_alternate)),
        core AS (
            SELECT * FROM good WHERE NOT is_alternate
            QUALIFY row_number() OVER (PARTITION BY known_uprn ORDER BY feature) = 1
        ),
        written AS (
            SELECT file_no, position, false AS is_more, known_uprn, feature, is_alternate, nth, status,
                'ENG' AS language, subname, name, upper(replace(number, ' ', '')) AS number, streetname, locality,
                townname
            FROM good
            UNION ALL
            SELECT file_no, position, true, known_uprn, feature, is_alternate, nth, status,
                CASE WHEN upper(alternatelanguage) IN ('GAE', 'GLA', 'GAELIC', 'SCOTTISH GAELIC') THEN 'GAE'
                    ELSE 'CYM' END,
                alternatelanguagesubname, alternatelanguagename,
                upper(replace(coalesce(alternatelanguagenumber, number), ' ', '')),
                coalesce(alternatelanguagestreetname, streetname), coalesce(alternatelanguagelocality, locality),
                coalesce(alternatelanguagetownname, townname)
            FROM good
            WHERE coalesce(alternatelanguagesubname, alternatelanguagename, alternatelanguagestreetname,
                alternatelanguagelocality, alternatelanguagetownname) IS NOT NULL
        ),
        parted AS (SELECT *, regexp_matches(number, {number}) AS is_number FROM written)
        SELECT
            parted.file_no, parted.position, is_more,
            'NGD' || parted.known_uprn || parted.feature
                || CASE WHEN parted.is_alternate THEN 'A' || parted.nth ELSE '' END
                || CASE WHEN is_more THEN parted.language ELSE '' END AS lpi_key,
            parted.known_uprn AS uprn,
            coalesce(core.parentuprn, own.parentuprn) AS parent_uprn,
            coalesce(own.usrn, core.usrn) AS usrn,
            {_status("coalesce(core.addressstatus, own.addressstatus)", "parted.status", {})} AS blpu_status,
            CASE WHEN parted.is_alternate OR is_more THEN
                CASE WHEN coalesce(core.status, parted.status) = 8 THEN 8 ELSE 3 END
                ELSE {_status("own.addressstatus", "parted.status", {"ALTERNATIVE": 3})} END AS lpi_status,
            CASE upper(coalesce(own.buildstatus, core.buildstatus))
                WHEN 'PREBUILD' THEN 1 WHEN 'BUILT IN USE' THEN 2 WHEN 'BUILT COMPLETE' THEN 2
                WHEN 'BUILT VACANT' THEN 3 WHEN 'BUILT UNOCCUPIABLE' THEN 3 WHEN 'HISTORIC' THEN 4 END AS blpu_state,
            coalesce(own.classificationcode, core.classificationcode) AS class_code,
            coalesce(own.organisationname, core.organisationname) AS organisation,
            parted.subname AS sao_text,
            CASE WHEN is_number THEN regexp_extract(parted.number, {number}, 1) END AS pao_start_number,
            CASE WHEN is_number THEN regexp_extract(parted.number, {number}, 2) END AS pao_start_suffix,
            CASE WHEN is_number THEN regexp_extract(parted.number, {number}, 3) END AS pao_end_number,
            CASE WHEN is_number THEN regexp_extract(parted.number, {number}, 4) END AS pao_end_suffix,
            nullif(concat_ws(' ', parted.name, CASE WHEN NOT is_number THEN parted.number END), '') AS pao_text,
            parted.streetname AS street, parted.locality, parted.townname AS town,
            coalesce(own.postcode, core.postcode) AS postcode,
            coalesce(own.easting, core.easting) AS easting, coalesce(own.northing, core.northing) AS northing,
            parted.language,
            CASE WHEN parted.feature = 'N' OR upper(own.postcodesource) LIKE 'NOT POSTAL%' THEN 'N'
                WHEN upper(own.postcodesource) LIKE '%PARENT%' THEN 'C'
                WHEN upper(own.postcodesource) LIKE '%PAF%' THEN 'D'
                WHEN upper(own.postcodesource) LIKE '%LOCAL AUTHORITY%' THEN 'L' END AS postal
        FROM parted
        JOIN good AS own USING (file_no, position)
        LEFT JOIN core ON core.known_uprn = parted.known_uprn
        """
    )
    con.execute("DROP TABLE temp.judged")


def _status(words: str, otherwise: str, more: dict[str, int]) -> str:
    known = {"APPROVED": 1, "PROVISIONAL": 6, "HISTORICAL": 8, "HISTORIC": 8, **more}
    whens = " ".join(f"WHEN {text_literal(word)} THEN {code}" for word, code in known.items())
    return f"CASE upper({words}) {whens} ELSE {otherwise} END"
