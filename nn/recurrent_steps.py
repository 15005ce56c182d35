"""One step of recurrent networks: projected input (N, gates · H), state, weights -> state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.nn.linear import linear
from minigrad.tensor.tensor import Tensor

State = tuple[Tensor, ...]  # (h,), of an LSTM (h, c)
Step = Callable[[Tensor, State, Any], State]


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
GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


class Weights:
    """The parameters of one direction of one layer, or of a cell; what is not there is None."""

    def __init__(self, ih: Tensor, hh: Tensor, bias_ih: Any, bias_hh: Any, hr: Any = None) -> None:
        self.ih, self.hh, self.bias_ih, self.bias_hh, self.hr = ih, hh, bias_ih, bias_hh, hr
