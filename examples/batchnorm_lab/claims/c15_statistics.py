"""C15: a net trained by batch statistics is used with fixed ones."""

from __future__ import annotations

import itertools

import numpy as np
from batchnorm_lab.training import Data, Part, accuracy, batches, fit, mlp

import minigrad as mg
from minigrad import nn

SIZES, STEPS, RATE, STD = (784, 100, 100, 100, 10), 1500, 0.5, 0.02
GROUPS = (1, 2, 5, 10, 60, 1000)  # test images that share their batch statistics


def algorithm_2(net: nn.Sequential, part: Part, batch: int, number: int) -> None:
    """Replace the running statistics by means over training batches (paper, Algorithm 2)."""
    for layer in net:
        if isinstance(layer, nn.BatchNorm1d):
            layer.reset_running_stats()
            layer.momentum = None  # the average of all batches, variances with m/(m-1)
    with mg.no_grad():
        for images, _ in itertools.islice(batches(part, batch, seed=0), number):
            net(images)


def scores_by_groups(net: nn.Sequential, images: np.ndarray, group: int) -> np.ndarray:
    """Return the scores when each ``group`` of consecutive images is normalised by its own statistics."""
    h = mg.from_numpy(images)
    with mg.no_grad():
        for layer in net:
            if isinstance(layer, nn.BatchNorm1d):
                grouped = h.reshape(-1, group, h.shape[1])
                d = grouped - grouped.mean(1, keepdim=True)
                h = (d / ((d * d).mean(1, keepdim=True) + layer.eps).sqrt()).reshape(h.shape)
                h = h * layer.weight + layer.bias
            else:
                h = layer(h)
    return h.numpy()


def accuracy_by_groups(net: nn.Sequential, part: Part, group: int) -> float:
    """Return the test accuracy of :func:`scores_by_groups`; images that fill no group are left out."""
    whole = part[: len(part.labels) // group * group]
    return float((scores_by_groups(net, whole.images, group).argmax(1) == whole.labels).mean())


def depends_on_mates(net: nn.Sequential, images: np.ndarray) -> float:
    """Return the largest change, in float64, of scores in evaluation mode when images come alone."""
    net.double().eval()
    x = mg.from_numpy(images.astype(np.float64))
    with mg.no_grad():
        together, alone = net(x).numpy(), np.concatenate([net(x[i : i + 1]).numpy() for i in range(len(images))])
    net.float().train()
    return float(np.abs(together - alone).max())


def measure(cell, data: Data, steps: int = STEPS, tick=lambda n: None) -> dict:
    """Train once; return the test accuracy under each kind of statistics."""
    mg.manual_seed(cell["seed"])
    net = mlp(SIZES, std=STD)
    fit(net, data, steps=steps, batch=60, lr=RATE, seed=cell["seed"], tick=tick)
    shuffled = data.test[np.random.default_rng(0).permutation(len(data.test.labels))]
    by_class = data.test[np.argsort(data.test.labels, kind="stable")]
    found = {
        "running": accuracy(net, data.test),
        "change by batch mates": depends_on_mates(net, data.test.images[:200]),
        "shuffled": {str(g): accuracy_by_groups(net, shuffled, g) for g in GROUPS},
        "by class": {str(g): accuracy_by_groups(net, by_class, g) for g in GROUPS},
    }
    algorithm_2(net, data.train, 60, 1000)
    return found | {"algorithm 2": accuracy(net, data.test)}
