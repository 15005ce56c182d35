"""Dropout (Srivastava et al., 2014)."""

from __future__ import annotations

from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.module import Module
from minigrad.random import default_generator, in_memory_order
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor


@tensor_arguments
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, zero each element with probability ``p`` and scale the others by 1/(1 - p).

    Raises ValueError for a probability outside [0, 1]. With ``inplace`` the input is written.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout.html

    >>> import minigrad as mg
    >>> _ = mg.manual_seed(0)
    >>> sorted(set(dropout(mg.ones(100), 0.75).tolist()))
    [0.0, 4.0]
    """
    check_probability(p)
    if inplace and training and p > 0:
        return input._computed("dropout_", dropout, p)
    return _apply_mask(input, None, p) if training and p > 0 and input._data.size else input


@tensor_arguments
def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """As :func:`dropout`, whole channels of (N, C, L) or (C, L) at a time.

    Raises RuntimeError for another rank.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout1d.html

    >>> import minigrad as mg
    >>> dropout1d(mg.ones(2, 3, 4), training=False).shape
    (2, 3, 4)
    """
    check_probability(p)
    if inplace and training and p > 0:
        return input._computed("dropout1d_", dropout1d, p)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that "
            "dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, "
            "a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    return _without_channels(input, p, training, batched=input.ndim == 3)


@tensor_arguments
def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """As :func:`dropout`, whole channels of (N, C, H, W) at a time.

    Other ranks are taken with PyTorch's warnings; 3-d input, too, is one of (N, C, L).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout2d.html

    >>> import minigrad as mg
    >>> dropout2d(mg.ones(2, 3, 4, 4), training=False).shape
    (2, 3, 4, 4)
    """
    check_probability(p)
    if inplace and training and p > 0:
        return input._computed("dropout2d_", dropout2d, p)
    if input.ndim == 3:
        warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel "
            "dim. This behavior will change in a future release to interpret the input as one "
            "without a batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise "
            "dropout behavior, please switch to using dropout1d instead."
        )
    _warn_of_rank(input, 2)
    return _without_channels(input, p, training)


@tensor_arguments
def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """As :func:`dropout`, whole channels of (N, C, D, H, W) or (C, D, H, W) at a time.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout3d.html

    >>> import minigrad as mg
    >>> dropout3d(mg.ones(2, 3, 4, 4, 4), training=False).shape
    (2, 3, 4, 4, 4)
    """
    check_probability(p)
    if inplace and training and p > 0:
        return input._computed("dropout3d_", dropout3d, p)
    _warn_of_rank(input, 3)
    return _without_channels(input, p, training, batched=input.ndim == 5)


def _warn_of_rank(input: Tensor, n: int) -> None:
    if input.ndim not in (n + 1, n + 2):
        warn(
            f"dropout{n}d: Received a {input.ndim}-D input to dropout{n}d, which is deprecated "
            "and will result in an error in a future release. To retain the behavior and silence "
            f"this warning, please use dropout instead. Note that dropout{n}d exists to provide "
            f"channel-wise dropout on inputs with {n} spatial dimensions, a channel dimension, "
            f"and an optional batch dimension (i.e. {n + 1}D or {n + 2}D inputs)."
        )


def _without_channels(input: Tensor, p: float, training: bool, batched: bool = True) -> Tensor:
    """Drop along the first two axes, or the first where there is no batch."""
    if not training or p == 0 or not input._data.size:
        return input
    leading = 2 if batched else 1
    if input.ndim < leading and p < 1:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    shape = list(input.shape[:leading])
    shape += [1] * (input.ndim - len(shape))
    return _apply_mask(input, tuple(shape), p)


def check_probability(p: float) -> None:
    """Raise ValueError for a probability outside [0, 1]."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _apply_mask(input: Tensor, shape: tuple[int, ...] | None, p: float) -> Tensor:
    """Multiply by a random mask of this shape, drawn in its order.

    None is the input's shape, drawn in the order of its memory.
    """
    if input.dtype.kind != "f":
        raise RuntimeError(f"dropout: expected floats, got {input.dtype}; convert first: x.float()")
    if p == 1:
        return input * 0.0
    draw = lambda shape: default_generator.bernoulli(1 - p, shape)
    drawn = in_memory_order(input._data, draw) if shape is None else draw(shape)
    mask = drawn.astype(input.dtype)
    mask /= 1 - p
    return input * Tensor._wrap(mask).named("mask")


class _DropoutNd(Module):
    """What the layers share: the probability ``p``; ValueError where it is outside [0, 1]."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability(p)
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """In training zero each element with probability ``p`` and scale the others by 1/(1 - p).

    Raises ValueError for a probability outside [0, 1].
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply dropout in training; return the input as it is in evaluation."""
        return dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Dropout of whole channels of (N, C, L) or (C, L) (Tompson et al., 2015)."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply dropout in training; return the input as it is in evaluation."""
        return dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Dropout of whole channels of (N, C, H, W); see :func:`dropout2d`."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply dropout in training; return the input as it is in evaluation."""
        return dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Dropout of whole channels of (N, C, D, H, W) or (C, D, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply dropout in training; return the input as it is in evaluation."""
        return dropout3d(input, self.p, self.training, self.inplace)
