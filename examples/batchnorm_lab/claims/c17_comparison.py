"""C17: a vanilla net against the same net with BatchNorm on MNIST, in one table."""

from __future__ import annotations

import itertools
import math
import time

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, interval, median, pick, spread, verdict_of
from batchnorm_lab.plotting import WITH, WITHOUT, banded, labelled
from batchnorm_lab.training import Data, accuracy, batches, fit, mlp, step
from minigrad import nn, optim

SIZES, BATCH, STEPS, EVERY = (784, 100, 100, 100, 10), 60, 10_000, 250
NETS = {  # activation, initial weights, the rate of the equal comparison, the rates tuned over
    "sigmoid": (nn.Sigmoid, 0.02, 0.5, (0.1, 0.5, 2.0, 5.0)),
    "ReLU": (nn.ReLU, "he", 0.1, (0.02, 0.1, 0.5, 2.0)),
}
ARMS, TUNING_STEPS, TUNING_SEED = ("vanilla", "BatchNorm"), 2000, 1000
_tuned: dict[tuple, float] = {}  # each process looks for a rate once


def build(net: str, arm: str, seed: int) -> nn.Sequential:
    """Return the net; both arms get the same initial weights."""
    activation, std, *_ = NETS[net]
    mg.manual_seed(seed)
    return mlp(SIZES, activation, norm=arm == "BatchNorm", std=std)


def tuned_rate(net: str, arm: str, steps: int, data: Data) -> float:
    """Return the rate that is best on the last 10,000 training images, trained on the others."""
    if (net, arm, steps) not in _tuned:
        held_out = Data(data.train[:-10_000], data.train[-10_000:])
        found = {}
        for rate in NETS[net][3]:
            model = build(net, arm, TUNING_SEED)
            found[rate] = fit(model, held_out, steps=steps, batch=BATCH, lr=rate, seed=TUNING_SEED)[
                -1
            ][1]
        _tuned[net, arm, steps] = max(found, key=found.get)
    return _tuned[net, arm, steps]


def measure(cell, data: Data, tick=lambda n: None) -> dict:
    """Return curve, rate, milliseconds a step and the number of parameters of one run."""
    net, arm, seed, steps = cell["net"], cell["arm"], cell["seed"], cell["steps"]
    rate = (
        NETS[net][2]
        if cell["rates"] == "equal"
        else tuned_rate(net, arm, min(steps, TUNING_STEPS), data)
    )
    model = build(net, arm, seed)
    optimizer, curve, seconds = (
        optim.SGD(model.parameters(), lr=rate),
        [[0, accuracy(model, data.test)]],
        0.0,
    )
    for t, (images, labels) in enumerate(
        itertools.islice(batches(data.train, BATCH, seed), steps), 1
    ):
        begun = time.perf_counter()
        step(model, optimizer, images, labels)
        seconds += time.perf_counter() - begun
        tick(1)
        if t % EVERY == 0 or t == steps:
            curve.append([t, accuracy(model, data.test)])
    parameters = sum(p.numel() for p in model.parameters())
    return {"rate": rate, "curve": curve, "ms": 1000 * seconds / steps, "parameters": parameters}


RATES, GOALS = ("equal", "tuned"), (0.90, 0.95, 0.97)


def cells(mode, seeds):
    """Two nets, both arms, equal and tuned rates.

    Quick: 1,000 steps of the paper's net at equal rates, 3 seeds.
    """
    full = mode == "full"
    return [
        {"net": n, "rates": r, "arm": a, "seed": s, "steps": STEPS if full else 1000}
        for n in (NETS if full else ("sigmoid",)) for r in (RATES if full else RATES[:1])
        for a in ARMS for s in range(seeds if full else 3)
    ]  # fmt: skip


def first(curve, goal):
    """Return the first step at which the curve is at ``goal``, infinite where it never is."""
    return next((t for t, a in curve if a >= goal), math.inf)


def _runs(results):
    """Return the comparisons there are: [(net, rates, vanilla's values, BatchNorm's values), …]."""
    pairs = [
        (n, r, *(pick(results, net=n, rates=r, arm=a) for a in ARMS)) for n in NETS for r in RATES
    ]
    return [pair for pair in pairs if pair[2] and pair[3]]


def _row(net, rates, arm, values):
    """Return one row of the table: medians (and ranges) over seeds."""
    steps = values[0]["curve"][-1][0]
    told = []
    for goal in GOALS:
        at = median(first(v["curve"], goal) for v in values)
        told.append(f"{at:,.0f}" if at < math.inf else f"> {steps:,}")
    ms, final = median(v["ms"] for v in values), spread([v["curve"][-1][1] for v in values], ".2%")
    at = median(first(v["curve"], 0.95) for v in values)
    seconds = f"{at * ms / 1000:.1f}" if at < math.inf else f"> {steps * ms / 1000:.1f}"
    chosen = "/".join(f"{r:g}" for r in sorted({v["rate"] for v in values}))
    return [
        net,
        f"{rates}, {chosen}",
        arm,
        final,
        *told,
        f"{ms:.2f}",
        seconds,
        f"{values[0]['parameters']:,}",
    ]


def judge(results):
    """Paired differences of the last accuracy, in each comparison."""
    rows = [
        [
            "net",
            "rate",
            "",
            "accuracy at the end",
            *(f"steps to {g:.0%}" for g in GOALS),
            "ms a step",
            "s to 95 %",
            "parameters",
        ]
    ]
    told, ahead = [], []
    for net, rates, *both in _runs(results):
        rows += [_row(net, rates, arm, values) for arm, values in zip(ARMS, both, strict=True)]
        gains = [b["curve"][-1][1] - v["curve"][-1][1] for v, b in zip(*both, strict=True)]
        low, high = interval(gains)
        ahead.append(low > 0)
        ends = f"{100 * low:+.2f}..{100 * high:+.2f}" if len(gains) > 1 else "one seed, no interval"
        told.append(f"{net}, {rates} rates {100 * sum(gains) / len(gains):+.2f} points ({ends})")
    slower = median(
        b["ms"] / v["ms"]
        for _, _, vanilla, batch in _runs(results)
        for v, b in zip(vanilla, batch, strict=True)
    )
    return Judgement(
        verdict_of(ahead),
        "BatchNorm minus vanilla at the end: " + "; ".join(told),
        f"BatchNorm ends ahead in {sum(ahead)} of {len(ahead)} comparisons (95 % interval above "
        f"0); a training step costs "
        f"×{slower:.1f} the time here, so fewer steps are not as much less time.",
        rows,
    )


def _steps_and_lines(values):
    """Return the steps of the probes, and the accuracies of each run at them."""
    curves = [v["curve"] for v in values]
    steps = [t for t, _ in curves[0]]
    return steps, [[accuracy for _, accuracy in curve] for curve in curves]


def _panels(figure, count):
    rows, columns = -(-count // 2), min(count, 2)
    return figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()


def draw(figure, results):
    """One panel per comparison."""
    runs = _runs(results)
    panels = _panels(figure, len(runs))
    for axes, (net, rates, *both) in zip(panels, runs, strict=True):
        for arm, values, style in zip(ARMS, both, (WITHOUT, WITH), strict=True):
            steps, lines = _steps_and_lines(values)
            banded(axes, steps, lines, **style, markevery=6, label=arm)
        low = 0.8 if steps[-1] > 5000 else 0.0  # long runs differ at the top
        title = f"3 × 100 {net}, {rates} rates"
        labelled(axes, title, "training steps", "test accuracy", "lower right", ylim=(low, 1.0))


CLAIM = Claim(
    id="C17",
    title="A vanilla net against a BatchNorm net on MNIST",
    source="Ioffe & Szegedy 2015, §4.1 and Figure 1a (arXiv 1502.03167)",
    claimed="The batch-normalized network trains faster and reaches a higher test accuracy.",
    protocol=f"784-100-100-100-10, sigmoid (the paper's; N(0, 0.02²)) and ReLU (He), binary "
             f"images, batch {BATCH}, SGD, "
    f"{STEPS:,} steps, the same initial weights and batches. Equal rates: 0.5 (sigmoid), 0.1 "
    f"(ReLU). Tuned: each arm "
    f"takes the best of four rates after {TUNING_STEPS:,} steps with a seed of its own, judged on "
    f"10,000 held-out training images.",
    criterion="paired difference of the last test accuracy above 0 (95 % interval over seeds) in "
              "all comparisons: reproduced; "
    "in some: partly",
    reference=("Figure 1a (digitised): 97.2 % without, 98.2 % with, after 44,000 and 49,000 steps; "
    "+0.9 points"),
    cells=cells, measure=measure, judge=judge, draw=draw, size=(8.0, 6.0),
)  # fmt: skip
