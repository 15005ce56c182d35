"""The methods of Tensor that change its dtype, or ask where it is: the CPU, always."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.device import Device as Device
from minigrad.device import is_device as is_device
from minigrad.dtypes import category, dtype_of_type, type_name
from minigrad.ops.shape import astype
from minigrad.ops.shape import copy as clone


class Converting:
    """Conversions; mixed into Tensor."""

    dtype: Any
    detach: Any
    _data: Any

    device = Device()
    is_cuda = is_sparse = is_quantized = False
    is_cpu = True
    layout = "strided"

    def to(self, *args: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False,
           copy: bool = False, memory_format: Any = None) -> Any:  # fmt: skip
        """Return in another dtype: of ``to(dtype)``, ``to(other)``, ``to('cpu')`` or ``to('cpu', dtype)``.

        The tensor itself where nothing changes, unless ``copy``. Raises RuntimeError for other devices.
        """
        for value in (*args[:2], device):
            if isinstance(value, Converting):
                dtype = value.dtype
            elif value is not None and not isinstance(value, bool) and not is_device(value):
                dtype = value
        flags = [value for value in args[1:] if isinstance(value, bool)]  # non_blocking, then copy
        dtype = self.dtype if dtype is None else np.dtype(dtype)
        category(dtype)
        if dtype != self.dtype:
            return astype(self if dtype.kind == "f" else self.detach(), dtype=dtype)
        return clone(self) if copy or flags[1:] == [True] else self

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """Return the name of the type, ``'minigrad.FloatTensor'``; with ``dtype``, the tensor converted."""
        return type_name(self.dtype) if dtype is None else self.to(dtype_of_type(dtype))

    def float(self) -> Any:
        """Return in float32."""
        return self.to(np.float32)

    def double(self) -> Any:
        """Return in float64."""
        return self.to(np.float64)

    def half(self) -> Any:
        """Return in float16."""
        return self.to(np.float16)

    def long(self) -> Any:
        """Return in int64."""
        return self.to(np.int64)

    def int(self) -> Any:
        """Return in int32."""
        return self.to(np.int32)

    def short(self) -> Any:
        """Return in int16."""
        return self.to(np.int16)

    def char(self) -> Any:
        """Return in int8."""
        return self.to(np.int8)

    def byte(self) -> Any:
        """Return in uint8."""
        return self.to(np.uint8)

    def bool(self) -> Any:
        """Return in bool."""
        return self.to(np.bool_)

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

    def cpu(self) -> Any:
        """Return the tensor, which is on the CPU."""
        return self

    def get_device(self) -> Any:
        """Return -1: the CPU."""
        return -1

    def cuda(self, *args: Any, **kwargs: Any) -> Any:
        """Raise RuntimeError: minigrad computes on the CPU."""
        raise RuntimeError("cuda(): minigrad computes on the CPU; leave the call out, or ask cuda.is_available() first")
