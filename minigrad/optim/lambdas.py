"""Schedules by a function of the step: a factor of the first rate, or of the last one."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from minigrad.optim.optimizer import Optimizer
from minigrad.optim.schedule import LRScheduler, current_rates

Factor = Callable[[int], float]


class LambdaLR(LRScheduler):
    """base × lr_lambda(t); one function, or a list with one for each group.

    Raises ValueError for a list of another length. ``state_dict()`` has the attributes of callable
    objects, and None for functions.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html
    """

    unsaved = ("optimizer", "lr_lambdas")  # functions do not go into files

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Factor | list[Factor], last_epoch: int = -1
    ) -> None:
        groups = len(optimizer.param_groups)
        factors: Any = lr_lambda
        if not isinstance(lr_lambda, (list, tuple)):
            factors = [lr_lambda] * groups
        self.lr_lambdas: list[Any] = list(factors)
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"Expected {groups} lr_lambdas, but got {len(self.lr_lambdas)}")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rate of each group at ``last_epoch``."""
        pairs = zip(self.lr_lambdas, self.base_lrs, strict=True)
        return [base * factor(self.last_epoch) for factor, base in pairs]

    def state_dict(self) -> dict[str, Any]:
        """Return the position, the options, and the attributes of callable objects."""
        return {**super().state_dict(), "lr_lambdas": [attributes(f) for f in self.lr_lambdas]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to a saved position; the rates themselves come with the optimizer's state."""
        super().load_state_dict(state_dict)
        for factor, saved in zip(self.lr_lambdas, state_dict.get("lr_lambdas", ()), strict=False):
            if saved is not None:
                vars(factor).update(saved)


class MultiplicativeLR(LambdaLR):
    """The last rate × lr_lambda(t), from the second step on.

    Raises ValueError for a list of another length, TypeError for what cannot be called.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiplicativeLR.html
    """

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Factor | list[Factor], last_epoch: int = -1
    ) -> None:
        for factor in lr_lambda if isinstance(lr_lambda, (list, tuple)) else [lr_lambda]:
            if not callable(factor):
                raise TypeError(f"lr_lambda should be a function, but got {type(factor).__name__}")
        super().__init__(optimizer, lr_lambda, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rate of each group at ``last_epoch``."""
        rates = current_rates(self.optimizer)
        if self._is_initial:
            return rates
        pairs = zip(self.lr_lambdas, rates, strict=False)
        return [lr * factor(self.last_epoch) for factor, lr in pairs]


def attributes(function: Any) -> dict[str, Any] | None:
    """Return what a callable object has to be saved; None for plain functions."""
    if isinstance(function, types.FunctionType) or not hasattr(function, "__dict__"):
        return None
    return dict(vars(function))
