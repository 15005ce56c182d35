"""Writing into a tensor: through to its memory where nothing is recorded, else as a new value.

Recorded, ``x[i] = v`` and the ``_`` methods give ``x`` a new value and a new place in the graph;
what had read the old value keeps it. A recorded write through a view is refused: the tensor it
looks at would not see it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.dtypes import category, fitted
from minigrad.functions import comparison as c
from minigrad.functions import elementwise as e
from minigrad.functions.index import steps
from minigrad.functions.writing import Writing
from minigrad.modes import MODES
from minigrad.ops.indexing import setitem
from minigrad.storage import version as writes_of
from minigrad.storage import wrote


class InPlace(Writing):
    """What every write goes through, ``+=`` and friends, and item assignment."""

    _data: Any
    _node: Any
    _constant: Any
    _inference: bool
    ndim: Any

    def _assign(self, value: Any, by: str) -> Any:
        """Make ``value`` (a Tensor or a number) the value of this tensor; return the tensor."""
        recorded = MODES.grad_enabled and getattr(value, "_node", None) is not None
        self._check_writable(recorded)
        array = value._data if isinstance(value, InPlace) else np.asarray(value)
        if not _broadcasts(array.shape, self._data.shape):
            raise RuntimeError(
                f"{by}: output with shape {list(self._data.shape)} doesn't match the broadcast "
                f"shape {list(array.shape)}"
            )
        if category(array.dtype) > category(self._data.dtype):
            raise RuntimeError(
                f"{by}: result type {array.dtype} can't be cast to the desired output type {self._data.dtype}"
            )
        if self._node is not None and MODES.grad_enabled and (not recorded or by == "copy_"):
            # what made the old value gets a gradient of zeros
            value, recorded = setitem(self, value if recorded else array, index=...), True
            self._check_writable(recorded)
        if not self._data.flags.writeable and not recorded:
            raise RuntimeError(
                f"{by}: unsupported operation: more than one element of the written-to tensor refers to a single "
                "memory location, or its memory is read-only. Please clone() the tensor first."
            )
        if recorded:
            value = value.to(self._data.dtype)
            if array.shape != self._data.shape:
                value = value.expand(self._data.shape).clone()
            self._become(value, by)
        else:
            np.copyto(self._data, array, casting="unsafe")
            wrote(self._data, by)
        return self

    def _become(self, value: Any, by: str) -> None:
        """Take the value and the place in the graph of a recorded result."""
        old = self._node
        if value._node is not old:
            value._node.in_place = by
            if old is not None and old.retains and old.primitive is not None:  # it is the tensor that retains
                old.retains, value._node.retains = False, True
        self._data, self._node, self._constant = value._data, value._node, None

    def _check_writable(self, recorded: bool) -> None:
        node = self._node
        if self._inference and not MODES.inference:
            raise RuntimeError(
                "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone "
                "to get a normal tensor before doing inplace update."
            )
        if MODES.grad_enabled and node is not None and node.primitive is None:
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place operation. "
                "Write inside `with no_grad():`, or to x.data, or make a new tensor."
            )
        if recorded and self._data.base is not None:
            if node is not None and len(node.inputs) == 1 and node.inputs[0].primitive is None:
                raise RuntimeError(
                    "a view of a leaf Variable that requires grad is being used in an in-place operation. "
                    "Write inside `with no_grad():`, or to x.data, or make a new tensor."
                )
            raise RuntimeError(
                "a view is being written by a recorded in-place operation; the tensor it looks at "
                "would not see the change. Make a new tensor, or write to a clone()."
            )

    @property
    def _version(self) -> int:
        return writes_of(self._data)

    def __setitem__(self, index: Any, value: Any) -> None:
        try:
            self._write(*steps(index, self.ndim), value)
        except IndexError as error:
            raise IndexError(str(error).replace("axis", "dimension")) from None

    def _write(self, within: Any, index: Any, value: Any) -> None:
        if isinstance(value, InPlace):
            value = self._fitting(within, index, value)
        if MODES.grad_enabled and (getattr(value, "_node", None) is not None or self._node is not None):
            self._check_writable(recorded=True)
            self._assign(setitem(self, value, index=index, within=within), "x[...] = v")
            return
        self._check_writable(recorded=False)
        if isinstance(value, np.ndarray):
            category(value.dtype)
        elif type(value) is int and self._data.dtype.kind in "iu":
            value = fitted(value, self._data.dtype)
        try:
            place = self._data if within is None else self._data[within]
            place[index] = value._data if isinstance(value, InPlace) else value
        except (ValueError, OverflowError) as error:
            raise RuntimeError(f"x[...] = v: {error}") from None
        wrote(self._data, "x[...] = v")

    def _fitting(self, within: Any, index: Any, value: Any) -> Any:
        """Return ``value`` in this dtype and, for the graph's sake, without needless leading dimensions of one."""
        if value._node is not None:
            place = np.broadcast_to(0, self._data.shape)
            wanted = (place if within is None else place[within])[index].ndim
            while value.ndim > wanted and value.shape[0] == 1:
                value = value.squeeze(0)
        return value if value.dtype == self._data.dtype else value.to(self._data.dtype)

    def _rearrange(self, value: Any, by: str) -> Any:
        """Take the shape and memory of a view of this tensor; return the tensor."""
        self._check_writable(recorded=False)
        if value._node is not None and value._node is not self._node:
            value._node.in_place = by
        self._data, self._node, self._constant = value._data, value._node, None
        return self

    def __iadd__(self, other: Any) -> Any:
        return self._assign(e.add(self, other), "+=")

    def __isub__(self, other: Any) -> Any:
        return self._assign(e.sub(self, other), "-=")

    def __imul__(self, other: Any) -> Any:
        return self._assign(e.mul(self, other), "*=")

    def __itruediv__(self, other: Any) -> Any:
        return self._assign(e.div(self, other), "/=")

    def __ifloordiv__(self, other: Any) -> Any:
        return self._assign(e.floor_divide(self, other), "//=")

    def __imod__(self, other: Any) -> Any:
        return self._assign(e.remainder(self, other), "%=")

    def __ipow__(self, other: Any) -> Any:
        return self._assign(e.pow(self, other), "**=")

    def __iand__(self, other: Any) -> Any:
        return self._assign(c.bitwise_and(self, other), "&=")

    def __ior__(self, other: Any) -> Any:
        return self._assign(c.bitwise_or(self, other), "|=")

    def __ixor__(self, other: Any) -> Any:
        return self._assign(c.bitwise_xor(self, other), "^=")

    def __ilshift__(self, other: Any) -> Any:
        return self._assign(c.bitwise_left_shift(self, other), "<<=")

    def __irshift__(self, other: Any) -> Any:
        return self._assign(c.bitwise_right_shift(self, other), ">>=")


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    lead = len(to) - len(shape)
    return lead >= 0 and all(n in (1, m) for n, m in zip(shape, to[lead:], strict=True))
