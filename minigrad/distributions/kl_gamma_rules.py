"""The divergences of the gamma family: gamma, beta, Dirichlet, counts, and what has lgamma."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.distributions.bernoulli import Bernoulli
from minigrad.distributions.beta import Beta
from minigrad.distributions.binomial import Binomial
from minigrad.distributions.dirichlet import Dirichlet
from minigrad.distributions.exponential import Exponential
from minigrad.distributions.gamma import Gamma
from minigrad.distributions.gumbel import Gumbel
from minigrad.distributions.kl import register_kl
from minigrad.distributions.kl_rules import cross_normal, infinite
from minigrad.distributions.laplace import Laplace
from minigrad.distributions.normal import Normal
from minigrad.distributions.pareto import Pareto
from minigrad.distributions.poisson import Poisson
from minigrad.distributions.uniform import Uniform
from minigrad.distributions.utils import euler_constant
from minigrad.functions.elementwise import digamma, lgamma, where
from minigrad.tensor.tensor import Tensor


@register_kl(Gamma, Gamma)
def _gamma(p: Gamma, q: Gamma) -> Tensor:
    ratio = q.rate / p.rate
    scales = p.concentration * (ratio - 1) - q.concentration * ratio.log()
    shapes = lgamma(q.concentration) - lgamma(p.concentration)
    return scales + shapes + (p.concentration - q.concentration) * digamma(p.concentration)


@register_kl(Gamma, Exponential)
def _gamma_exponential(p: Gamma, q: Exponential) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Exponential, q: Gamma) -> Tensor:
    expected_log = -p.rate.log() - euler_constant
    return -p.entropy() + _cross_gamma(q, p.mean, expected_log)


@register_kl(Beta, Gamma)
def _beta_gamma(p: Beta, q: Gamma) -> Tensor:
    expected_log = digamma(p.concentration1) - digamma(p.concentration1 + p.concentration0)
    return -p.entropy() + _cross_gamma(q, p.mean, expected_log)


def _cross_gamma(q: Gamma, mean: Tensor, expected_log: Tensor) -> Tensor:
    """Return the cross entropy of a distribution, of this mean and mean logarithm, and q."""
    a, b = q.concentration, q.rate
    return lgamma(a) - a * b.log() - (a - 1) * expected_log + b * mean


@register_kl(Beta, Exponential)
def _beta_exponential(p: Beta, q: Exponential) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(Beta, Normal)
@register_kl(Gamma, Normal)
def _of_normal(p: Any, q: Normal) -> Tensor:
    return -p.entropy() + cross_normal(p, q)


@register_kl(Beta, Uniform)
def _beta_uniform(p: Beta, q: Uniform) -> Tensor:
    divergence = -p.entropy() + (q.high - q.low).log()
    return where((q.low > 0) | (q.high < 1), math.inf, divergence)


@register_kl(Beta, Beta)
def _beta(p: Beta, q: Beta) -> Tensor:
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    surprise = digamma(a) - digamma(a.sum(-1, keepdim=True))
    return _log_beta(b) - _log_beta(a) + ((a - b) * surprise).sum(-1)


def _log_beta(a: Tensor) -> Tensor:
    return lgamma(a).sum(-1) - lgamma(a.sum(-1))


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Gumbel, q: Gumbel) -> Tensor:
    ratio, distance = p.scale / q.scale, (q.loc - p.loc) / q.scale
    growth = (distance + lgamma(1 + ratio)).exp()
    return growth - distance - ratio.log() + euler_constant * (ratio - 1) - 1


@register_kl(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> Tensor:
    return p.rate * (p.rate / q.rate).log() - (p.rate - q.rate)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(Binomial, Binomial)
def _binomial(p: Binomial, q: Binomial) -> Tensor:
    if (p.total_count < q.total_count).any():
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count, got "
            f"{q.total_count} and {p.total_count}"
        )
    more = p.total_count > q.total_count
    return where(more, math.inf, p.total_count * _of_one_trial(p, q))


def _of_one_trial(p: Binomial, q: Binomial) -> Tensor:
    failures = (-p.probs).log1p() - (-q.probs).log1p()
    return p.probs * (p.logits - q.logits) + failures


def _infinite_counts(p: Poisson, q: Any) -> Tensor:
    return Tensor._wrap(np.full(p.rate.shape, np.inf, p.rate.dtype))


_BOUNDED: dict[type, tuple[type, ...]] = {
    Beta: (Pareto,),
    Exponential: (Beta,),
    Gamma: (Beta, Pareto, Uniform),
    Gumbel: (Beta, Gamma),
    Laplace: (Beta, Gamma),
    Normal: (Beta, Gamma),
    Pareto: (Beta,),
}
for kind, others in _BOUNDED.items():
    for other in others:
        register_kl(kind, other)(infinite)
register_kl(Poisson, Bernoulli)(_infinite_counts)
register_kl(Poisson, Binomial)(_infinite_counts)
