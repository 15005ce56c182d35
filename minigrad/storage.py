"""One clock for two questions: which node came later, and was this memory written since?

Every recorded operation and every write in place takes the next tick. A node's tick orders the
backward sweep (outputs are always later than their inputs) and dates what the node saved; a write
is remembered by the array that owns the memory. A saved value is stale when its memory was
written after its node was made. Training pays one integer a node for this.
"""

from __future__ import annotations

import itertools
import weakref
from typing import Any

import numpy as np

tick = itertools.count(1).__next__


class _Writes:
    last = 0  # the tick of the latest write anywhere: nodes younger than it need no look-up
    of: dict[int, tuple[int, int, str]] = {}  # id(owner) -> (tick, writes so far, by whom)


WRITES = _Writes()


def owner(array: Any) -> Any:
    """Return the array whose memory ``array`` looks at (itself, where it is no view)."""
    base = array.base
    return base if isinstance(base, type(array)) else array


def wrote(array: np.ndarray, by: str = "an in-place operation") -> None:
    """Tell that the memory of ``array`` was written in place; call it after every such write."""
    memory = array if array.base is None else owner(array)
    key, of = id(memory), WRITES.of
    known = of.get(key)
    if known is None:
        weakref.finalize(memory, of.pop, key, None).atexit = False
    WRITES.last = now = tick()
    of[key] = (now, known[1] + 1 if known else 1, by)


def version(array: np.ndarray) -> int:
    """Return how often the memory of ``array`` was written in place."""
    return WRITES.of.get(id(owner(array)), (0, 0, ""))[1]


def written_since(array: np.ndarray, moment: int) -> str | None:
    """Return who wrote to the memory of ``array`` after ``moment``, or None."""
    known = WRITES.of.get(id(array if array.base is None else owner(array)))
    return known[2] if known is not None and known[0] > moment else None
