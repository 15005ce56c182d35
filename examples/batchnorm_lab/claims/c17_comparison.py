"""C17: a vanilla net against the same net with BatchNorm on MNIST, in one table."""

from __future__ import annotations

import itertools
import math
import time

import minigrad as mg
from batchnorm_lab.claim import (
    Claim,
    Judgement,
    above,
    geometric,
    median,
    pick,
    points,
    ratio_above,
    spread,
    times,
    verdict_of,
)
from batchnorm_lab.plotting import BLUE, THEORY, WITH, WITHOUT, banded, labelled
from batchnorm_lab.training import Data, accuracy, batches, fit, mlp, step
from batchnorm_lab.tuning import EQUAL_AND_TUNED, SEEDS, Choice, chosen_rates, grid, tuned
from minigrad import nn, optim

SIZES, BATCH, STEPS, EVERY = (784, 100, 100, 100, 10), 60, 10_000, 250
NETS = {  # activation; weights and rate of the equal comparison; those tuned over
    "sigmoid": (nn.Sigmoid, 0.02, 0.5, grid(weights=(0.02, 0.1, 0.2), rate=(0.5, 2.0, 5.0))),
    "ReLU": (nn.ReLU, "he", 0.1, grid(weights=("he", 0.05, 0.1), rate=(0.1, 0.5, 1.0))),
}
ARMS, SEARCH = ("vanilla", "BatchNorm"), 2000  # steps of a search
GOALS, GOAL, TURNS = (0.90, 0.95, 0.97), 0.95, 400


def build(net: str, arm: str, seed: int, weights=None) -> nn.Sequential:
    """Return the net; both arms get the same initial weights, those of the equal comparison."""
    activation, std, *_ = NETS[net]
    mg.manual_seed(seed)
    return mlp(SIZES, activation, norm=arm == "BatchNorm", std=weights or std)


def chosen(net: str, arm: str, steps: int, data: Data, tick=lambda n: None) -> Choice:
    """Return the rate and initial weights that are best for the arm on held-out images."""

    def score(setting, split, seed):
        model = build(net, arm, seed, setting["weights"])
        ((_, reached),) = fit(
            model, split, steps=steps, batch=BATCH, lr=setting["rate"], seed=seed, tick=tick
        )
        return reached

    return tuned(("C17", net, arm, steps), NETS[net][3], score, data, seeds=SEEDS[:1])


def milliseconds(net: str, seed: int, data: Data, turns: int = TURNS) -> dict[str, float]:
    """Return by arm the CPU time of a training step, both arms taking turns (median)."""
    models = [build(net, arm, seed) for arm in ARMS]
    optimizers = [optim.SGD(model.parameters(), lr=0.01) for model in models]
    spent: list[list[float]] = [[] for _ in ARMS]
    drawn = batches(data.train, BATCH, seed)
    for batch in itertools.islice(drawn, turns):
        for model, optimizer, of_arm in zip(models, optimizers, spent, strict=True):
            begun = time.process_time()
            step(model, optimizer, *batch)
            seconds = time.process_time() - begun
            of_arm.append(1000 * seconds)
    return dict(zip(ARMS, map(median, spent), strict=True))


def measure(cell, data: Data, tick=lambda n: None) -> dict:
    """Return the time of a step; or curve, rate and the number of parameters of one run."""
    net, seed = cell["net"], cell["seed"]
    if cell["rates"] == "timing":
        return {"ms": milliseconds(net, seed, data)}
    arm, steps = cell["arm"], cell["steps"]
    rate, weights, told = NETS[net][2], None, {}
    if cell["rates"] == "tuned":
        choice = chosen(net, arm, min(steps, SEARCH), data, tick)
        rate, weights = choice.setting["rate"], choice.setting["weights"]
        told = choice.told()
    model = build(net, arm, seed, weights)
    curve = [[0, accuracy(model, data.test)]]
    curve += fit(model, data, steps=steps, batch=BATCH, lr=rate, seed=seed, every=EVERY, tick=tick)
    parameters = sum(p.numel() for p in model.parameters())
    return {"rate": rate, "curve": curve, "parameters": parameters, **told}


def cells(mode, seeds):
    """Two nets, both arms, equal and tuned, and the time of a step.

    Quick: 1,000 steps of the paper's net at equal rates, 3 seeds.
    """
    full = mode == "full"
    nets, count = (tuple(NETS), seeds) if full else (("sigmoid",), 3)
    steps = STEPS if full else 1000
    comparisons = [("equal", {})] + ([("tuned", {"search": "weights and rate"})] if full else [])
    runs = [
        {"net": n, "rates": r, "arm": a, "seed": s, "steps": steps, **extra}
        for n in nets
        for r, extra in comparisons
        for a in ARMS
        for s in range(count)
    ]
    return runs + [{"net": n, "rates": "timing", "seed": s} for n in nets for s in range(count)]


def first(curve, goal):
    """Return the first step at which the curve is at ``goal``, infinite where it never is."""
    return next((t for t, a in curve if a >= goal), math.inf)


def _runs(results):
    """Return the comparisons there are: [(net, rates, vanilla's values, BatchNorm's values), …]."""
    pairs = [
        (n, r, *(pick(results, net=n, rates=r, arm=a) for a in ARMS))
        for n in NETS
        for r in EQUAL_AND_TUNED
    ]
    return [pair for pair in pairs if pair[2] and pair[3]]


def _ms(results, net, arm):
    return median(v["ms"][arm] for v in pick(results, net=net, rates="timing"))


def cost(results, net):
    """Return by seed how many times the CPU time a step with BatchNorm takes."""
    timed = pick(results, net=net, rates="timing")
    return [v["ms"]["BatchNorm"] / v["ms"]["vanilla"] for v in timed]


def fewer(vanilla, normed):
    """Return by seed how many times fewer steps BatchNorm takes to the goal.

    Who never arrives counts as arriving with the last step: for the vanilla net a lower bound.
    """
    last = vanilla[0]["curve"][-1][0]
    steps = [[min(first(v["curve"], GOAL), last) for v in values] for values in (vanilla, normed)]
    return [v / b for v, b in zip(*steps, strict=True)]


def _reached(values, goal):
    """Return the median step at which runs are at ``goal``; the last step where they never are."""
    step = median(first(v["curve"], goal) for v in values)
    never = step == math.inf
    return values[0]["curve"][-1][0] if never else step, "> " if never else ""


def _row(results, net, rates, arm, values):
    """Return one row of the table: medians (and ranges) over seeds."""
    chosen = chosen_rates(results, net=net, rates=rates, arm=arm)
    equal = NETS[net][2]
    setting = chosen or f", rate {equal:g}"
    ends = [v["curve"][-1] for v in values]
    final = spread([accuracy for _, accuracy in ends], ".2%")
    reached = [_reached(values, goal) for goal in GOALS]
    steps = [f"{bound}{step:,.0f}" for step, bound in reached]
    ms = _ms(results, net, arm)
    step, bound = _reached(values, GOAL)
    seconds = step * ms / 1000
    parameters = values[0]["parameters"]
    costs = [f"{ms:.2f}", f"{bound}{seconds:.1f}", f"{parameters:,}"]
    return [net, rates + setting, arm, final, *steps, *costs]


def _table(results):
    head = ["net", "setting", "", "accuracy at the end", *(f"steps to {g:.0%}" for g in GOALS)]
    rows = [[*head, "CPU ms a step", f"CPU s to {GOAL:.0%}", "parameters"]]
    for net, rates, *both in _runs(results):
        for arm, values in zip(ARMS, both, strict=True):
            rows.append(_row(results, net, rates, arm, values))
    return rows


def gained(vanilla, normed):
    """Return by seed how much more accurate BatchNorm is at the end."""
    last = [[v["curve"][-1][1] for v in values] for values in (vanilla, normed)]
    return [b - v for v, b in zip(*last, strict=True)]


def judge(results):
    """Accuracy at the end and steps to 95 %, paired; intervals of all comparisons together."""
    runs = _runs(results)
    count = len(runs)
    ahead = [above(gained(v, b), 0.0, count) for *_, v, b in runs]
    faster = [ratio_above(fewer(v, b), 1.0, count) for *_, v, b in runs]
    ends = [f"{n}, {r} {points(gained(v, b), count)}" for n, r, v, b in runs]
    speeds = [f"{n}, {r} {times(fewer(v, b), '.1f', count)}" for n, r, v, b in runs]
    costs = {n: cost(results, n) for n in dict.fromkeys(n for n, *_ in runs)}
    in_time = [
        f"{n}, {r} ×{geometric(fewer(v, b)) / geometric(costs[n]):.1f}" for n, r, v, b in runs
    ]
    slower = ", ".join(f"{times(ratios)} ({n})" for n, ratios in costs.items())
    return Judgement(
        verdict_of([*ahead, *faster]),
        f"points that BatchNorm ends ahead: {'; '.join(ends)}. Fewer steps to {GOAL:.0%}: "
        f"{'; '.join(speeds)}",
        f"BatchNorm ends ahead in {sum(ahead)} of {count} comparisons and takes fewer steps to "
        f"{GOAL:.0%} in {sum(faster)} (95 % intervals that hold together). A step costs {slower} "
        f"the CPU time, so in CPU time to {GOAL:.0%} it is faster by {'; '.join(in_time)} "
        "(below 1: slower).",
        _table(results),
    )


def _steps_and_lines(values):
    """Return the steps of the probes, and the accuracies of each run at them."""
    curves = [v["curve"] for v in values]
    steps = [t for t, _ in curves[0]]
    return steps, [[accuracy for _, accuracy in curve] for curve in curves]


def _judged(axes, runs, ratios, gate):
    """Draw what is judged, a column a comparison, each seed a dot."""
    for i, (*_, vanilla, normed) in enumerate(runs):
        found = ratios(vanilla, normed)
        axes.plot([i] * len(found), found, "o", color=BLUE, fillstyle="none")
    axes.axhline(gate, **THEORY)
    names = [f"{net}\n{rates}" for net, rates, *_ in runs]
    axes.set_xticks(range(len(runs)), names, fontsize=8)
    axes.set_xlim(-0.5, len(runs) - 0.5)


def draw(figure, results):
    """A panel a comparison; then the points at the end and the ratios of steps that are judged."""
    runs = _runs(results)
    panels = figure.subplots(-(-(len(runs) + 2) // 3), 3, squeeze=False).ravel()
    for axes, (net, rates, *both) in zip(panels, runs, strict=False):
        for arm, values, style in zip(ARMS, both, (WITHOUT, WITH), strict=True):
            steps, lines = _steps_and_lines(values)
            banded(axes, steps, lines, **style, markevery=6, label=arm)
        low = 0.8 if steps[-1] > 5000 else 0.0  # long runs differ at the top
        title = f"3 × 100 {net}, {rates}"
        labelled(axes, title, "training steps", "test accuracy", "lower right", ylim=(low, 1.0))
    ends, speeds = panels[len(runs) : len(runs) + 2]
    _judged(ends, runs, lambda v, b: [100 * g for g in gained(v, b)], 0)
    labelled(ends, "BatchNorm - vanilla at the end", "", "points", None)
    _judged(speeds, runs, fewer, 1)
    speeds.set_yscale("log", base=2)
    labelled(speeds, f"steps to {GOAL:.0%}, vanilla / BatchNorm", "", "ratio", None)


CLAIM = Claim(
    id="C17",
    title="A vanilla net against a BatchNorm net on MNIST",
    source="Ioffe & Szegedy 2015, §4.1 and Figure 1a (arXiv 1502.03167)",
    claimed="The batch-normalized network trains faster and reaches a higher test accuracy.",
    protocol=f"784-100-100-100-10, sigmoid and ReLU, binary images, batch {BATCH}, SGD, {STEPS:,} "
    "steps, the same batches. Equal: the paper's net, N(0, 0.02²) at rate 0.5, and ReLU, He at "
    "0.1, the same initial weights. Tuned: each arm at the best of three rates × three sizes of "
    f"weights after {SEARCH:,} steps, judged on 10,000 held-out training images. CPU time of a "
    f"step: both arms taking turns, median of {TURNS}.",
    criterion="paired over seeds: accuracy at the end higher (reaches a higher accuracy) and fewer "
    "steps to 95 % (trains faster), by 95 % intervals that hold together over the comparisons "
    "(Bonferroni). All: reproduced; some: partly",
    reference=("Figure 1a (digitised): 97.2 % without, 98.2 % with, after 44,000 and 49,000 steps; "
    "+0.9 points"),
    cells=cells, measure=measure, judge=judge, draw=draw, size=(10.8, 6.0),
)  # fmt: skip
