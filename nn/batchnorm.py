"""Batch Normalization (Ioffe & Szegedy, 2015), composed of ordinary operations.

There is no gradient in this file: every derivative, of any order, comes from the graph that
``normalize`` builds, and every quantity of the paper's Algorithm 1 is a node of that graph.

Conventions are PyTorch's: channels on axis 1; ``momentum`` is the weight of the *new* batch; the
biased variance normalises, the unbiased one goes into ``running_var``; eps under the root.
"""

from __future__ import annotations

from collections.abc import Sequence

from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter

from minigrad.creation import ones, tensor, zeros
from minigrad.modes import no_grad
from minigrad.tensor import Tensor


def normalize(x: Tensor, gamma: Tensor | None, beta: Tensor | None, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return Algorithm 1 of the paper: ``(y, mean, biased variance)``, statistics per channel.

    ``x`` is (N, C, *); the mean runs over every axis but 1 and keeps its dimensions, (1, C, 1…).
    https://arxiv.org/abs/1502.03167, Algorithm 1
    """
    batch = tuple(i for i in range(x.ndim) if i != 1)
    mu = x.mean(batch, keepdim=True).named("μ")  # mini-batch mean
    d = x - mu
    var = (d * d).mean(batch, keepdim=True).named("σ²")  # mini-batch variance
    x_hat = (d * (var + eps).rsqrt()).named("x̂")  # normalize
    return _scale_and_shift(x_hat, gamma, beta), mu, var


def _scale_and_shift(x_hat: Tensor, gamma: Tensor | None, beta: Tensor | None) -> Tensor:
    per_channel = (1, -1) + (1,) * (x_hat.ndim - 2)
    y = x_hat if gamma is None else x_hat * gamma.reshape(per_channel)
    return (y if beta is None else y + beta.reshape(per_channel)).named("y")


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel by batch statistics (``training``) or by the running ones.

    In training the running statistics, where given, move towards the batch's by ``momentum``, once
    the result is known. Raises ValueError for one value per channel in training, for eps that is
    not positive there and for missing running statistics otherwise, RuntimeError for parameters or
    buffers of another number of channels.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html

    >>> import minigrad as mg
    >>> x = mg.tensor([[1.0], [3.0]])
    >>> batch_norm(x, None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    named = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, value in named.items():
        if value is not None and value.shape != (input.shape[1],):
            raise RuntimeError(
                f"batch_norm: {name} should contain {input.shape[1]} elements not {value.numel()} "
                f"(input is {tuple(input.shape)}, channels on dimension 1)"
            )
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("Expected running_mean and running_var to be defined when training=False")
        per_channel = (1, -1) + (1,) * (input.ndim - 2)
        scale = (running_var.reshape(per_channel) + eps).rsqrt()
        return _scale_and_shift((input - running_mean.reshape(per_channel)) * scale, weight, bias)
    count = input.numel() // max(input.shape[1], 1)  # values per channel
    if count == 1:
        raise ValueError(
            "Expected more than 1 value per channel when training, got input size "
            f"{list(input.shape)}. Drop the last small batch (DataLoader(drop_last=True)) or "
            "switch to evaluation (model.eval())."
        )
    if eps <= 0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    y, mu, var = normalize(input, weight, bias, eps)
    with no_grad():  # statistics are memory, not part of the graph
        if running_mean is not None:
            running_mean.lerp_(mu.detach().reshape(-1), momentum)
        if running_var is not None:
            running_var.lerp_(var.detach().reshape(-1) * (count / max(count - 1, 1)), momentum)
    return y


class _BatchNorm(Module):
    """What the layers share; they differ in the ranks they take."""

    ranks: Sequence[int] = ()

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.register_parameter("weight", Parameter(ones(num_features)) if affine else None)  # γ
        self.register_parameter("bias", Parameter(zeros(num_features)) if affine and bias else None)  # β
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features) if tracked else None)
        self.register_buffer("running_var", ones(num_features) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(0) if tracked else None)

    def reset_running_stats(self) -> None:
        """Forget what was seen: mean 0, variance 1, no batch."""
        if self.running_mean is not None:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (N, C, *) per channel; in training also move the running statistics."""
        if input.ndim not in self.ranks:
            expected = " or ".join(f"{n}D" for n in self.ranks)
            raise ValueError(f"expected {expected} input (got {input.ndim}D input)")
        if input.shape[1] != self.num_features:
            raise RuntimeError(
                f"{type(self).__name__}: expected {self.num_features} channels on dimension 1, got "
                f"input of shape {tuple(input.shape)}"
            )
        by_batch = self.training or self.running_mean is None
        updates = self.training and self.track_running_stats and self.running_mean is not None
        seen = self.num_batches_tracked.item() + 1 if updates else 0
        y = batch_norm(
            input,
            self.running_mean if updates or not by_batch else None,
            self.running_var if updates or not by_batch else None,
            self.weight,
            self.bias,
            by_batch,
            1 / max(seen, 1) if self.momentum is None else self.momentum,  # None: average of all
            self.eps,
        )
        if updates:  # only after a forward that did not raise
            with no_grad():
                self.num_batches_tracked.fill_(seen)
        return y

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Batch Normalization of (N, C) or (N, C, L), each of the C features on its own.

    y = γ (x − E[x]) / √(Var[x] + eps) + β, with γ = 1 and β = 0 at first. Defaults: eps 1e-5,
    momentum 0.1 (None: the average of all batches), affine, track_running_stats and bias True.
    Raises ValueError for another rank and for one value per channel in training, RuntimeError for
    another number of channels.
    https://arxiv.org/abs/1502.03167; https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> bn = nn.BatchNorm1d(1)
    >>> bn(mg.tensor([[0.0], [2.0], [4.0]])).tolist()  # doctest: +ELLIPSIS
    [[-1.22...], [0.0], [1.22...]]
    >>> bn.running_mean, bn.running_var
    (tensor([0.2000]), tensor([1.3000]))
    """

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch Normalization of (N, C, H, W): one mean, variance, γ and β a feature map (§3.2).

    Arguments, defaults and errors are :class:`BatchNorm1d`'s.
    """

    ranks = (4,)
