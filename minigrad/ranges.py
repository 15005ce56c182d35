"""Numbers in a row, on a diagonal, in a triangle.

https://docs.pytorch.org/docs/stable/torch.html#creation-ops
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from minigrad.creation import dtype_or_default, placed, placed_out
from minigrad.dtypes import get_default_dtype
from minigrad.tensor.tensor import Tensor


@placed_out
def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ones on the diagonal, (n, m).

    https://docs.pytorch.org/docs/stable/generated/torch.eye.html

    >>> import minigrad as mg
    >>> mg.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    for name, length in (("n", n), ("m", m)):
        if length is not None and length < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {length}")
    return Tensor._wrap(np.eye(n, m, dtype=dtype_or_default(dtype)), requires_grad=requires_grad)


@placed_out
def arange(*bounds: Any, dtype: Any = None, requires_grad: bool = False, **named: Any) -> Tensor:
    """Return start, start + step, … below end: ``arange(end)``, ``arange(start, end[, step])``.

    https://docs.pytorch.org/docs/stable/generated/torch.arange.html

    >>> import minigrad as mg
    >>> mg.arange(2, 8, 2)
    tensor([2, 4, 6])
    """
    if named:
        bounds = (*bounds, *(named[name] for name in ("start", "end", "step") if name in named))
    start, end, step = _checked_range(bounds)
    if dtype is None:
        all_integers = all(isinstance(x, int) for x in (start, end, step))
        dtype = np.int64 if all_integers else get_default_dtype()
    dtype = _not_bool("arange", dtype)
    count = math.ceil((end - start) / step)
    if dtype.kind in "iu":
        start, step = int(start), int(step)
    values = start + np.arange(count) * step
    return Tensor._wrap(values.astype(dtype), requires_grad=requires_grad)


@placed_out
def range(
    start: float, end: float, step: float = 1, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return start, start + step, … up to and with end; :func:`arange` leaves the end out.

    Of the default dtype. Raises RuntimeError for a step of 0 or away from the end.
    https://docs.pytorch.org/docs/stable/generated/torch.range.html

    >>> import minigrad as mg
    >>> mg.range(1, 4)
    tensor([1., 2., 3., 4.])
    """
    if step == 0:
        raise RuntimeError(f"step must be nonzero, got {step}")
    steps = (end - start) / step
    if steps < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: {start}, {end}, {step}"
        )
    count = math.floor(steps) + 1
    values = start + np.arange(count) * step
    values = values.astype(dtype_or_default(dtype))
    return Tensor._wrap(values, requires_grad=requires_grad)


def _checked_range(bounds: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Return (start, end, step) as numbers."""
    if not 1 <= len(bounds) <= 3:
        raise TypeError(
            f"arange(): expected end, or start, end[, step], but got {len(bounds)} numbers"
        )
    if len(bounds) == 1:
        bounds = (0, *bounds)
    start, end, step = (
        x.item() if isinstance(x, (Tensor, np.generic)) else x for x in (*bounds, 1)[:3]
    )
    if step == 0:
        raise RuntimeError(f"step must be nonzero, got {step}")
    if not np.isfinite([start, end]).all():
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError(
            "upper bound and lower bound inconsistent with step sign: "
            f"{start} -> {end} in steps of {step}"
        )
    return start, end, step


def _not_bool(function: str, dtype: Any) -> np.dtype[Any]:
    dtype = dtype_or_default(dtype)
    if dtype.kind == "b":
        raise NotImplementedError(f"{function}(): not implemented for {dtype}")
    return dtype


def _line(function: str, start: Any, end: Any, steps: int, dtype: np.dtype[Any]) -> np.ndarray:
    """Return ``steps`` numbers from start to end in float64, each counted from the nearer end.

    For an integer dtype the ends are cut down to integers first.
    """
    steps = operator.index(steps)
    if steps < 0:
        raise RuntimeError(f"{function}: number of steps must be non-negative, got {steps}")
    number = int if dtype.kind in "iu" else float
    first, last = number(start), number(end)
    if steps < 2:
        return first + np.zeros(steps)
    step = (last - first) / (steps - 1)
    half = steps // 2
    from_start = first + step * np.arange(half)
    from_end = last - step * np.arange(steps - half)[::-1]
    return np.concatenate([from_start, from_end])


@placed_out
def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return ``steps`` values from start to end, both included; integers between integers.

    https://docs.pytorch.org/docs/stable/generated/torch.linspace.html

    >>> import minigrad as mg
    >>> mg.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    dtype = _not_bool("linspace", dtype)
    return Tensor._wrap(
        _line("linspace", start, end, steps, dtype).astype(dtype), requires_grad=requires_grad
    )


@placed_out
def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return ``steps`` values from base**start to base**end, evenly spaced in their logarithm.

    https://docs.pytorch.org/docs/stable/generated/torch.logspace.html

    >>> import minigrad as mg
    >>> mg.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    dtype = _not_bool("logspace", dtype)
    powers = float(base) ** _line("logspace", start, end, steps, dtype)
    return Tensor._wrap(powers.astype(dtype), requires_grad=requires_grad)


@placed
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None) -> Tensor:
    """Return the indices of the lower triangle of a (row, col) matrix, (2, n).

    https://docs.pytorch.org/docs/stable/generated/torch.tril_indices.html

    >>> import minigrad as mg
    >>> mg.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return _pairs("tril_indices", np.tril_indices, row, col, offset, dtype)


@placed
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None) -> Tensor:
    """Return the indices of the upper triangle of a (row, col) matrix, (2, n).

    https://docs.pytorch.org/docs/stable/generated/torch.triu_indices.html

    >>> import minigrad as mg
    >>> mg.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    return _pairs("triu_indices", np.triu_indices, row, col, offset, dtype)


def _pairs(name: str, function: Any, row: int, col: int, offset: int, dtype: Any) -> Tensor:
    dtype = np.dtype(dtype or np.int64)
    is_negative = min(row, col) < 0
    if is_negative:
        raise RuntimeError(f"{name}: row and col must be non-negative, got {row} and {col}")
    if dtype not in (np.int32, np.int64):
        raise NotImplementedError(f'"{name}" not implemented for {dtype}; expected int32 or int64')
    rows_and_columns = function(row, offset, col)
    indices = np.stack(rows_and_columns)
    return Tensor._wrap(indices.astype(dtype))
