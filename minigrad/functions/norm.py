"""Norms of vectors and matrices, as ``torch.linalg`` names them.

https://docs.pytorch.org/docs/stable/linalg.html#matrix-properties
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.dtypes import promote_types
from minigrad.functions import reduction, shape
from minigrad.functions.arguments import accepts_arrays
from minigrad.ops import linalg as ops
from minigrad.ops.reduction import axes_of, axis_of

T = Any  # a Tensor, which this floor does not know
_CALLED = {
    "int64": "Long",
    "int32": "Int",
    "bool": "Bool",
    "float16": "Half",
    "float32": "Float",
    "float64": "Double",
}


def called(dtype: Any) -> str:
    """Return PyTorch's name of a dtype in error texts."""
    return _CALLED.get(str(dtype), str(dtype))


@accepts_arrays
def svdvals(A: T) -> T:
    """Return the singular values (..., k) of matrices, falling."""
    if A.ndim < 2:
        raise RuntimeError(
            f"linalg.svd: The input tensor A must have at least 2 dimensions, got {A.ndim}"
        )
    if A.dtype.kind != "f":
        raise NotImplementedError(
            f"linalg.svd: Expected a floating point or complex tensor as input. Got {called(A.dtype)}"
        )
    if A.dtype == np.float16:
        raise NotImplementedError("linalg.svd: Low precision dtypes not supported. Got Half")
    return ops.unpack(ops.svd(A), *ops.svd_shapes(A))[1]


@accepts_arrays
def vector_norm(
    x: T, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> T:
    """Return sum(|x|**ord) ** (1/ord) over ``dim`` (all by default); ord 0 counts, ±inf are max and min.

    The gradient where the norm is 0 is 0. Raises RuntimeError for integers, and for empty x and ord
    without a value there.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.vector_norm.html
    """
    x = _converted(x, dtype, "linalg.vector_norm")
    axis = axes_of(x, None if isinstance(dim, (tuple, list)) and not dim else dim)
    if (ord < 0 or ord == math.inf) and 0 in (x.shape[i] for i in axis):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor because the operation does not "
            "have an identity"
        )
    return ops.vector_norm(x, order=ord, axis=axis, keepdims=keepdim)


def _converted(x: T, dtype: Any, name: str) -> T:
    if x.dtype.kind != "f":
        raise NotImplementedError(
            f"{name}: Expected a floating point or complex tensor as input. Got {called(x.dtype)}"
        )
    if dtype is None:
        return x
    if promote_types(x.dtype, dtype) != dtype or np.dtype(dtype).kind != "f":
        raise RuntimeError(
            f"{name}: the dtype of the input ({called(x.dtype)}) should be convertible without narrowing to the "
            f"specified dtype ({called(np.dtype(dtype))})"
        )
    return x.to(dtype)


@accepts_arrays
def matrix_norm(
    A: T, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> T:
    """Return a norm of the matrices in two dimensions: "fro", "nuc", ±2, ±1 or ±inf.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.matrix_norm.html
    """
    if A.ndim < 2:
        raise RuntimeError(
            "linalg.matrix_norm: The input tensor A must have at least 2 dimensions."
        )
    if ord not in ("fro", "nuc") and (isinstance(ord, str) or abs(ord) not in (1, 2, math.inf)):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    dims = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    if len(dims) != 2:
        raise RuntimeError(
            f"linalg.matrix_norm: dim must be a 2-tuple. Got {', '.join(map(str, dims))}"
        )
    A = _converted(A, dtype, "linalg.matrix_norm")
    rows, columns = (axis_of(A, d) for d in dims)
    if rows == columns:
        raise RuntimeError(
            f"linalg.matrix_norm: dims must be different. Got ({dims[0]}, {dims[1]})"
        )
    if ord == "fro":
        return vector_norm(A, 2, (rows, columns), keepdim)
    others = [i for i in range(A.ndim) if i not in (rows, columns)]
    M = shape.permute(A, *others, rows, columns)
    if ord == "nuc" or abs(ord) == 2:
        values = svdvals(M)
        found = reduction.sum(values, -1) if ord == "nuc" else values[..., 0 if ord > 0 else -1]
    else:
        sums = vector_norm(M, 1, -2 if abs(ord) == 1 else -1)
        found = reduction.amax(sums, -1) if ord > 0 else reduction.amin(sums, -1)
    for i in sorted((rows, columns)) if keepdim else ():
        found = shape.unsqueeze(found, i)
    return found


@accepts_arrays
def norm(A: T, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> T:
    """Return a vector norm, or a matrix norm where ``ord`` or two dims ask for one; the 2-norm of all by default.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.norm.html
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    two = isinstance(dim, (tuple, list)) and len(dim) == 2
    if isinstance(ord, str):
        if dim is None and A.ndim > 2:
            raise RuntimeError(
                f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D."
            )
        return matrix_norm(A, ord, (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    if dim is None and A.ndim not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D."
        )
    if two or (dim is None and A.ndim == 2):
        return matrix_norm(A, ord, dim if two else (-2, -1), keepdim, dtype=dtype)
    return vector_norm(A, ord, dim, keepdim, dtype=dtype)
