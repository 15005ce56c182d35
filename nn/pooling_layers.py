"""Pooling as modules: windows, or as many windows as asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.nn import pooling
from minigrad.nn.module import Module
from minigrad.nn.pooling import Stride
from minigrad.nn.sizes import Sizes, to_tuple
from minigrad.tensor.tensor import Tensor


class _Pool(Module):
    """What the layers share: kernel_size, stride (kernel_size by default), padding, ceil_mode."""

    function: Callable[..., Tensor]

    def __init__(self, kernel_size: Sizes, stride: Stride, padding: Sizes, ceil_mode: bool) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _MaxPoolNd(_Pool):
    def __init__(
        self,
        kernel_size: Sizes,
        stride: Stride = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.dilation = dilation
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Tensor:
        """Return the maximum of each window, with ``return_indices`` also where it stands."""
        sizes = (self.kernel_size, self.stride, self.padding, self.dilation)
        return type(self).function(input, *sizes, self.ceil_mode, self.return_indices)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, dilation={self.dilation}, ceil_mode={self.ceil_mode}"


class MaxPool1d(_MaxPoolNd):
    """The maximum of each window of (N, C, L); arguments as :func:`max_pool2d`'s."""

    function = staticmethod(pooling.max_pool1d)


class MaxPool2d(_MaxPoolNd):
    """The maximum of each window of (N, C, H, W); arguments as :func:`max_pool2d`'s.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
    """

    function = staticmethod(pooling.max_pool2d)


class MaxPool3d(_MaxPoolNd):
    """The maximum of each window of (N, C, D, H, W); arguments as :func:`max_pool2d`'s."""

    function = staticmethod(pooling.max_pool3d)


class _AvgPoolNd(_Pool):
    def __init__(
        self,
        kernel_size: Sizes,
        stride: Stride,
        padding: Sizes,
        ceil_mode: bool,
        count_include_pad: bool,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = count_include_pad


class AvgPool1d(_AvgPoolNd):
    """The mean of each window of (N, C, L); arguments as :func:`avg_pool1d`'s."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Stride = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        kernel = to_tuple(kernel_size, 1, "kernel_size")
        step = kernel if stride in (None, (), []) else to_tuple(stride, 1, "stride")
        around = to_tuple(padding, 1, "padding", 0)
        super().__init__(kernel, step, around, ceil_mode, count_include_pad)

    def forward(self, input: Tensor) -> Tensor:
        """Return the mean of each window."""
        options = (self.kernel_size, self.stride, self.padding)
        return pooling.avg_pool1d(input, *options, self.ceil_mode, self.count_include_pad)


class _AvgPool(_AvgPoolNd):
    def __init__(
        self,
        kernel_size: Sizes,
        stride: Stride = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Return the mean of each window."""
        sizes = (self.kernel_size, self.stride, self.padding)
        options = (self.ceil_mode, self.count_include_pad, self.divisor_override)
        return type(self).function(input, *sizes, *options)


class AvgPool2d(_AvgPool):
    """The mean of each window of (N, C, H, W); arguments as :func:`avg_pool2d`'s.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
    """

    function = staticmethod(pooling.avg_pool2d)


class AvgPool3d(_AvgPool):
    """The mean of each window of (N, C, D, H, W); arguments as :func:`avg_pool2d`'s."""

    function = staticmethod(pooling.avg_pool3d)


class _AdaptiveAvgPoolNd(Module):
    function: Callable[..., Tensor]

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, C, *output_size)."""
        return type(self).function(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Means of (N, C, L) over as many windows as asked for."""

    function = staticmethod(pooling.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Means over as many windows as asked for; see :func:`adaptive_avg_pool2d`."""

    function = staticmethod(pooling.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Means of (N, C, D, H, W) over as many windows as asked for."""

    function = staticmethod(pooling.adaptive_avg_pool3d)
