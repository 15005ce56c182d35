"""C20: BatchNorm prevents vanishing and exploding gradients: one half of it holds."""

from __future__ import annotations

import itertools

from batchnorm_lab.deep import norms, ratio
from batchnorm_lab.training import Data, batches, linears, mlp, step

import minigrad as mg
from minigrad import nn, optim

NETS = {  # activation, hidden layers, initial weights, learning rate
    "8 sigmoid layers": (nn.Sigmoid, 8, None, 0.5),
    "30 ReLU layers": (nn.ReLU, 30, "he", 0.1),
}
ARMS, PROBES, BATCH = ("without", "BatchNorm"), (0, 10, 100), 60


def gradient_norms(net: str, arm: str, seed: int, data: Data, probes=PROBES, tick=lambda n: None) -> dict[str, list[float]]:
    """Return the weight-gradient norm of each layer, input side first, at each probed step."""
    activation, depth, std, rate = NETS[net]
    mg.manual_seed(seed)
    model = mlp((784, *[100] * depth, 10), activation, norm=arm == "BatchNorm", std=std)
    optimizer, found = optim.SGD(model.parameters(), lr=rate), {}
    for t, (images, labels) in enumerate(itertools.islice(batches(data.train, BATCH, seed), max(probes) + 1)):
        step(model, optimizer, images, labels)
        tick(1)
        if t in probes:
            found[str(t)] = norms(layer.weight.grad for layer in linears(model))
    return found


def measure(cell, data: Data, tick=lambda n: None) -> dict:
    """Return norms and the largest over the smallest, by step."""
    found = gradient_norms(**cell, data=data, tick=tick)
    return {"norms": found, "ratio": {t: ratio(n) for t, n in found.items()}}
