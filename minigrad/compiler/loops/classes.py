"""One element of each row, by its class, as statements of loops over rows.

``x[arange, y]`` takes in each number of a row, and keeps the one whose column is the class;
``x[arange, y] -= 1`` takes one from it there. Loops never go where a class says. What they compute
for one that is out of range is not used: the page asks for its range.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from minigrad.compiler.loops.statements import PICK, Statement, number_of
from minigrad.compiler.program import CONSTANT, Call, Memory, Place, memories_of, memory_of

_take = np.ndarray.__getitem__
_put = np.ndarray.__setitem__
_CLASS = np.dtype(np.int64)
_PICKED = "{0} if {1} == {2} else {zero}"
_ONE_LESS = "{0} - {one} if {1} == {2} else {0}"
Found = dict[Call, Statement | None]


def of_classes(calls: list[Call]) -> Found:
    """Return the calls that are such statements; None of those that are part of one."""
    search = _Search(calls)
    found: Found = {}
    for i, call in enumerate(calls):
        if call.function == _take:
            found |= search.picked(call)
        elif call.function == _put:
            found |= search.one_less(i)
    return found


class _Search:
    """What is known of the calls of a program."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls
        self.maker: dict[Memory, Call] = {}
        self.readers: dict[Memory, int] = {}
        self.rewritten: set[Memory] = set()
        for call in calls:
            for place in call.reads():
                memory = place.memory
                known = self.readers.get(memory, 0)
                self.readers[memory] = known + 1
            for place in call.writes:
                memory = place.memory
                self.rewritten.add(memory)
            made = call.results
            if isinstance(made, Place):
                memory = made.memory
                self.maker[memory] = call
        self.count: dict[Memory, float] = {}
        for call in calls:
            self._note_check(call)

    def _note_check(self, call: Call) -> None:
        """Note classes that the page checks, and how many there are."""
        if not call.is_guard:
            return
        if call.function is not bool:
            return
        less = self._maker(call.args[0])
        if less is None or less.function is not np.less:
            return
        largest, count = less.args
        reduced = self._maker(largest)
        if reduced is None or reduced.function != np.maximum.reduce:
            return
        classes = reduced.args[0]
        memory = classes.memory
        negative_is_large = classes.dtype == np.uint64
        whole = classes.shape == memory.shape
        if negative_is_large and whole:
            self.count[memory] = number_of(count)

    def _maker(self, x: Any) -> Call | None:
        """Return the call that makes something."""
        if not isinstance(x, Place):
            return None
        if x.memory in self.rewritten:
            return None
        return self.maker.get(x.memory)

    def _read_once(self, x: Any) -> Call | None:
        """Return the call that makes something which one call alone reads."""
        maker = self._maker(x)
        if maker is None:
            return None
        return maker if self.readers[x.memory] == 1 else None

    def _operands(self, x: Any, index: Any) -> tuple[Place, ...]:
        """Return an array, its classes and its columns over one shape; () where it is another."""
        if not isinstance(x, Place) or len(x.shape) != 2:
            return ()
        if not isinstance(index, tuple) or len(index) != 2:
            return ()
        rows, classes = index
        height, width = x.shape
        if not _is_index(classes, height):
            return ()
        count = self.count.get(classes.memory, math.inf)
        if not count <= width or classes.memory in self.rewritten:
            return ()
        if not _is_arange(rows, height):
            return ()
        if x.dtype.char not in "fd":
            return ()
        columns = _columns(width)
        step = classes.strides[0]
        down = dataclasses.replace(classes, shape=x.shape, strides=(step, 0))
        along = dataclasses.replace(columns, shape=x.shape, strides=(0, 8))
        return x, down, along

    def picked(self, call: Call) -> Found:
        """Return what takes one number of each row."""
        x, index = call.args
        target = call.results
        operands = self._operands(x, index)
        if not operands:
            return {}
        if not isinstance(target, Place):
            return {}
        axes = (1,)
        statement = Statement((call,), target, operands, _PICKED, x.shape, axes, PICK)
        return {call: statement}

    def one_less(self, i: int) -> Found:
        """Return what takes one from one number of each row."""
        put = self.calls[i]
        x, index, value = put.args
        operands = self._operands(x, index)
        if not operands or not x.is_itself:
            return {}
        less = self._read_once(value)
        if less is None or less.function is not np.subtract:
            return {}
        before, one = less.args
        take = self._read_once(before)
        if take is None or take.function != _take:
            return {}
        if take.args != (x, index):
            return {}
        if number_of(one) != 1:
            return {}
        first = self.calls.index(take)
        for call in self.calls[first:i]:
            written = memories_of(call.writes)
            if x.memory in written:
                return {}
        calls = take, less, put
        statement = Statement(calls, x, operands, _ONE_LESS, x.shape)
        return {take: None, less: None, put: statement}


def _columns(n: int) -> Place:
    """Return the numbers of n columns."""
    numbers = np.arange(n, dtype=_CLASS)
    return memory_of(numbers).place


def _is_index(x: Any, n: int) -> bool:
    """Whether this is one integer a row."""
    if not isinstance(x, Place):
        return False
    if x.dtype != _CLASS or x.shape != (n,):
        return False
    step = x.strides[0]
    if step < 0:
        return False
    whole_steps = step % 8 == x.offset % 8 == 0
    return whole_steps


def _is_arange(x: Any, n: int) -> bool:
    """Whether this is the number of each row."""
    if not _is_index(x, n) or not x.is_itself:
        return False
    memory = x.memory
    return memory.kind == CONSTANT and np.array_equal(memory.array, np.arange(n))
