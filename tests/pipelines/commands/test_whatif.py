"""`places whatif`: what it answers and refuses, what it writes and where; and that it says what a run's tables say.

Smallbridge with one road through each half and one way from half to half, a mile round: homes of Output Areas 1 and 2
have West Library, those of 3 and 4 East Library, and from half to half it is 2,900 m up and down, 36 minutes on foot.
"""

from __future__ import annotations

import csv
import json
import re
import stat
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pytest
import shapely

from pipelines.cli import main
from pipelines.release import DATABASE, current_release
from pipelines.run import Output
from pipelines.tables import table_from_module
from pipelines.warehouse import Warehouse
from tests.small_authority import CODE, LSOAS, SOUTH, WARDS, WEST
from tests.small_run import Small

ROADS = {
    "west": [(0, 50), (390, 50)],
    "up": [(390, 50), (390, 1500)],
    "over": [(390, 1500), (410, 1500)],
    "down": [(410, 1500), (410, 50)],
    "east": [(410, 50), (800, 50)],
}
CLOSE_WEST = ("--kind", "libraries", "--close", "West Library")


def line(points: list[tuple[int, int]]) -> bytes:
    wkb: bytes = shapely.to_wkb(shapely.LineString([(WEST + x, SOUTH + y) for x, y in points]))
    return wkb


def store(output: Output, *names: str, roads: bool = False) -> None:
    """Make tables of `layers` anew and store them, as a run would; with `roads`, of the roads of this town."""
    warehouse = Warehouse(output.restricted / "warehouse")
    with warehouse.connect() as con:
        if roads:
            con.execute("CREATE TABLE lines (road_id VARCHAR, geometry BLOB)")
            con.executemany(
                "INSERT INTO lines VALUES (?, ?)", [(name, line(at)) for name, at in ROADS.items()]
            )
            con.execute(
                "CREATE OR REPLACE VIEW sources.os_open_roads AS SELECT road_id, 'Local Road' AS road_function, "
                "'Single Carriageway' AS form_of_way, NULL::VARCHAR AS start_node, NULL::VARCHAR AS end_node, geometry "
                "FROM lines"
            )
        for name in names:
            module = import_module(f"assets.layers.{name}")
            con.register("rows", module.make(con))
            casts = ", ".join(f"CAST({one} AS {kind}) AS {one}" for one, (kind, _) in module.COLUMNS.items())
            warehouse.write(con, table_from_module(module), f"SELECT {casts} FROM rows")
            con.unregister("rows")


@pytest.fixture(scope="module")
def town(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Output:
    """Smallbridge with roads: only ever read."""
    output = small.copied(tmp_path_factory.mktemp("town"), "dagster").output
    store(output, "road_link", "snapped", "travel_time", roads=True)
    return output


def ask(output: Output, *words: str) -> int:
    council = output.root.parent / "authority"
    return main(["whatif", "--authority", str(council), "--output", str(output.root), *words])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_what_a_closure_comes_to(town: Output, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "west.html"
    assert ask(town, *CLOSE_WEST, "--to", str(page)) == 0
    out = re.sub(r" +", " ", capsys.readouterr().out)
    assert "Smallbridge, libraries, on foot; more than 15 minutes is called too far" in out
    assert "If West Library closed:" in out
    assert "24 homes would come to be more than 15 minutes' walk away (50% of the homes measured)." in out
    assert "Most would come to East Library: 24 homes more than today." in out
    assert "0 to 5 48 24 \u221224" in out and "Over 30 0 24 +24" in out
    assert "West Library, closed 24\u00a0\u2192\u00a00" in out
    by_area = {row["area_code"]: row for row in rows_of(tmp_path / "west.csv")}
    assert [by_area[code]["homes_lost"] for code in (CODE, LSOAS[0], WARDS[0])] == ["24", "24", "24"]
    assert LSOAS[1] not in by_area  # which keeps all that it has
    sites = rows_of(tmp_path / "west_sites.csv")
    assert [(row["site_name"], row["state"], row["homes_after"]) for row in sites] == [
        ("East Library", "open", "48"),
        ("West Library", "closed", "0"),
    ]


def test_a_site_that_opens_is_on_the_road_and_takes_its_neighbours(
    town: Output, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = f"{WEST + 390},{SOUTH + 60},Bridge Library"
    assert ask(town, *CLOSE_WEST, "--open", opened, "--to", str(tmp_path / "b.html")) == 0
    out = capsys.readouterr().out
    assert "If West Library closed and Bridge Library opened:" in out
    assert "No home would come to be more than 15 minutes' walk away that is not today." in out
    assert "Bridge Library, new" in out
    assert "Recorded use" not in out  # none of it crosses the limit
    data = json.loads(
        re.findall(r'id="page-data">(.*?)</script>', (tmp_path / "b.html").read_text("utf-8"), re.S)[0]
    )
    (topic,) = data["topics"]
    assert [(mark[0], mark[3]) for mark in topic["marks"]] == [
        ("Bridge Library", "new"),
        ("West Library", "closed"),
    ]
    assert topic["caption"] == "If West Library closed and Bridge Library opened"


def test_it_says_what_the_tables_of_a_run_say(town: Output, tmp_path: Path) -> None:
    """Each site closed by the command, and in turn by the run: the same rows of areas, deciles and sites."""
    names = ("closure_by_area", "closure_by_decile", "closure_at_site")
    with Warehouse(town.restricted / "warehouse").connect() as con:
        for name in names:
            con.register("rows", import_module(f"assets.layers.{name}").make(con))
            con.execute(f"CREATE TABLE {name} AS SELECT * FROM rows")
            con.unregister("rows")

        def stored(name: str, site: str, columns: list[str]) -> list[tuple[Any, ...]]:
            listed = ", ".join(f"coalesce(CAST({column} AS VARCHAR), '')" for column in columns)
            return con.execute(
                f"SELECT {listed} FROM {name} WHERE closed_name = ? ORDER BY ALL", [site]
            ).fetchall()

        for site in ("West Library", "East Library"):
            page = tmp_path / f"{site}.html"
            assert ask(town, "--kind", "libraries", "--close", site, "--to", str(page)) == 0
            rows = rows_of(page.with_suffix(".csv"))
            areas = [row for row in rows if row["area_type"] != "deprivation decile"]
            deciles = [row for row in rows if row["area_type"] == "deprivation decile"]
            sites = rows_of(page.with_name(f"{site}_sites.csv"))
            assert sorted(tuple(row.values()) for row in areas) == stored(names[0], site, list(areas[0]))
            plain = [name for name in deciles[0] if name not in ("area_type", "area_code", "area_name")]
            found = sorted((row["area_code"], *(row[name] for name in plain)) for row in deciles)
            assert found == stored(names[1], site, ["decile", *plain])
            assert sorted(tuple(row.values()) for row in sites) == stored(names[2], site, list(sites[0]))


def test_same_question_same_bytes_for_its_owner_alone(
    town: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = town.restricted / "whatif"
    answers = []
    for _ in range(2):
        assert ask(town, *CLOSE_WEST) == 0
        answers.append(
            (capsys.readouterr().out, {one.name: one.read_bytes() for one in sorted(folder.iterdir())})
        )
    assert answers[0] == answers[1]
    assert sorted(answers[0][1]) == [
        f"libraries_without_west_library_walk{end}" for end in (".csv", ".html", "_sites.csv")
    ]
    if sys.platform != "win32":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--kind", "library", "--close", "x"),
            "`library` is not a kind of site here; did you mean `libraries`?",
        ),
        (("--kind", "libraries", "--close", "Wst Library"), "did you mean `West Library`?"),
        (("--kind", "libraries", "--close", "east"), "did you mean `East Library`?"),
        (("--kind", "libraries", "--close", "Zoo"), "known are East Library, West Library"),
        (("--kind", "libraries"), "wanted a site to close (--close SITE) or to open (--open E,N), or both"),
        (("--kind", "libraries", "--open", "51.7,-2.0"), "looks like latitude and longitude"),
        (
            ("--kind", "libraries", "--open", "4000,9000", "--open", "4000,9000,B"),
            "two sites are to open at the same place",
        ),
        # A value that begins with a minus is no option.
        (("--kind", "libraries", "--open", "-2.0,51.7"), "looks like latitude and longitude"),
        (("--kind", "libraries", "--open", "-4000,9000"), "wanted easting and northing in metres"),
        (
            ("--kind", "libraries", "--open", f"{WEST + 390},{SOUTH + 60},east library"),
            "`east library` stands already among the libraries; wanted another name",
        ),
        (
            ("--kind", "libraries", "--open", "4000,9000,A", "--open", "4001,9000,a"),
            "`a` is to open already among the libraries",
        ),
        (
            ("--kind", "libraries", "--open", "here"),
            "wanted easting and northing in metres of the national grid",
        ),
        (
            ("--kind", "libraries", "--open", f"{WEST + 1800},{SOUTH + 50}"),
            "is outside Smallbridge, 1.0 km from",
        ),
        (("--kind", "libraries", "--open", f"{SOUTH + 50},{WEST + 50}"), "the other way round it is inside"),
        ((*CLOSE_WEST, "--to", "answer.txt"), "wanted the name of a page, such as closure.html"),
    ],
)
def test_what_cannot_be_answered(
    town: Output, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(town, *words) == 2
    out, err = capsys.readouterr()
    assert said in err and err.startswith("places whatif: ") and not out


def test_the_output_of_another_council(town: Output, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(town, *CLOSE_WEST, "--authority", "data/sample") == 2
    assert f"was made of Smallbridge ({CODE}), and --authority data/sample is of Quillhaven" in (
        capsys.readouterr().err
    )


def test_a_release_is_never_written_into(town: Output, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(town, *CLOSE_WEST, "--to", str(town.published / "current" / "x.html")) == 2
    assert "is among the releases, which are never changed" in capsys.readouterr().err


def with_rates(output: Output, rows: list[tuple[Any, ...]]) -> None:
    """Give the current release a table of rates, in place of its own if it has one; recorded use is of care alone."""
    release = current_release(output.published)
    assert release is not None
    database = release.path / DATABASE
    database.chmod(0o600)
    with duckdb.connect(str(database)) as con:
        con.execute("DROP TABLE IF EXISTS published.demand_estimate")
        con.execute("DELETE FROM published.dataset WHERE role = 'service'")
        con.execute(
            "INSERT INTO published.dataset BY NAME SELECT 'care' AS dataset, 'service' AS role, "
            "'demand, reach' AS uses, 'special' AS sensitivity"
        )
        con.execute(
            "CREATE TABLE published.demand_estimate (dataset VARCHAR, period VARCHAR, area_type VARCHAR, "
            "area_code VARCHAR, denominator_value BIGINT, shrunken_rate DECIMAL(18, 2), shrunken_low DECIMAL(18, 2), "
            "shrunken_high DECIMAL(18, 2), is_latest BOOLEAN)"
        )
        con.executemany(
            "INSERT INTO published.demand_estimate VALUES ('care', '2026 Q3', ?, ?, ?, ?, ?, ?, true)", rows
        )


def test_how_much_recorded_use_crosses_the_limit(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All homes of the west come to be too far: with them all of its use, at 250 for 1,000 of 400."""
    own = small.copied(tmp_path, "dagster").output
    store(own, "road_link", "snapped", "travel_time", roads=True)
    page = tmp_path / "west.html"
    shown = [("lsoa", LSOAS[0], 400, 250, 230, 270), ("lsoa", LSOAS[1], 400, 900, 800, 999)]
    with_rates(own, shown)
    assert ask(own, *CLOSE_WEST, "--to", str(page)) == 0
    out = re.sub(r"[ \u00a0]+", " ", capsys.readouterr().out)
    assert "Recorded use that would cross the limit of 15 minutes" in out
    (falls,) = re.findall(r"Care, July to September 2026 none 100 \((\d+) to (\d+)\)", out)
    assert 91 <= int(falls[0]) <= 95 and 105 <= int(falls[1]) <= 109  # 90 % within 95 %, 92 to 108
    (data,) = re.findall(r'id="page-data">(.*?)</script>', page.read_text("utf-8"), re.S)
    (topic,) = json.loads(data)["topics"]
    assert topic["tables"][-1][2] == [
        ["Care, July to September 2026", "none", f"100 ({falls[0]}\u00a0to\u00a0{falls[1]})"]
    ]
    assert "no record of a person is in any of it" in page.read_text("utf-8")
    # Where its figure is withheld nothing is said of it.
    with_rates(own, [("lsoa", LSOAS[0], 400, None, None, None)])
    assert ask(own, *CLOSE_WEST, "--to", str(page)) == 0
    assert re.search(r"2026 +none +withheld", capsys.readouterr().out)


def test_far_from_any_road(town: Output, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A place of the town, where its roads stop short: within 30 metres only."""
    own = Output(tmp_path / "output")
    copy(town, own)
    change(own, "sources", "travel_rule", "REPLACE (replace(settings, '500', '30') AS settings)")
    assert ask(own, "--kind", "libraries", "--open", f"{WEST + 200},{SOUTH + 150}") == 2
    assert (
        "is 100 m from the nearest road that can be used so; wanted a place at most 30 m"
        in capsys.readouterr().err
    )


def test_what_is_not_open_stays_in_the_restricted_folder(
    town: Output, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = Output(tmp_path / "output")
    copy(town, own)
    change(own, "services", "site_kind", "REPLACE ('special' AS sensitivity)")
    assert ask(own, *CLOSE_WEST, "--to", str(tmp_path / "out.html")) == 2
    out, err = capsys.readouterr()
    assert "libraries are not open data, and a page would tell where they are" in err and not out
    assert not (tmp_path / "out.html").exists()
    assert ask(own, *CLOSE_WEST) == 0
    err = capsys.readouterr().err
    assert "must stay with those who may know of them" in err
    # Nor are exact figures taken in place of those of a release.
    assert "Of recorded use nothing is said: there is no release with rates" in err
    assert [one.suffix for one in sorted((own.restricted / "whatif").iterdir())] == [".csv", ".html", ".csv"]


def test_without_roads_or_anything(small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(small.output, *CLOSE_WEST) == 2
    assert "there are no roads here, and ways go by road" in capsys.readouterr().err
    assert ask(Output(tmp_path / "nothing"), *CLOSE_WEST) == 2
    assert "nothing has been made in" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()


def test_tables_of_two_runs_are_not_mixed(
    town: Output, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in the middle of a run: the times are of other sites; the roads are new, and the places not yet on them."""
    own = Output(tmp_path / "output")
    copy(town, own)
    change(own, "layers", "travel_time", "REPLACE (seconds + 1 AS seconds)")
    assert ask(own, *CLOSE_WEST) == 4
    change(own, "layers", "road_link", "REPLACE ('other ' || link_id AS link_id)")
    assert ask(own, *CLOSE_WEST) == 4
    said = capsys.readouterr().err
    assert "times are of other roads or sites" in said and "places are on roads of another run" in said


def copy(town: Output, own: Output) -> None:
    import shutil

    shutil.copytree(
        town.restricted / "warehouse", own.restricted / "warehouse", ignore=shutil.ignore_patterns("maps")
    )
    shutil.copytree(town.root.parent / "authority", own.root.parent / "authority")


def change(output: Output, stage: str, name: str, columns: str) -> None:
    """Store a table with some columns replaced."""
    warehouse = Warehouse(output.restricted / "warehouse")
    facts = warehouse.facts(stage, name)
    assert facts is not None
    folder = output.restricted / "warehouse" / stage / name
    with duckdb.connect() as con:
        con.execute(
            f"COPY (SELECT * {columns} FROM '{folder / facts['file']}') TO '{folder}/changed.parquet'"
        )
    (folder / "current.json").write_text(json.dumps({**facts, "file": "changed.parquet"}), "utf-8")
