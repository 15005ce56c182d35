"""Distances between tensors and between rows, with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#blas-and-lapack-operations
"""

from __future__ import annotations

from typing import Any

from minigrad.functions import products, reduction
from minigrad.functions.arguments import accepts_numpy_names, accepts_out, not_a_tensor_error
from minigrad.functions.joining import broadcast_shapes
from minigrad.functions.linalg.checks import dtype_word
from minigrad.functions.p_norm import norm
from minigrad.functions.shape import expand, unsqueeze
from minigrad.ops import elementwise as ops
from minigrad.ops.linalg import mT
from minigrad.ops.norm import vector_norm
from minigrad.ops.reduction import axis_of

__all__ = ["cdist", "dist", "renorm"]

T = Any  # a Tensor, which this floor does not know
_MODES = {  # from how many rows on matrix products take the place of differences
    "use_mm_for_euclid_dist_if_necessary": 26,
    "use_mm_for_euclid_dist": 0,
    "donot_use_mm_for_euclid_dist": float("inf"),
}


def cdist(
    x1: T, x2: T, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"
) -> T:
    """Return the p-norms of the rows of x1 less those of x2.

    (..., n, d), (..., m, d) -> (..., n, m); leading dimensions broadcast. Where either has more
    than 25 rows, the Euclidean distance is computed by a matrix product, less exactly but in less
    memory; ``compute_mode`` decides otherwise. The gradient at 0 is 0. Raises RuntimeError for what
    does not fit.
    https://docs.pytorch.org/docs/stable/generated/torch.cdist.html

    >>> import minigrad as mg
    >>> mg.cdist(mg.tensor([[0.0, 0.0], [3.0, 0.0]]), mg.tensor([[3.0, 4.0]]))
    tensor([[5.],
            [4.]])
    """
    _check_rows(x1, x2)
    if compute_mode not in _MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    if p < 0:
        raise RuntimeError(f"cdist only supports non-negative p values, got {p}")
    broadcast_shapes(tuple(x1.shape[:-2]), tuple(x2.shape[:-2]))
    rows = max(x1.shape[-2], x2.shape[-2])
    least = _MODES[compute_mode]
    if p == 2 and rows >= least:
        return _by_products(x1, x2)
    left = unsqueeze(x1, -2)
    right = unsqueeze(x2, -3)
    differences = left - right  # (..., n, m, d)
    if not differences.shape[-1]:
        return reduction.sum(differences, -1)
    return vector_norm(differences, order=p, axis=(-1,), keepdims=False)


def _check_rows(x1: T, x2: T) -> None:
    for place, (name, x) in enumerate((("x1", x1), ("x2", x2)), 1):
        if not hasattr(x, "ndim"):
            raise not_a_tensor_error("cdist", name, place, x)
        if x.ndim < 2:
            raise RuntimeError(
                f"cdist only supports at least 2D tensors, {name.upper()} got: {x.ndim}D"
            )
        if x.dtype.kind != "f":
            raise RuntimeError(
                f"cdist only supports floating-point dtypes, {name.upper()} got: "
                f"{dtype_word(x.dtype)}"
            )
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}"
        )
    if x1.dtype != x2.dtype:
        raise RuntimeError(
            f"expected scalar type {dtype_word(x1.dtype)} but found {dtype_word(x2.dtype)}"
        )


def _by_products(x1: T, x2: T) -> T:
    """Return the root of |x1|² - 2 x1 · x2 + |x2|²."""
    squares1 = reduction.sum(x1 * x1, -1, True)  # (..., n, 1)
    squares2 = mT(reduction.sum(x2 * x2, -1, True))  # (..., 1, m)
    squares = squares1 + squares2 - 2 * products.matmul(x1, mT(x2))
    return ops.safe_sqrt(ops.relu(squares))


@accepts_numpy_names
def dist(input: T, other: T, p: float = 2) -> T:
    """Return the p-norm of input - other, a number; shapes broadcast, the gradient at 0 is 0.

    https://docs.pytorch.org/docs/stable/generated/torch.dist.html

    >>> import minigrad as mg
    >>> mg.dist(mg.tensor([0.0, 0.0]), mg.tensor([3.0, 4.0]))
    tensor(5.)
    """
    difference = input - other
    if difference.dtype.kind != "f":
        raise RuntimeError(
            "norm(): input dtype should be either floating point or complex. "
            f"Got {dtype_word(difference.dtype)} instead."
        )
    return norm(difference, p)


@accepts_out
def renorm(input: T, p: float, dim: int, maxnorm: float) -> T:
    """Return with each slice along ``dim`` scaled down to the p-norm ``maxnorm`` where it has more.

    https://docs.pytorch.org/docs/stable/generated/torch.renorm.html

    >>> import minigrad as mg
    >>> mg.renorm(mg.tensor([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1.0)
    tensor([[0.6000, 0.8000],
            [0.3000, 0.4000]])
    """
    if p <= 0:
        raise RuntimeError(f"renorm: non-positive-norm not supported, got {p}")
    if input.ndim < 2:
        raise RuntimeError(
            f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions"
        )
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    axis = axis_of(input, dim)
    if input.dtype.kind != "f":
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. "
            f"Got {dtype_word(input.dtype)}"
        )
    others = tuple(i for i in range(input.ndim) if i != axis)
    norms = vector_norm(input, order=p, axis=others, keepdims=True)
    scale = ops.where(norms.detach() > maxnorm, maxnorm / (norms + 1e-7), 1.0)
    return input * expand(scale, input.shape)
