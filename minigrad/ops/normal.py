"""The normal distribution's tail, its logarithm and its inverse; entropy."""

from __future__ import annotations

import math

import numpy as np

from minigrad.ops.erfinv import erfinv
from minigrad.ops.special import erfc, erfcx, in_float64, piecewise
from minigrad.primitive import primitive

_SQRT_HALF = math.sqrt(0.5)
_SQRT_2PI = math.sqrt(2 * math.pi)


@primitive(lambda g, _out, x: g * (np.exp(x * x / -2) / _SQRT_2PI), floats=True)
@in_float64
@piecewise
def ndtr(x):
    """The normal distribution function, with all its digits far below 0."""
    return erfc.function(x * -_SQRT_HALF) / 2


def _log_ndtr_vjp(g, _out, x):
    return g * (math.sqrt(2 / math.pi) / erfcx(x * -_SQRT_HALF))


@primitive(_log_ndtr_vjp, floats=True)
@in_float64
@piecewise
def log_ndtr(x):
    """The logarithm of the normal distribution function, exact far below 0, too."""
    z = x * _SQRT_HALF
    low = np.minimum(z, 0)
    tail = erfcx.function(-low) / 2
    log_of_tail = np.log(tail) - low * low
    complement = erfc.function(z) / 2
    log_of_rest = np.log1p(-complement)
    return np.where(x < -1, log_of_tail, log_of_rest)


@primitive(lambda g, out, _x: g * (_SQRT_2PI * np.exp(out * out / 2)), floats=True)
@in_float64
@piecewise
def ndtri(p):
    """The x of ndtr(x) = p: ∓inf at 0 and 1, NaN beyond."""
    tail = np.minimum(p, 1 - p)
    far = _by_newton(np.clip(tail, 5e-324, 0.4))
    far = np.where(tail == 0, np.inf, far)
    far = np.copysign(far, p - 0.5)

    centred = 2 * p - 1
    is_near = np.abs(centred) < 0.5
    centred = np.where(is_near, centred, 0.0)
    near = erfinv.function(centred)
    near = near / _SQRT_HALF
    value = np.where(is_near, near, far)
    return np.where(tail >= 0, value, np.nan)


def _by_newton(tail):
    """Return the y > 0 of ndtr(-y) = tail, by Newton's steps for the logarithm of both."""
    goal = np.log(tail)
    t = np.sqrt(-2 * goal)
    y = t - np.log(t * _SQRT_2PI) / t
    for _ in range(4):
        scaled = erfcx.function(y * _SQRT_HALF)  # ndtr(-y) is exp(-y²/2) times half of that
        error = np.log(scaled / 2) - y * y / 2 - goal
        y = y + error * scaled * (_SQRT_2PI / 2)
    return y


def _entr_vjp(g, _out, x):
    slope = -np.log(np.where(x > 0, x, 1.0)) - 1
    slope = np.where(x < 0, np.nan, slope)
    return g * np.where(x == 0, np.inf, slope)


@primitive(_entr_vjp, floats=True)
def entr(x):
    """-x log(x): 0 at 0, -inf below."""
    inside = -x * np.log(np.where(x > 0, x, 1))
    value = np.where(x < 0, -np.inf, inside)
    return value.astype(x.dtype)


@primitive(
    lambda g, _out, x, y: np.where(np.logical_and(x == 0, y <= -1), 0.0, xlog1py(g, y)),
    lambda g, _out, x, y: g * (x / (1 + y)),
    promotes=0,
    floats=True,
)
def xlog1py(x, y):
    """x log(1 + y); 0 where x is 0, whatever y is, unless it is NaN."""
    y = y if hasattr(y, "dtype") else x.dtype.type(y)  # a number has no dtype of its own
    nothing = np.logical_and(np.equal(x, 0), np.equal(y, y))
    return np.where(nothing, 0.0, x * np.log1p(y))
