"""C29: cures for the statistics of small batches, and of large ones."""

from __future__ import annotations

import itertools

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, above, percent, pick, spread, verdict_of
from batchnorm_lab.norms import BatchRenorm
from batchnorm_lab.paired import by_name, dots, gains, points
from batchnorm_lab.plotting import COLORS, MARKERS, labelled
from batchnorm_lab.training import Data, fit, linears
from batchnorm_lab.tuning import at_best_rate, chosen_rates
from minigrad import nn

SIZES, STEPS, HELD_OUT = (784, 100, 100, 100, 10), 1000, 2000
SMALL, LARGE, GHOST = (2, 4, 8), 512, 32
COMPARISONS = len(SMALL) + 1  # intervals of cures: two decide, two are told
RATES = {**dict.fromkeys(SMALL, (0.01, 0.03, 0.1)), LARGE: (0.1, 0.5, 2.0)}
LAYERS = {  # (features, batch) -> layer
    "none": lambda c: nn.Identity(),
    "BatchNorm": nn.BatchNorm1d,
    "renorm": lambda c: BatchRenorm(c, warm=STEPS // 10),
    "ghost": lambda c: nn.GhostBatchNorm(c, virtual_batch_size=GHOST),
}
AT = {b: ("none", "BatchNorm", "renorm") for b in SMALL} | {LARGE: ("BatchNorm", "ghost")}


def build(arm: str, seed: int) -> nn.Sequential:
    """Return 784-100-100-100-10, ReLU, He, the arm's layer before each ReLU."""
    mg.manual_seed(seed)
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(SIZES[:-1]):
        layers += [nn.Linear(n_in, n_out), LAYERS[arm](n_out), nn.ReLU()]
    net = nn.Sequential(*layers, nn.Linear(*SIZES[-2:]))
    for layer in linears(net):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
    return net


def trained(arm, batch, rate, seed, steps, data: Data, tick=lambda n: None) -> float:
    """Return the test accuracy."""
    net = build(arm, seed)
    return fit(net, data, steps=steps, batch=batch, lr=rate, seed=seed, tick=tick)[-1][1]


def cells(mode, seeds):
    """Each batch size and arm; quick: batch 4 and the large one, 200 steps, two rates."""
    full = mode == "full"
    steps, kept = (STEPS, 3) if full else (200, 2)
    return [
        {
            "arm": a,
            "batch": b,
            "seed": s,
            "steps": _steps(b, steps),
            "rates": list(RATES[b][-kept:]),
        }
        for b, arms in AT.items()
        if full or b in (4, LARGE)
        for a in arms
        for s in range(seeds)
    ]


def _steps(batch: int, steps: int) -> int:
    """Return fewer steps of the large batch, of which each takes longer."""
    return steps // 2 if batch == LARGE else steps


def measure(cell, data: Data, tick=lambda n: None) -> dict:
    """Return the accuracy at the best rate for this arm and batch size."""
    arm, batch, steps = cell["arm"], cell["batch"], cell["steps"]

    def run(rate, seed, part, tick):
        return {"accuracy": trained(arm, batch, rate, seed, steps, part, tick)}

    return at_best_rate(("C29", arm, batch, steps), cell, run, data, tick, size=HELD_OUT)


def _small(results):
    return sorted({r.cell["batch"] for r in results} - {LARGE})


def judge(results):
    """Renorm against BatchNorm at batch 4; ghost batches against the whole of the large batch."""
    renorm = {b: gains(results, "renorm", "BatchNorm", batch=b) for b in _small(results)}
    ghost = gains(results, "ghost", "BatchNorm", batch=LARGE)
    rows = [["batch", "normalisation", "rate", "accuracy", "less BatchNorm"]]
    for batch in (*_small(results), LARGE):
        for arm in AT[batch]:
            values = pick(results, arm=arm, batch=batch)
            rate = chosen_rates(results, arm=arm, batch=batch).removeprefix(", rate ")
            reached = spread([v["accuracy"] for v in values])
            less = points(gains(results, arm, "BatchNorm", batch=batch), COMPARISONS)
            rows.append([str(batch), arm, rate, reached, "-" if arm == "BatchNorm" else less])
    plain = {b: gains(results, "none", "BatchNorm", batch=b) for b in _small(results)}
    told = "; ".join(f"batch {b} {points(g, COMPARISONS)}" for b, g in renorm.items())
    beside = ", ".join(f"batch {b} {points(g, COMPARISONS)}" for b, g in plain.items())
    helps = [str(b) for b, g in renorm.items() if above(g, 0.0, COMPARISONS)]
    ahead = f"batch {' and '.join(helps)}" if helps else "no batch size"
    reached = {a: percent([v["accuracy"] for v in pick(results, arm=a, batch=4)])
               for a in ("BatchNorm", "renorm")}  # fmt: skip
    return Judgement(
        verdict_of([above(g, 0.0, COMPARISONS) for g in (renorm[4], ghost)]),
        f"renorm less BatchNorm: {told}; ghosts of {GHOST} less the whole batch of {LARGE}: "
        f"{points(ghost, COMPARISONS)}",
        f"At batch 4 BatchNorm reaches {reached['BatchNorm']} and renorm "
        f"{reached['renorm']}; renorm is ahead at {ahead}, each "
        f"at its own rate. At batch 2 (x − μ)/σ is ±1 whatever the images, and no gradient passes; "
        f"r and d bring the images back into the output, not the gradient. No normalisation less "
        f"BatchNorm: {beside}.",
        rows,
    )


def draw(figure, results):
    """Left: accuracy over the batch. Right: the differences that decide."""
    left, right = figure.subplots(1, 2)
    arms = AT[SMALL[0]]
    small = _small(results)
    for i, arm in enumerate(arms):
        runs = [[v["accuracy"] for v in pick(results, arm=arm, batch=b)] for b in small]
        places = [b * 1.05 ** (i - 1) for b in small]
        dots(left, places, runs, color=COLORS[i], marker=MARKERS[i], label=arm)
    left.set_xscale("log", base=2)
    left.set_xticks(small, [str(b) for b in small])
    labelled(left, "small batches", "batch size", "test accuracy", "lower right", ylim=(0, 1))
    groups = {f"batch {b}:\nrenorm": gains(results, "renorm", "BatchNorm", batch=b) for b in small}
    groups[f"batch {LARGE}:\nghosts of {GHOST}"] = gains(results, "ghost", "BatchNorm", batch=LARGE)
    by_name(right, {n: [100 * g for g in v] for n, v in groups.items()}, comparisons=COMPARISONS)
    right.axvline(0, color="#222222", linewidth=0.8)
    labelled(right, "less BatchNorm, each at its own rate", "points of test accuracy", "", None)


CLAIM = Claim(
    id="C29",
    title="Cures: renormalisation for small batches, ghost batches for large ones",
    source="Ioffe 2017, Batch Renormalization (arXiv 1702.03275); Hoffer, Hubara & Soudry 2017, "
           "Ghost Batch Normalization (arXiv 1705.08741)",
    claimed="Batch Renormalization trains with small batches where BatchNorm loses; statistics of "
            "ghost batches let a large batch generalise as a small one does.",
    protocol=f"784-100-100-100-10 ReLU, He, SGD; batches {', '.join(map(str, SMALL))}, {STEPS:,} "
             f"steps, none, BatchNorm, renorm (r to 3, d to 5, after a tenth of the steps); batch "
             f"{LARGE}, {STEPS // 2} steps, BatchNorm of the whole and by ghosts of {GHOST}; each "
             f"at its best of three rates for that batch on {HELD_OUT:,} held-out training images.",
    criterion="test accuracy, 95 % intervals that hold together: (a) renorm above BatchNorm at "
              "batch 4; (b) ghost batches above the whole batch. Both: reproduced; one: partly",
    reference="none in figures: substantially better with small minibatches (Ioffe, abstract); a "
              "significantly smaller gap of generalisation (Hoffer et al., abstract)",
    cells=cells, measure=measure, judge=judge, draw=draw,
)  # fmt: skip
