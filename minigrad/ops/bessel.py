"""Modified Bessel functions of the first kind, orders 0 and 1, also scaled by exp(-|x|).

Up to 20 they are the sums of their power series, whose terms have one sign; beyond, of Hankel's
expansion. NIST Digital Library of Mathematical Functions, 10.25.2 and 10.40.1.
"""

from __future__ import annotations

import math

import numpy as np

from minigrad.ops.special import in_float64, piecewise
from minigrad.primitive import primitive

_BORDER = 20.0
_POWER = [  # of (x / 2) ** 2, for orders 0 and 1, the highest power first
    [1 / (math.factorial(k) * math.factorial(k + order)) for k in range(56, -1, -1)]
    for order in (0, 1)
]


def _hankel(order):
    """Return the coefficients of Hankel's expansion in 1 / x, the highest power first."""
    coefficients = [1.0]
    for k in range(1, 33):
        odd = (2 * k - 1) ** 2
        coefficients.append(coefficients[-1] * (odd - 4 * order * order) / (8 * k))
    return coefficients[::-1]


_HANKEL = [_hankel(0), _hankel(1)]


def _scaled(x, order):
    """Return exp(-|x|) times the function of that order."""
    size = np.abs(x)
    near = np.minimum(size, _BORDER)
    series = np.polyval(_POWER[order], np.square(near / 2)) * np.exp(-near)
    far = np.maximum(size, _BORDER)
    expansion = np.polyval(_HANKEL[order], 1 / far) / np.sqrt(2 * math.pi * far)
    if order:
        series = series * near / 2
    value = np.where(size <= _BORDER, series, expansion)
    return np.copysign(value, x) if order else value


def _unscaled(x, order):
    scaled = _scaled(x, order)
    half = np.exp(np.abs(x) / 2)  # twice, so that it overflows no earlier than the result
    value = scaled * half * half
    return np.where(np.isinf(x), np.abs(x) if order == 0 else x, value)


def _slope_at_zero(x, value):
    """Return value / x, its limit 1/2 where x is 0."""
    is_zero = x == 0
    return np.where(is_zero, 0.5, value / np.where(is_zero, 1.0, x))


@primitive(lambda g, _out, x: g * i1(x), floats=True)
@in_float64
@piecewise
def i0(x):
    return _unscaled(x, 0)


@primitive(lambda g, out, x: g * (i0(x) - _slope_at_zero(x, out)), floats=True)
@in_float64
@piecewise
def i1(x):
    return _unscaled(x, 1)


@primitive(lambda g, out, x: g * (i1e(x) - np.sign(x) * out), floats=True)
@in_float64
@piecewise
def i0e(x):
    return _scaled(x, 0)


def _i1e_vjp(g, out, x):
    slope = _slope_at_zero(x, out)
    return g * (i0e(x) - slope - np.sign(x) * out)


@primitive(_i1e_vjp, floats=True)
@in_float64
@piecewise
def i1e(x):
    return _scaled(x, 1)
