"""Averaged stochastic gradient descent (Polyak & Juditsky, 1992), as Bottou has it."""

from __future__ import annotations

import numpy as np

from minigrad.optim.numbers import Numbers
from minigrad.optim.optimizer import Array, Optimizer, Options, Params, move_mean, options


class ASGD(Optimizer):
    """p ← (1 − lambd η) p − η g, η falling as lr / (1 + lambd lr t)^alpha; the state has p's mean.

    ``state[p]["ax"]`` is p itself until step ``t0``, the mean of the parameters from then on.
    Raises ValueError for a negative lr or weight_decay.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.ASGD.html

    >>> import minigrad as mg
    >>> w = mg.tensor([1.0], requires_grad=True)
    >>> optimizer = mg.optim.ASGD([w], lr=0.1, lambd=0.0, t0=0)
    >>> for step in range(2):
    ...     w.grad = mg.ones(1)
    ...     optimizer.step()
    >>> w, optimizer.state[w]["ax"]
    (tensor([0.8000], requires_grad=True), tensor([0.8000]))
    """

    scalars = ("step", "eta", "mu")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def numbers(self, group: Options, t: float) -> Numbers:
        """Return lambd, and the η and μ of the next step."""
        lr, lambd = float(group["lr"]), group["lambd"]
        next_eta = lr / (1 + lambd * lr * t) ** group["alpha"]
        next_mu = 1 / max(1, t - group["t0"])
        return np.float64(lambd), np.float32(next_eta), np.float32(next_mu)

    def update(self, p: Array, g: Array, state: Options, group: Options) -> None:
        """Write one step into ``p``."""
        lambd, next_eta, next_mu = self.step_numbers(p, state, group)
        eta = self.state_scalar(state, "eta", p, float(group["lr"]))
        mu = self.state_scalar(state, "mu", p, 1.0)
        decay = (1 - lambd * eta.astype(np.float64)).astype(p.dtype)
        step_size, rate = eta.astype(p.dtype), mu.astype(p.dtype)
        mean = self.state_array(state, "ax", p)
        buffer = self.scratch(p)
        p *= decay
        p -= np.multiply(g, step_size, buffer)
        if mu == 1:
            np.copyto(mean, p)
        else:
            move_mean(mean, p, rate, buffer)
        eta[...] = next_eta
        mu[...] = next_mu
