"""Deep nets for the claims about gradients: how large they are, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.nn.batchnorm.layers import normalize


def normalised(x: mg.Tensor, eps: float = 0.0) -> mg.Tensor:
    """Return x̂ of Algorithm 1 with γ = 1 and β = 0; theory wants eps = 0, which no layer takes."""
    return normalize(x, None, None, eps)[0]


def norms(gradients: Iterable[mg.Tensor | None]) -> list[float]:
    """Return the Euclidean norm of each gradient, computed in float64."""
    arrays = [np.asarray(g.numpy(), dtype=np.float64) for g in gradients if g is not None]
    return [float(np.sqrt((a * a).sum())) for a in arrays]


def ratio(values: Iterable[float]) -> float:
    """Return the largest over the smallest.

    1e300 where one is 0 or not finite, for JSON has no infinity.
    """
    values = list(values)
    return (
        max(values) / min(values) if min(values) > 0 and all(map(math.isfinite, values)) else 1e300
    )


class Residual(nn.Module):
    """``depth`` blocks h ← W relu(BN(h)), with ``skip`` h ← h + W relu(BN(h)).

    W ~ N(0, 1/width).
    """

    def __init__(self, depth: int, width: int, skip: bool) -> None:
        super().__init__()
        self.skip = skip
        self.enter = nn.Linear(784, width)
        self.leave = nn.Linear(width, 10)
        blocks = [nn.Linear(width, width, bias=False) for _ in range(depth)]
        norms = [nn.BatchNorm1d(width) for _ in range(depth + 1)]
        self.blocks = nn.ModuleList(blocks)
        self.norms = nn.ModuleList(norms)
        for block in self.blocks:
            nn.init.normal_(block.weight, std=1 / math.sqrt(width))

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        """(N, 784) -> (N, 10)."""
        h = self.enter(x)
        for block, norm in zip(self.blocks, self.norms, strict=False):
            branch = block(norm(h).relu())
            h = h + branch if self.skip else branch
        return self.leave(self.norms[-1](h).relu())
