"""Find before the run what goes wrong with Batch Normalization.

``check(model, loader, optimizer)`` runs the rules below, one function each, over what was seen of
the model: its modules, and with a loader the first batches that went through it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from minigrad.modes import recording
from minigrad.nn.batchnorm.dataflow import Fed, feeds, first_input, neighbours, tensors
from minigrad.nn.batchnorm.recalibrate import Moments, batchnorms, evaluating
from minigrad.nn.batchnorm.statistics import NormBase
from minigrad.nn.dropout import Dropout, Dropout2d
from minigrad.nn.module import Module
from minigrad.tensor.tensor import Tensor
from minigrad.utils.table import html_table
from minigrad.utils.unchanged import unchanged

FEW = 8  # values a channel: below, the batch's statistics say little of the data's
FAR = (
    3.0  # standard deviations between running and batch means, or a factor of 3² between variances
)
GAP = 0.5  # of the size of the outputs, between training and evaluation
BATCHES = 8  # looked at; the last batch's size is told by the loader's length where it has one


class Finding(NamedTuple):
    """What a rule found: the layer's dotted path, which rule, why it matters, how to mend it."""

    path: str
    rule: str
    why: str
    remedy: str

    def __repr__(self) -> str:
        return f"{self.path or 'model'}: {self.rule}\n  why: {self.why}\n  remedy: {self.remedy}"


class Findings(list[Finding]):
    """All findings; prints as one paragraph each, or as a clean bill; notebooks show a table."""

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) or "no findings"

    def html(self) -> str:
        """Return the findings as a table in HTML."""
        rows = [(f.path or "model", f.rule, f.why, f.remedy) for f in self]
        return (
            html_table(("layer", "rule", "why", "remedy"), rows) if rows else "<p>no findings</p>"
        )

    _repr_html_ = html


class Seen(NamedTuple):
    """What the rules look at."""

    model: Module
    layers: dict[str, NormBase]
    feeds: list[tuple[str, str, Module | None, bool]]  # path, what feeds it, exclusively?
    batches: list[Tensor]  # the first inputs of the loader
    inputs: dict[str, Moments]  # of each layer, over those batches
    last: int | None  # size of the loader's last batch, where it can be known
    optimizer: Any


def check(model: Module, loader: Iterable[Any] | None = None, optimizer: Any = None) -> Findings:
    """Return what is likely to go wrong with the Batch Normalizations of ``model``.

    With ``loader``, whose batches are the input or begin with it, its first batches are run through
    the model; without, only what the modules themselves tell is judged. ``optimizer`` is looked at
    for weight decay. Nothing is changed: modes, statistics, parameters, random numbers and the loader's place in
    its epoch are as before.

    >>> from minigrad import nn
    >>> nn.doctor.check(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))
    0: bias before Batch Normalization
      why: layer '1' subtracts the mean, and the bias with it: it costs time and learns nothing
      remedy: give this layer bias=False; the Batch Normalization's own bias takes its place
    """
    samplers = [getattr(loader, name, None) for name in ("sampler", "batch_sampler")]
    batches = list(loader[:BATCHES]) if isinstance(loader, (list, tuple)) else loader
    with unchanged(model, batches, samplers):
        seen = _look(model, loader, optimizer)
        return Findings(finding for rule in RULES for finding in rule(seen))


def _look(model: Module, loader: Iterable[Any] | None, optimizer: Any) -> Seen:
    layers = batchnorms(model, "doctor.check")
    batches = [] if loader is None else [first_input(batch) for batch in islice(loader, BATCHES)]
    inputs = {path: Moments() for path in layers}
    fed: list[tuple[str, str, Module | None, bool]]
    fed = [(path, source_path, source, True) for path, _, source_path, source in neighbours(model)]
    if batches:
        fed = _fed(model, batches[0])
        with evaluating(model, [layer for layer in layers.values() if not layer.frozen_stats]):
            for x in batches:
                if len(x) > 1:
                    for one in feeds(model, x):
                        inputs[one.path].add(one.input)
    return Seen(model, layers, fed, batches, inputs, _last_size(loader, batches), optimizer)


def _fed(model: Module, x: Tensor) -> list[tuple[str, str, Module | None, bool]]:
    """Run the model twice: evaluation tells who reads what alone, training lets Dropout be seen."""
    with evaluating(model), recording():
        alone = {
            one.path: one for one in feeds(model, x.detach().requires_grad_(x.is_floating_point()))
        }
    by_name = {path: module for path, module in model.named_modules()}
    with evaluating(model, [m for m in by_name.values() if isinstance(m, (Dropout, Dropout2d))]):
        dropped: dict[str, Fed] = {one.path: one for one in feeds(model, x)}
    found = []
    for path, one in alone.items():
        source = dropped[path] if isinstance(dropped[path].source, (Dropout, Dropout2d)) else one
        found.append((path, source.source_path, source.source, one.exclusive))
    return found


def _last_size(loader: Any, batches: list[Tensor]) -> int | None:
    if hasattr(loader, "dataset") and getattr(loader, "batch_size", None):
        left = len(loader.dataset) % loader.batch_size
        return loader.batch_size if left == 0 or loader.drop_last else left
    return len(batches[-1]) if batches and len(batches) < BATCHES else None


# ---- the rules --------------------------------------------------------------------------------
def bias_before(seen: Seen) -> Iterator[Finding]:
    for path, source_path, source, exclusive in seen.feeds:
        held = seen.layers[
            path
        ].frozen_stats  # then the mean that is subtracted does not follow the bias
        if (
            exclusive
            and not held
            and getattr(source, "bias", None) is not None
            and not isinstance(source, NormBase)
        ):
            yield Finding(
                source_path,
                "bias before Batch Normalization",
                f"layer '{path}' subtracts the mean, and the bias with it: it costs time and learns nothing",
                "give this layer bias=False; the Batch Normalization's own bias takes its place",
            )


def lone_last_sample(seen: Seen) -> Iterator[Finding]:
    flat = [path for path, m in seen.inputs.items() if m.n and m.n <= sum(map(len, seen.batches))]
    if seen.last == 1 and flat:
        yield Finding(
            flat[0],
            "last batch of one sample",
            "one value per channel has no variance: training will stop there with a ValueError",
            "DataLoader(drop_last=True), or another batch_size",
        )


def no_statistics_yet(seen: Seen) -> Iterator[Finding]:
    for path, layer in seen.layers.items():
        unseen = layer.num_batches_tracked is not None and layer.num_batches_tracked.item() == 0
        if unseen and (not layer.training or layer.frozen_stats):
            yield Finding(
                path,
                "evaluation without statistics",
                "no batch has been seen: it normalises by mean 0 and variance 1, that is, not at all",
                "train first, load a state_dict, or nn.utils.recalibrate_batchnorm(model, loader)",
            )


def moving_while_frozen(seen: Seen) -> Iterator[Finding]:
    for path, layer in seen.layers.items():
        parameters = list(layer.parameters())
        held = bool(parameters) and not any(p.requires_grad for p in parameters)
        if held and layer.training and layer.running_mean is not None and not layer.frozen_stats:
            yield Finding(
                path,
                "statistics move while parameters are frozen",
                "requires_grad=False holds weight and bias only; every training batch moves the running statistics",
                "layer.freeze(), or nn.utils.freeze_batchnorm(model), which survive model.train()",
            )


def non_finite(seen: Seen) -> Iterator[Finding]:
    for path, layer in seen.layers.items():
        for name, buffer in layer.named_buffers():
            if not np.isfinite(buffer.numpy()).all() or (
                name == "running_var" and (buffer.numpy() < 0).any()
            ):
                yield Finding(
                    path,
                    f"{name} is not finite"
                    if name != "running_var"
                    else "running_var is negative or not finite",
                    "every evaluation gives nan, and no later batch can mend it",
                    "layer.reset_running_stats(), then nn.utils.recalibrate_batchnorm(model, loader)",
                )
                break


def stale(seen: Seen) -> Iterator[Finding]:
    for path, layer in seen.layers.items():
        moments = seen.inputs[path]
        known = layer.running_mean is not None and layer.num_batches_tracked.item() > 0
        if not known or not moments.n or not np.isfinite(layer.running_var.numpy()).all():
            continue
        mean, var = moments.population()
        off = np.abs(layer.running_mean.numpy() - mean) / np.sqrt(var + layer.eps)
        ratio = (layer.running_var.numpy() + layer.eps) / (var + layer.eps)
        far = (off > FAR) | (ratio > FAR**2) | (ratio < FAR**-2)
        if far.any():
            yield Finding(
                path,
                "stale statistics",
                f"{int(far.sum())} of {far.size} channels have running statistics far from those of the loader's data",
                "nn.utils.recalibrate_batchnorm(model, loader), or train longer; is the data prepared as in training?",
            )


def outputs_apart(seen: Seen) -> Iterator[Finding]:
    ready = [m for m in seen.layers.values() if m.running_mean is not None and not m.frozen_stats]
    if not seen.batches or not ready or any(m.num_batches_tracked.item() == 0 for m in ready):
        return
    x = max(seen.batches, key=len)
    if len(x) < 2:
        return
    with evaluating(seen.model):
        evaluated = [t.numpy() for t in tensors(seen.model(x)) if t.is_floating_point()]
    with evaluating(seen.model, ready):
        trained = [t.numpy() for t in tensors(seen.model(x)) if t.is_floating_point()]
    for a, b in zip(evaluated, trained, strict=True):
        gap = float(np.sqrt(np.mean((a - b) ** 2)) / (np.sqrt(np.mean(b**2)) or 1))
        if gap > GAP or np.isnan(gap):
            yield Finding(
                "",
                "training and evaluation outputs far apart",
                f"on one batch they differ by {gap:.0%} of their size: running and batch statistics disagree",
                "nn.utils.recalibrate_batchnorm(model, loader); check that training batches are shuffled and not tiny",
            )
            return


def dropout_before(seen: Seen) -> Iterator[Finding]:
    for path, source_path, source, _ in seen.feeds:
        if isinstance(source, (Dropout, Dropout2d)) and source.p > 0:
            yield Finding(
                path,
                "Dropout right before Batch Normalization",
                f"'{source_path}' raises the variance in training but not in evaluation, where the running "
                "variance is then too large (Li et al. 2018, arXiv:1801.05134)",
                "put the Dropout behind the last Batch Normalization",
            )


def constant_features(seen: Seen) -> Iterator[Finding]:
    for path, layer in seen.layers.items():
        moments = seen.inputs[path]
        if moments.n > 1:
            still = (
                moments.population()[1] <= (4 * np.finfo(np.float32).eps * moments.mean) ** 2
            )  # rounding only
            if still.any():
                yield Finding(
                    path,
                    "constant features",
                    f"{int(still.sum())} of {still.size} channels never vary: they become zero, and gradients "
                    f"through them are multiplied by {1 / np.sqrt(layer.eps):.0f}",
                    "drop those features (constant pixels, dead units), or normalise after a layer that mixes them",
                )


def small_batches(seen: Seen) -> Iterator[Finding]:
    for path, moments in seen.inputs.items():
        smallest = moments.n // max(len(moments.batches), 1)
        if moments.n and smallest < FEW and not seen.layers[path].frozen_stats:
            yield Finding(
                path,
                "batches too small",
                f"about {smallest} values a channel: the noise of their mean and variance drowns the data's",
                "larger batches, nn.utils.freeze_batchnorm(model), or a normalisation that does not use the batch",
            )


def weight_decay(seen: Seen) -> Iterator[Finding]:
    decayed = {
        id(p) for group in getattr(seen.optimizer, "param_groups", ()) if group.get("weight_decay") for p in group["params"]
    }  # fmt: skip
    for path, layer in seen.layers.items():
        names = [name for name, p in layer.named_parameters() if id(p) in decayed]
        if names:
            yield Finding(
                path,
                f"weight decay on {' and '.join(names)}",
                "it pulls the scale towards 0, which no later layer can tell from a smaller input; the "
                "weights before are scale-invariant and need no such help",
                "put them in a parameter group of their own with weight_decay=0",
            )


RULES = (
    bias_before, lone_last_sample, no_statistics_yet, moving_while_frozen, non_finite, stale,
    outputs_apart, dropout_before, constant_features, small_batches, weight_decay,
)  # fmt: skip
