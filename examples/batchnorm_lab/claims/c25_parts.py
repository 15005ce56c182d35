"""C25: which part of BatchNorm does it, beside other normalisations, over the batch size."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, above, median, pick, spread, verdict_of
from batchnorm_lab.norms import MeanOnly, RootMeanSquare, VarianceOnly
from batchnorm_lab.paired import by_name, dots, gains, points
from batchnorm_lab.plotting import COLORS, MARKERS, labelled
from batchnorm_lab.training import Data, fit
from batchnorm_lab.tuning import at_best_rate, choice_of
from minigrad import nn

BATCHES, STEPS, RATES, HELD_OUT = (2, 8, 32), 300, (0.02, 0.1, 0.5), 2000
ARMS = {  # channels -> layer
    "none": lambda c: nn.Identity(),
    "mean only": MeanOnly,
    "variance only": VarianceOnly,
    "Batch": nn.BatchNorm2d,
    "Layer": lambda c: nn.GroupNorm(1, c),
    "Group": lambda c: nn.GroupNorm(4, c),
    "Instance": lambda c: nn.InstanceNorm2d(c, affine=True),
    "RMS": RootMeanSquare,
}
COMPARISONS = 3  # intervals that decide
PARTS, SAMPLEWISE = ("mean only", "variance only"), ("Layer", "Group", "Instance", "RMS")


def build(arm: str, seed: int) -> nn.Sequential:
    """Return a net of three convolutions; the same seed gives the same weights."""
    mg.manual_seed(seed)
    layers: list[nn.Module] = [nn.Unflatten(1, (1, 28, 28))]
    for before, after in ((1, 8), (8, 16), (16, 16)):
        conv = nn.Conv2d(before, after, 3, stride=2, padding=1)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        layers += [conv, ARMS[arm](after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * 4 * 4, 10))


def trained(arm, batch, rate, seed, steps, data: Data, tick=lambda n: None) -> float:
    """Return the test accuracy."""
    net = build(arm, seed)
    return fit(net, data, steps=steps, batch=batch, lr=rate, seed=seed, tick=tick)[-1][1]


def cells(mode, seeds):
    """Each arm and batch size; quick: the smallest and the largest, 100 steps at two rates."""
    full = mode == "full"
    batches, rates = (BATCHES, RATES) if full else (BATCHES[::2], RATES[1:])
    return [
        {"arm": a, "batch": b, "seed": s, "steps": STEPS if full else 100, "rates": list(rates)}
        for b in batches
        for a in ARMS
        for s in range(seeds)
    ]


def measure(cell, data: Data, tick=lambda n: None) -> dict:
    """Return the accuracy at the best rate for this arm and batch size."""
    arm, batch, steps = cell["arm"], cell["batch"], cell["steps"]

    def run(rate, seed, part, tick):
        return {"accuracy": trained(arm, batch, rate, seed, steps, part, tick)}

    return at_best_rate(("C25", arm, batch, steps), cell, run, data, tick, size=HELD_OUT)


def _batches(results):
    return sorted({r.cell["batch"] for r in results})


def judge(results):
    """Both parts against each at the largest batch; Group- against BatchNorm at the smallest."""
    batches = _batches(results)
    small, large = batches[0], batches[-1]
    rows = [["normalisation", *(f"batch {b}" for b in batches), "rates"]]
    reached = {a: {b: [v["accuracy"] for v in pick(results, arm=a, batch=b)] for b in batches}
               for a in ARMS}  # fmt: skip
    for arm in ARMS:
        first = [pick(results, arm=arm, batch=b)[0] for b in batches]
        rates = ", ".join(f"{choice_of(v)['setting']['rate']:g}" for v in first)
        rows.append([arm, *(spread(reached[arm][b]) for b in batches), rates])
    over = {part: gains(results, "Batch", part, batch=large) for part in PARTS}
    group = gains(results, "Group", "Batch", batch=small)
    tests = [above(g, 0.0, COMPARISONS) for g in (*over.values(), group)]
    best = max(ARMS, key=lambda a: median(reached[a][large]))
    told = "; ".join(f"{part} {points(g, COMPARISONS)}" for part, g in over.items())
    middles = {b: {a: median(reached[a][b]) for a in ARMS} for b in (small, large)}
    ahead = [a for a in SAMPLEWISE if middles[small][a] > middles[small]["Batch"]]
    behind = [a for a in ARMS if middles[large][a] < middles[large]["none"]]
    return Judgement(
        verdict_of(tests),
        f"batch {large}, both parts over {told}; batch {small}, Group over Batch "
        f"{points(group, COMPARISONS)}",
        f"At batch {large} the highest median is {best}'s ({middles[large][best]:.1%}; none "
        f"{middles[large]['none']:.1%}; below none: {', '.join(behind) or 'no arm'}). At batch "
        f"{small} {', '.join(ahead) or 'none'} of the four that look at one image at a time "
        f"{'is' if len(ahead) < 2 else 'are'} ahead of BatchNorm by the median.",
        rows,
    )


def draw(figure, results):
    """Left: accuracy over batch size. Right: the three differences that decide."""
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    batches = _batches(results)
    colors, markers = [*COLORS, "#222222", "#888888"], [*MARKERS, "x", "*"]
    for i, arm in enumerate(ARMS):
        runs = [[v["accuracy"] for v in pick(results, arm=arm, batch=b)] for b in batches]
        places = np.array(batches) * 1.07 ** (i - 3.5)
        dots(left, places, runs, color=colors[i], marker=markers[i], label=arm)
    left.set_xscale("log", base=2)
    left.set_xticks(batches, [str(b) for b in batches])
    title = "3 convolutions, each arm at its own rate"
    labelled(left, title, "batch size", "test accuracy", None, ylim=(0, 1))
    left.legend(fontsize=7, ncols=2, loc="lower right")
    small, large = batches[0], batches[-1]
    decide = {f"batch {large}:\nBatch − {p}": gains(results, "Batch", p, batch=large)
              for p in PARTS}  # fmt: skip
    decide[f"batch {small}:\nGroup − Batch"] = gains(results, "Group", "Batch", batch=small)
    by_name(right, {n: [100 * g for g in v] for n, v in decide.items()}, comparisons=COMPARISONS)
    right.axvline(0, color="#222222", linewidth=0.8)
    labelled(right, "what decides", "points of test accuracy", "", None)


CLAIM = Claim(
    id="C25",
    title="Which part of BatchNorm does it, and what depends on the batch size",
    source="Salimans & Kingma 2016, mean-only (arXiv 1602.07868); Ba et al. 2016, Layer- (arXiv "
           "1607.06450); Wu & He 2018, Group- (arXiv 1803.08494); Zhang & Sennrich 2019, RMSNorm "
           "(arXiv 1910.07467)",
    claimed="BatchNorm takes both mean and variance; what normalises each sample for itself does "
            "not mind small batches, where BatchNorm loses.",
    protocol=f"conv 8, 16, 16 (3×3, stride 2, He) and a linear layer, {STEPS} SGD steps, batches "
             f"{', '.join(map(str, BATCHES))}; eight normalisations before ReLU, each at its best "
             f"rate of {', '.join(f'{r:g}' for r in RATES)} for that batch on {HELD_OUT:,} "
             f"held-out training images. Layer- and RMSNorm over channels and places.",
    criterion="test accuracy, three 95 % intervals that hold together: BatchNorm above mean only "
              "and above variance only at the largest batch; GroupNorm above BatchNorm at the "
              "smallest. All three: reproduced; some: partly",
    reference="Wu & He: ResNet-50 on ImageNet, batch 2: error 10.6 points lower with Group- than "
              "with BatchNorm",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(8.0, 4.2),
)  # fmt: skip
