"""Shape functions with PyTorch's names; views of the same memory where PyTorch gives views.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.engine.views import own
from minigrad.functions.arguments import accepts_numpy_names, integers, varargs
from minigrad.memory import contiguous_format, preserve_format
from minigrad.ops import shape as ops
from minigrad.ops.reduction import axes_of, axis_of

__all__ = [
    "broadcast_to", "clone", "contiguous", "expand", "expand_as", "flatten", "ravel", "repeat",
    "reshape", "reshape_as", "squeeze", "tile", "unflatten", "unsqueeze", "view", "view_as",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


@varargs("shape")
def reshape(input: T, shape: tuple[int, ...]) -> T:
    """Return the elements in another shape; one length may be -1. Raises RuntimeError.

    https://docs.pytorch.org/docs/stable/generated/torch.reshape.html

    >>> import minigrad as mg
    >>> mg.arange(4).reshape(2, -1).shape
    (2, 2)
    """
    try:
        if not shape or min(shape) >= -1:
            return ops.reshape(input, shape=shape)
    except RuntimeError:
        pass
    raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {input.numel()}")


@accepts_numpy_names
def view(input: T, *shape: Any, **keywords: Any) -> T:
    """Return the same memory in another shape, or with its bits read as another dtype.

    Raises RuntimeError where the elements do not lie so that a view could have that shape.
    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.view.html

    >>> import minigrad as mg
    >>> mg.arange(4).view(2, 2)
    tensor([[0, 1],
            [2, 3]])
    """
    dtype = keywords.get("dtype", shape[0] if len(shape) == 1 else None)
    if isinstance(dtype, (np.dtype, type)):
        return _view_as_dtype(input, np.dtype(dtype))
    if "size" in keywords:
        shape = (*shape, keywords.pop("size"))
    result = reshape(input, *shape, **keywords)
    if input._data.size and not np.may_share_memory(result._data, input._data):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead. "
            f"Got {list(input.shape)} to be viewed as {list(result.shape)}"
        )
    return result


def _view_as_dtype(input: T, dtype: np.dtype[Any]) -> T:
    try:
        return input._wrap(input._data.view(dtype))
    except ValueError as error:
        raise RuntimeError(
            f"view({dtype}): a tensor of {input.dtype} {tuple(input.shape)}: {error}"
        ) from None


@accepts_numpy_names
def view_as(input: T, other: T) -> T:
    """Return the same memory in the shape of ``other``.

    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.view_as.html

    >>> import minigrad as mg
    >>> mg.arange(4).view_as(mg.zeros(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return view(input, other.shape)


@accepts_numpy_names
def reshape_as(input: T, other: T) -> T:
    """Return the elements in the shape of ``other``.

    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.reshape_as.html

    >>> import minigrad as mg
    >>> mg.arange(4).reshape_as(mg.zeros(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return reshape(input, other.shape)


@accepts_numpy_names
def flatten(input: T, start_dim: int = 0, end_dim: int = -1) -> T:
    """Return with the dimensions from ``start_dim`` to ``end_dim`` as one (itself if they are).

    https://docs.pytorch.org/docs/stable/generated/torch.flatten.html

    >>> import minigrad as mg
    >>> mg.flatten(mg.tensor([[1, 2], [3, 4]]))
    tensor([1, 2, 3, 4])
    """
    first, last = axis_of(input, start_dim), axis_of(input, end_dim)
    if input.ndim == 0:
        return reshape(input, 1)
    if first == last:
        return input
    if first > last:
        raise RuntimeError(
            "flatten() has invalid args: start_dim cannot come after end_dim, "
            f"got {start_dim} and {end_dim}"
        )
    shape = input._data.shape
    size = math.prod(shape[first : last + 1])
    return reshape(input, (*shape[:first], size, *shape[last + 1 :]))


@accepts_numpy_names
def unflatten(input: T, dim: int, sizes: Any) -> T:
    """Return with one dimension split into several; one of ``sizes`` may be -1.

    https://docs.pytorch.org/docs/stable/generated/torch.unflatten.html

    >>> import minigrad as mg
    >>> mg.unflatten(mg.arange(4), 0, (2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    axis, sizes = axis_of(input, dim), integers((sizes,), "unflatten")
    if not sizes:
        raise RuntimeError(f"unflatten: sizes must be non-empty, got {list(sizes)}")
    if input.ndim == 0:
        raise RuntimeError(f"unflatten: dimension {dim} specified but tensor has no dimensions")
    if sizes.count(-1) > 1:
        raise RuntimeError(f"only one dimension can be inferred, got {list(sizes)}")
    size = input.shape[axis]
    known = math.prod(n for n in sizes if n != -1)
    inferred = size // (known or 1)
    complete = tuple(inferred if n == -1 else n for n in sizes)
    if math.prod(complete) != size:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} "
            f"({size}) in the input tensor"
        )
    return reshape(input, (*input.shape[:axis], *complete, *input.shape[axis + 1 :]))


@accepts_numpy_names
def ravel(input: T) -> T:
    """Return the elements in one dimension, a view where they lie in C order.

    https://docs.pytorch.org/docs/stable/generated/torch.ravel.html

    >>> import minigrad as mg
    >>> mg.ravel(mg.tensor([[1, 2], [3, 4]]))
    tensor([1, 2, 3, 4])
    """
    return reshape(contiguous(input), -1)


@accepts_numpy_names
def squeeze(input: T, dim: Any = None) -> T:
    """Return without dimensions of length one (all of them, or those in ``dim``).

    https://docs.pytorch.org/docs/stable/generated/torch.squeeze.html

    >>> import minigrad as mg
    >>> mg.squeeze(mg.zeros(1, 3, 1)).shape
    (3,)
    """
    axes = tuple(i for i in axes_of(input, dim) if input.shape[i] == 1)
    return ops.squeeze(input, axis=axes)


@accepts_numpy_names
def unsqueeze(input: T, dim: int) -> T:
    """Return with a new dimension of length one at ``dim``.

    https://docs.pytorch.org/docs/stable/generated/torch.unsqueeze.html

    >>> import minigrad as mg
    >>> mg.unsqueeze(mg.zeros(3), 0).shape
    (1, 3)
    """
    n = input.ndim + 1
    if not -n <= dim < n:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})"
        )
    return ops.expand_dims(input, axis=dim % n)


@varargs("size")
def expand(input: T, sizes: tuple[int, ...]) -> T:
    """Return broadcast to ``sizes``, a view; -1 keeps a length.

    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.expand.html

    >>> import minigrad as mg
    >>> mg.zeros(3, 1).expand(-1, 4).shape
    (3, 4)
    """
    lead = len(sizes) - input.ndim
    if lead < 0:
        raise RuntimeError(
            f"expand({list(sizes)}): the number of sizes provided ({len(sizes)}) must be greater "
            f"or equal to the number of dimensions in the tensor ({input.ndim})"
        )
    if lead and min(sizes[:lead]) < 0:
        raise RuntimeError(
            f"The expanded size of the tensor ({min(sizes[:lead])}) isn't allowed in a leading, "
            "non-existing dimension"
        )
    shape = tuple(input.shape[i - lead] if n == -1 else n for i, n in enumerate(sizes))
    for i, (n, m) in enumerate(zip(shape[lead:], input.shape, strict=True)):
        if m not in (1, n) or n < 0:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({m}) at "
                f"non-singleton dimension {i + lead}.  Target sizes: {list(shape)}.  "
                f"Tensor sizes: {list(input.shape)}"
            )
    return ops.broadcast_to(input, shape=shape)


@varargs("size")
def broadcast_to(input: T, size: tuple[int, ...]) -> T:
    """Return broadcast to ``size``, a view.

    https://docs.pytorch.org/docs/stable/generated/torch.broadcast_to.html

    >>> import minigrad as mg
    >>> mg.broadcast_to(mg.zeros(3, 1), (3, 4)).shape
    (3, 4)
    """
    return expand(input, size)


@accepts_numpy_names
def expand_as(input: T, other: T) -> T:
    """Return broadcast to the shape of ``other``, a view.

    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.expand_as.html

    >>> import minigrad as mg
    >>> mg.zeros(3, 1).expand_as(mg.ones(3, 4)).shape
    (3, 4)
    """
    return expand(input, other.shape)


@varargs("repeats")
def repeat(input: T, repeats: tuple[int, ...]) -> T:
    """Return a copy laid side by side, ``repeats`` times along each dimension.

    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.repeat.html

    >>> import minigrad as mg
    >>> mg.tensor([1, 2]).repeat(2)
    tensor([1, 2, 1, 2])
    """
    if len(repeats) < input.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions "
            f"of tensor, got {len(repeats)} and {input.ndim}"
        )
    if repeats and min(repeats) < 0:
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(repeats)}: {list(repeats)}"
        )
    shape = (1,) * (len(repeats) - input.ndim) + tuple(input.shape)
    pairs = list(zip(repeats, shape, strict=True))
    blocks = ops.reshape(input, shape=tuple(m for n in shape for m in (1, n)))
    copies = ops.broadcast_to(blocks, shape=tuple(n for pair in pairs for n in pair))
    result_shape = tuple(times * n for times, n in pairs)
    return own(ops.reshape(ops.contiguous(copies), shape=result_shape))


@varargs("dims")
def tile(input: T, dims: tuple[int, ...]) -> T:
    """Return copies side by side as :func:`repeat`, with 1 for the leading dimensions not given.

    https://docs.pytorch.org/docs/stable/generated/torch.tile.html

    >>> import minigrad as mg
    >>> mg.tile(mg.tensor([1, 2]), (2,))
    tensor([1, 2, 1, 2])
    """
    return repeat(input, (1,) * (input.ndim - len(dims)) + dims)


@accepts_numpy_names
def clone(input: T, *, memory_format: Any = None) -> T:
    """Return a copy in memory of its own, recorded; in another ``memory_format`` if one is given.

    https://docs.pytorch.org/docs/stable/generated/torch.clone.html

    >>> import minigrad as mg
    >>> mg.clone(mg.tensor([1.0, 2.0, 3.0]))
    tensor([1., 2., 3.])
    """
    if memory_format is None or memory_format is preserve_format:
        return ops.copy(input)
    return copied_in(input, memory_format)


@accepts_numpy_names
def contiguous(input: T, memory_format: Any = contiguous_format) -> T:
    """Return the tensor, copied where its memory is not in C order, or in ``memory_format``.

    RuntimeError for a format of another number of dimensions.
    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.contiguous.html

    >>> import minigrad as mg
    >>> mg.tensor([[1, 2], [3, 4]]).t().contiguous().is_contiguous()
    True
    """
    return input if memory_format.has(input._data) else copied_in(input, memory_format)


def copied_in(input: T, memory_format: Any) -> T:
    """Return a recorded copy in this format."""
    memory_format.check_rank(input.ndim)
    if memory_format.axes is None:
        return ops.contiguous(input)
    return ops.arranged(input, axes=memory_format.axes)
