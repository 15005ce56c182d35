"""The groups of parameters of an optimizer: listed, compared, copied."""

from __future__ import annotations

import copy
from typing import Any

from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor


def listed(params: Any) -> tuple[list[Tensor], list[str] | None]:
    """Return a group's parameters as a list, checked, and their names where they are pairs."""
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of "
            f"tensors in sets will change between runs. Please use a list instead; got {params}"
        )
    params = [params] if isinstance(params, Tensor) else list(params)
    names = [p[0] for p in params if isinstance(p, tuple)]
    if names and len(names) != len(params):
        raise ValueError(
            "all optimizer params should be with/without names. Some param names are missing: "
            f"{len(names)} names for {len(params)} params"
        )
    params = [p[1] for p in params] if names else params
    for p in params:
        if not isinstance(p, Tensor):
            raise TypeError(
                f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}"
            )
        if not p.is_leaf:
            raise ValueError(f"can't optimize a non-leaf Tensor, got one of shape {p.shape}")
    if len({id(p) for p in params}) < len(params):
        warn(
            "optimizer contains a parameter group with duplicate parameters; in future, this will "
            "cause an error; see github.com/pytorch/pytorch/issues/40967 for more information"
        )
    return params, names or None


def check_sizes(loaded: list[dict[str, Any]], own: list[dict[str, Any]]) -> None:
    """Raise ValueError where loaded groups differ in number or size from the optimizer's own."""
    if len(loaded) != len(own):
        raise ValueError(
            "loaded state dict has a different number of parameter groups: "
            f"{len(loaded)}, the optimizer has {len(own)}"
        )
    loaded_sizes = [len(group["params"]) for group in loaded]
    own_sizes = [len(group["params"]) for group in own]
    if loaded_sizes != own_sizes:
        raise ValueError(
            "loaded state dict contains a parameter group that doesn't match the size of "
            f"optimizer's group: parameters per group are {loaded_sizes} there, {own_sizes} here"
        )


def copy_entries(entries: dict[str, Any]) -> dict[str, Any]:
    """Return a copy that shares no memory, the parameters of a group left out."""
    result: dict[str, Any] = {}
    for name, value in entries.items():
        if name == "params":
            continue
        if isinstance(value, Tensor):
            result[name] = Tensor._wrap(value._data.copy())
        else:
            result[name] = copy.deepcopy(value)
    return result
