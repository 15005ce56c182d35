"""Long short-term memory, all steps in one primitive; see ``recurrence.py``."""

from __future__ import annotations

import numpy as np

from minigrad.ops.elementwise import sigmoid
from minigrad.ops.kept import leave, take
from minigrad.ops.recurrence import (
    all_before,
    arrived,
    backwards,
    by_gate,
    columns,
    gate_blocks,
    in_order,
    minus_product,
    products,
    quick_product,
    sigmoid_slope,
    states_after,
    steps,
)
from minigrad.primitive import primitive


def _lstm_vjp(g, out, x, _h0, _c0, w_in, w, b, *, sizes, kept):
    h, _ = out
    g_h, g_c = g
    n = sizes[0]
    left = take(kept, g, out)
    if left is None:
        inputs = x @ w_in.mT + b
        dz, dc = _lstm_recorded(g, out, inputs, w, sizes)
        dw_in = dz.mT @ x
        db = dz  # summed by the sweep
    else:
        x_1, *gates = left
        dz, dc = _lstm_back(g, out, w, sizes, *gates)
        dw_in, db = _in_two(x_1.mT @ dz)

    # a weight has one gradient of all steps; what comes before them gets one where it is asked for
    dw = dz.mT @ all_before(h, sizes)
    dc = g_c[:n] + dc
    return lambda: dz @ w_in, lambda: g_h[:n] + dz[:n] @ w, dc, dw_in, dw, db


def _lstm_back(g, out, w, sizes, gates, tanh_c):
    """Go back through the steps, in place."""
    h, c = out
    g_h, g_c = g
    shape = (9, sizes[0], w.shape[1])
    scratch = np.zeros_like(h, shape=shape)
    all_dz = by_gate(gates, 4)
    n = None
    for rows, before, after in backwards(sizes):
        memory = gates[rows]
        if n != len(memory):
            n = len(memory)
            parts = scratch[:, :n]
            dh, dc, spare, *_ = parts
            terms = parts[3:5]
            slopes = parts[5:]

        block = gate_blocks(memory, 4)
        _, f, o, _ = block
        h_after = h[after]
        _slopes(block, c[before], h_after, terms, out=slopes)

        # h changes with c by o (1 − t²)
        dh += g_h[after]
        dc += g_c[after]
        minus_product(o, h_after, tanh_c[rows], out=spare)
        spare *= dh
        dc += spare

        # the gates are read for the last time: their memory takes their gradients
        np.multiply(dc, f, out=spare)
        dz = all_dz[:, rows]
        np.multiply(dc, slopes[:3], out=dz[:3])
        np.multiply(dh, slopes[3], out=dz[3])

        # what the step before gets
        dc[...] = spare
        if rows.start:
            dh[...] = quick_product(memory, w)
    return gates, scratch[1]


def _slopes(gates, c, h, terms, out):
    """Write how i z + f c changes with i, f and z before they are squashed, and h = o t with o.

    σ' = σ − σ σ and tanh' = 1 − tanh tanh, of which σ is a factor of each term already.
    """
    i, f, o, z = gates
    np.multiply(i, z, out=terms[0])
    np.multiply(f, c, out=terms[1])
    minus_product(terms, terms, gates[:2], out=out[:2])
    minus_product(i, terms[0], z, out=out[2])
    minus_product(h, h, o, out=out[3])


def _in_two(d):
    """Return the gradients of weight and bias, of which the bias is the last row."""
    return d[:-1].mT, d[-1]


def _lstm_recorded(g, out, x, w, sizes):
    h, c = out
    g_h, g_c = g
    dh = g_h[:0]
    dc = g_c[:0]
    parts = []
    for rows, before, after in backwards(sizes):
        # what comes from outside, and from the step behind
        dh = arrived(g_h[after], dh)
        dc = arrived(g_c[after], dc)

        z = x[rows] + h[before] @ w.mT
        dz, dc = _lstm_step(dh, dc, z, c[before], c[after])
        parts.append(dz)
        dh = dz @ w

    return in_order(parts), dc


def _lstm_step(dh, dc, z, c_before, c_after):
    """Return the cotangents of one step's gates, before they are squashed, and of c before it."""
    i, f, z, o = columns(z, 4)
    i = sigmoid(i)
    f = sigmoid(f)
    z = np.tanh(z)
    o = sigmoid(o)

    # h = o tanh(c)
    t = np.tanh(c_after)
    dc = dc + dh * o * (1 - t * t)
    d_o = dh * t * sigmoid_slope(o)

    # c = f c + i z
    d_i = dc * z * sigmoid_slope(i)
    d_f = dc * c_before * sigmoid_slope(f)
    d_z = dc * i * (1 - z * z)
    dc = dc * f

    gates = [d_i, d_f, d_z, d_o]
    return np.concatenate(gates, axis=1), dc


@primitive(every=_lstm_vjp, promotes=0)
def lstm(x, h0, c0, w_in, w, b, *, sizes, kept=None):
    """c' = f c + i z, h' = o tanh(c'), where σ⁻¹(i), σ⁻¹(f), tanh⁻¹(z), σ⁻¹(o) = w_in x + w h + b.

    (R, I), (N, H), (N, H), (4 H, I), (4 H, H), (4 H,) -> states (2, N + R, H): h and c.
    """
    states = states_after(x, h0, c0)
    h, c = states
    ones = np.ones_like(x, shape=(len(x), 1))
    x_1 = np.concatenate([x, ones], axis=1)
    w_1 = np.concatenate([w_in, b[:, None]], axis=1)
    w_1 = _by_columns(w_1)
    w_t = _by_columns(w)
    gates = np.empty_like(x, shape=(len(x), len(w)), order="C")
    tanh_c = np.empty_like(c[len(c0) :])
    for (rows, before, after), inputs in zip(steps(sizes), products(x_1, w_1, sizes), strict=True):
        inputs += quick_product(h[before], w_t)

        # σ(x) = (1 + tanh(x/2))/2, which is quicker than by exp; the weights are halved already
        block = gate_blocks(gates[rows], 4)
        np.tanh(inputs, out=block)
        squashed = block[:3]
        squashed *= 0.5
        squashed += 0.5

        # c' = f c + i z
        i, f, o, z = block
        c_after = c[after]
        np.multiply(f, c[before], out=c_after)
        c_after += i * z

        # h' = o tanh(c')
        t = tanh_c[rows]
        np.tanh(c_after, out=t)
        np.multiply(o, t, out=h[after])

    leave(kept, states, x_1, gates, tanh_c)
    return states


def _by_columns(w):
    """Return a weight as forward multiplies by it: (4 H, K) -> (4, K, H) of i/2, f/2, o/2, z.

    Forward has o before z, so that what the sigmoid squashes lies together.
    """
    parts = w.reshape(4, -1, w.shape[1])
    parts = parts[[0, 1, 3, 2]]
    halved = parts[:3]
    halved *= 0.5
    return np.copy(parts.mT, order="C")
