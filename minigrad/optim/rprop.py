"""Rprop (Riedmiller & Braun, 1993): only the sign of the gradient counts."""

from __future__ import annotations

import numpy as np

from minigrad.optim.numbers import Numbers
from minigrad.optim.optimizer import Array, Optimizer, Options, Params, options


class Rprop(Optimizer):
    """p ← p − s sign(g), s a step size of each element: it grows while the sign of g stays.

    Where the sign stays, s is multiplied by ``etas[1]``; where it changes, by ``etas[0]``, and that
    element stands still for one step. ``step_sizes`` are the smallest s and the largest; the first
    is ``lr``. Meant for full batches. Raises ValueError for options out of range.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Rprop.html

    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, -100.0], requires_grad=True)
    >>> optimizer = mg.optim.Rprop([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([  0.9000, -99.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def check(self, group: Options) -> None:
        """Raise ValueError for options out of range."""
        super().check(group)
        shrink, grow = group["etas"]
        if not 0 < shrink < 1 < grow:
            raise ValueError(f"Invalid eta values: {shrink}, {grow}")

    def numbers(self, group: Options, t: float) -> Numbers:
        """Return the factors and the bounds of a step's size; the formula does not count."""
        return (*group["etas"], *group["step_sizes"])

    def update(self, p: Array, g: Array, state: Options, group: Options) -> None:
        """Write one step into ``p``."""
        shrink, grow, smallest, largest = self.step_numbers(p, state, group)
        previous = self.state_array(state, "prev", p)
        size = self.state_array(state, "step_size", p, float(group["lr"]))
        buffer = self.scratch(p)
        np.multiply(g, previous, buffer)
        turned = buffer < 0
        np.multiply(size, grow, out=size, where=buffer > 0)
        np.multiply(size, shrink, out=size, where=turned)
        np.clip(size, smallest, largest, out=size)
        np.copyto(previous, g)
        np.copyto(previous, 0, where=turned)
        np.sign(previous, buffer)
        p -= np.multiply(buffer, size, buffer)
