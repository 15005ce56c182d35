"""C16: for convolutions, one mean, variance, γ and β a feature map."""

from __future__ import annotations

import numpy as np
from batchnorm_lab.training import Data, Part, fit

import minigrad as mg
from minigrad import nn

ARMS, STEPS, BATCH, RATE, IMAGES = ("without", "BatchNorm"), 600, 60, 0.1, 10_000


def identities(seed: int) -> dict[str, float]:
    """Return the error of each identity of §3.2 in float64; in exact arithmetic every one is 0."""
    rng = np.random.default_rng(seed)
    n, c, side = 6, 4, 5
    x = rng.standard_normal((n, c, side, side)) * rng.uniform(0.1, 10, (1, c, 1, 1)) + rng.uniform(-9, 9, (1, c, 1, 1))
    cotangent, gamma, beta = rng.standard_normal(x.shape), rng.standard_normal(c), rng.standard_normal(c)
    as_rows = lambda a: a.transpose(0, 2, 3, 1).reshape(-1, c)  # every place of every image a sample
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
    x, gamma, beta = rng.standard_normal((6, 4, 5, 5)), rng.standard_normal(100), rng.standard_normal(100)
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


def _through(layer: nn.Module, x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, cotangent: np.ndarray) -> dict:
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
        norm = [nn.BatchNorm2d(n_out)] if arm == "BatchNorm" else []
        layers += [nn.Conv2d(n_in, n_out, 3, 2, padding=1), *norm, nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * 7 * 7, 10))


def curve(arm: str, seed: int, data: Data, steps: int = STEPS, tick=lambda n: None) -> list[list[float]]:
    """Return [[step, test accuracy], …] of a small CNN."""
    mg.manual_seed(seed)
    few = Data(Part(data.train.images[:IMAGES], data.train.labels[:IMAGES]), data.test)
    return fit(cnn(arm), few, steps=steps, batch=BATCH, lr=RATE, seed=seed, every=50, tick=tick)
