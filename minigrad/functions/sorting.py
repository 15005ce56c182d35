"""Order: sorting, selecting, counting and searching, with PyTorch's names.

Values are read at places that have no gradient, so gradients flow to the elements that were chosen.
https://docs.pytorch.org/docs/stable/torch.html#comparison-ops
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.dtypes import category
from minigrad.engine.views import own
from minigrad.functions.arguments import accepts_numpy_names, not_a_tensor_error
from minigrad.functions.reduction import max, values_and_indices
from minigrad.functions.return_types import RETURN_TYPES
from minigrad.layout import axes_in_memory
from minigrad.ops import indexing, sorting
from minigrad.ops.reduction import axis_of

__all__ = [
    "argsort", "bincount", "bucketize", "histc", "kthvalue", "median", "searchsorted", "sort", "topk", "unique",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


@accepts_numpy_names
def sort(input: T, dim: int = -1, descending: bool = False, stable: bool = False) -> T:
    """Return (values, indices) in order along ``dim``; equals stay as they stood, NaN is the greatest."""
    axis = axis_of(input, dim)
    order = axes_in_memory(tuple(input.shape), input._data.strides)
    if order != tuple(range(input.ndim)):  # the result lies in memory as the input does
        back = [order.index(i) for i in range(input.ndim)]
        return RETURN_TYPES["sort"](
            *(
                own(part.permute(back))
                for part in sort(input.permute(order), order.index(axis), descending)
            )
        )
    return values_and_indices(
        "sort", input, lambda x: sorting.argsort(x, axis=axis, descending=descending), axis
    )


@accepts_numpy_names
def argsort(input: T, dim: int = -1, descending: bool = False, stable: bool = False) -> T:
    """Return the indices of :func:`sort`."""
    return sort(input, dim, descending).indices


@accepts_numpy_names
def topk(input: T, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> T:
    """Return (values, indices) of the k greatest (or least) along ``dim``, in order."""
    axis = axis_of(input, dim)
    if input.dtype.kind == "b":
        raise NotImplementedError("topk does not support bool dtypes; convert first: x.long()")
    if not 0 <= k <= (input.shape[axis] if input.ndim else 1):
        raise RuntimeError("selected index k out of range")
    if input.ndim == 0:
        return values_and_indices("topk", input, lambda x: sorting.argsort(x, axis=0), axis)
    return values_and_indices(
        "topk", input, lambda x: sorting.argtop(x, axis=axis, k=k, largest=largest), axis
    )


@accepts_numpy_names
def kthvalue(input: T, k: int, dim: int = -1, keepdim: bool = False) -> T:
    """Return (values, indices) of the k-th least along ``dim``, counted from 1."""
    axis = axis_of(input, dim)
    if input.ndim and input.shape[axis] == 0:
        raise IndexError(f"kthvalue(): Expected reduction dim {axis} to have non-zero size.")
    _no_bools("kthvalue", input)
    if not 1 <= k <= (input.shape[axis] if input.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}")
    kth = (slice(None),) * axis + (slice(k - 1, k),)
    return values_and_indices(
        "kthvalue", input, lambda x: sorting.argsort(x, axis=axis)[kth].clone(), axis, keepdim
    )


def _no_bools(name: str, input: T) -> None:
    if input.dtype.kind == "b":
        raise NotImplementedError(f'"{name}" not implemented for bool; convert first: x.long()')


@accepts_numpy_names
def median(input: T, dim: int | None = None, keepdim: bool = False) -> T:
    """Return the lower median of all elements, whose equals share the gradient; with ``dim`` (values, indices)."""
    axis = 0 if dim is None else axis_of(input, dim)
    _no_bools("median", input)
    if dim is not None:
        if input.ndim and input.shape[axis] == 0:
            raise IndexError(f"median(): Expected reduction dim {axis} to have non-zero size.")
        return values_and_indices(
            "median", input, lambda x: sorting.argmedian(x, axis=axis), axis, keepdim
        )
    if not input.numel():
        return input.sum() * float("nan")
    flat = input.reshape(-1)
    value = sorting.argmedian(flat.detach(), axis=0)
    value = indexing.take_along_axis(flat.detach(), indices=value._data, axis=0)
    hit = flat.detach() == value
    if not bool(hit._data.any()):  # NaN equals nothing
        hit = flat.detach() != flat.detach()
    chosen = flat[hit]
    return max(chosen)


@accepts_numpy_names
def unique(
    input: T,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> T:
    """Return the different elements (or slices along ``dim``) in order, where each stands, and how often.

    The gradient, which PyTorch refuses, flows to the first of equals.
    """
    axis = None if dim is None else axis_of(input, dim)
    if axis is not None and input.shape[axis] and not input.numel():
        raise RuntimeError(
            "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied"
        )
    _, places, inverse, counts = np.unique(
        input._data,
        return_index=True,
        return_inverse=True,
        return_counts=True,
        axis=axis,
        equal_nan=False,
    )
    values = indexing.getitem(
        input.reshape(-1) if axis is None else input, index=(slice(None),) * (axis or 0) + (places,)
    )
    inverse = inverse.reshape(input.shape if axis is None else -1)
    parts = (inverse,) * return_inverse + (counts,) * return_counts
    return (values, *map(input._wrap, parts)) if parts else values


@accepts_numpy_names
def bincount(input: T, weights: T = None, minlength: int = 0) -> T:
    """Return how often each of 0, 1, … stands in a 1-d tensor of integers, or the sums of ``weights``."""
    data = input._data
    if data.ndim != 1 or data.dtype.kind not in "iu" or (data.size and data.min() < 0):
        raise RuntimeError(
            f"bincount only supports 1-d non-negative integral inputs, got {data.dtype}{list(data.shape)}"
        )
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if weights is None:
        return input._wrap(np.bincount(data, minlength=minlength).astype(np.int64))
    if weights.shape != input.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    dtype = weights.dtype if weights.dtype == np.float32 else np.dtype(np.float64)
    return input._wrap(np.bincount(data, weights._data, minlength).astype(dtype))


@accepts_numpy_names
def histc(input: T, bins: int = 100, min: float = 0, max: float = 0) -> T:
    """Return how many elements lie in each of ``bins`` equal parts of [min, max]; of the data where both are 0."""
    data = input._data
    if data.dtype.kind != "f":
        raise NotImplementedError(
            f'"histogram_cpu" not implemented for {data.dtype}; convert first: x.float()'
        )
    if bins <= 0:
        raise RuntimeError(f"torch.histc(): bins must be > 0, but got {bins}".replace("torch.", ""))
    if min == max and data.size:
        min, max = data.min(), data.max()
    if not (np.isfinite(min) and np.isfinite(max)):
        raise RuntimeError(f"histc(): range of [{min}, {max}] is not finite")
    if min > max:
        raise RuntimeError("histc(): max must be larger than min")
    if min == max:
        min, max = min - 1, max + 1
    kept = data[(data >= min) & (data <= max)]
    places = np.minimum(((kept - min) * (bins / (max - min))).astype(np.int64), bins - 1)
    return input._wrap(np.bincount(places, minlength=bins).astype(data.dtype))


@accepts_numpy_names
def searchsorted(
    sorted_sequence: T, input: T, *, out_int32: bool = False, right: bool = False, side: str | None = None,
    sorter: T = None,
) -> T:  # fmt: skip
    """Return where each element of ``input`` would be put in to keep the last dimension of the sequence in order."""
    if side not in (None, "left", "right"):
        raise RuntimeError(f"searchsorted(): side can only be 'left' or 'right' but got {side}")
    if right and side == "left":
        raise RuntimeError(
            "searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    which: Any = "right" if right or side == "right" else "left"
    line = sorted_sequence._data
    wanted = np.asarray(getattr(input, "_data", input))
    category(wanted.dtype)
    if sorter is not None:
        line = np.take_along_axis(line, sorter._data, -1)
    if not line.ndim:
        raise RuntimeError(
            "searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension"
        )
    if line.dtype.kind == "b" and wanted.dtype.kind == "b" and wanted.size:
        raise NotImplementedError(
            "\"searchsorted_out_cpu\" not implemented for 'Bool'; convert first: x.long()"
        )
    if line.ndim == 1:
        found = np.searchsorted(line, wanted, which)
    elif wanted.ndim == line.ndim and wanted.shape[:-1] == line.shape[:-1]:
        found = np.empty(wanted.shape, np.int64)
        for row in np.ndindex(line.shape[:-1]):
            found[row] = np.searchsorted(line[row], wanted[row], which)
    else:
        raise RuntimeError(
            "searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor "
            f"and input value tensor must match, but we got boundaries tensor {list(line.shape)} and input value "
            f"tensor {list(wanted.shape)}"
        )
    return sorted_sequence._wrap(np.asarray(found, dtype=np.int32 if out_int32 else np.int64))


def bucketize(input: T, boundaries: T, *, out_int32: bool = False, right: bool = False) -> T:
    """Return the number of the bucket between 1-d ``boundaries`` that each element falls in."""
    if not hasattr(boundaries, "ndim"):
        raise not_a_tensor_error("bucketize", "boundaries", 2, boundaries)
    if boundaries.ndim != 1:
        raise RuntimeError(
            f"bucketize(): boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
