"""Batch Normalization (Ioffe & Szegedy, 2015), composed of ordinary operations.

There is no gradient in this file: every derivative, of any order, comes from the graph that
``normalize`` builds, and every quantity of the paper's Algorithm 1 is a node of that graph.

Conventions are PyTorch's: channels on axis 1; ``momentum`` is the weight of the *new* batch; the
biased variance normalises, the unbiased one goes into ``running_var``; eps under the root.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.engine.recording import source
from minigrad.functions.joining import cat
from minigrad.modes import MODES
from minigrad.nn.arguments import as_tensor_argument, check_floats, tensor_arguments
from minigrad.nn.batchnorm.statistics import BatchNormBase, statistics_are_finite, update_running
from minigrad.ops import reduction
from minigrad.ops.elementwise import addcmul, div_sqrt, sub_mean
from minigrad.ops.shape import expand_channels
from minigrad.tensor.tensor import Tensor

Reduce = Callable[[Tensor], Tensor]  # sums a tensor over all shards of one batch


def normalize(
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    eps: float,
    all_reduce: Reduce | None = None,
) -> tuple[Tensor, np.ndarray, np.ndarray, int]:
    """Return Algorithm 1 of the paper: ``(y, mean, biased variance, m)``.

    ``x`` is (N, C, *); the mean runs over every axis but 1 and keeps its dimensions, (1, C, 1…).
    The statistics are arrays, ``m`` is the number of values per channel.
    https://arxiv.org/abs/1502.03167, Algorithm 1
    """
    batch = Batch(x) if all_reduce is None else ShardedBatch(x, all_reduce)
    mu = batch.mean(x).named("μ")  # mini-batch mean
    centered, error = subtract_mean(x, mu, batch)  # x − μ
    var = batch.mean_square(centered).named("σ²")  # mini-batch variance
    x_hat = div_sqrt(centered, var, eps=float(eps)).named("x̂")  # normalize
    y = scale_and_shift(x_hat, gamma, beta)  # γ x̂ + β
    return y, mu._data + error, var._data, batch.count


def subtract_mean(x: Tensor, mu: Tensor, batch: Batch) -> tuple[Tensor, np.ndarray]:
    """Return x − μ, free of the rounding error of μ, and that error.

    The mean of x − μ is zero in exact arithmetic, so it has no gradient: what rounding left of it
    is taken out of the values alone.
    """
    centered: Tensor = sub_mean(x, mu)
    values, error = centered._data, batch.mean_of_values(centered)
    np.subtract(values, expand_channels(error, values), out=values)
    return centered, error


def scale_and_shift(x_hat: Tensor, gamma: Tensor | None, beta: Tensor | None) -> Tensor:
    """Return γ x̂ + β per channel; either may be left out."""
    y = affine(x_hat, _per_channel(gamma, x_hat), _per_channel(beta, x_hat))
    return y if y is x_hat else y.named("y")


def affine(x_hat: Tensor, gamma: Tensor | None, beta: Tensor | None) -> Tensor:
    """Return γ x̂ + β, where both broadcast to x̂; either may be left out."""
    if gamma is None:
        return x_hat if beta is None else x_hat + beta
    if beta is None:
        return x_hat * gamma
    result: Tensor = addcmul(beta, x_hat, gamma)
    return result


def _per_channel(value: Any, x: Tensor) -> Any:
    if value is None or x.ndim == 2:
        return value
    shape = [1] * x.ndim
    shape[1] = -1
    return value.reshape(shape)  # (1, C, 1…)


class Batch:
    """The means over a batch, (N, C, *) -> (1, C, 1…), and ``count``, its values per channel."""

    __slots__ = ("axes", "count")

    def __init__(self, x: Tensor) -> None:
        self.axes = (0, *range(2, x.ndim))
        self.count = x.numel() // max(x.shape[1], 1)

    def mean(self, t: Tensor) -> Tensor:
        """Return the mean per channel."""
        return reduction.mean(t, axis=self.axes, keepdims=True)  # type: ignore[no-any-return]

    def mean_square(self, t: Tensor) -> Tensor:
        """Return the mean of the squares per channel."""
        result: Tensor = reduction.mean_square(t, axis=self.axes, keepdims=True)
        return result

    def mean_of_values(self, t: Tensor) -> np.ndarray:
        """Return the mean per channel as an array, not recorded."""
        return reduction.mean(t._data, axis=self.axes, keepdims=True)  # type: ignore[no-any-return]


class ShardedBatch(Batch):
    """The same over all shards of a batch, by two sums over them and one of their gradient.

    The first sum gives the count and a constant c, the mean but for rounding. All that has a
    gradient follows from the second, of d = x − c and d²: E[x] is c + E[d], and Var[x] is
    E[d²] − E[d]², where nothing cancels, since E[d] is next to nothing.
    """

    __slots__ = ("all_reduce", "c", "mean_of_d", "mean_square_of_d", "mu")

    def __init__(self, x: Tensor, all_reduce: Reduce) -> None:
        super().__init__(x)
        self.all_reduce = all_reduce

    def mean(self, t: Tensor) -> Tensor:
        """Return the mean per channel over all shards; do all sums."""
        self.c = self._nearly_the_mean(t)
        d: Tensor = sub_mean(t, self.c)
        squares = (d * d).sum(self.axes)
        sums = self.all_reduce(cat([d.sum(self.axes), squares]))
        means = (sums / max(self.count, 1)).chunk(2)
        self.mean_of_d, self.mean_square_of_d = (m.reshape(self.c.shape) for m in means)
        self.mu: Tensor = self.c + self.mean_of_d  # type: ignore[assignment]
        return self.mu

    def _nearly_the_mean(self, t: Tensor) -> np.ndarray:
        """Return c, (1, C, 1…), and count what all shards have."""
        sums = t.detach().sum(self.axes)._data
        wide = sums.astype(np.float64)  # float32 could not hold every count
        own = np.append(wide, self.count)
        totals = self.all_reduce(Tensor._wrap(own))._data
        self.count = int(totals[-1])
        c = totals[:-1] / max(self.count, 1)
        shape = (1, -1, *[1] * (t.ndim - 2))
        c = c.astype(t.dtype)
        return c.reshape(shape)  # type: ignore[no-any-return]

    def mean_square(self, t: Tensor) -> Tensor:
        """Return the mean of the squares of x − μ per channel over all shards."""
        return self.mean_square_of_d - self.mean_of_d * self.mean_of_d

    def mean_of_values(self, t: Tensor) -> np.ndarray:
        """Return the mean of x − μ: what rounding has left out of μ."""
        return self.mean_of_d._data - (self.mu._data - self.c)  # type: ignore[no-any-return]


@tensor_arguments
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
    the result is known; those of a batch that holds nan or inf are left out, with a RuntimeWarning.
    Raises ValueError for one value per channel in training, for eps that is not positive there and
    for one of the two statistics alone, RuntimeError for missing running statistics otherwise and
    for parameters or buffers of another number of channels, IndexError for input without channels;
    nothing has changed then.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html

    >>> import minigrad as mg
    >>> batch_norm(mg.tensor([[1.0], [3.0]]), None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    _check(input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    for name, value in (("running_mean", running_mean), ("running_var", running_var)):
        if value is not None and value._node is not None:
            raise RuntimeError(
                f"batch_norm: {name} is a constant, but requires grad; pass {name}.detach()"
            )
    if not training:
        return _by_running(input, running_mean, running_var, weight, bias, eps)
    if (running_mean is None) != (running_var is None):
        missing = "running_mean" if running_mean is None else "running_var"
        raise ValueError(
            "batch_norm: running_mean and running_var must either both be None or neither be None, "
            f"got no {missing}"
        )
    if not isinstance(momentum, (int, float)):
        raise TypeError(
            "batch_norm(): argument 'momentum' (position 7) must be float, "
            f"not {type(momentum).__name__}"
        )
    y, mean, var, m = _by_batch(input, weight, bias, eps)
    if m and statistics_are_finite(var, m):
        update_running((running_mean, running_var), (mean, var), momentum)
    return y


def _by_running(
    x: Tensor,
    mean: Tensor | None,
    var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Tensor:
    """Return the frozen transform of Algorithm 2: statistics are constants, as they are now."""
    if mean is None or var is None:
        raise RuntimeError(
            f"running_{'mean' if mean is None else 'var'} must be defined in evaluation mode"
        )
    if eps < 0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")
    wide = _float32(x)
    centered = sub_mean(wide, _snapshot(mean, x))
    variance = _snapshot(var, x, read_by_backward=x._node is not None)
    x_hat = div_sqrt(centered, variance, eps=float(eps))
    y = scale_and_shift(x_hat, weight, bias)
    return y if wide is x else y.to(x.dtype)


def _float32(x: Tensor) -> Tensor:
    """Return float16, whose range is too small for squares and sums, as float32."""
    return x.float() if x.dtype == np.float16 else x


def _snapshot(statistic: Tensor, x: Tensor, read_by_backward: bool = False) -> Any:
    """Return a running statistic as (1, C, 1…).

    It is a copy where backward reads it, since a batch of training may come in between.
    """
    if not read_by_backward and statistic._node is None:
        return _per_channel(statistic, x)
    copy: Tensor = Tensor._wrap(statistic._data.copy())
    if statistic._node is None:
        copy._constant = source(statistic)  # in pictures it is the buffer
    return _per_channel(copy, x)


def _by_batch(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
    all_reduce: Reduce | None = None,
) -> tuple[Tensor, np.ndarray, np.ndarray, int]:
    """Return ``(y, mean, unbiased variance, m)`` of a batch that allows it."""
    if eps <= 0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    wide = _float32(x)
    y, mean, var, m = normalize(wide, weight, bias, eps, all_reduce)
    if wide is not x:
        y = y.to(x.dtype)
    if m == 1 and not MODES.hold_statistics:  # one value is enough for a look
        raise ValueError(
            "Expected more than 1 value per channel when training, "
            f"got input size {list(x.shape)}. Drop the last small batch "
            "(DataLoader(drop_last=True)) or switch to evaluation (model.eval())."
        )
    return y, mean, var * (m / max(m - 1, 1)), m


def _check(x: Tensor, **named: Tensor | None) -> None:
    if x.ndim < 2:
        raise IndexError(f"batch_norm: expected input of shape (N, C, *), got {tuple(x.shape)}")
    check_floats("batch_norm", x)
    for name, value in named.items():
        if value is not None and not value.is_floating_point():
            raise RuntimeError(
                f"batch_norm: {name} should be of floats, not {value.dtype}; convert it first"
            )
        if value is not None and value.shape != (x.shape[1],):
            raise RuntimeError(
                f"batch_norm: {name} should contain {x.shape[1]} elements not {value.numel()} "
                f"(input is {tuple(x.shape)}, channels on dimension 1)"
            )


class _BatchNorm(BatchNormBase):
    """What the layers share; they differ in the ranks they take."""

    ranks: Sequence[int] = ()
    all_reduce: Reduce | None = None

    def _check_input_dim(self, input: Tensor) -> None:
        """Raise ValueError for input of another rank; a subclass that takes others has its own."""
        if input.ndim not in self.ranks:
            expected = " or ".join(f"{n}D" for n in self.ranks)
            raise ValueError(f"expected {expected} input (got {input.ndim}D input)")

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (N, C, *) per channel; in training also move the running statistics."""
        if not isinstance(input, Tensor):
            input = as_tensor_argument(input, type(self).__name__)
        self._check_input_dim(input)
        if input.ndim < 2 or input.shape[1] != self.num_features:
            raise RuntimeError(
                f"{type(self).__name__}: expected {self.num_features} channels on dimension 1, got "
                f"input of shape {tuple(input.shape)}"
            )
        _check(input)
        trains = self.training and not self.frozen_stats
        if not trains and self.running_mean is not None:
            return _by_running(
                input, self.running_mean, self.running_var, self.weight, self.bias, self.eps
            )
        y, mean, var, m = _by_batch(input, self.weight, self.bias, self.eps, self.all_reduce)
        if trains:
            self.track_batch(mean, var, m)
        return y


class BatchNorm1d(_BatchNorm):
    """Batch Normalization of (N, C) or (N, C, L), each of the C features on its own.

    y = γ (x − E[x]) / √(Var[x] + eps) + β, with γ = 1 and β = 0 at first. Defaults: eps 1e-5,
    momentum 0.1 (None: the average of all batches), affine, track_running_stats and bias True.
    ``on_nonfinite`` tells what a batch with nan or inf does: "warn" (its statistics are left out)
    or "raise". ``freeze()`` holds statistics and parameters through ``train()``. Raises ValueError
    for another rank and for one value per channel in training, RuntimeError for another number of
    channels; a call that raises has changed nothing.
    https://arxiv.org/abs/1502.03167;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html

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
    """Batch Normalization of (N, C, H, W): one mean, variance, γ and β per feature map (§3.2).

    Arguments, defaults and errors are :class:`BatchNorm1d`'s.
    """

    ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch Normalization of (N, C, D, H, W); arguments, defaults and errors are BatchNorm1d's."""

    ranks = (5,)
