"""C16: for convolutions, one mean, variance, γ and β a feature map."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, pick, points, spread, verdict_of
from batchnorm_lab.plotting import WITH, WITHOUT, banded, dotted, labelled
from batchnorm_lab.training import Data, fit
from batchnorm_lab.tuning import EQUAL_AND_TUNED, SEEDS, chosen_rates, grid, tuned
from minigrad import nn

TOLERANCE = 1e-12
ARMS, STEPS, BATCH, RATE, IMAGES = ("without", "BatchNorm"), 600, 60, 0.1, 10_000
RATES = (0.05, 0.1, 0.3, 1.0)


def identities(seed: int) -> dict[str, float]:
    """Return the error of each identity of §3.2 in float64; in exact arithmetic every one is 0."""
    rng = np.random.default_rng(seed)
    n, c, side = 6, 4, 5
    x = rng.standard_normal((n, c, side, side)) * rng.uniform(0.1, 10, (1, c, 1, 1)) + rng.uniform(
        -9, 9, (1, c, 1, 1)
    )
    cotangent, gamma, beta = (
        rng.standard_normal(x.shape),
        rng.standard_normal(c),
        rng.standard_normal(c),
    )
    as_rows = lambda a: a.transpose(0, 2, 3, 1).reshape(
        -1, c
    )  # every place of every image a sample
    maps = _through(nn.BatchNorm2d(c), x, gamma, beta, cotangent)
    rows = _through(nn.BatchNorm1d(c), as_rows(x), gamma, beta, as_rows(cotangent))
    errors = {
        "output is BatchNorm1d's on all places": _apart(as_rows(maps["out"]), rows["out"]),
        "gradient by the input": _apart(as_rows(maps["dx"]), rows["dx"]),
        "gradients by γ and β": max(_apart(maps[k], rows[k]) for k in ("dgamma", "dbeta")),
        "running variance has m·p·q/(m·p·q - 1)": _apart(maps["running_var"], rows["running_var"]),
        "γ and β: two numbers a map": float(abs(maps["parameters"] - 2 * c)),
    }
    shift = lambda a: np.roll(a, (2, 1), (2, 3))
    layer = _layer(nn.BatchNorm2d(c), gamma, beta)
    errors["a circular shift goes through"] = _apart(_run(layer, shift(x)), shift(_run(layer, x)))
    layer.eval()
    lone = _run(layer, x[:1, :, 2:3, 3:4])
    errors["in use, every place has the same map"] = _apart(lone, _run(layer, x)[:1, :, 2:3, 3:4])
    return errors


def per_activation_shift_error(seed: int) -> float:
    """Return how far a shift is from going through BatchNorm per activation: what §3.2 avoids."""
    rng = np.random.default_rng(seed)
    x, gamma, beta = (
        rng.standard_normal((6, 4, 5, 5)),
        rng.standard_normal(100),
        rng.standard_normal(100),
    )
    layer = _layer(nn.BatchNorm1d(100), gamma, beta)
    apply = lambda a: _run(layer, a.reshape(6, -1)).reshape(x.shape)
    shift = lambda a: np.roll(a, (2, 1), (2, 3))
    return _apart(apply(shift(x)), shift(apply(x)))


def _apart(a, b) -> float:
    return float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-300))


def _run(layer: nn.Module, x: np.ndarray) -> np.ndarray:
    with mg.no_grad():
        return layer(mg.tensor(x)).numpy()


def _layer(layer: nn.Module, gamma: np.ndarray, beta: np.ndarray) -> nn.Module:
    layer.double()
    with mg.no_grad():
        layer.weight.copy_(mg.tensor(gamma))
        layer.bias.copy_(mg.tensor(beta))
    return layer


def _through(
    layer: nn.Module, x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, cotangent: np.ndarray
) -> dict:
    _layer(layer, gamma, beta)
    leaf = mg.tensor(x, requires_grad=True)
    out = layer(leaf)
    (out * mg.tensor(cotangent)).sum().backward()
    return {
        "out": out.detach().numpy(), "dx": leaf.grad.numpy(), "dgamma": layer.weight.grad.numpy(),
        "dbeta": layer.bias.grad.numpy(), "running_var": layer.running_var.numpy(),
        "parameters": sum(p.numel() for p in layer.parameters()),
    }  # fmt: skip


class AsImages(nn.Module):
    """(N, 784) -> (N, 1, 28, 28)."""

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return x.reshape(-1, 1, 28, 28)


def cnn(arm: str) -> nn.Sequential:
    """Return conv 8 /2, conv 16 /2, linear 10, on images that come as (N, 784)."""
    layers: list[nn.Module] = [AsImages()]
    for n_in, n_out in ((1, 8), (8, 16)):
        layers.append(nn.Conv2d(n_in, n_out, 3, 2, padding=1))
        if arm == "BatchNorm":
            layers.append(nn.BatchNorm2d(n_out))
        layers.append(nn.ReLU())
    layers += [nn.Flatten(), nn.Linear(16 * 7 * 7, 10)]
    return nn.Sequential(*layers)


def curve(
    arm: str, seed: int, data: Data, steps: int = STEPS, rate: float = RATE, tick=lambda n: None
) -> list[list[float]]:
    """Return [[step, test accuracy], …] of a small CNN."""
    mg.manual_seed(seed)
    few = Data(data.train[:IMAGES], data.test)
    options = {"steps": steps, "batch": BATCH, "lr": rate, "every": 50}
    return fit(cnn(arm), few, seed=seed, tick=tick, **options)


def cells(mode, seeds):
    """Identities for each seed, and the CNN at equal and tuned rates; quick: equal, 2 seeds."""
    full = mode == "full"
    runs = [
        {"part": "training", "arm": a, "rates": r, "seed": s}
        for r in (EQUAL_AND_TUNED if full else EQUAL_AND_TUNED[:1])
        for a in ARMS
        for s in range(seeds if full else min(seeds, 2))
    ]
    return [{"part": "identities", "seed": s} for s in range(seeds)] + runs


def measure(cell, data, tick=lambda n: None):
    """Return the errors, or the curve."""
    if cell["part"] == "identities":
        return {
            "errors": identities(cell["seed"]),
            "per activation": per_activation_shift_error(cell["seed"]),
        }
    arm = cell["arm"]
    if cell["rates"] == "equal":
        return {"curve": curve(arm, cell["seed"], data, tick=tick)}

    def score(setting, split, seed):
        return curve(arm, seed, split, rate=setting["rate"], tick=tick)[-1][1]

    choice = tuned(("C16", arm), grid(rate=RATES), score, data, size=5000, seeds=SEEDS[:1])
    rate = choice.setting["rate"]
    return {"curve": curve(arm, cell["seed"], data, rate=rate, tick=tick), **choice.told()}


def _kinds(results):
    return [r for r in EQUAL_AND_TUNED if pick(results, rates=r)]


def _last(results, arm, rates):
    return [v["curve"][-1][1] for v in pick(results, part="training", arm=arm, rates=rates)]


def judge(results):
    """The identities decide; the curve is shown."""
    found = pick(results, part="identities")
    errors = {name: max(v["errors"][name] for v in found) for name in found[0]["errors"]}
    good = [e < TOLERANCE for e in errors.values()]
    rows = [["", "value"], *([name, f"{e:.1e}"] for name, e in errors.items())]
    breaks = f"{min(v['per activation'] for v in found):.2g}"
    rows.append(["a shift through BatchNorm per activation (not an identity)", breaks])
    told = []
    for rates in _kinds(results):
        both = [_last(results, arm, rates) for arm in ARMS]
        for arm, runs in zip(ARMS, both, strict=True):
            chosen = chosen_rates(results, part="training", arm=arm, rates=rates)
            rows.append([f"CNN after {STEPS} steps, {arm}, {rates} rates{chosen}", spread(runs)])
        gain = points([b - v for v, b in zip(*both, strict=True)])
        told.append(f"{gain} points at {rates} rates")
    return Judgement(
        verdict_of(good),
        f"{sum(good)} of {len(good)} identities, worst {max(errors.values()):.0e}; CNN with "
        f"BatchNorm {', '.join(told)}",
        f"BatchNorm of feature maps is BatchNorm of all their places as samples (to "
        f"{max(errors.values()):.0e}), so shifts go through it. A small CNN gains "
        f"{', '.join(told)}; the paper gives no MNIST figure to set beside the curve.",
        rows,
    )


def draw(figure, results):
    """Test accuracy over steps; then the identities that are judged."""
    kinds = _kinds(results)
    *curves, judged = figure.subplots(1, len(kinds) + 1)
    for axes, rates in zip(curves, kinds, strict=True):
        for arm, style in zip(ARMS, (WITHOUT, WITH), strict=True):
            values = pick(results, part="training", arm=arm, rates=rates)
            steps = [t for t, _ in values[0]["curve"]]
            runs = [[a for _, a in v["curve"]] for v in values]
            banded(axes, steps, runs, **style, label=arm)
        title = f"small CNN, {IMAGES:,} images, {rates} rates"
        labelled(axes, title, "training steps", "test accuracy", "lower right", ylim=(0, 1))
    found = pick(results, part="identities")
    errors = {name: max(v["errors"][name] for v in found) for name in found[0]["errors"]}
    dotted(judged, errors, TOLERANCE)


CLAIM = Claim(
    id="C16",
    title="For convolutions: one mean, variance, γ and β a feature map",
    source="Ioffe & Szegedy 2015, §3.2 (arXiv 1502.03167)",
    claimed="Normalising over the batch and all places makes BatchNorm obey the convolutional "
            "property: elements of one "
    "feature map, at different places, are normalised the same way.",
    protocol=f"(a) identities in float64 on (6, 4, 5, 5) inputs. (b) CNN conv8/2-conv16/2-linear, "
             f"ReLU, {IMAGES:,} training images, "
    f"batch {BATCH}, SGD, {STEPS} steps; equal rate {RATE:g}, tuned: each arm at the best of "
    f"{', '.join(f'{r:g}' for r in RATES)} by 5,000 held-out training images.",
    criterion="every identity below 1e-12, relative; the curve is reported without a gate",
    reference="none on MNIST",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(12.0, 3.6), ci=True,
)  # fmt: skip
