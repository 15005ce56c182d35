"""Activation functions as modules."""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.module import Module

from minigrad.tensor import Tensor


class ReLU(Module):
    """max(x, 0), elementwise; the gradient at 0 is 0."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace  # taken for PyTorch's sake; a new tensor is made either way

    def forward(self, input: Tensor) -> Tensor:
        """Return max(input, 0)."""
        return F.relu(input)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Sigmoid(Module):
    """1/(1 + exp(-x)), elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        """Return sigmoid(input)."""
        return F.sigmoid(input)


class Tanh(Module):
    """tanh(x), elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        """Return tanh(input)."""
        return F.tanh(input)


class Softplus(Module):
    """log(1 + exp(x)), elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        """Return softplus(input)."""
        return F.softplus(input)


class SiLU(Module):
    """x sigmoid(x), elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        """Return silu(input)."""
        return F.silu(input)


class GELU(Module):
    """x Φ(x), elementwise; approximate='tanh' takes the usual approximation."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Return gelu(input)."""
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class LeakyReLU(Module):
    """x where positive, negative_slope x elsewhere (default 0.01)."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        """Return leaky_relu(input)."""
        return F.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class Softmax(Module):
    """exp(x) over its sum along ``dim``."""

    function = staticmethod(F.softmax)

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the probabilities (or their logarithms)."""
        return self.function(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """The logarithm of Softmax, stable where that underflows."""

    function = staticmethod(F.log_softmax)
