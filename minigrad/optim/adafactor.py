"""Adafactor (Shazeer & Stern, 2018): second moments of a matrix in one column and one row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.optim.numbers import Numbers
from minigrad.optim.optimizer import (
    SHOULD_BE_NON_NEGATIVE,
    Array,
    Optimizer,
    Options,
    Params,
    check_non_negative,
    options,
)
from minigrad.tensor.tensor import Tensor


class Adafactor(Optimizer):
    """p ← p − α u, u = g / √v held to a root mean square of ``d``, α relative to the size of p.

    α = max(eps[1], rms(p)) min(lr, 1 / √t). v is the running mean of g², with the weight
    t^beta2_decay for the latest; a matrix has only its means over rows and over columns, v is their
    product. Weight decay is decoupled, as in AdamW. Raises ValueError for options out of range.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Adafactor.html

    >>> import minigrad as mg
    >>> w = mg.tensor([[3.0, 4.0]], requires_grad=True)
    >>> optimizer = mg.optim.Adafactor([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([[2.6464, 3.6464]], requires_grad=True)
    >>> optimizer.state[w]["row_var"].shape, optimizer.state[w]["col_var"].shape
    ((1, 1), (1, 2))
    """

    decoupled = True

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def check(self, group: Options) -> None:
        """Raise ValueError for options out of range."""
        eps1, eps2 = group["eps"]
        values = {**group, "eps1": eps1 or 0, "eps2": eps2}
        check_non_negative(values, SHOULD_BE_NON_NEGATIVE, lr="Learning rate", eps1="epsilon1",
                           eps2="epsilon2", weight_decay="weight_decay")  # fmt: skip
        if not group["beta2_decay"] <= 0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {group['beta2_decay']}")
        if not group["d"] >= 1:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {group['d']}")

    def state_shape(self, name: str, p: Tensor) -> tuple[int, ...]:
        """Return the shape that the array ``name`` of the state of ``p`` has."""
        if name == "row_var":
            return (*p.shape[:-1], 1)
        if name == "col_var":
            return (*p.shape[:-2], 1, p.shape[-1])
        return p.shape

    def numbers(self, group: Options, t: float) -> Numbers:
        """Return what p shrinks by, the rate of the means, lr, the lesser eps, and d."""
        lr = float(group["lr"])
        shrink, rate = 1 - lr * group["weight_decay"], t ** group["beta2_decay"]
        wide = min(lr, 1 / math.sqrt(t)), group["eps"][1], group["d"]
        return (shrink, rate, *map(np.float64, wide))

    def update(self, p: Array, g: Array, state: Options, group: Options) -> None:
        """Write one step into ``p``."""
        shrink, rate, step_size, eps2, d = self.step_numbers(p, state, group)
        eps1 = group["eps"][0]
        if eps1 is None:
            eps1 = float(np.finfo(p.dtype).eps)
        alpha = np.fmax(eps2, _rms(p)) * step_size  # NaN is left out, as by Python's max
        if group["weight_decay"]:
            p *= shrink
        buffer = self.scratch(p)
        self._second_moment(g, state, rate, eps1, buffer)
        np.maximum(buffer, eps1 * eps1, out=buffer)
        np.sqrt(buffer, buffer)
        np.divide(g, buffer, buffer)
        scale = alpha / np.fmax(1.0, _rms(buffer) / d)
        buffer *= scale.astype(p.dtype)
        p -= buffer

    def _second_moment(self, g: Array, state: Options, rate: Array, eps: float, out: Array) -> None:
        """Move the running means of g² by ``rate``; write what they say of v into ``out``."""
        if g.ndim < 2:
            variance = self.state_array(state, "variance", g)
            variance += rate * (g * g - variance)
            np.copyto(out, variance)
            return
        row = self.state_array(state, "row_var", g[..., :1])  # (..., m, 1)
        col = self.state_array(state, "col_var", g[..., :1, :])  # (..., 1, n)
        np.multiply(g, g, out)
        row += rate * (out.mean(axis=-1, keepdims=True) - row)
        col += rate * (out.mean(axis=-2, keepdims=True) - col)
        np.multiply(row, col, out)
        out /= np.maximum(row.mean(axis=-2, keepdims=True), eps)


def _rms(x: Array) -> Any:
    """Return the root of the mean of the squares, in float64."""
    norm = np.linalg.norm(x)
    return norm.astype(np.float64) / math.sqrt(x.size)
