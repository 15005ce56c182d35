"""What must be as it was for a program to fit: checked at each call, before anything runs."""

from __future__ import annotations

from typing import Any

from minigrad.compiler.reach import ATOMS, NUMBERS, Held, Reach, same
from minigrad.optim.optimizer import Optimizer

_NOTHING: Any = object()


class Checks:
    """What a recorded call rests on, as it is when this is made."""

    def __init__(self, reach: Reach) -> None:
        self.held = [Held(*pair) for pair in reach.holders]
        self.names = []
        for name, own, key in reach.names:
            value = own.get(key, _NOTHING)
            self.names.append((name, own, key, value))
        self.cells = []
        for name, cell in reach.cells:
            self.cells.append((name, cell, _content(cell)))
        self.tensors = []
        self.nodes = []
        for name, x in reach.tensors.values():
            self.tensors.append((name, x, x._data, x._node))
            if x._node is not None:
                self.nodes.append((name, x._node))
        self.grads: list[tuple[str, Any, Any]] = []  # that matter: name, node, how it lies
        self.groups = []
        self.counts = []
        self.numbers = []
        for optimizer in reach.optimizers:
            groups = optimizer.param_groups
            self.counts.append((optimizer, len(groups)))
            for group in groups:
                values = {key: x for key, x in group.items() if key != "params"}
                self.numbers.append((optimizer, group, values))
                options = _options(optimizer, group)
                self.groups.append((type(optimizer), group, options))

    def changed(self) -> str | None:
        """Return the name of what is not as it was, or None."""
        for held in self.held:
            name = held.changed()
            if name is not None:
                return name
        for name, own, key, value in self.names:
            now = own.get(key, _NOTHING)
            if now is not value and not same(now, value):
                return name
        for name, cell, value in self.cells:
            now = _content(cell)
            if now is not value and not same(now, value):
                return name
        return self._changed_tensor() or self._changed_option()

    def _changed_tensor(self) -> str | None:
        for name, tensor, array, node in self.tensors:
            if tensor._data is not array:
                return f"the memory of {name}"
            if tensor._node is not node:
                return f"{name}.requires_grad"
        for name, node in self.nodes:
            if node.hooks or node.after_hooks:
                return f"a hook on {name}"
        for name, node, layout in self.grads:
            if layout_of(node.grad) != layout:
                return f"{name}.grad"
        return None

    def rest_on_grads(self, leaves: list[Any]) -> None:
        """Let gradients matter that the step reads before it sets them."""
        for leaf in leaves:
            if leaf.reads:
                layout = layout_of(leaf.before)
                self.grads.append((leaf.name, leaf.node, layout))

    def side_effect(self) -> str | None:
        """Return the name of a plain value that the call itself has changed."""
        for optimizer, group, values in self.numbers:
            for key, value in values.items():
                if not same(group.get(key, _NOTHING), value):
                    kind = type(optimizer)
                    return f"{key} of {kind.__name__}"
        return self.changed()

    def _changed_option(self) -> str | None:
        for optimizer, n in self.counts:
            if len(optimizer.param_groups) != n:
                kind = type(optimizer)
                return f"the groups of {kind.__name__}"
        for kind, group, options in self.groups:
            for name, recorded in options:
                now = _option(group, name, recorded)
                if not same(now, recorded[1]):
                    return f"{name} of {kind.__name__}"
        return None


def layout_of(grad: Any) -> Any:
    """Return how a gradient lies, None where there is none."""
    if grad is None:
        return None
    array = grad._data
    return array.shape, array.strides, array.dtype


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _NOTHING


def _options(optimizer: Optimizer, group: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the options that a program rests on: of numbers only whether they are zero."""
    asks = type(optimizer).numbers is not Optimizer.numbers
    options = []
    for name, value in group.items():
        if name == "params":
            continue
        if asks and _is_numbers(value):
            recorded = "zero", _truth(value)
        elif isinstance(value, (*ATOMS, tuple)):
            recorded = "value", value
        else:
            continue
        options.append((name, recorded))
    return options


def _option(group: dict[str, Any], name: str, recorded: tuple[str, Any]) -> Any:
    value = group.get(name, _NOTHING)
    if recorded[0] == "zero" and _is_numbers(value):
        return _truth(value)
    return value


def _is_numbers(value: Any) -> bool:
    if type(value) is tuple:
        return all(_is_numbers(x) for x in value)
    return isinstance(value, NUMBERS) and not isinstance(value, bool)


def _truth(value: Any) -> Any:
    return tuple(map(_truth, value)) if type(value) is tuple else bool(value)
