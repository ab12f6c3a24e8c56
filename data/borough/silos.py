"""What each service of the invented council has on its books: council tax, tenancies, adult social care, bulky waste.

Belongs here: the rows of the four services' extracts, with the damage that is planted in them and the
truth behind each row. Does not belong here: how a kind of damage looks (`damage.py`), writing files
(`publish.py`).
"""

from __future__ import annotations

import datetime
import math
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from data.borough import damage
from data.borough.addresses import Places, Property
from data.borough.areas import LAD
from data.borough.ground import Ground
from data.borough.people import Canaries, Person

COUNCIL_TAX_COLUMNS = (
    "ACCOUNT_REF UPRN LEAD_SURNAME LEAD_FORENAME DATE_OF_BIRTH ADDR1 ADDR2 ADDR3 ADDR4 POSTCODE BAND "
    "DISCOUNT_TYPE EXEMPTION_CLASS OCCUPATION_DATE AMOUNT PHONE EMAIL"
).split()
TENANCY_COLUMNS = (
    "TENANCY_REF PROPERTY_REF TENURE_TYPE LEAD_TENANT DOB ADDRESS_LINE1 ADDRESS_LINE2 TOWN POSTCODE "
    "START_DATE WEEKLY_RENT"
).split()
CARE_COLUMNS = (
    "LA_Code LA_Name Client_ID NHS_Number Client_Name Date_of_Birth Gender Client_Type Event_Type "
    "Event_Start_Date Event_End_Date Event_Outcome Primary_Support_Reason Accommodation_Status "
    "Service_Type Request_Route_of_Access Address Postcode"
).split()
WASTE_COLUMNS = (
    "CUSTOMER_REF REQUESTED_ON REQUESTER PHONE EMAIL UPRN ADDRESS POSTCODE ITEM_CATEGORY FEE_PAID"
).split()
MONTHS = ("2026-08", "2026-09", "2026-10")

Row = dict[str, object]


@dataclass
class Extract:
    """Rows as one service gives them out.

    `truth` has, row by row, the right UPRN (0: none) and what was done.
    """

    rows: list[Row] = field(default_factory=list)
    truth: list[tuple[int, str]] = field(default_factory=list)

    def damage(self) -> Counter[str]:
        """How many rows were spoilt in each way."""
        return Counter(what for _, what in self.truth)


@dataclass
class _Account:
    home: Property
    since: int
    until: int
    row: Row


def _flat_first(p: Property) -> tuple[str, str]:
    """Address in two lines: flat and building, then number and street (houses have the first only)."""
    parts = p.lines()[:-1]
    if p.locality:
        parts = parts[:-1]
    return damage.title(" ".join(parts[:-1])), damage.title(parts[-1])


_BANDS = {
    "centre": "AABBC", "terrace": "ABBBC", "seaside": "BCCDD", "estate": "AAABB", "semi": "CCDDE",
    "culdesac": "DEEFG",
    "village": "CDEFGH",
}  # fmt: skip
_AMOUNT = {
    b: round(2136.45 * n / 9, 2) for b, n in zip("ABCDEFGH", (6, 7, 8, 9, 11, 13, 15, 18), strict=True)
}


def council_tax(
    dice: Random, canary: Canaries, ground: Ground, places: Places, people: dict[int, list[Person]]
) -> dict[str, Extract]:
    """Council tax accounts in force on the first of each of three months, by month."""
    homes = [p for p in places.properties if p.is_live_home]
    kinds = _uprn_damage(dice, homes, places)
    new = {p.uprn: dice.choice((1, 1, 2)) for p in dice.sample(homes, 26)}
    movers = {p.uprn: dice.choice((1, 2)) for p in dice.sample(homes, 190) if p.uprn not in new}
    accounts: list[_Account] = []
    for home in homes:
        uprn, what = kinds[home.uprn]
        value = damage.spoil_uprn(dice, uprn, what)
        first = new.get(home.uprn, 0)
        moved = movers.get(home.uprn, 3)
        accounts.append(_account(dice, canary, ground, home, people, value, first, moved))
        if moved < 3:
            accounts.append(_account(dice, canary, ground, home, people, value, moved, 3))
    dice.shuffle(accounts)
    accounts.sort(key=lambda a: a.since)
    extracts: dict[str, Extract] = {}
    for i, month in enumerate(MONTHS):
        extract = extracts[month] = Extract()
        for a in accounts:
            if a.since <= i < a.until:
                extract.rows.append(a.row)
                extract.truth.append((a.home.uprn, kinds[a.home.uprn][1]))
    return extracts


def _uprn_damage(dice: Random, homes: list[Property], places: Places) -> dict[int, tuple[int, str]]:
    """For each home: the UPRN that the revenues system holds, and what is wrong with it (empty: nothing)."""
    twins = {p.successor: p.uprn for p in places.properties if p.successor}
    kinds = {p.uprn: (p.uprn, "") for p in homes}
    flats = [p for p in homes if p.parent]
    taken: set[int] = set()
    for old in dice.sample(sorted(twins), damage.UPRN_DAMAGE["retired"]):
        kinds[old] = (twins[old], "retired")
        taken.add(old)
    for flat in dice.sample(flats, damage.UPRN_DAMAGE["shell"]):
        kinds[flat.uprn] = (flat.parent, "shell")
        taken.add(flat.uprn)
    rest = [p.uprn for p in homes if p.uprn not in taken]
    dice.shuffle(rest)
    for kind, how_many in damage.UPRN_DAMAGE.items():
        if kind in ("retired", "shell"):
            continue
        for _ in range(how_many):
            uprn = rest.pop()
            # Well formed, in the council's own range, but given to nothing.
            kinds[uprn] = (990099000000 + dice.randrange(1, 999999) if kind == "unknown" else uprn, kind)
    return kinds


def _account(
    dice: Random,
    canary: Canaries,
    ground: Ground,
    home: Property,
    people: dict[int, list[Person]],
    uprn: str,
    since: int,
    until: int,
) -> _Account:
    adults = [p for p in people[home.uprn] if p.age >= 18]
    style = ground.neighbourhoods[home.neighbourhood].style
    band = _BANDS[style][home.uprn // 7 % len(_BANDS[style])]
    if home.classification in ("RD06", "RH02"):
        band = "A" if band < "D" else "B" if band < "F" else "C"
    first, second = _flat_first(home)
    lines = [first, second] if first else [second]
    lines += [damage.title(home.locality)] if home.locality else []
    if dice.random() < 0.2:
        lines.append("Quillhaven")
    if dice.random() < 0.012:
        lines = ["|".join(lines)]
    if dice.random() < 0.02:
        lines[0] += "  "
    lines += [""] * (4 - len(lines))
    students = (
        bool(adults)
        and len(adults) > 1
        and all(a.age < 28 for a in adults)
        and style in ("terrace", "centre")
    )
    exemption = ("N" if students else "") if adults else dice.choice("BDFEL")
    discount = "SPD" if len(adults) == 1 else "DIS" if adults and dice.random() < 0.02 else ""
    if since:
        occupied = f"2026-{7 + since:02d}-{dice.randint(2, 28):02d}"
    else:
        year = 2026 - min(dice.randint(1, 40), dice.randint(1, 40))
        occupied = f"{year}-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}"
    surname = canary.surname(dice)
    age = adults[0].age if adults else dice.randint(30, 80)
    row: Row = {
        "ACCOUNT_REF": f"A{canary.one()}",
        "UPRN": uprn,
        "LEAD_SURNAME": surname,
        "LEAD_FORENAME": canary.forename(dice),
        "DATE_OF_BIRTH": canary.born(dice, age) if dice.random() < 0.4 else "",
        "ADDR1": lines[0],
        "ADDR2": lines[1],
        "ADDR3": lines[2],
        "ADDR4": lines[3],
        "POSTCODE": home.postcode
        if dice.random() > 0.03
        else home.postcode.replace(" ", dice.choice(("", "  "))),
        "BAND": band if dice.random() > 0.015 else f"{band} ",
        "DISCOUNT_TYPE": discount,
        "EXEMPTION_CLASS": exemption,
        "OCCUPATION_DATE": occupied,
        "AMOUNT": f"{_AMOUNT[band]:.2f}",
        "PHONE": f"07700 900{dice.randint(0, 999):03d} {canary.one()}" if dice.random() < 0.08 else "",
        "EMAIL": f"{canary.one()}@mail.invalid" if dice.random() < 0.1 else "",
    }
    return _Account(home, since, until, row)


_TENANCY_MANNERS = {
    "neat": 60, "plain": 22, "short": 7, "inverted": 2, "typo": 3, "lost flat": 2.5, "absent flat": 1,
    "no postcode": 1.5,
    "outward postcode": 1,
}  # fmt: skip


def tenancies(
    dice: Random, canary: Canaries, ground: Ground, places: Places, people: dict[int, list[Person]]
) -> Extract:
    """The council's own lettings and leaseholds.

    There is no UPRN; the property reference only looks like one.
    """
    let = [p for p in places.properties if p.is_live_home and p.tenure == "social" and people[p.uprn]]
    bought = [
        p
        for p in places.properties
        if p.is_live_home and p.tenure == "owned" and p.classification == "RD06"
        and ground.neighbourhoods[p.neighbourhood].style == "estate"
    ]  # fmt: skip
    everyone = let + dice.sample(bought, min(70, len(bought)))
    everyone.sort(key=lambda p: (p.street.name, p.pao_number, p.pao, p.sao_number, p.uprn))
    extract = Extract()
    for i, home in enumerate(everyone):
        manner = dice.choices(list(_TENANCY_MANNERS), list(_TENANCY_MANNERS.values()))[0]
        manner = _possible(home, manner)
        address, postcode = damage.write(dice, home, manner)
        one, _, two = (
            address.partition(",")
            if manner in ("neat", "no postcode", "outward postcode")
            else (address, "", "")
        )
        owned = home.tenure == "owned"
        start = datetime.date(2026, 9, 1) - datetime.timedelta(
            days=min(dice.randint(10, 15000), dice.randint(10, 15000))
        )
        tenure = (
            "Leasehold (RTB)"
            if owned
            else "Introductory"
            if start.year >= 2026
            else dice.choice(["Secure"] * 24 + ["Mense Profit Ac"])
        )
        residents = people[home.uprn] or [Person(50, "F")]
        extract.rows.append(
            {
                "TENANCY_REF": f"T{canary.one()}",
                "PROPERTY_REF": str(992300100000 + i * 37),
                "TENURE_TYPE": tenure,
                "LEAD_TENANT": canary.surname(dice),
                "DOB": canary.born(dice, max(18, residents[0].age)),
                "ADDRESS_LINE1": one.upper() if dice.random() < 0.5 else one,
                "ADDRESS_LINE2": two.strip(),
                "TOWN": "Quillhaven" if dice.random() < 0.9 else "",
                "POSTCODE": postcode,
                "START_DATE": start,
                "WEEKLY_RENT": None if owned else round(dice.uniform(84, 139), 2),
            }
        )
        extract.truth.append((_right(home, manner), manner))
    return extract


def _right(home: Property, manner: str) -> int:
    """The UPRN that a perfect matcher would give; 0 where what is written names no property that there is."""
    return 0 if manner in ("nothing", "absent flat") else home.uprn


def _possible(home: Property, manner: str) -> str:
    """Houses have no flat to lose, nor a name to glue on; such a manner becomes the nearest that can be."""
    if manner == "absent flat" and not home.sao_number:
        return "neat"
    if manner == "lost flat" and not home.sao:
        return "lost number"
    if manner == "inverted" and not home.sao:
        return "typo"
    if manner == "glued" and home.sao:
        return "lost flat"
    return manner


_CARE_MANNERS = {
    "neat": 47, "plain": 33, "short": 6, "inverted": 1.5, "glued": 1, "typo": 3, "lost flat": 3,
    "lost number": 1.5,
    "absent flat": 0.5, "no postcode": 1.5, "outward postcode": 0.8, "nothing": 1.2,
}  # fmt: skip
_REASONS = (
    "Physical Support: Access & mobility only", "Physical Support: Personal care support",
    "Sensory Support: Support for visual impairment", "Support with Memory & Cognition",
    "Learning Disability Support", "Mental Health Support",
)  # fmt: skip
_REQUEST_OUTCOMES = (
    "Universal services / signposted",
    "Progress to assessment",
    "No services provided",
    "Short Term Support",
)


def adult_social_care(
    dice: Random, canary: Canaries, ground: Ground, places: Places, people: dict[int, list[Person]]
) -> Extract:
    """Client Level Data events of twelve quarters, October 2023 to September 2026, in order of date.

    There is no UPRN.
    """
    starts = _quarters()
    # Growth of two in a hundred a quarter; the first quarter of the calendar year is the busiest.
    season = {1: 1.14, 4: 0.96, 7: 0.90, 10: 1.04}
    weights = [1.02**q * season[starts[q].month] for q in range(12)]
    by_uprn = places.by_uprn()
    drawn: list[tuple[datetime.date, int, Row, int, str]] = []
    clients = 0
    for uprn in sorted(people):
        home = by_uprn[uprn]
        poor = ground.neighbourhoods[home.neighbourhood].deprivation
        for person in people[uprn]:
            if person.age < 18 or dice.random() > _chance(person.age, poor, home.classification == "RI01"):
                continue
            clients += 1
            for when, row, manner in _events(dice, canary, home, person, starts, weights):
                drawn.append((when, clients, row, _right(home, manner), manner))
    drawn.sort(key=lambda e: (e[0], e[1], str(e[2]["Event_Type"])))
    extract = Extract()
    for _, _, row, uprn, manner in drawn:
        extract.rows.append(row)
        extract.truth.append((uprn, manner))
    return extract


def _quarters() -> list[datetime.date]:
    """The first days of the twelve quarters that events are of, and of the next one."""
    return [datetime.date(2023 + (9 + 3 * q) // 12, (9 + 3 * q) % 12 + 1, 1) for q in range(13)]


def _day(dice: Random, starts: list[datetime.date], weights: list[float]) -> datetime.date:
    """A day of one of the quarters, each as likely as it weighs."""
    q = dice.choices(range(12), weights)[0]
    return starts[q] + datetime.timedelta(days=dice.randrange((starts[q + 1] - starts[q]).days))


def _chance(age: int, poor: float, in_care: bool) -> float:
    """Chance that somebody is known to adult social care: rises steeply with age, and with deprivation."""
    if in_care:
        return 0.4
    base = 0.028 if age < 65 else 0.085 if age < 75 else 0.23 if age < 85 else 0.50
    return min(0.9, base * (0.36 + 1.95 * poor))


def _events(
    dice: Random,
    canary: Canaries,
    home: Property,
    person: Person,
    starts: list[datetime.date],
    weights: list[float],
) -> list[tuple[datetime.date, Row, str]]:
    in_care = home.classification == "RI01"
    name, born = canary.surname(dice), canary.born(dice, person.age)
    client, nhs = f"C{canary.one()}", canary.one()
    usual = _possible(home, dice.choices(list(_CARE_MANNERS), list(_CARE_MANNERS.values()))[0])
    reason = dice.choice(_REASONS[:4] if person.age >= 65 else _REASONS)
    accommodation = (
        "Registered care home" if in_care
        else {"social": "Tenant - local authority", "private": "Tenant - private landlord"}.get(
            home.tenure, "Owner occupier or shared ownership scheme")
    )  # fmt: skip
    carer = not in_care and dice.random() < 0.08
    how_many = max(1, min(20, round(-5.8 * math.log(1 - dice.random()) + 0.6)))
    dates = [_day(dice, starts, weights) for _ in range(how_many)]
    found: list[tuple[datetime.date, Row, str]] = []
    for i, when in enumerate(sorted(dates)):
        kind = (
            "Request"
            if i == 0
            else "Assessment"
            if i == 1
            else dice.choice(("Service", "Service", "Review", "Request"))
        )
        manner = (
            usual
            if dice.random() < 0.8
            else _possible(home, dice.choices(list(_CARE_MANNERS), list(_CARE_MANNERS.values()))[0])
        )
        address, postcode = damage.write(dice, home, manner)
        end = when + datetime.timedelta(days=dice.randint(0, 45))
        service = ""
        if kind == "Service":
            service = (
                "Carer Support: Direct to Carer" if carer
                else "Long Term Support: Residential Care" if in_care
                else dice.choice(("Long Term Support: Community", "Short Term Support: ST-Max"))
            )  # fmt: skip
        row: Row = {
            "LA_Code": LAD[0],
            "LA_Name": LAD[1],
            "Client_ID": client,
            "NHS_Number": nhs,
            "Client_Name": name,
            "Date_of_Birth": born,
            "Gender": "Female" if person.sex == "F" else "Male",
            "Client_Type": "Carer" if carer else "Service User",
            "Event_Type": kind,
            "Event_Start_Date": when.isoformat(),
            "Event_End_Date": end.isoformat() if kind != "Service" else "",
            "Event_Outcome": dice.choice(_REQUEST_OUTCOMES) if kind == "Request" else "",
            "Primary_Support_Reason": reason if kind == "Assessment" else "",
            "Accommodation_Status": accommodation if kind == "Assessment" else "",
            "Service_Type": service,
            "Request_Route_of_Access": dice.choice(("Discharge from hospital", "Community / other route"))
            if kind == "Request"
            else "",
            "Address": address,
            "Postcode": postcode,
        }
        found.append((when, row, manner))
    return found


# Of the requests that are typed in: how the address is written. Those that are picked from a list have it neat.
_WASTE_MANNERS = {
    "neat": 44, "plain": 33, "short": 9, "inverted": 2, "glued": 1, "typo": 5, "lost flat": 2, "lost number": 1,
    "absent flat": 0.5, "no postcode": 2, "outward postcode": 0.5,
}  # fmt: skip
TYPED_IN = 0.10
# Of those that are picked from a list: how the UPRN is spoilt, in per cent.
_WASTE_UPRN_DAMAGE = {
    "": 97.5, "trailing .0": 0.8, "scientific": 0.5, "rounded": 0.4, "unknown": 0.3, "another home": 0.5,
}  # fmt: skip
# Pounds that each category costs; tenants of the council pay half.
WASTE_FEES = {
    "Bed or mattress": 24, "Sofa or armchair": 24, "Other furniture": 24, "Carpet": 24, "Fridge or freezer": 34,
    "Washing machine or cooker": 30, "Garden furniture or tools": 24,
}  # fmt: skip
# The last is thrown out in spring and summer.
_WASTE_COMMON = (22, 24, 20, 8, 10, 9, 3)
_WASTE_COMMON_IN_SUMMER = (20, 21, 17, 7, 11, 9, 15)
# Homes known to adult social care are so many times as likely to ask.
KNOWN_TO_CARE = 1.5


def bulky_waste(
    dice: Random,
    canary: Canaries,
    ground: Ground,
    places: Places,
    people: dict[int, list[Person]],
    known_to_care: set[int],
) -> Extract:
    """Requests to collect bulky waste, of the same twelve quarters as social care's events, in order of date.

    More homes ask where there is more deprivation, among the council's tenants, and among those `known_to_care`
    (UPRNs); most that ask do so once or twice, some again and again.
    """
    starts = _quarters()
    # Growth of one in a hundred a quarter; three clear out in spring and summer for two in autumn and winter.
    season = {1: 0.84, 4: 1.26, 7: 1.12, 10: 0.78}
    weights = [1.01**q * season[starts[q].month] for q in range(12)]
    homes = [p for p in places.properties if p.is_live_home and people[p.uprn]]
    drawn: list[tuple[datetime.date, int, Row, int, str]] = []
    households = 0
    for home in homes:
        poor = ground.neighbourhoods[home.neighbourhood].deprivation
        chance = 0.23 * (0.8 + 1.8 * poor) * (1.15 if home.tenure == "social" else 1.0)
        if dice.random() > min(0.95, chance * (KNOWN_TO_CARE if home.uprn in known_to_care else 1.0)):
            continue
        households += 1
        for when, row, uprn, what in _requests(dice, canary, home, homes, starts, weights):
            drawn.append((when, households, row, uprn, what))
    drawn.sort(key=lambda request: request[:2])
    extract = Extract()
    for _, _, row, uprn, what in drawn:
        extract.rows.append(row)
        extract.truth.append((uprn, what))
    return extract


def _requests(
    dice: Random,
    canary: Canaries,
    home: Property,
    homes: list[Property],
    starts: list[datetime.date],
    weights: list[float],
) -> list[tuple[datetime.date, Row, int, str]]:
    customer, requester = f"W{canary.one()}", canary.surname(dice)
    phone = f"07700 900{dice.randint(0, 999):03d} {canary.one()}" if dice.random() < 0.12 else ""
    email = f"{canary.one()}@mail.invalid" if dice.random() < 0.15 else ""
    how_many = max(1, min(16, round(-1.85 * math.log(1 - dice.random()) + 0.3)))
    found: list[tuple[datetime.date, Row, int, str]] = []
    for when in sorted(_day(dice, starts, weights) for _ in range(how_many)):
        if dice.random() < TYPED_IN:
            what = _possible(home, dice.choices(list(_WASTE_MANNERS), list(_WASTE_MANNERS.values()))[0])
            uprn, right = "", _right(home, what)
            address, postcode = damage.write(dice, home, what)
        else:
            what = dice.choices(list(_WASTE_UPRN_DAMAGE), list(_WASTE_UPRN_DAMAGE.values()))[0]
            held, right = home.uprn, home.uprn
            if what == "unknown":
                held = 990099000000 + dice.randrange(1, 999999)
            elif what == "another home":
                held = dice.choice([p for p in homes if p.postcode != home.postcode]).uprn
            uprn = damage.spoil_uprn(dice, held, what)
            address, postcode = damage.write(dice, home, "neat")
        common = _WASTE_COMMON_IN_SUMMER if 4 <= when.month <= 9 else _WASTE_COMMON
        item = dice.choices(list(WASTE_FEES), common)[0]
        fee = WASTE_FEES[item] / (2 if home.tenure == "social" else 1)
        row: Row = {
            "CUSTOMER_REF": customer,
            "REQUESTED_ON": when.isoformat(),
            "REQUESTER": requester,
            "PHONE": phone,
            "EMAIL": email,
            "UPRN": uprn,
            "ADDRESS": address,
            "POSTCODE": postcode,
            "ITEM_CATEGORY": item,
            "FEE_PAID": f"{fee:.2f}",
        }
        found.append((when, row, right, what))
    return found
