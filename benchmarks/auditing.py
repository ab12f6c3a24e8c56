"""Choosing what else to hide, and the audit, on an invented borough, against two linear programmes for each figure.

The borough has 600 output areas, 120 LSOAs, 24 MSOAs, 40 wards that cut LSOAs, 10 services, 12 quarters, and the
overlaps of three services; `run` compares on two of the quarters, `whole` does all of it once.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.comparison import Comparison, compare

SERVICES, QUARTERS = 10, 12
# Overlaps are of each two of the first so many services: the ten pairs that `layers.service_overlap` has by small area.
JOINED = 5
LSOAS, OAS_EACH, LSOAS_EACH_MSOA, WARDS = 120, 5, 5, 40


def run() -> Comparison:
    """Two quarters: ours against the plain way."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "borough.duckdb"
        write(path, 2)
        return compare(
            f"what can be worked out: {SERVICES} services, 2 quarters, {LSOAS} LSOAs, {WARDS} wards, overlaps",
            ("pipelines.audit", attacked),
            ("a linear programme for each end of each hidden figure", one_by_one),
            path,
            pairs=1,
        )


def whole() -> str:
    """All twelve quarters: what it took to choose what else to hide, and to audit the result; and what it cost."""
    from pipelines.audit import attack
    from pipelines.hold_back import held_back

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "borough.duckdb"
        write(path, QUARTERS)
        with opened(path) as (con, publications, rule):
            started = time.monotonic()
            cells = held_back(con, publications, rule)
            chosen = time.monotonic() - started
            con.executemany("INSERT INTO layers.held_back VALUES (?, ?, ?)", cells)
            started = time.monotonic()
            known = _known(con, publications, rule, with_held_back=True)
            leaks = attack(known)
            audited = time.monotonic() - started
        figures = len(known.cells) + len(known.hidden_cells)
        return (
            f"a borough with {SERVICES} services, {QUARTERS} quarters, {LSOAS} LSOAs and {WARDS} wards: "
            f"{figures:,} figures, {len(known.hidden_cells):,} hidden ({len(cells)} to protect others)\n"
            f"  chosen in {chosen:.0f} s, audited in {audited:.0f} s, {len(leaks)} leaks, {_peak():.0f} MB"
        )


def sample() -> str:
    """The sample borough, from files to release: what protection hides, by table, and how long the attack takes."""
    from pipelines.authority import load_authority
    from pipelines.run import Output
    from pipelines.run import run as run_all
    from pipelines.tables import REPOSITORY

    with tempfile.TemporaryDirectory() as name:
        made = run_all(load_authority(REPOSITORY / "data" / "sample"), Output(Path(name)))
    lines = ["the sample borough: figures hidden, and the share of records in them"]
    for table, one in made.items():
        if "cells" in one.facts:
            facts = one.facts
            lines.append(
                f"  {table:<28} {facts['cells_hidden']:>5,} of {facts['cells']:>5,} "
                f"({facts['cells_hidden_further']:>3,} at the threshold or above), "
                f"{facts['percent_of_records_hidden']:>5.1f} % of records"
            )
    release = made["maps.release"].facts
    lines.append(f"  audit: {release['figures_audited']:,} figures in {release['audit_seconds']:.1f} s")
    return "\n".join(lines)


def attacked(path: Path) -> None:
    """The audit's questions, as it answers them."""
    from pipelines.audit import attack

    with opened(path) as (con, publications, rule):
        attack(_known(con, publications, rule, with_held_back=False))


def one_by_one(path: Path) -> None:
    """The same questions, each by two linear programmes over the figures that hang together with it."""
    import numpy as np
    from scipy.optimize import Bounds, LinearConstraint, milp

    with opened(path) as (con, publications, rule):
        known = _known(con, publications, rule, with_held_back=False)
        for part in known.unknowns.parts():
            for unknown in part.unknowns:
                if unknown not in known.questions or not part.matrix.shape[0]:
                    continue
                for sign in (1.0, -1.0):
                    goal = np.zeros(len(part.unknowns))
                    goal[part.place[unknown]] = sign
                    milp(
                        goal,
                        bounds=Bounds(part.low, part.high),
                        constraints=LinearConstraint(part.matrix, part.sum_low, part.sum_high),
                    )


def _known(con: Any, publications: Any, rule: Any, with_held_back: bool) -> Any:
    from pipelines.audit import knowledge
    from pipelines.protect import select_sql

    return knowledge(
        con, publications, rule, lambda p: select_sql(p.definition, rule, with_held_back=with_held_back)
    )


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any, Any]]:
    """The borough with the definitions of demand and overlap."""
    import duckdb

    from pipelines.authority import Disclosure
    from pipelines.definition import definitions
    from pipelines.protect import publication
    from pipelines.tables import Column, Table

    rule = Disclosure()
    with duckdb.connect(str(path)) as con:
        found = []
        for definition in definitions():
            if definition.name in {"demand_by_area", "service_overlap"}:
                # Of what the tables say besides, this borough knows nothing.
                for name in (*definition.dimensions, *definition.open_figures):
                    type_ = "BIGINT" if name in definition.open_figures else "VARCHAR"
                    con.execute(f"ALTER TABLE {definition.layer} ADD COLUMN IF NOT EXISTS {name} {type_}")
                columns = con.execute(f"DESCRIBE {definition.layer}").fetchall()
                layer = Table(
                    "layers",
                    definition.name,
                    "Invented.",
                    tuple(Column(row[0], row[1], row[0]) for row in columns),
                    definition.key,
                )
                found.append(publication(definition, layer, rule))
        yield con, found, rule


def write(path: Path, quarters: int) -> None:
    """The borough's exact layers: homes with services by chance, more of them in some places than in others."""
    import duckdb

    with duckdb.connect(str(path)) as con:
        con.execute("CREATE SCHEMA layers; CREATE SCHEMA places; CREATE SCHEMA services")
        con.execute("CREATE TABLE layers.held_back (published_table VARCHAR, figure VARCHAR, cell VARCHAR)")
        con.execute(
            f"CREATE TABLE places.output_area AS SELECT 'OA' || lpad(CAST(n AS VARCHAR), 3, '0') AS oa_code, "
            f"'L' || lpad(CAST(n // {OAS_EACH} AS VARCHAR), 3, '0') AS lsoa_code, "
            f"'M' || lpad(CAST(n // {OAS_EACH * LSOAS_EACH_MSOA} AS VARCHAR), 3, '0') AS msoa_code, "
            f"'W' || lpad(CAST((n + 2) * {WARDS} // {LSOAS * OAS_EACH + 2} AS VARCHAR), 3, '0') AS ward_code "
            f"FROM range({LSOAS * OAS_EACH}) AS t(n)"
        )
        con.execute(
            f"CREATE TABLE services.dataset AS SELECT 'service_' || n AS dataset, 'personal' AS sensitivity "
            f"FROM range({SERVICES}) AS t(n)"
        )
        con.execute(
            "CREATE TABLE home AS SELECT o.*, h.n AS home FROM places.output_area AS o, range(125) AS h(n)"
        )
        con.execute(
            f"CREATE TABLE record AS SELECT home.*, dataset, period, 'who ' || oa_code || home AS who "
            f"FROM home, (SELECT dataset, row_number() OVER (ORDER BY dataset) AS s FROM services.dataset), "
            f"(SELECT 1 + n AS q, (2024 + n // 4) || ' Q' || (1 + n % 4) AS period FROM range({quarters}) AS t(n)) "
            "WHERE hash(oa_code, home, s, q) % 1000 < 120 // s"
        )
        areas = "(VALUES ('authority', 'A'), ('ward', ward_code), ('msoa', msoa_code), ('lsoa', lsoa_code))"
        con.execute(
            "CREATE TABLE area AS SELECT area_type, area_code, count(*) AS homes "
            f"FROM home, LATERAL (SELECT * FROM {areas} AS t(area_type, area_code)) GROUP BY ALL"
        )
        con.execute(
            "CREATE TABLE layers.demand_by_area AS WITH every AS (SELECT dataset, period, area_type, area_code, homes "
            "FROM services.dataset, (SELECT DISTINCT period FROM record), area), used AS ("
            "SELECT dataset, period, area_type, area_code, count(*) AS n FROM record, LATERAL "
            f"(SELECT * FROM {areas} AS t(area_type, area_code)) GROUP BY ALL) "
            "SELECT 'A' AS authority_code, dataset, area_type, area_code, area_code AS area_name, period, "
            "DATE '2024-01-01' + CAST(dense_rank() OVER (ORDER BY period) AS INT) AS period_start, "
            "DATE '2024-01-01' AS period_end, true AS is_complete, "
            "period = (SELECT max(period) FROM record) AS is_latest, "
            "CAST(NULL AS VARCHAR) AS deprivation_fifth, homes, "
            "homes * 2 AS people, coalesce(n, 0) AS recorded_use, coalesce(n, 0) AS contributors "
            "FROM every LEFT JOIN used USING (dataset, period, area_type, area_code)"
        )
        con.execute(
            "CREATE TABLE known AS SELECT DISTINCT dataset, who, area_type, area_code FROM record, LATERAL "
            f"(SELECT * FROM {areas} AS t(area_type, area_code)) WHERE period = (SELECT max(period) FROM record)"
        )
        con.execute(
            "CREATE TABLE layers.service_overlap AS WITH pair AS ("
            "SELECT a.dataset AS dataset_a, b.dataset AS dataset_b FROM services.dataset AS a "
            "JOIN services.dataset AS b ON a.dataset < b.dataset "
            f"WHERE CAST(replace(b.dataset, 'service_', '') AS INTEGER) < {JOINED}), "
            "one AS (SELECT dataset, area_type, area_code, count(*) AS n FROM known GROUP BY ALL), "
            "shared AS (SELECT a.dataset AS dataset_a, b.dataset AS dataset_b, area_type, area_code, count(*) AS n "
            "FROM known AS a JOIN known AS b USING (who, area_type, area_code) "
            "WHERE a.dataset < b.dataset GROUP BY ALL) "
            "SELECT 'A' AS authority_code, dataset_a, dataset_b, area_type, area_code, area_code AS area_name, "
            "coalesce(x.n, 0) AS properties_a, coalesce(y.n, 0) AS properties_b, "
            "coalesce(shared.n, 0) AS properties_both "
            "FROM pair CROSS JOIN area "
            "LEFT JOIN (SELECT dataset AS dataset_a, * FROM one) AS x USING (dataset_a, area_type, area_code) "
            "LEFT JOIN (SELECT dataset AS dataset_b, * FROM one) AS y USING (dataset_b, area_type, area_code) "
            "LEFT JOIN shared USING (dataset_a, dataset_b, area_type, area_code)"
        )


def _peak() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
