"""C27: dropout before BatchNorm shifts the variance between training and use."""

from __future__ import annotations

from copy import deepcopy

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, interval, median, pick, spread, verdict_of
from batchnorm_lab.paired import by_name, dots, gains, geometric_interval, geometric_of, points
from batchnorm_lab.plotting import BLUE, COLORS, MARKERS, labelled
from batchnorm_lab.training import Data, accuracy, fit, linears
from batchnorm_lab.tuning import grid, tuned
from minigrad import nn

SIZES, IMAGES, BATCH, STEPS, RATES = (784, 256, 256, 256, 10), 1000, 50, 1000, (0.02, 0.1, 0.5, 2.0)
DROP = 0.5
BEFORE, AFTER = "dropout before", "dropout after the last"
ARMS = ("no dropout", AFTER, BEFORE)


def build(arm: str, seed: int) -> nn.Sequential:
    """Return 784-256-256-256-10, ReLU, He; dropout behind each ReLU, or the last alone."""
    mg.manual_seed(seed)
    layers: list[nn.Module] = []
    hidden = SIZES[1:-1]
    for i, (n_in, n_out) in enumerate(zip(SIZES[:-2], hidden, strict=True)):
        last = i == len(hidden) - 1
        layers += [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU()]
        if arm == BEFORE or (arm == AFTER and last):
            layers.append(nn.Dropout(DROP))
    net = nn.Sequential(*layers, nn.Linear(*SIZES[-2:]))
    for layer in linears(net):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return net


def some(data: Data, seed: int) -> Data:
    """Return 1,000 training images, others for each seed, and the test images."""
    rows = np.random.default_rng(seed).permutation(len(data.train.labels))[:IMAGES]
    return Data(data.train[rows], data.test)


def trained(arm, rate, seed, steps, data: Data, tick=lambda n: None):
    """Return the net and its test accuracy."""
    net = build(arm, seed)
    curve = fit(net, data, steps=steps, batch=BATCH, lr=rate, seed=seed, tick=tick)
    return net, curve[-1][1]


def norms(net: nn.Sequential) -> list[nn.BatchNorm1d]:
    """Return the BatchNorm layers."""
    return [m for m in net if isinstance(m, nn.BatchNorm1d)]


def shifts(net: nn.Sequential, images: np.ndarray) -> list[float]:
    """Return by layer the running variance over that of its input in use: medians over units."""
    net.eval()
    found, x = [], mg.from_numpy(images)
    with mg.no_grad():
        for layer in net:
            if isinstance(layer, nn.BatchNorm1d):
                ratio = layer.running_var.numpy() / np.maximum(x.numpy().var(0), 1e-12)
                found.append(float(np.median(ratio)))
            x = layer(x)
    net.train()
    return found


def cells(mode, seeds):
    """Each arm with twice as many seeds: the differences are small. Quick: 300 steps, one rate."""
    full = mode == "full"
    rates, steps = (RATES, STEPS) if full else (RATES[1:2], 300)
    return [
        {"arm": a, "seed": s, "steps": steps, "rates": list(rates)}
        for a in ARMS
        for s in range(2 * seeds)
    ]


def measure(cell, data: Data, tick=lambda n: None) -> dict:
    """Return the shift of the variance, and the accuracy before and after it is taken out."""
    arm, steps, seed = cell["arm"], cell["steps"], cell["seed"]
    score = lambda s, split, seed: trained(arm, s["rate"], seed, steps, some(split, seed))[1]
    choice = tuned(("C27", arm, steps), grid(rate=cell["rates"]), score, data)
    part = some(data, seed)
    net, reached = trained(arm, choice.setting["rate"], seed, steps, part, tick)
    images = mg.from_numpy(part.train.images)
    exact = nn.utils.recalibrate_batchnorm(deepcopy(net), [images])  # dropout is off in it
    return {
        "accuracy": reached,
        "recalibrated": accuracy(exact, data.test),
        "shifts": shifts(net, part.train.images),
        "choice": choice.told(),
    }


def shift(results, arm: str) -> list[float]:
    """Return by seed the mean shift of the BatchNorm layers behind the first, which sees images."""
    return [float(np.mean(v["shifts"][1:])) for v in pick(results, arm=arm)]


def judge(results):
    """The shift, what taking it out gains, and whether dropout behind all BatchNorm is better."""
    seen = {arm: shift(results, arm) for arm in ARMS}
    cured = {a: [v["recalibrated"] - v["accuracy"] for v in pick(results, arm=a)] for a in ARMS}
    moved = gains(results, AFTER, BEFORE)
    rows = [["", "rate", "variance, running over in use", "accuracy", "new statistics gain"]]
    for arm in ARMS:
        values = pick(results, arm=arm)
        rate = f"{values[0]['choice']['setting']['rate']:g}"
        reached = spread([v["accuracy"] for v in values])
        rows.append([arm, rate, f"×{geometric_of(seen[arm])}", reached, points(cured[arm])])
    low, _ = geometric_interval(seen[BEFORE])
    calm = geometric_interval(seen["no dropout"])[1]
    tests = [low > 1.1 and calm < low, interval(cured[BEFORE])[0] > 0, interval(moved)[0] > 0]
    worth = gains(results, BEFORE, "no dropout")
    return Judgement(
        verdict_of(tests),
        f"running variance ×{geometric_of(seen[BEFORE])} that in use with dropout before, "
        f"×{geometric_of(seen['no dropout'])} without; new statistics gain "
        f"{points(cured[BEFORE])}; dropout after the last instead {points(moved)}",
        f"Dropout in front makes the running variance ×{median(seen[BEFORE]):.2f} what BatchNorm "
        f"meets in use. Statistics taken with dropout off change accuracy by "
        f"{points(cured[BEFORE])}; dropout behind all BatchNorm against before it: "
        f"{points(moved)}; dropout before it against none: {points(worth)}. Three comparisons, "
        f"each at 95 %.",
        rows,
    )


def draw(figure, results):
    """Left: the shift by layer. Right: the differences that decide."""
    left, right = figure.subplots(1, 2, width_ratios=(2, 3))
    for i, arm in enumerate(ARMS):
        layers = list(zip(*(v["shifts"] for v in pick(results, arm=arm)), strict=True))
        places = [n + 1 + 0.08 * (i - 1) for n in range(len(layers))]
        dots(left, places, layers, log=True, color=COLORS[i], marker=MARKERS[i], label=arm)
    left.axhline(1, color="#222222", linewidth=0.8)
    left.set_xticks([1, 2, 3])
    labelled(left, "running variance over variance in use", "BatchNorm layer", "ratio")
    cured = {a: [v["recalibrated"] - v["accuracy"] for v in pick(results, arm=a)] for a in ARMS}
    groups = {f"new statistics,\n{arm}": gain for arm, gain in cured.items()}
    groups["after the last −\nbefore"] = gains(results, AFTER, BEFORE)
    groups["before −\nno dropout"] = gains(results, BEFORE, "no dropout")
    by_name(right, {n: [100 * g for g in v] for n, v in groups.items()}, color=BLUE)
    right.axvline(0, color="#222222", linewidth=0.8)
    labelled(right, "differences", "points of test accuracy", "", None)


CLAIM = Claim(
    id="C27",
    title="Dropout before BatchNorm shifts the variance",
    source="Li, Chen, Hu & Yang 2019 (arXiv 1801.05134)",
    claimed="Dropout makes the variance in training larger than in use; BatchNorm behind it keeps "
            "the former and normalises the latter, which costs accuracy. Dropout behind all "
            "BatchNorm, or statistics taken without dropout, avoid it.",
    protocol=f"784-256-256-256-10 ReLU, He, BatchNorm, {IMAGES:,} training images, batch {BATCH}, "
             f"{STEPS:,} SGD steps; no dropout, dropout {DROP:g} behind each ReLU, so before "
             f"BatchNorm, or behind the last alone, each at its best rate of "
             f"{', '.join(f'{r:g}' for r in RATES)} on held-out training images; then statistics "
             f"of the training images with dropout off.",
    criterion="95 % intervals: (a) running variance above ×1.1 that in use with dropout before, "
              "and above that without dropout; (b) new statistics gain accuracy with dropout "
              "before; (c) dropout behind the last is above dropout before. All: reproduced; "
              "some: partly",
    reference="Li et al.: PreResNet-110 on CIFAR-100 loses 8 points (0.5 in each block); new "
              "variances bring some back",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(8.4, 3.8),
)  # fmt: skip
