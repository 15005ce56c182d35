"""Layers that only rearrange: pixels and channels, windows as columns, a dimension as several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.module import Module
from minigrad.nn.padding import pad
from minigrad.nn.sizes import Sizes, to_tuple
from minigrad.tensor.tensor import Tensor


# ---- pixels and channels -------------------------------------------------------------------------
@tensor_arguments
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Spread channels over pixels, r the factor: (*, C r², H, W) -> (*, C, H r, W r).

    Raises RuntimeError unless r² divides the channels.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pixel_shuffle.html

    >>> import minigrad as mg
    >>> pixel_shuffle(mg.arange(4).reshape(4, 1, 1), 2).tolist()
    [[[0, 1], [2, 3]]]
    """
    r = _factor("pixel_shuffle", input, upscale_factor)
    *lead, channels, height, width = input.shape
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}"
        )
    apart = input.reshape(*lead, channels // (r * r), r, r, height, width)
    n = len(lead)
    order = (*range(n + 1), n + 3, n + 1, n + 4, n + 2)  # (*, C, H, r, W, r)
    return apart.permute(order).reshape(*lead, -1, height * r, width * r)


@tensor_arguments
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Undo :func:`pixel_shuffle`: (*, C, H r, W r) -> (*, C r², H, W).

    Raises RuntimeError unless r divides height and width.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pixel_unshuffle.html

    >>> import minigrad as mg
    >>> pixel_unshuffle(mg.arange(4).reshape(1, 2, 2), 2).flatten()
    tensor([0, 1, 2, 3])
    """
    r = _factor("pixel_unshuffle", input, downscale_factor)
    *lead, channels, height, width = input.shape
    for name, size in (("height", height), ("width", width)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                f"input.size(-{2 if name == 'height' else 1})={size} is not divisible by {r}"
            )
    apart = input.reshape(*lead, channels, height // r, r, width // r, r)
    n = len(lead)
    order = (*range(n + 1), n + 2, n + 4, n + 1, n + 3)  # (*, C, r, r, H, W)
    return apart.permute(order).reshape(*lead, channels * r * r, height // r, width // r)


def _factor(function: str, input: Tensor, factor: int) -> int:
    if input.ndim < 3:
        raise RuntimeError(
            f"{function} expects input to have at least 3 dimensions, but got input with "
            f"{input.ndim} dimension(s)"
        )
    if factor <= 0:
        name = "upscale" if function == "pixel_shuffle" else "downscale"
        raise RuntimeError(f"{function} expects a positive {name}_factor, but got {factor}")
    return factor


@tensor_arguments
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Mix the channels of all groups: (N, C, *), channel i of each group beside that of the next.

    Raises RuntimeError unless the groups divide the channels.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.channel_shuffle.html

    >>> import minigrad as mg
    >>> channel_shuffle(mg.arange(4).reshape(1, 4, 1), 2).flatten()
    tensor([0, 2, 1, 3])
    """
    if input.ndim < 3:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(input.shape)}"
        )
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    channels = input.shape[1]
    if channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and "
            f"{groups} groups."
        )
    order = np.arange(channels).reshape(groups, -1).T.reshape(-1)
    return input.index_select(1, Tensor._wrap(order))


native_channel_shuffle = channel_shuffle


class PixelShuffle(Module):
    """Spread channels over pixels: (*, C r², H, W) -> (*, C, H r, W r).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.PixelShuffle.html
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Return the larger image."""
        return pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Gather pixels in channels: (*, C, H r, W r) -> (*, C r², H, W).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.PixelUnshuffle.html
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Return the smaller image."""
        return pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Mix the channels of all groups of (N, C, *).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with its channels mixed."""
        return channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


# ---- windows as columns --------------------------------------------------------------------------
def _places(
    size: Sequence[int],
    kernel: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    stride: Sequence[int],
) -> np.ndarray:
    """Return where the elements of windows stand in the padded, flat image: (taps, windows)."""
    height = size[0] + 2 * padding[0]
    width = size[1] + 2 * padding[1]
    rows = _along(height, kernel[0], dilation[0], stride[0])  # (kh, H')
    columns = _along(width, kernel[1], dilation[1], stride[1])  # (kw, W')
    first_in_row = np.expand_dims(rows * width, (1, 3))
    places = first_in_row + np.expand_dims(columns, 1)  # (kh, kw, H', W')
    taps = kernel[0] * kernel[1]
    return places.reshape(taps, -1)


def _along(size: int, kernel: int, dilation: int, stride: int) -> np.ndarray:
    """Return where the elements of windows stand along one axis: (kernel, windows)."""
    taps = np.arange(kernel) * dilation
    starts = np.arange(0, size - dilation * (kernel - 1), stride)
    return taps[:, None] + starts


def _pairs(kernel_size: Sizes, dilation: Sizes, padding: Sizes, stride: Sizes) -> Any:
    return (
        to_tuple(kernel_size, 2, "kernel_size"),
        to_tuple(dilation, 2, "dilation"),
        to_tuple(padding, 2, "padding", 0),
        to_tuple(stride, 2, "stride"),
    )


@tensor_arguments
def unfold(
    input: Tensor, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> Tensor:
    """Return every window as a column: (N, C, H, W) -> (N, C kh kw, windows), or without N.

    Raises RuntimeError for another rank and for a kernel larger than the padded image.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.unfold.html

    >>> import minigrad as mg
    >>> unfold(mg.arange(4.0).reshape(1, 1, 2, 2), 2).tolist()
    [[[0.0], [1.0], [2.0], [3.0]]]
    """
    if input.ndim not in (3, 4):
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(input.shape)}"
        )
    kernel, dilations, paddings, strides = _pairs(kernel_size, dilation, padding, stride)
    places = _places(input.shape[-2:], kernel, dilations, paddings, strides)
    if not places.size:
        raise RuntimeError(
            f"Given input with spatial size {tuple(input.shape[-2:])}, kernel_size={kernel}, "
            f"dilation={dilations}, padding={paddings}, the array of sliding blocks has no element"
        )
    padded = pad(input, [paddings[1], paddings[1], paddings[0], paddings[0]])
    columns = padded.flatten(-2)[..., places]  # (N, C, taps, windows)
    return columns.flatten(-3, -2)


@tensor_arguments
def fold(
    input: Tensor,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Tensor:
    """Add up columns where their windows stand: (N, C kh kw, windows) -> (N, C, H, W).

    The input may come without N. Raises RuntimeError for columns that are not those of this size.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.fold.html

    >>> import minigrad as mg
    >>> fold(mg.ones(1, 4, 4), 3, 2)[0, 0].tolist()
    [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]
    """
    size = to_tuple(output_size, 2, "output_size")
    kernel, dilations, paddings, strides = _pairs(kernel_size, dilation, padding, stride)
    places = _places(size, kernel, dilations, paddings, strides)
    taps, windows = places.shape
    if input.ndim not in (2, 3) or input.shape[-2] % taps or input.shape[-1] != windows:
        raise RuntimeError(
            "fold: expected input of size (N, C · product(kernel_size), windows) with "
            f"product(kernel_size)={taps} and {windows} windows for output_size={size}, "
            f"kernel_size={kernel}, got input.size()={list(input.shape)}"
        )
    *lead, height, _ = input.shape
    channels = height // taps
    padded = [n + 2 * p for n, p in zip(size, paddings, strict=True)]
    flat = input.reshape(*lead, channels, taps * windows)
    image = flat.new_zeros(*lead, channels, math.prod(padded))
    image = image.index_add(-1, Tensor._wrap(places.reshape(-1)), flat).unflatten(-1, padded)
    return image.narrow(-2, paddings[0], size[0]).narrow(-1, paddings[1], size[1]).contiguous()


class Unfold(Module):
    """Every window of (N, C, H, W) as a column; see :func:`unfold`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.Unfold.html
    """

    def __init__(
        self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """Return the columns."""
        return unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )


class Fold(Module):
    """Columns added up where their windows stand; see :func:`fold`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.Fold.html
    """

    def __init__(
        self,
        output_size: Sizes,
        kernel_size: Sizes,
        dilation: Sizes = 1,
        padding: Sizes = 0,
        stride: Sizes = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """Return the image."""
        options = (self.kernel_size, self.dilation, self.padding, self.stride)
        return fold(input, self.output_size, *options)

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, "
            f"dilation={self.dilation}, padding={self.padding}, stride={self.stride}"
        )


class Unflatten(Module):
    """Split a dimension into several: the opposite of :class:`minigrad.nn.Flatten`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.Unflatten.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Unflatten(1, (2, 3))(mg.zeros(5, 6)).shape
    (5, 2, 3)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        if not isinstance(dim, int):
            raise TypeError(f"unflattened dim must be int, found type {type(dim).__name__}")
        if not isinstance(unflattened_size, (tuple, list)):
            raise TypeError(
                "unflattened_size must be tuple of ints, but found type "
                f"{type(unflattened_size).__name__}"
            )
        for i, n in enumerate(unflattened_size):
            if not isinstance(n, int):
                raise TypeError(
                    "unflattened_size must be tuple of ints, but found element of type "
                    f"{type(n).__name__} at pos {i}"
                )
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with the dimension split."""
        return input.unflatten(self.dim, tuple(self.unflattened_size))

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
