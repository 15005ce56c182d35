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


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Return the norm of all tensors as if they were one vector.

    Raises RuntimeError, with ``error_if_nonfinite``, where that norm is nan or infinite.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.get_total_norm.html

    >>> import minigrad as mg
    >>> get_total_norm([mg.tensor([3.0]), mg.tensor([4.0])])
    tensor(5.)
    """
    listed = tensor_list(tensors, "get_total_norm", "tensors")
    total = _total(listed, norm_type)
    _check_finite(total, norm_type, error_if_nonfinite)
    return _narrowed(total, listed)


def _total(tensors: list[Tensor], norm_type: float) -> np.ndarray:
    """Return the norm in float32 or wider, as float16's range is too small for it."""
    norms = []
    for x in tensors:
        wide = np.result_type(x.dtype, np.float32)
        numbers = x._data.ravel().astype(wide, copy=False)
        norms.append(np.linalg.norm(numbers, float(norm_type)))
    if not norms:
        return np.zeros((), np.float32)
    total = np.linalg.norm(np.stack(norms), float(norm_type))
    return total.astype(norms[0].dtype)  # type: ignore[no-any-return]


def _check_finite(total: np.ndarray, norm_type: float, error_if_nonfinite: bool) -> None:
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, "
            "so it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )


def _narrowed(total: np.ndarray, tensors: list[Tensor]) -> Tensor:
    """Return the norm as a tensor of the dtype of the tensors."""
    if tensors:
        dtypes = [x.dtype for x in tensors]
        with np.errstate(over="ignore"):
            total = total.astype(np.result_type(*dtypes))
    result: Tensor = Tensor._wrap(total)
    return result


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Scale all gradients by ``max_norm / total_norm`` where that is less than 1.

    ``total_norm`` is theirs, as :func:`get_total_norm` returns it, or that of more gradients.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grads_with_norm_.html
    """
    gradients = _gradients(parameters, "clip_grads_with_norm_")
    total = total_norm._data if isinstance(total_norm, Tensor) else np.asarray(total_norm)
    _scale(gradients, max_norm, total)


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
    total = _total(gradients, norm_type)
    _check_finite(total, norm_type, error_if_nonfinite)
    _scale(gradients, max_norm, total)
    return _narrowed(total, gradients)


def _scale(gradients: list[Tensor], max_norm: float, total: np.ndarray) -> None:
    # in arrays, not by a decision: a compiled step computes it anew
    scale = max_norm / (total.astype(np.float64) + 1e-6)
    scale = np.minimum(scale, 1.0)
    for g in gradients:  # a norm that is nan makes every gradient nan
        np.multiply(g._data, scale.astype(g.dtype), out=g._data)
        bump_version(g._data, "clip_grad_norm_")


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """As :func:`clip_grad_norm_`, by its deprecated name."""
    warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Hold every element of every gradient between ±``clip_value``."""
    bound = float(clip_value)
    for g in _gradients(parameters, "clip_grad_value_"):
        np.clip(g._data, -bound, bound, out=g._data)
        bump_version(g._data, "clip_grad_value_")
