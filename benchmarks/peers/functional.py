"""The nets as functions of a list of arrays, for libraries that differentiate functions and for the floors.

Same shapes and same operations as ``nets.py``; images are (N, H, W, C) and a convolution's weight is
the matrix (9·C, O) that its columns are multiplied by.
"""

from __future__ import annotations

import nets
import numpy as np

EPS = 1e-5
RATES = {"sgd": 0.01, "adam": 1e-4}
BETAS, TINY = (0.9, 0.999), 1e-8  # of Adam


def parameters(net):
    """Return the arrays in the order in which ``loss`` takes them: weights drawn, γ ones, the rest zeros."""
    rng, found = np.random.default_rng(1), []
    for shape in SHAPES[net]():
        if isinstance(shape, tuple):
            found.append((rng.uniform(-1, 1, shape) / np.sqrt(shape[0])).astype(np.float32))
        else:
            found.append(np.full(abs(shape), shape > 0, np.float32))
    return found


# ---- shapes: (a, b) is a weight, n a scale of n ones, -n a bias of n zeros --------------------------
def _dense_shapes(net):
    sizes, bn = nets.SIZES[net], net.endswith("_bn")
    hidden = [
        s
        for a, b in zip(sizes[:-2], sizes[1:-1], strict=True)
        for s in ((a, b), *([b] if bn else []), -b)
    ]
    return [*hidden, sizes[-2:], -sizes[-1]]


def _conv_shapes(a, b):
    return [(9 * a, b), b, -b]


def _cnn_shapes():
    return [*_conv_shapes(1, 16), *_conv_shapes(16, 32), (32 * 7 * 7, 10), -10]


def _resnet_shapes():
    blocks = []
    for a, b in ((16, 16), (16, 32), (32, 64)):
        blocks += [*_conv_shapes(a, b), *_conv_shapes(b, b), *([] if a == b else [(a, b)])]
    return [*_conv_shapes(1, 16), *blocks, *_conv_shapes(64, 64), (64, 10), -10]


def _gpt_shapes():
    w = nets.WIDTH
    block = [w, -w, (w, 3 * w), -3 * w, (w, w), -w, w, -w, (w, 4 * w), -4 * w, (4 * w, w), -w]
    return [
        (nets.VOCABULARY, w),
        (nets.CONTEXT, w),
        *block * nets.LAYERS,
        w,
        -w,
        (w, nets.VOCABULARY),
        -nets.VOCABULARY,
    ]


def _recurrent_shapes(gates):
    return [(28, gates), -gates, (128, gates), -gates, (128, 10), -10]


SHAPES = {
    **{net: (lambda net=net: _dense_shapes(net)) for net in nets.SIZES},
    "cnn_bn": _cnn_shapes, "resnet": _resnet_shapes, "gpt": _gpt_shapes,
    "lstm": lambda: _recurrent_shapes(512), "gru": lambda: _recurrent_shapes(384),
}  # fmt: skip


# ---- the nets ---------------------------------------------------------------------------------------
def loss(xp, net, values, x, y, conv=None):
    """Return the mean cross-entropy; ``xp`` is a NumPy look-alike, ``conv`` its own convolution if it has one."""
    take = iter(values).__next__
    x = NETS[net](xp, net, take, x, conv or columns_conv)
    shifted = x - xp.max(x, axis=1, keepdims=True)
    log_p = shifted - xp.log(xp.sum(xp.exp(shifted), axis=1, keepdims=True))
    return -xp.mean(log_p[np.arange(len(y)), y])


def _normalised(xp, x, axes, take):
    d = x - xp.mean(x, axis=axes, keepdims=True)
    return d / xp.sqrt(xp.mean(d * d, axis=axes, keepdims=True) + EPS) * take() + take()


def _sigmoid(xp, x):
    return 1 / (1 + xp.exp(-x))


def _dense(xp, net, take, x, _conv):
    for _ in nets.SIZES[net][1:-1]:
        x = x @ take()
        x = _normalised(xp, x, 0, take) if net.endswith("_bn") else x + take()
        x = _sigmoid(xp, x) if net.startswith("fig1") else xp.maximum(x, 0)
    return x @ take() + take()


def columns_conv(xp, x, weight):
    """Convolve 3×3 with padding 1: (N, H, W, C) and (9·C, O) give (N, H, W, O)."""
    h, w = x.shape[1:3]
    x = xp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="constant")
    taps = [x[:, i : i + h, j : j + w] for i in range(3) for j in range(3)]
    return xp.concatenate(taps, axis=-1) @ weight


def _pooled(xp, x):
    n, h, w, c = x.shape
    return xp.max(x.reshape(n, h // 2, 2, w // 2, 2, c), axis=(2, 4))


def _cnn(xp, net, take, x, conv):
    x = x.reshape(-1, 28, 28, 1)
    for _ in range(2):
        x = _pooled(xp, xp.maximum(_normalised(xp, conv(xp, x, take()), (0, 1, 2), take), 0))
    return x.reshape(len(x), -1) @ take() + take()


def _resnet(xp, net, take, x, conv):
    def conv_bn(x):
        return _normalised(xp, conv(xp, x, take()), (0, 1, 2), take)

    def block(x, grows):
        body = conv_bn(xp.maximum(conv_bn(x), 0))
        return xp.maximum(body + (x @ take() if grows else x), 0)

    x = block(xp.maximum(conv_bn(x.reshape(-1, 28, 28, 1)), 0), False)
    x = block(_pooled(xp, block(_pooled(xp, x), True)), True)
    return xp.mean(xp.maximum(conv_bn(x), 0), axis=(1, 2)) @ take() + take()


def mask():
    """Return what is added to the scores of gpt: (T, T), large and negative above the diagonal."""
    return np.triu(np.full((nets.CONTEXT, nets.CONTEXT), -1e9, np.float32), 1)


def _gpt(xp, net, take, tokens, _conv):
    (n, t), heads, each, hidden = tokens.shape, nets.HEADS, nets.WIDTH // nets.HEADS, mask()
    x = take()[tokens] + take()
    for _ in range(nets.LAYERS):
        z = _normalised(xp, x, -1, take) @ take() + take()
        parts = (z[..., i * nets.WIDTH : (i + 1) * nets.WIDTH] for i in range(3))
        q, k, v = (xp.transpose(p.reshape(n, t, heads, each), (0, 2, 1, 3)) for p in parts)
        scores = q @ xp.transpose(k, (0, 1, 3, 2)) * np.float32(each**-0.5) + hidden
        e = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
        mixed = (e / xp.sum(e, axis=-1, keepdims=True)) @ v
        x = x + xp.transpose(mixed, (0, 2, 1, 3)).reshape(n, t, nets.WIDTH) @ take() + take()
        x = x + xp.maximum(_normalised(xp, x, -1, take) @ take() + take(), 0) @ take() + take()
    return (_normalised(xp, x, -1, take) @ take() + take()).reshape(-1, nets.VOCABULARY)


def _lstm(xp, net, take, x, _conv):
    wx, bx, wh, bh = take(), take(), take(), take()
    h = c = np.zeros((len(x), 128), np.float32)
    for t in range(28):
        z = x[:, t] @ wx + bx + (h @ wh + bh)
        i, f, g, o = (z[:, k : k + 128] for k in range(0, 512, 128))
        c = _sigmoid(xp, f) * c + _sigmoid(xp, i) * xp.tanh(g)
        h = _sigmoid(xp, o) * xp.tanh(c)
    return h @ take() + take()


def _gru(xp, net, take, x, _conv):
    wx, bx, wh, bh = take(), take(), take(), take()
    h = np.zeros((len(x), 128), np.float32)
    for t in range(28):
        a, b = x[:, t] @ wx + bx, h @ wh + bh
        r, z = (_sigmoid(xp, a[:, k : k + 128] + b[:, k : k + 128]) for k in (0, 128))
        n = xp.tanh(a[:, 256:] + r * b[:, 256:])
        h = (1 - z) * n + z * h
    return h @ take() + take()


NETS = {
    **dict.fromkeys(nets.SIZES, _dense),
    "cnn_bn": _cnn,
    "resnet": _resnet,
    "gpt": _gpt,
    "lstm": _lstm,
    "gru": _gru,
}


# ---- the optimizers ---------------------------------------------------------------------------------
def descent(optimizer, values):
    """Return a function that takes the gradients and moves the arrays in place."""
    rate = np.float32(RATES[optimizer])
    if optimizer == "sgd":

        def sgd(grads):
            for value, g in zip(values, grads, strict=True):
                value -= rate * g.astype(value.dtype, copy=False)

        return sgd
    (b1, b2), t = BETAS, 0
    moments = [(np.zeros_like(v), np.zeros_like(v)) for v in values]

    def adam(grads):
        nonlocal t
        t += 1
        root, step = (1 - b2**t) ** 0.5, rate / (1 - b1**t)
        for value, g, (m, s) in zip(values, grads, moments, strict=True):
            g = g.astype(value.dtype, copy=False)
            m *= b1
            m += (1 - b1) * g
            s *= b2
            square = g * g
            square *= 1 - b2
            s += square
            np.sqrt(s, out=square)
            square /= root
            square += TINY
            np.divide(m, square, out=square)
            square *= step
            value -= square

    return adam
