"""C17: a vanilla net against the same net with BatchNorm on MNIST, in one table."""

from __future__ import annotations

import itertools
import time

from batchnorm_lab.training import Data, accuracy, batches, fit, mlp, step

import minigrad as mg
from minigrad import nn, optim

SIZES, BATCH, STEPS, EVERY = (784, 100, 100, 100, 10), 60, 12_000, 250
NETS = {  # activation, initial weights, the rate of the equal comparison, the rates tuned over
    "sigmoid": (nn.Sigmoid, 0.02, 0.5, (0.1, 0.5, 2.0, 5.0)),
    "ReLU": (nn.ReLU, "he", 0.1, (0.02, 0.1, 0.5, 2.0)),
}
ARMS, TUNING_STEPS = ("vanilla", "BatchNorm"), 2000


def build(net: str, arm: str, seed: int) -> nn.Sequential:
    """Return the net; both arms get the same initial weights."""
    activation, std, *_ = NETS[net]
    mg.manual_seed(seed)
    return mlp(SIZES, activation, norm=arm == "BatchNorm", std=std)


def tuned_rate(net: str, arm: str, seed: int, data: Data, steps: int = TUNING_STEPS) -> float:
    """Return the rate that does best on the last 10,000 training images after a short run on the others."""
    held_out = Data(data.train[:-10_000], data.train[-10_000:])
    found = {}
    for rate in NETS[net][3]:
        found[rate] = fit(build(net, arm, seed), held_out, steps=steps, batch=BATCH, lr=rate, seed=seed)[-1][1]
    return max(found, key=found.get)


def measure(cell, data: Data, steps: int = STEPS, tuning_steps: int = TUNING_STEPS, tick=lambda n: None) -> dict:
    """Return curve, rate, milliseconds a step and the number of parameters of one run."""
    net, arm, seed = cell["net"], cell["arm"], cell["seed"]
    rate = NETS[net][2] if cell["rates"] == "equal" else tuned_rate(net, arm, seed, data, tuning_steps)
    model = build(net, arm, seed)
    optimizer, curve, seconds = optim.SGD(model.parameters(), lr=rate), [[0, accuracy(model, data.test)]], 0.0
    for t, (images, labels) in enumerate(itertools.islice(batches(data.train, BATCH, seed), steps), 1):
        begun = time.perf_counter()
        step(model, optimizer, images, labels)
        seconds += time.perf_counter() - begun
        tick(1)
        if t % EVERY == 0 or t == steps:
            curve.append([t, accuracy(model, data.test)])
    parameters = sum(p.numel() for p in model.parameters())
    return {"rate": rate, "curve": curve, "ms": 1000 * seconds / steps, "parameters": parameters}
