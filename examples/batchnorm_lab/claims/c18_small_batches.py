"""C18: small batches hurt BatchNorm."""

from __future__ import annotations

from batchnorm_lab.training import Data, fit, mlp

import minigrad as mg
from minigrad import nn

SIZES, BATCHES, STEPS, RATE = (784, 100, 100, 100, 10), (2, 4, 8, 16, 60), 1500, 0.1
ARMS = ("without", "BatchNorm")


def measure(cell, data: Data, steps: int = STEPS, tick=lambda n: None) -> dict:
    """Return the test accuracy of one run, BatchNorm by its running statistics."""
    mg.manual_seed(cell["seed"])
    net = mlp(SIZES, nn.ReLU, norm=cell["arm"] == "BatchNorm", std="he")
    curve = fit(net, data, steps=steps, batch=cell["batch"], lr=RATE, seed=cell["seed"], tick=tick)
    return {"accuracy": curve[-1][1]}
