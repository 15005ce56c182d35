"""Cycles: the rate climbs and falls between two bounds (Smith, 2017)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minigrad.optim.lambdas import attributes
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.schedule import (
    LRScheduler,
    check_optimizer,
    cycles_beta1,
    set_momentum,
    value_per_group,
)

_SCALES: dict[str, tuple[Callable[[float, float], float], str]] = {  # by mode, and of what
    "triangular": (lambda gamma, cycle: 1.0, "cycle"),
    "triangular2": (lambda gamma, cycle: 1 / 2.0 ** (cycle - 1), "cycle"),
    "exp_range": (lambda gamma, t: gamma**t, "iterations"),
}


class CyclicLR(LRScheduler):
    """From base_lr up to max_lr in step_size_up steps, and back in step_size_down.

    The height of a cycle stays ("triangular"), is halved from cycle to cycle ("triangular2"), or is
    gamma^t ("exp_range"); ``scale_fn`` gives another, of the cycle or of t as ``scale_mode`` says.
    Momentum goes from max_momentum to base_momentum and back meanwhile. Rates and momenta are
    numbers, or lists with one for each group. Raises ValueError for an unknown mode and for an
    optimizer without momentum, where ``cycle_momentum`` asks for it.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CyclicLR.html
    """

    unsaved = ("optimizer", "_scale_fn_custom", "_scale_fn_ref")

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        base_lrs = value_per_group("base_lr", base_lr, optimizer)
        self.max_lrs = value_per_group("max_lr", max_lr, optimizer)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if mode not in _SCALES and scale_fn is None:
            raise ValueError(
                f"mode is invalid and scale_fn is None; expected one of {list(_SCALES)}, got {mode}"
            )
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else _SCALES[mode][1]
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = cycles_beta1(optimizer)
            self.base_momentums = value_per_group("base_momentum", base_momentum, optimizer)
            self.max_momentums = value_per_group("max_momentum", max_momentum, optimizer)
        if last_epoch == -1:
            self._prepare(optimizer, base_lrs)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def _prepare(self, optimizer: Optimizer, base_lrs: list[float]) -> None:
        """Write where the cycle begins into the groups."""
        for i, group in enumerate(optimizer.param_groups):
            group["lr"] = base_lrs[i]
            if self.cycle_momentum:
                set_momentum(group, self.use_beta1, self.max_momentums[i])
                group["max_momentum"] = self.max_momentums[i]
                group["base_momentum"] = self.base_momentums[i]

    def scale_fn(self, x: float) -> float:
        """Return the height of the cycle ``x``, or at the step ``x`` (``scale_mode``)."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        return _SCALES[self.mode][0](self.gamma, x)

    def get_lr(self) -> list[float]:
        """Return the rate of each group at ``last_epoch``, and set its momentum."""
        groups = self.optimizer.param_groups
        if len(groups) != len(self.base_lrs):
            raise self.other_groups()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        climbs = x <= self.step_ratio
        share = x / self.step_ratio if climbs else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            momenta = zip(groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in momenta:
                momentum = high - (high - low) * share * scale
                set_momentum(group, self.use_beta1, momentum)
        bounds = zip(self.base_lrs, self.max_lrs, strict=True)
        return [low + (high - low) * share * scale for low, high in bounds]

    def state_dict(self) -> dict[str, Any]:
        """Return the position, the options, and the attributes of a scale_fn that is an object."""
        saved = None if self._scale_fn_custom is None else attributes(self._scale_fn_custom)
        return {**super().state_dict(), "_scale_fn_custom": saved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to a saved position; the rates themselves come with the optimizer's state."""
        super().load_state_dict(state_dict)
        saved = state_dict.get("_scale_fn_custom")
        if saved is not None:
            vars(self._scale_fn_custom).update(saved)
