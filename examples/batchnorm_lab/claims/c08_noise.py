"""C8: BatchNorm with noise behind it, which brings covariate shift back, still trains."""

from __future__ import annotations

import itertools

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import (
    Claim,
    Judgement,
    above,
    median,
    pick,
    points,
    spread,
    verdict_of,
)
from batchnorm_lab.plotting import GREEN, PINK, THEORY, WITH, WITHOUT, banded, labelled
from batchnorm_lab.training import Data, accuracy, batches, fit, linears, step
from batchnorm_lab.tuning import EQUAL_AND_TUNED, SEEDS, chosen_rates, grid, tuned
from minigrad import nn, optim

SIZES, STD, RATE, BATCH, STEPS, EVERY = (784, 100, 100, 100, 10), 0.1, 0.5, 60, 2000, 50
ARMS = ("without", "BatchNorm", "BatchNorm + noise", "without + noise")
PLAIN, NORMED, NOISY, PLAIN_NOISY = ARMS
RATES, EARLY = (0.1, 0.5, 2.0, 5.0), 500


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
    """Every arm at equal and tuned rates; quick: equal rates, one seed."""
    full = mode == "full"
    return [
        {"arm": a, "rates": r, "seed": s}
        for r in (EQUAL_AND_TUNED if full else EQUAL_AND_TUNED[:1])
        for a in ARMS
        for s in range(seeds if full else 1)
    ]


def mean_and_deviation(net: nn.Sequential, images: mg.Tensor) -> list[float]:
    """Return those of what a last-layer sigmoid gets, over the batch, noise and all."""
    h = images
    with mg.no_grad():
        for layer in list(net)[:-2]:
            if isinstance(layer, nn.BatchNorm1d):
                scale, shift = layer.weight, layer.bias
                h = nn.functional.batch_norm(h, None, None, scale, shift, training=True)
            else:
                h = layer(h)
    unit = h.numpy()[:, 0]
    return [float(unit.mean()), float(unit.std())]


def trained(arm: str, rate: float, seed: int, data: Data, tick=lambda n: None) -> dict:
    """Return test accuracy by step, without noise, and the drift of one sigmoid's input."""
    net = build(arm, seed)
    optimizer, curve, drift = optim.SGD(net.parameters(), lr=rate), [], []
    drawn = itertools.islice(batches(data.train, BATCH, seed), STEPS)
    for t, (images, labels) in enumerate(drawn, 1):
        step(net, optimizer, images, labels)
        tick(1)
        if t % EVERY == 0:
            curve.append([t, accuracy(net, data.test)])
            drift.append(mean_and_deviation(net, images))
    return {"curve": curve, "drift": drift}


def measure(cell, data: Data, tick=lambda n: None):
    """Return a run at the equal rate, or at the one that held-out images choose for the arm."""
    arm, seed = cell["arm"], cell["seed"]
    if cell["rates"] == "equal":
        return trained(arm, RATE, seed, data, tick)

    def score(setting, split, seed):
        ((_, reached),) = fit(
            build(arm, seed),
            split,
            steps=STEPS,
            batch=BATCH,
            lr=setting["rate"],
            seed=seed,
            tick=tick,
        )
        return reached

    choice = tuned(("C8", arm), grid(rate=RATES), score, data, seeds=SEEDS[:1])
    return trained(arm, choice.setting["rate"], seed, data, tick) | choice.told()


def at(value, t):
    """Return the accuracy at step ``t``."""
    return dict(map(tuple, value["curve"]))[t]


def differences(results, rates, arm, than, t):
    """Return by seed the accuracy of ``arm`` less that of ``than`` at step ``t``."""
    pairs = zip(*(pick(results, arm=a, rates=rates) for a in (arm, than)), strict=True)
    return [at(a, t) - at(b, t) for a, b in pairs]


def _kinds(results):
    return [r for r in EQUAL_AND_TUNED if pick(results, rates=r)]


def _rows(results):
    steps = (EARLY, 1000, STEPS)
    rows = [["rates", "", *(f"step {t:,}" for t in steps)]]
    for rates in _kinds(results):
        for arm in ARMS:
            told = [spread([at(v, t) for v in pick(results, arm=arm, rates=rates)]) for t in steps]
            rows.append([rates, arm + chosen_rates(results, arm=arm, rates=rates), *told])
    return rows


def judge(results):
    """Noisy BatchNorm against BatchNorm, and against the vanilla net, at both kinds of rates."""
    tests: list[bool] = []
    told: list[str] = []
    early: list[str] = []
    for rates in _kinds(results):
        apart = differences(results, rates, NOISY, NORMED, STEPS)
        ahead = differences(results, rates, NOISY, PLAIN, EARLY)
        tests += [abs(sum(apart) / len(apart)) <= 0.02, above(ahead, 0.0, len(_kinds(results)))]
        told.append(f"{points(apart)} at {rates} rates")
        early.append(f"{points(ahead, len(_kinds(results)))} at {rates} rates")
    rates = _kinds(results)[-1]
    last = {
        a: median(at(v, STEPS) for v in pick(results, arm=a, rates=rates))
        for a in (PLAIN, PLAIN_NOISY)
    }
    stopped = last[PLAIN_NOISY] < 0.5 and last[PLAIN] >= 0.5
    return Judgement(
        verdict_of(tests),
        f"points that noise behind BatchNorm adds at {STEPS:,} steps: {', '.join(told)}",
        f"Noise behind BatchNorm changes the end by {', '.join(told)}, so stable distributions are "
        f"not what makes it train. At {EARLY} steps the noisy net is ahead of the vanilla one by "
        f"{', '.join(early)}. That the same noise stops the standard net "
        f"{'holds' if stopped else 'does not reproduce'} here ({last[PLAIN]:.1%} without noise, "
        f"{last[PLAIN_NOISY]:.1%} with, {rates} rates).",
        _rows(results),
    )


STYLES = (
    WITHOUT,
    WITH,
    {"color": GREEN, "linestyle": "-.", "marker": "^"},
    {"color": PINK, "linestyle": ":", "marker": "D"},
)


def _differences(axes, results):
    """Draw what is judged at the end: noisy BatchNorm less BatchNorm, each seed a dot."""
    kinds = _kinds(results)
    for i, rates in enumerate(kinds):
        apart = [100 * d for d in differences(results, rates, NOISY, NORMED, STEPS)]
        axes.plot([i] * len(apart), apart, "o", color=GREEN, fillstyle="none")
    for gate in (-2, 2):
        axes.axhline(gate, **THEORY)
    axes.set_xticks(range(len(kinds)), [f"{r} rates" for r in kinds])
    axes.set_xlim(-0.5, len(kinds) - 0.5)
    labelled(axes, "noisy less BatchNorm (dotted: gate)", "", "points at the end", None)


def draw(figure, results):
    """Accuracy over steps, by kind of rates; the judged differences; the drift of one input."""
    kinds = _kinds(results)
    *curves, judged, drift = figure.subplots(1, len(kinds) + 2)
    for axes, rates in zip(curves, kinds, strict=True):
        for arm, style in zip(ARMS, STYLES, strict=True):
            values = pick(results, arm=arm, rates=rates)
            steps = [t for t, _ in values[0]["curve"]]
            runs = [[a for _, a in v["curve"]] for v in values]
            banded(axes, steps, runs, **style, markevery=8, label=arm)
        title = f"{rates} rates, evaluated without noise"
        labelled(axes, title, "training steps", "test accuracy", "lower right", ylim=(0, 1))
    _differences(judged, results)
    for arm, style in zip(ARMS, STYLES, strict=True):
        means = [mean for mean, _ in pick(results, arm=arm, rates=kinds[0])[0]["drift"]]
        drift.plot(steps, means, **style, markersize=4, markevery=8)
    title = "mean over the batch, seed 0"
    labelled(drift, title, "training steps", "input of a last-layer sigmoid", None)


CLAIM = Claim(
    id="C8",
    title="BatchNorm trains as well when noise brings covariate shift back",
    source="Santurkar et al. 2018, §2.1 and Figure 2 (arXiv 1805.11604)",
    claimed="Noise after each BatchNorm, of changing mean and variance, makes distributions less "
            "stable than in a standard net, yet it "
    "trains as well as BatchNorm. (Also that the same noise stops the standard net: told, not "
    "judged.)",
    protocol=f"784-100-100-100-10 sigmoid, N(0, {STD}²), batch {BATCH}, {STEPS:,} "
             f"SGD steps; equal rate {RATE:g}, tuned of {', '.join(f'{r:g}' for r in RATES)} on "
             f"10,000 held-out training images; per unit and step mean from U(-0.5, "
    "0.5), deviation from U(1, 1.25); per sample shift within 0.1 of that mean, scale N(deviation, "
    "0.1).",
    criterion=f"noisy BatchNorm within 2 points of BatchNorm at {STEPS:,} steps, and above the "
    f"vanilla net at {EARLY} (95 % intervals over seeds that hold together), at equal and at tuned "
    "rates: reproduced; some of these: partly",
    reference=("Figure 2 (VGG, CIFAR-10): the gap between BatchNorm and noisy BatchNorm almost "
    "non-existent"),
    cells=cells, measure=measure, judge=judge, draw=draw, size=(12.0, 3.4),
)  # fmt: skip
