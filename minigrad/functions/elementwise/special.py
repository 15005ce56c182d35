"""Special functions; ``minigrad.special`` has them under their names there.

https://docs.pytorch.org/docs/stable/special.html
"""

from __future__ import annotations

import math
import operator
from typing import Any

from minigrad.engine.recording import Recorded
from minigrad.functions.arguments import (
    Numbers,
    accepts_out,
    binary,
    not_a_tensor_error,
    unary,
)
from minigrad.ops import bessel, gamma, normal, special, trigonometric
from minigrad.ops import elementwise as ops
from minigrad.ops import erfinv as erfinv_ops

__all__ = [
    "digamma",
    "erfinv",
    "i0",
    "igamma",
    "igammac",
    "lgamma",
    "mvlgamma",
    "polygamma",
    "sinc",
]

T = Any  # a Tensor, which this floor does not know


@unary(gamma.lgamma)
def lgamma(input: T) -> T:
    """Return the logarithm of |Γ(input)|: inf at 0, -1, -2, …

    Integers and bools give the default float dtype.
    https://docs.pytorch.org/docs/stable/generated/torch.lgamma.html

    >>> import minigrad as mg
    >>> mg.lgamma(mg.tensor([1.0, 5.0]))
    tensor([0.0000, 3.1781])
    """


@unary(gamma.digamma)
def digamma(input: T) -> T:
    """Return the derivative of :func:`lgamma`: NaN at -1, -2, …, -inf at 0.

    Integers and bools give the default float dtype.
    https://docs.pytorch.org/docs/stable/generated/torch.digamma.html

    >>> import minigrad as mg
    >>> mg.digamma(mg.tensor([1.0, 0.5]))
    tensor([-0.5772, -1.9635])
    """


def polygamma(n: int, input: T) -> T:
    """Return the n-th derivative of :func:`digamma`; RuntimeError for a negative n.

    Integers and bools give the default float dtype. The method is ``input.polygamma(n)``.
    https://docs.pytorch.org/docs/stable/generated/torch.polygamma.html

    >>> import minigrad as mg
    >>> mg.polygamma(1, mg.tensor([1.0, 0.5]))
    tensor([1.6449, 4.9348])
    """
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(
            f"polygamma(): argument 'n' (position 1) must be int, not {type(n).__name__}"
        )
    if not isinstance(input, Recorded):
        raise not_a_tensor_error("polygamma", "input", 2, input)
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n, got {n}")
    return gamma.polygamma(input, n=operator.index(n))


@accepts_out
def mvlgamma(input: T, p: int) -> T:
    """Return the logarithm of the multivariate gamma function of dimension p.

    It is p (p - 1) / 4 log π + the sum of lgamma(input - i / 2) over i = 0, …, p - 1. RuntimeError
    for p < 1. https://docs.pytorch.org/docs/stable/generated/torch.mvlgamma.html

    >>> import minigrad as mg
    >>> mg.mvlgamma(mg.tensor([1.0, 2.0]), 2)
    tensor([1.1447, 0.4516])
    """
    if p < 1:
        raise RuntimeError(f"p has to be greater than or equal to 1, got {p}")
    total = gamma.lgamma(input)
    for i in range(1, p):
        shifted = input - i / 2
        term = gamma.lgamma(shifted)
        total = total + term
    pairs = p * (p - 1) / 2
    constant = pairs * math.log(math.pi) / 2
    return total + constant


@binary(gamma.igamma)
def igamma(input: T, other: T) -> T:
    """Return the lower incomplete gamma function of ``input`` up to ``other``, over Γ(input).

    From 0 to 1; NaN for negative numbers. There is a gradient for ``other``; NotImplementedError
    where one for ``input`` is asked for.
    https://docs.pytorch.org/docs/stable/special.html#torch.special.gammainc

    >>> import minigrad as mg
    >>> mg.igamma(mg.tensor([1.0, 4.0]), mg.tensor([1.0, 4.0]))
    tensor([0.6321, 0.5665])
    """


@binary(gamma.igammac)
def igammac(input: T, other: T) -> T:
    """Return 1 - :func:`igamma`, exact where that is near 1.

    https://docs.pytorch.org/docs/stable/special.html#torch.special.gammaincc

    >>> import minigrad as mg
    >>> mg.igammac(mg.tensor([1.0, 4.0]), mg.tensor([1.0, 4.0]))
    tensor([0.3679, 0.4335])
    """


@unary(erfinv_ops.erfinv)
def erfinv(input: T) -> T:
    """Return the inverse of :func:`erf`: ±inf at ±1, NaN beyond.

    Integers and bools give the default float dtype.
    https://docs.pytorch.org/docs/stable/generated/torch.erfinv.html

    >>> import minigrad as mg
    >>> mg.erfinv(mg.tensor([0.0, 0.5]))
    tensor([0.0000, 0.4769])
    """


@unary(bessel.i0)
def i0(input: T) -> T:
    """Return the modified Bessel function of the first kind, order 0.

    Integers and bools give the default float dtype.
    https://docs.pytorch.org/docs/stable/generated/torch.i0.html

    >>> import minigrad as mg
    >>> mg.i0(mg.tensor([0.0, 1.0]))
    tensor([1.0000, 1.2661])
    """


@accepts_out
def sinc(input: T) -> T:
    """Return sin(π input) / (π input), 1 at 0.

    Integers and bools give the default float dtype.
    https://docs.pytorch.org/docs/stable/generated/torch.sinc.html

    >>> import minigrad as mg
    >>> mg.sinc(mg.tensor([0.0, 0.5]))
    tensor([1.0000, 0.6366])
    """
    angle = input * math.pi
    at_zero = angle.detach() == 0
    divisor = ops.where(at_zero, 1.0, angle)
    return ops.where(at_zero, 1.0, trigonometric.sin(angle) / divisor)


# ---- those of ``minigrad.special`` alone --------------------------------------------------------
@unary(special.erfcx)
def erfcx(input: T) -> T:
    """Return exp(input²) erfc(input), which does not underflow where input is large.

    https://docs.pytorch.org/docs/stable/special.html#torch.special.erfcx

    >>> import minigrad as mg
    >>> mg.special.erfcx(mg.tensor([0.0, 10.0]))
    tensor([1.0000, 0.0561])
    """


@unary(normal.entr)
def entr(input: T) -> T:
    """Return -input log(input): 0 at 0, -inf below.

    https://docs.pytorch.org/docs/stable/special.html#torch.special.entr

    >>> import minigrad as mg
    >>> mg.special.entr(mg.tensor([0.25, 0.5]))
    tensor([0.3466, 0.3466])
    """


@unary(normal.ndtr)
def ndtr(input: T) -> T:
    """Return the standard normal distribution function, also far below 0 with all its digits.

    https://docs.pytorch.org/docs/stable/special.html#torch.special.ndtr

    >>> import minigrad as mg
    >>> mg.special.ndtr(mg.tensor([0.0, 1.0]))
    tensor([0.5000, 0.8413])
    """


@unary(normal.ndtri)
def ndtri(input: T) -> T:
    """Return the inverse of :func:`ndtr`: -inf at 0, inf at 1, NaN beyond.

    https://docs.pytorch.org/docs/stable/special.html#torch.special.ndtri

    >>> import minigrad as mg
    >>> mg.special.ndtri(mg.tensor([0.5, 0.975]))
    tensor([0.0000, 1.9600])
    """


@unary(normal.log_ndtr)
def log_ndtr(input: T) -> T:
    """Return the logarithm of :func:`ndtr`, which does not become -inf far below 0.

    https://docs.pytorch.org/docs/stable/special.html#torch.special.log_ndtr

    >>> import minigrad as mg
    >>> mg.special.log_ndtr(mg.tensor([0.0, -2.0]))
    tensor([-0.6931, -3.7832])
    """


@binary(normal.xlog1py, Numbers.EITHER)
def xlog1py(input: T, other: T) -> T:
    """Return input * log1p(other), 0 where input is 0 unless other is NaN.

    Shapes broadcast; either may be a number.
    https://docs.pytorch.org/docs/stable/special.html#torch.special.xlog1py

    >>> import minigrad as mg
    >>> mg.special.xlog1py(mg.tensor([0.0, 1.0]), mg.tensor([-1.0, 1.0]))
    tensor([0.0000, 0.6931])
    """


@binary(gamma.zeta, Numbers.EITHER)
def zeta(input: T, other: T) -> T:
    """Return Hurwitz's zeta function, the sum of (other + k) ** -input over k = 0, 1, …

    Shapes broadcast; either may be a number. There is a gradient for ``other``;
    NotImplementedError where one for ``input`` is asked for.
    https://docs.pytorch.org/docs/stable/special.html#torch.special.zeta

    >>> import minigrad as mg
    >>> mg.special.zeta(mg.tensor([2.0, 4.0]), 1)
    tensor([1.6449, 1.0823])
    """


@unary(bessel.i0e)
def i0e(input: T) -> T:
    """Return exp(-|input|) i0(input).

    https://docs.pytorch.org/docs/stable/special.html#torch.special.i0e

    >>> import minigrad as mg
    >>> mg.special.i0e(mg.tensor([0.0, 1.0]))
    tensor([1.0000, 0.4658])
    """


@unary(bessel.i1)
def i1(input: T) -> T:
    """Return the modified Bessel function of the first kind, order 1.

    https://docs.pytorch.org/docs/stable/special.html#torch.special.i1

    >>> import minigrad as mg
    >>> mg.special.i1(mg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.5652])
    """


@unary(bessel.i1e)
def i1e(input: T) -> T:
    """Return exp(-|input|) i1(input).

    https://docs.pytorch.org/docs/stable/special.html#torch.special.i1e

    >>> import minigrad as mg
    >>> mg.special.i1e(mg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2079])
    """
