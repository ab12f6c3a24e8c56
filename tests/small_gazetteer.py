"""A gazetteer small enough to read, with the hard cases of British addresses in it, for the tests of the matcher.

Two towns, a village and three streets as they are written in Wales, Scotland and London. Everything is invented; no
postcode area begins with QX, and no UPRN with 99.
"""

from __future__ import annotations

from pipelines.address.gazetteer import Entry

# uprn|parent|class|status|organisation|sub-building|building name|number|street|locality|town|postcode
TEXT = """
# A street of houses; 14 has no flats, 16A is a house of its own; 7 was pulled down and built again.
101||RD||||| 12|MILL LANE||OLDMERE|QX1 1AA
102||RD||||| 14|MILL LANE||OLDMERE|QX1 1AA
103||RD||||| 16|MILL LANE||OLDMERE|QX1 1AA
104||RD||||| 16A|MILL LANE||OLDMERE|QX1 1AA
105||RD||||| 7|MILL LANE||OLDMERE|QX1 1AA
106||RD|historic|||| 7|MILL LANE||OLDMERE|QX1 1AA
107||RD|historic|||| 99|MILL LANE||OLDMERE|QX1 1AA
108||CR|||| | 3-5|MILL LANE||OLDMERE|QX1 1AA
# The same name but for its last word, in the same town.
121||RD||||| 12|MILL ROAD||OLDMERE|QX1 1AB
122||RD||||| 15|MILL ROAD||OLDMERE|QX1 1AB
# A block of flats; number 4 is not in the gazetteer, and 14 is.
200||PP||||VICTORIA COURT||HIGH STREET||OLDMERE|QX1 1AC
201|200|RD|||FLAT 1|VICTORIA COURT||HIGH STREET||OLDMERE|QX1 1AC
202|200|RD|||FLAT 2|VICTORIA COURT||HIGH STREET||OLDMERE|QX1 1AC
203|200|RD|||FLAT 3|VICTORIA COURT||HIGH STREET||OLDMERE|QX1 1AC
214|200|RD|||FLAT 14|VICTORIA COURT||HIGH STREET||OLDMERE|QX1 1AC
# Houses in flats: by letter, by number, by floor.
220||PP|||||10|HIGH STREET||OLDMERE|QX1 1AC
221|220|RD|||FLAT A||10|HIGH STREET||OLDMERE|QX1 1AC
222|220|RD|||FLAT B||10|HIGH STREET||OLDMERE|QX1 1AC
230||PP|||||18|HIGH STREET||OLDMERE|QX1 1AC
231|230|RD|||FLAT 1||18|HIGH STREET||OLDMERE|QX1 1AC
232|230|RD|||FLAT 2||18|HIGH STREET||OLDMERE|QX1 1AC
240||PP|||||20|HIGH STREET||OLDMERE|QX1 1AC
241|240|RD|||BASEMENT FLAT||20|HIGH STREET||OLDMERE|QX1 1AC
242|240|RD|||GROUND FLOOR FLAT||20|HIGH STREET||OLDMERE|QX1 1AC
243|240|RD|||FIRST FLOOR FLAT||20|HIGH STREET||OLDMERE|QX1 1AC
# A block by name and number, on a street that is named after a place.
250||PP||||CLARENCE HEIGHTS|8|BRIDGE END||OLDMERE|QX1 1AD
257|250|RD|||FLAT 7|CLARENCE HEIGHTS|8|BRIDGE END||OLDMERE|QX1 1AD
259|250|RD|||FLAT 9|CLARENCE HEIGHTS|8|BRIDGE END||OLDMERE|QX1 1AD
# A home and a business at one address; a shop alone; a flat above a shop.
300||RD|||||2|HIGH STREET||OLDMERE|QX1 1AC
301||CR||PELLOWS BAKERY|||2|HIGH STREET||OLDMERE|QX1 1AC
302||CR||TANNERS SHOES|||4|HIGH STREET||OLDMERE|QX1 1AC
303||CR||OLDMERE BOOKS|||6|HIGH STREET||OLDMERE|QX1 1AC
304|303|RD|||FLAT||6|HIGH STREET||OLDMERE|QX1 1AC
305||CR||GRISTWOOD BAKERY|||22|HIGH STREET||OLDMERE|QX1 1AC
# The same street name in two towns.
400||RD|||||5|STATION ROAD||OLDMERE|QX1 2AA
401||RD|||||5|STATION ROAD||NEWMERE|QX2 1AA
402||RD|||||9|STATION ROAD||NEWMERE|QX2 1AA
403||RD|||||11|STATION ROAD||OLDMERE|QX1 2AA
# A village, its street and two chapels; a farm with a caravan; a care home.
500||RD|||||69|THE STREET|LITTLE HAYES|OLDMERE|QX1 3AA
501||RD||||NEW CHAPEL||CHAPEL LANE|LITTLE HAYES|OLDMERE|QX1 3AB
502||RD||||THE OLD FORGE||CHAPEL LANE|LITTLE HAYES|OLDMERE|QX1 3AB
503||RD||||MANOR FARM||HOLLOW LANE|LITTLE HAYES|OLDMERE|QX1 3AC
504|503|RD|||CARAVAN 3|MANOR FARM||HOLLOW LANE|LITTLE HAYES|OLDMERE|QX1 3AC
505||RI||||ROSE LODGE|1|CHAPEL LANE|LITTLE HAYES|OLDMERE|QX1 3AB
506||RD|||PLOT 2|MANOR PARK||HOLLOW LANE|LITTLE HAYES|OLDMERE|QX1 3AC
507||RD||||MANOR COTTAGE||HOLLOW LANE|LITTLE HAYES|OLDMERE|QX1 3AC
# A range of numbers.
520||RD|||||1-3|BRIDGE END||OLDMERE|QX1 1AD
# A street that is also a town's name, and a house that is named like a street.
530||RD|||||3|NEWMERE ROAD||OLDMERE|QX1 2AB
531||RD||||STATION HOUSE||NEWMERE ROAD||OLDMERE|QX1 2AB
# Wales.
600||RD|||||5|HEOL Y BRYN||LLANFECHAN|QX6 1AA
601||RD||||TY GWYN||FFORDD YR EGLWYS||LLANFECHAN|QX6 1AB
602||RD|||||12|STRYD FAWR||LLANFECHAN|QX6 1AC
# Scotland: flats by floor and door.
700||PP|||||14|WEAVERS CLOSE||CRAIGLEA|QX7 1AA
701|700|RD|||2F1||14|WEAVERS CLOSE||CRAIGLEA|QX7 1AA
702|700|RD|||2F2||14|WEAVERS CLOSE||CRAIGLEA|QX7 1AA
703|700|RD|||FLAT 0/1||30|WEAVERS CLOSE||CRAIGLEA|QX7 1AA
704|700|RD|||FLAT 0/2||30|WEAVERS CLOSE||CRAIGLEA|QX7 1AA
705|700|RD|||FLAT 1/1||30|WEAVERS CLOSE||CRAIGLEA|QX7 1AA
# London.
800||PP|||||12-14|CANAL ROW||STEPWICK|QX8 1AA
803|800|RD|||FLAT 3||12-14|CANAL ROW||STEPWICK|QX8 1AA
804|800|RD|||BASEMENT FLAT||12-14|CANAL ROW||STEPWICK|QX8 1AA
805||RD|||||1|ST JOHNS TERRACE||STEPWICK|QX8 1AB
"""


def _entry(line: str) -> Entry:
    cells = [cell.strip() for cell in line.split("|")]
    uprn, parent, kind, status, organisation, sub, name, number, street, locality, town, postcode = cells
    return Entry(
        int(uprn), int(parent) if parent else None, None, kind, status or "live", organisation, sub, name, number,
        street, locality, town, postcode,
    )  # fmt: skip


ENTRIES = [_entry(line) for line in TEXT.splitlines() if line and not line.startswith("#")]


def whole_text(entry: Entry) -> str:
    """An entry's address as one text without its postcode, as a gazetteer's single address column has it."""
    numbered = f"{entry.building_number} {entry.street}".strip()
    parts = (
        entry.organisation,
        entry.sub_building,
        entry.building_name,
        numbered,
        entry.locality,
        entry.town,
    )
    return ", ".join(part for part in parts if part)


# The same as a gazetteer that has only a UPRN, the whole address and its postcode.
TEXTS = [
    Entry(entry.uprn, status=entry.status, postcode=entry.postcode, address=whole_text(entry))
    for entry in ENTRIES
]
