"""C5: saturating nonlinearities become usable: eight layers of sigmoids."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, percent, pick, points, spread, verdict_of
from batchnorm_lab.plotting import WITH, WITHOUT, banded, labelled
from batchnorm_lab.training import Data, fit, linears, mlp
from batchnorm_lab.tuning import chosen_rates, grid, tuned
from minigrad import nn

SIZES, BATCH, STEPS, RATE = (784, *[100] * 8, 10), 60, 1500, 0.5
COMMON, GLOROT = ("Xavier", "N(0, 0.1²)"), "4 × Xavier"  # the last is Glorot's gain for sigmoids
WEIGHTS, RATES = (*COMMON, GLOROT), (0.1, 0.5, 2.0)
ARMS = ("without", "BatchNorm")


def build(arm: str, weights: str, seed: int) -> nn.Sequential:
    """Return eight layers of sigmoids; both arms get the same initial weights."""
    mg.manual_seed(seed)
    std = 0.1 if weights == COMMON[1] else None
    net = mlp(SIZES, nn.Sigmoid, norm=arm == "BatchNorm", std=std)
    if weights == GLOROT:
        with mg.no_grad():
            for layer in linears(net)[:-1]:  # no sigmoid follows the last
                layer.weight.mul_(4)
    return net


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
    """Equal rate: every kind of weights; tuned: both. Quick: Xavier, equal, one seed."""
    full = mode == "full"
    settings = [("equal", w) for w in (WEIGHTS if full else WEIGHTS[:1])]
    settings += [("tuned", "")] if full else []
    return [
        {"rates": r, "weights": w, "arm": a, "steps": STEPS, "seed": s}
        for r, w in settings
        for a in ARMS
        for s in range(seeds if full else 1)
    ]


def measure(cell, data: Data, tick=lambda n: None):
    """Return the curve and the saturated shares after training."""
    arm, seed, steps = cell["arm"], cell["seed"], cell["steps"]
    setting, told = {"weights": cell["weights"], "rate": RATE}, {}
    options = {"batch": BATCH, "steps": steps, "tick": tick}

    def score(setting, split, seed):
        net = build(arm, setting["weights"], seed)
        ((_, reached),) = fit(net, split, lr=setting["rate"], seed=seed, **options)
        return reached

    if cell["rates"] == "tuned":
        settings = grid(weights=WEIGHTS, rate=RATES)
        choice = tuned(("C5", arm, steps), settings, score, data)
        setting, told = choice.setting, choice.told()
    net = build(arm, setting["weights"], seed)
    curve = fit(net, data, lr=setting["rate"], seed=seed, every=100, **options)
    return {"curve": curve, "saturated": saturated(net, data.test.images[:1000]), **told}


def _settings(results):
    """Return the comparisons there are: [(rates, weights), …]."""
    return list(dict.fromkeys((r.cell["rates"], r.cell["weights"]) for r in results))


def last(results, arm, rates, weights):
    """Return by seed the accuracy at the end."""
    return [v["curve"][-1][1] for v in pick(results, arm=arm, rates=rates, weights=weights)]


def _shares(results, **where):
    """Return by layer the saturated share, mean over seeds."""
    return np.mean([v["saturated"] for v in pick(results, **where)], axis=0)


def _rows(results):
    rows = [["rate and weights", "", "test accuracy", "saturated outputs, layer 1 to 8"]]
    for rates, weights in _settings(results):
        for arm in ARMS:
            where = {"arm": arm, "rates": rates, "weights": weights}
            shares = " ".join(f"{share:.0%}" for share in _shares(results, **where))
            name = f"{RATE:g}, {weights}" if rates == "equal" else "tuned on held-out images"
            name += chosen_rates(results, **where)
            rows.append([name, arm, spread(last(results, **where)), shares])
    return rows


def _common(results, arm):
    """Return the accuracies at common weights, of all seeds."""
    runs = [last(results, arm, r, w) for r, w in _settings(results) if w in COMMON]
    return [accuracy for of_setting in runs for accuracy in of_setting]


def _stuck(results):
    """Return a sentence on which layers are saturated after training from Xavier's weights."""
    without, normed = (_shares(results, arm=arm, rates="equal", weights=COMMON[0]) for arm in ARMS)
    only_last = without[-1] > 0.5 > max(without[:-1])
    why = ": gradients vanish before (see C20), and only the last layer is stuck."
    return (
        f"After training from Xavier the vanilla net's layers are saturated by "
        f"{', '.join(f'{share:.0%}' for share in without)} from the first to the last, "
        f"BatchNorm's by at most {max(normed):.0%}{why if only_last else '.'}"
    )


def _at_their_best(results, best, needed):
    """Return a sentence on the two arms, each at its own best rate and weights."""
    chosen = {arm: chosen_rates(results, arm=arm, rates="tuned")[2:] for arm in ARMS}
    gain = points([b - v for v, b in zip(*best.values(), strict=True)])
    return (
        f" At its own best setting ({chosen['without']}) the vanilla net "
        f"{'does not learn either' if needed else 'learns too'}; BatchNorm's "
        f"({chosen['BatchNorm']}) ends {gain} points ahead"
        f"{'.' if needed else ': BatchNorm replaces the right scale of the weights.'}"
    )


def judge(results):
    """At common weights: chance against learning. At each arm's best: can the vanilla net learn?"""
    without, normed = (_common(results, arm) for arm in ARMS)
    stays, learns = max(without) < 0.20, min(normed) > 0.90
    tests = [stays, learns]
    figure = f"at common weights without {percent(without)}, BatchNorm {percent(normed)}"
    told = ""
    if ("tuned", "") in _settings(results):
        best = {arm: last(results, arm, "tuned", "") for arm in ARMS}
        needed = max(best["without"]) < 0.50
        tests.append(needed)
        at_best = [percent(runs) for runs in best.values()]
        figure += f"; each arm at its best without {at_best[0]}, BatchNorm {at_best[1]}"
        told = _at_their_best(results, best, needed)
    return Judgement(
        verdict_of(tests),
        figure,
        f"At common initial weights (Xavier, N(0, 0.1²)) eight sigmoid layers "
        f"{'stay at chance' if stays else 'do not stay at chance'} without BatchNorm and reach "
        f"{percent(normed)} with it. {_stuck(results)}{told}",
        _rows(results),
    )


def _curves(axes, results, rates, weights):
    """Draw accuracy over steps, each seed a line."""
    for arm, style in zip(ARMS, (WITHOUT, WITH), strict=True):
        for i, value in enumerate(pick(results, arm=arm, rates=rates, weights=weights)):
            line = {"color": style["color"], "linestyle": style["linestyle"], "linewidth": 1}
            label = arm if i == 0 else None
            axes.plot(*zip(*value["curve"], strict=True), **line, label=label)
    title = f"rate {RATE:g}, {weights}" if rates == "equal" else "each arm's best rate and weights"
    labelled(axes, title, "training steps", "test accuracy", "center right", ylim=(0, 1))


def draw(figure, results):
    """Accuracy over steps for each setting; last, saturated outputs by layer."""
    settings = _settings(results)
    panels = figure.subplots(
        -(-(len(settings) + 1) // 3) if len(settings) > 1 else 1, 3 if len(settings) > 1 else 2
    ).ravel()
    for axes, setting in zip(panels, settings, strict=False):
        _curves(axes, results, *setting)
    shares = panels[len(settings)]
    for arm, style in zip(ARMS, (WITHOUT, WITH), strict=True):
        values = pick(results, arm=arm, rates="equal", weights=COMMON[0])
        banded(shares, range(1, 9), [v["saturated"] for v in values], **style, label=arm)
    title = f"after training at rate {RATE:g}, {COMMON[0]}"
    x = "layer (1: next to the input)"
    labelled(shares, title, x, "share of saturated outputs", ylim=(0, 1))
    for axes in panels[len(settings) + 1 :]:
        axes.set_axis_off()


CLAIM = Claim(
    id="C5",
    title="Saturating nonlinearities become usable",
    source="Ioffe & Szegedy 2015, abstract and §4.2.2 (arXiv 1502.03167)",
    claimed="BatchNorm makes it possible to train with sigmoids, by preventing the network from "
            "getting stuck in saturated modes; plain "
    "Inception with sigmoids never rose above chance.",
    protocol=f"784-100×8-10 sigmoid, batch {BATCH}, {STEPS:,} SGD steps. Equal: rate {RATE:g}, "
    "weights by Xavier, N(0, 0.1²), and Glorot's gain for sigmoids (4 × Xavier). Tuned: each arm "
    f"at the best of rates {', '.join(f'{r:g}' for r in RATES)} and these weights, by 10,000 "
    "held-out training images. Saturated: output below 0.05 or above 0.95 on 1,000 test images.",
    criterion="Xavier and N(0, 0.1²), every run: without below 20 %, BatchNorm above 90 %; tuned: "
    "without still below 50 %. All: reproduced; some: partly",
    reference="ImageNet: plain at chance (0.1 %), BN-x5-Sigmoid 69.8 %",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(10.0, 6.0), ci=True,
)  # fmt: skip
