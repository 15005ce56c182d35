"""Module: a tree of parameters, buffers and submodules, found by attribute.

https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from minigrad.nn.parameter import Parameter

from minigrad import dtypes
from minigrad.creation import as_tensor, zeros_like
from minigrad.modes import no_grad
from minigrad.tensor import Handle, Tensor

Self = TypeVar("Self", bound="Module")


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` returns: the keys it missed and those it had no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        missing, unexpected = self
        return f"IncompatibleKeys(missing_keys={missing}, unexpected_keys={unexpected})"


class Module:
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

    def __init__(self) -> None:
        kinds: dict[str, Any] = {"_parameters": {}, "_buffers": {}, "_modules": {}}
        self.__dict__.update(kinds, training=True, _unsaved=set(), _hooks={}, _pre_hooks={})

    # ---- attributes --------------------------------------------------------------------------
    def __setattr__(self, name: str, value: Any) -> None:
        kinds = self.__dict__
        if "_modules" not in kinds:
            if isinstance(value, (Module, Parameter)):
                kind = "module" if isinstance(value, Module) else "parameters"
                raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
            object.__setattr__(self, name, value)
        elif isinstance(value, Parameter):
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self._forget(name)
            kinds["_modules"][name] = value
        elif name in kinds["_parameters"] and value is not None:
            raise TypeError(
                f"cannot assign '{type(value).__name__}' as parameter '{name}' (nn.Parameter or None expected)"
            )
        else:
            for kind in ("_parameters", "_buffers", "_modules"):
                if name in kinds[kind]:
                    kinds[kind][name] = value
                    return
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        for kind in ("_parameters", "_buffers", "_modules"):
            found = self.__dict__.get(kind, {})
            if name in found:
                return found[name]
        known = [*dir(type(self)), *self.__dict__, *self.__dict__.get("_modules", ())]
        close = difflib.get_close_matches(name, known, 1)
        hint = f". Did you mean '{close[0]}'?" if close else ""
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'{hint}")

    def __delattr__(self, name: str) -> None:
        if not self._forget(name):
            object.__delattr__(self, name)

    def _forget(self, name: str) -> bool:
        found = [kind.pop(name, self) for kind in (self._parameters, self._buffers, self._modules)]
        self.__dict__.pop(name, None)
        return any(value is not self for value in found)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make ``param`` the parameter of that name; None keeps the place free."""
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{type(param).__name__}' object to parameter '{name}' (nn.Parameter or None required)"
            )
        if name not in self._parameters:
            self._forget(name)
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Make ``tensor`` part of the state without being a parameter; saved if persistent."""
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{type(tensor).__name__}' object to buffer '{name}' (Tensor or None required)"
            )
        self._forget(name)
        self._buffers[name] = tensor
        (self._unsaved.discard if persistent else self._unsaved.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Make ``module`` the submodule of that name."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        if "." in name or name == "":
            raise KeyError(f'module name can\'t contain "." or be empty, got: {name!r}')
        self._forget(name)
        self._modules[name] = module

    register_module = add_module

    # ---- calling -----------------------------------------------------------------------------
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the result; every module writes its own."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for pre_hook in list(self._pre_hooks.values()):
            changed = pre_hook(self, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        result = self.forward(*args, **kwargs)
        for hook in list(self._hooks.values()):
            changed = hook(self, args, result)
            result = result if changed is None else changed
        return result

    def register_forward_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(module, args, output)`` after forward; it may return another output."""
        return Handle(self._hooks, hook)

    def register_forward_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(module, args)`` before forward; it may return other arguments."""
        return Handle(self._pre_hooks, hook)

    # ---- the tree ----------------------------------------------------------------------------
    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """Yield this module and all below it with their dotted names, each module once."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if remove_duplicate and id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            below = [(f"{name}.{k}" if name else k, m) for k, m in module._modules.items() if m is not None]
            stack.extend(reversed(below))

    def _named(self, kind: str, prefix: str, recurse: bool, once: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules(prefix, remove_duplicate=once) if recurse else [(prefix, self)]:
            for name, value in module.__dict__[kind].items():
                if value is not None and not (once and id(value) in seen):
                    seen.add(id(value))
                    yield f"{path}.{name}" if path else name, value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield parameters with their dotted names; a shared one comes once."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield buffers with their dotted names."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules right below with their names."""
        return ((name, module) for name, module in self._modules.items() if module is not None)

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
        found = dict(self.named_modules(remove_duplicate=False))
        if target not in found:
            raise AttributeError(f"{type(self).__name__} has no submodule '{target}'")
        return found[target]

    # ---- changes to all of it ----------------------------------------------------------------
    def train(self: Self, mode: bool = True) -> Self:
        """Set training mode here and below; return the module."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        for module in self.modules():
            module.__dict__["training"] = mode
        return self

    def eval(self: Self) -> Self:
        """Set evaluation mode here and below; return the module."""
        return self.train(False)

    def apply(self: Self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn`` on every module below and on this one, children first; return the module."""
        for module in reversed(list(self.modules())):
            fn(module)
        return self

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Ask all parameters for gradients, or none; return the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or make them zero."""
        for parameter in self.parameters():
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad = zeros_like(parameter.grad)

    def to(self: Self, dtype: Any) -> Self:
        """Cast floating-point parameters and buffers; return the module."""
        if isinstance(dtype, str) and dtype.split(":")[0] == "cpu":
            return self
        for tensor in (*self.parameters(), *self.buffers()):
            if tensor.is_floating_point():
                grad, tensor.grad = tensor.grad, None
                tensor.data = tensor.detach().to(dtype)
                tensor.grad = None if grad is None else grad.to(dtype)
        return self

    def float(self: Self) -> Self:
        """Cast to float32; return the module."""
        return self.to(dtypes.float32)

    def double(self: Self) -> Self:
        """Cast to float64; return the module."""
        return self.to(dtypes.float64)

    # ---- state -------------------------------------------------------------------------------
    def _state(self) -> dict[str, Tensor]:
        """Every parameter and saved buffer by its dotted name, in PyTorch's order."""
        state: dict[str, Tensor] = {}
        for path, module in self.named_modules(remove_duplicate=False):
            dot = f"{path}." if path else ""
            state.update({dot + k: v for k, v in module._parameters.items() if v is not None})
            kept = {k: v for k, v in module._buffers.items() if k not in module._unsaved}
            state.update({dot + k: v for k, v in kept.items() if v is not None})
        return state

    def state_dict(self) -> dict[str, Tensor]:
        """Return parameters and buffers by name, detached and on the same memory.

        Clone what should not follow the training: ``{k: v.clone() for k, v in …items()}``.
        """
        return {name: tensor.detach() for name, tensor in self._state().items()}

    def load_state_dict(self, state_dict: dict[str, Tensor], strict: bool = True) -> IncompatibleKeys:
        """Copy values of those names into the parameters and buffers.

        Raises RuntimeError that lists missing and unexpected keys (with ``strict``) and sizes that
        differ; nothing is changed then.
        """
        own = self._state()
        missing = [key for key in own if key not in state_dict]
        unexpected = [key for key in state_dict if key not in own]
        faults = []
        if strict and unexpected:
            faults.append("Unexpected key(s) in state_dict: " + _quoted(unexpected))
        if strict and missing:
            faults.append("Missing key(s) in state_dict: " + _quoted(missing))
        for key, tensor in own.items():
            if key in state_dict and tuple(state_dict[key].shape) != tensor.shape:
                faults.append(
                    f"size mismatch for {key}: copying a param with shape {tuple(state_dict[key].shape)} "
                    f"from checkpoint, the shape in current model is {tensor.shape}."
                )
        if faults:
            listing = "\n\t".join(faults)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{listing}")
        with no_grad():
            for key, tensor in own.items():
                if key in state_dict:
                    tensor.copy_(as_tensor(state_dict[key]))
        return IncompatibleKeys(missing, unexpected)

    # ---- printing ----------------------------------------------------------------------------
    def extra_repr(self) -> str:
        """Return what stands between the brackets when the module is printed."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): {module!r}".replace("\n", "\n  ") for name, module in self._modules.items()]
        extra = self.extra_repr()
        if not lines:
            return f"{type(self).__name__}({extra})"
        body = "\n  ".join(([extra] if extra else []) + lines)
        return f"{type(self).__name__}(\n  {body}\n)"


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys) + ". "
