"""RMSprop (Hinton, 2012), centered as in Graves (2013)."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.optim.numbers import Numbers
from minigrad.optim.optimizer import Optimizer, Params, check_non_negative


class RMSprop(Optimizer):
    """p ← p − lr g / (√v + eps), with v the running mean of g² (``centered``: the variance of g).

    With ``momentum`` the quotients are gathered in a buffer, and p goes down that. Raises
    ValueError for negative options.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html

    >>> import minigrad as mg
    >>> w = mg.tensor([1.0], requires_grad=True)
    >>> optimizer = mg.optim.RMSprop([w], lr=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable,
        })  # fmt: skip

    def check(self, group: dict[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        super().check(group)
        check_non_negative(
            group, eps="epsilon value", momentum="momentum value", alpha="alpha value"
        )

    def numbers(self, group: dict[str, Any], t: float) -> Numbers:
        """Return alpha, its complement, eps, momentum and lr; the formula does not count."""
        alpha = group["alpha"]
        return alpha, 1 - alpha, group["eps"], group["momentum"], float(group["lr"])

    def update(
        self, p: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        """Write one step into ``p``."""
        decay, rate, eps, momentum, lr = self.step_numbers(p, state, group)
        buffer = self.scratch(p)
        v = self.state_array(state, "square_avg", p)
        np.multiply(g, g, buffer)
        v *= decay
        v += np.multiply(buffer, rate, buffer)  # v ← alpha v + (1 − alpha) g²
        if group["centered"]:
            mean = self.state_array(state, "grad_avg", p)
            np.subtract(g, mean, buffer)
            mean += np.multiply(buffer, rate, buffer)
            np.multiply(mean, mean, buffer)
            v = np.subtract(v, buffer, buffer)
        np.sqrt(v, buffer)
        buffer += eps
        np.divide(g, buffer, buffer)  # g / (√v + eps)
        if group["momentum"]:
            velocity = self.state_array(state, "momentum_buffer", p)
            velocity *= momentum
            velocity += buffer
            np.copyto(buffer, velocity)
        buffer *= lr
        p -= buffer
