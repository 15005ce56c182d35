"""C18: small batches hurt BatchNorm."""

from __future__ import annotations

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, median, pick, spread, verdict
from batchnorm_lab.plotting import WITH, WITHOUT, labelled
from batchnorm_lab.training import Data, fit, mlp
from minigrad import nn

SIZES, BATCHES, STEPS, RATE = (784, 100, 100, 100, 10), (2, 4, 8, 16, 60), 1500, 0.1
ARMS = ("without", "BatchNorm")


def measure(cell, data: Data, steps: int = STEPS, tick=lambda n: None) -> dict:
    """Return the test accuracy of one run, BatchNorm by its running statistics."""
    mg.manual_seed(cell["seed"])
    net = mlp(SIZES, nn.ReLU, norm=cell["arm"] == "BatchNorm", std="he")
    curve = fit(net, data, steps=steps, batch=cell["batch"], lr=RATE, seed=cell["seed"], tick=tick)
    return {"accuracy": curve[-1][1]}


def cells(mode, seeds):
    """Each batch size and arm; quick: the smallest and the largest batch, 2 seeds."""
    chosen, seeds = (
        (BATCHES, seeds) if mode == "full" else ((BATCHES[0], BATCHES[-1]), min(seeds, 2))
    )
    return [{"batch": b, "arm": a, "seed": s} for b in chosen for a in ARMS for s in range(seeds)]


def _accuracies(results, arm):
    batches = sorted({r.cell["batch"] for r in results})
    return {b: [v["accuracy"] for v in pick(results, arm=arm, batch=b)] for b in batches}


def judge(results):
    """Both arms at each batch size; two images a batch decide."""
    without, normed = (_accuracies(results, a) for a in ARMS)
    gap = {b: median(normed[b]) - median(without[b]) for b in without}
    harmed = [b for b, g in gap.items() if g < 0]
    rows = [["batch", *ARMS, "difference in points"]]
    rows += [
        [str(b), spread(without[b]), spread(normed[b]), f"{100 * gap[b]:+.1f}"] for b in without
    ]
    return Judgement(
        verdict(gap[2] < 0, harmed),
        f"batch 2: {median(normed[2]):.1%} with, {median(without[2]):.1%} without; batch 60: "
        f"{median(normed[60]):.1%}, "
        f"{median(without[60]):.1%}",
        f"With two images a batch x̂ is ±1 whatever they show, and its gradient vanishes: "
        f"BatchNorm is {-100 * gap[2]:.0f} points "
        f"behind; it is behind at batch {', '.join(map(str, harmed)) or 'none'} and ahead at the "
        f"others.",
        rows,
    )


def draw(figure, results):
    """Accuracy over batch size."""
    axes = figure.subplots()
    for arm, style in zip(ARMS, (WITHOUT, WITH), strict=True):
        found = _accuracies(results, arm)
        middle = [median(r) for r in found.values()]
        axes.plot(list(found), middle, **style, label=arm)
        for batch, runs in found.items():
            axes.plot([batch] * len(runs), runs, "_", color=style["color"])
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(found), [str(b) for b in found])
    labelled(
        axes,
        f"3 × 100 ReLU after {STEPS:,} steps (dashes: seeds)",
        "batch size",
        "test accuracy",
        "lower right",
        ylim=(0, 1),
    )


CLAIM = Claim(
    id="C18",
    title="Small batches hurt BatchNorm",
    source=("follows from Algorithm 1 at m = 2; Wu & He 2018, Group Normalization (arXiv "
    "1803.08494)"),
    claimed=("The error of a net with BatchNorm rises quickly as the batch becomes small, its "
    "statistics being poor."),
    protocol=f"784-100-100-100-10 ReLU, He, SGD at {RATE:g}, {STEPS:,} steps, batch 2 to 60, test "
             f"accuracy in evaluation mode; every "
    "arm sees the same number of steps, so fewer images in smaller batches.",
    criterion=("median accuracy with BatchNorm below that without at batch 2: reproduced; below it "
    "at another batch only: partly"),
    reference="none on MNIST",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(6.4, 3.8),
)  # fmt: skip
