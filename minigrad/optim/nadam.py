"""NAdam (Dozat, 2016): Adam with Nesterov's momentum."""

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
    move_mean_square,
    options,
)


class NAdam(Optimizer):
    """Adam that goes down the momentum of the next step: a part of g, and of its running mean m.

    p ← p − lr ((1 − μₜ) / (1 − Πₜ) g + μₜ₊₁ / (1 − Πₜ₊₁) m) / (√v̂ + eps), v̂ the bias-corrected
    running mean of g², μₜ = beta1 (1 − 0.96^(t ``momentum_decay``) / 2), Πₜ the product of all μ
    up to t. Raises ValueError for options out of range.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.NAdam.html

    >>> import minigrad as mg
    >>> w = mg.tensor([1.0], requires_grad=True)
    >>> optimizer = mg.optim.NAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8944], requires_grad=True)
    """

    scalars = ("step", "mu_product")

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
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
        check_non_negative(group, eps="epsilon value", momentum_decay="momentum_decay value")
        check_betas(group)

    def numbers(self, group: Options, t: float) -> Numbers:
        """Return the numbers of the means, then μ, the next μ, and lr times what they weigh."""
        lr = float(group["lr"])
        beta1, beta2 = group["betas"]
        decay = group["momentum_decay"]
        mu = _momentum(beta1, t, decay)
        next_mu = _momentum(beta1, t + 1, decay)
        shrink = 1 - lr * group["weight_decay"]
        correction, eps = 1 - beta2**t, group["eps"]
        rates = (1 - beta1, beta2, 1 - beta2)
        g_factor = lr * (1 - mu)
        m_factor = lr * next_mu
        wide = map(np.float64, (next_mu, g_factor, m_factor))
        return (shrink, *rates, correction, eps, np.float32(mu), *wide)

    def update(self, p: Array, g: Array, state: Options, group: Options) -> None:
        """Write one step into ``p``."""
        numbers = self.step_numbers(p, state, group)
        shrink, m_rate, v_decay, v_rate, correction, eps = numbers[:6]
        mu, next_mu, g_factor, m_factor = numbers[6:]
        if group["weight_decay"] and self.decouples(group):
            p *= shrink
        product = self.state_scalar(state, "mu_product", p, 1.0)
        product *= mu
        product_now = product.astype(np.float64)
        g_share = (g_factor / (1 - product_now)).astype(p.dtype)
        m_share = (m_factor / (1 - product_now * next_mu)).astype(p.dtype)
        m = self.state_array(state, "exp_avg", p)
        v = self.state_array(state, "exp_avg_sq", p)
        root, buffer = self.scratch(p), self.scratch(p, 2)
        move_mean(m, g, m_rate, buffer)
        move_mean_square(v, g, v_decay, v_rate, buffer)
        np.sqrt(np.divide(v, correction, root), root)
        root += eps
        np.multiply(g, g_share, buffer)
        p -= np.divide(buffer, root, buffer)
        np.multiply(m, m_share, buffer)
        p -= np.divide(buffer, root, buffer)


def _momentum(beta1: float, t: float, decay: float) -> float:
    """Return μₜ, which warms up to ``beta1``."""
    return beta1 * (1 - 0.5 * 0.96 ** (t * decay))
