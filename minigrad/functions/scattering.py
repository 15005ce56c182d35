"""Replacing elements by index in a copy, with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from minigrad.dtypes import checked_scalar
from minigrad.functions.arguments import accepts_numpy_names
from minigrad.functions.index_checks import (
    along_dim,
    axis_and_indices,
    check_0d_value,
    check_mask,
    check_range,
    check_same_dtype,
    index_vector,
)
from minigrad.functions.joining import broadcast_tensors
from minigrad.functions.shape import clone, contiguous, expand, ravel, reshape
from minigrad.ops import indexing as ops
from minigrad.ops.reduction import axis_of

__all__ = [
    "index_add", "index_copy", "index_fill", "index_put", "index_reduce", "masked_scatter", "put",
    "scatter", "scatter_add", "scatter_reduce",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


def _index(input: T, axis: int, indices: np.ndarray) -> Any:
    return ops.index_along_axis(indices, axis) if input.ndim else ...


def _covered(src: T, indices: np.ndarray, function: str) -> T:
    """Return the part of ``src`` that ``indices`` covers."""
    if not src.ndim or not indices.ndim:
        return reshape(src, indices.shape) if src._data.size == indices.size else src
    sizes = zip(indices.shape, src.shape, strict=False)
    if src.ndim != indices.ndim or builtins.any(n > m for n, m in sizes):
        raise RuntimeError(
            f"{function}(): Expected index {list(indices.shape)} to be no larger than "
            f"src {list(src.shape)}"
        )
    if src.shape == indices.shape:
        return src
    return ops.getitem(src, index=tuple(map(slice, indices.shape)))


@accepts_numpy_names
def scatter(
    input: T, dim: int, index: T, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> T:
    """Return a copy with ``src`` (a tensor or a number) at ``index`` along ``dim``.

    ``reduce`` 'add' or 'multiply' joins with what is there. Of several values written to one place
    the last stays. Raises RuntimeError for indices out of range and for two dtypes.
    https://docs.pytorch.org/docs/stable/generated/torch.scatter.html

    >>> import minigrad as mg
    >>> mg.scatter(mg.zeros(3), 0, mg.tensor([2, 0]), mg.tensor([1.0, 5.0]))
    tensor([5., 0., 1.])
    """
    src = value if src is None else src
    axis, indices = axis_and_indices(input, dim, index, "scatter")
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError(f"reduce argument must be either add or multiply, got {reduce}")
    if hasattr(src, "_data"):
        check_same_dtype(input, src, "scatter")
        src = _covered(src, indices, "scatter")
    input = contiguous(input)
    if not indices.size:
        return _without_writes(input, src)
    places = _index(input, axis, indices)
    if reduce is None:
        return ops.setitem(input, src, index=places)
    if not hasattr(src, "_data"):
        src = input._wrap(np.full(indices.shape, src, input.dtype))
    return _reduce_into(input, src, places, "sum" if reduce == "add" else "prod")


def _without_writes(input: T, src: Any) -> T:
    """Return a copy of ``input`` into which nothing of ``src`` went: its gradient is 0."""
    if getattr(src, "_node", None) is None:
        return clone(input)
    return input + (src.sum() * 0).to(input.dtype)


@accepts_numpy_names
def scatter_add(input: T, dim: int, index: T, src: T) -> T:
    """Return a copy with ``src`` added at ``index`` along ``dim``; repeated places get all of it.

    https://docs.pytorch.org/docs/stable/generated/torch.scatter_add.html

    >>> import minigrad as mg
    >>> mg.scatter_add(mg.zeros(3), 0, mg.tensor([2, 2]), mg.tensor([1.0, 5.0]))
    tensor([0., 0., 6.])
    """
    return scatter_reduce(input, dim, index, src, "sum")


_REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


@accepts_numpy_names
def scatter_reduce(
    input: T, dim: int, index: T, src: T, reduce: str, *, include_self: bool = True
) -> T:
    """Return a copy with ``src`` joined at ``index`` along ``dim``.

    ``reduce`` is 'sum', 'prod', 'mean', 'amax' or 'amin'. Without ``include_self`` what ``input``
    held at these places does not count.
    https://docs.pytorch.org/docs/stable/generated/torch.scatter_reduce.html

    >>> import minigrad as mg
    >>> mg.scatter_reduce(mg.zeros(2), 0, mg.tensor([1, 1]), mg.tensor([2.0, 7.0]), "amax")
    tensor([0., 7.])
    """
    if reduce not in _REDUCTIONS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    axis, indices = axis_and_indices(input, dim, index, "scatter_reduce")
    check_same_dtype(input, src, "scatter_reduce")
    input = contiguous(input)
    if not indices.size:
        return _without_writes(input, src)
    src = _covered(src, indices, "scatter_reduce")
    return _reduce_into(input, src, _index(input, axis, indices), reduce, include_self)


def _reduce_into(input: T, src: T, index: Any, reduce: str, include_self: bool = True) -> T:
    if not include_self:
        input = ops.setitem(input, _neutral_element(reduce, input.dtype), index=index)
    if reduce == "mean" and input.dtype.kind == "b":
        raise NotImplementedError(f"scatter_reduce(): 'mean' is not supported for {input.dtype}")
    if reduce not in ("sum", "mean"):
        return ops.scatter_reduce(input, src, index=index, reduce=reduce)
    total = input + ops.scatter_add(src, index=index, shape=tuple(input.shape))
    if reduce == "sum":
        return total.to(input.dtype)
    counts = np.full(input.shape, int(include_self), np.int64)
    np.add.at(counts, index, 1)
    counts = np.maximum(counts, 1)
    if input.dtype.kind == "f":
        return total / input._wrap(counts.astype(input.dtype))
    return input._wrap((total._data // counts).astype(input.dtype))


def _neutral_element(reduce: str, dtype: np.dtype[Any]) -> Any:
    if reduce in ("sum", "mean"):
        return 0
    if reduce == "prod":
        return 1
    wants_least = reduce == "amax"
    if dtype.kind == "f":
        return -np.inf if wants_least else np.inf
    if dtype.kind == "b":
        return not wants_least
    limits = np.iinfo(dtype)
    return int(limits.min if wants_least else limits.max)


_NUMBER = {"f": float, "b": bool}  # of a kind of dtype


@accepts_numpy_names
def index_add(input: T, dim: int, index: T, source: T, *, alpha: float = 1) -> T:
    """Return a copy with ``alpha * source`` added to the slices along ``dim`` at these indices.

    https://docs.pytorch.org/docs/stable/generated/torch.index_add.html

    >>> import minigrad as mg
    >>> mg.index_add(mg.zeros(3), 0, mg.tensor([1, 1]), mg.tensor([2.0, 3.0]))
    tensor([0., 5., 0.])
    """
    index, source = _slices(input, dim, index, source, "index_add", RuntimeError)
    if alpha != 1:
        number = _NUMBER.get(input.dtype.kind, int)
        source = source * number(alpha)
    shape = tuple(input.shape)
    added = ops.scatter_add(source, index=index, shape=shape)
    return contiguous(input) + added


@accepts_numpy_names
def index_copy(input: T, dim: int, index: T, source: T) -> T:
    """Return a copy with the slices along ``dim`` at these indices replaced by ``source``.

    https://docs.pytorch.org/docs/stable/generated/torch.index_copy.html

    >>> import minigrad as mg
    >>> mg.index_copy(mg.zeros(3), 0, mg.tensor([2, 0]), mg.tensor([2.0, 3.0]))
    tensor([3., 0., 2.])
    """
    index, source = _slices(input, dim, index, source, "index_copy", IndexError)
    return ops.setitem(contiguous(input), source, index=index)


def _slices(input: T, dim: int, index: T, source: T, function: str, error: type) -> tuple[Any, T]:
    """Return the index of slices along ``dim`` and what goes there, in their shape."""
    axis = axis_of(input, dim)
    indices = index_vector(index, function, IndexError)
    if input.dtype != source.dtype:
        raise RuntimeError(
            f"{function}(): self and source expected to have the same dtype, but got "
            f"{input.dtype} and {source.dtype}"
        )
    if not input.ndim:
        check_range(indices, 1, function)
        if indices.size != 1:
            raise IndexError(f"{function}(): a 0-d input takes 1 index, but got {indices.size}")
        return ..., reshape(source, ())
    check_range(indices, input.shape[axis], function)
    expected = (*input.shape[:axis], indices.size, *input.shape[axis + 1 :])
    is_one_number = source.ndim == 0 and expected == (1,)
    if is_one_number and function == "index_copy":
        source = reshape(source, 1)
    if tuple(source.shape) != expected:
        fits_along_dim = source.ndim == len(expected) and source.shape[axis] == indices.size
        raise (RuntimeError if fits_along_dim else error)(
            f"{function}(): expected source of shape {list(expected)}, but got {list(source.shape)}"
        )
    return along_dim(axis, indices), source


@accepts_numpy_names
def index_reduce(
    input: T, dim: int, index: T, source: T, reduce: str, *, include_self: bool = True
) -> T:
    """Return a copy with slices of ``source`` joined to those along ``dim`` at these indices.

    ``reduce`` is 'prod', 'mean', 'amax' or 'amin'. Without ``include_self`` what ``input`` held
    there does not count.
    https://docs.pytorch.org/docs/stable/generated/torch.index_reduce.html

    >>> import minigrad as mg
    >>> mg.index_reduce(mg.ones(2), 0, mg.tensor([1, 1]), mg.tensor([2.0, 3.0]), "prod")
    tensor([1., 6.])
    """
    if reduce not in _REDUCTIONS[1:]:
        raise RuntimeError(
            "index_reduce(): Expected reduce to be one of prod, mean, amax or amin "
            f"but got {reduce}."
        )
    index, source = _slices(input, dim, index, source, "index_reduce", RuntimeError)
    return _reduce_into(contiguous(input), source, index, reduce, include_self)


@accepts_numpy_names
def index_fill(input: T, dim: int, index: T, value: Any) -> T:
    """Return a copy with one value in the slices along ``dim`` at these indices.

    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.index_fill.html

    >>> import minigrad as mg
    >>> mg.index_fill(mg.zeros(3), 0, mg.tensor([0, 2]), 7.0)
    tensor([7., 0., 7.])
    """
    axis = axis_of(input, dim)
    if index.dtype != np.int64:
        raise IndexError(f"index_fill(): Expected dtype int64 for index, but got {index.dtype}")
    indices = index_vector(index, "index_fill")
    check_0d_value(value, "index_fill")
    size = input.shape[axis] if input.ndim else 1
    check_range(indices, size, "index_fill", least=-size)
    value = value if hasattr(value, "_data") else checked_scalar(value, input.dtype)
    return ops.setitem(input, value, index=along_dim(axis, indices) if input.ndim else ...)


@accepts_numpy_names
def index_put(input: T, indices: Any, values: T, accumulate: bool = False) -> T:
    """Return a copy with ``values`` at ``input[indices]``, or added there.

    ``indices`` is a tuple of tensors. Raises IndexError for too many, RuntimeError for two dtypes.
    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.index_put_.html

    >>> import minigrad as mg
    >>> mg.index_put(mg.zeros(3), (mg.tensor([0, 2]),), mg.tensor([1.0, 2.0]))
    tensor([1., 0., 2.])
    """
    index = tuple(slice(None) if i is None else i._data for i in indices)
    if len(index) > input.ndim:
        raise IndexError(
            f"too many indices for tensor of dimension {input.ndim} (got {len(index)})"
        )
    if input.dtype != values.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {input.dtype} "
            f"for the destination and {values.dtype} for the source."
        )
    shape = np.broadcast_to(0, input.shape)[index].shape
    values = expand(values, shape) if values.ndim <= len(shape) else reshape(values, shape)
    if accumulate:
        return input + ops.scatter_add(values, index=index, shape=tuple(input.shape))
    return ops.setitem(input, values, index=index)


@accepts_numpy_names
def put(input: T, index: T, source: T, accumulate: bool = False) -> T:
    """Return a copy with ``source`` at the places ``index`` of the flattened input, or added there.

    Raises IndexError for places out of range, RuntimeError for two dtypes.
    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.put_.html

    >>> import minigrad as mg
    >>> mg.put(mg.zeros(2, 2), mg.tensor([1, -1]), mg.tensor([5.0, 7.0]))
    tensor([[0., 5.],
            [0., 7.]])
    """
    if index.dtype != np.int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype}")
    if input.dtype != source.dtype:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{input.dtype} and source.dtype = {source.dtype}"
        )
    if index.numel() != source.numel():
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {source.numel()}, index.numel() = {index.numel()}"
        )
    size = input.numel()
    places = index._data.reshape(-1)
    check_range(places, size, "put_", least=-size)
    flat = reshape(input, -1)
    values = reshape(source, -1)
    if accumulate:
        added = ops.scatter_add(values, index=(places,), shape=(size,))
        result = flat + added
    else:
        result = ops.setitem(flat, values, index=(places,))
    return reshape(result, input.shape)


@accepts_numpy_names
def masked_scatter(input: T, mask: T, source: T) -> T:
    """Return a copy with the elements of ``source``, in their order, where ``mask`` is True.

    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.masked_scatter.html

    >>> import minigrad as mg
    >>> mg.masked_scatter(mg.zeros(3), mg.tensor([True, False, True]), mg.tensor([1.0, 2.0]))
    tensor([1., 0., 2.])
    """
    check_same_dtype(input, source, "masked_scatter")
    check_mask(mask, "masked_scatter")
    input, mask = broadcast_tensors(input, mask)
    count = int(mask._data.sum())
    if source._data.size < count:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes and source to have at "
            f"least {count} elements, but got {source._data.size}"
        )
    values = ops.getitem(ravel(source), index=(slice(count),))
    return ops.setitem(contiguous(input), values, index=(mask._data,))
