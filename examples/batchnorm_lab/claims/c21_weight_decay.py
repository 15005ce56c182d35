"""C21: with BatchNorm, weight decay acts through the effective learning rate."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, interval, median, pick, verdict_of
from batchnorm_lab.paired import by_name, gains, points
from batchnorm_lab.plotting import BLUE, RED, labelled
from batchnorm_lab.training import Data, accuracy, batches, linears, mlp
from batchnorm_lab.tuning import at_best_rate
from minigrad import nn, optim
from minigrad.nn import functional as F

SIZES, BATCH, RATE, DECAY = (784, 100, 100, 10), 60, 0.5, 5e-3
EXACT_RATE = 0.1  # without BatchNorm the net does not bear more
EXACT, STEPS, RATES = 200, 2000, (0.02, 0.1, 0.5, 2.0)
ARMS = ("decay", "none", "corrected")


class Run(NamedTuple):
    """One of the nets that go side by side."""

    net: nn.Sequential
    optimizer: optim.SGD

    @property
    def hidden(self) -> list[mg.Tensor]:
        """Return the weights before BatchNorm, whose length does not matter to the function."""
        return [layer.weight for layer in linears(self.net)[:-1]]


def start(arm: str, norm: bool, rate: float, seed: int, exact: bool = False) -> Run:
    """Return a net and its optimizer; decay is on the hidden weights alone.

    ``exact``: float64, and an eps that float64 does not see.
    """
    mg.manual_seed(seed)
    net = mlp(SIZES, nn.ReLU, norm=norm, std="he")
    if exact:
        net.double()
        for layer in net:
            if isinstance(layer, nn.BatchNorm1d):
                layer.eps = 1e-30
    hidden = [layer.weight for layer in linears(net)[:-1]]
    others = [p for p in net.parameters() if not any(p is w for w in hidden)]
    decay = DECAY if arm == "decay" else 0.0
    groups = [{"params": hidden, "weight_decay": decay}, {"params": others}]
    return Run(net, optim.SGD(groups, lr=rate))


def squared_lengths(weight: mg.Tensor) -> np.ndarray:
    """Return ‖w‖² of each unit, (units, 1)."""
    w = weight.detach().numpy()
    return (w * w).sum(1, keepdims=True)


def take_step(run: Run, images, labels, like: Run | None = None) -> float:
    """Take a step, with ``like`` at rates corrected to those of that net; return the loss.

    A decayed unit turns as one without decay would at the rate η‖w‖² / ((1 − ηλ)‖w_decayed‖²).
    """
    loss = F.cross_entropy(run.net(images), labels)
    run.optimizer.zero_grad()
    loss.backward()
    if like is not None:
        rate = run.optimizer.param_groups[0]["lr"]
        for own, decayed in zip(run.hidden, like.hidden, strict=True):
            ratio = squared_lengths(own) / squared_lengths(decayed) / (1 - rate * DECAY)
            own.grad.mul_(mg.from_numpy(ratio))
    run.optimizer.step()
    return loss.item()


def side_by_side(norm: bool, seed: int, steps: int, data: Data, exact: bool, tick=lambda n: None):
    """Train the three nets on the same batches; return them by arm, and their losses."""
    rate = EXACT_RATE if exact else RATE
    runs = {arm: start(arm, norm, rate, seed, exact) for arm in ARMS}
    losses: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for images, labels in itertools.islice(batches(data.train, BATCH, seed), steps):
        images = images.double() if exact else images
        corrected = take_step(runs["corrected"], images, labels, like=runs["decay"])
        losses["corrected"].append(corrected)  # before the decayed net moves on
        for arm in ARMS[:2]:
            losses[arm].append(take_step(runs[arm], images, labels))
        tick(3)
    return runs, losses


def apart(losses: dict[str, list[float]], arm: str) -> float:
    """Return how far an arm's losses leave those of the decayed net, relative to these."""
    decayed, other = np.array(losses["decay"]), np.array(losses[arm])
    return float(np.abs(other - decayed).max() / decayed.mean())


def cells(mode, seeds):
    """Exact and on MNIST side by side, and each arm at its own rate.

    Quick: no tuned rates, 300 steps.
    """
    full = mode == "full"
    pairs = [{"part": "exact", "norm": n, "seed": s} for n in (True, False) for s in range(seeds)]
    steps = STEPS if full else 300
    pairs += [{"part": "side by side", "seed": s, "steps": steps} for s in range(seeds)]
    alone = [
        {"part": "tuned", "arm": a, "seed": s, "steps": steps}
        for a in ARMS[:2]
        for s in range(seeds)
    ]
    return pairs + (alone if full else [])


def trained(arm: str, rate: float, seed: int, steps: int, data: Data, tick=lambda n: None) -> float:
    """Return the accuracy of a net with BatchNorm, with or without decay."""
    run = start(arm, True, rate, seed)
    for images, labels in itertools.islice(batches(data.train, BATCH, seed), steps):
        take_step(run, images, labels)
        tick(1)
    return accuracy(run.net, data.test)


def measure(cell, data: Data, tick=lambda n: None) -> dict:
    """Return differences of losses, or accuracies and effective rates, or a tuned run's."""
    seed = cell["seed"]
    if cell["part"] == "exact":
        _, losses = side_by_side(cell["norm"], seed, EXACT, data, True, tick)
        return {"apart": {arm: apart(losses, arm) for arm in ARMS[1:]}}
    steps = cell["steps"]
    if cell["part"] == "tuned":
        arm = cell["arm"]

        def run(rate, seed, part, tick):
            return {"accuracy": trained(arm, rate, seed, steps, part, tick)}

        return at_best_rate(("C21", arm, steps), {**cell, "rates": RATES}, run, data, tick)
    runs, _ = side_by_side(True, seed, steps, data, False, tick)
    lengths = {arm: squared_lengths(run.hidden[0]) for arm, run in runs.items()}
    return {
        "accuracy": {arm: accuracy(run.net, data.test) for arm, run in runs.items()},
        "effective": {arm: float(np.median(RATE / n)) for arm, n in lengths.items()},
    }


def _side_by_side(results):
    """Return, by seed, how much more accurate the decayed net is than each of the others."""
    found = [v["accuracy"] for v in pick(results, part="side by side")]
    return {arm: [v["decay"] - v[arm] for v in found] for arm in ARMS[1:]}


def _within(differences, comparisons: int, bound=0.003) -> bool:
    low, high = interval(differences, comparisons)
    return -bound < low and high < bound


def _exact(results):
    """Return the differences of losses by (BatchNorm or not, arm)."""
    return {
        (norm, arm): [v["apart"][arm] for v in pick(results, part="exact", norm=norm)]
        for norm in (True, False)
        for arm in ARMS[1:]
    }


def _comparisons(results) -> int:
    """Return how many intervals decide: equal rates, and where they are run, tuned ones."""
    return 2 if pick(results, part="tuned") else 1


def judge(results):
    """The identity, the same in practice, and whether decay gains at each arm's own rate."""
    exact, beside = _exact(results), _side_by_side(results)
    worst = max(exact[True, "corrected"])
    identity = worst < 1e-6 and min(exact[True, "none"]) > 1e-3
    own = min(exact[False, "corrected"]) > 1e-3
    count = _comparisons(results)
    gap = points(beside["corrected"], count)
    tests = [identity and own, _within(beside["corrected"], count)]
    rows = [["", "decay less none", "decay less corrected rates"]]
    rows.append(["equal rates", points(beside["none"], count), gap])
    told = ""
    if count > 1:
        tuned_gain = gains(results, "decay", "none", part="tuned")
        tests.append(_within(tuned_gain, count))
        rows.append(["each at its own rate", points(tuned_gain, count), "-"])
        told = f"; decay gains {points(tuned_gain, count)} with each arm at its own rate"
    names = {True: "with BatchNorm", False: "without"}
    for norm, name in names.items():
        apart = [f"{median(exact[norm, arm]):.1g}" for arm in ARMS[1:]]
        rows.append([f"losses apart from the decayed net's, {name}", *apart])
    effective = [v["effective"] for v in pick(results, part="side by side")]
    rates = {arm: median(v[arm] for v in effective) for arm in ARMS[:2]}
    return Judgement(
        verdict_of(tests),
        f"decay replaced by a larger rate: losses within {worst:.0e} with BatchNorm, "
        f"{median(exact[False, 'corrected']):.0e} apart without; accuracy "
        f"{gap} apart{told}",
        f"In exact arithmetic a decayed net and one with the rate η‖w‖²/((1 − ηλ)‖w_decayed‖²) are "
        f"the same function at each step; eps, float32 and chaos leave {gap} between them. Decay "
        f"holds η/‖w‖² at {rates['decay']:.2g} "
        f"where it falls to {rates['none']:.2g} without.",
        rows,
    )


def draw(figure, results):
    """Left: losses apart in float64. Right: differences of accuracy."""
    left, right = figure.subplots(1, 2)
    names = {"none": "no correction", "corrected": "rates corrected"}
    groups = {
        f"{'BatchNorm' if norm else 'without'},\n{names[arm]}": values
        for (norm, arm), values in _exact(results).items()
    }
    by_name(left, groups, log=True, color=BLUE)
    left.axvline(1e-6, color="#222222", linestyle=":")
    labelled(left, f"{EXACT} steps in float64", "losses apart from the decayed net's", "", None)
    beside = _side_by_side(results)
    gaps = {"decay − corrected rates": beside["corrected"], "decay − none": beside["none"]}
    if pick(results, part="tuned"):
        gaps["decay − none,\neach at its own rate"] = gains(results, "decay", "none", part="tuned")
    percents = {name: [100 * g for g in gap] for name, gap in gaps.items()}
    by_name(right, percents, comparisons=_comparisons(results), color=RED)
    right.axvspan(-0.3, 0.3, color="#222222", alpha=0.1)
    labelled(right, "with BatchNorm on MNIST", "points of test accuracy", "", None)


CLAIM = Claim(
    id="C21",
    title="Weight decay acts through the effective learning rate",
    source="van Laarhoven 2017 (arXiv 1706.05350); Hoffer, Banner, Golan & Soudry 2018, §3 (arXiv "
           "1803.01814)",
    claimed="Before BatchNorm, weight decay does not make the function simpler: it keeps weights "
            "short, so the effective rate η/‖w‖² large, and rates corrected for that do the same.",
    protocol=f"784-100-100-10 ReLU, He, SGD at {RATE:g}, batch {BATCH}, decay {DECAY:g} on the "
             f"weights before BatchNorm; beside it, on the same batches, no decay, and no decay "
             f"with each unit's rate corrected by its length. {EXACT} steps in float64 at "
             f"{EXACT_RATE:g} with eps 1e-30, with and without BatchNorm; {STEPS:,} steps of the "
             f"layers as they are; and decay and none each at the best of the "
             f"rates {', '.join(f'{r:g}' for r in RATES)} on held-out training images.",
    criterion="(a) float64: corrected losses within 1e-6 of the decayed net's with BatchNorm, more "
              "than 1e-3 away without BatchNorm, or with it and not corrected; (b) test accuracy "
              "of decay and corrected rates within 0.3 points; (c) decay and none, "
              "each at its own rate, within 0.3 points: 95 % intervals that hold together. All: "
              "reproduced; some: partly",
    reference="an identity; Hoffer et al., §3: corrected rates without decay train as decay does",
    cells=cells, measure=measure, judge=judge, draw=draw,
)  # fmt: skip
