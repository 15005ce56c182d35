"""Adadelta (Zeiler, 2012)."""

from __future__ import annotations

import numpy as np

from minigrad.optim.numbers import Numbers
from minigrad.optim.optimizer import (
    Array,
    Optimizer,
    Options,
    Params,
    check_non_negative,
    move_mean_square,
    options,
)


class Adadelta(Optimizer):
    """p ← p − lr d, with d = √(u + eps) / √(v + eps) g: u the running mean of d², v that of g².

    Raises ValueError for negative options, and for a ``rho`` outside of 0 … 1.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Adadelta.html

    >>> import minigrad as mg
    >>> w = mg.tensor([1.0], requires_grad=True)
    >>> optimizer = mg.optim.Adadelta([w], eps=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.6877], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def check(self, group: Options) -> None:
        """Raise ValueError for options out of range."""
        super().check(group)
        if not 0 <= group["rho"] <= 1:
            raise ValueError(f"Invalid rho value: {group['rho']}")
        check_non_negative(group, eps="epsilon value")

    def numbers(self, group: Options, t: float) -> Numbers:
        """Return rho, its complement, eps and lr; the count is of no use to the formula."""
        return group["rho"], 1 - group["rho"], group["eps"], float(group["lr"])

    def update(self, p: Array, g: Array, state: Options, group: Options) -> None:
        """Write one step into ``p``."""
        decay, rate, eps, step_size = self.step_numbers(p, state, group)
        v = self.state_array(state, "square_avg", p)
        u = self.state_array(state, "acc_delta", p)
        d, buffer = self.scratch(p), self.scratch(p, 2)
        move_mean_square(v, g, decay, rate, buffer)
        np.sqrt(np.add(u, eps, d), d)
        np.sqrt(np.add(v, eps, buffer), buffer)
        d /= buffer
        d *= g
        move_mean_square(u, d, decay, rate, buffer)
        p -= np.multiply(d, step_size, d)
