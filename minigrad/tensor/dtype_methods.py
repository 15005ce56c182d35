"""The methods of Tensor that change its dtype, or ask where it is: the CPU, always."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.device import Device as Device
from minigrad.device import absent
from minigrad.device import is_device as is_device
from minigrad.dtypes import AbsentDtype, category, dtype_of_type, type_name
from minigrad.functions.shape import contiguous
from minigrad.memory import preserve_format
from minigrad.ops.shape import astype
from minigrad.ops.shape import copy as clone

NO_BFLOAT16 = (
    "bfloat16(): NumPy has no such dtype. half() has as many bytes, float() the same range."
)


def wanted_dtype(args: Any, dtype: Any = None, device: Any = None) -> np.dtype[Any] | None:
    """Return the dtype that ``to`` was asked for, None for none.

    Its arguments are a dtype, a device and a dtype, or another tensor.
    Raises RuntimeError for a device that is not there, TypeError for what is none of these.
    """
    for value in (*args[:2], device):
        if isinstance(value, DtypeMethods):
            dtype = value.dtype
        elif value is not None and not isinstance(value, bool) and not is_device(value):
            dtype = value
    if dtype is None:
        return None
    try:
        # one that is not here says so when it is asked; older versions of NumPy do not ask
        dtype = dtype.dtype if isinstance(dtype, AbsentDtype) else np.dtype(dtype)
    except TypeError:
        given = repr(dtype) if isinstance(dtype, str) else type(dtype).__name__
        raise TypeError(f"to(): expected a dtype, 'cpu' or another tensor, got {given}") from None
    category(dtype)
    return dtype


class DtypeMethods:
    """Conversions; mixed into Tensor."""

    dtype: Any
    detach: Any
    _data: Any

    device = Device()
    is_cuda = is_sparse = is_quantized = is_mps = is_xpu = is_meta = False
    is_cpu = True
    layout = "strided"

    def to(
        self,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        non_blocking: bool = False,
        copy: bool = False,
        memory_format: Any = None,
    ) -> Any:
        """Return in another dtype: ``to(dtype)``, ``to(other)``, ``to('cpu', dtype)``.

        The tensor itself where nothing changes, unless ``copy``. ``memory_format`` says in which
        order the axes lie in memory. Raises RuntimeError for other devices.
        """
        dtype = wanted_dtype(args, dtype, device) or self.dtype
        if memory_format is not None and memory_format is not preserve_format:
            return contiguous(self.to(dtype=dtype, copy=copy), memory_format)
        flags = [value for value in args[1:] if isinstance(value, bool)]  # non_blocking, then copy
        if dtype != self.dtype:
            return astype(self if dtype.kind == "f" else self.detach(), dtype=dtype)
        return clone(self) if copy or flags[1:] == [True] else self

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """Return the name of the type, ``'minigrad.FloatTensor'``.

        With ``dtype``, the tensor converted.
        """
        return type_name(self.dtype) if dtype is None else self.to(dtype_of_type(dtype))

    def float(self, memory_format: Any = None) -> Any:
        """Return in float32."""
        return self.to(np.float32, memory_format=memory_format)

    def double(self, memory_format: Any = None) -> Any:
        """Return in float64."""
        return self.to(np.float64, memory_format=memory_format)

    def half(self, memory_format: Any = None) -> Any:
        """Return in float16."""
        return self.to(np.float16, memory_format=memory_format)

    def bfloat16(self) -> Any:
        """Raise RuntimeError: NumPy has no bfloat16."""
        raise RuntimeError(NO_BFLOAT16)

    def long(self, memory_format: Any = None) -> Any:
        """Return in int64."""
        return self.to(np.int64, memory_format=memory_format)

    def int(self, memory_format: Any = None) -> Any:
        """Return in int32."""
        return self.to(np.int32, memory_format=memory_format)

    def short(self, memory_format: Any = None) -> Any:
        """Return in int16."""
        return self.to(np.int16, memory_format=memory_format)

    def char(self, memory_format: Any = None) -> Any:
        """Return in int8."""
        return self.to(np.int8, memory_format=memory_format)

    def byte(self, memory_format: Any = None) -> Any:
        """Return in uint8."""
        return self.to(np.uint8, memory_format=memory_format)

    def bool(self, memory_format: Any = None) -> Any:
        """Return in bool."""
        return self.to(np.bool_, memory_format=memory_format)

    def type_as(self, other: Any) -> Any:
        """Return in the dtype of ``other``."""
        return self.to(other.dtype)

    def is_floating_point(self) -> Any:
        """Return whether the dtype is a float."""
        return self.dtype.kind == "f"

    def is_complex(self) -> Any:
        """Return False: minigrad has no complex tensors."""
        return False

    def is_signed(self) -> Any:
        """Return whether the dtype has negative numbers."""
        return self.dtype.kind in "fi"

    def cpu(self, memory_format: Any = None) -> Any:
        """Return the tensor, which is on the CPU."""
        return self.to(memory_format=memory_format)

    def get_device(self) -> Any:
        """Return -1: the CPU."""
        return -1

    def cuda(self, *args: Any, **kwargs: Any) -> Any:
        """Raise RuntimeError: minigrad computes on the CPU."""
        raise absent("cuda")
