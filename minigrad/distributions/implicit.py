"""How gamma, beta and Dirichlet draws move with their parameters, as PyTorch approximates it.

A draw x of a distribution function F(x; a) moves by -(dF/da) / (dF/dx), as if it were the same
quantile (Figurnov et al., Implicit Reparameterization Gradients, 2018). There is no closed form:
each region has an expansion of its own, right to about three digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.ops import gamma

Array = Any
digamma = gamma.digamma.function

_GAMMA = np.array(  # of u**i v**j, numerator and denominator
    [
        [
            [0.16009398, -0.094634809, 0.025146376, -0.0030648343],
            [1, 0.32668115, 0.10406089, 0.0014179084],
        ],
        [
            [0.53487893, 0.1298071, 0.065735949, -0.0015649758],
            [0.16639465, 0.020070113, -0.0035938915, -0.00058392623],
        ],
        [
            [0.040121004, -0.0065914022, -0.0026286047, -0.0013441777],
            [0.017050642, -0.0021309326, 0.00085092367, -1.5247877e-07],
        ],
    ]
)


def gamma_gradient(a: Array, x: Array) -> Array:
    """Return dx/da of draws x of the gamma distribution of concentration a and rate 1."""
    a_, x_ = (array.astype(np.float64).ravel() for array in (a, x))
    small = x_ < 0.8
    large = ~small & (a_ > 8)
    at_mean = abs(x_ - a_) <= 0.1 * a_
    regions = {
        _gamma_small: small,
        _gamma_near: large & at_mean,
        _gamma_large: large & ~at_mean,
        _gamma_between: ~small & ~large,
    }
    gradient = _by_region(regions, a_, x_)
    return gradient.reshape(x.shape).astype(x.dtype)


def _gamma_small(a: Array, x: Array) -> Array:
    """Sum the Taylor series around 0."""
    first, second = _sum_of_powers(a, x)
    slope = (np.log(x) - digamma(a)) * first - second
    return np.nan_to_num(-slope * x * np.exp(x), nan=0.0)


def _sum_of_powers(a: Array, x: Array) -> tuple[Array, Array]:
    """Return the sums of (-x)**i / i! over a + i and over its square."""
    powers = [(-x) ** i / math.factorial(i) for i in range(6)]
    first = sum(power / (a + i) for i, power in enumerate(powers))
    return first, sum(power / (a + i) ** 2 for i, power in enumerate(powers))


def _gamma_near(a: Array, x: Array) -> Array:
    """Expand at the saddle point, near the mean."""
    correction = 6 * x * (53 - 120 * x) - 65 * x**2 / a
    second = 1440 * a**2 + correction + a * (107 + 3600 * x)
    return (1 + 24 * a * (1 + 12 * a)) * second / (1244160 * a**4)


def _gamma_large(a: Array, x: Array) -> Array:
    """Expand at the saddle point, far from the mean."""
    edge = np.sqrt(2 / a) * (a + x) / (a - x) ** 2
    slope = np.log(x / a) * _of_saddle(a, x) - edge
    return -_stirling_of_gamma(a) * x * slope / np.sqrt(8 * a)


def _of_saddle(a: Array, x: Array) -> Array:
    pole = np.sqrt(8 * a) / (a - x)
    height = (x - a - a * np.log(x / a)) ** -1.5
    return np.where(x < a, pole - height, pole + height)


def _stirling_of_gamma(a: Array) -> Array:
    return 1 + 1 / (12 * a) * (1 + 1 / (24 * a))


def _gamma_between(a: Array, x: Array) -> Array:
    """Evaluate the rational function that was fitted."""
    in_u = _polynomial(_GAMMA[..., None], np.log(x / a))  # (2, 4, n)
    numerator, denominator = _polynomial(in_u.swapaxes(0, 1), np.log(a))
    return np.exp(numerator / denominator)


def _polynomial(coefficients: Any, x: Array) -> Array:
    """Return the sum of coefficients[i] x**i."""
    total = coefficients[-1]
    for c in coefficients[-2::-1]:
        total = c + x * total
    return total


_BETA = np.array(
    [
        [
            [
                [1.003668233, -0.01061107488, -0.0657888334, 0.01201642863],
                [0.6336835991, -0.3557432599, 0.05486251648, -0.001465281033],
                [-0.03276231906, 0.004474107445, 0.002429354597, -0.0001557569013],
            ],
            [
                [0.221950385, -0.3187676331, 0.01799915743, 0.01074823814],
                [-0.2951249643, 0.06219954479, 0.01535556598, 0.001550077057],
                [0.02155310298, 0.004170831599, 0.001292462449, 6.976601077e-05],
            ],
            [
                [-0.05980841433, 0.008441916499, 0.01085618172, 0.002319392565],
                [0.02911413504, 0.01400243777, -0.002721828457, 0.000751041181],
                [0.005900514878, -0.001936558688, -9.495446725e-06, 5.385558597e-05],
            ],
        ],
        [
            [
                [1, -0.02924021934, -0.04438342661, 0.007285809825],
                [0.6357567472, -0.3473456711, 0.05454656494, -0.002407477521],
                [-0.03301322327, 0.004845219414, 0.00231480583, -0.0002307248149],
            ],
            [
                [0.5925320577, -0.1757678135, 0.01505928619, 0.000564515273],
                [0.1014815858, -0.06589186703, 0.01272886114, -0.0007316646956],
                [-0.007258481865, 0.001096195486, 0.0003934994223, -4.12701925e-05],
            ],
            [
                [0.06469649321, -0.0236701437, 0.002902096474, -5.896963079e-05],
                [0.001925008108, -0.002869809258, 0.0008000589141, -6.063713228e-05],
                [-0.0003477407336, 6.959756487e-05, 1.097287507e-05, -1.650964693e-06],
            ],
        ],
    ]
)


def beta_gradient(x: Array, a: Array, total: Array) -> Array:
    """Return dx/da / (1 - x) of draws x of the beta distribution of a and total - a."""
    x_, a_, total_ = (array.astype(np.float64).ravel() for array in (x, a, total))
    b_ = total_ - a_
    edge = total_ * x_ * (1 - x_)
    near_zero = (x_ <= 0.5) & (edge < 2.5)
    near_one = ~near_zero & (x_ >= 0.5) & (edge < 0.75)
    inside = ~near_zero & ~near_one
    large = inside & (a_ > 6) & (b_ > 6)
    regions = {
        _beta_near_zero: near_zero,
        _beta_near_one: near_one,
        _beta_large: large,
        _beta_between: inside & ~large,
    }
    gradient = _by_region(regions, x_, a_, b_)
    return gradient.reshape(x.shape).astype(x.dtype)


def _by_region(regions: dict[Any, Array], *operands: Array) -> Array:
    """Return each region's rule of the elements that lie in it."""
    out = np.empty_like(operands[0])
    for rule, region in regions.items():
        if not region.any():
            continue
        inside = [x[region] for x in operands]
        out[region] = rule(*inside)
    return out


def _beta_near_zero(x: Array, a: Array, b: Array) -> Array:
    """Sum the Taylor series of the slope by a around x = 0."""
    factor = digamma(a) - digamma(a + b) - np.log(x)
    numerator: Array = 1
    series = (factor + 1 / a) / a
    for i in range(1, 11):
        share = (i - b) / i
        numerator = numerator * share * x
        inverse = 1 / (a + i)
        term = factor + inverse
        series = series + numerator * inverse * term
    density = x * (1 - x) ** -b
    return np.nan_to_num(density * series, nan=0.0)


def _beta_near_one(x: Array, a: Array, b: Array) -> Array:
    """Sum the Taylor series of the slope by the other parameter around 1 - x = 0."""
    x, a, b = 1 - x, b, a
    factor = digamma(a + b) - digamma(b)
    numerator: Array = 1
    betas: Array = 1
    slopes: Array = 0
    series = factor / a
    for i in range(1, 9):
        numerator = numerator * -x / i
        slopes = slopes * (b - i) + betas
        betas = betas * (b - i)
        slope = slopes + factor * betas
        series = series + numerator / (a + i) * slope
    series *= (1 - x) ** (1 - b)
    return np.nan_to_num(series, nan=0.0)


def _beta_large(x: Array, a: Array, b: Array) -> Array:
    """Expand at the saddle point."""
    near = _is_near_mean(x, a, b)
    with np.errstate(all="ignore"):  # each is singular where the other holds
        return np.where(near, _beta_at_mean(x, a, b), _beta_off_mean(x, a, b))


def _is_near_mean(x: Array, a: Array, b: Array) -> Array:
    total = a + b
    spread = np.sqrt(a * b / (total + 1)) / total
    return abs(x - a / total) <= 0.1 * spread


def _beta_at_mean(x: Array, a: Array, b: Array) -> Array:
    total = a + b
    numerator = (1 + 12 * a) * (1 + 12 * b) / total**2
    denominator = 12960 * a**3 * b**2 * (1 + 12 * total)
    return numerator / (1 - x) * _polynomial(_in_b(x, b), a) / denominator


def _in_b(x: Array, b: Array) -> list[Array]:
    """Return the coefficients of a polynomial of a."""
    return [
        47 * x * b**4,
        (43 + 20 * (16 + 27 * b) * x) * b**3,
        3 * (59 + 180 * b - 90 * x) * b**2,
        (453 + 1620 * b * (1 - x) - 455 * x) * b,
        8 * (1 - x) * (135 * b - 11),
    ]


def _beta_off_mean(x: Array, a: Array, b: Array) -> Array:
    total = a + b
    slope = _first_term(x, a, b) + 0.5 * np.log(a / (total * x)) * _pole(x, a, b)
    stirling = _stirling(a) * _stirling(b) / _stirling(total)
    return stirling * -x / np.sqrt(2 * a * b / total) * slope


def _first_term(x: Array, a: Array, b: Array) -> Array:
    distance = a * (x - 1) + b * x
    numerator = 2 * a**2 * (x - 1) + a * b * (x - 1) - x * b**2
    return numerator / (np.sqrt(2 * a / b) * (a + b) ** 1.5 * distance**2)


def _pole(x: Array, a: Array, b: Array) -> Array:
    total = a + b
    height = b * np.log(b / (total * (1 - x))) + a * np.log(a / (total * x))
    pole = np.sqrt(8 * a * b / total) / (a * (x - 1) + b * x)
    return pole + np.where(x < a / total, 1, -1) * height**-1.5


def _stirling(n: Array) -> Array:
    return 1 + 1 / (12 * n) + 1 / (288 * n**2)


def _beta_between(x: Array, a: Array, b: Array) -> Array:
    """Correct an analytic approximation by the rational function that was fitted."""
    numerator, denominator = _fitted(np.log(x), np.log(a), np.log(a + b))
    approximation = x * (digamma(a + b) - digamma(a)) / b
    return numerator / denominator * approximation


def _fitted(u: Array, log_a: Array, log_total: Array) -> Array:
    v = log_a - u
    in_w = _polynomial(np.moveaxis(_BETA, -1, 0)[..., None], log_total - v)  # (2, 3, 3, n)
    in_v = _polynomial(in_w.transpose(2, 0, 1, 3), v)
    return _polynomial(in_v.swapaxes(0, 1), u)
