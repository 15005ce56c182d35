"""Hooks around an optimizer's step and around its state.

A class's ``step`` is wrapped when the first hook asks for it, so that hooks cost nothing before.
https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.register_step_pre_hook.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from minigrad.tensor.tensor import Handle

Hook = Callable[..., Any]
KINDS = (
    *("step_pre", "step_post", "state_dict_pre", "state_dict_post"),
    *("load_state_dict_pre", "load_state_dict_post"),
)
EVERYWHERE: dict[str, dict[int, Hook]] = {"step_pre": {}, "step_post": {}}


class HookMethods:
    """Registering hooks; mixed into Optimizer. A handle takes its hook away by ``.remove()``."""

    _hooks: dict[str, dict[int, Hook]]

    def register_step_pre_hook(self, hook: Hook) -> Handle:
        """Call ``hook(optimizer, args, kwargs)`` before each step.

        ``args`` begins with the optimizer; the hook may return both anew.
        """
        wrap_step(type(self))
        return Handle(self._hooks["step_pre"], hook)

    def register_step_post_hook(self, hook: Hook) -> Handle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        wrap_step(type(self))
        return Handle(self._hooks["step_post"], hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> Handle:
        """Call ``hook(optimizer)`` before ``state_dict``."""
        return Handle(self._hooks["state_dict_pre"], hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> Handle:
        """Call ``hook(optimizer, state_dict)`` after ``state_dict``; it may return another."""
        return Handle(self._hooks["state_dict_post"], hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> Handle:
        """Call ``hook(optimizer, state_dict)`` before loading; it may return another."""
        return Handle(self._hooks["load_state_dict_pre"], hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> Handle:
        """Call ``hook(optimizer)`` after ``load_state_dict``."""
        return Handle(self._hooks["load_state_dict_post"], hook, prepend)

    def _changed(self, kind: str, state: dict[str, Any]) -> dict[str, Any]:
        """Return a state as the hooks of that kind change it."""
        for hook in list(self._hooks[kind].values()):
            changed = hook(self, state)
            state = state if changed is None else changed
        return state

    def _tell(self, kind: str) -> None:
        for hook in list(self._hooks[kind].values()):
            hook(self)


def register_optimizer_step_pre_hook(hook: Hook) -> Handle:
    """Call ``hook(optimizer, args, kwargs)`` before each step of every optimizer.

    >>> import minigrad as mg
    >>> from minigrad.optim.optimizer import register_optimizer_step_pre_hook
    >>> w = mg.zeros(1, requires_grad=True)
    >>> seen = []
    >>> with register_optimizer_step_pre_hook(lambda optimizer, *_: seen.append(type(optimizer))):
    ...     mg.optim.SGD([w]).step()
    >>> seen[0].__name__
    'SGD'
    """
    _wrap_all(HookMethods)
    return Handle(EVERYWHERE["step_pre"], hook)


def register_optimizer_step_post_hook(hook: Hook) -> Handle:
    """Call ``hook(optimizer, args, kwargs)`` after each step of every optimizer."""
    _wrap_all(HookMethods)
    return Handle(EVERYWHERE["step_post"], hook)


def are_everywhere() -> bool:
    """Return whether there are hooks of all optimizers."""
    return any(EVERYWHERE.values())


def _wrap_all(cls: Any) -> None:
    for sub in cls.__subclasses__():
        if "step" in vars(sub):
            wrap_step(sub)
        _wrap_all(sub)


def wrap_step(cls: Any) -> None:
    """Have the steps of a class call its optimizers' hooks."""
    if not hasattr(cls.step, "hooked"):
        writer: Any = next(base for base in cls.__mro__ if "step" in vars(base))
        writer.step = _with_hooks(writer.step)


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(step)
    def hooked(*args: Any, **kwargs: Any) -> Any:
        optimizer = args[0]
        if optimizer._is_stepping:  # a step that calls its base class's
            return step(*args, **kwargs)
        optimizer._is_stepping = True
        try:
            own = optimizer._hooks
            for hook in (*EVERYWHERE["step_pre"].values(), *own["step_pre"].values()):
                args, kwargs = _answer(hook(optimizer, args, kwargs), args, kwargs)
            result = step(*args, **kwargs)
            for hook in (*own["step_post"].values(), *EVERYWHERE["step_post"].values()):
                hook(optimizer, args, kwargs)
            return result
        finally:
            optimizer._is_stepping = False

    hooked.hooked = True  # type: ignore[attr-defined]
    return hooked


def _answer(answer: Any, args: Any, kwargs: Any) -> Any:
    """Return the arguments as a hook changes them."""
    if answer is None:
        return args, kwargs
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise RuntimeError(
            "a hook before step must return None or a tuple of (new_args, new_kwargs), but got "
            f"{answer}."
        )
    return answer
