"""The methods of Module that save and load its state: ``state_dict`` and ``load_state_dict``."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from minigrad.creation import as_tensor
from minigrad.modes import no_grad
from minigrad.nn.parameter import Parameter, is_lazy
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor

EXTRA = "_extra_state"  # the key of what get_extra_state returns


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` returns: keys that it missed, and keys that it did not expect."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        missing, unexpected = self
        return f"_IncompatibleKeys(missing_keys={missing}, unexpected_keys={unexpected})"


class StateMethods:
    """Saving and loading; mixed into Module."""

    _version = 1  # of what state_dict holds; a class that changes it reads the older one, too
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_dict_hooks: dict[int, Any]
    _state_dict_pre_hooks: dict[int, Any]
    _load_state_dict_pre_hooks: dict[int, Any]
    _load_state_dict_post_hooks: dict[int, Any]
    modules: Any

    # ---- saving ------------------------------------------------------------------------------
    def state_dict(
        self,
        *args: Any,
        destination: dict[str, Any] | None = None,
        prefix: str = "",
        keep_vars: bool = False,
    ) -> dict[str, Tensor]:
        """Return parameters and buffers by name, detached and on the same memory.

        With ``keep_vars`` they are the module's own; they are added to ``destination`` where there
        is one. Clone what should not follow the training, or take a :meth:`snapshot`.
        """
        if args:
            warn("Positional args are being deprecated, use kwargs instead.", FutureWarning)
            given: Any = (*args, *(destination, prefix, keep_vars)[len(args) :])
            destination, prefix, keep_vars = given
        state: Any = destination
        if destination is None:
            state = OrderedDict()
            state._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(state, "_metadata"):
            state._metadata[prefix[:-1]] = metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(state, prefix, keep_vars)
        for name, child in self._modules.items():
            if child is not None:
                path = f"{prefix}{name}."
                child.state_dict(destination=state, prefix=path, keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            changed = hook(self, state, prefix, metadata)
            state = state if changed is None else changed
        return state  # type: ignore[no-any-return]

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Enter the state of this module alone, without those below."""
        for name, value in self._own_state().items():
            keeps = keep_vars or is_lazy(value)
            destination[prefix + name] = value if keeps else value.detach()
        if _has_extra_state(self, "get_extra_state"):
            destination[prefix + EXTRA] = self.get_extra_state()

    def _own_state(self) -> dict[str, Any]:
        """Return the parameters and saved buffers of this module alone."""
        saved = dict(self._parameters)
        for name, value in self._buffers.items():
            if name not in self._non_persistent_buffers_set:
                saved[name] = value
        return {name: value for name, value in saved.items() if value is not None}

    def get_extra_state(self) -> Any:
        """Return what else belongs to the state; a class that has such writes this method."""
        raise RuntimeError(
            "Reached a code path in Module.get_extra_state() that should never be called. "
            f"{type(self).__name__} writes set_extra_state, so it needs get_extra_state, too."
        )

    def set_extra_state(self, state: Any) -> None:
        """Take back what :meth:`get_extra_state` returned."""
        raise RuntimeError(
            "Reached a code path in Module.set_extra_state() that should never be called. "
            f"{type(self).__name__} writes get_extra_state, so it needs set_extra_state, too."
        )

    def snapshot(self) -> dict[str, Tensor]:
        """Return parameters and buffers by name as copies that do not follow the training.

        :meth:`load_state_dict` takes them back: the best model so far, for example.

        >>> import minigrad as mg
        >>> from minigrad import nn
        >>> layer = nn.Linear(1, 1)
        >>> best = layer.snapshot()
        >>> _ = nn.init.zeros_(layer.weight)
        >>> layer.load_state_dict(best)
        <All keys matched successfully>
        """
        return copy.deepcopy(self.state_dict())

    # ---- loading -----------------------------------------------------------------------------
    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy values into the parameters and buffers of those names.

        With ``assign`` they take the place of them. Raises RuntimeError that lists missing and
        unexpected keys (with ``strict``) and sizes that differ, TypeError for anything that is not
        a dictionary; nothing is changed then.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        keys = IncompatibleKeys([], [])
        errors: list[str] = []
        before = [_Before(module) for module in self.modules()]
        try:
            metadata = getattr(state_dict, "_metadata", {})
            _load(self, dict(state_dict), "", (metadata, assign, keys, errors))
            if strict:
                errors = key_errors(keys) + errors
            if errors:
                title = f"Error(s) in loading state_dict for {type(self).__name__}:"
                raise RuntimeError("\n\t".join([title, *errors]))
        except BaseException:
            for state in before:
                state.restore()
            raise
        return keys

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load the state of this module alone, without those below.

        A class whose older states look different changes ``state_dict`` before it calls this;
        ``local_metadata.get("version")`` tells of which version the state is.
        """
        lists = (missing_keys, unexpected_keys, error_msgs)
        for hook, with_module in list(self._load_state_dict_pre_hooks.values()):
            module = (self,) if with_module else ()
            hook(*module, state_dict, prefix, local_metadata, strict, *lists)
        assign = local_metadata.get("assign_to_params_buffers", False)
        own = self._own_state()
        for name, value in own.items():
            key = prefix + name
            if key in state_dict:
                error_msgs += _load_one(self, name, value, state_dict[key], key, assign)
            elif strict:
                missing_keys.append(key)
        _load_extra_state(self, state_dict, prefix + EXTRA, strict, missing_keys)
        for key in state_dict if strict else ():
            if key.startswith(prefix) and not _expected(self, own, key.removeprefix(prefix)):
                unexpected_keys.append(key)


def _load(module: Any, state: dict[str, Any], prefix: str, shared: Any) -> None:
    """Load a module and those below it; the state holds what begins with its prefix."""
    metadata, assign, keys, errors = shared
    local_metadata = dict(metadata.get(prefix[:-1], {}))
    if assign:
        local_metadata["assign_to_params_buffers"] = assign
    module._load_from_state_dict(state, prefix, local_metadata, True, *keys, errors)
    for name, child in module._modules.items():
        if child is None:
            continue
        path = f"{prefix}{name}."
        below = {key: value for key, value in state.items() if key.startswith(path)}
        _load(child, below, path, shared)
    for hook in list(module._load_state_dict_post_hooks.values()):
        if hook(module, keys) is not None:
            raise AssertionError(
                "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to "
                "return new values, if incompatible_keys need to be modified, it should be done "
                f"inplace: {getattr(hook, '__name__', hook)}"
            )


def _load_one(module: Any, name: str, own: Any, value: Any, key: str, assign: bool) -> list[str]:
    """Copy a value, or put it in the place of the module's own; return what is wrong with it."""
    if not isinstance(value, (Tensor, np.ndarray, np.generic)):
        return [
            f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
            f"object from checkpoint but received {type(value)}"
        ]
    if is_lazy(own) and is_lazy(value):
        return []
    new = value if isinstance(value, Tensor) else as_tensor(value)
    if is_lazy(own):
        own.materialize(new.shape)
    if own.ndim == 0 and new.shape == (1,):
        new = new[0]  # as states were written long ago
    if new.shape != own.shape:
        return [
            f"size mismatch for {key}: copying a param with shape {new.shape} from checkpoint, "
            f"the shape in current model is {own.shape}."
        ]
    try:
        with no_grad():
            if not assign:
                own.copy_(new)
            elif isinstance(own, Parameter):
                new = new if isinstance(new, Parameter) else Parameter(new, own.requires_grad)
                setattr(module, name, new.requires_grad_(own.requires_grad))
            else:
                setattr(module, name, new)
    except Exception as error:
        return [
            f'While copying the parameter named "{key}", whose dimensions in the model are '
            f"{own.shape} and whose dimensions in the checkpoint are {new.shape}, an exception "
            f"occurred : {error.args}."
        ]
    return []


def _has_extra_state(module: Any, method: str) -> bool:
    return getattr(type(module), method) is not getattr(StateMethods, method)


def _load_extra_state(
    module: Any, state: dict[str, Any], key: str, strict: bool, missing: list[str]
) -> None:
    if _has_extra_state(module, "set_extra_state"):
        if key in state:
            module.set_extra_state(state[key])
        elif strict:
            missing.append(key)


def _expected(module: Any, own: dict[str, Any], name: str) -> bool:
    """Return whether a module has a place for what is of that name, itself or below."""
    first, dot, _ = name.partition(".")
    if dot:
        return first in module._modules
    return first in own or (first == EXTRA and _has_extra_state(module, "set_extra_state"))


class _Before:
    """A module as it was before its state was loaded."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.own = dict(module._parameters), dict(module._buffers)
        tensors = [value for owned in self.own for value in owned.values() if value is not None]
        self.tensors = [(x, type(x), x.detach()._data.copy()) for x in tensors]

    def restore(self) -> None:
        """Put back what stood there."""
        parameters, buffers = self.own
        self.module._parameters.update(parameters)
        self.module._buffers.update(buffers)
        with no_grad():
            for x, kind, values in self.tensors:
                if type(x) is not kind:  # it had no shape
                    x.data = Tensor._wrap(values)
                    x.__class__ = kind
                elif not is_lazy(x):
                    x.copy_(Tensor._wrap(values))


def dotted(path: str, name: str) -> str:
    """Return the name of what a module of that path holds."""
    return f"{path}.{name}" if path else name


def key_errors(keys: IncompatibleKeys) -> list[str]:
    """Say in PyTorch's words which keys are missing and which are unexpected."""
    errors = []
    for kind, names in (("Missing", keys.missing_keys), ("Unexpected", keys.unexpected_keys)):
        if names:
            quoted = ", ".join(f'"{name}"' for name in names)
            errors.append(f"{kind} key(s) in state_dict: {quoted}. ")
    return errors
