"""C10: at initialisation BatchNorm makes gradients grow exponentially with depth."""

from __future__ import annotations

import math

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, geometric, interval, pick, verdict_of
from batchnorm_lab.deep import normalised, norms
from batchnorm_lab.plotting import COLORS, MARKERS, THEORY, labelled

BATCHES, WIDTH, DEPTH, FIRST, LAST = (8, 16, 64, 256), 256, 30, 4, 24
TOLERANCE = 0.03
ACTIVATIONS = {"relu": mg.relu, "linear": lambda x: x}


def factor_in_theory(activation: str, batch: int) -> float:
    """Return the growth per layer of the squared gradient norm, at infinite width.

    Yang et al. 2019, Theorem 8, simplified at degree 1; arXiv 1902.08129.
    """
    if activation == "linear":
        return (batch - 2) / (batch - 3)
    c = -1 / (batch - 1)
    angle = math.pi - math.acos(c)
    j = (math.sqrt(1 - c * c) + angle * c) / math.pi
    slope = angle / math.pi
    growth = (batch - 1 + slope) / ((batch - 3) * (1 - j))
    return growth - 1 / (batch - 3)


def gradient_norms(
    activation: str, batch: int, seed: int, width: int = WIDTH, depth: int = DEPTH
) -> list[float]:
    """Return the squared gradient norms at the pre-activations of h ← W φ(BN(h)), input first."""
    mg.manual_seed(seed)
    draw = lambda *shape: mg.randn(*shape, dtype=mg.float64)
    phi = ACTIVATIONS[activation]
    h, layers = draw(batch, width).requires_grad_(), []
    for _ in range(depth):
        h = phi(normalised(h)) @ (draw(width, width) / math.sqrt(width))
        h.retain_grad()
        layers.append(h)
    (h * draw(batch, width)).sum().backward()
    return [n * n for n in norms(h.grad for h in layers)]


def factor(squared: list[float]) -> float:
    """Return the mean growth per layer, the layers at both ends left out."""
    return (squared[FIRST] / squared[LAST]) ** (1 / (LAST - FIRST))


def cells(mode, seeds):
    """Both activations, four batch sizes; seconds in all, so quick is full."""
    return [
        {"activation": a, "batch": b, "seed": s}
        for a in ACTIVATIONS
        for b in BATCHES
        for s in range(max(seeds, 5))
    ]


def measure(cell, data=None, tick=lambda n: None):
    """Return the gradient norms and their growth."""
    squared = gradient_norms(**cell)
    return {"squared": squared, "factor": factor(squared)}


def judge(results):
    """Compare the geometric mean over seeds with theory, for each activation and batch size."""
    rows, errors = [["net", "batch", "measured (95 % interval)", "theory", "off by"]], {}
    for activation in ACTIVATIONS:
        for batch in BATCHES:
            found = [v["factor"] for v in pick(results, activation=activation, batch=batch)]
            theory = factor_in_theory(activation, batch)
            low, high = (math.exp(x) for x in interval([math.log(f) for f in found]))
            errors[activation, batch] = geometric(found) / theory - 1
            measured = f"{geometric(found):.3f} ({low:.3f}..{high:.3f})"
            off = f"{errors[activation, batch]:+.1%}"
            rows.append([activation, str(batch), measured, f"{theory:.3f}", off])
    good = [abs(e) <= TOLERANCE for e in errors.values()]
    worst = max(errors.values(), key=abs)
    measured = geometric(v["factor"] for v in pick(results, activation="relu", batch=64))
    return Judgement(
        verdict_of(good),
        f"ReLU, batch 64: ×{measured:.3f} a layer (theory {factor_in_theory('relu', 64):.3f}); "
        f"the worst of {len(good)} cases is {worst:+.1%} off",
        f"The squared gradient grows by ×{measured:.2f} with each ReLU layer towards the input, "
        f"before any training; "
        f"{sum(good)} of {len(good)} cases lie within {TOLERANCE:.0%} of mean-field theory. The "
        f"factor of the norm "
        f"itself is the square root, ×{math.sqrt(measured):.2f}.",
        rows,
    )


def draw(figure, results):
    """Left: squared gradient over layers. Right: growth per layer over the batch size."""
    left, right = figure.subplots(1, 2)
    for batch, color, marker in zip(BATCHES, COLORS, MARKERS, strict=False):
        runs = np.array([v["squared"] for v in pick(results, activation="relu", batch=batch)])
        mean = np.exp(np.log(runs / runs[:, -1:]).mean(0))
        left.semilogy(
            range(1, DEPTH + 1),
            mean,
            color=color,
            marker=marker,
            markersize=3,
            label=f"batch {batch}",
        )
        theory = factor_in_theory("relu", batch) ** np.arange(DEPTH - 1, -1, -1.0)
        left.semilogy(range(1, DEPTH + 1), theory, **THEORY)
    left.plot([], [], **THEORY, label="theory")
    labelled(
        left,
        "ReLU nets with BatchNorm, before training",
        "layer (1: next to the input)",
        "‖gradient‖², last layer = 1",
    )
    at = np.geomspace(6, 300, 60)
    for activation, color, marker in zip(ACTIVATIONS, COLORS, MARKERS, strict=False):
        right.plot(at, [factor_in_theory(activation, b) for b in at], **THEORY)
        for batch in BATCHES:
            found = [v["factor"] for v in pick(results, activation=activation, batch=batch)]
            label = activation if batch == BATCHES[0] else None
            right.plot(
                [batch] * len(found),
                found,
                marker,
                color=color,
                markersize=5,
                fillstyle="none",
                label=label,
            )
    right.plot([], [], **THEORY, label="theory")
    right.set_xscale("log", base=2)
    right.set_xticks(BATCHES, [str(b) for b in BATCHES])
    labelled(right, "each seed a point", "batch size", "growth of ‖gradient‖² a layer")


CLAIM = Claim(
    id="C10",
    title="BatchNorm makes gradients explode at initialisation of deep nets",
    source=("Yang et al. 2019, A Mean Field Theory of Batch Normalization, Theorem 8 (arXiv "
    "1902.08129)"),
    claimed="In a deep net with BatchNorm the squared gradient norm grows exponentially towards "
            "the input, by π/(π-1) "
    "= 1.467 a ReLU layer for large batches and more for small ones; no choice of weights avoids "
    "it.",
    protocol=f"h ← W φ(BN(h)), W ~ N(0, 1/N), N = {WIDTH}, depth {DEPTH}, γ = 1, β = 0, eps = 0, "
             f"Gaussian batch and "
    f"cotangent, float64; growth between layers {FIRST + 1} and {LAST + 1}; no training, no data.",
    criterion=("geometric mean over seeds within 3 % of theory for ReLU and linear nets at each "
    "batch size"),
    reference=("theory, ReLU: 1.788, 1.590, 1.493, 1.473 at batch 8, 16, 64, 256; linear: 1.200, "
    "1.077, 1.016, 1.004"),
    cells=cells, measure=measure, judge=judge, draw=draw, ci=True,
)  # fmt: skip
