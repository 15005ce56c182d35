"""C10: at initialisation BatchNorm makes gradients grow exponentially with depth."""

from __future__ import annotations

import math

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, geometric, pick, times, verdict_of
from batchnorm_lab.deep import normalised, norms
from batchnorm_lab.plotting import COLORS, MARKERS, THEORY, labelled

BATCHES, WIDTHS, DEPTH, FIRST, LAST = (8, 16, 64, 256), (256, 1024), 30, 4, 24
TOLERANCE, FINITE_WIDTH = 0.05, 2.0  # of the logarithm in theory, and over the width
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
    activation: str, batch: int, seed: int, width: int = WIDTHS[0], depth: int = DEPTH
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
    """Both activations, four batch sizes, at least 5 seeds; quick: the smaller width."""
    return [
        {"activation": a, "batch": b, "width": w, "seed": s}
        for w in (WIDTHS if mode == "full" else WIDTHS[:1])
        for a in ACTIVATIONS
        for b in BATCHES
        for s in range(max(seeds, 5))
    ]


def measure(cell, data=None, tick=lambda n: None):
    """Return the gradient norms and their growth."""
    squared = gradient_norms(**cell)
    return {"squared": squared, "factor": factor(squared)}


def allowed(activation: str, batch: int, width: int) -> float:
    """Return how far the log growth may be from theory, which is for infinite width."""
    return TOLERANCE * math.log(factor_in_theory(activation, batch)) + FINITE_WIDTH / width


def _widths(results):
    return sorted({r.cell["width"] for r in results})


def off(results, activation, batch, width):
    """Return how far the log growth, mean over seeds, is from theory's."""
    runs = pick(results, activation=activation, batch=batch, width=width)
    measured = geometric(v["factor"] for v in runs)
    return math.log(measured) - math.log(factor_in_theory(activation, batch))


def _row(results, activation, batch):
    """Return one row: the factor at the largest width, the log growth off theory at each width."""
    width, theory = _widths(results)[-1], factor_in_theory(activation, batch)
    runs = pick(results, activation=activation, batch=batch, width=width)
    apart = [off(results, activation, batch, w) for w in _widths(results)]
    return [
        activation,
        str(batch),
        times([v["factor"] for v in runs], ".4f"),
        f"×{theory:.4f}",
        f"{math.log(theory):.4f}",
        *(f"{a:+.4f}" for a in apart),
        f"{allowed(activation, batch, width):.4f}",
    ]


def judge(results):
    """Compare the log growth, mean over seeds, with theory at the largest width."""
    widths, cases = _widths(results), [(a, b) for a in ACTIVATIONS for b in BATCHES]
    head = ["net", "batch", f"measured, width {widths[-1]} (95 % interval)", "theory"]
    head += ["log growth in theory", *(f"off, width {w}" for w in widths), "gate"]
    rows = [head, *(_row(results, *case) for case in cases)]
    apart = {case: off(results, *case, widths[-1]) for case in cases}
    good = [abs(a) <= allowed(*case, widths[-1]) for case, a in apart.items()]
    worst = max(apart.values(), key=abs)
    runs = pick(results, activation="relu", batch=64, width=widths[-1])
    found = [v["factor"] for v in runs]
    narrow, wide = (abs(off(results, "linear", 256, w)) for w in (widths[0], widths[-1]))
    theory = math.log(factor_in_theory("linear", 256))
    finite = (
        f"In the hardest case, a linear net in batches of 256 (log growth {theory:.4f} in theory), "
        f"it is off by {narrow:.4f} at width {widths[0]}"
        + (f" and by {wide:.4f} at width {widths[-1]}" if len(widths) > 1 else "")
        + ": theory is for infinite width."
    )
    return Judgement(
        verdict_of(good),
        f"ReLU, batch 64: {times(found, '.3f')} a layer (theory "
        f"×{factor_in_theory('relu', 64):.3f}); the worst of {len(good)} log growths is "
        f"{worst:+.3f} off",
        f"The squared gradient grows by ×{geometric(found):.2f} with each ReLU layer towards the "
        f"input, before any training; {sum(good)} of {len(good)} log growths are within the gate "
        f"of mean-field theory. The factor of the norm itself is the square root, "
        f"×{math.sqrt(geometric(found)):.2f}. {finite}",
        rows,
    )


def _by_layer(axes, results, width):
    """Draw the squared gradient of ReLU nets over the layers, and theory's."""
    for batch, color, marker in zip(BATCHES, COLORS, MARKERS, strict=False):
        values = pick(results, activation="relu", batch=batch, width=width)
        runs = np.array([v["squared"] for v in values])
        mean = np.exp(np.log(runs / runs[:, -1:]).mean(0))
        style = {"color": color, "marker": marker, "markersize": 3}
        axes.semilogy(range(1, DEPTH + 1), mean, **style, label=f"batch {batch}")
        theory = factor_in_theory("relu", batch) ** np.arange(DEPTH - 1, -1, -1.0)
        axes.semilogy(range(1, DEPTH + 1), theory, **THEORY)
    axes.plot([], [], **THEORY, label="theory")
    title = f"ReLU nets with BatchNorm, width {width}, before training"
    labelled(axes, title, "layer (1: next to the input)", "‖gradient‖², last layer = 1")


def draw(figure, results):
    """Left: squared gradient over layers. Right: what is judged, log growth beside theory's."""
    left, right = figure.subplots(1, 2)
    widths = _widths(results)
    _by_layer(left, results, widths[-1])
    at = np.geomspace(6, 300, 60)
    for activation, color, marker in zip(ACTIVATIONS, COLORS, MARKERS, strict=False):
        theory = np.array([math.log(factor_in_theory(activation, b)) for b in at])
        gate = np.array([allowed(activation, b, widths[-1]) for b in at])
        right.plot(at, theory, **THEORY)
        low = np.maximum(theory - gate, 1e-3)
        right.fill_between(at, low, theory + gate, color=color, alpha=0.15, linewidth=0)
        for batch in BATCHES:
            values = pick(results, activation=activation, batch=batch, width=widths[-1])
            found = [max(math.log(v["factor"]), 1e-3) for v in values]
            style = {"color": color, "markersize": 5, "fillstyle": "none"}
            label = activation if batch == BATCHES[0] else None
            right.plot([batch] * len(found), found, marker, **style, label=label)
    right.plot([], [], **THEORY, label="theory")
    right.set_xscale("log", base=2)
    right.set_yscale("log")
    right.set_xticks(BATCHES, [str(b) for b in BATCHES])
    title = "each seed a point; shaded: the gate"
    labelled(right, title, "batch size", "log growth of ‖gradient‖² a layer")


CLAIM = Claim(
    id="C10",
    title="BatchNorm makes gradients explode at initialisation of deep nets",
    source=("Yang et al. 2019, A Mean Field Theory of Batch Normalization, Theorem 8 (arXiv "
    "1902.08129)"),
    claimed="In a deep net with BatchNorm the squared gradient norm grows exponentially towards "
            "the input, by π/(π-1) "
    "= 1.467 a ReLU layer for large batches and more for small ones; no choice of weights avoids "
    "it.",
    protocol=f"h ← W φ(BN(h)), W ~ N(0, 1/N), N = 256 and 1,024 (quick: 256), depth {DEPTH}, "
    "γ = 1, β = 0, eps = 0, Gaussian batch and cotangent, float64; growth between layers "
    f"{FIRST + 1} and {LAST + 1}; no training, no data.",
    criterion=f"logarithm of the growth (geometric mean over seeds, largest width) within "
    f"{TOLERANCE:.0%} of theory's and {FINITE_WIDTH:g}/N, for a finite width, in ReLU and linear "
    "nets at each batch size; in some: partly",
    reference=("theory, ReLU: 1.788, 1.590, 1.493, 1.473 at batch 8, 16, 64, 256; linear: 1.200, "
    "1.077, 1.016, 1.004"),
    cells=cells, measure=measure, judge=judge, draw=draw, ci=True,
)  # fmt: skip
