"""Places on the road network as a table, and back: properties, tallies of homes, postcodes and sites.

Here belongs how `layers.snapped` is stored and read. How a place is put on a link is `snapping`; how the network itself
is stored, `roads`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.travel.network import Network
from pipelines.travel.speeds import WALK_KMH, Travel

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from pipelines.travel.snapping import Snapped

COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "what": ("VARCHAR", "property, tally (of homes, where no gazetteer says which properties are), postcode or site"),
    "place": ("VARCHAR", "the property or tally as in places.home; the postcode; kind and reference of the site"),
    "mode": ("VARCHAR", "walk, cycle or drive"),
    "link_id": ("VARCHAR", "link of layers.road_link on which it is; empty where no road is within reach"),
    "fraction": ("DOUBLE", "how far along the link from its start, 0 to 1"),
    "metres_off": ("DOUBLE", "straight way from the place to the road, metres"),
    "access_seconds": ("DOUBLE", "time for that way on foot, seconds"),
    "is_far": ("BOOLEAN", "whether the road is so far that the time is doubtful"),
    "is_across_water": ("BOOLEAN", "whether the straight way to the road crosses water: no road is on the near side"),
    "moved_for_water": ("BOOLEAN", "whether another road was nearer, across water"),
    "moved_to_larger_part": ("BOOLEAN", "whether another road was nearer, which leads nowhere else"),
    "easting": ("DOUBLE", "easting of the point on the road, metres, EPSG:27700; of the place where it is on no road"),
    "northing": ("DOUBLE", "northing of that point, metres, EPSG:27700"),
}  # fmt: skip


def walking_pace(travel: Travel) -> float:
    """The pace between a place and the road, km/h: as authority.yaml says of walking in all, else the ordinary one."""
    said = travel.speeds.walk
    return WALK_KMH if isinstance(said, dict) else said


def table_of(
    authority_code: str, mode: str, network: Network, places: pa.Table, snapped: Snapped
) -> pa.Table:
    """Snapped places as rows in the columns `COLUMNS`; `places` has their `what` and `place` in the same order."""
    import pyarrow as pa

    count, on_link = len(snapped), snapped.link >= 0
    names = network.link_id[snapped.link] if len(network.link_id) else np.full(count, "", object)
    columns: dict[str, Any] = {
        "authority_code": pa.array([authority_code] * count, pa.string()),
        "what": places["what"],
        "place": places["place"],
        "mode": pa.array([mode] * count, pa.string()),
        "link_id": pa.array(names, pa.string(), mask=~on_link),
        "fraction": pa.array(snapped.fraction, mask=~on_link),
        "metres_off": pa.array(snapped.offset_metres, mask=~np.isfinite(snapped.offset_metres)),
        "access_seconds": pa.array(snapped.access_seconds, mask=~on_link),
        "is_far": pa.array(snapped.far),
        "is_across_water": pa.array(snapped.across_barrier),
        "moved_for_water": pa.array(snapped.moved_for_barrier),
        "moved_to_larger_part": pa.array(snapped.moved_to_larger_part),
        "easting": pa.array(snapped.point[:, 0]),
        "northing": pa.array(snapped.point[:, 1]),
    }
    return pa.table({name: columns[name] for name in COLUMNS})


def snapped_from_table(snapped: duckdb.DuckDBPyRelation, network: Network) -> tuple[NDArray[Any], Snapped]:
    """Some rows of `layers.snapped`, of one mode, in order of place.

    Returns what each is called (n,), and where it is on `network`, the one that `layers.road_link` holds.
    """
    from pipelines.travel.snapping import Snapped

    rows = snapped.order("what, place").to_arrow_table()

    def values(name: str, empty: Any) -> NDArray[Any]:
        return np.asarray(rows[name].combine_chunks().fill_null(empty).to_numpy(zero_copy_only=False))

    # The links of the network are in the order of what they are called.
    called = np.array(rows["link_id"].to_pylist(), object)
    on_link = np.array([name is not None for name in called], bool)
    link = np.full(len(called), -1, np.int64)
    if on_link.any():
        numbers = {name: number for number, name in enumerate(network.link_id.tolist())}
        link[on_link] = [numbers[name] for name in called[on_link]]
    placed = Snapped(
        link=link,
        fraction=values("fraction", 0.0),
        offset_metres=values("metres_off", np.inf),
        access_seconds=values("access_seconds", np.inf),
        point=np.column_stack([values("easting", np.nan), values("northing", np.nan)]),
        across_barrier=values("is_across_water", False),
        far=values("is_far", False),
        moved_for_barrier=values("moved_for_water", False),
        moved_to_larger_part=values("moved_to_larger_part", False),
    )
    return np.array(rows["place"].to_pylist(), object), placed
