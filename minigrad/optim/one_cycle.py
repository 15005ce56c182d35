"""One cycle: the rate climbs and falls far below its start while momentum does the opposite."""

from __future__ import annotations

import math
from typing import Any

from minigrad.optim.optimizer import Optimizer
from minigrad.optim.schedule import (
    LRScheduler,
    check_optimizer,
    cycles_beta1,
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
        self._schedule_phases = _phases(pct_start, self.total_steps, three_phase)
        self._anneal_func_type = anneal_strategy
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = cycles_beta1(optimizer)
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
        phase, share = self._phase()
        groups = self.optimizer.param_groups
        ends = ["start_lr", "end_lr"]
        if self.cycle_momentum:
            ends += ["start_momentum", "end_momentum"]
        needed = {phase[end] for end in ends}
        if any(needed - group.keys() for group in groups):
            raise self.other_groups()
        if self.cycle_momentum:
            first, last = phase["start_momentum"], phase["end_momentum"]
            for group in groups:
                value = self._between(group[first], group[last], share)
                set_momentum(group, self.use_beta1, value)
        first, last = phase["start_lr"], phase["end_lr"]
        return [self._between(group[first], group[last], share) for group in groups]

    def _phase(self) -> tuple[dict[str, Any], float]:
        """Return the phase at ``last_epoch`` and the share of it that is over."""
        start = 0.0
        for phase in self._schedule_phases[:-1]:
            if self.last_epoch <= phase["end_step"]:
                break
            start = phase["end_step"]
        else:
            phase = self._schedule_phases[-1]
        end = phase["end_step"]
        share = (self.last_epoch - start) / (end - start) if end > start else 1.0
        return phase, share

    def _between(self, start: float, end: float, share: float) -> float:
        if self._anneal_func_type == "linear":
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


def _phases(pct: float, total: int, three: bool) -> list[dict[str, Any]]:
    """Return the last step and the keys of rates and momenta at both ends of each phase."""
    down = ("max_momentum", "base_momentum")
    up = ("base_momentum", "max_momentum")
    stay = ("max_momentum", "max_momentum")
    top = float(pct * total) - 1
    last = total - 1
    climb = _phase_of(top, ("initial_lr", "max_lr"), down)
    if not three:
        return [climb, _phase_of(last, ("max_lr", "min_lr"), up)]
    back = _phase_of(float(2 * pct * total) - 2, ("max_lr", "initial_lr"), up)
    return [climb, back, _phase_of(last, ("initial_lr", "min_lr"), stay)]


def _phase_of(end_step: float, rates: tuple[str, str], momenta: tuple[str, str]) -> dict[str, Any]:
    """Return a phase in the form in which states hold it."""
    start_lr, end_lr = rates
    start_momentum, end_momentum = momenta
    return {
        "end_step": end_step,
        "start_lr": start_lr,
        "end_lr": end_lr,
        "start_momentum": start_momentum,
        "end_momentum": end_momentum,
    }


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
