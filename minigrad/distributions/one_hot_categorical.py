"""The distribution of vectors that are 1 at one index."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.distributions import constraints
from minigrad.distributions.of_categorical import OfCategorical
from minigrad.tensor.tensor import Tensor


class OneHotCategorical(OfCategorical):
    """A Categorical whose draws are vectors: 1 at the index, else 0.

    https://docs.pytorch.org/docs/stable/distributions.html#onehotcategorical
    """

    support = constraints.one_hot  # type: ignore[assignment]
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(probs, logits, validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return self._one_hot(self._categorical.mode)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self._one_hot(self._categorical.sample(sample_shape))

    def _one_hot(self, indices: Tensor) -> Tensor:
        eye = np.eye(self.event_shape[0], dtype=self.probs.dtype)
        return Tensor._wrap(eye[indices.numpy()])

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self) -> Tensor:
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return all vectors, (n, *batch_shape, n), or (n, 1, ..., n) without ``expand``."""
        n = self.event_shape[0]
        values = self._one_hot(Tensor._wrap(np.arange(n)))
        values = values.view(n, *(1,) * len(self.batch_shape), n)
        return values.expand((n, *self.batch_shape, n)) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """A OneHotCategorical whose draws hand their gradient to the probabilities.

    Bengio et al., Estimating or Propagating Gradients Through Stochastic Neurons, 2013.
    """

    has_rsample = True

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.sample(sample_shape) + (self.probs - self.probs.detach())
