"""What is done to every Batch Normalization of a model: freezing, and exact statistics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import numpy as np

from minigrad.modes import hold_statistics, no_grad
from minigrad.nn.arguments import check_module
from minigrad.nn.batchnorm.dataflow import first_input
from minigrad.nn.batchnorm.layers import batch_norm
from minigrad.nn.batchnorm.statistics import BatchNormBase
from minigrad.nn.module import Module
from minigrad.tensor.tensor import Tensor

M = TypeVar("M", bound=Module)


def batchnorms(model: Module, function: str = "batchnorms") -> dict[str, BatchNormBase]:
    """Return every Batch Normalization of a model by its dotted path."""
    check_module(model, function)
    return {
        path: module for path, module in model.named_modules() if isinstance(module, BatchNormBase)
    }


def freeze_batchnorm(model: M, stats: bool = True, affine: bool = True) -> M:
    """Freeze every Batch Normalization of a model, through any later ``train()``; return the model.

    ``stats`` holds the running statistics and normalises by them, ``affine`` holds γ and β. Layers
    that track no statistics have only γ and β to hold.

    >>> from minigrad import nn
    >>> nn.utils.freeze_batchnorm(nn.Sequential(nn.BatchNorm1d(2))).train()[0].frozen
    'stats, affine'
    """
    for layer in batchnorms(model, "freeze_batchnorm").values():
        layer.freeze(stats and layer.running_mean is not None, affine)
    return model


def unfreeze_batchnorm(model: M, stats: bool = True, affine: bool = True) -> M:
    """Undo :func:`freeze_batchnorm`; return the model."""
    for layer in batchnorms(model, "unfreeze_batchnorm").values():
        layer.unfreeze(stats, affine)
    return model


@contextmanager
def evaluating(model: Module, by_batch: Iterable[Module] = ()) -> Iterator[None]:
    """Evaluate in this block, but for some layers, which go by batch; then all is as it was.

    No statistic moves, nothing is recorded.
    """
    before = {module: module.training for module in model.modules()}
    model.eval()
    for module in by_batch:
        module.train()
    try:
        with no_grad(), hold_statistics():
            yield
    finally:
        for module, mode in before.items():
            module.__dict__["training"] = mode


class Moments:
    """Count, mean and sum of squared deviations (C,), merged batch by batch in float64.

    Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise algorithm", equation 1.5
    """

    def __init__(self) -> None:
        self.n = 0
        self.mean, self.m2 = np.zeros(()), np.zeros(())
        # mean and unbiased variance of each batch; one value per channel has no variance
        self.batches: list[tuple[np.ndarray, np.ndarray | None]] = []

    def add(self, x: Tensor) -> None:
        """Merge the values of (N, C, *) into those seen so far."""
        channels_first = np.moveaxis(x._data, 1, 0)
        flat = channels_first.reshape(x.shape[1], -1).astype(np.float64)  # (C, m)
        m = flat.shape[1]
        if not m:
            return
        mean, m2 = _mean_and_squares(flat)
        self.batches.append((mean, m2 / (m - 1) if m > 1 else None))
        n = self.n + m
        gap = mean - self.mean
        self.m2 = self.m2 + m2 + gap**2 * (self.n * m / n)
        self.mean = self.mean + gap * (m / n)
        self.n = n

    def population(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and unbiased variance of all values together."""
        return self.mean, self.m2 / max(self.n - 1, 1)

    def paper(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the averages over batches of their means and unbiased variances."""
        means = [mean for mean, _ in self.batches]
        variances = [variance for _, variance in self.batches if variance is not None]
        return np.mean(means, 0), np.mean(variances, 0)

    def normalise(self, layer: BatchNormBase, x: Tensor) -> Tensor:
        """Return the layer's output for ``x``, normalised by the moments seen so far."""
        mean: Tensor = Tensor._wrap(self.mean.astype(x.dtype))
        var: Tensor = Tensor._wrap((self.m2 / self.n).astype(x.dtype))
        return batch_norm(x, mean, var, layer.weight, layer.bias, eps=layer.eps)


def _mean_and_squares(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and sum of squared deviations of each row of (C, m)."""
    mean = flat.mean(1)
    mean += (flat - mean[:, None]).mean(1)  # the rounding error of the mean
    return mean, ((flat - mean[:, None]) ** 2).sum(1)


def recalibrate_batchnorm(
    model: M, loader: Iterable[Any], *, average: str = "population", progress: bool = False
) -> M:
    """Give every Batch Normalization of a model the statistics of a data set; return the model.

    Algorithm 2 of the paper (https://arxiv.org/abs/1502.03167), in one pass over ``loader``, whose
    batches are the input or begin with it. Meanwhile every layer normalises by its batches (by all
    values so far where a batch has a single value per channel), the rest of the model evaluates.
    "population" merges the moments of all values exactly, so that a small last batch weighs what it
    should; "paper" averages over batches as the paper's text does. Empty batches say nothing,
    frozen layers are left alone. Raises ValueError for a loader without values, an unknown
    ``average``, a layer that meets nan or inf, and one that meets a single value per channel in
    all (for "paper": in each); nothing has changed then.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> model = nn.Sequential(nn.BatchNorm1d(1))
    >>> batches = [mg.tensor([[0.0], [1.0]]), mg.tensor([[2.0], [3.0], [9.0]])]
    >>> nn.utils.recalibrate_batchnorm(model, batches)[0].running_mean, model[0].running_var
    (tensor([3.]), tensor([12.5000]))
    """
    if average not in ("population", "paper"):
        raise ValueError(
            f"recalibrate_batchnorm: average: expected 'population' or 'paper', got {average!r}"
        )
    layers = {
        path: layer
        for path, layer in batchnorms(model, "recalibrate_batchnorm").items()
        if layer.running_mean is not None and not layer.frozen_stats
    }
    moments = {path: Moments() for path in layers}
    _gather_moments(model, layers, moments, _with_progress_bar(loader) if progress else loader)
    results = {}
    for path, m in moments.items():
        _check_values(path, m, average)
        if m.n:
            results[path] = getattr(m, average)()
    for path, result in results.items():
        if not np.isfinite(result).all():
            raise ValueError(
                f"recalibrate_batchnorm: layer '{path}' met nan or inf; no statistics have changed"
            )
    for path, (mean, var) in results.items():
        layer = layers[path]
        layer.running_mean.copy_(Tensor._wrap(mean))
        layer.running_var.copy_(Tensor._wrap(var))
        layer.num_batches_tracked.fill_(len(moments[path].batches))
    return model


def _gather_moments(
    model: Module,
    layers: dict[str, BatchNormBase],
    moments: dict[str, Moments],
    loader: Iterable[Any],
) -> None:
    """Run the model on every batch, and add each layer's inputs to its moments."""
    batches = 0
    with ExitStack() as stack:
        stack.enter_context(evaluating(model, layers.values()))
        for path, layer in layers.items():
            before, after = _hooks(moments[path])
            stack.callback(layer.register_forward_pre_hook(before).remove)
            stack.callback(layer.register_forward_hook(after).remove)
        for batch in loader:
            x = first_input(batch)
            if x.numel():
                model(x)
                batches += 1
    if not batches:
        raise ValueError(
            f"recalibrate_batchnorm: the loader, a {type(loader).__name__}, gave no batch, "
            "or only empty ones"
        )


def _hooks(moments: Moments) -> tuple[Any, Any]:
    """Return hooks before and after forward: the first adds the input to ``moments``.

    The other normalises a batch with a single value per channel by the moments so far.
    """

    def before(layer: Any, args: Any) -> None:
        moments.add(args[0])

    def after(layer: Any, args: Any, output: Tensor) -> Tensor | None:
        x = args[0]
        return moments.normalise(layer, x) if x.numel() == x.shape[1] else None

    return before, after


def _check_values(path: str, moments: Moments, average: str) -> None:
    """Raise ValueError where a layer has met too few values for a variance."""
    variances = [variance for _, variance in moments.batches]
    defined = [variance for variance in variances if variance is not None]
    only_single_values = bool(variances) and not defined
    if moments.n == 1 or (average == "paper" and only_single_values):
        raise ValueError(
            f"recalibrate_batchnorm: Expected more than 1 value per channel for layer '{path}', "
            "in the whole loader or, for average='paper', in one of its batches"
        )


def _with_progress_bar(loader: Iterable[Any]) -> Iterable[Any]:
    from tqdm import tqdm

    return tqdm(loader, desc="recalibrating", unit="batch")
