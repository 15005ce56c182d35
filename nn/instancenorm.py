"""Normalisation of each channel of each sample by itself (Ulyanov et al., 2016)."""

from __future__ import annotations

import math
from typing import Any

from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.batchnorm.layers import batch_norm
from minigrad.nn.batchnorm.statistics import _NormBase
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor


@tensor_arguments
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of each sample by itself: (N, C, *) -> the same.

    It is :func:`batch_norm` of one sample with N·C channels. Running statistics move towards the
    mean of the samples'. Raises ValueError for one value per channel, RuntimeError for running
    statistics that are missing where the input's are not used.
    https://arxiv.org/abs/1607.08022;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.instance_norm.html

    >>> import minigrad as mg
    >>> instance_norm(mg.tensor([[[1.0, 3.0]]])).tolist()  # doctest: +ELLIPSIS
    [[[-0.9999949932098389, 0.9999949932098389]]]
    """
    if use_input_stats and math.prod(input.shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {input.shape}"
        )
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError(
            "Expected running_mean and running_var to be defined when use_input_stats is false, "
            f"got {running_mean} and {running_var}"
        )
    n, channels = input.shape[:2]
    flat = input.reshape(1, n * channels, *input.shape[2:])
    means, variances, gamma, beta = (
        None if t is None else t.repeat(n) for t in (running_mean, running_var, weight, bias)
    )
    result = batch_norm(flat, means, variances, gamma, beta, use_input_stats, momentum, eps)
    for statistic, moved in ((running_mean, means), (running_var, variances)):
        if use_input_stats and statistic is not None and moved is not None:
            statistic.copy_(moved.reshape(n, channels).mean(0))
    return result.reshape(input.shape)


class _InstanceNorm(_NormBase):
    """What the layers share; they differ in the number of spatial dimensions."""

    n = 0

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        options: Any = (eps, momentum, affine, track_running_stats, device, dtype)
        super().__init__(num_features, *options, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input; in training also move the running statistics, where kept."""
        self._check_input_dim(input)
        if input.ndim == self.n + 1:
            return self._normalized(input.unsqueeze(0)).squeeze(0)
        return self._normalized(input)

    def _normalized(self, input: Tensor) -> Tensor:
        return instance_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )

    def _check_input_dim(self, input: Tensor) -> None:
        """Raise ValueError for another rank, and for other channels than those of γ and β."""
        ranks = (self.n + 1, self.n + 2)
        if input.ndim not in ranks:
            raise ValueError(f"expected {ranks[0]}D or {ranks[1]}D input (got {input.ndim}D input)")
        axis = input.ndim - self.n - 1
        channels = input.shape[axis]
        if channels == self.num_features:
            return
        if self.affine:
            raise ValueError(
                f"expected input's size at dim={axis} to match num_features "
                f"({self.num_features}), but got: {channels}."
            )
        warn(
            f"input's size at dim={axis} does not match num_features. You can silence this warning "
            "by not passing in num_features, which is not used because affine=False"
        )


class InstanceNorm1d(_InstanceNorm):
    """Normalise each channel of each sample of (N, C, L) or (C, L) by itself; no γ, β by default.

    https://arxiv.org/abs/1607.08022;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.InstanceNorm1d.html
    """

    n = 1


class InstanceNorm2d(_InstanceNorm):
    """As :class:`InstanceNorm1d`, of (N, C, H, W) or (C, H, W)."""

    n = 2


class InstanceNorm3d(_InstanceNorm):
    """As :class:`InstanceNorm1d`, of (N, C, D, H, W) or (C, D, H, W)."""

    n = 3
