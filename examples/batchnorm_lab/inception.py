"""The paper's ImageNet network, BN-Inception (Ioffe & Szegedy 2015, appendix, Figure 5).

The filter counts of the figure's table are followed. Where the table contradicts itself, this is
what is built:

- 4c, 4d and 4e are printed with 576, 576 and 1024 channels; their branches sum to 608, 608, 1056.
- 3c and 4e are printed with the size of their input; with stride 2 they halve it.
- The text counts 13.6 million parameters; the table's filters hold 11.3 million. Auxiliary
  classifiers, which neither text nor table describes, may be the rest.
- The stem is "separable convolution with depth multiplier 8": 8 filters of 7x7 for each color, then
  1x1 over the 24. ``separable=False`` is the plain 7x7 convolution of other implementations.

https://arxiv.org/abs/1502.03167
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import minigrad as mg
from minigrad import nn


class Row(NamedTuple):
    """One Inception block of Figure 5: filters of its branches, its pooling, and its stride."""

    ones: int  # 1x1; 0: no such branch
    reduce3: int
    threes: int
    reduce_double: int
    double: int
    pool: str
    project: int  # 1x1 after the pooling; 0: passed through
    stride: int = 1

    def channels(self, entering: int) -> int:
        """Return how many channels the branches make together."""
        return self.ones + self.threes + self.double + (self.project or entering)


TABLE = {
    "3a": Row(64, 64, 64, 64, 96, "avg", 32),
    "3b": Row(64, 64, 96, 64, 96, "avg", 64),
    "3c": Row(0, 128, 160, 64, 96, "max", 0, stride=2),
    "4a": Row(224, 64, 96, 96, 128, "avg", 128),
    "4b": Row(192, 96, 128, 96, 128, "avg", 128),
    "4c": Row(160, 128, 160, 128, 160, "avg", 128),
    "4d": Row(96, 128, 192, 160, 192, "avg", 128),
    "4e": Row(0, 128, 192, 192, 256, "max", 0, stride=2),
    "5a": Row(352, 192, 320, 160, 224, "avg", 128),
    "5b": Row(352, 192, 320, 192, 224, "max", 128),
}
PRINTED = {
    "3a": 256,
    "3b": 320,
    "3c": 576,
    "4a": 576,
    "4b": 576,
    "4c": 576,
    "4d": 576,
    "4e": 1024,
    "5a": 1024,
    "5b": 1024,
}
PRINTED_PARAMETERS = 13.6e6  # §4.2: "the network contains 13.6 · 10⁶ parameters"

Norm = Callable[[int], nn.Module]


def unit(n_in: int, n_out: int, size: int, norm: Norm, stride: int = 1) -> list[nn.Module]:
    """Convolution without a bias (β takes its part), normalisation, ReLU."""
    convolution = nn.Conv2d(n_in, n_out, size, stride, padding=size // 2, bias=False)
    return [convolution, norm(n_out), nn.ReLU()]


class Block(nn.Module):
    """Up to four branches side by side, their channels concatenated."""

    def __init__(self, n_in: int, row: Row, norm: Norm) -> None:
        super().__init__()
        pool = {"avg": nn.AvgPool2d, "max": nn.MaxPool2d}[row.pool](3, row.stride, padding=1)
        branches = [
            [
                *unit(n_in, row.reduce3, 1, norm),
                *unit(row.reduce3, row.threes, 3, norm, row.stride),
            ],
            [
                *unit(n_in, row.reduce_double, 1, norm),
                *unit(row.reduce_double, row.double, 3, norm),
                *unit(row.double, row.double, 3, norm, row.stride),
            ],
            [pool, *(unit(n_in, row.project, 1, norm) if row.project else [])],
        ]
        if row.ones:
            branches.insert(0, unit(n_in, row.ones, 1, norm))
        self.branches = nn.ModuleList([nn.Sequential(*branch) for branch in branches])

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        """(N, n_in, H, W) -> (N, channels, H / stride, W / stride)."""
        return mg.cat([branch(x) for branch in self.branches], 1)


def stem(norm: Norm, separable: bool) -> list[nn.Module]:
    """(N, 3, 224, 224) -> (N, 192, 28, 28)."""
    if separable:
        first = [
            nn.Conv2d(3, 24, 7, 2, padding=3, groups=3, bias=False),
            nn.Conv2d(24, 64, 1, bias=False),
            norm(64),
            nn.ReLU(),
        ]
    else:
        first = unit(3, 64, 7, norm, stride=2)
    halve = [nn.MaxPool2d(3, 2, padding=1) for _ in range(2)]
    return [*first, halve[0], *unit(64, 64, 1, norm), *unit(64, 192, 3, norm), halve[1]]


def bn_inception(
    classes: int = 1000, *, norm: Norm = nn.BatchNorm2d, separable: bool = True
) -> nn.Sequential:
    """Return the network: (N, 3, 224, 224) -> (N, classes), scores before the softmax.

    ``norm`` is called with a number of channels for each layer between a convolution and its ReLU;
    ``lambda channels: nn.Identity()`` gives the net without BatchNorm.
    """
    net = nn.Sequential()
    net.add_module("stem", nn.Sequential(*stem(norm, separable)))
    channels = 192
    for name, row in TABLE.items():
        net.add_module(name, Block(channels, row, norm))
        channels = row.channels(channels)
    net.add_module("pool", nn.AdaptiveAvgPool2d(1))
    net.add_module("flat", nn.Flatten())
    net.add_module("classifier", nn.Linear(channels, classes))
    return net


def shapes(net: nn.Sequential, images: mg.Tensor) -> dict[str, tuple[int, ...]]:
    """Return the shape that each part of the net makes of the images."""
    found = {}
    with mg.no_grad():
        for name, part in net.named_children():
            images = part(images)
            found[name] = tuple(images.shape)
    return found
