"""Convolution layers; weights (out_channels, in_channels/groups, *kernel_size)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter

from minigrad.creation import empty
from minigrad.tensor import Tensor

Sizes = int | tuple[int, ...]


class _Conv(Module):
    """What the layers share; they differ in the number of spatial dimensions."""

    n = 0
    function: Callable[..., Tensor]

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes = 1,
                 padding: Any = 0, dilation: Sizes = 1, groups: int = 1, bias: bool = True,
                 padding_mode: str = "zeros") -> None:  # fmt: skip
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups or out_channels % groups:
            which = "in_channels" if in_channels % groups else "out_channels"
            raise ValueError(f"{which} must be divisible by groups")
        if padding_mode != "zeros":
            raise ValueError(f"padding_mode must be 'zeros', got {padding_mode!r}")
        as_tuple = lambda v: (v,) * self.n if isinstance(v, int) else v
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = as_tuple(kernel_size), as_tuple(stride)
        self.padding, self.dilation = as_tuple(padding), as_tuple(dilation)
        self.weight = Parameter(empty(out_channels, in_channels // groups, *self.kernel_size))
        self.register_parameter("bias", Parameter(empty(out_channels)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.default_(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the cross-correlation of the input with the weights."""
        return type(self).function(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * self.n:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self.n:
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        return text if self.bias is not None else text + ", bias=False"


class Conv1d(_Conv):
    """Convolution of (N, in_channels, L) -> (N, out_channels, L'); arguments as Conv2d's."""

    n, function = 1, staticmethod(F.conv1d)


class Conv2d(_Conv):
    """Convolution of (N, in_channels, H, W) -> (N, out_channels, H', W').

    Defaults: stride 1, padding 0 (a number, a pair, 'valid' or 'same'), dilation 1, groups 1, with
    bias; weight and bias start from U(±1/√fan_in). Raises ValueError for channels that groups do
    not divide.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Conv2d(1, 4, 3, padding=1)(mg.zeros(2, 1, 8, 8)).shape
    (2, 4, 8, 8)
    """

    n, function = 2, staticmethod(F.conv2d)
