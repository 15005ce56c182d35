"""Gradients clipped."""

from __future__ import annotations

from collections.abc import Iterable
from types import GeneratorType

import numpy as np

from minigrad.nn.arguments import tensor_list
from minigrad.silence import warn
from minigrad.storage import bump_version
from minigrad.tensor.tensor import Tensor


def _gradients(parameters: Tensor | Iterable[Tensor], function: str) -> list[Tensor]:
    listed = tensor_list(parameters, function)
    if not listed and isinstance(parameters, GeneratorType):
        warn(
            "`parameters` is an empty generator, no gradient clipping will occur. It may have been "
            "used up: pass model.parameters() anew."
        )
    return [p.grad for p in listed if p.grad is not None]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients so that their common norm is at most ``max_norm``; return what it was.

    Warns where the parameters are a generator that is used up. Raises RuntimeError, with
    ``error_if_nonfinite``, where that norm is nan or infinite.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
    """
    gradients = _gradients(parameters, "clip_grad_norm_")
    norms = [np.linalg.norm(_widened(g), norm_type) for g in gradients]
    if norms:
        total = np.linalg.norm(np.stack(norms), norm_type).astype(norms[0].dtype)
    else:
        total = np.zeros((), np.float32)
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, "
            "so it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    # in arrays, not by a decision: a compiled step computes it anew
    scale = np.minimum(max_norm / (total.astype(np.float64) + 1e-6), 1.0)
    for g in gradients:  # a norm that is nan makes every gradient nan
        np.multiply(g._data, scale.astype(g.dtype), out=g._data)
        bump_version(g._data, "clip_grad_norm_")
    if gradients:
        dtypes = [g.dtype for g in gradients]
        with np.errstate(over="ignore"):
            total = total.astype(np.result_type(*dtypes))
    return Tensor._wrap(total)


def _widened(g: Tensor) -> np.ndarray:
    """Return the numbers in float32 or wider, as float16's range is too small for a norm."""
    return g._data.ravel().astype(np.result_type(g.dtype, np.float32), copy=False)


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Hold every element of every gradient between ±``clip_value``."""
    for g in _gradients(parameters, "clip_grad_value_"):
        np.clip(g._data, -clip_value, clip_value, out=g._data)
        bump_version(g._data, "clip_grad_value_")
