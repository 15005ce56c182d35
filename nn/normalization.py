"""Normalisation of each sample by itself: over its last dimensions, its groups, its neighbours.

Composed of ordinary operations, as Batch Normalization is; every derivative comes from the graph.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.creation import empty
from minigrad.nn import init
from minigrad.nn.arguments import check_floats, tensor_arguments
from minigrad.nn.batchnorm.layers import affine
from minigrad.nn.module import Module
from minigrad.nn.padding import pad
from minigrad.nn.parameter import Parameter, on_cpu
from minigrad.ops.elementwise import div_sqrt
from minigrad.ops.reduction import centred, mean_square
from minigrad.tensor.tensor import Tensor

Shape = int | Sequence[int]


def standardize(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    """Return (x − E[x]) / √(Var[x] + eps), mean and biased variance over ``axes``."""
    centered = centred(x, axis=axes)
    variance = mean_square(centered, axis=axes, keepdims=True).named("σ²")
    x_hat: Tensor = div_sqrt(centered, variance, eps=float(eps))
    return x_hat.named("x̂")


@tensor_arguments
def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise over the last dimensions, which have ``normalized_shape``: (*, shape) -> the same.

    ``weight`` and ``bias`` have that shape. Raises RuntimeError for shapes that do not fit.
    https://arxiv.org/abs/1607.06450, equation 3;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.layer_norm.html

    >>> import minigrad as mg
    >>> layer_norm(mg.tensor([[1.0, 3.0]]), (2,))
    tensor([[-1.0000,  1.0000]])
    """
    shape = _normalized("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    return affine(standardize(input, _last(input, shape), eps), weight, bias)


@tensor_arguments
def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """Divide by the root of the mean square over the last dimensions: (*, shape) -> the same.

    ``eps`` is by default the spacing of floats at 1. Raises RuntimeError for shapes that differ.
    https://arxiv.org/abs/1910.07467, equation 4;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.rms_norm.html

    >>> import minigrad as mg
    >>> rms_norm(mg.tensor([[3.0, 4.0]]), (2,))
    tensor([[0.8485, 1.1314]])
    """
    shape = _normalized("rms_norm", input, normalized_shape, weight=weight)
    if eps is None:
        eps = float(np.finfo(np.float64 if input.dtype == np.float64 else np.float32).eps)
    square = mean_square(input, axis=_last(input, shape), keepdims=True)
    return affine(div_sqrt(input, square, eps=float(eps)), weight, None)


@tensor_arguments
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each sample over each of ``num_groups`` groups of channels: (N, C, *) -> the same.

    ``weight`` and ``bias`` are (C,). Raises RuntimeError where the groups do not divide the
    channels, ValueError for one value per group.
    https://arxiv.org/abs/1803.08494, equation 7;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.group_norm.html

    >>> import minigrad as mg
    >>> group_norm(mg.tensor([[1.0, 3.0, 0.0, 8.0]]), 2)
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    _check_groups(input, num_groups, weight=weight, bias=bias)
    n, channels = input.shape[:2]
    grouped = input.reshape(n, num_groups, math.prod(input.shape[1:]) // num_groups)
    x_hat = standardize(grouped, (2,), eps).reshape(input.shape)
    per_channel = (channels,) + (1,) * (input.ndim - 2)  # (C, 1…)
    gamma, beta = (None if p is None else p.reshape(per_channel) for p in (weight, bias))
    return affine(x_hat, gamma, beta)


@tensor_arguments
def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Divide by (k + alpha · mean of the squares in ``size`` neighbouring channels) ** beta.

    (N, C, *) -> the same; channels beyond the ends count as 0. Raises ValueError for input of
    fewer than three dimensions.
    https://proceedings.neurips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.local_response_norm.html

    >>> import minigrad as mg
    >>> local_response_norm(mg.ones(1, 2, 1), 2, alpha=2.0, beta=1.0).tolist()
    [[[0.5], [0.3333333432674408]]]
    """
    if input.ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality (got {input.ndim} dimensions)")
    if not input.numel():
        return input
    beyond = (0, 0) * (input.ndim - 2) + (size // 2, (size - 1) // 2)
    squares = pad(input * input, beyond)
    channels = input.shape[1]
    total = squares.narrow(1, 0, channels)
    for first in range(1, size):
        total = total + squares.narrow(1, first, channels)
    return input / (total * (alpha / size) + k) ** beta


def _as_shape(normalized_shape: Shape) -> tuple[int, ...]:
    return (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)


def _last(input: Tensor, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(range(input.ndim - len(shape), input.ndim))


def _normalized(
    function: str, input: Tensor, normalized_shape: Sequence[int], **parameters: Tensor | None
) -> tuple[int, ...]:
    """Return the shape as a tuple, once it fits."""
    if isinstance(normalized_shape, int):
        raise TypeError(
            f"{function}(): argument 'normalized_shape' (position 2) must be tuple of ints, not int"
        )
    shape = tuple(normalized_shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            f"element, but got normalized_shape = {list(shape)}"
        )
    for name, value in parameters.items():
        if value is not None and tuple(value.shape) != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of "
                f"shape {list(value.shape)} and normalized_shape = {list(shape)}"
            )
    if tuple(input.shape[-len(shape) :]) != shape:
        separator = ", " if function == "layer_norm" else ""
        expected = separator.join(["*", ", ".join(map(str, shape))])
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [{expected}], but "
            f"got input of size{list(input.shape)}"
        )
    check_floats(function, input)
    return shape


def _check_groups(input: Tensor, num_groups: int, **parameters: Tensor | None) -> None:
    if input.ndim < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {input.ndim}"
        )
    n, channels = input.shape[:2]
    values = n * channels // num_groups * math.prod(input.shape[2:])
    if values == 1:
        size = [n * channels // num_groups, num_groups, *input.shape[2:]]
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {size}"
        )
    if channels % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(input.shape)} and num_groups={num_groups}"
        )
    for name, value in parameters.items():
        if value is not None and tuple(value.shape) != (channels,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, "
                f"but got {name} of shape {list(value.shape)} and input of shape "
                f"{list(input.shape)}"
            )
    check_floats("group_norm", input)


class Affine(Module):
    """What the layers share: γ and β of one shape, either of them left out."""

    def add_parameters(
        self, shape: tuple[int, ...], weight: bool, bias: bool, device: Any, dtype: Any
    ) -> None:
        """Register γ and β of this shape, as None where they are not wanted."""
        on_cpu(device)
        for name, wanted in (("weight", weight), ("bias", bias)):
            self.register_parameter(name, Parameter(empty(shape, dtype=dtype)) if wanted else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set γ to 1 and β to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if getattr(self, "bias", None) is not None:
            init.zeros_(self.bias)


class LayerNorm(Affine):
    """Normalise the last dimensions of each sample: (*, normalized_shape) -> the same.

    y = γ (x − E[x]) / √(Var[x] + eps) + β over them, γ = 1 and β = 0 at first; without
    ``elementwise_affine`` neither, without ``bias`` no β.
    https://arxiv.org/abs/1607.06450;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.LayerNorm(2)(mg.tensor([[1.0, 3.0]])).tolist()  # doctest: +ELLIPSIS
    [[-0.99999..., 0.99999...]]
    """

    def __init__(
        self,
        normalized_shape: Shape,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        affine = elementwise_affine
        self.add_parameters(self.normalized_shape, affine, affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input."""
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class RMSNorm(Affine):
    """Divide the last dimensions by their root mean square: (*, normalized_shape) -> the same.

    y = γ x / √(E[x²] + eps), with γ = 1 at first; ``eps`` None is the spacing of floats at 1.
    https://arxiv.org/abs/1910.07467;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.RMSNorm.html
    """

    def __init__(
        self,
        normalized_shape: Shape,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        on_cpu(device)
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        weight = empty(self.normalized_shape, dtype=dtype) if elementwise_affine else None
        self.register_parameter("weight", None if weight is None else Parameter(weight))
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised input."""
        return rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class GroupNorm(Affine):
    """Normalise each sample over each group of channels: (N, num_channels, *) -> the same.

    γ = 1 and β = 0 per channel at first. Raises ValueError where the groups do not divide the
    channels.
    https://arxiv.org/abs/1803.08494;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(
                f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.add_parameters((num_channels,), affine, affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input."""
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    """Divide by a power of what neighbouring channels hold; see :func:`local_response_norm`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.LocalResponseNorm.html
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input."""
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
