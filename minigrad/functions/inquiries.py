"""Questions whose answer is a Python bool, and copies by name.

https://docs.pytorch.org/docs/stable/torch.html#tensors
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.dtypes import category
from minigrad.functions.arguments import accepts_numpy_names, not_a_tensor_error
from minigrad.functions.shape import clone
from minigrad.functions.splitting import narrow

__all__ = ["can_cast", "detach", "is_nonzero", "is_same_size", "is_signed", "narrow_copy"]

T = Any  # a Tensor, which this floor does not know


@accepts_numpy_names
def is_nonzero(input: T) -> bool:
    """Return whether the only element is not 0; RuntimeError for more or fewer elements.

    https://docs.pytorch.org/docs/stable/generated/torch.is_nonzero.html

    >>> import minigrad as mg
    >>> mg.is_nonzero(mg.tensor([0.0]))
    False
    """
    return bool(input)


@accepts_numpy_names
def is_same_size(input: T, other: T) -> bool:
    """Return whether both have the same shape.

    >>> import minigrad as mg
    >>> mg.is_same_size(mg.ones(2), mg.zeros(2))
    True
    """
    if not hasattr(other, "shape"):
        raise not_a_tensor_error("is_same_size", "other", 2, other)
    return tuple(input.shape) == tuple(other.shape)


@accepts_numpy_names
def is_signed(input: T) -> bool:
    """Return whether the dtype has numbers below 0.

    >>> import minigrad as mg
    >>> mg.is_signed(mg.tensor([1]))
    True
    """
    return bool(input.is_signed())


def can_cast(from_: Any, to: Any) -> bool:
    """Return whether PyTorch's promotion lets one dtype become the other: not to a lower kind.

    https://docs.pytorch.org/docs/stable/generated/torch.can_cast.html

    >>> import minigrad as mg
    >>> mg.can_cast(mg.float64, mg.int64)
    False
    """
    return category(np.dtype(from_)) <= category(np.dtype(to))


@accepts_numpy_names
def detach(input: T) -> T:
    """Return a tensor on the same memory that the graph does not know; see ``Tensor.detach``.

    >>> import minigrad as mg
    >>> mg.detach(mg.ones(1, requires_grad=True))
    tensor([1.])
    """
    return input.detach()


@accepts_numpy_names
def narrow_copy(input: T, dim: int, start: int, length: int) -> T:
    """Return a copy of :func:`narrow`.

    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.narrow_copy.html

    >>> import minigrad as mg
    >>> mg.narrow_copy(mg.arange(4), 0, 1, 2)
    tensor([1, 2])
    """
    return clone(narrow(input, dim, start, length))
