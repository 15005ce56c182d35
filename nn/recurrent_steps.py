"""Recurrent networks: one step composed, as their cells take it, and all steps in one primitive.

A step takes its projected input (N, gates · H), the state and the weights to the next state. All
steps take the inputs of all (Σ sizes, I) to the states, the start before them (1 or 2, N + Σ
sizes, H): h, and of an LSTM c.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.functions.joining import cat
from minigrad.nn.linear import linear
from minigrad.ops.gru import gru
from minigrad.ops.lstm import lstm
from minigrad.ops.recurrence import rnn, turned_rows
from minigrad.tensor.tensor import Tensor

State = tuple[Tensor, ...]  # (h,), of an LSTM (h, c)
Step = Callable[[Tensor, State, Any], State]
Sizes = tuple[int, ...]  # samples of each step
States = Callable[[Tensor, Sizes, State, Any], Tensor]


def _gates(x: Tensor, h: Tensor, weights: Any) -> Tensor:
    return x + linear(h, weights.hh, weights.bias_hh)


def _rnn_tanh(x: Tensor, state: State, weights: Any) -> State:
    return (_gates(x, state[0], weights).tanh(),)


def _rnn_relu(x: Tensor, state: State, weights: Any) -> State:
    return (_gates(x, state[0], weights).relu(),)


def _lstm(x: Tensor, state: State, weights: Any) -> State:
    h, c = state
    i, f, g, o = _gates(x, h, weights).chunk(4, dim=-1)
    remembered = f.sigmoid() * c
    c = remembered + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    if weights.hr is not None:
        h = linear(h, weights.hr)
    return h, c


def _gru(x: Tensor, state: State, weights: Any) -> State:
    (h,) = state
    x_r, x_z, x_n = x.chunk(3, dim=-1)
    h_r, h_z, h_n = linear(h, weights.hh, weights.bias_hh).chunk(3, dim=-1)
    r = (x_r + h_r).sigmoid()
    z = (x_z + h_z).sigmoid()
    n = (x_n + r * h_n).tanh()
    return (n + z * (h - n),)  # (1 − z) n + z h


STEPS: dict[str, Step] = {
    "RNN_TANH": _rnn_tanh,
    "RNN_RELU": _rnn_relu,
    "LSTM": _lstm,
    "GRU": _gru,
}


class Weights:
    """The parameters of one direction of one layer, or of a cell; what is not there is None."""

    def __init__(self, ih: Tensor, hh: Tensor, bias_ih: Any, bias_hh: Any, hr: Any = None) -> None:
        self.ih, self.hh, self.bias_ih, self.bias_hh, self.hr = ih, hh, bias_ih, bias_hh, hr


def _bias(weights: Weights) -> Tensor:
    """Return the sum of both biases, where no gate scales one of them."""
    if weights.bias_ih is None:
        return weights.ih.new_zeros(len(weights.ih))
    bias: Tensor = weights.bias_ih + weights.bias_hh
    return bias


def _rnn_states(nonlinearity: str, x: Tensor, sizes: Sizes, state: State, weights: Any) -> Tensor:
    inputs = linear(x, weights.ih, _bias(weights))
    options = {"sizes": sizes, "nonlinearity": nonlinearity}
    states: Tensor = rnn(inputs, *state, weights.hh, **options)
    return states.unsqueeze(0)


def _lstm_states(x: Tensor, sizes: Sizes, state: State, weights: Any) -> Tensor:
    parameters = (weights.ih, weights.hh, _bias(weights))
    states: Tensor = lstm(x, *state, *parameters, sizes=sizes, kept={})
    return states


def _gru_states(x: Tensor, sizes: Sizes, state: State, weights: Any) -> Tensor:
    inputs = linear(x, weights.ih, weights.bias_ih)
    weight = weights.hh
    bias = weights.bias_hh
    if bias is None:
        bias = x.new_zeros(len(weight))

    # the bias of n is scaled by r, so it is no part of the inputs
    states: Tensor = gru(inputs, *state, weight, bias, sizes=sizes, kept={})
    return states.unsqueeze(0)


STATES: dict[str, States] = {
    "RNN_TANH": functools.partial(_rnn_states, "tanh"),
    "RNN_RELU": functools.partial(_rnn_states, "relu"),
    "LSTM": _lstm_states,
    "GRU": _gru_states,
}
GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


def run_forwards(
    mode: str, x: Tensor, sizes: Sizes, state: State, weights: Weights
) -> tuple[Tensor, State]:
    """Run over steps of falling ``sizes``: (Σ sizes, I) -> (Σ sizes, H), and the last state."""
    if weights.hr is not None:
        return _step_by_step(STEPS[mode], x, sizes, state, weights)

    start = sizes[0]
    states = STATES[mode](x, sizes, state, weights)
    output = states[0, start:]

    ends = _ends(sizes)
    return output, tuple(part[ends] for part in states)


def run_backwards(
    mode: str, x: Tensor, sizes: Sizes, state: State, weights: Weights
) -> tuple[Tensor, State]:
    """As :func:`run_forwards`, from the end of each sequence to its beginning."""
    output, last = run_forwards(mode, _turned(x, sizes), sizes, state, weights)
    return _turned(output, sizes), last


def _ends(sizes: Sizes) -> Any:
    """Return where among the states the last one of each sequence is."""
    n = sizes[0]
    total = sum(sizes)
    if sizes[-1] == n:
        return slice(total, total + n)

    starts, lengths = _starts_and_lengths(sizes)
    first = n + starts[lengths - 1]
    return first + np.arange(n)


def _starts_and_lengths(sizes: Sizes) -> tuple[Any, Any]:
    """Return the row at which each step starts, and the steps of each sequence."""
    starts = np.cumsum([0, *sizes])
    lengths = [sum(size > i for size in sizes) for i in range(sizes[0])]
    return starts, np.array(lengths)


def _turned(x: Tensor, sizes: Sizes) -> Tensor:
    """Return the rows with each sequence from its end to its beginning; twice is once."""
    n = sizes[0]
    if sizes[-1] == n:
        steps = x.unflatten(0, (len(sizes), n))
        return steps.flip(0).flatten(0, 1)

    starts, lengths = _starts_and_lengths(sizes)
    parts = []
    for t, size in enumerate(sizes):
        mirrored = lengths[:size] - 1 - t
        rows = starts[mirrored] + np.arange(size)
        parts.append(rows)

    order = np.concatenate(parts)
    result: Tensor = turned_rows(x, order=order)
    return result


def _step_by_step(
    step: Step, x: Tensor, sizes: Sizes, state: State, weights: Weights
) -> tuple[Tensor, State]:
    """As :func:`run_forwards`, composed: what has a projection."""
    outputs, finished = [], []
    for projected in linear(x, weights.ih, weights.bias_ih).split(list(sizes)):
        n = projected.shape[0]
        if n < state[0].shape[0]:  # the last sequences have ended
            finished.append(tuple(s[n:] for s in state))
            state = tuple(s[:n] for s in state)
        state = step(projected, state, weights)
        outputs.append(state[0])
    if finished:
        parts = zip(state, *reversed(finished), strict=True)
        state = tuple(cat(list(part)) for part in parts)
    return cat(outputs), state


def state_pair(hx: Any, name: str) -> State:
    """Return the states (h, c); raise TypeError for anything else."""
    if isinstance(hx, Tensor) or len(hx) != 2:
        what = "one tensor" if isinstance(hx, Tensor) else f"{len(hx)} tensors"
        raise TypeError(f"{name}: expected hx to be a pair (h, c), got {what}")
    h, c = hx
    return h, c
