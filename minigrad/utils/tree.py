"""Nested tuples, lists and dictionaries of values: what a function may take or return."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from minigrad.tensor.tensor import Tensor


def tree_leaves(tree: Any) -> Iterator[Any]:
    """Yield what is in nested tuples, lists and dictionaries, in order.

    >>> list(tree_leaves([1, (2, {"a": 3})]))
    [1, 2, 3]
    """
    if isinstance(tree, (tuple, list)):
        for part in tree:
            yield from tree_leaves(part)
    elif isinstance(tree, dict):
        for part in tree.values():
            yield from tree_leaves(part)
    else:
        yield tree


def tensors_in(tree: Any) -> list[Tensor]:
    """Return the tensors in nested tuples, lists and dictionaries, in order.

    >>> import minigrad as mg
    >>> tensors_in({"a": [mg.tensor(1.0), 2], "b": mg.tensor(3.0)})
    [tensor(1.), tensor(3.)]
    """
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def tree_paths(tree: Any) -> Iterator[tuple[str, Any]]:
    """Yield (path, leaf) in order: keys, names of fields and positions, with spaces between.

    >>> list(tree_paths({"logits": 1, "aux": [2, 3]}))
    [('logits', 1), ('aux 0', 2), ('aux 1', 3)]
    """
    parts: Any
    if isinstance(tree, dict):
        parts = tree.items()
    elif isinstance(tree, (tuple, list)):
        parts = zip(getattr(tree, "_fields", range(len(tree))), tree, strict=True)
    else:
        yield "", tree
        return
    for key, part in parts:
        for path, leaf in tree_paths(part):
            yield f"{key} {path}".rstrip(), leaf


def tree_map(function: Callable[..., Any], tree: Any) -> Any:
    """Return the same nesting with ``function`` of each leaf in its place.

    >>> tree_map(abs, {"a": [-1, 2]})
    {'a': [1, 2]}
    """
    if isinstance(tree, dict):
        return _like(tree, {key: tree_map(function, part) for key, part in tree.items()})
    if isinstance(tree, (tuple, list)):
        return _like(tree, [tree_map(function, part) for part in tree])
    return function(tree)


def _like(tree: Any, parts: Any) -> Any:
    """Return a container of the same class, with the same attributes, that holds other parts."""
    kind = type(tree)
    if kind in (dict, list):
        return parts
    if isinstance(tree, defaultdict):
        result = kind(tree.default_factory, parts)
    else:
        result = kind(*parts) if hasattr(tree, "_fields") else kind(parts)
    own = getattr(tree, "__dict__", None)
    if own and own is not tree:
        vars(result).update(own)
    return result


def same_nesting(a: Any, b: Any) -> bool:
    """Return whether two trees have their leaves at the same places.

    >>> same_nesting([1, (2, 3)], [4, (5, 6)]), same_nesting([1], 1)
    (True, False)
    """
    if isinstance(a, dict):
        if not isinstance(b, dict) or a.keys() != b.keys():
            return False
        return all(same_nesting(part, b[key]) for key, part in a.items())
    if isinstance(a, (tuple, list)):
        if type(a) is not type(b) or len(a) != len(b):
            return False
        return all(map(same_nesting, a, b))
    return not isinstance(b, (tuple, list, dict))
