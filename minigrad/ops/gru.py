"""Gated recurrent units, all steps in one primitive; see ``recurrence.py``."""

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
    quick_product,
    sigmoid_back,
    sigmoid_slope,
    squash,
    states_after,
    steps,
    tanh_back,
    transposed_parts,
)
from minigrad.primitive import primitive


def _gru_vjp(g, out, x, _h0, w, b, *, sizes, kept):
    left = take(kept, g, out)
    if left is None:
        dx, d_hidden, dh = _gru_recorded(g, out, x, w, b, sizes)
    else:
        dx, d_hidden, dh = _gru_back(g, out, w, sizes, *left)

    # the weight has one gradient of all steps; that of b is summed by the sweep
    dw = d_hidden.mT @ all_before(out, sizes)
    dh = arrived(g[: sizes[0]], dh)
    return dx, dh, dw, d_hidden


def _gru_back(g, h, w, sizes, gates, all_h_n):
    """Go back through the steps, in place."""
    all_dx = np.empty_like(gates)
    d_hidden = np.empty_like(gates)
    shape = (3, sizes[0], w.shape[1])
    all_dh, all_spare, all_other = np.zeros_like(gates, shape=shape)
    for rows, before, after in backwards(sizes):
        r, z, new = gate_blocks(gates[rows], 3)
        d_rows = d_hidden[rows]
        parts = by_gate(d_rows, 3)
        d_r, d_z, d_h_n = parts
        dx = by_gate(all_dx[rows], 3)
        n = len(r)
        dh = all_dh[:n]
        spare = all_spare[:n]
        other = all_other[:n]

        # n = tanh(x_n + r h_n), of which h has (1 − z)
        dh += g[after]
        np.subtract(1, z, out=other)
        tanh_back(dh, new, other, spare, spare)
        dx[2] = spare
        np.multiply(spare, r, out=d_h_n)
        h_n = all_h_n[rows]
        sigmoid_back(spare, r, h_n, d_r, other)

        # h' = n + z (h − n)
        np.subtract(h[before], new, out=spare)
        sigmoid_back(dh, z, spare, d_z, other)
        dx[:2] = parts[:2]

        # what the step before gets
        dh *= z
        dh += quick_product(d_rows, w)
    return all_dx, d_hidden, all_dh


def _gru_recorded(g, h, x, w, b, sizes):
    dh = g[:0]
    dx = []
    d_hidden = []
    for rows, before, after in backwards(sizes):
        h_before = h[before]
        hidden = h_before @ w.mT
        hidden = hidden + b

        dh = arrived(g[after], dh)
        d_x, d_h, dh = _gru_step(dh, x[rows], hidden, h_before)
        dx.append(d_x)
        d_hidden.append(d_h)
        dh = dh + d_h @ w

    return in_order(dx), in_order(d_hidden), dh


def _gru_step(dh, x, hidden, h):
    """Return the cotangents of one step's inputs, of w h + b, and, less what goes there, of h."""
    x_r, x_z, x_n = columns(x, 3)
    h_r, h_z, h_n = columns(hidden, 3)
    r = sigmoid(x_r + h_r)
    z = sigmoid(x_z + h_z)
    n = np.tanh(x_n + r * h_n)

    # h' = (1 − z) n + z h
    d_n = dh * (1 - z) * (1 - n * n)
    d_r = d_n * h_n * sigmoid_slope(r)
    d_z = dh * (h - n)
    d_z = d_z * sigmoid_slope(z)

    # the inputs of n come as they are, its hidden part times r
    dx = [d_r, d_z, d_n]
    d_hidden = [d_r, d_z, d_n * r]
    dx = np.concatenate(dx, axis=1)
    d_hidden = np.concatenate(d_hidden, axis=1)
    dh = dh * z

    return dx, d_hidden, dh


@primitive(every=_gru_vjp, promotes=0, recomputes=True)
def gru(x, h0, w, b, *, sizes, kept=None):
    """h' = (1 − z) n + z h, where σ⁻¹(r), σ⁻¹(z) = x + w h + b and n = tanh(x + r (w h + b)).

    (R, 3 H), (N, H), (3 H, H), (3 H,) -> states (N + R, H); rows of w and b are those of r, z, n.
    """
    (h,) = states_after(x, h0)
    gates = np.empty_like(x, order="C")
    h_n = np.empty_like(h[len(h0) :])
    w_t = transposed_parts(w, 3)
    b = b.reshape(3, 1, -1)
    for rows, before, after in steps(sizes):
        block = gate_blocks(gates[rows], 3)
        np.add(quick_product(h[before], w_t), b, out=block)

        r, z, new = block
        h_n[rows] = new

        inputs = by_gate(x[rows], 3)
        both = block[:2]
        both += inputs[:2]
        squash(both, out=both)
        new *= r
        new += inputs[2]
        np.tanh(new, out=new)

        step = h[after]  # n + z (h − n)
        np.subtract(h[before], new, out=step)
        step *= z
        step += new
    leave(kept, h, gates, h_n)
    return h
