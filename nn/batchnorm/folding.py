"""All Batch Normalizations of a model folded into the layers before them, outputs compared."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np

from minigrad.modes import recording
from minigrad.nn.arguments import check_module
from minigrad.nn.batchnorm.dataflow import batchnorm_inputs, first_input, sequential_pairs
from minigrad.nn.batchnorm.fusion import fuse_conv_bn_eval
from minigrad.nn.batchnorm.ghost import GhostBatchNorm
from minigrad.nn.batchnorm.layers import BatchNorm1d
from minigrad.nn.batchnorm.recalibrate import batchnorms, evaluating
from minigrad.nn.batchnorm.statistics import BatchNormBase
from minigrad.nn.container import Sequential
from minigrad.nn.conv import Conv1d, Conv2d
from minigrad.nn.linear import Identity, Linear
from minigrad.nn.module import Module
from minigrad.random import fork_rng
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_leaves


class Folded(NamedTuple):
    """What :func:`fold_batchnorm` returns."""

    model: Module  # a copy, in evaluation mode
    largest_difference: float  # between outputs of the two, over the loader; nan without one
    largest_output: float  # in absolute value, to judge the difference by
    layers: tuple[str, ...]  # the paths that were folded
    refused: dict[str, str]  # the paths of the others, and why


class _Pair(NamedTuple):
    """A Batch Normalization and the layer before it, by their paths."""

    path: str
    source_path: str


def fold_batchnorm(model: Module, loader: Iterable[Any] | None = None) -> Folded:
    """Return a copy of a model for inference, its Batch Normalizations folded where they can be.

    A layer is folded into the Linear or convolution whose output it, and nothing else, reads, as
    seen on the first batch; an Identity stands in its place. The outputs are then compared on every
    batch of ``loader``, which are the input or begin with it, in float64 where the model runs in
    it: where they differ by more than rounding, each fold that changes them is undone. ``refused``
    tells why for every layer that stays; those with hooks do. Without a ``loader`` nothing runs:
    neighbours in a Sequential are folded, where Sequentials are all that is around them. Raises
    ValueError for an empty loader.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU())
    >>> folded = nn.utils.fold_batchnorm(model, [mg.randn(8, 2)])
    >>> folded.layers, folded.largest_difference < 1e-5, folded.model[1]
    (('1',), True, Identity())
    >>> nn.utils.fold_batchnorm(nn.Sequential(nn.ReLU(), nn.BatchNorm1d(3))).refused
    {'1': 'what it reads is not the output of a Linear or a convolution'}
    """
    check_module(model, "fold_batchnorm")
    original = deepcopy(model)
    hooked = {path for path, module in model.named_modules() if _is_hooked(module)}
    with evaluating(original):
        if loader is not None:
            return _fold_and_compare(original, hooked, loader)
        pairs, refused = _split_verdicts(_judge_without_a_run(original, hooked))
        layers = tuple(pair.path for pair in pairs)
        return Folded(_fold(original, pairs), math.nan, math.nan, layers, refused)


def _fold_and_compare(model: Module, hooked: set[str], loader: Iterable[Any]) -> Folded:
    exact = folded = deepcopy(model).double()
    pairs: list[_Pair] | None = None
    difference = largest = 0.0
    for batch in loader:
        x = first_input(batch)
        if pairs is None:
            pairs, refused = _split_verdicts(_judge_by_a_run(model, x, hooked))
            exact = exact if _runs(exact, _in_float64(x)) else model
            folded = _fold(model, pairs)
        exact_x = x if exact is model else _in_float64(x)
        expected = _outputs(exact, exact_x)
        agreeing = _agreeing(exact, pairs, exact_x, expected)
        if len(agreeing) < len(pairs):
            reason = CHANGES if expected else NOTHING_TO_COMPARE
            refused |= {pair.path: reason for pair in pairs if pair not in agreeing}
            pairs, folded = agreeing, _fold(model, agreeing)
        for before, after in zip(_outputs(model, x), _outputs(folded, x), strict=True):
            difference = max(difference, _largest_difference(before, after))
            largest = max(largest, _largest_finite(before))
    if pairs is None:
        raise ValueError(f"fold_batchnorm: the loader, a {type(loader).__name__}, gave no batch")
    return Folded(folded, difference, largest, tuple(pair.path for pair in pairs), refused)


# ---- what may be folded --------------------------------------------------------------------------
CHANGES = (
    "with it folded the outputs differ by more than rounding: "
    "something else reads what passes, or the weight"
)
NOTHING_TO_COMPARE = "the model returns no numbers that could be compared"
NOT_EXCLUSIVE = (
    "the graph does not show that it alone reads what passes, "
    "or one of the two is called more than once"
)
Verdicts = Iterator[tuple[_Pair, str]]  # and why it may not be folded: "" where it may


def _split_verdicts(verdicts: Verdicts) -> tuple[list[_Pair], dict[str, str]]:
    """Return the pairs to fold, and why the others, by path, are refused."""
    reasons = dict(verdicts)
    refused = {pair.path: why for pair, why in reasons.items() if why}
    return [pair for pair in reasons if pair.path not in refused], refused


def _judge_by_a_run(model: Module, x: Tensor, hooked: set[str]) -> Verdicts:
    """Judge every layer by what the graph of one run tells."""
    x = x.detach().requires_grad_(x.is_floating_point())  # so that the graph tells who reads what
    copy = deepcopy(model)
    for parameter in copy.parameters():
        parameter.requires_grad_(parameter.is_floating_point())
    with recording(), fork_rng():
        inputs = {call.path: call for call in batchnorm_inputs(copy, x)}
    for path, layer in batchnorms(model).items():
        if path not in inputs:
            yield _Pair(path, ""), "the first batch does not reach it"
            continue
        call = inputs[path]
        why = _why_not(path, layer, call.source, sorted(hooked & {*call.handled_by, path}))
        if not why and not call.exclusive:
            why = NOT_EXCLUSIVE
        if not why and isinstance(call.source, Linear) and call.input.ndim > 2:
            why = "it normalises dimension 1, and the Linear's outputs stand on the last one"
        yield _Pair(path, call.source_path), why


def _judge_without_a_run(model: Module, hooked: set[str]) -> Verdicts:
    """Judge every layer by where it stands: only a Sequential's forward is known."""
    sources = {path: (place, source) for path, _, place, source in sequential_pairs(model)}
    times = Counter(module for _, module in model.named_modules(remove_duplicate=False))
    for path, layer in batchnorms(model).items():
        source_path, source = sources.get(path, ("", None))
        parents = _parents(model, path)
        why = _why_not(path, layer, source, sorted(hooked & {path, source_path}))
        unknown = [parent for parent in parents if not _computes_as(parent, Sequential)]
        if not why and unknown:
            why = (
                f"the forward of {type(unknown[0]).__name__} may read what passes between: "
                "hand over a loader"
            )
        involved = [module for module in (layer, source, *parents) if module is not None]
        if not why and any(times[module] > 1 for module in involved):
            why = "it, or what is around it, stands in the model more than once: hand over a loader"
        yield _Pair(path, source_path), why


def _parents(model: Module, path: str) -> list[Module]:
    """Return the modules around the one of that path, the model first."""
    parts = path.split(".") if path else []
    return [model.get_submodule(".".join(parts[:depth])) for depth in range(len(parts))]


def _why_not(path: str, layer: BatchNormBase, source: Module | None, hooked: list[str]) -> str:
    """Return what the two themselves say against folding, or an empty string."""
    if not path:
        return "it is the model itself"
    if hooked:
        return f"'{', '.join(hooked)}' has hooks, which may read or change what passes"
    if not isinstance(source, (Linear, Conv1d, Conv2d)):
        return "what it reads is not the output of a Linear or a convolution"
    for module in (layer, source):
        if not _computes_as(module, Linear, Conv2d, BatchNorm1d, GhostBatchNorm):
            return f"{type(module).__name__} computes in a way of its own"
    if layer.running_mean is None or layer.running_var is None:
        return "it has no running statistics to fold"
    if "weight" not in source._parameters:
        return "the weight before it is not a parameter of its layer"
    if layer.training or source.training:
        return "eval() does not reach it, or the layer before it"
    outputs = source.weight.shape[0]
    if outputs != layer.num_features:
        return f"it has {layer.num_features} features, the layer before it {outputs} outputs"
    same = source.weight.dtype == layer.running_var.dtype == layer.running_mean.dtype
    return "" if same else "it and the layer before it are of different dtypes"


def _computes_as(module: Module, *kinds: type[Module]) -> bool:
    """Return whether a call of a module is nothing but the forward of one of these classes."""
    cls = type(module)
    changed = "forward" in vars(module) or cls.__call__ is not Module.__call__
    return not changed and any(cls.forward is kind.forward for kind in kinds)


def _is_hooked(module: Module) -> bool:
    """Return whether a module, or a parameter of its own, has hooks of any kind."""
    nodes = [p._node for p in module.parameters(recurse=False) if p._node is not None]
    own = any(value for name, value in vars(module).items() if name.endswith("_hooks"))
    return own or any(node.hooks or node.after_hooks for node in nodes)


# ---- folding, and comparing ----------------------------------------------------------------------
def _fold(model: Module, pairs: Iterable[_Pair]) -> Module:
    """Return a copy of a model with these layers folded."""
    copy = deepcopy(model)
    for pair in pairs:
        layer: Any = copy.get_submodule(pair.path)
        source, identity = copy.get_submodule(pair.source_path), Identity()
        if isinstance(source, Linear):
            identity.register_forward_pre_hook(_rows_only)
        _replace(copy, source, fuse_conv_bn_eval(source, layer))
        _replace(copy, layer, identity.eval())
    return copy


def _replace(model: Module, old: Module, new: Module) -> None:
    """Put a module in another's place, everywhere."""
    for module in list(model.modules()):
        for name, child in module._modules.items():
            if child is old:
                module._modules[name] = new


def _rows_only(module: Module, args: Any) -> None:
    """Raise ValueError for (N, C, L).

    Batch Normalization would read dimension 1, and the folded Linear's outputs are on the last.
    """
    if args[0].ndim != 2:
        raise ValueError(
            "fold_batchnorm: the Batch Normalization here was folded into the Linear before it for "
            f"input (N, C), got {tuple(args[0].shape)}; use the model as it was before"
        )


def _agreeing(
    model: Module, pairs: list[_Pair], x: Tensor, expected: list[np.ndarray]
) -> list[_Pair]:
    """Return the pairs that leave the outputs as they are: all of them, or one by one."""
    if not pairs or _agree(expected, _fold(model, pairs), x):
        return pairs
    agreeing: list[_Pair] = []
    for pair in pairs:
        if _agree(expected, _fold(model, [*agreeing, pair]), x):
            agreeing.append(pair)
    return agreeing


def _agree(expected: list[np.ndarray], model: Module, x: Tensor) -> bool:
    try:
        outputs = _outputs(model, x)
    except Exception:
        return False
    return len(outputs) == len(expected) > 0 and all(
        _largest_difference(a, b) <= _tolerance(a) for a, b in zip(expected, outputs, strict=True)
    )


def _tolerance(a: np.ndarray) -> float:
    """Return the difference that rounding may leave."""
    if a.dtype.kind != "f":
        return 0.0
    return float(np.finfo(a.dtype).eps ** 0.5 * _largest_finite(a))


def _outputs(model: Module, x: Tensor) -> list[np.ndarray]:
    """Return the numbers that a copy of the model returns, the same draws each time."""
    with fork_rng():
        leaves = [getattr(leaf, "_data", leaf) for leaf in tree_leaves(deepcopy(model)(x))]
    numbers = (np.ndarray, np.generic, int, float)
    return [np.asarray(leaf) for leaf in leaves if isinstance(leaf, numbers)]


def _runs(model: Module, x: Tensor) -> bool:
    try:
        _outputs(model, x)
    except Exception:
        return False
    return True


def _in_float64(x: Tensor) -> Tensor:
    return x.double() if x.is_floating_point() else x


def _largest_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest difference: inf where shapes, dtypes or places of nan and inf differ."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return math.inf
    a, b = a.astype(np.float64), b.astype(np.float64)
    same = a == b
    same |= np.isnan(a) & np.isnan(b)
    with np.errstate(all="ignore"):
        differences = np.abs(a - b)
    differences = np.where(same, 0, differences)
    largest = float(differences.max(initial=0))
    return math.inf if math.isnan(largest) else largest


def _largest_finite(a: np.ndarray) -> float:
    """Return the largest finite number, in absolute value."""
    return float(np.abs(a, where=np.isfinite(a), out=np.zeros(a.shape)).max(initial=0))
