"""Schedules of schedules: one after another, or all at once."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

from minigrad.optim.optimizer import Optimizer
from minigrad.optim.plateau import ReduceLROnPlateau
from minigrad.optim.schedule import LRScheduler, current_rates


class _Composed(LRScheduler):
    """What both have in common: parts, and a state that holds the states of the parts."""

    unsaved = ("optimizer", "_schedulers")

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer) -> None:
        for i, scheduler in enumerate(schedulers):
            self._check_part(i, scheduler, optimizer)
        self._schedulers, self.optimizer = list(schedulers), optimizer

    def _check_part(self, i: int, scheduler: LRScheduler, optimizer: Optimizer) -> None:
        name = type(self).__name__
        if not hasattr(scheduler, "optimizer"):
            raise TypeError(f"{name} at index {i} should have `optimizer` as its attribute.")
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(
                f"{name} does not support `ReduceLROnPlateau` scheduler as it requires additional "
                "kwargs to be specified when calling `step`, but got one at index "
                f"{i} in the given schedulers sequence."
            )
        if scheduler.optimizer is not optimizer:
            raise ValueError(
                f"{name} expects all schedulers to belong to the same optimizer, but got scheduler "
                f"{type(scheduler).__name__} at index {i} has {scheduler.optimizer}, which is "
                f"different from {type(optimizer).__name__}."
            )

    def get_lr(self) -> list[float]:
        """Raise NotImplementedError: the parts know the rates."""
        raise NotImplementedError(
            f"{type(self).__name__} has no rates of its own, ask get_last_lr() for those it set"
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the position, and the states of the parts as ``_schedulers``."""
        parts = [scheduler.state_dict() for scheduler in self._schedulers]
        return {**super().state_dict(), "_schedulers": parts}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to a saved position; the rates themselves come with the optimizer's state."""
        if "_schedulers" not in state_dict:
            raise ValueError(
                f"load_state_dict: no '_schedulers' among {list(state_dict)}; is this the state of "
                f"a {type(self).__name__}?"
            )
        vars(self).update({k: v for k, v in state_dict.items() if k not in self.unsaved})
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


class SequentialLR(_Composed):
    """The first of ``schedulers`` until the first of ``milestones``, then the second, and so on.

    Each begins at its own step 0. Raises ValueError where there is not one milestone less than
    schedulers, where one belongs to another optimizer, and for ReduceLROnPlateau.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html

    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.zeros(1)], lr=1.0)
    >>> warmup = mg.optim.lr_scheduler.LinearLR(optimizer, 0.5, total_iters=2)
    >>> decay = mg.optim.lr_scheduler.ExponentialLR(optimizer, 0.1)
    >>> scheduler = mg.optim.lr_scheduler.SequentialLR(optimizer, [warmup, decay], milestones=[2])
    >>> for epoch in range(4):
    ...     print(scheduler.get_last_lr(), end=" ")
    ...     optimizer.step(), scheduler.step()
    [0.5] (None, None)
    [0.75] (None, None)
    [1.0] (None, None)
    [0.1] (None, None)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        if not schedulers:
            raise ValueError(
                f"SequentialLR expects at least one scheduler, but got no scheduler: {schedulers}"
            )
        super().__init__(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "Sequential Schedulers expects number of schedulers provided to be one more than "
                f"the number of milestone points, but got number of schedulers {len(schedulers)} "
                f"and the number of milestones to be equal to {len(milestones)}"
            )
        self._milestones, self.last_epoch = milestones, last_epoch + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self._take_back(self)
        first = self._schedulers[bisect.bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def _take_back(self, scheduler: LRScheduler) -> None:
        """Undo the step with which each part was made."""
        if isinstance(scheduler, _Composed):
            for part in scheduler._schedulers:
                self._take_back(part)
        else:
            scheduler.last_epoch -= 1

    def step(self) -> None:  # type: ignore[override]
        """Go on by one; at a milestone the next schedule begins."""
        position = self.last_epoch + 1
        i = bisect.bisect_right(self._milestones, position)
        scheduler = self._schedulers[i]
        if i > 0 and self._milestones[i - 1] == position:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self.last_epoch = position
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Composed):
    """All of ``schedulers`` in each step, one after the other: their factors are multiplied.

    Raises ValueError for none, where one belongs to another optimizer, and for ReduceLROnPlateau.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ChainedScheduler.html
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        if not schedulers:
            raise ValueError(
                "ChainedScheduler expects at least one scheduler to be chained, but got no "
                f"scheduler: {schedulers}"
            )
        super().__init__(schedulers, optimizer or schedulers[0].optimizer)
        self._last_lr = current_rates(self.optimizer)

    def step(self) -> None:  # type: ignore[override]
        """Go on by one in each of the schedules."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = current_rates(self.optimizer)
