"""``torch.norm``: the p-norm of a tensor. The norms of ``torch.linalg`` are in ``linalg/norms``.

https://docs.pytorch.org/docs/stable/generated/torch.norm.html
"""

from __future__ import annotations

import math
from typing import Any

from minigrad.functions.arguments import accepts_numpy_names
from minigrad.functions.linalg.norms import matrix_norm
from minigrad.functions.reduction import Dim, axes_to_reduce
from minigrad.ops.norm import vector_norm

__all__ = ["norm"]

T = Any  # a Tensor, which this floor does not know


@accepts_numpy_names
def norm(input: T, p: Any = "fro", dim: Dim = None, keepdim: bool = False, dtype: Any = None) -> T:
    """Return the p-norm over ``dim`` (all by default); its gradient at 0 is 0.

    ``p`` is a number (0 counts what is not 0, inf and -inf are max and min of the absolute values),
    ``"fro"``, the 2-norm, or ``"nuc"``, the sum of singular values. Raises NotImplementedError for
    integers, ValueError for another word.
    https://docs.pytorch.org/docs/stable/generated/torch.norm.html

    >>> import minigrad as mg
    >>> mg.norm(mg.tensor([3.0, 4.0]))
    tensor(5.)
    """
    if input.dtype.kind != "f":
        raise NotImplementedError(
            f"norm(): Expected a floating point or complex tensor as input. Got {input.dtype}"
        )
    input = input if dtype is None else input.to(dtype)
    if p == "nuc":
        return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim)
    if isinstance(p, str) and p != "fro":
        raise ValueError(f"norm(): p must be a number, 'fro' or 'nuc', got {p!r}")
    order = 2 if p in ("fro", None) else p
    axes = axes_to_reduce(input, dim)
    is_extreme = order < 0 or order == math.inf
    if is_extreme and input.ndim and 0 in (input.shape[axis] for axis in axes):
        raise RuntimeError(
            f"norm(): there is no {order} norm of nothing, and dimensions {axes} of "
            f"{input.shape} are empty"
        )
    return vector_norm(input, order=order, axis=axes, keepdims=keepdim)
