"""Reading elements by index, with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.engine.views import own
from minigrad.functions.arguments import accepts_numpy_names, accepts_out
from minigrad.functions.index_checks import (
    along_dim,
    axis_and_indices,
    check_mask,
    check_range,
    index_array,
    index_vector,
)
from minigrad.functions.joining import broadcast_tensors
from minigrad.functions.shape import broadcast_to, clone, contiguous, ravel, reshape
from minigrad.ops import indexing as ops
from minigrad.ops.reduction import axis_of

__all__ = [
    "argwhere", "gather", "index_select", "masked_select", "nonzero", "repeat_interleave", "select",
    "take", "take_along_dim", "unravel_index",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


@accepts_numpy_names
def select(input: T, dim: int, index: int) -> T:
    """Return the slice (a view) at ``index`` along ``dim``; IndexError for one out of range.

    https://docs.pytorch.org/docs/stable/generated/torch.select.html

    >>> import minigrad as mg
    >>> mg.select(mg.tensor([[1, 2], [3, 4]]), 1, 0)
    tensor([1, 3])
    """
    if input.ndim == 0:
        raise IndexError(f"select() cannot be applied to a 0-dim tensor, got {input}")
    axis = axis_of(input, dim)
    size = input.shape[axis]
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} "
            f"at dimension {axis}"
        )
    return ops.getitem(input, index=along_dim(axis, int(index)))


@accepts_out
def index_select(input: T, dim: int, index: T) -> T:
    """Return the slices along ``dim`` at the indices of a vector.

    Raises IndexError for indices out of range or of more dimensions.
    https://docs.pytorch.org/docs/stable/generated/torch.index_select.html

    >>> import minigrad as mg
    >>> mg.index_select(mg.tensor([[1, 2], [3, 4]]), 1, mg.tensor([1, 1]))
    tensor([[2, 2],
            [4, 4]])
    """
    axis = axis_of(input, dim)
    indices = index_vector(index, "index_select", IndexError)
    if input.ndim == 0:
        if indices.size != 1:
            raise IndexError(
                f"index_select(): Index to scalar can have only 1 value, got {indices.size}"
            )
        check_range(indices, 1, "index_select")
        return clone(input)
    check_range(indices, input.shape[axis], "index_select")
    return contiguous(ops.getitem(input, index=along_dim(axis, indices)))


@accepts_out
def gather(input: T, dim: int, index: T, *, sparse_grad: bool = False) -> T:
    """Return the elements at ``index`` along ``dim``; other dimensions may be shorter in index.

    Raises RuntimeError for indices out of range and shapes that do not fit.
    https://docs.pytorch.org/docs/stable/generated/torch.gather.html

    >>> import minigrad as mg
    >>> mg.gather(mg.tensor([[1, 2], [3, 4]]), 1, mg.tensor([[0], [1]]))
    tensor([[1],
            [4]])
    """
    axis, indices = axis_and_indices(input, dim, index, "gather")
    if not (input.ndim and indices.ndim and indices.size):
        flat = reshape(input, -1)
        elements = ops.getitem(flat, index=(indices.reshape(-1),))
        return own(reshape(elements, indices.shape))
    if _sizes_beside(axis, indices) != _sizes_beside(axis, input):
        covered = list(map(slice, indices.shape))
        covered[axis] = slice(None)
        input = ops.getitem(input, index=tuple(covered))
    return ops.take_along_axis(input, indices=indices, axis=axis)


def _sizes_beside(axis: int, x: Any) -> tuple[int, ...]:
    return (*x.shape[:axis], *x.shape[axis + 1 :])


@accepts_out
def masked_select(input: T, mask: T) -> T:
    """Return the elements where ``mask`` (which broadcasts) is True, as a vector.

    https://docs.pytorch.org/docs/stable/generated/torch.masked_select.html

    >>> import minigrad as mg
    >>> mg.masked_select(mg.tensor([1, 2, 3]), mg.tensor([True, False, True]))
    tensor([1, 3])
    """
    check_mask(mask, "masked_select")
    input, mask = broadcast_tensors(input, mask)
    return ops.getitem(input, index=(mask._data,))


@accepts_out
def take(input: T, index: T) -> T:
    """Return the elements at these int64 indices of the flattened input, in the shape of ``index``.

    https://docs.pytorch.org/docs/stable/generated/torch.take.html

    >>> import minigrad as mg
    >>> mg.take(mg.tensor([[1, 2], [3, 4]]), mg.tensor([0, -1]))
    tensor([1, 4])
    """
    indices = index_array(index, "take")
    if index.dtype != np.int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {index.dtype}")
    flat = ravel(input)
    size = flat.shape[0]
    if indices.size and not size:
        raise IndexError(
            f"take(): tried to take from an empty tensor, of shape {list(input.shape)}"
        )
    check_range(indices, size, "take", least=-size)
    return ops.getitem(flat, index=(indices,))


@accepts_out
def take_along_dim(input: T, indices: T, dim: int | None = None) -> T:
    """Return the elements at ``indices`` along ``dim`` (of the flattened input by default).

    Other dimensions broadcast. Raises RuntimeError for another dtype than int64.
    https://docs.pytorch.org/docs/stable/generated/torch.take_along_dim.html

    >>> import minigrad as mg
    >>> mg.take_along_dim(mg.tensor([[1, 2], [3, 4]]), mg.tensor([[1]]), 1)
    tensor([[2],
            [4]])
    """
    if dim is not None and indices.dtype != np.int64:
        raise RuntimeError(
            f"take_along_dim(): dtype of indices should be Long but got {indices.dtype}"
        )
    if dim is None:
        return gather(ravel(input), 0, ravel(indices))
    if input.ndim != indices.ndim:
        raise RuntimeError(
            "take_along_dim(): input and indices should have the same number of dimensions, but "
            f"got {input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    axis = axis_of(input, dim)
    indices = _without_negatives(indices, input.shape[axis] if input.ndim else 1)
    common = np.broadcast_shapes(
        *((*x.shape[:axis], 1, *x.shape[axis + 1 :]) for x in (input, indices))
    )
    input, indices = (
        broadcast_to(x, (*common[:axis], x.shape[axis], *common[axis + 1 :]))
        for x in (input, indices)
    )
    return gather(input, axis, indices)


def _without_negatives(indices: T, size: int) -> T:
    """Return indices that count from the end as what they mean."""
    values = indices._data
    return indices._wrap(np.where((values < 0) & (values >= -size), values + size, values))


@accepts_out
def nonzero(input: T, *, as_tuple: bool = False) -> Any:
    """Return the indices of the elements that are not zero, (n, ndim), or one vector per dimension.

    https://docs.pytorch.org/docs/stable/generated/torch.nonzero.html

    >>> import minigrad as mg
    >>> mg.nonzero(mg.tensor([0, 3, 0, 4]))
    tensor([[1],
            [3]])
    """
    if input.ndim:
        places = np.asarray(np.argwhere(input._data), np.int64)
    else:
        places = np.zeros((int(input._data != 0), 0), np.int64)
    if not as_tuple:
        return input._wrap(places)  # column by column in memory
    if not input.ndim:
        return (input._wrap(np.zeros(len(places), np.int64)),)
    return tuple(input._wrap(np.ascontiguousarray(column)) for column in places.T)


@accepts_numpy_names
def argwhere(input: T) -> T:
    """Return the indices of the elements that are not zero, (n, ndim); see :func:`nonzero`.

    https://docs.pytorch.org/docs/stable/generated/torch.argwhere.html

    >>> import minigrad as mg
    >>> mg.argwhere(mg.tensor([0, 3]))
    tensor([[1]])
    """
    return nonzero(input)


@accepts_numpy_names
def repeat_interleave(
    input: T, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> T:
    """Return with each slice along ``dim`` (each element by default) ``repeats`` times in a row.

    ``repeat_interleave(repeats)`` returns each index as often as ``repeats`` says.
    https://docs.pytorch.org/docs/stable/generated/torch.repeat_interleave.html

    >>> import minigrad as mg
    >>> mg.repeat_interleave(mg.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
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
    size = input.shape[axis]
    counts = repeats._data if hasattr(repeats, "_data") else np.asarray(repeats)
    _check_repeats(counts, axis, size)
    counts = counts.reshape(-1).astype(np.intp, copy=False) if counts.ndim else int(counts)
    index = np.repeat(np.arange(size), counts)
    if output_size is not None and output_size != index.size:
        raise RuntimeError(
            f"allocated size does not match required size: {output_size} and {index.size}"
        )
    return contiguous(ops.getitem(input, index=along_dim(axis, index)))


def _check_repeats(counts: np.ndarray, axis: int, size: int) -> None:
    if counts.dtype.kind != "i":
        raise NotImplementedError(f"repeats has to be Long or Int tensor, got {counts.dtype}")
    if counts.ndim > 1 or counts.size not in (1, size):
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got "
            f"repeats.size(0) = {counts.size} and input.size({axis}) = {size}"
        )
    if counts.size and counts.min() < 0:
        raise RuntimeError(f"repeats can not be negative, got {counts.min()}")


@accepts_numpy_names
def unravel_index(indices: T, shape: Any) -> tuple[T, ...]:
    """Return where elements of a tensor of this shape stand, by their numbers: one tensor per axis.

    Raises TypeError for indices that are not integers, ValueError for negative lengths.
    https://docs.pytorch.org/docs/stable/generated/torch.unravel_index.html

    >>> import minigrad as mg
    >>> mg.unravel_index(mg.tensor([5, 2]), (2, 3))
    (tensor([1, 0]), tensor([2, 2]))
    """
    if indices.dtype.kind not in "iu":
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    lengths = [shape] if isinstance(shape, int) else list(shape)
    if any(n < 0 for n in lengths):
        raise ValueError(f"'shape' cannot have negative values, but got {tuple(lengths)}")
    places, left = [], indices._data.astype(np.int64)
    for n in reversed(lengths):
        places.append(indices._wrap(left % n))
        left = left // n
    return tuple(reversed(places))
