"""Adam (Kingma & Ba, 2015) and AdamW (Loshchilov & Hutter, 2019)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.optim.numbers import Numbers
from minigrad.optim.optimizer import Optimizer, Params, check_betas, check_non_negative
from minigrad.tensor.tensor import Tensor


class Adam(Optimizer):
    """p ← p − lr m̂ / (√v̂ + eps), m̂ and v̂ the bias-corrected running means of g and g².

    Weight decay is added to the gradient, or done as AdamW does where ``decoupled_weight_decay``;
    ``amsgrad`` divides by the largest v so far. Raises ValueError for options out of range.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html

    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, 100.0], requires_grad=True)
    >>> optimizer = mg.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()  # the first step is lr long, whatever the gradient's size
    >>> w
    tensor([ 0.9000, 99.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        rates = tuple(beta.item() if isinstance(beta, Tensor) else beta for beta in betas)
        super().__init__(params, {
            "lr": lr, "betas": rates, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        })  # fmt: skip

    def check(self, group: dict[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        super().check(group)
        check_non_negative(group, eps="epsilon value")
        check_betas(group)

    def numbers(self, group: dict[str, Any], t: float) -> Numbers:
        """Return what p shrinks by, the rates of the means, eps and lr with bias corrections.

        m̂ / (√v̂ + eps) is c m / (√v + c eps) / (1 − beta1ᵗ), with c = √(1 − beta2ᵗ).
        """
        lr = float(group["lr"])
        beta1, beta2 = group["betas"]
        shrink = 1 - lr * group["weight_decay"]
        c = math.sqrt(1 - beta2**t)
        eps = c * group["eps"]
        step_size = c * lr / (1 - beta1**t)
        return shrink, 1 - beta1, beta2, 1 - beta2, eps, step_size

    def update(
        self, p: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        """Write one step into ``p``."""
        shrink, m_rate, v_decay, v_rate, eps, lr = self.step_numbers(p, state, group)
        if group["weight_decay"] and self.decouples(group):
            p *= shrink
        m = self.state_array(state, "exp_avg", p)
        v = self.state_array(state, "exp_avg_sq", p)
        buffer = self.scratch(p)
        np.subtract(g, m, buffer)
        m += np.multiply(buffer, m_rate, buffer)  # m ← beta1 m + (1 − beta1) g
        np.multiply(g, g, buffer)
        v *= v_decay
        v += np.multiply(buffer, v_rate, buffer)  # v ← beta2 v + (1 − beta2) g²
        if group["amsgrad"]:
            largest = self.state_array(state, "max_exp_avg_sq", p)
            v = np.maximum(largest, v, out=largest)
        np.sqrt(v, buffer)
        buffer += eps
        np.divide(m, buffer, buffer)
        buffer *= lr
        p -= buffer  # p ← p − lr m̂ / (√v̂ + eps)


class AdamW(Adam):
    """Adam with decoupled weight decay (default 1e-2): p shrinks by lr × decay before each step.

    https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html

    >>> import minigrad as mg
    >>> w = mg.tensor([1.0], requires_grad=True)
    >>> optimizer = mg.optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> w.grad = mg.zeros(1)
    >>> optimizer.step()
    >>> w
    tensor([0.9500], requires_grad=True)
    """

    decoupled = True

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
            capturable=capturable, differentiable=differentiable, fused=fused,
            decoupled_weight_decay=True,
        )  # fmt: skip
