"""C14: does the decoupling of length and direction make optimisation faster, or only robust?"""

from __future__ import annotations

import math

import numpy as np
from batchnorm_lab.deep import normalised

import minigrad as mg
import minigrad.nn.functional as F

N, FEATURES, CONDITION, FLIPPED = 2000, 20, 100.0, 0.15
RATES = (0.1, 0.3, 1.0, 1.9, 3.0, 10.0, 100.0, 1000.0)  # least squares; plain descent diverges above 2/L = 2
LEAST_SQUARES_STEPS, CLOSE = 5000, 1e-6
MULTIPLES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0)  # halfspace: of each arm's own textbook step
HALFSPACE_STEPS, FLAT = 5000, 1e-4


def inputs(seed: int) -> tuple[np.ndarray, np.random.Generator]:
    """Return centred inputs (N, FEATURES) whose covariance has largest eigenvalue 1, and the generator."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((FEATURES, FEATURES)))[0]
    scales = np.sqrt(np.geomspace(1, 1 / CONDITION, FEATURES))
    x = (rng.standard_normal((N, FEATURES)) * scales) @ axes.T
    x -= x.mean(0)
    return x / math.sqrt(np.linalg.eigvalsh(x.T @ x / N)[-1]), rng


def least_squares(arm: str, lr: float, seed: int, steps: int = LEAST_SQUARES_STEPS) -> list[float]:
    """Return the losses of gradient descent on ½ mean (prediction - y)², y a linear function of x.

    With BatchNorm the prediction is g x̂, g learned at rate ½ whatever ``lr`` is; ends where it diverges.
    """
    array, rng = inputs(seed)
    x, y = mg.from_numpy(array), array @ rng.standard_normal(FEATURES)
    y = mg.from_numpy(y / y.std())
    w = mg.tensor(rng.standard_normal(FEATURES) / math.sqrt(FEATURES), requires_grad=True)
    g = mg.tensor(1.0, dtype=mg.float64, requires_grad=True)
    losses: list[float] = []
    while len(losses) < steps and (not losses or losses[-1] < 1e12):
        out = (x @ w).unsqueeze(1)
        loss = (((normalised(out) * g if arm == "BatchNorm" else out).squeeze(1) - y) ** 2).mean() / 2
        losses.append(loss.item())
        loss.backward()
        w = (w.detach() - lr * w.grad).requires_grad_()
        if arm == "BatchNorm":
            g = (g.detach() - 0.5 * g.grad).requires_grad_()
    return losses


def best_length(margins: np.ndarray) -> float:
    """Return g that minimises mean softplus(-g margin), by bisection of its slope."""
    low, high = 0.0, 1e3
    for _ in range(50):
        g = (low + high) / 2
        rising = (-margins / (1 + np.exp(np.minimum(g * margins, 700)))).mean() > 0
        low, high = (low, g) if rising else (g, high)
    return g


def halfspace(arm: str, multiple: float, seed: int, steps: int = HALFSPACE_STEPS) -> list[float]:
    """Return the gradient norms on the way to ``FLAT`` for a halfspace with flipped labels, softplus loss.

    "descent" steps by ``multiple`` / L from 0. "normalised" (Kohler et al. 2019, Algorithm 1) begins at
    minus the gradient in 0, finds the length by bisection and takes ``multiple`` of their step for the
    direction. The norm is that of the gradient by the plain weight in both.
    """
    x, rng = inputs(seed)
    y = np.sign(x @ rng.standard_normal(FEATURES))
    y[rng.random(N) < FLIPPED] *= -1
    signed = x * y[:, None]  # a margin is signed @ weight
    z, u = mg.from_numpy(signed), signed.mean(0)
    w, found = (u / 2 if arm == "normalised" else np.zeros(FEATURES)), []
    while len(found) < steps and (not found or found[-1] >= FLAT) and np.abs(w).max() < 1e50:  # diverged
        leaf, plain = mg.tensor(w, requires_grad=True), w
        margins = z @ leaf
        if arm == "normalised":
            spread = float(np.sqrt(((signed @ w) ** 2).mean()))
            g = best_length(signed @ w / spread)
            margins, plain = margins / (margins * margins).mean().sqrt() * g, w * (g / spread)
        F.softplus(-margins).mean().backward()
        slope = 1 / (1 + np.exp(np.clip(signed @ plain, -700, 700)))  # -dl/dmargin of each sample
        found.append(float(np.linalg.norm((signed * slope[:, None]).mean(0))))
        step = spread**3 / (g * slope.mean() * (u @ w)) if arm == "normalised" else 4.0  # L = λ/4, λ = 1
        w = w - multiple * step * leaf.grad.numpy()
    return found
