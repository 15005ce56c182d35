"""What a Batch Normalization layer owns and remembers: γ and β, running statistics, what is frozen.

Statistics move in one place, ``update_running``, and only after the batch has been judged.
"""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np

from minigrad.creation import ones, tensor, zeros
from minigrad.dtypes import scalar_arrays
from minigrad.modes import MODES
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter, on_cpu
from minigrad.silence import warn
from minigrad.storage import bump_version
from minigrad.tensor.tensor import Tensor

POLICIES = ("warn", "raise")
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def statistics_are_finite(var: np.ndarray, m: int, on_nonfinite: str = "warn") -> bool:
    """Return whether the variance of a batch is finite: not if one of ``m`` values is not.

    Warns where it is not, or raises ValueError where ``on_nonfinite`` is "raise".
    """
    values = var.ravel()
    if not m or np.dot(values, values) < math.inf:  # squares, so nothing cancels
        return True
    bad = np.flatnonzero(~np.isfinite(values))
    if not bad.size:  # each is finite, though not the sum
        return True
    text = f"batch_norm: nan, inf or overflow in the batch, channels {bad[:8].tolist()}"
    if on_nonfinite == "raise":
        raise ValueError(
            f"{text}; the running statistics have not changed. "
            "Look for the cause before this layer."
        )
    warn(f"{text}; it is left out of the running statistics", RuntimeWarning)
    return False


def count_one_more(count: np.ndarray) -> None:
    """Add 1 to a count: by Python, as NumPy takes ten times as long over no dimensions."""
    if type(count) is np.ndarray:
        count[...] = int(count) + 1
    else:  # an array that notes NumPy's calls, and nothing else
        np.add(count, 1, count)


def update_running(
    running: tuple[Tensor | None, ...], batch: tuple[np.ndarray, ...], momentum: Any
) -> None:
    """Move running statistics by ``momentum`` (a number or 0-d array) towards those of a batch."""
    for statistic, new in zip(running, batch, strict=True):
        if statistic is not None:  # memory, not part of the graph
            array = statistic._data
            if isinstance(momentum, (float, int)):
                old_share, new_share = scalar_arrays(array.dtype, 1 - momentum, momentum)
            else:
                old_share, new_share = (x.astype(array.dtype) for x in (1 - momentum, momentum))
            array *= old_share
            array += new.ravel() * new_share
            bump_version(array, "batch_norm")


class _NormBase(Module):
    """Base class of layers that normalise each channel: parameters γ, β, running statistics."""

    _version = 2  # of the state: since 2 it has num_batches_tracked

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        on_cpu(device)
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        gamma = Parameter(ones(num_features, dtype=dtype)) if affine else None
        beta = Parameter(zeros(num_features, dtype=dtype)) if affine and bias else None
        self.register_parameter("weight", gamma)
        self.register_parameter("bias", beta)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, dtype=dtype) if tracked else None)
        self.register_buffer("running_var", ones(num_features, dtype=dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(0) if tracked else None)

    def reset_running_stats(self) -> None:
        """Forget what was seen: mean 0, variance 1, no batch."""
        if self.running_mean is not None:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Forget what was seen and learned: also γ = 1, β = 0."""
        self.reset_running_stats()
        for parameter, value in ((self.weight, 1), (self.bias, 0)):
            if parameter is not None:
                parameter.data.fill_(value)

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, *lists: Any
    ) -> None:
        """Files from before version 2, or without one, may lack the count."""
        key = f"{prefix}num_batches_tracked"
        version = local_metadata.get("version")
        has_no_count = (version is None or version < 2) and key not in state_dict
        if has_no_count and self.num_batches_tracked is not None:
            state_dict[key] = self.num_batches_tracked
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *lists)

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNormBase(_NormBase):
    """What the layers of Batch Normalization add: what they count, and how they are frozen."""

    frozen_stats = False
    held: tuple[str, ...] = ()  # the parameters whose gradients freeze() switched off

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
        on_nonfinite: str = "warn",
    ) -> None:
        options: Any = (eps, momentum, affine, track_running_stats, device, dtype)
        super().__init__(num_features, *options, bias=bias)
        if on_nonfinite not in POLICIES:
            raise ValueError(f"on_nonfinite: expected one of {POLICIES}, got {on_nonfinite!r}")
        self.on_nonfinite = on_nonfinite

    def track_batch(self, mean: np.ndarray, var: np.ndarray, m: int) -> None:
        """Count a batch of ``m`` values per channel; move the running statistics towards its own.

        A forward that runs again for its gradient (``utils.checkpoint``) is not counted again.
        """
        if not statistics_are_finite(var, m, self.on_nonfinite) or MODES.hold_statistics:
            return
        buffers: dict[str, Any] = self._buffers  # quicker to read than attributes
        running_mean, running_var, tracked = (buffers[name] for name in STATISTICS)
        if running_mean is not None and self.track_running_stats:
            count_one_more(tracked._data)
            bump_version(tracked._data, "batch_norm")
            if m:  # an empty batch is counted, and says nothing
                momentum = self.momentum
                if momentum is None:  # the average of all batches
                    momentum = 1 / tracked._data
                update_running((running_mean, running_var), (mean, var), momentum)

    def freeze(self, stats: bool = True, affine: bool = True) -> Self:
        """Hold the running statistics, γ and β, or some of them, whatever ``train()`` says.

        With frozen statistics the layer normalises by them in training, too, and never moves them;
        frozen γ and β do not require grad. Returns the layer. Raises ValueError where there are no
        running statistics.
        """
        if stats and self.running_mean is None:
            raise ValueError(
                f"freeze: this layer has track_running_stats={self.track_running_stats}, so no "
                "statistics to hold; call freeze(stats=False)"
            )
        self.frozen_stats = self.frozen_stats or stats
        if affine:
            for name, parameter in self.named_parameters(recurse=False):
                parameter.grad = None  # an old gradient would still move it
                if parameter.requires_grad:
                    parameter.requires_grad_(False)
                    self.held = (*self.held, name)
        return self

    def unfreeze(self, stats: bool = True, affine: bool = True) -> Self:
        """Undo :meth:`freeze`; return the layer.

        What did not require grad before it does not require grad afterwards.
        """
        self.frozen_stats = self.frozen_stats and not stats
        if affine:
            held, self.held = self.held, ()
            for name, parameter in self.named_parameters(recurse=False):
                parameter.requires_grad_(parameter.requires_grad or name in held)
        return self

    @property
    def frozen(self) -> str:
        """What is held: "stats", "affine", "stats, affine" or ""."""
        affine = self.weight is not None and not self.weight.requires_grad
        kinds = {"stats": self.frozen_stats, "affine": affine}
        return ", ".join(kind for kind, is_frozen in kinds.items() if is_frozen)

    def extra_repr(self) -> str:
        text = super().extra_repr()
        return f"{text}, frozen='{self.frozen}'" if self.frozen else text
