"""Dropout (Srivastava et al., 2014)."""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.module import Module

from minigrad.tensor import Tensor


class Dropout(Module):
    """In training zero each element with probability ``p`` and scale the others by 1/(1 - p).

    Raises ValueError for a probability outside [0, 1].
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the thinned input in training, the input as it is in evaluation."""
        return F.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"
