"""Max pooling that always returns where the maxima stand, by PyTorch's names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from minigrad.nn import adaptive_max_pooling as adaptive
from minigrad.nn import pooling
from minigrad.nn.arguments import as_tensor_argument
from minigrad.tensor.tensor import Tensor


def _with_indices(pool: Callable[..., Any]) -> Callable[..., tuple[Tensor, Tensor]]:
    """Return ``pool`` with ``return_indices=True``."""

    @functools.wraps(pool)
    def function(input: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        kwargs["return_indices"] = True
        tensor = as_tensor_argument(input, f"{name}_with_indices")
        return pool(tensor, *args, **kwargs)  # type: ignore[no-any-return]

    name = pool.__name__  # type: ignore[attr-defined]
    function.__name__ = f"{name}_with_indices"
    function.__qualname__ = function.__name__
    function.__module__ = _with_indices.__module__  # it pickles by name
    function.__doc__ = f"As :func:`{name}` with ``return_indices=True``: maxima and their places."
    return function


max_pool1d_with_indices = _with_indices(pooling.max_pool1d)
max_pool2d_with_indices = _with_indices(pooling.max_pool2d)
max_pool3d_with_indices = _with_indices(pooling.max_pool3d)
adaptive_max_pool1d_with_indices = _with_indices(adaptive.adaptive_max_pool1d)
adaptive_max_pool2d_with_indices = _with_indices(adaptive.adaptive_max_pool2d)
adaptive_max_pool3d_with_indices = _with_indices(adaptive.adaptive_max_pool3d)
fractional_max_pool2d_with_indices = _with_indices(adaptive.fractional_max_pool2d)
fractional_max_pool3d_with_indices = _with_indices(adaptive.fractional_max_pool3d)
