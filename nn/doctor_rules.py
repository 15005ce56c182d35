"""The rules of the doctor: what goes wrong with Batch Normalization, one function each.

A rule reads the evidence that a run of the model left, and yields what it finds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from minigrad.nn.batchnorm.dataflow import output_tensors
from minigrad.nn.batchnorm.ghost import GhostBatchNorm
from minigrad.nn.batchnorm.recalibrate import Moments, evaluating
from minigrad.nn.batchnorm.statistics import BatchNormBase
from minigrad.nn.module import Module
from minigrad.tensor.tensor import Tensor

FEW = 8  # values per channel: below, the batch's statistics say little of the data's
FAR = 3.0  # standard deviations between running and batch means; 3² between variances
GAP = 0.5  # of the size of the outputs, between training and evaluation
LARGE_EPS = 0.1  # beside a variance of 1
LARGE_MOMENTUM = 0.5  # of the newest batch
SORTED = 0.5  # classes in a batch, as a share of what shuffled batches would hold


class Finding(NamedTuple):
    """What a rule found: the layer's dotted path, which rule, why it matters, how to mend it."""

    path: str
    rule: str
    why: str
    remedy: str

    def __repr__(self) -> str:
        return f"{self.path or 'model'}: {self.rule}\n  why: {self.why}\n  remedy: {self.remedy}"


class Source(NamedTuple):
    """A BatchNorm layer and the module whose output it normalises."""

    path: str  # of the layer
    source_path: str
    source: Module | None
    exclusive: bool  # nothing else reads that output


class Evidence(NamedTuple):
    """What the rules look at."""

    model: Module
    layers: dict[str, BatchNormBase]
    sources: list[Source]
    dropouts: dict[str, tuple[str, int]]  # of a layer: the Dropout before it, modules in between
    calls: Counter[str]  # of each layer, in one forward pass
    batches: list[Tensor]  # the first inputs of the loader
    labels: list[np.ndarray]  # the classes that came with them
    last_label: Any  # the class of the data set's last sample, where it can be known
    inputs: dict[str, Moments]  # of each layer, over those batches
    last: int | None  # size of the loader's last batch, where it can be known
    optimizer: Any


def bias_before(evidence: Evidence) -> Iterator[Finding]:
    """A bias whose layer feeds a Batch Normalization, which subtracts it again."""
    for path, source_path, source, exclusive in evidence.sources:
        # with frozen statistics the mean that is subtracted does not follow the bias
        subtracts_bias = exclusive and not evidence.layers[path].frozen_stats
        has_bias = getattr(source, "bias", None) is not None and not isinstance(
            source, BatchNormBase
        )
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
    """A Dropout before a Batch Normalization, with no other in between."""
    for path, (dropout, between) in evidence.dropouts.items():
        right = "" if between else "right "
        away = f", {between} layer{'s' * (between > 1)} before," if between else ""
        yield Finding(
            path,
            f"Dropout {right}before Batch Normalization",
            f"'{dropout}'{away} raises the variance in training but not in evaluation, where the "
            "running variance is then too large (Li et al. 2018, arXiv:1801.05134)",
            "put the Dropout behind the last Batch Normalization",
        )


def called_twice(evidence: Evidence) -> Iterator[Finding]:
    """One Batch Normalization called several times in a forward pass."""
    for path, n in evidence.calls.items():
        if n > 1 and not evidence.layers[path].frozen_stats:
            yield Finding(
                path,
                f"called {n} times in a forward pass",
                "each call normalises by its own batch, while evaluation has one mean and one "
                "variance for all of them",
                "a Batch Normalization of its own for each place (the layers around may be shared)",
            )


def behind_another(evidence: Evidence) -> Iterator[Finding]:
    """A Batch Normalization of what another has just normalised."""
    for path, source_path, source, _ in evidence.sources:
        if isinstance(source, BatchNormBase):
            yield Finding(
                path,
                "Batch Normalization behind Batch Normalization",
                f"'{source_path}' has just normalised it: the second undoes the first one's scale "
                "and shift, costs time and learns nothing",
                "remove one of them",
            )


def large_momentum(evidence: Evidence) -> Iterator[Finding]:
    """A momentum by which the running statistics forget all but the last batches."""
    for path, layer in evidence.layers.items():
        momentum = layer.momentum
        if momentum is not None and momentum > LARGE_MOMENTUM and layer.running_mean is not None:
            yield Finding(
                path,
                f"momentum {momentum:g}",
                "momentum is the weight of the newest batch, as in PyTorch: evaluation would go by "
                "little more than the last one",
                f"momentum={1 - momentum:.3g} (Keras and the paper count the other way), or leave "
                "the 0.1",
            )


def large_eps(evidence: Evidence) -> Iterator[Finding]:
    """An eps that is not small beside the variance."""
    for path, layer in evidence.layers.items():
        if layer.eps >= LARGE_EPS:
            yield Finding(
                path,
                f"eps {layer.eps:g}",
                "it is added to the variance, so outputs are smaller than they should be, the more "
                "the smaller their channel",
                "leave the 1e-5",
            )


def sorted_by_class(evidence: Evidence) -> Iterator[Finding]:
    """Batches that each hold few of the classes."""
    if len(evidence.labels) < 2 or not evidence.layers:
        return
    seen = np.concatenate(evidence.labels)
    classes, counts = np.unique(seen, return_counts=True)
    shares = counts / len(seen)
    held = [len(np.unique(labels)) for labels in evidence.labels]
    shuffled = [(1 - (1 - shares) ** len(labels)).sum() for labels in evidence.labels]
    mixed = sum(held) > SORTED * sum(shuffled) or len(classes) == 1
    only_one = len(classes) == 1 and evidence.last_label not in (None, classes[0])
    if not mixed or only_one:
        few = sum(held) / len(held)
        yield Finding(
            next(iter(evidence.layers)),
            "batches sorted by class",
            f"a batch holds {few:.1f} classes on average: its mean and variance are those of these "
            "classes, not of the data, and training goes by them",
            "DataLoader(shuffle=True)",
        )


def ghosts_too_large(evidence: Evidence) -> Iterator[Finding]:
    """Ghost batches that are not smaller than the batch."""
    for path, layer in evidence.layers.items():
        if not isinstance(layer, GhostBatchNorm) or not evidence.batches:
            continue
        n, virtual = len(evidence.batches[0]), layer.virtual_batch_size
        if n // virtual < 2:
            yield Finding(
                path,
                "ghost batches not smaller than the batch",
                f"a batch of {n} has no two parts of {virtual}: this is plain Batch Normalization",
                f"virtual_batch_size={max(n // 4, 1)}, or a larger batch",
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
    outputs_apart, dropout_before, constant_features, small_batches, weight_decay, called_twice,
    behind_another, large_momentum, large_eps, sorted_by_class, ghosts_too_large,
)  # fmt: skip
