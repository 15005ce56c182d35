"""C11: skip connections remove the explosion of C10."""

from __future__ import annotations

import math

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import (
    Claim,
    Judgement,
    geometric,
    median,
    percent,
    pick,
    spread,
    times,
    verdict_of,
)
from batchnorm_lab.deep import Residual, normalised, norms
from batchnorm_lab.plotting import GREEN, THEORY, WITH, WITHOUT, labelled
from batchnorm_lab.training import Data, batches, step
from batchnorm_lab.tuning import held_out
from minigrad import optim

WIDTH, BATCH, DEPTH = 256, 64, 100  # at initialisation
ARMS = ("plain", "skip", "skip, no BatchNorm")
DEPTHS, RATES, STEPS = (10, 30, 60), (0.01, 0.1), 250  # in training, width 64


def gradient_norms(arm: str, seed: int, depth: int = DEPTH, width: int = WIDTH) -> list[float]:
    """Return the squared gradient norm at the input of each block, input side first."""
    mg.manual_seed(seed)
    draw = lambda *shape: mg.randn(*shape, dtype=mg.float64)
    norm, gain = (
        (normalised, 1.0) if arm != ARMS[2] else (lambda x: x, math.sqrt(2.0))
    )  # He without BN
    h, layers = draw(BATCH, width).requires_grad_(), []
    for _ in range(depth):
        branch = norm(h).relu() @ (draw(width, width) * gain / math.sqrt(width))
        h = branch if arm == "plain" else h + branch
        h.retain_grad()
        layers.append(h)
    (h * draw(BATCH, width)).sum().backward()
    return [n * n for n in norms(h.grad for h in layers)]


def growth_in_theory(depth: int) -> float:
    """Return how much the squared gradient grows through ``depth`` blocks with skip and BN."""
    return (1 + depth * (math.pi - 1) / (2 * math.pi)) ** (math.pi / (math.pi - 1))


def measured_in_theory(depth: int) -> float:
    """Return theory's gradient behind the first of ``depth`` blocks over that behind the last.

    This is what `gradient_norms` measures: the first block's own growth is not in it.
    """
    return growth_in_theory(depth) / growth_in_theory(1)


def batch_accuracy(net: Residual, part, batch: int = 500) -> float:
    """Return the test accuracy by batch statistics: running ones lag too far after 250 steps."""
    right = 0
    with mg.no_grad():
        for i in range(0, len(part.labels), batch):
            right += int(
                (
                    net(mg.from_numpy(part.images[i : i + batch])).numpy().argmax(1)
                    == part.labels[i : i + batch]
                ).sum()
            )
    return right / len(part.labels)


def trained(
    arm: str,
    depth: int,
    rate: float,
    seed: int,
    data: Data,
    steps: int = STEPS,
    tick=lambda n: None,
) -> dict[str, float]:
    """Return the accuracies, held out and test, of a net of width 64 after ``steps`` SGD steps."""
    mg.manual_seed(seed)
    net, split = Residual(depth, 64, skip=arm == "skip"), held_out(data)
    optimizer = optim.SGD(net.parameters(), lr=rate)
    for _, (images, labels) in zip(range(steps), batches(split.train, BATCH, seed), strict=False):
        step(net, optimizer, images, labels)
        tick(1)
    reached = {"held out": split.test, "accuracy": data.test}
    return {name: batch_accuracy(net, part) for name, part in reached.items()}


def cells(mode, seeds):
    """Initialisation: each arm and seed.

    Training: two arms, each depth, each rate; quick: the deepest, one seed.
    """
    depths = DEPTHS if mode == "full" else DEPTHS[-1:]
    trained = seeds if mode == "full" else 1
    settings = [{"part": "initialisation", "arm": a, "seed": s} for a in ARMS for s in range(seeds)]
    settings += [
        {"part": "training", "arm": a, "depth": d, "rate": r, "held out": True, "seed": s}
        for d in depths
        for a in ARMS[:2]
        for r in RATES
        for s in range(trained)
    ]
    return settings


def measure(cell, data, tick=lambda n: None):
    """Return gradient norms at initialisation, or the accuracy after training."""
    if cell["part"] == "initialisation":
        return {"squared": gradient_norms(cell["arm"], cell["seed"])}
    return trained(cell["arm"], cell["depth"], cell["rate"], cell["seed"], data, tick=tick)


def _best(results, arm, depth):
    """Return accuracies by seed at the rate that is better on held-out images, and that rate."""
    runs = {r: pick(results, part="training", arm=arm, depth=depth, rate=r) for r in RATES}
    rate = max(runs, key=lambda r: median(v["held out"] for v in runs[r]))
    return [v["accuracy"] for v in runs[rate]], rate


def judge(results):
    """Growth at initialisation, and accuracy of the deepest nets at each arm's better rate."""
    grows = {
        a: [v["squared"][0] / v["squared"][-1] for v in pick(results, part="initialisation", arm=a)]
        for a in ARMS
    }
    growth = {a: geometric(ratios) for a, ratios in grows.items()}
    theory = f"{measured_in_theory(DEPTH):.0f}"
    depths = sorted({r.cell["depth"] for r in results if r.cell["part"] == "training"})
    rows = [["", *ARMS]]
    rows.append(
        [f"growth of the squared gradient, depth {DEPTH}", *(times(grows[a], ".3g") for a in ARMS)]
    )
    for depth in depths:
        best = [_best(results, a, depth) for a in ARMS[:2]]
        rows.append(
            [
                f"accuracy, depth {depth}, better rate",
                *(f"{spread(runs)}, {rate:g}" for runs, rate in best),
                "-",
            ]
        )
    deepest = [_best(results, a, depths[-1])[0] for a in ARMS[:2]]
    plain, skip = map(median, deepest)
    halves = (growth["skip"] < 1e3 and growth["plain"] > 1e10, skip > 0.85 and plain < 0.50)
    return Judgement(
        verdict_of(halves),
        f"growth {times(grows['plain'], '.1g')} plain, {times(grows['skip'], '.0f')} with skip "
        f"(theory {theory}); depth {depths[-1]} learns to {percent(deepest[1])} with skip, "
        f"{percent(deepest[0])} without",
        f"Over {DEPTH} blocks the squared gradient grows {growth['plain']:.0e}-fold without skip "
        f"connections and {growth['skip']:.0f}-fold with them (in theory {theory}); without "
        f"BatchNorm the same skip net grows {growth['skip, no BatchNorm']:.0e}-fold, so it takes "
        "both.",
        rows,
    )


def draw(figure, results):
    """Left: gradients at initialisation. Right: accuracy over depth."""
    left, right = figure.subplots(1, 2)
    styles = {
        "plain": WITHOUT,
        "skip": WITH,
        "skip, no BatchNorm": {"color": GREEN, "linestyle": "-.", "marker": "^"},
    }
    for arm, style in styles.items():
        runs = np.array([v["squared"] for v in pick(results, part="initialisation", arm=arm)])
        mean = np.exp(np.log(runs / runs[:, -1:]).mean(0))
        label = {"plain": "BatchNorm, plain", "skip": "BatchNorm and skip"}.get(arm, arm)
        left.semilogy(range(1, DEPTH + 1), mean, **style, markersize=4, markevery=12, label=label)
    theory = [growth_in_theory(DEPTH) / growth_in_theory(i) for i in range(1, DEPTH + 1)]
    left.semilogy(range(1, DEPTH + 1), theory, **THEORY, label="theory, with skip")
    labelled(left, "before training", "block (1: next to the input)", "‖gradient‖², last block = 1")
    depths = sorted({r.cell["depth"] for r in results if r.cell["part"] == "training"})
    for arm in ARMS[:2]:
        for rate in RATES:
            runs = [
                [v["accuracy"] for v in pick(results, part="training", arm=arm, depth=d, rate=rate)]
                for d in depths
            ]
            style = {**styles[arm], "fillstyle": "full" if rate == RATES[-1] else "none"}
            right.plot(depths, [median(r) for r in runs], **style, label=f"{arm}, rate {rate:g}")
            for d, r in zip(depths, runs, strict=True):
                right.plot([d, d], [min(r), max(r)], color=style["color"], linewidth=1)
    right.set_xticks(depths)
    title = f"after {STEPS} steps on MNIST, width 64"
    labelled(right, title, "blocks", "test accuracy", "center right", ylim=(0, 1))


CLAIM = Claim(
    id="C11",
    title="Skip connections remove the explosion",
    source=("Yang et al. 2019, §5 and Figure 2 (arXiv 1902.08129); De & Smith 2020 (arXiv "
    "2002.10444)"),
    claimed="Deep nets with BatchNorm and no skip connections cannot be trained; with them depth "
            "is no obstacle, since "
    "BatchNorm makes the residual branches small beside the skip path.",
    protocol=f"(a) h ← W relu(BN(h)) against h ← h + W relu(BN(h)) before training, width {WIDTH}, "
             f"batch {BATCH}, depth "
    f"{DEPTH}, eps = 0. (b) MNIST, width 64, batch {BATCH}, depths 10, 30, 60, {STEPS} SGD steps, "
    f"rates 0.01 and 0.1, "
    "each arm judged at its better rate by 10,000 held-out training images; accuracy by batch "
    "statistics of 500 test images.",
    criterion="(a) first over last squared gradient below 1e3 with skip, above 1e10 without; (b) "
              "depth 60: above 85 % with "
    "skip, below 50 % without; one of the two: partly",
    reference="theory for (a): 120 with skip (185 with the first block's own growth); Yang et al. "
    "could not train plain nets deeper than about 50 layers",
    cells=cells, measure=measure, judge=judge, draw=draw, ci=True,
)  # fmt: skip
