"""Statements in one form, so that more of them share a loop.

A copy that only broadcasts is read at its source; the sum of sums is one sum; and what goes over
rows of a reshaped array goes over the array's own axes.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from typing import Any

import numpy as np

from minigrad.compiler.buffers import place_is_c
from minigrad.compiler.program import TEMPORARY, Call, Memory, Place, Program, mapped, memories_of
from minigrad.compiler.statements import Statement, statement

Shape = tuple[int, ...]
COPIES = (np.copy, np.ndarray.copy)


def in_one_form(program: Program) -> list[Call | Statement]:
    """Return the calls of a program, those that loops can do as statements."""
    rows: list[Call | Statement] = []
    for call in _without_broadcasts(program):
        rows.append(statement(call) or call)
    finest = _Finest(rows)
    refined: list[Call | Statement] = []
    for x in rows:
        is_call = isinstance(x, Call)
        refined.append(x if is_call else _refined(x, finest))
    return _sums_at_once(refined, program.results)


# ---- broadcasts -------------------------------------------------------------------------------
def _without_broadcasts(program: Program) -> list[Call]:
    """Let statements read what was only copied to be broadcast where it was copied from."""
    rewritten = {place.memory for call in program.calls for place in call.writes}
    copies: dict[Memory, Call] = {}
    version: Counter[Memory] = Counter()
    version_of: dict[Call, int] = {}
    calls = []

    def at_source(x: Any) -> Any:
        copy = copies.get(x.memory) if isinstance(x, Place) else None
        if copy is None:
            return x
        source = copy.args[0].memory
        if version[source] != version_of[copy]:
            return x
        return _broadcast_alike(x, copy) or x

    for call in program.calls:
        other = dataclasses.replace(call)
        other.args = mapped(call.args, at_source)
        if other.args != call.args and statement(other) is not None:
            call = other
        if _broadcasts(call) and call.results.memory not in rewritten:
            copies[call.results.memory] = call
            version_of[call] = version[call.args[0].memory]
        for place in call.writes:
            version[place.memory] += 1
        calls.append(call)
    return _without_unread(calls, set(copies), program.results)


def _broadcasts(call: Call) -> bool:
    """Whether a call copies a small array to all places of a larger one."""
    if call.function not in COPIES:
        return False
    source, result = call.args[0], call.results
    if not (isinstance(source, Place) and isinstance(result, Place)):
        return False
    if not result.is_itself or source.dtype != result.dtype:
        return False
    return math.prod(source.shape) < math.prod(result.shape)


def _broadcast_alike(x: Place, copy: Call) -> Place | None:
    """Return the place of the source that is broadcast as a place of its copy is read."""
    source, result = copy.args[0], copy.results
    if x.offset or x.dtype != result.dtype:
        return None
    lead = len(result.shape) - len(source.shape)
    lengths = (1,) * lead + source.shape
    steps = (0,) * lead + source.strides

    step_of = {}  # by length and step of an axis of the copy
    for axis, n, step in zip(_axes(result), lengths, steps, strict=True):
        step_of[axis] = step if n != 1 else 0
    strides = []
    for n, step in _axes(x):
        spread = n == 1 or step == 0
        if not spread and (n, step) not in step_of:
            return None
        own = 0 if spread else step_of[n, step]
        strides.append(own)
    return Place(source.memory, source.offset, x.shape, tuple(strides), x.dtype)


def _axes(place: Place) -> list[tuple[int, int]]:
    """Return the length and step of each axis."""
    return list(zip(place.shape, place.strides, strict=True))


def _without_unread(calls: list[Call], copies: set[Memory], results: Any) -> list[Call]:
    """Leave out the copies that nobody reads any more."""
    read = set(memories_of(results))
    for call in calls:
        read.update(place.memory for place in call.reads())
    unread = copies - read
    return [call for call in calls if unread.isdisjoint(memories_of(call.results))]


# ---- axes -------------------------------------------------------------------------------------
class _Finest:
    """For each memory that is seen whole the lengths of its axes, in the finest of its shapes."""

    def __init__(self, rows: list[Call | Statement]) -> None:
        self.lengths: dict[Memory, Shape] = {}
        statements = [x for x in rows if isinstance(x, Statement)]
        for s in statements:
            for place in (s.target, *s.places()):
                self._note(place, place.shape)
        for s in [*statements, *reversed(statements)]:  # a shape passes on along a chain
            refined: Shape = sum(self.pieces(s), ())
            for place in (s.target, *s.places()):
                if place.shape == s.shape:
                    self._note(place, refined)

    def _note(self, place: Place, shape: Shape) -> None:
        memory = place.memory
        lengths = tuple(n for n in shape if n != 1)
        whole = math.prod(place.shape) == math.prod(memory.shape)
        known = self.lengths.get(memory, ())
        if whole and len(lengths) > len(known) and place_is_c(place):
            self.lengths[memory] = lengths

    def pieces(self, s: Statement) -> list[Shape]:
        """Return the lengths that each axis of a statement falls into."""
        best: list[Shape] = [(n,) for n in s.shape]
        for place in (s.target, *s.places()):
            if place.shape != s.shape or not place_is_c(place):
                continue
            lengths = self.lengths.get(place.memory, ())
            pieces = _split(s.shape, lengths)
            if pieces is not None and sum(map(len, pieces)) > sum(map(len, best)):
                best = pieces
        return best


def _split(shape: Shape, lengths: Shape) -> list[Shape] | None:
    """Return the lengths, those of each axis of a shape together; None where they do not fit."""
    remaining = list(lengths)
    pieces: list[Shape] = []
    for n in shape:
        own: list[int] = []
        while math.prod(own) < n and remaining:
            own.append(remaining.pop(0))
        if math.prod(own) != n:
            return None
        pieces.append(tuple(own) or (1,))
    return None if remaining else pieces


def _refined(s: Statement, finest: _Finest) -> Statement:
    """Return a statement over the finest shape that its arrays are seen in."""
    pieces = finest.pieces(s)
    summed: list[int] = []
    first = 0
    for i, own in enumerate(pieces):
        last = first + len(own)
        if i in s.summed:
            summed += range(first, last)
        first = last
    operands = []
    for x in s.operands:
        operands.append(_in_pieces(x, pieces) if isinstance(x, Place) else x)
    target = _in_pieces(_with_summed(s), pieces)
    shape: Shape = sum(pieces, ())
    return Statement(s.calls, target, tuple(operands), s.formula, shape, tuple(summed))


def _with_summed(s: Statement) -> Place:
    """Return the target of a statement with axes of length one where those of a sum are gone."""
    place = s.target
    if len(place.shape) == len(s.shape):
        return place
    remaining = iter(_axes(place))
    axes = []
    for i in range(len(s.shape)):
        axes.append((1, 0) if i in s.summed else next(remaining))
    return _lying(place, axes)


def _lying(place: Place, axes: list[tuple[int, int]]) -> Place:
    """Return a place with other axes."""
    shape = tuple(n for n, _ in axes)
    strides = tuple(step for _, step in axes)
    return Place(place.memory, place.offset, shape, strides, place.dtype)


def _in_pieces(place: Place, pieces: list[Shape]) -> Place:
    """Return a place with its axes taken apart as those of the statement are."""
    lead = len(pieces) - len(place.shape)
    axes = []
    for (n, step), own in zip(_axes(place), pieces[lead:], strict=True):
        if n == 1:
            axes += [(1, step)] * len(own)
            continue
        for i, length in enumerate(own):
            inside = math.prod(own[i + 1 :])
            axes.append((length, step * inside))
    return _lying(place, axes)


# ---- sums of sums -----------------------------------------------------------------------------
def _sums_at_once(rows: list[Call | Statement], results: Any) -> list[Call | Statement]:
    """Let a sum that nobody but another sum reads be part of that."""
    readers: Counter[Memory] = Counter(memories_of(results))
    for x in rows:
        readers.update(read_by(x))
    inner: dict[Memory, Statement] = {}
    taken: set[Statement] = set()
    joined: list[Call | Statement] = []
    for x in rows:
        if isinstance(x, Statement) and x.summed:
            first = inner.get(next(x.places()).memory)
            together = None if first is None else _together(first, x)
            if first is not None and together is not None:
                taken.add(first)
                x = together
            target = x.target.memory
            if target.kind == TEMPORARY and readers[target] == 1:
                inner[target] = x
        joined.append(x)
    return [x for x in joined if x not in taken]


def read_by(x: Call | Statement) -> set[Memory]:
    """Return the memories that a call or statement reads."""
    read = x.reads() if isinstance(x, Call) else x.places()
    return {place.memory for place in read}


def _together(first: Statement, second: Statement) -> Statement | None:
    """Return the sum of sums as one sum, None where its axes are not those that are left."""
    read = second.operands[0]
    place, between = second.target, first.target
    left, seen = _long_axes(between), _long_axes(read)
    if len(second.operands) != 1 or read.offset != between.offset:
        return None
    left_axes = [_axes(between)[i] for i in left]
    seen_axes = [_axes(read)[i] for i in seen]
    if left_axes != seen_axes:
        return None

    summed = set(first.summed)
    axes = [(1, 0)] * len(first.shape)
    for i, j in zip(left, seen, strict=True):
        axes[i] = place.shape[j], place.strides[j]
        if j in second.summed:
            summed.add(i)
    calls = (*first.calls, *second.calls)
    along = tuple(sorted(summed))
    target = _lying(place, axes)
    return Statement(calls, target, first.operands, first.formula, first.shape, along)


def _long_axes(place: Place) -> list[int]:
    return [i for i, n in enumerate(place.shape) if n != 1]
