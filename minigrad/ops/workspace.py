"""Memory to work in, that whoever calls a function may give it.

A convolution lays out columns, a few megabytes that are gone when it returns. A caller that knows
where nothing else lives at that moment gives it that memory; else each array is a new one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

ALIGNMENT = 64  # bytes


class Workspace:
    """Arrays one behind the other in one piece of memory; new ones where there is none."""

    def __init__(self, memory: np.ndarray | None = None) -> None:
        self.memory = memory
        self.used = 0  # bytes

    def _begin(self, shape: tuple[int, ...], dtype: Any) -> int:
        """Return where the next array begins."""
        begin = self.used
        nbytes = math.prod(shape) * dtype.itemsize
        self.used += -(-nbytes // ALIGNMENT) * ALIGNMENT
        return begin

    def out(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Return unfilled memory in C order; None, for ``out=``, where NumPy is to make it."""
        begin = self._begin(shape, dtype)
        return None if self.memory is None else np.ndarray(shape, dtype, self.memory, begin)

    def empty(self, like: Any, shape: tuple[int, ...]) -> Any:
        """Return unfilled memory in C order."""
        array = self.out(shape, like.dtype)
        return np.empty_like(like, shape=shape, order="C") if array is None else array

    def zeros(self, like: Any, shape: tuple[int, ...]) -> Any:
        """Return zeros in C order."""
        array = self.out(shape, like.dtype)
        if array is None:
            return np.zeros_like(like, shape=shape, order="C")
        array[...] = 0
        return array


def working_in(workspace: Any) -> Workspace:
    """Return the workspace that a function is given: memory for one, one in use, or None."""
    return workspace if isinstance(workspace, Workspace) else Workspace(workspace)
