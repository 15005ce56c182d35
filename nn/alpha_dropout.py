"""Dropout that keeps mean and variance of what goes through SELU (Klambauer et al., 2017)."""

from __future__ import annotations

import math

import numpy as np

from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.dropout import _DropoutNd, check_probability
from minigrad.random import default_generator, in_memory_order
from minigrad.tensor.tensor import Tensor

_SATURATION = 1.7580993408473766  # SELU goes down to minus this


@tensor_arguments
def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """In training, put SELU's saturation in the place of each element with probability ``p``.

    The result is scaled and shifted so that mean 0 and variance 1 stay. Raises ValueError for a
    probability outside [0, 1].
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.alpha_dropout.html

    >>> import minigrad as mg
    >>> alpha_dropout(mg.ones(2), training=False)
    tensor([1., 1.])
    """
    check_probability(p)
    if inplace and training and p > 0:
        return input._computed("alpha_dropout_", alpha_dropout, p, training)
    if not training or p == 0 or not input.numel():
        return input

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        return default_generator.bernoulli(1 - p, shape)

    return _saturated(input, in_memory_order(input._data, draw), p)


@tensor_arguments
def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """As :func:`alpha_dropout`, whole channels of (N, C, *) at a time.

    Raises RuntimeError for fewer than two dimensions.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.feature_alpha_dropout.html

    >>> import minigrad as mg
    >>> feature_alpha_dropout(mg.ones(1, 2), training=False)
    tensor([[1., 1.]])
    """
    check_probability(p)
    if inplace and training and p > 0:
        by = "feature_alpha_dropout_"
        return input._computed(by, feature_alpha_dropout, p, training)
    if not training or p == 0 or not input.numel():
        return input
    if input.ndim < 2:
        raise RuntimeError(
            f"Feature dropout requires at least 2 dimensions in the input, got {input.ndim}"
        )
    channels = (*input.shape[:2], *[1] * (input.ndim - 2))
    return _saturated(input, default_generator.bernoulli(1 - p, channels), p)


def _saturated(input: Tensor, stays: np.ndarray, p: float) -> Tensor:
    """Return a (input where it stays, −saturation elsewhere) + b, with mean and variance kept."""
    if p == 1:
        return input * 0.0
    variance = (_SATURATION**2 * p + 1) * (1 - p)
    scale = 1 / math.sqrt(variance)
    saturation = _SATURATION * scale
    mask = stays.astype(input.dtype)
    shift = (mask - 1) * saturation
    shift += saturation * p
    factor = Tensor._wrap(mask * scale)
    return input * factor + Tensor._wrap(shift)


class AlphaDropout(_DropoutNd):
    """Dropout for nets of SELU; see :func:`alpha_dropout`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.AlphaDropout.html
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input, some of it saturated in training."""
        return alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_DropoutNd):
    """As :class:`AlphaDropout`, whole channels of (N, C, *) at a time.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.FeatureAlphaDropout.html
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input, some channels saturated in training."""
        return feature_alpha_dropout(input, self.p, self.training, self.inplace)
