"""What loops compute again instead of reading it: a difference or product beside one array.

A pass over memory costs more than a few sums and products. So what nobody but loops over the same
shape reads, and what comes from one array of that shape and smaller ones in a few steps, is not
stored; a normalised input is made again of the input.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np

from minigrad.compiler.loops.statements import Statement
from minigrad.compiler.program import TEMPORARY, Call, Memory, memories_of

MOST_STEPS = 5
CHEAP = {
    np.add, np.subtract, np.multiply, np.negative, np.absolute, np.square, np.copy,
    np.ndarray.copy, np.clip, np.maximum, np.minimum, np.where,
}  # fmt: skip


def recompute(rows: list[Any], results: Any) -> None:
    """Give loops the statements that they compute again."""
    plan = _Plan(rows, results)
    loops = [x for x in rows if not isinstance(x, Call)]
    for loop in loops:
        for s in loop.statements:
            plan.consider(s, loop)


class _Plan:
    """Who reads what, and what is computed again."""

    def __init__(self, rows: list[Any], results: Any) -> None:
        self.kept = set(memories_of(results))  # in memory, whatever loops do
        self.rewritten: set[Memory] = set()
        self.readers: dict[Memory, list[Any]] = defaultdict(list)
        self.statements: dict[Memory, Statement] = {}
        self.sources: dict[Memory, set[Memory]] = {}
        self.steps: dict[Memory, int] = {}
        written: set[Memory] = set()
        for x in rows:
            if isinstance(x, Call):
                self.kept.update(place.memory for place in x.reads())
                now = {place.memory for place in x.writes}
                self.rewritten |= now
                continue
            for memory in x.inherited:
                self.readers[memory].append(x)
            for s in x.statements:
                target = s.target.memory
                again = target in written or target in x.inherited
                if again or target.kind != TEMPORARY:
                    self.rewritten.add(target)
                written.add(target)

    def consider(self, s: Statement, loop: Any) -> None:
        """Note a statement that is computed again where it is read, if it may be."""
        target = s.target.memory
        if s.summed:
            return
        if s.shape != loop.shape:
            return
        if s.call.function not in CHEAP:
            return
        if target in self.kept or target in self.rewritten:
            return
        sources: set[Memory] = set()
        steps = 1
        for place in s.places():
            memory = place.memory
            steps += self.steps.get(memory, 0)
            sources |= self.sources.get(memory, {memory})
        large = [m for m in sources if self._is_large(m, loop)]
        if len(large) > 1 or steps > MOST_STEPS:
            return
        if not sources.isdisjoint(self.rewritten):
            return
        where = loop.where(s.target, s)
        readers = self.readers[target]
        if not all(self._fits(reader, loop, target, where) for reader in readers):
            return
        self.statements[target] = s
        self.sources[target] = sources
        self.steps[target] = steps
        for reader in (loop, *readers):
            self._add(s, reader)

    @staticmethod
    def _is_large(memory: Memory, loop: Any) -> bool:
        return 8 * math.prod(memory.shape) > math.prod(loop.shape)

    @staticmethod
    def _fits(reader: Any, loop: Any, target: Memory, where: Any) -> bool:
        """Whether a loop reads each number at the place that it was computed for."""
        if reader.shape != loop.shape:
            return False
        for s in reader.statements:
            for place in s.places():
                if place.memory is not target:
                    continue
                if reader.where(place, s) != where:
                    return False
        return True

    def _add(self, s: Statement, reader: Any) -> None:
        """Let a loop compute a statement and what that rests on."""
        target = s.target.memory
        reader.again[target] = s
        if target not in reader.written:
            reader.read.pop(target, None)
            reader.inherited.discard(target)
        for place in s.places():
            memory = place.memory
            if memory in reader.written:
                continue
            below = self.statements.get(memory)
            if below is not None:
                self._add(below, reader)
            else:
                reader.read.setdefault(memory, reader.where(place, s))
                reader.inherited.add(memory)
