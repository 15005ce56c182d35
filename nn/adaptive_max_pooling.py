"""Maxima over windows that lie at places of their own: evenly divided, or drawn at random.

Where each maximum stands is found by NumPy; taking it from there is recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.nn.arguments import check_floats, tensor_arguments
from minigrad.nn.module import Module
from minigrad.nn.sizes import Sizes, to_tuple
from minigrad.random import default_generator
from minigrad.tensor.tensor import Tensor

Ratio = float | Sequence[float] | None


def places_of_maxima(x: np.ndarray, windows: Sequence[np.ndarray]) -> np.ndarray:
    """Return where each window's first maximum stands in the last axes of ``x``, laid out flat.

    ``windows`` has for each of these axes the places of each window, (out, k).
    """
    spatial = x.shape[-len(windows) :]
    numbers = np.arange(math.prod(spatial)).reshape(spatial)
    places = np.broadcast_to(numbers, x.shape)
    best = x
    axis = x.ndim
    for window in reversed(windows):
        axis -= 1
        candidates = np.take(best, window, axis)  # (…, out, k, …)
        first = candidates.argmax(axis + 1)
        best = _picked(candidates, first, axis + 1)
        candidates = np.take(places, window, axis)
        places = _picked(candidates, first, axis + 1)
    return places


def _picked(candidates: np.ndarray, which: np.ndarray, axis: int) -> np.ndarray:
    picked = np.take_along_axis(candidates, np.expand_dims(which, axis), axis)
    return picked.squeeze(axis)


def _taken(input: Tensor, places: np.ndarray, n: int, return_indices: bool) -> Any:
    """Return what stands at these places of the last ``n`` dimensions, with the places if asked."""
    indices: Tensor = Tensor._wrap(places)
    maxima = input.flatten(-n).gather(-1, indices.flatten(-n))
    result = maxima.reshape(indices.shape)
    return (result, indices) if return_indices else result


def _check_rank(function: str, n: int, input: Tensor) -> None:
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(
            f"{function}(): Expected {n + 1}D or {n + 2}D tensor, but got: {list(input.shape)}"
        )
    check_floats(function, input)
    if 0 in input.shape[-n - 1 :]:
        raise RuntimeError(
            f"{function}(): Expected input to have non-zero size for non-batch dimensions, but "
            f"input has sizes {list(input.shape)}"
        )


# ---- windows that divide an axis evenly ------------------------------------------------------
@tensor_arguments
def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return maxima of (*, L) over ``output_size`` windows, as :func:`adaptive_max_pool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool1d.html

    >>> import minigrad as mg
    >>> adaptive_max_pool1d(mg.arange(4.0).reshape(1, 1, 4), 2).tolist()
    [[[1.0, 3.0]]]
    """
    return _adaptive_max_pool(1, input, output_size, return_indices)


@tensor_arguments
def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return maxima of (*, H, W) over windows that divide it as evenly as possible.

    ``output_size`` is a number or a pair, None for the input's own; with ``return_indices`` also
    where they stand. Of equals the first gets the gradient. Raises RuntimeError for another rank.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html

    >>> import minigrad as mg
    >>> adaptive_max_pool2d(mg.arange(16.0).reshape(1, 1, 4, 4), 2).tolist()
    [[[[5.0, 7.0], [13.0, 15.0]]]]
    """
    return _adaptive_max_pool(2, input, output_size, return_indices)


@tensor_arguments
def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return maxima of (*, D, H, W), as :func:`adaptive_max_pool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool3d.html

    >>> import minigrad as mg
    >>> adaptive_max_pool3d(mg.arange(8.0).reshape(1, 1, 2, 2, 2), 1).flatten()
    tensor([7.])
    """
    return _adaptive_max_pool(3, input, output_size, return_indices)


def _adaptive_max_pool(n: int, input: Tensor, output_size: Any, return_indices: bool) -> Any:
    _check_rank(f"adaptive_max_pool{n}d", n, input)
    if not isinstance(output_size, (tuple, list)):
        output_size = (output_size,) * n
    if len(output_size) != n:
        raise RuntimeError(
            f"adaptive_max_pool{n}d(): expected output_size to be {n} numbers, got {output_size}"
        )
    spatial = input.shape[-n:]
    sizes = [size if out is None else out for out, size in zip(output_size, spatial, strict=True)]
    windows = [_even_windows(size, out) for size, out in zip(spatial, sizes, strict=True)]
    return _taken(input, places_of_maxima(input._data, windows), n, return_indices)


def _even_windows(size: int, out: int) -> np.ndarray:
    """Return (out, k): window i is ⌊i size/out⌋ to ⌈(i+1) size/out⌉, then its last place again."""
    edges = np.arange(out + 1) * size
    out = max(out, 1)
    first = edges[:-1] // out
    last = (edges[1:] - 1) // out
    longest = (last - first).max(initial=0)
    places = first[:, None] + np.arange(longest + 1)
    return np.minimum(places, last[:, None])


class _AdaptiveMaxPoolNd(Module):
    function: Callable[..., Any]

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """Return (N, C, *output_size), with ``return_indices`` also where the maxima stand."""
        return type(self).function(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Maxima of (N, C, L) over as many windows as asked for.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool1d.html
    """

    function = staticmethod(adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Maxima of (N, C, H, W) over as many windows as asked for.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html
    """

    function = staticmethod(adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Maxima of (N, C, D, H, W) over as many windows as asked for.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool3d.html
    """

    function = staticmethod(adaptive_max_pool3d)


# ---- windows that lie at random --------------------------------------------------------------
@tensor_arguments
def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    output_size: Any = None,
    output_ratio: Ratio = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Return maxima of (*, H, W) over windows whose distances are drawn at random.

    Their number is ``output_size``, or ``output_ratio`` times the input's size (a pair). Raises
    ValueError where neither is given, RuntimeError for windows that do not fit.
    https://arxiv.org/abs/1412.6071;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool2d.html

    >>> import minigrad as mg
    >>> fractional_max_pool2d(mg.rand(1, 3, 8, 8), 2, output_ratio=(0.5, 0.75)).shape
    (1, 3, 4, 6)
    """
    options = (output_size, output_ratio, return_indices, _random_samples)
    return _fractional_max_pool(2, input, kernel_size, *options)


@tensor_arguments
def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    output_size: Any = None,
    output_ratio: Ratio = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Return maxima of (*, D, H, W), as :func:`fractional_max_pool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool3d.html

    >>> import minigrad as mg
    >>> fractional_max_pool3d(mg.rand(1, 3, 8, 8, 8), 2, output_size=5).shape
    (1, 3, 5, 5, 5)
    """
    options = (output_size, output_ratio, return_indices, _random_samples)
    return _fractional_max_pool(3, input, kernel_size, *options)


def _fractional_max_pool(
    n: int,
    input: Tensor,
    kernel_size: Sizes,
    output_size: Any,
    output_ratio: Any,
    return_indices: bool,
    samples: Tensor | None,
) -> Any:
    function = f"fractional_max_pool{n}d"
    if output_size is None and output_ratio is None:
        raise ValueError(
            f"{function} requires specifying either an output_size or an output_ratio, got neither"
        )
    _check_rank(function, n, input)
    kernel = to_tuple(kernel_size, n, "kernel_size")
    spatial = input.shape[-n:]
    sizes = _sizes(function, spatial, kernel, output_size, output_ratio)
    planes = input._data.reshape(-1, *spatial)
    drawn = default_generator.uniform((len(planes), n), dtype=input.dtype)
    if samples is not None:
        drawn = samples._data.reshape(-1, n)
    places = []
    for plane, sample in zip(planes, drawn, strict=True):
        of_axes = sample if n == 3 else sample[::-1]
        axes = zip(of_axes, spatial, kernel, sizes, strict=True)
        windows = [_random_windows(*axis) for axis in axes]
        places.append(places_of_maxima(plane, windows))
    shape = (*input.shape[:-n], *sizes)
    indices = np.array(places, np.int64).reshape(shape)
    return _taken(input, indices, n, return_indices)


def _sizes(
    function: str, spatial: Any, kernel: Any, output_size: Any, output_ratio: Any
) -> tuple[int, ...]:
    """Return how many windows each axis has; raise RuntimeError where they do not fit."""
    n = len(spatial)
    if output_size is None:
        ratios = output_ratio
        if not isinstance(output_ratio, (tuple, list)):
            ratios = (output_ratio,) * n
        output_size = []
        for size, ratio in zip(spatial, ratios, strict=True):
            output_size.append(int(size * ratio))
    sizes = to_tuple(output_size, n, "output_size")
    for size, k, out in zip(spatial, kernel, sizes, strict=True):
        if out + k - 1 > size:
            raise RuntimeError(
                f"{function}(): pool size {k} too large relative to input size {size}"
            )
    return sizes


def _random_windows(sample: Any, size: int, k: int, out: int) -> np.ndarray:
    """Return (out, k): steps of (size − k)/(out − 1) on the average, the last one at the end."""
    step = (size - k) / max(out - 1, 1)
    step = sample.dtype.type(step)
    i = np.arange(out).astype(sample.dtype)
    places = (i + sample) * step
    first = places.astype(np.int64)
    first -= int(sample * step)
    first[-1] = size - k
    return first[:, None] + np.arange(k)


class _FractionalMaxPool(Module):
    n = 0
    function: Callable[..., Any]

    def __init__(
        self,
        kernel_size: Sizes,
        output_size: Any = None,
        output_ratio: Ratio = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        name, n = type(self).__name__, self.n
        if (output_size is None) == (output_ratio is None):
            given = f"got output_size={output_size}, output_ratio={output_ratio}"
            raise ValueError(f"{name} takes either an output_size or an output_ratio, {given}")
        several = (tuple, list)
        ratios = output_ratio if isinstance(output_ratio, several) else (output_ratio,) * n
        sizes = output_size if isinstance(output_size, several) else (output_size,) * n
        self.kernel_size = to_tuple(kernel_size, n, "kernel_size")
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else tuple(sizes)
        self.output_ratio = None if output_ratio is None else tuple(ratios)
        for ratio in self.output_ratio or ():
            if not 0 < ratio < 1:
                raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        """Return the maxima, with ``return_indices`` also where they stand."""
        sizes = (self.output_size, self.output_ratio)
        options = (self.kernel_size, *sizes, self.return_indices, self._random_samples)
        return type(self).function(input, *options)


class FractionalMaxPool2d(_FractionalMaxPool):
    """Maxima of (N, C, H, W) over windows at random; see :func:`fractional_max_pool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool2d.html
    """

    n = 2
    function = staticmethod(fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPool):
    """Maxima of (N, C, D, H, W) over windows at random; see :func:`fractional_max_pool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool3d.html
    """

    n = 3
    function = staticmethod(fractional_max_pool3d)
