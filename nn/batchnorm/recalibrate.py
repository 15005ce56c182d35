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
from minigrad.nn.batchnorm.statistics import NormBase
from minigrad.nn.module import Module
from minigrad.tensor.tensor import Tensor

M = TypeVar("M", bound=Module)


def batchnorms(model: Module, function: str = "batchnorms") -> dict[str, NormBase]:
    """Return every Batch Normalization of a model by its dotted path."""
    check_module(model, function)
    return {path: module for path, module in model.named_modules() if isinstance(module, NormBase)}


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
        self.n, self.mean, self.m2 = 0, np.zeros(()), np.zeros(())
        self.batches: list[
            tuple[np.ndarray, np.ndarray | None]
        ] = []  # mean and unbiased variance, if any, of each

    def add(self, x: Tensor) -> None:
        """Merge the values of (N, C, *) into those seen so far."""
        flat = np.moveaxis(x._data, 1, 0).reshape(x.shape[1], -1).astype(np.float64)  # (C, m)
        m = flat.shape[1]
        if not m:
            return
        mean = flat.mean(1)
        mean += (flat - mean[:, None]).mean(1)
        m2 = ((flat - mean[:, None]) ** 2).sum(1)
        self.batches.append((mean, m2 / (m - 1) if m > 1 else None))
        n, gap = self.n + m, mean - self.mean
        self.m2 = self.m2 + m2 + gap**2 * (self.n * m / n)
        self.n, self.mean = n, self.mean + gap * (m / n)

    def population(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and unbiased variance of all values together."""
        return self.mean, self.m2 / max(self.n - 1, 1)

    def paper(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the averages of the batches' means and unbiased variances, each batch with weight 1."""
        means, variances = zip(*self.batches, strict=True)
        return np.mean(means, 0), np.mean(
            [variance for variance in variances if variance is not None], 0
        )

    def normalise(self, layer: NormBase, x: Tensor) -> Tensor:
        """Return what the layer makes of ``x`` by the moments seen so far."""
        mean, var = (Tensor._wrap(value.astype(x.dtype)) for value in (self.mean, self.m2 / self.n))
        return batch_norm(x, mean, var, layer.weight, layer.bias, eps=layer.eps)


def recalibrate_batchnorm(
    model: M, loader: Iterable[Any], *, average: str = "population", progress: bool = False
) -> M:
    """Give every Batch Normalization of a model the statistics of a whole data set; return the model.

    Algorithm 2 of the paper (https://arxiv.org/abs/1502.03167), in one pass over ``loader``, whose
    batches are the input or begin with it. Every layer normalises by its batches meanwhile (one that
    has a single value a channel by all values so far), the rest of the model evaluates. "population"
    merges the moments of all values exactly, so that a small last batch weighs what it should; "paper"
    averages over batches as the paper's text does. Empty batches say nothing, frozen layers are left
    alone. Raises ValueError for a loader without values, an unknown ``average``, a layer that meets nan
    or inf, and one that meets a single value a channel in all (for "paper": in each); nothing has
    changed then.

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
        p: m
        for p, m in batchnorms(model, "recalibrate_batchnorm").items()
        if m.running_mean is not None and not m.frozen_stats
    }
    seen = {layer: Moments() for layer in layers.values()}
    batches = 0
    with ExitStack() as stack:
        stack.enter_context(evaluating(model, layers.values()))
        for layer, moments in seen.items():
            handle = layer.register_forward_pre_hook(
                lambda _, args, moments=moments: moments.add(args[0])
            )
            stack.callback(handle.remove)
            stack.callback(layer.register_forward_hook(_lone(moments)).remove)
        for batch in _shown(loader) if progress else loader:
            x = first_input(batch)
            if x.numel():
                model(x)
                batches += 1
    if not batches:
        raise ValueError("recalibrate_batchnorm: the loader gave no batch, or only empty ones")
    for path, layer in layers.items():
        sizes = [1 if var is None else 2 for _, var in seen[layer].batches]
        if seen[layer].n == 1 or (average == "paper" and sizes and max(sizes) == 1):
            raise ValueError(
                f"recalibrate_batchnorm: Expected more than 1 value per channel for layer '{path}', in the whole "
                "loader or, for average='paper', in one of its batches"
            )
    found = {layer: getattr(moments, average)() for layer, moments in seen.items() if moments.n}
    for path, layer in layers.items():
        if layer in found and not np.isfinite(found[layer]).all():
            raise ValueError(
                f"recalibrate_batchnorm: layer '{path}' met nan or inf; no statistics have changed"
            )
    for layer, (mean, var) in found.items():
        layer.running_mean.copy_(Tensor._wrap(mean))
        layer.running_var.copy_(Tensor._wrap(var))
        layer.num_batches_tracked.fill_(len(seen[layer].batches))
    return model


def _lone(moments: Moments) -> Any:
    """Return a forward hook that normalises a batch with a single value a channel by what was seen so far."""

    def hook(layer: Any, args: Any, output: Tensor) -> Tensor | None:
        x = args[0]
        return moments.normalise(layer, x) if x.numel() == x.shape[1] else None

    return hook


def _shown(loader: Iterable[Any]) -> Iterable[Any]:
    from tqdm import tqdm

    return tqdm(loader, desc="recalibrating", unit="batch")
