"""The error functions, and logarithms whose ends need care."""

from __future__ import annotations

import functools
import math

import numpy as np

from minigrad.layout import stored
from minigrad.ops.elementwise import sigmoid
from minigrad.ops.guards import restrict
from minigrad.ops.summation import in_float32
from minigrad.primitive import primitive, register

_2_SQRTPI = 2 / math.sqrt(math.pi)

# W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969),
# and his CALERF: each pair is numerator and denominator, the highest power first.
_NEAR = (  # |x| <= 0.46875, in x²
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
     2.84423683343917062e3),
)  # fmt: skip
_MIDDLE = (  # |x| <= 4, in |x|
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
     1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3,
     1.23033935480374942e3),
)  # fmt: skip
_FAR = (  # beyond, in 1/x²
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1,
     1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1,
     6.05183413124413191e-2, 2.33520497626869185e-3),
)  # fmt: skip
_BORDER, _OUTER = 0.46875, 4.0


def _ratio(pair, x):
    """Return the quotient of two polynomials, by Horner's rule."""
    above, below = (x * c[0] + c[1] for c in pair)
    for a, b in zip(pair[0][2:], pair[1][2:], strict=True):
        above, below = above * x + a, below * x + b
    return above / below


def _scaled_tail(y):
    """Return exp(y²) erfc(y) of y > 0.46875."""
    middle = _ratio(_MIDDLE, np.minimum(y, _OUTER))
    beyond = np.maximum(y, _OUTER)
    z = 1 / np.square(beyond)
    far = (_2_SQRTPI / 2 - z * _ratio(_FAR, z)) / beyond
    return np.where(y <= _OUTER, middle, far)


def _exp_of_square(y, sign=1):
    """Return exp(±y²) in two factors, the first of an exact square."""
    y = np.minimum(y, 30.0)  # where it is 0 or inf already
    coarse = np.floor(y * 16) / 16
    square = coarse * coarse
    rest = (y - coarse) * (y + coarse)
    return np.exp(sign * square) * np.exp(sign * rest)


def _tail(y):
    """Return erfc of y > 0.46875."""
    return _exp_of_square(y, -1) * _scaled_tail(y)


def _series(x, y):
    """Return erf of |x| = y <= 0.46875."""
    return x * _ratio(_NEAR, np.square(np.minimum(y, _BORDER)))


def piecewise(function):
    """Compute large arrays in pieces that stay in the cache with all that is made on the way."""

    @functools.wraps(function)
    def in_pieces(x, out=None):
        if type(x) is not np.ndarray or x.size <= _PIECE:
            return stored(function(x), out)

        flat = x.reshape(-1)
        result = np.empty(x.size, x.dtype) if out is None else out.reshape(-1)
        for start in range(0, x.size, _PIECE):
            piece = slice(start, start + _PIECE)
            result[piece] = function(flat[piece])
        return result.reshape(x.shape)

    return in_pieces


def in_float64(function):
    """Compute in float64 and round once."""

    @functools.wraps(function)
    def wide(x):
        if x.dtype == np.float64:
            return function(x)
        return function(x.astype(np.float64)).astype(x.dtype)

    return wide


_PIECE = 32768


@primitive(lambda g, _out, x: g * (_2_SQRTPI * np.exp(-x * x)), floats=True, whole=True)
@in_float32
@piecewise
def erf(x):
    """The error function, to 1e-15 in float64."""
    y = np.abs(x)
    tail = _tail(np.maximum(y, _BORDER))
    far = np.sign(x) * (1 - tail)
    return np.where(y <= _BORDER, _series(x, y), far).astype(x.dtype)


@primitive(lambda g, _out, x: -g * (_2_SQRTPI * np.exp(-x * x)), floats=True, whole=True)
@in_float32
@piecewise
def erfc(x):
    """1 - erf(x), with all its digits where that is tiny."""
    y = np.abs(x)
    tail = _tail(np.maximum(y, _BORDER))
    far = np.where(x < 0, 2 - tail, tail)
    return np.where(y <= _BORDER, 1 - _series(x, y), far).astype(x.dtype)


@primitive(lambda g, out, x: g * (2 * x * out - _2_SQRTPI), floats=True)
@in_float64
@piecewise
def erfcx(x):
    """exp(x²) erfc(x), which does not underflow where x is large."""
    y = np.abs(x)
    exp_square = _exp_of_square(y)
    near = exp_square * (1 - _series(x, y))
    above = np.maximum(y, _BORDER)
    tail = _scaled_tail(above)
    mirrored = 2 * exp_square - tail
    far = np.where(x < 0, mirrored, tail)
    return np.where(y <= _BORDER, near, far)


@primitive(
    lambda g, _out, x, y: np.where(np.logical_and(x == 0, y <= 0), 0.0, xlogy(g, y)),
    lambda g, _out, x, y: g * (x / y),
    promotes=0,
    floats=True,
)
def xlogy(x, y):
    """x log(y); 0 where x is 0, whatever y is, unless it is NaN."""
    y = y if hasattr(y, "dtype") else x.dtype.type(y)  # a number has no dtype of its own
    return np.where(np.logical_and(np.equal(x, 0), np.equal(y, y)), 0.0, x * np.log(y))


logaddexp = register(
    np.logaddexp,
    lambda g, _out, x, y: g * sigmoid(x - y),
    lambda g, _out, x, y: g * sigmoid(y - x),
    promotes=0,
)
restrict("f", logaddexp)


def _logit_vjp(g, _out, x, *, eps):
    inside = np.logical_and(x >= (eps or 0), x <= 1 - (eps or 0))
    outside = math.nan if eps is None else 0.0
    return np.where(inside, g / (x * (1 - x)), outside)


@primitive(_logit_vjp, floats=True)
@in_float32
def logit(x, *, eps):
    """log(x / (1 - x)), x first held between eps and 1 - eps, the lower bound before the upper."""
    if eps is not None:
        below = np.where(x > 1 - eps, 1 - eps, x)
        x = np.where(x < eps, eps, below).astype(x.dtype, copy=False)
    return np.log(x / (1 - x))


@primitive(lambda g, _out, x, **_params: g * np.isfinite(x))
def nan_to_num(x, *, nan=0.0, posinf=None, neginf=None):
    """x with numbers in place of NaN and the infinities, by default 0 and the ends of the dtype."""
    if x.dtype.kind != "f":
        return np.copy(x)

    ends = np.finfo(x.dtype)
    if posinf is None:
        posinf = float(ends.max)
    if neginf is None:
        neginf = float(ends.min)
    x = np.where(x == np.inf, posinf, x)
    x = np.where(x == -np.inf, neginf, x)
    return np.where(x != x, nan, x)
