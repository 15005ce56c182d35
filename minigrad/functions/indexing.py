"""Reading, scattering and replacing elements by index, with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from minigrad.dtypes import fitted
from minigrad.engine.views import own
from minigrad.functions.arguments import accepts_numpy_names, not_a_tensor_error
from minigrad.functions.joining import broadcast_tensors
from minigrad.functions.shape import broadcast_to, clone, contiguous, expand, ravel, reshape
from minigrad.ops import indexing as ops
from minigrad.ops.reduction import axis_of

__all__ = [
    "argwhere", "gather", "index_add", "index_copy", "index_fill", "index_put", "index_select",
    "masked_scatter", "masked_select", "nonzero", "repeat_interleave", "scatter", "scatter_add",
    "scatter_reduce", "select", "take", "take_along_dim",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


def _integers(index: T, function: str) -> np.ndarray:
    if not hasattr(index, "_data"):
        raise TypeError(
            f"{function}(): argument 'index' must be Tensor, not {type(index).__name__}"
        )
    if index.dtype.kind != "i" or index.dtype.itemsize < 4:
        raise RuntimeError(
            f"{function}(): Expected dtype int32 or int64 for index, but got {index.dtype}"
        )
    return index._data


def _check_range(
    indices: np.ndarray, n: int, function: str, least: int = 0, error: type = IndexError
) -> None:
    if indices.size and (indices.min() < least or indices.max() >= n):
        bad = indices[(indices < least) | (indices >= n)].flat[0]
        raise error(f"{function}(): index {bad} is out of bounds for dimension with size {n}")


def _whole(axis: int, index: Any) -> tuple[Any, ...]:
    return (*(slice(None),) * axis, index)


@accepts_numpy_names
def select(input: T, dim: int, index: int) -> T:
    """Return the slice (a view) at ``index`` along ``dim``."""
    if input.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    axis = axis_of(input, dim)
    if not -input.shape[axis] <= index < input.shape[axis]:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {axis}"
        )
    return ops.getitem(input, index=_whole(axis, int(index)))


@accepts_numpy_names
def index_select(input: T, dim: int, index: T) -> T:
    """Return the slices along ``dim`` at the indices of a vector."""
    axis = axis_of(input, dim)
    indices = _vector(index, "index_select", IndexError)
    if input.ndim == 0:
        if indices.size != 1:
            raise IndexError("index_select(): Index to scalar can have only 1 value")
        _check_range(indices, 1, "index_select")
        return clone(input)
    _check_range(indices, input.shape[axis], "index_select")
    return contiguous(ops.getitem(input, index=_whole(axis, indices)))


def _vector(index: T, function: str, error: type = RuntimeError) -> np.ndarray:
    indices = _integers(index, function)
    if indices.ndim > 1:
        raise error(f"{function}(): Index is supposed to be a vector, but got dim: {indices.ndim}")
    return indices.reshape(-1)


def _along(input: T, dim: int, index: T, function: str) -> tuple[int, np.ndarray]:
    """Return the axis and indices of gather and its relatives, checked."""
    axis = axis_of(input, dim)
    indices = _integers(index, function)
    if indices.size == 0:
        return axis, indices
    if builtins.max(indices.ndim, 1) != builtins.max(input.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    if builtins.any(
        n > m for i, (n, m) in enumerate(zip(indices.shape, input.shape, strict=False)) if i != axis
    ):
        raise RuntimeError(
            f"Size does not match at dimension: expected index {list(indices.shape)} to be no larger "
            f"than self {list(input.shape)} apart from dimension {axis}"
        )
    _check_range(indices, input.shape[axis] if input.ndim else 1, function, error=RuntimeError)
    return axis, indices


def _places(input: T, axis: int, indices: np.ndarray) -> Any:
    """Return the index of ``indices`` along one axis, each place of the others with itself."""
    if not input.ndim:
        return ...
    counts = [
        np.arange(n).reshape(-1, *(1,) * (indices.ndim - i - 1))
        for i, n in enumerate(indices.shape)
    ]
    return tuple(indices if i == axis else c for i, c in enumerate(counts))


@accepts_numpy_names
def gather(input: T, dim: int, index: T, *, sparse_grad: bool = False) -> T:
    """Return the elements at ``index`` along ``dim``; other dimensions may be shorter in index.

    >>> import minigrad as mg
    >>> mg.gather(mg.tensor([[1, 2], [3, 4]]), 1, mg.tensor([[0], [1]]))
    tensor([[1],
            [4]])
    """
    axis, indices = _along(input, dim, index, "gather")
    if not input.ndim or not indices.ndim or not indices.size:
        return own(
            reshape(ops.getitem(reshape(input, -1), index=(indices.reshape(-1),)), indices.shape)
        )
    cut = tuple(slice(None) if i == axis else slice(n) for i, n in enumerate(indices.shape))
    if tuple(indices.shape[:axis] + indices.shape[axis + 1 :]) != tuple(
        input.shape[:axis] + input.shape[axis + 1 :]
    ):
        input = ops.getitem(input, index=cut)
    return ops.take_along_axis(input, indices=indices, axis=axis)


def _source(src: T, indices: np.ndarray, function: str) -> T:
    """Return the part of ``src`` that ``indices`` covers."""
    if not src.ndim or not indices.ndim:
        return reshape(src, indices.shape) if src._data.size == indices.size else src
    if src.ndim != indices.ndim or builtins.any(
        n > m for n, m in zip(indices.shape, src.shape, strict=True)
    ):
        raise RuntimeError(
            f"{function}(): Expected index {list(indices.shape)} to be no larger than src {list(src.shape)}"
        )
    return (
        src
        if src.shape == indices.shape
        else ops.getitem(src, index=tuple(map(slice, indices.shape)))
    )


def _same_dtype(input: T, src: T, function: str) -> None:
    if input.dtype != src.dtype:
        raise RuntimeError(
            f"{function}(): Expected self.dtype to be equal to src.dtype: {input.dtype}, {src.dtype}"
        )


@accepts_numpy_names
def scatter(
    input: T, dim: int, index: T, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> T:
    """Return a copy with ``src`` (a tensor or a number) at ``index`` along ``dim``.

    ``reduce`` 'add' or 'multiply' joins with what is there. Of several written to one place the last stays.
    """
    src = value if src is None else src
    axis, indices = _along(input, dim, index, "scatter")
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError(f"reduce argument must be either add or multiply, got {reduce}")
    if hasattr(src, "_data"):
        _same_dtype(input, src, "scatter")
        src = _source(src, indices, "scatter")
    where_ = (
        _places(input, axis, indices)
        if indices.size
        else (np.zeros(0, np.int64),)
        if input.ndim
        else None
    )
    input = contiguous(input)
    if not indices.size:
        return _untouched(input, src)
    if reduce is None:
        return ops.setitem(input, src, index=where_)
    if not hasattr(src, "_data"):
        src = input._wrap(np.full(indices.shape, src, input.dtype))
    return _reduced(input, src, where_, "sum" if reduce == "add" else "prod", True)


def _untouched(input: T, src: Any) -> T:
    """Return a copy of ``input`` into which nothing of ``src`` went: its gradient is 0."""
    return (
        clone(input)
        if getattr(src, "_node", None) is None
        else input + (src.sum() * 0).to(input.dtype)
    )


@accepts_numpy_names
def scatter_add(input: T, dim: int, index: T, src: T) -> T:
    """Return a copy with ``src`` added at ``index`` along ``dim``; repeated places get all of it."""
    return scatter_reduce(input, dim, index, src, "sum")


@accepts_numpy_names
def scatter_reduce(
    input: T, dim: int, index: T, src: T, reduce: str, *, include_self: bool = True
) -> T:
    """Return a copy with ``src`` joined at ``index`` along ``dim``: 'sum', 'prod', 'mean', 'amax' or 'amin'.

    Without ``include_self`` what ``input`` held at these places does not count.
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    axis, indices = _along(input, dim, index, "scatter_reduce")
    _same_dtype(input, src, "scatter_reduce")
    input = contiguous(input)
    if not indices.size:
        return _untouched(input, src)
    return _reduced(
        input,
        _source(src, indices, "scatter_reduce"),
        _places(input, axis, indices),
        reduce,
        include_self,
    )


def _reduced(input: T, src: T, index: Any, reduce: str, include_self: bool) -> T:
    if not include_self:
        input = ops.setitem(input, _neutral(reduce, input.dtype), index=index)
    if reduce == "mean" and input.dtype.kind == "b":
        raise NotImplementedError("scatter_reduce(): 'mean' is not there for bool")
    if reduce in ("sum", "mean"):
        total = input + ops.scatter_add(src, index=index, shape=tuple(input.shape))
        if reduce == "sum":
            return total.to(input.dtype)
        counts = np.zeros(input.shape, np.int64)
        np.add.at(counts, index, 1)
        counts = np.maximum(counts + 1 if include_self else counts, 1)
        if input.dtype.kind == "f":
            return total / input._wrap(counts.astype(input.dtype))
        return input._wrap((total._data // counts).astype(input.dtype))
    return ops.scatter_reduce(input, src, index=index, reduce=reduce)


def _neutral(reduce: str, dtype: np.dtype[Any]) -> Any:
    if reduce in ("sum", "mean", "prod"):
        return int(reduce == "prod")
    if dtype.kind == "f":
        return -np.inf if reduce == "amax" else np.inf
    if dtype.kind == "b":
        return reduce == "amin"
    return int(np.iinfo(dtype).min if reduce == "amax" else np.iinfo(dtype).max)


@accepts_numpy_names
def index_add(input: T, dim: int, index: T, source: T, *, alpha: float = 1) -> T:
    """Return a copy with ``alpha * source`` added to the slices along ``dim`` at these indices."""
    place, source = _slices(input, dim, index, source, "index_add", RuntimeError)
    source = (
        source if alpha == 1 else source * {"f": float, "b": bool}.get(input.dtype.kind, int)(alpha)
    )
    return contiguous(input) + ops.scatter_add(source, index=place, shape=tuple(input.shape))


@accepts_numpy_names
def index_copy(input: T, dim: int, index: T, source: T) -> T:
    """Return a copy with the slices along ``dim`` at these indices replaced by ``source``."""
    place, source = _slices(input, dim, index, source, "index_copy", IndexError)
    return ops.setitem(contiguous(input), source, index=place)


def _slices(input: T, dim: int, index: T, source: T, function: str, error: type) -> tuple[Any, T]:
    axis = axis_of(input, dim)
    indices = _vector(index, function, IndexError)
    if input.dtype != source.dtype:
        raise RuntimeError(f"{function}(): self and source expected to have the same dtype, but got "
                           f"{input.dtype} and {source.dtype}")  # fmt: skip
    if not input.ndim:
        _check_range(indices, 1, function)
        if indices.size != 1:
            raise IndexError(f"{function}(): a 0-d input takes 1 index, but got {indices.size}")
        return ..., reshape(source, ())
    _check_range(indices, input.shape[axis], function)
    expected = (*input.shape[:axis], indices.size, *input.shape[axis + 1 :])
    if source.ndim == 0 and indices.size == 1 and input.ndim == 1 and function == "index_copy":
        source = reshape(source, 1)
    if tuple(source.shape) != expected:
        kind = (
            RuntimeError
            if source.ndim == len(expected) and source.shape[axis] == indices.size
            else error
        )
        raise kind(
            f"{function}(): expected source of shape {list(expected)}, but got {list(source.shape)}"
        )
    return _whole(axis, indices), source


@accepts_numpy_names
def index_fill(input: T, dim: int, index: T, value: Any) -> T:
    """Return a copy with one value in the slices along ``dim`` at these indices."""
    axis = axis_of(input, dim)
    if index.dtype != np.int64:
        raise IndexError(f"index_fill(): Expected dtype int64 for index, but got {index.dtype}")
    indices = _vector(index, "index_fill")
    if hasattr(value, "_data") and value.ndim:
        raise RuntimeError(
            f"index_fill only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    n = input.shape[axis] if input.ndim else 1
    _check_range(indices, n, "index_fill", least=-n)
    value = value if hasattr(value, "_data") else fitted(value, input.dtype)
    return ops.setitem(input, value, index=_whole(axis, indices) if input.ndim else ...)


@accepts_numpy_names
def index_put(input: T, indices: Any, values: T, accumulate: bool = False) -> T:
    """Return a copy with ``values`` at ``input[indices]``, or added there; ``indices`` is a tuple of tensors."""
    index = tuple(slice(None) if i is None else i._data for i in indices)
    if len(index) > input.ndim:
        raise IndexError(
            f"too many indices for tensor of dimension {input.ndim} (got {len(index)})"
        )
    if input.dtype != values.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {input.dtype} for the "
            f"destination and {values.dtype} for the source."
        )
    shape = np.broadcast_to(0, input.shape)[index].shape
    values = expand(values, shape) if values.ndim <= len(shape) else reshape(values, shape)
    if accumulate:
        return input + ops.scatter_add(values, index=index, shape=tuple(input.shape))
    return ops.setitem(input, values, index=index)


def _mask(mask: T, function: str) -> T:
    if not hasattr(mask, "_data"):
        raise not_a_tensor_error(function, "mask", 2, mask)
    if mask.dtype.kind != "b":
        raise RuntimeError(f"{function}: expected BoolTensor for mask, but got {mask.dtype}")
    return mask


@accepts_numpy_names
def masked_select(input: T, mask: T) -> T:
    """Return the elements where ``mask`` (which broadcasts) is True, as a vector."""
    input, mask = broadcast_tensors(input, _mask(mask, "masked_select"))
    return ops.getitem(input, index=(mask._data,))


@accepts_numpy_names
def masked_scatter(input: T, mask: T, source: T) -> T:
    """Return a copy with the elements of ``source``, in their order, where ``mask`` is True."""
    _same_dtype(input, source, "masked_scatter")
    input, mask = broadcast_tensors(input, _mask(mask, "masked_scatter"))
    n = int(mask._data.sum())
    if source._data.size < n:
        raise RuntimeError(f"masked_scatter: expected self and source to have same dtypes and source to have at "
                           f"least {n} elements, but got {source._data.size}")  # fmt: skip
    return ops.setitem(
        contiguous(input), ops.getitem(ravel(source), index=(slice(n),)), index=(mask._data,)
    )


@accepts_numpy_names
def take(input: T, index: T) -> T:
    """Return the elements at these indices of the flattened input."""
    indices = _integers(index, "take")
    if index.dtype != np.int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {index.dtype}")
    flat = ravel(input)
    n = flat.shape[0]
    if indices.size and not n:
        raise IndexError("take(): tried to take from an empty tensor")
    _check_range(indices, n, "take", least=-n)
    return ops.getitem(flat, index=(indices,))


@accepts_numpy_names
def take_along_dim(input: T, indices: T, dim: int | None = None) -> T:
    """Return the elements at ``indices`` along ``dim`` (of the flattened input by default), broadcast."""
    if dim is not None and indices.dtype != np.int64:
        raise RuntimeError(
            f"take_along_dim(): dtype of indices should be Long but got {indices.dtype}"
        )
    if dim is None:
        return gather(ravel(input), 0, ravel(indices))
    if input.ndim != indices.ndim:
        raise RuntimeError(
            f"torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    axis = axis_of(input, dim)
    indices = _counted(indices, input.shape[axis] if input.ndim else 1)
    shape = list(
        np.broadcast_shapes(*((*s[:axis], 1, *s[axis + 1 :]) for s in (input.shape, indices.shape)))
    )
    along = [(*shape[:axis], x.shape[axis], *shape[axis + 1 :]) for x in (input, indices)]
    return gather(broadcast_to(input, along[0]), axis, broadcast_to(indices, along[1]))


def _counted(indices: T, n: int) -> T:
    """Return indices that count from the end as what they mean."""
    found = indices._data
    return indices._wrap(np.where((found < 0) & (found >= -n), found + n, found))


@accepts_numpy_names
def nonzero(input: T, *, as_tuple: bool = False) -> Any:
    """Return the indices of the elements that are not zero, (n, ndim), or one vector a dimension."""
    tensor = input._wrap
    found = (
        np.argwhere(input._data) if input.ndim else np.zeros((int(input._data != 0), 0), np.int64)
    )
    if not as_tuple:
        return tensor(np.asarray(found, np.int64))  # column by column in memory
    if not input.ndim:
        return (tensor(np.zeros(len(found), np.int64)),)
    return tuple(tensor(np.ascontiguousarray(column)) for column in found.T)


@accepts_numpy_names
def argwhere(input: T) -> T:
    """Return the indices of the elements that are not zero, (n, ndim)."""
    return nonzero(input)


@accepts_numpy_names
def repeat_interleave(
    input: T, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> T:
    """Return with each slice along ``dim`` (each element by default) ``repeats`` times in a row.

    ``repeat_interleave(repeats)`` returns each index as often as ``repeats`` says.
    """
    if repeats is None:
        input, repeats = input._wrap(np.arange(len(input))), input
    if dim is None:
        input, dim = ravel(input), 0
    axis = axis_of(input, dim)
    if input.ndim == 0:
        raise IndexError(
            f"repeat_interleave: dimension {dim} specified but tensor has no dimensions"
        )
    counts = repeats._data if hasattr(repeats, "_data") else np.asarray(repeats)
    if counts.dtype.kind != "i":
        raise NotImplementedError("repeats has to be Long or Int tensor")
    if counts.ndim > 1 or counts.size not in (1, input.shape[axis]):
        raise RuntimeError("repeats must have the same size as input along dim, but got repeats.size(0) = "
                           f"{counts.size} and input.size({axis}) = {input.shape[axis]}")  # fmt: skip
    if counts.size and counts.min() < 0:
        raise RuntimeError("repeats can not be negative")
    index = np.repeat(
        np.arange(input.shape[axis]), counts.reshape(-1) if counts.ndim else int(counts)
    )
    if output_size is not None and output_size != index.size:
        raise RuntimeError(
            f"allocated size does not match required size: {output_size} and {index.size}"
        )
    return contiguous(ops.getitem(input, index=_whole(axis, index)))
