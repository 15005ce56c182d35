"""C20: BatchNorm prevents vanishing and exploding gradients: one half of it holds."""

from __future__ import annotations

import itertools

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, median, pick, spread, verdict
from batchnorm_lab.deep import norms, ratio
from batchnorm_lab.plotting import WITH, WITHOUT, banded, labelled
from batchnorm_lab.training import Data, batches, linears, mlp, step
from minigrad import nn, optim

NETS = {  # activation, hidden layers, initial weights, learning rate
    "8 sigmoid layers": (nn.Sigmoid, 8, None, 0.5),
    "30 ReLU layers": (nn.ReLU, 30, "he", 0.1),
}
ARMS, PROBES, BATCH = ("without", "BatchNorm"), (0, 10, 100), 60


def gradient_norms(
    net: str, arm: str, seed: int, data: Data, probes=PROBES, tick=lambda n: None
) -> dict[str, list[float]]:
    """Return the weight-gradient norm of each layer, input side first, at each probed step."""
    activation, depth, std, rate = NETS[net]
    mg.manual_seed(seed)
    model = mlp((784, *[100] * depth, 10), activation, norm=arm == "BatchNorm", std=std)
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
    """Return norms and the largest over the smallest, by step."""
    found = gradient_norms(**cell, data=data, tick=tick)
    return {"norms": found, "ratio": {t: ratio(n) for t, n in found.items()}}


def cells(mode, seeds):
    """Both nets, both arms; seconds in all, so quick is full."""
    return [{"net": n, "arm": a, "seed": s} for n in NETS for a in ARMS for s in range(seeds)]


def judge(results):
    """Vanishing: the sigmoid net. Exploding: the ReLU net. The verdict carries both halves."""
    rows, at_first = [["net", "", *(f"largest/smallest, step {t}" for t in PROBES)]], {}
    for net in NETS:
        for arm in ARMS:
            runs = [v["ratio"] for v in pick(results, net=net, arm=arm)]
            at_first[net, arm] = median(r["0"] for r in runs)
            rows.append([net, arm, *(spread([r[str(t)] for r in runs], ".3g") for t in PROBES)])
    sigmoid, relu = ([at_first[net, arm] for arm in ARMS] for net in NETS)
    vanishing, exploding = sigmoid[0] > 1e3 and sigmoid[1] < 10, relu[1] <= relu[0]
    return Judgement(
        verdict(vanishing and exploding, vanishing or exploding),
        f"largest over smallest layer gradient before training: sigmoid {sigmoid[0]:.1g} without, "
        f"{sigmoid[1]:.2g} with; "
        f"ReLU {relu[0]:.2g} without, {relu[1]:.2g} with",
        f"Vanishing: {'prevented' if vanishing else 'not prevented'} in 8 sigmoid layers "
        f"(×{sigmoid[0]:.0e} becomes "
        f"×{sigmoid[1]:.1f}). Exploding: {'not worse' if exploding else 'caused'} in 30 ReLU "
        f"layers with He weights, where the layers "
        f"differ ×{relu[0]:.1f} without BatchNorm and ×{relu[1]:.0f} with it (see C10), until "
        f"training evens it out (see C12).",
        rows,
    )


def draw(figure, results):
    """One panel a net: weight gradient by layer before training, and after 100 steps."""
    for axes, net in zip(figure.subplots(1, 2), NETS, strict=True):
        for arm, style in zip(ARMS, (WITHOUT, WITH), strict=True):
            for t, fill in ((0, "full"), (100, "none")):
                runs = [v["norms"][str(t)] for v in pick(results, net=net, arm=arm)]
                layers = range(1, len(runs[0]) + 1)
                line = {
                    **style,
                    "linestyle": style["linestyle"] if t == 0 else ":",
                    "fillstyle": fill,
                }
                banded(
                    axes,
                    layers,
                    runs,
                    **line,
                    markevery=max(1, len(runs[0]) // 10),
                    label=f"{arm}, step {t}",
                )
        axes.set_yscale("log")
        labelled(axes, net, "layer (1: next to the input)", "‖weight gradient‖")


CLAIM = Claim(
    id="C20",
    title="BatchNorm prevents vanishing and exploding gradients",
    source=("Ioffe & Szegedy 2015, §1 and §3.3 (arXiv 1502.03167); against it Yang et al. 2019 "
    "(arXiv 1902.08129)"),
    claimed="BatchNorm keeps activations out of saturation and small changes from amplifying, so "
            "gradients neither vanish nor "
    "explode; layer Jacobians are conjectured to have singular values close to 1.",
    protocol="784-100×8-10 sigmoid (Xavier, rate 0.5) and 784-100×30-10 ReLU (He, rate 0.1) on "
             "MNIST, batch 60; weight-gradient "
    "norm of each layer at steps 0, 10, 100; ratio = largest over smallest.",
    criterion="vanishing prevented: sigmoid net before training above 1000 without, below 10 with. "
              "Exploding prevented: ReLU net "
    "with BatchNorm no more unequal than without. Both: reproduced; one: partly",
    reference=("conjecture: 1; Yang et al.: grows by 1.22 a ReLU layer at initialisation, about "
               "400 "
    "over 30"),
    cells=cells, measure=measure, judge=judge, draw=draw, ci=True,
)  # fmt: skip
