"""C28: gradient descent at the edge of stability, where the sharpness is 2 over the rate."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, geometric, pick, ratio_interval, times, verdict_of
from batchnorm_lab.paired import by_name
from batchnorm_lab.plotting import COLORS, THEORY, banded, labelled
from batchnorm_lab.training import Data, mlp
from minigrad import func, nn

SIZES, IMAGES, STEPS, EVERY = (784, 64, 64, 10), 300, 1200, 25
RATES, ARMS = (0.1, 0.15, 0.2), ("without", "BatchNorm")
SCALE = 10  # images of length about 1
LAST = 0.25  # the share of the steps that is judged


class Descent:
    """Full-batch gradient descent on the squared error of one-hot labels, in float64."""

    def __init__(self, arm: str, seed: int, data: Data, images: int = IMAGES) -> None:
        mg.manual_seed(seed)
        self.net = mlp(SIZES, nn.Tanh, norm=arm == "BatchNorm").double()
        rows = np.random.default_rng(seed).permutation(len(data.train.labels))[:images]
        self.x = mg.from_numpy(data.train.images[rows].astype(np.float64) / SCALE)
        self.y = mg.from_numpy(np.eye(10)[data.train.labels[rows]])
        self.parameters = {k: p.detach().clone() for k, p in self.net.named_parameters()}
        rng = np.random.default_rng(seed)
        self.direction = {
            k: mg.from_numpy(rng.standard_normal(p.shape)) for k, p in self.parameters.items()
        }

    def loss(self, parameters: dict[str, mg.Tensor]) -> mg.Tensor:
        """Return half the squared error of an image, the mean of them."""
        output = func.functional_call(self.net, parameters, (self.x,))
        return ((output - self.y) ** 2).sum() / (2 * len(self.x))

    def step(self, rate: float) -> float:
        """Go down; return the loss before."""
        gradient, loss = func.grad_and_value(self.loss)(self.parameters)
        self.parameters = {k: p - rate * gradient[k] for k, p in self.parameters.items()}
        return loss.item()

    def sharpness(self, iterations: int) -> float:
        """Return the largest eigenvalue of the Hessian by power iteration.

        It goes on from the last direction, which the next call finds hardly turned.
        """
        value = 0.0
        for _ in range(iterations):
            product = hessian_times(self.loss, self.parameters, self.direction)
            value = length(product)
            self.direction = {k: v / value for k, v in product.items()}
        return value


def hessian_times(loss, parameters: dict, direction: dict) -> dict[str, mg.Tensor]:
    """Return the Hessian times a direction of length 1: the gradient of g · v."""
    unit = length(direction)
    along = lambda p: sum((g * direction[k]).sum() for k, g in func.grad(loss)(p).items())
    return {k: v / unit for k, v in func.grad(along)(parameters).items()}


def length(tensors: dict[str, mg.Tensor]) -> float:
    """Return the Euclidean norm of all of them together."""
    return float(np.sqrt(sum(float((t * t).sum().item()) for t in tensors.values())))


def cells(mode, seeds):
    """Each arm and rate; quick: the largest rate, 300 steps."""
    full = mode == "full"
    rates, steps = (RATES, STEPS) if full else (RATES[-1:], 300)
    return [
        {"arm": a, "rate": r, "seed": s, "steps": steps}
        for a in ARMS
        for r in rates
        for s in range(seeds)
    ]


def measure(cell, data: Data, tick=lambda n: None, images: int = IMAGES) -> dict:
    """Return steps, losses and sharpness at every 25th step."""
    run = Descent(cell["arm"], cell["seed"], data, images)
    found: dict[str, list] = {"steps": [], "loss": [], "sharpness": []}
    for t in range(cell["steps"] + 1):
        if t % EVERY == 0:
            found["steps"].append(t)
            found["sharpness"].append(run.sharpness(8 if t else 40))
        loss = run.step(cell["rate"])
        if t % EVERY == 0:
            found["loss"].append(loss)
        tick(1)
    return found


def over_edge(results, arm: str, rate: float) -> list[list[float]]:
    """Return by seed the sharpness over 2 / rate, probe by probe."""
    return [[s * rate / 2 for s in v["sharpness"]] for v in pick(results, arm=arm, rate=rate)]


def at_the_end(runs: list[list[float]]) -> list[float]:
    """Return by seed the geometric mean of the last quarter of the probes."""
    return [geometric(run[-max(1, int(LAST * len(run))) :]) for run in runs]


def _first(results, arm: str, rate: float) -> float:
    """Return the sharpness over 2 / rate before training, geometric mean over seeds."""
    return geometric(run[0] for run in over_edge(results, arm, rate))


def judge(results):
    """Sharpness over 2 / rate at the end: at every rate, without BatchNorm and with it."""
    rates = sorted({r.cell["rate"] for r in results})
    rows = [["", "rate", "sharpness over 2/rate, at first", "in the last quarter", "loss"]]
    tests, both = [], []
    count = len(ARMS) * len(rates)
    for arm in ARMS:
        ends = {rate: at_the_end(over_edge(results, arm, rate)) for rate in rates}
        intervals = [ratio_interval(of_rate, count) for of_rate in ends.values()]
        tests.append(all(low > 0.8 and high < 1.25 for low, high in intervals))
        both.append(f"{arm} {times([end for of_rate in ends.values() for end in of_rate], '.3g')}")
        for rate in rates:
            loss = geometric(v["loss"][-1] for v in pick(results, arm=arm, rate=rate))
            first = f"{_first(results, arm, rate):.3g}"
            rows.append([arm, f"{rate:g}", first, times(ends[rate], ".3g", count), f"{loss:.2g}"])
    names = {"without": "without BatchNorm", "BatchNorm": "with BatchNorm"}
    yes = [names[arm] for arm, holds in zip(ARMS, tests, strict=True) if holds]
    where = " and ".join(yes) or "in neither net"
    firsts = {arm: [_first(results, arm, rate) for rate in rates] for arm in ARMS}
    begins = {
        arm: " to ".join(dict.fromkeys(f"×{end(found):.2g}" for end in (min, max)))
        for arm, found in firsts.items()
    }
    return Judgement(
        verdict_of(tests),
        f"sharpness over 2/rate in the last quarter: {'; '.join(both)}",
        f"Descent of all images at once ends where the largest eigenvalue of the Hessian is 2 over "
        f"the rate, within 0.8..1.25 at every rate, {where}. Before training it is "
        f"{begins['without']} that without BatchNorm and {begins['BatchNorm']} with it, so the "
        f"rate and not the start sets where it ends in the nets named.",
        rows,
    )


def draw(figure, results):
    """A panel an arm: sharpness over 2 / rate by step. Below: where it ends."""
    *panels, last = figure.subplots(1, 3, width_ratios=(3, 3, 2))
    rates = sorted({r.cell["rate"] for r in results})
    ends = {}
    for axes, arm in zip(panels, ARMS, strict=True):
        for rate, color in zip(rates, COLORS, strict=False):
            runs = over_edge(results, arm, rate)
            steps = pick(results, arm=arm, rate=rate)[0]["steps"]
            banded(axes, steps, runs, color=color, label=f"rate {rate:g}")
            ends[f"{arm},\n{rate:g}"] = at_the_end(runs)
        axes.axhline(1, **THEORY)
        axes.set_yscale("log")
        labelled(axes, arm, "training steps", "sharpness over 2/rate")
    by_name(last, ends, comparisons=len(ends))
    last.axvspan(0.8, 1.25, color="#222222", alpha=0.1)
    last.axvline(1, **THEORY)
    labelled(last, "last quarter", "sharpness over 2/rate", "", None)


CLAIM = Claim(
    id="C28",
    title="Gradient descent goes to the edge of stability, with BatchNorm, too",
    source="Cohen, Kaur, Li, Kolter & Talwalkar 2021 (arXiv 2103.00065)",
    claimed="Full-batch gradient descent drives the sharpness, the largest eigenvalue of the "
            "Hessian, to 2 over the rate, and stays there; nets with BatchNorm do the same.",
    protocol=f"784-64-64-10 tanh (Xavier), squared error of {IMAGES} images of length about 1, "
             f"float64, {STEPS:,} steps of all images at once at rates "
             f"{', '.join(f'{r:g}' for r in RATES)}; sharpness every {EVERY} "
             f"steps by power iteration, the Hessian times a vector being the gradient of g · v.",
    criterion="geometric mean of sharpness · rate / 2 over the last quarter within 0.8..1.25 at "
              "every rate, by 95 % intervals over seeds that hold together: without BatchNorm and "
              "with it: reproduced; one of the two: partly",
    reference="1 or just above (Cohen et al., Figure 1, three architectures)",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(10.0, 3.6),
)  # fmt: skip
