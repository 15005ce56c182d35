"""Data and training shared by the claims."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from minigrad.utils.data import DataLoader, TensorDataset


class Part(NamedTuple):
    """Images (N, 784) float32, 0 or 1 as in the paper, and labels (N,) int64."""

    images: np.ndarray
    labels: np.ndarray

    def __getitem__(self, rows):
        return Part(self.images[rows], self.labels[rows])


class Data(NamedTuple):
    """MNIST."""

    train: Part
    test: Part


def mlp(sizes, activation=nn.Sigmoid, norm=True, std=None) -> nn.Sequential:
    """Return Linear, BatchNorm (with ``norm``), activation … Linear.

    Gaussian weights of ``std``, Xavier without.
    """
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(sizes[:-1]):
        layers += [nn.Linear(n_in, n_out), *([nn.BatchNorm1d(n_out)] if norm else []), activation()]
    net = nn.Sequential(*layers, nn.Linear(*sizes[-2:]))
    for layer in linears(net):
        if std == "he":
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        elif std is None:
            nn.init.xavier_normal_(layer.weight)
        else:
            nn.init.normal_(layer.weight, std=std)
        nn.init.zeros_(layer.bias)
    return net


def linears(net: nn.Module) -> list[nn.Linear]:
    """Return the linear layers, from the input to the output."""
    return [m for m in net.modules() if isinstance(m, nn.Linear)]


def batches(part: Part, size: int, seed: int) -> Iterator[tuple[mg.Tensor, mg.Tensor]]:
    """Yield shuffled batches for ever; the order depends on ``seed`` alone."""
    if size > len(part.labels):
        raise ValueError(f"batches: {size} images a batch, but there are {len(part.labels)}")
    generator = mg.Generator().manual_seed(seed)
    dataset = TensorDataset(mg.from_numpy(part.images), mg.from_numpy(part.labels))
    loader = DataLoader(dataset, batch_size=size, shuffle=True, drop_last=True, generator=generator)
    return itertools.chain.from_iterable(itertools.repeat(loader))


def accuracy(net: nn.Module, part: Part, batch: int = 1000) -> float:
    """Return the share of right answers in evaluation mode."""
    net.eval()
    right = 0
    with mg.no_grad():
        for i in range(0, len(part.labels), batch):
            right += int(
                (
                    net(mg.tensor(part.images[i : i + batch])).numpy().argmax(1)
                    == part.labels[i : i + batch]
                ).sum()
            )
    net.train()
    return right / len(part.labels)


def step(net: nn.Module, optimizer: optim.SGD, images: mg.Tensor, labels: mg.Tensor) -> float:
    """Take one training step; return the loss before it."""
    loss = F.cross_entropy(net(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def fit(net: nn.Module, data: Data, *, steps: int, batch: int, lr: float, seed: int, every: int = 0,
        tick: Callable[[int], None] = lambda n: None) -> list[list[float]]:  # fmt: skip
    """Train with plain SGD; return [[step, test accuracy], …], the last step always among them."""
    optimizer, curve = optim.SGD(net.parameters(), lr=lr), []
    for t, (images, labels) in enumerate(
        itertools.islice(batches(data.train, batch, seed), steps), 1
    ):
        step(net, optimizer, images, labels)
        tick(1)
        if t == steps or (every and t % every == 0):
            curve.append([t, accuracy(net, data.test)])
    return curve
