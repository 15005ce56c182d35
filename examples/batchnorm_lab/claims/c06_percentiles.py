"""C6: less internal covariate shift: the percentiles of Figure 1b and c. The runs are C1's."""

from __future__ import annotations

import numpy as np

from batchnorm_lab.claim import Claim, Judgement, median, pick, spread, verdict_of
from batchnorm_lab.claims.c01_steps import ARMS, IMAGES, PERCENTILES, STEPS, cells, measure
from batchnorm_lab.plotting import WITH, WITHOUT, labelled

PAPER = {
    "without": [[0.75, 0.79, 0.82], [-1.86, -0.02, 1.69]],
    "BatchNorm": [[-1.05, -0.15, 1.25], [-1.95, 0.02, 1.97]],
}
RATIOS = (2.7, 4.1, 2.5)  # of Figure 1b's ranges over 1c's, digitised


def _ranges(results, arm):
    """Return how far each percentile moved after the first probe: (seeds, percentiles, units)."""
    return np.array([v["ranges"] for v in pick(results, part="figure", arm=arm)])


def judge(results):
    """How many times further the percentiles wander without BatchNorm, median over the units."""
    without, normed = (_ranges(results, a) for a in ARMS)
    ratios = np.median(without / normed, axis=2)  # (seeds, percentiles)
    rows = [
        [
            "percentile",
            *(f"range {a} (median unit)" for a in ARMS),
            "ratio (over seeds)",
            "paper, one unit",
        ]
    ]
    for i, p in enumerate(PERCENTILES):
        told = [f"{np.median(r[:, i]):.2f}" for r in (without, normed)]
        rows.append([str(p), *told, spread(ratios[:, i].tolist(), ".2f"), f"{RATIOS[i]:.1f}"])
    middle = [median(ratios[:, i].tolist()) for i in range(len(PERCENTILES))]
    good = [m >= 2 for m in middle]
    text = ", ".join(f"{m:.2f}" for m in middle)
    return Judgement(
        verdict_of(good),
        f"the 15th, 50th, 85th percentile wander {text} times further without BatchNorm",
        f"Over all 100 units the inputs of the last sigmoids wander {text} times further without "
        f"BatchNorm "
        f"({'as far as asked for' if all(good) else 'less than the factor 2 asked for'}); how far "
        f"depends on rate "
        "and initial weights, which the paper does not give. That this is why BatchNorm helps is "
        "another claim (see C7, C8).",
        rows,
    )


def draw(figure, results):
    """Figure 1b and c: unit 0 of seed 0, with the paper's first and last values."""
    panels = figure.subplots(1, 2, sharey=True)
    for axes, arm, style in zip(panels, ARMS, (WITHOUT, WITH), strict=True):
        value = pick(results, part="figure", arm=arm)[0]
        steps = [t / 1000 for t, _ in value["curve"]]
        for i, (p, line) in enumerate(zip(PERCENTILES, (":", "-", "--"), strict=True)):
            axes.plot(
                steps,
                [probe[i] for probe in value["unit 0"]],
                line,
                color=style["color"],
                label=f"{p}th percentile",
            )
        for values, at in zip(PAPER[arm], (steps[0], STEPS / 1000), strict=True):
            axes.plot(
                [at] * 3,
                values,
                "x",
                color="#222222",
                label="paper, first and last" if at == steps[0] else None,
            )
        legend = "lower right" if arm == ARMS[1] else None  # there is room
        labelled(axes, arm, "thousands of training steps", "input of a last-layer sigmoid", legend)


CLAIM = Claim(
    id="C6",
    title="BatchNorm reduces internal covariate shift: percentiles stay in place",
    source="Ioffe & Szegedy 2015, §4.1, Figure 1b and c (arXiv 1502.03167)",
    claimed="The distribution of inputs to a typical sigmoid of the last hidden layer changes over "
            "training in mean and variance; "
    "with BatchNorm it is much more stable.",
    protocol=f"the runs of C1; {{15, 50, 85}}th percentiles over {IMAGES:,} fixed test images, "
             f"each evaluation; BatchNorm in evaluation "
    "mode; range (largest - smallest after the first probe) for all 100 units of the last hidden "
    "layer.",
    criterion=("ratio of ranges, median over units and seeds, at least 2 for each percentile: "
    "reproduced; for some: partly"),
    reference="digitised, one unit: 2.7, 4.1, 2.5",
    cells=cells, measure=measure, judge=judge, draw=draw, of="C1",
)  # fmt: skip
