"""What takes no part in training: parameters that are never read, outputs without gradient."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minigrad.engine.graph import Node, ancestors
from minigrad.engine.recording import source
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_paths
from minigrad.viz.module_calls import nodes_of

MOST_NAMES = 12  # in one line


def named_outputs(result: Any) -> dict[str, Tensor]:
    """Return the tensors of a result by what they are called: "output", with its key or place."""
    paths = [(path, leaf) for path, leaf in tree_paths(result) if isinstance(leaf, Tensor)]
    if len(paths) == 1 and not isinstance(result, dict):
        return {"output": paths[0][1]}
    return {f"output {path}": leaf for path, leaf in paths}


def parameters_not_read(model: Any, ends: Iterable[Node | None]) -> list[str]:
    """Return the names of the model's parameters that would get no gradient from any output."""
    if model is None:
        return []
    known = [end for end in ends if end is not None]
    read = ancestors(known)
    names = []
    pairs = model.named_parameters()
    for name, p in pairs:
        is_read = any(node in read for node in nodes_of(p))
        if p.requires_grad and not is_read:
            names.append(name)
    return names


def outputs_without_gradient(model: Any, outputs: dict[str, Tensor]) -> list[str]:
    """Return the names of outputs that nothing learns from, where something could."""
    flowing = {name for name, t in outputs.items() if _requires_grad(source(t))}
    parameters = () if model is None else model.parameters()
    learns = bool(flowing) or any(p.requires_grad for p in parameters)
    return [name for name in outputs if learns and name not in flowing]


def _requires_grad(node: Node | None) -> bool:
    return node is not None and node.requires_grad


def untrained_lines(not_read: Sequence[str], without_gradient: Sequence[str]) -> list[str]:
    """Return what is told of both, a line each.

    >>> untrained_lines(["head.weight"], ["output mask"])
    ['not read: head.weight', 'without gradient: output mask']
    """
    told = {"not read": not_read, "without gradient": without_gradient}
    return [f"{words}: {_listed(names)}" for words, names in told.items() if names]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMES]) + ", …" * (len(names) > MOST_NAMES)
