"""What functions of complex numbers give of real tensors, the only ones here.

https://docs.pytorch.org/docs/stable/torch.html#pointwise-ops
"""

from __future__ import annotations

import math
from typing import Any

from minigrad.dtypes import get_default_dtype
from minigrad.functions.arguments import accepts_numpy_names
from minigrad.ops.elementwise import where

__all__ = [
    "angle", "conj", "conj_physical", "imag", "is_conj", "is_neg", "real", "resolve_conj",
    "resolve_neg",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


@accepts_numpy_names
def real(input: T) -> T:
    """Return the tensor itself, which is real.

    https://docs.pytorch.org/docs/stable/generated/torch.real.html

    >>> import minigrad as mg
    >>> mg.real(mg.tensor([1.0]))
    tensor([1.])
    """
    return input


@accepts_numpy_names
def conj(input: T) -> T:
    """Return the tensor itself: a real number is its own conjugate.

    https://docs.pytorch.org/docs/stable/generated/torch.conj.html

    >>> import minigrad as mg
    >>> mg.conj(mg.tensor([1.0]))
    tensor([1.])
    """
    return input


conj_physical = conj
resolve_conj = conj
resolve_neg = conj


@accepts_numpy_names
def imag(input: T) -> T:
    """Raise RuntimeError: real tensors have no imaginary part, as in PyTorch.

    https://docs.pytorch.org/docs/stable/generated/torch.imag.html

    >>> import minigrad as mg
    >>> mg.imag(mg.ones(1))
    Traceback (most recent call last):
    RuntimeError: imag is not implemented for tensors with non-complex dtypes. Got float32
    """
    raise RuntimeError(
        f"imag is not implemented for tensors with non-complex dtypes. Got {input.dtype}"
    )


@accepts_numpy_names
def angle(input: T) -> T:
    """Return π for numbers below 0, else 0; NaN stays. Its gradient is 0.

    https://docs.pytorch.org/docs/stable/generated/torch.angle.html

    >>> import minigrad as mg
    >>> mg.angle(mg.tensor([-2.0, 3.0]))
    tensor([3.1416, 0.0000])
    """
    if input.dtype.kind != "f":
        return angle(input.to(get_default_dtype()))
    nothing = where(input.detach() == math.inf, 0.0, input * 0)
    return where(input.detach() < 0, math.pi, nothing)


@accepts_numpy_names
def is_conj(input: T) -> bool:
    """Return False: nothing is a conjugate that was not computed yet.

    https://docs.pytorch.org/docs/stable/generated/torch.is_conj.html

    >>> import minigrad as mg
    >>> mg.is_conj(mg.ones(1))
    False
    """
    return False


@accepts_numpy_names
def is_neg(input: T) -> bool:
    """Return False: nothing is a negative that was not computed yet.

    >>> import minigrad as mg
    >>> mg.is_neg(mg.ones(1))
    False
    """
    return False
