"""The greater, the lesser, and the chosen of elements: clamp, maximum, where."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from minigrad.dtypes import checked_scalar, get_default_dtype, result_type
from minigrad.functions.arguments import (
    accepts_out,
    as_number,
    binary,
    unary,
    wrap_if_both_numbers,
)
from minigrad.functions.shape import contiguous
from minigrad.ops import elementwise as ops
from minigrad.places import as_int64

__all__ = [
    "clamp", "clamp_max", "clamp_min", "clip", "fmax", "fmin", "masked_fill", "maximum",
    "minimum", "relu", "where",
]  # fmt: skip

_BOUNDS = (float, int, type(None))
T = Any  # a Tensor, which this floor does not know


@accepts_out
def clamp(input: T, min: Any = None, max: Any = None) -> T:
    """Return input held between min and max, numbers or tensors; one of them may be missing.

    Shapes broadcast. Raises RuntimeError without bounds, NotImplementedError for bools.
    https://docs.pytorch.org/docs/stable/generated/torch.clamp.html

    >>> import minigrad as mg
    >>> mg.clamp(mg.tensor([-2.0, 0.5, 3.0]), 0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if input.dtype.kind == "f" and type(min) in _BOUNDS and type(max) in _BOUNDS and min is not max:
        return ops.clamp(input, min=min, max=max)
    min, max = as_number(min), as_number(max)
    if min is None and max is None:
        raise RuntimeError("clamp: At least one of 'min' or 'max' must not be None")
    bounds = [bound for bound in (min, max) if bound is not None]
    dtype = result_type(input, *bounds)
    if len(bounds) == 2 and dtype.kind == "b":
        raise NotImplementedError(f"clamp(): not implemented for {dtype}; convert first: x.long()")
    if not all(map(_is_tensor, bounds)):
        min, max = _number_of_constant(min), _number_of_constant(max)
    if not (_is_tensor(min) or _is_tensor(max)):
        return _clamp_to_numbers(input, min, max)
    if min is None:
        return ops.clamp_max(input, max)
    if max is None:
        return ops.clamp_min(input, min)
    return ops.clamp_between(input, min, max)


clip = clamp


def _is_tensor(bound: Any) -> bool:
    return hasattr(bound, "ndim")


def _number_of_constant(bound: Any) -> Any:
    """Return the number of a 0-d tensor without gradient, which beside a number is one."""
    is_constant = _is_tensor(bound) and bound.ndim == 0 and not bound.requires_grad
    return bound.item() if is_constant else bound


def _clamp_to_numbers(input: T, min: Any, max: Any) -> T:
    """Hold input between numbers.

    Of an integer dtype, numbers beyond its ends do not bind, or leave nothing and are refused.
    """
    bounds = [bound for bound in (min, max) if bound is not None]
    for bound in bounds:
        checked_scalar(bound, get_default_dtype())
    input = input.to(result_type(input, *bounds))
    if input.dtype.kind in "iu":
        limits = np.iinfo(input.dtype)
        if min is not None:
            _check_bound("min", min, min > limits.max, input.dtype)
            min = builtins.max(min, int(limits.min))
        if max is not None:
            _check_bound("max", max, max < limits.min, input.dtype)
            max = builtins.min(max, int(limits.max))
    return ops.clamp(input, min=min, max=max)


def _check_bound(name: str, bound: Any, leaves_nothing: bool, dtype: np.dtype[Any]) -> None:
    if leaves_nothing:
        raise RuntimeError(
            f"Clamp {name} value {bound} is outside the representable range of {dtype}"
        )


@accepts_out
def clamp_min(input: T, min: Any) -> T:
    """Return input, and no less than min.

    https://docs.pytorch.org/docs/stable/generated/torch.clamp_min.html

    >>> import minigrad as mg
    >>> mg.clamp_min(mg.tensor([1.0, 2.0, 3.0]), 2)
    tensor([2., 2., 3.])
    """
    return clamp(input, min=min)


@accepts_out
def clamp_max(input: T, max: Any) -> T:
    """Return input, and no more than max.

    https://docs.pytorch.org/docs/stable/generated/torch.clamp_max.html

    >>> import minigrad as mg
    >>> mg.clamp_max(mg.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 2., 2.])
    """
    return clamp(input, max=max)


@binary(ops.maximum)
def maximum(input: T, other: T) -> T:
    """Return the greater of each two elements, NaN where one is NaN; equals share the gradient.

    Shapes broadcast. RuntimeError where shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.maximum.html

    >>> import minigrad as mg
    >>> mg.maximum(mg.tensor([1.0, 5.0]), mg.tensor([3.0, 4.0]))
    tensor([3., 5.])
    """


@binary(ops.minimum)
def minimum(input: T, other: T) -> T:
    """Return the lesser of each two elements, NaN where one is NaN; equals share the gradient.

    Shapes broadcast. RuntimeError where shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.minimum.html

    >>> import minigrad as mg
    >>> mg.minimum(mg.tensor([1.0, 5.0]), mg.tensor([3.0, 4.0]))
    tensor([1., 4.])
    """


@binary(ops.fmax)
def fmax(input: T, other: T) -> T:
    """Return the greater of each two elements; of a NaN and a number the number.

    Shapes broadcast. RuntimeError where shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.fmax.html

    >>> import minigrad as mg
    >>> mg.fmax(mg.tensor([1.0, float("nan")]), mg.tensor([3.0, 4.0]))
    tensor([3., 4.])
    """


@binary(ops.fmin)
def fmin(input: T, other: T) -> T:
    """Return the lesser of each two elements; of a NaN and a number the number.

    Shapes broadcast. RuntimeError where shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.fmin.html

    >>> import minigrad as mg
    >>> mg.fmin(mg.tensor([1.0, float("nan")]), mg.tensor([3.0, 4.0]))
    tensor([1., 4.])
    """


@unary(ops.relu)
def relu(input: T) -> T:
    """Return max(input, 0) of each element; the gradient at 0 is 0.

    Any shape. Bools give int64. TypeError for anything that is not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.relu.html

    >>> import minigrad as mg
    >>> mg.relu(mg.tensor([-1.5, 2.0]))
    tensor([0., 2.])
    """


@accepts_out
def where(condition: T, input: T = None, other: T = None) -> T:
    """Return input where condition is True, other elsewhere; shapes broadcast.

    With condition alone, its places: one tensor of indices per dimension. Raises RuntimeError where
    condition is not of bools.
    https://docs.pytorch.org/docs/stable/generated/torch.where.html

    >>> import minigrad as mg
    >>> mg.where(mg.tensor([True, False]), mg.tensor([1.0, 2.0]), 0.0)
    tensor([1., 0.])
    """
    if input is None and other is None:
        places = np.nonzero(np.atleast_1d(condition.numpy()))
        return tuple(condition._wrap(as_int64(place)) for place in places)
    if condition.dtype == np.uint8:  # bytes are masks (deprecated)
        condition = condition.bool()
    if condition.dtype.kind != "b":
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{condition.dtype}"
        )
    return ops.where(condition, wrap_if_both_numbers(input, other), other)


@accepts_out
def masked_fill(input: T, mask: T, value: Any) -> T:
    """Return input with value, a number or a 0-d tensor, where mask is True; the dtype stays.

    https://docs.pytorch.org/docs/stable/generated/torch.masked_fill.html

    >>> import minigrad as mg
    >>> mg.masked_fill(mg.tensor([1.0, 2.0, 3.0]), mg.tensor([1.0, 2.0, 3.0]) > 1, 0)
    tensor([1., 0., 0.])
    """
    if mask.dtype.kind != "b":
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype}"
        )
    if getattr(value, "ndim", 0) > 0:
        raise RuntimeError(
            "masked_fill only supports a 0-dimensional value tensor, "
            f"but got tensor with {value.ndim} dimension(s)."
        )
    value = as_number(value)
    if hasattr(value, "to"):
        value = value.to(input.dtype)
    elif input.dtype.kind != "f":
        value = checked_scalar(value, input.dtype)
    return contiguous(ops.where(mask, value, input))
