"""C14: does the decoupling of length and direction make optimisation faster, or only robust?"""

from __future__ import annotations

import math

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from batchnorm_lab.claim import Claim, Judgement, median, pick, spread, times, verdict
from batchnorm_lab.deep import normalised
from batchnorm_lab.plotting import COLORS, INK, WITH, WITHOUT, labelled

N, FEATURES, CONDITION, FLIPPED = 2000, 20, 100.0, 0.15
RATES = (
    0.1,
    0.3,
    1.0,
    1.9,
    3.0,
    10.0,
    100.0,
    1000.0,
)  # least squares; plain descent diverges above 2/L = 2
LEAST_SQUARES_STEPS, CLOSE = 5000, 1e-6
MULTIPLES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0)  # halfspace: of each arm's own textbook step
HALFSPACE_STEPS, FLAT = 5000, 1e-4


def inputs(seed: int) -> tuple[np.ndarray, np.random.Generator]:
    """Return centred inputs (N, FEATURES), largest eigenvalue 1, and the generator."""
    rng = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(rng.standard_normal((FEATURES, FEATURES)))
    variances = np.geomspace(1, 1 / CONDITION, FEATURES)
    scales = np.sqrt(variances)
    x = rng.standard_normal((N, FEATURES)) * scales
    x = x @ axes.T
    x -= x.mean(0)
    covariance = x.T @ x / N
    eigenvalues = np.linalg.eigvalsh(covariance)
    x = x / math.sqrt(eigenvalues[-1])
    return x, rng


def least_squares(arm: str, lr: float, seed: int, steps: int = LEAST_SQUARES_STEPS) -> list[float]:
    """Return the losses of gradient descent on ½ mean (prediction - y)², y a linear function of x.

    With BatchNorm the prediction is g x̂, g learned at rate ½ whatever ``lr`` is; ends where it
    diverges.
    """
    array, rng = inputs(seed)
    x, y = mg.from_numpy(array), array @ rng.standard_normal(FEATURES)
    y = mg.from_numpy(y / y.std())
    w = mg.tensor(rng.standard_normal(FEATURES) / math.sqrt(FEATURES), requires_grad=True)
    g = mg.tensor(1.0, dtype=mg.float64, requires_grad=True)
    losses: list[float] = []
    while len(losses) < steps and (not losses or losses[-1] < 1e12):
        out = (x @ w).unsqueeze(1)
        loss = (
            ((normalised(out) * g if arm == "BatchNorm" else out).squeeze(1) - y) ** 2
        ).mean() / 2
        losses.append(loss.item())
        loss.backward()
        w = (w.detach() - lr * w.grad).requires_grad_()
        if arm == "BatchNorm":
            g = (g.detach() - 0.5 * g.grad).requires_grad_()
    return losses


def best_length(margins: np.ndarray) -> float:
    """Return g that minimises mean softplus(-g margin), by bisection of its slope."""
    low, high = 0.0, 1e3
    for _ in range(50):
        g = (low + high) / 2
        rising = (-margins / (1 + np.exp(np.minimum(g * margins, 700)))).mean() > 0
        low, high = (low, g) if rising else (g, high)
    return g


def halfspace(arm: str, multiple: float, seed: int, steps: int = HALFSPACE_STEPS) -> list[float]:
    """Return the gradient norms on the way to ``FLAT``: halfspace, flipped labels, softplus loss.

    "descent" steps by ``multiple`` / L from 0. "normalised" (Kohler et al. 2019, Algorithm 1)
    begins at minus the gradient in 0, finds the length by bisection and takes ``multiple`` of their
    step for the direction. The norm is that of the gradient by the plain weight in both.
    """
    x, rng = inputs(seed)
    y = np.sign(x @ rng.standard_normal(FEATURES))
    y[rng.random(N) < FLIPPED] *= -1
    signed = x * y[:, None]  # a margin is signed @ weight
    z = mg.from_numpy(signed)
    u = signed.mean(0)
    w = u / 2 if arm == "normalised" else np.zeros(FEATURES)
    norms: list[float] = []
    while len(norms) < steps:
        is_flat = bool(norms) and norms[-1] < FLAT
        if is_flat or not np.abs(w).max() < 1e50:  # arrived, or diverged
            break
        leaf = mg.tensor(w, requires_grad=True)
        plain = w
        margins = z @ leaf
        if arm == "normalised":
            spread = float(np.sqrt(((signed @ w) ** 2).mean()))
            g = best_length(signed @ w / spread)
            margins = margins / (margins * margins).mean().sqrt() * g
            plain = w * (g / spread)
        F.softplus(-margins).mean().backward()

        slope = 1 / (1 + np.exp(np.clip(signed @ plain, -700, 700)))  # -dl/dmargin of each sample
        gradient = (signed * slope[:, None]).mean(0)
        norms.append(float(np.linalg.norm(gradient)))
        step = 4.0  # 1 / L, L = λ/4, λ = 1
        if arm == "normalised":
            step = spread**3 / (g * slope.mean() * (u @ w))
        w = w - multiple * step * leaf.grad.numpy()
    return norms


ARMS = {"least squares": ("descent", "BatchNorm"), "halfspace": ("descent", "normalised")}


def cells(mode, seeds):
    """Both problems, both arms, every rate; quick: fewer seeds and rates."""
    rates = {"least squares": RATES, "halfspace": MULTIPLES}
    if mode == "quick":
        rates = {"least squares": (1.0, 1.9, 3.0, 1000.0), "halfspace": (0.75, 1.0, 1.5, 3.0)}
    return [
        {"problem": p, "arm": a, "rate": r, "seed": s}
        for p, arms in ARMS.items() for a in arms for r in rates[p] for s in range(seeds)
    ]  # fmt: skip


def measure(cell, data=None, tick=lambda n: None):
    """Return the steps to the goal (None: never), the last value, a thinned [[step, value], …]."""
    problems = {"least squares": (least_squares, CLOSE), "halfspace": (halfspace, FLAT)}
    descend, goal = problems[cell["problem"]]
    with np.errstate(all="ignore"):  # descent above 2/L diverges: that is the point
        values = descend(cell["arm"], cell["rate"], cell["seed"])
    steps = next((t for t, v in enumerate(values) if v < goal), None)
    values = [v if math.isfinite(v) else 1e300 for v in values]
    at = sorted({int(i) for i in np.geomspace(1, len(values), 120)})
    return {
        "steps": steps,
        "last": values[-1],
        "curve": [[t, values[t - 1]] for t in at],
    }


def fewest(results, problem, arm, rate=None):
    """Return by seed the steps to the goal, at one rate or at the best of all for that seed."""
    rates = (
        [rate]
        if rate
        else sorted({r.cell["rate"] for r in results if r.cell["problem"] == problem})
    )
    runs = [
        [v["steps"] or math.inf for v in pick(results, problem=problem, arm=arm, rate=r)]
        for r in rates
    ]
    return [min(steps) for steps in zip(*runs, strict=True)]


def faster(results, problem, rate=None):
    """Return by seed descent's steps over the other arm's."""
    plain, other = (fewest(results, problem, arm, rate) for arm in ARMS[problem])
    return [a / b if b < math.inf else 0.0 for a, b in zip(plain, other, strict=True)]


def _last_losses(results, arm):
    """Return by rate the last loss of least squares, median over seeds."""
    where = {"problem": "least squares", "arm": arm}
    cells = [r.cell for r in results if where.items() <= r.cell.items()]
    found = {}
    for rate in sorted({cell["rate"] for cell in cells}):
        values = pick(results, **where, rate=rate)
        found[rate] = median(v["last"] for v in values)
    return found


def _rows(results):
    plain, normed = (_last_losses(results, arm) for arm in ARMS["least squares"])
    say = lambda loss: f"{loss:.1e}" if loss < 1e10 else "diverged"
    rows = [["least squares, rate of w", *(f"{rate:g}" for rate in plain)]]
    rows.append(["last loss, descent", *map(say, plain.values())])
    rows.append(["last loss, BatchNorm", *map(say, normed.values())])
    speeds = {
        "halfspace, descent / normalised steps, both by theory": ("halfspace", 1.0),
        "halfspace, the same, both tuned": ("halfspace", None),
        "least squares, descent / BatchNorm steps, both tuned": ("least squares", None),
    }
    empty = [""] * (len(plain) - 1)
    for name, problem_and_rate in speeds.items():
        rows.append([name, spread(faster(results, *problem_and_rate), ".2f"), *empty])
    return rows


def judge(results):
    """Robust: BatchNorm finite at every rate.

    Faster: steps on the halfspace, by theory's steps and tuned ones.
    """
    plain, normed = (_last_losses(results, arm) for arm in ARMS["least squares"])
    finite = all(loss < 10 for loss in normed.values())
    diverges = all(loss > 1e10 for rate, loss in plain.items() if rate > 2)
    robust = finite and diverges
    by_theory, tuned = (faster(results, "halfspace", rate) for rate in (1.0, None))
    squares = faster(results, "least squares", None)
    safe, best = median(by_theory) >= 2, median(tuned) >= 2
    return Judgement(
        verdict(robust and safe and best, robust or safe),
        f"BatchNorm {'finite at every rate' if robust else 'not robust'}; halfspace: "
        f"{times(by_theory)} fewer steps by theory's step sizes, {times(tuned)} with both tuned",
        f"Robust: {'yes' if robust else 'no'}. Faster: {times(by_theory)} against descent at its "
        f"safe step 1/L, but {times(tuned)} once descent's step is tuned as well; on least squares "
        f"{times(squares)}, where theory promises no speed-up.",
        _rows(results),
    )


def draw(figure, results):
    """Last loss over rate; gradient norm over steps on the halfspace; the ratios of steps."""
    left, right, judged = figure.subplots(1, 3)
    rates = sorted({r.cell["rate"] for r in results if r.cell["problem"] == "least squares"})
    for arm, style in zip(ARMS["least squares"], (WITHOUT, WITH), strict=True):
        runs = [
            [v["last"] for v in pick(results, problem="least squares", arm=arm, rate=r)]
            for r in rates
        ]
        left.loglog(rates, [min(max(median(r), 1e-20), 1e4) for r in runs], **style, label=arm)
    left.axvline(2, color="#222222", linestyle=":", label="2/L")
    labelled(
        left,
        f"least squares after {LEAST_SQUARES_STEPS} steps (top: diverged)",
        "learning rate of w",
        "loss (1e-20 and less as 1e-20)",
    )
    for arm, style in zip(ARMS["halfspace"], (WITHOUT, WITH), strict=True):
        for i, value in enumerate(pick(results, problem="halfspace", arm=arm, rate=1.0)):
            right.semilogy(
                *zip(*value["curve"], strict=True),
                color=style["color"],
                linestyle=style["linestyle"],
                label=f"{arm}, theory's step" if i == 0 else None,
            )
    found = [
        r
        for r in results
        if r.cell["problem"] == "halfspace" and r.cell["arm"] == "descent" and r.value["steps"]
    ]
    for seed in sorted({r.cell["seed"] for r in found}):
        best = min(
            (r.value for r in found if r.cell["seed"] == seed), key=lambda value: value["steps"]
        )
        label = None if right.lines[-1].get_linestyle() == ":" else "descent, tuned step"
        right.semilogy(
            *zip(*best["curve"], strict=True), color="#666666", linestyle=":", label=label
        )
    labelled(right, "halfspace, every seed a line", "steps", "‖gradient‖", ylim=(FLAT, None))
    _ratios(judged, results)


def _ratios(axes, results):
    """Draw descent's steps over the other arm's, each seed a dot."""
    kinds = {
        "halfspace,\ntheory's steps": ("halfspace", 1.0),
        "halfspace,\nboth tuned": ("halfspace", None),
        "least squares,\nboth tuned": ("least squares", None),
    }
    for i, (problem, rate) in enumerate(kinds.values()):
        found = faster(results, problem, rate)
        axes.plot([i] * len(found), found, "o", color=COLORS[i], fillstyle="none")
    axes.axhline(2, color=INK, linestyle=":")
    axes.set_xticks(range(len(kinds)), list(kinds), fontsize=8)
    axes.set_xlim(-0.5, len(kinds) - 0.5)
    labelled(axes, "descent's steps / the other's (dotted: gate)", "", "ratio", None)


CLAIM = Claim(
    id="C14",
    title="The decoupling accelerates, and makes the learning rate matter less",
    source=("Kohler et al. 2019 (arXiv 1805.10694); Cai, Li & Shen 2018, On the Convergence and "
    "Robustness of BatchNorm"),
    claimed="In length and direction coordinates descent learns halfspaces in linear time, where "
            "it is slower otherwise; with "
    "BatchNorm least squares converges for any learning rate. No speed-up is claimed for least "
    "squares.",
    protocol=f"{N} Gaussian inputs, {FEATURES} features, condition number {CONDITION:g}. (a) least "
             f"squares, BatchNorm on the "
    f"prediction, rate of w from 0.1 to 1000, {LEAST_SQUARES_STEPS} steps; goal loss {CLOSE:g}. "
    f"(b) halfspace, {FLIPPED:.0%} of "
    f"labels flipped, softplus loss; Kohler's Algorithm 1 against descent; steps to gradient norm "
    f"{FLAT:g}; both arms at "
    "theory's step and at the best of the same eight multiples of it.",
    criterion="robust: BatchNorm finite at every rate while descent diverges above 2/L; faster: "
              "halfspace ratio of steps at least 2 "
    "by theory's steps and with both tuned. Both: reproduced; some: partly",
    reference="none in figures (theorems)",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(12.0, 3.6),
)  # fmt: skip
