"""Recurrent layers: RNN, LSTM and GRU over sequences, and their cells for one step.

Shapes: T steps, N samples, I inputs, H hidden, D directions. All steps' inputs are projected by one
product; what is left for a step is the product with the hidden state and the gates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minigrad.creation import empty
from minigrad.functions.joining import cat, stack
from minigrad.nn import init
from minigrad.nn.dropout import dropout as drop
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter, on_cpu
from minigrad.nn.recurrent_steps import (
    GATES,
    State,
    Weights,
    run_backwards,
    run_forwards,
    state_pair,
)
from minigrad.nn.utils.rnn import PackedSequence
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor


class RNNBase(Module):
    """What the layers share: parameters by layer and direction, and how sequences run through."""

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        on_cpu(device)
        _check_options(bias, batch_first, dropout, num_layers)
        _check_sizes(input_size, hidden_size, num_layers, proj_size)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout, self.bidirectional = float(dropout), bidirectional
        self.proj_size = proj_size
        for layer in range(num_layers):
            for suffix in self._suffixes(layer):
                self._add_parameters(layer, suffix, dtype)
        self.reset_parameters()

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"] if self.bidirectional else [f"_l{layer}"]

    def _add_parameters(self, layer: int, suffix: str, dtype: Any) -> None:
        gates = GATES[self.mode] * self.hidden_size
        width = self.proj_size or self.hidden_size
        inputs = self.input_size if layer == 0 else width * (1 + self.bidirectional)
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (gates, inputs),
            "weight_hh": (gates, width),
        }
        if self.bias:
            shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        for name, shape in shapes.items():
            self.register_parameter(name + suffix, Parameter(empty(shape, dtype=dtype)))

    def reset_parameters(self) -> None:
        """Draw every parameter from U(±1/√hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing: on a CPU there is nothing to lay out."""

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters, by layer and direction."""
        by_suffix: dict[str, list[Tensor]] = {}
        for name, parameter in self.named_parameters(recurse=False):
            by_suffix.setdefault(name[name.index("_l") :], []).append(parameter)
        return list(by_suffix.values())

    def _weights(self, suffix: str) -> Weights:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        weights: Any = (self._parameters.get(name + suffix) for name in names)
        return Weights(*weights)

    def _run(self, x: Tensor, sizes: tuple[int, ...], state: State) -> tuple[Tensor, State]:
        """Run rows (Σ sizes, I) through all layers; the states are (layers · D, N, H)."""
        last: list[State] = []
        for layer in range(self.num_layers):
            outputs = []
            for suffix in self._suffixes(layer):
                start = tuple(s[len(last)] for s in state)
                run = run_backwards if suffix.endswith("_reverse") else run_forwards
                weights = self._weights(suffix)
                output, end = run(self.mode, x, sizes, start, weights)
                outputs.append(output)
                last.append(end)
            x = outputs[0] if len(outputs) == 1 else cat(outputs, -1)
            if layer < self.num_layers - 1:
                x = drop(x, self.dropout, self.training)
        return x, tuple(stack(list(states)) for states in zip(*last, strict=True))

    def _sequences(self, input: Tensor | PackedSequence, state: State | None) -> Any:
        """Return output and last state of padded or packed sequences."""
        if isinstance(input, PackedSequence):
            return self._packed(input, state)
        name = type(self).__name__
        if input.ndim not in (2, 3):
            raise ValueError(f"{name}: Expected input to be 2D or 3D, got {input.ndim}D instead")
        batched = input.ndim == 3
        _check_state_ranks(state, batched)
        if not batched:
            input = input.unsqueeze(1)
            state = None if state is None else tuple(s.unsqueeze(1) for s in state)
        elif self.batch_first:
            input = input.transpose(0, 1)
        steps, n = input.shape[:2]
        self._check_input(input)
        start = self._start(input, n, state)
        output, last = self._run(input.flatten(0, 1), (n,) * steps, start)
        output = output.unflatten(0, (steps, n))
        if not batched:
            return output.squeeze(1), tuple(s.squeeze(1) for s in last)
        return (output.transpose(0, 1) if self.batch_first else output), last

    def _packed(self, input: PackedSequence, state: State | None) -> Any:
        data, batch_sizes, order, unsorted = input
        self._check_input(data, 2)
        sizes = tuple(batch_sizes.tolist())
        if state is not None and order is not None:
            state = tuple(s.index_select(1, order) for s in state)
        output, last = self._run(data, sizes, self._start(data, sizes[0], state))
        if unsorted is not None:
            last = tuple(s.index_select(1, unsorted) for s in last)
        return PackedSequence(output, batch_sizes, order, unsorted), last

    def _start(self, x: Tensor, n: int, state: State | None) -> State:
        layers = self.num_layers * (1 + self.bidirectional)
        widths = [self.proj_size or self.hidden_size]
        if self.mode == "LSTM":
            widths.append(self.hidden_size)
        if state is None:
            return tuple(x.new_zeros(layers, n, width) for width in widths)
        for i, (part, width) in enumerate(zip(state, widths, strict=True)):
            which = f"hidden[{i}]" if self.mode == "LSTM" else "hidden"
            if tuple(part.shape) != (layers, n, width):
                raise RuntimeError(
                    f"Expected {which} size {(layers, n, width)}, got {list(part.shape)}"
                )
        return state

    def _check_input(self, input: Tensor, ndim: int = 3) -> None:
        weight: Any = self.weight_ih_l0
        if input.dtype != weight.dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: "
                f"model.to({input.dtype})"
            )
        if input.ndim != ndim:
            raise RuntimeError(f"input must have {ndim} dimensions, got {input.ndim}")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                "input.size(-1) must be equal to input_size. Expected "
                f"{self.input_size}, got {input.shape[-1]}"
            )
        if not input.shape[0]:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN, got 0 steps")

    def extra_repr(self) -> str:
        usual = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        parts = [f"{self.input_size}, {self.hidden_size}"]
        for name, default in usual.items():
            value = getattr(self, name)
            if value != default:
                parts.append(f"{name}={value}")
        return ", ".join(parts)


def _check_options(bias: Any, batch_first: Any, dropout: Any, num_layers: Any) -> None:
    numeric = isinstance(dropout, (int, float)) and not isinstance(dropout, bool)
    if not numeric or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element "
            f"being zeroed, got {dropout!r}"
        )
    if dropout > 0 and num_layers == 1:
        warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout "
            f"expects num_layers greater than 1, but got dropout={dropout} and "
            f"num_layers={num_layers}"
        )
    for name, value in (("bias", bias), ("batch_first", batch_first)):
        if not isinstance(value, bool):
            raise TypeError(f"{name} should be of type bool, got: {type(value).__name__}")


def _check_sizes(input_size: Any, hidden_size: Any, num_layers: Any, proj_size: Any) -> None:
    for name, value in (("input_size", input_size), ("hidden_size", hidden_size)):
        if not isinstance(value, int):
            raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
        if value <= 0:
            raise ValueError(f"{name} must be greater than zero, got {value}")
    if num_layers <= 0:
        raise ValueError(f"num_layers must be greater than zero, got {num_layers}")
    if proj_size < 0:
        raise ValueError(
            "proj_size should be a positive integer or zero to disable projections, got "
            f"{proj_size}"
        )
    if proj_size >= hidden_size:
        raise ValueError(
            f"proj_size has to be smaller than hidden_size, got {proj_size} and {hidden_size}"
        )


def _check_state_ranks(state: State | None, batched: bool) -> None:
    if state is None:
        return
    expected = 3 if batched else 2
    ranks = [s.ndim for s in state]
    if all(rank == expected for rank in ranks):
        return
    kind = "batched 3-D" if batched else "unbatched 2-D"
    if len(state) == 1:
        raise RuntimeError(
            f"For {kind} input, hx should also be {expected}-D but got {ranks[0]}-D tensor"
        )
    raise RuntimeError(
        f"For {kind} input, hx and cx should also be {expected}-D but got "
        f"({ranks[0]}-D, {ranks[1]}-D) tensors"
    )


class RNN(RNNBase):
    """Elman's network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu.

    Input (T, N, input_size), with ``batch_first`` (N, T, …), without N, or packed; returns
    (output (T, N, D · hidden_size), last state (layers · D, N, hidden_size)).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.RNN.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> output, h = nn.RNN(3, 4, num_layers=2)(mg.randn(5, 2, 3))
    >>> output.shape, h.shape
    ((5, 2, 4), (2, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        sizes = (input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)
        super().__init__(f"RNN_{nonlinearity.upper()}", *sizes, 0, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Tensor | None = None) -> Any:
        """Return all outputs and the last state."""
        output, (h,) = self._sequences(input, None if hx is None else (hx,))
        return output, h


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter & Schmidhuber, 1997): h' = o tanh(c'), c' = f c + i g.

    Gates i, f, g, o are rows of the weights in this order. ``proj_size`` projects h to that width.
    Input as :class:`RNN`'s, state (h, c); returns (output, (h, c)).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> output, (h, c) = nn.LSTM(3, 4, batch_first=True)(mg.randn(2, 5, 3))
    >>> output.shape, h.shape, c.shape
    ((2, 5, 4), (1, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        sizes = (input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)
        super().__init__("LSTM", *sizes, proj_size, device, dtype)

    def forward(self, input: Any, hx: Sequence[Tensor] | None = None) -> Any:
        """Return all outputs and the last state (h, c)."""
        return self._sequences(input, None if hx is None else state_pair(hx, "LSTM"))


class GRU(RNNBase):
    """Gated recurrent units (Cho et al., 2014): h' = (1 − z) n + z h, n = tanh(W x + r (U h + b)).

    Gates r, z, n are rows of the weights in this order; input and results as :class:`RNN`'s.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        sizes = (input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)
        super().__init__("GRU", *sizes, 0, device, dtype)

    def forward(self, input: Any, hx: Tensor | None = None) -> Any:
        """Return all outputs and the last state."""
        output, (h,) = self._sequences(input, None if hx is None else (hx,))
        return output, h
