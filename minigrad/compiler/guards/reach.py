"""What a function reaches: tensors, modules, optimizers, and the plain values it may read.

State is found, not declared: from the function through its closure, the globals it names, and the
attributes and items of what is there. Each dictionary and list on the way is held to be as it was;
so is each tensor's memory.
"""

from __future__ import annotations

import array
import collections
import contextvars
import functools
import gc
import operator
import random
import sys
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

from minigrad.compiler.guards.looked_up import globals_of, imported, names_in
from minigrad.nn import hooks as module_hooks
from minigrad.optim import hooks as optimizer_hooks
from minigrad.optim.optimizer import Optimizer
from minigrad.random import Generator
from minigrad.tensor.tensor import Tensor

LIBRARIES = {*sys.stdlib_module_names, "numpy", "minigrad", "builtins", "tqdm", "matplotlib"}
NAMESPACES = {"minigrad", "argparse", "collections", "configparser", "types", "weakref", "_thread"}
OPAQUE = LIBRARIES - NAMESPACES  # whose objects hold nothing of the user's
NUMBERS = (int, float, bool, complex, np.generic)
ATOMS = (*NUMBERS, str, bytes, type(None), type(...), np.dtype, slice, range, BuiltinFunctionType)
SEQUENCES = (list, set, collections.deque, bytearray)  # that may hold something else later
DEEPEST = 4  # modules within modules whose attributes are looked at
WRAPPERS = (  # that hold a function, or an array
    functools.partial, functools.partialmethod, property, functools.cached_property,
    type(functools.lru_cache(len)), memoryview,
)  # fmt: skip
ASKED: dict[type, Callable[[Any], Any]] = {  # what objects hold that have no attributes
    weakref.ref: weakref.ref.__call__,
    contextvars.ContextVar: lambda x: x.get(None),
    array.array: array.array.tobytes,
}
BOUND = (BuiltinFunctionType, MethodWrapperType)
VIEWS: tuple[type, ...] = (MappingProxyType, type({}.keys()), type({}.values()), type({}.items()))
STREAMS = (np.random.Generator, np.random.RandomState, random.Random)
MODULE_PARTS = ("_parameters", "_buffers", "_modules")
NOT_VISITED = (*MODULE_PARTS, "_non_persistent_buffers_set")  # which state_dict alone reads


Named = tuple[str, Any]


class Reach:
    """Everything that is found from one function, by name."""

    def __init__(self) -> None:
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
        if isinstance(x, ATOMS) or id(x) in self.seen:
            return
        self.seen[id(x)] = x
        if isinstance(x, Tensor):
            self.tensors[id(x)] = (name, x)
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

    def _hold(self, holder: Any, name: str, items: Any) -> None:
        self.holders.append((name, holder))
        for item_name, item in items:
            self.visit(item, item_name)

    def _visit_module(self, module: Any, name: str) -> None:
        """Visit a module and what is below it; paths begin with the name of the outermost."""
        self.modules[id(module)] = name
        self.hooked.append(module)
        own = vars(module)
        self.holders.append((name, own))
        if _package(type(module)) == "minigrad":
            self._note_layer(own)
        tensors = {**own["_parameters"], **own["_buffers"]}
        for path, tensor in _named(name, tensors):
            if tensor is not None:  # this name is the best
                self.seen[id(tensor)] = tensor
                self.tensors[id(tensor)] = (path, tensor)
        for part in MODULE_PARTS:
            self._hold(own[part], name, _named(name, own[part]))
        for key, item in own.items():
            if key not in NOT_VISITED and not key.endswith("_hooks"):
                self.visit(item, f"{name}.{key}")
        self._visit_kind(module, name)

    def _note_layer(self, own: dict[str, Any]) -> None:
        """Note what a layer of ours holds for itself."""
        parts = [own[part] for part in MODULE_PARTS]
        self.parts.update(map(id, parts))
        if all(_is_simple(key, value) for key, value in own.items()):
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
            self.visit(group["params"], f"{name}[{i}]")

    def visit_state(self) -> None:
        """Visit the state of the optimizers: its tensors are named after their parameters."""
        self._visit_loose()
        for optimizer in self.optimizers:
            state = ("the state of the optimizer", optimizer.state)
            self.holders.append(state)
            for p, entries in optimizer.state.items():
                name, _ = self.tensors.get(id(p), ("state", p))
                self._hold(entries, name, _named(name, entries))

    # ---- code -------------------------------------------------------------------------------
    def _visit_code(self, x: Any, name: str) -> None:
        """Visit functions, methods, and objects of the user's."""
        if isinstance(x, FunctionType):
            self._visit_function(x, name)
        elif isinstance(x, MethodType):
            self.visit(x.__self__, name)
            self.visit(x.__func__, name)
        elif isinstance(x, WRAPPERS):
            for part in ("fget", "func", "args", "keywords", "__wrapped__", "obj"):
                self.visit(getattr(x, part, None), name)
        elif isinstance(x, VIEWS):
            for part in gc.get_referents(x):
                self.visit(part, name)
        elif isinstance(x, tuple(ASKED)):
            self._visit_answer(x, name)
        elif isinstance(x, type):
            self._visit_class(x, name)
        elif isinstance(x, ModuleType):
            self.loose.append((name, x))
        elif not isinstance(x, Generator):
            self._visit_object(x, name)

    def _visit_answer(self, x: Any, name: str) -> None:
        """Visit what an object tells, which may be something else later."""
        tell = next(tell for kind, tell in ASKED.items() if isinstance(x, kind))
        self.cells.append((name, Answer(x, tell)))
        self.visit(tell(x), name)

    def _visit_object(self, x: Any, name: str) -> None:
        if _package(type(x)) in OPAQUE:
            return
        own = getattr(x, "__dict__", None)
        if isinstance(own, dict):
            self._hold(own, name, _named(name, own))
        for base in type(x).__mro__:
            for key in _slots(base):
                self.cells.append((f"{name}.{key}", Slot(x, key)))
                self.visit(getattr(x, key, None), f"{name}.{key}")
        self._visit_kind(x, name)

    def _visit_kind(self, x: Any, name: str) -> None:
        """Visit the class of an object, which may be of another one later."""
        kind = type(x)
        if _package(kind) not in LIBRARIES:
            self.cells.append((f"the class of {name}", Slot(x, "__class__")))
        self._visit_class(kind, name)

    def _visit_class(self, kind: type, name: str) -> None:
        if type(kind) is not type:
            self._visit_class(type(kind), name)
        for base in kind.__mro__:
            if _package(base) not in LIBRARIES and base not in self.classes:
                self.classes.add(base)
                own = vars(base)
                for key, item in own.items():
                    if not key.startswith("__") or isinstance(item, FunctionType):
                        self.names.append((f"{base.__name__}.{key}", own, key))
                    self.visit(getattr(item, "__func__", item), name)

    def _visit_function(self, function: Any, name: str) -> None:
        if _package(function) in LIBRARIES:
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
        elif value.__name__.partition(".")[0] not in LIBRARIES:
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


def _named(name: str, holder: dict[str, Any]) -> list[Named]:
    """Return what an object holds, by its paths."""
    return [(f"{name}.{key}", item) for key, item in holder.items()]


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


def _slots(kind: type) -> list[str]:
    """Return the names of the slots of a class of the user's."""
    names = vars(kind).get("__slots__", ())
    names = [names] if isinstance(names, str) else list(names)
    if _package(kind) in LIBRARIES:
        return []
    return [key for key in names if not key.startswith("__")]


def _is_simple(key: str, value: Any) -> bool:
    """Whether an attribute of a layer is a plain value, or for the layer's own use."""
    if isinstance(value, tuple):
        return all(_is_simple(key, x) for x in value)
    return isinstance(value, ATOMS) or (key[0] == "_" and isinstance(value, (dict, set)))


def _package(x: Any) -> str:
    return str(getattr(x, "__module__", None)).partition(".")[0]


class Held:
    """A dictionary or a list that must hold what it held."""

    __slots__ = ("container", "keys", "name", "values")

    def __init__(self, name: str, container: Any) -> None:
        self.name, self.container = name, container
        self.values = list(_values(container))
        self.keys = _keys(container)

    def changed(self) -> str | None:
        """Return what is no longer as it was."""
        now, keys = list(_values(self.container)), _keys(self.container)
        if len(now) != len(self.values) or not all(map(same, keys, self.keys)):
            return f"the entries of {self.name}"
        if all(map(operator.is_, now, self.values)):
            return None
        for key, new, old in zip(keys, now, self.values, strict=True):
            if not same(new, old):
                return f"{self.name}.{key}" if isinstance(key, str) else f"{self.name}[{key}]"
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
        return repr(a) == repr(b)
    if isinstance(a, ATOMS):
        return bool(a == b)
    return False
