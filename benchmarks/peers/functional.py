"""The dense nets as a function of parameters, for libraries that differentiate functions."""

import nets
import numpy as np

EPS = 1e-5


def parameters(net):
    """Return a flat list of arrays: for each layer weight, bias or (γ, β)."""
    rng, sizes, bn = np.random.default_rng(1), nets.SIZES[net], net.endswith("_bn")
    found = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:], strict=False)):
        found.append((rng.uniform(-1, 1, (a, b)) / np.sqrt(a)).astype(np.float32))
        hidden = i < len(sizes) - 2
        found += [np.ones(b, np.float32)] if bn and hidden else []
        found.append(np.zeros(b, np.float32))
    return found


def loss(xp, net, values, x, y):
    """Return the mean cross-entropy; ``xp`` is a NumPy look-alike."""
    values, bn = list(values), net.endswith("_bn")
    layers = len(nets.SIZES[net]) - 1
    for i in range(layers):
        x = x @ values.pop(0)
        if i < layers - 1:
            if bn:
                mu = xp.mean(x, axis=0)
                var = xp.mean((x - mu) ** 2, axis=0)
                x = (x - mu) / xp.sqrt(var + EPS) * values.pop(0)
            x = x + values.pop(0)
            x = 1 / (1 + xp.exp(-x)) if net.startswith("fig1") else xp.maximum(x, 0)
        else:
            x = x + values.pop(0)
    shifted = x - xp.max(x, axis=1, keepdims=True)
    log_p = shifted - xp.log(xp.sum(xp.exp(shifted), axis=1, keepdims=True))
    return -xp.mean(log_p[np.arange(len(y)), y])


def sgd_only(net, optimizer):
    """Raise NotImplementedError for what these peers are not written for."""
    if net not in nets.SIZES or optimizer != "sgd":
        raise NotImplementedError(f"{net} with {optimizer}")
