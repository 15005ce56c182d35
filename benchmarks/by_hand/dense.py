"""fig1, fig1_bn, wide_bn."""

import nets
import numpy as np

from by_hand.pieces import cross_entropy, normalise, normalise_back, ones, sigmoid


def gradients(net, values, x, y):
    """Return the loss and a gradient for each of the values."""
    bn, squashes = net.endswith("_bn"), net.startswith("fig1")
    per, hidden, one = (3 if bn else 2), len(nets.SIZES[net]) - 2, ones(len(x))
    a, kept, grads = x, [], [None] * len(values)
    for i in range(0, per * hidden, per):
        z, before = a @ values[i], a
        if bn:
            hat, inverse = normalise(z)
            z = hat * values[i + 1]
        z += values[i + per - 1]
        a = sigmoid(z) if squashes else np.maximum(z, 0, out=z)
        kept.append((before, a, *((hat, inverse) if bn else ())))
    loss, g = cross_entropy(a @ values[-2] + values[-1], y)
    grads[-2:] = a.T @ g, one @ g
    g = g @ values[-2].T
    for i in range(per * hidden - per, -1, -per):
        before, a, *inner = kept.pop()
        g *= a * (1 - a) if squashes else a > 0
        if bn:
            g, grads[i + 1], grads[i + 2] = normalise_back(g, *inner, values[i + 1])
        else:
            grads[i + 1] = one @ g
        grads[i] = before.T @ g
        if i:
            g = g @ values[i].T
    return loss, grads
