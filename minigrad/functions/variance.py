"""Variance and standard deviation with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#reduction-ops
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.functions.arguments import accepts_numpy_names, accepts_out
from minigrad.functions.reduction import at_least_float32, axes_to_reduce
from minigrad.ops import elementwise, reduction
from minigrad.ops.summation import size_along
from minigrad.silence import warn

__all__ = ["std", "std_mean", "var", "var_mean"]

T = Any  # a Tensor, which this floor does not know


def _axes_and_divisor(
    name: str, input: T, dim: Any, correction: float | None, unbiased: Any
) -> tuple[tuple[int, ...], float]:
    """Return the axes of a variance, and what the sum of squares is divided by."""
    if isinstance(dim, bool):  # the signature var(unbiased)
        dim, correction = None, int(dim)
    if unbiased is not None:
        correction = int(unbiased)
    if input.dtype.kind != "f":
        raise NotImplementedError(
            f"{name}: only floating point and complex dtypes are supported, got {input.dtype}"
        )
    axes = axes_to_reduce(input, dim)
    divisor = size_along(input.shape, axes) - (1 if correction is None else correction)
    if divisor <= 0:
        warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the "
            "reduction factor (input numel divided by output numel)."
        )
    return axes, max(divisor, 0)


def _variance(input: T, axes: tuple[int, ...], divisor: float, keepdim: bool) -> T:
    """Return the sum of squares around the mean over ``divisor``; float16 is summed in float32."""
    centered = reduction.centred(at_least_float32(input), axis=axes)
    squares = reduction.mean_square(centered, axis=axes, keepdims=keepdim)
    factor = size_along(input.shape, axes) / divisor if divisor else math.inf
    return squares if factor == 1 else squares * factor


def _standard_deviation(input: T, axes: tuple[int, ...], divisor: float, keepdim: bool) -> T:
    """Return the root of the variance, in float64 where its square is beyond float32."""
    variance = _variance(input, axes, divisor, keepdim)
    if variance.dtype == np.float32:
        squares, limits = variance._data, np.finfo(np.float32)
        is_beyond = (squares < limits.tiny) | (squares > limits.max)
        if is_beyond.any():
            variance = _variance(input.double(), axes, divisor, keepdim)
    deviation = elementwise.safe_sqrt(variance)
    return deviation.to(input.dtype)


@accepts_out
def var(
    input: T,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> T:
    """Return the variance over ``dim``, divided by n - correction (default 1: the unbiased one).

    https://docs.pytorch.org/docs/stable/generated/torch.var.html

    >>> import minigrad as mg
    >>> mg.var(mg.tensor([1.0, 2.0, 3.0]))
    tensor(1.)
    """
    axes, divisor = _axes_and_divisor("var", input, dim, correction, unbiased)
    return _variance(input, axes, divisor, keepdim).to(input.dtype)


@accepts_out
def std(
    input: T,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> T:
    """Return the standard deviation over ``dim``; see :func:`var`. At constants its gradient is 0.

    https://docs.pytorch.org/docs/stable/generated/torch.std.html

    >>> import minigrad as mg
    >>> mg.std(mg.tensor([1.0, 2.0, 3.0]))
    tensor(1.)
    """
    axes, divisor = _axes_and_divisor("std", input, dim, correction, unbiased)
    return _standard_deviation(input, axes, divisor, keepdim)


@accepts_numpy_names
def var_mean(
    input: T,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[T, T]:
    """Return (variance, mean) over ``dim``; see :func:`var`.

    https://docs.pytorch.org/docs/stable/generated/torch.var_mean.html

    >>> import minigrad as mg
    >>> mg.var_mean(mg.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    axes, divisor = _axes_and_divisor("var_mean", input, dim, correction, unbiased)
    mean = reduction.mean(input, axis=axes, keepdims=keepdim)
    return _variance(input, axes, divisor, keepdim).to(input.dtype), mean


@accepts_numpy_names
def std_mean(
    input: T,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[T, T]:
    """Return (standard deviation, mean) over ``dim``; see :func:`std`.

    https://docs.pytorch.org/docs/stable/generated/torch.std_mean.html

    >>> import minigrad as mg
    >>> mg.std_mean(mg.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    axes, divisor = _axes_and_divisor("std_mean", input, dim, correction, unbiased)
    mean = reduction.mean(input, axis=axes, keepdims=keepdim)
    return _standard_deviation(input, axes, divisor, keepdim), mean
