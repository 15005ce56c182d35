"""C0: BatchNorm's backward, found by the graph, is the paper's."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, pick, verdict_of
from batchnorm_lab.plotting import dotted
from minigrad import nn
from minigrad.nn.batchnorm.report import closed_forms

SIZES, EPSILONS, TOLERANCE = (2, 7, 60), (0.0, 1e-5), 1e-10
SIX = ("dl/dx̂", "dl/dσ²", "dl/dμ", "dl/dx", "dl/dγ", "dl/dβ")


def by_graph(
    x: np.ndarray, dy: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float
) -> list[np.ndarray]:
    """Return the six gradients from Algorithm 1 written in tensors, nothing fused."""
    x, gamma, beta = (mg.tensor(a, requires_grad=True) for a in (x, gamma, beta))
    mu = x.mean(0)
    d = x - mu
    var = (d * d).mean(0)
    x_hat = d / (var + eps).sqrt()
    for inner in (mu, var, x_hat):
        inner.retain_grad()
    ((gamma * x_hat + beta) * mg.tensor(dy)).sum().backward()
    return [t.grad.numpy() for t in (x_hat, var, mu, x, gamma, beta)]


def single_line(x: np.ndarray, dy: np.ndarray, gamma: np.ndarray, eps: float) -> np.ndarray:
    """Return dl/dx = γ/s (dy - <dy> - x̂ <dy x̂>), exact for any eps."""
    d = x - x.mean(0)
    s = np.sqrt((d * d).mean(0) + eps)
    x_hat = d / s
    return gamma / s * (dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0))


def by_layer(
    layer: nn.Module, x: np.ndarray, dy: np.ndarray, gamma: np.ndarray, beta: np.ndarray
) -> np.ndarray:
    """Return dl/dx of the library's own layer."""
    layer.double()
    with mg.no_grad():
        layer.weight.copy_(mg.tensor(gamma))
        layer.bias.copy_(mg.tensor(beta))
    leaf = mg.tensor(x, requires_grad=True)
    (layer(leaf) * mg.tensor(dy)).sum().backward()
    return leaf.grad.numpy()


def errors(seed: int, m: int, eps: float) -> dict[str, float]:
    """Return the error of each gradient and invariant, relative to the terms that it sums."""
    rng = np.random.default_rng([seed, m])
    c = 5
    x = rng.standard_normal((m, c)) * np.geomspace(0.01, 10, c) + rng.uniform(-100, 100, c)
    dy, gamma, beta = rng.standard_normal((m, c)), rng.standard_normal(c), rng.standard_normal(c)
    d = x - x.mean(0)
    var = (d * d).mean(0)
    s = np.sqrt(var + eps)
    graph, closed = (
        by_graph(x, dy, gamma, beta, eps),
        list(closed_forms(x, dy, gamma, eps).values()),
    )
    term = np.abs(gamma / s * dy).max(
        0
    )  # dl/dx is a difference of terms like this: for m = 2, eps = 0 it is 0
    scales = (
        [np.abs(a).max(0) for a in closed[:2]]
        + [np.maximum(np.abs(closed[2]), m * term), term]
        + [np.abs(a) for a in closed[4:]]
    )
    found = {
        name: float((np.abs(g - e) / k).max())
        for name, g, e, k in zip(SIX, graph, closed, scales, strict=True)
    }
    dx = graph[3]
    found["dl/dx, single line"] = float((np.abs(dx - single_line(x, dy, gamma, eps)) / term).max())
    found["Σ dl/dx = 0"] = float((np.abs(dx.sum(0)) / (m * term)).max())
    rest = gamma / s * (dy * d / s).sum(0) * eps / (var + eps)
    found["Σ dl/dx · x̂ = what eps leaves"] = float(
        (np.abs((dx * d / s).sum(0) - rest) / (m * term)).max()
    )
    if eps:
        found["BatchNorm1d"] = float(
            (np.abs(by_layer(nn.BatchNorm1d(c), x, dy, gamma, beta) - closed[3]) / term).max()
        )
        maps = lambda a: np.ascontiguousarray(np.broadcast_to(a[:, :, None, None], (m, c, 2, 3)))
        there = by_layer(nn.BatchNorm2d(c), maps(x), maps(dy), gamma, beta)
        found["BatchNorm2d"] = float(
            (np.abs(there - closed[3][:, :, None, None]) / term[:, None, None]).max()
        )
    return found


def cells(mode, seeds):
    """Milliseconds each, so quick is full."""
    return [{"m": m, "eps": e, "seed": s} for m in SIZES for e in EPSILONS for s in range(seeds)]


def measure(cell, data=None, tick=lambda n: None):
    """Return all errors."""
    return {"errors": errors(cell["seed"], cell["m"], cell["eps"])}


def _worst(results):
    names = dict.fromkeys(name for v in pick(results) for name in v["errors"])
    return {name: max(v["errors"].get(name, 0.0) for v in pick(results)) for name in names}


def judge(results):
    """The worst error over batch sizes, eps and seeds."""
    worst = _worst(results)
    good = [e < TOLERANCE for e in worst.values()]
    return Judgement(
        verdict_of(good),
        f"{sum(good)} of {len(good)} within {TOLERANCE:g}; worst error {max(worst.values()):.0e}",
        f"The graph's gradients are the paper's closed forms to {max(worst.values()):.0e} in "
        f"float64, for batches of "
        f"{', '.join(map(str, SIZES))}, with and without eps; no formula is written in the "
        f"library.",
        [
            ["gradient or invariant", "worst relative error"],
            *([n, f"{e:.1e}"] for n, e in worst.items()),
        ],
    )


def draw(figure, results):
    """Each worst error beside the gate."""
    dotted(figure.subplots(), _worst(results), TOLERANCE)


CLAIM = Claim(
    id="C0",
    title="BatchNorm's gradients are the paper's closed forms",
    source="Ioffe & Szegedy 2015, §3 (arXiv 1502.03167)",
    claimed=("BatchNorm is differentiable; the six gradients through mean and variance are given "
             "in "
    "closed form."),
    protocol="Algorithm 1 in tensors and the layers BatchNorm1d, BatchNorm2d, float64, features of "
             "scale 0.01 to 10 and offset "
    "up to 100, random cotangents, m in {2, 7, 60}, eps in {0, 1e-5}; also the single-line form of "
    "dl/dx and two invariants.",
    criterion="every error below 1e-10, relative to the terms that are summed",
    reference="exact",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(7.0, 3.8), ci=True,
)  # fmt: skip
