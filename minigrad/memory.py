"""How tensors lie in memory, as scripts ask for it: memory formats, and the memory itself.

https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch-memory-format
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.storage import owner


class MemoryFormat:
    """An order of axes in memory; ``axes`` from the slowest to the fastest, None for C order."""

    def __init__(self, name: str, axes: tuple[int, ...] | None = None) -> None:
        self.name, self.axes = name, axes

    def __repr__(self) -> str:
        return f"minigrad.{self.name}"

    def __reduce__(self) -> str:
        return self.name  # there is one of each

    def has(self, array: Any) -> bool:
        """Return whether the array lies so."""
        if self is preserve_format:
            return True
        if self.axes is None:
            return bool(array.flags.c_contiguous)
        fits = array.ndim == len(self.axes)
        return fits and bool(array.transpose(self.axes).flags.c_contiguous)

    def check_rank(self, ndim: int) -> None:
        """Raise RuntimeError for another number of dimensions than the format's."""
        if self.axes is not None and ndim != len(self.axes):
            raise RuntimeError(f"required rank {len(self.axes)} tensor to use {self.name} format")


contiguous_format = MemoryFormat("contiguous_format")
preserve_format = MemoryFormat("preserve_format")
channels_last = MemoryFormat("channels_last", (0, 2, 3, 1))
channels_last_3d = MemoryFormat("channels_last_3d", (0, 2, 3, 4, 1))


def arranged(array: Any, axes: tuple[int, ...]) -> Any:
    """Return a copy whose memory runs along ``axes``, the last one fastest."""
    back = sorted(range(len(axes)), key=axes.__getitem__)
    return np.copy(array.transpose(axes), order="C").transpose(back)


def in_format(array: Any, memory_format: MemoryFormat | None) -> Any:
    """Return the array in a format: itself where it lies so, else a copy."""
    if memory_format is None or memory_format.has(array):
        return array
    memory_format.check_rank(array.ndim)
    axes = memory_format.axes or tuple(range(array.ndim))
    return arranged(array, axes)


def flat_memory(array: np.ndarray) -> np.ndarray:
    """Return all of the memory that an array looks at, (n,), in its own order."""
    whole = owner(array)
    if not isinstance(whole, np.ndarray) or whole.dtype != array.dtype:
        whole = array
    flat = whole.ravel(order="K")
    return flat if np.may_share_memory(flat, array) else array.reshape(-1)


def offset_in_memory(array: np.ndarray) -> int:
    """Return how many elements into the memory an array begins."""
    start = flat_memory(array).__array_interface__["data"][0]
    distance = array.__array_interface__["data"][0] - start
    return int(distance // array.itemsize)


class Storage:
    """The memory of a tensor and of its views: a row of elements that may be read and written."""

    def __init__(self, memory: np.ndarray) -> None:
        self._memory, self.dtype = memory, memory.dtype

    def __len__(self) -> int:
        return len(self._memory)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._memory.tolist())

    def __getitem__(self, index: Any) -> Any:
        part = self._memory[index]
        return Storage(part) if part.ndim else part.item()

    def __setitem__(self, index: Any, value: Any) -> None:
        self._memory[index] = value

    def size(self) -> int:
        """Return the number of elements."""
        return len(self._memory)

    def nbytes(self) -> int:
        """Return the number of bytes."""
        return self._memory.nbytes

    def data_ptr(self) -> int:
        """Return the address of the first element."""
        return int(self._memory.ctypes.data) if len(self) else 0

    def tolist(self) -> list[Any]:
        """Return the elements."""
        return list(self)

    def __repr__(self) -> str:
        rows = "".join(f" {value}\n" for value in self)
        return f"{rows}[minigrad.storage(dtype={self.dtype}) of size {len(self)}]"
