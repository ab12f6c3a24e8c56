"""Tenures as services write them, and the groups that the census counts."""

from __future__ import annotations

import pytest

from pipelines.tenure import GROUPS, NOT_KNOWN, tenure_group


@pytest.mark.parametrize(
    ("stated", "group"),
    [
        ("Owner occupier or shared ownership scheme", "owned"),
        ("Leasehold (RTB)", "owned"),
        ("Owned: Owns with a mortgage or loan", "owned"),
        ("Tenant - Local Authority/Arms Length Management Organisation/Registered Landlord", "social rented"),
        ("Tenant", "social rented"),
        ("  AFFORDABLE   rent ", "social rented"),
        ("Secure", "social rented"),
        ("Non-secure tenancy", "other"),
        ("Tenant - private landlord", "private rented"),
        ("Registered care home", "other"),
        ("Settled mainstream housing with family / friends", "other"),
        ("Lives rent free", "other"),
        ("Unknown", "not known"),
        # Of a council's housing company, of a housing association or of anybody else.
        ("Assured shorthold", "not known"),
        ("another value", "not known"),
        ("", "not known"),
    ],
)
def test_a_services_own_word_leads_to_a_group(stated: str, group: str) -> None:
    assert tenure_group(stated) == group
    assert group in (*GROUPS, NOT_KNOWN)
