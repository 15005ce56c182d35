"""Reductions with PyTorch's names: ``dim`` and ``keepdim`` (``axis`` and ``keepdims`` are taken too).

https://docs.pytorch.org/docs/stable/torch.html#reduction-ops
"""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from minigrad.engine.views import own
from minigrad.functions.arguments import accepts_numpy_names, not_a_tensor_error
from minigrad.functions.return_types import RETURN_TYPES
from minigrad.ops import elementwise, indexing, linalg, reduction, scan
from minigrad.ops.summation import size_along
from minigrad.silence import warn

__all__ = [
    "all", "amax", "amin", "aminmax", "any", "argmax", "argmin", "count_nonzero", "log_softmax", "logsumexp", "max",
    "mean", "min", "nanmean", "nansum", "norm", "prod", "softmax", "std", "std_mean", "sum", "var", "var_mean",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know
Dim = int | tuple[int, ...] | list[int] | None


def _none_named(dim: Dim) -> builtins.bool:
    return isinstance(dim, (tuple, list)) and not dim


def _axes(input: T, dim: Dim) -> tuple[int, ...]:
    """Return the axes to reduce: all of them for no ``dim`` and for none named."""
    return reduction.axes_of(input, None if _none_named(dim) else dim)


@accepts_numpy_names
def sum(input: T, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> T:
    """Return the sum over ``dim`` (all by default); integers and bools sum to int64."""
    input = input if dtype is None else input.to(dtype)
    if input.dtype.kind == "u":
        input = input.long()
    total = reduction.sum(input, axis=_axes(input, dim), keepdims=keepdim)
    return total if dtype is None else total.to(dtype)


@accepts_numpy_names
def mean(input: T, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> T:
    """Return the mean over ``dim`` (all by default); raise RuntimeError for integers."""
    input = input if dtype is None else input.to(dtype)
    if input.dtype.kind != "f":
        raise NotImplementedError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {input.dtype}. Convert it first: x.float().mean()"
        )
    return reduction.mean(input, axis=_axes(input, dim), keepdims=keepdim)


@accepts_numpy_names
def prod(input: T, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> T:
    """Return the product over ``dim`` (all by default); integers and bools give int64. Zeros do the gradient no harm."""
    input = input if dtype is None else input.to(dtype)
    if input.dtype.kind != "f":
        input = input.long()
    axis = 0 if dim is None else reduction.axis_of(input, dim)
    flat = input.reshape(-1) if dim is None else input
    made = (
        scan.prod(flat, axis=axis, keepdims=keepdim and dim is not None)
        if flat.ndim
        else input.clone()
    )
    return made if dtype is None else made.to(dtype)


def _axes_and_divisor(
    name: str, input: T, dim: Any, correction: float | None, unbiased: Any
) -> tuple[tuple[int, ...], float]:
    """Return the axes, and what their squares are divided by."""
    if isinstance(dim, bool):  # the old signature, var(unbiased)
        dim, correction = None, int(dim)
    if unbiased is not None:
        correction = int(unbiased)
    if input.dtype.kind != "f":
        raise NotImplementedError(
            f"{name}: only floating point and complex dtypes are supported, got {input.dtype}"
        )
    axes = _axes(input, dim)
    left = size_along(input.shape, axes) - (1 if correction is None else correction)
    if left <= 0:
        warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor "
            "(input numel divided by output numel)."
        )
    return axes, builtins.max(left, 0)


def _variance(input: T, axes: tuple[int, ...], left: float, keepdim: bool) -> T:
    """Return the sum of squares around the mean over ``left``; of float16 in float32."""
    d = reduction.centred(_float32(input), axis=axes)
    squares = reduction.mean_square(d, axis=axes, keepdims=keepdim)
    factor = size_along(input.shape, axes) / left if left else math.inf
    return squares if factor == 1 else squares * factor


def _float32(input: T) -> T:
    return input.float() if input.dtype == np.float16 else input


def _standard_deviation(input: T, axes: tuple[int, ...], left: float, keepdim: bool) -> T:
    """Return the root of the variance, in float64 where its square is beyond float32."""
    variance = _variance(input, axes, left, keepdim)
    if variance.dtype == np.float32:
        limits = np.finfo(np.float32)
        if ((variance._data < limits.tiny) | (variance._data > limits.max)).any():
            variance = _variance(input.double(), axes, left, keepdim)
    return elementwise.safe_sqrt(variance).to(input.dtype)


@accepts_numpy_names
def var(
    input: T,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> T:
    """Return the variance over ``dim``, divided by n - correction (default 1: the unbiased one)."""
    axes, left = _axes_and_divisor("var", input, dim, correction, unbiased)
    return _variance(input, axes, left, keepdim).to(input.dtype)


@accepts_numpy_names
def std(
    input: T,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> T:
    """Return the standard deviation over ``dim``; see :func:`var`. Its gradient at a constant is 0."""
    axes, left = _axes_and_divisor("std", input, dim, correction, unbiased)
    return _standard_deviation(input, axes, left, keepdim)


@accepts_numpy_names
def var_mean(
    input: T,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[T, T]:
    """Return (variance, mean) over ``dim``; see :func:`var`."""
    axes, left = _axes_and_divisor("var_mean", input, dim, correction, unbiased)
    mean = reduction.mean(input, axis=axes, keepdims=keepdim)
    return _variance(input, axes, left, keepdim).to(input.dtype), mean


@accepts_numpy_names
def std_mean(
    input: T,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[T, T]:
    """Return (standard deviation, mean) over ``dim``; see :func:`std`."""
    axes, left = _axes_and_divisor("std_mean", input, dim, correction, unbiased)
    return _standard_deviation(input, axes, left, keepdim), reduction.mean(
        input, axis=axes, keepdims=keepdim
    )


def _nonempty_axes(name: str, input: T, dim: Dim) -> tuple[int, ...]:
    """Return the axes; refuse those of length 0, which have no greatest element."""
    axes = _axes(input, dim)
    if not input.numel():
        if dim is None or _none_named(dim):
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
                "with the 'dim' argument."
            )
        for axis in axes:
            if input.ndim and input.shape[axis] == 0:
                raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")
    return axes


@accepts_numpy_names
def amax(input: T, dim: Dim = (), keepdim: bool = False) -> T:
    """Return the maximum over ``dim``; ties share the gradient."""
    return reduction.amax(input, axis=_nonempty_axes("amax", input, dim), keepdims=keepdim)


@accepts_numpy_names
def amin(input: T, dim: Dim = (), keepdim: bool = False) -> T:
    """Return the minimum over ``dim``; ties share the gradient."""
    return reduction.amin(input, axis=_nonempty_axes("amin", input, dim), keepdims=keepdim)


@accepts_numpy_names
def aminmax(input: T, *, dim: int | None = None, keepdim: bool = False) -> T:
    """Return (min, max) over ``dim`` (all by default)."""
    axes = _nonempty_axes("aminmax", input, dim)
    ends = (f(input, axis=axes, keepdims=keepdim) for f in (reduction.amin, reduction.amax))
    return RETURN_TYPES["aminmax"](*ends)


@accepts_numpy_names
def max(input: T, dim: Any = None, keepdim: bool = False, *, other: T = None) -> T:
    """Return the maximum; with a tensor, the elementwise one; with ``dim`` (values, indices)."""
    return _max_or_min(input, dim if other is None else other, keepdim, "max")


@accepts_numpy_names
def min(input: T, dim: Any = None, keepdim: bool = False, *, other: T = None) -> T:
    """Return the minimum; with a tensor, the elementwise one; with ``dim`` (values, indices)."""
    return _max_or_min(input, dim if other is None else other, keepdim, "min")


def _max_or_min(input: T, dim: Any, keepdim: bool, which: str) -> T:
    whole, pairwise, arg = {
        "max": (reduction.amax, elementwise.maximum, reduction.argmax),
        "min": (reduction.amin, elementwise.minimum, reduction.argmin),
    }[which]
    if dim is None:
        return whole(input, axis=_nonempty_axes(which, input, None), keepdims=False, nans=True)
    if isinstance(dim, bool) or not isinstance(dim, (int, np.integer)):
        if not hasattr(dim, "ndim") or isinstance(dim, np.generic):
            raise not_a_tensor_error(which, "other", 2, dim)
        return pairwise(input, dim)
    axis = reduction.axis_of(input, dim)
    _nonempty_axes(which, input, axis)
    return values_and_indices(
        which, input, lambda x: arg(x, axis=axis, keepdims=True), axis, keepdim
    )


def values_and_indices(name: str, input: T, places: Any, axis: int, keepdim: bool = True) -> T:
    """Return the named tuple (values, indices) of the elements at ``places(input)`` along an axis."""
    if input.ndim == 0:
        return RETURN_TYPES[name](input.clone(), own(places(input.reshape(1)).reshape(())))
    indices = places(input)
    values = indexing.take_along_axis(input, indices=indices._data, axis=axis)
    if not keepdim:
        values, indices = own(values.squeeze(axis)), own(indices.squeeze(axis))
    return RETURN_TYPES[name](values, indices)


@accepts_numpy_names
def argmax(input: T, dim: int | None = None, keepdim: bool = False) -> T:
    """Return the index of the maximum (of the flattened input without ``dim``), the first of ties."""
    return _arg_extreme("argmax", input, dim, keepdim)


@accepts_numpy_names
def argmin(input: T, dim: int | None = None, keepdim: bool = False) -> T:
    """Return the index of the minimum (of the flattened input without ``dim``), the first of ties."""
    return _arg_extreme("argmin", input, dim, keepdim)


def _arg_extreme(name: str, input: T, dim: int | None, keepdim: bool) -> T:
    if input.dtype.kind == "b":
        raise NotImplementedError(f"{name}(): does not support bool input; convert first: x.long()")
    if not input.numel() and (dim is None or input.shape[reduction.axis_of(input, dim)] == 0):
        raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                         "reduction dim with the 'dim' argument, one of length > 0.")  # fmt: skip
    if dim is not None:
        dim = reduction.axis_of(input, dim)
    axis = dim if input.ndim else None
    return getattr(reduction, name)(input, axis=axis, keepdims=keepdim and input.ndim > 0)


def _all_or_any(made: Any, input: T, dim: Dim, keepdim: bool) -> T:
    result = made(input, axis=reduction.axes_of(input, dim), keepdims=keepdim)
    return result.to(input.dtype) if input.dtype.kind == "u" else result  # PyTorch's old bools


@accepts_numpy_names
def all(input: T, dim: Dim = None, keepdim: bool = False) -> T:
    """Return whether all elements are true."""
    return _all_or_any(reduction.all, input, dim, keepdim)


@accepts_numpy_names
def any(input: T, dim: Dim = None, keepdim: bool = False) -> T:
    """Return whether any element is true."""
    return _all_or_any(reduction.any, input, dim, keepdim)


@accepts_numpy_names
def logsumexp(input: T, dim: Dim, keepdim: bool = False) -> T:
    """Return log(sum(exp(input))) over ``dim``, without overflow."""
    return reduction.logsumexp(input, axis=_axes(input, dim), keepdims=keepdim)


def _require_floats(name: str, input: T) -> None:
    if input.dtype.kind != "f":
        raise NotImplementedError(
            f'"{name}" not implemented for {input.dtype}; convert first: x.float()'
        )


@accepts_numpy_names
def softmax(input: T, dim: int, dtype: Any = None) -> T:
    """Return exp(input) divided by its sum over ``dim``."""
    input = input if dtype is None else input.to(dtype)
    _require_floats("softmax", input)
    return reduction.softmax(input, axis=reduction.axis_of(input, dim))


@accepts_numpy_names
def log_softmax(input: T, dim: int, dtype: Any = None) -> T:
    """Return the logarithm of :func:`softmax`, stable where that underflows."""
    input = input if dtype is None else input.to(dtype)
    _require_floats("log_softmax", input)
    return reduction.log_softmax(input, axis=reduction.axis_of(input, dim))


@accepts_numpy_names
def nansum(input: T, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> T:
    """Return the sum over ``dim``, NaN counted as 0."""
    return sum(_without_nan(input), dim, keepdim, dtype=dtype)


@accepts_numpy_names
def nanmean(input: T, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> T:
    """Return the mean over ``dim`` of what is not NaN."""
    if input.dtype.kind != "f":
        raise NotImplementedError(
            f"nanmean(): expected input to have floating point or complex dtype but got {input.dtype}"
        )
    there = sum(input.detach() == input.detach(), dim, keepdim)
    return (nansum(_float32(input), dim, keepdim, dtype=dtype) / there).to(dtype or input.dtype)


def _without_nan(input: T) -> T:
    return (
        elementwise.where(input.detach() != input.detach(), 0, input)
        if input.dtype.kind == "f"
        else input
    )


@accepts_numpy_names
def count_nonzero(input: T, dim: Dim = None) -> T:
    """Return how many elements over ``dim`` (all by default) are not 0."""
    return sum(input.detach() != 0, dim)


@accepts_numpy_names
def norm(input: T, p: Any = "fro", dim: Dim = None, keepdim: bool = False, dtype: Any = None) -> T:
    """Return the p-norm over ``dim`` (all by default); its gradient at 0 is 0.

    ``p`` is a number (0 counts, inf and -inf take the ends) or ``"fro"``, the 2-norm.
    https://docs.pytorch.org/docs/stable/generated/torch.norm.html
    """
    if input.dtype.kind != "f":
        raise NotImplementedError(
            f"norm(): Expected a floating point or complex tensor as input. Got {input.dtype}"
        )
    input = input if dtype is None else input.to(dtype)
    if p == "nuc":
        from minigrad.functions.norm import matrix_norm  # which is built on this module

        return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim)
    if isinstance(p, str) and p != "fro":
        raise ValueError(f"norm(): p must be a number, 'fro' or 'nuc', got {p!r}")
    order = 2 if p in ("fro", None) else p
    axes = _axes(input, dim)
    if (order < 0 or order == math.inf) and 0 in (input.shape[axis] for axis in axes if input.ndim):
        raise RuntimeError(
            f"norm(): there is no {order} norm of nothing, and dimensions {axes} of {input.shape} are empty"
        )
    return linalg.vector_norm(input, order=order, axis=axes, keepdims=keepdim)
