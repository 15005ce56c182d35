"""C6: less internal covariate shift: the percentiles of Figure 1b and c. The runs are C1's."""

from __future__ import annotations

import numpy as np

from batchnorm_lab.claim import Claim, Judgement, geometric, pick, ratio_above, times, verdict
from batchnorm_lab.claims.c01_steps import ARMS, IMAGES, PERCENTILES, STEPS, cells, measure
from batchnorm_lab.plotting import COLORS, INK, MARKERS, THEORY, WITH, WITHOUT, labelled

PAPER = {
    "without": [[0.75, 0.79, 0.82], [-1.86, -0.02, 1.69]],
    "BatchNorm": [[-1.05, -0.15, 1.25], [-1.95, 0.02, 1.97]],
}
RATIOS = (2.7, 4.1, 2.5)  # of Figure 1b's ranges over 1c's, digitised


def ratios(results, of="ranges", scale=None):
    """Return how many times further each percentile wanders without BatchNorm: (seeds, 3).

    It is the median over the units, each unit's range over its own ``scale`` where that is given.
    """
    wander = []
    for arm in ARMS:
        values = pick(results, part="figure", arm=arm)
        ranges = np.array([v[of] for v in values])  # (seeds, percentiles, units)
        if scale:
            ranges = ranges / np.array([v[scale] for v in values])[:, None]
        wander.append(ranges)
    without, normed = wander
    return np.median(without / normed, axis=2)


def _row(percentile, i, results):
    """Return one row of the table, the ratios with their intervals over seeds."""
    kinds = ratios(results), ratios(results, scale="spreads"), ratios(results, "whole ranges")
    told = [times(r[:, i].tolist(), ".2f", len(PERCENTILES)) for r in kinds]
    return [str(percentile), *told, f"×{RATIOS[i]:.1f}"]


def judge(results):
    """How many times further the percentiles wander without BatchNorm, median over the units."""
    rows = [
        [
            "percentile",
            "range without / with, after the first probe",
            "the same over each unit's own spread",
            "range with the first probe, as the paper's",
            "paper, one unit",
        ],
        *(_row(p, i, results) for i, p in enumerate(PERCENTILES)),
    ]
    columns = [list(column) for column in ratios(results).T]
    scaled = [list(column) for column in ratios(results, scale="spreads").T]
    count = len(PERCENTILES)
    text = ", ".join(times(c, ".2f", count) for c in columns)
    holds = [ratio_above(c, comparisons=count) for c in columns]
    free = [ratio_above(c, comparisons=count) for c in scaled]
    smaller = ", ".join(times(c, ".2f", count) for c in scaled)
    enough = all(geometric(c) >= 2 for c in columns)
    return Judgement(
        verdict(enough and all(holds), all(holds)),
        f"the 15th, 50th, 85th percentile wander {text} times further without BatchNorm",
        f"Over all 100 units the inputs of the last sigmoids wander {text} times further without "
        f"BatchNorm: the direction holds for {sum(holds)} of {len(holds)} percentiles, the size is "
        f"{'as asked for' if enough else 'less than the factor 2 asked for'}. Each unit's range "
        f"over its own spread, which no scale of the inputs changes, gives {smaller}: "
        f"{sum(free)} of {len(free)} above 1. How far depends on rate and initial weights, which "
        "the paper does not give; that this is why BatchNorm helps is another claim (see C7, C8).",
        rows,
    )


def _figure_1(axes, arm, style, value):
    """Draw Figure 1b or c: unit 0 of seed 0, with the paper's first and last values."""
    steps = [t / 1000 for t, _ in value["curve"]]
    for i, (p, line) in enumerate(zip(PERCENTILES, (":", "-", "--"), strict=True)):
        probes = [probe[i] for probe in value["unit 0"]]
        axes.plot(steps, probes, line, color=style["color"], label=f"{p}th percentile")
    for values, at in zip(PAPER[arm], (steps[0], STEPS / 1000), strict=True):
        label = "paper, first and last" if at == steps[0] else None
        axes.plot([at] * 3, values, "x", color=INK, label=label)
    legend = "lower right" if arm == ARMS[1] else None  # there is room
    labelled(axes, arm, "thousands of training steps", "input of a last-layer sigmoid", legend)


def draw(figure, results):
    """Figure 1b and c, and the ratios that are judged, each seed a dot, the paper's beside them."""
    *curves, judged = figure.subplots(1, 3)
    for axes, arm, style in zip(curves, ARMS, (WITHOUT, WITH), strict=True):
        _figure_1(axes, arm, style, pick(results, part="figure", arm=arm)[0])
    curves[1].sharey(curves[0])
    kinds = (("after the first probe", "ranges", None), ("over own spread", "ranges", "spreads"))
    for i, (label, of, scale) in enumerate(kinds):
        for j, column in enumerate(ratios(results, of, scale).T):
            at = np.full(len(column), j + 0.25 * i - 0.12)
            label_once = label if j == 0 else None
            judged.plot(at, column, MARKERS[i], color=COLORS[i], fillstyle="none", label=label_once)
    judged.plot(range(3), RATIOS, "x", color=INK, label="paper (with the first probe)")
    judged.axhline(2, **THEORY)
    judged.axhline(1, color=INK, linewidth=0.8)
    judged.set_yscale("log", base=2)
    judged.set_yticks((1, 2, 4), ("1", "2", "4"))
    judged.set_xticks(range(3), [f"{p}th" for p in PERCENTILES])
    labelled(judged, "range without / with (dotted: the gate)", "percentile", "ratio")


CLAIM = Claim(
    id="C6",
    title="BatchNorm reduces internal covariate shift: percentiles stay in place",
    source="Ioffe & Szegedy 2015, §4.1, Figure 1b and c (arXiv 1502.03167)",
    claimed="The distribution of inputs to a typical sigmoid of the last hidden layer changes over "
            "training in mean and variance; "
    "with BatchNorm it is much more stable.",
    protocol=f"the runs of C1; {{15, 50, 85}}th percentiles over {IMAGES:,} fixed test images, "
    "each evaluation; BatchNorm in evaluation mode; range (largest - smallest after the first "
    "probe) for all 100 units of the last hidden layer, and that over the unit's mean distance of "
    "the 15th from the 85th percentile.",
    criterion="ratio of ranges, median over units, mean over seeds: at least 2 for each "
    "percentile: reproduced; 95 % intervals that hold together all above 1: partly",
    reference="digitised, one unit, the first probe included: 2.7, 4.1, 2.5",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(9.6, 3.6), of="C1",
)  # fmt: skip
