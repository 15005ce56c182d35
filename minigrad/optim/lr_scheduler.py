"""Learning-rate schedules: call ``step()`` after the optimizer's.

https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from minigrad.optim.composed import ChainedScheduler as ChainedScheduler
from minigrad.optim.composed import SequentialLR as SequentialLR
from minigrad.optim.cyclic import CyclicLR as CyclicLR
from minigrad.optim.lambdas import LambdaLR as LambdaLR
from minigrad.optim.lambdas import MultiplicativeLR as MultiplicativeLR
from minigrad.optim.one_cycle import OneCycleLR as OneCycleLR
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.plateau import ReduceLROnPlateau as ReduceLROnPlateau
from minigrad.optim.restarts import CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts
from minigrad.optim.schedule import LRScheduler as LRScheduler

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]

_LRScheduler = LRScheduler  # its name until PyTorch 2.0


class StepLR(LRScheduler):
    """base × gamma^⌊t / step_size⌋. Raises ValueError for a step_size below 1.

    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html

    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.zeros(1)], lr=1.0)
    >>> scheduler = mg.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for epoch in range(4):
    ...     print(scheduler.get_last_lr(), end=" ")
    ...     optimizer.step(), scheduler.step()
    [1.0] (None, None)
    [1.0] (None, None)
    [0.5] (None, None)
    [0.5] (None, None)
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size, self.gamma = positive("step_size", step_size), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base: float | None) -> float:
        """Return the rate that follows ``lr``."""
        due = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return lr * self.gamma if due else lr

    def closed_form(self, base: float) -> float:
        """Return the rate at ``last_epoch`` of a group that began with ``base``."""
        return base * self.gamma ** (self.last_epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """base × gamma^(milestones reached).

    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base: float | None) -> float:
        """Return the rate that follows ``lr``."""
        return lr * self.gamma ** self.milestones[self.last_epoch]

    def closed_form(self, base: float) -> float:
        """Return the rate at ``last_epoch`` of a group that began with ``base``."""
        reached = [n for epoch, n in self.milestones.items() if epoch <= self.last_epoch]
        return base * self.gamma ** sum(reached)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to a saved position; a file may hold the milestones as a list or a plain dict."""
        super().load_state_dict(state_dict)
        self.milestones = Counter(self.milestones)


class ExponentialLR(LRScheduler):
    """base × gamma^t.

    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base: float | None) -> float:
        """Return the rate that follows ``lr``."""
        return lr if self._is_initial else lr * self.gamma

    def closed_form(self, base: float) -> float:
        """Return the rate at ``last_epoch`` of a group that began with ``base``."""
        return base * self.gamma**self.last_epoch


class CosineAnnealingLR(LRScheduler):
    """eta_min + (base − eta_min)(1 + cos(π t / T_max)) / 2 (Loshchilov & Hutter, 2017).

    Past T_max it climbs again, as the cosine does. Raises ValueError for a T_max below 1.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max, self.eta_min = positive("T_max", T_max), eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base: float | None) -> float:
        """Return the rate that follows ``lr``."""
        if self._is_initial:
            return lr
        at_eta_min = (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0
        if not at_eta_min:
            ratio = self._height(0) / self._height(1)
            return ratio * (lr - self.eta_min) + self.eta_min
        if base is None:  # it goes up again from eta_min, and lr does not tell how far
            raise self.other_groups()
        rise = 1 - math.cos(math.pi / self.T_max)
        return lr + (base - self.eta_min) * rise / 2

    def closed_form(self, base: float) -> float:
        """Return the rate at ``last_epoch`` of a group that began with ``base``."""
        return self.eta_min + (base - self.eta_min) * self._height(0) / 2

    def _height(self, ago: int) -> float:
        return 1 + math.cos(math.pi * (self.last_epoch - ago) / self.T_max)


class LinearLR(LRScheduler):
    """base × a factor that goes from start_factor to end_factor in total_iters steps, and stays.

    Raises ValueError for factors outside of 0 … 1.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LinearLR.html
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(
                "Starting multiplicative factor expected to be greater than 0 and "
                f"less or equal to 1. Got {start_factor}"
            )
        if not 0 <= end_factor <= 1:
            raise ValueError(
                f"Ending multiplicative factor expected to be between 0 and 1. Got {end_factor}"
            )
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base: float | None) -> float:
        """Return the rate that follows ``lr``."""
        if self.last_epoch == 0:
            return lr * self.start_factor
        if self._is_initial or self.last_epoch > self.total_iters:
            return lr
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return lr * (1 + rise / before)

    def closed_form(self, base: float) -> float:
        """Return the rate at ``last_epoch`` of a group that began with ``base``."""
        rise, steps = self.end_factor - self.start_factor, min(self.total_iters, self.last_epoch)
        return base * (self.start_factor + rise * steps / self.total_iters)


class ConstantLR(LRScheduler):
    """base × factor for the first total_iters steps, then base.

    Raises ValueError for a factor outside of 0 … 1.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ConstantLR.html
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(
                f"Constant multiplicative factor expected to be between 0 and 1. Got {factor}"
            )
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base: float | None) -> float:
        """Return the rate that follows ``lr``."""
        if self.last_epoch == 0:
            return lr * self.factor
        return lr * (1.0 / self.factor) if self.last_epoch == self.total_iters else lr

    def closed_form(self, base: float) -> float:
        """Return the rate at ``last_epoch`` of a group that began with ``base``."""
        ended = self.last_epoch >= self.total_iters
        return base * (self.factor + ended * (1 - self.factor))


class PolynomialLR(LRScheduler):
    """base × (1 − t / total_iters)^power, and 0 from total_iters on.

    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.PolynomialLR.html
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base: float | None) -> float:
        """Return the rate that follows ``lr``."""
        if self._is_initial or self.last_epoch > self.total_iters:
            return lr
        left = 1.0 - self.last_epoch / self.total_iters
        left_before = 1.0 - (self.last_epoch - 1) / self.total_iters
        return lr * (left / left_before) ** self.power

    def closed_form(self, base: float) -> float:
        """Return the rate at ``last_epoch`` of a group that began with ``base``."""
        t = min(self.total_iters, self.last_epoch)
        return base * (1.0 - t / self.total_iters) ** self.power


def positive(name: str, value: int) -> int:
    """Return ``value``; raise ValueError where it is below 1."""
    if value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value}")
    return value
