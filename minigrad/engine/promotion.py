"""Operands: which are taken, and how they come to their common dtype (PyTorch's rules)."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.dtypes import get_default_dtype, promoted
from minigrad.primitive import Primitive

_ndarray = np.ndarray
NUMBERS = (float, int, bool)


def as_operand(x: Any, primitive: Primitive) -> Any:
    if (
        type(x) in NUMBERS
        or isinstance(x, np.ndarray)
        or (x is None and primitive.promotes is None)
    ):
        return x
    if isinstance(x, np.generic) and type(x.item()) in NUMBERS:
        return x.item()  # NumPy's scalars are numbers, as in PyTorch
    if hasattr(x, "__array_ufunc__") and not isinstance(x, np.generic):
        return x  # an array of another device
    raise TypeError(
        f"{primitive.name}(): operands must be Tensors, arrays or real numbers, not "
        f"{type(x).__name__}"
    )


def same_float_dtype(a: Any, b: Any) -> bool:
    """Return whether two operands are of one float dtype already; Python numbers fit any."""
    if type(a) is not _ndarray:
        a, b = b, a
    other = type(b)
    return (
        type(a) is _ndarray
        and a.dtype.kind == "f"
        and (other is float or other is int or (other is _ndarray and b.dtype is a.dtype))
    )


def all_same_float_dtype(values: list[Any]) -> bool:
    """Return whether all operands are arrays of one float dtype already."""
    common = None
    for x in values:
        if type(x) is not _ndarray:
            return False
        if x.dtype is not common and common is not None:
            return False
        common = x.dtype
    return common is not None and common.kind == "f"


def promote_operands(primitive: Primitive, values: list[Any]) -> list[Any]:
    """Bring operands to the dtype that the primitive asks for: a common one, or a float."""
    start = primitive.promotes
    if primitive.guard is not None:
        primitive.guard(*values)
    if start is not None:
        values = values[:start] + _promote_quickly(values[start:])
    if primitive.floats and not any(v.dtype.kind == "f" for v in values if hasattr(v, "dtype")):
        values = [v.astype(get_default_dtype()) if hasattr(v, "dtype") else v for v in values]
    return values


def _promote_quickly(values: list[Any]) -> list[Any]:
    """Most often they have their common dtype already: one float dtype, and Python numbers."""
    common = None
    for x in values:
        if type(x) is float or type(x) is int:
            continue
        dtype = x.dtype if hasattr(x, "dtype") else None
        if dtype is None or dtype.kind != "f" or (common is not None and dtype is not common):
            return promoted(values)
        common = dtype
    return values if common is not None else promoted(values)
