"""Convolution; weights are (out_channels, in_channels/groups, *kernel_size)."""

from __future__ import annotations

from typing import Any

from minigrad.creation import empty
from minigrad.nn import init
from minigrad.nn.arguments import as_tensor_argument, tensor_arguments
from minigrad.nn.module import Module
from minigrad.nn.padding import MODES, pad
from minigrad.nn.parameter import Parameter, on_cpu
from minigrad.nn.sizes import Sizes, to_tuple
from minigrad.ops import window
from minigrad.tensor.tensor import Tensor

Pairs = tuple[tuple[int, int], ...]  # (before, after) for each spatial axis


@tensor_arguments
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate (N, C, L) with (out, C/groups, k) -> (N, out, L'), as :func:`conv2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv1d.html

    >>> import minigrad as mg
    >>> conv1d(mg.ones(1, 1, 4), mg.ones(1, 1, 2)).tolist()
    [[[2.0, 2.0, 2.0]]]
    """
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


@tensor_arguments
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate (N, C, H, W) with (out, C/groups, kh, kw) -> (N, out, H', W').

    The input may come without N. ``padding`` is a number, one for each axis, 'valid' or 'same'.
    Raises RuntimeError for another number of channels, another length of bias, or a kernel larger
    than the padded input.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html

    >>> import minigrad as mg
    >>> conv2d(mg.ones(1, 1, 3, 3), mg.ones(1, 1, 2, 2))[0, 0].tolist()
    [[4.0, 4.0], [4.0, 4.0]]
    """
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


@tensor_arguments
def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate (N, C, D, H, W) with (out, C/groups, kd, kh, kw), as :func:`conv2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv3d.html

    >>> import minigrad as mg
    >>> conv3d(mg.ones(1, 1, 2, 2, 2), mg.ones(1, 1, 2, 2, 2)).shape
    (1, 1, 1, 1, 1)
    """
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


@tensor_arguments
def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """Cross-correlate (L, N, C) with (k, C, out) -> (L', N, out), zeros at both ends.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_tbc.html

    >>> import minigrad as mg
    >>> conv_tbc(mg.ones(3, 1, 1), mg.ones(2, 1, 1), mg.zeros(1)).flatten()
    tensor([2., 2.])
    """
    batch = input.permute(1, 2, 0)
    kernels = weight.permute(2, 1, 0)
    return conv1d(batch, kernels, bias, padding=pad).permute(2, 0, 1)


def _conv(
    n: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sizes,
    padding: Sizes | str,
    dilation: Sizes,
    groups: int,
) -> Tensor:
    strides = to_tuple(stride, n, "stride")
    dilations = to_tuple(dilation, n, "dilation")
    if weight.ndim != n + 2:
        raise RuntimeError(
            f"conv{n}d: expected a weight of {n + 2} dimensions, "
            f"but got one of size {list(weight.shape)}"
        )
    batch = input.unsqueeze(0) if input.ndim == n + 1 else input
    check_weight(weight, groups)
    _check(n, input, batch, weight, bias, groups)
    pairs = padding_pairs(padding, weight.shape[2:], strides, dilations)
    _check_room(batch, weight, pairs, dilations)
    check_size(batch)
    y = window.conv(batch, weight, stride=strides, padding=pairs, dilation=dilations, groups=groups)
    if bias is not None:
        per_channel = [1, -1, *[1] * n]
        y = y + bias.reshape(per_channel)
    return y.squeeze(0) if batch is not input else y


def padding_pairs(padding: Sizes | str, kernel: Any, strides: Any, dilations: Any) -> Pairs:
    """Return (before, after) for each axis; 'same' puts an odd one behind."""
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "same":
        if max(strides) > 1:
            raise RuntimeError(
                f"padding='same' is not supported for strided convolutions, got stride {strides}"
            )
        totals = [d * (k - 1) for d, k in zip(dilations, kernel, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    if isinstance(padding, str):
        raise RuntimeError(f"Invalid padding string {padding!r}, should be one of 'valid', 'same'")
    widths = to_tuple(padding, len(kernel), "padding", 0)
    return tuple((width, width) for width in widths)


def check_weight(weight: Tensor, groups: int) -> None:
    """Raise RuntimeError for a kernel of length 0, or output channels that groups do not divide."""
    shape = list(weight._data.shape)
    if groups <= 0:
        raise RuntimeError(f"non-positive groups is not supported, got {groups}")
    channels = shape[0]
    if channels < groups or channels % groups:
        wanted = f"at least {groups}" if channels < groups else f"divisible by {groups}"
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be {wanted} at dimension 0, "
            f"but got weight of size {shape} instead"
        )
    if 0 in shape[2:]:
        raise RuntimeError(f"kernel size should be greater than zero, but got {shape[2:]}")


def check_size(batch: Tensor) -> None:
    """Raise RuntimeError for samples that have channels and no length."""
    shape = batch._data.shape
    if 0 in shape[2:] and 0 not in shape[:2]:
        raise RuntimeError(
            f"Only zero batch or zero channel inputs are supported, but got input shape: "
            f"{list(shape)}"
        )


def _check(
    n: int, input: Tensor, batch: Tensor, weight: Tensor, bias: Tensor | None, groups: int
) -> None:
    if batch.ndim != n + 2:
        raise RuntimeError(
            f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to conv{n}d, but got input "
            f"of size: {list(input.shape)}"
        )
    channels = weight._data.shape[1] * groups
    if batch._data.shape[1] != channels:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(weight.shape)}, expected "
            f"input{list(input.shape)} to have {channels} channels, but got {batch.shape[1]} "
            "channels instead"
        )
    if bias is not None and bias._data.shape != weight._data.shape[:1]:
        raise RuntimeError(
            f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with "
            f"{weight.shape[0]} elements, but got bias of size {list(bias.shape)} instead"
        )


def _check_room(batch: Tensor, weight: Tensor, pairs: Pairs, dilations: tuple[int, ...]) -> None:
    spatial, kernel = batch._data.shape[2:], weight._data.shape[2:]
    padded, extents = [], []
    for size, pair, k, dilation in zip(spatial, pairs, kernel, dilations, strict=True):
        padded.append(size + sum(pair))
        extents.append(dilation * (k - 1) + 1)
    if any(extent > size for extent, size in zip(extents, padded, strict=True)):
        input_size = " x ".join(map(str, padded))
        kernel_size = " x ".join(map(str, extents))
        raise RuntimeError(
            f"Calculated padded input size per channel: ({input_size}). "
            f"Kernel size: ({kernel_size}). "
            "Kernel size can't be greater than actual input size"
        )


class _ConvNd(Module):
    """What the layers share; they differ in the number of spatial dimensions."""

    n = 0
    output_padding: tuple[int, ...] = ()  # a transposed convolution's

    def __init__(
        self,
        in_channels: int,
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
        super().__init__()
        on_cpu(device)
        _check_options(in_channels, out_channels, groups, padding_mode)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.groups = groups
        self.kernel_size = to_tuple(kernel_size, self.n, "kernel_size")
        self.stride = to_tuple(stride, self.n, "stride")
        self.dilation = to_tuple(dilation, self.n, "dilation")
        if isinstance(padding, str):
            _check_named_padding(padding, self.stride)
        self._pairs = padding_pairs(padding, self.kernel_size, self.stride, self.dilation)
        if not isinstance(padding, str):
            padding = to_tuple(padding, self.n, "padding", 0)
        self.padding = padding
        self.padding_mode = padding_mode
        self.weight = Parameter(empty(self._weight_shape(), dtype=dtype))
        self.register_parameter(
            "bias", Parameter(empty(out_channels, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.default_(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the cross-correlation of the input with the weights."""
        if not isinstance(input, Tensor):
            input = as_tensor_argument(input, type(self).__name__)
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Compute as the layer does, with these weights: masked and standardised ones call it."""
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            last_axis_first = [width for pair in self._pairs[::-1] for width in pair]
            input = pad(input, last_axis_first, self.padding_mode)
            padding = 0
        options = (self.stride, padding, self.dilation, self.groups)
        return _conv(self.n, input, weight, bias, *options)

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}"]
        parts += [f"kernel_size={self.kernel_size}, stride={self.stride}"]
        zeros, ones = (0,) * self.n, (1,) * self.n
        defaults: dict[str, Any] = {"padding": zeros, "dilation": ones}
        if self.output_padding:
            defaults["output_padding"] = zeros
        defaults["groups"] = 1
        for name, default in defaults.items():
            value = getattr(self, name)
            if value != default:
                parts.append(f"{name}={value}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


def _check_named_padding(padding: str, stride: tuple[int, ...]) -> None:
    if padding not in ("valid", "same"):
        raise ValueError(f"Invalid padding string {padding!r}, should be one of 'valid', 'same'")
    if padding == "same" and max(stride) > 1:
        raise ValueError(
            f"padding='same' is not supported for strided convolutions, got stride {stride}"
        )


def _check_options(in_channels: int, out_channels: int, groups: int, padding_mode: str) -> None:
    if groups <= 0:
        raise ValueError(f"groups must be a positive integer, but got {groups}")
    named = {"in_channels": in_channels, "out_channels": out_channels}
    for name, channels in named.items():
        if channels % groups:
            raise ValueError(f"{name} must be divisible by groups, but got {channels} and {groups}")
    if padding_mode not in ("zeros", *MODES):
        raise ValueError(
            f"padding_mode must be one of {['zeros', *MODES]}, but got {padding_mode!r}"
        )


class Conv1d(_ConvNd):
    """Convolution of (N, in_channels, L) -> (N, out_channels, L'); arguments as Conv2d's."""

    n = 1


class Conv2d(_ConvNd):
    """Convolution of (N, in_channels, H, W) -> (N, out_channels, H', W').

    Defaults: stride 1, padding 0 (a number, a pair, 'valid' or 'same'), dilation 1, groups 1, with
    bias, padding_mode 'zeros' ('reflect', 'replicate', 'circular'); weight and bias start from
    U(±1/√fan_in). Raises ValueError for channels that groups do not divide.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Conv2d(1, 4, 3, padding=1)(mg.zeros(2, 1, 8, 8)).shape
    (2, 4, 8, 8)
    """

    n = 2


class Conv3d(_ConvNd):
    """Convolution of (N, in_channels, D, H, W); arguments as Conv2d's.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv3d.html
    """

    n = 3
