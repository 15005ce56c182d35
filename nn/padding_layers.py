"""Padding as modules: zeros, a constant, or what stands inside, in one to three dimensions."""

from __future__ import annotations

from minigrad.nn.module import Module
from minigrad.nn.padding import pad
from minigrad.nn.sizes import Sizes, to_tuple
from minigrad.tensor.tensor import Tensor

_ANY = -(10**9)  # a negative width takes away


class _Pad(Module):
    """What the layers share: ``padding`` is a number, or (before, after) per axis, last first."""

    n = 0
    mode = "constant"

    def __init__(self, padding: Sizes) -> None:
        super().__init__()
        self.padding = to_tuple(padding, 2 * self.n, "padding", _ANY)

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded input."""
        return pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPadNd(_Pad):
    def __init__(self, padding: Sizes, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded input."""
        return pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """Pad (N, C, L) with one value.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ConstantPad1d.html
    """

    n = 1


class ConstantPad2d(_ConstantPadNd):
    """Pad (N, C, H, W) with one value.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ConstantPad2d.html
    """

    n = 2


class ConstantPad3d(_ConstantPadNd):
    """Pad (N, C, D, H, W) with one value.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ConstantPad3d.html
    """

    n = 3


class _Zeros(_ConstantPadNd):
    def __init__(self, padding: Sizes) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_Zeros, ConstantPad1d):
    """Pad (N, C, L) with zeros.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ZeroPad1d.html
    """


class ZeroPad2d(_Zeros, ConstantPad2d):
    """Pad (N, C, H, W) with zeros.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html
    """


class ZeroPad3d(_Zeros, ConstantPad3d):
    """Pad (N, C, D, H, W) with zeros.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ZeroPad3d.html
    """


class _ReflectionPadNd(_Pad):
    mode = "reflect"


class ReflectionPad1d(_ReflectionPadNd):
    """Pad (N, C, L) with its reflection.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ReflectionPad1d.html
    """

    n = 1


class ReflectionPad2d(_ReflectionPadNd):
    """Pad (N, C, H, W) with its reflection.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ReflectionPad2d.html
    """

    n = 2


class ReflectionPad3d(_ReflectionPadNd):
    """Pad (N, C, D, H, W) with its reflection.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ReflectionPad3d.html
    """

    n = 3


class _ReplicationPadNd(_Pad):
    mode = "replicate"


class ReplicationPad1d(_ReplicationPadNd):
    """Pad (N, C, L) with its edge.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ReplicationPad1d.html
    """

    n = 1


class ReplicationPad2d(_ReplicationPadNd):
    """Pad (N, C, H, W) with its edge.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ReplicationPad2d.html
    """

    n = 2


class ReplicationPad3d(_ReplicationPadNd):
    """Pad (N, C, D, H, W) with its edge.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ReplicationPad3d.html
    """

    n = 3


class _CircularPadNd(_Pad):
    mode = "circular"


class CircularPad1d(_CircularPadNd):
    """Pad (N, C, L) with its other end.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.CircularPad1d.html
    """

    n = 1


class CircularPad2d(_CircularPadNd):
    """Pad (N, C, H, W) with its other end.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.CircularPad2d.html
    """

    n = 2


class CircularPad3d(_CircularPadNd):
    """Pad (N, C, D, H, W) with its other end.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.CircularPad3d.html
    """

    n = 3
