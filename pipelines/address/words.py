"""The words of British addresses: abbreviations, street types, words for a part of a building, counties, notes.

Here belong lists that hold anywhere in Great Britain, each with what it is for. What one gazetteer knows (its streets,
towns and organisations) is learnt from the gazetteer by `gazetteer`, not written down here. The abbreviations are those
of Royal Mail's and the local gazetteers' common usage; a word stands in a list because it is used so, and never
because it stands in one file of addresses.
"""

from __future__ import annotations

# Written out wherever they are not the first word of an address. `ST` is left to `standardise`: it is also a saint.
ABBREVIATIONS = {
    "ALY": "ALLEY", "APP": "APPROACH", "ARC": "ARCADE", "AV": "AVENUE", "AVE": "AVENUE", "AVEN": "AVENUE",
    "BDG": "BUILDING", "BDGS": "BUILDINGS", "BLDG": "BUILDING", "BLDGS": "BUILDINGS", "BLVD": "BOULEVARD",
    "BRG": "BRIDGE", "BVD": "BOULEVARD", "CIR": "CIRCUS", "CL": "CLOSE", "CLO": "CLOSE", "CLS": "CLOSE",
    "COTT": "COTTAGE", "COTTS": "COTTAGES", "CR": "CRESCENT", "CRES": "CRESCENT", "CRESC": "CRESCENT",
    "CRST": "CRESCENT", "CRT": "COURT", "CT": "COURT", "CTS": "COURTS", "CTYD": "COURTYARD", "DR": "DRIVE",
    "DRV": "DRIVE", "ESP": "ESPLANADE", "EST": "ESTATE", "FLDS": "FIELDS", "FM": "FARM", "GDN": "GARDEN",
    "GDNS": "GARDENS", "GRDNS": "GARDENS", "GR": "GROVE", "GRN": "GREEN", "GRV": "GROVE", "GT": "GREAT",
    "HL": "HILL", "HO": "HOUSE", "HSE": "HOUSE", "HTS": "HEIGHTS", "IND": "INDUSTRIAL", "JCT": "JUNCTION",
    "LA": "LANE", "LDG": "LODGE", "LN": "LANE", "LTL": "LITTLE", "LWR": "LOWER", "MDWS": "MEADOWS", "MS": "MEWS",
    "MT": "MOUNT", "MKT": "MARKET", "NTH": "NORTH", "PDE": "PARADE", "PK": "PARK", "PL": "PLACE", "PLC": "PLACE",
    "PLN": "PLAIN", "PROM": "PROMENADE", "PS": "PASSAGE", "RD": "ROAD", "RDS": "ROADS", "RES": "RESIDENTIAL",
    "SQ": "SQUARE", "STH": "SOUTH", "STN": "STATION", "STR": "STREET", "TCE": "TERRACE", "TER": "TERRACE",
    "TERR": "TERRACE", "TRDG": "TRADING", "UPR": "UPPER", "VIL": "VILLAS", "VLS": "VILLAS", "WHF": "WHARF",
    "WK": "WALK", "WLK": "WALK", "WY": "WAY", "YD": "YARD",
}  # fmt: skip

# Ends of street names. Two streets that differ in this word alone are two streets, but the word is often mistaken.
STREET_TYPES = frozenset(
    "ALLEY APPROACH ARCADE AVENUE BANK BOULEVARD BRIDGE BUILDINGS CHASE CIRCUS CLIFF CLOSE COMMON CORNER COTTAGES "
    "COURT COURTYARD CRESCENT CROFT CROSS DRIVE END ESPLANADE ESTATE FIELD FIELDS GARDENS GATE GLADE GLEN "
    "GREEN GROVE HEATH "
    "HEIGHTS HILL LANE LAWN LEA LOKE MEAD MEADOW MEADOWS MEWS MOUNT ORCHARD PARADE PARK PASSAGE PATH PLACE PLAIN "
    "PROMENADE QUAY RIDGE RISE ROAD ROW SQUARE STREET TERRACE TRIANGLE VALE VALLEY VIEW VILLAS WALK WAY WHARF WOOD "
    "WYND YARD".split()
)

# A part of a building that has a number or letter of its own. All count as one kind: clerks write one for the other.
UNITS = frozenset(
    "FLAT APARTMENT APT FLT APPT APARTMNT MAISONETTE MAIS UNIT ROOM RM SUITE BEDSIT BEDSITTER PENTHOUSE".split()
)
# Kinds that are only a part where they begin one and a number follows: `BEST HAIR STUDIO 18` is a business.
NUMBERED_UNITS = frozenset("SHOP OFFICE PLOT BLOCK PITCH CARAVAN CHALET KIOSK STALL STUDIO".split())
# Words that are used of one kind of part alone; UNIT, SUITE, STUDIO, ROOM and BLOCK are used of any.
KINDS = {
    **dict.fromkeys(
        ("FLAT", "FLT", "APARTMENT", "APT", "APPT", "APARTMNT", "MAISONETTE", "MAIS", "PENTHOUSE"), "home"
    ),
    **dict.fromkeys(("BEDSIT", "BEDSITTER"), "home"),
    **dict.fromkeys(("SHOP", "OFFICE", "KIOSK", "STALL"), "work"),
    **dict.fromkeys(("CARAVAN", "CHALET", "PITCH", "PLOT"), "site"),
}
# Parts of a home in care or a lodging house, which no gazetteer holds one by one.
ROOMS = frozenset(("ROOM", "RM", "BED"))
ANNEXES = frozenset(("ANNEXE", "ANNEX"))

FLOOR_NUMBERS = {
    "LOWER GROUND": "B", "LOWER GRD": "B", "GROUND": "0", "GRD": "0", "GRND": "0", "GND": "0", "BASEMENT": "B",
    "FIRST": "1", "1ST": "1", "SECOND": "2", "2ND": "2", "THIRD": "3", "3RD": "3", "FOURTH": "4", "4TH": "4",
    "FIFTH": "5", "5TH": "5", "SIXTH": "6", "6TH": "6", "SEVENTH": "7", "7TH": "7", "EIGHTH": "8", "8TH": "8",
    "NINTH": "9", "9TH": "9", "TENTH": "10", "10TH": "10", "TOP": "T", "UPPER": "U",
}  # fmt: skip
FLOOR_CODES = {
    "GFF": "0", "FFF": "1", "SFF": "2", "TFF": "T", "BFF": "B", "GF": "0", "FF": "1", "SF": "2", "BSMT": "B",
    "LGF": "B", "LGFF": "B",
}  # fmt: skip

# Words that say nothing of which property it is.
FILLERS = frozenset(("NO", "NUMBER", "NUM", "AT", "THE", "OF", "AND", "IN", "ON"))
BEFORE_NUMBERS = frozenset(("NO", "NUMBER", "NUM"))
# Words that put the record beside or behind a property, or at what was there, rather than on it; and above it.
BESIDE = frozenset(
    "REAR ADJACENT ADJ ADJOINING ADJOIN OPPOSITE OPP BEHIND BETWEEN NEAR NR LAND GARAGE GARAGES FORMERLY PREVIOUSLY "
    "MOVED NOT SUBSTATION MOORING LAMPPOST CARAVAN".split()
)
BESIDE_PHRASES = frozenset(
    tuple(phrase.split())
    for phrase in (
        "NEXT TO", "NEXT DOOR", "SITE OF", "PART OF", "PARKING SPACE", "PARKING BAY", "LAMP POST", "BUS STOP",
        "BUS SHELTER", "BAY AT", "MOBILE HOME", "NO FIXED",
    )
)  # fmt: skip
# A second dwelling at a named place: beside the name of the place it is another property.
SECOND_DWELLINGS = frozenset(
    "BARN BOTHY BUNGALOW CABIN CARAVAN CHALET COACH COTTAGE GATEHOUSE HUT LODGE LOFT OUTBUILDING OUTBUILDINGS STABLE "
    "STABLES STUDIO WING".split()
)
# Rows and blocks that have numbers of their own: `2 STATION COTTAGES` is never 2 of STATION ROAD.
ROWS = frozenset("BUILDINGS COTTAGES MEWS ROW VILLAS".split())
DIRECTIONS = frozenset("NORTH SOUTH EAST WEST UPPER LOWER EXTENSION".split())
ABOVE = frozenset(("OVER", "ABOVE"))

# What staff write behind an address. From any of these on, a part between commas is a note, not a place.
NOTES = frozenset(
    "RING BELL KNOCK KEY KEYSAFE SAFE DO NOT VISIT ALONE CALL PLEASE TEL TELEPHONE PHONE FAX "
    "EMAIL ASK CARE "
    "BEWARE DOG DOGS ACCESS VIA CODE INTERCOM BUZZER USE CONTACT ATTN FAO ONLY TEMP TEMPORARY NB TBC UNKNOWN".split()
)
TITLES = frozenset("MR MRS MS MISS DR REV SIR LADY LORD PROF MASTER MX".split())

# Counties, nations and words for them: on an address they add nothing, and are often wrong.
COUNTIES = frozenset(
    {
        tuple(name.split())
        for name in (
            "AVON", "BEDFORDSHIRE", "BEDS", "BERKSHIRE", "BERKS", "BUCKINGHAMSHIRE", "BUCKS",
            "CAMBRIDGESHIRE", "CAMBS",
            "CHESHIRE", "CLEVELAND", "CORNWALL", "CUMBRIA", "DERBYSHIRE", "DERBYS", "DEVON", "DORSET", "DURHAM",
            "COUNTY DURHAM", "CO DURHAM", "EAST SUSSEX", "WEST SUSSEX", "SUSSEX", "ESSEX", "GLOUCESTERSHIRE", "GLOS",
            "GREATER LONDON", "GREATER MANCHESTER", "HAMPSHIRE", "HANTS", "HEREFORDSHIRE", "HERTFORDSHIRE", "HERTS",
            "HUMBERSIDE", "ISLE OF WIGHT", "KENT", "LANCASHIRE", "LANCS", "LEICESTERSHIRE", "LEICS", "LINCOLNSHIRE",
            "LINCS", "MERSEYSIDE", "MIDDLESEX", "MIDDX", "NORFOLK", "NORTHAMPTONSHIRE", "NORTHANTS", "NORTHUMBERLAND",
            "NOTTINGHAMSHIRE", "NOTTS", "OXFORDSHIRE", "OXON", "RUTLAND", "SHROPSHIRE", "SALOP", "SOMERSET",
            "NORTH YORKSHIRE", "SOUTH YORKSHIRE", "WEST YORKSHIRE", "EAST YORKSHIRE", "YORKSHIRE", "YORKS",
            "STAFFORDSHIRE", "STAFFS", "SUFFOLK", "SURREY", "TYNE AND WEAR", "WARWICKSHIRE", "WEST MIDLANDS",
            "WILTSHIRE", "WILTS", "WORCESTERSHIRE", "WORCS", "CLWYD", "DYFED", "GWENT", "GWYNEDD",
            "POWYS", "MID GLAMORGAN",
            "SOUTH GLAMORGAN", "WEST GLAMORGAN", "UK", "UNITED KINGDOM", "ENGLAND", "WALES", "SCOTLAND", "GB",
            "GREAT BRITAIN",
        )
    }
)  # fmt: skip

# Ends of the names of businesses and institutions. Where a record has one and the gazetteer none there, the record is
# about somebody who is not in the gazetteer. The gazetteer's own organisations are added to these.
BUSINESSES = frozenset(
    "ACADEMY ACCOUNTANTS AGENCY AGENTS ANTIQUES BAKERY BAKERS BANK BAR BARBERS BISTRO BOOKMAKERS BUILDERS BUTCHERS "
    "CAFE CAR CARPETS CENTRE CHEMIST CHIPPY CLINIC CLUB COLLEGE COMPANY CONSULTANTS DENTAL "
    "DENTIST DENTISTS DRYCLEANERS "
    "ELECTRICAL ENGINEERING ESTATEAGENTS FLORIST FLORISTS FURNITURE GALLERY GARAGE GROCERS GYM HAIR HAIRDRESSERS "
    "HARDWARE HOSTEL HOTEL INN JEWELLERS KEBAB KENNELS LAUNDERETTE LIBRARY LIMITED LTD MOTORS NAILS NEWSAGENT "
    "NEWSAGENTS NURSERY NURSERIES OFFICE OFFICES OPTICIANS PHARMACY PIZZA PLC PRACTICE PRESCHOOL PUB "
    "RESTAURANT SALON SERVICES "
    "SHOP SOLICITORS STORE STORES STUDIO SUPERMARKET SUPPLIES SURGERY TAKEAWAY TANDOORI TATTOO TAVERN TRADERS TYRES "
    "VETS WAREHOUSE WORKSHOP".split()
)
