"""Methods with a plain answer on the CPU, and those that call Python for each element.

https://docs.pytorch.org/docs/stable/tensors.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.functions import inquiries, real_parts
from minigrad.functions.arguments import integers
from minigrad.ops.reduction import unbroadcast


class PlainMethods:
    """Where a tensor lies and what it is not; mixed into Tensor."""

    _data: Any
    _node: Any
    _wrap: Any
    _assign: Any
    shape: Any
    dtype: Any
    data: Any

    angle, conj, conj_physical = real_parts.angle, real_parts.conj, real_parts.conj_physical
    resolve_conj, resolve_neg = real_parts.resolve_conj, real_parts.resolve_neg
    is_conj, is_neg = real_parts.is_conj, real_parts.is_neg
    is_nonzero, is_same_size = inquiries.is_nonzero, inquiries.is_same_size
    narrow_copy = inquiries.narrow_copy
    is_xla = is_vulkan = is_ipu = is_mtia = is_maia = False
    is_nested = False
    output_nr = 0
    name = None

    @property
    def real(self) -> Any:
        """The tensor itself, which is real."""
        return self

    @property
    def imag(self) -> Any:
        """RuntimeError: real tensors have no imaginary part."""
        return real_parts.imag(self)

    def share_memory_(self) -> Any:
        """Return the tensor; memory is that of this process and its threads."""
        return self

    def to_dense(self, dtype: Any = None, *, masked_grad: bool = True) -> Any:
        """Return the tensor, which is dense, cast to ``dtype`` where one is given."""
        return self if dtype is None else self.to(dtype)  # type: ignore[attr-defined]

    def is_coalesced(self) -> bool:
        """Raise RuntimeError: that is a question to sparse tensors."""
        raise RuntimeError("is_coalesced expected sparse coordinate tensor layout but got Strided")

    def is_set_to(self, tensor: Any) -> bool:
        """Return whether both are the same view of the same memory."""
        same_start = self._data.ctypes.data == tensor._data.ctypes.data
        same_layout = self._data.strides == tensor._data.strides
        return same_start and same_layout and self.shape == tensor.shape

    def dim_order(self) -> tuple[int, ...]:
        """Return the dimensions in the order of memory, the slowest first."""
        strides = self._data.strides
        dims = range(len(strides))
        return tuple(sorted(dims, key=lambda i: -strides[i]))

    def const_data_ptr(self) -> int:
        """Return the address of the first element."""
        return int(self._data.ctypes.data)

    def sum_to_size(self, *size: Any) -> Any:
        """Return the sum that ``expand`` from this size would undo; RuntimeError where none would.

        >>> import minigrad as mg
        >>> mg.ones(2, 3).sum_to_size(1, 3)
        tensor([[2., 2., 2.]])
        """
        wanted = integers(size, "sum_to_size")
        size_of_sum = list(wanted)
        own = list(self.shape)
        try:
            expanded = np.broadcast_shapes(wanted, own)
        except ValueError:
            expanded = None
        if expanded != tuple(own):
            raise RuntimeError(f"size {{{size_of_sum}}} is not expandable to size {{{own}}}.")
        return unbroadcast(self, wanted)

    # ---- a call for each element -------------------------------------------------------------
    def apply_(self, callable: Callable[[Any], Any]) -> Any:
        """Write ``callable(element)`` into each element; slow, and without a gradient."""
        return self._mapped("apply_", callable)

    def map_(self, tensor: Any, callable: Callable[[Any, Any], Any]) -> Any:
        """Write ``callable(element, its other)`` into each element; slow, without a gradient."""
        return self._mapped("map_", callable, tensor)

    def map2_(self, x: Any, y: Any, callable: Callable[[Any, Any, Any], Any]) -> Any:
        """Write ``callable(element, of x, of y)`` into each element; slow, without a gradient."""
        return self._mapped("map2_", callable, x, y)

    def _mapped(self, by: str, function: Callable[..., Any], *others: Any) -> Any:
        if self._node is not None:
            raise RuntimeError(
                f"Can't call {by}() on Variable that requires grad. "
                f"Use var.detach().{by}() instead."
            )
        arrays = [np.broadcast_to(x._data, self.shape) for x in others]
        values = np.array(self._data)
        for place in np.ndindex(*self.shape):
            operands = [array[place].item() for array in (values, *arrays)]
            values[place] = function(*operands)
        return self._assign(values, by)

    # ---- another size ------------------------------------------------------------------------
    def resize_(self, *sizes: Any, memory_format: Any = None) -> Any:
        """Give the tensor another size; the first elements stay, new ones are 0.

        Raises RuntimeError for a tensor that requires grad.
        """
        if self._node is not None:
            raise RuntimeError(f"cannot resize variables that require grad, to {sizes} here")
        shape = integers(sizes, "resize_")
        values = np.zeros(shape, self.dtype)
        old = self._data.reshape(-1)
        flat = values.reshape(-1)
        kept = min(flat.size, old.size)
        flat[:kept] = old[:kept]
        self.data = self._wrap(values)
        return self

    def resize_as_(self, the_template: Any, *, memory_format: Any = None) -> Any:
        """Give the tensor the size of another; see :meth:`resize_`."""
        return self.resize_(tuple(the_template.shape))
