"""A whole model's Batch Normalizations folded into the layers before them, and the outputs compared."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np

from minigrad.modes import recording
from minigrad.nn.arguments import check_module
from minigrad.nn.batchnorm.dataflow import feeds, first_input, neighbours
from minigrad.nn.batchnorm.fusion import fuse_conv_bn_eval
from minigrad.nn.batchnorm.layers import BatchNorm1d
from minigrad.nn.batchnorm.recalibrate import batchnorms, evaluating
from minigrad.nn.batchnorm.shards import GhostBatchNorm
from minigrad.nn.batchnorm.statistics import NormBase
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
    largest_difference: float  # of its outputs from the model's in evaluation mode, over the loader; nan without one
    largest_output: float  # in absolute value, to judge the difference by
    layers: tuple[str, ...]  # the paths that were folded
    refused: dict[str, str]  # the paths of the others, and why


class _Pair(NamedTuple):
    """A Batch Normalization and the layer before it, by their paths."""

    path: str
    source_path: str


def fold_batchnorm(model: Module, loader: Iterable[Any] | None = None) -> Folded:
    """Return a copy of a model for inference whose Batch Normalizations are folded where they can be.

    A layer is folded into the Linear or convolution whose output it, and nothing else, reads, as seen
    on the first batch; an Identity stands in its place. The outputs are then compared on every batch of
    ``loader``, which are the input or begin with it, in float64 where the model runs in it: where they
    differ by more than rounding, each fold that changes them is undone. ``refused`` tells why for every
    layer that stays; those with hooks do. Without a ``loader`` nothing runs: neighbours in a Sequential
    are folded, where Sequentials are all that is around them. Raises ValueError for an empty loader.

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
    before, hooked = (
        deepcopy(model),
        {path for path, module in model.named_modules() if _is_hooked(module)},
    )
    with evaluating(before):
        if loader is None:
            pairs, refused = _chosen(_without_a_run(before, hooked))
            return Folded(
                _folded(before, pairs),
                math.nan,
                math.nan,
                tuple(pair.path for pair in pairs),
                refused,
            )
        return _compared(before, hooked, loader)


def _compared(model: Module, hooked: set[str], loader: Iterable[Any]) -> Folded:
    exact = after = deepcopy(model).double()
    pairs: list[_Pair] | None = None
    difference = size = 0.0
    for batch in loader:
        x = first_input(batch)
        if pairs is None:
            pairs, refused = _chosen(_with_a_run(model, x, hooked))
            exact = exact if _runs(exact, _in_float64(x)) else model
            after = _folded(model, pairs)
        y = x if exact is model else _in_float64(x)
        wanted = _outputs(exact, y)
        kept = _agreeing(exact, pairs, y, wanted)
        if len(kept) < len(pairs):
            refused |= {
                pair.path: CHANGES if wanted else NOTHING for pair in pairs if pair not in kept
            }
            pairs, after = kept, _folded(model, kept)
        for a, b in zip(_outputs(model, x), _outputs(after, x), strict=True):
            difference, size = max(difference, _gap(a, b)), max(size, _size(a))
    if pairs is None:
        raise ValueError("fold_batchnorm: the loader gave no batch")
    return Folded(after, difference, size, tuple(pair.path for pair in pairs), refused)


# ---- what may be folded ---------------------------------------------------------------------------
CHANGES = "with it folded the outputs differ by more than rounding: something else reads what passes, or the weight"
NOTHING = "the model returns no numbers that could be compared"
Judged = Iterator[tuple[_Pair, str]]  # and why it may not be folded: "" where it may


def _chosen(judged: Judged) -> tuple[list[_Pair], dict[str, str]]:
    reasons = dict(judged)
    refused = {pair.path: why for pair, why in reasons.items() if why}
    return [pair for pair, why in reasons.items() if not why and pair.path not in refused], refused


def _with_a_run(model: Module, x: Tensor, hooked: set[str]) -> Judged:
    """Judge every layer by what the graph of one run tells."""
    x = x.detach().requires_grad_(x.is_floating_point())  # so that the graph tells who reads what
    copy = deepcopy(model)
    for parameter in copy.parameters():
        parameter.requires_grad_(parameter.is_floating_point())
    with recording(), fork_rng():
        fed = {one.path: one for one in feeds(copy, x)}
    for path, layer in batchnorms(model).items():
        if path not in fed:
            yield _Pair(path, ""), "the first batch does not reach it"
            continue
        one = fed[path]
        why = _why_not(path, layer, one.source, sorted(hooked & {*one.passes, path}))
        if not why and not one.exclusive:
            why = "the graph does not show that it alone reads what passes, or one of the two is called more than once"
        if not why and isinstance(one.source, Linear) and one.input.ndim > 2:
            why = "it normalises dimension 1, and the Linear's outputs stand on the last one"
        yield _Pair(path, one.source_path), why


def _without_a_run(model: Module, hooked: set[str]) -> Judged:
    """Judge every layer by where it stands: a forward that is not Sequential's may read anything."""
    behind = {path: (source_path, source) for path, _, source_path, source in neighbours(model)}
    times = Counter(module for _, module in model.named_modules(remove_duplicate=False))
    for path, layer in batchnorms(model).items():
        parts = path.split(".") if path else []
        around = [model.get_submodule(".".join(parts[:depth])) for depth in range(len(parts))]
        own = next((module for module in around if not _computes_as(module, Sequential)), None)
        source_path, source = behind.get(path, ("", None))
        why = _why_not(path, layer, source, sorted(hooked & {path, source_path}))
        if not why and own is not None:
            why = f"the forward of {type(own).__name__} may read what passes between: hand over a loader"
        shown = [module for module in (layer, source, *around) if module is not None]
        if not why and any(times[module] > 1 for module in shown):
            why = "it, or what is around it, stands in the model more than once: hand over a loader"
        yield _Pair(path, source_path), why


def _why_not(path: str, layer: NormBase, source: Module | None, hooked: list[str]) -> str:
    """Return what the two themselves say against folding, or an empty string."""
    if not path:
        return "it is the model itself"
    if hooked:
        return f"'{', '.join(hooked)}' has hooks, which may read or change what passes"
    if not isinstance(source, (Linear, Conv1d, Conv2d)):
        return "what it reads is not the output of a Linear or a convolution"
    own = [
        m
        for m in (layer, source)
        if not _computes_as(m, Linear, Conv2d, BatchNorm1d, GhostBatchNorm)
    ]
    statistics = layer.running_mean, layer.running_var
    faults = {
        f"{type(own[0]).__name__ if own else ''} computes in a way of its own": bool(own),
        "it has no running statistics to fold": any(value is None for value in statistics),
        "the weight before it is not a parameter of its layer": "weight" not in source._parameters,
        "eval() does not reach it, or the layer before it": layer.training or source.training,
    }
    if any(faults.values()):
        return next(why for why, true in faults.items() if true)
    if source.weight.shape[0] != layer.num_features:
        return f"it has {layer.num_features} features, the layer before it {source.weight.shape[0]} outputs"
    same = source.weight.dtype == layer.running_var.dtype == layer.running_mean.dtype
    return "" if same else "it and the layer before it are of different dtypes"


def _computes_as(module: Module, *kinds: type[Module]) -> bool:
    """Tell whether a call of a module is nothing but the forward of one of these classes."""
    cls = type(module)
    own = "forward" in vars(module) or cls.__call__ is not Module.__call__
    return not own and any(cls.forward is kind.forward for kind in kinds)


def _is_hooked(module: Module) -> bool:
    """Tell whether a module, or a parameter of its own, has hooks of any kind."""
    nodes = [p._node for p in module.parameters(recurse=False) if p._node is not None]
    own = any(value for name, value in vars(module).items() if name.endswith("_hooks"))
    return own or any(node.hooks or node.after_hooks for node in nodes)


# ---- folding, and comparing -----------------------------------------------------------------------
def _folded(model: Module, pairs: Iterable[_Pair]) -> Module:
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
    """Raise ValueError for (N, C, L): Batch Normalization read dimension 1, the folded Linear's outputs are the last."""
    if args[0].ndim != 2:
        raise ValueError(
            f"fold_batchnorm: the Batch Normalization here was folded into the Linear before it for input (N, C), "
            f"got {tuple(args[0].shape)}; use the model as it was before"
        )


def _agreeing(
    model: Module, pairs: list[_Pair], x: Tensor, wanted: list[np.ndarray]
) -> list[_Pair]:
    """Return the pairs that leave the outputs as they are: all at once, or those of them that do one by one."""
    kept: list[_Pair] = []
    if not pairs or _agree(wanted, _folded(model, pairs), x):
        return pairs
    for pair in pairs:
        if _agree(wanted, _folded(model, [*kept, pair]), x):
            kept.append(pair)
    return kept


def _agree(wanted: list[np.ndarray], model: Module, x: Tensor) -> bool:
    try:
        found = _outputs(model, x)
    except Exception:
        return False
    return len(found) == len(wanted) > 0 and all(
        _gap(a, b) <= (np.finfo(a.dtype).eps ** 0.5 * _size(a) if a.dtype.kind == "f" else 0)
        for a, b in zip(wanted, found, strict=True)
    )


def _outputs(model: Module, x: Tensor) -> list[np.ndarray]:
    """Return the numbers that a copy of the model returns, with the same random numbers each time."""
    with fork_rng():
        leaves = [getattr(leaf, "_data", leaf) for leaf in tree_leaves(deepcopy(model)(x))]
    return [
        np.asarray(leaf)
        for leaf in leaves
        if isinstance(leaf, (np.ndarray, np.generic, int, float))
    ]


def _runs(model: Module, x: Tensor) -> bool:
    try:
        return bool(_outputs(model, x)) or True
    except Exception:
        return False


def _in_float64(x: Tensor) -> Tensor:
    return x.double() if x.is_floating_point() else x


def _gap(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest difference; inf for different shapes or dtypes, or nan and inf at different places."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return math.inf
    a, b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(all="ignore"):
        gaps = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, np.abs(a - b))
    return float(np.where(np.isnan(gaps), math.inf, gaps).max(initial=0))


def _size(a: np.ndarray) -> float:
    """Return the largest finite number, in absolute value."""
    return float(np.abs(a, where=np.isfinite(a), out=np.zeros(a.shape)).max(initial=0))
