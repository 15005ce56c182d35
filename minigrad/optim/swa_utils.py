"""Averages of weights: over epochs (SWA: Izmailov et al., 2018), or exponential (EMA).

https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from minigrad.creation import tensor
from minigrad.dtypes import category
from minigrad.modes import no_grad
from minigrad.nn.batchnorm.layers import _BatchNorm
from minigrad.nn.module import Module
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.schedule import LRScheduler, value_per_group
from minigrad.tensor.tensor import Tensor

Average = Callable[[Tensor, Tensor, Any], Any]  # of the average, the present value and how many
MultiAverage = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]  # writes into the first


class AveragedModel(Module):
    """A copy of ``model`` with the mean of the parameters at all ``update_parameters`` calls.

    ``avg_fn(average, present, n)`` returns another average of one parameter,
    ``multi_avg_fn(averages, presents, n)`` writes it into those of one dtype: see
    :func:`get_ema_multi_avg_fn`. Buffers are copied, or averaged with ``use_buffers``. Raises
    AssertionError for both functions.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.swa_utils.AveragedModel.html

    >>> import minigrad as mg
    >>> model = mg.nn.Linear(1, 1)
    >>> averaged = mg.optim.swa_utils.AveragedModel(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     mg.nn.init.constant_(model.weight, value)
    ...     averaged.update_parameters(model)
    Parameter containing:
    tensor([[1.]], requires_grad=True)
    Parameter containing:
    tensor([[2.]], requires_grad=True)
    Parameter containing:
    tensor([[6.]], requires_grad=True)
    >>> averaged.module.weight.item()
    3.0
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: MultiAverage | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype="int64"))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the averaged model makes of the arguments."""
        return self.module(*args, **kwargs)

    def _averaged(self, model: Module) -> Iterator[Tensor]:
        buffers = model.buffers() if self.use_buffers else ()
        return itertools.chain(model.parameters(), buffers)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the present parameters of ``model`` into the average."""
        averages = [p.detach() for p in self._averaged(self.module)]
        presents = [p.detach() for p in self._averaged(model)]
        if self.n_averaged == 0:
            _copy(averages, presents)
        elif self.multi_avg_fn is not None:
            for dtype in {p.dtype: None for p in averages}:
                pairs = zip(averages, presents, strict=True)
                same = [pair for pair in pairs if pair[0].dtype == dtype]
                averages_of_dtype, presents_of_dtype = map(list, zip(*same, strict=True))
                self.multi_avg_fn(averages_of_dtype, presents_of_dtype, self.n_averaged)
        else:
            average = self.avg_fn or get_swa_avg_fn()
            pairs = zip(averages, presents, strict=True)
            _copy(averages, [average(a, b, self.n_averaged) for a, b in pairs])
        if not self.use_buffers:
            _copy(self.module.buffers(), model.buffers())
        self.n_averaged += 1


def _copy(targets: Iterable[Tensor], sources: Iterable[Tensor]) -> None:
    for target, source in zip(targets, sources, strict=True):
        target.detach().copy_(source)


def get_swa_avg_fn() -> Average:
    """Return the mean of all values so far, as AveragedModel's ``avg_fn``."""

    @no_grad()
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_swa_multi_avg_fn() -> MultiAverage:
    """Return the mean of all values so far, as AveragedModel's ``multi_avg_fn``."""
    average = get_swa_avg_fn()

    @no_grad()
    def swa_update(averages: Sequence[Tensor], presents: Sequence[Tensor], n: Any) -> None:
        pairs = zip(averages, presents, strict=True)
        _copy(averages, [average(a, b, n) for a, b in pairs])

    return swa_update


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """Return decay × average + (1 − decay) × present, as AveragedModel's ``avg_fn``.

    Raises ValueError for a decay outside of 0 … 1.
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiAverage:
    """Return average + (1 − decay)(present − average), as AveragedModel's ``multi_avg_fn``.

    Raises ValueError for a decay outside of 0 … 1.
    """
    _check_decay(decay)
    average = get_ema_avg_fn(decay)

    @no_grad()
    def ema_update(averages: Sequence[Tensor], presents: Sequence[Tensor], n: Any) -> None:
        for a, b in zip(averages, presents, strict=True):
            if category(a.dtype) == 2:
                a.lerp_(b, 1 - decay)
            else:
                a.copy_(average(a, b, n))

    return ema_update


def _check_decay(decay: float) -> None:
    if not 0 <= decay <= 1:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Give every Batch Normalization the exact statistics of ``loader``, by one forward over it.

    A batch is a tensor, or a list or tuple whose first entry is taken.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.swa_utils.update_bn.html
    """
    layers = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    was_training = model.training
    model.train()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    try:
        for batch in loader:
            x = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(x if device is None else x.to(device))
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """From the rate there is to ``swa_lr`` within ``anneal_epochs`` steps, and stays there.

    ``swa_lr`` is a number, or a list with one for each group; the way is a cosine, or "linear".
    Raises ValueError for options out of range.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.swa_utils.SWALR.html
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        rates = value_per_group("swa_lr", swa_lr, optimizer)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["swa_lr"] = rate
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rate of each group: a share of ``swa_lr``, and of where the way began."""
        groups = self.optimizer.param_groups
        if any("swa_lr" not in group for group in groups):
            raise self.other_groups()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, share = self._share(step - 1), self._share(step)
        rates = []
        for group in groups:
            target = group["swa_lr"]
            start = target if before == 1 else (group["lr"] - before * target) / (1 - before)
            rates.append(target * share + start * (1 - share))
        return rates

    def _share(self, step: int) -> float:
        t = max(0, min(1, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2
