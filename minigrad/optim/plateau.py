"""The rate falls where a metric does not improve any more."""

from __future__ import annotations

import math
from typing import Any, SupportsFloat

from minigrad.modes import refuse_on_tape
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.schedule import (
    EPOCH_IS_DEPRECATED,
    INSIDE_A_STEP,
    LRScheduler,
    check_optimizer,
    current_rates,
)
from minigrad.silence import warn


class ReduceLROnPlateau(LRScheduler):
    """lr × factor after more than ``patience`` steps in which ``step(metric)`` saw no improvement.

    A metric is better where it is below the best one by ``threshold`` (a share of it, or an amount
    where ``threshold_mode`` is "abs"), above it where ``mode`` is "max". For ``cooldown`` steps
    after a fall none is counted; no rate falls below ``min_lr``, nor by less than ``eps``. Raises
    ValueError for a factor of 1 and more, and for unknown modes.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html

    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.zeros(1)], lr=1.0)
    >>> scheduler = mg.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
    >>> for loss in (0.5, 0.6, 0.7):
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1.0:
            raise ValueError(f"Factor should be < 1.0. Got {factor}")
        check_optimizer(optimizer)
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown!")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown!")
        groups, several = len(optimizer.param_groups), isinstance(min_lr, (list, tuple))
        self.default_min_lr = None if several else min_lr
        minima: Any = min_lr if several else [min_lr] * groups
        self.min_lrs: list[Any] = list(minima)
        if len(self.min_lrs) != groups:
            raise ValueError(f"expected {groups} min_lrs, got {len(self.min_lrs)}")
        self.optimizer = optimizer
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.eps = eps
        self.last_epoch = 0
        self._last_lr = current_rates(optimizer)
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self._reset()

    def _reset(self) -> None:
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    @property
    def in_cooldown(self) -> bool:
        """Whether a fall is so recent that bad steps do not count."""
        return self.cooldown_counter > 0

    def step(  # type: ignore[override]
        self, metrics: SupportsFloat, epoch: int | None = None
    ) -> None:
        """Look at the metric of another epoch, and let the rates fall where it is time."""
        refuse_on_tape(INSIDE_A_STEP)
        value = float(metrics)
        if epoch is not None:
            warn(EPOCH_IS_DEPRECATED)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self.is_better(value, self.best):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce_lr()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = current_rates(self.optimizer)

    def is_better(self, value: float, best: float) -> bool:
        """Return whether ``value`` improves on ``best`` by more than the threshold."""
        sign = 1.0 if self.mode == "max" else -1.0
        if self.threshold_mode == "rel":
            bound = best * (1.0 + sign * self.threshold)
        else:
            bound = best + sign * self.threshold
        return value > bound if self.mode == "max" else value < bound

    def _reduce_lr(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"The number of param groups in the `optimizer` ({len(groups)}) differs from "
                    f"when `ReduceLROnPlateau` was initialized ({len(self.min_lrs)}), usually due "
                    "to a new param group being added to the optimizer. Please modify the "
                    "`min_lrs` field to match the length of the `optimizer` param groups."
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, smallest in zip(groups, self.min_lrs, strict=True):
            lr = float(group["lr"])
            reduced = max(lr * self.factor, smallest)
            if lr - reduced > self.eps:
                group["lr"] = reduced
