"""Taking tensors apart, with PyTorch's names; the parts are views.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

import builtins
import itertools
import operator
from collections.abc import Sequence
from typing import Any

from minigrad.functions.arguments import accepts_numpy_names
from minigrad.functions.index_checks import along_dim
from minigrad.ops import indexing
from minigrad.ops.reduction import axis_of

__all__ = [
    "chunk", "dsplit", "hsplit", "narrow", "split", "split_with_sizes", "tensor_split", "unbind",
    "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes", "vsplit",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


@accepts_numpy_names
def split(tensor: T, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[T, ...]:
    """Return pieces (views) of that length along ``dim``; the last may be shorter.

    https://docs.pytorch.org/docs/stable/generated/torch.split.html

    >>> import minigrad as mg
    >>> mg.split(mg.arange(3), 2)
    (tensor([0, 1]), tensor([2]))
    """
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
def split_with_sizes(input: T, split_sizes: Sequence[int], dim: int = 0) -> tuple[T, ...]:
    """Return pieces (views) of these lengths along ``dim``; see :func:`split`.

    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.split.html

    >>> import minigrad as mg
    >>> mg.split_with_sizes(mg.arange(3), [1, 2])
    (tensor([0]), tensor([1, 2]))
    """
    return split(input, list(split_sizes), dim)


@accepts_numpy_names
def chunk(input: T, chunks: int, dim: int = 0) -> tuple[T, ...]:
    """Return at most ``chunks`` pieces (views) along ``dim``.

    https://docs.pytorch.org/docs/stable/generated/torch.chunk.html

    >>> import minigrad as mg
    >>> mg.chunk(mg.arange(4), 2)
    (tensor([0, 1]), tensor([2, 3]))
    """
    if input.ndim == 0:
        raise RuntimeError(f"chunk expects at least a 1-dimensional tensor, got {input.ndim}-d")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.shape[axis_of(input, dim)]
    ceiling = -(-n // chunks)
    return split(input, ceiling if n else [0] * chunks, dim)


unsafe_split = split
unsafe_split_with_sizes = split_with_sizes
unsafe_chunk = chunk


@accepts_numpy_names
def tensor_split(input: T, indices_or_sections: Any, dim: int = 0) -> tuple[T, ...]:
    """Return that many pieces along ``dim``, as even as can be, or the pieces between indices.

    https://docs.pytorch.org/docs/stable/generated/torch.tensor_split.html

    >>> import minigrad as mg
    >>> mg.tensor_split(mg.arange(3), 2)
    (tensor([0, 1]), tensor([2]))
    """
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
    """Return pieces along the second dimension, of a vector along the first.

    https://docs.pytorch.org/docs/stable/generated/torch.hsplit.html

    >>> import minigrad as mg
    >>> mg.hsplit(mg.arange(4), 2)
    (tensor([0, 1]), tensor([2, 3]))
    """
    return _split_evenly(input, indices_or_sections, 0 if input.ndim == 1 else 1, 1, "hsplit")


@accepts_numpy_names
def vsplit(input: T, indices_or_sections: Any) -> tuple[T, ...]:
    """Return pieces along the first dimension of at least two.

    https://docs.pytorch.org/docs/stable/generated/torch.vsplit.html

    >>> import minigrad as mg
    >>> mg.vsplit(mg.tensor([[1, 2], [3, 4]]), 2)
    (tensor([[1, 2]]), tensor([[3, 4]]))
    """
    return _split_evenly(input, indices_or_sections, 0, 2, "vsplit")


@accepts_numpy_names
def dsplit(input: T, indices_or_sections: Any) -> tuple[T, ...]:
    """Return pieces along the third dimension.

    https://docs.pytorch.org/docs/stable/generated/torch.dsplit.html

    >>> import minigrad as mg
    >>> mg.dsplit(mg.zeros(1, 1, 2), 2)[0].shape
    (1, 1, 1)
    """
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
    """Return ``length`` elements (a view) from ``start`` on along ``dim``.

    https://docs.pytorch.org/docs/stable/generated/torch.narrow.html

    >>> import minigrad as mg
    >>> mg.narrow(mg.arange(5), 0, 1, 3)
    tensor([1, 2, 3])
    """
    if input.ndim == 0:
        raise RuntimeError(f"narrow() cannot be applied to a 0-dim tensor, got {input}")
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
    """Return the slices (views) along ``dim``.

    https://docs.pytorch.org/docs/stable/generated/torch.unbind.html

    >>> import minigrad as mg
    >>> mg.unbind(mg.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """
    if input.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions, got {input}")
    axis = axis_of(input, dim)
    return tuple(
        indexing.getitem(input, index=along_dim(axis, i)) for i in range(input.shape[axis])
    )
