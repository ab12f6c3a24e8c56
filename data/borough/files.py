"""Writing files that come out the same, byte for byte, on every run: CSV, zip, xlsx, GeoPackage, GeoJSON.

Belongs here: formats. Does not belong here: what goes into them.

Clocks and the names of machines are kept out of every file. Compressed files and GeoPackages still depend
on the versions of zlib, openpyxl and SQLite that write them, so that on another machine they may differ in
bytes while holding the same; `contents` gives what they hold, for comparing.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import sqlite3
import struct
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import shapely
from openpyxl import Workbook
from shapely.geometry.base import BaseGeometry

_STAMP = (2026, 10, 1, 0, 0, 0)
_WKT_27700 = (
    'PROJCS["OSGB36 / British National Grid",GEOGCS["OSGB36",DATUM["Ordnance_Survey_of_Great_Britain_1936",'
    'SPHEROID["Airy 1830",6377563.396,299.3249646,AUTHORITY["EPSG","7001"]],AUTHORITY["EPSG","6277"]],'
    'PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],'
    'AUTHORITY["EPSG","4277"]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",49],'
    'PARAMETER["central_meridian",-2],PARAMETER["scale_factor",0.9996012717],PARAMETER["false_easting",400000],'
    'PARAMETER["false_northing",-100000],UNIT["metre",1,AUTHORITY["EPSG","9001"]],AXIS["Easting",EAST],'
    'AXIS["Northing",NORTH],AUTHORITY["EPSG","27700"]]'
)
_WKT_4326 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],'
    'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]'
)


def csv_text(rows: Iterable[Sequence[object]], end: str = "\n", quote: int = csv.QUOTE_MINIMAL) -> str:
    """Rows as CSV text with the given line end."""
    out = io.StringIO()
    csv.writer(out, lineterminator=end, quoting=quote).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write text without touching its line ends."""
    write_bytes(path, text.encode(encoding))


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip file of the named members, with fixed dates and permissions."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, _STAMP)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content, compresslevel=9)
    return out.getvalue()


def gzipped(text: str) -> bytes:
    """UTF-8 text compressed by gzip, without name or time."""
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def workbook(sheets: dict[str, Sequence[Sequence[object]]]) -> bytes:
    """An xlsx file with the given sheets, rows from the first row down, free of clocks."""
    book = Workbook()
    default = book.active
    if default is not None:
        book.remove(default)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    raw = io.BytesIO()
    book.save(raw)
    members: dict[str, bytes] = {}
    with zipfile.ZipFile(raw) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2026-10-01T00:00:00Z", content)
            members[name] = content
    return zipped(members)


def geojson(features: Sequence[tuple[dict[str, object], BaseGeometry]]) -> str:
    """A GeoJSON FeatureCollection (EPSG:4326), one feature a line."""
    head = (
        '{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"EPSG:4326"}},"features":[\n'
    )
    lines = []
    for i, (properties, shape) in enumerate(features, 1):
        feature = {
            "type": "Feature",
            "id": i,
            "properties": properties,
            "geometry": shapely.geometry.mapping(shape),
        }
        lines.append(json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
    return head + ",\n".join(lines) + "\n]}\n"


Layer = tuple[str, str, Sequence[tuple[str, str]], Sequence[tuple[Sequence[object], BaseGeometry]]]


def geopackage(path: Path, layers: Sequence[Layer]) -> None:
    """Write a GeoPackage 1.3 in EPSG:27700.

    A layer is (name, geometry type, [(column, SQL type)], [(values, geometry)]). Written with SQLite itself
    because GDAL stamps its files with the time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as con:
        con.execute("PRAGMA page_size = 4096")
        con.execute("PRAGMA journal_mode = DELETE")
        con.execute("PRAGMA application_id = 1196444487")
        con.execute("PRAGMA user_version = 10300")
        con.executescript(
            """
            CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY,
              organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL,
              description TEXT);
            CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL,
              identifier TEXT UNIQUE, description TEXT DEFAULT '',
              last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')), min_x DOUBLE,
              min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER, CONSTRAINT fk_gc_r_srs_id FOREIGN
              KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id)); CREATE TABLE gpkg_geometry_columns
              (table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL, srs_id
              INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL, CONSTRAINT pk_geom_cols PRIMARY KEY
              (table_name, column_name), CONSTRAINT uk_gc_table_name UNIQUE (table_name), CONSTRAINT
              fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name), CONSTRAINT fk_gc_srs
              FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
            """
        )
        con.executemany(
            "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, NULL)",
            [
                ("Undefined Cartesian SRS", -1, "NONE", -1, "undefined"),
                ("Undefined geographic SRS", 0, "NONE", 0, "undefined"),
                ("WGS 84 geodetic", 4326, "EPSG", 4326, _WKT_4326),
                ("OSGB36 / British National Grid", 27700, "EPSG", 27700, _WKT_27700),
            ],
        )
        for name, kind, columns, rows in layers:
            bounds: list[Any] = [None] * 4
            if rows:
                bounds = shapely.total_bounds([shape for _, shape in rows]).tolist()
            con.execute(
                "INSERT INTO gpkg_contents VALUES (?, 'features', ?, '', ?, ?, ?, ?, ?, 27700)",
                (name, name, "2026-10-01T00:00:00.000Z", *bounds),
            )
            con.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, 27700, 0, 0)", (name, kind))
            fields = ", ".join(f'"{column}" {sql}' for column, sql in columns)
            con.execute(f'CREATE TABLE "{name}" (fid INTEGER PRIMARY KEY NOT NULL, geom {kind}, {fields})')
            marks = ", ".join("?" * (len(columns) + 2))
            for i, (values, shape) in enumerate(rows, 1):
                head = b"GP\x00\x01" + struct.pack("<i", 27700)
                blob = head + shapely.to_wkb(shape, byte_order=1, output_dimension=2)
                con.execute(f'INSERT INTO "{name}" VALUES ({marks})', (i, blob, *values))
        con.commit()
    raw = bytearray(path.read_bytes())
    # Bytes 96 to 99 hold the version of SQLite that wrote the file: not ours to say.
    raw[96:100] = b"\x00\x00\x00\x00"
    path.write_bytes(bytes(raw))


def contents(path: Path) -> str:
    """Digest of what a file holds, whatever the version of the library that packed it."""
    digest = hashlib.sha256()
    if path.suffix == ".gpkg":
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as con:
            for line in con.iterdump():
                digest.update(line.encode())
    elif path.suffix in (".zip", ".xlsx"):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                digest.update(name.encode() + b"\x00" + archive.read(name))
    elif path.suffix == ".gz":
        digest.update(gzip.decompress(path.read_bytes()))
    else:
        digest.update(path.read_bytes())
    return digest.hexdigest()
