"""What loops over images have in common: sizes, registers, and padded samples."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minigrad.compiler.loops.loop_files import compiled, head
from minigrad.compiler.loops.statements import steps_over
from minigrad.compiler.loops.threads import parts_of
from minigrad.compiler.planning.buffers import place_is_c
from minigrad.compiler.program import Call, Place, memory_of

USED = 0.8  # of the lanes, at least
MOST = 4  # registers that hold a row
IN_CACHE = 12_000  # weights of the channels that are done at once
SIZES = (
    "samples", "channels", "rows", "outputs", "height", "high", "above", "left",
    "to_output", "to_channel", "to_row", "to_tap", "first", "at_once",
)  # fmt: skip
COPY = """\
for c in range(channels):
    for r in range(rows):
        x = ((n * channels + c) * rows + r) * {width}
        s = ((m * channels + c) * high + r + above) * {wide} + left
{pieces}
"""  # of sample n, to the padded one with number m


class Images:
    """Prints a loop over two images and the weights between them."""

    template = ""
    copy_depth = 1

    def __init__(self, call: Call, source: Place, image: Place, weight: Place) -> None:
        self.source, self.image, self.weight = source, image, weight
        self.stores = (call.results,)
        self.reads = tuple(call.reads())
        self.kernel = weight.shape[2:]
        self.padding = call.kwargs["padding"]
        self.steps = list(steps_over(weight, weight.shape))
        self.first = 0  # where the first weight stands
        self.at_once = 1  # samples
        self.apart: Any = None  # by thread: how its table differs from the first

    def pays(self) -> bool:
        """Whether images lie in order, rows fill lanes, and weights stay in the cache."""
        self.lanes = _lanes_of(self.image.shape[3])
        if not self.lanes:
            return False
        if min(map(min, self.padding)) < 0:
            return False
        images = self.source, self.image
        if not all(map(place_is_c, images)):
            return False
        self.block = self.choose_block()
        taps = math.prod(self.kernel)
        channels = self.source.shape[1]
        weights = self.block[0] * taps * channels
        return weights <= IN_CACHE

    def choose_block(self) -> tuple[int, int]:
        """Return how many channels and rows are done at once."""
        raise NotImplementedError

    def parts(self) -> dict[str, str]:
        """Return the lines that differ, by their names in the template."""
        raise NotImplementedError

    def scratch(self) -> list[int]:
        """Return how many numbers the loop's own memories hold."""
        return [self.at_once * self.padded_size() + 2 * self.lanes]

    def padded_size(self) -> int:
        """Return how many numbers a padded sample has."""
        channels = self.source.shape[1]
        return channels * math.prod(self.padded_shape())

    def padded_shape(self) -> list[int]:
        """Return the rows and columns of a padded sample."""
        (above, below), (left, right) = self.padding
        height, width = self.source.shape[2:]
        rows = above + height + below
        columns = left + width + right
        return [rows, columns]

    def divide(self) -> int:
        """Return in how many threads the samples are done."""
        samples = self.source.shape[0]
        places = math.prod(self.image.shape[2:])
        weights = math.prod(self.weight.shape)
        products = samples * places * weights
        return parts_of(samples, products)

    def moved(self, begin: int, part: int) -> list[int]:
        """Return how far the first addresses are away where a part begins with this sample."""
        images = self.source.memory, self.image.memory
        distances = []
        for place in (*self.stores, *self.reads):
            is_image = place.memory in images
            sample = place.strides[0] if is_image else 0
            distances.append(begin * sample)
        return distances

    def _tables_apart(self, parts: int) -> Any:
        """Return by thread how its table differs from the first one's."""
        samples = self.source.shape[0]
        scratch = np.array(self.scratch())
        unchanged = [0] * (len(SIZES) - 1)
        rows = []
        for part in range(parts):
            begin = samples * part // parts
            end = samples * (part + 1) // parts
            fewer = end - begin - samples
            own = part * scratch * 4  # bytes
            images = self.moved(begin, part)
            rows.append([*images, *own, fewer, *unchanged])
        return np.array(rows)

    def write(self) -> None:
        """Print the loop."""
        parts = self.divide()
        own = []
        for size in self.scratch():
            own.append(_scratch(size * parts))
        self.pointers = [*self.stores, *self.reads, *own]
        self.numbers = self._numbers()
        if parts > 1:
            self.apart = self._tables_apart(parts)
        lines = []
        count = len(self.pointers)
        for i in range(count):
            lines.append(f"p{i} = pointer_float32(table[{i}])")
        for i, name in enumerate(SIZES, count):
            lines.append(f"{name} = table[{i}]")
        body = self.template.format(
            lanes=self.lanes,
            copy=self._copy(),
            width=self.image.shape[3],
            wide=self.padded_shape()[1],
            kernel_rows=self.kernel[0],
            taps=self.kernel[1],
            outputs_at_once=self.block[0],
            rows_at_once=self.block[1],
            **self.parts(),
        )
        lines += body.splitlines()
        self.text = head(parts > 1) + indented(lines, 1) + "\n"

    def _numbers(self) -> list[int]:
        """Return the sizes that the text finds in the table."""
        samples, channels, rows, _ = self.source.shape
        _, outputs, height, _ = self.image.shape
        high, _ = self.padded_shape()
        (above, _), (left, _) = self.padding
        sizes = [samples, channels, rows, outputs]
        sizes += [height, high, above, left]
        sizes += self.steps
        return [*sizes, self.first, self.at_once]

    def _copy(self) -> str:
        """Return the lines that pad a sample."""
        width = self.source.shape[3]
        pieces = []
        for begin, used in self.pieces(width):
            numbers = f"row(p1, x + {begin}, {self.lanes}, {used})"
            pieces.append(f"put(p3, s + {begin}, {numbers}, {used})")
        text = COPY.format(
            width=width,
            wide=self.padded_shape()[1],
            pieces=indented(pieces, 2),
        )
        return indented(text.splitlines(), self.copy_depth)

    def pieces(self, width: int) -> Iterator[tuple[int, int]]:
        """Yield the registers of a row: where each begins, and how many numbers it holds."""
        for begin in range(0, width, self.lanes):
            used = min(self.lanes, width - begin)
            yield begin, used

    def behind(self, call: Call) -> list[Call]:
        """Return the calls that come behind the loop."""
        return []

    def compiled(self) -> Any:
        """Return the function."""
        return compiled(self.text)


def indented(lines: Iterable[str], depth: int) -> str:
    spaces = "    " * depth
    return "\n".join(spaces + line for line in lines)


def _lanes_of(width: int) -> int:
    """Return in how many lanes rows of this width are done, 0 where they leave too many free."""
    for lanes in registers()[0]:
        count = -(-width // lanes)
        filled = width >= USED * count * lanes
        if filled and count <= MOST:
            return lanes
    return 0


def _scratch(size: int) -> Place:
    """Return memory of the loop's own: zeros, to begin with."""
    zeros = np.zeros(size, np.float32)
    return memory_of(zeros, "scratch").place


@functools.cache
def registers() -> tuple[tuple[int, ...], int]:
    """Return how many lanes a register may have, and how many registers hold sums."""
    from llvmlite import binding

    wide = binding.get_host_cpu_features().get("avx512f", False)
    return ((16, 8), 16) if wide else ((8,), 8)
