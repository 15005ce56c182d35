"""What learning-rate schedules share: they go on by one with every ``step()``."""

from __future__ import annotations

from typing import Any

from minigrad.modes import refuse_on_tape
from minigrad.optim.optimizer import Optimizer
from minigrad.silence import warn

_NO_INITIAL_LR = (
    "param 'initial_lr' is not specified in param_groups[{}] when resuming scheduler with "
    "last_epoch >= 0. Load the optimizer's state first, or leave last_epoch at -1."
)
_TOO_EARLY = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. "
    "In PyTorch 1.1.0 and later, you should call them in the opposite order: "
    "`optimizer.step()` before `lr_scheduler.step()`.  Failure to do this will result in "
    "PyTorch skipping the first value of the learning rate schedule."
)
EPOCH_IS_DEPRECATED = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
    "possible. Please use `scheduler.step()` to step the scheduler. During the deprecation, if "
    "epoch is different from None, the closed form is used instead of the new chainable form, "
    "where available."
)

INSIDE_A_STEP = (
    "scheduler.step() inside a compiled step would run only while recording; call it after the step"
)


class LRScheduler:
    """Base class: a schedule writes ``rate(lr, base)``, the rate that follows ``lr``.

    Rates follow from one another, as in PyTorch, so that two schedules may be stepped on one
    optimizer, a rate set by hand goes on from there, and so does that of a group which
    ``add_param_group`` adds later. ``last_epoch`` counts the steps.

    Raises TypeError for anything that is not an optimizer, KeyError for ``last_epoch`` ≥ 0 on a
    fresh one.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LRScheduler.html
    """

    unsaved: tuple[str, ...] = ("optimizer",)  # attributes that state_dict() leaves out
    _last_lr: list[float]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(_NO_INITIAL_LR.format(i))
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        """Set the rates of the first step, for the optimizer as it stands."""
        self._step_count = 0
        self._is_initial = True
        self._get_lr_called_within_step = False  # nothing reads it: PyTorch's states have it
        self.step()
        self._is_initial = False

    def rate(self, lr: float, base: float | None) -> float:
        """Return the rate at ``last_epoch`` of a group that has ``lr`` now and began with ``base``.

        ``base`` is None for a group that came later than the schedule.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define rate(lr, base)")

    def closed_form(self, base: float) -> float:
        """Return the rate at ``last_epoch`` of a group that began with ``base``.

        ``step(epoch)`` asks for it.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define closed_form(base)")

    def get_lr(self) -> list[float]:
        """Return the rate of each group at ``last_epoch``; :meth:`get_last_lr` is what to read."""
        groups = self.optimizer.param_groups
        bases = [*self.base_lrs, *[None] * (len(groups) - len(self.base_lrs))]
        return [self.rate(group["lr"], base) for group, base in zip(groups, bases, strict=False)]

    def get_last_lr(self) -> list[float]:
        """Return the rate of each group as this schedule last set it."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go on by one, or to ``epoch`` (deprecated).

        Warns where the optimizer has not stepped before.
        Raises ValueError where the schedule knows no rate for a group that was added later, and
        stays where it was.
        """
        refuse_on_tape(INSIDE_A_STEP)
        watched = type(self.optimizer).step is Optimizer.step
        if self._step_count == 1 and watched and not self.optimizer.stepped:
            warn(_TOO_EARLY)
        if epoch is not None:
            warn(EPOCH_IS_DEPRECATED)
        before = self._step_count, self.last_epoch
        self._step_count += 1
        try:
            self._update_lr(epoch)
        except Exception:
            self._step_count, self.last_epoch = before
            raise

    def _update_lr(self, epoch: int | None = None) -> None:
        """Go on by one, or to ``epoch``, and set the rates there."""
        self._set_rates(self._rates(epoch))

    def _set_rates(self, rates: list[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = float(lr)
        self._last_lr = current_rates(self.optimizer)

    def _rates(self, epoch: int | None) -> list[float]:
        """Move ``last_epoch`` and return the rates there."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        has_closed_form = type(self).closed_form is not LRScheduler.closed_form
        if epoch is not None and has_closed_form:
            rates = [self.closed_form(base) for base in self.base_lrs]
        else:
            rates = self.get_lr()
        if len(rates) != len(self.optimizer.param_groups):
            raise self.other_groups()
        return rates

    def other_groups(self) -> ValueError:
        """Return the error of a schedule that cannot go on with groups it was not made for."""
        return ValueError(
            f"{type(self).__name__} was made for {len(self.base_lrs)} parameter groups, and the "
            f"optimizer has {len(self.optimizer.param_groups)} now: it knows no rate for those "
            "that add_param_group added. Make a new schedule after add_param_group."
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the position and the options, without the optimizer and without functions."""
        return {
            k: list(v) if isinstance(v, list) else v
            for k, v in vars(self).items()
            if k not in self.unsaved
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to a saved position; the rates themselves come with the optimizer's state."""
        if "last_epoch" not in state_dict:
            raise ValueError(
                f"load_state_dict: no 'last_epoch' among {list(state_dict)}; "
                "is this a schedule's state?"
            )
        vars(self).update({k: v for k, v in state_dict.items() if k not in self.unsaved})


def check_optimizer(optimizer: Any) -> None:
    """Raise TypeError for anything that is not an optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def current_rates(optimizer: Optimizer) -> list[float]:
    """Return the rate of each group."""
    return [group["lr"] for group in optimizer.param_groups]


def value_per_group(name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """Return a list with a value per group: ``value`` itself, or that number for all of them."""
    groups = len(optimizer.param_groups)
    values = list(value) if isinstance(value, (list, tuple)) else [value] * groups
    if len(values) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(values)} values, param_groups has {groups}."
        )
    return values


def cycles_beta1(optimizer: Optimizer) -> bool:
    """Return whether the momentum to cycle is the first of the betas."""
    if not optimizer.defaults.keys() & {"momentum", "betas"}:
        raise ValueError(
            "optimizer must support momentum or beta1 with `cycle_momentum` option enabled; "
            f"{type(optimizer).__name__} has the options {sorted(optimizer.defaults)}"
        )
    return "betas" in optimizer.defaults


def set_momentum(group: dict[str, Any], is_beta1: bool, value: float) -> None:
    """Write the momentum of a group, or the first of its betas."""
    if is_beta1:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value
