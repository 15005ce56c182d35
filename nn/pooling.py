"""Pooling over windows of (N, C, *); the input may come without N."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.module import Module
from minigrad.nn.sizes import Sizes, each
from minigrad.ops import window
from minigrad.tensor.tensor import Tensor

Stride = Sizes | None


@tensor_arguments
def max_pool1d(input: Tensor, kernel_size: Sizes, stride: Stride = None, padding: Sizes = 0,
               dilation: Sizes = 1, ceil_mode: bool = False,
               return_indices: bool = False) -> Tensor:  # fmt: skip
    """Return the maximum of each window of (N, C, L), as :func:`max_pool2d`."""
    _no_indices(return_indices)
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode)


@tensor_arguments
def max_pool2d(input: Tensor, kernel_size: Sizes, stride: Stride = None, padding: Sizes = 0,
               dilation: Sizes = 1, ceil_mode: bool = False,
               return_indices: bool = False) -> Tensor:  # fmt: skip
    """Return the maximum of each window of (N, C, H, W); of equals the first gets the gradient.

    ``stride`` is the kernel size by default; ``ceil_mode`` adds a window that reaches over the
    end. Raises RuntimeError for padding over half a window and for windows that do not fit.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html

    >>> import minigrad as mg
    >>> max_pool2d(mg.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """
    _no_indices(return_indices)
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode)


@tensor_arguments
def avg_pool1d(input: Tensor, kernel_size: Sizes, stride: Stride = None, padding: Sizes = 0,
               ceil_mode: bool = False, count_include_pad: bool = True) -> Tensor:  # fmt: skip
    """Return the mean of each window of (N, C, L), as :func:`avg_pool2d`."""
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@tensor_arguments
def avg_pool2d(input: Tensor, kernel_size: Sizes, stride: Stride = None, padding: Sizes = 0,
               ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: int | None = None) -> Tensor:  # fmt: skip
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


def _no_indices(return_indices: bool) -> None:
    if return_indices:
        raise NotImplementedError(
            "max_pool: return_indices=True is not here; where the maxima are, x.unfold tells"
        )


def _max_pool(
    n: int, input: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> Tensor:
    options = _geometry(f"max_pool{n}d", n, input, kernel, stride, padding, dilation, ceil)
    return _batched(n, input, lambda x: window.max_pool(x, **options))


def _avg_pool(n: int, input: Tensor, kernel: Any, stride: Any, padding: Any, ceil: bool,
              count_include_pad: bool, divisor: int | None) -> Tensor:  # fmt: skip
    options = _geometry(f"avg_pool{n}d", n, input, kernel, stride, padding, 1, ceil)
    del options["dilation"]
    counted = each(padding, n, "padding", 0) if count_include_pad else (0,) * n
    count = divisor or _counts(input.shape[-n:], counted, **options)
    wide = input.float() if input.dtype == np.float16 else input  # a sum may lie beyond float16
    if isinstance(count, np.ndarray):
        count = Tensor._wrap(count.astype(wide.dtype))
    return _batched(n, wide, lambda x: window.window_sum(x, **options) / count).to(input.dtype)


def _geometry(name: str, n: int, input: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any,
              ceil: bool) -> dict[str, Any]:  # fmt: skip
    """Return kernel, stride, padding pairs and dilation, one an axis; raise where they cannot be."""
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(
            f"{name}: Expected {n + 1}D or {n + 2}D input (N, C, spatial), but got {list(input.shape)}"
        )
    kernel = each(kernel, n, "kernel_size")
    stride = kernel if stride is None else each(stride, n, "stride")
    pads, dilation = each(padding, n, "padding", 0), each(dilation, n, "dilation")
    if any(2 * p > d * (k - 1) + 1 for p, k, d in zip(pads, kernel, dilation, strict=True)):
        raise RuntimeError(
            f"{name}: pad should be at most half of effective kernel size, but got pad={max(pads)}, "
            f"kernel_size={max(kernel)} and dilation={max(dilation)}"
        )
    spatial = input._data.shape[-n:]
    geometry = zip(spatial, kernel, stride, dilation, pads, strict=True)
    pairs = tuple((a[-1], a[-1] + (_overhang(*a) if ceil else 0)) for a in geometry)
    out = window.windows(spatial, kernel, stride, pairs, dilation)
    if min(out) < 1:
        raise RuntimeError(
            f"{name}: Given input size {list(input.shape)} and kernel {kernel}. Calculated output "
            f"size: {out}. Output size is too small"
        )
    return {"kernel": kernel, "stride": stride, "padding": pairs, "dilation": dilation}


def _overhang(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    """Return how far one more window reaches over the end; none may start in the padding there."""
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    start = -(-room // stride) * stride  # of the last window, from the beginning of the padding
    return 0 if start >= size + padding else start - room


def _counts(spatial: Any, counted: Any, *, kernel: Any, stride: Any, padding: Any) -> Any:
    """Return how many elements of each window count: one number, or an array like the windows."""
    counts = np.ones((), int)
    out = window.windows(spatial, kernel, stride, padding, (1,) * len(kernel))
    for size, n, k, s, (p, _), extra in zip(
        spatial, out, kernel, stride, padding, counted, strict=True
    ):
        start = np.arange(n) * s - p
        counts = counts[..., None] * (
            np.minimum(start + k, size + extra) - np.maximum(start, -extra)
        )
    full = math.prod(kernel)
    return full if (counts == full).all() else counts


def _batched(n: int, input: Tensor, pool: Callable[[Tensor], Tensor]) -> Tensor:
    return pool(input.unsqueeze(0)).squeeze(0) if input.ndim == n + 1 else pool(input)


@tensor_arguments
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Return means of (*, H, W) over windows that share it out as evenly as can be.

    ``output_size`` is a number or a pair, None for the input's own.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
    """
    if input.ndim not in (3, 4):
        raise RuntimeError(
            f"adaptive_avg_pool2d: Expected 3D or 4D tensor, but got {list(input.shape)}"
        )
    if input.dtype == np.float16:
        return adaptive_avg_pool2d(input.float(), output_size).to(input.dtype)
    wanted = output_size if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    height, width = (
        _shares(size, size if out is None else out, input.dtype)
        for size, out in zip(input.shape[-2:], wanted, strict=True)
    )
    return Tensor._wrap(height) @ input @ Tensor._wrap(width.T)


def _shares(size: int, out: int, dtype: Any) -> np.ndarray:
    """Return the (out, size) matrix that averages; row i begins at ⌊i size/out⌋, ends at ⌈(i+1) size/out⌉."""
    i, at = np.arange(out)[:, None], np.arange(size)
    inside = (at >= i * size // out) & (at < -(-(i + 1) * size // out))
    return (inside / inside.sum(1, keepdims=True)).astype(dtype)


class _Pool(Module):
    """What the layers share: kernel_size, stride (kernel_size by default), padding, ceil_mode."""

    def __init__(self, kernel_size: Sizes, stride: Stride, padding: Sizes, ceil_mode: bool) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode


class MaxPool2d(_Pool):
    """The maximum of each window of (N, C, H, W); arguments as :func:`max_pool2d`'s.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
    """

    def __init__(self, kernel_size: Sizes, stride: Stride = None, padding: Sizes = 0,
                 dilation: Sizes = 1, return_indices: bool = False, ceil_mode: bool = False) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, padding, ceil_mode)
        _no_indices(return_indices)
        self.dilation = dilation

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, C, H', W')."""
        return max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(_Pool):
    """The mean of each window of (N, C, H, W); arguments as :func:`avg_pool2d`'s.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
    """

    def __init__(self, kernel_size: Sizes, stride: Stride = None, padding: Sizes = 0,
                 ceil_mode: bool = False, count_include_pad: bool = True,
                 divisor_override: int | None = None) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, C, H', W')."""
        options = (self.ceil_mode, self.count_include_pad, self.divisor_override)
        return avg_pool2d(input, self.kernel_size, self.stride, self.padding, *options)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool2d(Module):
    """Means over as many windows as asked for; see :func:`adaptive_avg_pool2d`."""

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, C, *output_size)."""
        return adaptive_avg_pool2d(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"
