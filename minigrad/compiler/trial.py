"""A page beside its function: does it give the same, and with other numbers, too?

A page that is exact gives every bit. Loops give what rounding explains: some digits of a result,
and of what a step adds to its state, as a learning rate may be small. Where they give less, the
function tells how much rounding explains: its numbers are moved by a few units in the last place,
and it is called again. A gradient that is zero but for rounding is another one each time. So is
that of a bias in front of a BatchNorm; optimizers that divide by its size go other ways then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.compiler.calls import arrays_in
from minigrad.compiler.guards.reach import Reach
from minigrad.compiler.snapshot import NOTHING, Snapshot

DIGITS = 3e-4  # of the largest number or change of an array, which need no explanation
LAST_UNITS = 4  # of the largest number, which need none either
MOST_UNITS = 64  # in the last place, by which a number is moved
TIMES = 5  # that the function is called with moved numbers
FACTOR = 10.0  # between what they bring about and what is taken for rounding


class Trial:
    """A page and its function, run from the same state with the same arguments."""

    def __init__(
        self, replay: Any, call: Callable[[], Any], reach: Reach, leaves: list[Any], loops: bool
    ) -> None:
        self.replay, self.call, self.reach, self.leaves = replay, call, reach, leaves
        self.loops = loops

    def snapshot(self) -> Snapshot:
        return Snapshot(self.reach, self.leaves, self.replay.generators)

    def gives_the_same(self, value: Any, before: Snapshot, after: Snapshot) -> bool:
        """Whether the page, just run, gave what its function did, and left a state ``after``."""
        if not after.streams_are_there():
            return False
        results = arrays_in(value, self.replay.kept)
        n = len(results)
        theirs = results + after.arrays_then()
        ours = [*self.replay.last[:n], *after.arrays_now()]
        if not self.loops:
            return all(map(same_bytes, ours, theirs))
        starts = [NOTHING] * n + before.arrays_then()
        if all(map(close, ours, theirs, starts)):
            return True
        ours = list(map(np.array, ours))  # the function will write to the state
        theirs = list(map(np.array, theirs))
        spreads = self._spreads(theirs, starts, before, after)
        return all(map(close, ours, theirs, starts, spreads))

    def _spreads(
        self, theirs: list[Any], starts: list[Any], before: Snapshot, after: Snapshot
    ) -> list[float]:
        """Return how much each array comes to change otherwise where what is read is moved."""
        rng = np.random.default_rng(0)
        spreads = [0.0] * len(theirs)
        for _ in range(TIMES):
            before.restore()
            try:
                moved = self._moved(before, after, rng)
                spreads = list(map(max, spreads, map(_apart, *moved, theirs, starts)))
            except Exception:  # numbers that must not be moved explain nothing
                continue
            finally:
                before.restore()
        return spreads

    def _moved(self, before: Snapshot, after: Snapshot, rng: np.random.Generator) -> Any:
        """Call the function with moved numbers; return its results and state, and from where."""
        _move(before.arrays_of_tensors_and_arguments(), rng)
        moved = self.snapshot()
        value = self.call()
        results = arrays_in(value, self.replay.kept)
        starts = [NOTHING] * len(results)
        arrays = results + after.arrays_now()
        return arrays, starts + moved.arrays_then()

    def holds_for_others(self, before: Snapshot) -> bool:
        """Compare page and function once more, with other numbers in all arrays.

        Where those do not fit together, such as offsets that have to begin at 0, others are put
        into the state alone, then into one argument after another. Everything is as ``before``
        afterwards. A call that decides or fails otherwise says nothing.
        """
        before.restore()
        given = arrays_in(self.leaves)
        numbers = {id(x) for x in given}
        arrays = before.arrays_of_tensors_and_arguments()
        state = [x for x in arrays if id(x) not in numbers]

        def is_same_with_others_in(arrays: list[np.ndarray]) -> bool | None:
            try:
                _turn(arrays)
                return self._runs_alike()
            except Exception:
                return None
            finally:
                before.restore()

        is_same = is_same_with_others_in(state + given)
        if is_same is None:
            groups: list[Any] = [state, *([x] for x in given)]
            return False not in map(is_same_with_others_in, groups)
        return is_same

    def _runs_alike(self) -> bool:
        """Whether the page, run after its function from the same state, gives the same."""
        before = self.snapshot()
        value = self.call()
        after = self.snapshot()
        before.restore()
        self.replay(self.leaves)
        return self.gives_the_same(value, before, after)


# ---- other numbers ------------------------------------------------------------------------------
def _turn(arrays: list[np.ndarray]) -> None:
    """Put other numbers in the place of these: the neighbours', floats halved."""
    for array in arrays:
        if array.flags.writeable:
            other = np.roll(array, 1)
            array[...] = other * 0.5 if array.dtype.kind == "f" else other


def _move(arrays: list[np.ndarray], rng: np.random.Generator) -> None:
    """Bring each float a little nearer to 0, which leaves it within what it has to lie in."""
    for array in arrays:
        if not array.flags.writeable or array.dtype.kind != "f":
            continue
        units = rng.integers(0, MOST_UNITS, array.shape)
        unit = np.finfo(array.dtype).eps
        part = 1 - units * unit
        array[...] = array * part


# ---- two arrays ---------------------------------------------------------------------------------
def same_bytes(a: Any, b: Any) -> bool:
    """Return whether two arrays hold the same numbers, bit for bit."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return a.tobytes() == b.tobytes()


def close(a: Any, b: Any, start: Any = NOTHING, spread: float = 0.0) -> bool:
    """Return whether two arrays hold the same numbers, but for rounding.

    ``start`` is what both held before, and ``spread`` how far rounding moves what has been added.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.dtype.kind != "f":
        return same_bytes(a, b)
    if a.shape != b.shape:
        return False
    finite = np.isfinite(b)
    others = ~finite
    if not np.array_equal(a[others], b[others], equal_nan=True):
        return False
    added = _added(b, start)[finite]
    a, b = a[finite], b[finite]
    allowed = _unexplained(b, added) + FACTOR * spread
    with np.errstate(all="ignore"):
        apart = np.abs(a - b)
    return bool((apart <= allowed).all())


def _unexplained(array: Any, added: Any) -> float:
    """Return how far another array may be from this one without any explanation."""
    unit = float(np.finfo(array.dtype).eps)
    last_units = LAST_UNITS * unit * _largest(array)
    return DIGITS * _largest(added) + last_units


def _apart(a: Any, a_start: Any, b: Any, b_start: Any) -> float:
    """Return how far apart what was added to two arrays is at most, where both are finite."""
    if a.dtype.kind != "f" or a.shape != b.shape:
        return 0.0
    ours, theirs = _added(a, a_start), _added(b, b_start)
    apart = np.asarray(ours - theirs)
    finite = np.isfinite(apart)
    return _largest(apart[finite])


def _added(array: Any, start: Any) -> np.ndarray:
    """Return what was added to what an array held, the whole of a new one."""
    if array.shape != start.shape:
        return array
    with np.errstate(all="ignore"):
        added = array - start
    return np.asarray(added)


def _largest(array: np.ndarray) -> float:
    return float(np.abs(array).max(initial=0.0))
