"""Which attributes of the user's objects a step reads or sets: others may change between calls.

A trainer counts its steps and keeps its losses beside the model that the step trains. Classes tell
what is asked of their objects, so one step at a time is written down.
"""

from __future__ import annotations

import abc
import sys
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any, Generic

from minigrad.compiler.guards.libraries import LIBRARIES, package_of
from minigrad.compiler.guards.looked_up import names_in
from minigrad.compiler.guards.reach import Reach
from minigrad.silence import is_ours

ACCESS = "__getattribute__", "__setattr__", "__delattr__"
PAST_ACCESS = {*ACCESS, "getattr_static", "get_referents"}  # names of code that goes past it
WITH_ALL = {  # attributes by which all others are read
    "__dict__", "__dir__", "__copy__", "__deepcopy__",
    "__getstate__", "__reduce__", "__reduce_ex__",
}  # fmt: skip
PLAIN_BASES = {object, abc.ABC, Generic}
MADE_BY_CODE, FIXED = 1 << 9, 1 << 8  # flags of a class, Py_TPFLAGS_HEAPTYPE and _IMMUTABLETYPE


class WatchedObjects:
    """Objects that tell which of their attributes are asked for, while a step is written down."""

    def __init__(self, reach: Reach) -> None:
        self.names: dict[int, set[str]] = {}  # by the id of the object
        self.classes: set[type] = set()
        if _goes_past_access(reach):
            return
        kinds = set(map(type, reach.objects))
        self.classes.update(filter(_can_be_watched, kinds))
        for x in reach.objects:
            if type(x) in self.classes:
                self.names[id(x)] = set()
        for kind in self.classes:
            for name in ACCESS:
                method = getattr(kind, name)
                telling = _telling(method, self.names, reach.modules)
                setattr(kind, name, telling)

    def stop(self) -> dict[int, set[str]]:
        """Let the classes be as they were; return the names, by objects that tell all of them."""
        for kind in self.classes:
            for name in ACCESS:
                delattr(kind, name)
        return {key: names for key, names in self.names.items() if WITH_ALL.isdisjoint(names)}


def _goes_past_access(reach: Reach) -> bool:
    """Whether attributes may be read without asking, as protocols do from Python 3.12 on."""
    for kind in reach.classes:
        if getattr(kind, "_is_protocol", False):
            return True
    generated: list[Any] = []
    for kind in reach.classes:
        if is_dataclass(kind):
            generated += _written_by_dataclass(kind)
    for _, function in reach.functions:
        names = names_in(function.__code__)
        if function in generated:
            continue
        if not PAST_ACCESS.isdisjoint(names):
            return True
    return False


def _written_by_dataclass(kind: type) -> list[Any]:
    """Return the methods by which a frozen dataclass sets its own attributes, and no others'."""
    methods = []
    for name in ("__init__", *ACCESS):
        method = vars(kind).get(name)
        code = getattr(method, "__code__", None)
        if code is not None and code.co_filename == "<string>":
            methods.append(method)
    return methods


def _can_be_watched(kind: type) -> bool:
    """Whether all access to attributes of such objects is Python's own, or a module's."""
    if type(kind) not in (type, abc.ABCMeta):
        return False
    if package_of(kind) in LIBRARIES:
        return False
    others = set(kind.__mro__) - PLAIN_BASES
    return all(package_of(base) == "minigrad" or _is_plain(base) for base in others)


def _is_plain(base: type) -> bool:
    if package_of(base) in LIBRARIES:
        return False
    if base.__flags__ & (MADE_BY_CODE | FIXED) != MADE_BY_CODE:
        return False
    return vars(base).keys().isdisjoint(ACCESS)


def _telling(method: Any, told: dict[int, set[str]], modules: Any) -> Callable[..., Any]:
    """Return a method of access that tells which attribute is meant.

    Modules, given by id, look for parameters, buffers and layers themselves.
    """

    def access(x: Any, key: str, *value: Any) -> Any:
        names = told.get(id(x))
        if key == "__dict__" and id(x) in modules:
            caller = sys._getframe(1)
            if is_ours(caller.f_globals):
                names = None
        if names is not None:
            names.add(key)
        return method(x, key, *value)

    return access
