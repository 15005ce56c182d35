"""C27: dropout before BatchNorm shifts the variance between training and use."""

from __future__ import annotations

from copy import deepcopy

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import (
    Claim,
    Judgement,
    above,
    pick,
    ratio_above,
    spread,
    times,
    verdict_of,
)
from batchnorm_lab.paired import by_name, dots, gains, points
from batchnorm_lab.plotting import COLORS, MARKERS, labelled
from batchnorm_lab.training import Data, accuracy, fit, linears
from batchnorm_lab.tuning import SEEDS, best_rate, chosen_rates
from minigrad import nn

SIZES, IMAGES, BATCH, STEPS, RATES = (784, 256, 256, 256, 10), 1000, 50, 1000, (0.02, 0.1, 0.5, 2.0)
DROP = 0.5
BEFORE, AFTER = "dropout before", "dropout after the last"
ARMS = ("no dropout", AFTER, BEFORE)
COMPARISONS = 4  # intervals that decide


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
    reached = lambda rate, seed, split: trained(arm, rate, seed, steps, some(split, seed))[1]
    choice = best_rate(("C27", arm, steps), cell, reached, data, seeds=SEEDS)
    part = some(data, seed)
    net, right = trained(arm, choice.setting["rate"], seed, steps, part, tick)
    images = mg.from_numpy(part.train.images)
    exact = nn.utils.recalibrate_batchnorm(deepcopy(net), [images])  # dropout is off in it
    return {
        "accuracy": right,
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
        rate = chosen_rates(results, arm=arm).removeprefix(", rate ")
        reached = spread([v["accuracy"] for v in values])
        shown = times(seen[arm], ".3g", COMPARISONS)
        rows.append([arm, rate, shown, reached, points(cured[arm], COMPARISONS)])
    more = [b / a for a, b in zip(seen["no dropout"], seen[BEFORE], strict=True)]
    shifted = ratio_above(seen[BEFORE], 1.1, COMPARISONS) and ratio_above(more, 1.0, COMPARISONS)
    gained, better = (above(found, 0.0, COMPARISONS) for found in (cured[BEFORE], moved))
    tests = [shifted, gained, better]
    worth = gains(results, BEFORE, "no dropout")
    before, without = (times(seen[arm], ".3g", COMPARISONS) for arm in (BEFORE, "no dropout"))
    statistics, place = (points(found, COMPARISONS) for found in (cured[BEFORE], moved))
    return Judgement(
        verdict_of(tests),
        f"running variance {before} that in use with dropout before, {without} without; new "
        f"statistics gain {statistics}; dropout after the last instead {place}",
        f"Dropout in front makes the running variance {before} what BatchNorm meets in use. "
        f"Statistics taken with dropout off change accuracy by {statistics}; dropout behind all "
        f"BatchNorm against before it: {place}; dropout before it against none: "
        f"{points(worth, COMPARISONS)}.",
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
    by_name(right, {n: [100 * g for g in v] for n, v in groups.items()}, comparisons=COMPARISONS)
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
    criterion="four 95 % intervals that hold together: (a) running variance above ×1.1 that in "
              "use with dropout before, and above the ratio without dropout; (b) new statistics "
              "gain accuracy with dropout before; (c) dropout behind the last is above dropout "
              "before. All: reproduced; some: partly",
    reference="Li et al., Figure 1: DenseNet on CIFAR-100 77.42 % without dropout, 68.55 % with "
              "0.5 in each bottleneck",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(8.4, 3.8),
)  # fmt: skip
