"""Stochastic gradient descent, with momentum (Sutskever et al., 2013)."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.optim.numbers import Numbers
from minigrad.optim.optimizer import Optimizer, Params, check_non_negative


class SGD(Optimizer):
    """p ← p − lr v, with v = momentum v + (1 − dampening) g and g the gradient plus weight decay.

    The first v is g itself; ``nesterov`` goes down g + momentum v instead of v. Raises ValueError
    for negative options, and for nesterov without momentum or with dampening.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html

    >>> import minigrad as mg
    >>> w = mg.tensor([1.0], requires_grad=True)
    >>> optimizer = mg.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    scalars = ()

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize, "foreach": foreach,
            "differentiable": differentiable, "fused": fused,
        })  # fmt: skip

    def check(self, group: dict[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        super().check(group)
        check_non_negative(group, momentum="momentum value")
        momentum, dampening = group["momentum"], group["dampening"]
        if group["nesterov"] and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "Nesterov momentum requires a momentum and zero dampening, "
                f"got momentum={momentum} and dampening={dampening}"
            )

    def numbers(self, group: dict[str, Any], t: float) -> Numbers:
        """Return lr, and with momentum that and the gradient's share of v."""
        lr, momentum = float(group["lr"]), group["momentum"]
        return (lr, momentum, 1 - group["dampening"]) if momentum else (lr,)

    def update(
        self, p: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        """Write one step into ``p``."""
        buffer = self.scratch(p)
        numbers = self.step_numbers(p, state, group)
        if not group["momentum"]:
            p -= np.multiply(g, numbers[0], buffer)
            return
        step_size, momentum, g_share = numbers
        entire = not group["dampening"] or state.get("momentum_buffer") is None
        v = self.state_array(state, "momentum_buffer", p)
        v *= momentum
        v += g if entire else np.multiply(g, g_share, buffer)
        direction = v
        if group["nesterov"]:
            np.multiply(v, momentum, buffer)
            direction = np.add(g, buffer, buffer)
        p -= np.multiply(direction, step_size, buffer)
