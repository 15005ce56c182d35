"""Module: a tree of parameters, buffers and submodules, found by attribute.

https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, Protocol, Self, TypeAlias, TypeVar
from weakref import ref

from minigrad.engine.recording import call_linked
from minigrad.modes import MODES
from minigrad.nn import hooks
from minigrad.nn.conversion import ConversionMethods
from minigrad.nn.hook_methods import HOOKS, HookMethods
from minigrad.nn.parameter import Parameter
from minigrad.nn.state import StateMethods, dotted
from minigrad.tensor.tensor import Tensor

KINDS = ("_parameters", "_buffers", "_modules")


P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class _HasForward(Protocol[P, R]):
    """A module whose call takes and returns what its own ``forward`` does."""

    def forward(self, *args: P.args, **kwargs: P.kwargs) -> R: ...


_Called: TypeAlias = "_HasForward[P, R]"  # in quotes jedi, which knows no P, reads on to forward


class Module(ConversionMethods, StateMethods, HookMethods):
    """Base of all layers and models: write ``__init__`` and ``forward``.

    Parameters, tensors registered as buffers and modules assigned to attributes are found again by
    ``parameters``, ``buffers``, ``children`` and ``state_dict``, in the order of assignment.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> class Twice(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer = nn.Linear(2, 2)
    ...     def forward(self, x):
    ...         return self.layer(self.layer(x))
    >>> [name for name, _ in Twice().named_parameters()]
    ['layer.weight', 'layer.bias']
    """

    training: bool
    dump_patches = False  # as in PyTorch, where it means nothing any more
    call_super_init = False  # whether __init__ calls the next class's, with what it was given
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _non_persistent_buffers_set: set[str]  # buffers that state_dict leaves out

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init and (args or kwargs):
            surplus = (
                f"{len(args) + 1} positional" if args else f"an unexpected {next(iter(kwargs))!r}"
            )
            raise TypeError(f"{type(self).__name__}.__init__() takes 1 argument, but got {surplus}")
        self.__dict__.update({kind: {} for kind in KINDS})
        self.__dict__.update({kind: {} for kind in HOOKS})
        self.__dict__.update(training=True, _non_persistent_buffers_set=set())
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    # ---- attributes -----------------------------------------------------------------------------
    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if isinstance(value, Parameter):
            self._move_to("_parameters", name)
            self.register_parameter(name, value)
        elif name in own.get("_parameters", ()):
            check_value("_parameters", name, value, "as")
            own["_parameters"][name] = value
        elif isinstance(value, Module):
            self._move_to("_modules", name)
            own["_modules"][name] = value
        elif getattr(value, "_is_buffer", False) is True:  # a mock answers to any name
            self._move_to("_buffers", name)
            self.register_buffer(name, value, value.persistent)
        else:
            for kind in KINDS[1:]:
                if name in own.get(kind, ()):
                    check_value(kind, name, value, "as")
                    own[kind][name] = value
                    return
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:  # asked only where there is no ordinary attribute
        own = self.__dict__
        if "_modules" in own:  # after __init__
            if name in own["_parameters"]:
                return own["_parameters"][name]
            if name in own["_buffers"]:
                return own["_buffers"][name]
            if name in own["_modules"]:
                return own["_modules"][name]
        close = difflib.get_close_matches(name, [n for n in dir(self) if n[0] != "_"], 1)
        hint = f". Did you mean: '{close[0]}'?" if close else ""
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'{hint}")

    def __delattr__(self, name: str) -> None:
        if not any(name in self.__dict__.get(kind, ()) for kind in KINDS):
            object.__delattr__(self, name)
        self._forget(name)

    def __dir__(self) -> list[str]:
        names = set(super().__dir__())
        for kind in KINDS:
            names.update(name for name in self.__dict__.get(kind, ()) if name.isidentifier())
        return sorted(names)

    def _move_to(self, kind: str, name: str) -> None:
        """Make room for a parameter, buffer or module: forget what has its name elsewhere."""
        if kind not in self.__dict__:
            raise AttributeError(
                f"cannot assign {_singular(kind)} before Module.__init__() call: '{name}'"
            )
        if name not in self.__dict__[kind]:
            check_name(kind, name)
            self._forget(name)

    def _forget(self, name: str) -> None:
        for kind in KINDS:
            self.__dict__[kind].pop(name, None)
        self.__dict__.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def _register(self, kind: str, name: str, value: Any) -> None:
        if kind not in self.__dict__:
            raise AttributeError(
                f"cannot assign {_singular(kind)} before Module.__init__() call: '{name}'"
            )
        check_value(kind, name, value, "object to")
        check_name(kind, name)
        is_attribute = self.__dict__.get(name) is not None or hasattr(type(self), name)
        others = [k for k in KINDS if k != kind]
        if is_attribute or any(name in self.__dict__.get(k, ()) for k in others):
            raise KeyError(f"attribute '{name}' already exists")
        self.__dict__.pop(name, None)
        self.__dict__[kind][name] = value

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make ``param`` the parameter of that name; None keeps the place free.

        Raises TypeError for anything that is not a Parameter, KeyError for a name that is taken.
        """
        self._register("_parameters", name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Make ``tensor`` part of the state without being a parameter; saved if persistent.

        Raises TypeError for anything that is not a Tensor, KeyError for a name that is taken.
        """
        self._register("_buffers", name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Make ``module`` the submodule of that name.

        Raises TypeError for anything that is not a Module, KeyError for a name that is taken.
        """
        self._register("_modules", name, module)

    register_module = add_module

    # ---- calling --------------------------------------------------------------------------------
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the result; every module writes its own."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self: _Called[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        module: Any = self
        if (
            hooks.EVERYWHERE
            or module._forward_hooks
            or module._forward_pre_hooks
            or module._backward_hooks
            or module._backward_pre_hooks
        ):
            return hooks.call(module, args, kwargs)
        outer = MODES.scope
        MODES.scope = (outer, ref(self), type(self))  # weak, as a module may keep its own output
        try:
            first = outer is None and MODES.links is None and MODES.grad_enabled
            return (
                call_linked(self.forward, args, kwargs) if first else self.forward(*args, **kwargs)
            )
        finally:
            MODES.scope = outer

    # ---- the tree -------------------------------------------------------------------------------
    def named_modules(
        self,
        memo: set[Module] | None = None,
        prefix: str = "",
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Module]]:
        """Yield this module and all below it with their dotted names, each module once.

        Those in ``memo`` and all that is below them are left out.
        """
        seen = set() if memo is None else memo
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if remove_duplicate and module in seen:
                continue
            seen.add(module)
            yield name, module
            children = module._modules.items()
            below = [(dotted(name, k), child) for k, child in children if child is not None]
            stack.extend(reversed(below))

    def _named_members(
        self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        modules = iter([(prefix, self)])
        if recurse:
            modules = self.named_modules(None, prefix, remove_duplicate)
        seen: set[int] = set()
        for path, module in modules:
            for name, value in module.__dict__[kind].items():
                repeated = remove_duplicate and id(value) in seen
                if value is None or repeated:
                    continue
                seen.add(id(value))
                yield dotted(path, name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield parameters with their dotted names; a shared one comes once."""
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield buffers with their dotted names."""
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules right below with their names."""
        return self._named_members("_modules", "", recurse=False, remove_duplicate=True)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield the parameters, each once."""
        return (value for _, value in self.named_parameters(recurse=recurse))

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield the buffers, each once."""
        return (value for _, value in self.named_buffers(recurse=recurse))

    def modules(self) -> Iterator[Module]:
        """Yield this module and all below it."""
        return (module for _, module in self.named_modules())

    def children(self) -> Iterator[Module]:
        """Yield the modules right below."""
        return (module for _, module in self.named_children())

    def get_submodule(self, target: str) -> Module:
        """Return the module of that dotted name; raise AttributeError where there is none."""
        module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(
                    f"{type(module).__name__} has no attribute `{name}` in '{target}'"
                )
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module in '{target}'")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module in the place of that dotted name; ``strict``: only where there is one.

        Raises ValueError for an empty name and for what is no module, AttributeError where the
        path does not lead to a module.
        """
        if not target:
            raise ValueError(f"Cannot set the submodule without a target name! Got {target!r}")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        exists = hasattr(parent, name)
        if strict or exists:
            parent.get_submodule(name)
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter of that dotted name; raise AttributeError where there is none."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        value = getattr(module, name)
        if not isinstance(value, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return value

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer of that dotted name; raise AttributeError where there is none."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        getattr(module, name)  # raises where there is none
        value = module._buffers.get(name)
        if value is None:
            raise AttributeError(f"`{name}` is not a buffer")
        return value

    # ---- changes to all of it -------------------------------------------------------------------
    def train(self, mode: bool = True) -> Self:
        """Set training mode here and below; return the module."""
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, but got {mode!r}")
        self.__dict__["training"] = mode
        for child in self.children():  # one by one: a frozen layer may have its own train()
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode here and below; return the module."""
        return self.train(False)

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn`` on every module below and then on this one; return the module."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # ---- printing -------------------------------------------------------------------------------
    def extra_repr(self) -> str:
        """Return what stands between the brackets when the module is printed."""
        return ""

    def __repr__(self) -> str:
        return self._tree([f"({name}): {module!r}" for name, module in self._modules.items()])

    def _get_name(self) -> str:
        """Return the name that is printed, the class's."""
        return type(self).__name__

    def _tree(self, children: list[str]) -> str:
        """Return the class, ``extra_repr`` and the children, indented where they need lines."""
        name, extra = self._get_name(), self.extra_repr()
        if not children and "\n" not in extra:
            return f"{name}({extra})"
        lines = extra.split("\n") if extra else []
        for text in children:
            lines.append(text.replace("\n", "\n  "))
        body = "\n  ".join(lines)
        return f"{name}(\n  {body}\n)"


def _singular(kind: str) -> str:
    """Return 'parameter' for '_parameters', and so on."""
    return kind.strip("_").removesuffix("s")


def check_name(kind: str, name: Any) -> None:
    """Raise TypeError for a name that is no string, KeyError for one with dots or none."""
    what = _singular(kind)
    if not isinstance(name, str):
        raise TypeError(f"{what} name should be a string. Got {type(name).__name__}")
    if "." in name:
        raise KeyError(f'{what} name can\'t contain ".", got: {name}')
    if not name:
        raise KeyError(f'{what} name can\'t be empty string ""')


def check_value(kind: str, name: str, value: Any, how: str) -> None:
    """Raise TypeError unless ``value`` is None or what that kind of attribute holds."""
    cls, what, label = {
        "_parameters": (Parameter, "parameter", "nn.Parameter"),
        "_buffers": (Tensor, "buffer", "Tensor"),
        "_modules": (Module, "child module", "nn.Module"),
    }[kind]
    if value is not None and not isinstance(value, cls):
        raise TypeError(
            f"cannot assign '{type(value).__name__}' {how} {what} '{name}' "
            f"({label} or None expected)"
        )
