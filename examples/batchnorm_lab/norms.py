"""Normalisations that no library has as layers: parts of BatchNorm, and Batch Renormalization."""

from __future__ import annotations

import minigrad as mg
from minigrad import nn


class ByBatch(nn.Module):
    """γ · normalised(x) + β per channel of (N, C, *), by batch in training, else by averages.

    A subclass says what ``normalised`` is.
    """

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(mg.ones(channels))
        self.bias = nn.Parameter(mg.zeros(channels))
        self.register_buffer("running_mean", mg.zeros(channels))
        self.register_buffer("running_var", mg.ones(channels))

    def normalised(self, x: mg.Tensor, mean: mg.Tensor, var: mg.Tensor) -> mg.Tensor:
        """Return x normalised by statistics (1, C, 1…)."""
        raise NotImplementedError

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        """(N, C, *) -> (N, C, *)."""
        shape = (1, -1, *[1] * (x.ndim - 2))
        mean, var = self.running_mean.reshape(shape), self.running_var.reshape(shape)
        if self.training:
            axes = (0, *range(2, x.ndim))
            mean = x.mean(axes, keepdim=True)
            var = ((x - mean) ** 2).mean(axes, keepdim=True)
        y = self.normalised(x, mean, var)
        if self.training:
            self._remember(mean.detach().reshape(-1), var.detach().reshape(-1), x)
        return y * self.weight.reshape(shape) + self.bias.reshape(shape)

    def _remember(self, mean: mg.Tensor, var: mg.Tensor, x: mg.Tensor) -> None:
        m = x.numel() // x.shape[1]
        with mg.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var * (m / max(m - 1, 1)), self.momentum)


class MeanOnly(ByBatch):
    """x − μ: Salimans & Kingma 2016, https://arxiv.org/abs/1602.07868, without their ‖w‖."""

    def normalised(self, x, mean, var):
        """Return x less the mean."""
        return x - mean


class VarianceOnly(ByBatch):
    """x / σ: what is divided is not centred, σ is about the mean."""

    def normalised(self, x, mean, var):
        """Return x over the deviation."""
        return x / (var + self.eps).sqrt()


class BatchRenorm(ByBatch):
    """(x − μ) / σ · r + d: what the running statistics would give, up to r ≤ r_max, |d| ≤ d_max.

    r and d are constants of the gradient. Both bounds grow from BatchNorm's (1 and 0) in training:
    over ``warm`` steps none, over as many again to 3 and 5.
    Ioffe 2017, https://arxiv.org/abs/1702.03275, Algorithm 1 and §4
    """

    def __init__(self, channels: int, warm: int = 100) -> None:
        super().__init__(channels)
        self.warm, self.steps = warm, 0

    def normalised(self, x, mean, var):
        """Return Algorithm 1's x̂; in evaluation r = 1 and d = 0."""
        s = (var + self.eps).sqrt()
        if not self.training:
            return (x - mean) / s
        self.steps += 1
        part = min(max(self.steps / self.warm - 1, 0.0), 1.0)
        known = self.running_mean.reshape(mean.shape)
        deviation = (self.running_var.reshape(var.shape) + self.eps).sqrt()
        r = (s.detach() / deviation).clamp(1 / (1 + 2 * part), 1 + 2 * part)
        d = ((mean.detach() - known) / deviation).clamp(-5 * part, 5 * part)
        return (x - mean) / s * r + d


class RootMeanSquare(nn.Module):
    """x over the root mean square of its sample (N, C, *), γ per channel: RMSNorm for images."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps, self.weight = eps, nn.Parameter(mg.ones(channels))

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        """(N, C, *) -> (N, C, *)."""
        square = (x * x).mean(tuple(range(1, x.ndim)), keepdim=True)
        shape = (1, -1, *[1] * (x.ndim - 2))
        return x / (square + self.eps).sqrt() * self.weight.reshape(shape)
