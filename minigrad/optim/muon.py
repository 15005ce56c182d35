"""Muon (Jordan et al., 2024): momentum, orthogonalized. For the matrices of hidden layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.optim.numbers import Numbers
from minigrad.optim.optimizer import (
    SHOULD_BE_NON_NEGATIVE,
    Array,
    Optimizer,
    Options,
    Params,
    check_non_negative,
    move_mean,
    options,
)


class Muon(Optimizer):
    """p ← (1 − lr weight_decay) p − lr' o, o the momentum with its singular values drawn to 1.

    ``nesterov`` orthogonalizes a mean of gradient and momentum. ``ns_steps`` of a Newton–Schulz
    iteration with ``ns_coefficients`` do it, in bfloat16 as in PyTorch. lr' is lr √max(1, rows /
    columns), or 0.2 lr √max(rows, columns) with ``adjust_lr_fn="match_rms_adamw"``, which lets it
    take AdamW's lr. Raises ValueError for options out of range, and for what is not a matrix.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Muon.html

    >>> import minigrad as mg
    >>> w = mg.eye(2).requires_grad_()
    >>> optimizer = mg.optim.Muon([w], lr=0.5, weight_decay=0)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> mg.count_nonzero(w - mg.diag(mg.diag(w)))  # the rows are still at right angles
    tensor(0)
    """

    decoupled = True
    scalars = ()

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        super().__init__(params, options(locals()))
        for p in self._params():
            if p.ndim != 2:
                raise ValueError(
                    "Muon only supports 2D parameters whereas we found a parameter with size: "
                    f"{p.shape}"
                )

    def check(self, group: Options) -> None:
        """Raise ValueError for options out of range."""
        check_non_negative(group, SHOULD_BE_NON_NEGATIVE, lr="Learning rate",
                           momentum="momentum", weight_decay="weight decay")  # fmt: skip
        if group["adjust_lr_fn"] not in (None, "original", "match_rms_adamw"):
            raise ValueError(
                f"Adjust learning rate function {group['adjust_lr_fn']} is not supported"
            )

    def numbers(self, group: Options, t: float) -> Numbers:
        """Return momentum, the gradient's share of it, what stays of p, and lr."""
        lr, momentum = float(group["lr"]), group["momentum"]
        return momentum, 1 - momentum, 1 - lr * group["weight_decay"], np.float64(lr)

    def update(self, p: Array, g: Array, state: Options, group: Options) -> None:
        """Write one step into ``p``."""
        buffer = self.scratch(p)
        share, rate, keep, lr = self.step_numbers(p, state, group)
        v = self.state_array(state, "momentum_buffer", p)
        move_mean(v, g, rate, buffer)
        direction = v
        if group["nesterov"]:
            np.subtract(v, g, buffer)
            buffer *= share
            direction = np.add(g, buffer, buffer)
        direction = _orthogonalized(
            direction, group["ns_coefficients"], group["ns_steps"], group["eps"]
        )
        p *= keep
        step_size = np.multiply(lr, _lr_factor(group["adjust_lr_fn"], *p.shape))
        p -= np.multiply(direction, step_size.astype(p.dtype), buffer)


def _lr_factor(adjust_lr_fn: str | None, rows: int, columns: int) -> float:
    """Return what makes steps of matrices of all shapes alike."""
    if adjust_lr_fn == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))


def _orthogonalized(
    matrix: Array, coefficients: tuple[float, float, float], steps: int, eps: float
) -> Array:
    """Return about U Vᵀ of ``matrix`` = U S Vᵀ, by ``steps`` of X ← a X + (b A + c A²) X.

    A is X Xᵀ, and a, b, c are the ``coefficients``.
    """
    if steps >= 100:
        raise ValueError(
            f"Number of steps must be less than 100 for computational efficiency, got {steps}"
        )
    if len(coefficients) != 3:
        raise ValueError(f"Coefficients must be a tuple of exactly 3 values, got {coefficients}")
    a, b, c = (float(np.float32(value)) for value in coefficients)
    rows, columns = matrix.shape
    x = _bfloat16(matrix.T if rows > columns else matrix)
    numbers = x.ravel()
    norm = _bfloat16(np.sqrt(numbers.dot(numbers)))
    x = _bfloat16(x / np.maximum(norm, _bfloat16(np.float64(eps))))
    for _ in range(steps):
        gram = _bfloat16(x @ x.T)
        update = _bfloat16(b * gram + c * (gram @ gram))
        x = _bfloat16(a * x + update @ x)
    result = x.T if rows > columns else x
    return result.astype(matrix.dtype, copy=False)


def _bfloat16(x: Any) -> Any:
    """Return ``x`` rounded to bfloat16 (ties to even), as float64: products of it are exact."""
    bits = x.astype(np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    result = rounded.astype(np.uint32).view(np.float32).astype(np.float64)
    return np.where(np.isnan(x), np.nan, result)
