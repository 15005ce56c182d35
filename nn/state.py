"""What ``state_dict`` returns, and what ``load_state_dict`` says of one that does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from minigrad.nn.parameter import Parameter
from minigrad.tensor.tensor import Tensor


class StateDict(dict[str, Tensor]):
    """What ``state_dict`` returns: a dictionary that also knows the version of each module's state."""

    _metadata: dict[str, dict[str, Any]]


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` returns: the keys it missed and those it had no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        missing, unexpected = self
        return f"_IncompatibleKeys(missing_keys={missing}, unexpected_keys={unexpected})"


def key_faults(keys: IncompatibleKeys) -> list[str]:
    """Say in PyTorch's words which keys are missing and which have no use."""
    kinds = zip(("Missing", "Unexpected"), keys, strict=True)
    quoted = [(kind, ", ".join(f'"{key}"' for key in names)) for kind, names in kinds if names]
    return [f"{kind} key(s) in state_dict: {names}. " for kind, names in quoted]


def size_faults(found: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Say in PyTorch's words whose sizes differ."""
    return [
        f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, the shape "
        f"in current model is {own[key].shape}."
        for key, value in found.items()
        if value.shape != own[key].shape
    ]


def dtype_faults(found: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Say which tensors cannot take the place of one that asks for a gradient."""
    return [
        f'While copying the parameter named "{key}", an exception occurred: only floating point tensors can require '
        f"gradients, and this one is {value.dtype}; convert it first: value.float()."
        for key, value in found.items()
        if own[key].requires_grad and not value.is_floating_point()
    ]


def assign_state(modules: Iterable[tuple[str, Any]], found: Mapping[str, Tensor]) -> None:
    """Put tensors in the place of the modules' own; a parameter asks for a gradient as the one before it."""
    for path, module in modules:
        for kind in ("_parameters", "_buffers"):
            for name, old in module.__dict__[kind].items():
                new = found.get(f"{path}.{name}" if path else name)
                if old is None or new is None:
                    continue
                if kind == "_parameters":
                    new = new if isinstance(new, Parameter) else Parameter(new, old.requires_grad)
                    new.requires_grad_(old.requires_grad)
                module.__dict__[kind][name] = new
