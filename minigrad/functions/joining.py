"""Joining tensors and taking them apart, with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

import builtins
import itertools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.functions.arguments import accepts_numpy_names
from minigrad.functions.index_checks import along_dim
from minigrad.functions.return_types import Size
from minigrad.functions.shape import broadcast_to, contiguous, expand, reshape, unsqueeze
from minigrad.ops import indexing
from minigrad.ops import shape as ops
from minigrad.ops.reduction import axis_of

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_shapes", "broadcast_tensors", "cat", "chunk",
    "column_stack", "concat", "concatenate", "dsplit", "dstack", "hsplit", "hstack", "meshgrid",
    "narrow", "row_stack", "split", "stack", "tensor_split", "unbind", "vsplit", "vstack",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


def _check_tensors(tensors: Any, function: str) -> list[T]:
    if hasattr(tensors, "dtype") or not isinstance(tensors, Sequence):
        raise TypeError(
            f"{function}(): expected a tuple or list of Tensors, but got {type(tensors).__name__}"
        )
    for i, x in enumerate(tensors):
        if not hasattr(x, "_node"):
            raise TypeError(
                f"{function}(): expected Tensor as element {i}, but got {type(x).__name__}"
            )
    return list(tensors)


@accepts_numpy_names
def cat(tensors: Sequence[T], dim: int = 0) -> T:
    """Return the tensors one after the other along ``dim``; empty ones of shape (0,) add nothing.

    >>> import minigrad as mg
    >>> mg.cat([mg.zeros(1), mg.ones(2)])
    tensor([0., 1., 1.])
    """
    tensors = _check_tensors(tensors, "cat")
    if not tensors:
        raise ValueError(f"cat(): expected a non-empty list of Tensors, got {tensors}")
    for i, x in enumerate(tensors):
        if x.ndim == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    model = next((x for x in tensors if x.shape != (0,)), tensors[0])
    axis = axis_of(model, dim)
    if model.ndim > 1:
        empty = (*model.shape[:axis], 0, *model.shape[axis + 1 :])
        tensors = [ops.reshape(x, shape=empty) if x.shape == (0,) else x for x in tensors]
    _check_shapes_but_along(axis, tensors, list(model.shape))
    return ops.concatenate(*tensors, axis=axis)


def _check_shapes_but_along(axis: int, tensors: list[T], expected: list[int]) -> None:
    for i, x in enumerate(tensors):
        shape = list(x.shape)
        if len(shape) == len(expected):
            shape[axis] = expected[axis]
        if shape != expected:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {axis}. Expected shape like "
                f"{expected} but got {list(x.shape)} for tensor number {i} in the list."
            )


concat = concatenate = cat


@accepts_numpy_names
def stack(tensors: Sequence[T], dim: int = 0) -> T:
    """Return the tensors, all of one shape, along a new dimension."""
    tensors = _check_tensors(tensors, "stack")
    _check_not_empty(tensors, "stack")
    for i, x in enumerate(tensors):
        if x.shape != tensors[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at "
                f"entry 0 and {list(x.shape)} at entry {i}"
            )
    slices = [unsqueeze(x, dim) for x in tensors]
    return contiguous(ops.concatenate(*slices, axis=axis_of(slices[0], dim)))


def hstack(tensors: Sequence[T]) -> T:
    """Return the tensors side by side: along the second dimension, of vectors along the first."""
    tensors = atleast_1d(_nonempty_list(tensors, "hstack"))
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors: Sequence[T]) -> T:
    """Return the tensors one below the other, vectors as rows."""
    return cat(atleast_2d(_nonempty_list(tensors, "vstack")), 0)


row_stack = vstack


def dstack(tensors: Sequence[T]) -> T:
    """Return the tensors one behind the other, along the third dimension."""
    return cat(atleast_3d(_nonempty_list(tensors, "dstack")), 2)


def column_stack(tensors: Sequence[T]) -> T:
    """Return the tensors side by side, vectors as columns."""
    columns = _nonempty_list(tensors, "column_stack")
    return cat([reshape(x, (-1, 1)) if x.ndim < 2 else x for x in columns], 1)


def _nonempty_list(tensors: Any, function: str) -> list[T]:
    tensors = _check_tensors(tensors, function)
    _check_not_empty(tensors, function)
    return tensors


def _check_not_empty(tensors: Sequence[T], function: str) -> None:
    if not tensors:
        raise RuntimeError(f"{function} expects a non-empty TensorList")


def atleast_1d(*tensors: Any) -> Any:
    """Return with at least one dimension; of several tensors, a tuple."""
    return _map_tensors(lambda x: x if x.ndim else reshape(x, 1), tensors)


def atleast_2d(*tensors: Any) -> Any:
    """Return with at least two dimensions, vectors as rows; of several tensors, a tuple."""
    return _map_tensors(lambda x: x if x.ndim >= 2 else reshape(x, (1, -1)), tensors)


def atleast_3d(*tensors: Any) -> Any:
    """Return with at least three dimensions, (1, n, 1) of a vector; of several tensors, a tuple."""
    return _map_tensors(_with_three_dims, tensors)


def _with_three_dims(x: T) -> T:
    if x.ndim >= 3:
        return x
    if x.ndim == 2:
        return unsqueeze(x, 2)
    return reshape(x, (1, -1, 1))


def _map_tensors(function: Any, tensors: tuple[Any, ...]) -> Any:
    is_one_tensor = len(tensors) == 1 and not isinstance(tensors[0], (list, tuple))
    results = tuple(map(function, _as_list(tensors, "atleast")))
    return results[0] if is_one_tensor else results


def _as_list(tensors: tuple[Any, ...], function: str) -> list[T]:
    """Return tensors that came as separate arguments or as one sequence."""
    is_sequence = len(tensors) == 1 and isinstance(tensors[0], (list, tuple))
    return _check_tensors(tensors[0] if is_sequence else tensors, function)


def broadcast_shapes(*shapes: Any) -> Size:
    """Return the shape that arrays of these shapes have together; RuntimeError where there is none."""
    try:
        return Size(np.broadcast_shapes(*shapes))
    except ValueError as error:
        raise RuntimeError(f"broadcast_shapes: {error}") from None


def broadcast_tensors(*tensors: Any) -> tuple[T, ...]:
    """Return views of the tensors in their common shape."""
    tensors = tuple(_as_list(tensors, "broadcast_tensors"))
    shape = broadcast_shapes(*(tuple(x.shape) for x in tensors))
    return tuple(broadcast_to(x, shape) for x in tensors)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[T, ...]:
    """Return the coordinates of a grid whose axes are these vectors; 'xy' exchanges the first two."""
    tensors = tuple(_as_list(tensors, "meshgrid"))
    if indexing not in ("ij", "xy"):
        raise RuntimeError(
            f'meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    _check_not_empty(tensors, "meshgrid")
    if builtins.any(x.ndim > 1 for x in tensors):
        raise RuntimeError(
            f"meshgrid: Expected 0D or 1D tensors, but got {[tuple(x.shape) for x in tensors]}"
        )
    if builtins.any(x.dtype != tensors[0].dtype for x in tensors):
        dtypes = [str(x.dtype) for x in tensors]
        raise RuntimeError(f"meshgrid expects all tensors to have the same dtype, got {dtypes}")
    swaps = indexing == "xy" and len(tensors) > 1
    axes = [reshape(x, -1) for x in tensors]
    if swaps:
        axes[:2] = axes[1], axes[0]
    shape = tuple(x.shape[0] for x in axes)
    grid = [
        expand(reshape(x, (-1, *(1,) * behind)), shape)
        for behind, x in zip(range(len(axes))[::-1], axes, strict=True)
    ]
    if swaps:
        grid[:2] = grid[1], grid[0]
    return tuple(grid)


@accepts_numpy_names
def split(tensor: T, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[T, ...]:
    """Return pieces (views) of that length along ``dim``; the last may be shorter."""
    if tensor.ndim == 0:
        raise RuntimeError(f"split expects at least a 1-dimensional tensor, got {tensor.ndim}-d")
    axis = axis_of(tensor, dim)
    n = tensor.shape[axis]
    sizes: Any = split_size_or_sections
    if not isinstance(sizes, (tuple, list)):
        sizes = _equal_sizes(operator.index(sizes), n)
    if builtins.sum(sizes) != n or builtins.min(sizes, default=0) < 0:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at "
            f"dimension {axis}) and to be non-negative, but got split_sizes={list(sizes)}"
        )
    starts = itertools.accumulate(sizes, initial=0)
    return tuple(
        narrow(tensor, axis, start, size) for start, size in zip(starts, sizes, strict=False)
    )


def _equal_sizes(size: int, n: int) -> list[int]:
    """Return the sizes of pieces of that size; the last may be smaller."""
    if size < 0 or (size == 0 and n):
        raise RuntimeError(
            "split expects split_size be non-negative, and 0 only if dimension size is 0; "
            f"got split_size={size} and dimension size {n}"
        )
    if n == 0:
        return [0]
    return [builtins.min(size, n - start) for start in range(0, n, size)]


@accepts_numpy_names
def chunk(input: T, chunks: int, dim: int = 0) -> tuple[T, ...]:
    """Return at most ``chunks`` pieces (views) along ``dim``."""
    if input.ndim == 0:
        raise RuntimeError(f"chunk expects at least a 1-dimensional tensor, got {input.ndim}-d")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.shape[axis_of(input, dim)]
    ceiling = -(-n // chunks)
    return split(input, ceiling if n else [0] * chunks, dim)


@accepts_numpy_names
def tensor_split(input: T, indices_or_sections: Any, dim: int = 0) -> tuple[T, ...]:
    """Return that many pieces along ``dim``, as even as can be, or the pieces between indices."""
    if input.ndim == 0:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, "
            f"but got a tensor with {input.ndim} dims"
        )
    axis = axis_of(input, dim)
    n, where = input.shape[axis], indices_or_sections
    where = where.tolist() if hasattr(where, "tolist") else where
    if isinstance(where, int):
        if where <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {where}")
        least, larger_pieces = divmod(n, where)
        sizes = [least + 1] * larger_pieces + [least] * (where - larger_pieces)
        return split(input, sizes, axis)
    pieces = []
    for start, stop in itertools.pairwise([0, *where, n]):
        start, stop, _ = slice(start, stop).indices(n)
        pieces.append(indexing.getitem(input, index=along_dim(axis, slice(start, stop))))
    return tuple(pieces)


@accepts_numpy_names
def hsplit(input: T, indices_or_sections: Any) -> tuple[T, ...]:
    """Return pieces along the second dimension, of a vector along the first."""
    return _split_evenly(input, indices_or_sections, 0 if input.ndim == 1 else 1, 1, "hsplit")


@accepts_numpy_names
def vsplit(input: T, indices_or_sections: Any) -> tuple[T, ...]:
    """Return pieces along the first dimension of at least two."""
    return _split_evenly(input, indices_or_sections, 0, 2, "vsplit")


@accepts_numpy_names
def dsplit(input: T, indices_or_sections: Any) -> tuple[T, ...]:
    """Return pieces along the third dimension."""
    return _split_evenly(input, indices_or_sections, 2, 3, "dsplit")


def _split_evenly(input: T, where: Any, axis: int, least: int, function: str) -> tuple[T, ...]:
    if input.ndim < least:
        raise RuntimeError(
            f"{function} requires a tensor with at least {least} dimension, got {input.ndim}"
        )
    if isinstance(where, int) and (where <= 0 or input.shape[axis] % where):
        raise RuntimeError(
            f"{function} attempted to split along dimension {axis}, but the size of the dimension "
            f"{input.shape[axis]} is not divisible by the split_size {where}!"
        )
    return tensor_split(input, where, axis)


@accepts_numpy_names
def narrow(input: T, dim: int, start: Any, length: int) -> T:
    """Return ``length`` elements (a view) from ``start`` on along ``dim``."""
    if input.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if hasattr(start, "dtype") and (start.ndim or start.dtype.kind not in "iu"):
        raise RuntimeError(
            f"start must be an 0-dim integral Tensor. Got {start.dtype}, {start.ndim}-dim"
        )
    axis, start = axis_of(input, dim), operator.index(start)
    n = input.shape[axis]
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative. Got {length}")
    if not -n <= start <= n:
        raise IndexError(
            f"start out of range (expected to be in range of [{-n}, {n}], but got {start})"
        )
    start = start + n if start < 0 else start
    if start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return indexing.getitem(input, index=along_dim(axis, slice(start, start + length)))


@accepts_numpy_names
def unbind(input: T, dim: int = 0) -> tuple[T, ...]:
    """Return the slices (views) along ``dim``."""
    if input.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    axis = axis_of(input, dim)
    return tuple(
        indexing.getitem(input, index=along_dim(axis, i)) for i in range(input.shape[axis])
    )
