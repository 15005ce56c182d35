"""C23: γ and β of a random net, trained alone."""

from __future__ import annotations

import itertools

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, above, percent, pick, spread, verdict_of
from batchnorm_lab.paired import dots, gains, points
from batchnorm_lab.plotting import BLUE, COLORS, MARKERS, labelled
from batchnorm_lab.training import Data, accuracy, batches, linears, mlp, step
from batchnorm_lab.tuning import at_best_rate
from minigrad import nn, optim

DEPTH, WIDTHS, BATCH, STEPS = 4, (32, 128, 256), 60, 500
RATES = (0.1, 0.5, 2.0, 5.0)
AFFINE, WEIGHTS = "γ and β", "as many weights"
ARMS = (AFFINE, WEIGHTS, "output layer", "everything")


def build(width: int, seed: int) -> nn.Sequential:
    """Return 784-width×4-10, ReLU, He, BatchNorm; each arm starts from the same net."""
    mg.manual_seed(seed)
    return mlp((784, *[width] * DEPTH, 10), nn.ReLU, std="he")


def masks(net: nn.Sequential, arm: str, seed: int) -> list[tuple[mg.Tensor, mg.Tensor | None]]:
    """Return the tensors that an arm trains, each with a mask of 0 and 1, or None for all of it.

    As many weights as there are γ and β: two incoming ones of each hidden unit, by chance.
    """
    if arm == "everything":
        return [(p, None) for p in net.parameters()]
    if arm == AFFINE:
        norms = [m for m in net if isinstance(m, nn.BatchNorm1d)]
        return [(p, None) for norm in norms for p in norm.parameters()]
    *hidden, last = linears(net)
    if arm == "output layer":
        return [(last.weight, None), (last.bias, None)]
    rng = np.random.default_rng(seed)
    chosen = []
    for layer in hidden:
        units, inputs = layer.weight.shape
        mask = np.zeros((units, inputs), np.float32)
        for row in mask:
            row[rng.choice(inputs, 2, replace=False)] = 1
        chosen.append((layer.weight, mg.from_numpy(mask)))
    return chosen


def count(trained: list[tuple[mg.Tensor, mg.Tensor | None]]) -> int:
    """Return how many numbers are trained."""
    return sum(int(p.numel() if mask is None else mask.sum().item()) for p, mask in trained)


def trained(arm, width, rate, seed, steps, data: Data, tick=lambda n: None) -> dict:
    """Return the test accuracy of a net in which only the arm's numbers were trained."""
    net = build(width, seed)
    chosen = masks(net, arm, seed)
    for p in net.parameters():
        p.requires_grad_(any(p is q for q, _ in chosen))
    optimizer = _Masked(chosen, rate)
    for images, labels in itertools.islice(batches(data.train, BATCH, seed), steps):
        step(net, optimizer, images, labels)
        tick(1)
    return {"accuracy": accuracy(net, data.test), "trained": count(chosen)}


class _Masked(optim.SGD):
    """SGD that moves what a mask lets it."""

    def __init__(self, chosen, rate: float) -> None:
        super().__init__([p for p, _ in chosen], lr=rate)
        self.chosen = chosen

    def step(self) -> None:
        for p, mask in self.chosen:
            if mask is not None:
                p.grad.mul_(mask)
        super().step()


def cells(mode, seeds):
    """Each arm and width; quick: one width, 300 steps, two rates."""
    full = mode == "full"
    widths, rates, steps = (WIDTHS, RATES, STEPS) if full else (WIDTHS[1:2], RATES[1:3], 300)
    return [
        {"arm": a, "width": w, "seed": s, "steps": steps, "rates": list(rates)}
        for w in widths
        for a in ARMS
        for s in range(seeds)
    ]


def measure(cell, data: Data, tick=lambda n: None) -> dict:
    """Return accuracy and count at the arm's best rate."""
    arm, width, steps = cell["arm"], cell["width"], cell["steps"]

    def run(rate, seed, part, tick):
        return trained(arm, width, rate, seed, steps, part, tick)

    return at_best_rate(("C23", arm, width, steps), cell, run, data, tick)


def _widths(results):
    return sorted({r.cell["width"] for r in results})


def judge(results):
    """γ and β against as many weights, at each width, and what the widest reaches."""
    widths = _widths(results)
    count = 1 + len(widths)
    rows = [["width", "γ and β: numbers", *ARMS, "γ, β less as many weights"]]
    over = {w: gains(results, AFFINE, WEIGHTS, width=w) for w in widths}
    reached = {(w, a): [v["accuracy"] for v in pick(results, arm=a, width=w)]
               for w in widths for a in ARMS}  # fmt: skip
    for w in widths:
        numbers = f"{pick(results, arm=AFFINE, width=w)[0]['trained']:,}"
        told = [spread(reached[w, a]) for a in ARMS]
        rows.append([str(w), numbers, *told, points(over[w], count)])
    widest = widths[-1]
    by_width = {w: percent(reached[w, AFFINE], comparisons=count) for w in widths}
    told = ", ".join(f"{text} at width {w}" for w, text in by_width.items())
    learns = above(reached[widest, AFFINE], 0.5, count)
    better = all(above(g, 0.0, count) for g in over.values())
    weights, output, everything = (percent(reached[widest, arm]) for arm in ARMS[1:])
    apart = "; ".join(f"{w}: {points(g, count)}" for w, g in over.items())
    numbers = pick(results, arm="output layer", width=widest)[0]["trained"]
    return Judgement(
        verdict_of([learns, better]),
        f"width {widest}: {by_width[widest]} by γ and β alone, {weights} by as many weights, "
        f"{everything} by everything",
        f"γ and β of a random net reach {told}; they are {'' if better else 'not '}ahead of as "
        f"many weights at every width ({apart}). The output layer alone, trained by {numbers:,} "
        f"numbers, reaches {output}.",
        rows,
    )


def draw(figure, results):
    """Left: accuracy over width. Right: γ and β less as many weights."""
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    widths = _widths(results)
    for i, arm in enumerate(ARMS):
        runs = [[v["accuracy"] for v in pick(results, arm=arm, width=w)] for w in widths]
        places = [w * 1.06 ** (i - 1.5) for w in widths]
        dots(left, places, runs, color=COLORS[i], marker=MARKERS[i], label=arm)
    labelled(left, f"784-width×{DEPTH}-10, trained alone", "width", "test accuracy", "lower right")
    left.set_ylim(0, 1)
    over = [[100 * g for g in gains(results, AFFINE, WEIGHTS, width=w)] for w in widths]
    dots(right, widths, over, comparisons=1 + len(widths), color=BLUE)
    right.axhline(0, color="#222222", linewidth=0.8)
    labelled(right, "γ and β less as many weights", "width", "points of test accuracy", None)
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.set_xticks(widths, [str(w) for w in widths])


CLAIM = Claim(
    id="C23",
    title="Training γ and β alone of a random net",
    source="Frankle, Schwab & Morcos 2021 (arXiv 2003.00152)",
    claimed="With all weights left as drawn, training γ and β alone reaches accuracy far above "
            "chance, and above what as many weights reach, chosen by chance.",
    protocol=f"784-width×{DEPTH}-10 ReLU, He, widths {', '.join(map(str, WIDTHS))}, {STEPS:,} SGD "
             f"steps, batch {BATCH}; trained are γ and β, or two random incoming weights of each "
             f"hidden unit, or the output layer, or everything, each at its best rate of "
             f"{', '.join(f'{r:g}' for r in RATES)} on held-out training images.",
    criterion="(a) γ and β alone above 50 % at the largest width (95 % interval; chance is 10 %); "
              "(b) above as many weights at every width; the intervals hold together. Both: "
              "reproduced; one: partly",
    reference="CIFAR-10: 82 % by γ and β of deep ResNets, far more than by as many other "
              "parameters, chosen by chance",
    cells=cells, measure=measure, judge=judge, draw=draw,
)  # fmt: skip
