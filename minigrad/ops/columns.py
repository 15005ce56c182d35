"""Windows laid out as the columns of matrices, for convolution as products."""

from __future__ import annotations

import math

import numpy as np

QUICK = 1_000_000  # multiplications: OpenBLAS has a quicker kernel for products of at most so many
LONG = 256  # columns: enough for a product at full speed, and all of them stay in the cache


class Columns:
    """Every window of an array as a column, some samples at a time: one matrix for each row of windows.

    A matrix is (taps * C/groups, samples * width); its row of windows is one along the first spatial axis. Only the
    kernel's other axes are laid out: along the first, the next tap's channels stand in memory behind this one's, so
    the matrices of neighbouring rows overlap. ``wide`` is the shape of width: the windows of a row, or, with stride 1,
    all places of a padded row, the same zeros standing behind a line and before the next. Then each tap is one run of
    memory, and the results between the windows are not looked at.
    """

    def __init__(self, x, kernel, out, stride, padding, dilation, groups, results):
        if len(kernel) == 1:  # windows in one row
            x, padding = x[:, :, None], ((0, 0), *padding)
            kernel, out, stride, dilation = ((1, *sizes) for sizes in (kernel, out, stride, dilation))
        self.x, self.kernel, self.out, self.groups, self.results = x, kernel, out, groups, results // groups
        self.stride, self.padding, self.dilation = stride, padding, dilation
        sizes = zip(x.shape[3:], padding[1:], out[1:], strict=True)
        self.lines = tuple(max(n + max(pair), fit) for n, pair, fit in sizes)
        self.flat = max(stride[1:]) == 1 and math.prod(self.lines) <= 1.4 * math.prod(out[1:])
        self.wide = self.lines if self.flat else out[1:]
        self.height = x.shape[1] // groups * math.prod(kernel)
        self.step = self._samples(max(1, math.prod(self.wide)))

    def _samples(self, width):
        """Return how many samples stand side by side: as many as are quick, if that is enough; all parts alike."""
        quick = QUICK // max(1, self.results * self.height)
        most = max(1, (min(quick, LONG) if quick >= 32 else LONG) // width)
        return math.ceil(len(self.x) / max(1, math.ceil(len(self.x) / most)))

    def parts(self):
        """Return the slices of the samples that stand side by side."""
        return [slice(start, start + self.step) for start in range(0, len(self.x), max(1, self.step))]

    def of(self, parts):
        """Yield each of these parts with its matrices (groups, rows, taps * C/groups, samples * width).

        They are gone with the next part. Where a part has fewer samples, something stands behind the last.
        """
        inside, seen = self._padded()
        columns = np.empty_like(seen, order="C")
        matrices = self._matrices(columns)
        for part in parts:
            x = self.x[part].copy()  # into the cache first: what follows does not read it in order
            inside[: len(x)] = x
            np.copyto(columns, seen)
            yield part, matrices

    def _padded(self):
        """Return zeros with room for the samples, and those windows' columns in them.

        The padded rows are (row, C, n, *line), with some zeros behind for the windows that begin in the last line.
        """
        x, stride, item = self.x, self.stride, self.x.itemsize
        shape = (x.shape[2] + sum(self.padding[0]), x.shape[1], self.step, *self.lines)
        row, channel, sample, *apart = (math.prod(shape[i + 1 :]) * item for i in range(len(shape)))
        taps = [d * a for d, a in zip(self.dilation[1:], apart, strict=True)]
        behind = sum((k - 1) * tap for k, tap in zip(self.kernel[1:], taps, strict=True))
        padded = np.zeros_like(x, shape=math.prod(shape) + behind // item)
        first, *others = (slice(a, a + n) for (a, _), n in zip(self.padding, x.shape[2:], strict=True))
        inside = padded[: math.prod(shape)].reshape(shape)[(first, ..., *others)]
        rows, between = shape[:1], (row,)
        if self.dilation[0] > 1:  # the rows of a window are not neighbours: laid out, too
            rows, between = (self.out[0], self.kernel[0]), (stride[0] * row, self.dilation[0] * row)
        wide, across = (math.prod(self.wide),), (item,)
        if not self.flat:
            wide, across = self.wide, [s * a for s, a in zip(stride[1:], apart, strict=True)]
        group = shape[1] // self.groups
        shape = (self.groups, *rows, *self.kernel[1:], group, self.step, *wide)
        strides = (group * channel, *between, *taps, channel, sample, *across)
        return inside.transpose(2, 1, 0, *range(3, inside.ndim)), np.ndarray(shape, x.dtype, padded, 0, strides)

    def _matrices(self, columns):
        width = self.step * math.prod(self.wide)
        between = columns.strides[1] * (1 if self.dilation[0] > 1 else self.stride[0])
        strides = (columns.strides[0], between, width * columns.itemsize, columns.itemsize)
        return np.ndarray((self.groups, self.out[0], self.height, width), columns.dtype, columns, 0, strides)

    def weights(self, w):
        """Return weights (out, C/groups, *kernel) as rows to meet columns: (groups, 1, out/groups, taps * C/groups)."""
        return w.transpose(0, *range(2, w.ndim), 1).reshape(self.groups, 1, self.results, -1)

    def cut(self, products, y):
        """Write products (groups, rows, out/groups, samples * width) to y (n, out, *spatial)."""
        products = products.reshape(*products.shape[:3], self.step, *self.wide)[(..., *map(slice, self.out[1:]))]
        y = y.reshape(len(y), self.groups, self.results, *self.out)  # a view: y is contiguous
        y[...] = products.transpose(3, 0, 2, 1, *range(4, products.ndim))[: len(y)]

    def widened(self, y):
        """Return y (n, out, *spatial) standing as the columns do, as (groups, rows, samples * width, out/groups)."""
        before, after = ((self.results,), ()) if self.height < 64 else ((), (self.results,))
        rows = np.zeros_like(y, shape=(self.groups, self.out[0], *before, self.step, *self.wide, *after), order="C")
        if before:  # quicker to write; in memory as it is returned, it is quicker to multiply
            rows = np.moveaxis(rows, 2, -1)
        places = rows[(..., *map(slice, self.out[1:]), slice(None))]
        places = places.transpose(2, 0, -1, 1, *range(3, places.ndim - 1))
        places[: len(y)] = y.copy().reshape(len(y), self.groups, self.results, *self.out)
        return rows.reshape(self.groups, self.out[0], -1, self.results)
