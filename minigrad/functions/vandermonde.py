"""``torch.vander``, whose powers fall; those of ``linalg.vander`` rise."""

from __future__ import annotations

from typing import Any

from minigrad.functions.arguments import accepts_numpy_names
from minigrad.functions.linalg.matrix_products import powers
from minigrad.functions.permutation import flip

__all__ = ["vander"]

T = Any  # a Tensor, which this floor does not know


@accepts_numpy_names
def vander(x: T, N: int | None = None, increasing: bool = False) -> T:
    """Return Vandermonde's matrix of a vector, (n,) -> (n, N): its powers N - 1, …, 1, 0.

    N is n by default; with ``increasing`` the powers rise. Raises RuntimeError for other
    dimensions and a negative N.
    https://docs.pytorch.org/docs/stable/generated/torch.vander.html

    >>> import minigrad as mg
    >>> mg.vander(mg.tensor([2, 3]), 3)
    tensor([[4, 2, 1],
            [9, 3, 1]])
    """
    if x.ndim != 1:
        raise RuntimeError(f"x must be a one-dimensional tensor, got {x.ndim} dimensions")
    if N is not None and N < 0:
        raise RuntimeError(f"N must be non-negative, got {N}")
    rising = powers(x, x.shape[0] if N is None else N)
    return rising if increasing else flip(rising, (1,))
