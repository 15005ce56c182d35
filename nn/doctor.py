"""Find before the run what goes wrong with Batch Normalization.

``check(model, loader, optimizer)`` runs the rules of ``doctor_rules`` over what was seen of the
model: its modules, and with a loader the first batches that went through it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from minigrad.modes import recording
from minigrad.nn.batchnorm.dataflow import (
    BatchNormInput,
    batchnorm_inputs,
    first_input,
    nearest_before,
    sequential_pairs,
)
from minigrad.nn.batchnorm.recalibrate import Moments, batchnorms, evaluating
from minigrad.nn.batchnorm.statistics import BatchNormBase
from minigrad.nn.container import Sequential
from minigrad.nn.doctor_rules import RULES, Evidence, Finding, Source
from minigrad.nn.dropout import _DropoutNd
from minigrad.nn.module import Module
from minigrad.tensor.tensor import Tensor
from minigrad.utils.table import html_table
from minigrad.utils.unchanged import unchanged

BATCHES = 8  # looked at; the last batch's size is told by the loader's length where it has one


class Findings(list[Finding]):
    """All findings; prints as one paragraph each, or as a clean bill; notebooks show a table."""

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) or "no findings"

    def html(self) -> str:
        """Return the findings as a table in HTML."""
        if not self:
            return "<p>no findings</p>"
        rows = [(f.path or "model", f.rule, f.why, f.remedy) for f in self]
        return html_table(("layer", "rule", "why", "remedy"), rows)

    _repr_html_ = html


def check(model: Module, loader: Iterable[Any] | None = None, optimizer: Any = None) -> Findings:
    """Return what is likely to go wrong with the Batch Normalizations of ``model``.

    With ``loader``, whose batches are the input or begin with it, its first batches are run through
    the model; without, only what the modules themselves tell is judged. ``optimizer`` is looked at
    for weight decay. Nothing is changed: modes, statistics, parameters, random numbers and the
    loader's place in its epoch are as before.

    >>> from minigrad import nn
    >>> nn.doctor.check(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))
    0: bias before Batch Normalization
      why: layer '1' subtracts the mean, and the bias with it: it costs time and learns nothing
      remedy: give this layer bias=False; the Batch Normalization's own bias takes its place
    """
    samplers = [getattr(loader, name, None) for name in ("sampler", "batch_sampler")]
    batches = loader
    if isinstance(loader, (list, tuple)):
        batches = list(loader[:BATCHES])
    with unchanged(model, batches, samplers):
        evidence = _gather(model, loader, optimizer)
        return Findings(finding for rule in RULES for finding in rule(evidence))


def _gather(model: Module, loader: Iterable[Any] | None, optimizer: Any) -> Evidence:
    layers = batchnorms(model, "doctor.check")
    first = [] if loader is None else list(islice(loader, BATCHES))
    batches = [first_input(batch) for batch in first]
    inputs = {path: Moments() for path in layers}
    if batches:
        sources = _sources_of_a_run(model, batches[0])
        dropouts = _dropouts_of_a_run(model, batches[0])
        calls = _add_inputs(inputs, model, layers, batches)
    else:
        pairs = sequential_pairs(model)
        sources = [
            Source(path, source_path, source, True) for path, _, source_path, source in pairs
        ]
        dropouts = dict(_dropouts_in_sequentials(model))
        calls = Counter(layers.keys())
    return Evidence(
        model=model,
        layers=layers,
        sources=sources,
        dropouts=dropouts,
        calls=calls,
        batches=batches,
        labels=[labels for batch in first if (labels := _labels(batch)) is not None],
        last_label=_last_label(loader),
        inputs=inputs,
        last=_last_size(loader, batches),
        optimizer=optimizer,
    )


def _labels(batch: Any) -> np.ndarray | None:
    """Return the classes (N,) that a batch (input, classes, …) holds."""
    second = batch[1] if isinstance(batch, (tuple, list)) and len(batch) > 1 else None
    if not isinstance(second, Tensor) or second.ndim != 1 or second.is_floating_point():
        return None
    return second.numpy()


def _last_label(loader: Any) -> Any:
    """Return the class of the data set's last sample, where that can be known."""
    tensors: Any = getattr(getattr(loader, "dataset", None), "tensors", ())
    return tensors[1][-1].item() if len(tensors) > 1 and tensors[1].ndim == 1 else None


def _add_inputs(
    moments: dict[str, Moments],
    model: Module,
    layers: dict[str, BatchNormBase],
    batches: list[Tensor],
) -> Counter[str]:
    """Add each layer's inputs, over the batches of more than one sample, to its moments.

    Returns how often the last of these batches called each layer.
    """
    unfrozen = [layer for layer in layers.values() if not layer.frozen_stats]
    counts: Counter[str] = Counter()
    with evaluating(model, unfrozen):
        for x in batches:
            if len(x) > 1:
                calls = batchnorm_inputs(model, x)
                counts = Counter(call.path for call in calls)
                for call in calls:
                    moments[call.path].add(call.input)
    return counts


def _sources_of_a_run(model: Module, x: Tensor) -> list[Source]:
    """Run the model twice: evaluation tells who reads what alone, training shows Dropouts."""
    tracked = x.detach().requires_grad_(x.is_floating_point())
    with evaluating(model), recording():
        evaluated = {call.path: call for call in batchnorm_inputs(model, tracked)}
    with evaluating(model, _dropouts(model)):
        trained: dict[str, BatchNormInput] = {
            call.path: call for call in batchnorm_inputs(model, x)
        }
    sources = []
    for path, call in evaluated.items():
        behind_dropout = isinstance(trained[path].source, _DropoutNd)
        shown = trained[path] if behind_dropout else call
        sources.append(Source(path, shown.source_path, shown.source, call.exclusive))
    return sources


def _dropouts(model: Module) -> list[Module]:
    return [module for module in model.modules() if isinstance(module, _DropoutNd)]


def _dropouts_of_a_run(model: Module, x: Tensor) -> dict[str, tuple[str, int]]:
    tracked = x.detach().requires_grad_(x.is_floating_point())
    with evaluating(model, _dropouts(model)), recording():
        return nearest_before(model, tracked, _DropoutNd)


def _dropouts_in_sequentials(model: Module) -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield what is known without a run: BatchNorm layers that follow a dropout in a Sequential."""
    for place, container in model.named_modules():
        if not isinstance(container, Sequential):
            continue
        prefix = f"{place}." if place else ""
        dropout, since = "", 0
        for name, module in container._modules.items():
            since += 1
            if isinstance(module, _DropoutNd) and module.p > 0:
                dropout, since = prefix + name, 0
            elif isinstance(module, BatchNormBase):
                if dropout:
                    yield prefix + name, (dropout, since - 1)
                dropout = ""


def _last_size(loader: Any, batches: list[Tensor]) -> int | None:
    if hasattr(loader, "dataset") and getattr(loader, "batch_size", None):
        remainder = len(loader.dataset) % loader.batch_size
        return loader.batch_size if remainder == 0 or loader.drop_last else remainder
    return len(batches[-1]) if batches and len(batches) < BATCHES else None
