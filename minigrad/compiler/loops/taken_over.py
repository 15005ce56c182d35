"""Memory that one nest of a loop keeps for another: it stands where a later result will stand.

The fewer arrays a loop goes over, the more of them stays in the cache.
"""

from __future__ import annotations

from typing import Any

from minigrad.compiler.program import TEMPORARY, Memory, Place

Position = tuple[int, int]  # of a statement: its nest, and its place there
FIRST: Position = (0, 0)


def taken_over(text: Any) -> dict[Memory, Place]:
    """Return for memory that only nests of a loop read the place of a result that it may take."""
    loop = text.loop
    position = _positions(text)
    last_read = _last_reads(loop, position)
    stored = [s for s in position if _is_new(s, text)]
    follower: dict[Any, Any] = {}
    for s in stored:
        target = s.target.memory
        if target in text.outside:
            continue
        end = last_read[target]
        taken = follower.values()
        for later in stored:
            free = position[later] >= end and later not in taken
            if free and _lie_alike(s, later, loop):
                follower[s] = later
                break
    instead: dict[Memory, Place] = {}
    for s, later in reversed(follower.items()):
        place = later.target
        own = s.target.memory
        instead[own] = instead.get(place.memory, place)
    return instead


def _positions(text: Any) -> dict[Any, Position]:
    """Return where statements are printed, in this order."""
    position = {}
    statements = text.loop.statements
    for i, s in enumerate(statements):
        position[s] = text.levels[s], i
    by_position = position.__getitem__
    ordered = {}
    for s in sorted(statements, key=by_position):
        ordered[s] = position[s]
    return ordered


def _last_reads(loop: Any, position: dict[Any, Position]) -> dict[Memory, Position]:
    """Return where a memory is read last, or something that is computed again of it."""
    last: dict[Memory, Position] = {}
    for s, own in position.items():
        read = [place.memory for place in s.places()]
        last |= dict.fromkeys(read, own)
    for _ in loop.again:  # it may be computed again of what is computed again
        for target, s in loop.again.items():
            end = last.get(target, FIRST)
            for place in s.places():
                memory = place.memory
                known = last.get(memory, end)
                last[memory] = max(known, end)
    return last


def _is_new(s: Any, text: Any) -> bool:
    """Whether a statement is the only one that writes a temporary memory, at all places."""
    loop = text.loop
    target = s.target.memory
    if s.summed:
        return False
    if s.shape != loop.shape:
        return False
    if target.kind != TEMPORARY:
        return False
    if target in loop.inherited:
        return False
    stored = text.outside | text.across
    if target not in stored:
        return False
    writers = [x for x in loop.statements if x.target.memory is target]
    return len(writers) == 1


def _lie_alike(a: Any, b: Any, loop: Any) -> bool:
    same = a.target.dtype == b.target.dtype
    return same and loop.where(a.target, a) == loop.where(b.target, b)
