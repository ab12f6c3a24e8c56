"""Which areas are high or low together with their neighbours, more than chance would bring them together.

Here belongs who is whose neighbour and the local test of likeness between neighbours, with its correction for being
asked of every area. What is compared (ratios to what is expected) is worked out in `expected`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# With fewer areas than this nobody is judged: among so few, chance alone makes neighbours alike.
FEWEST_AREAS = 12
# Enough that the least p-value, 0.0002, can pass the correction among some hundreds of areas.
PERMUTATIONS = 9_999
SEED = 20_260_101
FALSE_DISCOVERIES = 0.05
TIED = 1e-9
# Ratios (in logarithms) that are within one per cent of each other are alike, whatever their order.
ALIKE = 0.01
# Boundaries that miss each other by less than twice this are taken to touch: generalised boundaries do.
METRES = 1.0
# By whether an area's own ratio is above 1, and whether its neighbours' are higher than others'.
LABELS = {
    (True, True): "high",
    (True, False): "high among low",
    (False, True): "low among high",
    (False, False): "low",
}
# The quarters of Moran's diagram in which esda puts areas whose neighbours are high.
NEIGHBOURS_HIGH = (1, 2)
NONE = "none"


@dataclass(frozen=True)
class Clusters:
    """What each area is among its neighbours: arrays (areas,).

    `cluster` is `high` or `low` (a ratio above or below 1 amid neighbours that are higher or lower than chance
    would make them), `high among low`, `low among high`, or `none`: not told apart from chance, or not judged. `p`
    is the two-sided p-value, NaN where an area is not judged. `is_cluster` is whether it stands after the
    correction for many tests.
    """

    cluster: NDArray[np.str_]
    p: NDArray[np.float64]
    is_cluster: NDArray[np.bool_]


def neighbours(codes: Sequence[str], wkb: Sequence[bytes]) -> Any:
    """Who touches whom, at an edge or a corner (queen contiguity): a libpysal Graph whose labels are the codes.

    `wkb` holds one (multi)polygon an area, EPSG:27700 (metres), in the order of `codes`. An area that touches none (an
    island) has no neighbours. Raises ValueError where there are not as many geometries as codes.
    """
    import geopandas
    import shapely
    from libpysal.graph import Graph

    if len(codes) != len(wkb):
        raise ValueError(f"wanted a geometry for each of {len(codes)} areas; found {len(wkb)}")
    polygons = geopandas.GeoSeries(shapely.from_wkb(list(wkb)), index=list(codes))
    return Graph.build_fuzzy_contiguity(polygons, buffer=METRES)


def local_clusters(codes: Sequence[str], values: NDArray[np.float64], graph: Any) -> Clusters:
    """Local Moran's I of each area's value, tested by exchanging all other areas' values at random.

    `values` (areas,), logarithms of ratios, in order of `codes`; NaN where there is none (a hidden area), which is
    then nobody's neighbour. An area without a neighbour is not judged, nor is any where fewer than `FEWEST_AREAS`
    can be, or where all are `ALIKE`. p-values are two-sided; those that keep the share of false findings at
    `FALSE_DISCOVERIES` (Benjamini and Hochberg) are clusters. The seed is fixed: the same values give the same
    findings.

    Sources: Anselin (1995), Local indicators of spatial association, Geographical Analysis 27, 93-115; Castro and
    Singer (2006), Controlling the false discovery rate, ibid. 38, 180-208; Benjamini and Hochberg (1995), Journal of
    the Royal Statistical Society B 57, 289-300.
    """
    import numpy as np

    cluster = np.full(len(codes), NONE, dtype="<U14")
    p = np.full(len(codes), np.nan)
    is_cluster = np.zeros(len(codes), dtype=bool)
    known = {code: at for at, code in enumerate(codes) if not np.isnan(values[at])}
    among = graph.subgraph([code for code in graph.unique_ids if code in known])
    among = among.subgraph([code for code in among.unique_ids if code not in set(among.isolates)])
    at = [known[code] for code in among.unique_ids]
    if len(at) < FEWEST_AREAS or np.ptp(values[at]) < ALIKE:
        return Clusters(cluster, p, is_cluster)

    from esda.moran import Moran_Local
    from statsmodels.stats.multitest import multipletests

    with warnings.catch_warnings():
        # esda tells that its default will be the two-sided p-value; it is made two-sided here.
        warnings.simplefilter("ignore")
        found = Moran_Local(
            values[at], among, permutations=PERMUTATIONS, n_jobs=1, keep_simulations=True, seed=SEED
        )
    # Ties count against a finding on both sides: esda's own p-value takes them for extreme on one.
    more = (found.sim >= found.Is - TIED).sum(0)
    less = (found.sim <= found.Is + TIED).sum(0)
    p[at] = np.minimum(2 * (np.minimum(more, less) + 1) / (PERMUTATIONS + 1), 1)
    is_cluster[at] = multipletests(p[at], alpha=FALSE_DISCOVERIES, method="fdr_bh")[0]
    # Its own side is told from 1, as readers take a ratio; esda's would be told from the areas' mean, which is another.
    around = np.isin(found.q, NEIGHBOURS_HIGH)
    labels = [LABELS[own, near] for own, near in zip((values[at] > 0).tolist(), around.tolist(), strict=True)]
    cluster[at] = np.where(is_cluster[at], labels, NONE)
    return Clusters(cluster, p, is_cluster)
