"""Statements in one form, so that more of them share a loop.

A copy that only broadcasts is read at its source; the sum of sums is one sum; and what goes over
rows of a reshaped array goes over the array's own axes.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter, defaultdict
from typing import Any

import numpy as np

from minigrad.compiler.loops.classes import of_classes
from minigrad.compiler.loops.statements import Statement, statement
from minigrad.compiler.planning.buffers import place_is_c
from minigrad.compiler.program import TEMPORARY, Call, Memory, Place, Program, mapped, memories_of

Shape = tuple[int, ...]
Axis = tuple[int, int]  # its length, and the step from one number to the next
Row = Call | Statement
COPIES = (np.copy, np.ndarray.copy)


def in_one_form(program: Program) -> list[Row]:
    """Return the calls of a program, those that loops can do as statements."""
    rows: list[Row] = []
    calls = _without_broadcasts(program)
    known = of_classes(calls)
    for call in calls:
        found = known[call] if call in known else statement(call) or call
        if found is not None:
            rows.append(found)
    finest = _Finest(rows)
    refined: list[Row] = []
    for x in rows:
        if isinstance(x, Statement):
            x = _refined(x, finest)
        refined.append(x)
    return _sums_at_once(refined, program.results)


def read_by(x: Row) -> set[Memory]:
    """Return the memories that a call or statement reads."""
    read = x.reads() if isinstance(x, Call) else x.places()
    return {place.memory for place in read}


def written_by(x: Row) -> set[Memory]:
    """Return the memories that a call or statement writes."""
    if isinstance(x, Statement):
        return {x.target.memory}
    return {*memories_of(x.results), *memories_of(x.writes)}


# ---- broadcasts -------------------------------------------------------------------------------
def _without_broadcasts(program: Program) -> list[Call]:
    """Let statements read what was only copied to be broadcast where it was copied from."""
    rewritten: set[Memory] = set()
    for call in program.calls:
        for place in call.writes:
            rewritten.add(place.memory)
    copies: dict[Memory, Call] = {}
    version: Counter[Memory] = Counter()
    version_of: dict[Call, int] = {}
    calls = []

    def at_source(x: Any) -> Any:
        if not isinstance(x, Place):
            return x
        copy = copies.get(x.memory)
        if copy is None:
            return x
        source = copy.args[0].memory
        if version[source] != version_of[copy]:
            return x
        return _broadcast_alike(x, copy) or x

    for call in program.calls:
        other = dataclasses.replace(call)
        other.args = mapped(call.args, at_source)
        if other.args != call.args and statement(other):
            call = other
        if _broadcasts(call):
            copied = call.results.memory
            source = call.args[0].memory
            if copied not in rewritten:
                copies[copied] = call
                version_of[call] = version[source]
        for place in call.writes:
            version[place.memory] += 1
        calls.append(call)
    return _without_unread(calls, set(copies), program.results)


def _broadcasts(call: Call) -> bool:
    """Whether a call copies a small array to all places of a larger one."""
    if call.function not in COPIES:
        return False
    source = call.args[0]
    result = call.results
    if not isinstance(source, Place):
        return False
    if not isinstance(result, Place):
        return False
    if not result.is_itself or source.dtype != result.dtype:
        return False
    return math.prod(source.shape) < math.prod(result.shape)


def _broadcast_alike(x: Place, copy: Call) -> Place | None:
    """Return the place of the source that is broadcast as a place of its copy is read."""
    source = copy.args[0]
    result = copy.results
    if x.offset or x.dtype != result.dtype:
        return None
    lead = len(result.shape) - len(source.shape)
    source_axes = [(1, 0)] * lead
    source_axes += axes_of(source)

    step_of = {}  # by length and step of an axis of the copy
    for axis, own in zip(axes_of(result), source_axes, strict=True):
        length, step = own
        step_of[axis] = step if length != 1 else 0

    axes = []
    for axis in axes_of(x):
        length, step = axis
        if length == 1 or step == 0:
            axes.append((length, 0))
        elif axis in step_of:
            axes.append((length, step_of[axis]))
        else:
            return None
    spread = dataclasses.replace(x, memory=source.memory, offset=source.offset)
    return _lying(spread, axes)


def axes_of(place: Place) -> list[Axis]:
    """Return the length and step of each axis."""
    return list(zip(place.shape, place.strides, strict=True))


def _lying(place: Place, axes: list[Axis]) -> Place:
    """Return a place with other axes."""
    shape = tuple(length for length, _ in axes)
    strides = tuple(step for _, step in axes)
    return dataclasses.replace(place, shape=shape, strides=strides)


def _without_unread(calls: list[Call], copies: set[Memory], results: Any) -> list[Call]:
    """Leave out the copies that nobody reads any more."""
    read = set(memories_of(results))
    for call in calls:
        read |= read_by(call)
    kept = []
    for call in calls:
        unread = copies - read
        made = memories_of(call.results)
        if unread.isdisjoint(made):
            kept.append(call)
    return kept


# ---- axes -------------------------------------------------------------------------------------
class _Finest:
    """For each memory that is seen whole the lengths of its axes, in the finest of its shapes."""

    def __init__(self, rows: list[Row]) -> None:
        self.lengths: dict[Memory, Shape] = {}
        statements = [x for x in rows if isinstance(x, Statement)]
        for s in statements:
            for place in (s.target, *s.places()):
                shape = place.shape
                self._note(place, shape)
        for s in statements:  # a shape passes on along a chain
            self._pass_on(s)
        for s in reversed(statements):
            self._pass_on(s)

    def _pass_on(self, s: Statement) -> None:
        refined = _joined(self.pieces(s))
        for place in (s.target, *s.places()):
            if place.shape == s.shape:
                self._note(place, refined)

    def _note(self, place: Place, shape: Shape) -> None:
        memory = place.memory
        lengths = tuple(n for n in shape if n != 1)
        known = self.lengths.get(memory, ())
        if len(lengths) <= len(known):
            return
        count = math.prod(place.shape)
        if count != math.prod(memory.shape):
            return
        if place_is_c(place):
            self.lengths[memory] = lengths

    def pieces(self, s: Statement) -> list[Shape]:
        """Return the lengths that each axis of a statement falls into."""
        best: list[Shape] = [(n,) for n in s.shape]
        for place in (s.target, *s.places()):
            if place.shape != s.shape:
                continue
            if not place_is_c(place):
                continue
            lengths = self.lengths.get(place.memory, ())
            pieces = _split(s.shape, lengths)
            axes = _joined(pieces)
            if len(axes) > len(_joined(best)):
                best = pieces
        return best


def _joined(pieces: list[Shape]) -> Shape:
    return sum(pieces, ())


def _split(shape: Shape, lengths: Shape) -> list[Any]:
    """Return the lengths, those of each axis of a shape together; none where they do not fit."""
    remaining = list(lengths)
    pieces = []
    for n in shape:
        own: list[int] = []
        product = 1
        while product < n and remaining:
            own.append(remaining.pop(0))
            product *= own[-1]
        if product != n:
            return []
        pieces.append(tuple(own or [1]))
    return [] if remaining else pieces


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
        if isinstance(x, Place):
            x = _in_pieces(x, pieces)
        operands.append(x)
    whole = _with_summed(s)
    return dataclasses.replace(
        s,
        target=_in_pieces(whole, pieces),
        operands=tuple(operands),
        shape=_joined(pieces),
        summed=tuple(summed),
    )


def _with_summed(s: Statement) -> Place:
    """Return the target of a statement with axes of length one where those of a sum are gone."""
    place = s.target
    if len(place.shape) == len(s.shape):
        return place
    remaining = iter(axes_of(place))
    axes = []
    for i, _ in enumerate(s.shape):
        if i in s.summed:
            axes.append((1, 0))
        else:
            axes.append(next(remaining))
    return _lying(place, axes)


def _in_pieces(place: Place, pieces: list[Shape]) -> Place:
    """Return a place with its axes taken apart as those of the statement are."""
    lead = len(pieces) - len(place.shape)
    axes = []
    for axis, own in zip(axes_of(place), pieces[lead:], strict=True):
        length, step = axis
        if length == 1:
            axes += [axis] * len(own)
            continue
        for i, n in enumerate(own):
            inside = math.prod(own[i + 1 :])
            axes.append((n, step * inside))
    return _lying(place, axes)


# ---- sums of sums -----------------------------------------------------------------------------
def _sums_at_once(rows: list[Row], results: Any) -> list[Row]:
    """Let a sum that nobody but another sum reads be part of that, if its numbers still stand."""
    readers = Counter(memories_of(results))
    for x in rows:
        readers.update(read_by(x))
    inner: dict[Memory, Statement] = {}
    sums_of: dict[Memory, list[Memory]] = defaultdict(list)
    taken: set[Row] = set()
    joined: list[Row] = []
    for x in rows:
        if isinstance(x, Statement) and x.summed:
            read = next(x.places())
            first = inner.get(read.memory)
            together = _together(first, x)
            if together is not None:
                taken.add(first)  # type: ignore[arg-type]
                x = together
            target = x.target.memory
            alone = readers[target] == 1
            if target.kind == TEMPORARY and alone:
                inner[target] = x
                for memory in read_by(x):
                    sums_of[memory].append(target)
        for memory in written_by(x):
            for total in sums_of.pop(memory, ()):
                inner.pop(total, None)  # what it added up is gone
        joined.append(x)
    return [x for x in joined if x not in taken]


def _together(first: Statement | None, second: Statement) -> Statement | None:
    """Return the sum of sums as one sum, None where its axes are not those that are left."""
    if first is None or len(second.operands) != 1:
        return None
    if first.fold != second.fold:
        return None
    read = second.operands[0]
    between = first.target
    left = _long_axes(between)
    seen = _long_axes(read)
    if read.offset != between.offset:
        return None
    if list(left.values()) != list(seen.values()):
        return None

    summed = set(first.summed)
    axes = [(1, 0)] * len(first.shape)
    target_axes = axes_of(second.target)
    for i, j in zip(left, seen, strict=True):
        axes[i] = target_axes[j]
        if j in second.summed:
            summed.add(i)
    return dataclasses.replace(
        first,
        calls=(*first.calls, *second.calls),
        target=_lying(second.target, axes),
        summed=tuple(sorted(summed)),
    )


def _long_axes(place: Place) -> dict[int, Axis]:
    """Return the axes that are longer than one, by number."""
    axes = {}
    for i, axis in enumerate(axes_of(place)):
        if axis[0] != 1:
            axes[i] = axis
    return axes
