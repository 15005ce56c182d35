"""What a program needs: equal calls once, no dead ones, and nothing lasting before the last guard.

The order of the calls stays as it was recorded, but for writes to state, which wait.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from typing import Any

import numpy as np

from minigrad.compiler.planning.constants import Constants
from minigrad.compiler.program import (
    INPUT,
    STATE,
    TEMPORARY,
    Call,
    Memory,
    Place,
    Program,
    mapped,
    memories_of,
)

LASTING = (STATE, INPUT)


def planned(program: Program) -> Program:
    """Return the program without what nobody needs, its lasting writes behind the last guard."""
    calls = _without_repetitions(program)
    constants = Constants(calls)
    calls = constants.folded()
    program.results = constants.looked_up(program.results)
    calls = _without_dead(calls, program.results)
    calls = _writes_behind_guards(calls)
    _put_small_results_first(calls)
    return Program(calls, program.inputs, program.states, program.results, program.plain)


# ---- equal calls ------------------------------------------------------------------------------
def _without_repetitions(program: Program) -> list[Call]:
    """Let equal calls on equal values be one, where neither result is written to in parts."""
    written = {place.memory for call in program.calls for place in call.writes}
    version: Counter[Memory] = Counter()
    same_as: dict[Memory, Memory] = {}
    known: dict[Any, Call] = {}
    calls = []

    def renamed(x: Any) -> Any:
        if isinstance(x, Place) and x.memory in same_as:
            original = same_as[x.memory]
            return dataclasses.replace(x, memory=original)
        return x

    for call in program.calls:
        call.args = mapped(call.args, renamed)
        call.kwargs = mapped(call.kwargs, renamed)
        results = memories_of(call.results)
        if _is_needless_copy(call, written):
            same_as[results[0]] = call.args[0].memory
            continue
        pure = not (call.writes or call.is_guard or call.is_draw)
        if pure and written.isdisjoint(results):
            key = _key(call, version)
            first = known.setdefault(key, call)
            if first is not call:
                originals = memories_of(first.results)
                same_as.update(zip(results, originals, strict=True))
                continue
        for place in call.writes:
            version[place.memory] += 1
        calls.append(call)

    program.results = mapped(program.results, renamed)
    return calls


def _is_needless_copy(call: Call, written: set[Memory]) -> bool:
    """Whether a call copies a temporary memory, as it lies, and nobody writes to either."""
    if call.function not in (np.copy, np.ndarray.copy):
        return False
    source, result = call.args[0], call.results
    if not isinstance(source, Place):
        return False
    if source.memory.kind != TEMPORARY:
        return False
    if source.memory in written or result.memory in written:
        return False
    if source.strides != result.strides:
        return False
    return source.is_itself and result.is_itself


def _key(call: Call, version: Counter[Memory]) -> Any:
    """Return what two calls have in common that give equal results."""

    def part(x: Any) -> Any:
        if isinstance(x, Place):
            return x, version[x.memory]
        return type(x), repr(x)

    return call.function, _frozen(call.args, part), _frozen(call.kwargs, part)


def _frozen(tree: Any, part: Any) -> Any:
    if isinstance(tree, dict):
        return tuple((name, _frozen(item, part)) for name, item in tree.items())
    if type(tree) in (tuple, list):
        return type(tree), tuple(_frozen(item, part) for item in tree)
    return part(tree)


# ---- dead calls -------------------------------------------------------------------------------
def _without_dead(calls: list[Call], results: Any) -> list[Call]:
    """Leave out calls whose results nobody reads."""
    live = set(memories_of(results))
    needed = []
    for call in reversed(calls):
        written = [place.memory for place in call.writes]
        fresh = memories_of(call.results)
        lasting = any(memory.kind in LASTING for memory in written)
        if call.is_guard or call.is_draw or lasting or not live.isdisjoint([*written, *fresh]):
            needed.append(call)
            live.difference_update(fresh)
            live.update(place.memory for place in call.reads())
            live.update(written)
    return needed[::-1]


# ---- results beside workspaces ----------------------------------------------------------------
def _put_small_results_first(calls: list[Call]) -> None:
    """Of two neighbours with a workspace, let that one be first beside which less memory lies."""
    for i in range(len(calls) - 1):
        a, b = calls[i : i + 2]
        if not (a.workspace and b.workspace and _are_apart(a, b)):
            continue
        if _most_at_once(b, a) < _most_at_once(a, b):
            calls[i : i + 2] = b, a


def _are_apart(a: Call, b: Call) -> bool:
    """Whether neither of two calls reads or writes what the other makes."""
    made = {*memories_of(a.results), *memories_of(b.results)}
    touched = {place.memory for call in (a, b) for place in call.reads()}
    return not (a.writes or b.writes) and made.isdisjoint(touched)


def _most_at_once(first: Call, second: Call) -> int:
    """Return how many bytes two calls need at most, one after the other."""
    made = sum(memory.nbytes for memory in memories_of(first.results))
    both = made + sum(memory.nbytes for memory in memories_of(second.results))
    return max(made + first.workspace, both + second.workspace)


# ---- writes that last -------------------------------------------------------------------------
SAFE = {np.copy, np.ndarray.astype, np.ndarray.copy, np.ndarray.reshape, np.ndarray.dot, np.dot}


def may_fail(call: Call) -> bool:
    """Whether a call may raise with other numbers, or says that the program does not fit."""
    if call.is_guard:
        return True
    owner = getattr(call.function, "__self__", call.function)
    return not (isinstance(owner, np.ufunc) or call.function in SAFE or call.writes)


def _written_before(call: Call, waiting: list[Call]) -> str:
    """Return the name of what a call rests on that was written before it."""
    needed = {place.memory for place in call.reads()}
    for other in reversed(waiting):
        for place in other.writes:
            if place.memory in needed and place.memory.kind in LASTING:
                return place.memory.label
        made = [*memories_of(other.results), *memories_of(other.writes)]
        if not needed.isdisjoint(made):
            needed.update(place.memory for place in other.reads())
    return "state"


class Unordered(Exception):
    """A call that decides or draws rests on what was written before it."""

    def __init__(self, call: Call, waiting: list[Call]) -> None:
        label = _written_before(call, waiting)
        what = "a decision" if call.is_guard else "a random number"
        super().__init__(
            f"{what} at {call.line} rests on '{label}', which the step has written before it; "
            "a replay could not take that back. Decide before the write, or compile what comes "
            "after it as a function of its own"
        )


def _writes_behind_guards(calls: list[Call]) -> list[Call]:
    """Move what writes to state before the last guard, and what reads it then, behind that."""
    last = max((i for i, call in enumerate(calls) if may_fail(call)), default=-1)
    waiting: list[Call] = []
    touched: set[Memory] = set()  # that waiting calls write
    for_later: set[Memory] = set()  # that they read
    before = []
    for call in calls[: last + 1]:
        written = {place.memory for place in call.writes} | set(memories_of(call.results))
        read = {place.memory for place in call.reads()}
        lasting = any(place.memory.kind in LASTING for place in call.writes)
        too_early = not touched.isdisjoint(read | written) or not for_later.isdisjoint(written)
        if not (lasting or too_early):
            before.append(call)
            continue
        if call.is_guard or call.is_draw:
            raise Unordered(call, waiting)
        waiting.append(call)
        touched |= written
        for_later |= read
    return before + waiting + calls[last + 1 :]


def read_after(calls: list[Call], results: Any) -> dict[Memory, int]:
    """Return for each memory the last call that touches it; results are read at the end."""
    last: dict[Memory, int] = defaultdict(int)
    for i, call in enumerate(calls):
        for memory in memories_of((call.args, call.kwargs, call.results)):
            last[memory] = i
    for memory in memories_of(results):
        last[memory] = len(calls)
    return last


def temporaries(calls: list[Call]) -> list[Memory]:
    """Return the memories that the calls make, in order."""
    found: dict[Memory, None] = {}
    for call in calls:
        found.update(dict.fromkeys(m for m in memories_of(call.results) if m.kind == TEMPORARY))
    return list(found)
