"""The road network as arrays: nodes, links between them, and how long each link takes by each mode and direction.

Here belongs what a network is. How lines become a network is `topology`, how fast each kind of road is travelled
`speeds`, how places are put on links `snapping`, and finding the quickest ways `routing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODES = ("walk", "cycle", "drive")
ALONG, AGAINST = 0, 1  # columns of `seconds`: from the start of a link to its end, and back

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Network:
    """A network of N nodes and M links, in EPSG:27700.

    Links may be parallel, loops, or of no length; each is kept, so that a place can be on it. A link that a mode may
    not use in a direction takes `inf` seconds in it.
    """

    nodes: Floats
    """(N, 2): easting and northing of each node, metres."""
    start: Integers
    """(M,): the node where each link starts."""
    end: Integers
    """(M,): the node where it ends."""
    metres: Floats
    """(M,): its length along the line, metres; 0 or more."""
    seconds: Mapping[str, Floats]
    """{mode: (M, 2)}: seconds along and against the line, `inf` where the mode may not go."""
    lines: NDArray[Any]
    """(M,): the lines, shapely LineString from start to end."""
    link_id: NDArray[Any]
    """(M,): what each link is called, unique text."""
    part: Mapping[str, Integers]
    """{mode: (M,)}: which connected part of what the mode may use each link is in: 0 the longest, then by length; -1
    for links that the mode may not use. One-way streets connect here as if they were two-way."""
