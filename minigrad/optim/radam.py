"""RAdam (Liu et al., 2020): Adam whose first steps are rectified."""

from __future__ import annotations

import math

import numpy as np

from minigrad.optim.optimizer import (
    Array,
    Optimizer,
    Options,
    Params,
    check_betas,
    check_non_negative,
    move_mean,
    move_mean_square,
    options,
    step_numbers,
)


class RAdam(Optimizer):
    """p ← p − lr r m̂ / (√v̂ + eps), m̂ and v̂ as in Adam; p ← p − lr m̂ while v̂ is uncertain.

    r makes up for the variance of the first v̂, of which there are too few gradients: it is known
    from the sixth step or so on, where the length ρₜ of v̂'s average is above 5. Raises ValueError
    for options out of range.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.RAdam.html

    >>> import minigrad as mg
    >>> w = mg.tensor([1.0], requires_grad=True)
    >>> optimizer = mg.optim.RAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def check(self, group: Options) -> None:
        """Raise ValueError for options out of range."""
        super().check(group)
        check_non_negative(group, eps="epsilon value")
        check_betas(group)

    def update(self, p: Array, g: Array, state: Options, group: Options) -> None:
        """Write one step into ``p``."""
        t, (beta1, beta2), lr = self.increment_step(state), group["betas"], float(group["lr"])
        if group["weight_decay"] and self.decouples(group):
            p *= 1 - lr * group["weight_decay"]
        rectified = _rectification(t, beta2)
        scale = lr * (rectified or 1) / (1 - beta1**t)
        m_rate, v_decay, v_rate, eps, step_size = step_numbers(
            p.dtype, 1 - beta1, beta2, 1 - beta2, group["eps"], scale
        )
        m = self.state_array(state, "exp_avg", p)
        v = self.state_array(state, "exp_avg_sq", p)
        buffer = self.scratch(p)
        move_mean(m, g, m_rate, buffer)
        move_mean_square(v, g, v_decay, v_rate, buffer)
        direction = m
        if rectified:
            np.sqrt(v, buffer)
            buffer += eps
            direction = np.divide(m, buffer, buffer)
        p -= np.multiply(direction, step_size, buffer)


def _rectification(t: float, beta2: float) -> float | None:
    """Return r √(1 − beta2ᵗ), where the average over ρₜ gradients tells a variance."""
    rho_inf = 2 / (1 - beta2) - 1
    correction = 1 - beta2**t
    rho = rho_inf - 2 * t * beta2**t / correction
    if not rho > 5:
        return None
    square = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
    return math.sqrt(square * correction)
