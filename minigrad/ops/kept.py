"""What a forward leaves to the first sweep beyond its operands and its result.

``kept`` is a dict among the parameters of one call, or None where nothing need be left. A rule must
do without: it finds nothing when it is itself recorded, when the graph is swept a second time, or
when the call was computed again; then it computes what it lacks.
"""

from __future__ import annotations

import numpy as np


def leave(kept, owner, *values):
    """Leave values, which are of this array: an operand of the call, or its result."""
    if kept is not None:
        kept.update(owner=owner, values=values)


def take(kept, g, owner):
    """Return what was left for the cotangent g, once, or None."""
    if not kept or not isinstance(g, np.ndarray):
        return None
    if kept["owner"] is not owner:
        return None
    values = kept["values"]
    kept.clear()
    return values
