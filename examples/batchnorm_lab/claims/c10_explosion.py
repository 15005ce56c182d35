"""C10: at initialisation BatchNorm makes gradients grow exponentially with depth."""

from __future__ import annotations

import math

import numpy as np
from batchnorm_lab.deep import norms, normalised

import minigrad as mg

BATCHES, WIDTH, DEPTH, FIRST, LAST = (8, 16, 64, 256), 256, 30, 4, 24
ACTIVATIONS = {"relu": mg.relu, "linear": lambda x: x}


def factor_in_theory(activation: str, batch: int) -> float:
    """Return the growth a layer of the squared gradient norm, at infinite width.

    Yang et al. 2019, Theorem 8, simplified at degree 1; arXiv 1902.08129.
    """
    if activation == "linear":
        return (batch - 2) / (batch - 3)
    c = -1 / (batch - 1)
    angle = math.pi - math.acos(c)
    j, slope = (math.sqrt(1 - c * c) + angle * c) / math.pi, angle / math.pi
    return (batch - 1 + slope) / ((batch - 3) * (1 - j)) - 1 / (batch - 3)


def gradient_norms(activation: str, batch: int, seed: int, width: int = WIDTH, depth: int = DEPTH) -> list[float]:
    """Return the squared gradient norm at each pre-activation of h ← W φ(BN(h)), input side first."""
    mg.manual_seed(seed)
    draw = lambda *shape: mg.randn(*shape, dtype=mg.float64)
    phi = ACTIVATIONS[activation]
    h, layers = draw(batch, width).requires_grad_(), []
    for _ in range(depth):
        h = phi(normalised(h)) @ (draw(width, width) / math.sqrt(width))
        h.retain_grad()
        layers.append(h)
    (h * draw(batch, width)).sum().backward()
    return [n * n for n in norms(h.grad for h in layers)]


def factor(squared: list[float]) -> float:
    """Return the mean growth a layer, the layers at both ends left out."""
    return (squared[FIRST] / squared[LAST]) ** (1 / (LAST - FIRST))


def cells(mode, seeds):
    """Both activations, four batch sizes; seconds in all, so quick is full."""
    return [{"activation": a, "batch": b, "seed": s} for a in ACTIVATIONS for b in BATCHES for s in range(seeds)]


def measure(cell, data=None):
    """Return the gradient norms and their growth."""
    squared = gradient_norms(**cell)
    return {"squared": squared, "factor": factor(squared)}
