"""What must be as it was for a program to fit: checked at each call, before anything runs."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from minigrad.compiler.guards.held import ATOMS, NUMBERS, Held, same
from minigrad.compiler.guards.quick import MISSING, PARTS, Quick, content_of, contents_of
from minigrad.compiler.guards.reach import Reach

_parts_of = operator.attrgetter(*PARTS)
MOST_NAMES = 6  # of what is guarded that are told
Triple = tuple[Any, Any, Any]


class Checks:
    """What a recorded call rests on, as it is when this is made."""

    def __init__(self, reach: Reach) -> None:
        self.held = [Held(*pair) for pair in reach.holders]
        self.names: list[tuple[Any, ...]] = []
        for name, own, key in reach.names:
            value = own.get(key, MISSING)
            self.names.append((name, own, key, value))
        self.cells: list[Triple] = []
        for name, cell in reach.cells:
            self.cells.append((name, cell, content_of(cell)))
        self.classes = [(kind, len(vars(kind))) for kind in reach.classes]
        self.functions: list[Triple] = []
        for name, function in reach.functions:
            self.functions.append((name, function, _parts_of(function)))
        self.arrays: list[Triple] = []
        for name, array in reach.arrays:
            self.arrays.append((name, array, contents_of(array)))
        self.streams: list[Triple] = []
        for name, stream in reach.streams:
            self.streams.append((name, stream, state_of(stream)))
        self.tensors: list[tuple[Any, ...]] = []
        self.hooks: list[tuple[str, Any]] = []
        self.grads: list[Triple] = []  # that matter: name, node, how it lies
        self.groups: list[Triple] = []
        self.numbers: list[Triple] = []
        self.counts: list[tuple[Any, int]] = []
        self._options_then: list[Any] = []
        self.parts, self.layers = reach.parts, reach.layers
        self.sweeps = True  # whether there is a backward sweep
        self._note_tensors(reach)
        self._note_hooks(reach)
        self._note_options(reach)
        self._passed = 0  # how often all was found as it was
        self._quick: Quick | None = None

    def _note_tensors(self, reach: Reach) -> None:
        for name, x in reach.tensors.values():
            node = x._node
            self.tensors.append((name, x, x._data, node))

    def _note_hooks(self, reach: Reach) -> None:
        """Note the dictionaries of hooks, which are to be empty."""
        self.hooks += reach.hooks()

    def _note_options(self, reach: Reach) -> None:
        for optimizer in reach.optimizers:
            groups = optimizer.param_groups
            self.counts.append((optimizer, len(groups)))
            for group in groups:
                values = {key: x for key, x in group.items() if key != "params"}
                self.numbers.append((optimizer, group, values))
                options = _options(group)
                self.groups.append((type(optimizer), group, options))

    def changed(self) -> str | None:
        """Return the name of what is not as it was, or None."""
        if self._quick is not None and self._quick.fits():
            if not (self.grads or self.counts):
                return None
            return self._changed_grad() or self._changed_option()
        changed = self._changed_by_name()
        if changed is None:
            self._passed += 1
            if self._passed > 1:  # most first recordings are asked once
                self._quick = Quick(self, self._quick)
        return changed

    def _changed_by_name(self) -> str | None:
        """Return the same, asked one by one."""
        for held in self.held:
            name = held.changed()
            if name is not None:
                return name
        for name, hooks in self.hooks:
            if hooks:
                return f"hooks on '{name}'"
        for name, own, key, value in self.names:
            now = own.get(key, MISSING)
            if now is not value and not same(now, value):
                return name
        for name, cell, value in self.cells:
            now = content_of(cell)
            if now is not value and not same(now, value):
                return name
        for kind, n in self.classes:
            if len(vars(kind)) != n:
                return f"the attributes of {kind.__name__}"
        for name, function, parts in self.functions:
            if not same(_parts_of(function), parts):
                return f"the function {name}"
        for name, array, value in self.arrays:
            if contents_of(array) != value:
                return f"the numbers of the array {name}"
        return self._changed_tensor() or self._changed_option()

    def _changed_tensor(self) -> str | None:
        for name, tensor, array, node in self.tensors:
            if tensor._data is not array:
                return f"the memory of {name}"
            if tensor._node is not node:
                return f"{name}.requires_grad"
            if node is not None and (node.hooks or node.after_hooks):
                return f"a hook on {name}"
        return self._changed_grad()

    def _changed_grad(self) -> str | None:
        for name, node, layout in self.grads:
            if layout_of(node.grad) != layout:
                return f"{name}.grad"
        return None

    def rest_on(self, recording: Any) -> None:
        """Let matter what the step reads: gradients before it sets them, options by itself.

        Without a sweep it does not matter who asks for one.
        """
        self.sweeps = recording.tape.sweeps
        for _, group, options in self.groups:
            key = id(group)
            read = recording.options_read.get(key, set())
            names = read - {"params"}
            for name in sorted(names):
                recorded = "value", group.get(name, MISSING)
                options.append((name, recorded))
        for leaf in recording.graph_leaves:
            if leaf.reads and leaf.argument is None:
                layout = layout_of(leaf.before)
                row = leaf.name, leaf.node, layout
                self.grads.append(row)

    def side_effect(self) -> str | None:
        """Return the name of a plain value that the call itself has changed."""
        for optimizer, group, values in self.numbers:
            for key, value in values.items():
                now = group.get(key, MISSING)
                if not same(now, value):
                    kind = type(optimizer)
                    return f"{key} of {kind.__name__}"
        for name, stream, state in self.streams:
            if state_of(stream) != state:
                return f"the random stream {name}"
        return self._changed_by_name()

    def explained(self) -> str:
        """Return what is guarded, in words."""
        rows: dict[str, list[Any]] = {
            "the memory of tensors": self.tensors,
            "gradients that are there": self.grads,
            "what these hold": [(held.name,) for held in self.held],
            "names": [row for row in (*self.names, *self.cells) if row[-1] is not MISSING],
            "arrays of NumPy's": self.arrays,
            "hooks": sorted((name,) for name, _ in self.hooks),
        }
        for kind, _, options in self.groups:
            rows[f"options of {kind.__name__}"] = options
        told = []
        for kind_of_guard, guarded in rows.items():
            if not guarded:
                continue
            names = [row[0] for row in guarded]
            listed = _listed(names)
            told.append(f"{kind_of_guard} {listed}")
        return "; ".join(told)

    def _changed_option(self) -> str | None:
        groups = [group for _, group, _ in self.groups]
        for optimizer, n in self.counts:
            if len(optimizer.param_groups) != n:
                kind = type(optimizer)
                return f"the groups of {kind.__name__}"
        if groups == self._options_then:  # as at the last call, which fitted
            return None
        for kind, group, options in self.groups:
            for name, recorded in options:
                now = _option(group, name, recorded)
                if not same(now, recorded[1]):
                    return f"{name} of {kind.__name__}"
        self._options_then = list(map(dict.copy, groups))
        return None


def _listed(names: list[str]) -> str:
    """Return the first of the names, and how many there are."""
    names = list(dict.fromkeys(names))
    more = f", ... {len(names)} in all" if len(names) > MOST_NAMES else ""
    return f"({', '.join(names[:MOST_NAMES])}{more})"


def layout_of(grad: Any) -> Any:
    """Return how a gradient lies, None where there is none."""
    if grad is None:
        return None
    array = grad._data
    return array.shape, array.strides, array.dtype


def state_of(stream: Any) -> int:
    """Return a number that tells where a stream of random numbers is, of Python or NumPy."""
    if isinstance(stream, np.random.Generator):
        return hash(repr(stream.bit_generator.state))
    state = getattr(stream, "get_state", None) or stream.getstate
    return hash(repr(state()))


def _options(group: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the options that a program rests on: of numbers only whether they are zero.

    Numbers that the user's own code reads are added later.
    """
    options = []
    for name, value in group.items():
        if name == "params":
            continue
        if _is_numbers(value):
            if name == "lr":  # zero or not, no formula is another one
                continue
            recorded = "zero", _truth(value)
        elif isinstance(value, (*ATOMS, tuple)):
            recorded = "value", value
        else:
            continue
        options.append((name, recorded))
    return options


def _option(group: dict[str, Any], name: str, recorded: tuple[str, Any]) -> Any:
    value = group.get(name, MISSING)
    if recorded[0] == "zero" and _is_numbers(value):
        return _truth(value)
    return value


def _is_numbers(value: Any) -> bool:
    if type(value) is tuple:
        return all(_is_numbers(x) for x in value)
    return isinstance(value, NUMBERS) and not isinstance(value, bool)


def _truth(value: Any) -> Any:
    return tuple(map(_truth, value)) if type(value) is tuple else bool(value)
