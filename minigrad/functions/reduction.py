"""Reductions with PyTorch's names: ``dim`` and ``keepdim`` (``axis`` and ``keepdims`` are taken too).

https://docs.pytorch.org/docs/stable/torch.html#reduction-ops
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from minigrad.ops import indexing, reduction

__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "cumsum", "log_softmax", "logsumexp", "max",
    "mean", "min", "norm", "softmax", "std", "sum", "var",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know
Dim = int | tuple[int, ...] | list[int] | None


class ValuesIndices(NamedTuple):
    """What ``max(dim)`` and ``min(dim)`` return."""

    values: Any
    indices: Any


def _numpy_names(function: Callable[..., Any]) -> Callable[..., Any]:
    """Accept NumPy's ``axis`` and ``keepdims`` for ``dim`` and ``keepdim``, as PyTorch does."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            for theirs, ours in (("axis", "dim"), ("keepdims", "keepdim")):
                if theirs in kwargs:
                    kwargs[ours] = kwargs.pop(theirs)
        return function(*args, **kwargs)

    return wrapper


@_numpy_names
def sum(input: T, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> T:
    """Return the sum over ``dim`` (all by default); integers and bools sum to int64."""
    input = input if dtype is None else input.to(dtype)
    return reduction.sum(input, axis=reduction.axes_of(input, dim), keepdims=keepdim)


@_numpy_names
def mean(input: T, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> T:
    """Return the mean over ``dim`` (all by default); raise RuntimeError for integers."""
    input = input if dtype is None else input.to(dtype)
    if input.dtype.kind != "f":
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {input.dtype}. Convert it first: x.float().mean()"
        )
    return reduction.mean(input, axis=reduction.axes_of(input, dim), keepdims=keepdim)


@_numpy_names
def var(input: T, dim: Dim = None, *, correction: int = 1, keepdim: bool = False, unbiased: bool | None = None) -> T:
    """Return the variance over ``dim``, divided by n - correction (default: the unbiased one)."""
    if isinstance(dim, bool):  # the old signature, var(unbiased)
        dim, correction = None, 1 if dim else 0
    if unbiased is not None:
        correction = 1 if unbiased else 0
    axes = reduction.axes_of(input, dim)
    n = reduction.count(input, axes)
    d = input - mean(input, axes, True)
    square_sum = reduction.sum(d * d, axis=axes, keepdims=keepdim)
    return square_sum / builtin_max(n - correction, 0)


@_numpy_names
def std(input: T, dim: Dim = None, *, correction: int = 1, keepdim: bool = False, unbiased: bool | None = None) -> T:
    """Return the standard deviation over ``dim``; see :func:`var`."""
    return var(input, dim, correction=correction, keepdim=keepdim, unbiased=unbiased).sqrt()


@_numpy_names
def amax(input: T, dim: Dim = None, keepdim: bool = False) -> T:
    """Return the maximum over ``dim``; ties share the gradient."""
    return reduction.amax(input, axis=reduction.axes_of(input, dim or None if dim == () else dim), keepdims=keepdim)


@_numpy_names
def amin(input: T, dim: Dim = None, keepdim: bool = False) -> T:
    """Return the minimum over ``dim``; ties share the gradient."""
    return reduction.amin(input, axis=reduction.axes_of(input, dim or None if dim == () else dim), keepdims=keepdim)


@_numpy_names
def max(input: T, dim: Any = None, keepdim: bool = False) -> T:
    """Return the maximum; with a tensor, the elementwise one; with ``dim`` (values, indices)."""
    return _extreme(input, dim, keepdim, "max")


@_numpy_names
def min(input: T, dim: Any = None, keepdim: bool = False) -> T:
    """Return the minimum; with a tensor, the elementwise one; with ``dim`` (values, indices)."""
    return _extreme(input, dim, keepdim, "min")


builtin_max = __builtins__["max"] if isinstance(__builtins__, dict) else __builtins__.max


def _extreme(input: T, dim: Any, keepdim: bool, which: str) -> T:
    from minigrad.ops import elementwise

    whole, pairwise, arg = {
        "max": (reduction.amax, elementwise.maximum, reduction.argmax),
        "min": (reduction.amin, elementwise.minimum, reduction.argmin),
    }[which]
    if dim is None:
        return whole(input, axis=reduction.axes_of(input, None), keepdims=False)
    if not isinstance(dim, int):
        return pairwise(input, dim)
    axis = reduction.axis_of(input, dim)
    indices = arg(input, axis=axis, keepdims=True)
    values = indexing.take_along_axis(input, indices=indices.numpy(), axis=axis)
    if not keepdim:
        values, indices = values.squeeze(axis), indices.squeeze(axis)
    return ValuesIndices(values, indices)


@_numpy_names
def argmax(input: T, dim: int | None = None, keepdim: bool = False) -> T:
    """Return the index of the maximum (of the flattened input without ``dim``), the first of ties."""
    return reduction.argmax(input, axis=dim, keepdims=keepdim)


@_numpy_names
def argmin(input: T, dim: int | None = None, keepdim: bool = False) -> T:
    """Return the index of the minimum (of the flattened input without ``dim``), the first of ties."""
    return reduction.argmin(input, axis=dim, keepdims=keepdim)


@_numpy_names
def all(input: T, dim: Dim = None, keepdim: bool = False) -> T:
    """Return whether all elements are true."""
    return reduction.all(input, axis=reduction.axes_of(input, dim), keepdims=keepdim)


@_numpy_names
def any(input: T, dim: Dim = None, keepdim: bool = False) -> T:
    """Return whether any element is true."""
    return reduction.any(input, axis=reduction.axes_of(input, dim), keepdims=keepdim)


@_numpy_names
def logsumexp(input: T, dim: Dim, keepdim: bool = False) -> T:
    """Return log(sum(exp(input))) over ``dim``, without overflow."""
    return reduction.logsumexp(input, axis=reduction.axes_of(input, dim), keepdims=keepdim)


@_numpy_names
def softmax(input: T, dim: int, dtype: Any = None) -> T:
    """Return exp(input) divided by its sum over ``dim``."""
    input = input if dtype is None else input.to(dtype)
    return reduction.softmax(input, axis=reduction.axis_of(input, dim))


@_numpy_names
def log_softmax(input: T, dim: int, dtype: Any = None) -> T:
    """Return the logarithm of :func:`softmax`, stable where that underflows."""
    input = input if dtype is None else input.to(dtype)
    return reduction.log_softmax(input, axis=reduction.axis_of(input, dim))


@_numpy_names
def cumsum(input: T, dim: int) -> T:
    """Return the running sum along ``dim``."""
    return reduction.cumsum(input, axis=reduction.axis_of(input, dim))


def norm(input: T, p: float = 2, dim: Dim = None, keepdim: bool = False) -> T:
    """Return the 2-norm over ``dim`` (all by default); its gradient at 0 is 0."""
    if p != 2:
        raise NotImplementedError(f"norm(): only p=2 is there, got p={p}")
    total = sum(input * input, dim, keepdim)
    zero = total == 0
    return (total + zero).sqrt() * ~zero  # no division by zero in the gradient
