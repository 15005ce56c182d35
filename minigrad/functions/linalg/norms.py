"""Norms of vectors and matrices, as ``torch.linalg`` names them.

https://docs.pytorch.org/docs/stable/linalg.html#matrix-properties
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.dtypes import promote_types
from minigrad.functions import permutation, reduction, shape
from minigrad.functions.arguments import accepts_arrays
from minigrad.functions.linalg.checks import check_floats, check_ndim, dtype_word
from minigrad.functions.linalg.factorizations import svdvals
from minigrad.ops import norm as norm_ops
from minigrad.ops.reduction import axes_of, axis_of

T = Any  # a Tensor, which this floor does not know


@accepts_arrays
def vector_norm(
    x: T, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> T:
    """Return sum(|x|**ord) ** (1/ord) over ``dim`` (all by default).

    ``ord`` 0 counts what is not 0, inf and -inf are max and min. The gradient where the norm is 0
    is 0. Raises NotImplementedError for integers, RuntimeError for an empty x and an ord that has
    no value there.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.vector_norm.html

    >>> import minigrad as mg
    >>> mg.linalg.vector_norm(mg.tensor([3.0, 4.0]))
    tensor(5.)
    """
    x = _converted(x, dtype, "linalg.vector_norm")
    names_no_axis = isinstance(dim, (tuple, list)) and not dim
    axes = axes_of(x, None if names_no_axis else dim)
    if (ord < 0 or ord == math.inf) and 0 in (x.shape[i] for i in axes):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor "
            "because the operation does not have an identity"
        )
    return norm_ops.vector_norm(x, order=ord, axis=axes, keepdims=keepdim)


def _converted(x: T, dtype: Any, name: str) -> T:
    check_floats(x, name)
    if dtype is None:
        return x
    if promote_types(x.dtype, dtype) != dtype or np.dtype(dtype).kind != "f":
        raise RuntimeError(
            f"{name}: the dtype of the input ({dtype_word(x.dtype)}) should be convertible "
            f"without narrowing to the specified dtype ({dtype_word(np.dtype(dtype))})"
        )
    return x.to(dtype)


@accepts_arrays
def matrix_norm(
    A: T, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> T:
    """Return a norm of the matrices in two dimensions: "fro", "nuc", ±2, ±1 or ±inf.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.matrix_norm.html

    >>> import minigrad as mg
    >>> mg.linalg.matrix_norm(mg.tensor([[1.0, 2.0], [2.0, 4.0]]))
    tensor(5.)
    """
    check_ndim(A, "linalg.matrix_norm")
    _check_matrix_order(ord)
    dims = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    if len(dims) != 2:
        listed = ", ".join(map(str, dims))
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {listed}")
    A = _converted(A, dtype, "linalg.matrix_norm")
    rows, columns = (axis_of(A, d) for d in dims)
    if rows == columns:
        raise RuntimeError(
            f"linalg.matrix_norm: dims must be different. Got ({dims[0]}, {dims[1]})"
        )
    if ord == "fro":
        return vector_norm(A, 2, (rows, columns), keepdim)
    others = [i for i in range(A.ndim) if i not in (rows, columns)]
    result = _norm_of_last_two(permutation.permute(A, *others, rows, columns), ord)
    if keepdim:
        for axis in sorted((rows, columns)):
            result = shape.unsqueeze(result, axis)
    return result


def _check_matrix_order(ord: Any) -> None:
    if ord in ("fro", "nuc"):
        return
    if isinstance(ord, str) or abs(ord) not in (1, 2, math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")


def _norm_of_last_two(A: T, ord: Any) -> T:
    if ord == "nuc":
        return reduction.sum(svdvals(A), -1)
    if abs(ord) == 2:
        return svdvals(A)[..., 0 if ord > 0 else -1]
    sums = vector_norm(A, 1, -2 if abs(ord) == 1 else -1)
    return reduction.amax(sums, -1) if ord > 0 else reduction.amin(sums, -1)


@accepts_arrays
def norm(A: T, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> T:
    """Return a vector norm, or a matrix norm where ``ord`` or two dims ask for one.

    Without ``ord`` it is the 2-norm of all elements.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.norm.html

    >>> import minigrad as mg
    >>> mg.linalg.norm(mg.tensor([3.0, -4.0]), 1)
    tensor(7.)
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None and (A.ndim > 2 or (A.ndim == 0 and not isinstance(ord, str))):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
            f"Got {A.ndim}D."
        )
    names_matrix = isinstance(dim, (tuple, list)) and len(dim) == 2
    if isinstance(ord, str) or names_matrix or (dim is None and A.ndim == 2):
        return matrix_norm(A, ord, (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(A, ord, dim, keepdim, dtype=dtype)
