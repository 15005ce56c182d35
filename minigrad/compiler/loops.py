"""Loops: elementwise calls and sums between two products become one call, printed for Numba.

A loop goes over all places of one shape. What is added up on the way, and what is made of sums,
has fewer axes; a call that reads a sum waits for the next nest of the same loop. Where the last
axis in memory is one that sums run along, the others are the outer loops and sums are numbers;
otherwise sums are rows that nest after nest adds to.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.compiler.loop_text import Text
from minigrad.compiler.plan import may_fail
from minigrad.compiler.program import (
    CONSTANT,
    INPUT,
    STATE,
    TEMPORARY,
    Call,
    Memory,
    Place,
    Program,
    memories_of,
)
from minigrad.ops import elementwise

_ndarray = np.ndarray
FORMULAS = {
    np.add: "{0} + {1}", np.subtract: "{0} - {1}", np.multiply: "{0} * {1}",
    np.divide: "{0} / {1}", np.negative: "-{0}", np.reciprocal: "one / {0}",
    np.square: "{0} * {0}", np.sqrt: "np.sqrt({0})", np.exp: "exp({0})", np.absolute: "abs({0})",
    np.maximum: "{0} if {0} >= {1} or {0} != {0} else {1}",
    np.minimum: "{0} if {0} <= {1} or {0} != {0} else {1}",
    np.less: "{0} < {1}", np.less_equal: "{0} <= {1}", np.greater: "{0} > {1}",
    np.greater_equal: "{0} >= {1}", np.equal: "{0} == {1}", np.not_equal: "{0} != {1}",
    np.logical_not: "not {0}", np.logical_and: "{0} and {1}", np.logical_or: "{0} or {1}",
    np.copy: "{0}", _ndarray.copy: "{0}", np.where: "{1} if {0} else {2}",
    elementwise.masked.function.__wrapped__: "{0} if {1} else zero",
}  # fmt: skip
LONG = 1024  # numbers that are added up one after the other, in rows
SMALL = 64  # numbers: shorter loops gain nothing
LASTING = (STATE, INPUT)


@dataclass(slots=True, eq=False)
class Statement:
    """A call as a loop writes it: a formula of operands, or the sum of one."""

    call: Call
    target: Place
    operands: tuple[Any, ...]
    formula: str  # "" of a sum
    shape: tuple[int, ...]
    summed: tuple[int, ...] = ()  # the axes of the operand that are added up

    def places(self) -> Iterator[Place]:
        """Yield the places it reads."""
        yield from (x for x in self.operands if isinstance(x, Place))


# ---- which calls ------------------------------------------------------------------------------
def statement(call: Call) -> Statement | None:
    """Return a call as a statement, None where it is not one that loops can do."""
    target = _target(call)
    if target is None or call.is_guard or call.is_draw or call.request is not None:
        return None
    found = _sum(call, target) or _map(call, target)
    if found is None or not all(map(_is_simple, (target, *found.places()))):
        return None
    return found


def _target(call: Call) -> Place | None:
    if isinstance(call.results, Place) and not call.writes:
        return call.results
    return call.writes[0] if len(call.writes) == 1 and call.overwrites else None


def _map(call: Call, target: Place) -> Statement | None:
    formula = FORMULAS.get(call.function)
    if formula is None or call.kwargs.keys() - {"out", "order"}:
        return None
    operands = tuple(x for x in call.args if x is not None)
    numbers = [x for x in operands if not isinstance(x, Place)]
    if not all(type(x) in (int, float, bool) for x in numbers):
        return None
    dtypes = {x.dtype for x in operands if isinstance(x, Place)} - {np.dtype(bool)}
    if len(dtypes) > 1 or target.dtype not in (*dtypes, np.dtype(bool)):
        return None
    shapes = [x.shape for x in (target, *operands) if isinstance(x, Place)]
    shape = np.broadcast_shapes(*shapes)
    if shape != target.shape:
        return None
    return Statement(call, target, operands, formula, shape)


def _sum(call: Call, target: Place) -> Statement | None:
    """Return a sum along axes, also one that is written as a product with ones."""
    source, axis = None, None
    if call.function == np.add.reduce and not call.kwargs.keys() - {"axis", "keepdims", "out"}:
        source, axis = call.args[0], call.kwargs.get("axis", 0)
    elif call.function in (np.dot, np.matmul) and len(call.args) == 2:
        ones, x = call.args
        if _is_ones(ones) and isinstance(x, Place) and len(x.shape) == 2:
            source, axis = x, 0
        elif _is_ones(x) and isinstance(ones, Place) and len(ones.shape) == 2:
            source, axis = ones, 1
    if not isinstance(source, Place) or source.dtype.kind != "f" or source.dtype != target.dtype:
        return None
    n = len(source.shape)
    axes = range(n) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return Statement(call, target, (source,), "", source.shape, tuple(i % n for i in axes))


def _is_ones(x: Any) -> bool:
    if not isinstance(x, Place) or x.memory.kind != CONSTANT:
        return False
    return max(x.shape, default=0) == math.prod(x.shape) > 1 and bool((x.memory.array == 1).all())


def _is_simple(place: Place) -> bool:
    """Whether a place can be read with whole steps forwards."""
    size = place.dtype.itemsize
    steps = (place.offset, *place.strides)
    return place.dtype.char in "fd?" and all(n >= 0 and n % size == 0 for n in steps)


# ---- which calls together ---------------------------------------------------------------------
def steps_over(place: Place, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return how many numbers lie between neighbours along each axis of a shape."""
    lead = len(shape) - len(place.shape)
    own = zip(place.shape, place.strides, strict=True)
    return (0,) * lead + tuple(0 if n == 1 else step // place.dtype.itemsize for n, step in own)


@dataclass(slots=True, eq=False)
class Loop:
    """Statements over one shape, and the axes that their sums run along."""

    shape: tuple[int, ...]
    statements: list[Statement] = field(default_factory=list)
    summed: tuple[int, ...] | None = None
    written: dict[Memory, Any] = field(default_factory=dict)  # and where
    read: dict[Memory, Any] = field(default_factory=dict)
    lasting: bool = False

    def takes(self, new: Statement) -> bool:
        """Whether a statement may come behind the others."""
        lasting = new.target.memory.kind in LASTING
        if (new.summed and self.lasting) or (lasting and self.summed):
            return False
        if new.summed and (new.shape != self.shape or self.summed not in (None, new.summed)):
            return False
        if new.summed and len(new.shape) != len(self.shape):
            return False
        if new.shape != self.shape and not self._is_small(new.shape):
            return False
        return self._keeps_order(new)

    def _is_small(self, shape: tuple[int, ...]) -> bool:
        if self.summed is None:
            return False
        kept = [1 if i in self.summed else n for i, n in enumerate(self.shape)]
        while kept and kept[0] == 1 and len(kept) > len(shape):
            kept = kept[1:]
        return tuple(kept) == shape

    def _keeps_order(self, new: Statement) -> bool:
        """Whether what is written here is read and written at its own places alone."""
        where = self.where(new.target, new)
        for place in new.places():
            known = self.written.get(place.memory)
            if known is not None and known != self.where(place, new):
                return False
            if place.memory is new.target.memory and self.where(place, new) != where:
                return False
        for table in (self.read, self.written):
            if table.get(new.target.memory, where) != where:
                return False
        return True

    def where(self, place: Place, own: Statement) -> Any:
        """Return how a place lies under the loop; of a sum's result, without its axes."""
        shape = self.shape
        if place is own.target and own.summed:
            keeps = len(place.shape) == len(shape)
            kept = [n for i, n in enumerate(shape) if i not in own.summed]
            own_steps = steps_over(place, tuple(place.shape))
            if keeps:
                return place.offset, own_steps
            remaining = iter(own_steps[len(own_steps) - len(kept) :] if kept else ())
            return place.offset, tuple(
                0 if i in own.summed else next(remaining, 0) for i in range(len(shape))
            )
        return place.offset, steps_over(place, shape)

    def add(self, new: Statement) -> None:
        """Put a statement behind the others."""
        self.statements.append(new)
        self.summed = new.summed or self.summed
        self.lasting |= new.target.memory.kind in LASTING
        for place in new.places():
            self.read.setdefault(place.memory, self.where(place, new))
        self.written[new.target.memory] = self.where(new.target, new)


def _begin(new: Statement) -> Loop:
    loop = Loop(new.shape)
    loop.add(new)
    return loop


# ---- in which order ---------------------------------------------------------------------------
def _needs(calls: list[Call]) -> list[set[int]]:
    """Return for each call the calls that must come before it."""
    needs: list[set[int]] = []
    writer: dict[Memory, int] = {}
    readers: dict[Memory, list[int]] = {}
    failing: list[int] = []
    for i, call in enumerate(calls):
        read = {place.memory for place in call.reads()}
        written = {place.memory for place in call.writes} | set(memories_of(call.results))
        own = {writer[m] for m in read | written if m in writer}
        for memory in written:
            own.update(readers.get(memory, ()))
        if any(place.memory.kind in LASTING for place in call.writes):
            own.update(failing)
        own.discard(i)
        needs.append(own)
        for memory in read:
            readers.setdefault(memory, []).append(i)
        for memory in written:
            writer[memory] = i
            readers[memory] = []
        if may_fail(call):
            failing.append(i)
    return needs


def _users(needs: list[set[int]]) -> list[list[int]]:
    """Return for each call those that must come behind it."""
    users: list[list[int]] = [[] for _ in needs]
    for i, own in enumerate(needs):
        for j in own:
            users[j].append(i)
    return users


def _late(found: list[Any], users: list[list[int]], results: Any) -> set[int]:
    """Return the statements that only writes that last wait for: they come together at the end."""
    returned = set(memories_of(results))
    late: set[int] = set()
    for i in reversed(range(len(found))):
        if found[i] is None or found[i].target.memory in returned:
            continue
        lasting = found[i].target.memory.kind in LASTING
        if all(j in late for j in users[i]) and (lasting or users[i]):
            late.add(i)
    return late


def _waiting(ready: list[int], users: Any, found: Any, needs: Any, done: set[int]) -> set[int]:
    """Return the statements whose results nobody reads yet: they come where they are read."""
    wanted: set[int] = set()
    for i in reversed(ready):
        for j in users[i]:
            soon = found[j] is None and needs[j] <= done
            if j in wanted or soon:
                wanted.add(i)
    return set(ready) - wanted if wanted else set()


def fused(program: Program) -> Program:
    """Return the program with its chains and sums as loops."""
    calls = program.calls
    needs, found = _needs(calls), list(map(statement, calls))
    users = _users(needs)
    late = _late(found, users, program.results)
    done: set[int] = set()
    ordered: list[Any] = []
    remaining = list(range(len(calls)))
    while remaining:
        last = all(found[i] is not None for i in remaining)
        ready: list[int] = []
        for i in remaining:
            if found[i] is not None and (last or i not in late) and needs[i] <= done:
                ready.append(i)
                done.add(i)
        if not last:
            waiting = _waiting(ready, users, found, needs, done)
            done -= waiting
            ready = [i for i in ready if i not in waiting]
        ordered += _gathered(ready, found, needs)
        remaining = [i for i in remaining if i not in done]
        for i in remaining:
            if found[i] is None and needs[i] <= done:
                ordered.append(calls[i])
                done.add(i)
            elif found[i] is None:
                break
        remaining = [i for i in remaining if i not in done]
    return Program(_as_calls(ordered, program), program.inputs, program.states, program.results)


def _gathered(ready: list[int], found: list[Any], needs: list[set[int]]) -> list[Loop]:
    """Return the statements in loops, each in the last that takes it behind what it needs."""
    loops: list[Loop] = []
    place_of: dict[int, int] = {}
    for i in ready:
        first = max((place_of[j] for j in needs[i] if j in place_of), default=0)
        fitting = [k for k in range(first, len(loops)) if loops[k].takes(found[i])]
        if fitting:
            k = fitting[-1]
            loops[k].add(found[i])
        else:
            k = len(loops)
            loops.append(_begin(found[i]))
        place_of[i] = k
    return loops


def _as_calls(ordered: list[Any], program: Program) -> list[Call]:
    """Return loops that pay as calls, the statements of others as they were."""
    calls: list[Call] = []
    for x in ordered:
        if isinstance(x, Loop) and not pays(x):
            calls += [s.call for s in x.statements]
        else:
            calls.append(x)
    last: dict[Memory, int] = {}
    for i, x in enumerate(calls):
        reads = [p for s in x.statements for p in s.places()] if isinstance(x, Loop) else x.reads()
        last.update((place.memory, i) for place in reads)
    last.update((memory, len(calls)) for memory in memories_of(program.results))
    for i, x in enumerate(calls):
        if isinstance(x, Loop):
            outside = {m for m in x.written if m.kind != TEMPORARY or last.get(m, -1) > i}
            calls[i] = _call(x, outside)
    return calls


def pays(loop: Loop) -> bool:
    """Whether a loop is worth its compilation, and can be printed."""
    if len(loop.statements) < 2 or math.prod(loop.shape) < SMALL:
        return False
    if loop.summed is None:
        return True
    numbers = math.prod(loop.shape[i] for i in loop.summed)
    text = Text(loop, set())
    return text.in_numbers or (text.is_rows and numbers <= LONG)


def _call(loop: Loop, outside: set[Memory]) -> Call:
    text = Text(loop, outside)
    text.write()
    first = loop.statements[0].call
    call = Call(text, tuple(text.reads), {}, line=first.line, scope=first.scope)
    call.results = tuple(p for p in text.stores if p.memory.kind == TEMPORARY)
    call.writes = tuple(p for p in text.stores if p.memory.kind != TEMPORARY)
    call.is_loop = True
    for s in loop.statements:
        memory = s.target.memory
        memory.label = memory.label or getattr(s.call.function, "__name__", "")
    return call


# ---- what is asked for ------------------------------------------------------------------------
def check_loops(loops: str) -> None:
    """Raise where there is nothing that compiles loops."""
    if loops != "numba":
        raise ValueError(f"compile: loops is None or 'numba', got {loops!r}")
    if importlib.util.find_spec("numba") is None:
        raise ModuleNotFoundError(
            "compile: loops='numba' needs Numba: pip install 'minigrad[fast]', or leave loops out"
        )


def close(a: Any, b: Any) -> bool:
    """Return whether two arrays hold the same numbers, but for rounding."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind != "f":
        return a.tobytes() == b.tobytes()
    digits = np.sqrt(np.finfo(a.dtype).eps)
    largest = np.max(np.abs(b), initial=0.0, where=np.isfinite(b))
    return bool(np.allclose(a, b, rtol=digits, atol=digits * largest, equal_nan=True))
