"""A release: the published tables and pages laid out for readers, made aside, audited, and put in place in one step.

Here belong the files of a release (DuckDB, GeoPackage, Parquet, pages, catalogue, licences, checksums), the audits'
place in the way, the switch of `current`, rollback, and the removal of old releases. Only `published` is read. What may
be published is `protect`; what a page looks like is `draw`; what changed from one release to another is `compare`; the
run lock that callers of `assemble`, `switch`, `roll_back` and `prune` hold belongs to the run.

    output/published/
      index.html                stable: leads to current/index.html
      current -> releases/<id>  a link, replaced in one step
      releases/<id>/            never changed once it has its name
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import stat
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from pipelines.authority import Disclosure
from pipelines.protect import Finding, Publication, rule_sentence, verify
from pipelines.tables import quoted, text_literal
from pipelines.warehouse import replace_text

RELEASES, CURRENT, BUILDING, REMOVING = "releases", "current", ".building-", ".removing-"
CHECKSUMS, ABOUT = "SHA256SUMS", "release.json"
ID_FORMAT = "%Y%m%dT%H%M%SZ"
# With less room than this, a file that cannot be written could not for that.
FULL_BYTES = 1_000_000
DATABASE, GEOPACKAGE = "connected_places.duckdb", "connected_places.gpkg"
# Clients older than the engine that writes must be able to read.
STORAGE_VERSION = "v1.2.0"
CRS = "EPSG:27700"
# What EPSG:27700 is meant for, in metres: degrees, or another grid, would show at once.
EAST, NORTH = (0, 700_000), (0, 1_300_000)

FRONT_DOOR = """<!doctype html>
<html lang="en-GB">
<meta charset="utf-8">
<title>Connected Places</title>
<meta http-equiv="refresh" content="0; url=current/index.html">
<p><a href="current/index.html">Maps</a></p>
</html>
"""

SCHEMAS = {
    "published": "The figures: every table went through the one rule in published.disclosure_rule.",
    "about": "What the release is: when it was made, what each table and column means, whose data it holds.",
}


@dataclass(frozen=True)
class Facts:
    """What a release says of its making: when its run started (with time zone), the software, who signed it off.

    `up_to` is the day up to which an earlier month was made again; None where all data were used.
    """

    started: datetime
    software: str
    sign_off: str = ""
    up_to: date | None = None


@dataclass(frozen=True)
class Candidate:
    """What an audit is given: a release as it would be, before anybody can see it.

    `con` still has the exact tables, so that an audit may compare. `former` are the releases that readers may have
    kept, oldest first.
    """

    con: duckdb.DuckDBPyConnection
    folder: Path
    publications: Sequence[Publication]
    rule: Disclosure
    former: Sequence[Path]


Audit = Callable[[Candidate], Iterable[Finding]]


class ReleaseRefused(Exception):
    """An audit found what must not be published; `findings` names tables and columns, never a value."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        lines = [str(finding) for finding in findings]
        super().__init__("not released, the former release stays current:\n" + "\n".join(lines))
        self.findings = tuple(findings)


class NoSuchRelease(ValueError):
    """There is no release of that name, or none before the current one."""


class ReleaseDamaged(ValueError):
    """A file of the release is missing, was added or was changed since it was made."""


@dataclass(frozen=True)
class Release:
    """One release on disk. `is_new` is False where `assemble` found that nothing had changed.

    `content_sha256` is empty where `release.json` cannot be read any more.
    """

    release_id: str
    path: Path
    made_at: datetime
    content_sha256: str
    is_current: bool
    is_new: bool = False


def release_id(started: datetime) -> str:
    """The id of the release that a run makes: its start in UTC, so that ids sort by time. Wants a time zone."""
    if started.tzinfo is None:
        raise ValueError("wanted a time with its zone; found one without")
    return started.astimezone(UTC).strftime(ID_FORMAT)


def assemble(
    con: duckdb.DuckDBPyConnection,
    publications: Sequence[Publication],
    rule: Disclosure,
    pages: Mapping[str, str],
    gallery: str,
    published_root: Path,
    run_id: str,
    facts: Facts,
    audits: Sequence[Audit] = (),
    documents: Mapping[str, str] | None = None,
) -> Release:
    """Make a release of everything published, and make it current.

    `con` sees the tables `published.*` and, for the audits, the exact ones; `pages` are whole HTML pages by name
    (`demand`), `gallery` is the page that leads to `maps/<name>.html`, `documents` are further texts by file name
    (`transparency.md`). Every table is verified, the files are read
    back, then the `audits` run. The caller holds the run lock: what a killed run left is cleaned away here.

    Where content (tables, meanings, pages) equals that of the current release, no release is made and the current
    one is returned. Raises `ReleaseRefused` when anything is found, ValueError on a run id or page name that cannot
    name a file, OSError or `duckdb.Error` when the disk fails; in all cases the former release stays current and whole.
    """
    documents = documents or {}
    for name in (run_id, *pages, *documents):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise ValueError(
                f"`{name}` cannot name a file: wanted letters, digits, points, dashes and underscores"
            )
    root = published_root / RELEASES
    final, building = root / run_id, root / f"{BUILDING}{run_id}"
    root.mkdir(parents=True, exist_ok=True)
    clean(published_root)
    if final.exists():
        raise ValueError(f"there is a release {run_id} already; wanted a new run id")
    try:
        building.mkdir()
        _write(con, publications, rule, pages, gallery, documents, building, run_id, facts)
        candidate = Candidate(con, building, publications, rule, [r.path for r in releases(published_root)])
        findings = [found for one in (_first_look, _read_back, *audits) for found in one(candidate)]
        if findings:
            raise ReleaseRefused(findings)
        current = current_release(published_root)
        content = _about(building)["content_sha256"]
        if current is not None and current.content_sha256 == content and not damage(current.path):
            replace_text(published_root / "index.html", FRONT_DOOR)
            return current
        _seal(building)
        building.rename(final)
        _flush_folder(root)
    finally:
        if building.exists():
            with contextlib.suppress(OSError):  # it must not hide why; the next run cleans up
                remove(building)
    _point_current(published_root, run_id)
    replace_text(published_root / "index.html", FRONT_DOOR)
    return replace(_release(final, final), is_new=True)


def releases(published_root: Path) -> list[Release]:
    """Every finished release, oldest first; damaged ones too (`damage` tells)."""
    current = _current_path(published_root)
    return [
        _release(path, current)
        for path in sorted((published_root / RELEASES).glob("[!.]*"))
        if (path / ABOUT).is_file() or (path.is_dir() and _made_at(path.name) is not None)
    ]


def current_release(published_root: Path) -> Release | None:
    """The release that `current` leads to, or None before the first."""
    return next((release for release in releases(published_root) if release.is_current), None)


def switch(published_root: Path, run_id: str) -> Release:
    """Make another finished release the current one, in one step. The caller holds the run lock.

    Raises `NoSuchRelease`, or `ReleaseDamaged` when a file of it is missing or changed: `current` is as it was.
    """
    chosen = named(published_root, run_id)
    if wrong := damage(chosen.path):
        raise ReleaseDamaged(f"release {run_id} is damaged: {'; '.join(wrong)}")
    _point_current(published_root, run_id)
    replace_text(published_root / "index.html", FRONT_DOOR)
    return _release(chosen.path, chosen.path)


def named(published_root: Path, run_id: str) -> Release:
    """The release of that id. Raises `NoSuchRelease`, which names those that there are."""
    known = {release.release_id: release for release in releases(published_root)}
    if run_id not in known:
        raise NoSuchRelease(f"no release is named `{run_id}`; known are {', '.join(known) or 'none'}")
    return known[run_id]


def before_current(published_root: Path) -> Release:
    """The newest release that is older than the current one. Raises `NoSuchRelease` where there is none."""
    known = releases(published_root)
    current = next((release for release in known if release.is_current), None)
    if current is None:
        raise NoSuchRelease(
            f"no release is current; wanted the id of one of {', '.join(r.release_id for r in known) or 'none'}"
        )
    older = [release for release in known if release.release_id < current.release_id]
    if not older:
        raise NoSuchRelease(f"there is no release before the current one, {current.release_id}")
    return older[-1]


def roll_back(published_root: Path, run_id: str | None = None) -> Release:
    """Make an earlier release current again: that of the id, else the one before the current one.

    The caller holds the run lock. Raises `NoSuchRelease` or `ReleaseDamaged`; then `current` is as it was.
    """
    return switch(published_root, run_id or before_current(published_root).release_id)


def prune(published_root: Path, keep: int) -> list[Release]:
    """Remove all releases but the newest `keep`, never the current one; returns those removed, oldest first.

    Each leaves by one rename before its files go, so that nobody finds half a release; a killed removal is finished by
    the next run. The caller holds the run lock. Raises ValueError where `keep` is less than 1.
    """
    if keep < 1:
        raise ValueError(f"wanted at least 1 release to keep; found {keep}")
    clean(published_root)
    gone = [release for release in releases(published_root)[:-keep] if not release.is_current]
    for release in gone:
        path = release.path
        path.chmod(path.stat().st_mode | stat.S_IWUSR)  # macOS renames no folder that it may not write to
        path.rename(path.with_name(f"{REMOVING}{path.name}"))
    if gone:
        _flush_folder(published_root / RELEASES)
    clean(published_root)
    return gone


def size(folder: Path) -> int:
    """The bytes of all files of a release."""
    return sum(path.stat().st_size for path in _files(folder))


def damage(folder: Path) -> list[str]:
    """What is wrong with a finished release's files, by its checksums; [] when it is whole."""
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return [f"{CHECKSUMS} is missing"]
    wanted = {name: sha for sha, _, name in (line.partition("  ") for line in lines)}
    found = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    found.pop(CHECKSUMS, None)
    wrong = [f"{name} is missing" for name in sorted(set(wanted) - set(found))]
    wrong += [f"{name} was added" for name in sorted(set(found) - set(wanted))]
    return wrong + [
        f"{name} was changed"
        for name in sorted(set(wanted) & set(found))
        if _sha256(found[name]) != wanted[name]
    ]


def clean(published_root: Path) -> int:
    """Remove what killed runs left half-made; returns how many. Only under the run lock: another run may be at work."""
    root = published_root / RELEASES
    left = [path for start in (BUILDING, REMOVING) for path in root.glob(f"{start}*")]
    for path in left:
        remove(path)
    links = list(published_root.glob(f".{CURRENT}-*"))
    for path in links:
        unlink_folder(path)
    texts = list(published_root.glob(".index.html.*"))
    for path in texts:
        path.unlink(missing_ok=True)
    return len(left) + len(links) + len(texts)


# What a release holds ---------------------------------


def _write(
    con: duckdb.DuckDBPyConnection,
    publications: Sequence[Publication],
    rule: Disclosure,
    pages: Mapping[str, str],
    gallery: str,
    documents: Mapping[str, str],
    folder: Path,
    run_id: str,
    facts: Facts,
) -> None:
    """Every file of the release, flushed to disk, with `release.json` and the checksums last."""
    (folder / "parquet").mkdir()
    (folder / "maps").mkdir()
    for publication in publications:
        _write_parquet(con, publication, folder / "parquet" / f"{publication.table.name}.parquet")
    for name, page in pages.items():
        _write_text(folder / "maps" / f"{name}.html", page)
    _write_text(folder / "index.html", gallery)
    for name, text in documents.items():
        _write_text(folder / name, text)
    catalogue = _catalogue(con, publications, rule, pages, facts)
    _write_text(folder / "catalogue.json", json.dumps(catalogue, ensure_ascii=False, indent=1) + "\n")
    _write_text(folder / "CATALOGUE.md", _catalogue_text(catalogue))
    _write_text(folder / "LICENCES.md", _licence_text(catalogue))
    content = {path.relative_to(folder).as_posix(): _sha256(path) for path in _files(folder)}
    content_sha256 = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    about = {
        "release": run_id,
        "made_at": facts.started.astimezone(UTC).isoformat(timespec="seconds"),
        "software": facts.software,
        "content_sha256": content_sha256,
        "data_to": _data_to(con, publications),
        "made_again_up_to": facts.up_to.isoformat() if facts.up_to else "",
    }
    _write_database(con, publications, catalogue, about, folder / DATABASE)
    _write_geopackage(con, publications, facts.started, folder / GEOPACKAGE)
    _write_text(folder / ABOUT, json.dumps(about, indent=1) + "\n")
    sums = [f"{_sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in _files(folder)]
    _write_text(folder / CHECKSUMS, "".join(sums))


def _has(publication: Publication, *names: str) -> bool:
    return {column.name for column in publication.table.columns} >= set(names)


def _stored(publication: Publication) -> str:
    """The published table in the order of its key, as SQL."""
    key = ", ".join(quoted(name) for name in publication.table.key)
    return f"SELECT * FROM published.{quoted(publication.table.name)} ORDER BY {key}"


def _write_parquet(con: duckdb.DuckDBPyConnection, publication: Publication, path: Path) -> None:
    """A table as Parquet; as GeoParquet in EPSG:27700 where it has a geometry or is of points."""
    if not _has(publication, "geometry_wkb") and not _has(publication, "easting", "northing"):
        con.execute(
            f"COPY ({_stored(publication)}) TO {text_literal(str(path))} (FORMAT parquet, COMPRESSION zstd)"
        )
        return
    import geopandas
    import pandas
    import shapely

    # Arrow's own types: else whole numbers with gaps would come out as fractions.
    arrow: Any = con.sql(_stored(publication)).to_arrow_table()
    frame = arrow.to_pandas(types_mapper=pandas.ArrowDtype)
    if "geometry_wkb" in frame:
        geometry = shapely.from_wkb(frame.pop("geometry_wkb").to_numpy(dtype=object, na_value=None))
    else:
        metres = frame[["easting", "northing"]].to_numpy(dtype=float, na_value=float("nan"))
        geometry = shapely.points(metres)
        geometry[(metres != metres).any(axis=1)] = None
    geopandas.GeoDataFrame(frame, geometry=geometry, crs=CRS).to_parquet(
        path, index=False, compression="zstd"
    )


def _catalogue(
    con: duckdb.DuckDBPyConnection,
    publications: Sequence[Publication],
    rule: Disclosure,
    pages: Mapping[str, str],
    facts: Facts,
) -> dict[str, Any]:
    """What is in the release, in words: no time in it, so that the same content gives the same text."""
    tables = []
    for publication in publications:
        definition, name = publication.definition, publication.table.name
        described = con.execute(f"DESCRIBE published.{quoted(name)}").fetchall()
        types = {row[0]: row[1] for row in described}
        tables.append(
            {
                "name": name,
                "meaning": definition.meaning,
                "purpose": definition.purpose,
                "basis": definition.basis,
                "not_for": definition.not_for,
                "smallest_area": definition.smallest_area,
                "key": list(definition.key),
                "rows": _count(con, f"published.{quoted(name)}"),
                "columns": [
                    {"name": column.name, "type": types[column.name], "meaning": column.meaning}
                    for column in publication.table.columns
                ],
            }
        )
    code, name = con.execute(
        "SELECT authority_code, authority_name FROM published.disclosure_rule"
    ).fetchall()[0]
    return {
        "authority_code": code,
        "authority_name": name,
        "rule": rule_sentence(rule),
        "sign_off": facts.sign_off,
        "tables": tables,
        "maps": sorted(pages),
        "licences": _licences(con, publications),
    }


def _licences(con: duckdb.DuckDBPyConnection, publications: Sequence[Publication]) -> list[dict[str, str]]:
    """Licence and attribution of every open source and open dataset in the release."""
    found = []
    for table in ("source", "dataset"):
        publication = next((p for p in publications if p.table.name == table), None)
        if publication is None or not _has(publication, table, "title", "licence", "attribution"):
            continue
        rows = con.execute(
            f"SELECT {table}, title, coalesce(licence, ''), coalesce(attribution, '') FROM published.{table} "
            f"WHERE coalesce(licence, '') <> '' OR coalesce(attribution, '') <> '' ORDER BY 1, 2"
        ).fetchall()
        for row in rows:
            found.append(dict(zip(("name", "title", "licence", "attribution"), map(str, row), strict=True)))
    return found


def _catalogue_text(catalogue: Mapping[str, Any]) -> str:
    lines = [f"# {catalogue['authority_name']}: what is published", "", catalogue["rule"], ""]
    lines += [f"Signed off: {catalogue['sign_off']}", ""] if catalogue["sign_off"] else []
    for table in catalogue["tables"]:
        lines += [f"## {table['name']}", "", table["meaning"], ""]
        lines += [
            f"- For: {table['purpose']}",
            f"- Not for: {table['not_for']}",
            f"- Basis: {table['basis']}",
        ]
        if table["smallest_area"] not in {"none", "exact_place"}:
            lines.append(f"- Smallest area: {table['smallest_area']}")
        lines += [f"- Rows: {table['rows']}; one for each {', '.join(table['key'])}", ""]
        lines += ["| column | type | meaning |", "|---|---|---|"]
        for column in table["columns"]:
            cells = (f"`{column['name']}`", column["type"], column["meaning"])
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _licence_text(catalogue: Mapping[str, Any]) -> str:
    lines = [f"# {catalogue['authority_name']}: licences and attributions", ""]
    for licence in catalogue["licences"]:
        terms = ". ".join(part.rstrip(".") for part in (licence["licence"], licence["attribution"]) if part)
        lines.append(f"- **{licence['title']}** (`{licence['name']}`): {terms}.")
    return "\n".join(lines) + "\n"


def _write_database(
    con: duckdb.DuckDBPyConnection,
    publications: Sequence[Publication],
    catalogue: Mapping[str, Any],
    about: Mapping[str, str],
    path: Path,
) -> None:
    """The DuckDB file: tables only, each table and column with its meaning as a comment; geometry as WKB."""
    # The name stays in the file: the same in each, or the same tables would not be the same bytes.
    database = "connected_places_release"
    con.execute(f"ATTACH {text_literal(str(path))} AS {database} (STORAGE_VERSION '{STORAGE_VERSION}')")
    try:
        con.execute("BEGIN")  # one transaction: else each comment would be flushed to disk by itself
        for schema in SCHEMAS:
            con.execute(f"CREATE SCHEMA {database}.{schema}")
        for publication, described in zip(publications, catalogue["tables"], strict=True):
            name = f"{database}.published.{quoted(publication.table.name)}"
            con.execute(f"CREATE TABLE {name} AS {_stored(publication)}")
            comment = f"{described['meaning']} For: {described['purpose']} Not for: {described['not_for']}"
            if publication.definition.counts:
                comment += f" Rule: {catalogue['rule']}"
            columns = {column["name"]: column["meaning"] for column in described["columns"]}
            _comment(con, name, comment, columns)
        for table, (meaning, columns, rows) in _about_tables(catalogue, about).items():
            name = f"{database}.about.{table}"
            con.execute(f"CREATE TABLE {name} ({', '.join(f'{quoted(c)} VARCHAR' for c in columns)})")
            if rows:
                row = f"({', '.join('?' for _ in columns)})"
                con.execute(
                    f"INSERT INTO {name} VALUES {', '.join([row] * len(rows))}", [v for r in rows for v in r]
                )
            _comment(con, name, meaning, columns)
        con.execute("COMMIT")
        con.execute(f"CHECKPOINT {database}")
    except BaseException:
        for ending in ("ROLLBACK", f"DETACH {database}"):
            with contextlib.suppress(
                duckdb.Error
            ):  # else it would stand before the error that brought us here
                con.execute(ending)
        raise
    con.execute(f"DETACH {database}")


def _comment(con: duckdb.DuckDBPyConnection, table: str, meaning: str, columns: Mapping[str, str]) -> None:
    comments = [f"COMMENT ON TABLE {table} IS {text_literal(meaning)};"]
    comments += [
        f"COMMENT ON COLUMN {table}.{quoted(c)} IS {text_literal(text)};" for c, text in columns.items()
    ]
    con.execute("\n".join(comments))


def _about_tables(
    catalogue: Mapping[str, Any], about: Mapping[str, str]
) -> dict[str, tuple[str, dict[str, str], list[list[str]]]]:
    """The tables of the schema `about`: meaning, columns with their meanings, rows; all text."""
    table_parts = {
        "table_name": "Table in the schema published",
        "meaning": "What it holds",
        "purpose": "What it is for",
        "basis": "Why it may be made and published",
        "not_for": "What it must not be used for",
        "smallest_area": "The smallest kind of area in it",
        "rows": "How many rows it has",
    }
    column_parts = {
        "table_name": "Table in the schema published",
        "column_name": "Column",
        "type": "Its type in DuckDB",
        "meaning": "What it means",
    }
    release = {
        **about,
        **{key: catalogue[key] for key in ("authority_code", "authority_name", "rule", "sign_off")},
    }
    release_parts = {
        "release": "The release's id: when its run started, in UTC",
        "made_at": "When its run started, in UTC",
        "software": "What made it",
        "content_sha256": "Fingerprint of its content: equal where nothing but the time differs",
        "data_to": "Date of the newest extract in it",
        "made_again_up_to": "Where an earlier month was made again: the day up to which extracts and events were used",
        "authority_code": "GSS code of the authority",
        "authority_name": "Name of the authority",
        "rule": "The rule that every figure went through",
        "sign_off": "Who answers for it, and since when; empty where nobody has signed",
    }
    licence_parts = {
        "name": "Source or dataset, as in published.source and published.dataset",
        "title": "Its title",
        "licence": "Its licence",
        "attribution": "The words that must stand beside figures made with it",
    }
    tables = catalogue["tables"]
    return {
        "release": ("This release.", release_parts, [[release[key] for key in release_parts]]),
        # DuckDB has no comments on schemas.
        "schema_meaning": (
            "What each schema is for.",
            {"schema_name": "Schema", "meaning": "What it is for"},
            [[name, meaning] for name, meaning in SCHEMAS.items()],
        ),
        "table_meaning": (
            "What each published table holds, what it is for and what not.",
            table_parts,
            [[table["name"], *(str(table[key]) for key in list(table_parts)[1:])] for table in tables],
        ),
        "column_meaning": (
            "What each column of each published table means.",
            column_parts,
            [
                [table["name"], c["name"], c["type"], c["meaning"]]
                for table in tables
                for c in table["columns"]
            ],
        ),
        "licence": (
            "Licence and attribution of the open data that the figures are made with.",
            licence_parts,
            [[licence[key] for key in licence_parts] for licence in catalogue["licences"]],
        ),
    }


def _write_geopackage(
    con: duckdb.DuckDBPyConnection, publications: Sequence[Publication], when: datetime, path: Path
) -> None:
    """The GeoPackage, EPSG:27700: a layer for each kind of area with the latest demand beside it, sites, roads,
    catchments."""
    import fiona

    by_name = {publication.table.name: publication for publication in publications}
    wide, wide_types = _latest_demand(con, by_name.get("demand_by_area"))
    # The time of the run instead of the clock's: the same release gives the same bytes. Flushed once, when sealed.
    # What SQLite moves or deletes while it writes is overwritten: the file holds what can be read in it, and no more.
    time = when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    settings = {"OGR_SQLITE_SYNCHRONOUS": "OFF", "OGR_SQLITE_PRAGMA": "secure_delete=ON"}
    with _full_disk_told(path), fiona.Env(OGR_CURRENT_DATE=time, **settings):
        for layer, publication, test, kind in _layers(con, by_name):
            types = {row[0]: row[1] for row in con.execute(f"DESCRIBE {_stored(publication)}").fetchall()}
            types.pop("geometry_wkb", None)
            extra = wide_types if publication.table.name == "area" else {}
            schema = {
                "geometry": kind,
                "properties": {name: _field_type(type_) for name, type_ in {**types, **extra}.items()},
            }
            with fiona.open(path, "w", driver="GPKG", layer=layer, crs=CRS, schema=schema) as sink:
                sink.writerecords(_features(con, publication, test, kind, wide, extra))


@contextlib.contextmanager
def _full_disk_told(path: Path) -> Iterator[None]:
    """GDAL has no kind of error for a full disk: tell it as the system does. Asked here, before what was made goes."""
    try:
        yield
    except Exception as error:
        if "full" in str(error) or shutil.disk_usage(path.parent).free < FULL_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise


def _layers(
    con: duckdb.DuckDBPyConnection, by_name: Mapping[str, Publication]
) -> Iterator[tuple[str, Publication, str, str]]:
    """Layer, table, which rows, kind of geometry; only layers that have rows."""
    if "area" in by_name:
        for (area_type,) in con.execute(
            "SELECT DISTINCT area_type FROM published.area ORDER BY 1"
        ).fetchall():
            test = f"area_type = {text_literal(area_type)} AND geometry_wkb IS NOT NULL"
            yield f"area_{area_type}", by_name["area"], test, "MultiPolygon"
    if "site" in by_name:
        yield "site", by_name["site"], "easting IS NOT NULL AND northing IS NOT NULL", "Point"
    if "road" in by_name:
        yield "road", by_name["road"], "geometry_wkb IS NOT NULL", "MultiLineString"
    if "catchment" in by_name:
        yield "catchment", by_name["catchment"], "geometry_wkb IS NOT NULL", "MultiPolygon"


def _features(
    con: duckdb.DuckDBPyConnection,
    publication: Publication,
    test: str,
    kind: str,
    wide: Mapping[str, Mapping[str, Any]],
    extra: Mapping[str, str],
) -> Iterator[dict[str, Any]]:
    import shapely

    result = con.execute(f"SELECT * FROM ({_stored(publication)}) WHERE {test}")
    names = [column[0] for column in result.description or ()]
    for row in result.fetchall():
        values = dict(zip(names, row, strict=True))
        if kind == "Point":
            geometry = shapely.Point(float(values["easting"]), float(values["northing"]))
        else:
            geometry = shapely.from_wkb(values.pop("geometry_wkb"))
            if kind == "MultiPolygon" and geometry.geom_type == "Polygon":
                geometry = shapely.MultiPolygon([geometry])
            if kind == "MultiLineString" and geometry.geom_type == "LineString":
                geometry = shapely.MultiLineString([geometry])
        if extra:
            demand = wide.get(values["area_code"], {})
            values |= {name: demand.get(name) for name in extra}
        properties = {name: _field_value(value) for name, value in values.items()}
        yield {"geometry": shapely.geometry.mapping(geometry), "properties": properties}


def _data_to(con: duckdb.DuckDBPyConnection, publications: Sequence[Publication]) -> str:
    """The date of the newest extract of any dataset, as published; empty where none is dated."""
    if not any(publication.table.full_name == "published.dataset" for publication in publications):
        return ""
    ((day,),) = con.execute("SELECT max(last_as_at) FROM published.dataset").fetchall()
    return day.isoformat() if day else ""


def _latest_demand(
    con: duckdb.DuckDBPyConnection, publication: Publication | None
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The latest demand of each area, a group of columns for each dataset; and the columns' types."""
    if publication is None:
        return {}, {}
    parts = [*publication.definition.counts, *publication.definition.rates]
    shown = ["period", *(name for part in parts for name in (part, f"{part}_status"))]
    types = {row[0]: row[1] for row in con.execute("DESCRIBE published.demand_by_area").fetchall()}
    rows = con.execute(
        f"SELECT area_code, dataset, {', '.join(quoted(name) for name in shown)} FROM published.demand_by_area "
        "WHERE is_latest ORDER BY dataset, area_code"
    ).fetchall()
    wide: dict[str, dict[str, Any]] = {}
    for code, dataset, *values in rows:
        named = {f"{dataset}_{name}": value for name, value in zip(shown, values, strict=True)}
        wide.setdefault(code, {}).update(named)
    datasets = sorted({row[1] for row in rows})
    return wide, {f"{dataset}_{name}": types[name] for dataset in datasets for name in shown}


def _field_type(duckdb_type: str) -> str:
    if duckdb_type.endswith("INT") or duckdb_type == "INTEGER":
        return "int64"
    if duckdb_type in {"DOUBLE", "FLOAT"} or duckdb_type.startswith("DECIMAL"):
        return "float"
    return {"BOOLEAN": "bool", "DATE": "date"}.get(duckdb_type, "str")


def _field_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


# Looking at it before anybody else does ---------------------------------


def _first_look(candidate: Candidate) -> list[Finding]:
    """Every published table as `protect.verify` sees it."""
    return [finding for p in candidate.publications for finding in verify(candidate.con, p, candidate.rule)]


def _read_back(candidate: Candidate) -> list[Finding]:
    """Open each file as a reader would: is all there, with its meaning, in the right place on earth?"""
    return [*_read_database(candidate), *_read_geopackage(candidate), *_read_geoparquet(candidate)]


def _read_database(candidate: Candidate) -> Iterator[Finding]:
    with duckdb.connect(str(candidate.folder / DATABASE), read_only=True) as con:
        views = "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal"
        for schema, table in con.execute(views).fetchall():
            yield Finding(f"{schema}.{table}", "", f"is a view in {DATABASE}; wanted tables only")
        silent = con.execute(
            "SELECT schema_name, table_name, '' FROM duckdb_tables() WHERE coalesce(comment, '') = '' UNION ALL "
            "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE NOT internal "
            "AND coalesce(comment, '') = '' ORDER BY ALL"
        ).fetchall()
        for schema, table, column in silent:
            yield Finding(f"{schema}.{table}", column, f"has no comment in {DATABASE}")
        for publication in candidate.publications:
            name = f"published.{quoted(publication.table.name)}"
            rows, wanted = _count(con, name), _count(candidate.con, name)
            if rows != wanted:
                yield Finding(
                    publication.table.full_name, "", f"has {rows} rows in {DATABASE}; wanted {wanted}"
                )


def _read_geopackage(candidate: Candidate) -> Iterator[Finding]:
    import fiona

    path = candidate.folder / GEOPACKAGE
    for layer, publication, test, _ in _layers(
        candidate.con, {p.table.name: p for p in candidate.publications}
    ):
        (wanted,) = candidate.con.execute(
            f"SELECT count(*) FROM ({_stored(publication)}) WHERE {test}"
        ).fetchall()[0]
        with fiona.open(path, layer=layer) as source:
            if source.crs.to_epsg() != 27700:
                yield Finding(f"{GEOPACKAGE}:{layer}", "", f"is not in {CRS}")
            if len(source) != wanted:
                yield Finding(f"{GEOPACKAGE}:{layer}", "", f"has {len(source)} features; wanted {wanted}")
            if wanted and not _on_the_grid(source.bounds):
                yield Finding(f"{GEOPACKAGE}:{layer}", "", f"is not within Great Britain in {CRS}")


def _read_geoparquet(candidate: Candidate) -> Iterator[Finding]:
    import geopandas

    for publication in candidate.publications:
        if not _has(publication, "geometry_wkb") and not _has(publication, "easting", "northing"):
            continue
        frame = geopandas.read_parquet(candidate.folder / "parquet" / f"{publication.table.name}.parquet")
        if frame.crs is None or frame.crs.to_epsg() != 27700:
            yield Finding(publication.table.full_name, "", f"its GeoParquet is not in {CRS}")
        if len(frame) and frame.geometry.notna().any() and not _on_the_grid(tuple(frame.total_bounds)):
            yield Finding(
                publication.table.full_name, "", f"its GeoParquet is not within Great Britain in {CRS}"
            )


def _on_the_grid(bounds: tuple[float, ...]) -> bool:
    west, south, east, north = bounds
    return EAST[0] <= west <= east <= EAST[1] and NORTH[0] <= south <= north <= NORTH[1]


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


# Putting it in place ---------------------------------


def _seal(folder: Path) -> None:
    """Flush everything to disk and take away the right to write."""
    for path in _files(folder):
        _flush(path)
        path.chmod(0o444)
    for path in sorted([folder, *(p for p in folder.rglob("*") if p.is_dir())], reverse=True):
        _flush_folder(path)
        path.chmod(0o555)


def _point_current(published_root: Path, run_id: str) -> None:
    """Make `current` lead to a release in one step.

    Windows replaces no link to a folder, and may forbid symbolic links: there it is a link or else a junction, and
    between removing the old and renaming the new there is a moment without `current`; a run killed in that moment is
    mended by the next run or by `switch`.
    """
    current, aside = published_root / CURRENT, published_root / f".{CURRENT}-{uuid.uuid4().hex}"
    target = Path(RELEASES) / run_id
    link_folder(aside, target)
    if sys.platform == "win32":
        unlink_folder(current)
        aside.rename(current)
    else:
        aside.replace(current)
        _flush_folder(published_root)


def link_folder(link: Path, target: Path) -> None:
    """Make a link to a folder; `target` may be relative to where the link stands. On Windows it may be a junction."""
    if sys.platform == "win32":
        try:
            link.symlink_to(target, target_is_directory=True)
        except OSError:
            import _winapi

            _winapi.CreateJunction(str((link.parent / target).resolve()), str(link))
    else:
        link.symlink_to(target, target_is_directory=True)


def unlink_folder(link: Path) -> None:
    """Remove a link to a folder (on Windows a junction, too), never what it leads to."""
    if sys.platform == "win32":
        with contextlib.suppress(FileNotFoundError):
            link.rmdir()
    else:
        link.unlink(missing_ok=True)


def _current_path(published_root: Path) -> Path | None:
    current = published_root / CURRENT
    return current.resolve() if current.exists() else None


def _release(path: Path, current: Path | None) -> Release:
    is_current = current is not None and path.resolve() == current.resolve()
    try:
        about = _about(path)
        made_at, content = datetime.fromisoformat(about["made_at"]), about["content_sha256"]
    except (OSError, ValueError, KeyError, TypeError):  # damaged: still there for readers and audits
        made_at, content = _made_at(path.name) or datetime.fromtimestamp(0, UTC), ""
    return Release(path.name, path, made_at, content, is_current)


def _made_at(run_id: str) -> datetime | None:
    try:
        return datetime.strptime(run_id, ID_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def _about(folder: Path) -> dict[str, str]:
    about: dict[str, str] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    return about


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _flush(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _flush_folder(path: Path) -> None:
    if sys.platform != "win32":  # where a folder cannot be opened
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def is_link(path: Path) -> bool:
    """Whether a path is a link to a folder (on Windows a junction, too)."""
    if path.is_symlink():
        return True
    # A junction's own attributes say so; Python 3.11 has no `is_junction`.
    return sys.platform == "win32" and path.exists() and bool(os.lstat(path).st_reparse_tag)


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, read-only files too. No link in it may lead to what is to stay."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    shutil.rmtree(folder)
