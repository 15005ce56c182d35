"""C26: deep residual nets without normalisation, by SkipInit and Fixup."""

from __future__ import annotations

import itertools
import math

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, above, percent, pick, spread, verdict_of
from batchnorm_lab.paired import by_name, gains, points
from batchnorm_lab.plotting import COLORS, MARKERS, banded, labelled
from batchnorm_lab.training import Data, batches, step
from batchnorm_lab.tuning import at_best_rate, chosen_rates
from minigrad import nn, optim

BLOCKS, WIDTH, BATCH, STEPS = 30, 64, 64, 250  # two layers a block: depth 60
RATES, HELD_OUT = (0.01, 0.03, 0.1, 0.3, 1.0), 2000
ARMS = ("BatchNorm", "none", "SkipInit", "Fixup")
CURES = ARMS[2:]
COMPARISONS = 3  # intervals that decide


class Block(nn.Module):
    """h ← h + α W₂ relu(N(W₁ relu(N(h)))): N is BatchNorm, a scalar shift for Fixup, or nothing.

    α is a scalar: SkipInit begins at 0, Fixup at 1 with W₂ = 0 and W₁ of He over √blocks.
    """

    def __init__(self, arm: str, width: int, blocks: int) -> None:
        super().__init__()
        self.first = nn.Linear(width, width, bias=False)
        self.second = nn.Linear(width, width, bias=False)
        for layer in (self.first, self.second):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        self.norms = nn.ModuleList([self._norm(arm, width) for _ in range(2)])
        if arm in CURES:
            self.scale = nn.Parameter(mg.full((), 0.0 if arm == "SkipInit" else 1.0))
        else:
            self.scale = 1.0
        if arm == "Fixup":
            nn.init.zeros_(self.second.weight)
            with mg.no_grad():
                self.first.weight.mul_(1 / math.sqrt(blocks))

    @staticmethod
    def _norm(arm: str, width: int) -> nn.Module:
        if arm == "BatchNorm":
            return nn.BatchNorm1d(width)
        return Shift() if arm == "Fixup" else nn.Identity()

    def forward(self, h: mg.Tensor) -> mg.Tensor:
        """(N, width) -> (N, width)."""
        before, between = self.norms
        inner = self.first(before(h).relu())
        return h + self.second(between(inner).relu()) * self.scale


class Shift(nn.Module):
    """x + b, a scalar."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(mg.zeros(()))

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        """Any shape."""
        return x + self.bias


def build(arm: str, seed: int, blocks: int = BLOCKS, width: int = WIDTH) -> nn.Sequential:
    """Return the net: a linear layer, the blocks, ReLU, a linear layer (zero for Fixup)."""
    mg.manual_seed(seed)
    inner = [Block(arm, width, blocks) for _ in range(blocks)]
    last = [nn.BatchNorm1d(width)] if arm == "BatchNorm" else []
    net = nn.Sequential(nn.Linear(784, width), *inner, *last, nn.ReLU(), nn.Linear(width, 10))
    if arm == "Fixup":
        nn.init.zeros_(net[-1].weight)
    return net


def trained(arm, rate, seed, steps, data: Data, blocks=BLOCKS, tick=lambda n: None) -> dict:
    """Return test accuracy after recalibration, and the losses by step (1e9 where not finite)."""
    net = build(arm, seed, blocks)
    optimizer, losses = optim.SGD(net.parameters(), lr=rate), []
    for images, labels in itertools.islice(batches(data.train, BATCH, seed), steps):
        loss = step(net, optimizer, images, labels)
        losses.append(loss if math.isfinite(loss) else 1e9)
        tick(1)
        if losses[-1] == 1e9:  # nothing comes of it any more
            break
    return {"accuracy": exact_accuracy(net, data, losses), "losses": losses}


def exact_accuracy(net: nn.Sequential, data: Data, losses: list[float]) -> float:
    """Return the test accuracy, BatchNorm by the statistics of 1,000 training images."""
    if losses[-1] == 1e9:
        return 0.1
    nn.utils.recalibrate_batchnorm(net, [mg.from_numpy(data.train.images[:1000])])
    net.eval()
    with mg.no_grad():
        scores = net(mg.from_numpy(data.test.images)).numpy()
    return float((scores.argmax(1) == data.test.labels).mean())


def cells(mode, seeds):
    """Each arm; quick: 60 steps, two rates."""
    full = mode == "full"
    rates, steps = (RATES, STEPS) if full else (RATES[2:4], 60)
    return [
        {"arm": a, "seed": s, "steps": steps, "rates": list(rates)}
        for a in ARMS
        for s in range(seeds)
    ]


def measure(cell, data: Data, tick=lambda n: None) -> dict:
    """Return accuracy and losses at the arm's best rate."""
    arm, steps = cell["arm"], cell["steps"]

    def run(rate, seed, part, tick):
        found = trained(arm, rate, seed, steps, part, tick=tick)
        return {**found, "losses": found["losses"][::10]}

    return at_best_rate(("C26", arm, steps), cell, run, data, tick, size=HELD_OUT)


def _shorter(results, arm):
    """Return the losses of an arm's runs, all as long as the shortest."""
    losses = [v["losses"] for v in pick(results, arm=arm)]
    length = min(map(len, losses))
    return [run[:length] for run in losses]


def judge(results):
    """Each cure against BatchNorm, both at their own rates."""
    over = {arm: gains(results, arm, "BatchNorm") for arm in ARMS[1:]}
    rows = [["", "accuracy", "rate", "less BatchNorm"]]
    for arm in ARMS:
        values = pick(results, arm=arm)
        rate = chosen_rates(results, arm=arm).removeprefix(", rate ")
        less = points(over[arm], COMPARISONS) if arm in over else "-"
        rows.append([arm, spread([v["accuracy"] for v in values]), rate, less])
    as_good = {arm: above(over[arm], -0.005, COMPARISONS) for arm in CURES}
    needed = above([-g for g in over["none"]], 0.05, COMPARISONS)
    reached = {arm: percent([v["accuracy"] for v in pick(results, arm=arm)]) for arm in ARMS}
    cured = [arm for arm in CURES if as_good[arm]]
    return Judgement(
        verdict_of([needed, *as_good.values()]),
        "less BatchNorm, each at its own rate: "
        + "; ".join(f"{arm} {points(less, COMPARISONS)}" for arm, less in over.items()),
        f"A residual net of {2 * BLOCKS} layers reaches {reached['BatchNorm']} with BatchNorm "
        f"and {reached['none']} with nothing in its place; "
        f"{' and '.join(cured) if cured else 'no cure'} "
        f"{'is' if len(cured) < 2 else 'are'} shown to be no more than half a point behind "
        f"BatchNorm.",
        rows,
    )


def draw(figure, results):
    """Left: training losses. Right: differences to BatchNorm, in points."""
    left, right = figure.subplots(1, 2)
    for i, arm in enumerate(ARMS):
        runs = _shorter(results, arm)
        look = {"color": COLORS[i], "marker": MARKERS[i], "markevery": 5}
        banded(left, range(0, 10 * len(runs[0]), 10), runs, **look, label=arm)
    left.set_yscale("log")
    labelled(left, f"{2 * BLOCKS} layers, each at its own rate", "training steps", "training loss")
    over = {arm: [100 * g for g in gains(results, arm, "BatchNorm")] for arm in ARMS[1:]}
    by_name(right, over, comparisons=COMPARISONS)
    right.axvline(0, color="#222222", linewidth=0.8)
    right.axvline(-0.5, color="#222222", linestyle=":")
    labelled(right, "less BatchNorm (dotted: −0.5)", "points of test accuracy", "", None)


CLAIM = Claim(
    id="C26",
    title="Deep residual nets do without normalisation",
    source="Zhang, Dauphin & Ma 2019, Fixup (arXiv 1901.09321); De & Smith 2020, SkipInit (arXiv "
           "2002.10444)",
    claimed="Residual nets train as well without normalisation when their branches begin small: by "
            "a scalar that begins at 0 (SkipInit), or scaled weights, zeros and scalar shifts "
            "(Fixup).",
    protocol=f"h ← h + W relu(W relu(h)), {BLOCKS} blocks of two layers, width {WIDTH}, He, on "
             f"MNIST, batch {BATCH}, {STEPS} SGD steps; BatchNorm before each ReLU, nothing, "
             f"SkipInit, Fixup, each at its best rate of {', '.join(f'{r:g}' for r in RATES)} on "
             f"{HELD_OUT:,} held-out training images; BatchNorm evaluates by the statistics of "
             f"1,000 training images; a run whose loss is not finite counts as 10 %.",
    criterion="test accuracy, three 95 % intervals that hold together: (a) without a cure more "
              "than 5 points below BatchNorm; (b) SkipInit and (c) Fixup no more than 0.5 points "
              "below. All: reproduced; some: partly",
    reference="Fixup trains as stably as with normalisation up to 10,000 layers; SkipInit trains "
              "1,000 layers",
    cells=cells, measure=measure, judge=judge, draw=draw,
)  # fmt: skip
