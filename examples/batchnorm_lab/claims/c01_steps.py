"""C1: fewer training steps. The paper's Figure 1a, and the same with tuned rates."""

from __future__ import annotations

import itertools
import math

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import (
    Claim,
    Judgement,
    geometric,
    median,
    pick,
    spread,
    times,
    verdict,
)
from batchnorm_lab.plotting import COLORS, INK, MARKERS, THEORY, WITH, WITHOUT, banded, labelled
from batchnorm_lab.training import Data, accuracy, batches, fit, mlp, step
from batchnorm_lab.tuning import best_rate, choice_of, chosen_rates
from minigrad import nn, optim

SIZES, STD, RATE, BATCH, STEPS, EVERY = (784, 100, 100, 100, 10), 0.02, 0.5, 60, 50_000, 250
RATES, SHORT, TUNED_STD = (
    (0.1, 0.5, 2.0, 5.0),
    2500,
    0.1,
)  # the best against the best: weights that suit both
ARMS, GOALS, GOAL = ("without", "BatchNorm"), (0.80, 0.90, 0.93, 0.95, 0.96), 0.95
PERCENTILES, IMAGES = (15, 50, 85), 1000
PAPER = {  # Figure 1a, digitised: thousands of steps, accuracy without, with
    "steps": [4, 5, 7.5, 10, 15, 20, 30, 40],
    "without": [0.734, 0.784, 0.904, 0.926, 0.953, 0.963, 0.968, 0.972],
    "BatchNorm": [0.953, 0.956, 0.965, 0.966, 0.972, 0.974, 0.978, 0.980],
}


def build(arm: str, seed: int, std: float = STD) -> nn.Sequential:
    """Return the paper's MNIST net; both arms get the same initial weights."""
    mg.manual_seed(seed)
    return mlp(SIZES, nn.Sigmoid, norm=arm == "BatchNorm", std=std)


def inputs_of_last_sigmoids(net: nn.Sequential, images: mg.Tensor) -> np.ndarray:
    """Return what the sigmoids of the last hidden layer get, (N, 100), in evaluation mode."""
    net.eval()
    with mg.no_grad():
        for layer in list(net)[:-2]:  # all but the last sigmoid and the output layer
            images = layer(images)
    net.train()
    return images.numpy()


def figure_1(arm: str, steps: int, seed: int, data: Data, tick=lambda n: None) -> dict:
    """Train; return test accuracy by step, percentiles of unit 0, and each unit's ranges.

    "ranges" begin after the first probe, "whole ranges" with it; "spreads" is how far the 15th and
    the 85th percentile of a unit are apart, on average over training: its own scale.
    """
    net, curve, traces = build(arm, seed), [], []
    optimizer, fixed = (
        optim.SGD(net.parameters(), lr=RATE),
        mg.from_numpy(data.test.images[:IMAGES]),
    )
    for t, (images, labels) in enumerate(
        itertools.islice(batches(data.train, BATCH, seed), steps), 1
    ):
        step(net, optimizer, images, labels)
        tick(1)
        if t % EVERY == 0 or t == steps:
            curve.append([t, accuracy(net, data.test)])
            traces.append(np.percentile(inputs_of_last_sigmoids(net, fixed), PERCENTILES, axis=0))
    traces = np.array(traces, dtype=np.float64)  # (probes, 3, units)
    return {
        "curve": curve,
        "unit 0": traces[:, :, 0].tolist(),
        "ranges": np.ptp(traces[1:], axis=0).tolist(),
        "whole ranges": np.ptp(traces, axis=0).tolist(),
        "spreads": (traces[:, -1] - traces[:, 0]).mean(0).tolist(),
    }


def cells(mode, seeds):
    """The figure's two nets; then each rate, shorter; then which rate is an arm's best.

    Quick: one seed and 10,000 steps of the figure.
    """
    full = mode == "full"
    steps = STEPS if full else 10_000
    searches = [
        {"part": "best rate", "arm": a, "rates": list(RATES), "steps": SHORT if full else 1000}
        for a in ARMS
    ]
    figure = [
        {"part": "figure", "arm": a, "steps": steps, "every": EVERY, "of": "all units", "seed": s}
        for a in ARMS
        for s in range(seeds if full else 1)
    ]
    rates = [
        {"part": "rates", "arm": a, "rate": r, "seed": s}
        for a in ARMS
        for r in RATES
        for s in range(seeds if full else 1)
    ]
    return figure + rates + searches


def measure(cell, data: Data, tick=lambda n: None):
    """Return the figure's curves, a short curve at one rate, or an arm's best rate."""
    arm = cell["arm"]
    if cell["part"] == "figure":
        return figure_1(arm, cell["steps"], cell["seed"], data, tick)
    if cell["part"] == "rates":
        return {"curve": short(arm, cell["rate"], cell["seed"], data, tick=tick)}
    steps = cell["steps"]
    reached = lambda rate, seed, split: short(arm, rate, seed, split, steps, tick)[-1][1]
    choice = best_rate(("C1", arm, steps), cell, reached, data)
    return {"choice": choice.told()}


def short(arm: str, rate: float, seed: int, data: Data, steps=SHORT, tick=lambda n: None):
    """Return the curve of a short run, from initial weights that suit both arms."""
    net = build(arm, seed, TUNED_STD)
    options = {"steps": steps, "batch": BATCH, "every": 50, "tick": tick}
    return fit(net, data, lr=rate, seed=seed, **options)


def first(curve, goal):
    """Return the first step at which the curve is at ``goal``, infinite where it never is."""
    return next((t for t, a in curve if a >= goal), math.inf)


def fewer(without, normed, goal):
    """Return by seed how many times fewer steps BatchNorm takes.

    A lower bound where the other never arrives.
    """
    last = lambda v: v["curve"][-1][0]
    pairs = [
        (min(first(v["curve"], goal), last(v)), first(b["curve"], goal))
        for v, b in zip(without, normed, strict=True)
    ]
    return [a / b for a, b in pairs]


def _best(results, arm, goal):
    """Return by seed the steps to the goal at that arm's best rate."""
    (search,) = pick(results, part="best rate", arm=arm)
    rate = choice_of(search)["setting"]["rate"]
    return [first(v["curve"], goal) for v in pick(results, part="rates", arm=arm, rate=rate)]


def _times(numbers, censored=False):
    """Return ratios as text, with their interval; "not reached" where one of the two never is."""
    text = times(numbers, ".1f")
    return "> " + text if censored and text != "not reached" else text


def equal(results, goal):
    """Return the ratios of steps at equal rates, and whether they are but lower bounds."""
    without, normed = (pick(results, part="figure", arm=a) for a in ARMS)
    never = any(first(v["curve"], goal) == math.inf for v in without)
    return fewer(without, normed, goal), never


def tuned(results, goal):
    """Return the ratios of steps, each arm at its best of four rates; nan: one never arrives."""
    best = [_best(results, a, goal) for a in ARMS]
    return [a / b if max(a, b) < math.inf else math.nan for a, b in zip(*best, strict=True)]


def _rows(results):
    rows = [["test accuracy", *(f"steps {a}" for a in ARMS), "ratio, equal rate"]]
    rows[0].append("ratio, best rates")
    runs = [pick(results, part="figure", arm=a) for a in ARMS]
    for goal in GOALS:
        at = [median(first(v["curve"], goal) for v in values) for values in runs]
        steps = [f"{t:,.0f}" if t < math.inf else "not reached" for t in at]
        ratios = [_times(*equal(results, goal)), _times(tuned(results, goal))]
        rows.append([f"{goal:.0%}", *steps, *ratios])
    last = [[v["curve"][-1][1] for v in values] for values in runs]
    return [*rows, ["at the end", *(spread(v, ".2%") for v in last), "", ""]]


def judge(results):
    """The ratio of steps to 95 % at the paper's rates, and that of the best of four rates."""
    ratios, never = equal(results, GOAL)
    ratio = round(geometric(ratios), 6) if min(ratios) > 0 else 0.0
    told = _times(ratios, never)
    best = {goal: _times(tuned(results, goal)) for goal in GOALS}
    chosen = [chosen_rates(results, part="best rate", arm=arm)[2:] for arm in ARMS]
    return Judgement(
        verdict(ratio >= 14, ratio >= 2),
        f"{told} fewer steps to 95 % at equal rates; best against best {best[0.90]} to 90 %, "
        f"{best[0.95]} to 95 %",
        f"At the same small rate BatchNorm needs {told} fewer steps to 95 %; with each arm at its "
        f"own best (without {chosen[0]}, BatchNorm {chosen[1]}) the gain is {best[0.80]} to 80 % "
        f"and {best[0.95]} to 95 %. The 14 "
        "times are ImageNet's, by BatchNorm and seven other changes; the paper's own MNIST figure "
        "shows 3 to 4.",
        _rows(results),
    )


def _ratios(axes, results):
    """Draw what is judged: how many times fewer steps, each seed a dot."""
    kinds = (
        ("equal rate", lambda goal: equal(results, goal)[0]),
        ("best rates", lambda goal: tuned(results, goal)),
    )
    for i, (label, ratios) in enumerate(kinds):
        found = {goal: [r for r in ratios(goal) if 0 < r < math.inf] for goal in GOALS}
        dots = [(100 * goal + 0.3 * i, r) for goal, of_goal in found.items() for r in of_goal]
        x, y = zip(*dots, strict=True) if dots else ((), ())
        axes.plot(x, y, MARKERS[i], color=COLORS[i], fillstyle="none", label=label)
    axes.axhline(14, **THEORY)
    axes.axhline(1, color=INK, linewidth=0.8)
    axes.set_yscale("log")
    axes.set_yticks((1, 2, 5, 14), ("1", "2", "5", "14"))
    axes.set_xticks([100 * goal for goal in GOALS])
    labelled(axes, "times fewer steps (dotted: 14)", "to test accuracy, %", "ratio")


def _figure_1a(axes, results):
    """Draw Figure 1a with the paper's points."""
    for arm, style in zip(ARMS, (WITHOUT, WITH), strict=True):
        curves = [v["curve"] for v in pick(results, part="figure", arm=arm)]
        thousands = [t / 1000 for t, _ in curves[0]]
        runs = [[accuracy for _, accuracy in curve] for curve in curves]
        look = {"color": style["color"], "linestyle": style["linestyle"]}
        banded(axes, thousands, runs, **look, label=arm)
        points = {"color": style["color"], "fillstyle": "none", "markersize": 5}
        axes.plot(PAPER["steps"], PAPER[arm], style["marker"], **points, label=f"paper, {arm}")
    title = f"Figure 1a: both at rate {RATE:g}"
    x = "thousands of training steps"
    labelled(axes, title, x, "test accuracy", "lower right", ylim=(0.7, 1))


def _each_rate(axes, results):
    """Draw the short runs, median over seeds, a color a rate."""
    for (i, rate), arm in itertools.product(enumerate(RATES), ARMS):
        curves = np.array([v["curve"] for v in pick(results, part="rates", arm=arm, rate=rate)])
        steps, middle = np.median(curves, axis=0).T
        style = WITH if arm == "BatchNorm" else WITHOUT
        look = {"color": COLORS[i], "linestyle": style["linestyle"], "marker": MARKERS[i]}
        label = f"rate {rate:g}" if arm == "BatchNorm" else None
        axes.plot(steps, middle, **look, markersize=4, markevery=8, label=label)
    title = f"N(0, {TUNED_STD}²), each rate (dashes: without)"
    labelled(axes, title, "training steps", "test accuracy", "lower right", ylim=(0.7, 1))


def draw(figure, results):
    """Figure 1a with the paper's points; each rate; the ratios of steps that are judged."""
    left, right, judged = figure.subplots(1, 3)
    _figure_1a(left, results)
    _each_rate(right, results)
    _ratios(judged, results)


CLAIM = Claim(
    id="C1",
    title="Fewer training steps",
    source="Ioffe & Szegedy 2015, §4.1, Figure 1a and §4.2.2 (arXiv 1502.03167)",
    claimed="Same accuracy with 14 times fewer training steps (ImageNet); Figure 1a shows the "
            "MNIST net learning faster and to "
    "a higher test accuracy.",
    protocol=f"784-100-100-100-10 sigmoid, binary images, batch {BATCH}, SGD at {RATE:g}, N(0, "
             f"{STD}²) (rate and size are ours, the paper "
    f"gives none), {STEPS:,} steps, test set every {EVERY}. Beside it each arm at the best of four "
    f"rates on 10,000 held-out training images, N(0, {TUNED_STD}²), {SHORT:,} steps.",
    criterion="ratio of steps to 95 % at equal rates (geometric mean over seeds): 14 or more: "
    "reproduced; 2 or more: partly; the ratio of the best rates is printed beside it",
    reference="Figure 1a (digitised): ×3.7 to 95.3 %, ×2.8 to 97.2 %; ends at 97.2 % and 98.2 %. "
              "ImageNet: ×2.3 by BatchNorm alone, "
    "×14.8 with seven other changes",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(12.0, 3.6),
)  # fmt: skip
