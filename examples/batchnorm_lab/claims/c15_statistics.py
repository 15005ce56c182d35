"""C15: a net trained by batch statistics is used with fixed ones."""

from __future__ import annotations

import itertools

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, median, percent, pick, points, spread, verdict_of
from batchnorm_lab.paired import by_name
from batchnorm_lab.plotting import INK, THEORY, WITH, WITHOUT, labelled
from batchnorm_lab.training import Data, Part, accuracy, batches, fit, mlp
from minigrad import nn

SIZES, STEPS, RATE, STD = (784, 100, 100, 100, 10), 1500, 0.5, 0.02
GROUPS = (1, 2, 5, 10, 60, 1000)  # test images that share their batch statistics


def scores_by_groups(net: nn.Sequential, images: np.ndarray, group: int) -> np.ndarray:
    """Return the scores when each ``group`` of images is normalised by its own statistics."""
    h = mg.from_numpy(images)
    with mg.no_grad():
        for layer in net:
            if isinstance(layer, nn.BatchNorm1d):
                grouped = h.reshape(-1, group, h.shape[1])
                d = grouped - grouped.mean(1, keepdim=True)
                h = (d / ((d * d).mean(1, keepdim=True) + layer.eps).sqrt()).reshape(h.shape)
                h = h * layer.weight + layer.bias
            else:
                h = layer(h)
    return h.numpy()


def accuracy_by_groups(net: nn.Sequential, part: Part, group: int) -> float:
    """Return the test accuracy of :func:`scores_by_groups`.

    Images that fill no group are left out.
    """
    whole = part[: len(part.labels) // group * group]
    return float((scores_by_groups(net, whole.images, group).argmax(1) == whole.labels).mean())


def depends_on_mates(net: nn.Sequential, images: np.ndarray) -> float:
    """Return the largest change, in float64, of evaluation scores when images come alone."""
    net.double().eval()
    x = mg.from_numpy(images.astype(np.float64))
    with mg.no_grad():
        together, alone = (
            net(x).numpy(),
            np.concatenate([net(x[i : i + 1]).numpy() for i in range(len(images))]),
        )
    net.float().train()
    return float(np.abs(together - alone).max())


def measure(cell, data: Data, steps: int = STEPS, tick=lambda n: None) -> dict:
    """Train once; return the test accuracy under each kind of statistics."""
    mg.manual_seed(cell["seed"])
    net = mlp(SIZES, std=STD)
    fit(net, data, steps=steps, batch=60, lr=RATE, seed=cell["seed"], tick=tick)
    shuffled = data.test[np.random.default_rng(0).permutation(len(data.test.labels))]
    by_class = data.test[np.argsort(data.test.labels, kind="stable")]
    found = {
        "running": accuracy(net, data.test),
        "change by batch mates": depends_on_mates(net, data.test.images[:200]),
        "shuffled": {str(g): accuracy_by_groups(net, shuffled, g) for g in GROUPS},
        "by class": {str(g): accuracy_by_groups(net, by_class, g) for g in GROUPS},
    }
    thousand = itertools.islice(batches(data.train, 60, seed=0), 1000)
    nn.utils.recalibrate_batchnorm(net, thousand, average="paper")
    return found | {"algorithm 2": accuracy(net, data.test)}


def cells(mode, seeds):
    """One training a seed."""
    return [{"seed": s} for s in range(min(seeds, 3) if mode == "quick" else seeds)]


def judge(results):
    """Algorithm 2 against running averages; independence of batch mates; the collapse by class."""
    found = pick(results)
    differ = [v["algorithm 2"] - v["running"] for v in found]
    collapse = max(v["by class"][str(g)] for v in found for g in GROUPS if g <= 60)
    tests = (
        abs(median(differ)) <= 0.005,
        max(v["change by batch mates"] for v in found) < 1e-10,
        collapse < 0.40,
    )
    rows = [["statistics", "images shuffled", "sorted by class"]]
    rows += [
        ["running averages (evaluation mode)", spread([v["running"] for v in found]), "the same"]
    ]
    rows += [
        [
            "Algorithm 2, 1,000 training batches",
            spread([v["algorithm 2"] for v in found]),
            "the same",
        ]
    ]
    for g in map(str, GROUPS):
        rows.append(
            [
                f"of {g} test image{'s' if g != '1' else ''} at once",
                *(spread([v[k][g] for v in found]) for k in ("shuffled", "by class")),
            ]
        )
    return Judgement(
        verdict_of(tests),
        f"Algorithm 2 {points(differ)} points beside running averages; by class at most "
        f"{collapse:.0%}",
        f"Fixed statistics give {percent([v['running'] for v in found])} whatever comes beside an "
        f"image; by statistics of 60 test images it is "
        f"{percent([v['by class']['60'] for v in found])} when they share a class, and of one "
        f"image, where minigrad refuses, chance.",
        rows,
    )


def draw(figure, results):
    """Accuracy over the number of images that share their statistics; what is judged."""
    (axes, judged), found = figure.subplots(1, 2, width_ratios=(3, 2)), pick(results)
    differ = [100 * (v["algorithm 2"] - v["running"]) for v in found]
    by_name(judged, {"Algorithm 2 −\nrunning averages": differ})
    for gate in (-0.5, 0.5):
        judged.axvline(gate, **THEORY)
    labelled(judged, "in use (dotted: gates)", "points of test accuracy", "", None)
    axes.axhline(0.4, **THEORY, label="gate by class, to 60 images")
    for key, style, label in (
        ("shuffled", WITH, "batch statistics, shuffled"),
        ("by class", WITHOUT, "batch statistics, sorted by class"),
    ):
        runs = np.array([[v[key][str(g)] for g in GROUPS] for v in found])
        axes.errorbar(
            GROUPS,
            np.median(runs, 0),
            np.abs(np.quantile(runs, [0, 1], 0) - np.median(runs, 0)),
            **style,
            capsize=2,
            label=label,
        )
    axes.axhline(
        median(v["running"] for v in found),
        color=INK,
        label="running averages (evaluation mode)",
    )
    axes.set_xscale("log")
    axes.set_xticks(GROUPS, [str(g) for g in GROUPS])
    axes.minorticks_off()
    labelled(
        axes,
        "3 × 100 sigmoid, 1,500 steps",
        "test images normalised together",
        "test accuracy",
        "center right",
        ylim=(0, 1),
    )


CLAIM = Claim(
    id="C15",
    title="In use, fixed statistics replace those of the batch",
    source="Ioffe & Szegedy 2015, §3.1 and Algorithm 2 (arXiv 1502.03167)",
    claimed="The normalization by a mini-batch is neither necessary nor desirable in use; means "
            "over training batches "
    "make the output depend on its input alone.",
    protocol=f"784-100-100-100-10 sigmoid, N(0, {STD}²), rate {RATE:g}, batch 60, {STEPS} steps; "
             f"then test accuracy by running "
    "averages, by Algorithm 2 (1,000 training batches), and by statistics of 1 to 1000 test images "
    "at once.",
    criterion="Algorithm 2 within 0.5 points of running averages (median); in evaluation mode no "
              "effect of batch mates (1e-10, "
    "float64); sorted by class, statistics of up to 60 images below 40 %",
    reference="none (the paper states the rule)",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(9.6, 3.8), ci=True,
)  # fmt: skip
