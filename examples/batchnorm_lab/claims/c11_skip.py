"""C11: skip connections remove the explosion of C10."""

from __future__ import annotations

import math

import numpy as np
from batchnorm_lab.deep import Residual, norms, normalised
from batchnorm_lab.training import Data, batches, step

import minigrad as mg
from minigrad import optim

WIDTH, BATCH, DEPTH = 256, 64, 100  # at initialisation
ARMS = ("plain", "skip", "skip, no BatchNorm")
DEPTHS, RATES, STEPS = (10, 30, 60), (0.01, 0.1), 250  # in training, width 64


def gradient_norms(arm: str, seed: int, depth: int = DEPTH, width: int = WIDTH) -> list[float]:
    """Return the squared gradient norm at the input of each block, input side first."""
    mg.manual_seed(seed)
    draw = lambda *shape: mg.randn(*shape, dtype=mg.float64)
    norm, gain = (normalised, 1.0) if arm != ARMS[2] else (lambda x: x, math.sqrt(2.0))  # He without BN
    h, layers = draw(BATCH, width).requires_grad_(), []
    for _ in range(depth):
        branch = norm(h).relu() @ (draw(width, width) * gain / math.sqrt(width))
        h = branch if arm == "plain" else h + branch
        h.retain_grad()
        layers.append(h)
    (h * draw(BATCH, width)).sum().backward()
    return [n * n for n in norms(h.grad for h in layers)]


def growth_in_theory(depth: int) -> float:
    """Return first over last squared gradient norm with skip and BN: a power of the depth, no exponential."""
    return (1 + depth * (math.pi - 1) / (2 * math.pi)) ** (math.pi / (math.pi - 1))


def batch_accuracy(net: Residual, part, batch: int = 500) -> float:
    """Return the test accuracy by batch statistics: after 250 steps running ones lag too far behind."""
    right = 0
    with mg.no_grad():
        for i in range(0, len(part.labels), batch):
            right += int((net(mg.from_numpy(part.images[i : i + batch])).numpy().argmax(1) == part.labels[i : i + batch]).sum())
    return right / len(part.labels)


def trained(arm: str, depth: int, rate: float, seed: int, data: Data, steps: int = STEPS, tick=lambda n: None) -> float:
    """Return the test accuracy of a net of width 64 after ``steps`` SGD steps."""
    mg.manual_seed(seed)
    net = Residual(depth, 64, skip=arm == "skip")
    optimizer = optim.SGD(net.parameters(), lr=rate)
    for _, (images, labels) in zip(range(steps), batches(data.train, BATCH, seed), strict=False):
        step(net, optimizer, images, labels)
        tick(1)
    return batch_accuracy(net, data.test)
