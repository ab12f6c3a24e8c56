"""Places on the network as a table and back: the same places on the same links."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from pipelines.travel.places import COLUMNS, snapped_from_table, table_of, walking_pace
from pipelines.travel.speeds import Speeds, Travel
from tests.travel_networks import network_of, on_links


def test_round_trip_through_the_table() -> None:
    network = network_of([(0, 0), (100, 0), (100, 50)], [(0, 1, 75, 75), (1, 2, 37, 37)])
    snapped = on_links(
        network, [1, -1, 0], [0.5, 0.0, 0.25], [3.0, np.inf, 0.0],
        offset_metres=np.array([4.0, np.inf, 0.0]), moved_for_barrier=np.array([True, False, False]),
        point=np.array([[100.0, 25.0], [7.0, 8.0], [25.0, 0.0]]),
    )  # fmt: skip
    places = pa.table(
        {"what": ["property", "property", "site"], "place": ["uprn 1", "uprn 2", "libraries a b"]}
    )
    table = table_of("E06999009", "walk", network, places, snapped)
    assert table.column_names == list(COLUMNS)
    assert table["link_id"].to_pylist() == ["link 1", None, "link 0"]
    assert table["metres_off"].to_pylist() == [4.0, None, 0.0]
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA layers")
        con.register("rows", table)
        con.execute("CREATE TABLE layers.snapped AS FROM rows ORDER BY place DESC")
        names, back = snapped_from_table(con.sql("FROM layers.snapped WHERE what = 'property'"), network)
        assert names.tolist() == ["uprn 1", "uprn 2"]
        for name in (
            "link",
            "fraction",
            "offset_metres",
            "access_seconds",
            "point",
            "far",
            "moved_for_barrier",
        ):
            wanted = getattr(snapped, name)[:2]
            assert np.array_equal(getattr(back, name), wanted), name
        names, back = snapped_from_table(con.sql("FROM layers.snapped WHERE what = 'site'"), network)
        assert (names.tolist(), back.link.tolist()) == (["libraries a b"], [0])
        names, back = snapped_from_table(con.sql("FROM layers.snapped WHERE mode = 'drive'"), network)
        assert (len(names), len(back), back.point.shape) == (0, 0, (0, 2))


def test_pace_between_door_and_road() -> None:
    assert walking_pace(Travel()) == 4.8
    assert walking_pace(Travel(speeds=Speeds(walk=4.0))) == 4.0
    assert walking_pace(Travel(speeds=Speeds(walk={"steps": 2.0}))) == 4.8, "of some roads is not of all"
