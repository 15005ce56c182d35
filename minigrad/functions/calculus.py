"""Differences, derivatives and integrals of what was sampled, with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#other-operations
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.dtypes import get_default_dtype
from minigrad.functions.arguments import accepts_numpy_names, accepts_out
from minigrad.functions.comparison import logical_xor
from minigrad.functions.elementwise.arithmetic import sub
from minigrad.functions.index_checks import along_dim
from minigrad.functions.joining import cat
from minigrad.functions.shape import clone, reshape
from minigrad.ops import reduction
from minigrad.ops.indexing import getitem
from minigrad.ops.reduction import axis_of

__all__ = ["cumulative_trapezoid", "diff", "gradient", "trapezoid", "trapz"]

T = Any  # a Tensor, which this floor does not know


def _part(x: T, axis: int, start: int | None, stop: int | None) -> T:
    return getitem(x, index=along_dim(axis, slice(start, stop)))


# ---- differences --------------------------------------------------------------------------------
@accepts_out
def diff(input: T, n: int = 1, dim: int = -1, prepend: T = None, append: T = None) -> T:
    """Return the differences of neighbours along ``dim``, n times over.

    ``prepend`` and ``append`` come before and behind first. Of bools it is where they differ.
    Raises RuntimeError for a 0-d input, a negative n and shapes that do not fit.
    https://docs.pytorch.org/docs/stable/generated/torch.diff.html

    >>> import minigrad as mg
    >>> mg.diff(mg.tensor([1, 3, 2]))
    tensor([ 2, -1])
    """
    if input.ndim == 0:
        raise RuntimeError(f"diff expects input to be at least one-dimensional, got {input}")
    axis = axis_of(input, dim)
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    parts = [x for x in (prepend, input, append) if x is not None]
    for x in parts:
        _check_fits(input, x, axis)
    result = cat(parts, axis) if len(parts) > 1 else input
    if n == 0:
        return clone(result)
    subtract = logical_xor if result.dtype.kind == "b" else sub
    for _ in range(min(n, result.shape[axis])):
        before, after = _neighbours(result, axis)
        result = subtract(after, before)
    return result


def _check_fits(input: T, x: T, axis: int) -> None:
    if x.ndim != input.ndim:
        raise RuntimeError(
            "diff expects prepend or append to be the same dimension as input, got "
            f"{x.ndim} and {input.ndim}"
        )
    for i, (n, m) in enumerate(zip(input.shape, x.shape, strict=True)):
        if n != m and i != axis:
            raise RuntimeError(
                "diff expects the shape of tensor to prepend or append to match that of input "
                f"except along the differencing dimension; input.size({i}) = {n}, but got "
                f"tensor.size({i}) = {m}"
            )


# ---- derivatives --------------------------------------------------------------------------------
@accepts_numpy_names
def gradient(input: T, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[T, ...]:
    """Return the derivative along each dimension, or each of ``dim``, from three points each.

    ``spacing`` is the distance of the points, one number, a list of one per dimension, or a list of
    1-d tensors of coordinates. At the ends it is a difference of ``edge_order`` 1 or 2.
    Raises RuntimeError for fewer points than that takes.
    https://docs.pytorch.org/docs/stable/generated/torch.gradient.html

    >>> import minigrad as mg
    >>> mg.gradient(mg.tensor([1.0, 4.0, 9.0, 16.0]))[0]
    tensor([3., 4., 6., 7.])
    """
    axes = _axes_of_gradient(input, dim)
    spacings = _spacings(input, spacing, dim, len(axes))
    if edge_order not in (1, 2):
        raise RuntimeError(
            f"torch.gradient only supports edge_order=1 and edge_order=2, got {edge_order}"
        )
    if any(input.shape[axis] <= edge_order for axis in axes):
        raise RuntimeError(
            "torch.gradient expected each dimension size to be at least edge_order+1, got "
            f"{list(input.shape)}"
        )
    return tuple(
        _derivative(input, axis, step, edge_order)
        for axis, step in zip(axes, spacings, strict=True)
    )


def _axes_of_gradient(input: T, dim: Any) -> list[int]:
    if dim is None:
        return list(range(input.ndim))
    dims = dim if isinstance(dim, (tuple, list)) else [dim]
    axes = []
    for d in dims:
        axis = axis_of(input, d)
        if axis in axes:
            raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")
        axes.append(axis)
    return axes


def _spacings(input: T, spacing: Any, dim: Any, count: int) -> Sequence[Any]:
    """Return a number or 1-d coordinates for each dimension."""
    if not isinstance(spacing, (tuple, list)):
        return [spacing] * count
    if len(spacing) != count:
        wanted = f"'self.dim() = {count}', since dim argument was not given"
        if dim is not None:
            wanted = f"the number of dims, {count}"
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar, or a list of length "
            f"equal to {wanted}, but got a list of length {len(spacing)}"
        )
    for step in spacing:
        if getattr(step, "ndim", 0) > 1:
            raise RuntimeError(
                "torch.gradient expected each element of spacing to have one dimension, but got "
                f"an element with {step.ndim} dimensions!"
            )
    return spacing


def _derivative(x: T, axis: int, spacing: Any, edge_order: int) -> T:
    before, after = _neighbours(x, axis)
    steps = _steps(x, axis, spacing)
    slopes = (after - before) / steps
    left, right = _neighbours(slopes, axis)
    step, next_step = _neighbours(steps, axis)
    bends = (right - left) / (step + next_step)
    inner = left + bends * step

    first, last = _ends(slopes, axis)
    if edge_order == 2:
        bend, last_bend = _ends(bends, axis)
        step, last_step = _ends(steps, axis)
        first = first - bend * step
        last = last + last_bend * last_step
    return cat([first, inner, last], axis)


def _neighbours(x: T, axis: int) -> tuple[T, T]:
    """Return all but the last along an axis, and all but the first."""
    return _part(x, axis, None, -1), _part(x, axis, 1, None)


def _ends(x: T, axis: int) -> tuple[T, T]:
    """Return the first along an axis, and the last."""
    return _part(x, axis, None, 1), _part(x, axis, -1, None)


def _steps(x: T, axis: int, spacing: Any) -> T:
    """Return the distances of neighbours along an axis, of length 1 along the others."""
    n = x.shape[axis]
    shape = [1] * x.ndim
    shape[axis] = n - 1
    if not getattr(spacing, "ndim", 0):
        dtype = x.dtype if x.dtype.kind == "f" else get_default_dtype()
        return x._wrap(np.ones(shape, dtype)) * spacing
    if spacing.shape[0] != n:
        raise RuntimeError(
            f"torch.gradient expected {n} coordinates for dimension {axis}, got {spacing.shape[0]}"
        )
    return reshape(spacing[1:] - spacing[:-1], shape)


# ---- integrals ----------------------------------------------------------------------------------
@accepts_numpy_names
def trapezoid(y: T, x: T = None, *, dx: Any = None, dim: int = -1) -> T:
    """Return the integral along ``dim`` of the polygon through the points.

    They are ``dx`` apart, by default 1, or at ``x``, (n,) or a shape that broadcasts with y's.
    Raises RuntimeError for bools and sizes that do not fit, TypeError for both x and dx.
    https://docs.pytorch.org/docs/stable/generated/torch.trapezoid.html

    >>> import minigrad as mg
    >>> mg.trapezoid(mg.tensor([1.0, 5.0, 10.0]))
    tensor(10.5000)
    """
    axis = axis_of_samples(y, dim)
    areas = _areas("trapezoid", y, x, dx, axis)
    return reduction.sum(areas, axis=(axis,), keepdims=False) / 2


def axis_of_samples(y: T, dim: int) -> int:
    """Return the axis; a tensor without dimensions has none to integrate along."""
    if y.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return axis_of(y, dim)


trapz = trapezoid


@accepts_numpy_names
def cumulative_trapezoid(y: T, x: T = None, *, dx: Any = None, dim: int = -1) -> T:
    """Return the integral up to each point but the first; see :func:`trapezoid`.

    https://docs.pytorch.org/docs/stable/generated/torch.cumulative_trapezoid.html

    >>> import minigrad as mg
    >>> mg.cumulative_trapezoid(mg.tensor([1.0, 5.0, 10.0]))
    tensor([ 3.0000, 10.5000])
    """
    axis = axis_of_samples(y, dim)
    areas = _areas("cumulative_trapezoid", y, x, dx, axis)
    return reduction.cumsum(areas, axis=axis) / 2


def _areas(function: str, y: T, x: T, dx: Any, axis: int) -> T:
    """Return twice the area between each two neighbours."""
    if x is not None and dx is not None:
        raise TypeError(f"{function}() takes x, the points, or dx, their distance, but not both")
    _check_not_bools(function, y, x)
    before, after = _neighbours(y, axis)
    sums = before + after
    if x is not None:
        return sums * _distances(function, y, x, axis)
    return sums if dx is None else sums * dx


def _check_not_bools(function: str, y: T, x: T) -> None:
    samples = {"`y`": y} if x is None else {"`x` or `y`": x, "`y` or `x`": y}
    for names, sample in samples.items():
        if sample.dtype.kind == "b":
            raise RuntimeError(
                f"{function}: received a bool input for {names}, but bool is not supported"
            )


def _distances(function: str, y: T, x: T, axis: int) -> T:
    if x.ndim == 1:
        if x.shape[0] != y.shape[axis]:
            raise RuntimeError(
                f"{function}: There must be one `x` value for each sample point, "
                f"got {x.shape[0]} for {y.shape[axis]}"
            )
        x = reshape(x, (-1, *(1,) * (y.ndim - axis - 1)))
    at = axis - y.ndim + x.ndim  # both have as many axes behind it
    if at < 0:
        return np.zeros((), y.dtype)
    before, after = _neighbours(x, at)
    return after - before
