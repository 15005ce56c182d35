"""Layers of matrix products, and the two that only reshape."""

from __future__ import annotations

from typing import Any

from minigrad.creation import empty
from minigrad.nn import init
from minigrad.nn.arguments import as_tensor_argument, tensor_arguments
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter, on_cpu
from minigrad.ops import matmul
from minigrad.tensor.tensor import Tensor


@tensor_arguments
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return input @ weight.T + bias: (*, in), (out, in), (out,) -> (*, out).

    Raises RuntimeError where the last dimensions of input and weight differ.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.linear.html

    >>> import minigrad as mg
    >>> linear(mg.ones(1, 2), mg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 7.]])
    """
    return matmul.matmul_t(input, weight) if bias is None else matmul.linear(input, weight, bias)


class Linear(Module):
    """y = x Wᵀ + b: (*, in_features) -> (*, out_features).

    ``weight`` is (out_features, in_features); weight and bias start from U(±1/√in_features). As in
    every layer with parameters, ``device`` may be the CPU.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Linear(3, 2)(mg.zeros(5, 3)).shape
    (5, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        on_cpu(device)
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in_features, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(empty(out_features, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.default_(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return input @ weight.T + bias."""
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        has_bias = self.bias is not None
        sizes = f"in_features={self.in_features}, out_features={self.out_features}"
        return f"{sizes}, bias={has_bias}"


class Identity(Module):
    """Return the input as it is, whatever arguments the layer was created with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """Return the input."""
        return input


class Flatten(Module):
    """Make the dimensions from ``start_dim`` to ``end_dim`` one: (N, *) -> (N, product)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the flattened input."""
        if not isinstance(input, Tensor):
            input = as_tensor_argument(input, type(self).__name__)
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
