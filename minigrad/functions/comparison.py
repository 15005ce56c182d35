"""Comparing, and the logical and bitwise families: none has a gradient.

https://docs.pytorch.org/docs/stable/torch.html#comparison-ops
"""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from minigrad.engine.recording import Recorded
from minigrad.functions.arguments import (
    Numbers,
    accepts_numpy_names,
    binary,
    not_a_tensor_error,
    unary,
)
from minigrad.ops import comparison as ops

__all__ = [
    "allclose", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "eq", "equal", "ge", "greater", "greater_equal", "gt",
    "isclose", "isfinite", "isinf", "isnan", "le", "less", "less_equal", "logical_and",
    "logical_not", "logical_or", "logical_xor", "lt", "ne", "not_equal",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


@binary(ops.eq, Numbers.OTHER)
def eq(input: T, other: T) -> T:
    """Return where input == other, as bools; NaN equals nothing.

    Shapes broadcast. ``other`` may be a number. RuntimeError where shapes do not fit, TypeError
    for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.eq.html

    >>> import minigrad as mg
    >>> mg.eq(mg.tensor([1, 2]), 2)
    tensor([False,  True])
    """


@binary(ops.ne, Numbers.OTHER)
def ne(input: T, other: T) -> T:
    """Return where input != other, as bools; NaN differs from everything.

    Shapes broadcast. ``other`` may be a number. RuntimeError where shapes do not fit, TypeError
    for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.ne.html

    >>> import minigrad as mg
    >>> mg.ne(mg.tensor([1, 2]), 2)
    tensor([ True, False])
    """


@binary(ops.lt, Numbers.OTHER)
def lt(input: T, other: T) -> T:
    """Return where input < other, as bools.

    Shapes broadcast. ``other`` may be a number. RuntimeError where shapes do not fit, TypeError
    for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.lt.html

    >>> import minigrad as mg
    >>> mg.lt(mg.tensor([1, 2, 3]), 2)
    tensor([ True, False, False])
    """


@binary(ops.le, Numbers.OTHER)
def le(input: T, other: T) -> T:
    """Return where input <= other, as bools.

    Shapes broadcast. ``other`` may be a number. RuntimeError where shapes do not fit, TypeError
    for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.le.html

    >>> import minigrad as mg
    >>> mg.le(mg.tensor([1, 2, 3]), 2)
    tensor([ True,  True, False])
    """


@binary(ops.gt, Numbers.OTHER)
def gt(input: T, other: T) -> T:
    """Return where input > other, as bools.

    Shapes broadcast. ``other`` may be a number. RuntimeError where shapes do not fit, TypeError
    for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.gt.html

    >>> import minigrad as mg
    >>> mg.gt(mg.tensor([1, 2, 3]), 2)
    tensor([False, False,  True])
    """


@binary(ops.ge, Numbers.OTHER)
def ge(input: T, other: T) -> T:
    """Return where input >= other, as bools.

    Shapes broadcast. ``other`` may be a number. RuntimeError where shapes do not fit, TypeError
    for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.ge.html

    >>> import minigrad as mg
    >>> mg.ge(mg.tensor([1, 2, 3]), 2)
    tensor([False,  True,  True])
    """


not_equal = ne

less = lt

less_equal = le

greater = gt

greater_equal = ge


@unary(ops.isnan)
def isnan(input: T) -> T:
    """Return which elements are NaN, as bools.

    Any shape. TypeError for anything that is not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.isnan.html

    >>> import minigrad as mg
    >>> mg.isnan(mg.tensor([1.0, float("nan")]))
    tensor([False,  True])
    """


@unary(ops.isinf)
def isinf(input: T) -> T:
    """Return which elements are inf or -inf, as bools.

    Any shape. TypeError for anything that is not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.isinf.html

    >>> import minigrad as mg
    >>> mg.isinf(mg.tensor([1.0, float("-inf")]))
    tensor([False,  True])
    """


@unary(ops.isfinite)
def isfinite(input: T) -> T:
    """Return which elements are neither NaN nor infinite, as bools.

    Any shape. TypeError for anything that is not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.isfinite.html

    >>> import minigrad as mg
    >>> mg.isfinite(mg.tensor([1.0, float("inf")]))
    tensor([ True, False])
    """


def _check_other(function: str, other: Any) -> None:
    if not isinstance(other, Recorded):
        raise not_a_tensor_error(function, "other", 2, other)


@accepts_numpy_names
def equal(input: T, other: Any) -> bool:
    """Return whether shapes and all elements are equal, as a Python bool.

    https://docs.pytorch.org/docs/stable/generated/torch.equal.html

    >>> import minigrad as mg
    >>> mg.equal(mg.tensor([1.0, 2.0, 3.0]), mg.tensor([1.0, 2.0, 3.0]))
    True
    """
    _check_other("equal", other)
    return input.shape == other.shape and bool(np.array_equal(input._data, other._data))


@accepts_numpy_names
def isclose(
    input: T, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> T:
    """Return where |input - other| <= atol + rtol * |other|; raise RuntimeError for two dtypes.

    https://docs.pytorch.org/docs/stable/generated/torch.isclose.html

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


@accepts_numpy_names
def allclose(
    input: T, other: T, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> builtins.bool:
    """Return whether all elements are close, as a Python bool; see :func:`isclose`.

    https://docs.pytorch.org/docs/stable/generated/torch.allclose.html

    >>> import minigrad as mg
    >>> mg.allclose(mg.tensor([1.0, 2.0, 3.0]), mg.tensor([1.0, 2.0, 3.0]))
    True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan)._data.all())


@unary(ops.logical_not)
def logical_not(input: T) -> T:
    """Return which elements are 0 or False, as bools.

    Any shape. TypeError for anything that is not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.logical_not.html

    >>> import minigrad as mg
    >>> mg.logical_not(mg.tensor([0.0, 2.0]))
    tensor([ True, False])
    """


@binary(ops.logical_and)
def logical_and(input: T, other: T) -> T:
    """Return where both elements are true (not 0), as bools.

    Shapes broadcast. RuntimeError where shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.logical_and.html

    >>> import minigrad as mg
    >>> mg.logical_and(mg.tensor([0, 1, 2]), mg.tensor([1, 0, 1]))
    tensor([False, False,  True])
    """


@binary(ops.logical_or)
def logical_or(input: T, other: T) -> T:
    """Return where an element of either is true (not 0), as bools.

    Shapes broadcast. RuntimeError where shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.logical_or.html

    >>> import minigrad as mg
    >>> mg.logical_or(mg.tensor([0, 1, 0]), mg.tensor([1, 0, 0]))
    tensor([ True,  True, False])
    """


@binary(ops.logical_xor)
def logical_xor(input: T, other: T) -> T:
    """Return where exactly one of the elements is true (not 0), as bools.

    Shapes broadcast. RuntimeError where shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.logical_xor.html

    >>> import minigrad as mg
    >>> mg.logical_xor(mg.tensor([0, 1, 2]), mg.tensor([1, 0, 1]))
    tensor([ True,  True, False])
    """


@unary(ops.bitwise_not)
def bitwise_not(input: T) -> T:
    """Return the complement of the bits of each integer; of bools, not input.

    Any shape. The dtype stays; NotImplementedError for floats. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.bitwise_not.html

    >>> import minigrad as mg
    >>> mg.bitwise_not(mg.tensor([0, 5]))
    tensor([-1, -6])
    """


@binary(ops.bitwise_and, Numbers.EITHER)
def bitwise_and(input: T, other: T) -> T:
    """Return the bits that both integers have; of bools, input and other.

    Shapes broadcast. Either may be a number. NotImplementedError for floats. RuntimeError where
    shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.bitwise_and.html

    >>> import minigrad as mg
    >>> mg.bitwise_and(mg.tensor([12, 10]), 6)
    tensor([4, 2])
    """


@binary(ops.bitwise_or, Numbers.EITHER)
def bitwise_or(input: T, other: T) -> T:
    """Return the bits that either integer has; of bools, input or other.

    Shapes broadcast. Either may be a number. NotImplementedError for floats. RuntimeError where
    shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.bitwise_or.html

    >>> import minigrad as mg
    >>> mg.bitwise_or(mg.tensor([12, 10]), 6)
    tensor([14, 14])
    """


@binary(ops.bitwise_xor, Numbers.EITHER)
def bitwise_xor(input: T, other: T) -> T:
    """Return the bits that exactly one of the integers has; of bools, input != other.

    Shapes broadcast. Either may be a number. NotImplementedError for floats. RuntimeError where
    shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.bitwise_xor.html

    >>> import minigrad as mg
    >>> mg.bitwise_xor(mg.tensor([12, 10]), 6)
    tensor([10, 12])
    """


@binary(ops.bitwise_left_shift, Numbers.EITHER)
def bitwise_left_shift(input: T, other: T) -> T:
    """Return the bits of input moved up by other places: input * 2**other.

    Shapes broadcast. Either may be a number. NotImplementedError for floats and bools.
    RuntimeError where shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.bitwise_left_shift.html

    >>> import minigrad as mg
    >>> mg.bitwise_left_shift(mg.tensor([1, 3]), 2)
    tensor([ 4, 12])
    """


@binary(ops.bitwise_right_shift, Numbers.EITHER)
def bitwise_right_shift(input: T, other: T) -> T:
    """Return the bits of input moved down by other places: input // 2**other.

    Shapes broadcast. Either may be a number. NotImplementedError for floats and bools.
    RuntimeError where shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.bitwise_right_shift.html

    >>> import minigrad as mg
    >>> mg.bitwise_right_shift(mg.tensor([4, 13]), 2)
    tensor([1, 3])
    """
