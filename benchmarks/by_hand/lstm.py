"""lstm: the input's products of all steps at once, and the weights' gradients too."""

import numpy as np

from by_hand.pieces import cross_entropy, ones, sigmoid

WIDTH, STEPS = 128, 28


def gradients(net, values, x, y):
    """Return the loss and a gradient for each of the values."""
    wx, bx, wh, bh, wy, by = values
    n = len(x)
    x = x.transpose(1, 0, 2).reshape(STEPS * n, -1)  # (T·N, 28)
    z = x @ wx
    z += bx + bh
    z = z.reshape(STEPS, n, 4, WIDTH)  # the gates, in place: i, f, g, o
    hs, cs = (np.zeros((STEPS + 1, n, WIDTH), z.dtype) for _ in range(2))
    tanhs = np.empty((STEPS, n, WIDTH), z.dtype)
    for t in range(STEPS):
        z[t] += (hs[t] @ wh).reshape(n, 4, WIDTH)
        sigmoid(z[t, :, :2]), np.tanh(z[t, :, 2], out=z[t, :, 2]), sigmoid(z[t, :, 3])
        i, f, g, o = (z[t, :, k] for k in range(4))
        np.multiply(f, cs[t], out=cs[t + 1])
        cs[t + 1] += i * g
        np.tanh(cs[t + 1], out=tanhs[t])
        np.multiply(o, tanhs[t], out=hs[t + 1])
    loss, d = cross_entropy(hs[-1] @ wy + by, y)
    d_wy, d_by, dh = hs[-1].T @ d, ones(n) @ d, d @ wy.T
    dz, dc = np.empty_like(z), np.zeros((n, WIDTH), z.dtype)
    for t in reversed(range(STEPS)):
        i, f, g, o = (z[t, :, k] for k in range(4))
        dc += dh * o * (1 - tanhs[t] * tanhs[t])
        dz[t, :, 0] = dc * g * i * (1 - i)
        dz[t, :, 1] = dc * cs[t] * f * (1 - f)
        dz[t, :, 2] = dc * i * (1 - g * g)
        dz[t, :, 3] = dh * tanhs[t] * o * (1 - o)
        dc *= f
        if t:
            dh = dz[t].reshape(n, -1) @ wh.T
    dz = dz.reshape(STEPS * n, -1)
    d_wh = hs[:-1].reshape(STEPS * n, WIDTH).T @ dz
    d_bias = ones(len(dz)) @ dz
    return loss, [x.T @ dz, d_bias, d_wh, d_bias, d_wy, d_by]
