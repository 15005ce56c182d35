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
    sigmoid_back,
    sigmoid_slope,
    squash,
    states_after,
    steps,
    tanh_back,
    transposed_parts,
)
from minigrad.primitive import primitive


def _lstm_vjp(g, out, x, _h0, _c0, w_in, w, b, *, sizes, kept):
    left = take(kept, g, out)
    if left is None:
        inputs = x @ w_in.mT + b
        dz, dh, dc = _lstm_recorded(g, out, inputs, w, sizes)
    else:
        dz, dh, dc = _lstm_back(g, out, w, sizes, *left)
    g_h, g_c = g
    n = sizes[0]
    dh = g_h[:n] + dh
    dc = g_c[:n] + dc

    # a weight has one gradient of all steps; that of b is summed by the sweep
    h, _ = out
    dw_in = dz.mT @ x
    dw = dz.mT @ all_before(h, sizes)
    return lambda: dz @ w_in, dh, dc, dw_in, dw, dz


def _lstm_back(g, out, w, sizes, gates, tanh_c):
    """Go back through the steps, in place."""
    g_h, g_c = g
    _, c = out
    dz = np.empty_like(gates)
    shape = (3, sizes[0], w.shape[1])
    all_dh, all_dc, all_spare = np.zeros_like(gates, shape=shape)
    for rows, before, after in backwards(sizes):
        i, f, z, o = gate_blocks(gates[rows], 4)
        t = tanh_c[rows]
        d_rows = dz[rows]
        d_i, d_f, d_z, d_o = by_gate(d_rows, 4)
        n = len(t)
        dh = all_dh[:n]
        dc = all_dc[:n]
        spare = all_spare[:n]

        # h = o tanh(c)
        dh += g_h[after]
        sigmoid_back(dh, o, t, d_o, spare)
        tanh_back(dh, t, o, spare, spare)

        # c = f c + i z
        dc += g_c[after]
        dc += spare
        sigmoid_back(dc, i, z, d_i, spare)
        sigmoid_back(dc, f, c[before], d_f, spare)
        tanh_back(dc, z, i, d_z, spare)

        # what the step before gets
        dc *= f
        np.matmul(d_rows, w, out=dh)
    return dz, all_dh, all_dc


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

    return in_order(parts), dh, dc


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
    gates = np.matmul(x, w_in.mT, order="C")  # of all steps at once, filled in step by step
    tanh_c = np.empty_like(c[len(c0) :])
    w_t = transposed_parts(w, 4)
    b = b.reshape(4, 1, -1)
    for rows, before, after in steps(sizes):
        memory = gates[rows]
        inputs = h[before] @ w_t
        inputs += by_gate(memory, 4)
        inputs += b

        block = gate_blocks(memory, 4)
        i, f, z, o = block
        squash(inputs[:2], out=block[:2])
        np.tanh(inputs[2], out=z)
        squash(inputs[3], out=o)

        # c' = f c + i z
        c_after = c[after]
        np.multiply(f, c[before], out=c_after)
        c_after += i * z

        # h' = o tanh(c')
        t = tanh_c[rows]
        np.tanh(c_after, out=t)
        np.multiply(o, t, out=h[after])

    leave(kept, states, gates, tanh_c)
    return states
