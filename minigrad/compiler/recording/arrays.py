"""Arrays that note what NumPy is asked for, on the tape of their thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.compiler.program import mapped
from minigrad.modes import MODES

_ndarray = np.ndarray
_base = np.ndarray.base.__get__  # type: ignore[attr-defined]


class RecordingArray(np.ndarray):
    """An array that has NumPy's calls noted; without a tape, an array like any other."""

    _owner: Any = None

    def __array_finalize__(self, array: Any) -> None:
        if isinstance(array, RecordingArray):
            self._owner = array if array._owner is None else array._owner
        if MODES.tape is not None:
            MODES.tape.alive[id(self)] = self

    @property
    def base(self) -> Any:
        """What owns the memory: None where this array stands for the owner."""
        return self._owner

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return note(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return note(function, args, kwargs)

    def __numbers__(self, formula: Any, group: Any, counted: Any) -> list[Any]:
        """Note what an optimizer is asked for at each step anew."""
        return MODES.tape.numbers(formula, group, counted, self.dtype)

    @staticmethod
    def __whole__(function: Any, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
        """Note a function that lays out memory by hand as one call."""
        if MODES.tape is None:
            return note(function, operands, parameters)
        return MODES.tape.call(function, operands, parameters, is_whole=True)

    def __bool__(self) -> bool:
        return bool(ask(bool, self))

    def __int__(self) -> int:
        return int(ask(int, self))

    def __index__(self) -> int:
        return int(ask(int, self))

    def __float__(self) -> float:
        return float(ask(float, self))

    def item(self, *place: Any) -> Any:
        return ask(_ndarray.item, self, *place)

    def tolist(self) -> Any:
        return ask(_ndarray.tolist, self)

    def __deepcopy__(self, _memo: Any) -> Any:
        return self.copy()

    def __copy__(self) -> Any:
        return self.copy()


def _noted(name: str) -> Callable[..., Any]:
    """Return a method that notes the call of the array's own."""
    method = getattr(_ndarray, name)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return note(method, (self, *args), kwargs)

    call.__name__ = name
    return call


# the methods that do not come back to us through NumPy's protocols
_METHODS = """
    argmax argmin argpartition argsort astype byteswap choose compress copy cumprod cumsum
    diagonal dot fill flatten nonzero partition put ravel repeat reshape searchsorted sort take
    tobytes trace __getitem__ __setitem__
"""
for _name in _METHODS.split():
    setattr(RecordingArray, _name, _noted(_name))


def plain(x: Any) -> Any:
    """Return what NumPy computes with."""
    return x.view(_ndarray) if isinstance(x, RecordingArray) else x


def root(array: Any) -> Any:
    """Return the array that owns the memory, or that NumPy knows no owner of."""
    while (base := _base(array)) is not None:
        if not isinstance(base, _ndarray):  # as_strided and buffers put something between the two
            base = getattr(base, "obj" if type(base) is memoryview else "base", None)
            if not isinstance(base, _ndarray):
                break
        array = base
    return array


def lying_alike(array: np.ndarray) -> np.ndarray:
    """Return a copy that lies as the array does, with its gaps."""
    copy = np.copy(array, order="K")
    if copy.strides == array.strides:
        return copy
    steps = [(n - 1) * step for n, step in zip(array.shape, array.strides, strict=True)]
    before = -sum(step for step in steps if step < 0)
    behind = sum(step for step in steps if step > 0)
    memory = bytearray(before + behind + array.itemsize)  # no array owns it but this one
    result: Any = _ndarray(array.shape, array.dtype, memory, before, array.strides)
    result[...] = array
    return result


def note(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function, and let the tape note it."""
    if MODES.tape is None:
        return function(*mapped(args, plain), **mapped(kwargs, plain))
    return MODES.tape.call(function, args, kwargs)


def ask(question: Callable[..., Any], array: Any, *args: Any) -> Any:
    """Return a Python value of an array; on a tape it is a guard."""
    if MODES.tape is None:
        return question(plain(array), *args)
    return MODES.tape.ask(question, array, args)
