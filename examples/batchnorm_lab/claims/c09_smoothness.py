"""C9: BatchNorm makes the loss smoother along the gradient."""

from __future__ import annotations

import itertools
import math

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from batchnorm_lab.claim import Claim, Judgement, geometric, pick, ratio_above, times, verdict
from batchnorm_lab.deep import normalised
from batchnorm_lab.plotting import COLORS, MARKERS, THEORY, WITH, WITHOUT, banded, labelled
from batchnorm_lab.training import Data, batches, mlp
from minigrad import nn, optim

SIZES, BATCH, RATES, WALK = (784, *[100] * 6, 10), 128, (0.1, 0.5), (0.5, 1.0, 2.0, 4.0)
PROBES, EARLY = (1, 5, 10, 25, 50, 100, 150, 200, 300, 400), 10
ARMS = ("without", "BatchNorm")
MEASURES = ("loss range", "gradient change", "relative change", "beta")
JUDGED = MEASURES[:2]


def walk(net: nn.Module, batch, rate: float) -> dict[str, float]:
    """Go along the gradient by ``WALK`` times the rate, then back; return four measures.

    Range of the losses; the largest ‖g(θ - ηg) - g(θ)‖ (predictiveness); that over ‖g(θ)‖, which
    is no smaller for a smaller gradient; the largest of it over ‖ηg‖ (β).
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
        "relative change": max(changes) / max(length(g), 1e-300),
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
        {"part": "walk", "rate": r, "arm": a, "walk": list(WALK), "seed": s}
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


def _text(ratios, rates):
    return times(ratios, ".1f", _comparisons(rates))


def _comparisons(rates) -> int:
    """Return how many intervals decide."""
    return len(JUDGED) * len(rates)


def _table(results, rates, start):
    """Return each measure's ratio at each rate, and what is told beside them."""
    rows = [["without / with BatchNorm, steps from 10 (95 % intervals)"]]
    rows[0] += [f"rate {r:g}" for r in rates]
    told = {name: [_text(smoother(results, name, r), rates) for r in rates] for name in MEASURES}
    rows += [[name, *texts] for name, texts in told.items()]
    empty = [""] * (len(rates) - 1)
    rows.append(["gradient change at step 1, without / with", f"{start:.2f}", *empty])
    diverged_runs = [
        ", ".join(str(sum(map(diverged, pick(results, part="walk", arm=a, rate=r)))) for a in ARMS)
        for r in rates
    ]
    rows.append(["runs that diverged, without and with (left out above)", *diverged_runs])
    error = max(v["error"] for v in pick(results, part="identity"))
    rows.append(["Theorem 4.1 as an equation: error", f"{error:.0e}", *empty])
    return rows


def _at_first(results, rate, arm):
    """Return the gradient's change at the first step, geometric mean over seeds."""
    values = pick(results, part="walk", arm=arm, rate=rate)
    return geometric(v["gradient change"][0] for v in values)


def judge(results):
    """Predictiveness and range of losses, at each rate; relative change and β are told."""
    rates = sorted({r.cell["rate"] for r in results if r.cell["part"] == "walk"})
    start = _at_first(results, rates[0], "without") / _at_first(results, rates[0], "BatchNorm")
    count = _comparisons(rates)
    judged = [smoother(results, name, rate) for name, rate in itertools.product(JUDGED, rates)]
    tests = [geometric(r) >= 2 and ratio_above(r, comparisons=count) for r in judged]
    every = [geometric(smoother(results, "gradient change", r)) for r in rates]
    told = {
        name: ", ".join(f"{_text(smoother(results, name, r), rates)} at rate {r:g}" for r in rates)
        for name in ("gradient change", "relative change")
    }
    relatives = [smoother(results, "relative change", rate) for rate in rates]
    relative = all(ratio_above(r, comparisons=count) for r in relatives)
    return Judgement(
        verdict(all(tests) and min(every) >= 50, any(tests)),
        f"gradients more predictable {told['gradient change']}; relative to their size "
        f"{told['relative change']}",
        f"Along the gradient the loss is smoother with BatchNorm by "
        f"{' to '.join(dict.fromkeys(f'×{r:.0f}' for r in sorted(every)))}, "
        f"{'' if min(every) >= 50 else 'not '}by two orders of magnitude. That is "
        f"{'not ' if relative else ''}only because its gradients are smaller: the change over the "
        f"gradient's own length is smaller {told['relative change']}. At the very first step it is "
        + (
            f"rougher (×{1 / start:.1f}), as C10 says."
            if start < 1
            else f"smoother too (×{start:.1f})."
        ),
        _table(results, rates, start),
    )


def draw(figure, results):
    """One panel per measure, at the lowest rate; then the ratios, each seed a dot."""
    walks = [r for r in results if r.cell["part"] == "walk"]
    rates = sorted({r.cell["rate"] for r in walks})
    *panels, judged = figure.subplots(1, 4)
    for axes, name in zip(panels, MEASURES[:3], strict=True):
        for arm, style in zip(ARMS, (WITHOUT, WITH), strict=True):
            runs = [v[name] for v in pick(walks, arm=arm, rate=rates[0])]
            banded(axes, PROBES, runs, **style, label=arm)
        axes.set_xscale("log")
        axes.set_yscale("log")
        labelled(axes, f"{name}, rate {rates[0]:g}", "training steps", "")
    for i, name in enumerate(MEASURES[:3]):
        for j, rate in enumerate(rates):
            found = smoother(results, name, rate)
            style = {"color": COLORS[j], "fillstyle": "none"}
            label = f"rate {rate:g}" if i == 0 else None
            judged.plot([i + 0.2 * j - 0.1] * len(found), found, MARKERS[j], **style, label=label)
    judged.axhline(2, **THEORY)
    judged.set_yscale("log")
    judged.set_xticks(range(3), [name.replace(" ", "\n") for name in MEASURES[:3]], fontsize=8)
    labelled(judged, "steps from 10 (dotted: the gate)", "", "without / with")


CLAIM = Claim(
    id="C9",
    title="BatchNorm makes the loss smoother",
    source="Santurkar et al. 2018, §3 and Figure 4, Theorem 4.1 (arXiv 1805.11604)",
    claimed="With BatchNorm loss and gradient change less along the gradient: gradients are more "
            "predictive, by close to two orders of "
    "magnitude early in training.",
    protocol="784-100×6-10 ReLU (He), batch 128, rates 0.1 and 0.5, 400 SGD steps; at ten probes "
             "walk ½, 1, 2, 4 times the rate along the "
    "gradient: range of the losses, largest change of the gradient; that over the gradient's own "
    "length, and over the distance (β), are told only.",
    criterion="loss range and gradient change at least ×2 smaller with BatchNorm at both rates "
              "(geometric mean over probes from step 10; "
    "95 % intervals that hold together above 1) and the gradient's ×50 or more: reproduced; some "
    "of these ×2: partly",
    reference="“close to two orders of magnitude” (VGG, CIFAR-10)",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(10.8, 3.4),
)  # fmt: skip
