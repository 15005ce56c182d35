"""The methods of Module that register hooks: around its call, its backward and its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.nn.hooks import ForwardHook
from minigrad.tensor.tensor import Handle

HOOKS = (
    *("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"),
    *("_state_dict_hooks", "_state_dict_pre_hooks"),
    *("_load_state_dict_pre_hooks", "_load_state_dict_post_hooks"),
)


class HookMethods:
    """Registering hooks; mixed into Module. Every handle takes its hook away by ``.remove()``."""

    _forward_hooks: dict[int, ForwardHook]
    _forward_pre_hooks: dict[int, ForwardHook]
    _backward_hooks: dict[int, Callable[..., Any]]
    _backward_pre_hooks: dict[int, Callable[..., Any]]
    _state_dict_hooks: dict[int, Callable[..., Any]]
    _state_dict_pre_hooks: dict[int, Callable[..., Any]]
    _load_state_dict_pre_hooks: dict[int, tuple[Callable[..., Any], bool]]
    _load_state_dict_post_hooks: dict[int, Callable[..., Any]]

    # ---- around forward ----------------------------------------------------------------------
    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> Handle:
        """Call ``hook(module, args, output)`` after forward; it may return another output.

        ``prepend`` puts it before the others, ``with_kwargs`` calls ``hook(module, args, kwargs,
        output)``, ``always_call`` calls it where forward raises, too, with the output None.
        """
        return Handle(self._forward_hooks, ForwardHook(hook, with_kwargs, always_call), prepend)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call ``hook(module, args)`` before forward; it may return other arguments.

        ``with_kwargs`` calls ``hook(module, args, kwargs)``, which may return both anew.
        """
        return Handle(self._forward_pre_hooks, ForwardHook(hook, with_kwargs), prepend)

    # ---- around backward ---------------------------------------------------------------------
    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> Handle:
        """Call ``hook(module, grad_input, grad_output)``, with tuples, in backward.

        It may return another ``grad_input``.
        """
        return Handle(self._backward_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> Handle:
        """As :meth:`register_full_backward_hook`, by its older name.

        PyTorch's older hook sees the inputs of the module's last operation; this one sees the
        module's own.
        """
        return self.register_full_backward_hook(hook)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> Handle:
        """Call ``hook(module, grad_output)`` before backward; it may return another."""
        return Handle(self._backward_pre_hooks, hook, prepend)

    # ---- around the state --------------------------------------------------------------------
    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(module, prefix, keep_vars)`` before ``state_dict`` reads the module."""
        return Handle(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after ``state_dict``.

        It may change the dictionary in place; ``state_dict`` raises RuntimeError where it returns
        anything but None.
        """

        def checked(*args: Any) -> None:
            if hook(*args) is not None:
                name = getattr(hook, "__name__", hook)
                raise RuntimeError(f"state_dict post-hook must return None: {name}")

        return Handle(self._state_dict_hooks, checked)

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> Handle:
        """As :meth:`register_state_dict_post_hook`; it may return another dictionary."""
        return Handle(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook`` before ``load_state_dict`` writes into the module.

        It gets ``module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs`` and may change dictionary and lists in place.
        """
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> Handle:
        """As :meth:`register_load_state_dict_pre_hook`, without the module by default."""
        return Handle(self._load_state_dict_pre_hooks, (hook, with_module))

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(module, incompatible_keys)`` after ``load_state_dict``.

        It may change the lists of missing and unexpected keys in place; cleared, they are no error.
        """
        return Handle(self._load_state_dict_post_hooks, hook)
