"""C12: one training step makes the gradients of a deep BatchNorm net nearly equal."""

from __future__ import annotations

from batchnorm_lab.deep import Residual, norms, ratio
from batchnorm_lab.training import Data, batches, step

import minigrad as mg
from minigrad import optim

DEPTHS, RATES, STEPS, BATCH, WIDTH = (30, 60), (0.01, 0.1, 1.0), 10, 64, 64
GATE = {"depth": 30, "rate": 0.1}  # what the verdict is about; the rest is shown beside it


def gradient_norms(depth: int, rate: float, seed: int, data: Data, steps: int = STEPS) -> list[list[float]]:
    """Return the weight-gradient norm of each block before each of ``steps`` + 1 SGD steps."""
    mg.manual_seed(seed)
    net = Residual(depth, WIDTH, skip=False)
    optimizer, history = optim.SGD(net.parameters(), lr=rate), []
    for _, (images, labels) in zip(range(steps + 1), batches(data.train, BATCH, seed), strict=False):
        step(net, optimizer, images, labels)
        history.append(norms(block.weight.grad for block in net.blocks))
    return history


def measure(cell, data):
    """Return the norms and, step by step, the largest over the smallest."""
    history = gradient_norms(**cell, data=data)
    return {"norms": history, "ratio": [ratio(layers) for layers in history]}
