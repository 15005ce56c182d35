"""A layer of two inputs."""

from __future__ import annotations

import math
from typing import Any

from minigrad.creation import empty
from minigrad.functions.products import einsum
from minigrad.nn import init
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter, on_cpu
from minigrad.tensor.tensor import Tensor


@tensor_arguments
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x₁ᵀ W x₂ + b: (*, in1), (*, in2), (out, in1, in2), (out,) -> (*, out).

    Raises RuntimeError for sizes that do not fit.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.bilinear.html

    >>> import minigrad as mg
    >>> bilinear(mg.ones(1, 2), mg.ones(1, 3), mg.ones(1, 2, 3))
    tensor([[6.]])
    """
    _check(input1, input2, weight)
    result: Tensor = einsum("...i,oij,...j->...o", input1, weight, input2)
    return result if bias is None else result + bias


def _check(input1: Tensor, input2: Tensor, weight: Tensor) -> None:
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(
            "bilinear(): input batch dimensions do not match: got "
            f"{list(input1.shape)} and {list(input2.shape)}"
        )
    for place, x in ((1, input1), (2, input2)):
        if x.shape[-1] != weight.shape[place]:
            raise RuntimeError(
                f"bilinear(): input{place} size does not match weight size: got "
                f"{x.shape[-1]} but expected {weight.shape[place]}"
            )


class Bilinear(Module):
    """y = x₁ᵀ W x₂ + b: (*, in1_features), (*, in2_features) -> (*, out_features).

    ``weight`` is (out_features, in1_features, in2_features); both start from U(±1/√in1_features).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Bilinear.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Bilinear(2, 3, 4)(mg.zeros(5, 2), mg.zeros(5, 3)).shape
    (5, 4)
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        on_cpu(device)
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got {in1_features}")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in1_features, in2_features, dtype=dtype))
        added = Parameter(empty(out_features, dtype=dtype)) if bias else None
        self.register_parameter("bias", added)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound = 1 / math.sqrt(self.weight.shape[1])
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """Return x₁ᵀ W x₂ + b."""
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
