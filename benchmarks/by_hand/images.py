"""cnn_bn and resnet: a convolution is a matrix product over columns, images are (N, H, W, C)."""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from by_hand.pieces import cross_entropy, normalise, normalise_back, ones


def _columns(x):
    """(N, H, W, C) to (N·H·W, 9·C): the 3×3 surroundings of each place."""
    n, h, w, c = x.shape
    padded = np.zeros((n, h + 2, w + 2, c), x.dtype)
    padded[:, 1:-1, 1:-1] = x
    s = padded.strides
    return as_strided(padded, (n, h, w, 3, 3 * c), (s[0], s[1], s[2], s[1], s[3])).reshape(
        n * h * w, 9 * c
    )


def _uncolumns(g, shape):
    n, h, w, c = shape
    g, padded = g.reshape(n, h, w, 3, 3, c), np.zeros((n, h + 2, w + 2, c), g.dtype)
    for i in range(3):
        for j in range(3):
            padded[:, i : i + h, j : j + w] += g[:, :, :, i, j]
    return padded[:, 1:-1, 1:-1]


class Tape:
    """What a step computed, and what it takes to go back."""

    def __init__(self, values):
        self.values, self.grads, self.place = values, [None] * len(values), 0

    def take(self, n):
        """Return the place and the next n values."""
        i, self.place = self.place, self.place + n
        return i, self.values[i : self.place]

    def conv_bn(self, x, first=False):
        """Convolve and normalise: return the result and the way back."""
        i, (weight, gamma, beta) = self.take(3)
        columns, shape = _columns(x), x.shape
        hat, inverse = normalise(columns @ weight)
        out = hat * gamma
        out += beta

        def back(g):
            g, *self.grads[i + 1 : i + 3] = normalise_back(
                g.reshape(hat.shape), hat, inverse, gamma
            )
            self.grads[i] = columns.T @ g
            return None if first else _uncolumns(g @ weight.T, shape)

        return out.reshape(*shape[:3], -1), back

    def head(self, x, y):
        """Return the loss and the cotangent of the matrix x."""
        i, (weight, bias) = self.take(2)
        loss, g = cross_entropy(x @ weight + bias, y)
        self.grads[i : i + 2] = x.T @ g, ones(len(g)) @ g
        return loss, g @ weight.T

    def block(self, x, grows):
        """A residual block of two convolutions, and the way back."""
        z, back1 = self.conv_bn(x)
        a = np.maximum(z, 0, out=z)
        out, back2 = self.conv_bn(a)
        if grows:
            i, (weight,) = self.take(1)
            flat = x.reshape(-1, x.shape[-1])
            out += (flat @ weight).reshape(out.shape)
        else:
            out += x
        np.maximum(out, 0, out=out)

        def back(g):
            g = g * (out > 0)
            skip = g
            if grows:
                g2 = g.reshape(-1, g.shape[-1])
                self.grads[i] = flat.T @ g2
                skip = (g2 @ weight.T).reshape(x.shape)
            inner = back2(g.copy())
            return back1(np.multiply(inner, a > 0)) + skip

        return out, back


def _pool(x):
    """Maxima of 2×2, and the way back."""
    n, h, w, c = x.shape
    windows = x.reshape(n, h // 2, 2, w // 2, 2, c)
    out = np.maximum(windows[:, :, 0], windows[:, :, 1])
    out = np.maximum(out[:, :, :, 0], out[:, :, :, 1])
    spread = (slice(None), slice(None), None, slice(None), None)
    return out, lambda g: ((windows == out[spread]) * g[spread]).reshape(x.shape)


def cnn(net, values, x, y):
    """Return the loss and a gradient for each of the values."""
    tape, ways, x = Tape(values), [], x.reshape(-1, 28, 28, 1)
    for layer in range(2):
        z, back = tape.conv_bn(x, first=layer == 0)
        a = np.maximum(z, 0, out=z)
        x, unpool = _pool(a)
        ways.append((back, a, unpool))
    loss, g = tape.head(x.reshape(len(x), -1), y)
    g = g.reshape(x.shape)
    for back, a, unpool in reversed(ways):
        g = unpool(g)
        g *= a > 0
        g = back(g)
    return loss, tape.grads


def resnet(net, values, x, y):
    """Return the loss and a gradient for each of the values."""
    tape, ways = Tape(values), []
    z, stem = tape.conv_bn(x.reshape(-1, 28, 28, 1), first=True)
    start = x = np.maximum(z, 0, out=z)
    for i, grows in enumerate((False, True, True)):
        if i:
            x, back = _pool(x)
            ways.append(back)
        x, back = tape.block(x, grows)
        ways.append(back)
    z, last = tape.conv_bn(x)
    end = np.maximum(z, 0, out=z)
    places = end.shape[1] * end.shape[2]
    loss, g = tape.head(end.mean((1, 2)), y)
    g = last((end > 0) * (g / places)[:, None, None, :])
    for back in reversed(ways):
        g = back(g)
    stem(g * (start > 0))
    return loss, tape.grads
