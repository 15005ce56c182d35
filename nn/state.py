"""The methods of Module that save and load its state: ``state_dict`` and ``load_state_dict``."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from minigrad.creation import as_tensor
from minigrad.modes import no_grad
from minigrad.nn.parameter import Parameter
from minigrad.tensor.tensor import Tensor


class StateDict(dict[str, Tensor]):
    """What ``state_dict`` returns: a dictionary with the version of each module's state."""

    _metadata: dict[str, dict[str, Any]]


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

    _version: int
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _unsaved: set[str]
    named_modules: Any

    def _paths(self) -> Iterator[tuple[str, Any]]:
        """Yield this module and all below it by path, a shared one by each of its paths."""
        return self.named_modules(remove_duplicate=False)  # type: ignore[no-any-return]

    def _state(self) -> dict[str, Tensor]:
        """Return every parameter and saved buffer by its dotted name, in PyTorch's order."""
        state: dict[str, Tensor] = {}
        for path, module in self._paths():
            for name, value in module._parameters.items():
                if value is not None:
                    state[dotted(path, name)] = value
            for name, value in module._buffers.items():
                if value is not None and name not in module._unsaved:
                    state[dotted(path, name)] = value
        return state

    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Tensor]:
        """Return parameters and buffers by name, detached and on the same memory.

        With ``keep_vars`` they are the module's own. Clone what should not follow the training:
        ``{k: v.clone() for k, v in …items()}``.
        """
        state = StateDict()
        for name, value in self._state().items():
            state[prefix + name] = value if keep_vars else value.detach()
        root = prefix.removesuffix(".")
        state._metadata = {
            dotted(root, path): {"version": module._version} for path, module in self._paths()
        }
        return state

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

    def _upgrade(
        self, state: dict[str, Any], prefix: str, version: int | None
    ) -> Callable[[], None] | None:
        """Make ``state``, of that version (None: unknown), fit this module.

        Returns a function that undoes changes made to the module, if there are any.
        """
        return None

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
        state = dict(state_dict)
        undo = self._upgrade_all(state, getattr(state_dict, "_metadata", {}))
        own = self._state()
        missing = [name for name in own if name not in state]
        keys = IncompatibleKeys(missing, [name for name in state if name not in own])
        loaded = {name: as_tensor(value) for name, value in state.items() if name in own}
        errors = key_errors(keys) if strict else []
        errors += size_errors(loaded, own)
        if assign:
            errors += dtype_errors(loaded, own)
        if errors:
            for step in undo:
                step()
            raise RuntimeError(
                "\n\t".join([f"Error(s) in loading state_dict for {type(self).__name__}:", *errors])
            )
        if assign:
            assign_state(self._paths(), loaded)
            return keys
        with no_grad():
            for name, value in loaded.items():
                own[name].copy_(value)
        return keys

    def _upgrade_all(
        self, state: dict[str, Any], metadata: dict[str, dict[str, Any]]
    ) -> list[Callable[[], None]]:
        """Make ``state`` fit every module; return what undoes the changes made to them."""
        undo = []
        for path, module in self._paths():
            version = metadata.get(path, {}).get("version")
            step = module._upgrade(state, dotted(path, ""), version)
            if step is not None:
                undo.append(step)
        return undo


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


def size_errors(loaded: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Say in PyTorch's words whose sizes differ."""
    return [
        f"size mismatch for {name}: copying a param with shape {value.shape} from checkpoint, "
        f"the shape in current model is {own[name].shape}."
        for name, value in loaded.items()
        if value.shape != own[name].shape
    ]


def dtype_errors(loaded: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Say which tensors cannot take the place of one that requires grad."""
    return [
        f'While copying the parameter named "{name}", an exception occurred: only floating point '
        f"tensors can require gradients, and this one is {value.dtype}; "
        "convert it first: value.float()."
        for name, value in loaded.items()
        if own[name].requires_grad and not value.is_floating_point()
    ]


def assign_state(modules: Iterable[tuple[str, Any]], loaded: Mapping[str, Tensor]) -> None:
    """Put tensors in the place of the modules' own; parameters require grad as those before."""
    for path, module in modules:
        for name, old in module._parameters.items():
            new = loaded.get(dotted(path, name))
            if old is None or new is None:
                continue
            if not isinstance(new, Parameter):
                new = Parameter(new, old.requires_grad)
            module._parameters[name] = new.requires_grad_(old.requires_grad)
        for name, old in module._buffers.items():
            new = loaded.get(dotted(path, name))
            if old is not None and new is not None:
                module._buffers[name] = new
