"""Adamax (Kingma & Ba, 2015, section 7.1)."""

from __future__ import annotations

import numpy as np

from minigrad.optim.numbers import Numbers
from minigrad.optim.optimizer import (
    Array,
    Optimizer,
    Options,
    Params,
    check_betas,
    check_non_negative,
    move_mean,
    options,
)


class Adamax(Optimizer):
    """p ← p − lr m̂ / u, m̂ the bias-corrected running mean of g, u = max(beta2 u, |g| + eps).

    Raises ValueError for options out of range.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Adamax.html

    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, 100.0], requires_grad=True)
    >>> optimizer = mg.optim.Adamax([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([ 0.9000, 99.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def check(self, group: Options) -> None:
        """Raise ValueError for options out of range."""
        super().check(group)
        check_non_negative(group, eps="epsilon value")
        check_betas(group)

    def numbers(self, group: Options, t: float) -> Numbers:
        """Return the rate of the mean, beta2, eps, and lr with its bias correction."""
        beta1, beta2 = group["betas"]
        return 1 - beta1, beta2, group["eps"], float(group["lr"]) / (1 - beta1**t)

    def update(self, p: Array, g: Array, state: Options, group: Options) -> None:
        """Write one step into ``p``."""
        m_rate, decay, eps, step_size = self.step_numbers(p, state, group)
        m = self.state_array(state, "exp_avg", p)
        u = self.state_array(state, "exp_inf", p)
        buffer = self.scratch(p)
        move_mean(m, g, m_rate, buffer)
        u *= decay
        np.abs(g, buffer)
        buffer += eps
        np.maximum(u, buffer, out=u)
        np.divide(m, u, buffer)
        buffer *= step_size
        p -= buffer
