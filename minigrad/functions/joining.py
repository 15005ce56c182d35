"""Joining tensors and taking them apart, with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.dtypes import get_default_dtype
from minigrad.engine.recording import Recorded
from minigrad.functions.arguments import accepts_out
from minigrad.functions.return_types import Size
from minigrad.functions.shape import broadcast_to, contiguous, expand, reshape, unsqueeze
from minigrad.ops import shape as ops
from minigrad.ops.reduction import axis_of

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_shapes", "broadcast_tensors",
    "cat", "column_stack", "concat", "concatenate", "dstack", "hstack", "meshgrid", "row_stack",
    "stack", "vstack",
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


@accepts_out
def cat(tensors: Sequence[T], dim: int = 0) -> T:
    """Return the tensors one after the other along ``dim``; empty ones of shape (0,) add nothing.

    https://docs.pytorch.org/docs/stable/generated/torch.cat.html

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


@accepts_out
def stack(tensors: Sequence[T], dim: int = 0) -> T:
    """Return the tensors, all of one shape, along a new dimension.

    https://docs.pytorch.org/docs/stable/generated/torch.stack.html

    >>> import minigrad as mg
    >>> mg.stack([mg.zeros(2), mg.ones(2)])
    tensor([[0., 0.],
            [1., 1.]])
    """
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
    """Return the tensors side by side: along the second dimension, of vectors along the first.

    https://docs.pytorch.org/docs/stable/generated/torch.hstack.html

    >>> import minigrad as mg
    >>> mg.hstack([mg.zeros(1), mg.ones(1)])
    tensor([0., 1.])
    """
    tensors = atleast_1d(_nonempty_list(tensors, "hstack"))
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors: Sequence[T]) -> T:
    """Return the tensors one below the other, vectors as rows.

    https://docs.pytorch.org/docs/stable/generated/torch.vstack.html

    >>> import minigrad as mg
    >>> mg.vstack([mg.zeros(2), mg.ones(2)])
    tensor([[0., 0.],
            [1., 1.]])
    """
    return cat(atleast_2d(_nonempty_list(tensors, "vstack")), 0)


row_stack = vstack


def dstack(tensors: Sequence[T]) -> T:
    """Return the tensors one behind the other, along the third dimension.

    https://docs.pytorch.org/docs/stable/generated/torch.dstack.html

    >>> import minigrad as mg
    >>> mg.dstack([mg.zeros(2), mg.ones(2)]).shape
    (1, 2, 2)
    """
    return cat(atleast_3d(_nonempty_list(tensors, "dstack")), 2)


def column_stack(tensors: Sequence[T]) -> T:
    """Return the tensors side by side, vectors as columns.

    https://docs.pytorch.org/docs/stable/generated/torch.column_stack.html

    >>> import minigrad as mg
    >>> mg.column_stack([mg.zeros(2), mg.ones(2)])
    tensor([[0., 1.],
            [0., 1.]])
    """
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
    """Return with at least one dimension; of several tensors, a tuple.

    https://docs.pytorch.org/docs/stable/generated/torch.atleast_1d.html

    >>> import minigrad as mg
    >>> mg.atleast_1d(mg.tensor(1))
    tensor([1])
    """
    return _map_tensors(lambda x: x if x.ndim else reshape(x, 1), tensors)


def atleast_2d(*tensors: Any) -> Any:
    """Return with at least two dimensions, vectors as rows; of several tensors, a tuple.

    https://docs.pytorch.org/docs/stable/generated/torch.atleast_2d.html

    >>> import minigrad as mg
    >>> mg.atleast_2d(mg.tensor([1, 2]))
    tensor([[1, 2]])
    """
    return _map_tensors(lambda x: x if x.ndim >= 2 else reshape(x, (1, -1)), tensors)


def atleast_3d(*tensors: Any) -> Any:
    """Return with at least three dimensions, (1, n, 1) of a vector; of several tensors, a tuple.

    https://docs.pytorch.org/docs/stable/generated/torch.atleast_3d.html

    >>> import minigrad as mg
    >>> mg.atleast_3d(mg.tensor([1, 2])).shape
    (1, 2, 1)
    """
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
    """Return the common shape of arrays of these shapes; RuntimeError where there is none.

    https://docs.pytorch.org/docs/stable/generated/torch.broadcast_shapes.html

    >>> import minigrad as mg
    >>> mg.broadcast_shapes((3, 1), (4,))
    (3, 4)
    """
    try:
        return Size(np.broadcast_shapes(*shapes))
    except ValueError as error:
        raise RuntimeError(f"broadcast_shapes: {error}") from None


def broadcast_tensors(*tensors: Any) -> tuple[T, ...]:
    """Return views of the tensors in their common shape.

    https://docs.pytorch.org/docs/stable/generated/torch.broadcast_tensors.html

    >>> import minigrad as mg
    >>> mg.broadcast_tensors(mg.zeros(3, 1), mg.ones(4))[0].shape
    (3, 4)
    """
    tensors = tuple(_as_list(tensors, "broadcast_tensors"))
    shape = broadcast_shapes(*(tuple(x.shape) for x in tensors))
    return tuple(broadcast_to(x, shape) for x in tensors)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[T, ...]:
    """Return the coordinates of a grid with these vectors as axes; 'xy' exchanges the first two.

    https://docs.pytorch.org/docs/stable/generated/torch.meshgrid.html

    >>> import minigrad as mg
    >>> mg.meshgrid(mg.arange(2), mg.arange(3))[1]
    tensor([[0, 1, 2],
            [0, 1, 2]])
    """
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


def block_diag(*tensors: T) -> T:
    """Return a matrix with the tensors, of two dimensions at most, as blocks on its diagonal.

    A number is a block of one, a vector a row. The dtype is the common one.
    https://docs.pytorch.org/docs/stable/generated/torch.block_diag.html

    >>> import minigrad as mg
    >>> mg.block_diag(mg.tensor([[1, 2]]), mg.tensor(3))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    blocks = _check_tensors(tensors, "block_diag")
    for i, x in enumerate(blocks):
        if x.ndim > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. "
                f"Input {i} has {x.ndim} dimensions"
            )
    blocks = [x if x.ndim == 2 else reshape(x, (1, -1)) for x in blocks]
    if not blocks:
        return Recorded._wrap(np.zeros((1, 0), get_default_dtype()))
    widths_of_blocks = [x.shape[1] for x in blocks]
    left = 0
    right = builtins.sum(widths_of_blocks)
    rows = []
    for x in blocks:
        width = x.shape[1]
        right = right - width
        widths = ((0, 0), (left, right))
        rows.append(ops.pad(x, widths=widths))
        left = left + width
    return ops.concatenate(*rows, axis=0)
