"""A call of a module that has hooks, of its own or of all modules.

https://docs.pytorch.org/docs/stable/nn.html#global-hooks-for-module
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import ref

from minigrad.engine.recording import call_linked
from minigrad.modes import MODES
from minigrad.nn.backward_hooks import BackwardHooks
from minigrad.silence import warn
from minigrad.tensor.tensor import Handle, Tensor


class ForwardHook(NamedTuple):
    """A hook before or after forward, and how it is called."""

    hook: Callable[..., Any]
    with_kwargs: bool = False
    always: bool = False

    def before(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """Return the arguments as this hook changes them."""
        if not self.with_kwargs:
            changed = self.hook(module, args)
            if changed is None:
                return args, kwargs
            return (changed if isinstance(changed, tuple) else (changed,)), kwargs
        changed = self.hook(module, args, kwargs)
        if changed is None:
            return args, kwargs
        if not isinstance(changed, tuple) or len(changed) != 2:
            raise RuntimeError(
                "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                f"but got {changed}."
            )
        return changed

    def after(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
        """Return the output as this hook changes it."""
        if self.with_kwargs:
            changed = self.hook(module, args, kwargs, result)
        else:
            changed = self.hook(module, args, result)
        return result if changed is None else changed


# Hooks of all modules by kind; a kind without hooks is not there, so that an empty dictionary is
# all that a call looks at.
EVERYWHERE: dict[str, dict[int, Any]] = {}


class GlobalHandle(Handle):
    """A handle of a hook of all modules."""

    def __init__(self, kind: str, hook: Any) -> None:
        self.kind = kind
        super().__init__(EVERYWHERE.setdefault(kind, {}), hook)

    def remove(self) -> None:
        """Take the hook back."""
        super().remove()
        if not self.hooks and EVERYWHERE.get(self.kind) is self.hooks:
            del EVERYWHERE[self.kind]


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> Handle:
    """Call ``hook(module, args)`` before the forward of every module, before its own hooks."""
    return GlobalHandle("_forward_pre_hooks", ForwardHook(hook))


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> Handle:
    """Call ``hook(module, args, output)`` after the forward of every module, before its own hooks.

    >>> from minigrad import nn
    >>> import minigrad as mg
    >>> seen = []
    >>> with nn.modules.module.register_module_forward_hook(lambda m, args, out: seen.append(m)):
    ...     _ = nn.ReLU()(mg.zeros(1))
    >>> seen
    [ReLU()]
    """
    return GlobalHandle("_forward_hooks", ForwardHook(hook, with_kwargs, always_call))


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> Handle:
    """Call ``hook(module, grad_output)`` before the backward of every module."""
    return GlobalHandle("_backward_pre_hooks", hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> Handle:
    """Call ``hook(module, grad_input, grad_output)`` in the backward of every module."""
    return GlobalHandle("_backward_hooks", hook)


def registered(module: Any, kind: str) -> dict[Any, Any]:
    """Return the hooks of that kind: those of all modules, then the module's own."""
    own: dict[Any, Any] = getattr(module, kind)
    everywhere = EVERYWHERE.get(kind)
    if not everywhere:
        return dict(own)
    return {("everywhere", key): hook for key, hook in everywhere.items()} | own


def call(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run ``forward`` with the module's hooks around it.

    If it raises, those that are always called are called, too.
    """
    after = registered(module, "_forward_hooks")
    not_called = {key: hook for key, hook in after.items() if hook.always}
    result = None
    try:
        for hook in registered(module, "_forward_pre_hooks").values():
            args, kwargs = hook.before(module, args, kwargs)
        backward = _backward_hooks(module)
        if backward is not None:
            args = backward.enter(args)
        result = _forward(module, args, kwargs)
        for key, hook in registered(module, "_forward_hooks").items():
            not_called.pop(key, None)
            result = hook.after(module, args, kwargs, result)
        return result if backward is None else _leave(backward, result)
    except Exception:
        for hook in not_called.values():
            try:
                result = hook.after(module, args, kwargs, result)
            except Exception as error:
                warn(
                    "module forward hook with ``always_call=True`` raised an exception that was "
                    f"silenced as another error was raised in forward: {error}"
                )
        raise


def _backward_hooks(module: Any) -> BackwardHooks | None:
    """Return the hooks of this call's backward, None where there are none."""
    hooks = list(registered(module, "_backward_hooks").values())
    pre_hooks = list(registered(module, "_backward_pre_hooks").values())
    if not hooks and not pre_hooks:
        return None
    return BackwardHooks(module, hooks, pre_hooks)


def _forward(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """As Module.__call__ does, written out there so that hooks cost it nothing."""
    outer = MODES.scope
    MODES.scope = (outer, ref(module), type(module))
    try:
        if outer is None and MODES.links is None and MODES.grad_enabled:
            return call_linked(module.forward, args, kwargs)
        return module.forward(*args, **kwargs)
    finally:
        MODES.scope = outer


def _leave(backward: BackwardHooks, result: Any) -> Any:
    if not isinstance(result, (Tensor, tuple)):
        warn(
            "For backward hooks to be called, module output should be a Tensor or a tuple of "
            f"Tensors but received {type(result)}. Return a tuple, or register hooks on the "
            "tensors: x.register_hook."
        )
        return result
    return backward.leave(result)
