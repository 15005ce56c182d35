"""Convolutions and pooling."""

from __future__ import annotations

import math
from typing import Any

from minigrad.onnx.graph import Call, Value
from minigrad.onnx.operators import mapped


def _pads(call: Call) -> list[int]:
    before, after = zip(*call.params["padding"], strict=True)
    return [*before, *after]


@mapped("conv")
def conv(call: Call) -> Value:
    x, weight = call.operands
    return x.op(
        "Conv",
        weight,
        strides=call.params["stride"],
        pads=_pads(call),
        dilations=call.params["dilation"],
        group=call.params["groups"],
        shape=call.shape,
    )


@mapped("conv_input")
def conv_transpose(call: Call) -> Value:
    y, weight = call.operands
    return y.op(
        "ConvTranspose",
        weight,
        strides=call.params["stride"],
        pads=_pads(call),
        dilations=call.params["dilation"],
        output_padding=_output_padding(call, y.shape[2:], weight.shape[2:]),
        group=call.params["groups"],
        shape=call.shape,
    )


def _output_padding(
    call: Call,
    places: Any,
    kernel: Any,
) -> list[int]:
    """Return how much longer the result is than the windows reach."""
    params = call.params
    sizes = zip(
        call.shape[2:],
        places,
        params["stride"],
        strict=True,
    )
    windows = zip(
        kernel,
        params["dilation"],
        params["padding"],
        strict=True,
    )
    extra = []
    for (size, place, stride), (taps, dilation, pads) in zip(
        sizes,
        windows,
        strict=True,
    ):
        reach = dilation * (taps - 1) + 1
        least = (place - 1) * stride + reach
        extra.append(int(size) - least + sum(pads))
    return extra


@mapped("max_pool")
def max_pool(call: Call) -> Value:
    return call.x.op(
        "MaxPool",
        kernel_shape=call.params["kernel"],
        strides=call.params["stride"],
        pads=_pads(call),
        dilations=call.params["dilation"],
        shape=call.shape,
    )


@mapped("window_sum")
def window_sum(call: Call) -> Value:
    kernel = call.params["kernel"]
    mean = call.x.op(
        "AveragePool",
        kernel_shape=kernel,
        strides=call.params["stride"],
        pads=_pads(call),
        count_include_pad=1,
        shape=call.shape,
    )
    return mean * math.prod(kernel)
