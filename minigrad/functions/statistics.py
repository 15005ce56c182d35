"""Covariances, quantiles, medians and the most frequent, with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#reduction-ops
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.functions import diagonals, permutation, products, reduction, shape
from minigrad.functions.arguments import accepts_numpy_names, accepts_out
from minigrad.functions.elementwise import powers, selection
from minigrad.functions.reduction import values_and_indices
from minigrad.ops import indexing, sorting
from minigrad.ops.reduction import axis_of
from minigrad.silence import warn

__all__ = ["corrcoef", "cov", "mode", "nanmedian", "nanquantile", "quantile"]

T = Any  # a Tensor, which this floor does not know


# ---- covariance ---------------------------------------------------------------------------------
@accepts_numpy_names
def cov(input: T, *, correction: int = 1, fweights: T = None, aweights: T = None) -> T:
    """Return the covariances of the rows, (n, m) -> (n, n); the variance of a vector.

    ``fweights`` says how often each column was observed, ``aweights`` how much it counts; the sum
    is divided by the number of columns (the weights' sum) less ``correction``. Raises RuntimeError
    for more than two dimensions and weights that do not fit.
    https://docs.pytorch.org/docs/stable/generated/torch.cov.html

    >>> import minigrad as mg
    >>> mg.cov(mg.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    _check_ndim("cov", input)
    if input.dtype.kind == "b":
        raise RuntimeError(f"cov(): bool dtype is not supported for input, got {input.dtype}")
    x = shape.reshape(input, (1, -1)) if input.ndim < 2 else input
    count = x.shape[1]
    _check_weights("fweights", fweights, count)
    _check_weights("aweights", aweights, count)
    weights = x._wrap(np.ones(count, np.int64))
    if fweights is not None:
        weights = fweights
    if aweights is not None:
        weights = weights * aweights
    total = weights.sum()
    if count and not total:
        raise RuntimeError(f"cov(): weights sum to zero, can't be normalized, got {weights}")

    mean = reduction.sum(x * weights, 1, True) / total
    if aweights is not None:
        correction = correction * (weights * aweights).sum() / total
    divisor = total - correction
    if divisor <= 0:
        warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the "
            "number of observations."
        )
        divisor = divisor * 0
    deviations = x - mean
    weighted = (deviations * weights).to(deviations.dtype)
    products_of_rows = products.mm(deviations, weighted.t())
    return shape.squeeze(products_of_rows / divisor)


def _check_ndim(function: str, input: T) -> None:
    if input.ndim > 2:
        raise RuntimeError(
            f"{function}(): expected input to have two or fewer dimensions but got an input with "
            f"{input.ndim} dimensions"
        )


_WEIGHTS = {"fweights": ("integral", "iu"), "aweights": ("floating point", "f")}


def _check_weights(name: str, weights: T, count: int) -> None:
    if weights is None:
        return
    word, kinds = _WEIGHTS[name]
    if weights.ndim > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
            f"{weights.ndim} dimensions"
        )
    if weights.dtype.kind not in kinds:
        raise RuntimeError(
            f"cov(): expected {name} to have {word} dtype but got {name} with {weights.dtype} dtype"
        )
    if weights.numel() != count:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the "
            f"input but got {weights.numel()} != {count}"
        )
    if count and bool(weights.min() < 0):
        raise RuntimeError(f"cov(): {name} cannot be negative")


@accepts_numpy_names
def corrcoef(input: T) -> T:
    """Return Pearson's correlation coefficients of the rows, (n, m) -> (n, n), 1 of a vector.

    https://docs.pytorch.org/docs/stable/generated/torch.corrcoef.html

    >>> import minigrad as mg
    >>> mg.corrcoef(mg.tensor([[0.0, 1.0, 2.0], [4.0, 2.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    _check_ndim("corrcoef", input)
    covariances = cov(input)
    if covariances.ndim == 0:
        return covariances / covariances
    deviations = powers.sqrt(diagonals.diag(covariances))
    column = shape.unsqueeze(deviations, 1)
    scaled = covariances / column / deviations
    return selection.clamp(scaled, -1, 1)


# ---- quantiles ----------------------------------------------------------------------------------
@accepts_out
def quantile(
    input: T,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> T:
    """Return the q-quantiles along ``dim``, of all elements by default; NaN where one is NaN.

    A vector of q adds a first dimension. Between two elements ``interpolation`` decides: linear,
    lower, higher, midpoint or nearest. Raises RuntimeError for q beyond [0, 1], for an empty input
    and for dtypes other than float32 and float64.
    https://docs.pytorch.org/docs/stable/generated/torch.quantile.html

    >>> import minigrad as mg
    >>> mg.quantile(mg.tensor([1.0, 2.0, 4.0]), 0.75)
    tensor(3.)
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


@accepts_out
def nanquantile(
    input: T,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> T:
    """Return the q-quantiles of what is not NaN; see :func:`quantile`.

    https://docs.pytorch.org/docs/stable/generated/torch.nanquantile.html

    >>> import minigrad as mg
    >>> mg.nanquantile(mg.tensor([float("nan"), 1.0, 2.0]), 0.5)
    tensor(1.5000)
    """
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)


_ROUNDING = {  # where a rank between two elements goes
    "linear": None,
    "lower": np.floor,
    "higher": np.ceil,
    "midpoint": lambda rank: (np.floor(rank) + np.ceil(rank)) / 2,
    "nearest": np.rint,
}


def _quantile(
    function: str, input: T, q: Any, dim: int | None, keepdim: bool, interpolation: str
) -> T:
    q = _checked_q(function, input, q)
    if interpolation not in _ROUNDING:
        raise RuntimeError(
            f"{function}() interpolation must be one of linear, lower, higher, midpoint or "
            f"nearest, but got {interpolation}"
        )
    axis = 0 if dim is None else axis_of(input, dim)
    rows = _sorted_rows(input, None if dim is None else axis)
    ranks = _ranks(rows._data, q, function == "nanquantile")  # (*q.shape, ...)
    rounding = _ROUNDING[interpolation]
    if rounding is not None:
        ranks = q._wrap(rounding(ranks._data))
    result = _at_ranks(rows, ranks)
    if keepdim:
        kept = [1 if dim is None or i == axis else n for i, n in enumerate(input.shape)]
        result = shape.reshape(result, (*q.shape, *kept))
    return result


def _sorted_rows(input: T, axis: int | None) -> T:
    """Return the elements along an axis, or all, in order as the last dimension."""
    if axis is None or not input.ndim:
        rows = shape.reshape(input, -1)
    else:
        rows = permutation.movedim(input, axis, -1)
    order = np.argsort(rows._data, -1, kind="stable")
    return indexing.take_along_axis(rows, indices=order, axis=-1)


def _ranks(rows: np.ndarray, q: T, skips_nan: bool) -> T:
    """Return the places of the quantiles in sorted rows, the last where a NaN is the answer."""
    last = rows.shape[-1] - 1
    numbers = rows == rows
    counts = np.asarray(numbers.sum(-1))
    if skips_nan:
        lasts, is_nan, place_of_nan = counts - 1, counts == 0, 0.0
    else:
        lasts, is_nan, place_of_nan = np.full_like(counts, last), counts <= last, float(last)
    column = (*q.shape, *(1,) * counts.ndim)
    lasts = q._wrap(lasts.astype(q.dtype))
    ranks = shape.reshape(q, column) * lasts
    return selection.where(q._wrap(is_nan), place_of_nan, ranks)


def _at_ranks(rows: T, ranks: T) -> T:
    """Return what stands at each rank of (..., n), between two elements their weighted mean."""
    below = np.floor(ranks._data)
    low = _at(rows, below)
    high = _at(rows, np.ceil(ranks._data))
    return low + (ranks - below) * (high - low)


def _at(rows: T, ranks: np.ndarray) -> T:
    behind_q = ranks.ndim - rows.ndim + 1
    places = np.indices(ranks.shape[behind_q:], sparse=True)
    index = (*places, ranks.astype(np.int64))
    return indexing.getitem(rows, index=index)


def _checked_q(function: str, input: T, q: Any) -> T:
    dtype = input.dtype
    if dtype not in (np.float32, np.float64):
        raise RuntimeError(f"{function}() input tensor must be either float or double dtype")
    if not input.numel():
        raise RuntimeError(f"{function}() input tensor must be non-empty")
    if isinstance(q, (int, float, np.generic)):
        if not 0 <= q <= 1:  # type: ignore[operator]
            raise RuntimeError(f"{function}() q must be in the range [0, 1] but got {q}")
        return input._wrap(np.array(q, dtype))
    if not hasattr(q, "ndim"):
        kind = type(q).__name__
        raise TypeError(f"{function}() q must be a number or a Tensor, not {kind}")
    if q.ndim > 1:
        raise RuntimeError(f"{function}() q must be a scalar or 1D tensor, got {q.ndim} dimensions")
    if q.dtype != dtype:
        raise RuntimeError(
            f"{function}() q tensor must be same dtype as the input tensor, got {q.dtype} and "
            f"{dtype}"
        )
    inside = (q._data >= 0) & (q._data <= 1)
    if not inside.all():
        raise RuntimeError(f"{function}() q values must be in the range [0, 1]")
    return q


# ---- the median without NaN, the most frequent --------------------------------------------------
@accepts_out
def nanmedian(input: T, dim: int | None = None, keepdim: bool = False) -> T:
    """Return the lower median of what is not NaN; NaN where there is nothing else.

    With ``dim`` (values, indices) along it. Without, equals share the gradient.
    https://docs.pytorch.org/docs/stable/generated/torch.nanmedian.html

    >>> import minigrad as mg
    >>> mg.nanmedian(mg.tensor([3.0, float("nan"), 1.0]))
    tensor(1.)
    """
    if input.dtype.kind == "b":
        raise NotImplementedError(
            f"nanmedian(): not implemented for {input.dtype}; convert first: x.long()"
        )
    if dim is not None:
        axis = axis_of(input, dim)
        _check_length("nanmedian", input, axis)
        find = lambda x: sorting.arg_nanmedian(x, axis=axis)
        return values_and_indices("nanmedian", input, find, axis, keepdim)
    if not input.numel():
        return input.sum() * float("nan")
    flat = shape.reshape(input, -1)
    place = sorting.arg_nanmedian(flat.detach(), axis=0)
    values = flat._data
    middle = place._data[0]
    median = values[middle]
    equals = values == median
    if not equals.any():  # NaN equals nothing
        equals = values != values
    chosen = indexing.getitem(flat, index=(equals,))
    return reduction.max(chosen)


def _check_length(function: str, input: T, axis: int) -> None:
    if input.ndim and input.shape[axis] == 0:
        raise IndexError(f"{function}(): Expected reduction dim {axis} to have non-zero size.")


@accepts_out
def mode(input: T, dim: int = -1, keepdim: bool = False) -> T:
    """Return (values, indices) of the most frequent along ``dim``, the least of several.

    https://docs.pytorch.org/docs/stable/generated/torch.mode.html

    >>> import minigrad as mg
    >>> mg.mode(mg.tensor([3, 1, 3, 2])).values
    tensor(3)
    """
    axis = axis_of(input, dim)
    _check_length("mode", input, axis)
    find = lambda x: sorting.argmode(x, axis=axis)
    return values_and_indices("mode", input, find, axis, keepdim)
