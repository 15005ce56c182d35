"""Products of vectors and matrices with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#blas-and-lapack-operations
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.engine.views import own
from minigrad.functions.arguments import (
    accepts_arrays_and_out,
    accepts_numpy_names,
    accepts_out,
    not_a_tensor_error,
)
from minigrad.functions.einsum_equation import LETTERS, parse
from minigrad.functions.out import call_into
from minigrad.functions.shape import reshape
from minigrad.ops import einsum as sums
from minigrad.ops import linalg, reduction
from minigrad.ops import matmul as ops

__all__ = [
    "bmm", "cross", "dot", "einsum", "ger", "inner", "kron", "matmul", "mm", "mv", "outer",
    "tensordot", "trace", "vdot",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


def check_same_dtype(x: T, y: T, opening: str, joint: str = "and") -> None:
    """Refuse tensors of two dtypes, as PyTorch; an array takes part in operators' promotion."""
    are_tensors = hasattr(x, "backward") and hasattr(y, "backward")
    if are_tensors and x.dtype != y.dtype:
        raise RuntimeError(f"{opening} {x.dtype} {joint} {y.dtype}")


def _check_matrix(x: T, name: str) -> None:
    if x.ndim != 2:
        raise RuntimeError(f"{name} must be a matrix, got shape {list(x.shape)}")


def _check_not_bools(function: str, x: T, y: T) -> None:
    if x.dtype == bool and y.dtype == bool:
        raise NotImplementedError(
            f"{function}: not implemented for {x.dtype}; convert it: x.float()"
        )


def matmul(input: T, other: T, *, out: T = None) -> T:
    """Return the matrix product: vectors (n,), matrices (n, m), batches (..., n, m) that broadcast.

    Raises RuntimeError for 0-d operands, sizes that do not fit, and two dtypes.
    https://docs.pytorch.org/docs/stable/generated/torch.matmul.html

    >>> import minigrad as mg
    >>> mg.matmul(mg.ones(2, 3), mg.ones(3))
    tensor([3., 3.])
    """
    if out is not None:
        return call_into(out, matmul, (input, other), {})
    if not hasattr(input, "ndim"):
        raise not_a_tensor_error("matmul", "input", 1, input)
    if not hasattr(other, "ndim"):
        raise not_a_tensor_error("matmul", "other", 2, other)
    if not input.ndim or not other.ndim:
        raise RuntimeError(
            "both arguments to matmul need to be at least 1D, "
            f"but they are {input.ndim}D and {other.ndim}D"
        )
    opening = "expected m1 and m2 to have the same dtype, but got:"
    check_same_dtype(input, other, opening, "!=")
    _check_not_bools("matmul", input, other)
    return ops.matmul(input, other)


@accepts_out
def mm(input: T, mat2: T) -> T:
    """Return the product of two matrices, (n, m) and (m, p); RuntimeError for anything else.

    https://docs.pytorch.org/docs/stable/generated/torch.mm.html

    >>> import minigrad as mg
    >>> mg.mm(mg.tensor([[1, 2], [3, 4]]), mg.tensor([[1, 2], [3, 4]]))
    tensor([[ 7, 10],
            [15, 22]])
    """
    _check_matrix(input, "self")
    _check_matrix(mat2, "mat2")
    return matmul(input, mat2)


@accepts_out
def bmm(input: T, mat2: T) -> T:
    """Return the products of two batches, (b, n, m) and (b, m, p), without broadcasting.

    https://docs.pytorch.org/docs/stable/generated/torch.bmm.html

    >>> import minigrad as mg
    >>> mg.bmm(mg.ones(2, 1, 3), mg.ones(2, 3, 1)).shape
    (2, 1, 1)
    """
    for name, x in (("batch1", input), ("batch2", mat2)):
        if x.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor, got shape {list(x.shape)}")
    if (input.shape[0], input.shape[2]) != mat2.shape[:2]:
        raise RuntimeError(
            "Expected size for first two dimensions of batch2 tensor to be: "
            f"[{input.shape[0]}, {input.shape[2]}] but got: {list(mat2.shape[:2])}."
        )
    return matmul(input, mat2)


@accepts_out
def mv(input: T, vec: T) -> T:
    """Return the product of a matrix (n, m) and a vector (m,).

    https://docs.pytorch.org/docs/stable/generated/torch.mv.html

    >>> import minigrad as mg
    >>> mg.mv(mg.tensor([[1, 2], [3, 4]]), mg.tensor([1, 1]))
    tensor([3, 7])
    """
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}")
    if input.shape[1] != vec.shape[0]:
        n, m = input.shape
        raise RuntimeError(f"size mismatch, got input ({n}), mat ({n}x{m}), vec ({vec.shape[0]})")
    return matmul(input, vec)


@accepts_out
def dot(input: T, tensor: T) -> T:
    """Return the product of two vectors (n,), a 0-d tensor.

    https://docs.pytorch.org/docs/stable/generated/torch.dot.html

    >>> import minigrad as mg
    >>> mg.dot(mg.tensor([1.0, 2.0, 3.0]), mg.tensor([1.0, 2.0, 3.0]))
    tensor(14.)
    """
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    opening = "dot : expected both vectors to have same dtype, but found"
    check_same_dtype(input, tensor, opening)
    if input.shape != tensor.shape:
        n, m = input.shape[0], tensor.shape[0]
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{n}] and src [{m}] to have the same "
            f"number of elements, but got {n} and {m} elements respectively"
        )
    return matmul(input, tensor)


@accepts_out
def vdot(input: T, other: T) -> T:
    """Return the product of two vectors, (n,) and (n,); see :func:`dot`.

    https://docs.pytorch.org/docs/stable/generated/torch.vdot.html

    >>> import minigrad as mg
    >>> mg.vdot(mg.tensor([2, 3]), mg.tensor([2, 1]))
    tensor(7)
    """
    return dot(input, other)


@accepts_arrays_and_out
def inner(input: T, other: T) -> T:
    """Return the sums of products along the last dimensions; with a 0-d operand, the product.

    https://docs.pytorch.org/docs/stable/generated/torch.inner.html

    >>> import minigrad as mg
    >>> mg.inner(mg.tensor([1.0, 2.0, 3.0]), mg.tensor([1.0, 2.0, 3.0]))
    tensor(14.)
    """
    if not hasattr(other, "ndim"):
        raise not_a_tensor_error("inner", "other", 2, other)
    if not input.ndim or not other.ndim:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    return tensordot(input, other, dims=([-1], [-1]))


@accepts_arrays_and_out
def outer(input: T, vec2: T) -> T:
    """Return the matrix of products of two vectors, (n,) and (m,) -> (n, m).

    https://docs.pytorch.org/docs/stable/generated/torch.outer.html

    >>> import minigrad as mg
    >>> mg.outer(mg.tensor([1, 2]), mg.tensor([1, 10]))
    tensor([[ 1, 10],
            [ 2, 20]])
    """
    for name, x in (("self", input), ("vec2", vec2)):
        if x.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {x.ndim}-D")
    return np.reshape(input, (-1, 1)) * vec2


ger = outer


def einsum(*args: Any) -> T:
    """Return the Einstein sum ``einsum("ij,jk->ik", a, b)``.

    With sublists it is ``einsum(a, [0, 1], b, [1, 2])``. Ellipses, repeated letters and the
    implicit result are PyTorch's; pairs are contracted by matrix products, the smallest results
    first. Raises RuntimeError for an equation that does not fit.
    https://docs.pytorch.org/docs/stable/generated/torch.einsum.html

    >>> import minigrad as mg
    >>> mg.einsum("ii", mg.eye(3))
    tensor(3.)
    """
    operands, inputs, output = parse(args)
    for x in operands[1:]:
        opening = "einsum(): expected operands of one dtype, but found"
        check_same_dtype(operands[0], x, opening)
    return sums.einsum(*operands, inputs=inputs, output=output)


def tensordot(a: T, b: T, dims: Any = 2, out: T = None) -> T:
    """Return the sum of products over ``dims``: the last n of a and first n of b, or two lists.

    https://docs.pytorch.org/docs/stable/generated/torch.tensordot.html

    >>> import minigrad as mg
    >>> mg.tensordot(mg.tensor([[1, 2], [3, 4]]), mg.tensor([[1, 2], [3, 4]]))
    tensor(30)
    """
    if out is not None:
        return call_into(out, tensordot, (a, b, dims), {})
    for place, (name, x) in enumerate((("a", a), ("b", b)), 1):
        if not hasattr(x, "ndim"):
            raise not_a_tensor_error("tensordot", name, place, x)
    left, right = _dims_to_contract(a, b, dims)
    left, right = reduction.axes_of(a, tuple(left)), reduction.axes_of(b, tuple(right))
    for i, j in zip(left, right, strict=True):
        n, m = a.shape[i], b.shape[j]
        if n != m and 1 not in (n, m):
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {n} in dim {i - a.ndim} "
                f"and second has size {m} in dim {j}"
            )
    check_same_dtype(a, b, "both inputs should have same dtype, but got")
    _check_not_bools("tensordot", a, b)
    letters_of_a = LETTERS[: a.ndim]
    letters = list(LETTERS[a.ndim : a.ndim + b.ndim])
    for i, j in zip(left, right, strict=True):
        letters[j] = letters_of_a[i]
    letters_of_b = "".join(letters)
    output = "".join(
        letter
        for letter in letters_of_a + letters_of_b
        if (letter in letters_of_a) != (letter in letters_of_b)
    )
    return sums.einsum(a, b, inputs=(letters_of_a, letters_of_b), output=output)


def _dims_to_contract(a: T, b: T, dims: Any) -> tuple[list[int], list[int]]:
    if isinstance(dims, (int, np.integer)):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        last_of_a = range(a.ndim)[a.ndim - dims :]
        return list(last_of_a), list(range(dims))
    left, right = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(left) != len(right):
        raise RuntimeError(f"both dimension lists should have same length, got {left} and {right}")
    return left, right


@accepts_arrays_and_out
def kron(input: T, other: T) -> T:
    """Return the Kronecker product; the operand of fewer dimensions gets leading ones.

    https://docs.pytorch.org/docs/stable/generated/torch.kron.html

    >>> import minigrad as mg
    >>> mg.kron(mg.tensor([1, 10]), mg.tensor([1, 2]))
    tensor([ 1,  2, 10, 20])
    """
    ndim = max(input.ndim, other.ndim)
    outer_shape = _with_ndim(input.shape, ndim)
    inner_shape = _with_ndim(other.shape, ndim)
    ones = (1,) * ndim
    blocks = np.reshape(input, _interleaved(outer_shape, ones))
    block = np.reshape(other, _interleaved(ones, inner_shape))
    shape = tuple(map(operator.mul, outer_shape, inner_shape))
    return own(reshape(blocks * block, shape))


def _with_ndim(shape: Sequence[int], ndim: int) -> tuple[int, ...]:
    return (1,) * (ndim - len(shape)) + tuple(shape)


def _interleaved(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for pair in zip(first, second, strict=True) for n in pair)


@accepts_numpy_names
def trace(input: T) -> T:
    """Return the sum of the diagonal of a matrix; int64 for integers.

    https://docs.pytorch.org/docs/stable/generated/torch.trace.html

    >>> import minigrad as mg
    >>> mg.trace(mg.tensor([[1, 2], [3, 4]]))
    tensor(5)
    """
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    if input.dtype == bool:
        raise NotImplementedError(f"trace: not implemented for {input.dtype}; convert it: x.long()")
    return linalg.trace(input.long() if input.dtype.kind == "u" else input)


@accepts_arrays_and_out
def cross(input: T, other: T, dim: int | None = None) -> T:
    """Return the vector product along ``dim`` (the first of length 3 by default).

    https://docs.pytorch.org/docs/stable/generated/torch.cross.html

    >>> import minigrad as mg
    >>> mg.cross(mg.tensor([1, 0, 0]), mg.tensor([0, 1, 0]))
    tensor([0, 0, 1])
    """
    if input.ndim != other.ndim:
        raise RuntimeError(
            "linalg.cross: inputs must have the same number of dimensions. "
            f"Got {input.ndim} and {other.ndim}"
        )
    if dim is None:
        if 3 not in input.shape:
            raise RuntimeError(f"no dimension of size 3 in input of shape {list(input.shape)}")
        dim = tuple(input.shape).index(3)
    axis = reduction.axis_of(input, dim)
    if input.shape[axis] != 3 or other.shape[axis] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. "
            f"Got {input.shape[axis]} and {other.shape[axis]}"
        )
    return linalg.cross(input, other, axis=axis - input.ndim)
