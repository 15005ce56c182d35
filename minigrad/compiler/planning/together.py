"""Updates of small parameters, made together: one call of NumPy for the numbers of all of them.

A call takes a quarter of a microsecond however few numbers it has, and Adam makes twelve for each
parameter. Where such updates are the same but for the arrays, gradients and state are put into one
array each, the calls are made on that, and the state is put back. Each number is computed as
before: only operations that IEEE 754 rounds correctly are made together.
"""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from typing import Any

import numpy as np

from minigrad.compiler.planning.buffers import is_elementwise, place_is_c
from minigrad.compiler.planning.plan import may_fail
from minigrad.compiler.program import (
    CONSTANT,
    NUMBER,
    STATE,
    TEMPORARY,
    Call,
    Memory,
    Place,
    Program,
    mapped,
    memories_of,
    places,
)

EXACT = {
    np.add, np.subtract, np.multiply, np.divide, np.sqrt, np.negative, np.square, np.absolute,
}  # fmt: skip
MOST_NUMBERS = 2048  # of a parameter: beyond them copies take longer than calls
FEWEST = 4  # parameters
FEWEST_CALLS = 5  # of an update: of fewer the copies cost what is saved
OFTEN = 3  # calls that touch a state, from which on it is put together


def together(program: Program, updates: list[list[Call]]) -> None:
    """Let updates of small parameters that are alike be made together."""
    alike: dict[Any, list[_Update]] = defaultdict(list)
    for update in map(_Update, updates):
        if update.is_small:
            alike[update.signature].append(update)
    for same in alike.values():
        if len(same) >= FEWEST and _are_apart(same, program):
            program.calls = _replaced(program.calls, same)


def connected(calls: list[Call]) -> list[list[Call]]:
    """Return the calls of optimizers behind the last guard, those together that share an array."""
    updates: list[Call] = []
    for call in calls:
        if may_fail(call):
            updates.clear()
        elif _is_update(call):
            updates.append(call)
    leader: dict[Memory, Memory] = {}

    def leader_of(memory: Memory) -> Memory:
        while leader.setdefault(memory, memory) is not memory:
            memory = leader[memory]
        return memory

    for call in updates:
        first, *others = arrays_of(call)
        for memory in others:
            leader[leader_of(memory)] = leader_of(first)
    blocks = defaultdict(list)
    for call in updates:
        first, *_ = arrays_of(call)
        blocks[leader_of(first)].append(call)
    return list(blocks.values())


def _is_update(call: Call) -> bool:
    """Whether an optimizer makes the call, for another reason than to count."""
    _, kind = call.scope
    return kind not in ("", "forward", "backward") and call.request is None


def arrays_of(call: Call) -> list[Memory]:
    """Return the memories of a call that are one parameter's."""
    touched = memories_of((call.args, call.kwargs, call.results))
    return [memory for memory in touched if memory.kind not in (NUMBER, CONSTANT)]


class _Update:
    """The calls that update one parameter, and what they have in common with another's."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls
        self.slots: dict[Memory, int] = {}  # of gradients and state, in the order they are met
        self.place_of: dict[Memory, Place] = {}
        self.size = 0
        self.signature: Any = None
        self.is_small = len(calls) >= FEWEST_CALLS and all(map(_is_exact, calls))
        if self.is_small:
            parts = [self._signed(call) for call in calls]
            self.signature = tuple(parts)

    def _signed(self, call: Call) -> Any:
        """Return what a call has in common with that of another parameter."""
        operands = tuple(map(self._part, call.args))
        results = tuple(map(self._part, places(call.results)))
        targets = tuple(map(self._part, call.writes))
        return call.function, operands, results, targets

    def _part(self, x: Any) -> Any:
        """Return what stands for an operand: of the arrays of this parameter a number."""
        if not isinstance(x, Place):
            return type(x), repr(x)
        memory = x.memory
        if memory.kind in (NUMBER, CONSTANT) and x.shape == ():
            return x
        n = math.prod(x.shape)
        is_whole = n == math.prod(memory.shape) and place_is_c(x) and place_is_c(memory.place)
        is_one_of = memory.kind in (STATE, TEMPORARY) and n == (self.size or n)
        if not (is_whole and is_one_of and 0 < n <= MOST_NUMBERS):
            self.is_small = False
        self.size = n
        self.place_of.setdefault(memory, x)
        return self.slots.setdefault(memory, len(self.slots)), memory.kind, x.dtype


def _is_exact(call: Call) -> bool:
    if call.function not in EXACT or not is_elementwise(call):
        return False
    return call.kwargs.keys() <= {"out"} and (call.overwrites or not call.writes)


def _are_apart(updates: list[_Update], program: Program) -> bool:
    """Whether no update touches another's memory, and nobody else does in between."""
    own = {call for update in updates for call in update.calls}
    touched: set[Memory] = set()
    for update in updates:
        if not touched.isdisjoint(update.slots):
            return False
        touched.update(update.slots)
    made = {memory for call in own for memory in memories_of(call.results)}
    if not made.isdisjoint(memories_of(program.results)):
        return False
    at = [i for i, call in enumerate(program.calls) if call in own]
    for i, call in enumerate(program.calls):
        if call in own:
            continue
        forbidden = touched if at[0] < i < at[-1] else made
        if not forbidden.isdisjoint(memories_of((call.args, call.kwargs, call.results))):
            return False
    return True


def _replaced(calls: list[Call], updates: list[_Update]) -> list[Call]:
    """Return the calls with the updates made together where the last of them was."""
    own = {call for update in updates for call in update.calls}
    last = max(i for i, call in enumerate(calls) if call in own)
    before = [call for call in calls[:last] if call not in own]
    return [*before, *_Together(updates).calls, *calls[last + 1 :]]


class _Together:
    """The calls of many updates as those of one."""

    def __init__(self, updates: list[_Update]) -> None:
        first = updates[0]
        self.updates = updates
        self.calls: list[Call] = []
        self.whole: dict[int, Memory] = {}  # by slot: the array that holds those of all
        self.size = sum(update.size for update in updates)
        self.scope = f"{len(updates)} small parameters together", first.calls[0].scope[1]
        self.columns = [list(update.slots) for update in updates]
        often = self._often(first)
        changed = set()
        for i, call in enumerate(first.calls):
            written = memories_of(call.writes)
            slots = {first.slots[memory] for memory in written}
            if slots <= often:
                self._at_once(call, first)
                changed |= slots
                continue
            self._apart(i)
            for slot in slots:
                self.whole.pop(slot, None)
        for slot in sorted(changed):
            self._put_back(slot)

    def _often(self, update: _Update) -> set[int]:
        """Return the slots of state that so many calls touch that it is put together."""
        count: dict[int, int] = defaultdict(int)
        for call in update.calls:
            touched = {*memories_of((call.args, call.writes))} & update.slots.keys()
            for memory in touched:
                count[update.slots[memory]] += 1
        return {slot for slot, n in count.items() if n >= OFTEN}

    def _at_once(self, call: Call, update: _Update) -> None:
        """Make a call of all updates at once."""

        def whole(x: Any) -> Any:
            if not isinstance(x, Place):
                return x
            slot = update.slots.get(x.memory)
            if slot is None:
                return x
            memory = self._gathered(slot)
            return memory.place

        args = mapped(call.args, whole)
        target = next(places((call.results, call.writes)))
        slot = update.slots[target.memory]
        result = self._new(target.dtype)
        self.whole[slot] = result
        self._add(call.function, args, result.place)

    def _apart(self, i: int) -> None:
        """Make a call of each update, on its part of what is together."""
        offset = 0
        for update in self.updates:
            call = update.calls[i]
            (target,) = call.writes
            args = []
            for x in call.args:
                is_own = isinstance(x, Place) and x.memory in update.slots
                if is_own and x.memory is not target.memory:
                    x = self._part(update, x, offset)
                args.append(x)
            call.args = tuple(args)
            self.calls.append(call)
            offset += update.size

    def _part(self, update: _Update, x: Place, offset: int) -> Place:
        """Return the part of an update in an array that holds all."""
        memory = self._gathered(update.slots[x.memory])
        begin = offset * x.dtype.itemsize
        return dataclasses.replace(x, memory=memory, offset=begin)

    def _gathered(self, slot: int) -> Memory:
        """Return the array that holds a slot of all updates; put it together if it is none yet."""
        known = self.whole.get(slot)
        if known is not None:
            return known
        parts = []
        for column, update in zip(self.columns, self.updates, strict=True):
            place = update.place_of[column[slot]]
            strides = (place.dtype.itemsize,)
            parts.append(dataclasses.replace(place, shape=(update.size,), strides=strides))
        memory = self.whole[slot] = self._new(parts[0].dtype)
        self._add(np.concatenate, (parts,), memory.place)
        return memory

    def _put_back(self, slot: int) -> None:
        """Write the parts of an array to the state that they are of."""
        offset = 0
        for column, update in zip(self.columns, self.updates, strict=True):
            target = update.place_of[column[slot]]
            source = self._part(update, target, offset)
            call = self._add(np.copyto, (target, source), None)
            call.writes, call.overwrites = (target,), True
            offset += update.size

    def _new(self, dtype: Any) -> Memory:
        return Memory(TEMPORARY, (self.size,), (dtype.itemsize,), dtype)

    def _add(self, function: Any, args: Any, result: Any) -> Call:
        call = Call(function, args, {}, result)
        call.scope, call.line = self.scope, self.updates[0].calls[0].line
        self.calls.append(call)
        return call
