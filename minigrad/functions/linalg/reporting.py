"""Factors and inverses that say where they failed instead of raising: the functions with ``_ex``.

https://docs.pytorch.org/docs/stable/linalg.html#experimental-functions
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.functions.linalg.checks import check_matrix
from minigrad.functions.linalg.factorizations import cholesky
from minigrad.functions.linalg.systems import inv, solve
from minigrad.functions.return_types import RETURN_TYPES
from minigrad.ops import lu as ops
from minigrad.ops.elementwise import where
from minigrad.ops.linalg import LinAlgError

T = Any  # a Tensor, which this floor does not know


def cholesky_ex(A: T, *, upper: bool = False, check_errors: bool = False) -> T:
    """Return (L, info) of :func:`cholesky`.

    info is 0, or the order of the first leading minor that is not positive; L is NaN there.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.cholesky_ex.html

    >>> import minigrad as mg
    >>> mg.linalg.cholesky_ex(mg.tensor([[1.0, 2.0], [2.0, 1.0]])).info
    tensor(2, dtype=minigrad.int32)
    """
    check_matrix(A, "linalg.cholesky_ex", square=True)
    factor = lambda x: cholesky(x, upper=upper)
    L, info = _reported(factor, A, _order_of_bad_minor, check_errors)
    return RETURN_TYPES["linalg_cholesky_ex"](L, info)


def inv_ex(A: T, *, check_errors: bool = False) -> T:
    """Return (inverse, info) of :func:`inv`.

    info is 0, or the first 0 on the diagonal of U, counted from 1; the inverse is NaN there.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.inv_ex.html

    >>> import minigrad as mg
    >>> mg.linalg.inv_ex(mg.zeros(2, 2)).info
    tensor(1, dtype=minigrad.int32)
    """
    check_matrix(A, "linalg.inv_ex", square=True)
    inverse, info = _reported(inv, A, _first_zero, check_errors)
    return RETURN_TYPES["linalg_inv_ex"](inverse, info)


def solve_ex(A: T, B: T, *, left: bool = True, check_errors: bool = False) -> T:
    """Return (result, info) of :func:`solve`.

    info is 0, or the first 0 on the diagonal of U, counted from 1; the result is NaN there.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.solve_ex.html

    >>> import minigrad as mg
    >>> mg.linalg.solve_ex(mg.zeros(2, 2), mg.ones(2)).info
    tensor(1, dtype=minigrad.int32)
    """
    check_matrix(A, "linalg.solve_ex", square=True)
    solved = lambda x: solve(x, B, left=left)
    is_vector = B.ndim == 1 or B.shape == A.shape[:-1]
    dims = 1 if is_vector else 2
    result, info = _reported(solved, A, _first_zero, check_errors, dims)
    return RETURN_TYPES["linalg_solve_ex"](result, info)


def _reported(
    function: Callable[[T], T],
    A: T,
    failure: Callable[[np.ndarray], int],
    check_errors: bool,
    result_dims: int = 2,
) -> tuple[T, T]:
    """Return the function's result, NaN for matrices where it fails, and where they fail."""
    lead = A.shape[:-2]
    info = np.zeros(lead, np.int32)
    try:
        return function(A), A._wrap(info)
    except LinAlgError:
        if check_errors:
            raise
    matrices = A._data
    for place in np.ndindex(lead):
        info[place] = failure(matrices[place])
    failed = info > 0
    eye = np.eye(A.shape[-1], dtype=A.dtype)
    regular = where(failed[..., None, None], eye, A)
    result = function(regular)
    behind = (1,) * result_dims
    failed = failed.reshape(*lead, *behind)
    result = where(failed, math.nan, result)
    return result, A._wrap(info)


def _order_of_bad_minor(matrix: np.ndarray) -> int:
    for order in range(1, len(matrix) + 1):
        try:
            np.linalg.cholesky(matrix[:order, :order])
        except np.linalg.LinAlgError:
            return order
    return 0


def _first_zero(matrix: np.ndarray) -> int:
    pivots = np.zeros(len(matrix), np.int64)
    return int(ops.eliminate(matrix, pivots)[1])
