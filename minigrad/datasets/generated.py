"""Small data sets that are drawn, for examples: points in the plane that no line separates."""

from __future__ import annotations

import math

import numpy as np

from minigrad.random import Generator, default_generator
from minigrad.tensor.tensor import Tensor


def two_moons(
    n: int = 1000, noise: float = 0.1, generator: Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Return points (n, 2) float32 on two half circles that grip each other, and labels (n,) int64.

    ``noise`` is the standard deviation of what is added to each coordinate. The labels 0 and 1
    come in turn. Raises ValueError for an ``n`` below two or a ``noise`` below zero.

    >>> from minigrad.datasets import two_moons
    >>> points, labels = two_moons(4)
    >>> points.shape, labels
    ((4, 2), tensor([0, 1, 0, 1]))
    """
    _check("two_moons", n, noise, 2)
    generator = generator or default_generator
    labels = np.arange(n) % 2
    angle = math.pi * generator.uniform(n, dtype=np.float64)
    x, y = np.cos(angle), np.sin(angle)
    x[1::2] = 1 - x[1::2]
    y[1::2] = 0.5 - y[1::2]
    return _noisy(x, y, labels, noise, generator)


def spirals(
    n: int = 1000,
    classes: int = 2,
    noise: float = 0.05,
    turns: float = 1.5,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Return points (n, 2) float32 on spirals around the origin, and which one, (n,) int64.

    There are ``classes`` arms of ``turns`` turns, out to radius one; ``noise`` is the standard
    deviation of what is added to each coordinate. The labels come in turn. Raises ValueError for
    an ``n`` below the number of classes, less than one class, or a ``noise`` below zero.

    >>> from minigrad.datasets import spirals
    >>> points, labels = spirals(6, classes=3)
    >>> points.shape, labels
    ((6, 2), tensor([0, 1, 2, 0, 1, 2]))
    """
    if classes < 1:
        raise ValueError(f"spirals: expected at least one class, got classes={classes}")
    _check("spirals", n, noise, classes)
    generator = generator or default_generator
    labels = np.arange(n) % classes
    radius = np.sqrt(generator.uniform(n, dtype=np.float64))  # as dense outside as inside
    angle = 2 * math.pi * (turns * radius + labels / classes)
    return _noisy(radius * np.cos(angle), radius * np.sin(angle), labels, noise, generator)


def _check(function: str, n: int, noise: float, least: int) -> None:
    if n < least:
        raise ValueError(f"{function}: expected at least {least} points, got n={n}")
    if noise < 0:
        raise ValueError(f"{function}: expected a noise of zero or more, got noise={noise}")


def _noisy(
    x: np.ndarray, y: np.ndarray, labels: np.ndarray, noise: float, generator: Generator
) -> tuple[Tensor, Tensor]:
    points = np.stack([x, y], axis=1)
    points += generator.normal(points.shape, 0, noise, dtype=np.float64)
    points = points.astype(np.float32)
    labels = labels.astype(np.int64)
    return Tensor._wrap(points), Tensor._wrap(labels)
