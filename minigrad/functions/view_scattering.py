"""Replacing what a view looks at, in a copy, with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

import operator
from typing import Any

from minigrad.functions.arguments import accepts_numpy_names, not_a_tensor_error
from minigrad.functions.diagonals import plane
from minigrad.functions.index_checks import along_dim
from minigrad.ops import diagonal, indexing
from minigrad.ops.reduction import axis_of

__all__ = ["diagonal_scatter", "select_scatter", "slice_scatter"]

T = Any  # a Tensor, which this floor does not know


def _written(function: str, input: T, src: T, step: Any, parameters: dict[str, Any]) -> T:
    """Return a copy of ``input`` with ``src`` where the step of a view looks."""
    if not hasattr(src, "_data"):
        raise not_a_tensor_error(function, "src", 2, src)
    looked_at = step.function(input._data, **parameters)
    wanted = list(looked_at.shape)
    size = list(src.shape)
    if size != wanted:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. "
            f"src size = {size}, slice size = {wanted}"
        )
    src = src.to(input.dtype)
    if step is indexing.getitem:
        return indexing.setitem(input, src, **parameters)
    view = ((step, parameters),)
    return indexing.overwrite(input, src, view=view)


@accepts_numpy_names
def select_scatter(input: T, src: T, dim: int, index: int) -> T:
    """Return a copy with ``src`` at one index of ``dim``; RuntimeError for another shape.

    https://docs.pytorch.org/docs/stable/generated/torch.select_scatter.html

    >>> import minigrad as mg
    >>> mg.select_scatter(mg.zeros(2, 2), mg.ones(2), 0, 0)
    tensor([[1., 1.],
            [0., 0.]])
    """
    axis = axis_of(input, dim)
    n = input.shape[axis] if input.ndim else 0
    place = operator.index(index)
    if place < -n or place >= n:
        size = list(input.shape)
        raise IndexError(
            f"select(): index {place} out of range for tensor of size {size} at dimension {axis}"
        )
    index_of_part = along_dim(axis, place)
    parameters = {"index": index_of_part}
    return _written("select_scatter", input, src, indexing.getitem, parameters)


@accepts_numpy_names
def slice_scatter(
    input: T,
    src: T,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> T:
    """Return a copy with ``src`` in a slice of ``dim``; RuntimeError for another shape.

    https://docs.pytorch.org/docs/stable/generated/torch.slice_scatter.html

    >>> import minigrad as mg
    >>> mg.slice_scatter(mg.zeros(4), mg.ones(2), start=2)
    tensor([0., 0., 1., 1.])
    """
    axis = axis_of(input, dim)
    if step <= 0:
        raise RuntimeError(f"slice step must be positive, got {step}")
    parameters = {"index": along_dim(axis, slice(start, end, step))}
    return _written("slice_scatter", input, src, indexing.getitem, parameters)


@accepts_numpy_names
def diagonal_scatter(input: T, src: T, offset: int = 0, dim1: int = 0, dim2: int = 1) -> T:
    """Return a copy with ``src`` on a diagonal; RuntimeError for another shape.

    https://docs.pytorch.org/docs/stable/generated/torch.diagonal_scatter.html

    >>> import minigrad as mg
    >>> mg.diagonal_scatter(mg.zeros(2, 2), mg.ones(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    parameters = {"offset": offset, **plane(input, dim1, dim2, input.ndim)}
    return _written("diagonal_scatter", input, src, diagonal.diagonal, parameters)
