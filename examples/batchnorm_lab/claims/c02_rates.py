"""C2: higher learning rates."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, median, percent, pick, spread, verdict
from batchnorm_lab.plotting import THEORY, WITH, WITHOUT, labelled
from batchnorm_lab.training import Data, fit, mlp
from batchnorm_lab.tuning import best_rate, choice_of
from minigrad import nn

SIZES, STD, BATCH = (784, 100, 100, 100, 10), 0.1, 60
RATES = (
    0.02,
    0.1,
    0.5,
    2.0,
    2.5,
    5.0,
    10.0,
    15.0,
    25.0,
    60.0,
    150.0,
)  # ×5 and ×30 of 0.5, 2 and 5 among them
ANCHORS, FACTORS, WORKS = (0.5, 2.0, 5.0), (1, 5, 30), 0.85
FAILS = 0.2  # at chance
ARMS = ("without", "BatchNorm")


def cells(mode, seeds):
    """Every rate; quick: the rates around one anchor, 1,000 steps, one seed."""
    rates, steps, seeds = (
        (RATES, 3000, seeds) if mode == "full" else ((0.5, 2.0, 2.5, 10.0, 15.0, 60.0), 1000, 1)
    )
    anchors = [rate for rate in ANCHORS if rate in rates]
    search = [{"part": "anchor", "arm": ARMS[0], "rates": anchors, "steps": steps}]
    return search + [
        {"arm": a, "rate": r, "steps": steps, "seed": s}
        for a in ARMS
        for r in rates
        for s in range(seeds)
    ]


def measure(cell, data: Data, tick=lambda n: None):
    """Return the test accuracy, or the vanilla net's best of the anchors by held-out images."""
    arm, steps = cell["arm"], cell["steps"]
    run = lambda rate, seed, part: trained(arm, rate, seed, steps, part, tick)
    if "rates" in cell:
        return {"choice": best_rate(("C2", steps), cell, run, data).told()}
    return {"accuracy": run(cell["rate"], cell["seed"], data)}


def trained(arm: str, rate: float, seed: int, steps: int, data: Data, tick) -> float:
    """Return the test accuracy."""
    mg.manual_seed(seed)
    net = mlp(SIZES, nn.Sigmoid, norm=arm == "BatchNorm", std=STD)
    ((_, reached),) = fit(net, data, steps=steps, batch=BATCH, lr=rate, seed=seed, tick=tick)
    return reached


def _accuracies(results, arm):
    rates = sorted({r.cell["rate"] for r in results if "rate" in r.cell})
    return {r: [v["accuracy"] for v in pick(results, arm=arm, rate=r)] for r in rates}


def _anchor(results):
    (search,) = pick(results, part="anchor")
    return choice_of(search)["setting"]["rate"]


def _learns(results):
    """Return what counts as learning; quick runs have not arrived yet."""
    return 0.93 if max(r.cell["steps"] for r in results) >= 3000 else 0.88


def _width(found):
    """Return the lowest and the highest rate that work, and their ratio."""
    works = [rate for rate, runs in found.items() if median(runs) >= WORKS]
    return (min(works), max(works), max(works) / min(works)) if works else (0.0, 0.0, 1.0)


def judge(results):
    """×5 and ×30 of the baseline's best rate, and the range of rates that work."""
    without, normed = (_accuracies(results, a) for a in ARMS)
    anchor, learns = _anchor(results), _learns(results)
    raised = {f: anchor * f for f in FACTORS[1:] if anchor * f in normed}
    works = {
        f: median(normed[rate]) > learns and median(without[rate]) < FAILS
        for f, rate in raised.items()
    }
    low, high, width = _width(normed)
    wider = width / _width(without)[2]
    rows = [["rate", *ARMS], *([f"{r:g}", spread(without[r]), spread(normed[r])] for r in without)]
    reached = "; ".join(
        f"×{f}: BatchNorm {percent(normed[rate])}, without {percent(without[rate])}"
        for f, rate in raised.items()
    )
    told = ", ".join(f"×{f} {'works' if ok else 'does not'}" for f, ok in works.items())
    return Judgement(
        verdict(all(works.values()) and wider >= 4, any(works.values()) or wider >= 4),
        f"of the vanilla net's best rate {anchor:g}, {reached}; rates {low:g} to {high:g} work "
        f"with BatchNorm, a range ×{wider:.0f} wider",
        f"Of the vanilla net's best rate {anchor:g} BatchNorm bears more ({told}: its "
        f"median seed above {learns:.0%} where the vanilla net's is below {FAILS:.0%}); the rates "
        f"that reach {WORKS:.0%} span a range ×{wider:.0f} wider with it.",
        rows,
    )


def draw(figure, results):
    """Accuracy over the learning rate, with ×5 and ×30 marked."""
    axes = figure.subplots()
    for arm, style in zip(ARMS, (WITHOUT, WITH), strict=True):
        found = _accuracies(results, arm)
        axes.plot(list(found), [median(r) for r in found.values()], **style, label=arm)
        for rate, runs in found.items():
            axes.plot([rate] * len(runs), runs, "_", color=style["color"])
    anchor = _anchor(results)
    for gate in (WORKS, FAILS, _learns(results)):
        axes.axhline(gate, **THEORY)
    for factor in FACTORS:
        axes.axvline(anchor * factor, color="#222222", linestyle=":", linewidth=1)
        above = axes.get_xaxis_transform()  # 1.01: just above the axes
        axes.text(anchor * factor, 1.01, f"×{factor}", ha="center", fontsize=8, transform=above)
    axes.set_xscale("log")
    labelled(
        axes,
        "",
        "learning rate (dashes: seeds; dotted: gates)",
        "test accuracy",
        "lower left",
        ylim=(0, 1),
        yticks=np.linspace(0, 1, 6),
    )


CLAIM = Claim(
    id="C2",
    title="Higher learning rates: ×5, ×30",
    source="Ioffe & Szegedy 2015, §3.3 and §4.2.2 (arXiv 1502.03167)",
    claimed=("BatchNorm allows learning rates 5 and 30 times as high; plain Inception at the ×5 "
    "rate reached machine infinity."),
    protocol=f"784-100-100-100-10 sigmoid, N(0, {STD}²), batch {BATCH}, 3,000 SGD steps, eleven "
             f"rates. Anchor: the vanilla "
    "net's best of 0.5, 2, 5 on 10,000 held-out training images.",
    criterion="medians over seeds; ×5 and ×30 each: BatchNorm above 93 % where the vanilla net is "
              "below 20 %; range of rates with 85 % at least ×4 wider. All: reproduced; some: "
              "partly (quick runs, 1,000 steps: 88 %)",
    reference="ImageNet: BN-x5 73.0 %, BN-x30 74.8 %, plain 72.2 % and infinite at ×5",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(6.4, 3.8), ci=True,
)  # fmt: skip
