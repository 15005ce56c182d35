"""Loops: elementwise calls and sums between two products become one call, printed for Numba.

A loop goes over all places of one shape. What is added up on the way, and what is made of sums,
has fewer axes; a call that reads a sum waits for the next nest of the same loop. Where the last
axis in memory is one that sums run along, the others are the outer loops and sums are numbers;
otherwise sums are rows that nest after nest adds to.
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass, field
from typing import Any

from minigrad.compiler.loops.convolutions import convolved
from minigrad.compiler.loops.forms import in_one_form, read_by, written_by
from minigrad.compiler.loops.loop_text import Text
from minigrad.compiler.loops.pooling import pooled
from minigrad.compiler.loops.products import quickest
from minigrad.compiler.loops.recomputed import recompute
from minigrad.compiler.loops.statements import Statement, steps_over
from minigrad.compiler.planning.plan import LASTING, may_fail
from minigrad.compiler.program import (
    TEMPORARY,
    Call,
    Memory,
    Place,
    Program,
    memories_of,
)

LONG = 1024  # numbers that are added up one after the other, in rows
SMALL = 64  # numbers: shorter loops gain nothing
Where = tuple[int, tuple[int, ...]]  # of a place under a loop: its offset, and steps along the axes
NOWHERE: Where = (-1, ())  # of what is read at other places, too


# ---- which calls together ---------------------------------------------------------------------
@dataclass(slots=True, eq=False)
class Loop:
    """Statements over one shape, and the axes that their sums run along."""

    shape: tuple[int, ...]
    statements: list[Statement] = field(default_factory=list)
    summed: tuple[int, ...] = ()
    written: dict[Memory, Where] = field(default_factory=dict)
    read: dict[Memory, Where] = field(default_factory=dict)
    inherited: set[Memory] = field(default_factory=set)  # whose numbers come from before
    again: dict[Memory, Statement] = field(default_factory=dict)  # what it computes anew
    lasting: bool = False  # whether something is written that others see

    def takes(self, new: Statement) -> bool:
        """Whether a statement may come behind the others."""
        lasting = new.target.memory.kind in LASTING
        if (new.summed and self.lasting) or (lasting and self.summed):
            return False
        if new.shape != self.shape and (new.summed or not self._is_small(new.shape)):
            return False
        if new.summed and self.summed not in ((), new.summed):
            return False
        return self._keeps_order(new)

    def _is_small(self, shape: tuple[int, ...]) -> bool:
        """Whether this is the shape of sums, with or without axes of length one."""
        kept = [n for i, n in enumerate(self.shape) if n != 1 and i not in self.summed]
        return bool(self.summed) and [n for n in shape if n != 1] == kept

    def _keeps_order(self, new: Statement) -> bool:
        """Whether what is written here is read and written at its own places alone."""
        target = new.target.memory
        where = self.where(new.target, new)
        for place in new.places():
            own = self.where(place, new)
            if self.written.get(place.memory, own) != own:
                return False
            if place.memory is target and own != where:
                return False
        tables = (self.read, self.written)
        return all(table.get(target, where) == where for table in tables)

    def where(self, place: Place, own: Statement) -> Where:
        """Return how a place lies under the loop."""
        steps = steps_over(place, own.shape)
        if own.shape == self.shape:
            return place.offset, steps
        lengths = zip(own.shape, steps, strict=True)
        remaining = iter([step for n, step in lengths if n != 1])
        spread = []
        for i, n in enumerate(self.shape):
            gone = n == 1 or i in self.summed
            spread.append(0 if gone else next(remaining))
        return place.offset, tuple(spread)

    def add(self, new: Statement) -> None:
        """Put a statement behind the others."""
        self.statements.append(new)
        self.summed = new.summed or self.summed
        target = new.target.memory
        self.lasting |= target.kind in LASTING
        for place in new.places():
            if place.memory not in self.written:
                self.inherited.add(place.memory)
            where = self.where(place, new)
            known = self.read.setdefault(place.memory, where)
            if known != where:
                self.read[place.memory] = NOWHERE
        self.written[target] = self.where(new.target, new)

    def pays(self) -> bool:
        """Whether the loop can be printed, and is worth it."""
        if len(self.statements) < 2 or math.prod(self.shape) < SMALL:
            return False
        if not self.summed:
            return True
        text = Text(self, set())
        along = math.prod(self.shape[i] for i in self.summed)
        return text.in_numbers or (text.is_rows and along <= LONG)


# ---- in which order ---------------------------------------------------------------------------
def _needs(rows: list[Call | Statement]) -> list[set[int]]:
    """Return for each call or statement those that must come before it."""
    needs: list[set[int]] = []
    writer: dict[Memory, int] = {}
    readers: dict[Memory, list[int]] = {}
    failing: list[int] = []
    for i, x in enumerate(rows):
        read, written = read_by(x), written_by(x)
        lasting = any(memory.kind in LASTING for memory in written)
        own = {writer[m] for m in read | written if m in writer}
        for memory in written:
            own.update(readers.pop(memory, ()))
            writer[memory] = i
        for memory in read:
            readers.setdefault(memory, []).append(i)
        if lasting:
            own.update(failing)
        if isinstance(x, Call) and may_fail(x):
            failing.append(i)
        needs.append(own - {i})
    return needs


class _Order:
    """The calls of a program in another order: as many statements as can be stand together."""

    def __init__(self, program: Program) -> None:
        self.rows = in_one_form(program)
        self.found = [x if isinstance(x, Statement) else None for x in self.rows]
        self.needs = _needs(self.rows)
        self.users: list[list[int]] = [[] for _ in self.rows]
        for i, own in enumerate(self.needs):
            for j in own:
                self.users[j].append(i)
        self.late = self._late(set(memories_of(program.results)))
        self.done: set[int] = set()

    def _late(self, returned: set[Memory]) -> set[int]:
        """Return the statements that only lasting writes wait for: they come at the end."""
        late: set[int] = set()
        for i in reversed(range(len(self.rows))):
            own = self.found[i]
            if own is None or own.summed or own.target.memory in returned:
                continue  # a sum comes where what it adds up is at hand
            users = self.users[i]
            ends = bool(users) or own.target.memory.kind in LASTING
            if ends and late.issuperset(users):
                late.add(i)
        return late

    def run(self) -> list[Loop | Call]:
        """Return loops and calls."""
        ordered: list[Loop | Call] = []
        remaining = list(range(len(self.rows)))
        while remaining:
            at_end = all(self.found[i] is not None for i in remaining)
            ready = self._ready(remaining, at_end)
            if not at_end:
                ready = self._without_waiting(ready)
            ordered += self._gathered(ready)
            for i in remaining:
                if self.found[i] is not None:
                    continue
                if not self.needs[i] <= self.done:
                    break
                call: Any = self.rows[i]
                ordered.append(call)
                self.done.add(i)
            remaining = [i for i in remaining if i not in self.done]
        return ordered

    def _ready(self, remaining: list[int], at_end: bool) -> list[int]:
        """Return the statements that wait for nothing else."""
        ready = []
        for i in remaining:
            if self.found[i] is None:
                continue
            if i in self.late and not at_end:
                continue
            if self.needs[i] <= self.done:
                ready.append(i)
                self.done.add(i)
        return ready

    def _without_waiting(self, ready: list[int]) -> list[int]:
        """Leave out those whose results nobody reads yet: they come where they are read."""
        wanted: set[int] = set()
        for i in reversed(ready):
            for j in self.users[i]:
                soon = self.found[j] is None and self.needs[j] <= self.done
                if soon or j in wanted:
                    wanted.add(i)
        if not wanted:
            return ready
        for i in ready:  # and what is added up on the way
            own: Any = self.found[i]
            if own.summed and not wanted.isdisjoint(self.needs[i]):
                wanted.add(i)
        self.done -= set(ready) - wanted
        return [i for i in ready if i in wanted]

    def _gathered(self, ready: list[int]) -> list[Loop]:
        """Return the statements in loops, each in the last that takes it behind what it needs."""
        loops: list[Loop] = []
        place_of: dict[int, int] = {}
        for i in ready:
            new: Any = self.found[i]
            before = [place_of[j] for j in self.needs[i] if j in place_of]
            first = max(before, default=0)
            fitting = [k for k in range(first, len(loops)) if loops[k].takes(new)]
            if not fitting:
                loops.append(Loop(new.shape))
            place_of[i] = k = fitting[-1] if fitting else len(loops) - 1
            loops[k].add(new)
        return loops


# ---- the whole --------------------------------------------------------------------------------
def fused(program: Program) -> Program:
    """Return the program with its chains and sums as loops."""
    rows: list[Loop | Call] = []
    for x in _Order(program).run():
        if isinstance(x, Loop):
            rows += _worth_it(x)
        else:
            rows.append(x)
    rows = convolved(pooled(rows))
    recompute(rows, program.results)
    last = dict.fromkeys(memories_of(program.results), len(rows))
    for i, x in reversed(list(enumerate(rows))):
        read = x.read if isinstance(x, Loop) else [place.memory for place in x.reads()]
        for memory in read:
            last.setdefault(memory, i)
    calls = []
    for i, x in enumerate(rows):
        if isinstance(x, Loop):
            seen = {m for m in x.written if m.kind != TEMPORARY or last.get(m, i) > i}
            calls.append(_call(x, seen))
        else:
            calls.append(quickest(x))
    return Program(calls, program.inputs, program.states, program.results)


def _worth_it(loop: Loop) -> list[Loop | Call]:
    """Return a loop, or what of it is worth it, in the same order."""
    if loop.pays():
        return [loop]
    if not loop.summed:
        return [call for s in loop.statements for call in s.calls]
    rows: list[Loop | Call] = []
    chain = Loop(())
    for s in loop.statements:
        if s.summed:
            rows += _worth_it(chain)
            rows += s.calls
            chain = Loop(())
            continue
        if not chain.takes(s):
            rows += _worth_it(chain)
            chain = Loop(s.shape)
        chain.add(s)
    return rows + _worth_it(chain)


def _call(loop: Loop, seen: set[Memory]) -> Call:
    """Return a loop as a call; ``seen`` is what others read of what it writes."""
    text = Text(loop, seen)
    text.write()
    first = loop.statements[0].call
    function: Any = text
    call = Call(function, tuple(text.reads), {}, line=first.line, scope=first.scope)
    call.is_loop = True
    new = {p.memory for p in text.stores if p.memory.kind == TEMPORARY} - loop.inherited
    call.results = tuple(p for p in text.stores if p.memory in new)
    call.writes = tuple(p for p in text.stores if p.memory not in new)
    for s in loop.statements:
        memory = s.target.memory
        memory.label = memory.label or getattr(s.call.function, "__name__", "")
    return call


# ---- what is asked for ------------------------------------------------------------------------
def check_loops(loops: str | None) -> None:
    """Raise where there is nothing that compiles loops."""
    if loops not in (None, "numba"):
        raise ValueError(f"compile: loops is None or 'numba', got {loops!r}")
    if loops and importlib.util.find_spec("numba") is None:
        raise ModuleNotFoundError(
            "compile: loops='numba' needs Numba: pip install 'minigrad[fast]', or leave loops out"
        )
