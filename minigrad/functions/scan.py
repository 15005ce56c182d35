"""Running sums, products and extremes with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#other-operations
"""

from __future__ import annotations

from typing import Any

from minigrad.engine.views import own
from minigrad.functions.arguments import accepts_out
from minigrad.functions.reduction import values_and_indices
from minigrad.ops import reduction, scan, sorting

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "logcumsumexp"]

T = Any  # a Tensor, which this floor does not know


def _run_along(primitive: Any, input: T, dim: int, dtype: Any = None) -> T:
    axis = reduction.axis_of(input, dim)
    if dtype is not None:
        input = input.to(dtype)
    elif input.dtype.kind != "f":
        input = input.long()
    if input.ndim:
        result = primitive(input, axis=axis)
    else:
        result = own(primitive(input.reshape(1), axis=0).reshape(()))
    return result if dtype is None else result.to(dtype)


@accepts_out
def cumsum(input: T, dim: int, *, dtype: Any = None) -> T:
    """Return the running sum along ``dim``; integers and bools sum to int64.

    https://docs.pytorch.org/docs/stable/generated/torch.cumsum.html

    >>> import minigrad as mg
    >>> mg.cumsum(mg.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 3., 6.])
    """
    return _run_along(reduction.cumsum, input, dim, dtype)


@accepts_out
def cumprod(input: T, dim: int, *, dtype: Any = None) -> T:
    """Return the running product along ``dim``; zeros do the gradient no harm.

    https://docs.pytorch.org/docs/stable/generated/torch.cumprod.html

    >>> import minigrad as mg
    >>> mg.cumprod(mg.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 2., 6.])
    """
    return _run_along(scan.cumprod, input, dim, dtype)


@accepts_out
def logcumsumexp(input: T, dim: int) -> T:
    """Return the logarithm of the running sum of exp(input) along ``dim``, without overflow.

    https://docs.pytorch.org/docs/stable/generated/torch.logcumsumexp.html

    >>> import minigrad as mg
    >>> mg.logcumsumexp(mg.zeros(2), 0)
    tensor([0.0000, 0.6931])
    """
    reduction.axis_of(input, dim)
    if input.dtype.kind != "f":
        raise NotImplementedError(
            f"logcumsumexp(): not implemented for {input.dtype}; convert first: x.float()"
        )
    return _run_along(scan.logcumsumexp, input, dim)


@accepts_out
def cummax(input: T, dim: int) -> T:
    """Return (values, indices) of the greatest so far along ``dim``; of ties the last.

    https://docs.pytorch.org/docs/stable/generated/torch.cummax.html

    >>> import minigrad as mg
    >>> mg.cummax(mg.tensor([1, 3, 2]), 0).values
    tensor([1, 3, 3])
    """
    axis = reduction.axis_of(input, dim)
    return values_and_indices("cummax", input, lambda x: sorting.arg_cummax(x, axis=axis), axis)


@accepts_out
def cummin(input: T, dim: int) -> T:
    """Return (values, indices) of the least so far along ``dim``; of ties the last.

    https://docs.pytorch.org/docs/stable/generated/torch.cummin.html

    >>> import minigrad as mg
    >>> mg.cummin(mg.tensor([2, 1, 3]), 0).values
    tensor([2, 1, 1])
    """
    axis = reduction.axis_of(input, dim)
    return values_and_indices("cummin", input, lambda x: sorting.arg_cummin(x, axis=axis), axis)
