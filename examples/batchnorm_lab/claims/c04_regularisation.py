"""C4: BatchNorm regularises, and replaces dropout."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, interval, median, pick, spread, verdict_of
from batchnorm_lab.plotting import BLUE, COLORS, labelled
from batchnorm_lab.training import Data, accuracy, fit, linears
from minigrad import nn

IMAGES, BATCH, RATE, STEPS = 1000, 50, 0.1, 1500
ARMS = {  # BatchNorm, dropout, batch
    "none": (False, False, BATCH),
    "dropout": (False, True, BATCH),
    "BatchNorm": (True, False, BATCH),
    "BatchNorm + dropout": (True, True, BATCH),
    "none, batch 10": (False, False, 10),
    "BatchNorm, batch 10": (True, False, 10),
}


def build(arm: str, seed: int) -> nn.Sequential:
    """Return 784-256-256-10, ReLU; the same seed gives the same initial weights."""
    norm, dropout, _ = ARMS[arm]
    mg.manual_seed(seed)
    layers: list[nn.Module] = []
    for n_in, n_out in ((784, 256), (256, 256)):
        layers += [nn.Linear(n_in, n_out), *([nn.BatchNorm1d(n_out)] if norm else []), nn.ReLU()]
        layers += [nn.Dropout(0.5)] if dropout else []
    net = nn.Sequential(*layers, nn.Linear(256, 10))
    for layer in linears(net):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
    return net


def cells(mode, seeds):
    """Each arm with twice as many seeds: the differences are small. Quick: 500 steps."""
    return [
        {"arm": a, "steps": STEPS if mode == "full" else 500, "seed": s}
        for a in ARMS
        for s in range(2 * seeds)
    ]


def measure(cell, data: Data, tick=lambda n: None):
    """Return test and training accuracy after training on 1,000 images, others for each seed."""
    few = np.random.default_rng(cell["seed"]).permutation(len(data.train.labels))[:IMAGES]
    part = Data(data.train[few], data.test)
    net = build(cell["arm"], cell["seed"])
    curve = fit(
        net,
        part,
        steps=cell["steps"],
        batch=ARMS[cell["arm"]][2],
        lr=RATE,
        seed=cell["seed"],
        tick=tick,
    )
    return {"test": curve[-1][1], "train": accuracy(net, part.train)}


def _plain(arm):
    """Return the plain arm with batches of the same size: smaller ones take more passes."""
    return "none" if ARMS[arm][2] == BATCH else "none, batch 10"


def _gain(results, arm, than):
    """Return mean paired difference in points and its 95 % interval."""
    pairs = zip(pick(results, arm=arm), pick(results, arm=than), strict=True)
    points = [100 * (a["test"] - b["test"]) for a, b in pairs]
    return sum(points) / len(points), *interval(points)


def judge(results):
    """Two statements, by paired differences over seeds."""
    rows = [
        [
            "",
            "test accuracy",
            "training - test, points",
            "paired gain over none of the same batch, points (95 % interval)",
        ]
    ]
    for arm in ARMS:
        values = pick(results, arm=arm)
        gap = median(100 * (v["train"] - v["test"]) for v in values)
        mean, low, high = _gain(results, arm, _plain(arm))
        told = "-" if arm == _plain(arm) else f"{mean:+.2f} ({low:+.2f}..{high:+.2f})"
        rows.append([arm, spread([v["test"] for v in values]), f"{gap:.1f}", told])
    gain, low, high = _gain(results, "BatchNorm", "none")
    behind, *_ = _gain(results, "BatchNorm", "dropout")
    tests = low > 0, behind >= -0.3
    drop, small = (
        _gain(results, "dropout", "none")[0],
        _gain(results, "BatchNorm, batch 10", "none, batch 10")[0],
    )
    return Judgement(
        verdict_of(tests),
        f"BatchNorm {gain:+.2f} points ({low:+.2f}..{high:+.2f}) over none; {behind:+.2f} beside "
        f"dropout",
        f"With {IMAGES:,} training images BatchNorm changes test accuracy by {gain:+.2f} points "
        f"and dropout by {drop:+.2f}; so here it "
        f"{'regularises' if tests[0] else 'does not measurably regularise'} and "
        f"{'replaces' if tests[1] else 'does not replace'} dropout. "
        f"In batches of 10, whose statistics are noisier, it changes by {small:+.2f} points beside "
        f"a net without it in the same batches. "
        "The paper's statement is about a convolutional net of 13.6 million parameters on "
        "ImageNet.",
        rows,
    )


def draw(figure, results):
    """Every seed a point, the median a line."""
    axes = figure.subplots()
    for i, arm in enumerate(ARMS):
        runs = [v["test"] for v in pick(results, arm=arm)]
        axes.plot(
            np.linspace(i - 0.15, i + 0.15, len(runs)), runs, "o", color=COLORS[i], fillstyle="none"
        )
        axes.plot(
            [i - 0.3, i + 0.3], [median(runs)] * 2, color=BLUE if arm == "BatchNorm" else "#222222"
        )
    axes.set_xticks(
        range(len(ARMS)), [arm.replace(" + ", "\n+ ").replace(", ", ",\n") for arm in ARMS]
    )
    labelled(
        axes, f"{IMAGES:,} training images; points: seeds, line: median", "", "test accuracy", None
    )


CLAIM = Claim(
    id="C4",
    title="BatchNorm regularises, and dropout can be left out",
    source="Ioffe & Szegedy 2015, §3.4 and §4.2.1 (arXiv 1502.03167)",
    claimed=("Since an example is seen with others in its batch, BatchNorm regularises; dropout "
             "can "
    "be removed or reduced in strength."),
    protocol=f"784-256-256-10 ReLU (He), {IMAGES:,} training images, batch {BATCH} (and 10), SGD "
             f"at {RATE:g}, {STEPS:,} steps, dropout 0.5 after "
    "each hidden layer; twice as many seeds as elsewhere, paired by training images and initial "
    "weights.",
    criterion="regularises: BatchNorm - none above 0 with its 95 % interval; replaces dropout: "
              "BatchNorm at most 0.3 points below dropout. "
    "Both: reproduced; one: partly",
    reference="none in figures: Inception's dropout of 40 % removed without loss",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(6.4, 3.8),
)  # fmt: skip
