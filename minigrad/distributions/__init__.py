"""Probability distributions: sampling with PyTorch's streams, densities, entropies, divergences.

https://docs.pytorch.org/docs/stable/distributions.html
"""

from minigrad.distributions import constraints as constraints
from minigrad.distributions.continuous import Normal as Normal
from minigrad.distributions.continuous import Uniform as Uniform
from minigrad.distributions.discrete import Bernoulli as Bernoulli
from minigrad.distributions.discrete import Categorical as Categorical
from minigrad.distributions.distribution import Distribution as Distribution
from minigrad.distributions.kl import kl_divergence as kl_divergence
from minigrad.distributions.kl import register_kl as register_kl
from minigrad.distributions.multivariate_normal import MultivariateNormal as MultivariateNormal
