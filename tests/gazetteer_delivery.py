"""Small deliveries of a gazetteer as a supplier writes them: AddressBase Premium, DTF 7.3 and OS NGD Address.

For the tests of their reading. Every place is invented, and so is the delivery: rows are put together from the fields
that a test names, the others left empty, in the layouts that `pipelines.addressbase` names the sources of. That those
layouts are right is not for a generator to show: the widths are written out in `tests/pipelines/test_addressbase.py`.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipelines.addressbase import ADDRESSBASE, DTF, LAYOUTS

SCHEME = "AddressBase Premium Classification Scheme"
Row = list[str]


def record(kind: str, form: str = ADDRESSBASE, change: str = "I", order: int = 1, **fields: object) -> Row:
    """One record: its type, change type and processing order, and the fields named; KeyError at one that it has not."""
    layout = LAYOUTS[form][kind]
    values = dict.fromkeys(layout, "")
    given = {"change_type": change, "pro_order": order} if "change_type" in values else {}
    for name, value in {**given, **fields}.items():
        if name not in values:
            raise KeyError(name)
        values[name] = str(value)
    return [kind, *values.values()]


def header(form: str = ADDRESSBASE, file_type: str = "F", date: str = "2026-09-04", volume: int = 1) -> Row:
    """The header record of a file."""
    version = "2.0" if form == ADDRESSBASE else "7.3"
    return [
        "10", "SMALLBRIDGE", "9999", date, str(volume), date, "10:00:00", version, file_type,
    ]  # fmt: skip


def trailer(count: int, next_volume: int = 0) -> Row:
    """The trailer of a file."""
    return ["99", str(next_volume), str(count), "2026-09-04", "10:00:00"]


def home(
    uprn: int, number: int, street: str, postcode: str, easting: float, northing: float, usrn: int,
    form: str = ADDRESSBASE, town: str = "SMALLBRIDGE", code: str = "RD04",
) -> list[Row]:  # fmt: skip
    """The records of one home: its street's descriptor, BLPU, LPI, class and (AddressBase) its delivery point."""
    life: dict[str, Any] = {"start_date": "2010-01-01"}
    rows = [
        record(
            "15", form, usrn=usrn, street_description=street, town_name=town, language="ENG",
            **(life if form == ADDRESSBASE else {}),
        )
    ]  # fmt: skip
    at: dict[str, Any] = {"x_coordinate": f"{easting:.2f}", "y_coordinate": f"{northing:.2f}"}
    own: dict[str, Any] = {"blpu_class": code}
    if form == ADDRESSBASE:
        own = {"postcode_locator": postcode, "addressbase_postal": "D"}
    rows.append(record("21", form, uprn=uprn, logical_status=1, blpu_state=2, rpc=1, **at, **own, **life))
    more: dict[str, Any] = {} if form == ADDRESSBASE else {"postcode": postcode, "post_town": town}
    rows.append(
        record(
            "24", form, uprn=uprn, lpi_key=f"9999L{uprn}", language="ENG", logical_status=1, pao_start_number=number,
            usrn=usrn, **more, **life,
        )
    )  # fmt: skip
    if form == ADDRESSBASE:
        rows.append(
            record(
                "32", uprn=uprn, class_key=f"9999C{uprn}", classification_code=code, class_scheme=SCHEME,
                scheme_version="1.0", **life,
            )
        )  # fmt: skip
        rows.append(
            record(
                "28", uprn=uprn, udprn=str(uprn)[-8:], building_number=number, thoroughfare=street, post_town=town,
                postcode=postcode, **life,
            )
        )  # fmt: skip
    return rows


def as_text(rows: Iterable[Sequence[str]], delimiter: str = ",", newline: str = "\r\n") -> str:
    """Records as a file's text: words in quotation marks, numbers without, as the suppliers write them."""
    stream = io.StringIO()
    for row in rows:
        cells = [cell if not cell or _is_bare(cell) else '"' + cell.replace('"', '""') + '"' for cell in row]
        stream.write(delimiter.join(cells) + newline)
    return stream.getvalue()


def _is_bare(cell: str) -> bool:
    return cell.replace(".", "").replace("-", "").replace(":", "").isdigit()


def write_delivery(
    path: Path, rows: Sequence[Row], form: str = ADDRESSBASE, file_type: str = "F", date: str = "2026-09-04",
    volume: int = 1, next_volume: int = 0, encoding: str = "utf-8",
) -> Path:  # fmt: skip
    """Write records as one file, with header and trailer; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = [header(form, file_type, date, volume), *rows, trailer(len(rows), next_volume)]
    path.write_bytes(as_text(whole).encode(encoding))
    return path


def write_zip(path: Path, inside: dict[str, bytes]) -> Path:
    """Write a ZIP file with these members."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in inside.items():
            archive.writestr(name, content)
    return path


NGD = (
    "uprn", "versiondate", "changetype", "theme", "description", "organisationname", "poboxnumber", "subname", "name",
    "number", "streetname", "locality", "townname", "islandname", "postcode", "fulladdress", "country",
    "alternatelanguagesubname", "alternatelanguagename", "alternatelanguagenumber", "alternatelanguagestreetname",
    "alternatelanguagelocality", "alternatelanguagetownname", "alternatelanguageislandname", "alternatelanguage",
    "alternatelanguagefulladdress", "floorlevel", "lowestfloorlevel", "highestfloorlevel", "classificationcode",
    "classificationdescription", "buildstatus", "buildstatusdate", "addressstatus", "postcodesource", "parentuprn",
    "rootuprn", "hierarchylevel", "usrn", "usrnmatchindicator", "localcustodiancode", "easting", "northing",
    "latitude", "longitude", "positionalaccuracy",
)  # fmt: skip
ROYAL_MAIL = (
    "udprn", "versiondate", "organisationname", "departmentname", "subbuildingname", "buildingname", "buildingnumber",
    "dependentthoroughfare", "thoroughfare", "doubledependentlocality", "dependentlocality", "posttown", "postcode",
    "poboxnumber", "uprn", "matchedaddressfeaturetype",
)  # fmt: skip


def write_ngd(path: Path, features: Iterable[dict[str, object]], columns: Sequence[str] = NGD) -> Path:
    """Write OS NGD features as CSV with a header; a feature names the attributes that it has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(features)
    return path


__all__ = [
    "ADDRESSBASE",
    "DTF",
    "NGD",
    "ROYAL_MAIL",
    "SCHEME",
    "as_text",
    "header",
    "home",
    "record",
    "trailer",
    "write_delivery",
    "write_ngd",
    "write_zip",
]
