"""Order: sorting, selecting, counting and searching, with PyTorch's names.

Values are read at places that have no gradient, so gradients flow to the elements that were chosen.
https://docs.pytorch.org/docs/stable/torch.html#comparison-ops
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.dtypes import category
from minigrad.engine.views import own
from minigrad.functions.arguments import accepts_numpy_names, accepts_out, not_a_tensor_error
from minigrad.functions.index_checks import along_dim
from minigrad.functions.reduction import max, values_and_indices
from minigrad.functions.return_types import RETURN_TYPES
from minigrad.layout import axes_in_memory
from minigrad.ops import indexing, sorting
from minigrad.ops.reduction import axis_of
from minigrad.places import as_int64, count_places

__all__ = [
    "argsort", "bincount", "bucketize", "histc", "kthvalue", "median", "msort", "searchsorted",
    "sort", "topk", "unique",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


@accepts_out
def sort(input: T, dim: int = -1, descending: bool = False, stable: bool = False) -> T:
    """Return (values, indices) in order along ``dim``; equals stay in their order, NaN is last.

    https://docs.pytorch.org/docs/stable/generated/torch.sort.html

    >>> import minigrad as mg
    >>> mg.sort(mg.tensor([3, 1, 2])).indices
    tensor([1, 2, 0])
    """
    axis = axis_of(input, dim)
    order = axes_in_memory(tuple(input.shape), input._data.strides)
    if order != tuple(range(input.ndim)):  # the result lies in memory as the input does
        inverse = list(map(order.index, range(input.ndim)))
        results = sort(input.permute(order), order.index(axis), descending)
        values, indices = (own(part.permute(inverse)) for part in results)
        return RETURN_TYPES["sort"](values, indices)
    return values_and_indices(
        "sort", input, lambda x: sorting.argsort(x, axis=axis, descending=descending), axis
    )


@accepts_numpy_names
def argsort(input: T, dim: int = -1, descending: bool = False, stable: bool = False) -> T:
    """Return the indices of :func:`sort`.

    https://docs.pytorch.org/docs/stable/generated/torch.argsort.html

    >>> import minigrad as mg
    >>> mg.argsort(mg.tensor([3, 1, 2]))
    tensor([1, 2, 0])
    """
    return sort(input, dim, descending).indices


@accepts_out
def msort(input: T) -> T:
    """Return the elements in order along the first dimension.

    https://docs.pytorch.org/docs/stable/generated/torch.msort.html

    >>> import minigrad as mg
    >>> mg.msort(mg.tensor([3, 1, 2]))
    tensor([1, 2, 3])
    """
    return sort(input, 0).values


@accepts_out
def topk(input: T, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> T:
    """Return (values, indices) of the k greatest (or least) along ``dim``, in order.

    https://docs.pytorch.org/docs/stable/generated/torch.topk.html

    >>> import minigrad as mg
    >>> mg.topk(mg.tensor([3, 1, 2]), 2).values
    tensor([3, 2])
    """
    axis = axis_of(input, dim)
    if input.dtype.kind == "b":
        raise NotImplementedError(
            f"topk does not support bool dtypes, got {input.dtype}; convert first: x.long()"
        )
    size = input.shape[axis] if input.ndim else 1
    if not 0 <= k <= size:
        raise RuntimeError(f"selected index k out of range: {k} of {size}")
    if input.ndim == 0:
        return values_and_indices("topk", input, lambda x: sorting.argsort(x, axis=0), axis)
    return values_and_indices(
        "topk", input, lambda x: sorting.argtop(x, axis=axis, k=k, largest=largest), axis
    )


@accepts_out
def kthvalue(input: T, k: int, dim: int = -1, keepdim: bool = False) -> T:
    """Return (values, indices) of the k-th least along ``dim``, counted from 1.

    https://docs.pytorch.org/docs/stable/generated/torch.kthvalue.html

    >>> import minigrad as mg
    >>> mg.kthvalue(mg.tensor([3, 1, 2]), 1).values
    tensor(1)
    """
    axis = axis_of(input, dim)
    if input.ndim and input.shape[axis] == 0:
        raise IndexError(f"kthvalue(): Expected reduction dim {axis} to have non-zero size.")
    _refuse_bools("kthvalue", input)
    size = input.shape[axis] if input.ndim else 1
    if not 1 <= k <= size:
        raise RuntimeError(
            f"kthvalue(): selected number k out of range for dimension {axis}: {k} of {size}"
        )
    kth = along_dim(axis, slice(k - 1, k))

    def find(x: T) -> T:
        return sorting.argsort(x, axis=axis)[kth].clone()

    return values_and_indices("kthvalue", input, find, axis, keepdim)


def _refuse_bools(name: str, input: T) -> None:
    if input.dtype.kind == "b":
        raise NotImplementedError(
            f"{name}(): not implemented for {input.dtype}; convert first: x.long()"
        )


@accepts_out
def median(input: T, dim: int | None = None, keepdim: bool = False) -> T:
    """Return the lower median of all elements, whose equals share the gradient.

    With ``dim`` (values, indices) along it. NaN is the median of what holds one.
    https://docs.pytorch.org/docs/stable/generated/torch.median.html

    >>> import minigrad as mg
    >>> mg.median(mg.tensor([3, 1, 2]))
    tensor(2)
    """
    axis = 0 if dim is None else axis_of(input, dim)
    _refuse_bools("median", input)
    if dim is not None:
        if input.ndim and input.shape[axis] == 0:
            raise IndexError(f"median(): Expected reduction dim {axis} to have non-zero size.")
        return values_and_indices(
            "median", input, lambda x: sorting.argmedian(x, axis=axis), axis, keepdim
        )
    if not input.numel():
        return input.sum() * float("nan")
    flat = input.reshape(-1)
    values = flat.detach()
    place = sorting.argmedian(values, axis=0)
    median = indexing.take_along_axis(values, indices=place._data, axis=0)
    equals = values == median
    if not bool(equals._data.any()):  # NaN equals nothing
        equals = values != values
    return max(flat[equals])


@accepts_numpy_names
def unique(
    input: T,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> T:
    """Return the different elements (or slices along ``dim``) in order.

    ``return_inverse`` adds where each element stands in them, ``return_counts`` how often each
    occurs. The gradient, which PyTorch refuses, flows to the first of equals.
    https://docs.pytorch.org/docs/stable/generated/torch.unique.html

    >>> import minigrad as mg
    >>> mg.unique(mg.tensor([2, 1, 2]))
    tensor([1, 2])
    """
    axis = None if dim is None else axis_of(input, dim)
    if axis is not None and input.shape[axis] and not input.numel():
        raise RuntimeError(
            "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied "
            f"to shape {list(input.shape)}"
        )
    _, places, inverse, counts = np.unique(
        input._data,
        return_index=True,
        return_inverse=True,
        return_counts=True,
        axis=axis,
        equal_nan=False,
    )
    elements = input.reshape(-1) if axis is None else input
    values = indexing.getitem(elements, index=along_dim(axis or 0, places))
    results = [values]
    if return_inverse:
        shape = input.shape if axis is None else -1
        results.append(input._wrap(as_int64(inverse.reshape(shape))))
    if return_counts:
        results.append(input._wrap(as_int64(counts)))
    return tuple(results) if len(results) > 1 else values


@accepts_numpy_names
def bincount(input: T, weights: T = None, minlength: int = 0) -> T:
    """Return how often each of 0, 1, … occurs in a vector of integers, or their ``weights``.

    https://docs.pytorch.org/docs/stable/generated/torch.bincount.html

    >>> import minigrad as mg
    >>> mg.bincount(mg.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    data = input._data
    if data.ndim != 1 or data.dtype.kind not in "iu" or (data.size and data.min() < 0):
        raise RuntimeError(
            "bincount only supports 1-d non-negative integral inputs, "
            f"got {data.dtype}{list(data.shape)}"
        )
    if minlength < 0:
        raise RuntimeError(f"minlength should be >= 0, got {minlength}")
    if weights is None:
        return input._wrap(count_places(data, minlength=minlength).astype(np.int64))
    if weights.shape != input.shape:
        raise RuntimeError(
            "weights should be 1-d and have the same length as input, "
            f"got {list(weights.shape)} and {list(input.shape)}"
        )
    dtype = weights.dtype if weights.dtype == np.float32 else np.dtype(np.float64)
    return input._wrap(count_places(data, weights._data, minlength).astype(dtype))


@accepts_numpy_names
def histc(input: T, bins: int = 100, min: float = 0, max: float = 0) -> T:
    """Return how many elements lie in each of ``bins`` equal parts of [min, max].

    Where both are equal, the ends are those of the data.
    https://docs.pytorch.org/docs/stable/generated/torch.histc.html

    >>> import minigrad as mg
    >>> mg.histc(mg.tensor([0.0, 1.0, 1.0]), bins=2)
    tensor([1., 2.])
    """
    data = input._data
    if data.dtype.kind != "f":
        raise NotImplementedError(
            f"histc(): not implemented for {data.dtype}; convert first: x.float()"
        )
    if bins <= 0:
        raise RuntimeError(f"histc(): bins must be > 0, but got {bins}")
    if min == max and data.size:
        min, max = data.min(), data.max()
    if not (np.isfinite(min) and np.isfinite(max)):
        raise RuntimeError(f"histc(): range of [{min}, {max}] is not finite")
    if min > max:
        raise RuntimeError(f"histc(): max must be larger than min, got [{min}, {max}]")
    if min == max:
        min, max = min - 1, max + 1
    inside = data[(data >= min) & (data <= max)]
    places = (inside - min) * bins / (max - min)  # in PyTorch's order: an edge is rounded as there
    places = np.minimum(places.astype(np.int64), bins - 1)
    return input._wrap(count_places(places, minlength=bins).astype(data.dtype))


@accepts_numpy_names
def searchsorted(
    sorted_sequence: T,
    input: T,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: T = None,
) -> T:
    """Return where each element of ``input`` belongs to keep the last dimension in order.

    ``sorted_sequence`` is (n,), or (..., n) beside an input (..., m). ``side`` "left" is before
    equals, "right" behind them. Raises RuntimeError for shapes that do not fit.
    https://docs.pytorch.org/docs/stable/generated/torch.searchsorted.html

    >>> import minigrad as mg
    >>> mg.searchsorted(mg.tensor([1, 3, 5]), mg.tensor([3, 6]))
    tensor([1, 3])
    """
    which: Any = _searching_side(side, right)
    boundaries = sorted_sequence._data
    values = np.asarray(getattr(input, "_data", input))
    category(values.dtype)
    if sorter is not None:
        boundaries = np.take_along_axis(boundaries, sorter._data, -1)
    _check_boundaries(boundaries, values)
    if boundaries.ndim == 1:
        places = np.searchsorted(boundaries, values, which)
    else:
        places = np.empty(values.shape, np.int64)
        for row in np.ndindex(boundaries.shape[:-1]):
            places[row] = np.searchsorted(boundaries[row], values[row], which)
    return sorted_sequence._wrap(np.asarray(places, dtype=np.int32 if out_int32 else np.int64))


def _searching_side(side: str | None, right: bool) -> Any:
    if side not in (None, "left", "right"):
        raise RuntimeError(f"searchsorted(): side can only be 'left' or 'right' but got {side}")
    if right and side == "left":
        raise RuntimeError(
            "searchsorted(): side and right can't be set to opposites, "
            f"got side of {side} while right was {right}"
        )
    return "right" if right else side or "left"


def _check_boundaries(boundaries: np.ndarray, values: np.ndarray) -> None:
    if not boundaries.ndim:
        raise RuntimeError(
            "searchsorted(): boundaries tensor should have positive dimension, "
            f"but got {boundaries.ndim} dimension"
        )
    if boundaries.dtype.kind == "b" and values.dtype.kind == "b" and values.size:
        raise NotImplementedError(
            f"searchsorted(): not implemented for {values.dtype}; convert first: x.long()"
        )
    same_rows = values.ndim == boundaries.ndim and values.shape[:-1] == boundaries.shape[:-1]
    if boundaries.ndim > 1 and not same_rows:
        raise RuntimeError(
            "searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions "
            "of boundaries tensor and input value tensor must match, but we got boundaries tensor "
            f"{list(boundaries.shape)} and input value tensor {list(values.shape)}"
        )


def bucketize(input: T, boundaries: T, *, out_int32: bool = False, right: bool = False) -> T:
    """Return the number of the bucket between 1-d ``boundaries`` that each element falls in.

    https://docs.pytorch.org/docs/stable/generated/torch.bucketize.html

    >>> import minigrad as mg
    >>> mg.bucketize(mg.tensor([3, 6]), mg.tensor([1, 3, 5]))
    tensor([1, 3])
    """
    if not hasattr(boundaries, "ndim"):
        raise not_a_tensor_error("bucketize", "boundaries", 2, boundaries)
    if boundaries.ndim != 1:
        raise RuntimeError(
            f"bucketize(): boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
