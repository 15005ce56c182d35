"""The binomial distribution of counts."""

from __future__ import annotations

from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.bernoulli import enumerate_values
from minigrad.distributions.binary import BinaryDistribution
from minigrad.functions.elementwise import lgamma, minimum, softplus
from minigrad.modes import no_grad
from minigrad.sampling import binomial
from minigrad.tensor.tensor import Tensor


class Binomial(BinaryDistribution):
    """The number of successes in ``total_count`` trials of probability ``probs``.

    https://docs.pytorch.org/docs/stable/distributions.html#binomial

    >>> import minigrad as mg
    >>> mg.distributions.Binomial(2, mg.tensor(0.5)).log_prob(mg.tensor(1.0)).exp()
    tensor(0.5000)
    """

    arg_constraints = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True

    def __init__(
        self,
        total_count: Any = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        (self.total_count,) = self._set_probability(probs, logits, total_count)
        super().__init__(self.param_shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True)
    def support(self) -> constraints.Constraint:
        """From none to all trials."""
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return minimum(((self.total_count + 1) * self.probs).floor(), self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            shape = self._extended_shape(sample_shape)
            return binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        n = self.total_count
        ways = lgamma(n + 1) - lgamma(value + 1) - lgamma(n - value + 1)
        return ways + value * self.logits - n * softplus(self.logits)

    def entropy(self) -> Tensor:
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return all counts; NotImplementedError where the numbers of trials differ."""
        n = int(self.total_count.max())
        if int(self.total_count.min()) != n:
            raise NotImplementedError(
                "Inhomogeneous total count not supported by `enumerate_support`, got "
                f"{int(self.total_count.min())} to {n}"
            )
        return enumerate_values(n + 1, self.batch_shape, self._param.dtype, expand)
