"""Nested tuples, lists and dictionaries of values: what a function may take or return."""

from __future__ import annotations

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


def tree_map(function: Callable[..., Any], tree: Any) -> Any:
    """Return the same nesting with ``function`` of each leaf in its place.

    >>> tree_map(abs, {"a": [-1, 2]})
    {'a': [1, 2]}
    """
    if isinstance(tree, dict):
        return type(tree)((key, tree_map(function, part)) for key, part in tree.items())
    if isinstance(tree, (tuple, list)):
        parts = [tree_map(function, part) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return function(tree)


def same_nesting(a: Any, b: Any) -> bool:
    """Return whether two trees have their leaves at the same places.

    >>> same_nesting([1, (2, 3)], [4, (5, 6)]), same_nesting([1], 1)
    (True, False)
    """
    if isinstance(a, dict):
        same_keys = isinstance(b, dict) and a.keys() == b.keys()
        return same_keys and all(same_nesting(a[key], b[key]) for key in a)
    if isinstance(a, (tuple, list)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same_nesting, a, b))
    return not isinstance(b, (tuple, list, dict))
