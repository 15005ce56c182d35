"""C5: saturating nonlinearities become usable: eight layers of sigmoids."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, pick, spread, verdict_of
from batchnorm_lab.plotting import WITH, WITHOUT, banded, labelled
from batchnorm_lab.training import Data, fit, mlp
from minigrad import nn

SIZES, BATCH, RATES, STDS = (784, *[100] * 8, 10), 60, (0.5, 2.0), ("Xavier", 0.1)
ARMS = ("without", "BatchNorm")


def saturated(net: nn.Sequential, images: np.ndarray) -> list[float]:
    """Return per sigmoid layer the share of outputs below 0.05 or above 0.95, in evaluation."""
    net.eval()
    h, shares = mg.from_numpy(images), []
    with mg.no_grad():
        for layer in net:
            h = layer(h)
            if isinstance(layer, nn.Sigmoid):
                out = h.numpy()
                shares.append(float(((out < 0.05) | (out > 0.95)).mean()))
    net.train()
    return shares


def cells(mode, seeds):
    """Both rates and both sizes of weights, at most 3 seeds; quick: one setting, one seed."""
    full = mode == "full"
    return [
        {"arm": a, "rate": r, "std": d, "steps": 1500, "seed": s}
        for a in ARMS for r in (RATES if full else RATES[:1]) for d in (STDS if full else STDS[:1])
        for s in range(min(seeds, 3) if full else 1)
    ]  # fmt: skip


def measure(cell, data: Data, tick=lambda n: None):
    """Return the curve and the saturated shares after training."""
    mg.manual_seed(cell["seed"])
    std = None if cell["std"] == "Xavier" else cell["std"]
    net = mlp(SIZES, nn.Sigmoid, norm=cell["arm"] == "BatchNorm", std=std)
    curve = fit(
        net,
        data,
        steps=cell["steps"],
        batch=BATCH,
        lr=cell["rate"],
        seed=cell["seed"],
        every=100,
        tick=tick,
    )
    return {"curve": curve, "saturated": saturated(net, data.test.images[:1000])}


def judge(results):
    """Every setting: the vanilla net at chance, BatchNorm learns."""
    settings = sorted({(r.cell["rate"], str(r.cell["std"])) for r in results})
    last = {a: [v["curve"][-1][1] for v in pick(results, arm=a)] for a in ARMS}
    rows = [["rate, weights", *ARMS]]
    for rate, std in settings:
        runs = [
            [
                r.value["curve"][-1][1]
                for r in results
                if (r.cell["arm"], r.cell["rate"], str(r.cell["std"])) == (a, rate, std)
            ]
            for a in ARMS
        ]
        rows.append(
            [f"{rate:g}, {std if std == 'Xavier' else f'N(0, {std}²)'}", *map(spread, runs)]
        )
    share = {a: float(np.mean([v["saturated"] for v in pick(results, arm=a)])) for a in ARMS}
    rows.append(["saturated outputs after training", *(f"{share[a]:.0%}" for a in ARMS)])
    tests = max(last["without"]) < 0.20, min(last["BatchNorm"]) > 0.90
    return Judgement(
        verdict_of(tests),
        f"without at most {max(last['without']):.1%}, BatchNorm at least "
        f"{min(last['BatchNorm']):.1%}, over every setting and seed",
        f"Eight sigmoid layers {'stay at chance' if tests[0] else 'do not stay at chance'} without "
        f"BatchNorm; with it they reach "
        f"{spread(last['BatchNorm'])}. Saturated outputs after training: {share['without']:.0%} "
        f"without, {share['BatchNorm']:.0%} with"
        + (
            "; so few that vanishing gradients (see C20), not saturation, stop the vanilla net."
            if share["without"] < 0.2
            else "."
        ),
        rows,
    )


def draw(figure, results):
    """Left: accuracy over steps, every setting. Right: saturated outputs by layer."""
    left, right = figure.subplots(1, 2)
    for arm, style in zip(ARMS, (WITHOUT, WITH), strict=True):
        for i, value in enumerate(pick(results, arm=arm)):
            line = {"color": style["color"], "linestyle": style["linestyle"], "linewidth": 1}
            left.plot(*zip(*value["curve"], strict=True), **line, label=arm if i == 0 else None)
        banded(
            right, range(1, 9), [v["saturated"] for v in pick(results, arm=arm)], **style, label=arm
        )
    labelled(
        left,
        "8 × 100 sigmoid, each setting and seed a line",
        "training steps",
        "test accuracy",
        "center right",
        ylim=(0, 1),
    )
    labelled(
        right,
        "after training",
        "layer (1: next to the input)",
        "share of saturated outputs",
        ylim=(0, 1),
    )


CLAIM = Claim(
    id="C5",
    title="Saturating nonlinearities become usable",
    source="Ioffe & Szegedy 2015, abstract and §4.2.2 (arXiv 1502.03167)",
    claimed="BatchNorm makes it possible to train with sigmoids, by preventing the network from "
            "getting stuck in saturated modes; plain "
    "Inception with sigmoids never rose above chance.",
    protocol="784-100×8-10 sigmoid, rates 0.5 and 2, Xavier and N(0, 0.1²) weights, batch 60, "
             "1,500 SGD steps, at most 3 seeds; saturated: "
    "output below 0.05 or above 0.95 on 1,000 test images.",
    criterion=("every run: without below 20 %, BatchNorm above 90 %: reproduced; one of the two: "
    "partly"),
    reference="ImageNet: plain at chance (0.1 %), BN-x5-Sigmoid 69.8 %",
    cells=cells, measure=measure, judge=judge, draw=draw, ci=True,
)  # fmt: skip
