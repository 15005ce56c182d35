"""What must be as it was for a program to fit: checked at each call, before anything runs."""

from __future__ import annotations

import hashlib
import itertools
import operator
from typing import Any

import numpy as np

from minigrad.compiler.reach import ATOMS, NUMBERS, Held, Reach, same
from minigrad.optim.optimizer import Optimizer

_NOTHING: Any = object()
_parts_of = operator.attrgetter("__code__", "__defaults__", "__kwdefaults__")
MOST_BYTES = 2**18  # of an array of NumPy's that are kept; of a larger one a digest
MOST_NAMES = 6  # of what is guarded that are told
Triple = tuple[Any, Any, Any]


class Checks:
    """What a recorded call rests on, as it is when this is made."""

    def __init__(self, reach: Reach) -> None:
        self.held = [Held(*pair) for pair in reach.holders]
        self.names: list[tuple[Any, ...]] = []
        for name, own, key in reach.names:
            value = own.get(key, _NOTHING)
            self.names.append((name, own, key, value))
        self.cells: list[Triple] = []
        for name, cell in reach.cells:
            self.cells.append((name, cell, _content(cell)))
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
        self._quick = _Quick(self)

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
                options = _options(optimizer, group)
                self.groups.append((type(optimizer), group, options))

    def changed(self) -> str | None:
        """Return the name of what is not as it was, or None."""
        if self._quick.fits():
            return self._changed_grad() or self._changed_option()
        for held in self.held:
            name = held.changed()
            if name is not None:
                return name
        for name, hooks in self.hooks:
            if hooks:
                return f"hooks on '{name}'"
        for name, own, key, value in self.names:
            now = own.get(key, _NOTHING)
            if now is not value and not same(now, value):
                return name
        for name, cell, value in self.cells:
            now = _content(cell)
            if now is not value and not same(now, value):
                return name
        for name, function, parts in self.functions:
            if not same(_parts_of(function), parts):
                return f"the function {name}"
        for name, array, value in self.arrays:
            if contents_of(array) != value:
                return f"the numbers of the array {name}"
        self._quick = _Quick(self)
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

    def rest_on(self, leaves: list[Any], sweeps: bool) -> None:
        """Let gradients matter that the step reads before it sets them.

        Without a sweep it does not matter who asks for one.
        """
        self.sweeps = sweeps
        self._quick = _Quick(self)
        for leaf in leaves:
            if leaf.reads:
                layout = layout_of(leaf.before)
                row = leaf.name, leaf.node, layout
                self.grads.append(row)

    def side_effect(self) -> str | None:
        """Return the name of a plain value that the call itself has changed."""
        for optimizer, group, values in self.numbers:
            for key, value in values.items():
                now = group.get(key, _NOTHING)
                if not same(now, value):
                    kind = type(optimizer)
                    return f"{key} of {kind.__name__}"
        for name, stream, state in self.streams:
            if state_of(stream) != state:
                return f"the random stream {name}"
        return self.changed()

    def explained(self) -> str:
        """Return what is guarded, in words."""
        rows: dict[str, list[Any]] = {
            "the memory of tensors": self.tensors,
            "gradients that are there": self.grads,
            "what these hold": [(held.name,) for held in self.held],
            "names": [*self.names, *self.cells],
            "arrays of NumPy's": self.arrays,
            "hooks": sorted((name,) for name, _ in self.hooks),
        }
        for kind, _, options in self.groups:
            rows[f"options of {kind.__name__}"] = options
        told = []
        for kind_of_guard, guarded in rows.items():
            if guarded:
                names = [row[0] for row in guarded]
                told.append(f"{kind_of_guard} {_listed(names)}")
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


class _Quick:
    """The same question in a few calls of Python's own: all is the same, or perhaps not.

    What our own layers hold beside tensors and layers is compared as a whole, which takes equal
    numbers for the same; everything else must be the very same object.
    """

    def __init__(self, checks: Checks) -> None:
        containers = [held.container for held in checks.held]
        self._divide(containers, checks)
        _, self.hooks = _columns(checks.hooks, 2)
        _, self.owners, self.keys, self.values = _columns(checks.names, 4)
        _, self.cells, self.contents = _columns(checks.cells, 3)
        _, self.functions, self.code = _columns(checks.functions, 3)
        _, self.plain_arrays, self.numbers = _columns(checks.arrays, 3)
        _, self.tensors, self.arrays, nodes = _columns(checks.tensors, 4)
        if not checks.sweeps:
            nodes = []
        self.nodes = nodes
        self.asking = [node for node in self.nodes if node is not None]

    def _divide(self, containers: list[Any], checks: Checks) -> None:
        """Tell what our own layers hold for themselves from everything else."""
        self.layers: list[Any] = []
        self.others: list[Any] = []
        for x in containers:
            if id(x) in checks.layers:
                self.layers.append(x)
            elif x or id(x) not in checks.parts:
                self.others.append(x)
        self.copies = [layer.copy() for layer in self.layers]
        self.lengths = list(map(len, self.others))
        self.dicts = [x for x in self.others if isinstance(x, dict)]
        self.lists = [x for x in self.others if not isinstance(x, dict)]
        self.items = list(self._items())
        self.names = list(self._names())

    def _names(self) -> Any:
        """Yield under which keys the dictionaries hold it."""
        return itertools.chain.from_iterable(self.dicts)

    def _items(self) -> Any:
        """Yield what the containers hold."""
        held = map(dict.values, self.dicts)
        return itertools.chain.from_iterable(itertools.chain(held, self.lists))

    def fits(self) -> bool:
        """Return True if nothing has changed."""
        try:
            return self._holds() and self._same_tensors()
        except Exception:  # a comparison that has no answer, a name or a content that is gone
            return False

    def _holds(self) -> bool:
        """Whether everything that holds something holds the same."""
        if self.layers != self.copies or any(self.hooks):
            return False
        if list(map(len, self.others)) != self.lengths:
            return False
        if not all(map(operator.is_, self._items(), self.items)):
            return False
        if not all(map(operator.is_, self._names(), self.names)):
            return False
        now = map(operator.getitem, self.owners, self.keys)
        if not all(map(operator.is_, now, self.values)):
            return False
        contents = [cell.cell_contents for cell in self.cells]
        if not all(map(operator.is_, contents, self.contents)):
            return False
        if list(map(_parts_of, self.functions)) != self.code:
            return False
        return list(map(contents_of, self.plain_arrays)) == self.numbers

    def _same_tensors(self) -> bool:
        """Whether tensors have their memory, and ask for gradients as they did."""
        arrays = [x._data for x in self.tensors]
        if not all(map(operator.is_, arrays, self.arrays)):
            return False
        if not self.nodes:
            return True
        nodes = [x._node for x in self.tensors]
        if not all(map(operator.is_, nodes, self.nodes)):
            return False
        return not any([node.hooks or node.after_hooks for node in self.asking])


def _listed(names: list[str]) -> str:
    """Return the first of the names, and how many there are."""
    names = list(dict.fromkeys(names))
    more = f", ... {len(names)} in all" if len(names) > MOST_NAMES else ""
    return f"({', '.join(names[:MOST_NAMES])}{more})"


def _columns(rows: list[Any], n: int) -> list[list[Any]]:
    """Return the columns of a table."""
    return [[row[i] for row in rows] for i in range(n)]


def layout_of(grad: Any) -> Any:
    """Return how a gradient lies, None where there is none."""
    if grad is None:
        return None
    array = grad._data
    return array.shape, array.strides, array.dtype


def contents_of(array: np.ndarray) -> bytes:
    """Return the numbers of an array of NumPy's as bytes; of a large one, a digest of them."""
    if array.nbytes <= MOST_BYTES or array.dtype.hasobject:
        return array.tobytes()
    whole = np.ascontiguousarray(array)
    return hashlib.sha256(whole.view(np.uint8).data).digest()


def state_of(stream: Any) -> str:
    """Return where a stream of random numbers is, of Python or NumPy."""
    if isinstance(stream, np.random.Generator):
        return repr(stream.bit_generator.state)
    state = getattr(stream, "get_state", None) or stream.getstate
    return repr(state())


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _NOTHING


def _options(optimizer: Optimizer, group: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the options that a program rests on: of numbers only whether they are zero."""
    asks = _asks_for_all(type(optimizer))
    options = []
    for name, value in group.items():
        if name == "params":
            continue
        if asks and _is_numbers(value):
            if name == "lr":  # zero or not, no formula is another one
                continue
            recorded = "zero", _truth(value)
        elif isinstance(value, (*ATOMS, tuple)):
            recorded = "value", value
        else:
            continue
        options.append((name, recorded))
    return options


def _asks_for_all(kind: type[Optimizer]) -> bool:
    """Whether a formula asks for its numbers; a class that writes another may read options."""
    numbers, update, step = (_definer(kind, name) for name in ("numbers", "update", "step"))
    if numbers is Optimizer:
        return False
    return issubclass(numbers, update) and issubclass(numbers, step)


def _definer(kind: type, name: str) -> type:
    return next(base for base in kind.__mro__ if name in vars(base))


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
