"""C7: BatchNorm does not reduce internal covariate shift, measured by gradients."""

from __future__ import annotations

import itertools

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from batchnorm_lab.claim import (
    Claim,
    Judgement,
    geometric,
    median,
    pick,
    ratio_above,
    times,
    verdict_of,
)
from batchnorm_lab.plotting import BLUE, THEORY, WITH, WITHOUT, banded, labelled
from batchnorm_lab.training import Data, batches, linears, mlp
from minigrad import nn

ARMS, PROBES = ("without", "BatchNorm"), (1, 10, 50, 100, 200, 400)
NETS = {  # rate, batch
    "3 × 100 sigmoid": (0.5, 60), "6 × 100 ReLU": (0.1, 128), "25-layer linear": (1e-4, 1000),
}  # fmt: skip


def build(net: str, arm: str) -> nn.Sequential:
    """Return the net: two classifiers, and Santurkar's deep linear one of 10 features."""
    norm = arm == "BatchNorm"
    if net == "3 × 100 sigmoid":
        return mlp((784, 100, 100, 100, 10), nn.Sigmoid, norm=norm, std=0.1)
    if net == "6 × 100 ReLU":
        return mlp((784, *[100] * 6, 10), nn.ReLU, norm=norm, std="he")
    return mlp([10] * 26, nn.Identity, norm=norm)


def problem(net: str, seed: int, data: Data):
    """Return the batches and the loss.

    The linear net: 1,000 Gaussian inputs, targets A x, all at once.
    """
    if net != "25-layer linear":
        return batches(data.train, NETS[net][1], seed), F.cross_entropy
    rng = np.random.default_rng(seed)
    x, a = (
        rng.standard_normal((1000, 10)).astype(np.float32),
        rng.standard_normal((10, 10)).astype(np.float32),
    )
    squared = lambda out, y: ((out - y) ** 2).sum() / 1000
    return itertools.repeat((mg.from_numpy(x), mg.from_numpy(x @ a))), squared


def gradients(net: nn.Module, loss, batch) -> dict[str, np.ndarray]:
    """Return the gradient of each parameter on a batch."""
    net.zero_grad()
    loss(net(batch[0]), batch[1]).backward()
    return {name: p.grad.numpy().copy() for name, p in net.named_parameters()}


def shifts(net: nn.Sequential, loss, batch, rate: float) -> list[tuple[float, float]]:
    """Return ``norm(G - G') / norm(G)`` and the cosine of G and G' per linear layer but the first.

    G is the layer's gradient; G' the same once the layers before it have taken their step.
    """
    before, found = gradients(net, loss, batch), []
    start = {name: p.detach().numpy().copy() for name, p in net.named_parameters()}
    names = {id(p): name for name, p in net.named_parameters()}
    parameters = dict(net.named_parameters())
    done: set[str] = set()
    for layer in linears(net)[1:]:
        name = names[id(layer.weight)]
        with mg.no_grad():
            for earlier in itertools.takewhile(lambda n, stop=name: n != stop, parameters):
                if earlier not in done:
                    parameters[earlier].copy_(
                        mg.from_numpy(start[earlier] - np.float32(rate) * before[earlier])
                    )
                    done.add(earlier)
        g, moved = (
            a.astype(np.float64).ravel() for a in (before[name], gradients(net, loss, batch)[name])
        )
        length = max(float(np.linalg.norm(g)), 1e-300)
        cosine = float(g @ moved / max(length * float(np.linalg.norm(moved)), 1e-300))
        found.append((float(np.linalg.norm(g - moved)) / length, cosine))
    with mg.no_grad():
        for name, value in start.items():
            parameters[name].copy_(mg.from_numpy(value))
    return found


def cells(mode, seeds):
    """Every net, both arms; quick: one seed."""
    return [
        {"net": n, "rate": NETS[n][0], "arm": a, "seed": s}
        for n in NETS
        for a in ARMS
        for s in range(seeds if mode == "full" else 1)
    ]


def measure(cell, data: Data, tick=lambda n: None):
    """Return at each probe, by layer, the relative change of the gradient and its cosine."""
    rate = cell["rate"]
    mg.manual_seed(cell["seed"])
    net = build(cell["net"], cell["arm"])
    drawn, loss = problem(cell["net"], cell["seed"], data)
    optimizer, found = mg.optim.SGD(net.parameters(), lr=rate), {}
    for t, batch in enumerate(itertools.islice(drawn, max(PROBES)), 1):
        if t in PROBES:
            found[str(t)] = shifts(net, loss, batch, rate)
        optimizer.zero_grad()
        loss(net(batch[0]), batch[1]).backward()
        optimizer.step()
        tick(1)
    return {"shifts": found}


def _mean(value, probe, which):
    """Return over the layers the geometric mean of the change (0), or the mean cosine (1)."""
    layers = [layer[which] for layer in value["shifts"][str(probe)]]
    return geometric(max(x, 1e-12) for x in layers) if which == 0 else sum(layers) / len(layers)


def more(results, net):
    """Return by seed how many times larger the shift is with BatchNorm, over all probes."""
    normed, plain = (pick(results, net=net, arm=arm) for arm in reversed(ARMS))
    return [
        geometric(_mean(b, t, 0) / _mean(v, t, 0) for t in PROBES)
        for b, v in zip(normed, plain, strict=True)
    ]


def judge(results):
    """Per net: is the shift with BatchNorm larger? Three nets, so three comparisons."""
    rows = [["net", "", *(f"step {t}: change (cosine)" for t in PROBES)]]
    ratios = {net: more(results, net) for net in NETS}
    for net in NETS:
        for arm in ARMS:
            values = pick(results, net=net, arm=arm)
            told = [[median(_mean(v, t, w) for v in values) for w in (0, 1)] for t in PROBES]
            rows.append([net, arm, *(f"{change:.2g} ({cosine:+.2f})" for change, cosine in told)])
    larger, smaller = (
        {
            n: ratio_above([r**sign for r in found], comparisons=len(NETS))
            for n, found in ratios.items()
        }
        for sign in (1, -1)
    )
    told = ", ".join(f"{net} {times(found, '.3g', len(NETS))}" for net, found in ratios.items())
    ways = {(True, False): "larger", (False, True): "smaller", (False, False): "not told apart"}
    sign = [f"{ways[larger[net], smaller[net]]} in {net}" for net in NETS]
    good = list(larger.values())
    return Judgement(
        verdict_of(good),
        f"gradient shift with BatchNorm over without: {told}",
        f"The shift of gradients with BatchNorm is {', '.join(sign)}"
        + ("." if all(good) else ": which way it goes depends on the net."),
        rows,
    )


def draw(figure, results):
    """A panel a net: change of the gradient over steps; then the judged ratios, each seed a dot."""
    *panels, judged = figure.subplots(1, 4)
    for axes, net in zip(panels, NETS, strict=True):
        for arm, style in zip(ARMS, (WITHOUT, WITH), strict=True):
            values = pick(results, net=net, arm=arm)
            runs = [[max(_mean(v, t, 0), 1e-9) for t in PROBES] for v in values]
            banded(axes, PROBES, runs, **style, label=arm)
        axes.set_xscale("log")
        axes.set_yscale("log")
        labelled(axes, net, "training steps", "‖G - G′‖ / ‖G‖" if net == next(iter(NETS)) else "")
    for i, net in enumerate(NETS):
        found = more(results, net)
        judged.plot([i] * len(found), found, "o", color=BLUE, fillstyle="none")
    judged.axhline(1, **THEORY)
    judged.set_yscale("log")
    judged.set_xticks(
        range(len(NETS)), [net.replace(" × ", "×").replace(" ", "\n") for net in NETS], fontsize=8
    )
    judged.set_xlim(-0.5, len(NETS) - 0.5)
    labelled(judged, "all probes, each seed a dot", "", "with / without", None)


CLAIM = Claim(
    id="C7",
    title="BatchNorm does not reduce internal covariate shift, by gradients",
    source="Santurkar et al. 2018, §2.2 and Figure 3 (arXiv 1805.11604)",
    claimed="Measured by how much a layer's gradient changes when the layers before it are "
            "updated, nets with BatchNorm have "
    "similar or more internal covariate shift.",
    protocol="G: a layer's gradient; G′: after the layers before it took their SGD step, same "
             "batch. ‖G - G′‖/‖G‖ at steps 1 to 400, all layers but "
    "the first. 3 × 100 sigmoid (rate 0.5, std 0.1), 6 × 100 ReLU (0.1, He), 25-layer linear net "
    "of 10 features (1e-4, Glorot; at the paper's 1e-6 it hardly moves in 400 steps).",
    criterion="shift with BatchNorm over that without (geometric mean over layers and probes): "
    "above 1 in all three nets by intervals over seeds that hold together in 95 %: reproduced; in "
    "some: partly",
    reference="Figure 3 (VGG, deep linear net): similar or larger with BatchNorm",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(10.8, 3.4),
)  # fmt: skip
