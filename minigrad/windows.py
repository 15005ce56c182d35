"""Windows of signals: numbers that rise and fall along a vector.

https://docs.pytorch.org/docs/stable/torch.html#spectral-ops
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.creation import dtype_or_default, placed
from minigrad.ops.bessel import i0
from minigrad.tensor.tensor import Tensor


def _window(
    name: str,
    window_length: int,
    periodic: bool,
    shape: Callable[[np.ndarray], np.ndarray],
    dtype: Any,
    requires_grad: bool,
) -> Tensor:
    """Return ``shape`` at equal steps from 0 to 1; a periodic window leaves the last out."""
    if window_length < 0:
        raise RuntimeError(
            f"{name} requires non-negative window_length, got window_length={window_length}"
        )
    dtype = np.dtype(dtype_or_default(dtype))
    if dtype.kind != "f":
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    steps = window_length if periodic else window_length - 1
    places = np.arange(window_length) / max(steps, 1)
    values = shape(places)
    if window_length == 1:
        values = np.ones(1)
    return Tensor._wrap(values.astype(dtype), requires_grad=requires_grad)


@placed
def hann_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return Hann's window, 0.5 - 0.5 cos(2 π n / N); symmetric unless ``periodic``.

    https://docs.pytorch.org/docs/stable/generated/torch.hann_window.html

    >>> import minigrad as mg
    >>> mg.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    shape = _cosines(0.5, 0.5)
    return _window("hann_window", window_length, periodic, shape, dtype, requires_grad)


def _cosines(*weights: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return a - b cos(2 π x) + c cos(4 π x) - …"""

    def shape(x: np.ndarray) -> np.ndarray:
        total = np.zeros_like(x)
        sign = 1.0
        for k, weight in enumerate(weights):
            wave = np.cos(2 * math.pi * k * x)
            total = total + sign * weight * wave
            sign = -sign
        return total

    return shape


@placed
def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return Hamming's window, alpha - beta cos(2 π n / N); symmetric unless ``periodic``.

    https://docs.pytorch.org/docs/stable/generated/torch.hamming_window.html

    >>> import minigrad as mg
    >>> mg.hamming_window(4)
    tensor([0.0800, 0.5400, 1.0000, 0.5400])
    """
    shape = _cosines(alpha, beta)
    return _window("hamming_window", window_length, periodic, shape, dtype, requires_grad)


@placed
def blackman_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return Blackman's window, 0.42 - 0.5 cos(2 π n / N) + 0.08 cos(4 π n / N).

    Symmetric unless ``periodic``.
    https://docs.pytorch.org/docs/stable/generated/torch.blackman_window.html

    >>> import minigrad as mg
    >>> mg.blackman_window(4)[1:]
    tensor([0.3400, 1.0000, 0.3400])
    """
    shape = _cosines(0.42, 0.5, 0.08)
    return _window("blackman_window", window_length, periodic, shape, dtype, requires_grad)


@placed
def bartlett_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return Bartlett's window, a triangle; symmetric unless ``periodic``.

    https://docs.pytorch.org/docs/stable/generated/torch.bartlett_window.html

    >>> import minigrad as mg
    >>> mg.bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _window("bartlett_window", window_length, periodic, _triangle, dtype, requires_grad)


def _triangle(x: np.ndarray) -> np.ndarray:
    return 1 - np.abs(2 * x - 1)


@placed
def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return Kaiser's window, i0(beta √(1 - (2 n / N - 1)²)) / i0(beta).

    Symmetric unless ``periodic``.
    https://docs.pytorch.org/docs/stable/generated/torch.kaiser_window.html

    >>> import minigrad as mg
    >>> mg.kaiser_window(4, beta=1.0)
    tensor([0.7898, 0.9450, 1.0000, 0.9450])
    """

    def shape(x: np.ndarray) -> np.ndarray:
        square = 1 - (2 * x - 1) ** 2
        root = np.sqrt(np.maximum(square, 0))
        highest = i0.function(np.array(beta, np.float64))
        return np.asarray(i0.function(beta * root) / highest)

    return _window("kaiser_window", window_length, periodic, shape, dtype, requires_grad)
