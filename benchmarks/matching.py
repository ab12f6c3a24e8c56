"""Matching addresses: how often `pipelines.address` is right, how fast, how large; against a common way in DuckDB.

Here belong the messy records, made from the sample borough's gazetteer by a seeded generator, and the figures. The
manners of writing are those of councils' extracts (abbreviations, lost towns and postcodes, floors, care of somebody);
the proportions are ours. The alternative takes, among the addresses of the record's postcode, the one whose whole text
is most similar by Jaro-Winkler, from .90 on.
"""

from __future__ import annotations

import csv
import random
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.comparison import Comparison, compare
from pipelines.address.files import match_files
from pipelines.address.gazetteer import Entry
from pipelines.address.match import Matcher

BOROUGH = Path(__file__).resolve().parent.parent / "data" / "sample" / "sources" / "llpg"
STATUSES = {"1": "live", "3": "live", "6": "provisional", "8": "historic"}
COLUMNS = tuple(name for name in Entry._fields if name not in ("easting", "northing"))
LEAST_SIMILAR = 0.9
# The sample's UPRNs are 990,000,000,000 and up to so much.
UPRNS_EACH = 100_000_000


@dataclass(frozen=True)
class Messy:
    """A record as a council writes it, and what it truly is: a UPRN, None for none, or ambiguous."""

    record_id: str
    address: str
    postcode: str
    uprn: int | None
    is_ambiguous: bool
    kind: str


@dataclass(frozen=True)
class Figures:
    """Shares of one. Precision, recall and F1 leave ambiguous records out, whose guessed share is told apart."""

    precision: float
    recall: float
    f1: float
    given_to_none: float
    ambiguous_guessed: float
    historic: int

    def line(self) -> str:
        """The figures in one line."""
        return (
            f"precision {self.precision:.4f}, recall {self.recall:.4f}, F1 {self.f1:.4f}; a UPRN given to "
            f"{self.given_to_none:.1%} of records that have none and {self.ambiguous_guessed:.1%} of ambiguous ones; "
            f"historic {self.historic}"
        )


# --- the gazetteer ------------------------------------------------------------------------------------------


def borough(folder: Path = BOROUGH) -> list[Entry]:
    """The sample borough's gazetteer; rows that are damaged there are left out."""
    found: list[Entry] = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="", errors="replace") as text:
            for row in csv.DictReader(text):
                if (
                    row["POSTCODE"]
                    and (row["UPRN"] or "").isdigit()
                    and row["LPI_LOGICAL_STATUS"] in STATUSES
                ):
                    found.append(_entry(row))
    return found


def _entry(row: dict[str, str]) -> Entry:
    def number(prefix: str) -> str:
        first = row[f"{prefix}_START_NUMBER"] + row[f"{prefix}_START_SUFFIX"]
        last = row[f"{prefix}_END_NUMBER"] + row[f"{prefix}_END_SUFFIX"]
        return f"{first}-{last}" if last else first

    parent, usrn = row["PARENT_UPRN"], row["USRN"]
    return Entry(
        int(row["UPRN"]),
        int(parent) if parent.isdigit() else None,
        int(usrn) if usrn.isdigit() else None,
        row["CLASSIFICATION_CODE"],
        STATUSES[row["LPI_LOGICAL_STATUS"]],
        row["ORGANISATION"],
        f"{row['SAO_TEXT']} {number('SAO')}".strip(),
        row["PAO_TEXT"],
        number("PAO"),
        row["STREET_DESCRIPTOR"],
        row["LOCALITY"],
        row["TOWN"],
        row["POSTCODE"],
    )


def repeated(entries: list[Entry], times: int) -> list[Entry]:
    """The borough several times over, each under UPRNs, street and town names, and postcodes of its own."""
    words = ("NORTH", "SOUTH", "EAST", "WEST", "OLD", "NEW", "GREAT", "LITTLE", "UPPER", "LOWER")
    found = list(entries)
    for time in range(1, times):
        word = f"{words[time % 10]} {'LKMNPRSTVW'[time // 10 % 10]}{'AEIOU'[time // 100 % 5]}BY "
        for entry in entries:
            found.append(
                entry._replace(
                    uprn=entry.uprn - 990_000_000_000 + time * UPRNS_EACH,
                    parent_uprn=entry.parent_uprn and entry.parent_uprn - 990_000_000_000 + time * UPRNS_EACH,
                    usrn=entry.usrn and entry.usrn % 100_000 + time * 100_000,
                    street=word + entry.street,
                    town=word + entry.town,
                    postcode=_area(time) + entry.postcode[2:],
                )
            )
    return found


def _area(time: int) -> str:
    letters = "ABCDEFGHJKLMNOPRSTUWYZ"
    return letters[time // len(letters) % len(letters)] + letters[time % len(letters)]


# --- the records --------------------------------------------------------------------------------------------


def messy(entries: Iterable[Entry], wanted: int, seed: int = 1) -> tuple[list[Entry], list[Messy]]:
    """Messy records with what they truly are, and the gazetteer without the properties that are held out."""
    dice = random.Random(seed)
    every = sorted(entries, key=lambda entry: (entry.uprn, entry[5:13]))
    live = [entry for entry in every if entry.status == "live" and not entry.class_code.startswith("RG")]
    uprns = sorted({entry.uprn for entry in live} - {entry.parent_uprn for entry in live})
    held_out = set(dice.sample(uprns, len(uprns) // 15))
    absent = [entry for entry in live if entry.uprn in held_out]
    present = [entry for entry in live if entry.uprn not in held_out and not entry.class_code.startswith("P")]
    kept = [entry for entry in every if entry.uprn not in held_out]
    shared = _shared(kept)
    numbers = {(entry.building_number, entry.street) for entry in kept}
    records: list[Messy] = []
    while len(records) < wanted:
        chance = dice.random()
        made: Made | None
        if chance < 0.86:
            made = _of_present(dice, dice.choice(present), shared)
        elif chance < 0.91:
            made = _written(dice, dice.choice(absent), None, "absent")
        elif chance < 0.92:
            made = _suffixed(dice, dice.choice(present), numbers)
        elif chance < 0.96:
            made = _elsewhere(dice, dice.choice(present))
        else:
            made = _flat_lost(dice, dice.choice(present))
        if made:
            records.append(Messy(f"M{len(records):06}", *made))
    return kept, records


Made = tuple[str, str, int | None, bool, str]


def _place(entry: Entry) -> tuple[str, ...]:
    return (
        entry.sub_building,
        entry.building_name,
        entry.building_number,
        entry.street,
        entry.locality,
        entry.postcode,
    )


def _shared(entries: list[Entry]) -> set[tuple[str, ...]]:
    """Addresses that several live properties have, but for the organisation."""
    found: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for entry in entries:
        if entry.status != "historic":
            found[_place(entry)].add(entry.uprn)
    return {place for place, uprns in found.items() if len(uprns) > 1}


def _of_present(dice: random.Random, entry: Entry, shared: set[tuple[str, ...]]) -> Made:
    names_it = bool(entry.organisation) and dice.random() < 0.8
    ambiguous = _place(entry) in shared and not names_it
    return _written(dice, entry, entry.uprn, "ambiguous" if ambiguous else "present", names_it)


def _elsewhere(dice: random.Random, entry: Entry) -> Made:
    """A property of another authority whose street may have a namesake here."""
    town = dice.choice(("FARBOROUGH", "MELLINGHAM", "OVERTHWAITE", "PENCASTLE"))
    street = entry.street if dice.random() < 0.6 else dice.choice(("WENDLE", "ORRERY", "HASSOCK")) + " ROAD"
    postcode = f"ZQ{dice.randint(1, 20)} {dice.randint(1, 9)}{dice.choice('ABDEF')}{dice.choice('GHJLN')}"
    away = entry._replace(street=street, town=town, locality="", postcode=postcode)
    return _written(dice, away, None, "elsewhere", drops_town=False)


def _suffixed(dice: random.Random, entry: Entry, numbers: set[tuple[str, str]]) -> Made | None:
    """A house with a letter that is not in the gazetteer, next to one that is."""
    number = entry.building_number + dice.choice("CDE")
    if not entry.building_number.isdigit() or entry.sub_building or (number, entry.street) in numbers:
        return None
    return _written(dice, entry._replace(building_number=number, organisation=""), None, "absent")


def _flat_lost(dice: random.Random, entry: Entry) -> Made | None:
    """A flat of several whose number was lost."""
    if entry.parent_uprn is None or not re.search("[0-9]|FLAT [A-Z]$", entry.sub_building):
        return None
    return _written(dice, entry._replace(sub_building=""), entry.uprn, "ambiguous")


def _written(
    dice: random.Random,
    entry: Entry,
    uprn: int | None,
    kind: str,
    names_it: bool = False,
    drops_town: bool = True,
) -> Made:
    """An entry as somebody may write it: (address, postcode, uprn, whether ambiguous, kind)."""
    unit = _unit_written(dice, entry.sub_building)
    number, street = entry.building_number, entry.street
    if dice.random() < 0.03 and number.isdigit():
        number = dice.choice((f"No {number}", f"No. {number}", f"0{number}"))
    if dice.random() < 0.05 and re.fullmatch("[0-9]+[A-Z]", number):
        number = f"{number[:-1]} {number[-1]}"
    if dice.random() < 0.3:
        street = _abbreviated(street)
    elif dice.random() < 0.02:
        street = f"{street.rpartition(' ')[0]} {dice.choice(('ROAD', 'STREET', 'LANE'))}"
    if dice.random() < 0.07:
        street = _misspelt(dice, street)
    if dice.random() < 0.01:
        street = street.replace(" ", "")
    if entry.building_name and drops_town and dice.random() < 0.06:
        number = street = ""
    numbered = f"{number} {street}".strip()
    parts = [unit, entry.building_name, numbered]
    if unit and entry.building_number and not entry.building_name and dice.random() < 0.04:
        parts = [numbered, unit]
    if unit.isdigit() and not entry.building_name and entry.building_number.isdigit():
        parts = [f"{unit}/{numbered}"]
    if names_it and entry.organisation != entry.building_name:
        parts.insert(0, entry.organisation)
    elif dice.random() < 0.02:
        parts.insert(0, dice.choice(("C/O Mrs Penhallow", "c/o Mr Tregarth", "C/O The Executors")))
    if entry.locality and dice.random() < 0.8:
        parts.append(entry.locality)
    if not drops_town or dice.random() < 0.86:
        parts.append(entry.town)
    if dice.random() < 0.04:
        parts.append(dice.choice(("Norfolk", "Wilts", "West Yorkshire", "England", "UK")))
    if dice.random() < 0.02:
        parts.append(dice.choice(("DO NOT VISIT ALONE", "KEY SAFE", "RING BELL", "TEL 0123 456 7890")))
    postcode = entry.postcode
    chance = dice.random()
    if chance < 0.07:
        postcode = ""
    elif chance < 0.10:
        postcode = postcode.split()[0]
    elif chance < 0.16:
        parts.append(postcode)
        postcode = ""
    elif chance < 0.17:
        postcode = postcode[:-3] + f"{dice.randint(1, 9)}ZX"
    elif chance < 0.19:
        postcode = postcode[:-1] + dice.choice([c for c in "ABDEFGHJLN" if c != postcode[-1]])
    elif chance < 0.24:
        postcode = postcode.replace(" ", "").lower()
    text = (" " if dice.random() < 0.25 else ", ").join(part for part in parts if part)
    text = dice.choice((str.upper, str.title, str.title, str.lower))(text)
    return text, postcode, uprn, kind == "ambiguous", kind


def _unit_written(dice: random.Random, unit: str) -> str:
    found = re.fullmatch(r"FLAT ([0-9]+|[A-Z])", unit)
    if found and dice.random() < 0.35:
        ways = [
            f"FLT {found[1]}",
            f"APT {found[1]}",
            f"APARTMENT {found[1]}",
            f"FLAT NO {found[1]}",
            f"FLAT NO. {found[1]}",
        ]
        if found[1].isdigit():
            ways += [f"F{found[1]}", f"FLAT 0{found[1]}", found[1]]
        return dice.choice(ways)
    floors = {
        "GROUND FLOOR FLAT": ("GFF", "GROUND FLR FLAT"),
        "FIRST FLOOR FLAT": ("FFF", "1ST FLOOR FLAT", "FIRST FLOOR"),
        "BASEMENT FLAT": ("BASEMENT", "LOWER GROUND FLOOR FLAT"),
        "SECOND FLOOR FLAT": ("2ND FLOOR FLAT", "SFF"),
    }
    return dice.choice(floors[unit]) if unit in floors and dice.random() < 0.35 else unit


def _abbreviated(street: str) -> str:
    short = {
        "ROAD": "RD",
        "STREET": "ST",
        "AVENUE": "AVE",
        "CLOSE": "CL",
        "CRESCENT": "CRES",
        "LANE": "LN",
        "DRIVE": "DR",
        "GARDENS": "GDNS",
        "TERRACE": "TERR",
        "GROVE": "GRV",
        "COURT": "CT",
        "PLACE": "PL",
        "SQUARE": "SQ",
    }
    head, _, last = street.rpartition(" ")
    return f"{head} {short.get(last, last)}".strip()


def _misspelt(dice: random.Random, text: str) -> str:
    """One letter of the longest word left out, doubled, or swapped with the next."""
    word = max(text.split(), key=len)
    at = dice.randrange(1, max(2, len(word) - 1))
    ways = (
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
    )
    return text.replace(word, dice.choice(ways), 1)


# --- the figures --------------------------------------------------------------------------------------------


def figures(
    entries: Iterable[Entry], records: Iterable[Messy], given: Callable[[Messy], int | None]
) -> Figures:
    """How right the UPRNs are that `given` gives to the records."""
    live = {entry.uprn for entry in entries if entry.status != "historic"}
    right = made = positives = negatives = wrongly = ambiguous = guessed = historic = 0
    for record in records:
        uprn = given(record)
        historic += uprn is not None and uprn not in live
        if record.is_ambiguous:
            ambiguous += 1
            guessed += uprn is not None
            continue
        made += uprn is not None
        positives += record.uprn is not None
        right += uprn is not None and uprn == record.uprn
        negatives += record.uprn is None
        wrongly += uprn is not None and record.uprn is None
    precision, recall = right / max(made, 1), right / max(positives, 1)
    return Figures(
        precision,
        recall,
        2 * precision * recall / max(precision + recall, 1e-9),
        wrongly / max(negatives, 1),
        guessed / max(ambiguous, 1),
        historic,
    )


def of_ours(entries: list[Entry], records: list[Messy]) -> Figures:
    """The matcher's figures."""
    matcher = Matcher(entries)
    return figures(entries, records, lambda record: matcher.match(record.address, record.postcode).uprn)


def write(folder: Path, entries: Iterable[Entry], records: Iterable[Messy]) -> None:
    """Gazetteer and records as the CSV files that `places match` takes."""
    with (folder / "gazetteer.csv").open("w", encoding="utf-8", newline="") as to:
        table = csv.DictWriter(to, COLUMNS, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(entry._asdict() for entry in entries)
    with (folder / "records.csv").open("w", encoding="utf-8", newline="") as to:
        plain = csv.writer(to, lineterminator="\n")
        plain.writerow(("record_id", "address", "postcode"))
        plain.writerows((record.record_id, record.address, record.postcode) for record in records)


def ours(folder: Path) -> None:
    """From file to file with `places match`."""
    match_files(folder / "gazetteer.csv", folder / "records.csv", folder / "ours.csv")


def most_similar(folder: Path) -> None:
    """The alternative: the most similar whole text within the postcode, by Jaro-Winkler in DuckDB."""
    import duckdb

    with duckdb.connect(config={"threads": 1}) as con:
        con.execute(f"""
            COPY (
                WITH entry AS (
                    SELECT uprn, replace(postcode, ' ', '') AS postcode,
                        concat_ws(' ', nullif(organisation, ''), nullif(sub_building, ''), nullif(building_name, ''),
                            nullif(building_number, ''), street, nullif(locality, ''), town) AS address
                    FROM read_csv('{(folder / "gazetteer.csv").as_posix()}', header = true, all_varchar = true)
                    WHERE status = 'live'
                ), record AS (
                    SELECT record_id, upper(replace(coalesce(postcode, ''), ' ', '')) AS postcode,
                        regexp_replace(upper(address), '[^A-Z0-9]+', ' ', 'g') AS address
                    FROM read_csv('{(folder / "records.csv").as_posix()}', header = true, all_varchar = true)
                )
                SELECT record_id, arg_max(uprn, jaro_winkler_similarity(record.address, entry.address)) AS uprn
                FROM record JOIN entry USING (postcode)
                GROUP BY record_id
                HAVING max(jaro_winkler_similarity(record.address, entry.address)) >= {LEAST_SIMILAR}
            ) TO '{(folder / "other.csv").as_posix()}' (HEADER)""")


def _given(path: Path) -> Callable[[Messy], int | None]:
    with path.open(encoding="utf-8", newline="") as text:
        uprns = {row["record_id"]: int(row["uprn"]) for row in csv.DictReader(text) if row["uprn"]}
    return lambda record: uprns.get(record.record_id)


def _compared(what: str, entries: list[Entry], records: list[Messy]) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, entries, records)
        timed: Comparison = compare(
            what,
            ("pipelines.address, reading and writing files", ours),
            ("most similar text in the postcode", most_similar),
            folder,
            pairs=2,
        )
        rows = [figures(entries, records, _given(folder / f"{one}.csv")).line() for one in ("ours", "other")]
    fastest = min(mine for mine, _ in timed.seconds)
    told = "\n".join(f"  {who}: {row}" for who, row in zip(("ours", "other"), rows, strict=True))
    return f"{timed.line()}\n{told}\n  {len(records) / fastest:,.0f} addresses per CPU second"


def run() -> str:
    """20,000 messy records against the sample borough."""
    entries, records = messy(borough(), 20_000)
    return _compared(f"{len(records):,} messy records, {len(entries):,} addresses", entries, records)


def scale() -> str:
    """60,000 messy records against five boroughs."""
    entries, records = messy(repeated(borough(), 5), 60_000)
    return _compared(f"{len(records):,} messy records, {len(entries):,} addresses", entries, records)
