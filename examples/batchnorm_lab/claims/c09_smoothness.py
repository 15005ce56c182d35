"""C9: BatchNorm makes the loss smoother along the gradient."""

from __future__ import annotations

import itertools
import math

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from batchnorm_lab.claim import Claim, Judgement, geometric, interval, pick, verdict
from batchnorm_lab.deep import normalised
from batchnorm_lab.plotting import WITH, WITHOUT, banded, labelled
from batchnorm_lab.training import Data, batches, mlp
from minigrad import nn, optim

SIZES, BATCH, RATES, WALK = (784, *[100] * 6, 10), 128, (0.1, 0.5), (0.5, 1.0, 2.0, 4.0)
PROBES, EARLY = (1, 5, 10, 25, 50, 100, 150, 200, 300, 400), 10
ARMS, MEASURES = ("without", "BatchNorm"), ("loss range", "gradient change", "beta")


def walk(net: nn.Module, batch, rate: float) -> dict[str, float]:
    """Go along the gradient by ``WALK`` times the rate, then back.

    Return the three measures of roughness.

    Range of the losses; the largest ‖g(θ - ηg) - g(θ)‖ (predictiveness); the largest of it over
    ‖ηg‖ (β).
    """
    parameters = list(net.parameters())
    start = [p.detach().numpy().copy() for p in parameters]

    def look():
        net.zero_grad()
        loss = F.cross_entropy(net(batch[0]), batch[1])
        loss.backward()
        return loss.item(), [p.grad.numpy().astype(np.float32).copy() for p in parameters]

    length = lambda vectors: math.sqrt(
        sum(float((v.astype(np.float64) ** 2).sum()) for v in vectors)
    )
    loss, g = look()
    losses, changes, betas = [loss], [], []
    for multiple in WALK:
        with mg.no_grad():
            for p, value, slope in zip(parameters, start, g, strict=True):
                p.copy_(mg.from_numpy(value - np.float32(multiple * rate) * slope))
        loss, there = look()
        losses.append(loss)
        changes.append(length([a - b for a, b in zip(there, g, strict=True)]))
        betas.append(changes[-1] / max(multiple * rate * length(g), 1e-300))
    with mg.no_grad():
        for p, value in zip(parameters, start, strict=True):
            p.copy_(mg.from_numpy(value))
    return {
        "loss range": max(losses) - min(losses),
        "gradient change": max(changes),
        "beta": max(betas),
    }


def theorem_error(seed: int) -> float:
    """Return the error of Theorem 4.1 as an equation, one layer, eps = 0, the same γ, σ and dl/dy.

    ‖dl/dx‖² = γ²/σ² (‖dl/dy‖² - (Σ dl/dy)²/m - (Σ dl/dy x̂)²/m); the paper prints 1/√m in the last
    term.
    """
    rng = np.random.default_rng(seed)
    gamma = 1.7
    m = 40
    x = rng.normal(3, 2, (m, 1))
    dy = rng.standard_normal((m, 1))
    leaf = mg.tensor(x, requires_grad=True)
    x_hat = normalised(leaf)
    (x_hat * gamma * mg.tensor(dy)).sum().backward()

    left = float((leaf.grad.numpy() ** 2).sum())
    inner = float((dy * x_hat.detach().numpy()).sum())
    squares = float((dy**2).sum())
    total = float(dy.sum())
    right = gamma**2 / x.var() * (squares - total**2 / m - inner**2 / m)
    return abs(left - right) / right


def cells(mode, seeds):
    """Both rates, both arms, and the identity; quick: one rate and seed."""
    rates, few = (RATES, seeds) if mode == "full" else (RATES[:1], 1)
    return [{"part": "identity", "seed": s} for s in range(seeds)] + [
        {"part": "walk", "rate": r, "arm": a, "seed": s}
        for r in rates
        for a in ARMS
        for s in range(few)
    ]


def measure(cell, data: Data, tick=lambda n: None):
    """Return the roughness at each probe, or the identity's error."""
    if cell["part"] == "identity":
        return {"error": theorem_error(cell["seed"])}
    mg.manual_seed(cell["seed"])
    net, rate = mlp(SIZES, nn.ReLU, norm=cell["arm"] == "BatchNorm", std="he"), cell["rate"]
    optimizer, found = optim.SGD(net.parameters(), lr=rate), {name: [] for name in MEASURES}
    for t, batch in enumerate(
        itertools.islice(batches(data.train, BATCH, cell["seed"]), max(PROBES)), 1
    ):
        if t in PROBES:
            for name, value in walk(net, batch, rate).items():
                found[name].append(value if math.isfinite(value) else DIVERGED)
        optimizer.zero_grad()
        F.cross_entropy(net(batch[0]), batch[1]).backward()
        optimizer.step()
        tick(1)
    return found


DIVERGED = 1e30  # stands for infinity and nan, which JSON has not


def diverged(value):
    """Return whether a run went to infinity."""
    return max(value["gradient change"]) >= DIVERGED


def smoother(results, name, rate):
    """Return by seed how many times smoother BatchNorm is.

    It is the geometric mean over the probes from step ``EARLY`` on.

    Seeds of which a run diverged are left out: counted, but no number.
    """
    late = [i for i, t in enumerate(PROBES) if t >= EARLY]
    runs = [pick(results, part="walk", arm=arm, rate=rate) for arm in ARMS]
    ratios = []
    for plain, normed in zip(*runs, strict=True):
        if diverged(plain) or diverged(normed):
            continue
        of_probes = [max(plain[name][i], 1e-12) / max(normed[name][i], 1e-12) for i in late]
        ratios.append(geometric(of_probes))
    return ratios


def _text(ratios):
    low, high = (
        (math.exp(x) for x in interval([math.log(r) for r in ratios]) if abs(x) < math.inf)
        if len(ratios) > 1
        else (None, None)
    )
    return f"×{geometric(ratios):.1f}" + (f" ({low:.1f}..{high:.1f})" if low is not None else "")


def judge(results):
    """Predictiveness and range of losses, at each rate; β is told."""
    rates = sorted({r.cell["rate"] for r in results if r.cell["part"] == "walk"})
    rows = [
        ["without / with BatchNorm, steps from 10 (95 % interval)", *(f"rate {r:g}" for r in rates)]
    ]
    rows += [[name, *(_text(smoother(results, name, r)) for r in rates)] for name in MEASURES]
    first = {
        a: geometric(
            v["gradient change"][0] for v in pick(results, part="walk", arm=a, rate=rates[0])
        )
        for a in ARMS
    }
    rows.append(
        [
            "gradient change at step 1, without / with",
            f"{first['without'] / first['BatchNorm']:.2f}",
            *[""] * (len(rates) - 1),
        ]
    )
    lost = [
        [sum(map(diverged, pick(results, part="walk", arm=a, rate=r))) for a in ARMS] for r in rates
    ]
    rows.append(
        ["runs that diverged, without and with (left out above)", *(f"{a}, {b}" for a, b in lost)]
    )
    error = max(v["error"] for v in pick(results, part="identity"))
    rows.append(["Theorem 4.1 as an equation: error", f"{error:.0e}", *[""] * (len(rates) - 1)])
    tests = [
        geometric(smoother(results, name, r)) >= 2 and _sure(smoother(results, name, r), name)
        for name in MEASURES[:2]
        for r in rates
    ]
    every = [geometric(smoother(results, "gradient change", r)) for r in rates]
    start = first["without"] / first["BatchNorm"]
    return Judgement(
        verdict(all(tests) and min(every) >= 50, any(tests)),
        "gradients more predictable "
        + ", ".join(
            f"{_text(smoother(results, 'gradient change', r))} at rate {r:g}" for r in rates
        ),
        f"Along the gradient the loss is smoother with BatchNorm by "
        f"{' to '.join(dict.fromkeys(f'×{r:.0f}' for r in sorted(every)))}, "
        f"{'' if min(every) >= 50 else 'not '}by two orders of magnitude; at the very first step "
        f"it is "
        + (
            f"rougher (×{1 / start:.1f}), as C10 says."
            if start < 1
            else f"smoother too (×{start:.1f})."
        ),
        rows,
    )


def _sure(ratios, name):
    """The interval of the gradient's ratio must lie above 1, where there is one.

    The range's need not.
    """
    return (
        name != "gradient change"
        or len(ratios) < 2
        or interval([math.log(r) for r in ratios])[0] > 0
    )


def draw(figure, results):
    """One panel per measure, at the lowest rate."""
    walks = [r for r in results if r.cell["part"] == "walk"]
    rate = min(r.cell["rate"] for r in walks)
    panels = figure.subplots(1, 3)
    for axes, name in zip(panels, MEASURES, strict=True):
        for arm, style in zip(ARMS, (WITHOUT, WITH), strict=True):
            runs = [v[name] for v in pick(walks, arm=arm, rate=rate)]
            banded(axes, PROBES, runs, **style, label=arm)
        axes.set_xscale("log")
        axes.set_yscale("log")
        labelled(axes, f"{name}, rate {rate:g}", "training steps", "")


CLAIM = Claim(
    id="C9",
    title="BatchNorm makes the loss smoother",
    source="Santurkar et al. 2018, §3 and Figure 4, Theorem 4.1 (arXiv 1805.11604)",
    claimed="With BatchNorm loss and gradient change less along the gradient: gradients are more "
            "predictive, by close to two orders of "
    "magnitude early in training.",
    protocol="784-100×6-10 ReLU (He), batch 128, rates 0.1 and 0.5, 400 SGD steps; at ten probes "
             "walk ½, 1, 2, 4 times the rate along the "
    "gradient: range of the losses, largest change of the gradient, and that over the distance (β, "
    "told only).",
    criterion="loss range and gradient change at least ×2 smaller with BatchNorm at both rates "
              "(geometric mean over probes from step 10; the "
    "gradient's 95 % interval above 1) and the gradient's ×50 or more: reproduced; some of these "
    "×2: partly",
    reference="“close to two orders of magnitude” (VGG, CIFAR-10)",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(9.0, 3.4),
)  # fmt: skip
