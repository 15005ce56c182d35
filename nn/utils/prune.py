"""Weights set to zero by a mask, recomputed before every forward.

A pruned parameter ``weight`` becomes ``weight_orig``, beside the buffer ``weight_mask``; ``weight``
is their product. https://docs.pytorch.org/tutorials/intermediate/pruning_tutorial.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.creation import ones_like
from minigrad.nn.module import Module
from minigrad.nn.utils.convert_parameters import parameters_to_vector
from minigrad.nn.utils.prune_methods import BasePruningMethod as BasePruningMethod
from minigrad.nn.utils.prune_methods import CustomFromMask as CustomFromMask
from minigrad.nn.utils.prune_methods import Identity as Identity
from minigrad.nn.utils.prune_methods import L1Unstructured as L1Unstructured
from minigrad.nn.utils.prune_methods import LnStructured as LnStructured
from minigrad.nn.utils.prune_methods import PruningContainer as PruningContainer
from minigrad.nn.utils.prune_methods import RandomStructured as RandomStructured
from minigrad.nn.utils.prune_methods import RandomUnstructured as RandomUnstructured
from minigrad.nn.utils.prune_methods import hook_of
from minigrad.tensor.tensor import Tensor

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]


def identity(module: Module, name: str) -> Module:
    """Prune nothing of a parameter, but in the form of a pruned one; return the module."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: float) -> Module:
    """Prune elements at random: a number of them, or a fraction; return the module."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(
    module: Module, name: str, amount: float, importance_scores: Tensor | None = None
) -> Module:
    """Prune the elements of the smallest absolute values, or scores; return the module.

    ``amount`` is a number of them, or a fraction. Raises TypeError for an amount that is none,
    ValueError for one out of range.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.prune.l1_unstructured.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> layer = nn.Linear(2, 2)
    >>> _ = l1_unstructured(layer, "weight", amount=0.5)
    >>> int((layer.weight == 0).sum()), [name for name, _ in layer.named_parameters()]
    (2, ['bias', 'weight_orig'])
    """
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: float, dim: int) -> Module:
    """Prune whole channels along ``dim`` at random; return the module."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module,
    name: str,
    amount: float,
    n: Any,
    dim: int,
    importance_scores: Tensor | None = None,
) -> Module:
    """Prune the channels along ``dim`` of the smallest ``n``-norm; return the module."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prune a parameter by a mask; return the module."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Any, pruning_method: Any, importance_scores: Any = None, **kwargs: Any
) -> None:
    """Prune several parameters, pairs of module and name, as if they were one vector.

    ``pruning_method`` is an unstructured class of this file, ``kwargs`` its arguments. Raises
    TypeError for another method.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.prune.global_unstructured.html
    """
    if not isinstance(parameters, Iterable):
        kind = type(parameters).__name__
        raise TypeError(f"global_unstructured(): parameters is not an Iterable, got {kind}")
    pairs = list(parameters)
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, dict):
        kind = type(scores).__name__
        raise TypeError(
            f"global_unstructured(): importance_scores must be of type dict, got {kind}"
        )
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    container = PruningContainer()
    container._tensor_name = method._tensor_name = "temp"
    container.add_pruning_method(method)
    tensors = [getattr(module, name) for module, name in pairs]
    values: list[Any] = [scores.get(pair, x) for pair, x in zip(pairs, tensors, strict=True)]
    masks: list[Any] = []
    for (module, name), x in zip(pairs, tensors, strict=True):
        masks.append(getattr(module, f"{name}_mask", ones_like(x)))
    vector = parameters_to_vector(values).detach()
    mask = container.compute_mask(vector, parameters_to_vector(masks).detach())
    sizes = [x.numel() for x in tensors]
    parts = mask.split(sizes)
    for (module, name), x, part in zip(pairs, tensors, parts, strict=True):
        custom_from_mask(module, name, part.reshape(x.shape))


def remove(module: Module, name: str) -> Module:
    """Make the pruned weight an ordinary parameter; raise ValueError where nothing is pruned."""
    key = hook_of(module, name)
    if key is None:
        raise ValueError(
            f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
        )
    hook: Any = module._forward_pre_hooks.pop(key).hook
    hook.remove(module)
    return module


def is_pruned(module: Module) -> bool:
    """Return whether a parameter of the module, or of one below it, is pruned."""
    hooks = [entry.hook for part in module.modules() for entry in part._forward_pre_hooks.values()]
    return any(isinstance(hook, BasePruningMethod) for hook in hooks)
