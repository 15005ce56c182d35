"""C18: small batches hurt BatchNorm."""

from __future__ import annotations

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, above, median, pick, points, spread, verdict
from batchnorm_lab.paired import dots
from batchnorm_lab.plotting import COLORS, MARKERS, THEORY, WITH, WITHOUT, labelled
from batchnorm_lab.training import Data, fit, mlp
from batchnorm_lab.tuning import EQUAL_AND_TUNED, SEEDS, chosen_rates, grid, tuned
from minigrad import nn

SIZES, BATCHES, STEPS, RATE = (784, 100, 100, 100, 10), (2, 4, 8, 16, 60), 1500, 0.1
ARMS, RATES = ("without", "BatchNorm"), (0.005, 0.02, 0.1, 0.5)


def trained(arm: str, batch: int, rate: float, seed: int, data: Data, steps: int, tick) -> float:
    """Return the test accuracy of one run, BatchNorm by its running statistics."""
    mg.manual_seed(seed)
    net = mlp(SIZES, nn.ReLU, norm=arm == "BatchNorm", std="he")
    curve = fit(net, data, steps=steps, batch=batch, lr=rate, seed=seed, tick=tick)
    return curve[-1][1]


def measure(cell, data: Data, steps: int = STEPS, tick=lambda n: None) -> dict:
    """Return the test accuracy at the equal rate, or at the one that held-out images choose."""
    arm, batch, seed = cell["arm"], cell["batch"], cell["seed"]
    run = lambda rate, seed, data: trained(arm, batch, rate, seed, data, steps, tick)
    if cell["rates"] == "equal":
        return {"accuracy": run(RATE, seed, data)}
    score = lambda setting, split, seed: run(setting["rate"], seed, split)
    name = ("C18", arm, batch, steps)
    choice = tuned(name, grid(rate=RATES), score, data, seeds=SEEDS[:1])
    return {"accuracy": run(choice.setting["rate"], seed, data), **choice.told()}


def cells(mode, seeds):
    """Each batch size and arm; quick: the smallest and the largest batch, equal rates, 2 seeds."""
    full = mode == "full"
    return [
        {"batch": b, "arm": a, "rates": r, "seed": s}
        for b in (BATCHES if full else (BATCHES[0], BATCHES[-1]))
        for a in ARMS
        for r in (EQUAL_AND_TUNED if full else EQUAL_AND_TUNED[:1])
        for s in range(seeds if full else min(seeds, 2))
    ]


def _kinds(results):
    return [r for r in EQUAL_AND_TUNED if pick(results, rates=r)]


def _accuracies(results, arm, rates):
    batches = sorted({r.cell["batch"] for r in results})
    return {
        b: [v["accuracy"] for v in pick(results, arm=arm, rates=rates, batch=b)] for b in batches
    }


def lost(results, rates):
    """Return by batch size how far each seed's BatchNorm net is behind the one without."""
    without, normed = (_accuracies(results, a, rates) for a in ARMS)
    return {b: [w - n for w, n in zip(without[b], normed[b], strict=True)] for b in without}


def _comparisons(results) -> int:
    """Return how many intervals decide: one for each batch size and kind of rates."""
    return len({(r.cell["batch"], r.cell["rates"]) for r in results})


def judge(results):
    """Both arms at each batch size, at equal and at tuned rates; two images a batch decide."""
    rows = [["rates", "batch", *ARMS, "BatchNorm behind by, points (95 % intervals)"]]
    behind, told = {}, []
    count = _comparisons(results)
    for rates in _kinds(results):
        without, normed = (_accuracies(results, a, rates) for a in ARMS)
        gaps = lost(results, rates)
        behind[rates] = [b for b, gap in gaps.items() if above(gap, 0.0, count)]
        for b, gap in gaps.items():
            chosen = [
                f"{spread(runs[b])}{chosen_rates(results, arm=a, rates=rates, batch=b)}"
                for a, runs in zip(ARMS, (without, normed), strict=True)
            ]
            rows.append([rates, str(b), *chosen, points(gap, count)])
        largest = max(gaps)
        ends = [points(gaps[b], count) for b in (2, largest)]
        told.append(f"{rates} rates: {ends[0]} at batch 2, {ends[1]} at {largest}")
    harmed = ", ".join(
        f"{', '.join(map(str, found)) or 'no size'} at {rates} rates"
        for rates, found in behind.items()
    )
    return Judgement(
        verdict(all(2 in found for found in behind.values()), any(behind.values())),
        "points that BatchNorm is behind, " + "; ".join(told),
        "With two images a batch x̂ is ±1 whatever they show, and its gradient vanishes. BatchNorm "
        f"is behind (95 % intervals that hold together) at batch {harmed}.",
        rows,
    )


def draw(figure, results):
    """Accuracy over batch size, a panel for equal and one for tuned rates; what is judged."""
    kinds = _kinds(results)
    *panels, judged = figure.subplots(1, len(kinds) + 1)
    for i, rates in enumerate(kinds):
        gaps = {b: [100 * g for g in gap] for b, gap in lost(results, rates).items()}
        places = [b * 1.08 ** (i - 0.5) for b in gaps]
        look = {"color": COLORS[i], "marker": MARKERS[i], "label": f"{rates} rates"}
        dots(judged, places, list(gaps.values()), comparisons=_comparisons(results), **look)
    judged.axhline(0, **THEORY)
    judged.set_xscale("log", base=2)
    judged.set_xticks(list(gaps), [str(b) for b in gaps])
    labelled(judged, "BatchNorm behind by (judged)", "batch size", "points")
    for axes, rates in zip(panels, kinds, strict=True):
        for arm, style in zip(ARMS, (WITHOUT, WITH), strict=True):
            found = _accuracies(results, arm, rates)
            axes.plot(list(found), [median(r) for r in found.values()], **style, label=arm)
            for batch, runs in found.items():
                axes.plot([batch] * len(runs), runs, "_", color=style["color"])
        axes.set_xscale("log", base=2)
        axes.set_xticks(list(found), [str(b) for b in found])
        title = f"3 × 100 ReLU, {STEPS:,} steps, {rates} rates"
        labelled(axes, title, "batch size", "test accuracy", "lower right", ylim=(0, 1))


CLAIM = Claim(
    id="C18",
    title="Small batches hurt BatchNorm",
    source=("follows from Algorithm 1 at m = 2; Wu & He 2018, Group Normalization (arXiv "
    "1803.08494)"),
    claimed=("The error of a net with BatchNorm rises quickly as the batch becomes small, its "
    "statistics being poor."),
    protocol=f"784-100-100-100-10 ReLU, He, SGD, {STEPS:,} steps, batch 2 to 60, test accuracy in "
    f"evaluation mode; every arm sees the same number of steps, so fewer images in smaller "
    f"batches. Equal rate: {RATE:g}; tuned: of {', '.join(f'{r:g}' for r in RATES)} the best on "
    "10,000 held-out training images, for each arm and batch size.",
    criterion="paired difference over seeds: BatchNorm behind (95 % intervals of all sizes and "
    "rates that hold together) at batch 2 at equal and at tuned rates: reproduced; behind in some "
    "case: partly",
    reference="none on MNIST",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(11.0, 3.6),
)  # fmt: skip
