"""Convolutions as loops: sums of products in registers, of some rows and channels at a time.

Nothing is laid out but padded samples. A row is done in lanes: that many numbers of it stand in one
register, and what lies behind its end is neither counted nor written. The text holds what decides
on registers; sizes stand in the table behind the addresses, so that layers share a text.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.compiler.loops.image_loops import Images, indented, registers
from minigrad.compiler.loops.statements import steps_over
from minigrad.compiler.program import TEMPORARY, Call, Memory, Place
from minigrad.ops import window

CONV = inspect.unwrap(window.conv.function)
INPUT = inspect.unwrap(window.conv_input.function)
WEIGHT = inspect.unwrap(window.conv_weight.function)
LONG = 64  # registers of a row, or rows, that are added up before sums go to memory


# ---- which convolutions -------------------------------------------------------------------------
def convolved(calls: list[Any]) -> list[Any]:
    """Return the calls with convolutions as loops."""
    result: list[Any] = []
    for call in calls:
        is_call = isinstance(call, Call)
        result += _as_loops(call) if is_call else [call]
    return result


def _as_loops(call: Call) -> list[Call]:
    """Return calls that run a text, the same call where loops cannot do it or gain nothing."""
    function = inspect.unwrap(call.function)
    if function not in TEXTS or not _is_plain(call):
        return [call]
    text = TEXTS[function](call)
    if not text.pays():
        return [call]
    text.write()
    return [call.as_loop(text), *text.behind(call)]


def _is_plain(call: Call) -> bool:
    """Whether a convolution goes over images of float32, without strides and groups."""
    params = call.kwargs
    if params["groups"] != 1:
        return False
    steps = *params["stride"], *params["dilation"]
    if max(steps) > 1:
        return False
    for place in (*call.reads(), call.results):
        if place.dtype.char != "f" or len(place.shape) != 4:
            return False
        if min(place.shape) == 0:
            return False
    return True


# ---- the text -----------------------------------------------------------------------------------
CONVOLUTION = """\
m = 0
for n in range(samples):
{copy}
    for o in range(0, outputs, {outputs_at_once}):
        for r in range(0, height, {rows_at_once}):
{zeros}
            for c in range(channels):
                for y in range({kernel_rows}):
                    s = (c * high + r + y) * {wide}
                    w = first + o * to_output + c * to_channel + y * to_row
                    for x in range({taps}):
{products}
{results}
"""
WEIGHTS = """\
for i in range(outputs * channels * {kernel_rows} * {taps}):
    put(p4, i * {lanes}, zeros({lanes}), {lanes})
for begin in range(0, samples, at_once):
    count = min(at_once, samples - begin)
    for m in range(count):
        n = begin + m
{copy}
    for o in range(0, outputs, {outputs_at_once}):
        for c in range(channels):
            for y in range({kernel_rows}):
                s = ((o * channels + c) * {kernel_rows} + y) * {taps} * {lanes}
                apart = channels * {kernel_rows} * {taps} * {lanes}
{sums}
                for m in range(count):
                    for r in range(height):
                        i = ((m * channels + c) * high + r + y) * {wide}
                        k = (((begin + m) * outputs + o) * height + r) * {width}
{products}
{kept}
i = 0
for o in range(outputs):
    for c in range(channels):
        for y in range({kernel_rows}):
            for x in range({taps}):
                w = o * to_output + c * to_channel + y * to_row + x * to_tap
                store(p0, w, 0, total_of(row(p4, i, {lanes}, {lanes})))
                i += {lanes}
"""


def _divisors(n: int) -> list[int]:
    return [i for i in range(1, n + 1) if n % i == 0]


class Convolution(Images):
    """Each number of an image: the sum over channels and taps."""

    template = CONVOLUTION

    def __init__(self, call: Call) -> None:
        x, w = call.args
        super().__init__(call, x, call.results, w)

    def choose_block(self) -> tuple[int, int]:
        """Return the channels and rows with the fewest loads a product."""
        _, outputs, height, width = self.image.shape
        pieces = -(-width // self.lanes)
        most = max(registers()[1], pieces)
        blocks = []
        for channels in _divisors(outputs):
            for rows in _divisors(height):
                sums = channels * rows * pieces
                loads = channels + rows * pieces
                if sums <= most:
                    blocks.append((loads / sums, channels, rows))
        _, channels, rows = min(blocks)
        return channels, rows

    def parts(self) -> dict[str, str]:
        """Return the lines about sums, in registers."""
        zeros, products, results = [], self._loads(), []
        width = self.image.shape[3]
        for q, j, begin, used in self._sums():
            name = f"sum_{q}_{j}_{begin}"
            place = f"((n * outputs + o + {q}) * height + r + {j}) * {width} + {begin}"
            zeros.append(f"{name} = zeros({self.lanes})")
            products.append(f"{name} = plus_product({name}, x_{j}_{begin}, w_{q})")
            results.append(f"put(p0, {place}, {name}, {used})")
        return {
            "zeros": indented(zeros, 3),
            "products": indented(products, 6),
            "results": indented(results, 3),
        }

    def _sums(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield for each sum its channel, its row, where it begins in that, its numbers."""
        width = self.image.shape[3]
        pieces = list(self.pieces(width))
        channels, rows = map(range, self.block)
        for q, j in itertools.product(channels, rows):
            for begin, used in pieces:
                yield q, j, begin, used

    def _loads(self) -> list[str]:
        """Return the lines that load numbers and weights for one tap of one channel."""
        lines: dict[str, None] = {}
        wide = self.padded_shape()[1]
        for q, j, begin, _ in self._sums():
            place = f"s + x + {j * wide + begin}"
            numbers = f"row(p3, {place}, {self.lanes}, {self.lanes})"
            lines[f"x_{j}_{begin} = {numbers}"] = None
            lines[f"w_{q} = load(p2, w + x * to_tap + {q} * to_output, 2)"] = None
        return list(lines)


class ConvolutionBack(Convolution):
    """The cotangent of the input: a convolution with the kernel turned round."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        padding = []
        for k, (before, after) in zip(self.kernel, self.padding, strict=True):
            reach = k - 1
            padding.append((reach - before, reach - after))
        self.padding = padding
        output, channel, row, tap = self.steps
        rows, taps = self.kernel
        self.steps = [channel, output, -row, -tap]
        self.first = (rows - 1) * row + (taps - 1) * tap


class ConvolutionWeight(Images):
    """The cotangent of the weights: each the sum over samples and places."""

    template = WEIGHTS
    copy_depth = 2

    def __init__(self, call: Call) -> None:
        x, y = call.args
        super().__init__(call, x, y, call.results)

    def choose_block(self) -> tuple[int, int]:
        """Return how many channels' sums are held at once."""
        taps = self.kernel[1]
        _, most_sums = registers()
        most = max(1, 3 * most_sums // 2 // taps)
        outputs = self.image.shape[1]
        return max(n for n in _divisors(outputs) if n <= most), 1

    def divide(self) -> int:
        """Return in how many threads the samples are done: each has weights of its own."""
        parts = super().divide()
        if parts == 1:
            return parts
        shape = self.weight.shape
        dtype = self.weight.dtype
        sums = np.empty((parts, *shape), dtype)
        memory = Memory(TEMPORARY, sums.shape, sums.strides, dtype)
        first = sums.strides[1:]
        self.weight = Place(memory, 0, shape, first, dtype)
        self.steps = list(steps_over(self.weight, shape))
        self.stores = (self.weight,)
        return parts

    def moved(self, begin: int, part: int) -> list[int]:
        """Return how far the addresses are away: weights stand one behind the other."""
        _, *images = super().moved(begin, part)
        weights = part * math.prod(self.weight.shape) * 4
        return [weights, *images]

    def behind(self, call: Call) -> list[Call]:
        """Return the call that adds what the threads give."""
        if self.apart is None:
            return []
        weights = self.weight.memory.place
        total = Call(np.add.reduce, (weights,), {"axis": 0}, call.results)
        total.line = call.line
        total.scope = call.scope
        return [total]

    def scratch(self) -> list[int]:
        """Return how many numbers there are in padded samples, and in sums."""
        samples, _, height, width = self.image.shape
        pieces = -(-width // self.lanes)
        enough = -(-LONG // (height * pieces))
        self.at_once = min(samples, enough)
        sums = math.prod(self.weight.shape)
        return [*super().scratch(), sums * self.lanes]

    def parts(self) -> dict[str, str]:
        """Return the lines about sums, in registers and between."""
        sums, kept = [], []
        for q, x, name in self._sums():
            place = f"s + {q} * apart + {x * self.lanes}"
            sums.append(f"{name} = row(p4, {place}, {self.lanes}, {self.lanes})")
            kept.append(f"put(p4, {place}, {name}, {self.lanes})")
        return {
            "sums": indented(sums, 4),
            "products": indented(self._products(), 6),
            "kept": indented(kept, 4),
        }

    def _sums(self) -> Iterator[tuple[int, int, str]]:
        """Yield for each sum its channel, its tap, its name."""
        for q in range(self.block[0]):
            for x in range(self.kernel[1]):
                yield q, x, f"sum_{q}_{x}"

    def _products(self) -> list[str]:
        """Return the lines that add what a row gives."""
        lines = []
        width = self.image.shape[3]
        for begin, used in self.pieces(width):
            held = f"{self.lanes}, {used}"
            for x in range(self.kernel[1]):
                lines.append(f"x_{x} = row(p3, i + {x + begin}, {held})")
            for q in range(self.block[0]):
                place = f"k + {q} * height * {width} + {begin}"
                lines.append(f"y_{q} = row(p2, {place}, {held})")
            for q, x, name in self._sums():
                lines.append(f"{name} = plus_product({name}, x_{x}, y_{q})")
        return lines


TEXTS: dict[Any, Any] = {CONV: Convolution, INPUT: ConvolutionBack, WEIGHT: ConvolutionWeight}
