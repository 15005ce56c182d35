"""Shape functions with PyTorch's names; views of the same memory where PyTorch gives views.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.engine.views import own
from minigrad.functions.arguments import accepts_numpy_names, integers, varargs
from minigrad.ops import shape as ops
from minigrad.ops.reduction import axes_of, axis_of

__all__ = [
    "adjoint", "broadcast_to", "clone", "contiguous", "expand", "expand_as", "flatten", "flip",
    "fliplr", "flipud", "moveaxis", "movedim", "permute", "ravel", "repeat", "reshape",
    "reshape_as", "roll", "rot90", "squeeze", "swapaxes", "swapdims", "t", "tile", "transpose",
    "unflatten", "unsqueeze", "view", "view_as",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


@varargs("shape")
def reshape(input: T, shape: tuple[int, ...]) -> T:
    """Return the elements in another shape; one length may be -1. Raises RuntimeError.

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
    """Return the same memory in the shape of ``other``."""
    return view(input, other.shape)


@accepts_numpy_names
def reshape_as(input: T, other: T) -> T:
    """Return the elements in the shape of ``other``."""
    return reshape(input, other.shape)


@accepts_numpy_names
def flatten(input: T, start_dim: int = 0, end_dim: int = -1) -> T:
    """Return with the dimensions from ``start_dim`` to ``end_dim`` as one; input where they are one."""
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
    """Return with one dimension split into several; one of ``sizes`` may be -1."""
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
    """Return the elements in one dimension, a view where they lie in C order."""
    return reshape(contiguous(input), -1)


@varargs("dims")
def permute(input: T, dims: tuple[int, ...]) -> T:
    """Return with the dimensions in another order."""
    if len(dims) != input.ndim:
        raise RuntimeError(
            "permute: number of dimensions in the tensor input does not match the length of the "
            f"desired ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to "
            f"len(dims) = {len(dims)}"
        )
    return ops.transpose(input, axes=axes_of(input, dims))


@accepts_numpy_names
def transpose(input: T, dim0: int, dim1: int) -> T:
    """Return with two dimensions exchanged."""
    first, second = axis_of(input, dim0), axis_of(input, dim1)
    if input.ndim == 0:
        return ops.transpose(input, axes=())
    return ops.swapaxes(input, axis1=first, axis2=second)


@accepts_numpy_names
def swapaxes(input: T, axis0: int, axis1: int) -> T:
    """Return with two dimensions exchanged."""
    return transpose(input, axis0, axis1)


swapdims = transpose


@accepts_numpy_names
def t(input: T) -> T:
    """Return a matrix transposed; vectors and scalars as they are."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return ops.transpose(input, axes=tuple(range(input.ndim))[::-1])


@accepts_numpy_names
def adjoint(input: T) -> T:
    """Return with the last two dimensions exchanged; real numbers are their own conjugates."""
    if input.ndim < 2:
        raise RuntimeError(
            "tensor.adjoint() is only supported on matrices or batches of matrices. "
            f"Got {input.ndim}-D tensor."
        )
    return transpose(input, -2, -1)


@accepts_numpy_names
def movedim(input: T, source: Any, destination: Any) -> T:
    """Return with the dimensions ``source`` moved to ``destination``, the others in their order."""
    if isinstance(source, (tuple, list)) != isinstance(destination, (tuple, list)):
        raise TypeError(
            f"movedim(): expected two integers or two sequences, got {source!r} and {destination!r}"
        )
    source, destination = (integers((d,), "movedim") for d in (source, destination))
    if len(source) != len(destination):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(source)} dims) should "
            f"contain the same number of dims as destination ({list(destination)} dims)"
        )
    moved, places = axes_of(input, source), axes_of(input, destination)
    rest = iter(i for i in range(input.ndim) if i not in moved)
    return permute(
        input, [moved[places.index(i)] if i in places else next(rest) for i in range(input.ndim)]
    )


moveaxis = movedim


@accepts_numpy_names
def squeeze(input: T, dim: Any = None) -> T:
    """Return without dimensions of length one (all of them, or those in ``dim``)."""
    axes = tuple(i for i in axes_of(input, dim) if input.shape[i] == 1)
    return ops.squeeze(input, axis=axes)


@accepts_numpy_names
def unsqueeze(input: T, dim: int) -> T:
    """Return with a new dimension of length one at ``dim``."""
    n = input.ndim + 1
    if not -n <= dim < n:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})"
        )
    return ops.expand_dims(input, axis=dim % n)


@varargs("size")
def expand(input: T, sizes: tuple[int, ...]) -> T:
    """Return broadcast to ``sizes``, a view; -1 keeps a length."""
    lead = len(sizes) - input.ndim
    if lead < 0:
        raise RuntimeError(
            f"expand({list(sizes)}): the number of sizes provided ({len(sizes)}) must be greater or "
            f"equal to the number of dimensions in the tensor ({input.ndim})"
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
    """Return broadcast to ``size``, a view."""
    return expand(input, size)


@accepts_numpy_names
def expand_as(input: T, other: T) -> T:
    """Return broadcast to the shape of ``other``, a view."""
    return expand(input, other.shape)


@varargs("repeats")
def repeat(input: T, repeats: tuple[int, ...]) -> T:
    """Return a copy laid side by side, ``repeats`` times along each dimension.

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
    """Return copies side by side as :func:`repeat`, with 1 for the leading dimensions not given."""
    return repeat(input, (1,) * (input.ndim - len(dims)) + dims)


@varargs("dims")
def flip(input: T, dims: tuple[int, ...]) -> T:
    """Return a copy with the order along ``dims`` reversed."""
    return ops.copy(ops.flip(input, axis=axes_of(input, dims)))


@accepts_numpy_names
def fliplr(input: T) -> T:
    """Return with the columns in reverse order."""
    if input.ndim < 2:
        raise RuntimeError(f"Input must be >= 2-d. Got {input.ndim}-d")
    return flip(input, 1)


@accepts_numpy_names
def flipud(input: T) -> T:
    """Return with the rows in reverse order."""
    if input.ndim < 1:
        raise RuntimeError(f"Input must be >= 1-d. Got {input.ndim}-d")
    return flip(input, 0)


@accepts_numpy_names
def roll(input: T, shifts: Any, dims: Any = None) -> T:
    """Return with the elements moved along ``dims`` (by default of the flattened input), in a ring."""
    shifts = integers((shifts,), "roll")
    dims = () if dims is None else integers((dims,), "roll")
    if not shifts:
        raise RuntimeError(f"`shifts` required, got {shifts}")
    if not dims and len(shifts) == 1:
        return reshape(ops.roll(ravel(input), shift=shifts, axis=(0,)), input.shape)
    if len(shifts) != len(dims):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}"
        )
    if not input.ndim:
        raise IndexError(f"Dimension specified as {dims[0]} but tensor has no dimensions")
    return ops.roll(input, shift=shifts, axis=tuple(axis_of(input, d) for d in dims))


@accepts_numpy_names
def rot90(input: T, k: int = 1, dims: Any = (0, 1)) -> T:
    """Return rotated by ``k`` right angles in the plane of two dimensions, first towards second."""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    a, b = (axis_of(input, d) for d in dims)
    if a == b:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {a} and dim1 = {b}"
        )
    turned = transpose(input, a, b) if k % 2 else input
    return flip(turned, ((), (a,), (a, b), (b,))[k % 4])


@accepts_numpy_names
def clone(input: T, *, memory_format: Any = None) -> T:
    """Return a copy in memory of its own, recorded; ``memory_format`` makes no difference."""
    return ops.copy(input)


@accepts_numpy_names
def contiguous(input: T, memory_format: Any = None) -> T:
    """Return the tensor, copied where its memory is not in C order."""
    return input if input._data.flags.c_contiguous else ops.contiguous(input)
