"""What is the same at each call: numbers as arrays, and calls on constants done beforehand."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from minigrad.compiler.program import (
    CONSTANT,
    INPUT,
    Call,
    Memory,
    Place,
    mapped,
    memory_of,
    places,
)

ARITHMETIC = {
    np.add, np.subtract, np.multiply, np.divide, np.less, np.less_equal, np.greater,
    np.greater_equal, np.maximum, np.minimum, np.power,
}  # fmt: skip
LIKE = {np.ones_like: 1, np.zeros_like: 0}


def constant(array: np.ndarray, label: str = "constant") -> Memory:
    """Return the memory of an array that is never written."""
    array.flags.writeable = False
    return memory_of(array, label)


class Constants:
    """Those of one program: one array for a number of each dtype."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls
        self.written = {place.memory for call in calls for place in call.writes}
        self.numbers: dict[tuple[str, str], Memory] = {}
        self.known: dict[Memory, Memory] = {}  # results that are constant

    def folded(self) -> list[Call]:
        """Return the calls without those that give the same each time."""
        left = []
        for call in self.calls:
            call.args = mapped(call.args, self._looked_up)
            call.kwargs = mapped(call.kwargs, self._looked_up)
            array = self._value(call)
            if array is None:
                self._numbers_as_arrays(call)
                _equal_ranks(call)
                left.append(call)
            else:
                self.known[call.results.memory] = constant(array)
        return left

    def looked_up(self, tree: Any) -> Any:
        """Return a tree of places with constants in place of results that are constant."""
        return mapped(tree, self._looked_up)

    def _looked_up(self, x: Any) -> Any:
        if isinstance(x, Place) and x.memory in self.known:
            return Place(self.known[x.memory], x.offset, x.shape, x.strides, x.dtype)
        return x

    def _value(self, call: Call) -> np.ndarray | None:
        """Return what a call gives each time, None where that depends on something."""
        result = call.results
        if call.is_guard or call.is_draw or call.writes or not isinstance(result, Place):
            return None
        if result.memory in self.written or not result.is_itself:
            return None
        if call.function in LIKE and not call.kwargs:
            value = LIKE[call.function]
            return np.full(result.shape, value, result.dtype)
        operands = list(places((call.args, call.kwargs)))
        if not isinstance(call.function, np.ufunc) or not all(map(self._is_fixed, operands)):
            return None
        with np.errstate(all="ignore"):
            value = call.function(*mapped(call.args, _array_of), **call.kwargs)
        return np.array(value)

    def _is_fixed(self, place: Place) -> bool:
        memory = place.memory
        if memory.kind != CONSTANT or memory in self.written:
            return False
        is_ours = memory.key is not None or not memory.array.flags.writeable
        return place.is_itself and is_ours

    def _numbers_as_arrays(self, call: Call) -> None:
        """Let a number beside an array be an array of that dtype, as NumPy makes it.

        NumPy takes half a microsecond more for a number of Python's.
        """
        operands = [x for x in call.args if isinstance(x, Place)]
        if call.function not in ARITHMETIC or not operands or call.kwargs.get("dtype"):
            return
        dtype = operands[0].dtype
        if any(x.dtype != dtype for x in operands):
            return
        args = [self._number(x, dtype) if _is_of(x, dtype) else x for x in call.args]
        call.args = tuple(args)

    def _number(self, value: float, dtype: np.dtype[Any]) -> Any:
        is_float = dtype.kind == "f"
        key = repr(float(value) if is_float else value), dtype.char
        memory = self.numbers.get(key)
        if memory is None:
            kind = "c" if is_float else "int"
            sign = "minus_" if value < 0 else ""
            label = f"{kind}_{sign}{abs(value)!r}"
            memory = constant(np.array(value, dtype), label)
            self.numbers[key] = memory
        return memory.place


def _is_of(x: Any, dtype: np.dtype[Any]) -> bool:
    """Whether NumPy takes a number of Python's beside an array for one of this dtype."""
    if dtype.char in "fd":
        return type(x) in (int, float)
    if dtype.kind not in "iu" or type(x) is not int:
        return False
    limits = np.iinfo(dtype)
    return limits.min <= x <= limits.max


def _equal_ranks(call: Call) -> None:
    """Give operands the axes of length one that the result has, which NumPy is quicker with."""
    result = call.results
    if not isinstance(call.function, np.ufunc) or call.function.signature is not None:
        return
    if isinstance(result, Place) and result.shape:
        call.args = tuple(_with_axes(x, result) for x in call.args)


def _with_axes(x: Any, result: Place) -> Any:
    if not isinstance(x, Place) or not x.shape or x.memory.kind == INPUT:
        return x
    shape = result.shape
    missing = len(shape) - len(x.shape)
    if missing <= 0 or shape[missing:] != x.shape:
        return x
    if math.prod(shape[:missing]) != 1:
        return x
    strides = result.strides[:missing] + x.strides
    return dataclasses.replace(x, shape=shape, strides=strides)


def _array_of(x: Any) -> Any:
    return x.memory.array if isinstance(x, Place) else x
