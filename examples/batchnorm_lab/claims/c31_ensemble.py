"""C31: an ensemble of six nets with BatchNorm."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, above, percent, pick, spread, verdict_of
from batchnorm_lab.paired import by_name, dots, points
from batchnorm_lab.plotting import WITH, WITHOUT, labelled
from batchnorm_lab.training import Data, fit, mlp
from batchnorm_lab.tuning import best_rate, chosen_rates
from minigrad import nn

SIZES, BATCH, STEPS, RATES = (784, 100, 100, 100, 10), 60, 1500, (0.02, 0.1, 0.5, 2.0)
ARMS, MEMBERS = ("without", "BatchNorm"), 6
COMPARISONS = 3  # intervals of gains: two decide, that without BatchNorm is told


def trained(arm, rate, seed, steps, data: Data, tick=lambda n: None):
    """Return a net and its test accuracy."""
    mg.manual_seed(seed)
    net = mlp(SIZES, nn.ReLU, norm=arm == "BatchNorm", std="he")
    curve = fit(net, data, steps=steps, batch=BATCH, lr=rate, seed=seed, tick=tick)
    return net, curve[-1][1]


def probabilities(net: nn.Sequential, images: np.ndarray) -> np.ndarray:
    """Return the probability of each class, (N, 10), by running statistics."""
    net.eval()
    with mg.no_grad():
        return net(mg.from_numpy(images)).softmax(1).numpy()


def of_first(votes: list[np.ndarray], labels: np.ndarray) -> list[float]:
    """Return the accuracy of the mean of the first 1, 2, 3 … members' probabilities."""
    sums = np.cumsum(votes, axis=0)
    return [float((total.argmax(1) == labels).mean()) for total in sums]


def cells(mode, seeds):
    """Six nets a seed, both arms, at least five seeds in full. Quick: 200 steps, one rate."""
    full = mode == "full"
    rates, steps = (RATES, STEPS) if full else (RATES[1:2], 200)
    return [
        {"arm": a, "seed": s, "steps": steps, "rates": list(rates)}
        for a in ARMS
        for s in range(seeds)
    ]


def measure(cell, data: Data, tick=lambda n: None) -> dict:
    """Return the accuracies of the members, and of the first 1, 2 … 6 of them together."""
    arm, steps = cell["arm"], cell["steps"]
    one = lambda rate, seed, split: trained(arm, rate, seed, steps, split)[1]
    choice = best_rate(("C31", arm, steps), cell, one, data)
    votes, alone = [], []
    first = MEMBERS * cell["seed"]
    for seed in range(first, first + MEMBERS):
        net, reached = trained(arm, choice.setting["rate"], seed, steps, data, tick)
        votes.append(probabilities(net, data.test.images))
        alone.append(reached)
    together = of_first(votes, data.test.labels)
    return {"alone": alone, "together": together, "choice": choice.told()}


def of_six(results, arm: str) -> list[float]:
    """Return by group how accurate the six are together."""
    return [v["together"][-1] for v in pick(results, arm=arm)]


def ahead_of_vanilla(results) -> list[float]:
    """Return by group how much more accurate six with BatchNorm are than six without."""
    pairs = zip(of_six(results, "without"), of_six(results, "BatchNorm"), strict=True)
    return [b - a for a, b in pairs]


def gain(results, arm: str) -> list[float]:
    """Return by group how much more accurate the six are than their mean member."""
    return [v["together"][-1] - float(np.mean(v["alone"])) for v in pick(results, arm=arm)]


def judge(results):
    """The six against their mean member with BatchNorm, and against six nets without it."""
    rows = [["", "rate", "a member", "six together", "gain"]]
    six = {arm: of_six(results, arm) for arm in ARMS}
    alone = {arm: [float(np.mean(v["alone"])) for v in pick(results, arm=arm)] for arm in ARMS}
    for arm in ARMS:
        rate = chosen_rates(results, arm=arm).removeprefix(", rate ")
        told = [spread(group[arm], ".2%") for group in (alone, six)]
        rows.append([arm, rate, *told, points(gain(results, arm), COMPARISONS)])
    over = ahead_of_vanilla(results)
    gained = gain(results, "BatchNorm")
    errors = [1 - a for a in six["BatchNorm"]]
    shares = [g / (1 - a) for g, a in zip(gained, alone["BatchNorm"], strict=True)]
    better, ahead = (points(found, COMPARISONS) for found in (gained, over))
    plain = points(gain(results, "without"), COMPARISONS)
    return Judgement(
        verdict_of([above(found, 0.0, COMPARISONS) for found in (gained, over)]),
        f"six nets with BatchNorm: error {percent(errors, '.2%')}, {better} better than one; less "
        f"six without {ahead}",
        f"Averaging the probabilities of six nets takes {percent(shares, '.0%')} of the error of "
        f"one away with BatchNorm, a gain of {better}, and gains {plain} without it; six with "
        f"BatchNorm less six without: {ahead}. A vote of six is no property of BatchNorm.",
        rows,
    )


def draw(figure, results):
    """Left: error over the number of members. Right: the differences that decide."""
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for arm, style, shift in zip(ARMS, (WITHOUT, WITH), (-0.06, 0.06), strict=True):
        curves = zip(*(v["together"] for v in pick(results, arm=arm)), strict=True)
        runs = [[100 * (1 - a) for a in group] for group in curves]
        places = [n + 1 + shift for n in range(MEMBERS)]
        dots(left, places, runs, **{**style, "linestyle": "none"}, label=arm)
    labelled(left, "the first members together", "members", "test error, %")
    groups = {f"six − one,\n{arm}": gain(results, arm) for arm in ARMS}
    groups["six with −\nsix without"] = ahead_of_vanilla(results)
    in_points = {name: [100 * x for x in values] for name, values in groups.items()}
    by_name(right, in_points, comparisons=COMPARISONS)
    right.axvline(0, color="#222222", linewidth=0.8)
    labelled(right, "differences", "points of test accuracy", "", None)


CLAIM = Claim(
    id="C31",
    title="An ensemble of six nets with BatchNorm",
    source="Ioffe & Szegedy 2015, §4.2.3 and Figure 4 (arXiv 1502.03167)",
    claimed="The mean of the class probabilities of six nets with BatchNorm is better than one of "
            "them, and than the best without.",
    protocol=f"784-100-100-100-10 ReLU, He, SGD, batch {BATCH}, {STEPS:,} steps, with and without "
             f"BatchNorm, each at its best rate of {', '.join(f'{r:g}' for r in RATES)} on "
             f"held-out training images; {MEMBERS} seeds together, none in two groups.",
    criterion="test accuracy, 95 % intervals over groups that hold together: (a) six with "
              "BatchNorm above their mean member; (b) above six without. Both: reproduced; one: "
              "partly",
    reference="ImageNet, top-5 error: 7.82 % (one crop) and 5.82 % (144 crops) by one net, 4.9 % "
              "by six",
    cells=cells, measure=measure, judge=judge, draw=draw,
)  # fmt: skip
