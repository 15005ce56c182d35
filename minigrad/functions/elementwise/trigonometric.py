"""Sines, cosines, tangents, hyperbolic ones, and their inverses."""

from __future__ import annotations

import math
from typing import Any

from minigrad.functions.arguments import accepts_out, binary, unary
from minigrad.ops import trigonometric as ops

__all__ = [
    "acos", "acosh", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh",
    "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "deg2rad", "hypot", "rad2deg",
    "sin", "sinh", "tan", "tanh",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


@unary(ops.sin)
def sin(input: T) -> T:
    """Return the sine of each element, an angle in radians.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.sin.html

    >>> import minigrad as mg
    >>> mg.sin(mg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8415])
    """


@unary(ops.cos)
def cos(input: T) -> T:
    """Return the cosine of each element, an angle in radians.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.cos.html

    >>> import minigrad as mg
    >>> mg.cos(mg.tensor([0.0, 1.0]))
    tensor([1.0000, 0.5403])
    """


@unary(ops.tan)
def tan(input: T) -> T:
    """Return the tangent of each element, an angle in radians.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.tan.html

    >>> import minigrad as mg
    >>> mg.tan(mg.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5574])
    """


@unary(ops.asin)
def asin(input: T) -> T:
    """Return the angle in [-π/2, π/2] whose sine each element is: NaN outside [-1, 1].

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.asin.html

    >>> import minigrad as mg
    >>> mg.asin(mg.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5708])
    """


arcsin = asin


@unary(ops.acos)
def acos(input: T) -> T:
    """Return the angle in [0, π] whose cosine each element is: NaN outside [-1, 1].

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.acos.html

    >>> import minigrad as mg
    >>> mg.acos(mg.tensor([0.0, 1.0]))
    tensor([1.5708, 0.0000])
    """


arccos = acos


@unary(ops.atan)
def atan(input: T) -> T:
    """Return the angle in (-π/2, π/2) whose tangent each element is.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.atan.html

    >>> import minigrad as mg
    >>> mg.atan(mg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7854])
    """


arctan = atan


@binary(ops.atan2)
def atan2(input: T, other: T) -> T:
    """Return the angle in [-π, π] of the point (x=other, y=input).

    Shapes broadcast. Integers and bools give the default float dtype. RuntimeError where shapes
    do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.atan2.html

    >>> import minigrad as mg
    >>> mg.atan2(mg.tensor([1.0, -1.0]), mg.tensor([1.0, -1.0]))
    tensor([ 0.7854, -2.3562])
    """


arctan2 = atan2


@binary(ops.hypot)
def hypot(input: T, other: T) -> T:
    """Return sqrt(input² + other²), without overflow.

    Shapes broadcast. NotImplementedError for integers and bools. RuntimeError where shapes do
    not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.hypot.html

    >>> import minigrad as mg
    >>> mg.hypot(mg.tensor([3.0, 5.0]), mg.tensor([4.0, 12.0]))
    tensor([ 5., 13.])
    """


@unary(ops.sinh)
def sinh(input: T) -> T:
    """Return the hyperbolic sine of each element.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.sinh.html

    >>> import minigrad as mg
    >>> mg.sinh(mg.tensor([0.0, 1.0]))
    tensor([0.0000, 1.1752])
    """


@unary(ops.cosh)
def cosh(input: T) -> T:
    """Return the hyperbolic cosine of each element.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.cosh.html

    >>> import minigrad as mg
    >>> mg.cosh(mg.tensor([0.0, 1.0]))
    tensor([1.0000, 1.5431])
    """


@unary(ops.tanh)
def tanh(input: T) -> T:
    """Return the hyperbolic tangent of each element.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.tanh.html

    >>> import minigrad as mg
    >>> mg.tanh(mg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """


@unary(ops.asinh)
def asinh(input: T) -> T:
    """Return the number whose hyperbolic sine each element is.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.asinh.html

    >>> import minigrad as mg
    >>> mg.asinh(mg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8814])
    """


arcsinh = asinh


@unary(ops.acosh)
def acosh(input: T) -> T:
    """Return the number of at least 0 whose hyperbolic cosine each element is: NaN below 1.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.acosh.html

    >>> import minigrad as mg
    >>> mg.acosh(mg.tensor([1.0, 2.0]))
    tensor([0.0000, 1.3170])
    """


arccosh = acosh


@unary(ops.atanh)
def atanh(input: T) -> T:
    """Return the number whose hyperbolic tangent each element is: NaN outside [-1, 1].

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.atanh.html

    >>> import minigrad as mg
    >>> mg.atanh(mg.tensor([0.0, 0.5]))
    tensor([0.0000, 0.5493])
    """


arctanh = atanh


@accepts_out
def deg2rad(input: T) -> T:
    """Return angles in radians that came in degrees; integers give the default float dtype.

    https://docs.pytorch.org/docs/stable/generated/torch.deg2rad.html

    >>> import minigrad as mg
    >>> mg.deg2rad(mg.tensor([180.0, 90.0]))
    tensor([3.1416, 1.5708])
    """
    return input * (math.pi / 180)


@accepts_out
def rad2deg(input: T) -> T:
    """Return angles in degrees that came in radians; integers give the default float dtype.

    https://docs.pytorch.org/docs/stable/generated/torch.rad2deg.html

    >>> import minigrad as mg
    >>> mg.rad2deg(mg.tensor([3.14159265]))
    tensor([180.])
    """
    return input * (180 / math.pi)
