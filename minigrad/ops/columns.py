"""Windows laid out as the columns of matrices, for convolution as products."""

from __future__ import annotations

import math

import numpy as np

QUICK = 1_000_000  # multiplications: OpenBLAS has a quicker kernel for products of at most so many
LONG = 256  # columns in a matrix
BLOCK = 1 << 18  # numbers in the columns laid out at once: about what the cache holds


def shares(height, terms):
    """Return in how many equal shares so many rows make quick products, given the terms of one row; 1 where none do."""
    most = QUICK // max(1, terms)
    return (
        1
        if height <= most or most < 8
        else next(n for n in range(2, height + 1) if height % n == 0 and height // n <= most)
    )


class Columns:
    """Every window of an array as a column, some samples at a time: one matrix for each row of windows.

    A matrix is (taps * C/groups, samples * width); its row of windows is one along the first spatial axis. Only the
    kernel's other axes are laid out: along the first, the next tap's channels stand in memory behind this one's, so
    the matrices of neighbouring rows overlap. ``wide`` is the shape of width: the windows of a row, or, with stride 1,
    all places of a padded row, the same zeros standing behind a line and before the next. Then each tap is one run of
    memory, and the results between the windows are not looked at. At most ``most`` samples stand in a matrix side by side;
    there are ``blocks`` times ``side`` of them at a time.
    """

    def __init__(self, x, kernel, out, stride, padding, dilation, groups, most):
        if len(kernel) == 1:  # windows in one row
            x, padding = x[:, :, None], ((0, 0), *padding)
            kernel, out, stride, dilation = (
                (1, *sizes) for sizes in (kernel, out, stride, dilation)
            )
        self.x, self.kernel, self.out, self.groups = x, kernel, out, groups
        self.stride, self.padding, self.dilation = stride, padding, dilation
        sizes = zip(x.shape[3:], padding[1:], out[1:], strict=True)
        self.lines = tuple(max(n + max(pair), fit) for n, pair, fit in sizes)
        self.flat = max(stride[1:]) == 1 and math.prod(self.lines) <= 1.4 * math.prod(out[1:])
        self.wide = self.lines if self.flat else out[1:]
        self.height = x.shape[1] // groups * math.prod(kernel)
        width = max(1, math.prod(self.wide))
        most = max(
            1, min(most, LONG // width)
        )  # as few as half of them, if then no place is left free
        self.side = min(range((most + 1) // 2, most + 1), key=lambda n: (-len(x) % n, -n))
        size = x.shape[2] * x.shape[1] * math.prod(kernel[1:]) * self.side * width
        self.blocks = max(1, min(BLOCK // max(1, size), -(-len(x) // self.side)))
        self.width = self.side * width

    def of(self, shares=1):
        """Yield each part and its matrices (blocks, groups, shares, rows, taps * C/groups / shares, width).

        They are gone with the next part. Where a part has fewer samples, something stands behind the last.
        """
        inside, seen = self._padded()
        columns = np.empty_like(seen, order="C")
        between = columns.strides[2] * (1 if self.dilation[0] > 1 else self.stride[0])
        share = self.height // shares
        shape = (self.blocks, self.groups, shares, self.out[0], share, self.width)
        line = self.width * columns.itemsize
        strides = (*columns.strides[:2], share * line, between, line, columns.itemsize)
        matrices = np.ndarray(shape, columns.dtype, columns, 0, strides)
        for part, samples in self._parts(self.x):
            used = len(samples) // self.side
            inside[:used] = samples.reshape(used, *inside.shape[1:])
            np.copyto(columns[:used], seen[:used])
            yield part, matrices[:used]

    def _parts(self, x):
        """Yield the slices of the samples that are laid out at once, and these samples, zeros filling the last block.

        They are read into the cache here: what follows does not read them in order.
        """
        step = max(1, self.blocks * self.side)
        samples = np.empty_like(x, shape=(step, *x.shape[1:]), order="C")
        for start in range(0, len(x), step):
            part = slice(start, min(start + step, len(x)))
            count = part.stop - start
            samples[:count] = x[part]
            samples[count:] = 0
            yield part, samples[: count + -count % self.side]

    def _padded(self):
        """Return zeros with room for the samples, and those windows' columns in them.

        The padded rows are (block, row, C, n, *line), with some zeros behind for the windows that begin in the last.
        """
        x, stride, item = self.x, self.stride, self.x.itemsize
        shape = (self.blocks, x.shape[2] + sum(self.padding[0]), x.shape[1], self.side, *self.lines)
        block, row, channel, sample, *apart = (
            math.prod(shape[i + 1 :]) * item for i in range(len(shape))
        )
        taps = [d * a for d, a in zip(self.dilation[1:], apart, strict=True)]
        behind = sum(max(pair) * a for pair, a in zip(self.padding[1:], apart, strict=True))
        behind += sum((k - 1) * tap for k, tap in zip(self.kernel[1:], taps, strict=True))
        padded = np.zeros_like(x, shape=math.prod(shape) + behind // item)
        first, *others = (
            slice(a, a + n) for (a, _), n in zip(self.padding, x.shape[2:], strict=True)
        )
        inside = padded[: math.prod(shape)].reshape(shape)[(slice(None), first, ..., *others)]
        rows, between = shape[1:2], (row,)
        if self.dilation[0] > 1:  # the rows of a window are not neighbours: laid out, too
            rows, between = (self.out[0], self.kernel[0]), (stride[0] * row, self.dilation[0] * row)
        wide, across = (math.prod(self.wide),), (item,)
        if not self.flat:
            wide, across = self.wide, [s * a for s, a in zip(stride[1:], apart, strict=True)]
        group = shape[2] // self.groups
        shape = (self.blocks, self.groups, *rows, *self.kernel[1:], group, self.side, *wide)
        strides = (block, group * channel, *between, *taps, channel, sample, *across)
        return inside.transpose(0, 3, 2, 1, *range(4, inside.ndim)), np.ndarray(
            shape, x.dtype, padded, 0, strides
        )

    def weights(self, w):
        """Return weights (out, C/groups, *kernel) to meet columns: (1, groups, shares, 1, out/groups/shares, …)."""
        results = len(w) // self.groups
        rows = w.transpose(0, *range(2, w.ndim), 1)
        return rows.reshape(
            1, self.groups, shares(results, self.height * self.width), 1, -1, self.height
        )

    def cut(self, products, y):
        """Write products (blocks, groups, shares, rows, out/groups/shares, width) to y (n, out, *spatial)."""
        products = products.reshape(*products.shape[:5], self.side, *self.wide)[
            (..., *map(slice, self.out[1:]))
        ]
        products = products.transpose(0, 5, 1, 2, 4, 3, *range(6, products.ndim))
        if len(y) % self.side == 0:  # a view: y is contiguous
            y.reshape(products.shape)[...] = products
        else:
            y[...] = products.reshape(-1, *y.shape[1:])[: len(y)]

    def beside(self, y):
        """Yield the parts of y (n, out, *spatial) as their columns stand: (blocks, groups, 1, rows, width, out/groups)."""
        results = y.shape[1] // self.groups
        shape = (self.blocks, self.groups, self.out[0], self.side, *self.wide, results)
        rows = np.zeros_like(y, shape=shape, order="C")
        places = rows[(..., *map(slice, self.out[1:]), slice(None))]
        places = places.transpose(0, 3, 1, -1, 2, *range(4, places.ndim - 1))
        rows = rows.reshape(self.blocks, self.groups, 1, self.out[0], -1, results)
        for _, samples in self._parts(y):
            used = len(samples) // self.side
            places[:used] = samples.reshape(used, *places.shape[1:])
            yield rows[:used]
