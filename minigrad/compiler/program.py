"""A program: NumPy calls on places in memory. It knows nothing of tensors.

A :class:`Memory` is one allocation, a :class:`Place` a view of it, a :class:`Call` what NumPy is
asked for. A call that overwrites the whole of a temporary memory begins a new one, so most
memories are written once; those that are written in parts keep their order of calls.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

NOTHING: dict[str, Any] = {}  # the one that calls without keywords share; nobody writes to it
TEMPORARY, INPUT, STATE, CONSTANT, NUMBER = "temporary", "input", "state", "constant", "number"


@dataclass(slots=True, eq=False)
class Memory:
    """One allocation: what it is, and how the array lies that owns it."""

    kind: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]
    address: int = 0  # while recording
    label: str = ""  # of parameters, buffers and inputs: their name
    array: Any = None  # of constants and states: the memory itself
    key: Any = None  # of an input, its number among the arguments; of a number, who is asked for it

    @property
    def place(self) -> Place:
        """The whole of it."""
        return Place(self, 0, self.shape, self.strides, self.dtype)

    @property
    def nbytes(self) -> int:
        """How many bytes its numbers take."""
        return math.prod(self.shape) * self.dtype.itemsize


def memory_of(array: np.ndarray, label: str = "") -> Memory:
    """Return the memory of an array that a program keeps: never written, or to work in."""
    memory = Memory(CONSTANT, array.shape, array.strides, array.dtype)
    memory.label, memory.array = label, array
    return memory


@dataclass(frozen=True, slots=True)
class Place:
    """A view of a memory: where it begins, in bytes, and how it lies."""

    memory: Memory
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the memory, in some order, each number once."""
        memory = self.memory
        if self.dtype != memory.dtype:
            return False
        if self.offset:
            return False
        own = sorted(_steps(self))
        whole = sorted(_steps(memory))
        return own == whole

    @property
    def is_itself(self) -> bool:
        """Whether it is the memory as it lies."""
        memory = self.memory
        same_layout = self.shape == memory.shape and self.strides == memory.strides
        return self.offset == 0 and self.dtype == memory.dtype and same_layout


def _steps(x: Any) -> list[tuple[int, int]]:
    """Return length and stride of the axes that are longer than one."""
    return [(n, step) for n, step in zip(x.shape, x.strides, strict=True) if n != 1]


@dataclass(slots=True, eq=False)
class Call:
    """What NumPy is asked for: a function of places and plain values."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    results: Any = None  # a place, a tree of them, or None
    writes: tuple[Place, ...] = ()  # places that are written: of ``out``, and in place
    line: str = ""  # of the user's code
    scope: tuple[str, str] = ("", "")  # the module's path, and what is done there
    expected: Any = None  # of a guard: what it must answer
    is_guard: bool = False
    is_draw: bool = False
    is_whole: bool = False  # of a primitive that lays out memory by hand
    workspace: int = 0  # bytes that it works in meanwhile
    overwrites: bool = False  # writes all of the memories in ``writes``
    request: Any = None  # of a counter: whose count it is
    is_derived: bool = False  # of state alone, computed again where that has changed
    is_loop: bool = False  # of statements printed as a loop, which is the function

    def reads(self) -> Iterator[Place]:
        """Yield the places it reads."""
        outs = self.kwargs.get("out")
        for name, value in self.kwargs.items():
            if name != "out":
                yield from places(value)
        yield from places(self.args)
        if not self.overwrites:
            yield from places(outs)

    def as_loop(self, text: Any) -> Call:
        """Return a call that runs a printed text instead."""
        loop = dataclasses.replace(self)
        loop.function = text
        loop.args, loop.kwargs = text.reads, {}
        loop.results = text.stores
        loop.is_loop = True
        loop.is_whole = False
        loop.workspace = 0
        return loop


@dataclass(slots=True, eq=False)
class Request:
    """Numbers that are asked for at each call anew: those of an optimizer's formula."""

    formula: Callable[..., Any]
    group: dict[str, Any]
    dtype: np.dtype[Any]
    count: float  # of the steps, when it was recorded
    arrays: list[Any]
    values: Any = None  # what is in the arrays

    def same_as(self, other: Request) -> bool:
        """Return whether both ask for the same numbers."""
        same_group = self.formula == other.formula and self.group is other.group
        return same_group and self.dtype == other.dtype and self.count == other.count


def places(tree: Any) -> Iterator[Place]:
    """Yield the places in a tree of tuples, lists, dictionaries and slices."""
    if isinstance(tree, Place):
        yield tree
    elif isinstance(tree, (tuple, list)):
        for item in tree:
            yield from places(item)
    elif isinstance(tree, dict):
        yield from places(tuple(tree.values()))


def memories_of(tree: Any) -> list[Memory]:
    """Return the memories of the places in a tree."""
    return [place.memory for place in places(tree)]


def mapped(tree: Any, change: Callable[[Any], Any]) -> Any:
    """Return the tree with each leaf changed."""
    if isinstance(tree, dict):
        if not tree:
            return NOTHING
        return {name: mapped(item, change) for name, item in tree.items()}
    if isinstance(tree, (tuple, list)):
        items = [mapped(item, change) for item in tree]
        return tree._make(items) if hasattr(tree, "_make") else type(tree)(items)
    return change(tree)


@dataclass(slots=True)
class Program:
    """Calls in order, and what they begin and end with."""

    calls: list[Call]
    inputs: list[Memory]
    states: list[Memory]
    results: list[Place] = field(default_factory=list)
    plain: list[Any] = field(default_factory=list)  # what is returned besides arrays
