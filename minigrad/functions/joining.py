"""Joining tensors and taking them apart, with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.functions.arguments import accepts_numpy_names
from minigrad.functions.return_types import Size
from minigrad.functions.shape import broadcast_to, contiguous, expand, reshape, unsqueeze
from minigrad.ops import indexing
from minigrad.ops import shape as ops
from minigrad.ops.reduction import axis_of

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_shapes", "broadcast_tensors", "cat", "chunk",
    "column_stack", "concat", "concatenate", "dsplit", "dstack", "hsplit", "hstack", "meshgrid", "narrow",
    "row_stack", "split", "stack", "tensor_split", "unbind", "vsplit", "vstack",
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
        raise ValueError("cat(): expected a non-empty list of Tensors")
    for i, x in enumerate(tensors):
        if x.ndim == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    first = next((x for x in tensors if x.shape != (0,)), tensors[0])
    axis = axis_of(first, dim)
    for i, x in enumerate(tensors):
        if x.shape == (0,) and first.ndim > 1:
            shape = tuple(0 if d == axis else n for d, n in enumerate(first.shape))
            tensors[i] = ops.reshape(x, shape=shape)
    for i, x in enumerate(tensors):
        a, b = list(x.shape), list(first.shape)
        if len(a) != len(b) or a[:axis] + a[axis + 1 :] != b[:axis] + b[axis + 1 :]:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {axis}. Expected shape like {b} but "
                f"got {a} for tensor number {i} in the list."
            )
    return ops.concatenate(*tensors, axis=axis)


concat = concatenate = cat


@accepts_numpy_names
def stack(tensors: Sequence[T], dim: int = 0) -> T:
    """Return the tensors, all of one shape, along a new dimension."""
    tensors = _check_tensors(tensors, "stack")
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    for i, x in enumerate(tensors):
        if x.shape != tensors[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at "
                f"entry 0 and {list(x.shape)} at entry {i}"
            )
    whole = [unsqueeze(x, dim) for x in tensors]
    return contiguous(ops.concatenate(*whole, axis=axis_of(whole[0], dim)))


def hstack(tensors: Sequence[T]) -> T:
    """Return the tensors side by side: along the second dimension, of vectors along the first."""
    tensors = atleast_1d(_several(tensors, "hstack"))
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors: Sequence[T]) -> T:
    """Return the tensors one below the other, vectors as rows."""
    return cat(atleast_2d(_several(tensors, "vstack")), 0)


row_stack = vstack


def dstack(tensors: Sequence[T]) -> T:
    """Return the tensors one behind the other, along the third dimension."""
    return cat(atleast_3d(_several(tensors, "dstack")), 2)


def column_stack(tensors: Sequence[T]) -> T:
    """Return the tensors side by side, vectors as columns."""
    return cat(
        [reshape(x, (-1, 1)) if x.ndim < 2 else x for x in _several(tensors, "column_stack")], 1
    )


def _several(tensors: Any, function: str) -> list[T]:
    tensors = _check_tensors(tensors, function)
    if not tensors:
        raise RuntimeError(f"{function} expects a non-empty TensorList")
    return tensors


def atleast_1d(*tensors: Any) -> Any:
    """Return with at least one dimension; of several tensors, a tuple."""
    return _each(lambda x: reshape(x, 1) if x.ndim == 0 else x, tensors)


def atleast_2d(*tensors: Any) -> Any:
    """Return with at least two dimensions, vectors as rows; of several tensors, a tuple."""
    return _each(
        lambda x: reshape(x, (1, -1)) if x.ndim == 0 else unsqueeze(x, 0) if x.ndim == 1 else x,
        tensors,
    )


def atleast_3d(*tensors: Any) -> Any:
    """Return with at least three dimensions, (1, n, 1) of a vector; of several tensors, a tuple."""
    return _each(
        lambda x: (
            reshape(x, (1, 1, 1))
            if x.ndim == 0
            else unsqueeze(unsqueeze(x, 0), 2)
            if x.ndim == 1
            else unsqueeze(x, 2)
            if x.ndim == 2
            else x
        ),
        tensors,
    )


def _each(function: Any, tensors: tuple[Any, ...]) -> Any:
    several = len(tensors) != 1 or isinstance(tensors[0], (list, tuple))
    made = tuple(map(function, _listed(tensors, "atleast")))
    return made if several else made[0]


def _listed(tensors: tuple[Any, ...], function: str) -> list[T]:
    """Take tensors as separate arguments or as one sequence."""
    return _check_tensors(
        tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors,
        function,
    )


def broadcast_shapes(*shapes: Any) -> Size:
    """Return the shape that arrays of these shapes have together; raise RuntimeError where there is none."""
    try:
        return Size(np.broadcast_shapes(*shapes))
    except ValueError as error:
        raise RuntimeError(f"broadcast_shapes: {error}") from None


def broadcast_tensors(*tensors: Any) -> tuple[T, ...]:
    """Return views of the tensors in their common shape."""
    tensors = tuple(_listed(tensors, "broadcast_tensors"))
    shape = broadcast_shapes(*(tuple(x.shape) for x in tensors))
    return tuple(broadcast_to(x, shape) for x in tensors)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[T, ...]:
    """Return the coordinates of a grid whose axes are these vectors; 'xy' exchanges the first two."""
    tensors = tuple(_listed(tensors, "meshgrid"))
    if indexing not in ("ij", "xy"):
        raise RuntimeError(
            f'meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if builtins.any(x.ndim > 1 for x in tensors):
        raise RuntimeError(
            f"meshgrid: Expected 0D or 1D tensors, but got {[tuple(x.shape) for x in tensors]}"
        )
    if builtins.any(x.dtype != tensors[0].dtype for x in tensors):
        raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    swap = indexing == "xy" and len(tensors) > 1
    lines = [reshape(x, -1) for x in tensors]
    lines[:2] = lines[1::-1] if swap else lines[:2]
    shape = tuple(x.shape[0] for x in lines)
    grid = [
        expand(reshape(x, (-1, *(1,) * (len(lines) - i - 1))), shape) for i, x in enumerate(lines)
    ]
    return (grid[1], grid[0], *grid[2:]) if swap else tuple(grid)


@accepts_numpy_names
def split(tensor: T, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[T, ...]:
    """Return pieces (views) of that length along ``dim``; the last may be shorter."""
    if tensor.ndim == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    axis = axis_of(tensor, dim)
    n = tensor.shape[axis]
    sizes: Any = split_size_or_sections
    if not isinstance(sizes, (tuple, list)):
        sizes = operator.index(sizes)
        if sizes < 0 or (sizes == 0 and n):
            raise RuntimeError(
                f"split expects split_size be non-negative, and 0 only if dimension size is 0; got "
                f"split_size={sizes} and dimension size {n}"
            )
        sizes = [builtins.min(sizes, n - i) for i in range(0, n, sizes or 1)] or [0]
    if builtins.sum(sizes) != n or builtins.min(sizes, default=0) < 0:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at "
            f"dimension {axis}) and to be non-negative, but got split_sizes={list(sizes)}"
        )
    starts = [builtins.sum(sizes[:i]) for i in range(len(sizes))]
    return tuple(narrow(tensor, axis, s, k) for s, k in zip(starts, sizes, strict=True))


@accepts_numpy_names
def chunk(input: T, chunks: int, dim: int = 0) -> tuple[T, ...]:
    """Return at most ``chunks`` pieces (views) along ``dim``."""
    if input.ndim == 0:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.shape[axis_of(input, dim)]
    return split(input, -(-n // chunks) if n else [0] * chunks, dim)


@accepts_numpy_names
def tensor_split(input: T, indices_or_sections: Any, dim: int = 0) -> tuple[T, ...]:
    """Return that many pieces along ``dim``, as even as can be, or the pieces between these indices."""
    if input.ndim == 0:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    axis = axis_of(input, dim)
    n, where = input.shape[axis], indices_or_sections
    where = where.tolist() if hasattr(where, "tolist") else where
    if isinstance(where, int):
        if where <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {where}")
        small, more = divmod(n, where)
        return split(input, [small + (i < more) for i in range(where)], axis)
    bounds = [0, *where, n]
    pieces = [slice(*slice(a, b).indices(n)[:2]) for a, b in zip(bounds, bounds[1:], strict=False)]
    return tuple(
        indexing.getitem(input, index=(slice(None),) * axis + (piece,)) for piece in pieces
    )


@accepts_numpy_names
def hsplit(input: T, indices_or_sections: Any) -> tuple[T, ...]:
    """Return pieces along the second dimension, of a vector along the first."""
    return _even(input, indices_or_sections, 0 if input.ndim == 1 else 1, 1, "hsplit")


@accepts_numpy_names
def vsplit(input: T, indices_or_sections: Any) -> tuple[T, ...]:
    """Return pieces along the first dimension of at least two."""
    return _even(input, indices_or_sections, 0, 2, "vsplit")


@accepts_numpy_names
def dsplit(input: T, indices_or_sections: Any) -> tuple[T, ...]:
    """Return pieces along the third dimension."""
    return _even(input, indices_or_sections, 2, 3, "dsplit")


def _even(input: T, where: Any, axis: int, least: int, function: str) -> tuple[T, ...]:
    if input.ndim < least:
        raise RuntimeError(
            f"{function} requires a tensor with at least {least} dimension, got {input.ndim}"
        )
    if isinstance(where, int) and (where <= 0 or input.shape[axis] % where):
        raise RuntimeError(f"{function} attempted to split along dimension {axis}, but the size of the dimension "
                           f"{input.shape[axis]} is not divisible by the split_size {where}!")  # fmt: skip
    return tensor_split(input, where, axis)


@accepts_numpy_names
def narrow(input: T, dim: int, start: Any, length: int) -> T:
    """Return ``length`` elements (a view) from ``start`` on along ``dim``."""
    if input.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if hasattr(start, "dtype") and (start.ndim or start.dtype.kind not in "iu"):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    axis, start = axis_of(input, dim), operator.index(start)
    n = input.shape[axis]
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -n <= start <= n:
        raise IndexError(
            f"start out of range (expected to be in range of [{-n}, {n}], but got {start})"
        )
    start = start + n if start < 0 else start
    if start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return indexing.getitem(input, index=(slice(None),) * axis + (slice(start, start + length),))


@accepts_numpy_names
def unbind(input: T, dim: int = 0) -> tuple[T, ...]:
    """Return the slices (views) along ``dim``."""
    if input.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    axis = axis_of(input, dim)
    return tuple(
        indexing.getitem(input, index=(slice(None),) * axis + (i,))
        for i in range(input.shape[axis])
    )
