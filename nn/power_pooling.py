"""Pooling by a p-norm: the p-th root of the sum of p-th powers in each window."""

from __future__ import annotations

import math
from collections.abc import Callable

from minigrad.functions import elementwise as e
from minigrad.nn import pooling
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.module import Module
from minigrad.nn.pooling import Stride
from minigrad.nn.sizes import Sizes, to_tuple
from minigrad.tensor.tensor import Tensor


@tensor_arguments
def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Stride = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the ``norm_type``-norm of each window of (N, C, L), as :func:`lp_pool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool1d.html

    >>> import minigrad as mg
    >>> lp_pool1d(mg.tensor([[[3.0, 4.0]]]), 2, 2).tolist()
    [[[5.0]]]
    """
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


@tensor_arguments
def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Stride = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return (Σ x ** norm_type) ** (1 / norm_type) of each window of (N, C, H, W).

    A norm of infinity is the largest size. Arguments and errors as :func:`avg_pool2d`.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool2d.html

    >>> import minigrad as mg
    >>> lp_pool2d(mg.tensor([[[[3.0, 4.0]]]]), 2, (1, 2)).tolist()
    [[[[5.0]]]]
    """
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


@tensor_arguments
def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Stride = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the ``norm_type``-norm of each window of (N, C, D, H, W), as :func:`lp_pool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool3d.html

    >>> import minigrad as mg
    >>> lp_pool3d(mg.ones(1, 1, 2, 2, 1), 1, (2, 2, 1)).flatten()
    tensor([4.])
    """
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


AVERAGES = {1: pooling.avg_pool1d, 2: pooling.avg_pool2d, 3: pooling.avg_pool3d}
MAXIMA = {1: pooling.max_pool1d, 2: pooling.max_pool2d, 3: pooling.max_pool3d}


def _lp_pool(
    n: int, input: Tensor, p: float, kernel_size: Sizes, stride: Stride, ceil_mode: bool
) -> Tensor:
    if math.isinf(p):
        sign = 1 if p > 0 else -1
        return sign * MAXIMA[n](sign * e.abs(input), kernel_size, stride, 0, 1, ceil_mode)
    average = AVERAGES[n](e.pow(input, p), kernel_size, stride, 0, ceil_mode)
    taps = math.prod(to_tuple(kernel_size, n, "kernel_size"))
    total = e.sign(average) * e.relu(e.abs(average)) * taps
    return e.pow(total, 1 / p)


class _LPPoolNd(Module):
    """What the layers share; they differ in the number of spatial dimensions."""

    function: Callable[..., Tensor]

    def __init__(
        self,
        norm_type: float,
        kernel_size: Sizes,
        stride: Stride = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        """Return the norm of each window."""
        options = (self.norm_type, self.kernel_size, self.stride, self.ceil_mode)
        return type(self).function(input, *options)

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd):
    """The p-norm of each window of (N, C, L); see :func:`lp_pool2d`."""

    function = staticmethod(lp_pool1d)


class LPPool2d(_LPPoolNd):
    """The p-norm of each window of (N, C, H, W); see :func:`lp_pool2d`."""

    function = staticmethod(lp_pool2d)


class LPPool3d(_LPPoolNd):
    """The p-norm of each window of (N, C, D, H, W); see :func:`lp_pool2d`."""

    function = staticmethod(lp_pool3d)
