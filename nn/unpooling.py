"""Maxima put back where they stood; everything else is zero."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.module import Module
from minigrad.nn.pooling import Stride
from minigrad.nn.sizes import Sizes, to_tuple
from minigrad.tensor.tensor import Tensor

Size = Sequence[int] | None


@tensor_arguments
def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Stride = None,
    padding: Sizes = 0,
    output_size: Size = None,
) -> Tensor:
    """Put (N, C, L) back to where ``indices`` say, as :func:`max_unpool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool1d.html

    >>> import minigrad as mg
    >>> max_unpool1d(mg.tensor([[[5.0, 7.0]]]), mg.tensor([[[1, 2]]]), 2).tolist()
    [[[0.0, 5.0, 7.0, 0.0]]]
    """
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


@tensor_arguments
def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Stride = None,
    padding: Sizes = 0,
    output_size: Size = None,
) -> Tensor:
    """Put the maxima (N, C, H, W) of a pooling back to where ``indices`` say they stood.

    Kernel, stride and padding are the pooling's; ``output_size`` chooses among the sizes that
    give the same pooling. Raises ValueError for another size, RuntimeError for indices of
    another shape or beyond it.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool2d.html

    >>> import minigrad as mg
    >>> max_unpool2d(mg.tensor([[[[5.0]]]]), mg.tensor([[[[3]]]]), 2).tolist()
    [[[[0.0, 0.0], [0.0, 5.0]]]]
    """
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


@tensor_arguments
def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Stride = None,
    padding: Sizes = 0,
    output_size: Size = None,
) -> Tensor:
    """Put (N, C, D, H, W) back to where ``indices`` say, as :func:`max_unpool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool3d.html

    >>> import minigrad as mg
    >>> max_unpool3d(mg.ones(1, 1, 1, 1, 1), mg.tensor([[[[[7]]]]]), 2).flatten()
    tensor([0., 0., 0., 0., 0., 0., 0., 1.])
    """
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)


def _max_unpool(
    n: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Stride,
    padding: Sizes,
    output_size: Size,
) -> Tensor:
    if indices.shape != input.shape:
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor ({input.shape}) but "
            f"got indices tensor with shape: {indices.shape}"
        )
    kernel = to_tuple(kernel_size, n, "kernel_size")
    steps = kernel if stride is None else to_tuple(stride, n, "stride")
    pads = to_tuple(padding, n, "padding", 0)
    size = _output_size(input.shape[-n:], kernel, steps, pads, output_size)
    places = math.prod(size)
    outside = (indices._data < 0) | (indices._data >= places)
    if outside.any():
        raise RuntimeError(
            f"Found an invalid max index: {indices._data[outside][0]} (output volumes are of size "
            f"{'x'.join(map(str, size))})"
        )
    flat = input.flatten(-n)
    empty = flat.new_zeros(*flat.shape[:-1], places)
    return empty.scatter(-1, indices.flatten(-n), flat).unflatten(-1, size)


def _output_size(spatial: Any, kernel: Any, stride: Any, padding: Any, asked: Size) -> list[int]:
    axes = zip(spatial, kernel, stride, padding, strict=True)
    default = [(size - 1) * s + k - 2 * p for size, k, s, p in axes]
    if asked is None:
        return default
    chosen = list(asked)[-len(default) :]
    if len(asked) not in (len(default), len(default) + 2):
        raise ValueError(
            f"output_size should be a sequence containing {len(default)} or {len(default) + 2} "
            f"elements, but it has a length of '{len(asked)}'"
        )
    for axis, (size, usual, step) in enumerate(zip(chosen, default, stride, strict=True)):
        if not usual - step < size < usual + step:
            raise ValueError(
                f'invalid output_size "{chosen}" (dim {axis} must be between {usual - step} and '
                f"{usual + step})"
            )
    return chosen


class _MaxUnpoolNd(Module):
    """What the layers share; they differ in the number of spatial dimensions."""

    n = 0
    function: Callable[..., Tensor]

    def __init__(self, kernel_size: Sizes, stride: Stride = None, padding: Sizes = 0) -> None:
        super().__init__()
        self.kernel_size = to_tuple(kernel_size, self.n, "kernel_size")
        chosen = self.kernel_size if stride is None else stride
        self.stride = to_tuple(chosen, self.n, "stride")
        self.padding = to_tuple(padding, self.n, "padding", 0)

    def forward(self, input: Tensor, indices: Tensor, output_size: Size = None) -> Tensor:
        """Return the maxima where they stood, zeros elsewhere."""
        options = (self.kernel_size, self.stride, self.padding, output_size)
        return type(self).function(input, indices, *options)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """Maxima of (N, C, L) put back where they stood; see :func:`max_unpool2d`."""

    n = 1
    function = staticmethod(max_unpool1d)


class MaxUnpool2d(_MaxUnpoolNd):
    """Maxima of (N, C, H, W) put back where they stood; see :func:`max_unpool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxUnpool2d.html
    """

    n = 2
    function = staticmethod(max_unpool2d)


class MaxUnpool3d(_MaxUnpoolNd):
    """Maxima of (N, C, D, H, W) put back where they stood; see :func:`max_unpool2d`."""

    n = 3
    function = staticmethod(max_unpool3d)
