"""Diagonals, triangles and sliding windows, with PyTorch's names."""

from __future__ import annotations

from typing import Any

from minigrad.functions.arguments import accepts_numpy_names
from minigrad.functions.shape import clone, reshape
from minigrad.ops import diagonal as ops
from minigrad.ops.indexing import getitem
from minigrad.ops.reduction import axis_of

__all__ = ["diag", "diag_embed", "diagflat", "diagonal", "tril", "triu"]

T = Any  # a Tensor, which this floor does not know


@accepts_numpy_names
def tril(input: T, diagonal: int = 0) -> T:
    """Return with zeros above that diagonal of the last two dimensions.

    https://docs.pytorch.org/docs/stable/generated/torch.tril.html

    >>> import minigrad as mg
    >>> mg.tril(mg.tensor([[1, 2], [3, 4]]))
    tensor([[1, 0],
            [3, 4]])
    """
    return ops.tril(_check_matrix(input, "tril"), k=diagonal)


@accepts_numpy_names
def triu(input: T, diagonal: int = 0) -> T:
    """Return with zeros below that diagonal of the last two dimensions.

    https://docs.pytorch.org/docs/stable/generated/torch.triu.html

    >>> import minigrad as mg
    >>> mg.triu(mg.tensor([[1, 2], [3, 4]]))
    tensor([[1, 2],
            [0, 4]])
    """
    return ops.triu(_check_matrix(input, "triu"), k=diagonal)


def _check_matrix(input: T, function: str) -> T:
    if input.ndim < 2:
        raise RuntimeError(
            f"{function}: input tensor must have at least 2 dimensions, got {input.ndim}"
        )
    return input


def plane(input: T, dim1: int, dim2: int, ndim: int) -> dict[str, int]:
    """Return both dimensions of a diagonal, as NumPy names and counts them."""
    axis1, axis2 = (axis_of(range(ndim), d) for d in (dim1, dim2))
    if axis1 == axis2:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return {"axis1": axis1, "axis2": axis2}


@accepts_numpy_names
def diagonal(input: T, offset: int = 0, dim1: int = 0, dim2: int = 1) -> T:
    """Return the diagonal of two dimensions (a view) as the last dimension.

    https://docs.pytorch.org/docs/stable/generated/torch.diagonal.html

    >>> import minigrad as mg
    >>> mg.diagonal(mg.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return ops.diagonal(input, offset=offset, **plane(input, dim1, dim2, input.ndim))


@accepts_numpy_names
def diag_embed(input: T, offset: int = 0, dim1: int = -2, dim2: int = -1) -> T:
    """Return zeros with the last dimension of ``input`` on the diagonal of two new ones.

    https://docs.pytorch.org/docs/stable/generated/torch.diag_embed.html

    >>> import minigrad as mg
    >>> mg.diag_embed(mg.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    axes = plane(input, dim1, dim2, input.ndim + 1)
    if input.ndim == 0:
        raise IndexError(
            f"diag_embed: Dimension specified as -1 but tensor has no dimensions, got {input}"
        )
    shape = list(input.shape[:-1])
    side = input.shape[-1] + abs(offset)
    for axis in sorted(axes.values()):
        shape.insert(axis, side)
    return ops.diagonal_embed(input, offset=offset, shape=tuple(shape), **axes)


@accepts_numpy_names
def diag(input: T, diagonal: int = 0) -> T:
    """Return a matrix with the vector ``input`` on its diagonal, or the diagonal of a matrix.

    https://docs.pytorch.org/docs/stable/generated/torch.diag.html

    >>> import minigrad as mg
    >>> mg.diag(mg.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim == 2:
        return clone(ops.diagonal(input, offset=diagonal, axis1=0, axis2=1))
    raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")


@accepts_numpy_names
def diagflat(input: T, offset: int = 0) -> T:
    """Return a matrix with all elements of ``input`` on its diagonal.

    https://docs.pytorch.org/docs/stable/generated/torch.diagflat.html

    >>> import minigrad as mg
    >>> mg.diagflat(mg.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    return diag_embed(reshape(input, -1), offset)


@accepts_numpy_names
def unfold(input: T, dimension: int, size: int, step: int) -> T:
    """Return the windows of ``size`` along one dimension, ``step`` apart, as a last dimension.

    It is a view.
    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.unfold.html

    >>> import minigrad as mg
    >>> mg.arange(4).unfold(0, 2, 1)
    tensor([[0, 1],
            [1, 2],
            [2, 3]])
    """
    axis = axis_of(input, dimension)
    n = input.shape[axis] if input.ndim else 1
    if size < 0 or size > n:
        raise RuntimeError(f"maximum size for tensor at dimension {axis} is {n} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not input.ndim:
        return getitem(reshape(input, 1), index=slice(size))
    return ops.unfold(input, axis=axis, size=size, step=step)
