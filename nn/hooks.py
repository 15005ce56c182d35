"""A call of a module that has hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import ref

from minigrad.engine.recording import call_linked
from minigrad.modes import MODES
from minigrad.nn.backward_hooks import BackwardHooks
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor


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


def call(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run ``forward`` with the module's hooks around it.

    If it raises, those that are always called are called, too.
    """
    not_called = {key: hook for key, hook in module._hooks.items() if hook.always}
    result = None
    try:
        for hook in list(module._pre_hooks.values()):
            args, kwargs = hook.before(module, args, kwargs)
        backward = None
        if module._backward_hooks or module._backward_pre_hooks:
            backward = BackwardHooks(
                module, [*module._backward_hooks.values()], [*module._backward_pre_hooks.values()]
            )
            args = backward.enter(args)
        result = _forward(module, args, kwargs)
        for key, hook in list(module._hooks.items()):
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
