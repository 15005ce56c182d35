"""Comparing, and the logical and bitwise families: none has a gradient.

https://docs.pytorch.org/docs/stable/torch.html#comparison-ops
"""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from minigrad.engine.recording import Recorded
from minigrad.functions.arguments import EITHER, no_tensor, numpy_names, of_one, of_two
from minigrad.ops import comparison as ops

__all__ = [
    "allclose", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    "eq", "equal", "ge", "greater", "greater_equal", "gt", "isclose", "isfinite", "isinf", "isnan", "le", "less",
    "less_equal", "logical_and", "logical_not", "logical_or", "logical_xor", "lt", "ne", "not_equal",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know

eq, ne, lt, le, gt, ge = (
    of_two(f, "other") for f in (ops.eq, ops.ne, ops.lt, ops.le, ops.gt, ops.ge)
)
logical_and, logical_or, logical_xor = map(
    of_two, (ops.logical_and, ops.logical_or, ops.logical_xor)
)
bitwise_and, bitwise_or, bitwise_xor = (
    of_two(f, EITHER) for f in (ops.bitwise_and, ops.bitwise_or, ops.bitwise_xor)
)
bitwise_left_shift = of_two(ops.bitwise_left_shift, EITHER)
bitwise_right_shift = of_two(ops.bitwise_right_shift, EITHER)
isnan, isinf, isfinite = map(of_one, (ops.isnan, ops.isinf, ops.isfinite))
logical_not, bitwise_not = of_one(ops.logical_not), of_one(ops.bitwise_not)
not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge


def _check_other(function: str, other: Any) -> None:
    if not isinstance(other, Recorded):
        raise no_tensor(function, "other", 2, other)


@numpy_names
def equal(input: T, other: Any) -> bool:
    """Return whether shapes and all elements are equal, as a Python bool."""
    _check_other("equal", other)
    return input.shape == other.shape and bool(np.array_equal(input._data, other._data))


@numpy_names
def isclose(
    input: T, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> T:
    """Return where |input - other| <= atol + rtol * |other|; raise RuntimeError for two dtypes.

    >>> import minigrad as mg
    >>> mg.isclose(mg.tensor([1.0, 2.0]), mg.tensor([1.0, 2.1]))
    tensor([ True, False])
    """
    _check_other("isclose", other)
    if input.dtype != other.dtype:
        raise RuntimeError(
            f"isclose(): {input.dtype} did not match {other.dtype}; convert one: x.to(y.dtype)"
        )
    if rtol < 0 or atol < 0:
        raise RuntimeError(
            f"rtol and atol must be greater than or equal to zero, but got {rtol} and {atol}"
        )
    x, y = input.detach(), other.detach()
    close = eq(x, y)
    if x.dtype.kind == "f":
        near = le((x - y).abs(), atol + (rtol * y).abs())
        close = logical_or(close, logical_and(near, isfinite(y)))
        if equal_nan:
            close = logical_or(close, logical_and(isnan(x), isnan(y)))
    return close


@numpy_names
def allclose(
    input: T, other: T, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> builtins.bool:
    """Return whether all elements are close, as a Python bool; see :func:`isclose`."""
    return bool(isclose(input, other, rtol, atol, equal_nan)._data.all())
