"""What is computed again where memory is at its peak, instead of lying there.

An activation that is read forward and backward lies beside everything between. Where its operands
lie there anyway, the same call gives the same bits once more, and the memory is smaller by it.
A pass over memory takes time, so few are: one part in 64 of what a program writes.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

from minigrad.compiler.planning.buffers import is_elementwise
from minigrad.compiler.planning.plan import read_after, temporaries
from minigrad.compiler.program import (
    CONSTANT,
    TEMPORARY,
    Call,
    Memory,
    Place,
    Program,
    mapped,
    memories_of,
)

LARGE = 2**18  # bytes
PARTS = 64  # of what a program writes, of which one may be written again


def compute_again(program: Program) -> None:
    """Let large results be made once more behind the peak of memory, while that falls."""
    left = sum(memory.nbytes for memory in temporaries(program.calls)) // PARTS
    while left >= LARGE:
        found = _Lives(program).largest(left)
        if found is None:
            return
        memory, at = found
        _make_again(program, memory, at)
        left -= memory.nbytes


class _Lives:
    """From which call to which each memory is in use, and where most is at once."""

    def __init__(self, program: Program) -> None:
        self.calls = calls = program.calls
        self.maker: dict[Memory, int] = {}
        self.readers: dict[Memory, list[int]] = {}
        self.written = set(memories_of(program.results))
        for i, call in enumerate(calls):
            self.maker.update(dict.fromkeys(memories_of(call.results), i))
            self.written.update(memories_of(call.writes))
            for place in call.reads():
                self.readers.setdefault(place.memory, []).append(i)
        self.last = read_after(calls, program.results)
        self.peak = self._peak()

    def _peak(self) -> int:
        """Return the call at which most is in use."""
        changes = [0] * (len(self.calls) + 2)
        for memory, first in self.maker.items():
            last = self.last[memory]
            dies_in_place = last < len(self.calls) and is_elementwise(self.calls[last])
            changes[first] += memory.nbytes
            changes[last if dies_in_place else last + 1] -= memory.nbytes
        in_use = list(itertools.accumulate(changes))
        for i, call in enumerate(self.calls):
            in_use[i] += call.workspace
        return in_use.index(max(in_use))

    def largest(self, most: int) -> tuple[Memory, int] | None:
        """Return the largest memory that need not lie at the peak, and who reads it next then."""
        options = []
        for memory, i in self.maker.items():
            is_of_size = LARGE <= memory.nbytes <= most
            if not (is_of_size and i < self.peak and self._is_made_alike(memory)):
                continue
            behind = self._next_reader(memory)
            if behind is not None and self._stay(self.calls[i], behind):
                options.append((memory, behind))
        return max(options, key=_size, default=None)

    def _next_reader(self, memory: Memory) -> int | None:
        """Return who reads a memory next behind the peak, None where the peak itself does."""
        readers = self.readers.get(memory, [])
        if self.peak in readers:
            return None
        return next((i for i in readers if i > self.peak), None)

    def _is_made_alike(self, memory: Memory) -> bool:
        """Whether the call that makes a memory can be made again."""
        call = self.calls[self.maker[memory]]
        if not is_elementwise(call) or call.writes or memory in self.written:
            return False
        return isinstance(call.results, Place) and call.results.is_itself

    def _stay(self, call: Call, until: int) -> bool:
        """Whether the operands of a call are there until then, as they were."""
        for place in call.reads():
            memory = place.memory
            if memory.kind == CONSTANT:
                continue
            if memory.kind != TEMPORARY or memory in self.written or self.last[memory] < until:
                return False
        return True


def _size(option: tuple[Memory, int]) -> int:
    memory, _ = option
    return memory.nbytes


def _make_again(program: Program, memory: Memory, at: int) -> None:
    """Let calls from this one on read a memory that is made again before it."""
    twin = dataclasses.replace(memory)

    def renamed(x: Any) -> Any:
        is_it = isinstance(x, Place) and x.memory is memory
        return dataclasses.replace(x, memory=twin) if is_it else x

    calls = program.calls
    maker = next(call for call in calls if memory in memories_of(call.results))
    for call in calls[at:]:
        call.args = mapped(call.args, renamed)
        call.kwargs = mapped(call.kwargs, renamed)
    again = dataclasses.replace(maker, results=renamed(maker.results), scope=calls[at].scope)
    calls.insert(at, again)
