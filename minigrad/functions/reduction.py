"""Reductions with PyTorch's names: ``dim`` and ``keepdim``; ``axis`` and ``keepdims`` work, too.

https://docs.pytorch.org/docs/stable/torch.html#reduction-ops
"""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from minigrad.engine.views import own
from minigrad.functions.arguments import accepts_numpy_names, accepts_out, not_a_tensor_error
from minigrad.functions.return_types import RETURN_TYPES
from minigrad.ops import elementwise, indexing, reduction, scan
from minigrad.places import SUMMED_AS_INT64

__all__ = [
    "all", "amax", "amin", "aminmax", "any", "argmax", "argmin", "count_nonzero", "max",
    "mean", "min", "nanmean", "nansum", "prod", "sum",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know
Dim = int | tuple[int, ...] | list[int] | None


def _names_no_axis(dim: Dim) -> builtins.bool:
    return isinstance(dim, (tuple, list)) and not dim


def axes_to_reduce(input: T, dim: Dim) -> tuple[int, ...]:
    """Return the axes to reduce: all of them for None and for an empty sequence."""
    return reduction.axes_of(input, None if _names_no_axis(dim) else dim)


@accepts_out
def sum(input: T, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> T:
    """Return the sum over ``dim`` (all by default); integers and bools sum to int64.

    https://docs.pytorch.org/docs/stable/generated/torch.sum.html

    >>> import minigrad as mg
    >>> mg.sum(mg.tensor([[1, 2], [3, 4]]), 1)
    tensor([3, 7])
    """
    if dtype is not None:
        input = input.to(dtype)
    if input.dtype.kind in SUMMED_AS_INT64:
        input = input.long()
    axes = axes_to_reduce(input, dim)
    total = reduction.sum(input, axis=axes, keepdims=keepdim)
    return total if dtype is None else total.to(dtype)


@accepts_out
def mean(input: T, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> T:
    """Return the mean over ``dim`` (all by default); raise RuntimeError for integers.

    https://docs.pytorch.org/docs/stable/generated/torch.mean.html

    >>> import minigrad as mg
    >>> mg.mean(mg.tensor([[1.0, 2.0], [3.0, 4.0]]), 1)
    tensor([1.5000, 3.5000])
    """
    input = input if dtype is None else input.to(dtype)
    if input.dtype.kind != "f":
        raise NotImplementedError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {input.dtype}. Convert it first: x.float().mean()"
        )
    return reduction.mean(input, axis=axes_to_reduce(input, dim), keepdims=keepdim)


@accepts_out
def prod(input: T, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> T:
    """Return the product over ``dim`` (all by default); integers and bools give int64.

    The gradient is right where elements are 0, too.
    https://docs.pytorch.org/docs/stable/generated/torch.prod.html

    >>> import minigrad as mg
    >>> mg.prod(mg.tensor([[1, 2], [3, 4]]), 1)
    tensor([ 2, 12])
    """
    input = input if dtype is None else input.to(dtype)
    if input.dtype.kind != "f":
        input = input.long()
    axis = 0 if dim is None else reduction.axis_of(input, dim)
    elements = input.reshape(-1) if dim is None else input
    if elements.ndim:
        result = scan.prod(elements, axis=axis, keepdims=keepdim and dim is not None)
    else:
        result = input.clone()
    return result if dtype is None else result.to(dtype)


def _nonempty_axes(name: str, input: T, dim: Dim) -> tuple[int, ...]:
    """Return the axes; refuse those of length 0, which have no greatest element."""
    axes = axes_to_reduce(input, dim)
    if input.numel():
        return axes
    if dim is None or _names_no_axis(dim):
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
            f"Specify the reduction dim with the 'dim' argument. Got shape {list(input.shape)}"
        )
    for axis in axes:
        if input.ndim and input.shape[axis] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")
    return axes


@accepts_out
def amax(input: T, dim: Dim = (), keepdim: bool = False) -> T:
    """Return the maximum over ``dim`` (all by default); equals share the gradient.

    Raises IndexError (RuntimeError without ``dim``) where there is nothing to choose from.
    https://docs.pytorch.org/docs/stable/generated/torch.amax.html

    >>> import minigrad as mg
    >>> mg.amax(mg.tensor([[1.0, 2.0], [4.0, 3.0]]), dim=1)
    tensor([2., 4.])
    """
    return reduction.amax(input, axis=_nonempty_axes("amax", input, dim), keepdims=keepdim)


@accepts_out
def amin(input: T, dim: Dim = (), keepdim: bool = False) -> T:
    """Return the minimum over ``dim`` (all by default); equals share the gradient.

    Raises IndexError (RuntimeError without ``dim``) where there is nothing to choose from.
    https://docs.pytorch.org/docs/stable/generated/torch.amin.html

    >>> import minigrad as mg
    >>> mg.amin(mg.tensor([[1.0, 2.0], [4.0, 3.0]]), dim=1)
    tensor([1., 3.])
    """
    return reduction.amin(input, axis=_nonempty_axes("amin", input, dim), keepdims=keepdim)


@accepts_out
def aminmax(input: T, *, dim: int | None = None, keepdim: bool = False) -> T:
    """Return (min, max) over ``dim`` (all by default); see :func:`amin`.

    https://docs.pytorch.org/docs/stable/generated/torch.aminmax.html

    >>> import minigrad as mg
    >>> mg.aminmax(mg.tensor([1.0, 2.0, 3.0])).max
    tensor(3.)
    """
    axes = _nonempty_axes("aminmax", input, dim)
    least = reduction.amin(input, axis=axes, keepdims=keepdim)
    greatest = reduction.amax(input, axis=axes, keepdims=keepdim)
    return RETURN_TYPES["aminmax"](least, greatest)


@accepts_out
def max(input: T, dim: Any = None, keepdim: bool = False, *, other: T = None) -> T:
    """Return the maximum of all elements, whose equals share the gradient.

    With ``dim`` (values, indices) along it, the first of equals; with a tensor the elementwise
    maximum. Raises RuntimeError or IndexError where there is nothing to choose from.
    https://docs.pytorch.org/docs/stable/generated/torch.max.html

    >>> import minigrad as mg
    >>> mg.max(mg.tensor([[1.0, 2.0], [4.0, 3.0]]), 1).indices
    tensor([1, 0])
    """
    return _max_or_min("max", input, dim if other is None else other, keepdim)


@accepts_out
def min(input: T, dim: Any = None, keepdim: bool = False, *, other: T = None) -> T:
    """Return the minimum of all elements, whose equals share the gradient.

    With ``dim`` (values, indices) along it, the first of equals; with a tensor the elementwise
    minimum. Raises RuntimeError or IndexError where there is nothing to choose from.
    https://docs.pytorch.org/docs/stable/generated/torch.min.html

    >>> import minigrad as mg
    >>> mg.min(mg.tensor([[1.0, 2.0], [4.0, 3.0]]), 1).indices
    tensor([0, 1])
    """
    return _max_or_min("min", input, dim if other is None else other, keepdim)


_PRIMITIVES = {  # over axes, of two tensors, the place along an axis
    "max": (reduction.amax, elementwise.maximum, reduction.argmax),
    "min": (reduction.amin, elementwise.minimum, reduction.argmin),
}


def _max_or_min(name: str, input: T, dim: Any, keepdim: bool) -> T:
    over_axes, of_two, place_along = _PRIMITIVES[name]
    if dim is None:
        axes = _nonempty_axes(name, input, None)
        return over_axes(input, axis=axes, keepdims=False, nans=True)
    if isinstance(dim, bool) or not isinstance(dim, (int, np.integer)):
        if not hasattr(dim, "ndim") or isinstance(dim, np.generic):
            raise not_a_tensor_error(name, "other", 2, dim)
        return of_two(input, dim)
    axis = reduction.axis_of(input, dim)
    _nonempty_axes(name, input, axis)
    return values_and_indices(
        name, input, lambda x: place_along(x, axis=axis, keepdims=True), axis, keepdim
    )


def values_and_indices(name: str, input: T, find: Any, axis: int, keepdim: bool = True) -> T:
    """Return the named tuple (values, indices) of the elements at ``find(input)`` along an axis."""
    if input.ndim == 0:
        index = find(input.reshape(1)).reshape(())
        return RETURN_TYPES[name](input.clone(), own(index))
    indices = find(input)
    values = indexing.take_along_axis(input, indices=indices._data, axis=axis)
    if not keepdim:
        values, indices = own(values.squeeze(axis)), own(indices.squeeze(axis))
    return RETURN_TYPES[name](values, indices)


@accepts_out
def argmax(input: T, dim: int | None = None, keepdim: bool = False) -> T:
    """Return the index of the maximum (without ``dim`` of the flattened input), first of equals.

    https://docs.pytorch.org/docs/stable/generated/torch.argmax.html

    >>> import minigrad as mg
    >>> mg.argmax(mg.tensor([1.0, 2.0, 3.0]))
    tensor(2)
    """
    return _arg_extreme("argmax", input, dim, keepdim)


@accepts_out
def argmin(input: T, dim: int | None = None, keepdim: bool = False) -> T:
    """Return the index of the minimum (without ``dim`` of the flattened input), first of equals.

    https://docs.pytorch.org/docs/stable/generated/torch.argmin.html

    >>> import minigrad as mg
    >>> mg.argmin(mg.tensor([1.0, 2.0, 3.0]))
    tensor(0)
    """
    return _arg_extreme("argmin", input, dim, keepdim)


def _arg_extreme(name: str, input: T, dim: int | None, keepdim: bool) -> T:
    if input.dtype.kind == "b":
        raise NotImplementedError(
            f"{name}(): does not support {input.dtype} input; convert first: x.long()"
        )
    axis = None if dim is None else reduction.axis_of(input, dim)
    if not input.numel() and (axis is None or input.shape[axis] == 0):
        raise IndexError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
            "Specify the reduction dim with the 'dim' argument, one of length > 0. "
            f"Got shape {list(input.shape)}"
        )
    if not input.ndim:
        axis, keepdim = None, False
    return getattr(reduction, name)(input, axis=axis, keepdims=keepdim)


def _all_or_any(primitive: Any, input: T, dim: Dim, keepdim: bool) -> T:
    result = primitive(input, axis=reduction.axes_of(input, dim), keepdims=keepdim)
    if input.dtype.kind == "u":  # bytes were PyTorch's bools once
        return result.to(input.dtype)
    return result


@accepts_out
def all(input: T, dim: Dim = None, keepdim: bool = False) -> T:
    """Return whether all elements over ``dim`` (all by default) are true (not 0).

    https://docs.pytorch.org/docs/stable/generated/torch.all.html

    >>> import minigrad as mg
    >>> mg.all(mg.tensor([[1, 0], [1, 1]]), 1)
    tensor([False,  True])
    """
    return _all_or_any(reduction.all, input, dim, keepdim)


@accepts_out
def any(input: T, dim: Dim = None, keepdim: bool = False) -> T:
    """Return whether any element over ``dim`` (all by default) is true (not 0).

    https://docs.pytorch.org/docs/stable/generated/torch.any.html

    >>> import minigrad as mg
    >>> mg.any(mg.tensor([[1, 0], [0, 0]]), 1)
    tensor([ True, False])
    """
    return _all_or_any(reduction.any, input, dim, keepdim)


def at_least_float32(input: T) -> T:
    """Return float16 as float32, in which it is summed."""
    return input.float() if input.dtype == np.float16 else input


@accepts_out
def nansum(input: T, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> T:
    """Return the sum over ``dim``, NaN counted as 0.

    https://docs.pytorch.org/docs/stable/generated/torch.nansum.html

    >>> import minigrad as mg
    >>> mg.nansum(mg.tensor([float("nan"), 1.0]))
    tensor(1.)
    """
    return sum(_without_nan(input), dim, keepdim, dtype=dtype)


@accepts_out
def nanmean(input: T, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> T:
    """Return the mean over ``dim`` of what is not NaN.

    https://docs.pytorch.org/docs/stable/generated/torch.nanmean.html

    >>> import minigrad as mg
    >>> mg.nanmean(mg.tensor([float("nan"), 1.0]))
    tensor(1.)
    """
    if input.dtype.kind != "f":
        raise NotImplementedError(
            "nanmean(): expected input to have floating point or complex dtype "
            f"but got {input.dtype}"
        )
    values = input.detach()
    count = sum(values == values, dim, keepdim)
    total = nansum(at_least_float32(input), dim, keepdim, dtype=dtype)
    average = total / count
    return average.to(dtype or input.dtype)


def _without_nan(input: T) -> T:
    if input.dtype.kind != "f":
        return input
    values = input.detach()
    return elementwise.where(values != values, 0, input)


@accepts_numpy_names
def count_nonzero(input: T, dim: Dim = None) -> T:
    """Return how many elements over ``dim`` (all by default) are not 0.

    https://docs.pytorch.org/docs/stable/generated/torch.count_nonzero.html

    >>> import minigrad as mg
    >>> mg.count_nonzero(mg.tensor([0, 3, 4]))
    tensor(2)
    """
    return sum(input.detach() != 0, dim)
