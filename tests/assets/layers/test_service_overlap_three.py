"""What three services share, counted by hand, limited to the threes that share most, and attacked once published."""

from __future__ import annotations

import duckdb

from pipelines.audit import attack, knowledge
from pipelines.definition import Definition, definitions
from pipelines.hold_back import held_back
from pipelines.protect import Publication, publication, select_sql
from pipelines.tables import Column, Table, tables_of
from tests.planted_figures import RULE

NAME = "service_overlap_three"


def table(name: str = NAME) -> Table:
    return next(one for one in tables_of("layers") if one.name == name)


def definition(name: str) -> Definition:
    return next(one for one in definitions() if one.name == name)


def known_by(*services: tuple[str, int]) -> duckdb.DuckDBPyConnection:
    """A place whose properties are known to the services that are named by letters: `("abc", 5)` is five properties."""
    con = duckdb.connect()
    con.execute("CREATE SCHEMA places; CREATE SCHEMA layers; CREATE SCHEMA services")
    con.execute(
        "CREATE TABLE layers.area_profile AS SELECT 'A' AS authority_code, 'authority' AS area_type, "
        "'A' AS area_code, 'Place' AS area_name UNION ALL SELECT 'A', 'lsoa', 'L', 'Small'"
    )
    con.execute("CREATE TABLE places.property_profile (uprn BIGINT, services VARCHAR[])")
    at = 0
    for letters, number in services:
        con.execute(
            "INSERT INTO places.property_profile SELECT ? + n, ? FROM range(?) AS t(n)",
            [at, list(letters), number],
        )
        at += number
    con.execute(f"CREATE TABLE layers.{NAME} AS {table().sql}")
    return con


def test_three_services_are_counted_with_each_two_of_them() -> None:
    with known_by(("abc", 5), ("ab", 7), ("ac", 11), ("bc", 13), ("a", 17), ("b", 19), ("c", 23)) as con:
        found = con.execute(f"SELECT * FROM layers.{NAME}").fetchall()
    assert found == [("A", "a", "b", "c", "authority", "A", "Place", 40, 44, 52, 12, 16, 18, 5)]


def test_threes_that_share_nothing_have_a_row() -> None:
    with known_by(("ab", 5), ("c", 3)) as con:
        assert con.execute(
            f"SELECT properties_ab, properties_ac, properties_all FROM layers.{NAME}"
        ).fetchall() == [(5, 0, 0)]


def test_of_many_services_the_ten_threes_that_share_most() -> None:
    """Six services are twenty threes: five are everywhere, the sixth in few places."""
    with known_by(("abcde", 4), ("abcdef", 2), ("f", 30)) as con:
        found = con.execute(
            f"SELECT dataset_a || dataset_b || dataset_c, properties_all FROM layers.{NAME}"
        ).fetchall()
    assert len(found) == 10
    assert {number for _, number in found} == {6}
    assert not any("f" in names for names, _ in found)


def test_fewer_than_three_services_have_none() -> None:
    with known_by(("ab", 5)) as con:
        assert con.execute(f"SELECT * FROM layers.{NAME}").fetchall() == []


def published(con: duckdb.DuckDBPyConnection) -> list[Publication]:
    con.execute("CREATE TABLE layers.held_back (published_table VARCHAR, figure VARCHAR, cell VARCHAR)")
    con.execute("CREATE SCHEMA IF NOT EXISTS services")
    con.execute(
        "CREATE TABLE services.dataset AS SELECT DISTINCT unnest(services) AS dataset, 'personal' AS sensitivity "
        "FROM places.property_profile"
    )
    con.execute(
        "CREATE TABLE places.output_area AS SELECT '' AS oa_code, '' AS lsoa_code, '' AS msoa_code, '' AS ward_code "
        "WHERE false"
    )
    columns = con.execute(f"DESCRIBE layers.{NAME}").fetchall()
    layer = Table("layers", NAME, "", tuple(Column(row[0], row[1], row[0]) for row in columns), table().key)
    return [publication(definition(NAME), layer, RULE)]


def test_who_is_in_one_service_alone_stays_dark() -> None:
    """Of 60 in A, 30 are in B and 35 in C, and 10 in both: 5 are in A alone. Ends of the ranges must not tell it."""
    with known_by(("abc", 10), ("ab", 20), ("ac", 25), ("a", 5), ("b", 40), ("c", 45), ("bc", 12)) as con:
        publications = published(con)
        shown = select_sql(publications[0].definition, RULE, with_held_back=False)
        known = knowledge(con, publications, RULE, lambda _: shown)
        alone = [label for label in known.label if label.endswith("those in properties_a alone")]
        assert len(alone) == 1
        (unknown,) = (at for at, label in enumerate(known.label) if label == alone[0])
        assert known.questions[unknown].threshold == RULE.threshold and known.exact[unknown] == 5
        assert attack(known) == []


def test_what_the_ends_of_the_ranges_give_away_is_found_and_hidden() -> None:
    """Of 48 to 52 in A, 28 to 32 are in B and as many in C: 4 at least are in all three, and fewer than ten."""
    with known_by(("abc", 9), ("ab", 20), ("ac", 20), ("bc", 16), ("a", 1), ("b", 35), ("c", 35)) as con:
        publications = published(con)
        one = publications[0].definition

        def leaks(held: bool) -> list[str]:
            shown = select_sql(one, RULE, with_held_back=held)
            return [leak.figure for leak in attack(knowledge(con, publications, RULE, lambda _: shown))]

        found = leaks(held=False)
        assert any("properties_all" in figure and "alone" not in figure for figure in found)
        cells = held_back(con, publications, RULE)
        assert cells
        con.executemany("INSERT INTO layers.held_back VALUES (?, ?, ?)", cells)
        assert leaks(held=True) == []
