"""The model card: which models work out what is published, from what, how well, for whom, and what they are not for.

Here belongs what is said of each model, in words that a reader without statistics can follow, with the skill and the
calibration that were measured in this release. The transparency record (`atrs`) answers its fields on models from it.
The models themselves are `pipelines.estimate`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pipelines.draw.document import Document, Items, Section, Words
from pipelines.transparency.facts import Facts

NOBODY = "No score of a person, a household or a home exists anywhere: the smallest thing that has a figure is an area."


@dataclass(frozen=True)
class Model:
    """One model: its name, what it is asked, what goes in, what comes out, how it works, how well, what limits it."""

    name: str
    task: str
    takes: str
    gives: str
    how: str
    performance: tuple[str, ...]
    limits: tuple[str, ...]


def models(facts: Facts) -> tuple[Model, ...]:
    """Every model whose results are published, those that are written rules first."""
    return (_placement(facts), _protection(facts), _rates(), _clusters(), _forecast(facts))


def model_card(facts: Facts) -> Document:
    """The card as a document."""
    sections = [
        Section(
            "What holds for all of them",
            (
                Words(NOBODY),
                Words(
                    "Figures are of recorded use: who was served or asked, as the services' own records show. They say "
                    "nothing of those who were not recorded. The models are fitted anew in each release, on its own "
                    "published counts and open data; whoever has the release can work out the same."
                ),
                Words(
                    "Not for: decisions about any person, household or address; cutting a service where its recorded "
                    "use is low; ranking of people or of staff."
                ),
            ),
        )
    ]
    for model in models(facts):
        items = (
            f"Asked: {model.task}",
            f"From: {model.takes}",
            f"Gives: {model.gives}",
            f"How: {model.how}",
            *(f"How well: {line}" for line in model.performance),
            *(f"Limit: {line}" for line in model.limits),
        )
        sections.append(Section(model.name, (Items(items),), level=3))
    return Document(
        "Model card",
        "Which models work out what is published, from what, how well they did on the past, and their limits.",
        tuple(sections),
    )


def model_card_json(facts: Facts) -> str:
    """The card for machines."""
    return (
        json.dumps({"models": [asdict(model) for model in models(facts)]}, indent=1, ensure_ascii=False)
        + "\n"
    )


def lines(found: Sequence[Model], part: str) -> str:
    """One part of every model, a line each that begins with its name: how the transparency record wants it."""
    said = []
    for model in found:
        value = getattr(model, part)
        said.append(f"{model.name}: {' '.join(value) if isinstance(value, tuple) else value}")
    return "\n".join(said)


def _placement(facts: Facts) -> Model:
    shown = tuple(
        f"{one.title}: {shares.precise} placed on a property, building or point"
        + (f", {shares.unplaced} not placed" if shares.unplaced else "")
        for one in facts.authority.datasets
        if (shares := facts.shares.get(one.name)) and shares.precise
    )
    return Model(
        "Placement of records (written rules)",
        "Find the place that a record is about.",
        "A record's UPRN, address, coordinates, postcode or area code, and the gazetteer.",
        "A place and how precise it is, or the reason why there is none.",
        "Rules in order, the first that serves being taken; no score and no weight.",
        (*shown, "The page on who is missing gives the same by deprivation and tenure.")
        if shown
        else ("No share is published.",),
        ("Records without a place are not random: see the page on who is missing.",),
    )


def _protection(facts: Facts) -> Model:
    return Model(
        "Protection of counts (written rules)",
        "Withhold or round a count so that nobody is singled out.",
        "Counts of records by area, and how many people stand behind each.",
        "A protected count, or the mark that it is withheld.",
        facts.release.rule,
        ("Each release is attacked, by solving for what is withheld, before it leaves.",),
        ("What readers know from elsewhere is not known here.",),
    )


def _rates() -> Model:
    return Model(
        "Rates with the chance taken out (empirical Bayes)",
        "Say how high the rate of recorded use is in an area, when small numbers swing by chance.",
        "Published counts of areas, each as the range that it stands for, and open denominators.",
        "A rate, a ratio to what would be expected of the area's ages, tenures or deprivation, and their intervals.",
        "A Poisson count whose rate varies between areas by a gamma distribution, fitted to the areas of one kind "
        "(Clayton and Kaldor, 1987); expected counts by indirect standardisation.",
        (
            "On simulated areas whose rates are known, its 95 % intervals hold the true rate 94 to 99 % of the time.",
        ),
        (
            "Areas are drawn towards the average of all: the smaller an area, the more.",
            "What is withheld has no estimate of its own.",
        ),
    )


def _clusters() -> Model:
    return Model(
        "Neighbours that are high or low together (local Moran's I)",
        "Tell a group of neighbouring areas with high or low recorded use from chance.",
        "The ratios of recorded to expected use, and which areas share a boundary.",
        "For each area: high, low or neither, after correction for many comparisons.",
        "Local indicators of spatial association (Anselin, 1995) with random permutations, and control of the false "
        "discovery rate.",
        ("On areas without any pattern it finds one no more often than it says.",),
        ("It tells where, not why.",),
    )


def _forecast(facts: Facts) -> Model:
    performance = tuple(
        f"{title}: {words}" for title, words in ((facts.title(name), said) for name, said in facts.skill)
    )
    return Model(
        "Forecast of recorded use, by area and service",
        "Say how much use will be recorded in each of the next four periods, if things go on as they do.",
        "Published counts of the areas and periods before, open denominators, the season.",
        "A forecast with 50 % and 90 % intervals, by LSOA, MSOA, ward and authority. Those of LSOAs, of MSOAs and of "
        "wards each add up to the same; that of the authority also holds the records without a place.",
        "One of: the last period; the mean of the last four; an empirical-Bayes level; a Poisson or a "
        "negative-binomial regression. Chosen for each service by how it would have done on its past, origin by "
        "origin (ranked probability score): the plainest that no other betters by two standard errors, if it beats the "
        "mean of the last four by more than its standard error and does no worse than the last period. Where there is "
        "none, or more than half of the figures are withheld, that mean is used.",
        performance or ("No service has been recorded for long enough to be forecast.",),
        (
            "It does not know of decisions, new homes or closures: it carries the past forward.",
            "How it does by deprivation and tenure is published.forecast_by_group, and on the page on what is coming.",
        ),
    )
