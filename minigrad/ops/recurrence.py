"""Recurrent layers, all steps in one primitive: what they share, and the plainest.

One loop goes forward, one backward. Composed, each step would be ten operations on small arrays,
and the weights would get a gradient from each; here they get one product over all steps.

Step t has ``sizes[t]`` samples, never more than the step before it. Inputs are the rows of all
steps, one step after the other: R rows. States have the N of the start before them: (N + R, H).

``kept`` is a dict in which forward leaves its gates to the first sweep, whose loop writes in place.
A rule that finds none there, or that is itself recorded, takes the loop that only computes, and
gets the gates from the states.
"""

from __future__ import annotations

import functools

import numpy as np

from minigrad.ops.columns import quick_shares
from minigrad.ops.shape import pad
from minigrad.primitive import primitive


@functools.lru_cache(256)
def steps(sizes):
    """Return for each step its rows of the inputs, and those of the states before and after."""
    steps = []
    before = row = 0
    after = sizes[0]
    for n in sizes:
        starts = (row, before, after)
        steps.append([slice(i, i + n) for i in starts])
        before = after
        after += n
        row += n
    return steps


def backwards(sizes):
    return reversed(steps(sizes))


def all_before(states, sizes):
    """Return the state before each row: (N + R, H) -> (R, H)."""
    if sizes[0] == sizes[-1]:
        return states[: len(states) - sizes[0]]
    return np.concatenate([states[before] for _, before, _ in steps(sizes)])


def arrived(g, d):
    """Add what comes from behind, of fewer rows where sequences end at this step."""
    missing = len(g) - len(d)
    if missing:
        d = pad(d, widths=((0, missing), (0, 0)))
    return g + d


def in_order(parts):
    return np.concatenate(parts[::-1])


def columns(x, n):
    """Cut each row into n parts: (R, n H) -> n times (R, H)."""
    width = x.shape[1] // n
    return [x[:, i * width : (i + 1) * width] for i in range(n)]


def by_gate(rows, n):
    """Look at rows as one block a gate: (m, n H) -> (n, m, H)."""
    width = rows.shape[1] // n
    return np.swapaxes(rows.reshape(len(rows), n, width), 0, 1)


def gate_blocks(memory, n):
    """Return the memory of rows as one block a gate, each without gaps: (m, n H) -> (n, m, H)."""
    width = memory.shape[1] // n
    return memory.reshape(n, len(memory), width)


def transposed_parts(w, n=1):
    """Return the n parts of a weight, transposed, in memory of their own: quicker to multiply."""
    parts = w.reshape(n, -1, w.shape[1])
    return np.copy(parts.mT, order="C")


def products(x, w, sizes, rows_at_once=64):
    """Yield x @ w of each step, to be written to: (R, I), (·, I, H) -> (·, m, H).

    Few steps at a time, so that they stay in the cache, but of enough rows to be one quick product.
    """
    start = end = 0
    product = x[:0] @ w
    for rows, *_ in steps(sizes):
        if rows.stop > end:
            n = rows.stop - rows.start
            start = rows.start
            end = start + max(n, rows_at_once // n * n)
            product = x[start:end] @ w
        yield product[:, rows.start - start : rows.stop - start]


def quick_product(x, w):
    """Return x @ w, in shares of the rows that are quick: (n, I), (..., I, H) -> (..., n, H)."""
    *lead, width, height = w.shape
    n = len(x)
    shares = quick_shares(n, width * height)
    x = x.reshape(shares, -1, width)
    products = x @ w[..., None, :, :]
    return products.reshape(*lead, n, height)


def states_after(x, *starts):
    """Return the states of R inputs, unfilled but for their starts (N, H): (·, N + R, H)."""
    n, width = starts[0].shape
    shape = (len(starts), n + len(x), width)
    states = np.empty_like(x, shape=shape)
    for part, start in zip(states, starts, strict=True):
        part[:n] = start
    return states


def squash(x, out):
    """Write sigmoid(x), and over x: (1 + tanh(x/2))/2, which is quicker than by exp."""
    x *= 0.5
    np.tanh(x, out=x)
    x *= 0.5
    np.add(x, 0.5, out=out)


def sigmoid_slope(s):
    """Return the derivative of the sigmoid whose value is s."""
    return s * (1 - s)


def sigmoid_back(d, s, factor, out, spare):
    """Write d · factor · s (1 − s)."""
    np.subtract(1, s, out=spare)
    spare *= s
    spare *= factor
    np.multiply(spare, d, out=out)


def tanh_back(d, t, factor, out, spare):
    """Write d · factor · (1 − t²)."""
    np.multiply(t, t, out=spare)
    np.subtract(1, spare, out=spare)
    spare *= factor
    np.multiply(spare, d, out=out)


def minus_product(a, b, c, out):
    """Write a − b c."""
    np.multiply(b, c, out=out)
    np.subtract(a, out, out=out)


@primitive(lambda g, _out, _x, *, order: turned_rows(g, order=order))
def turned_rows(x, *, order):
    """Rows of x in an order that is its own inverse."""
    return x[order]


# ---- Elman's network ----------------------------------------------------------------------------
def _rnn_vjp(g, out, _x, _h0, w, *, sizes, nonlinearity):
    slopes = _rnn_slopes(out[sizes[0] :], nonlinearity)
    dh = g[:0]
    parts = []
    for rows, _, after in backwards(sizes):
        dh = arrived(g[after], dh)
        dz = dh * slopes[rows]
        parts.append(dz)
        dh = dz @ w

    dz = in_order(parts)
    dw = dz.mT @ all_before(out, sizes)
    return dz, arrived(g[: sizes[0]], dh), dw


def _rnn_slopes(h, nonlinearity):
    return 1 - h * h if nonlinearity == "tanh" else h > 0


@primitive(every=_rnn_vjp, promotes=0, recomputes=True)
def rnn(x, h0, w, *, sizes, nonlinearity):
    """h' = tanh(x + w h), or relu: (R, H), (N, H), (H, H) -> states (N + R, H)."""
    (h,) = states_after(x, h0)
    (w_t,) = transposed_parts(w)
    for rows, before, after in steps(sizes):
        z = h[after]
        np.add(x[rows], quick_product(h[before], w_t), out=z)
        if nonlinearity == "tanh":
            np.tanh(z, out=z)
        else:
            np.maximum(z, 0, out=z)
    return h
