"""Which temporaries share memory: each is given a block for as long as it is read.

A call with ``out=`` writes into a block; an elementwise one into the block of an operand that is
read for the last time, if that lies alike. What a call without ``out=`` returns is new each time.
"""

from __future__ import annotations

import inspect
from collections import defaultdict

import numpy as np

from minigrad.compiler.plan import read_after
from minigrad.compiler.program import TEMPORARY, Call, Memory, Place, Program

_ndarray = np.ndarray
COPIES = {np.copy, _ndarray.copy, _ndarray.astype}
EMPTY = {np.empty_like}
TAKES_OUT = {
    np.dot, _ndarray.dot, np.concatenate, np.stack, np.cumsum, np.cumprod, np.max, np.min,
    np.amax, np.amin, np.sum, np.prod, np.mean, np.any, np.all, np.clip, np.argmax, np.argmin,
    _ndarray.argmax, _ndarray.argmin, _ndarray.cumsum, _ndarray.cumprod, *COPIES, *EMPTY,
}  # fmt: skip
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


class Blocks:
    """The blocks of a program: how many bytes each has, and which memories are given it."""

    def __init__(self, program: Program) -> None:
        self.sizes: list[int] = []
        self.of: dict[Memory, int] = {}
        self._free: dict[int, list[int]] = defaultdict(list)
        self._last = read_after(program.calls, program.results)
        self._dying: dict[int, list[Memory]] = defaultdict(list)
        for memory, i in self._last.items():
            self._dying[i].append(memory)
        for i, call in enumerate(program.calls):
            self._place(i, call)

    def _place(self, i: int, call: Call) -> None:
        """Give the result of a call its block, then free what is read no more."""
        taken: set[int] = set()
        if takes_out(call) and is_dense(call.results.memory):
            memory = call.results.memory
            heir = self._dying_operand(i, call) if is_elementwise(call) else None
            block = self._new(memory) if heir is None else self.of[heir]
            self.of[memory] = block
            taken = {block} if heir is not None else set()
        if call.is_loop:
            self.of.update((place.memory, self._new(place.memory)) for place in call.results)
        for memory in self._dying[i]:
            block = self.of.get(memory, -1)
            if block >= 0 and block not in taken:
                self._free[self.sizes[block]].append(block)

    def _dying_operand(self, i: int, call: Call) -> Memory | None:
        """Return an operand that is read for the last time, and lies as the result does."""
        result = call.results
        operands = list(call.reads())
        for place in operands:
            memory = place.memory
            dies = self._last[memory] == i and memory in self.of
            alike = memory.kind == TEMPORARY and place.is_itself and _lies_alike(place, result)
            alone = all(other == place for other in operands if other.memory is memory)
            if dies and alike and alone:
                return memory
        return None

    def _new(self, memory: Memory) -> int:
        """Return a free block of this size, or one more."""
        size = -(-memory.nbytes // ALIGNMENT) * ALIGNMENT
        fitting = [n for n, blocks in self._free.items() if blocks and size <= n <= 2 * size]
        if fitting:
            return self._free[min(fitting)].pop()
        self.sizes.append(size)
        return len(self.sizes) - 1


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
