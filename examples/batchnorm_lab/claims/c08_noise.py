"""C8: BatchNorm with noise behind it, which brings covariate shift back, still trains."""

from __future__ import annotations

import itertools

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, median, pick, spread, verdict_of
from batchnorm_lab.plotting import GREEN, PINK, WITH, WITHOUT, banded, labelled
from batchnorm_lab.training import Data, accuracy, batches, linears, step
from minigrad import nn, optim

SIZES, STD, RATE, BATCH, STEPS, EVERY = (784, 100, 100, 100, 10), 0.1, 0.5, 60, 2000, 50
ARMS = ("without", "BatchNorm", "BatchNorm + noise", "without + noise")


class Noise(nn.Module):
    """Shift and scale drawn anew each step for each unit, and again for each sample.

    Nothing in evaluation.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        self.rng = rng

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        """(N, C) -> (N, C). Santurkar et al., §2.1 and appendix A.2."""
        if not self.training:
            return x
        n, c = x.shape
        mean = self.rng.uniform(-0.5, 0.5, c)
        deviation = self.rng.uniform(1, 1.25, c)
        shift = self.rng.uniform(mean - 0.1, mean + 0.1, (n, c))
        scale = self.rng.normal(deviation, 0.1, (n, c))
        scale, shift = scale.astype(np.float32), shift.astype(np.float32)
        return x * mg.from_numpy(scale) + mg.from_numpy(shift)


def build(arm: str, seed: int) -> nn.Sequential:
    """Return the paper's MNIST net; a noisy arm has noise between normalisation and sigmoid."""
    mg.manual_seed(seed)
    rng, layers = np.random.default_rng(seed), []
    for n_in, n_out in itertools.pairwise(SIZES[:-1]):
        layers += [
            nn.Linear(n_in, n_out),
            *([nn.BatchNorm1d(n_out)] if arm.startswith("BatchNorm") else []),
        ]
        layers += [*([Noise(rng)] if arm.endswith("noise") else []), nn.Sigmoid()]
    net = nn.Sequential(*layers, nn.Linear(*SIZES[-2:]))
    for layer in linears(net):
        nn.init.normal_(layer.weight, std=STD)
        nn.init.zeros_(layer.bias)
    return net


def cells(mode, seeds):
    """Every arm; quick: one seed."""
    return [{"arm": a, "seed": s} for a in ARMS for s in range(seeds if mode == "full" else 1)]


def measure(cell, data: Data, tick=lambda n: None):
    """Return test accuracy by step, without noise, and what noise does to one sigmoid's input.

    That is the mean and deviation of a last-layer unit.
    """
    net = build(cell["arm"], cell["seed"])
    optimizer, curve, drift = optim.SGD(net.parameters(), lr=RATE), [], []
    for t, (images, labels) in enumerate(
        itertools.islice(batches(data.train, BATCH, cell["seed"]), STEPS), 1
    ):
        step(net, optimizer, images, labels)
        tick(1)
        if t % EVERY == 0:
            curve.append([t, accuracy(net, data.test)])
            with mg.no_grad():
                h = images
                for layer in list(net)[:-2]:
                    if isinstance(layer, nn.BatchNorm1d):
                        scale, shift = layer.weight, layer.bias
                        h = nn.functional.batch_norm(h, None, None, scale, shift, training=True)
                    else:
                        h = layer(h)
            drift.append([float(h.numpy()[:, 0].mean()), float(h.numpy()[:, 0].std())])
    return {"curve": curve, "drift": drift}


def at(value, t):
    """Return the accuracy at step ``t``."""
    return dict(map(tuple, value["curve"]))[t]


def judge(results):
    """Noisy BatchNorm against BatchNorm and against the vanilla net.

    What the noise does to that one is told.
    """
    steps = (500, 1000, STEPS)
    rows = [["", *(f"step {t:,}" for t in steps)]]
    rows += [
        [arm, *(spread([at(v, t) for v in pick(results, arm=arm)]) for t in steps)] for arm in ARMS
    ]
    last = {a: median(at(v, STEPS) for v in pick(results, arm=a)) for a in ARMS}
    early = {a: median(at(v, 500) for v in pick(results, arm=a)) for a in ARMS}
    noisy = ARMS[2]
    tests = abs(last[noisy] - last["BatchNorm"]) <= 0.02, early[noisy] > early["without"]
    stopped = last["without + noise"] < 0.5 and last["without"] >= 0.5
    return Judgement(
        verdict_of(tests),
        f"at {STEPS:,} steps: BatchNorm {last['BatchNorm']:.1%}, with noise {last[noisy]:.1%}; "
        f"without {last['without']:.1%}, with noise "
        f"{last['without + noise']:.1%}",
        f"Noise behind BatchNorm changes the end by {100 * (last[noisy] - last['BatchNorm']):+.1f} "
        f"points, so stable distributions are not "
        f"what makes it train. That the same noise stops the standard net "
        f"{'holds' if stopped else 'does not reproduce'} here "
        f"({last['without']:.1%} without noise, {last['without + noise']:.1%} with).",
        rows,
    )


def draw(figure, results):
    """Left: accuracy over steps. Right: mean input of a last-layer sigmoid over steps, seed 0."""
    left, right = figure.subplots(1, 2)
    noisy = (
        {"color": GREEN, "linestyle": "-.", "marker": "^"},
        {"color": PINK, "linestyle": ":", "marker": "D"},
    )
    for arm, style in zip(ARMS, (WITHOUT, WITH, *noisy), strict=True):
        values = pick(results, arm=arm)
        steps = [t for t, _ in values[0]["curve"]]
        banded(
            left,
            steps,
            [[a for _, a in v["curve"]] for v in values],
            **style,
            markevery=5,
            label=arm,
        )
        right.plot(
            steps,
            [mean for mean, _ in values[0]["drift"]],
            **style,
            markersize=4,
            markevery=5,
            label=arm,
        )
    labelled(
        left,
        "evaluated without noise",
        "training steps",
        "test accuracy",
        "lower right",
        ylim=(0, 1),
    )
    labelled(
        right,
        "mean over the batch, with noise; seed 0",
        "training steps",
        "input of a last-layer sigmoid",
    )


CLAIM = Claim(
    id="C8",
    title="BatchNorm trains as well when noise brings covariate shift back",
    source="Santurkar et al. 2018, §2.1 and Figure 2 (arXiv 1805.11604)",
    claimed="Noise after each BatchNorm, of changing mean and variance, makes distributions less "
            "stable than in a standard net, yet it "
    "trains as well as BatchNorm. (Also that the same noise stops the standard net: told, not "
    "judged.)",
    protocol=f"784-100-100-100-10 sigmoid, N(0, {STD}²), rate {RATE:g}, batch {BATCH}, {STEPS:,} "
             f"SGD steps; per unit and step mean from U(-0.5, "
    "0.5), deviation from U(1, 1.25); per sample shift within 0.1 of that mean, scale N(deviation, "
    "0.1).",
    criterion=(f"noisy BatchNorm within 2 points of BatchNorm at {STEPS:,} steps and above the "
    f"vanilla net at 500; one of the two: partly"),
    reference=("Figure 2 (VGG, CIFAR-10): the gap between BatchNorm and noisy BatchNorm almost "
    "non-existent"),
    cells=cells, measure=measure, judge=judge, draw=draw,
)  # fmt: skip
