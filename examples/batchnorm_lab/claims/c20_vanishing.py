"""C20: BatchNorm prevents vanishing and exploding gradients: it bounds a bad start, at a price."""

from __future__ import annotations

import itertools

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, geometric, pick, ratio_above, times, verdict_of
from batchnorm_lab.deep import norms, ratio
from batchnorm_lab.plotting import WITH, WITHOUT, banded, labelled
from batchnorm_lab.training import Data, batches, linears, mlp, step
from minigrad import nn, optim

NETS = {  # activation, hidden layers, initial weights, learning rate
    "8 sigmoid layers": (nn.Sigmoid, 8, None, 0.5),
    "30 ReLU layers": (nn.ReLU, 30, "he", 0.1),
}
SIGMOID, RELU = NETS
NAMES = {SIGMOID: "Xavier", RELU: "He"}
SCALES = {SIGMOID: (1.0, 4.0), RELU: (0.5, 1.0, 2.0)}  # of the initial weights
ARMS, PROBES, BATCH = ("without", "BatchNorm"), (0, 10, 100), 60


def gradient_norms(
    net: str, arm: str, seed: int, data: Data, scale=1.0, probes=PROBES, tick=lambda n: None
) -> dict[str, list[float]]:
    """Return the weight-gradient norm of each layer, input side first, at each probed step."""
    activation, depth, std, rate = NETS[net]
    mg.manual_seed(seed)
    model = mlp((784, *[100] * depth, 10), activation, norm=arm == "BatchNorm", std=std)
    with mg.no_grad():
        for layer in linears(model):
            layer.weight.mul_(scale)
    optimizer, found = optim.SGD(model.parameters(), lr=rate), {}
    for t, (images, labels) in enumerate(
        itertools.islice(batches(data.train, BATCH, seed), max(probes) + 1)
    ):
        step(model, optimizer, images, labels)
        tick(1)
        if t in probes:
            found[str(t)] = norms(layer.weight.grad for layer in linears(model))
    return found


def measure(cell, data: Data, tick=lambda n: None) -> dict:
    """Return norms and the largest over the smallest, by step; of other scales before training."""
    probes = PROBES if cell["scale"] == 1 else PROBES[:1]
    found = gradient_norms(**cell, data=data, probes=probes, tick=tick)
    return {"norms": found, "ratio": {t: ratio(n) for t, n in found.items()}}


def cells(mode, seeds):
    """Both nets, every scale, both arms; seconds in all, so quick is full."""
    return [
        {"net": n, "scale": k, "arm": a, "seed": s}
        for n in NETS
        for k in SCALES[n]
        for a in ARMS
        for s in range(seeds)
    ]


def largest(results, net, arm, scale):
    """Return by seed the largest gradient norm of a layer before training."""
    values = pick(results, net=net, arm=arm, scale=scale)
    return [max(v["norms"]["0"]) for v in values]


def unequal(results, net, arm, step="0"):
    """Return by seed the largest over the smallest layer gradient, at the usual scale."""
    return [v["ratio"][step] for v in pick(results, net=net, arm=arm, scale=1.0)]


def swing(results, arm):
    """Return by seed how many times the ReLU net's largest gradient changes over the scales."""
    by_scale = [largest(results, RELU, arm, scale) for scale in SCALES[RELU]]
    return [max(seed) / max(min(seed), 1e-300) for seed in zip(*by_scale, strict=True)]


def a_layer(results):
    """Return by seed the factor between inner layers of the ReLU net with BatchNorm, at He."""
    values = pick(results, net=RELU, arm="BatchNorm", scale=1.0)
    inner = [v["norms"]["0"][1:-1] for v in values]  # the first and the last have other widths
    return [(layers[0] / layers[-1]) ** (1 / (len(layers) - 1)) for layers in inner]


def _rows(results):
    rows = [["net", "weights", "", "largest layer gradient, step 0"]]
    rows[0] += [f"largest/smallest, step {t}" for t in PROBES]
    for net, scales in SCALES.items():
        for scale, arm in itertools.product(scales, ARMS):
            values = pick(results, net=net, arm=arm, scale=scale)
            told = [
                times([v["ratio"][str(t)] for v in values], ".3g")
                if str(t) in values[0]["ratio"]
                else "-"
                for t in PROBES
            ]
            size = times(largest(results, net, arm, scale), ".2g").removeprefix("×")
            rows.append([net, f"{NAMES[net]} × {scale:g}", arm, size, *told])
    return rows


def judge(results):
    """Three halves: vanishing in sigmoids; a bad start of ReLUs; what it costs a good one."""
    sigmoid, relu, swings = (
        {arm: measured(arm) for arm in ARMS}
        for measured in (
            lambda arm: unequal(results, SIGMOID, arm),
            lambda arm: unequal(results, RELU, arm),
            lambda arm: swing(results, arm),
        )
    )
    vanishing = geometric(sigmoid["without"]) > 1e3 and geometric(sigmoid["BatchNorm"]) < 10
    bounded = geometric(swings["without"]) > 1e6 and geometric(swings["BatchNorm"]) < 10
    dearer = [b / v for v, b in zip(*relu.values(), strict=True)]
    equal = not ratio_above(dearer)
    low, high = SCALES[RELU][0], SCALES[RELU][-1]
    worst = {arm: geometric(largest(results, RELU, arm, high)) for arm in ARMS}
    return Judgement(
        verdict_of((vanishing, bounded, equal)),
        f"before training, largest over smallest layer gradient: sigmoid "
        f"{times(sigmoid['without'])} without, {times(sigmoid['BatchNorm'])} with; over He × "
        f"{low:g} to × {high:g} the ReLU net's largest gradient changes "
        f"{times(swings['without'])} without, {times(swings['BatchNorm'])} with; at He layers "
        f"differ {times(relu['without'])} without, {times(relu['BatchNorm'])} with",
        f"Vanishing: {'prevented' if vanishing else 'not prevented'} in 8 sigmoid layers. "
        f"Exploding: {'bounded' if bounded else 'not bounded'} where the start is bad (at He × "
        f"{high:g} the largest gradient is {worst['without']:.0e} without BatchNorm, "
        f"{worst['BatchNorm']:.0f} with it), "
        + (
            "and the layers are no more unequal at He."
            if equal
            else "but at He weights, which need no help, it makes the 30 ReLU layers unequal, "
            f"by ×{geometric(a_layer(results)):.2f} a layer (see C10), until training evens it out "
            "(see C12)."
        ),
        _rows(results),
    )


def draw(figure, results):
    """A panel a net: gradient by layer, before training and after 100 steps; then over scales."""
    *panels, judged = figure.subplots(1, 3)
    for axes, net in zip(panels, NETS, strict=True):
        for arm, style in zip(ARMS, (WITHOUT, WITH), strict=True):
            for t, fill in ((0, "full"), (100, "none")):
                values = pick(results, net=net, arm=arm, scale=1.0)
                runs = [v["norms"][str(t)] for v in values]
                layers = range(1, len(runs[0]) + 1)
                look = {**style, "fillstyle": fill, "markevery": max(1, len(runs[0]) // 10)}
                look["linestyle"] = style["linestyle"] if t == 0 else ":"
                banded(axes, layers, runs, **look, label=f"{arm}, step {t}")
        axes.set_yscale("log")
        title = f"{net}, {NAMES[net]}"
        labelled(axes, title, "layer (1: next to the input)", "‖weight gradient‖")
    for arm, style in zip(ARMS, (WITHOUT, WITH), strict=True):
        runs = [largest(results, RELU, arm, scale) for scale in SCALES[RELU]]
        banded(judged, SCALES[RELU], list(zip(*runs, strict=True)), **style, label=arm)
    judged.set_yscale("log")
    judged.set_xscale("log", base=2)
    judged.set_xticks(SCALES[RELU], [f"He × {k:g}" for k in SCALES[RELU]])
    labelled(judged, f"{RELU}, before training", "initial weights", "largest ‖weight gradient‖")


CLAIM = Claim(
    id="C20",
    title="BatchNorm prevents vanishing and exploding gradients",
    source=("Ioffe & Szegedy 2015, §1 and §3.3 (arXiv 1502.03167); against it Yang et al. 2019 "
    "(arXiv 1902.08129)"),
    claimed="BatchNorm keeps activations out of saturation and small changes from amplifying, so "
            "gradients neither vanish nor "
    "explode; layer Jacobians are conjectured to have singular values close to 1.",
    protocol="784-100×8-10 sigmoid (Xavier and 4 × Xavier, rate 0.5) and 784-100×30-10 ReLU (He × "
    "½, 1, 2, rate 0.1) on MNIST, batch 60; weight-gradient norm of each layer at steps 0, 10, "
    "100; ratio = largest over smallest. A ratio is blind to all layers exploding together, so "
    "the largest norm over the scales stands beside it.",
    criterion="vanishing prevented: sigmoid net before training above 1000 without, below 10 with. "
    "A bad start bounded: largest gradient over He × ½ to 2 changes by more than 1e6 without, "
    "less than 10 with. No price: at He the layers with BatchNorm no more unequal than without "
    "(95 % interval). All: reproduced; some: partly",
    reference=("conjecture: 1; Yang et al.: grows by 1.22 a ReLU layer at initialisation, about "
               "400 "
    "over 30"),
    cells=cells, measure=measure, judge=judge, draw=draw, size=(10.8, 3.6), ci=True,
)  # fmt: skip
