"""Activations that are written into their input: ``relu_(x)`` is ``relu(x, inplace=True)``."""

from __future__ import annotations

from minigrad.nn import activation, activation_gates
from minigrad.nn.arguments import no_arrays
from minigrad.tensor.tensor import Tensor


@no_arrays
def relu_(input: Tensor) -> Tensor:
    """Write :func:`relu` into the input and return it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.relu_.html

    >>> import minigrad as mg
    >>> relu_(mg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return activation.relu(input, True)


@no_arrays
def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Write :func:`elu` into the input and return it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.elu_.html

    >>> import minigrad as mg
    >>> elu_(mg.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return activation.elu(input, alpha, True)


@no_arrays
def selu_(input: Tensor) -> Tensor:
    """Write :func:`selu` into the input and return it.

    >>> import minigrad as mg
    >>> selu_(mg.tensor([0.0, 2.0]))
    tensor([0.0000, 2.1014])
    """
    return activation.selu(input, True)


@no_arrays
def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Write :func:`celu` into the input and return it.

    >>> import minigrad as mg
    >>> celu_(mg.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return activation_gates.celu(input, alpha, True)


@no_arrays
def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """Write :func:`hardtanh` into the input and return it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hardtanh_.html

    >>> import minigrad as mg
    >>> hardtanh_(mg.tensor([-3.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """
    return activation.hardtanh(input, min_val, max_val, True)


@no_arrays
def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Write :func:`leaky_relu` into the input and return it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.leaky_relu_.html

    >>> import minigrad as mg
    >>> leaky_relu_(mg.tensor([-1.0, 2.0]))
    tensor([-0.0100,  2.0000])
    """
    return activation.leaky_relu(input, negative_slope, True)


@no_arrays
def rrelu_(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False
) -> Tensor:
    """Write :func:`rrelu` into the input and return it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.rrelu_.html

    >>> import minigrad as mg
    >>> rrelu_(mg.tensor([-1.0, 2.0]))
    tensor([-0.2292,  2.0000])
    """
    return activation_gates.rrelu(input, lower, upper, training, True)


@no_arrays
def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """Write :func:`threshold` into the input and return it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.threshold_.html

    >>> import minigrad as mg
    >>> threshold_(mg.tensor([-1.0, 2.0]), 0.5, 9.0)
    tensor([9., 2.])
    """
    return activation_gates.threshold(input, threshold, value, True)
