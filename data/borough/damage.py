"""What goes wrong on the way: UPRNs spoilt by hands and spreadsheets, addresses as people really write them.

Belongs here: turning a right value into a named kind of wrong one. Does not belong here: deciding which
rows are spoilt, or counting them (`silos.py`).
"""

from __future__ import annotations

import re
from random import Random

from data.borough.addresses import Property

# How many accounts of the council tax are spoilt in each way. For `retired`, `shell` and `unknown` the caller
# finds the other UPRN.
UPRN_DAMAGE = {
    "blank": 560,
    "not known": 60,
    "zero padded": 110,
    "trailing .0": 140,
    "spaces around": 70,
    "scientific": 40,
    "rounded": 30,
    "letters": 20,
    "thirteen digits": 15,
    "retired": 45,
    "shell": 40,
    "unknown": 35,
}
# Kinds of UPRN damage after which the right UPRN can still be read from the value itself.
RECOVERABLE = ("zero padded", "trailing .0", "spaces around")


def spoil_uprn(dice: Random, uprn: int, kind: str) -> str:
    """The UPRN as text, spoilt in the named way; unchanged for a kind that puts another UPRN there."""
    right = str(uprn)
    if kind == "blank":
        return ""
    if kind == "not known":
        return "Not Known"
    if kind == "zero padded":
        return "00" + right
    if kind == "trailing .0":
        return right + ".0"
    if kind == "spaces around":
        return f" {right} "
    if kind == "scientific":
        return f"{right[0]}.{right[1:6]}E+11"
    if kind == "rounded":
        return right[:6] + "000000"
    if kind == "letters":
        return right[:4] + dice.choice("OlS") + right[5:]
    if kind == "thirteen digits":
        return right + str(dice.randint(0, 9))
    return right


_SHORT = {
    "STREET": "St", "ROAD": "Rd", "AVENUE": "Ave", "CLOSE": "Cl", "LANE": "Ln", "TERRACE": "Terr",
    "GARDENS": "Gdns",
    "CRESCENT": "Cres", "DRIVE": "Dr", "COURT": "Ct", "GROVE": "Gr", "PARADE": "Pde",
}  # fmt: skip

# How an address is written. The first three still name the property in full, in another dress; a matcher
# that only compares normalised text should find `neat` and `plain`. The rest are hard or hopeless.
MANNERS = (
    "neat", "plain", "short", "inverted", "glued", "typo", "lost flat", "lost number", "absent flat",
    "no postcode",
    "outward postcode", "nothing",
)  # fmt: skip


def title(text: str) -> str:
    """Capitals to title case, without touching letters after a digit or an apostrophe (`14A`, `3-5`)."""
    return re.sub(r"[^\W\d_]+", lambda m: m.group() if len(m.group()) == 1 else m.group().capitalize(), text)


def write(dice: Random, p: Property, manner: str) -> tuple[str, str]:
    """Address (one line, no postcode) and postcode of a property, written in the given manner."""
    parts = p.lines()[:-1]
    neat = title(", ".join(parts))
    postcode = p.postcode
    if manner == "plain":
        style = dice.randrange(4)
        if style == 0:
            return " ".join(parts), postcode.replace(" ", "")
        if style == 1:
            return neat.lower().replace(", ", " "), postcode.lower()
        if style == 2:
            return neat.replace(", ", " ,  ") + " ", postcode
        return f"{neat}, Quillhaven", postcode
    if manner == "short":
        words = [title(w) if w not in _SHORT else _SHORT[w] for w in " ".join(parts).split()]
        return " ".join(words), postcode
    if manner == "inverted" and len(parts) > 1 and p.sao:
        return title(", ".join([*parts[1:], parts[0]])), postcode
    if manner == "glued":
        street = title(p.street.name).replace(" ", "")
        number = f"{p.pao_number}{p.pao_suffix}" if p.pao_number else title(p.pao)
        return f"{street}, {number}", postcode
    if manner in ("typo", "inverted"):
        words = neat.split(" ")
        longest = max(range(len(words)), key=lambda i: (len(words[i]), i))
        word = words[longest]
        at = dice.randrange(1, max(2, len(word) - 2))
        words[longest] = word[:at] + word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :]
        return " ".join(words), postcode
    if manner == "lost flat" and p.sao:
        return title(", ".join(parts[1:])), postcode
    if manner in ("lost number", "lost flat"):
        return title(p.street.name), postcode
    if manner == "absent flat" and p.sao_number:
        return title(", ".join([f"{p.sao} {p.sao_number + 60}", *parts[1:]])), postcode
    if manner == "no postcode":
        return neat, ""
    if manner == "outward postcode":
        return neat, postcode.split(" ")[0]
    if manner == "nothing":
        return dice.choice(("No fixed abode", "NFA", "c/o day centre", "")), ""
    return neat, postcode
