"""gru: the input's products of all steps at once, and the weights' gradients too."""

import numpy as np

from by_hand.pieces import cross_entropy, ones, sigmoid

WIDTH, STEPS = 128, 28


def gradients(net, values, x, y):
    """Return the loss and a gradient for each of the values."""
    wx, bx, wh, bh, wy, by = values
    n = len(x)
    x = x.transpose(1, 0, 2).reshape(STEPS * n, -1)  # (T·N, 28)
    a = x @ wx
    a += bx
    a = a.reshape(STEPS, n, 3, WIDTH)  # the gates, in place: r, z, n
    hs, us = np.zeros((STEPS + 1, n, WIDTH), a.dtype), np.empty((STEPS, n, WIDTH), a.dtype)
    for t in range(STEPS):
        b = (hs[t] @ wh + bh).reshape(n, 3, WIDTH)
        us[t] = b[:, 2]
        a[t, :, :2] += b[:, :2]
        sigmoid(a[t, :, :2])
        r, z, new = (a[t, :, k] for k in range(3))
        new += r * us[t]
        np.tanh(new, out=new)
        hs[t + 1] = new + z * (hs[t] - new)
    loss, d = cross_entropy(hs[-1] @ wy + by, y)
    d_wy, d_by, dh = hs[-1].T @ d, ones(n) @ d, d @ wy.T
    da, db = np.empty_like(a), np.empty_like(a)
    for t in reversed(range(STEPS)):
        r, z, new = (a[t, :, k] for k in range(3))
        da[t, :, 2] = dh * (1 - z) * (1 - new * new)
        db[t, :, 2] = da[t, :, 2] * r
        db[t, :, 0] = da[t, :, 2] * us[t] * r * (1 - r)
        db[t, :, 1] = dh * (hs[t] - new) * z * (1 - z)
        da[t, :, :2] = db[t, :, :2]
        if t:
            dh = dh * z + db[t].reshape(n, -1) @ wh.T
    da, db = da.reshape(STEPS * n, -1), db.reshape(STEPS * n, -1)
    one = ones(STEPS * n)
    return loss, [
        x.T @ da,
        one @ da,
        hs[:-1].reshape(STEPS * n, WIDTH).T @ db,
        one @ db,
        d_wy,
        d_by,
    ]
