"""Helpers on the gradients of many parameters."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from minigrad.storage import wrote
from minigrad.tensor import Tensor


def _with_grad(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    listed = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [p.grad for p in listed if p.grad is not None]


def clip_grad_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0) -> Tensor:
    """Scale all gradients so that their common norm is at most ``max_norm``; return what it was.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
    """
    grads = _with_grad(parameters)
    norms = [np.linalg.norm(g.detach().numpy().ravel(), norm_type) for g in grads]
    total = float(np.linalg.norm(norms, norm_type)) if norms else 0.0
    scale = max_norm / (total + 1e-6)
    if scale < 1:
        for g in grads:
            np.multiply(g._data, scale, out=g._data)
            wrote(g._data, "clip_grad_norm_")
    return Tensor(np.asarray(total, dtype=grads[0].dtype if grads else np.float32))


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Hold every element of every gradient between ±``clip_value``."""
    for g in _with_grad(parameters):
        np.clip(g._data, -clip_value, clip_value, out=g._data)
        wrote(g._data, "clip_grad_value_")
