"""What must hold what it held: dictionaries and lists, attributes without one, plain values."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from types import BuiltinFunctionType
from typing import Any

import numpy as np

from minigrad.compiler.guards.libraries import LIBRARIES, package_of

NUMBERS = (int, float, bool, complex, np.generic)
ATOMS = (*NUMBERS, str, bytes, type(None), type(...), np.dtype, slice, range, BuiltinFunctionType)
CACHED = type(functools.lru_cache(len))


def keeps_results(part: Any, cached: Any) -> bool:
    """Whether a part of a cached function is the dictionary in which it keeps its results."""
    if type(part) is not dict:
        return False
    has_entries = all(type(entry).__name__ == "_lru_list_elem" for entry in part.values())
    return has_entries or cached.cache_info().maxsize is None


def entry_of(place: tuple[dict[Any, Any], Any]) -> Any:
    """Return what a dictionary holds at a key."""
    holder, key = place
    return holder.get(key)


class Slot:
    """An attribute of an object without a dictionary, read as a function's cell is."""

    def __init__(self, owner: Any, key: str) -> None:
        self.owner, self.key = owner, key

    @property
    def cell_contents(self) -> Any:
        """What is in it; ValueError where nothing is, as of a cell."""
        if not hasattr(self.owner, self.key):
            raise ValueError("the slot is empty")
        return getattr(self.owner, self.key)


class Answer:
    """What an object tells when it is asked, read as a function's cell is."""

    def __init__(self, owner: Any, tell: Callable[[Any], Any]) -> None:
        self.owner, self.tell = owner, tell

    @property
    def cell_contents(self) -> Any:
        """What it tells now."""
        return self.tell(self.owner)


class Held:
    """A dictionary or a list that must hold what it held."""

    __slots__ = ("container", "keys", "name", "values")

    def __init__(self, name: str, container: Any) -> None:
        self.name, self.container = name, container
        self.values = list(_values(container))
        self.keys = _keys(container)

    def changed(self) -> str | None:
        """Return what is no longer as it was."""
        now = list(_values(self.container))
        keys = _keys(self.container)
        if len(now) != len(self.values) or not all(map(same, keys, self.keys)):
            return f"the entries of {self.name}"
        if all(map(operator.is_, now, self.values)):
            return None
        for key, new, old in zip(keys, now, self.values, strict=True):
            if not same(new, old):
                is_attribute = isinstance(key, str)
                part = f".{key}" if is_attribute else f"[{key}]"
                return self.name + part
        self.values = now
        return None


def _values(container: Any) -> Any:
    return container.values() if isinstance(container, dict) else container


def _keys(container: Any) -> list[Any]:
    return list(container if isinstance(container, dict) else range(len(container)))


def same(a: Any, b: Any) -> bool:
    """Return whether a value is as it was: the same object, or an equal plain one."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple):
        if len(a) != len(b):
            return False
        return all(map(same, a, b))
    if isinstance(a, float):
        return float.__repr__(a) == float.__repr__(b)
    if isinstance(a, np.inexact):
        return a.tobytes() == b.tobytes()
    if isinstance(a, ATOMS):
        return bool(a == b)
    return False


def attributes_of(container: Any) -> int:
    """Return the id of a container that has attributes, too, which may be anything; else 0."""
    own = getattr(container, "__dict__", None)
    return id(container) if own and own is not container else 0


def users_containers(tree: Any) -> list[Any]:
    """Return the tuples, lists and dictionaries in a tree that are of classes of their own."""
    if not isinstance(tree, (tuple, list, dict)):
        return []
    containers = [] if type(tree) in (tuple, list, dict) else [tree]
    for part in tree.values() if isinstance(tree, dict) else tree:
        containers += users_containers(part)
    return containers


def slots_of(kind: type) -> list[str]:
    """Return the names of the slots of a class of the user's."""
    names = vars(kind).get("__slots__", ())
    names = [names] if isinstance(names, str) else list(names)
    if package_of(kind) in LIBRARIES:
        return []
    private = f"_{kind.__name__.lstrip('_')}__"  # Python's name of a private one begins so
    for i, key in enumerate(names):
        is_private = key[:2] == "__" != key[-2:]
        names[i] = private + key[2:] if is_private else key
    return [key for key in names if key[:2] != "__"]


def is_simple(key: str, value: Any) -> bool:
    """Whether an attribute of a layer is a plain value, or for the layer's own use."""
    if isinstance(value, tuple):
        return all(is_simple(key, x) for x in value)
    if isinstance(value, float) and not value:
        return False  # -0.0 is equal to it
    return isinstance(value, ATOMS) or (key[0] == "_" and isinstance(value, (dict, set)))
