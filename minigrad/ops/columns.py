"""Windows laid out as the columns of matrices, for convolution as products."""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

QUICK = 1_000_000  # multiplications: OpenBLAS has a quicker kernel for products of at most so many
LONG = 256


class Columns:
    """Every window of an array as a column, some samples at a time: one matrix for each row of windows.

    ``of(part)`` is (groups, rows, taps * C/groups, samples * width), where rows are those of windows along the first
    spatial axis. Only the kernel's other axes are laid out: along the first, the next tap's channels stand in memory
    behind this one's, so the matrices of neighbouring rows overlap. ``wide`` is the shape of width: the windows of a
    row, or, with stride 1, all places of a padded row, the same zeros standing behind a line and before the next. Then
    each tap is one run of memory, and the results between the windows are not looked at.
    """

    def __init__(self, x, kernel, out, stride, padding, dilation, groups, results):
        if len(kernel) == 1:  # windows in one row
            x, padding = x[:, :, None], ((0, 0), *padding)
            kernel, out, stride, dilation = ((1, *sizes) for sizes in (kernel, out, stride, dilation))
        self.x, self.kernel, self.out, self.groups, self.results = x, kernel, out, groups, results // groups
        sizes = zip(x.shape[3:], padding[1:], out[1:], strict=True)
        lines = tuple(max(n + max(pair), fit) for n, pair, fit in sizes)
        flat = max(stride[1:]) == 1 and math.prod(lines) <= 1.4 * math.prod(out[1:])
        self.wide = lines if flat else out[1:]
        self.step = self._samples(math.prod(self.wide), x.shape[1] // groups * math.prod(kernel))
        self._lay(self._pad(lines, kernel, padding, dilation), flat, stride, dilation)

    def _samples(self, width, height):
        """How many samples stand side by side: what is quick, or enough for a product at full speed; all parts alike."""
        quick = QUICK // max(1, self.results * height)
        most = max(1, (min(quick, LONG) if quick >= 32 else LONG) // max(1, width))
        return math.ceil(len(self.x) / max(1, math.ceil(len(self.x) / most)))

    def parts(self):
        return [slice(start, start + self.step) for start in range(0, len(self.x), max(1, self.step))]

    def _pad(self, lines, kernel, padding, dilation):
        """Rows of zeros (row, C, n, *line), with some behind for the last windows; ``inside`` is what x is written to."""
        shape = (self.x.shape[2] + sum(padding[0]), self.x.shape[1], self.step, *lines)
        reach = [d * (k - 1) for d, k in zip(dilation[1:], kernel[1:], strict=True)]
        behind = sum(r * math.prod(lines[i:]) for i, r in enumerate(reach, 1))
        padded = np.zeros_like(self.x, shape=math.prod(shape) + behind)[: math.prod(shape)].reshape(shape)
        first, *others = (slice(a, a + n) for (a, _), n in zip(padding, self.x.shape[2:], strict=True))
        self.inside = np.moveaxis(padded[(first, ..., *others)], 0, 2).swapaxes(0, 1)
        return padded

    def _lay(self, padded, flat, stride, dilation):
        """Make the columns' memory, how they are seen in the padded rows, and the matrices that they are."""
        row, channel, sample, *apart = padded.strides
        (height, channels), item = padded.shape[:2], padded.itemsize
        rows, between, step = ((height,), (row,), stride[0])
        if dilation[0] > 1:  # the rows of a window are not neighbours: laid out, too
            rows, between, step = (self.out[0], self.kernel[0]), (stride[0] * row, dilation[0] * row), 1
        width, across = (math.prod(self.wide),), (item,)
        if not flat:
            width, across = self.wide, [s * a for s, a in zip(stride[1:], apart, strict=True)]
        group = channels // self.groups
        shape = (self.groups, *rows, *self.kernel[1:], group, self.step, *width)
        taps = [d * a for d, a in zip(dilation[1:], apart, strict=True)]
        strides = (group * channel, *between, *taps, channel, sample, *across)
        self.seen = as_strided(padded, shape, strides)
        self.columns = np.empty_like(padded, shape=shape)
        tall, long = math.prod(self.kernel) * group, self.step * math.prod(width)
        strides = (self.columns.strides[0], step * self.columns.strides[1], long * item, item)
        self.matrices = as_strided(self.columns, (self.groups, self.out[0], tall, long), strides)

    def of(self, part):
        """Lay out the columns of these samples; those of the part before are gone. Behind the last there may be others."""
        x = self.x[part].copy()  # into the cache first: what follows does not read it in order
        self.inside[: len(x)] = x
        np.copyto(self.columns, self.seen)
        return self.matrices

    def weights(self, w):
        """Weights (out, C/groups, *kernel) as rows that meet the columns: (groups, 1, out/groups, taps * C/groups)."""
        return np.moveaxis(w, 1, -1).reshape(self.groups, 1, self.results, -1)

    def cut(self, products, y):
        """Write products (groups, rows, out/groups, samples * width) to y (n, out, *spatial)."""
        products = products.reshape(*products.shape[:3], self.step, *self.wide)[(..., *map(slice, self.out[1:]))]
        y = y.reshape(len(y), self.groups, -1, *self.out)  # a view: y is contiguous
        y[...] = np.moveaxis(products, (3, 0, 2), (0, 1, 2))[: len(y)]

    def widened(self, y):
        """Lay y (n, out, *spatial) as the columns stand, transposed: (groups, rows, samples * width, out/groups)."""
        rows = np.zeros_like(y, shape=(self.groups, self.out[0], self.step, *self.wide, self.results))
        places = np.moveaxis(rows[(..., *map(slice, self.out[1:]), slice(None))], (2, 0, -1), (0, 1, 2))
        places[: len(y)] = y.copy().reshape(len(y), self.groups, self.results, *self.out)
        return rows.reshape(self.groups, self.out[0], -1, self.results)
