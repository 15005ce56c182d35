"""The gamma function's family: its logarithm, the derivatives of that, and Hurwitz's zeta function.

Each is computed in float64 and rounded once. Nothing is a table of unknown origin: the series are
Stirling's and Taylor's, their coefficients Bernoulli's numbers and values of zeta. NIST Digital
Library of Mathematical Functions, chapters 5, 8 and 25.
"""

from __future__ import annotations

import math

import numpy as np

from minigrad.ops.special import in_float64, piecewise
from minigrad.primitive import primitive

_BERNOULLI = (  # B2, B4, …
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798,
    -174611 / 330, 854513 / 138, -236364091 / 2730,
)  # fmt: skip
_EULER_MACLAURIN = [b / math.factorial(2 * k) for k, b in enumerate(_BERNOULLI, 1)]
_EULER = 0.5772156649015329
_HALF_LOG_2PI = math.log(2 * math.pi) / 2


def _refuse_gradient(*_args, **_params):
    raise NotImplementedError("the derivative for this argument is not implemented")


# ---- zeta ---------------------------------------------------------------------------------------
@primitive(
    lambda g, _out, _x, _q: _refuse_gradient(),
    lambda g, _out, x, q: g * (-x * zeta(x + 1, q)),
    promotes=0,
    floats=True,
    whole=True,
)
def zeta(x, q):
    """Hurwitz's zeta function, the sum of (q + k) ** -x over k = 0, 1, …"""
    wide = _zeta(np.asarray(x, np.float64), np.asarray(q, np.float64))
    return wide.astype(np.result_type(x, q))


def _zeta(x, q):
    within = q + np.ceil(np.maximum(-q, 0))  # where q < 0, in [0, 1)
    value = _zeta_of_positive(x, np.where(q > 0, q, within))
    below = q < 0
    if below.any():
        # the terms before it are those of 1 - q and 1 - within, with a sign
        first = _zeta_of_positive(x, 1 - within)
        second = _zeta_of_positive(x, 1 - np.minimum(q, 0))
        sign = np.where(x % 2 == 0, 1.0, -1.0)
        sign = np.where(x == np.floor(x), sign, np.nan)
        reflected = value + sign * (first - second)
        value = np.where(below, reflected, value)
    at_infinity = q == np.inf
    value = np.where(at_infinity, 0.0, value)
    pole = (q <= 0) & (q == np.floor(q))
    value = np.where(pole | (x == 1), np.inf, value)
    return np.where(x < 1, np.nan, value)


def _zeta_of_positive(x, q):
    """Ten terms, and Euler's and Maclaurin's formula for the rest."""
    total = 0.0
    for k in range(10):
        total = total + np.power(q + k, -x)
    end = q + 10
    last = np.power(end, -x)
    integral = np.power(end, 1 - x) / (x - 1)
    total = total + integral + last / 2

    derivative = last * x / end
    order = x
    for weight in _EULER_MACLAURIN:
        term = weight * derivative
        total = total + np.where(last == 0, 0.0, term)
        for _ in range(2):
            order = order + 1
            derivative = derivative * order / end
    return total


# ---- the logarithm of gamma, and its derivatives ------------------------------------------------
def _near_two():
    """Return the coefficients of log Γ(2 + z), the highest power first."""
    k = np.arange(30.0, 1.0, -1.0)
    signs = np.where(k % 2 == 0, 1.0, -1.0)
    powers = signs * _zeta(k, np.array(2.0)) / k
    return (*powers, 1 - _EULER, 0.0)


_NEAR_TWO = _near_two()
_STIRLING = [b / (2 * k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI[:9], 1)]
_PSI = [b / (2 * k) for k, b in enumerate(_BERNOULLI[:9], 1)]
_LARGE = 10.0


@primitive(lambda g, _out, x: g * digamma(x), floats=True)
@in_float64
@piecewise
def lgamma(x):
    """log |Γ(x)|; inf at 0, -1, -2, …"""
    small = np.abs(x) < 0.5
    near = _lgamma_near_one(np.where(small, x, 0.0))
    near = near - np.log(np.abs(x))

    reflects = x < 0.5
    far = _lgamma_of_positive(np.where(reflects, 1 - x, x))
    log_of_both = np.log(math.pi / np.abs(_sin_pi(x)))
    far = np.where(reflects, log_of_both - far, far)

    value = np.where(small, near, far)
    pole = (x <= 0) & (x == np.floor(x))
    value = np.where(pole, np.inf, value)
    return np.where(np.isinf(x), np.inf, value)


def _sin_pi(x):
    """Return sin(π x), exact where x is an integer."""
    return np.sin(math.pi * (x - 2 * np.round(x / 2)))


def _lgamma_near_one(z):
    """Return log Γ(1 + z) of |z| <= 0.5."""
    return np.polyval(_NEAR_TWO, z) - np.log1p(z)


def _lgamma_of_positive(x):
    """Return log Γ(x) of x >= 0.5: by its series at 2, by steps down to there, by Stirling's."""
    middle = np.clip(x, 0.5, _LARGE)
    product = np.ones_like(x)
    for _ in range(int(_LARGE) - 2):
        high = middle >= 2.5
        middle = middle - high
        product = np.where(high, product * middle, product)
    below = middle < 1.5
    near_one = _lgamma_near_one(np.where(below, middle - 1, 0.0))
    near_two = np.polyval(_NEAR_TWO, np.where(below, 0.0, middle - 2))
    near = np.where(below, near_one, near_two + np.log(product))

    large = np.maximum(x, _LARGE)
    series = np.polyval(_STIRLING[::-1], 1 / (large * large)) / large
    far = (large - 0.5) * np.log(large) - large + _HALF_LOG_2PI + series
    return np.where(x < _LARGE, near, far)


@primitive(lambda g, _out, x: g * polygamma(x, n=1), floats=True)
@in_float64
@piecewise
def digamma(x):
    """Γ'(x) / Γ(x): NaN at -1, -2, …, -inf at 0 and inf at -0."""
    below = x < 0
    positive = np.where(below, 1 - x, x)
    value = _digamma_of_positive(positive)
    fraction = x - np.trunc(x)
    cotangent = 1 / np.tan(math.pi * fraction)
    reflected = value - math.pi * cotangent
    value = np.where(below, reflected, value)

    pole = below & (fraction == 0)
    value = np.where(pole, np.nan, value)
    at_zero = np.copysign(np.inf, -x)
    return np.where(x == 0, at_zero, value)


def _digamma_of_positive(x):
    """Return digamma of x >= 0, by steps up to where Stirling's series holds."""
    value = np.zeros_like(x)
    for _ in range(int(_LARGE)):
        small = x < _LARGE
        less = value - 1 / x
        value = np.where(small, less, value)
        x = x + small
    return value + _stirling_psi(x)


def _stirling_psi(x):
    square = 1 / (x * x)
    series = np.polyval(_PSI[::-1], square) * square
    return np.log(x) - 0.5 / x - series


@primitive(lambda g, _out, x, *, n: g * polygamma(x, n=n + 1), floats=True)
def polygamma(x, *, n):
    """The n-th derivative of digamma."""
    if n == 0:
        return digamma.function(x)
    sign = 1.0 if n % 2 else -1.0
    order = np.float64(n + 1)
    value = _zeta(order, x.astype(np.float64))
    value = sign * math.factorial(n) * value
    return value.astype(x.dtype)


# ---- the incomplete gamma function --------------------------------------------------------------
def _density(a, x):
    """The derivative of igamma in x."""
    return np.exp((a - 1) * np.log(x) - x - lgamma(a))


@primitive(
    lambda g, _out, _a, _x: _refuse_gradient(),
    lambda g, _out, a, x: g * _density(a, x),
    promotes=0,
    floats=True,
    whole=True,
)
def igamma(a, x):
    """P(a, x), the lower incomplete gamma function over Γ(a)."""
    return _incomplete(a, x, lower=True)


@primitive(
    lambda g, _out, _a, _x: _refuse_gradient(),
    lambda g, _out, a, x: -g * _density(a, x),
    promotes=0,
    floats=True,
    whole=True,
)
def igammac(a, x):
    """Q(a, x) = 1 - P(a, x)."""
    return _incomplete(a, x, lower=False)


def _incomplete(a, x, lower):
    dtype = np.result_type(a, x)
    a, x = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(x, np.float64))
    inside = (x > 0) & (a > 0) & np.isfinite(x + a)
    base = np.where(inside, a, 1.0)
    at = np.where(inside, x, 1.0)
    below, above = _both_parts(base, at)
    value = below if lower else above

    is_zero, is_one = _ends(a, x)
    value = np.where(is_zero, 1.0 - lower, value)
    value = np.where(is_one, float(lower), value)
    known = inside | is_zero | is_one
    value = np.where(known, value, np.nan)
    return value.astype(dtype)


def _ends(a, x):
    """Return where P is 0 and where it is 1."""
    starts = (x == 0) | np.isinf(a)
    ends = (a == 0) | np.isinf(x)
    is_zero = starts & ~ends & (a > 0) & (x >= 0)
    is_one = ends & ~starts & (a >= 0) & (x > 0)
    return is_zero, is_one


def _both_parts(a, x):
    """Return (P, Q) of finite a, x > 0: the smaller is computed, the other the rest to 1."""
    log_scale = a * np.log(x) - x - lgamma.function(a)
    scale = np.exp(log_scale)
    by_series = x < a + 1
    small = np.where(by_series, x, 0.0)
    part = scale * _series(a, small)
    large = np.where(by_series, a + 1, x)
    rest = scale * _fraction(a, large)
    lower = np.where(by_series, part, 1 - rest)
    upper = np.where(by_series, 1 - part, rest)
    return lower, upper


_MOST_TERMS = 100_000
_EPS = 2.0**-53


def _series(a, x):
    """Return the sum of x ** k / (a (a + 1) … (a + k)): P over x ** a exp(-x) / Γ(a)."""
    term = 1 / a
    total = term
    for k in range(1, _MOST_TERMS):
        term = term * x / (a + k)
        total = total + term
        if not (term > total * _EPS).any():
            break
    return total


def _fraction(a, x):
    """Return Q over x ** a exp(-x) / Γ(a), by Legendre's continued fraction in Lentz's way."""
    b = x + 1 - a
    c = np.full_like(x, np.inf)
    d = 1 / b
    value = d
    for k in range(1, _MOST_TERMS):
        above = -k * (k - a)
        b = b + 2
        c = b + above / c
        d = 1 / (b + above * d)
        step = c * d
        value = value * step
        if not (np.abs(step - 1) > _EPS * 4).any():
            break
    return value
