"""A module without its initial values."""

from __future__ import annotations

import inspect
from typing import Any

from minigrad.nn.module import Module
from minigrad.random import fork_rng


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Any:
    """Return ``module_cls(*args, **kwargs)`` whose parameters nobody has filled.

    Random numbers stay where they were. Raises RuntimeError for what is no Module, and for one
    that takes no ``device``.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.skip_init.html

    >>> from minigrad import nn
    >>> nn.utils.skip_init(nn.Linear, 2, 3)
    Linear(in_features=2, out_features=3, bias=True)
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError(
            "Module must support a 'device' arg to skip initialization, "
            f"but {module_cls.__name__} does not"
        )
    with fork_rng():
        return module_cls(*args, **kwargs).to_empty(device="cpu")
