"""A page beside its function: does it give the same, and with other numbers, too?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.compiler.calls import same_results
from minigrad.compiler.guards.reach import Reach
from minigrad.compiler.snapshot import Snapshot
from minigrad.tensor.tensor import Tensor

Same = Callable[[Any, Any], bool]


def gives_the_same(replay: Any, value: Any, after: Snapshot, same: tuple[Same, Same]) -> bool:
    """Whether a page gave what its function did, and left the state as that did.

    ``same`` compares two arrays of results, and two of the state.
    """
    same_value, same_state = same
    is_same = same_results(replay.last, value, same_value, replay.kept)
    return is_same and after.is_now(same_state)


def holds_for_others(
    replay: Any,
    call: Callable[[], Any],
    reach: Reach,
    leaves: list[Any],
    same: tuple[Same, Same],
    before: Snapshot,
) -> bool:
    """Compare a page with its function once more, with other numbers in all arrays.

    Where those do not fit together, such as offsets that have to begin at 0, others are put into
    the state alone, then into one argument after another. Everything is as ``before`` afterwards.
    A call that decides or fails otherwise says nothing.
    """
    before.restore()
    given: list[Any] = [
        getattr(x, "_data", x) for x in leaves if isinstance(x, (Tensor, np.ndarray))
    ]
    numbers = {id(x) for x in given}
    state = [x for x in before.numbers() if id(x) not in numbers]

    def is_same_with_others_in(arrays: list[np.ndarray]) -> bool | None:
        try:
            _turn(arrays)
            return _runs_alike(replay, call, reach, leaves, same)
        except Exception:
            return None
        finally:
            before.restore()

    is_same = is_same_with_others_in(state + given)
    if is_same is None:
        groups: list[Any] = [state, *([x] for x in given)]
        return False not in map(is_same_with_others_in, groups)
    return is_same


def _turn(arrays: list[np.ndarray]) -> None:
    """Put other numbers in the place of these: the neighbours', floats halved."""
    for array in arrays:
        if array.flags.writeable:
            other = np.roll(array, 1)
            array[...] = other * 0.5 if array.dtype.kind == "f" else other


def _runs_alike(replay: Any, call: Any, reach: Reach, leaves: list[Any], same: Any) -> bool:
    """Whether a page, run after its function from the same state, gives the same."""
    before = Snapshot(reach, leaves, replay.generators)
    value = call()
    after = Snapshot(reach, leaves, replay.generators)
    before.restore()
    replay(leaves)
    return gives_the_same(replay, value, after, same)
