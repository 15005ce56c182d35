"""The von Mises distribution of angles (Best and Fisher, 1979)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution
from minigrad.distributions.utils import broadcast_all, lazy_property
from minigrad.functions.elementwise import where
from minigrad.random import default_generator
from minigrad.tensor.tensor import Tensor

# Abramowitz and Stegun, 9.8.1 to 9.8.4: I0 and I1 of small and of large numbers
_SMALL = (
    (1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.360768e-1, 0.45813e-2),
    (0.5, 0.87890594, 0.51498869, 0.15084934, 0.2658733e-1, 0.301532e-2, 0.32411e-3),
)
_LARGE = (
    (0.39894228, 0.1328592e-1, 0.225319e-2, -0.157565e-2, 0.916281e-2, -0.2057706e-1,
     0.2635537e-1, -0.1647633e-1, 0.392377e-2),
    (0.39894228, -0.3988024e-1, -0.362018e-2, 0.163801e-2, -0.1031555e-1, 0.2282967e-1,
     -0.2895312e-1, 0.1787654e-1, -0.420059e-2),
)  # fmt: skip
_DOUBLE = np.dtype("float64")


class VonMises(Distribution):
    """Angles around ``loc`` in radians, of density exp(concentration cos(x - loc)).

    https://docs.pytorch.org/docs/stable/distributions.html#vonmises

    >>> import minigrad as mg
    >>> mg.distributions.VonMises(mg.tensor(0.0), mg.tensor(1.0)).variance
    tensor(0.5536)
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real  # type: ignore[assignment]

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """The circular mean."""
        return self.loc

    mode = mean

    @lazy_property
    def variance(self) -> Tensor:  # type: ignore[override]
        """The circular variance, 1 - I1 / I0."""
        k = self.concentration
        ratio = _log_bessel(k, 1) - _log_bessel(k, 0)
        return 1 - ratio.exp()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        loc = self.loc._data.astype(_DOUBLE)
        k = self.concentration._data.astype(_DOUBLE)
        angles = _angles(k, self._extended_shape(sample_shape))
        turned = angles + math.pi + loc
        turned = turned % (2 * math.pi)
        turned -= math.pi
        return Tensor._wrap(np.asarray(turned, self.loc.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        cosine = self.concentration * (value - self.loc).cos()
        constant = math.log(2 * math.pi) + _log_bessel(self.concentration, 0)
        return cosine - constant


def _log_bessel(x: Tensor, order: int) -> Tensor:
    """Return log I0(x) or log I1(x) of positive numbers."""
    small = _polynomial((x / 3.75) ** 2, _SMALL[order])
    if order == 1:
        small = x.abs() * small
    decay = _polynomial(3.75 / x, _LARGE[order]).log()
    large = x - 0.5 * x.log()
    large = large + decay
    return where(x < 3.75, small.log(), large)


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    result: Any = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        result = coefficient + x * result
    return result  # type: ignore[no-any-return]


def _angles(k: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Draw angles around 0 by rejection, in float64, as many uniforms a round as PyTorch."""
    r = _proposal(k)
    angles, done = np.zeros(shape), np.zeros(shape, bool)
    while not done.all():
        uniforms = default_generator.uniform((3, *shape), dtype=_DOUBLE)
        u1, u2, u3 = uniforms
        z = np.cos(math.pi * u1)
        f = (1 + r * z) / (r + z)
        c = k * (r - f)
        surely = c * (2 - c) > u2
        height = np.log(c / u2)
        accepted = surely | (height + 1 - c >= 0)
        angle = np.sign(u3 - 0.5) * np.arccos(f)
        angles = np.where(accepted, angle, angles)
        done |= accepted
    return angles


def _proposal(k: np.ndarray) -> np.ndarray:
    root = np.sqrt(1 + 4 * k**2)
    tau = 1 + root
    below = tau - np.sqrt(2 * tau)
    rho = below / (2 * k)
    exact = (1 + rho**2) / (2 * rho)
    return np.where(k < 1e-5, 1 / k + k, exact)
