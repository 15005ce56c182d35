"""What floats are made of, sign, mantissa and exponent, and which are infinite.

https://docs.pytorch.org/docs/stable/torch.html#pointwise-ops
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.engine.recording import Recorded
from minigrad.functions.arguments import (
    Numbers,
    accepts_numpy_names,
    accepts_out,
    binary,
    not_a_tensor_error,
    unary,
)
from minigrad.functions.return_types import RETURN_TYPES
from minigrad.ops import elementwise
from minigrad.ops import floats as ops

__all__ = [
    "copysign", "frexp", "gcd", "heaviside", "isneginf", "isposinf", "isreal", "lcm", "ldexp",
    "nextafter", "signbit",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


@binary(ops.copysign, Numbers.OTHER)
def copysign(input: T, other: T) -> T:
    """Return the size of input with the sign of other, a tensor or a number; 0 and -0 differ.

    Shapes broadcast. Integers and bools give the default float dtype.
    https://docs.pytorch.org/docs/stable/generated/torch.copysign.html

    >>> import minigrad as mg
    >>> mg.copysign(mg.tensor([1.0, -2.0]), -1)
    tensor([-1., -2.])
    """


@accepts_numpy_names
def frexp(input: T) -> T:
    """Return (mantissa, exponent) of input = mantissa * 2 ** exponent, 1/2 <= |mantissa| < 1.

    The exponent is int32. RuntimeError for integers and bools.
    https://docs.pytorch.org/docs/stable/generated/torch.frexp.html

    >>> import minigrad as mg
    >>> mg.frexp(mg.tensor([8.0])).exponent
    tensor([4], dtype=minigrad.int32)
    """
    if input.dtype.kind != "f":
        raise RuntimeError(f"frexp() only supports floating-point dtypes, got {input.dtype}")
    return RETURN_TYPES["frexp"](ops.mantissa(input), ops.exponent(input))


@accepts_out
def ldexp(input: T, other: T) -> T:
    """Return input * 2 ** other, with the gradient of both.

    Shapes broadcast. Integers and bools give the default float dtype.
    https://docs.pytorch.org/docs/stable/generated/torch.ldexp.html

    >>> import minigrad as mg
    >>> mg.ldexp(mg.tensor([1.0, 3.0]), mg.tensor([3, 1]))
    tensor([8., 6.])
    """
    _check_tensor("ldexp", other)
    return elementwise.mul(input, elementwise.exp2(other))


def _check_tensor(function: str, other: Any, name: str = "other") -> None:
    if not isinstance(other, (Recorded, np.ndarray)):
        raise not_a_tensor_error(function, name, 2, other)


@binary(ops.nextafter)
def nextafter(input: T, other: T) -> T:
    """Return the next float after each element of input towards other; it has no gradient.

    Shapes broadcast. NotImplementedError for integers and bools.
    https://docs.pytorch.org/docs/stable/generated/torch.nextafter.html

    >>> import minigrad as mg
    >>> mg.nextafter(mg.tensor([1.0]), mg.tensor([2.0])) > 1
    tensor([True])
    """


@accepts_out
def heaviside(input: T, values: T) -> T:
    """Return 0 where input is below 0 (or NaN), 1 above, ``values`` at 0; it has no gradient.

    Shapes broadcast. RuntimeError for two dtypes.
    https://docs.pytorch.org/docs/stable/generated/torch.heaviside.html

    >>> import minigrad as mg
    >>> mg.heaviside(mg.tensor([-1.5, 0.0, 2.0]), mg.tensor(0.5))
    tensor([0.0000, 0.5000, 1.0000])
    """
    _check_tensor("heaviside", values, "values")
    if input.dtype != values.dtype:
        raise RuntimeError(
            "heaviside is not yet implemented for tensors with different dtypes, "
            f"got {input.dtype} and {values.dtype}"
        )
    return ops.heaviside(input, values)


@binary(ops.gcd)
def gcd(input: T, other: T) -> T:
    """Return the greatest common divisor of each two integers, no less than 0.

    Shapes broadcast. NotImplementedError for floats and bools.
    https://docs.pytorch.org/docs/stable/generated/torch.gcd.html

    >>> import minigrad as mg
    >>> mg.gcd(mg.tensor([5, 10, 15]), mg.tensor([3, 4, 5]))
    tensor([1, 2, 5])
    """


@binary(ops.lcm)
def lcm(input: T, other: T) -> T:
    """Return the least common multiple of each two integers, no less than 0.

    Shapes broadcast. NotImplementedError for floats and bools.
    https://docs.pytorch.org/docs/stable/generated/torch.lcm.html

    >>> import minigrad as mg
    >>> mg.lcm(mg.tensor([5, 10, 15]), mg.tensor([3, 4, 5]))
    tensor([15, 20, 15])
    """


@unary(ops.signbit)
def signbit(input: T) -> T:
    """Return which elements have their sign bit set: those below 0, and -0.

    https://docs.pytorch.org/docs/stable/generated/torch.signbit.html

    >>> import minigrad as mg
    >>> mg.signbit(mg.tensor([1.5, -0.0, -2.0]))
    tensor([False,  True,  True])
    """


@accepts_out
def isposinf(input: T) -> T:
    """Return which elements are positive infinity, as bools.

    https://docs.pytorch.org/docs/stable/generated/torch.isposinf.html

    >>> import minigrad as mg
    >>> mg.isposinf(mg.tensor([float("inf"), 1.0]))
    tensor([ True, False])
    """
    return input.detach() == math.inf


@accepts_out
def isneginf(input: T) -> T:
    """Return which elements are negative infinity, as bools.

    https://docs.pytorch.org/docs/stable/generated/torch.isneginf.html

    >>> import minigrad as mg
    >>> mg.isneginf(mg.tensor([float("-inf"), 1.0]))
    tensor([ True, False])
    """
    return input.detach() == -math.inf


@accepts_numpy_names
def isreal(input: T) -> T:
    """Return True for each element: minigrad has no complex tensors.

    https://docs.pytorch.org/docs/stable/generated/torch.isreal.html

    >>> import minigrad as mg
    >>> mg.isreal(mg.tensor([1.0, float("nan")]))
    tensor([True, True])
    """
    return input._wrap(np.ones(input.shape, bool))
