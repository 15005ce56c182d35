"""Views with any strides."""

from __future__ import annotations

from typing import Any

from minigrad.engine.recording import Recorded
from minigrad.engine.views import base_of, share
from minigrad.functions.arguments import accepts_numpy_names, integers
from minigrad.memory import flat_memory, offset_in_memory
from minigrad.modes import MODES
from minigrad.ops.strided import as_strided as strided

__all__ = ["as_strided"]

T = Any  # a Tensor, which this floor does not know


@accepts_numpy_names
def as_strided(input: T, size: Any, stride: Any, storage_offset: int | None = None) -> T:
    """Return a view of the memory of ``input``: of this size, its neighbours ``stride`` apart.

    Strides and the offset count elements; the offset is that of ``input`` by default. Gradients go
    to the elements of ``input`` among them. RuntimeError for what leaves the memory.
    https://docs.pytorch.org/docs/stable/generated/torch.as_strided.html

    >>> import minigrad as mg
    >>> mg.as_strided(mg.arange(4), (3, 2), (1, 1))
    tensor([[0, 1],
            [1, 2],
            [2, 3]])
    """
    shape, strides = integers((size,)), integers((stride,))
    offset = offset_in_memory(input._data) if storage_offset is None else storage_offset
    _check_strides(shape, strides, offset)
    base = base_of(input)
    memory = base._data if base._data.flags.c_contiguous else flat_memory(input._data)
    offset -= offset_in_memory(memory)
    _check_inside(memory, shape, strides, offset)
    if memory is not base._data:
        return _unrecorded(input, memory, shape, strides, offset)
    within = None if base is input else _geometry(input, offset_in_memory(memory))
    return strided(base, shape=shape, strides=strides, offset=offset, within=within)


def _geometry(input: T, start: int) -> Any:
    return tuple(input.shape), input.stride(), offset_in_memory(input._data) - start


def _check_strides(shape: Any, strides: Any, offset: int) -> None:
    if len(shape) != len(strides):
        raise RuntimeError(
            f"mismatch in length of strides and shape, got {list(strides)} and {list(shape)}"
        )
    if any(n < 0 for n in strides):
        raise RuntimeError(
            "as_strided: Negative strides are not supported at the moment, "
            f"got strides: {list(strides)}"
        )
    if offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {offset}")


def _check_inside(memory: Any, shape: Any, strides: Any, offset: int) -> None:
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    empty = 0 in shape
    if not empty and (offset < 0 or last >= memory.size):
        raise RuntimeError(
            f"setStorage: sizes {list(shape)}, strides {list(strides)}, storage offset {offset}, "
            f"and itemsize {memory.itemsize} are out of bounds for storage of size {memory.nbytes}"
        )


def _unrecorded(input: T, memory: Any, shape: Any, strides: Any, offset: int) -> T:
    if input._node is not None and MODES.grad_enabled:
        raise RuntimeError(
            "as_strided: the memory is not in C order, so there is no gradient; "
            f"call contiguous() first. The strides are {input.stride()}"
        )
    share(input)
    view = strided.function(memory, shape=shape, strides=strides, offset=offset)
    return Recorded._wrap(view)
