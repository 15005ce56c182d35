"""What distributions are written with: broadcast parameters, probabilities and their logits.

https://docs.pytorch.org/docs/stable/distributions.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.creation import tensor
from minigrad.dtypes import get_default_dtype
from minigrad.modes import enable_grad
from minigrad.random import default_generator
from minigrad.tensor.tensor import Tensor

_VALUES = (Tensor, int, float, np.number)
euler_constant = 0.57721566490153286060


def broadcast_all(*values: Any) -> list[Tensor]:
    """Return the values, numbers too, as tensors of one shape; numbers take the tensors' dtype."""
    for value in values:
        if not isinstance(value, _VALUES):
            raise ValueError(
                "Input arguments must all be instances of Number or Tensor, "
                f"got {type(value).__name__}"
            )
    given = [v for v in values if isinstance(v, Tensor)]
    dtype = given[0].dtype if given else get_default_dtype()
    return list(broadcast_tensors(*(as_tensor_of(v, dtype) for v in values)))


def as_tensor_of(value: Any, dtype: Any) -> Tensor:
    """Return a tensor as it is, a number in this dtype."""
    return value if isinstance(value, Tensor) else tensor(value, dtype=dtype)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return the tensors, expanded to their common shape."""
    shape = np.broadcast_shapes(*(t.shape for t in tensors))
    return tuple(t if t.shape == shape else t.expand(shape) for t in tensors)


def standard_normal(shape: tuple[int, ...], dtype: Any) -> Tensor:
    """Return standard normal numbers of the default stream."""
    return Tensor._wrap(default_generator.normal(shape, dtype=dtype))


def uniform(shape: Any, dtype: Any, low: float = 0, high: float = 1) -> Tensor:
    """Return uniform numbers of the default stream."""
    return Tensor._wrap(default_generator.uniform(shape, low, high, dtype))


def limits(x: Tensor) -> Any:
    """Return NumPy's limits of the tensor's dtype."""
    return np.finfo(x.dtype)


def constant_like(x: Tensor, value: float) -> Tensor:
    """Return ``value`` in the shape and dtype of ``x``."""
    return Tensor._wrap(np.full(x.shape, value, x.dtype))


def sum_rightmost(value: Tensor, dim: int) -> Tensor:
    """Return the sum over the last ``dim`` dimensions."""
    return value if dim == 0 else value.flatten(-dim).sum(-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Keep probabilities away from 0 and 1, where logits are infinite."""
    eps = float(limits(probs).eps)
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Return log(p / (1 - p)) of the probabilities of one, or log(p) of those of many classes."""
    clamped = clamp_probs(probs)
    log_odds = clamped.log()
    return log_odds - (-clamped).log1p() if is_binary else log_odds


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Return the sigmoid, or the softmax along the last dimension."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def check_one_given(probs: Any, logits: Any) -> str:
    """Return which of both is not None; raise ValueError for none of them, or both."""
    if (probs is None) == (logits is None):
        count = sum(x is not None for x in (probs, logits))
        raise ValueError(
            f"Either `probs` or `logits` must be specified, but not both. Got {count} of them"
        )
    return "logits" if probs is None else "probs"


class lazy_property:  # PyTorch's name
    """A property computed at its first access, with gradients, and then an attribute."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped, self.__doc__ = wrapped, wrapped.__doc__

    def __get__(self, instance: Any, kind: Any = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """Return the lower triangle of matrices (..., n, n) row by row, up to diagonal ``diag``."""
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat[(..., *np.tril_indices(n, diag))]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """Return matrices whose lower triangle, up to diagonal ``diag``, is ``vec``; else zeros."""
    *batch, length = vec.shape
    n = 0
    while _triangle(n, diag) < length:
        n += 1
    if _triangle(n, diag) != length:
        raise ValueError(
            f"The size of last dimension is {length} which cannot be expressed as "
            "the lower triangular part of a square D x D matrix."
        )
    mat = vec.new_zeros((*batch, n, n))
    mat[(..., *np.tril_indices(n, diag))] = vec
    return mat


def _triangle(n: int, diag: int) -> int:
    return len(np.tril_indices(n, diag)[0])
