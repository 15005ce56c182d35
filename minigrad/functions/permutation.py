"""Dimensions and elements in another order, with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

from typing import Any

from minigrad.functions.arguments import accepts_numpy_names, integers, varargs
from minigrad.functions.shape import ravel, reshape
from minigrad.ops import shape as ops
from minigrad.ops.reduction import axes_of, axis_of

__all__ = [
    "adjoint", "flip", "fliplr", "flipud", "moveaxis", "movedim", "permute", "roll", "rot90",
    "swapaxes", "swapdims", "t", "transpose",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


@varargs("dims")
def permute(input: T, dims: tuple[int, ...]) -> T:
    """Return with the dimensions in another order.

    https://docs.pytorch.org/docs/stable/generated/torch.permute.html

    >>> import minigrad as mg
    >>> mg.permute(mg.zeros(2, 3, 4), (2, 0, 1)).shape
    (4, 2, 3)
    """
    if len(dims) != input.ndim:
        raise RuntimeError(
            "permute: number of dimensions in the tensor input does not match the length of the "
            f"desired ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to "
            f"len(dims) = {len(dims)}"
        )
    return ops.transpose(input, axes=axes_of(input, dims))


@accepts_numpy_names
def transpose(input: T, dim0: int, dim1: int) -> T:
    """Return with two dimensions exchanged.

    https://docs.pytorch.org/docs/stable/generated/torch.transpose.html

    >>> import minigrad as mg
    >>> mg.transpose(mg.tensor([[1, 2], [3, 4]]), 0, 1)
    tensor([[1, 3],
            [2, 4]])
    """
    first, second = axis_of(input, dim0), axis_of(input, dim1)
    if input.ndim == 0:
        return ops.transpose(input, axes=())
    return ops.swapaxes(input, axis1=first, axis2=second)


@accepts_numpy_names
def swapaxes(input: T, axis0: int, axis1: int) -> T:
    """Return with two dimensions exchanged.

    https://docs.pytorch.org/docs/stable/generated/torch.swapaxes.html

    >>> import minigrad as mg
    >>> mg.swapaxes(mg.tensor([[1, 2], [3, 4]]), 0, 1)
    tensor([[1, 3],
            [2, 4]])
    """
    return transpose(input, axis0, axis1)


swapdims = transpose


@accepts_numpy_names
def t(input: T) -> T:
    """Return a matrix transposed; vectors and scalars as they are.

    https://docs.pytorch.org/docs/stable/generated/torch.t.html

    >>> import minigrad as mg
    >>> mg.t(mg.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return ops.transpose(input, axes=tuple(range(input.ndim))[::-1])


@accepts_numpy_names
def adjoint(input: T) -> T:
    """Return with the last two dimensions exchanged; real numbers are their own conjugates.

    https://docs.pytorch.org/docs/stable/generated/torch.adjoint.html

    >>> import minigrad as mg
    >>> mg.adjoint(mg.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    if input.ndim < 2:
        raise RuntimeError(
            "tensor.adjoint() is only supported on matrices or batches of matrices. "
            f"Got {input.ndim}-D tensor."
        )
    return transpose(input, -2, -1)


@accepts_numpy_names
def movedim(input: T, source: Any, destination: Any) -> T:
    """Return with the dimensions ``source`` moved to ``destination``, the others in their order.

    https://docs.pytorch.org/docs/stable/generated/torch.movedim.html

    >>> import minigrad as mg
    >>> mg.movedim(mg.zeros(2, 3, 4), 0, -1).shape
    (3, 4, 2)
    """
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


@varargs("dims")
def flip(input: T, dims: tuple[int, ...]) -> T:
    """Return a copy with the order along ``dims`` reversed.

    https://docs.pytorch.org/docs/stable/generated/torch.flip.html

    >>> import minigrad as mg
    >>> mg.flip(mg.tensor([1, 2, 3]), (0,))
    tensor([3, 2, 1])
    """
    return ops.copy(ops.flip(input, axis=axes_of(input, dims)))


@accepts_numpy_names
def fliplr(input: T) -> T:
    """Return with the columns in reverse order.

    https://docs.pytorch.org/docs/stable/generated/torch.fliplr.html

    >>> import minigrad as mg
    >>> mg.fliplr(mg.tensor([[1, 2], [3, 4]]))
    tensor([[2, 1],
            [4, 3]])
    """
    if input.ndim < 2:
        raise RuntimeError(f"Input must be >= 2-d. Got {input.ndim}-d")
    return flip(input, 1)


@accepts_numpy_names
def flipud(input: T) -> T:
    """Return with the rows in reverse order.

    https://docs.pytorch.org/docs/stable/generated/torch.flipud.html

    >>> import minigrad as mg
    >>> mg.flipud(mg.tensor([[1, 2], [3, 4]]))
    tensor([[3, 4],
            [1, 2]])
    """
    if input.ndim < 1:
        raise RuntimeError(f"Input must be >= 1-d. Got {input.ndim}-d")
    return flip(input, 0)


@accepts_numpy_names
def roll(input: T, shifts: Any, dims: Any = None) -> T:
    """Return with the elements rolled along ``dims`` (by default of the flattened input).

    https://docs.pytorch.org/docs/stable/generated/torch.roll.html

    >>> import minigrad as mg
    >>> mg.roll(mg.tensor([1, 2, 3]), 1)
    tensor([3, 1, 2])
    """
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
    """Return rotated by ``k`` right angles in the plane of two dimensions, first towards second.

    https://docs.pytorch.org/docs/stable/generated/torch.rot90.html

    >>> import minigrad as mg
    >>> mg.rot90(mg.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
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
