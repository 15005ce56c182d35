"""One step of a recurrent network: (N, input_size) or (input_size,), and the state before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minigrad.creation import empty
from minigrad.nn import init
from minigrad.nn.linear import linear
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter, on_cpu
from minigrad.nn.recurrent_steps import GATES, STEPS, State, Weights, state_pair
from minigrad.tensor.tensor import Tensor


class RNNCellBase(Module):
    """What the cells share: the weights of ``num_chunks`` gates."""

    mode: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        on_cpu(device)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        gates = num_chunks * hidden_size
        self.weight_ih = Parameter(empty(gates, input_size, dtype=dtype))
        self.weight_hh = Parameter(empty(gates, hidden_size, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(gates, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter from U(±1/√hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _step(self, input: Tensor, state: State | None) -> State:
        name = type(self).__name__
        if input.ndim not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.ndim}D instead")
        batched = input.ndim == 2
        rows = input if batched else input.unsqueeze(0)
        if state is None:
            zeros = rows.new_zeros(rows.shape[0], self.hidden_size)
            state = (zeros,) * (2 if self.mode == "LSTM" else 1)
        elif not batched:
            state = tuple(s.unsqueeze(0) for s in state)
        self._check(rows, state)
        weights = Weights(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        projected = linear(rows, self.weight_ih, self.bias_ih)
        result = STEPS[self.mode](projected, state, weights)
        return result if batched else tuple(s.squeeze(0) for s in result)

    def _check(self, rows: Tensor, state: State) -> None:
        if rows.shape[1] != self.input_size:
            raise RuntimeError(
                f"input has inconsistent input_size: got {rows.shape[1]} expected {self.input_size}"
            )
        for i, part in enumerate(state):
            if part.shape[0] != rows.shape[0]:
                raise RuntimeError(
                    f"Input batch size {rows.shape[0]} doesn't match hidden{i} batch size "
                    f"{part.shape[0]}"
                )
            if part.shape[1] != self.hidden_size:
                raise RuntimeError(
                    f"hidden{i} has inconsistent hidden_size: got {part.shape[1]}, expected "
                    f"{self.hidden_size}"
                )

    def _check_state(self, part: Tensor, which: str) -> None:
        if part.ndim not in (1, 2):
            raise ValueError(
                f"{type(self).__name__}: Expected {which} to be 1D or 2D, got {part.ndim}D instead"
            )

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        parts += [] if self.bias is True else [f"bias={self.bias}"]
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        parts += [] if nonlinearity == "tanh" else [f"nonlinearity={nonlinearity}"]
        return ", ".join(parts)


class RNNCell(RNNCellBase):
    """One step of :class:`minigrad.nn.RNN`: (N, input_size), (N, hidden_size) -> (N, hidden_size).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.RNNCell.html
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity
        self.mode = f"RNN_{nonlinearity.upper()}"

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the next state."""
        if self.mode not in STEPS:
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        if hx is not None:
            self._check_state(hx, "hidden")
        return self._step(input, None if hx is None else (hx,))[0]


class LSTMCell(RNNCellBase):
    """One step of :class:`minigrad.nn.LSTM`: input, (h, c) -> (h, c), each (N, hidden_size).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html
    """

    mode = "LSTM"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, GATES["LSTM"], device, dtype)

    def forward(self, input: Tensor, hx: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Return the next state (h, c)."""
        state = None if hx is None else state_pair(hx, "LSTMCell")
        for i, part in enumerate(state or ()):
            self._check_state(part, f"hx[{i}]")
        h, c = self._step(input, state)
        return h, c


class GRUCell(RNNCellBase):
    """One step of :class:`minigrad.nn.GRU`: (N, input_size), (N, hidden_size) -> (N, hidden_size).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.GRUCell.html
    """

    mode = "GRU"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, GATES["GRU"], device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the next state."""
        if hx is not None:
            self._check_state(hx, "hidden")
        return self._step(input, None if hx is None else (hx,))[0]
