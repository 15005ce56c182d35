"""C30: whether a change in a shallow layer is amplified with depth, and less so by BatchNorm."""

from __future__ import annotations

import itertools
from copy import deepcopy

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, geometric, pick, ratio_above, times, verdict_of
from batchnorm_lab.paired import by_name
from batchnorm_lab.plotting import WITH, WITHOUT, banded, labelled
from batchnorm_lab.training import Data, batches, linears, mlp, step
from minigrad import nn, optim
from minigrad.modes import hold_statistics

NETS = {  # activation, hidden layers, initial weights, rate
    "8 sigmoid layers": (nn.Sigmoid, 8, None, 0.5),
    "20 ReLU layers": (nn.ReLU, 20, "he", 0.02),
    "20 tanh layers": (nn.Tanh, 20, None, 0.02),
}
COMPARISONS = 2 * len(NETS)  # in each net: does a change grow, and does BatchNorm change that?
UNSURE = "not told apart"
CHANGES = {"larger": "grows", "smaller": "shrinks", UNSURE: "does not measurably grow or shrink"}
EFFECTS = {
    "larger": "makes it grow more",
    "smaller": "makes it grow less",
    UNSURE: "makes no difference that could be told",
}
ARMS, WIDTH, BATCH, STEPS, IMAGES, CHANGE = ("without", "BatchNorm"), 100, 60, 200, 500, 0.01


def hidden(net: nn.Sequential, images: mg.Tensor) -> list[np.ndarray]:
    """Return what each activation gives, (N, width), by batch statistics, in float64."""
    found, x = [], images
    with mg.no_grad(), hold_statistics():
        for layer in list(net)[:-1]:
            x = layer(x)
            if not isinstance(layer, (nn.Linear, nn.BatchNorm1d)):
                found.append(x.numpy().astype(np.float64))
    return found


def changes(net: nn.Sequential, images: mg.Tensor, seed: int) -> list[float]:
    """Return by layer how far outputs move when the first layer's weights do by a hundredth.

    Relative to how far they differ between images: ‖h' − h‖ / ‖h − its mean‖.
    """
    net.double()
    before = hidden(net, images)
    moved = deepcopy(net)
    weight = linears(moved)[0].weight
    with mg.no_grad():
        noise = np.random.default_rng(seed).standard_normal(weight.shape)
        values = weight.detach().numpy()
        noise *= CHANGE * np.linalg.norm(values) / np.linalg.norm(noise)
        weight.copy_(mg.from_numpy(values + noise))
    after = hidden(moved, images)
    net.float()
    return [
        float(np.linalg.norm(b - a) / np.linalg.norm(a - a.mean(0)))
        for a, b in zip(before, after, strict=True)
    ]


def cells(mode, seeds):
    """Each net and arm; a cell takes a second or two. Quick: 50 steps."""
    steps = STEPS if mode == "full" else 50
    return [
        {"net": n, "arm": a, "seed": s, "steps": steps}
        for n in NETS
        for a in ARMS
        for s in range(max(seeds, 3))
    ]


def measure(cell, data: Data, tick=lambda n: None) -> dict:
    """Return the changes by layer before training and after it."""
    activation, depth, std, rate = NETS[cell["net"]]
    seed = cell["seed"]
    mg.manual_seed(seed)
    net = mlp((784, *[WIDTH] * depth, 10), activation, norm=cell["arm"] == "BatchNorm", std=std)
    images = mg.from_numpy(data.test.images[:IMAGES].astype(np.float64))
    found = {"before": changes(net, images, seed)}
    optimizer = optim.SGD(net.parameters(), lr=rate)
    steps = itertools.islice(batches(data.train, BATCH, seed), cell["steps"])
    for inputs, labels in steps:
        step(net, optimizer, inputs, labels)
        tick(1)
    return {**found, "after": changes(net, images, seed)}


def growth(results, net, arm, when) -> list[float]:
    """Return by seed the change in the last layer over that in the first."""
    return [v[when][-1] / v[when][0] for v in pick(results, net=net, arm=arm)]


def judge(results):
    """Amplified without BatchNorm, and less so with it, before training: in each net."""
    tests = []
    told: dict[str, str] = {}
    sentences = []
    for net in NETS:
        without, normed = (growth(results, net, arm, "before") for arm in ARMS)
        way = direction(without)
        effect = direction(more(results, net))
        tests.append(way == "larger" and effect == "smaller")
        told[net] = f"{net} {_times(without)} without and {_times(normed)} with BatchNorm"
        sentences.append(f"in {net} it {CHANGES[way]}, and BatchNorm {EFFECTS[effect]}")
    return Judgement(
        verdict_of(tests),
        f"change in the last layer over that in the first, before training: "
        f"{'; '.join(told.values())}",
        f"Before training and without BatchNorm, a change of the first layer's weights does this "
        f"on its way to the last layer, relative to the spread between images: "
        f"{'; '.join(sentences)}.",
        _rows(results),
    )


def more(results, net) -> list[float]:
    """Return by seed how many times more a change grows with BatchNorm, before training."""
    without, normed = (growth(results, net, arm, "before") for arm in ARMS)
    return [b / a for a, b in zip(without, normed, strict=True)]


def direction(ratios) -> str:
    """Return whether ratios are above 1, below, or neither, by an interval that decides."""
    if ratio_above(ratios, comparisons=COMPARISONS):
        return "larger"
    lower = ratio_above([1 / r for r in ratios], comparisons=COMPARISONS)
    return "smaller" if lower else UNSURE


def _times(ratios):
    return times(ratios, ".3g", COMPARISONS)


def _rows(results):
    rows = [["net", "", "last over first layer, before training", "after", "in the last layer"]]
    for net, arm in itertools.product(NETS, ARMS):
        both = [_times(growth(results, net, arm, when)) for when in ("before", "after")]
        end = geometric(v["before"][-1] for v in pick(results, net=net, arm=arm))
        rows.append([net, arm, *both, f"{end:.2g}"])
    return rows


def draw(figure, results):
    """One panel a net: the change by layer; the last, its growth."""
    *panels, last = figure.subplots(2, 2).ravel()
    groups = {}
    for axes, net in zip(panels, NETS, strict=True):
        for arm, style in zip(ARMS, (WITHOUT, WITH), strict=True):
            for when, line, fill in (("before", "-", "full"), ("after", ":", "none")):
                runs = [v[when] for v in pick(results, net=net, arm=arm)]
                layers = range(1, len(runs[0]) + 1)
                look = {**style, "linestyle": line, "fillstyle": fill, "markevery": 3}
                banded(axes, layers, runs, **look, label=f"{arm}, {when} training")
        groups[f"{net},\nwithout"] = growth(results, net, "without", "before")
        groups[f"{net},\nwith / without"] = more(results, net)
        axes.set_yscale("log")
        labelled(axes, net, "layer", "relative change", None)
    panels[0].legend(fontsize=7)
    by_name(last, groups, log=True, comparisons=COMPARISONS)
    last.axvline(1, color="#222222", linewidth=0.8)
    labelled(last, "judged: before training", "change, last layer over first", "", None)


CLAIM = Claim(
    id="C30",
    title="Small changes are amplified with depth, and BatchNorm prevents it",
    source="Ioffe & Szegedy 2015, §1 and §3.3 (arXiv 1502.03167); Wikipedia, Batch normalization, "
           "on internal covariate shift",
    claimed="As a network becomes deeper, minor changes in shallow layers are amplified as they "
            "propagate, and end as a significant shift in deep ones; BatchNorm reduces that.",
    protocol=f"784-{WIDTH}×8-10 sigmoid (Xavier), 784-{WIDTH}×20-10 ReLU (He) and tanh (Xavier); "
             f"the first layer's weights moved by {CHANGE:.0%} in a random direction; change of "
             f"each layer's output over {IMAGES} test images, relative to their spread, float64, "
             f"batch statistics; before training and after {STEPS} SGD steps.",
    criterion="before training, geometric means, 95 % intervals that hold together: the change "
              "grows from the first layer to the last without BatchNorm, and by less with it. In "
              "all three nets: reproduced; in some: partly",
    reference="none in figures",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(8.4, 6.0),
)  # fmt: skip
