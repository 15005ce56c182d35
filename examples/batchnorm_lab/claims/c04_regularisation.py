"""C4: BatchNorm regularises, and replaces dropout."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import (
    Claim,
    Judgement,
    above,
    interval,
    median,
    pick,
    points,
    spread,
    verdict_of,
)
from batchnorm_lab.plotting import BLUE, COLORS, INK, THEORY, labelled
from batchnorm_lab.training import Data, accuracy, fit, linears
from batchnorm_lab.tuning import EQUAL_AND_TUNED, chosen_rates, grid, tuned
from minigrad import nn

IMAGES, BATCH, RATE, STEPS = 1000, 50, 0.1, 1500
RATES = (0.02, 0.1, 0.3, 1.0)
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
    """Twice as many seeds: the differences are small. Quick: equal rates, 500 steps."""
    full = mode == "full"
    return [
        {"rates": r, "arm": a, "steps": STEPS if full else 500, "seed": s}
        for r in (EQUAL_AND_TUNED if full else EQUAL_AND_TUNED[:1])
        for a in ARMS
        for s in range(2 * seeds)
    ]


def trained(arm: str, rate: float, steps: int, seed: int, data: Data, tick) -> dict[str, float]:
    """Return test and training accuracy after training on 1,000 images, others for each seed."""
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(data.train.labels))
    few = data.train[shuffled[:IMAGES]]
    part = Data(few, data.test)
    *_, batch = ARMS[arm]
    net = build(arm, seed)
    ((_, test),) = fit(net, part, steps=steps, batch=batch, lr=rate, seed=seed, tick=tick)
    return {"test": test, "train": accuracy(net, few)}


def measure(cell, data: Data, tick=lambda n: None):
    """Return a run at the equal rate, or at the one that held-out images choose for the arm."""
    arm, steps, seed = cell["arm"], cell["steps"], cell["seed"]
    run = lambda rate, seed, data: trained(arm, rate, steps, seed, data, tick)
    if cell["rates"] == "equal":
        return run(RATE, seed, data)
    score = lambda setting, split, seed: run(setting["rate"], seed, split)["test"]
    choice = tuned(("C4", arm, steps), grid(rate=RATES), score, data)
    return run(choice.setting["rate"], seed, data) | choice.told()


def _plain(arm):
    """Return the plain arm with batches of the same size: smaller ones take more passes."""
    return "none" if ARMS[arm][2] == BATCH else "none, batch 10"


def gains(results, rates, arm, than):
    """Return by seed how much more accurate ``arm`` is than ``than``."""
    pairs = zip(*(pick(results, arm=a, rates=rates) for a in (arm, than)), strict=True)
    return [a["test"] - b["test"] for a, b in pairs]


def _kinds(results):
    return [r for r in EQUAL_AND_TUNED if pick(results, rates=r)]


def _rows(results):
    rows = [["rates", "", "test accuracy", "training - test, points"]]
    rows[0].append("paired gain over none of the same batch, points (95 % interval)")
    for rates in _kinds(results):
        for arm in ARMS:
            values = pick(results, arm=arm, rates=rates)
            gap = median(100 * (v["train"] - v["test"]) for v in values)
            gain = "-" if arm == _plain(arm) else points(gains(results, rates, arm, _plain(arm)))
            name = arm + chosen_rates(results, arm=arm, rates=rates)
            rows.append([rates, name, spread([v["test"] for v in values]), f"{gap:.1f}", gain])
    return rows


JUDGED = (  # the words, BatchNorm beside which arm, how far below 0 its interval may begin
    ("over none", "none", 0.0),
    ("beside dropout", "dropout", -0.003),
    ("beside BatchNorm + dropout", "BatchNorm + dropout", -0.003),
)


def judge(results):
    """Three paired differences over seeds, at the fairest rates there are."""
    rates = _kinds(results)[-1]
    found = {than: gains(results, rates, "BatchNorm", than) for _, than, _ in JUDGED}
    tests = [
        above(found["none"], 0.0, len(JUDGED)),
        *(above(found[than], gate, len(JUDGED)) for _, than, gate in JUDGED[1:]),
    ]
    told = ", ".join(f"{points(found[than], len(JUDGED))} {words}" for words, than, _ in JUDGED)
    equal = points(gains(results, "equal", "BatchNorm", "none"))
    small = points(gains(results, rates, "BatchNorm, batch 10", "none, batch 10"))
    replaces = all(tests[1:])
    return Judgement(
        verdict_of(tests),
        f"points of BatchNorm at {rates} rates: {told}",
        f"With {IMAGES:,} training images and {rates} rates BatchNorm changes test accuracy by "
        f"{told} (intervals hold together in 95 %): here it "
        f"{'regularises' if tests[0] else 'does not measurably regularise'} and "
        f"{'replaces' if replaces else 'does not measurably replace'} dropout. At the equal rate "
        f"{RATE:g} it gains {equal} over none. In batches of 10, whose statistics are noisier, it "
        f"changes by {small} points beside a net without it in the same batches. The paper's "
        "statement is about a convolutional net of 13.6 million parameters on ImageNet.",
        _rows(results),
    )


def draw(figure, results):
    """Left: accuracy, every seed a dot. Right: what is judged, paired differences and intervals."""
    rates = _kinds(results)[-1]
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for i, arm in enumerate(ARMS):
        runs = [100 * v["test"] for v in pick(results, arm=arm, rates=rates)]
        at = np.linspace(i - 0.15, i + 0.15, len(runs))
        left.plot(at, runs, "o", color=COLORS[i], fillstyle="none", markersize=4)
        left.plot([i - 0.3, i + 0.3], [median(runs)] * 2, color=INK)
    names = [arm.replace(" + ", "\n+ ").replace(", ", ",\n") for arm in ARMS]
    left.set_xticks(range(len(ARMS)), names, fontsize=8)
    title = f"{IMAGES:,} images, {rates} rates (line: median)"
    labelled(left, title, "", "test accuracy, %", None)
    for i, (_, than, gate) in enumerate(JUDGED):
        found = [100 * d for d in gains(results, rates, "BatchNorm", than)]
        at = np.linspace(i - 0.15, i + 0.15, len(found))
        right.plot(at, found, "o", color=BLUE, fillstyle="none", markersize=4)
        if len(found) > 1:
            right.plot([i, i], interval(found, len(JUDGED)), color=INK)
        right.plot([i - 0.35, i + 0.35], [100 * gate] * 2, **THEORY)
    names = ["- none", "- dropout", "- (BatchNorm\n+ dropout)"]
    right.set_xticks(range(len(JUDGED)), names, fontsize=8)
    title = "BatchNorm - …: intervals (dotted: gates)"
    labelled(right, title, "", "points", None)


CLAIM = Claim(
    id="C4",
    title="BatchNorm regularises, and dropout can be left out",
    source="Ioffe & Szegedy 2015, §3.4 and §4.2.1 (arXiv 1502.03167)",
    claimed=("Since an example is seen with others in its batch, BatchNorm regularises; dropout "
             "can "
    "be removed or reduced in strength."),
    protocol=f"784-256-256-10 ReLU (He), {IMAGES:,} training images, batch {BATCH} (and 10), SGD, "
    f"{STEPS:,} steps, dropout 0.5 after each hidden layer; twice as many seeds as elsewhere, "
    f"paired by training images and initial weights. Equal rate {RATE:g}; tuned: each arm at the "
    f"best of {', '.join(f'{r:g}' for r in RATES)} by 10,000 held-out training images.",
    criterion="at tuned rates (quick: equal), three 95 % intervals that hold together: BatchNorm - "
    "none above 0 (regularises); BatchNorm - dropout and BatchNorm - (BatchNorm + dropout) above "
    "-0.3 points (replaces dropout, which can go). All: reproduced; some: partly",
    reference="none in figures: Inception's dropout of 40 % removed without loss",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(9.6, 3.8),
)  # fmt: skip
