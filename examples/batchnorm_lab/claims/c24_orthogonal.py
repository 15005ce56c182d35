"""C24: BatchNorm makes the samples of a batch orthogonal with depth."""

from __future__ import annotations

import math

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import (
    Claim,
    Judgement,
    above,
    interval,
    mean_of,
    median,
    percent,
    pick,
    spread,
    verdict_of,
)
from batchnorm_lab.deep import normalised
from batchnorm_lab.paired import dots
from batchnorm_lab.plotting import BLUE, GREEN, RED, THEORY, banded, labelled

SAMPLES, DEPTH, WIDTHS = 8, 50, (32, 128, 512)
THEOREM = "without the mean"
ARMS = (THEOREM, "BatchNorm", "none")  # the theorem's BatchNorm subtracts no mean
ACTIVATIONS = ("linear", "ReLU")
FLOOR = 1 / math.sqrt(SAMPLES * (SAMPLES - 1))  # with the mean subtracted, n samples span n − 1
PARALLEL = math.sqrt(1 - 1 / SAMPLES)  # the largest gap
COMPARISONS = 3  # intervals that decide


def gap(h: np.ndarray) -> float:
    """Return ‖G / tr G − I / n‖ of the Gram matrix of (n, d): 0 if orthogonal and of one length."""
    gram = h @ h.T
    n = len(h)
    return float(np.linalg.norm(gram / np.trace(gram) - np.eye(n) / n))


def normal(arm: str, h: mg.Tensor) -> mg.Tensor:
    """Return the arm's normalisation of (n, d), per column."""
    if arm == THEOREM:
        return h / (h * h).mean(0, keepdim=True).sqrt()
    return normalised(h) if arm == "BatchNorm" else h


def gaps(arm: str, activation: str, width: int, seed: int, depth: int = DEPTH) -> list[float]:
    """Return the gap of samples that begin almost parallel, before the net and after each layer."""
    mg.manual_seed(seed)
    draw = lambda *shape: mg.randn(*shape, dtype=mg.float64)
    h = draw(1, width) + 0.3 * draw(SAMPLES, width)
    found = [gap(h.numpy())]
    gain = math.sqrt(2 if activation == "ReLU" else 1)
    for _ in range(depth):
        h = normal(arm, h @ (draw(width, width) * gain / math.sqrt(width)))
        h = h.relu() if activation == "ReLU" else h
        found.append(gap(h.numpy()))
    return found


def cells(mode, seeds):
    """Each arm, activation and width; a cell takes a fraction of a second. Quick: two widths."""
    widths = WIDTHS if mode == "full" else WIDTHS[:2]
    return [
        {"arm": arm, "activation": a, "width": w, "seed": s}
        for arm in ARMS
        for a in ACTIVATIONS
        for w in widths
        for s in range(max(seeds, 5))
    ]


def measure(cell, data=None, tick=lambda n: None) -> dict:
    """Return the gaps, layer by layer."""
    return {"gaps": gaps(cell["arm"], cell["activation"], cell["width"], cell["seed"])}


def _runs(results, arm, activation, width):
    return [v["gaps"] for v in pick(results, arm=arm, activation=activation, width=width)]


def plateau(run) -> float:
    """Return the mean gap over the last twenty layers."""
    return float(np.mean(run[-20:]))


def slope(results, widths) -> list[float]:
    """Return by seed the power of the width that the theorem's plateau goes with."""
    logs = [[math.log(plateau(run)) for run in _runs(results, THEOREM, "linear", w)]
            for w in widths]  # fmt: skip
    fits = np.polyfit(np.log(widths), np.array(logs), 1)
    return [float(power) for power in fits[0]]


def judge(results):
    """Linear nets, the theorem's normalisation: how far the gap falls, and with which width."""
    widths = sorted({r.cell["width"] for r in results})
    rows = [["net", "normalisation", "gap before", *(f"width {w}" for w in widths)]]
    for activation in ACTIVATIONS:
        for arm in ARMS:
            runs = [_runs(results, arm, activation, w) for w in widths]
            ends = [spread(map(plateau, r), ".3g") for r in runs]
            rows.append([activation, arm, spread([r[0] for r in runs[-1]], ".3g"), *ends])
    widest = widths[-1]
    falls = [r[0] / plateau(r) for r in _runs(results, THEOREM, "linear", widest)]
    powers = slope(results, widths)
    low, high = interval(powers, COMPARISONS)
    none = [plateau(r) / PARALLEL for r in _runs(results, "none", "ReLU", widest)]
    tests = [
        above(falls, 5, COMPARISONS),
        low > -0.65 and high < -0.35,
        above(none, 0.95, COMPARISONS),
    ]
    relu = median(map(plateau, _runs(results, "BatchNorm", "ReLU", widest)))
    mean = median(map(plateau, _runs(results, "BatchNorm", "linear", widest)))
    start = median(r[0] for r in _runs(results, "BatchNorm", "ReLU", widest))
    return Judgement(
        verdict_of(tests),
        f"linear, width {widest}: the gap falls ×{mean_of(falls, '.1f', COMPARISONS)} and ends as "
        f"width to the power {mean_of(powers, '.2f', COMPARISONS)}; ReLU without normalisation "
        f"ends at {percent(none, '.1%', COMPARISONS)} of the largest gap",
        f"Samples that begin almost parallel become orthogonal up to a gap that shrinks with the "
        f"width, where no mean is subtracted; with the mean, as the layer does it, the gap ends at "
        f"{mean:.3f}, where {FLOOR:.3f} is the least that {SAMPLES} samples can have. With ReLU "
        f"behind it BatchNorm ends at {relu:.2f} from {start:.2f}: less orthogonal than the "
        f"linear net, far from parallel.",
        rows,
    )


def draw(figure, results):
    """Left: the gap by depth. Right: where it ends, over width."""
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    widths = sorted({r.cell["width"] for r in results})
    looks = {THEOREM: (BLUE, "o"), "BatchNorm": (GREEN, "^"), "none": (RED, "s")}
    for arm, (color, marker) in looks.items():
        for activation, line in zip(ACTIVATIONS, ("-", "--"), strict=True):
            runs = _runs(results, arm, activation, widths[-1])
            look = {"color": color, "linestyle": line, "marker": marker, "markevery": 10}
            banded(left, range(len(runs[0])), runs, **look, label=f"{arm}, {activation}")
    left.axhline(FLOOR, **THEORY, label="least with the mean")
    left.set_yscale("log")
    left.set_ylim(0.01, 1.2)
    labelled(left, f"width {widths[-1]}, {SAMPLES} samples", "layer", "orthogonality gap", None)
    left.legend(fontsize=6.5, ncols=2, handlelength=3, columnspacing=1)
    runs = [[plateau(r) for r in _runs(results, THEOREM, "linear", w)] for w in widths]
    dots(right, widths, runs, log=True, color=BLUE, label=f"linear, {THEOREM}")
    first = np.exp(np.mean(np.log(runs[0])))
    theory = [first * math.sqrt(widths[0] / w) for w in widths]
    right.plot(widths, theory, **THEORY, label="width to the −1/2")
    right.set_xscale("log", base=2)
    right.set_yscale("log")
    right.set_xticks(widths, [str(w) for w in widths])
    labelled(right, "gap of the last 20 layers", "width", "orthogonality gap")


CLAIM = Claim(
    id="C24",
    title="BatchNorm makes samples orthogonal with depth",
    source="Daneshmand et al. 2020 (arXiv 2003.01652); Daneshmand, Joudaki & Bach 2021 (arXiv "
           "2106.03970)",
    claimed="In deep random nets with BatchNorm the samples of a batch become orthogonal with "
            "depth, up to a gap that falls with the width; without it they become parallel.",
    protocol=f"h ← BN(hW), W ~ N(0, 1/width), {SAMPLES} almost parallel samples, {DEPTH} layers, "
             f"widths {', '.join(map(str, WIDTHS))}, float64; linear (the theorem) and with ReLU "
             f"(He); BatchNorm without the mean (the theorem's), BatchNorm, none. Gap: "
             f"‖G/tr G − I/n‖ of the Gram matrix; its end: mean over the last 20 layers.",
    criterion="linear, the theorem's BatchNorm: (a) the gap falls at least ×5 at the largest "
              "width; (b) its end goes with width to a power within -0.65..-0.35; (c) ReLU "
              "without normalisation ends above 95 % of the largest gap, that of parallel "
              "samples; three 95 % intervals that hold together. All: reproduced; some: partly",
    reference="theorem: exponential decay with depth to O(width^(-1/2))",
    cells=cells, measure=measure, judge=judge, draw=draw, ci=True,
)  # fmt: skip
