"""Writing into a tensor, as PyTorch does: through to its memory, for all who look at it.

Where the write is recorded, the tensor, its base and its views take a new place in the graph
(``views.py``). A recorded result whose memory nobody shares takes a new array instead: what had
saved the old values keeps them, and its gradient stays right where PyTorch has to refuse.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.dtypes import category, checked_scalar
from minigrad.engine import views
from minigrad.engine.recording import attach
from minigrad.functions import comparison as c
from minigrad.functions import elementwise as e
from minigrad.functions.mixed_index import split_mixed_index
from minigrad.modes import MODES, RESULTS
from minigrad.ops.indexing import is_basic, setitem
from minigrad.storage import bump_version, same_place, tick
from minigrad.storage import version as writes_of
from minigrad.tensor.inplace_methods import InPlaceMethods


class InPlace(InPlaceMethods):
    """What every write goes through, ``+=`` and friends, and item assignment."""

    _data: Any
    _node: Any
    _constant: Any
    _inference: bool
    _outside: bool
    _view: Any
    _views: Any
    ndim: Any

    def _computed(self, by: str, function: Any, *args: Any, **kwargs: Any) -> Any:
        """Write what a function makes of this tensor into it; return the tensor."""
        self._check_target(by)
        since = tick()
        return self._assign(function(self, *args, **kwargs), by, since)

    def _assign(self, value: Any, by: str, since: int | None = None) -> Any:
        """Make ``value`` (a Tensor or a number) the value of this tensor; return the tensor.

        ``since`` is a tick before ``value`` was computed, where it was computed from this tensor.
        """
        since = tick() if since is None else since
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
                f"{by}: result type {array.dtype} can't be cast to the desired output type "
                f"{self._data.dtype}"
            )
        if self._node is not None and MODES.grad_enabled and (not recorded or by == "copy_"):
            # what made the old value gets a gradient of zeros
            value, recorded = setitem(self, value if recorded else array, index=...), True
            self._check_writable(recorded)
        alone = recorded and views.is_alone(self)
        if not (alone or self._data.flags.writeable):
            raise RuntimeError(f"{by}: {_OVERLAPS}")
        if not recorded:
            np.copyto(self._data, array, casting="unsafe")
            bump_version(self._data, by)
            if RESULTS.looked_at:
                views.note_write(self, value, by, since)
            return self
        value = value.to(self._data.dtype)
        if array.shape != self._data.shape:
            value = value.expand(self._data.shape).clone()
        if alone:
            views.replace_node(self, value._node, by)
            self._data = _lying_as(self._data, value._data)
        else:
            views.store(self, value, by, since)
        return self

    def _check_target(self, by: str) -> None:
        """Raise if this tensor's values cannot be written, before random numbers are drawn."""
        recorded = MODES.grad_enabled and self._node is not None
        self._check_writable(recorded)
        if not (self._data.flags.writeable or (recorded and views.is_alone(self))):
            raise RuntimeError(f"{by}: {_OVERLAPS}")

    def _check_writable(self, recorded: bool) -> None:
        node = self._node
        if self._inference and not MODES.inference:
            raise RuntimeError(
                "Inplace update to inference tensor outside InferenceMode is not allowed. You can "
                "make a clone to get a normal tensor before doing inplace update. "
                f"The tensor is {self._data.dtype}{list(self._data.shape)}"
            )
        if MODES.grad_enabled and node is not None and node.primitive is None:
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place operation. "
                "Write inside `with no_grad():`, or to x.data, or make a new tensor."
            )
        if not recorded:
            return
        base = views.base_of(self)
        if base is not self and base._node is not None and base._node.primitive is None:
            raise RuntimeError(
                "a view of a leaf Variable that requires grad is being used in an in-place "
                "operation. Write inside `with no_grad():`, or to x.data, or make a new tensor. "
                f"The view is {self._data.dtype}{list(self._data.shape)}"
            )
        if self._outside:
            raise RuntimeError(
                "A view was created in no_grad mode and is being modified inplace with grad mode "
                "enabled. Make the view where gradients are recorded, or write into a clone()."
            )

    @property
    def _version(self) -> int:
        return writes_of(self._data)

    def __setitem__(self, index: Any, value: Any) -> None:
        try:
            self._write(*split_mixed_index(index, self.ndim), value)
        except IndexError as error:
            raise IndexError(str(error).replace("axis", "dimension")) from None

    def _write(self, within: Any, index: Any, value: Any) -> None:
        by = "x[...] = v"
        if isinstance(value, InPlace):
            value = self._fitting(within, index, value)
        recorded = MODES.grad_enabled and (
            getattr(value, "_node", None) is not None or self._node is not None
        )
        self._check_writable(recorded)
        if recorded and (views.is_alone(self) or views.base_of(self) is not self):
            if not self._holds(within, index, value):
                self._assign(setitem(self, value, index=index, within=within), by)
            return
        array = value._data if isinstance(value, InPlace) else value
        if isinstance(array, np.ndarray):
            category(array.dtype)
        elif type(array) is int and self._data.dtype.kind in "iu":
            array = checked_scalar(array, self._data.dtype)
        place = self._data if within is None else self._data[within]
        note = type(array) if isinstance(array, np.ndarray) else np.ndarray
        store = note.__setitem__ if type(place) is np.ndarray else type(place).__setitem__
        try:
            store(place, index, array)
        except (ValueError, OverflowError) as error:
            raise RuntimeError(f"{by}: {error}") from None
        bump_version(_part(place, index), by)
        params = {"index": index, "within": within}
        if not recorded and RESULTS.looked_at:
            views.note_write(self, value, by, tick(), params)
        if recorded:
            views.rebase(self, _Placed(attach(setitem, self._data, (self, value), params)), by)

    def _holds(self, within: Any, index: Any, value: Any) -> bool:
        """Return whether ``value`` is what stands there already, as after ``x[i] += v``."""
        if not isinstance(value, InPlace) or value._view is None or not is_basic(index):
            return False
        place = self._data if within is None else self._data[within]
        return same_place(_part(place, index), value._data)

    def _fitting(self, within: Any, index: Any, value: Any) -> Any:
        """Return ``value`` in this dtype, without needless leading dimensions of size 1."""
        if value._node is not None:
            place = np.broadcast_to(0, self._data.shape)
            wanted = (place if within is None else place[within])[index].ndim
            while value.ndim > wanted and value.shape[0] == 1:
                value = value.squeeze(0)
        if value.dtype == self._data.dtype:
            return value
        arrays = [
            p for p in (index if type(index) is tuple else (index,)) if isinstance(p, np.ndarray)
        ]
        fills = len(arrays) == 1 and arrays[0].dtype.kind == "b" and value._data.size == 1
        if arrays and not fills:
            raise RuntimeError(
                "x[...] = v: Index put requires the source and destination dtypes match, got "
                f"{self._data.dtype} for the destination and {value.dtype} for the source. Convert "
                "it first: v.to(x.dtype)"
            )
        return value.to(self._data.dtype)

    def _rearrange(self, value: Any, by: str) -> Any:
        """Take the shape and memory of a view of this tensor; return the tensor."""
        node = self._node
        if node is not None and node.primitive is None:  # a leaf stays one
            node.shape = value._data.shape
        elif node is not None:
            views.replace_node(self, value._node, by)
        views.rearrange(self, value)
        return self

    def __iadd__(self, other: Any) -> Any:
        return self._computed("+=", e.add, other)

    def __isub__(self, other: Any) -> Any:
        return self._computed("-=", e.sub, other)

    def __imul__(self, other: Any) -> Any:
        return self._computed("*=", e.mul, other)

    def __itruediv__(self, other: Any) -> Any:
        return self._computed("/=", e.div, other)

    def __ifloordiv__(self, other: Any) -> Any:
        return self._computed("//=", e.floor_divide, other)

    def __imod__(self, other: Any) -> Any:
        return self._computed("%=", e.remainder, other)

    def __ipow__(self, other: Any) -> Any:
        return self._computed("**=", e.pow, other)

    def __iand__(self, other: Any) -> Any:
        return self._computed("&=", c.bitwise_and, other)

    def __ior__(self, other: Any) -> Any:
        return self._computed("|=", c.bitwise_or, other)

    def __ixor__(self, other: Any) -> Any:
        return self._computed("^=", c.bitwise_xor, other)

    def __ilshift__(self, other: Any) -> Any:
        return self._computed("<<=", c.bitwise_left_shift, other)

    def __irshift__(self, other: Any) -> Any:
        return self._computed(">>=", c.bitwise_right_shift, other)


class _Placed:
    """What ``rebase`` needs of a value whose node is already the whole tensor's."""

    def __init__(self, node: Any) -> None:
        self._node = node


def _part(place: np.ndarray, index: Any) -> np.ndarray:
    """Return the view that an index writes to, or all of ``place`` where it is not a view."""
    if not is_basic(index):
        return place
    parts = index if isinstance(index, tuple) else (index,)
    return place[parts if ... in parts else (*parts, ...)]


_OVERLAPS = (
    "unsupported operation: more than one element of the written-to tensor refers to a single "
    "memory location, or its memory is read-only. Please clone() the tensor first."
)


def _lying_as(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return the new values in the memory layout of the old."""
    if new.strides == old.strides or not old.flags.writeable:
        return new
    result = np.empty_like(old)
    np.copyto(result, new)
    return result


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    lead = len(to) - len(shape)
    return lead >= 0 and all(n in (1, m) for n, m in zip(shape, to[lead:], strict=True))
