"""The inverse of the error function, made exact by Newton's steps.

The start is of Giles (2010), "Approximating the erfinv function".
"""

from __future__ import annotations

import math

import numpy as np

from minigrad.ops.special import erf, erfc, in_float64, piecewise
from minigrad.primitive import primitive

_NEAR = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
    -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip
_FAR = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
    -0.0076224613, 0.00943887047, 1.00167406, 2.83297682,
)  # fmt: skip
_HALF_SQRTPI = math.sqrt(math.pi) / 2


@primitive(lambda g, out, _x: g * (_HALF_SQRTPI * np.exp(out * out)), floats=True)
@in_float64
@piecewise
def erfinv(x):
    """The y of erf(y) = x: ±inf at ±1, nan beyond."""
    with np.errstate(all="ignore"):
        y = _approximate(x)
        y = _by_newton(x, y)

    size = np.abs(x)
    y = np.where(size > 1, np.nan, y)
    ends = np.copysign(np.inf, x)
    return np.where(size == 1, ends, y)


def _approximate(x):
    """Return erfinv(x), to the digits of float32."""
    w = -np.log((1 - x) * (1 + x))
    near = np.polyval(_NEAR, w - 2.5)
    far = np.polyval(_FAR, np.sqrt(w) - 3)
    return x * np.where(w < 5, near, far)


def _by_newton(x, y):
    """Return y after two of Newton's steps towards erf(y) = x, near 1 towards erfc(y) = 1 - x."""
    size, y = np.abs(x), np.abs(y)
    is_small = size < 0.5
    for _ in range(2):
        above = (1 - size) - erfc.function(y)
        error = np.where(is_small, erf.function(y) - size, above)
        step = error * (_HALF_SQRTPI * np.exp(y * y))
        y = np.where(np.isfinite(step), y - step, y)
    return np.copysign(y, x)
