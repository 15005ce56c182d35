"""One clock for three jobs: which node came later, was this memory written since, how often.

Every recorded operation and every write in place takes the next tick. A node's tick orders the
backward sweep (outputs are always later than their inputs) and dates what the node saved; a write
is remembered with the array that owns the memory, and with the part of it that was written. A
saved value is stale when its part was written after its node was made. Training pays one integer
per node for this.
"""

from __future__ import annotations

import itertools
import weakref
from typing import Any

import numpy as np

tick = itertools.count(1).__next__

Part = tuple[int, tuple[int, ...], tuple[int, ...], int]  # address, shape, strides, itemsize


class History:
    """The writes to one owner's memory: how many, the latest of the whole, the latest per part."""

    __slots__ = ("by", "count", "last", "parts", "whole")

    def __init__(self) -> None:
        self.count = 0
        self.last = self.whole = 0  # ticks
        self.by = ""
        self.parts: dict[Part, tuple[int, str]] | None = None  # of writes through views


class _Writes:
    last = 0  # the tick of the latest write anywhere: nodes younger than it need no look-up
    of: dict[int, History] = {}  # id(owner) -> its history


VERSIONS = _Writes()
_MOST_PARTS = 64  # beyond them a write through a view counts as one to the whole


def owner(array: Any) -> Any:
    """Return the array whose memory ``array`` looks at (itself, where it is not a view)."""
    if not isinstance(array, np.ndarray):
        return array if getattr(array, "base", None) is None else array.base
    while (base := getattr(array, "base", None)) is not None:
        if isinstance(base, memoryview):  # np.ndarray(shape, dtype, buffer)
            base = base.obj
        if not hasattr(base, "base"):  # bytes, a memory map: not an array
            break
        array = base  # as_strided puts an object that is not an array between the two
    return array


def bump_version(array: np.ndarray, by: str = "an in-place operation") -> None:
    """Tell that the memory of ``array`` was written in place; call it after every such write."""
    memory = array if array.base is None else owner(array)
    key, of = id(memory), VERSIONS.of
    history = of.get(key)
    if history is None:
        of[key] = history = History()
        weakref.finalize(memory, of.pop, key, None).atexit = False
    VERSIONS.last = history.last = now = tick()
    history.count += 1
    if memory is array or not isinstance(array, np.ndarray):
        history.whole, history.by, history.parts = now, by, None
        return
    if history.parts is None:
        history.parts = {}
    history.parts[_part(array)] = (now, by)
    if len(history.parts) > _MOST_PARTS:
        history.whole, history.by, history.parts = now, by, None


def history_of(array: np.ndarray) -> History:
    """Return the history of an array that owns its memory, begun if there was none."""
    known = VERSIONS.of.get(id(array))
    if known is None:
        bump_version(array)
        known = VERSIONS.of[id(array)]
    return known


def bump_versions(histories: list[History], by: str) -> None:
    """Tell that the whole memory of many arrays was written in place."""
    VERSIONS.last = now = tick()
    for history in histories:
        history.count += 1
        history.last = history.whole = now
        history.by, history.parts = by, None


def version(array: np.ndarray) -> int:
    """Return how often the memory of ``array`` was written in place."""
    history = VERSIONS.of.get(id(owner(array)))
    return 0 if history is None else history.count


def written_since(array: np.ndarray, moment: int) -> str | None:
    """Return who wrote to what ``array`` looks at after ``moment``, or None."""
    history = VERSIONS.of.get(id(array if array.base is None else owner(array)))
    if history is None or history.last <= moment:
        return None
    if history.whole > moment:
        return history.by
    own = _part(array)  # an array of NumPy's: no other has parts
    for part, (when, by) in (history.parts or {}).items():
        if when > moment and _overlap(own, part):
            return by
    return None


def same_place(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two arrays look at the same elements in the same order."""
    return a.dtype == b.dtype and _part(a) == _part(b)


def _part(array: np.ndarray) -> Part:
    return array.__array_interface__["data"][0], array.shape, array.strides, array.itemsize


def _overlap(a: Part, b: Part) -> bool:
    """Return whether two parts share a byte; where that takes long to find out, say yes."""
    limit: Any = 10_000  # NumPy's stubs know two values alone
    try:
        return np.shares_memory(_stand_in(a), _stand_in(b), max_work=limit)
    except np.exceptions.TooHardError:
        return True


class _At:
    """Speaks for memory by address, so that NumPy compares places without owning them."""

    def __init__(self, address: int, shape: tuple[int, ...], strides: tuple[int, ...], size: int):
        self.__array_interface__ = {
            "version": 3,
            "typestr": f"|V{size}",
            "data": (address, True),
            "shape": shape,
            "strides": strides,
        }


def _stand_in(part: Part) -> np.ndarray:
    return np.asarray(_At(*part))
