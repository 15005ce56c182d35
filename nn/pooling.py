"""Pooling over windows of (N, C, *); the input may come without N."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.sizes import Sizes, to_tuple
from minigrad.ops import window
from minigrad.tensor.tensor import Tensor

Stride = Sizes | None


@tensor_arguments
def max_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Stride = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """Return the maximum of each window of (N, C, L), as :func:`max_pool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html

    >>> import minigrad as mg
    >>> max_pool1d(mg.arange(4.0).reshape(1, 1, 4), 2).tolist()
    [[[1.0, 3.0]]]
    """
    options = (kernel_size, stride, padding, dilation, ceil_mode)
    return _max_pool(1, input, *options, return_indices)


@tensor_arguments
def max_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Stride = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """Return the maximum of each window of (N, C, H, W); of equals the first gets the gradient.

    ``stride`` is the kernel size by default (None or ()); ``ceil_mode`` adds a window that
    reaches over the end. With ``return_indices`` also where the maxima stand, for
    :func:`max_unpool2d`. Raises RuntimeError for padding over half a window, for windows that do
    not fit and for an input that is empty but for its batch.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html

    >>> import minigrad as mg
    >>> max_pool2d(mg.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """
    options = (kernel_size, stride, padding, dilation, ceil_mode)
    return _max_pool(2, input, *options, return_indices)


@tensor_arguments
def max_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Stride = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """Return the maximum of each window of (N, C, D, H, W), as :func:`max_pool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool3d.html

    >>> import minigrad as mg
    >>> max_pool3d(mg.arange(8.0).reshape(1, 1, 2, 2, 2), 2).flatten()
    tensor([7.])
    """
    options = (kernel_size, stride, padding, dilation, ceil_mode)
    return _max_pool(3, input, *options, return_indices)


@tensor_arguments
def avg_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Stride = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Return the mean of each window of (N, C, L), as :func:`avg_pool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool1d.html

    >>> import minigrad as mg
    >>> avg_pool1d(mg.arange(4.0).reshape(1, 1, 4), 2).tolist()
    [[[0.5, 2.5]]]
    """
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@tensor_arguments
def avg_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Stride = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window of (N, C, H, W).

    Arguments and errors as :func:`max_pool2d`; padding counts as zeros unless told otherwise.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html

    >>> import minigrad as mg
    >>> avg_pool2d(mg.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """
    return _avg_pool(
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@tensor_arguments
def avg_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Stride = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window of (N, C, D, H, W), as :func:`avg_pool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool3d.html

    >>> import minigrad as mg
    >>> avg_pool3d(mg.arange(8.0).reshape(1, 1, 2, 2, 2), 2).flatten()
    tensor([3.5000])
    """
    return _avg_pool(
        3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _max_pool(
    n: int,
    input: Tensor,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil: bool,
    return_indices: bool,
) -> Any:
    options = _geometry(f"max_pool{n}d", n, input, kernel, stride, padding, dilation, ceil)
    result = _batched(n, input, lambda x: window.max_pool(x, **options))
    if not return_indices:
        return result
    places = _batched(n, input.detach(), lambda x: _places_of_maxima(x, **options))
    return result, places


def _places_of_maxima(
    x: Tensor, *, kernel: Any, stride: Any, padding: Any, dilation: Any
) -> Tensor:
    """Return where each window's maximum stands in its channel, laid out flat: int64."""
    options = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    best = window.max_pool.function(x._data, **options)
    winner = window.argmax_windows.function(x._data, best, **options)  # an element of the kernel
    taps = np.unravel_index(winner, kernel)
    flat = np.zeros(winner.shape, np.int64)
    for axis, tap in enumerate(taps):
        windows = np.arange(winner.shape[axis + 2])
        first = windows * stride[axis] - padding[axis][0]
        later_axes = tuple(range(1, len(kernel) - axis))
        place = np.expand_dims(first, later_axes) + tap * dilation[axis]
        flat = flat * x.shape[axis + 2] + place
    return Tensor._wrap(flat)


def _avg_pool(
    n: int,
    input: Tensor,
    kernel: Any,
    stride: Any,
    padding: Any,
    ceil: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Tensor:
    options = _geometry(f"avg_pool{n}d", n, input, kernel, stride, padding, 1, ceil)
    del options["dilation"]
    counted_padding = (0,) * n
    if count_include_pad:
        counted_padding = to_tuple(padding, n, "padding", 0)
    if divisor == 0:
        raise RuntimeError(f"avg_pool{n}d: divisor_override must be not zero, but got {divisor}")
    count = divisor or _window_counts(input.shape[-n:], counted_padding, **options)
    wide = input
    if input.dtype == np.float16:  # a sum may lie beyond its range
        wide = input.float()
    if isinstance(count, np.ndarray):
        count = Tensor._wrap(count.astype(wide.dtype))
    means = _batched(n, wide, lambda x: window.window_sum(x, **options) / count)
    return means.to(input.dtype)


def _geometry(
    name: str,
    n: int,
    input: Tensor,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil: bool,
) -> dict[str, Any]:
    """Return kernel, stride, padding pairs and dilation per axis; raise where they do not fit."""
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(
            f"{name}: Expected {n + 1}D or {n + 2}D input (N, C, spatial), "
            f"but got {list(input.shape)}"
        )
    if 0 in input.shape[-n - 1 :]:
        raise RuntimeError(
            f"{name}: Expected an input of which only the batch may be empty, "
            f"but got {list(input.shape)}"
        )
    kernel = to_tuple(kernel, n, "kernel_size")
    stride = kernel if stride in (None, (), []) else to_tuple(stride, n, "stride")
    pads = to_tuple(padding, n, "padding", 0)
    dilation = to_tuple(dilation, n, "dilation")
    extents = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if any(2 * pad > extent for pad, extent in zip(pads, extents, strict=True)):
        raise RuntimeError(
            f"{name}: pad should be at most half of effective kernel size, but got "
            f"pad={max(pads)}, kernel_size={max(kernel)} and dilation={max(dilation)}"
        )
    spatial = input._data.shape[-n:]
    behind = pads
    if ceil:
        axes = zip(spatial, extents, stride, pads, strict=True)
        behind = tuple(axis[-1] + _overhang(*axis) for axis in axes)
    pairs = tuple(zip(pads, behind, strict=True))
    out = window.windows(spatial, kernel, stride, pairs, dilation)
    if min(out) < 1:
        raise RuntimeError(
            f"{name}: Given input size {list(input.shape)} and kernel {kernel}. Calculated output "
            f"size: {out}. Output size is too small"
        )
    return {"kernel": kernel, "stride": stride, "padding": pairs, "dilation": dilation}


def _overhang(size: int, extent: int, stride: int, padding: int) -> int:
    """Return how far one more window reaches over the end; none may start in the padding there."""
    room = size + 2 * padding - extent
    start = -(-room // stride) * stride  # of the last window, from the beginning of the padding
    return 0 if start >= size + padding else start - room


def _window_counts(
    spatial: Any, counted_padding: Any, *, kernel: Any, stride: Any, padding: Any
) -> Any:
    """Return how many elements of each window count: one number, or an array like the windows."""
    undilated = [1] * len(kernel)
    out = window.windows(spatial, kernel, stride, padding, tuple(undilated))
    before = [pair[0] for pair in padding]
    counts = np.ones((), int)
    axes = zip(spatial, out, kernel, stride, before, counted_padding, strict=True)
    for size, n, extent, step, pad, counted in axes:
        start = np.arange(n) * step - pad
        first = np.maximum(start, -counted)
        end = np.minimum(start + extent, size + counted)
        counts = counts[..., None] * (end - first)
    full = math.prod(kernel)
    return full if (counts == full).all() else counts


def _batched(n: int, input: Tensor, pool: Callable[[Tensor], Tensor]) -> Tensor:
    return pool(input.unsqueeze(0)).squeeze(0) if input.ndim == n + 1 else pool(input)


@tensor_arguments
def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Return means of (*, L) over ``output_size`` windows, as :func:`adaptive_avg_pool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool1d.html

    >>> import minigrad as mg
    >>> adaptive_avg_pool1d(mg.arange(4.0).reshape(1, 1, 4), 2).tolist()
    [[[0.5, 2.5]]]
    """
    return _adaptive_avg_pool(1, input, output_size)


@tensor_arguments
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Return means of (*, H, W) over windows that divide it as evenly as possible.

    ``output_size`` is a number or a pair, None for the input's own.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html

    >>> import minigrad as mg
    >>> adaptive_avg_pool2d(mg.arange(16.0).reshape(1, 1, 4, 4), 2).tolist()
    [[[[2.5, 4.5], [10.5, 12.5]]]]
    """
    return _adaptive_avg_pool(2, input, output_size)


@tensor_arguments
def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Return means of (*, D, H, W), as :func:`adaptive_avg_pool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool3d.html

    >>> import minigrad as mg
    >>> adaptive_avg_pool3d(mg.arange(8.0).reshape(1, 1, 2, 2, 2), 1).flatten()
    tensor([3.5000])
    """
    return _adaptive_avg_pool(3, input, output_size)


def _adaptive_avg_pool(n: int, input: Tensor, output_size: Any) -> Tensor:
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(
            f"adaptive_avg_pool{n}d: Expected {n + 1}D or {n + 2}D tensor, but got "
            f"{list(input.shape)}"
        )
    if input.dtype == np.float16:
        return _adaptive_avg_pool(n, input.float(), output_size).to(input.dtype)
    if not isinstance(output_size, (tuple, list)):
        output_size = (output_size,) * n
    if len(output_size) != n:
        raise RuntimeError(
            f"adaptive_avg_pool{n}d: expected an output_size of {n}, but got {output_size}"
        )
    sizes = zip(input.shape[-n:], output_size, strict=True)
    matrices = [
        averaging_matrix(size, size if out is None else out, input.dtype) for size, out in sizes
    ]
    columns = Tensor._wrap(matrices[-1].T)
    if n == 2:
        return Tensor._wrap(matrices[0]) @ input @ columns
    result = input @ columns
    for axis, matrix in enumerate(matrices[:-1], -n):
        rows = result.transpose(axis, -2)
        result = (Tensor._wrap(matrix) @ rows).transpose(axis, -2)
    return result.contiguous()


def averaging_matrix(size: int, out: int, dtype: Any) -> np.ndarray:
    """Return (out, size); the window of row i goes from ⌊i size/out⌋ to ⌈(i+1) size/out⌉."""
    i, at = np.arange(out)[:, None], np.arange(size)
    inside = (at >= i * size // out) & (at < -(-(i + 1) * size // out))
    return (inside / inside.sum(1, keepdims=True)).astype(dtype)
