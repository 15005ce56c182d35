"""One cycle: the rate climbs and falls far below its start while momentum does the opposite."""

from __future__ import annotations

import math
from typing import Any

from minigrad.optim.optimizer import Optimizer
from minigrad.optim.schedule import (
    LRScheduler,
    check_optimizer,
    momentum_name,
    set_momentum,
    value_per_group,
)


class OneCycleLR(LRScheduler):
    """From max_lr / div_factor up to max_lr, then down by a further final_div_factor (Smith, 2018).

    The climb takes ``pct_start`` of ``total_steps`` (or ``epochs`` × ``steps_per_epoch``);
    ``three_phase`` falls as long as it climbed, then on to the end. ``max_lr`` and the momenta are
    numbers, or lists with one for each group. Raises ValueError for options out of range, and for
    a step after the last.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self.anneal_strategy = anneal_strategy
        self.momentum_name = momentum_name(optimizer) if cycle_momentum else None
        self.phases = _phases(pct_start, self.total_steps, three_phase)
        if last_epoch == -1:
            _prepare(optimizer, max_lr, div_factor, final_div_factor,
                     (base_momentum, max_momentum) if cycle_momentum else None)  # fmt: skip
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rate of each group at ``last_epoch``, and set its momentum."""
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch} times. "
                f"The specified number of total steps is {self.total_steps}"
            )
        ahead = (phase for phase in self.phases if self.last_epoch <= phase[1])
        phase = next(ahead, self.phases[-1])
        start, end, (lr, next_lr), (momentum, next_momentum) = phase
        share = (self.last_epoch - start) / (end - start) if end > start else 1.0
        groups = self.optimizer.param_groups
        needed = {lr, next_lr}
        if self.momentum_name:
            needed |= {momentum, next_momentum}
        if any(needed - group.keys() for group in groups):
            raise self.other_groups()
        if self.momentum_name:
            for group in groups:
                value = self._between(group[momentum], group[next_momentum], share)
                set_momentum(group, self.momentum_name, value)
        return [self._between(group[lr], group[next_lr], share) for group in groups]

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)


def _total_steps(total: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    factors = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    if total is not None:
        factors = {"total_steps": total}
    elif None in factors.values():
        raise ValueError(
            "You must define either total_steps OR (epochs AND steps_per_epoch), "
            f"got epochs={epochs} and steps_per_epoch={steps_per_epoch}"
        )
    for name, value in factors.items():
        if not isinstance(value, int) or value <= 0:
            raise ValueError(f"Expected positive integer {name}, but got {value}")
    return math.prod(factors.values())  # type: ignore[arg-type]


def _phases(pct: float, total: int, three: bool) -> list[Any]:
    """Return first and last step, rates and momenta (their keys) at both ends, of each phase."""
    down = ("max_momentum", "base_momentum")
    up = ("base_momentum", "max_momentum")
    stay = ("max_momentum", "max_momentum")
    top = float(pct * total) - 1
    last = total - 1
    climb = (0.0, top, ("initial_lr", "max_lr"), down)
    if not three:
        fall = (top, last, ("max_lr", "min_lr"), up)
        return [climb, fall]
    back = float(2 * pct * total) - 2
    return [
        climb,
        (top, back, ("max_lr", "initial_lr"), up),
        (back, last, ("initial_lr", "min_lr"), stay),
    ]


def _prepare(
    optimizer: Optimizer, max_lr: Any, div: float, final_div: float, momenta: tuple[Any, Any] | None
) -> None:
    """Write the ends of the cycle into the groups."""
    ends = [
        {"initial_lr": t / div, "max_lr": t, "min_lr": t / div / final_div}
        for t in value_per_group("max_lr", max_lr, optimizer)
    ]
    for name, values in zip(("base_momentum", "max_momentum"), momenta or (), strict=False):
        for group, value in zip(ends, value_per_group(name, values, optimizer), strict=True):
            group[name] = value
    for group, values in zip(optimizer.param_groups, ends, strict=True):
        group.update(values)
