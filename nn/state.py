"""What ``state_dict`` returns, and what ``load_state_dict`` says of one that does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from minigrad.tensor import Tensor


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
