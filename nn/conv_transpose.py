"""Transposed convolution: the gradient of a convolution, as a layer of its own.

Weights are (in_channels, out_channels/groups, *kernel_size). A result is as large as the input of
the convolution whose result the input could be: (L − 1) stride − 2 padding + dilation (kernel − 1)
+ output_padding + 1 along each axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.conv import _ConvNd, check_size, check_weight
from minigrad.nn.padding import pad
from minigrad.nn.sizes import Sizes, to_tuple
from minigrad.ops import window
from minigrad.tensor.tensor import Tensor


@tensor_arguments
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Return (N, out, L') of (N, C, L) and (C, out/groups, k), as :func:`conv_transpose2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose1d.html

    >>> import minigrad as mg
    >>> conv_transpose1d(mg.ones(1, 1, 2), mg.ones(1, 1, 2), stride=2).tolist()
    [[[1.0, 1.0, 1.0, 1.0]]]
    """
    options = (stride, padding, output_padding, groups, dilation)
    return _conv_transpose(1, input, weight, bias, *options)


@tensor_arguments
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Return (N, out, H', W') of (N, C, H, W) and (C, out/groups, kh, kw).

    The input may come without N; sizes are numbers or one for each axis. Raises RuntimeError for
    another number of channels, another length of bias, and an ``output_padding`` that is not
    smaller than stride or dilation.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose2d.html

    >>> import minigrad as mg
    >>> conv_transpose2d(mg.ones(1, 1, 1, 2), mg.ones(1, 1, 1, 2), stride=2).tolist()
    [[[[1.0, 1.0, 1.0, 1.0]]]]
    """
    options = (stride, padding, output_padding, groups, dilation)
    return _conv_transpose(2, input, weight, bias, *options)


@tensor_arguments
def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Return (N, out, D', H', W') of (N, C, D, H, W), as :func:`conv_transpose2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose3d.html

    >>> import minigrad as mg
    >>> conv_transpose3d(mg.ones(1, 1, 2, 2, 2), mg.ones(1, 1, 2, 2, 2)).shape
    (1, 1, 3, 3, 3)
    """
    options = (stride, padding, output_padding, groups, dilation)
    return _conv_transpose(3, input, weight, bias, *options)


def _conv_transpose(
    n: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sizes,
    padding: Sizes,
    output_padding: Sizes,
    groups: int,
    dilation: Sizes,
) -> Tensor:
    strides = to_tuple(stride, n, "stride")
    dilations = to_tuple(dilation, n, "dilation")
    paddings = to_tuple(padding, n, "padding", 0)
    extra = to_tuple(output_padding, n, "output_padding", 0)
    batch = input.unsqueeze(0) if input.ndim == n + 1 else input
    _check(n, input, batch, weight, bias, groups)
    check_weight(weight, groups)
    check_size(batch)
    _check_output_padding(extra, strides, dilations)
    full = _full_size(batch.shape[2:], weight.shape[2:], strides, dilations)
    # what is padded behind takes back what padding cuts off there, then zeros
    pairs = tuple((p, max(p - e, 0)) for p, e in zip(paddings, extra, strict=True))
    zeros = [max(e - p, 0) for p, e in zip(paddings, extra, strict=True)]
    size = tuple(f - before - after for f, (before, after) in zip(full, pairs, strict=True))
    if min(size) < 0:
        raise RuntimeError(
            f"conv_transpose{n}d: padding {paddings} is too large for input {list(input.shape)} "
            f"and kernel {tuple(weight.shape[2:])}"
        )
    shape = (batch.shape[0], weight.shape[1] * groups, *size)
    options = {"stride": strides, "padding": pairs, "dilation": dilations, "groups": groups}
    y: Tensor = window.conv_input(batch, weight, shape=shape, **options)
    if any(zeros):
        y = pad(y, [width for z in reversed(zeros) for width in (0, z)])
    if bias is not None:
        y = y + bias.reshape([1, -1, *[1] * n])
    return y.squeeze(0) if batch is not input else y


def _full_size(spatial: Any, kernel: Any, strides: Any, dilations: Any) -> list[int]:
    """Return how long each axis of the result is before padding cuts it."""
    axes = zip(spatial, kernel, strides, dilations, strict=True)
    return [(length - 1) * s + d * (k - 1) + 1 for length, k, s, d in axes]


def _check_output_padding(extra: Any, strides: Any, dilations: Any) -> None:
    for e, s, d in zip(extra, strides, dilations, strict=True):
        if e >= max(s, d):
            raise RuntimeError(
                "output padding must be smaller than either stride or dilation, but got "
                f"output_padding: {extra} stride: {strides} dilation: {dilations}"
            )


def _check(
    n: int, input: Tensor, batch: Tensor, weight: Tensor, bias: Tensor | None, groups: int
) -> None:
    if weight.ndim != n + 2:
        raise RuntimeError(
            f"conv_transpose{n}d: expected a weight of {n + 2} dimensions, "
            f"but got one of size {list(weight.shape)}"
        )
    if batch.ndim != n + 2:
        raise RuntimeError(
            f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to conv_transpose{n}d, but "
            f"got input of size: {list(input.shape)}"
        )
    if batch.shape[1] != weight.shape[0]:
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(weight.shape)}, expected "
            f"input{list(input.shape)} to have {weight.shape[0]} channels, but got "
            f"{batch.shape[1]} channels instead"
        )
    if weight.shape[1] == 0:
        raise RuntimeError(f"non-empty weight tensor expected, but got: {list(weight.shape)}")
    channels = weight.shape[1] * groups
    if bias is not None and tuple(bias.shape) != (channels,):
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(weight.shape)}, expected bias to be "
            f"1-dimensional with {channels} elements, but got bias of size {list(bias.shape)} "
            "instead"
        )


class _ConvTransposeNd(_ConvNd):
    """What the layers share; they differ in the number of spatial dimensions."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
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
        if padding_mode != "zeros":
            raise ValueError(
                f'Only "zeros" padding mode is supported for {type(self).__name__}, '
                f"got {padding_mode!r}"
            )
        if isinstance(padding, str):
            raise ValueError(f"{type(self).__name__}: padding must be integers, got {padding!r}")
        sizes = (kernel_size, stride, padding, dilation)
        options: Any = (groups, bias, padding_mode, device, dtype)
        super().__init__(in_channels, out_channels, *sizes, *options)
        self.output_padding = to_tuple(output_padding, self.n, "output_padding", 0)

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Return the transposed convolution; ``output_size`` chooses among the possible sizes."""
        extra = self.output_padding
        if output_size is not None:
            extra = self._output_padding(input, list(output_size))
        options: Any = (self.stride, self.padding, extra, self.groups, self.dilation)
        return _conv_transpose(self.n, input, self.weight, self.bias, *options)

    def _output_padding(self, input: Tensor, output_size: list[int]) -> tuple[int, ...]:
        lead = input.ndim - self.n
        if len(output_size) == lead + self.n:
            output_size = output_size[lead:]
        if len(output_size) != self.n:
            raise ValueError(
                f"ConvTranspose{self.n}D: for {input.ndim}D input, output_size must have {self.n} "
                f"or {lead + self.n} elements (got {len(output_size)})"
            )
        full = _full_size(input.shape[lead:], self.kernel_size, self.stride, self.dilation)
        least = [f - 2 * p for f, p in zip(full, map(int, self.padding), strict=True)]
        most = [size + s - 1 for size, s in zip(least, self.stride, strict=True)]
        for size, low, high in zip(output_size, least, most, strict=True):
            if not low <= size <= high:
                raise ValueError(
                    f"requested an output size of {output_size}, but valid sizes range from "
                    f"{least} to {most} (for an input of {input.shape[2:]})"
                )
        return tuple(size - low for size, low in zip(output_size, least, strict=True))


class ConvTranspose1d(_ConvTransposeNd):
    """Transposed convolution of (N, in_channels, L); arguments as ConvTranspose2d's.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html
    """

    n = 1


class ConvTranspose2d(_ConvTransposeNd):
    """Transposed convolution: (N, in_channels, H, W) -> (N, out_channels, H', W').

    Defaults: stride 1, padding 0, output_padding 0, groups 1, with bias, dilation 1; weight and
    bias start from U(±1/√fan_in), fan_in counted as PyTorch counts it. Raises ValueError for
    channels that groups do not divide, and for another ``padding_mode`` than 'zeros'.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.ConvTranspose2d(4, 1, 2, stride=2)(mg.zeros(2, 4, 8, 8)).shape
    (2, 1, 16, 16)
    """

    n = 2


class ConvTranspose3d(_ConvTransposeNd):
    """Transposed convolution of (N, in_channels, D, H, W); arguments as ConvTranspose2d's.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose3d.html
    """

    n = 3
