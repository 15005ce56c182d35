"""Shape functions with PyTorch's names; views of the same memory where nothing is recorded.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

from minigrad.ops import indexing
from minigrad.ops import shape as ops
from minigrad.ops.reduction import axes_of, axis_of

__all__ = [
    "broadcast_to", "cat", "chunk", "clone", "concat", "concatenate", "contiguous", "expand",
    "expand_as", "flatten", "flip", "gather", "narrow", "permute", "ravel", "reshape",
    "split", "squeeze", "stack", "swapaxes", "t", "transpose", "unbind", "unsqueeze", "view",
    "view_as",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


def _flat(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Take sizes as one sequence or as separate arguments."""
    if len(sizes) == 1 and not isinstance(sizes[0], int):
        sizes = sizes[0]
    return tuple(map(int, sizes))


def reshape(input: T, *shape: Any) -> T:
    """Return the elements in another shape; one length may be -1. Raises RuntimeError."""
    shape = _flat(shape)
    try:
        if not shape or min(shape) >= -1:
            return ops.reshape(input, shape=shape)
    except RuntimeError:
        pass
    raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {input.numel()}")


view = reshape


def view_as(input: T, other: T) -> T:
    """Return the elements in the shape of ``other``."""
    return reshape(input, other.shape)


def flatten(input: T, start_dim: int = 0, end_dim: int = -1) -> T:
    """Return with the dimensions from ``start_dim`` to ``end_dim`` made one."""
    if input.ndim == 0:
        return reshape(input, 1)
    first, last = axis_of(input, start_dim), axis_of(input, end_dim)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    s = input.shape
    return reshape(input, (*s[:first], math.prod(s[first : last + 1]), *s[last + 1 :]))


def ravel(input: T) -> T:
    """Return the elements in one dimension."""
    return reshape(input, -1)


def permute(input: T, *dims: Any) -> T:
    """Return with the dimensions in another order."""
    axes = axes_of(input, _flat(dims))
    if len(axes) != input.ndim:
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of "
            f"the desired ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to "
            f"len(dims) = {len(axes)}".replace("(sparse_coo)", "")
        )
    return ops.transpose(input, axes=axes)


def transpose(input: T, dim0: int, dim1: int) -> T:
    """Return with two dimensions exchanged."""
    return ops.swapaxes(input, axis1=axis_of(input, dim0), axis2=axis_of(input, dim1))


swapaxes = transpose


def t(input: T) -> T:
    """Return a matrix transposed; vectors and scalars as they are."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return input if input.ndim < 2 else transpose(input, 0, 1)


def squeeze(input: T, dim: Any = None) -> T:
    """Return without dimensions of length one (all of them, or those in ``dim``)."""
    axes = tuple(i for i in axes_of(input, dim) if input.shape[i] == 1)
    return ops.squeeze(input, axis=axes)


def unsqueeze(input: T, dim: int) -> T:
    """Return with a new dimension of length one at ``dim``."""
    n = input.ndim + 1
    if not -n <= dim < n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    return ops.expand_dims(input, axis=dim % n)


def expand(input: T, *sizes: Any) -> T:
    """Return broadcast to ``sizes``; -1 keeps a length."""
    sizes = _flat(sizes)
    lead = len(sizes) - input.ndim
    if lead < 0:
        raise RuntimeError(
            f"expand({list(sizes)}): the number of sizes provided ({len(sizes)}) must be greater or "
            f"equal to the number of dimensions in the tensor ({input.ndim})"
        )
    shape = tuple(input.shape[i - lead] if n == -1 else n for i, n in enumerate(sizes))
    for i, (n, m) in enumerate(zip(shape[lead:], input.shape, strict=True)):
        if m not in (1, n):
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({m}) at "
                f"non-singleton dimension {i + lead}.  Target sizes: {list(shape)}.  "
                f"Tensor sizes: {list(input.shape)}"
            )
    return ops.broadcast_to(input, shape=shape)


def broadcast_to(input: T, size: Any) -> T:
    """Return broadcast to ``size``."""
    return expand(input, size)


def expand_as(input: T, other: T) -> T:
    """Return broadcast to the shape of ``other``."""
    return expand(input, other.shape)


def flip(input: T, *dims: Any) -> T:
    """Return with the order along ``dims`` reversed."""
    return ops.flip(input, axis=axes_of(input, _flat(dims)))


def cat(tensors: Sequence[T], dim: int = 0) -> T:
    """Return the tensors one after the other along ``dim``."""
    if not len(tensors):
        raise ValueError("torch.cat(): expected a non-empty list of Tensors".replace("torch.", ""))
    axis = axis_of(tensors[0], dim)
    for i, x in enumerate(tensors):
        a, b = list(x.shape), list(tensors[0].shape)
        if a[:axis] + a[axis + 1 :] != b[:axis] + b[axis + 1 :] or len(a) != len(b):
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {axis}. Expected shape like {b} but "
                f"got {a} for tensor number {i} in the list."
            )
    return ops.concatenate(*tensors, axis=axis)


concat = concatenate = cat


def stack(tensors: Sequence[T], dim: int = 0) -> T:
    """Return the tensors, all of one shape, along a new dimension."""
    if not len(tensors):
        raise RuntimeError("stack expects a non-empty TensorList")
    for i, x in enumerate(tensors):
        if x.shape != tensors[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at "
                f"entry 0 and {list(x.shape)} at entry {i}"
            )
    return cat([unsqueeze(x, dim) for x in tensors], dim)


def split(tensor: T, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[T, ...]:
    """Return pieces of that length along ``dim``; the last may be shorter."""
    axis = axis_of(tensor, dim)
    n, sizes = tensor.shape[axis], split_size_or_sections
    if isinstance(sizes, int):
        sizes = [builtins.min(sizes, n - i) for i in range(0, n, sizes)] or [0]
    if builtins.sum(sizes) != n:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at "
            f"dimension {axis}), but got split_sizes={list(sizes)}"
        )
    starts = [builtins.sum(sizes[:i]) for i in range(len(sizes))]
    return tuple(narrow(tensor, axis, s, k) for s, k in zip(starts, sizes, strict=True))


def chunk(input: T, chunks: int, dim: int = 0) -> tuple[T, ...]:
    """Return at most ``chunks`` pieces along ``dim``."""
    return split(input, builtins.max(1, -(-input.shape[axis_of(input, dim)] // chunks)), dim)


def narrow(input: T, dim: int, start: int, length: int) -> T:
    """Return ``length`` elements from ``start`` on along ``dim``."""
    axis = axis_of(input, dim)
    return indexing.getitem(input, index=(slice(None),) * axis + (slice(start, start + length),))


def unbind(input: T, dim: int = 0) -> tuple[T, ...]:
    """Return the slices along ``dim``."""
    axis = axis_of(input, dim)
    return tuple(indexing.getitem(input, index=(slice(None),) * axis + (i,)) for i in range(input.shape[axis]))


def gather(input: T, dim: int, index: T) -> T:
    """Return the elements at ``index`` along ``dim``; other dimensions may be shorter in index."""
    axis = axis_of(input, dim)
    if index.dtype.kind not in "iu":
        raise RuntimeError(f"gather(): Expected dtype int64 for index, but got {index.dtype}")
    ranges = tuple(slice(None) if i == axis else slice(n) for i, n in enumerate(index.shape))
    if builtins.any(n > m for i, (n, m) in enumerate(zip(index.shape, input.shape)) if i != axis):  # noqa: B905
        raise RuntimeError(
            f"Size does not match at dimension: expected index {list(index.shape)} to be no larger "
            f"than self {list(input.shape)} apart from dimension {axis}"
        )
    return indexing.take_along_axis(indexing.getitem(input, index=ranges), indices=index.numpy(), axis=axis)


def clone(input: T) -> T:
    """Return a copy in memory of its own, recorded."""
    return ops.copy(input)


def contiguous(input: T) -> T:
    """Return the tensor, copied where its memory is not in C order."""
    return input if input._data.flags.c_contiguous else clone(input)
