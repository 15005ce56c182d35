"""Layers that learn their number of input channels from the first input.

Each is lazy by :class:`LazyModuleMixin` and otherwise the layer of its name.
"""

from __future__ import annotations

from typing import Any

from minigrad.nn.arguments import as_tensor_argument
from minigrad.nn.conv import Conv1d, Conv2d, Conv3d
from minigrad.nn.conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from minigrad.nn.instancenorm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, _InstanceNorm
from minigrad.nn.lazy import LazyModuleMixin, _LazyNormBase
from minigrad.nn.linear import Linear
from minigrad.nn.sizes import Sizes
from minigrad.tensor.tensor import Tensor


class LazyLinear(LazyModuleMixin, Linear):
    """Linear without ``in_features``: the last dimension of the first input tells it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyLinear.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> layer = nn.LazyLinear(2)
    >>> layer
    LazyLinear(in_features=0, out_features=2, bias=True)
    >>> layer(mg.zeros(5, 3)).shape, layer
    ((5, 2), Linear(in_features=3, out_features=2, bias=True))
    """

    cls_to_become = Linear

    def __init__(
        self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(0, out_features, bias, device, dtype)
        self.forget_shapes()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take ``in_features`` from the input, and draw the first values."""
        if not isinstance(input, Tensor):
            input = as_tensor_argument(input, type(self).__name__)
        self.in_features = input.shape[-1]
        if self.has_uninitialized_params():
            shape = (self.out_features, self.in_features)
            self.weight.materialize(shape)  # type: ignore[attr-defined]
            if self.bias is not None:
                self.bias.materialize((self.out_features,))
            self.reset_parameters()


class _LazyConv(LazyModuleMixin):
    """What lazy convolutions share; they differ in what they become."""

    n: int
    groups: int
    out_channels: int
    weight: Any
    bias: Any
    _weight_shape: Any

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Take ``in_channels`` from the input, and draw the first values."""
        name = type(self).__name__
        if not isinstance(input, Tensor):
            input = as_tensor_argument(input, name)
        unbatched = self.n + 1
        if input.ndim not in (unbatched, unbatched + 1):
            raise RuntimeError(
                f"Expected {unbatched}D (unbatched) or {unbatched + 1}D (batched) input to {name}, "
                f"but got input of size: {input.shape}"
            )
        self.in_channels = input.shape[-unbatched]
        if self.in_channels % self.groups:
            raise ValueError(
                f"in_channels must be divisible by groups, got {self.in_channels}, {self.groups}"
            )
        if self.has_uninitialized_params():
            self.weight.materialize(self._weight_shape())
            if self.bias is not None:
                self.bias.materialize((self.out_channels,))
            self.reset_parameters()


class LazyConv1d(_LazyConv, Conv1d):
    """Conv1d without ``in_channels``: the first input, (N, C, L), tells it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyConv1d.html
    """

    cls_to_become = Conv1d

    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        sizes = (kernel_size, stride, padding, dilation)
        super().__init__(0, out_channels, *sizes, groups, bias, padding_mode, device, dtype)
        self.forget_shapes()


class LazyConv2d(_LazyConv, Conv2d):
    """Conv2d without ``in_channels``: the first input, (N, C, H, W), tells it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyConv2d.html
    """

    cls_to_become = Conv2d

    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        sizes = (kernel_size, stride, padding, dilation)
        super().__init__(0, out_channels, *sizes, groups, bias, padding_mode, device, dtype)
        self.forget_shapes()


class LazyConv3d(_LazyConv, Conv3d):
    """Conv3d without ``in_channels``: the first input, (N, C, D, H, W), tells it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyConv3d.html
    """

    cls_to_become = Conv3d

    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        sizes = (kernel_size, stride, padding, dilation)
        super().__init__(0, out_channels, *sizes, groups, bias, padding_mode, device, dtype)
        self.forget_shapes()


class LazyConvTranspose1d(_LazyConv, ConvTranspose1d):
    """ConvTranspose1d without ``in_channels``: the first input, (N, C, L), tells it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyConvTranspose1d.html
    """

    cls_to_become = ConvTranspose1d

    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        sizes = (kernel_size, stride, padding, output_padding)
        options: Any = (groups, bias, dilation, padding_mode, device, dtype)
        super().__init__(0, out_channels, *sizes, *options)
        self.forget_shapes()


class LazyConvTranspose2d(_LazyConv, ConvTranspose2d):
    """ConvTranspose2d without ``in_channels``: the first input, (N, C, H, W), tells it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyConvTranspose2d.html
    """

    cls_to_become = ConvTranspose2d

    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        sizes = (kernel_size, stride, padding, output_padding)
        options: Any = (groups, bias, dilation, padding_mode, device, dtype)
        super().__init__(0, out_channels, *sizes, *options)
        self.forget_shapes()


class LazyConvTranspose3d(_LazyConv, ConvTranspose3d):
    """ConvTranspose3d without ``in_channels``: the first input, (N, C, D, H, W), tells it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyConvTranspose3d.html
    """

    cls_to_become = ConvTranspose3d

    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        sizes = (kernel_size, stride, padding, output_padding)
        options: Any = (groups, bias, dilation, padding_mode, device, dtype)
        super().__init__(0, out_channels, *sizes, *options)
        self.forget_shapes()


class _LazyInstanceNorm(_LazyNormBase, _InstanceNorm):
    """What lazy layers share; they differ in what they become."""

    cls_to_become: type[_InstanceNorm]
    n = property(lambda self: self.cls_to_become.n)  # type: ignore[assignment]

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        options: Any = (eps, momentum, affine, track_running_stats, device, dtype)
        super().__init__(0, *options, bias=bias)
        self.forget_shapes()


class LazyInstanceNorm1d(_LazyInstanceNorm):
    """InstanceNorm1d without ``num_features``: the first input, (N, C, L), tells it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyInstanceNorm1d.html
    """

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyInstanceNorm):
    """InstanceNorm2d without ``num_features``: the first input, (N, C, H, W), tells it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyInstanceNorm2d.html
    """

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyInstanceNorm):
    """InstanceNorm3d without ``num_features``: the first input, (N, C, D, H, W), tells it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyInstanceNorm3d.html
    """

    cls_to_become = InstanceNorm3d
