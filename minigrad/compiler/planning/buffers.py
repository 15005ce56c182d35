"""Where temporaries lie: all in one piece of memory, each in a block for as long as it is read.

So does what a call works in, for as long as it takes. A call with ``out=`` writes into a block; an
elementwise one into the block of an operand that is read for the last time, if that lies alike.
What a call without ``out=`` returns is new each time.
"""

from __future__ import annotations

import bisect
import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.compiler.planning.constants import LIKE
from minigrad.compiler.planning.plan import read_after
from minigrad.compiler.program import TEMPORARY, Call, Memory, Place, Program

_ndarray = np.ndarray
COPIES = {np.copy, _ndarray.copy, _ndarray.astype}
EMPTY = {np.empty_like}
TAKES_OUT = {
    np.dot, _ndarray.dot, np.concatenate, np.stack, np.cumsum, np.cumprod, np.max, np.min,
    np.amax, np.amin, np.sum, np.prod, np.mean, np.any, np.all, np.clip, np.argmax, np.argmin,
    _ndarray.argmax, _ndarray.argmin, _ndarray.cumsum, _ndarray.cumprod, *COPIES, *EMPTY, *LIKE,
}  # fmt: skip
DEFAULTS: dict[str, Any] = {"out": ..., "where": True, "keepdims": False, "dtype": None}
ALIGNMENT = 64


def is_elementwise(call: Call) -> bool:
    """Whether each number of the result depends on the numbers at its own place alone."""
    return isinstance(call.function, np.ufunc) and call.function.signature is None


def takes_out(call: Call) -> bool:
    """Whether the function can be told where to write its one result."""
    function = call.function
    if not isinstance(call.results, Place):
        return False
    if "out" in call.kwargs or call.is_draw:
        return False
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        return function.__name__ in ("reduce", "accumulate")
    if isinstance(function, np.ufunc):
        return function.nout == 1
    if call.is_whole:
        parameters = inspect.signature(function).parameters
        return "out" in parameters
    return function in TAKES_OUT


def by_position(call: Call) -> bool:
    """Whether the array to write into may stand last, which is quicker than by name."""
    function = call.function
    if function in (np.dot, _ndarray.dot):
        return True
    return isinstance(function, np.ufunc) and function not in (np.maximum, np.minimum)


def is_default(call: Call, name: str, value: Any) -> bool:
    """Whether an argument by keyword says nothing."""
    of_ufunc = isinstance(getattr(call.function, "__self__", call.function), np.ufunc)
    return name == "out" or (of_ufunc and name in DEFAULTS and DEFAULTS[name] is value)


def is_dense(memory: Memory) -> bool:
    """Whether the numbers lie without gaps."""
    expected = memory.dtype.itemsize
    steps = zip(memory.strides, memory.shape, strict=True)
    for step, n in sorted(steps):
        if n == 1:
            continue
        if step != expected:
            return False
        expected *= n
    return memory.nbytes > 0


@dataclass(slots=True, eq=False)
class Block:
    """Bytes that memories share one after the other."""

    size: int
    first: int  # the call that writes it first
    last: int  # the call that reads it last
    offset: int = 0


class Arena:
    """The memory of a program: how many bytes, and where in it each temporary lies."""

    def __init__(self, program: Program) -> None:
        self._last = read_after(program.calls, program.results)
        self._let_derived_stay(program.calls)
        self._block: dict[Memory, Block] = {}
        self._blocks: list[Block] = []
        workspaces: dict[Call, Block] = {}
        for i, call in enumerate(program.calls):
            self._note(i, call)
            if call.workspace:
                block = workspaces[call] = Block(call.workspace, i, i)
                self._blocks.append(block)
        self.size = _laid_out(self._blocks)
        self.of = {memory: block.offset for memory, block in self._block.items()}
        self.workspaces = {call: block.offset for call, block in workspaces.items()}

    def _let_derived_stay(self, calls: list[Call]) -> None:
        """Let what is derived last from one call of the page to the next: it comes first in it."""
        derived = {call.results.memory for call in calls if call.is_derived}
        for call in calls:
            if not call.is_derived:
                read = {place.memory for place in call.reads()}
                self._last.update(dict.fromkeys(derived & read, len(calls)))

    def _note(self, i: int, call: Call) -> None:
        """Give what a call writes anew its block, an operand's where it may."""
        if takes_out(call) and is_dense(call.results.memory):
            memory = call.results.memory
            heir = self._dying_operand(i, call)
            if heir is None:
                self._new(memory, i)
            else:
                block = self._block[memory] = self._block[heir]
                block.last = self._last[memory]
        if call.is_loop:
            made = [place.memory for place in call.results]
            for memory in made:
                self._new(memory, i)

    def _dying_operand(self, i: int, call: Call) -> Memory | None:
        """Return an operand that is read for the last time, and lies as the result does."""
        if not is_elementwise(call):
            return None
        result = call.results
        operands = list(call.reads())
        for place in operands:
            memory = place.memory
            dies = self._last[memory] == i and memory in self._block
            alike = memory.kind == TEMPORARY and place.is_itself and _lies_alike(place, result)
            alone = all(other == place for other in operands if other.memory is memory)
            if dies and alike and alone:
                return memory
        return None

    def _new(self, memory: Memory, i: int) -> None:
        size = -(-memory.nbytes // ALIGNMENT) * ALIGNMENT
        block = self._block[memory] = Block(size, i, self._last[memory])
        self._blocks.append(block)


def _laid_out(blocks: list[Block]) -> int:
    """Give each block its offset, the large ones first; return the size of all.

    A block takes the lowest gap between those that are in use while it is. Sorting by size first
    needs little more than the most that is in use at one time: https://arxiv.org/abs/2001.03288.
    """
    placed: list[Block] = []
    for block in sorted(blocks, key=lambda block: -block.size):
        offset = 0
        for other in placed:  # by offset
            if other.first > block.last or block.first > other.last:
                continue
            if other.offset >= offset + block.size:
                break
            offset = max(offset, other.offset + other.size)
        block.offset = offset
        bisect.insort(placed, block, key=lambda block: block.offset)
    return max((block.offset + block.size for block in blocks), default=0)


def _lies_alike(a: Place, b: Place) -> bool:
    return (a.shape, a.strides, a.dtype) == (b.shape, b.strides, b.dtype)


def place_is_c(place: Place) -> bool:
    """Whether a place lies in C order."""
    expected = place.dtype.itemsize
    axes = zip(place.shape, place.strides, strict=True)
    for n, step in reversed(list(axes)):
        if n == 1:
            continue
        if step != expected:
            return False
        expected *= n
    return True
