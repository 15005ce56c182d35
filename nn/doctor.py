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
from minigrad.nn.batchnorm.dataflow import (
    BatchNormInput,
    batchnorm_inputs,
    first_input,
    output_tensors,
    sequential_pairs,
)
from minigrad.nn.batchnorm.recalibrate import Moments, batchnorms, evaluating
from minigrad.nn.batchnorm.statistics import NormBase
from minigrad.nn.dropout import Dropout, Dropout2d
from minigrad.nn.module import Module
from minigrad.tensor.tensor import Tensor
from minigrad.utils.table import html_table
from minigrad.utils.unchanged import unchanged

FEW = 8  # values per channel: below, the batch's statistics say little of the data's
FAR = 3.0  # standard deviations between running and batch means; 3² between variances
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
        if not self:
            return "<p>no findings</p>"
        rows = [(f.path or "model", f.rule, f.why, f.remedy) for f in self]
        return html_table(("layer", "rule", "why", "remedy"), rows)

    _repr_html_ = html


class Source(NamedTuple):
    """A BatchNorm layer and the module whose output it normalises."""

    path: str  # of the layer
    source_path: str
    source: Module | None
    exclusive: bool  # nothing else reads that output


class Evidence(NamedTuple):
    """What the rules look at."""

    model: Module
    layers: dict[str, NormBase]
    sources: list[Source]
    batches: list[Tensor]  # the first inputs of the loader
    inputs: dict[str, Moments]  # of each layer, over those batches
    last: int | None  # size of the loader's last batch, where it can be known
    optimizer: Any


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
    first = [] if loader is None else islice(loader, BATCHES)
    batches = [first_input(batch) for batch in first]
    inputs = {path: Moments() for path in layers}
    if batches:
        sources = _sources_of_a_run(model, batches[0])
        _add_inputs(inputs, model, layers, batches)
    else:
        pairs = sequential_pairs(model)
        sources = [
            Source(path, source_path, source, True) for path, _, source_path, source in pairs
        ]
    last = _last_size(loader, batches)
    return Evidence(model, layers, sources, batches, inputs, last, optimizer)


def _add_inputs(
    moments: dict[str, Moments], model: Module, layers: dict[str, NormBase], batches: list[Tensor]
) -> None:
    """Add each layer's inputs, over the batches of more than one sample, to its moments."""
    unfrozen = [layer for layer in layers.values() if not layer.frozen_stats]
    with evaluating(model, unfrozen):
        for x in batches:
            calls = batchnorm_inputs(model, x) if len(x) > 1 else []
            for call in calls:
                moments[call.path].add(call.input)


def _sources_of_a_run(model: Module, x: Tensor) -> list[Source]:
    """Run the model twice: evaluation tells who reads what alone, training shows Dropouts."""
    tracked = x.detach().requires_grad_(x.is_floating_point())
    with evaluating(model), recording():
        evaluated = {call.path: call for call in batchnorm_inputs(model, tracked)}
    dropouts = [m for m in model.modules() if isinstance(m, (Dropout, Dropout2d))]
    with evaluating(model, dropouts):
        trained: dict[str, BatchNormInput] = {
            call.path: call for call in batchnorm_inputs(model, x)
        }
    sources = []
    for path, call in evaluated.items():
        behind_dropout = isinstance(trained[path].source, (Dropout, Dropout2d))
        shown = trained[path] if behind_dropout else call
        sources.append(Source(path, shown.source_path, shown.source, call.exclusive))
    return sources


def _last_size(loader: Any, batches: list[Tensor]) -> int | None:
    if hasattr(loader, "dataset") and getattr(loader, "batch_size", None):
        remainder = len(loader.dataset) % loader.batch_size
        return loader.batch_size if remainder == 0 or loader.drop_last else remainder
    return len(batches[-1]) if batches and len(batches) < BATCHES else None


# ---- the rules --------------------------------------------------------------------------------
def bias_before(evidence: Evidence) -> Iterator[Finding]:
    """A bias whose layer feeds a Batch Normalization, which subtracts it again."""
    for path, source_path, source, exclusive in evidence.sources:
        # with frozen statistics the mean that is subtracted does not follow the bias
        subtracts_bias = exclusive and not evidence.layers[path].frozen_stats
        has_bias = getattr(source, "bias", None) is not None and not isinstance(source, NormBase)
        if subtracts_bias and has_bias:
            yield Finding(
                source_path,
                "bias before Batch Normalization",
                f"layer '{path}' subtracts the mean, and the bias with it: "
                "it costs time and learns nothing",
                "give this layer bias=False; the Batch Normalization's own bias takes its place",
            )


def lone_last_sample(evidence: Evidence) -> Iterator[Finding]:
    """A last batch of one sample, on which training will stop."""
    flat = [
        path
        for path, m in evidence.inputs.items()
        if m.n and m.n <= sum(map(len, evidence.batches))
    ]
    if evidence.last == 1 and flat:
        yield Finding(
            flat[0],
            "last batch of one sample",
            "one value per channel has no variance: training will stop there with a ValueError",
            "DataLoader(drop_last=True), or another batch_size",
        )


def no_statistics_yet(evidence: Evidence) -> Iterator[Finding]:
    """Evaluation by the initial running statistics."""
    for path, layer in evidence.layers.items():
        unseen = layer.num_batches_tracked is not None and layer.num_batches_tracked.item() == 0
        if unseen and (not layer.training or layer.frozen_stats):
            yield Finding(
                path,
                "evaluation without statistics",
                "no batch has been seen: it normalises by mean 0 and variance 1, "
                "that is, not at all",
                "train first, load a state_dict, or nn.utils.recalibrate_batchnorm(model, loader)",
            )


def moving_while_frozen(evidence: Evidence) -> Iterator[Finding]:
    """Statistics that move in a layer whose parameters are frozen."""
    for path, layer in evidence.layers.items():
        parameters = list(layer.parameters())
        held = bool(parameters) and not any(p.requires_grad for p in parameters)
        if held and layer.training and layer.running_mean is not None and not layer.frozen_stats:
            yield Finding(
                path,
                "statistics move while parameters are frozen",
                "requires_grad=False holds weight and bias only; "
                "every training batch moves the running statistics",
                "layer.freeze(), or nn.utils.freeze_batchnorm(model), which survive model.train()",
            )


def non_finite(evidence: Evidence) -> Iterator[Finding]:
    """Running statistics that are nan, infinite or negative."""
    for path, layer in evidence.layers.items():
        for name, buffer in layer.named_buffers():
            is_variance = name == "running_var"
            negative = is_variance and (buffer.numpy() < 0).any()
            if negative or not np.isfinite(buffer.numpy()).all():
                fault = "is negative or not finite" if is_variance else "is not finite"
                yield Finding(
                    path,
                    f"{name} {fault}",
                    "every evaluation gives nan, and no later batch can mend it",
                    "layer.reset_running_stats(), "
                    "then nn.utils.recalibrate_batchnorm(model, loader)",
                )
                break


def stale(evidence: Evidence) -> Iterator[Finding]:
    """Running statistics that are far from the data's."""
    for path, layer in evidence.layers.items():
        moments = evidence.inputs[path]
        known = layer.running_mean is not None and layer.num_batches_tracked.item() > 0
        if not known or not moments.n or not np.isfinite(layer.running_var.numpy()).all():
            continue
        mean, var = moments.population()
        running_mean, running_var = layer.running_mean.numpy(), layer.running_var.numpy()
        distance = np.abs(running_mean - mean) / np.sqrt(var + layer.eps)
        ratio = (running_var + layer.eps) / (var + layer.eps)
        far = (distance > FAR) | (ratio > FAR**2) | (ratio < FAR**-2)
        if far.any():
            yield Finding(
                path,
                "stale statistics",
                f"{int(far.sum())} of {far.size} channels have running statistics "
                "far from those of the loader's data",
                "nn.utils.recalibrate_batchnorm(model, loader), or train longer; "
                "is the data prepared as in training?",
            )


def outputs_apart(evidence: Evidence) -> Iterator[Finding]:
    """Outputs that differ between training and evaluation."""
    ready = [
        m for m in evidence.layers.values() if m.running_mean is not None and not m.frozen_stats
    ]
    if not evidence.batches or not ready or any(m.num_batches_tracked.item() == 0 for m in ready):
        return
    x = max(evidence.batches, key=len)
    if len(x) < 2:
        return
    evaluated = _float_outputs(evidence.model, x, ())
    trained = _float_outputs(evidence.model, x, ready)
    for a, b in zip(evaluated, trained, strict=True):
        gap = float(np.sqrt(np.mean((a - b) ** 2)) / (np.sqrt(np.mean(b**2)) or 1))
        if gap > GAP or np.isnan(gap):
            yield Finding(
                "",
                "training and evaluation outputs far apart",
                f"on one batch they differ by {gap:.0%} of their size: "
                "running and batch statistics disagree",
                "nn.utils.recalibrate_batchnorm(model, loader); "
                "check that training batches are shuffled and not tiny",
            )
            return


def _float_outputs(model: Module, x: Tensor, by_batch: Iterable[Module]) -> list[np.ndarray]:
    """Return the outputs where ``by_batch`` normalise by the batch and the rest evaluates."""
    with evaluating(model, by_batch):
        outputs = output_tensors(model(x))
        return [tensor.numpy() for tensor in outputs if tensor.is_floating_point()]


def dropout_before(evidence: Evidence) -> Iterator[Finding]:
    """A Dropout right before a Batch Normalization."""
    for path, source_path, source, _ in evidence.sources:
        if isinstance(source, (Dropout, Dropout2d)) and source.p > 0:
            yield Finding(
                path,
                "Dropout right before Batch Normalization",
                f"'{source_path}' raises the variance in training but not in evaluation, where the "
                "running variance is then too large (Li et al. 2018, arXiv:1801.05134)",
                "put the Dropout behind the last Batch Normalization",
            )


def constant_features(evidence: Evidence) -> Iterator[Finding]:
    """Channels that never vary."""
    for path, layer in evidence.layers.items():
        moments = evidence.inputs[path]
        if moments.n < 2:
            continue
        _, var = moments.population()
        rounding = 4 * np.finfo(np.float32).eps * moments.mean
        constant = var <= rounding**2
        if constant.any():
            yield Finding(
                path,
                "constant features",
                f"{int(constant.sum())} of {constant.size} channels never vary: they become zero, "
                f"and gradients through them are multiplied by {1 / np.sqrt(layer.eps):.0f}",
                "drop those features (constant pixels, dead units), "
                "or normalise after a layer that mixes them",
            )


def small_batches(evidence: Evidence) -> Iterator[Finding]:
    """Batches of few values per channel."""
    for path, moments in evidence.inputs.items():
        smallest = moments.n // max(len(moments.batches), 1)
        if moments.n and smallest < FEW and not evidence.layers[path].frozen_stats:
            yield Finding(
                path,
                "batches too small",
                f"about {smallest} values per channel: "
                "the noise of their mean and variance drowns the data's",
                "larger batches, nn.utils.freeze_batchnorm(model), "
                "or a normalisation that does not use the batch",
            )


def weight_decay(evidence: Evidence) -> Iterator[Finding]:
    """Weight decay on γ and β."""
    groups = getattr(evidence.optimizer, "param_groups", ())
    decaying = [group for group in groups if group.get("weight_decay")]
    decayed = {id(p) for group in decaying for p in group["params"]}
    for path, layer in evidence.layers.items():
        names = [name for name, p in layer.named_parameters() if id(p) in decayed]
        if names:
            yield Finding(
                path,
                f"weight decay on {' and '.join(names)}",
                "it pulls the scale towards 0, which no later layer can tell from a smaller input; "
                "the weights before are scale-invariant and need no such help",
                "put them in a parameter group of their own with weight_decay=0",
            )


RULES = (
    bias_before, lone_last_sample, no_statistics_yet, moving_while_frozen, non_finite, stale,
    outputs_apart, dropout_before, constant_features, small_batches, weight_decay,
)  # fmt: skip
