"""Adam for embeddings: rows without a gradient stay as they are."""

from __future__ import annotations

import math

import numpy as np

from minigrad.optim.optimizer import (
    Array,
    Optimizer,
    Options,
    Params,
    check_betas,
    options,
)


class SparseAdam(Optimizer):
    """Adam's step and its running means for the rows that have a gradient, and no others.

    PyTorch knows these rows from a sparse gradient. minigrad's gradients are dense, so here they
    are the rows that are not all zero. Raises ValueError for options out of range.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.SparseAdam.html

    >>> import minigrad as mg
    >>> w = mg.tensor([[1.0], [1.0]], requires_grad=True)
    >>> optimizer = mg.optim.SparseAdam([w], lr=0.1)
    >>> for step in range(2):
    ...     w.grad = mg.tensor([[1.0], [float(step)]])
    ...     optimizer.step()
    >>> w
    tensor([[0.8000],
            [0.9256]], requires_grad=True)
    """

    scalars = ()  # the step is a number of Python's

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def check(self, group: Options) -> None:
        """Raise ValueError for options out of range."""
        for name, what in {"lr": "learning rate", "eps": "epsilon value"}.items():
            if not group[name] > 0:
                raise ValueError(f"Invalid {what}: {group[name]}")
        check_betas(group)

    def update(self, p: Array, g: Array, state: Options, group: Options) -> None:
        """Write one step into ``p``."""
        state["step"] = state.get("step", 0) + 1
        beta1, beta2 = group["betas"]
        per_row = g.reshape(len(g), -1)
        rows = np.flatnonzero(per_row.any(axis=1))
        g = g[rows]
        mean = self.state_array(state, "exp_avg", p)
        mean_square = self.state_array(state, "exp_avg_sq", p)
        m = _move_rows(mean, rows, g, 1 - beta1)
        v = _move_rows(mean_square, rows, g * g, 1 - beta2)
        lr = float(group["lr"]) * _bias_correction(state["step"], beta1, beta2)
        root = np.sqrt(v) + group["eps"]
        p[rows] -= lr * m / root


def _move_rows(means: Array, rows: Array, values: Array, rate: float) -> Array:
    """Move the running means of some rows towards ``values``; return them."""
    result = means[rows]
    result += rate * (values - result)
    means[rows] = result
    return result


def _bias_correction(t: int, beta1: float, beta2: float) -> float:
    return math.sqrt(1 - beta2**t) / (1 - beta1**t)
