"""C13: length and direction of a weight come apart under BatchNorm: the exact part."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from batchnorm_lab.claim import Claim, Judgement, pick, verdict_of
from batchnorm_lab.deep import normalised
from batchnorm_lab.plotting import dotted

SCALES = (1e-3, 0.1, 7.0, 1e3)
TOLERANCE = 1e-10


def apart(a, b) -> float:
    """Return the largest difference over the largest value."""
    a, b = np.asarray(a), np.asarray(b)
    return float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-300))


class Layer:
    """BN(u W) with a fixed random cotangent: output and gradients for any W."""

    def __init__(self, seed: int, n: int = 60, n_in: int = 12, n_out: int = 5) -> None:
        rng = np.random.default_rng(seed)
        self.u, self.w, self.cotangent = (
            rng.standard_normal(s) for s in ((n, n_in), (n_in, n_out), (n, n_out))
        )
        self.target = rng.standard_normal((n, n_out))

    def at(self, w, eps: float = 0.0):
        """Return output, gradient by u, gradient by W."""
        u, w = (mg.tensor(a, requires_grad=True) for a in (self.u, w))
        out = normalised(u @ w, eps)
        (out * mg.tensor(self.cotangent)).sum().backward()
        return out.detach().numpy(), u.grad.numpy(), w.grad.numpy()

    def descend(self, w, lr: float, steps: int = 50) -> list[float]:
        """Return the losses of gradient descent on W for a curved loss, BN in between."""
        w, losses = mg.tensor(w, requires_grad=True), []
        for _ in range(steps):
            loss = ((normalised(mg.tensor(self.u) @ w).tanh() - mg.tensor(self.target)) ** 2).mean()
            losses.append(loss.item())
            loss.backward()
            w = (w.detach() - lr * w.grad).requires_grad_()
        return losses


def invariance(layer: Layer, eps: float, scale: float) -> dict[str, float]:
    """Return how far output, du and a·dW move when W becomes a W."""
    there, scaled = layer.at(layer.w, eps), layer.at(scale * layer.w, eps)
    return {
        "output of aW": apart(scaled[0], there[0]),
        "gradient by the input": apart(scaled[1], there[1]),
        "a times the gradient by aW": apart(scale * scaled[2], there[2]),
    }


def identities(seed: int) -> dict[str, float]:
    """Return the error of each identity; in exact arithmetic every one is 0."""
    layer = Layer(seed)
    errors: dict[str, float] = {}
    for scale in SCALES:
        for name, error in invariance(layer, 0.0, scale).items():
            errors[name] = max(errors.get(name, 0.0), error)
    out, _, dw = layer.at(layer.w)
    length = np.linalg.norm
    errors["negative a flips the sign"] = apart(layer.at(-2 * layer.w)[0], -out)
    errors["w · dl/dw = 0"] = float(
        (np.abs((layer.w * dw).sum(0)) / (length(layer.w, axis=0) * length(dw, axis=0))).max()
    )
    new = layer.w - 0.3 * dw
    errors["Pythagoras: ‖w′‖² = ‖w‖² + lr² ‖dl/dw‖²"] = apart(
        (new**2).sum(0), (layer.w**2).sum(0) + 0.09 * (dw**2).sum(0)
    )
    errors["the run (37 w, 37² lr) has the losses of (w, lr)"] = apart(
        layer.descend(37 * layer.w, 37**2 * 0.5), layer.descend(layer.w, 0.5)
    )
    centred = layer.u - layer.u.mean(0)
    s = centred.T @ centred / len(centred)
    in_s = np.sqrt(np.einsum("io,ij,jo->o", layer.w, s, layer.w))
    errors["BN(u·w) = u·w/‖w‖_S (Kohler et al., eq. 9)"] = apart(out, centred @ (layer.w / in_s))
    return errors


def with_eps(seed: int, eps: float = 1e-5) -> dict[str, float]:
    """Return by scale how far the output moves when eps is not 0: the identity is not exact."""
    layer = Layer(seed)
    return {f"{scale:g}": invariance(layer, eps, scale)["output of aW"] for scale in SCALES}


def cells(mode, seeds):
    """Milliseconds each, so quick is full."""
    return [{"seed": s} for s in range(seeds)]


def measure(cell, data=None, tick=lambda n: None):
    """Return all errors, and the departure that eps makes."""
    return {"errors": identities(cell["seed"]), "with eps": with_eps(cell["seed"])}


def _worst(results, key):
    return {name: max(v[key][name] for v in pick(results)) for name in pick(results)[0][key]}


def judge(results):
    """The worst error of each identity over seeds and scales."""
    errors, eps = _worst(results, "errors"), _worst(results, "with eps")
    good = [e < TOLERANCE for e in errors.values()]
    rows = [
        ["identity", "worst relative error"],
        *([name, f"{e:.1e}"] for name, e in errors.items()),
    ]
    rows += [[f"output of aW, a = {a}, eps = 1e-5 (not exact)", f"{e:.1e}"] for a, e in eps.items()]
    return Judgement(
        verdict_of(good),
        f"{sum(good)} of {len(good)} identities hold; worst error {max(errors.values()):.0e}",
        f"To rounding ({max(errors.values()):.0e}), for a > 0 and eps = 0; the paper leaves both "
        f"conditions out. With eps = 1e-5 "
        f"the output of 0.001 W is {max(e for e in eps.values()):.0%} off, of 7 W {eps['7']:.0e}.",
        rows,
    )


def draw(figure, results):
    """Each identity's worst error beside the gate; below, what eps does."""
    errors, eps = _worst(results, "errors"), _worst(results, "with eps")
    told = {f"output of aW, a = {a}, eps = 1e-5": error for a, error in eps.items()}
    dotted(figure.subplots(), errors, TOLERANCE, told)


CLAIM = Claim(
    id="C13",
    title="Length and direction of a weight come apart under BatchNorm",
    source=("Ioffe & Szegedy 2015, §3.3 (arXiv 1502.03167); Kohler et al. 2019, eq. 9 (arXiv "
    "1805.10694); van Laarhoven 2017"),
    claimed="BN((aW)u) = BN(Wu) and its gradient by u is the same, that by aW is 1/a of it: larger "
            "weights get smaller "
    "gradients. So BatchNorm depends on a weight's direction alone.",
    protocol="one layer BN(u W) in float64 with eps = 0, a in {0.001, 0.1, 7, 1000}, random "
             "cotangent; gradients by "
    "minigrad's graph; 50 steps of descent for the effective learning rate.",
    criterion="every identity below 1e-10, relative to the largest value",
    reference="exact",
    cells=cells, measure=measure, judge=judge, draw=draw, size=(8.0, 4.0), ci=True,
)  # fmt: skip
