"""Adagrad (Duchi, Hazan & Singer, 2011)."""

from __future__ import annotations

import numpy as np

from minigrad.optim.numbers import Numbers
from minigrad.optim.optimizer import (
    Array,
    Optimizer,
    Options,
    Params,
    check_non_negative,
    options,
)


class Adagrad(Optimizer):
    """p ← p − lr / (1 + (t − 1) lr_decay) g / (√s + eps), with s the sum of all g² so far.

    The sum starts at ``initial_accumulator_value``, before the first step. Raises ValueError for
    negative options.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html

    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, 100.0], requires_grad=True)
    >>> optimizer = mg.optim.Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()  # the first step is lr long, whatever the gradient's size
    >>> w
    tensor([ 0.9000, 99.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, options(locals()))
        for p in self._params():
            self.state_scalar(self.state[p], "step")
            self._sum(self.state[p], p._data)

    def check(self, group: Options) -> None:
        """Raise ValueError for options out of range."""
        super().check(group)
        check_non_negative(
            group,
            lr_decay="lr_decay value",
            initial_accumulator_value="initial_accumulator_value value",
            eps="epsilon value",
        )

    def _sum(self, state: Options, p: Array) -> Array:
        return self.state_array(state, "sum", p, self.defaults["initial_accumulator_value"])

    def numbers(self, group: Options, t: float) -> Numbers:
        """Return lr, which falls, and eps."""
        return float(group["lr"]) / (1 + (t - 1) * group["lr_decay"]), group["eps"]

    def update(self, p: Array, g: Array, state: Options, group: Options) -> None:
        """Write one step into ``p``."""
        step_size, eps = self.step_numbers(p, state, group)
        total, buffer = self._sum(state, p), self.scratch(p)
        total += np.multiply(g, g, buffer)  # s ← s + g²
        np.sqrt(total, buffer)
        buffer += eps
        np.divide(g, buffer, buffer)
        buffer *= step_size
        p -= buffer
