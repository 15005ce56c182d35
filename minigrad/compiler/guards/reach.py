"""What a function reaches: tensors, modules, optimizers, and the plain values it may read.

State is found, not declared: from the function through its closure, the globals it names, and the
attributes and items of what is there. Each dictionary and list on the way is held to be as it was;
so is each tensor's memory.
"""

from __future__ import annotations

import array
import collections
import contextvars
import ctypes
import functools
import gc
import itertools
import random
import weakref
from collections.abc import Callable, Iterator
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    MappingProxyType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import Any

import numpy as np

from minigrad.compiler.guards.held import (
    ATOMS,
    CACHED,
    Answer,
    Slot,
    attributes_of,
    entry_of,
    is_simple,
    keeps_results,
    slots_of,
    users_containers,
)
from minigrad.compiler.guards.libraries import LIBRARIES, OPAQUE, package_of, top_of
from minigrad.compiler.guards.looked_up import asked_for, globals_of, imported, names_in
from minigrad.nn import hooks as module_hooks
from minigrad.optim import hooks as optimizer_hooks
from minigrad.optim.optimizer import Optimizer
from minigrad.random import Generator
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_leaves

SEQUENCES = (list, set, collections.deque, bytearray)  # that may hold something else later
DEEPEST = 4  # modules within modules whose attributes are looked at
WRAPPERS = (  # that hold a function, or an array
    functools.partial, functools.partialmethod, property, functools.cached_property,
    CACHED, memoryview, np.vectorize,
)  # fmt: skip
ASKED: dict[type, Callable[[Any], Any]] = {  # what objects hold that have no attributes
    weakref.ref: weakref.ref.__call__,
    contextvars.ContextVar: lambda x: x.get(None),
    array.array: array.array.tobytes,
    ctypes.c_int.__mro__[-2]: bytes,  # any of C's types
}
BOUND = (BuiltinFunctionType, MethodWrapperType)
VIEWS: tuple[type, ...] = (MappingProxyType, type({}.keys()), type({}.values()), type({}.items()))
STREAMS = (np.random.Generator, np.random.RandomState, random.Random)
MODULE_PARTS = ("_parameters", "_buffers", "_modules")
NOT_VISITED = (*MODULE_PARTS, "_non_persistent_buffers_set")  # which state_dict alone reads
OPTIMIZERS_OWN = {"_hooks", "_scratch", "_asked", "state", "param_groups", "stepped"}
WITH_CONTENT = (*ATOMS, Tensor, np.ndarray, dict, *SEQUENCES, tuple, frozenset)
Named = tuple[str, Any]


class Reach:
    """Everything that is found from one function, by name.

    ``used`` are the attributes that matter of the user's objects by id, of others all do.
    """

    def __init__(self, used: dict[int, set[str]] | None = None) -> None:
        self.used = used or {}
        self.objects: list[Any] = []  # of the user's classes, with attributes
        self.seen: dict[int, Any] = {}  # keeps them alive, so that ids stay theirs
        self.tensors: dict[int, Named] = {}
        self.modules: dict[int, str] = {}
        self.hooked: list[Any] = []  # modules, whose hooks must be none
        self.optimizers: list[Optimizer] = []
        self.holders: list[Named] = []  # dictionaries and lists
        self.classes: set[type] = set()
        self.names: list[tuple[str, Any, str]] = []  # of globals: name, dictionary, key
        self.cells: list[Named] = []
        self.functions: list[Named] = []
        self.arrays: list[Named] = []  # NumPy's, which a step may read and write
        self.streams: list[Named] = [("random", random), ("np.random", np.random)]
        self.parts: set[int] = set()  # parameters, buffers, layers of our own layers, by id
        self.layers: set[int] = set()  # what they hold beside those, if that is plain
        self.loose: list[Named] = []  # modules of Python's that are no globals
        self.read: set[Named] = set()  # whose names were looked up, and by which code

    def visit(self, x: Any, name: str) -> None:
        """Find what is reached from ``x``."""
        x = x.__self__ if isinstance(x, BOUND) else x
        is_atom = isinstance(x, ATOMS)
        is_users = package_of(type(x)) not in LIBRARIES
        if id(x) in self.seen or (is_atom and not is_users):
            return
        self.seen[id(x)] = x
        if is_users and isinstance(x, WITH_CONTENT):
            self.visit_object(x, name)
        if is_atom:
            return
        if isinstance(x, Tensor):
            self._visit_tensor(x, name)
        elif isinstance(x, Optimizer):
            self._visit_optimizer(x, name)
        elif type(x).__module__ == "minigrad.compiler.compiled":
            self.visit(x.function, name)
        elif all(part in getattr(x, "__dict__", ()) for part in MODULE_PARTS):
            self._visit_module(x, name)
        elif isinstance(x, dict):
            self._hold(x, name, [(f"{name}[{key!r}]", item) for key, item in x.items()])
        elif isinstance(x, SEQUENCES):
            self._hold(x, name, [(f"{name}[{i}]", item) for i, item in enumerate(x)])
        elif isinstance(x, np.ndarray):
            self.arrays.append((name, x))
            self.visit(x.tolist() if x.dtype.hasobject else None, name)
        elif isinstance(x, STREAMS):
            self.streams.append((name, x))
        elif isinstance(x, (tuple, frozenset)):
            for i, item in enumerate(x):
                self.visit(item, f"{name}[{i}]")
        else:
            self._visit_code(x, name)

    def visit_argument(self, x: Any, name: str) -> None:
        """Visit what an argument brings besides tensors and arrays, which each call brings anew."""
        for leaf in tree_leaves(x):
            is_array = isinstance(leaf, (Tensor, np.ndarray))
            if not is_array:
                self.visit(leaf, name)
        for container in users_containers(x):
            self.visit_class(type(container), name)
            if attributes_of(container):
                self.visit_object(container, name)

    def _visit_tensor(self, x: Tensor, name: str) -> None:
        """Note a tensor, and visit what the user has made its attributes."""
        self.tensors[id(x)] = (name, x)
        own = vars(x)
        for key in own:
            is_ours = key[0] == "_"
            if not is_ours:
                self._name_entry(own, key, name)

    def _name_entry(self, own: dict[str, Any], key: str, name: str) -> None:
        """Hold what one name of an object stands for, and visit it."""
        path = f"{name}.{key}"
        self.names.append((path, own, key))
        self.visit(own[key], path)

    def _hold(self, holder: Any, name: str, items: Any) -> None:
        self.holders.append((name, holder))
        for item_name, item in items:
            self.visit(item, item_name)

    def _visit_module(self, module: Any, name: str) -> None:
        """Visit a module and what is below it; paths begin with the name of the outermost."""
        self.modules[id(module)] = name
        self.hooked.append(module)
        own = vars(module)
        if package_of(type(module)) == "minigrad":
            self._note_layer(own)
        tensors = {**own["_parameters"], **own["_buffers"]}
        for path, tensor in _named(name, tensors):
            if tensor is not None:  # this name is the best
                self.seen[id(tensor)] = tensor
                self._visit_tensor(tensor, path)
        for part in MODULE_PARTS:
            self._hold(own[part], name, _named(name, own[part]))
        self._visit_attributes(module, own, name)
        self._visit_kind(module, name)

    def _note_layer(self, own: dict[str, Any]) -> None:
        """Note what a layer of ours holds for itself."""
        parts = [own[part] for part in MODULE_PARTS]
        self.parts.update(map(id, parts))
        if all(is_simple(key, value) for key, value in own.items()):
            self.layers.add(id(own))

    def hooks(self) -> Iterator[tuple[str, dict[Any, Any]]]:
        """Yield the dictionaries of hooks around calls and steps, each with whose they are."""
        yield "all modules", module_hooks.EVERYWHERE
        for module in self.hooked:
            for kind, hooks in vars(module).items():
                is_of_state = "state_dict" in kind
                if kind.endswith("_hooks") and not is_of_state:
                    yield self.modules[id(module)], hooks
        for kind in ("step_pre", "step_post"):
            yield "all optimizers", optimizer_hooks.EVERYWHERE[kind]
            for optimizer in self.optimizers:
                name = type(optimizer).__name__
                yield name, optimizer._hooks[kind]

    def _visit_optimizer(self, optimizer: Optimizer, name: str) -> None:
        self.optimizers.append(optimizer)
        own = vars(optimizer)
        self.names.append((f"{name}.state", own, "state"))
        self.names.append((f"{name}.param_groups", own, "param_groups"))
        self.holders.append((f"{name}.param_groups", optimizer.param_groups))
        for i, group in enumerate(optimizer.param_groups):
            self.names.append((f"{name}.param_groups[{i}]", group, "params"))
            for key, value in group.items():
                path = f"{name}[{i}]" if key == "params" else f"{name}[{i}][{key!r}]"
                self.visit(value, path)
        for key in own:
            if key not in OPTIMIZERS_OWN:
                self._name_entry(own, key, name)
        defaults = getattr(optimizer, "defaults", {})
        if all(itertools.starmap(is_simple, defaults.items())):
            self.layers.add(id(defaults))
        self._visit_kind(optimizer, name)

    def visit_state(self) -> None:
        """Visit the state of the optimizers: its tensors are named after their parameters."""
        self._visit_loose()
        for optimizer in self.optimizers:
            state = ("the state of the optimizer", optimizer.state)
            self.holders.append(state)
            for p, entries in optimizer.state.items():
                name, _ = self.tensors.get(id(p), ("state", p))
                self._hold(entries, name, _named(name, entries))
        self._note_missing()

    def _note_missing(self) -> None:
        """Note the attributes of tensors that are asked for and may come later."""
        codes = [function.__code__ for _, function in self.functions]
        asked = {key for code in codes for key in asked_for(code)}
        keys = [key for key in sorted(asked) if key.isidentifier() and not hasattr(Tensor, key)]
        for name, tensor in self.tensors.values():
            own = vars(tensor)
            for key in keys:
                if key not in own:
                    self.names.append((f"{name}.{key}", own, key))

    # ---- code -------------------------------------------------------------------------------
    def _visit_code(self, x: Any, name: str) -> None:
        """Visit functions, methods, and objects of the user's."""
        if isinstance(x, FunctionType):
            self._visit_function(x, name)
        elif isinstance(x, MethodType):
            self.visit(x.__self__, name)
            self.visit(x.__func__, name)
        elif isinstance(x, WRAPPERS):
            for part in ("fget", "func", "args", "keywords", "__wrapped__", "obj", "pyfunc"):
                self.visit(getattr(x, part, None), name)
            if isinstance(x, CACHED) and package_of(x) not in LIBRARIES:
                self._visit_results(x, name)
        elif isinstance(x, VIEWS):
            for part in gc.get_referents(x):
                self.visit(part, name)
        elif isinstance(x, tuple(ASKED)):
            self._visit_answer(x, name)
        elif isinstance(x, type):
            self.visit_class(x, name)
        elif isinstance(x, ModuleType):
            self.loose.append((name, x))
        elif not isinstance(x, Generator):
            self.visit_object(x, name)

    def _visit_results(self, cached: Any, name: str) -> None:
        """Visit what a cached function keeps, each result until it is forgotten."""
        for part in gc.get_referents(cached):
            keeps = keeps_results(part, cached)
            entries = part if keeps else {}
            for key, entry in entries.items():
                answer = Answer((part, key), entry_of)
                self.cells.append((name, answer))
                self.visit(entry, name)
            if not keeps:
                self.visit(part, name)

    def _visit_answer(self, x: Any, name: str) -> None:
        """Visit what an object tells, which may be something else later."""
        tell = next(tell for kind, tell in ASKED.items() if isinstance(x, kind))
        self.cells.append((name, Answer(x, tell)))
        self.visit(tell(x), name)

    def visit_object(self, x: Any, name: str) -> None:
        """Visit the attributes of an object, and its class."""
        if package_of(type(x)) in OPAQUE:
            return
        own = getattr(x, "__dict__", None)
        if isinstance(own, dict):
            self._visit_attributes(x, own, name)
        for base in type(x).__mro__:
            for key in slots_of(base):
                self.cells.append((f"{name}.{key}", Slot(x, key)))
                self.visit(getattr(x, key, None), f"{name}.{key}")
        self._visit_kind(x, name)

    def _visit_attributes(self, x: Any, own: dict[str, Any], name: str) -> None:
        """Hold the attributes of an object that matter, and visit what they stand for."""
        self.objects.append(x)
        internal = set(filter(_is_internal, own)) if id(x) in self.modules else set()
        used = self.used.get(id(x))
        if used is None:
            self.holders.append((name, own))
            keys = list(own)
        else:
            keys = sorted(used | internal)
            self.names += [(f"{name}.{key}", own, key) for key in keys]  # or that there is none
        for key in keys:
            if key in own and key not in internal:
                self.visit(own[key], f"{name}.{key}")

    def _visit_kind(self, x: Any, name: str) -> None:
        """Visit the class of an object, and hold that it has the same one, and attributes."""
        kind = type(x)
        if isinstance(getattr(x, "__dict__", None), dict):
            self.cells.append((f"the attributes of {name}", Slot(x, "__dict__")))
        if package_of(kind) not in LIBRARIES:
            self.cells.append((f"the class of {name}", Slot(x, "__class__")))
        self.visit_class(kind, name)

    def visit_class(self, kind: type, name: str) -> None:
        """Visit what the user's classes hold, and what their methods read."""
        if type(kind) is not type:
            self.visit_class(type(kind), name)
        for base in kind.__mro__:
            if package_of(base) not in LIBRARIES and base not in self.classes:
                self.classes.add(base)
                own = vars(base)
                for key, item in own.items():
                    if not key.startswith("__") or isinstance(item, FunctionType):
                        self.names.append((f"{base.__name__}.{key}", own, key))
                    self.visit(getattr(item, "__func__", item), name)

    def _visit_function(self, function: Any, name: str) -> None:
        if package_of(function) in LIBRARIES:
            return
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            self.visit(wrapped, name)
        self.functions.append((name, function))
        self.visit(function.__defaults__, name)
        self.visit(function.__kwdefaults__, name)
        if function.__dict__:
            own = vars(function)
            self._hold(own, name, _named(name, own))
        code = function.__code__
        cells = function.__closure__ or ()
        for key, cell in zip(code.co_freevars, cells, strict=True):
            self.cells.append((key, cell))
            try:
                self._visit_global(cell.cell_contents, key, code)
            except ValueError:  # nothing is in it yet
                continue
        globals_ = function.__globals__
        for key in globals_of(code):
            self.names.append((key, globals_, key))  # one that is missing may be there later
            self._visit_global(globals_.get(key), key, code)
        for module in imported(code, str(globals_.get("__package__") or "")):
            self._visit_global(module, module.__name__, code)

    def _visit_global(self, value: Any, name: str, code: CodeType) -> None:
        """Visit what a global name stands for: of a module of Python's the attributes named."""
        if not isinstance(value, ModuleType):
            self.visit(value, name)
        elif top_of(value.__name__) not in LIBRARIES:
            own = vars(value)
            for key in sorted(set(names_in(code)) & own.keys()):
                path = f"{name}.{key}"
                self.names.append((path, own, key))
                if not isinstance(own[key], ModuleType):
                    self.visit(own[key], path)
                elif path.count(".") < DEEPEST:
                    self._visit_global(own[key], path, code)

    def _visit_loose(self) -> None:
        """Visit modules that objects hold: each function may read what it names."""
        n = 0
        while n != len(self.loose) + len(self.functions):
            n = len(self.loose) + len(self.functions)
            for name, module in self.loose:
                for _, function in self.functions:
                    code = function.__code__
                    if (name, code) not in self.read:
                        self.read.add((name, code))
                        self._visit_global(module, name, code)


def _is_internal(key: str) -> bool:
    return key == "training" or key in NOT_VISITED or key.endswith("_hooks")


def _named(name: str, holder: dict[str, Any]) -> list[Named]:
    """Return what an object holds, by its paths."""
    return [(f"{name}.{key}", item) for key, item in holder.items()]
