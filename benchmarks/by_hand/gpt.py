"""gpt, on matrices of (N·T, width) but for the attention."""

import nets
import numpy as np
from peers import functional

from by_hand.pieces import cross_entropy, layer_norm, layer_norm_back, ones

W, H, EACH = nets.WIDTH, nets.HEADS, nets.WIDTH // nets.HEADS
SCALE, MASK = np.float32(EACH**-0.5), functional.mask()


def _attention(qkv, n, t):
    """(N·T, 3·W) to (N·T, W), and what the way back needs."""
    q, k, v = qkv.reshape(n, t, 3, H, EACH).transpose(2, 0, 3, 1, 4)  # (N, H, T, EACH) each
    p = q @ k.transpose(0, 1, 3, 2)
    p *= SCALE
    p += MASK
    p -= p.max(-1, keepdims=True)
    np.exp(p, out=p)
    p /= p.sum(-1, keepdims=True)
    return (p @ v).transpose(0, 2, 1, 3).reshape(n * t, W), (q, k, v, p)


def _attention_back(g, kept):
    q, k, v, p = kept
    n, _, t, _ = q.shape
    g = g.reshape(n, t, H, EACH).transpose(0, 2, 1, 3)
    out = np.empty((n, t, 3, H, EACH), p.dtype)
    dq, dk, dv = out.transpose(2, 0, 3, 1, 4)
    dv[...] = p.transpose(0, 1, 3, 2) @ g
    d = g @ v.transpose(0, 1, 3, 2)
    d -= np.einsum("nhij,nhij->nhi", d, p)[..., None]
    d *= p
    d *= SCALE
    dq[...] = d @ k
    dk[...] = d.transpose(0, 1, 3, 2) @ q
    return out.reshape(n * t, 3 * W)


def _block(x, v, n, t):
    one, kept1 = layer_norm(x, v[0], v[1])
    mixed, kept = _attention(one @ v[2] + v[3], n, t)
    x = x + mixed @ v[4]
    x += v[5]
    two, kept2 = layer_norm(x, v[6], v[7])
    wide = two @ v[8]
    wide += v[9]
    np.maximum(wide, 0, out=wide)
    out = wide @ v[10]
    out += v[11]
    out += x
    return out, (one, kept1, mixed, kept, two, kept2, wide)


def _block_back(g, v, saved):
    one, kept1, mixed, kept, two, kept2, wide = saved
    column = ones(len(g))
    grads = [None] * 12
    grads[10:] = wide.T @ g, column @ g
    d = g @ v[10].T
    d *= wide > 0
    grads[8:10] = two.T @ d, column @ d
    d, *grads[6:8] = layer_norm_back(d @ v[8].T, kept2, v[6])
    g = g + d
    grads[4:6] = mixed.T @ g, column @ g
    d = _attention_back(g @ v[4].T, kept)
    grads[2:4] = one.T @ d, column @ d
    d, *grads[0:2] = layer_norm_back(d @ v[2].T, kept1, v[0])
    g += d
    return g, grads


def gradients(net, values, tokens, y):
    """Return the loss and a gradient for each of the values."""
    (n, t), layers = tokens.shape, nets.LAYERS
    x = (values[0][tokens] + values[1]).reshape(n * t, W)
    blocks, saved = [values[2 + 12 * i : 14 + 12 * i] for i in range(layers)], []
    for v in blocks:
        x, kept = _block(x, v, n, t)
        saved.append(kept)
    gamma, beta, head, bias = values[-4:]
    last, kept = layer_norm(x, gamma, beta)
    loss, d = cross_entropy(last @ head + bias, y)
    grads = [last.T @ d, ones(len(d)) @ d]
    g, *ends = layer_norm_back(d @ head.T, kept, gamma)
    grads = ends + grads
    for v, kept in zip(reversed(blocks), reversed(saved), strict=True):
        g, own = _block_back(g, v, kept)
        grads = own + grads
    d_token = np.zeros_like(values[0])
    np.add.at(d_token, tokens.reshape(-1), g)
    return loss, [d_token, g.reshape(n, t, W).sum(0), *grads]
