"""Softmax, its logarithm, and the logarithm of a sum of exponentials, without overflow."""

from __future__ import annotations

from typing import Any

from minigrad.functions.arguments import accepts_numpy_names
from minigrad.functions.reduction import Dim, axes_to_reduce
from minigrad.ops import reduction

__all__ = ["log_softmax", "logsumexp", "softmax"]

T = Any  # a Tensor, which this floor does not know


@accepts_numpy_names
def logsumexp(input: T, dim: Dim, keepdim: bool = False) -> T:
    """Return log(sum(exp(input))) over ``dim``, without overflow.

    https://docs.pytorch.org/docs/stable/generated/torch.logsumexp.html

    >>> import minigrad as mg
    >>> mg.logsumexp(mg.zeros(2), 0)
    tensor(0.6931)
    """
    return reduction.logsumexp(input, axis=axes_to_reduce(input, dim), keepdims=keepdim)


def _require_floats(name: str, input: T) -> None:
    if input.dtype.kind != "f":
        raise NotImplementedError(
            f'"{name}" not implemented for {input.dtype}; convert first: x.float()'
        )


@accepts_numpy_names
def softmax(input: T, dim: int, dtype: Any = None) -> T:
    """Return exp(input) divided by its sum over ``dim``.

    https://docs.pytorch.org/docs/stable/generated/torch.softmax.html

    >>> import minigrad as mg
    >>> mg.softmax(mg.zeros(2), 0)
    tensor([0.5000, 0.5000])
    """
    input = input if dtype is None else input.to(dtype)
    _require_floats("softmax", input)
    return reduction.softmax(input, axis=reduction.axis_of(input, dim))


@accepts_numpy_names
def log_softmax(input: T, dim: int, dtype: Any = None) -> T:
    """Return the logarithm of :func:`softmax`, stable where that underflows.

    https://docs.pytorch.org/docs/stable/generated/torch.log_softmax.html

    >>> import minigrad as mg
    >>> mg.log_softmax(mg.zeros(2), 0)
    tensor([-0.6931, -0.6931])
    """
    input = input if dtype is None else input.to(dtype)
    _require_floats("log_softmax", input)
    return reduction.log_softmax(input, axis=reduction.axis_of(input, dim))
