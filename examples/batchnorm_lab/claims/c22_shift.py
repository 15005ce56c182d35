"""C22: statistics of new images undo a shift of the images."""

from __future__ import annotations

from copy import deepcopy

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, above, mean_of, percent, pick, spread, verdict_of
from batchnorm_lab.paired import by_name, dots
from batchnorm_lab.plotting import GREEN, WITH, WITHOUT, labelled
from batchnorm_lab.training import Data, Part, accuracy, fit, mlp
from batchnorm_lab.tuning import best_rate
from minigrad import nn

SIZES, BATCH, STEPS, RATES = (784, 100, 100, 100, 10), 60, 2000, (0.02, 0.1, 0.5, 2.0)
ARMS, COUNTS = ("without", "BatchNorm"), (10, 100, 1000)


def blurred(images: np.ndarray) -> np.ndarray:
    """Return means over 5 × 5 pixels."""
    padded = np.pad(images.reshape(-1, 28, 28), ((0, 0), (2, 2), (2, 2)))
    places = [padded[:, i : i + 28, j : j + 28] for i in range(5) for j in range(5)]
    return (sum(places) / np.float32(25)).reshape(-1, 784)


def noisy(images: np.ndarray) -> np.ndarray:
    """Return the images with Gaussian noise of deviation 0.5."""
    noise = np.random.default_rng(0).standard_normal(images.shape, dtype=np.float32)
    return images + noise * np.float32(0.5)


AFFINE = "brightness +0.5"  # one number more in each pixel: a constant before each unit
SHIFTS = {
    AFFINE: lambda x: x + np.float32(0.5),
    "contrast × 0.3": lambda x: x * np.float32(0.3),
    "noise": noisy,
    "blur": blurred,
    "inverted": lambda x: 1 - x,
}
OTHER = ("noise", "blur")  # what no change of mean and variance undoes exactly
JUDGED = (AFFINE, *OTHER)


def trained(arm: str, rate: float, seed: int, steps: int, data: Data, tick=lambda n: None):
    """Return a trained net and its test accuracy."""
    mg.manual_seed(seed)
    net = mlp(SIZES, nn.ReLU, norm=arm == "BatchNorm", std="he")
    curve = fit(net, data, steps=steps, batch=BATCH, lr=rate, seed=seed, tick=tick)
    return net, curve[-1][1]


def adapted(net: nn.Sequential, images: np.ndarray) -> nn.Sequential:
    """Return a copy of the net with the statistics of these images, which have no labels."""
    return nn.utils.recalibrate_batchnorm(deepcopy(net), [mg.from_numpy(images)])


def under_shifts(net: nn.Sequential, unlabelled: Part, judged: Part, adapt: bool) -> dict:
    """Return the accuracy on shifted images as trained, and with the statistics of some."""
    found = {}
    few_digits = unlabelled.labels < 5
    for name, shift in SHIFTS.items():
        images, seen = Part(shift(judged.images), judged.labels), shift(unlabelled.images)
        found[name] = {"as trained": accuracy(net, images)}
        if adapt:
            for n in COUNTS:
                found[name][str(n)] = accuracy(adapted(net, seen[:n]), images)
            found[name]["of 0 to 4"] = accuracy(adapted(net, seen[few_digits][:1000]), images)
    return found


def cells(mode, seeds):
    """Both arms; quick: 500 steps at one rate."""
    full = mode == "full"
    rates, steps = (list(RATES), STEPS) if full else ([0.1], 500)
    return [
        {"arm": a, "seed": s, "steps": steps, "rates": rates} for a in ARMS for s in range(seeds)
    ]


def measure(cell, data: Data, tick=lambda n: None) -> dict:
    """Return accuracies on every second test image; the others give statistics, no labels."""
    arm, steps = cell["arm"], cell["steps"]
    reached = lambda rate, seed, split: trained(arm, rate, seed, steps, split)[1]
    choice = best_rate(("C22", arm, steps), cell, reached, data)
    net, _ = trained(arm, choice.setting["rate"], cell["seed"], steps, data, tick)
    unlabelled, judged = data.test[::2], data.test[1::2]
    return {
        "clean": accuracy(net, judged),
        "shifted": under_shifts(net, unlabelled, judged, arm == "BatchNorm"),
        "choice": choice.told(),
    }


def _of(results, shift, kind, arm="BatchNorm"):
    return [v["shifted"][shift][kind] for v in pick(results, arm=arm)]


def recovered(results, shift, kind="1000"):
    """Return by seed the share of the lost accuracy that comes back."""
    clean = [v["clean"] for v in pick(results, arm="BatchNorm")]
    before, after = (_of(results, shift, k) for k in ("as trained", kind))
    return [(b - a) / max(c - a, 1e-9) for c, a, b in zip(clean, before, after, strict=True)]


def _table(results):
    kinds = {"as trained": "BatchNorm, as trained"}
    kinds |= {str(n): f"statistics of {n:,}" for n in COUNTS}
    kinds["of 0 to 4"] = "of 1,000 digits 0 to 4"
    rows = [["images", "without BatchNorm", *kinds.values()]]
    clean = [spread([v["clean"] for v in pick(results, arm=a)]) for a in ARMS]
    rows.append(["as trained on", *clean, *["-"] * (len(kinds) - 1)])
    for shift in SHIFTS:
        without = spread(_of(results, shift, "as trained", "without"))
        rows.append([shift, without, *(spread(_of(results, shift, k)) for k in kinds)])
    return rows


def judge(results):
    """The share that comes back, where statistics can undo the shift and where they cannot."""
    share = {s: recovered(results, s) for s in JUDGED}
    told = {s: mean_of(share[s], ".0%", len(JUDGED)) for s in JUDGED}
    helped = [s for s in OTHER if above(share[s], 0.0, len(JUDGED))]
    tests = [above(share[AFFINE], 0.9, len(JUDGED)), *(s in helped for s in OTHER)]
    before, after = (percent(_of(results, AFFINE, kind)) for kind in ("as trained", "1000"))
    others = ", ".join(f"{s} {told[s]}" for s in OTHER)
    skewed = percent(_of(results, AFFINE, "of 0 to 4"))
    inverted = percent(_of(results, "inverted", "1000"))
    return Judgement(
        verdict_of(tests),
        f"brightness +0.5: {before} becomes {after}; of the lost accuracy comes back: {others}",
        f"Statistics of 1,000 new images without labels bring back "
        f"{told[AFFINE]} of what brightness costs, and help "
        f"against {' and '.join(helped) or 'neither noise nor blur'}. "
        f"Images of the digits 0 to 4 alone leave {skewed}: the sample must be like what comes. "
        f"Inverted images stay at {inverted}: no mean or variance turns a sign.",
        _table(results),
    )


def draw(figure, results):
    """Left: accuracy under each shift. Right: the share of the loss that comes back."""
    axes, right = figure.subplots(1, 2, width_ratios=(5, 2))
    places = np.arange(len(SHIFTS))
    looks = (
        ("without", "as trained", WITHOUT, "without BatchNorm"),
        ("BatchNorm", "as trained", WITH, "BatchNorm, statistics of training"),
        ("BatchNorm", "1000", {"color": GREEN, "marker": "^"}, "statistics of 1,000 new images"),
        ("BatchNorm", "of 0 to 4", {"color": "#222222", "marker": "x"}, "of digits 0 to 4 alone"),
    )
    for i, (arm, kind, style, label) in enumerate(looks):
        runs = [_of(results, shift, kind, arm) for shift in SHIFTS]
        look = {**style, "linestyle": "none"}
        dots(axes, places + 0.14 * (i - 1.5), runs, label=label, **look)
    axes.set_xticks(places, list(SHIFTS))
    axes.tick_params(axis="x", labelrotation=15)
    title = "shifted test images (mean, 95 % interval, runs)"
    labelled(axes, title, "", "test accuracy", "lower left", ylim=(0, 1))
    share = {s: [100 * x for x in recovered(results, s)] for s in JUDGED}
    by_name(right, share, comparisons=len(JUDGED), color=GREEN)
    right.set_xlim(right=max(100, *(max(values) for values in share.values())))
    right.axvline(0, color="#222222", linewidth=0.8)
    labelled(right, "judged", "% of the lost accuracy that comes back", "", None)


CLAIM = Claim(
    id="C22",
    title="A shift at test time is undone by new statistics",
    source="Li et al. 2016, Adaptive Batch Normalization (arXiv 1603.04779); Schneider et al. 2020 "
           "(arXiv 2006.16971)",
    claimed="A net trained with BatchNorm adapts to images of another distribution when the "
            "statistics of some of them, without labels, replace those of training.",
    protocol=f"784-100-100-100-10 ReLU, He, SGD, {STEPS:,} steps, each arm at its best rate on "
             f"held-out training images; every second test image shifted and judged, as trained "
             f"and with statistics of {', '.join(map(str, COUNTS))} of the other test images, "
             f"shifted alike; beside them a net without BatchNorm.",
    criterion="brightness +0.5: at least 90 % of the lost accuracy comes back with 1,000 images "
              "(95 % interval above it); noise and blur: more than nothing (95 % interval); the "
              "three intervals hold together. All: reproduced; some: partly",
    reference="Schneider et al.: ResNet-50 on ImageNet-C from 76.7 to 62.2 % mean corruption error",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(10.0, 4.2),
)  # fmt: skip
