"""The guards of a program as one expression of Python's: all is the same, or perhaps not.

What our own layers hold beside tensors and layers is compared as a whole, which takes equal
numbers for the same; everything else must be the very same object.
"""

from __future__ import annotations

import hashlib
import itertools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.compiler.guards.held import Slot

MISSING: Any = object()  # the value of a name that nothing has
PARTS = "__code__", "__defaults__", "__kwdefaults__"  # of a function
MOST_BYTES = 2**18  # of an array of NumPy's that are kept; of a larger one a digest
MOST_SPELLED = 64  # entries of a container of which each has a condition of its own


class Quick:
    """What checks hold, spelled out as conditions that are compiled once."""

    def __init__(self, checks: Any, before: Quick | None) -> None:
        self._name_of: dict[int, str] = {}
        self._conditions: list[str] = []
        self.names: dict[str, Any] = {
            "same": _same_objects,
            "content": content_of,
            "contents": contents_of,
            "joined": itertools.chain.from_iterable,
        }
        self._note_containers(checks)
        self._note_names(checks)
        self._note_tensors(checks)
        conditions = " and\n".join(self._conditions)
        self.text = f"def fits():\n return ({conditions})"
        self.code: Any = None
        if before is not None and before.text == self.text:
            self.code = before.code
        else:
            self.code = compile(self.text, "<guards>", "exec")
        self._conditions.clear()
        self._name_of.clear()
        exec(self.code, self.names)
        self._fits: Callable[[], bool] = self.names["fits"]

    def fits(self) -> bool:
        """Return True if nothing has changed."""
        try:
            return self._fits()
        except Exception:  # a comparison that has no answer, a name or a content that is gone
            return False

    def _name(self, x: Any) -> str:
        """Return the name under which the expression finds an object."""
        name = self._name_of.setdefault(id(x), f"x{len(self._name_of)}")
        self.names[name] = x
        return name

    def _hold(self, text: str) -> None:
        self._conditions.append(text)

    def _note_containers(self, checks: Any) -> None:
        """Hold what dictionaries, lists and hooks hold; their keys first, as one may be missing."""
        layers, spelled, others = _divided(checks)
        copies = [layer.copy() for layer in layers]
        self._hold(f"{self._name(layers)} == {self._name(copies)}")
        hooks = [hooks for _, hooks in checks.hooks]
        self._hold(f"not any({self._name(hooks)})")
        dicts = [x for x in spelled if type(x) is dict]
        keys = list(itertools.chain.from_iterable(dicts))
        self._hold(f"[*joined({self._name(dicts)})] == {self._name(keys)}")
        for x in others:
            self._note_whole(x)
        for x in spelled:
            self._note_entries(x)

    def _note_whole(self, x: Any) -> None:
        """Hold what a container holds, in one call."""
        name = self._name(x)
        entries = self._name(list(x))
        self._hold(f"same({name}, {entries})")
        if isinstance(x, dict):
            values = self._name(list(x.values()))
            self._hold(f"same(dict.values({name}), {values})")

    def _note_entries(self, x: Any) -> None:
        """Hold each entry of a dictionary or a list."""
        name = self._name(x)
        entries = x.items() if isinstance(x, dict) else enumerate(x)
        if isinstance(x, list):
            self._hold(f"len({name}) == {len(x)}")
        for key, value in entries:
            self._hold(f"{name}[{key!r}] is {self._name(value)}")

    def _note_names(self, checks: Any) -> None:
        """Hold what names, cells, functions and arrays of NumPy's stand for."""
        for _, owner, key, value in checks.names:
            if value is MISSING:
                self._hold(f"{key!r} not in {self._name(owner)}")
            else:
                self._hold(f"{self._name(owner)}[{key!r}] is {self._name(value)}")
        for _, cell, value in checks.cells:
            self._hold(f"{self._content(cell, value)} is {self._name(value)}")
        for kind, n in checks.classes:
            self._hold(f"len(vars({self._name(kind)})) == {n}")
        for _, function, parts in checks.functions:
            name = self._name(function)
            for part, value in zip(PARTS, parts, strict=True):
                self._hold(f"{name}.{part} is {self._name(value)}")
        for _, array, numbers in checks.arrays:
            self._hold(f"contents({self._name(array)}) == {self._name(numbers)}")

    def _content(self, cell: Any, value: Any) -> str:
        """Return the expression for what a cell, or an attribute, holds."""
        if isinstance(cell, Slot) and value is not MISSING:
            return f"{self._name(cell.owner)}.{cell.key}"
        return f"content({self._name(cell)})"

    def _note_tensors(self, checks: Any) -> None:
        """Hold the memory of tensors, and that they ask for gradients as they did."""
        for _, tensor, array, node in checks.tensors:
            name = self._name(tensor)
            array_name = self._name(array)
            self._hold(f"{name}._data is {array_name}")
            if not checks.sweeps:
                continue
            node_name = self._name(node)
            self._hold(f"{name}._node is {node_name}")
            if node is None:
                continue
            if node.hooks is node.after_hooks:  # two dictionaries are never one: there is none
                self._hold(f"{node_name}.hooks is {node_name}.after_hooks")
                continue
            self._hold(f"not {node_name}.hooks")
            self._hold(f"not {node_name}.after_hooks")


def _divided(checks: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """Return what layers of ours hold for themselves, what is spelled out, and what is left."""
    layers, spelled, others = [], [], []
    for held in checks.held:
        x = held.container
        if id(x) in checks.layers:
            layers.append(x)
        elif not x and id(x) in checks.parts:
            continue
        elif type(x) in (dict, list) and len(x) <= MOST_SPELLED and _is_spelled(x):
            spelled.append(x)
        else:
            others.append(x)
    return layers, spelled, others


def _is_spelled(x: Any) -> bool:
    """Whether the keys are strings, which are told apart by what they say."""
    return type(x) is list or all(type(key) is str for key in x)


def _same_objects(now: Any, then: list[Any]) -> bool:
    """Whether a container holds the very same objects."""
    return len(now) == len(then) and all(map(operator.is_, now, then))


def content_of(cell: Any) -> Any:
    """Return what a cell of a function holds."""
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING


def contents_of(array: np.ndarray) -> bytes:
    """Return the numbers of an array of NumPy's as bytes; of a large one, a digest of them."""
    if array.nbytes <= MOST_BYTES or array.dtype.hasobject:
        return array.tobytes()
    whole = np.ascontiguousarray(array)
    return hashlib.sha256(whole.view(np.uint8).data).digest()
