"""Softmax and its relatives, each as a function and as a module."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.functions import softmax as softmaxes
from minigrad.nn.activation import Activation
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.module import Module
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor


@tensor_arguments
def softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """Return exp(input) over its sum along ``dim``, which should be given: PyTorch guesses it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html

    >>> import minigrad as mg
    >>> softmax(mg.zeros(2), dim=0)
    tensor([0.5000, 0.5000])
    """
    return softmaxes.softmax(input, _implied(input, dim, "softmax"), dtype)


@tensor_arguments
def log_softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """Return the logarithm of softmax, stable where that underflows.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html

    >>> import minigrad as mg
    >>> log_softmax(mg.zeros(2), dim=0)
    tensor([-0.6931, -0.6931])
    """
    return softmaxes.log_softmax(input, _implied(input, dim, "log_softmax"), dtype)


@tensor_arguments
def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """Return softmax(−input) along ``dim``.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softmin.html

    >>> import minigrad as mg
    >>> softmin(mg.zeros(2), dim=0)
    tensor([0.5000, 0.5000])
    """
    return softmax(-input, dim, dtype=dtype)


@tensor_arguments
def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """Return a draw from the Gumbel-softmax distribution (Jang, 2017): 1 in sum along ``dim``.

    ``hard`` makes it one-hot, with the gradient of the soft one. Raises RuntimeError for integers.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.gumbel_softmax.html

    >>> import minigrad as mg
    >>> gumbel_softmax(mg.zeros(2, 3), hard=True).sum(-1)
    tensor([1., 1.])
    """
    if not logits.is_floating_point():
        raise RuntimeError(
            "Exponential distribution is a continuous probability distribution. dtype must be a "
            f"floating point but you specified {logits.dtype}"
        )
    waiting_times = logits.detach().new_empty(logits.shape).exponential_()
    noise = -waiting_times.log()  # of Gumbel's distribution
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    values = np.zeros_like(soft._data)
    largest = np.expand_dims(soft._data.argmax(dim), dim)
    np.put_along_axis(values, largest, 1, dim)
    return Tensor._wrap(values) - soft.detach() + soft


def _implied(input: Tensor, dim: int | None, name: str) -> int:
    if dim is not None:
        return dim
    warn(
        f"Implicit dimension choice for {name} has been deprecated. "
        "Change the call to include dim=X as an argument."
    )
    return 0 if input.ndim in (0, 1, 3) else 1


class Softmax(Activation):
    """exp(x) over its sum along ``dim``."""

    function, options = staticmethod(softmax), ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim


class LogSoftmax(Activation):
    """The logarithm of Softmax, stable where that underflows."""

    function, options = staticmethod(log_softmax), ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim


class Softmin(Activation):
    """softmax(-x) along ``dim``."""

    function, options = staticmethod(softmin), ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim


class Softmax2d(Module):
    """Softmax over the channels of (N, C, H, W) or (C, H, W); ValueError for another rank."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the probabilities of each place."""
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return softmax(input, -3)
