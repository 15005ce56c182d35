"""How a view is written: the expression that makes it of the array that owns the memory.

Candidates are tried on an array that lies alike; what does not come out at the same place, with
the same shape and strides, is not taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minigrad.compiler.program import Call, Memory, Place, places


def expression(place: Place, name: str) -> str:
    """Return the expression for a view of the array of this name."""
    if place.is_itself:
        return name
    memory = place.memory
    stand_in = _stand_in(memory)
    for candidate in _candidates(place, name):
        if _lies_at(candidate, name, stand_in, place):
            return candidate
    strides = tuple(place.strides)
    return f"view({name}, {place.offset}, {place.shape}, {strides}, '{place.dtype.str}')"


def view(owner: np.ndarray, offset: int, shape: Any, strides: Any, dtype: str) -> np.ndarray:
    """Return a view of an array's memory, ``offset`` bytes behind its first number."""
    begin = owner.reshape(-1) if owner.flags.c_contiguous else owner
    if not begin.flags.c_contiguous:
        begin = as_strided(owner, (1,), (owner.itemsize,))
    address = begin.__array_interface__["data"][0] + offset
    result = np.asarray(At(address, shape, strides, dtype, owner))
    return result


class At:
    """Speaks for memory by address, and keeps its owner."""

    def __init__(self, address: int, shape: Any, strides: Any, dtype: str, owner: Any) -> None:
        self.owner = owner
        self.__array_interface__ = {
            "version": 3,
            "typestr": dtype,
            "data": (address, False),
            "shape": tuple(shape),
            "strides": tuple(strides),
        }


def _stand_in(memory: Memory) -> np.ndarray:
    """Return an array that lies as the memory does; nobody may read it."""
    return as_strided(np.empty(1, memory.dtype), memory.shape, memory.strides)


def _lies_at(candidate: str, name: str, stand_in: np.ndarray, place: Place) -> bool:
    try:
        found = eval(candidate, {"np": np, "view": view, name: stand_in})
    except (ValueError, IndexError, TypeError):
        return False
    if found.dtype != place.dtype:
        return False
    if found.shape != place.shape:
        return False
    if not found.size:
        return True
    begin = _address(stand_in)
    if _address(found) - begin != place.offset:
        return False
    return _steps(found) == _steps(place)


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def _steps(x: Any) -> list[int]:
    return [step for n, step in zip(x.shape, x.strides, strict=True) if n != 1]


def _candidates(place: Place, name: str) -> Iterator[str]:
    """Yield what the view might be, the simplest first."""
    shape, memory = place.shape, place.memory
    yield f"{name}.T"
    yield f"{name}.mT"
    yield f"{name}.ravel()" if len(shape) == 1 else f"{name}.reshape{_tuple(shape)}"
    axes = _permutation(place)
    if axes is not None:
        yield f"{name}.transpose{_tuple(axes)}"
    index = _index(place)
    if index is not None:
        yield f"{name}[{index}]"
    small = tuple(1 if not step else n for n, step in zip(shape, place.strides, strict=True))
    while small and small[0] == 1 and len(small) > len(memory.shape):
        small = small[1:]
    if small != shape:
        part = expression(
            Place(memory, place.offset, small, place.strides[-len(small) :], place.dtype)
            if small
            else Place(memory, place.offset, (), (), place.dtype),
            name,
        )
        yield f"np.broadcast_to({part}, {_text(shape)})"
    if place.dtype != memory.dtype:
        yield f"{name}.view('{place.dtype.str}')"
    yield from _reshaped_and_turned(place, name)


def _reshaped_and_turned(place: Place, name: str) -> Iterator[str]:
    """Yield a reshape followed by a transposition, as of attention's heads."""
    order = sorted(range(len(place.shape)), key=lambda i: -abs(place.strides[i]))
    before = [place.shape[i] for i in order]
    axes = tuple(order.index(i) for i in range(len(order)))
    yield f"{name}.reshape{_tuple(before)}.transpose{_tuple(axes)}"


def _permutation(place: Place) -> tuple[int, ...] | None:
    own = list(zip(place.memory.shape, place.memory.strides, strict=True))
    if len(own) != len(place.shape) or place.offset:
        return None
    axes = []
    for n, step in zip(place.shape, place.strides, strict=True):
        fitting = [i for i, pair in enumerate(own) if pair == (n, step) and i not in axes]
        if not fitting:
            return None
        axes.append(fitting[0])
    return tuple(axes)


def _index(place: Place) -> str | None:
    """Return the basic index that makes the view: slices, numbers and new axes."""
    memory, rest = place.memory, place.offset
    axes = [(n, step) for n, step in zip(place.shape, place.strides, strict=True)]
    parts: list[str] = []
    for i, (n, step) in enumerate(zip(memory.shape, memory.strides, strict=True)):
        if step <= 0:
            return None
        start, rest = divmod(rest, step)
        left = len(memory.shape) - i
        while len(axes) > left and axes[0][0] == 1:  # an axis that is new
            axes.pop(0)
            parts.append("None")
        fits = axes and ((axes[0][1] % step == 0 and axes[0][1]) or axes[0][0] == 1)
        if fits and (axes[0][0] > 1 or len(axes) >= left):
            length, own_step = axes.pop(0)
            parts.append(_slice(start, length, own_step // step or 1, n))
        else:
            parts.append(str(start))
    parts += ["None"] * len(axes)
    while parts and parts[-1] == ":":
        parts.pop()
    return ", ".join(parts) if parts else None


def _slice(start: int, length: int, step: int, n: int) -> str:
    """Return a slice as it is written."""
    if length == 1:
        step = 1
    stop = start + (length - 1) * step + 1
    begin = str(start) if start else ""
    end = str(stop) if stop < n else ""
    return f"{begin}:{end}" + (f":{step}" if step > 1 else "")


def _text(shape: Any) -> str:
    return repr(tuple(int(n) for n in shape))


def _tuple(shape: Any) -> str:
    return "(" + ", ".join(str(int(n)) for n in shape) + ")"


def shape_checks(call: Call, target: str) -> list[str]:
    """Return lines that hold results to their sizes, where these may follow from values."""
    if not _may_vary(call) or not isinstance(call.results, (Place, tuple, list)):
        return []
    results = call.results
    parts = [results] if isinstance(results, Place) else list(results)
    names = [target] if isinstance(results, Place) else target.rstrip(",").split(", ")
    lines = []
    for place, name in zip(parts, names, strict=True):
        if isinstance(place, Place):
            lines.append(f"if {name}.shape != {_text(place.shape)}:")
            lines.append(f"    raise GuardFailed({call.line!r})")
    return lines


def _may_vary(call: Call) -> bool:
    """Whether the size of what is returned may follow from values."""
    function = call.function
    if function is np.ndarray.__getitem__:
        return any(place.dtype.kind == "b" for place in places(call.args[1]))
    if function is np.where:
        return len(call.args) < 3
    owner = getattr(function, "__self__", function)
    return not (isinstance(owner, np.ufunc) or call.is_draw)
