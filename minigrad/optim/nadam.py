"""NAdam (Dozat, 2016): Adam with Nesterov's momentum."""

from __future__ import annotations

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

    def update(self, p: Array, g: Array, state: Options, group: Options) -> None:
        """Write one step into ``p``."""
        t, (beta1, beta2), lr = self.increment_step(state), group["betas"], float(group["lr"])
        if group["weight_decay"] and self.decouples(group):
            p *= 1 - lr * group["weight_decay"]
        mu = _momentum(beta1, t, group["momentum_decay"])
        next_mu = _momentum(beta1, t + 1, group["momentum_decay"])
        product = self.state_scalar(state, "mu_product", 1.0)
        product *= np.float32(mu)
        product_now = float(product)
        g_factor = lr * (1 - mu) / (1 - product_now)
        m_factor = lr * next_mu / (1 - product_now * next_mu)
        m_rate, v_decay, v_rate, correction, eps, g_share, m_share = step_numbers(
            p.dtype, 1 - beta1, beta2, 1 - beta2, 1 - beta2**t, group["eps"], g_factor, m_factor
        )
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
