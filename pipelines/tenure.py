"""Tenures as services write them, and the few groups in which the census counts households.

Here belongs the code list that leads from a service's own word (`Secure`, `Owner occupier or shared ownership scheme`)
to the group. Which column of a dataset holds the word is `gathered`; how many households of each group live where is
the source `household_tenure`.

Sources of the words: the accommodation statuses of Adult Social Care Client Level Data (NHS England), the rent and
tenancy types of CORE (Continuous Recording of Social Housing Lettings and Sales, MHCLG), tenancy types of the Housing
Acts 1985, 1988 and 1996 as housing systems name them, and the categories of Census 2011 (KS402) and 2021 (TS054).
"""

from __future__ import annotations

import re

OWNED, SOCIAL, PRIVATE, OTHER, NOT_KNOWN = (
    "owned",
    "social rented",
    "private rented",
    "other",
    "not known",
)
# Those that the census counts, in its order.
GROUPS = (OWNED, SOCIAL, PRIVATE, OTHER)

# Shared ownership is bought in part; the census and Client Level Data both put it beside owning. A home that is held
# under none of these (a care home, a hostel, a licence, rent free) is `other`. `Tenant` alone is Client Level Data's
# word for a council's or housing association's. An assured shorthold is not in the list: it may be either landlord's.
_WORDS = {
    OWNED: (
        "owned", "owner", "owner occupied", "owner occupier", "owner occupier or shared ownership scheme",
        "owns outright", "owned outright", "owned owned outright", "owned owns outright", "outright owner",
        "mortgage", "owns with a mortgage or loan", "owned with a mortgage or loan",
        "owned owned with a mortgage or loan", "owned owns with a mortgage or loan", "shared ownership",
        "shared owner", "shared ownership scheme", "owned shared ownership",
        "owned shared ownership part owned and part rented", "shared ownership shared ownership",
        "low cost home ownership", "freehold", "freeholder", "leasehold", "leaseholder", "leasehold rtb",
        "right to buy", "rtb leaseholder",
    ),
    SOCIAL: (
        "social rented", "social rent", "social tenant", "council", "council tenant", "council rented",
        "local authority", "local authority tenant", "rents from council or local authority",
        "social rented local authority", "social rented rents from council or local authority", "social rented other",
        "social rented other social rented", "other social rented", "housing association",
        "housing association tenant", "registered provider", "registered social landlord", "tenant",
        "tenant local authority", "tenant local authority arms length management organisation registered landlord",
        "tenant housing association", "tenant registered social landlord", "affordable rent",
        "london affordable rent", "intermediate rent", "other intermediate rent product", "london living rent",
        "rent to buy", "secure", "secure tenancy", "secure tenant", "introductory", "introductory tenancy",
        "introductory tenant", "flexible", "flexible tenancy", "flexible secure", "fixed term secure", "demoted",
        "demoted tenancy", "starter", "starter tenancy", "assured", "assured tenancy", "lifetime tenancy",
    ),
    PRIVATE: (
        "private rented", "private rent", "private tenant", "private landlord", "privately rented",
        "tenant private landlord", "private landlord or letting agency",
        "private rented private landlord or letting agency", "private rented other",
        "private rented other private rented", "other private rented", "regulated tenancy", "tied accommodation",
    ),
    OTHER: (
        "other", "rent free", "lives rent free", "living rent free", "registered care home",
        "registered nursing home", "care home", "nursing home", "settled mainstream housing with family friends",
        "staying with family friends as a short term guest",
        "supported accommodation supported lodgings supported group home", "shared lives scheme",
        "sheltered housing extra care housing other sheltered housing",
        "approved premises for offenders released from prison or under probation supervision",
        "mobile accommodation for gypsy roma and traveller communities", "rough sleeper squatting", "rough sleeper",
        "night shelter emergency hostel direct access hostel", "refuge",
        "placed in temporary accommodation by the council inc homelessness resettlement", "temporary accommodation",
        "other temporary accommodation", "acute long term healthcare residential facility or hospital",
        "prison young offenders institution detention centre", "licence", "licensee", "use and occupation",
        "mesne profit account", "mense profit ac", "mesne profits", "non secure", "non secure tenancy",
    ),
}  # fmt: skip
_GROUP_OF = {word: group for group, words in _WORDS.items() for word in words}


def tenure_group(stated: str) -> str:
    """The group of a tenure as a service states it; `not known` where the code list has no such word.

    Capitals, punctuation and spaces do not count.
    """
    words = re.sub(r"[^a-z0-9]+", " ", stated.casefold().replace("'", "")).strip()
    return _GROUP_OF.get(words, NOT_KNOWN)
