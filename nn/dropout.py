"""Dropout (Srivastava et al., 2014)."""

from __future__ import annotations

from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.module import Module

from minigrad.random import default_generator, in_memory_order
from minigrad.tensor import Tensor


@tensor_arguments
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, zero each element with probability ``p`` and scale the others by 1/(1 - p).

    Raises ValueError for a probability outside [0, 1]. ``inplace`` is taken and makes no
    difference.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout.html

    >>> import minigrad as mg
    >>> _ = mg.manual_seed(0)
    >>> sorted(set(dropout(mg.ones(100), 0.75).tolist()))
    [0.0, 4.0]
    """
    _check_probability(p)
    return _thinned(input, input.shape, p) if training and p > 0 and input._data.size else input


@tensor_arguments
def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """As :func:`dropout`, whole channels of (N, C, H, W) at a time."""
    _check_probability(p)
    return _thinned(input, (*input.shape[:-2], 1, 1), p) if training and p > 0 else input


def _check_probability(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _thinned(input: Tensor, shape: tuple[int, ...], p: float) -> Tensor:
    if input.dtype.kind != "f":
        raise RuntimeError(f"dropout: expected floats, got {input.dtype}; convert first: x.float()")
    if p == 1:
        return input * 0.0
    if shape == input.shape:
        kept = in_memory_order(input._data, lambda shape: default_generator.bernoulli(1 - p, shape)).astype(input.dtype)
    else:
        kept = default_generator.bernoulli(1 - p, shape).astype(input.dtype)
    kept /= 1 - p
    return input * Tensor._wrap(kept).named("mask")


class Dropout(Module):
    """In training zero each element with probability ``p`` and scale the others by 1/(1 - p).

    Raises ValueError for a probability outside [0, 1].
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        _check_probability(p)
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the thinned input in training, the input as it is in evaluation."""
        return dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout2d(Dropout):
    """Dropout of whole channels of (N, C, H, W) (Tompson et al., 2015)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the thinned input in training, the input as it is in evaluation."""
        return dropout2d(input, self.p, self.training)
