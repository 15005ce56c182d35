"""Windows laid out as the columns of matrices, for convolution as products."""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from minigrad.layout import strided_view
from minigrad.ops.workspace import Workspace

QUICK = 1_000_000  # multiplications: OpenBLAS has a quicker kernel for products of at most so many
LONG = 256  # columns in a matrix
BLOCK = 1 << 18  # numbers in the columns laid out at once: about what the cache holds


def quick_shares(height, terms):
    """Return in how many equal shares ``height`` rows make quick products, 1 where none do.

    ``terms`` is the number of multiplications of one row.
    """
    quick_height = QUICK // max(1, terms)
    if height <= quick_height or quick_height < 8:
        return 1
    for count in range(2, height):
        if height % count == 0 and height // count <= quick_height:
            return count
    return height


def contiguous_steps(shape):
    """Return how many numbers lie between neighbours along each axis, in C order."""
    return [math.prod(shape[i + 1 :]) for i in range(len(shape))]


def inside(padding, spatial):
    """Return the slices of a padded array that are the array."""
    sizes = zip(padding, spatial, strict=True)
    return (..., *(slice(before, before + n) for (before, _), n in sizes))


def padded_shape(shape, padding):
    """Return the shape of an array with padding around."""
    spatial = (n + sum(pair) for n, pair in zip(shape[2:], padding, strict=True))
    return (*shape[:2], *spatial)


def padded(x, padding, value=0.0):
    """Return an array with padding around, itself where there is none."""
    if not any(map(any, padding)):
        return x
    out = np.full_like(x, value, shape=padded_shape(x.shape, padding))
    out[inside(padding, x.shape[2:])] = x
    return out


def window_view(x, kernel, out, stride, dilation):
    """Return every window of padded samples: a view (n, C, *kernel, *out)."""
    if type(x) is np.ndarray:
        sample, channel, *apart = x.strides
        taps = [d * step for d, step in zip(dilation, apart, strict=True)]
        places = [s * step for s, step in zip(stride, apart, strict=True)]

        shape = (*x.shape[:2], *kernel, *out)
        strides = (sample, channel, *taps, *places)
        return as_strided(x, shape, strides)  # x may lie in any order

    spans = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    spatial = tuple(range(2, x.ndim))
    seen = sliding_window_view(x, spans, spatial)  # (n, C, *places, *spans)

    places = [slice(None, None, s) for s in stride]
    taps = [slice(None, None, d) for d in dilation]
    seen = seen[(..., *places, *taps)]  # (n, C, *out, *kernel)

    kernel_axes = range(x.ndim, seen.ndim)
    return seen.transpose(0, 1, *kernel_axes, *spatial)


def is_laid_out_in_full(x, shape, groups):
    """Return whether windows are best laid out in full for weights of this shape.

    They are where they hold fewer numbers than results, or where there is no kernel to speak of.
    """
    few = math.prod(shape[1:]) < min(64, shape[0] // groups)
    return few or max(shape[2:]) == 1 or type(x) is not np.ndarray


class Columns:
    """Every window of an array as a column, some samples at a time: one matrix per row of windows.

    A matrix is (taps * C/groups, samples * places); its row of windows is one along the first
    spatial axis. Only the kernel's other axes are laid out: along the first, the next tap's
    channels stand in memory behind this one's, so the matrices of neighbouring rows overlap.

    ``places`` is the shape of one sample's columns in a matrix: the windows of a row, or, with
    stride 1, all places of a padded row, the same zeros standing behind a line and before the
    next. Then each tap is one run of memory, and the results between the windows are not looked at.

    At most ``max_samples`` stand in a matrix side by side: ``samples`` do. ``blocks`` times
    ``samples`` are laid out at a time.
    """

    def __init__(
        self, x, kernel, out, stride, padding, dilation, groups, max_samples, workspace=None
    ):
        if len(kernel) == 1:  # windows in one row
            x, padding = x[:, :, None], ((0, 0), *padding)
            kernel, out = (1, *kernel), (1, *out)
            stride, dilation = (1, *stride), (1, *dilation)

        self.x = x
        self.workspace = Workspace() if workspace is None else workspace
        self._products = None
        self.groups = groups
        self.kernel = kernel
        self.out = out
        self.stride = stride
        self.padding = padding
        self.dilation = dilation

        self.channels = x.shape[1] // groups
        self.height = self.channels * math.prod(kernel)
        self._choose_places()
        self._choose_blocks(max_samples)

    def _choose_places(self):
        """Choose between the windows of a row and all places of a padded row, if those are few."""
        out = self.out[1:]
        sizes = zip(self.x.shape[3:], self.padding[1:], out, strict=True)
        lines = []
        for n, pair, count in sizes:
            padded_on_a_side = n + max(pair)
            lines.append(max(padded_on_a_side, count))
        self.lines = tuple(lines)

        few_between = math.prod(self.lines) <= 1.4 * math.prod(out)
        unit_stride = max(self.stride[1:]) == 1
        self.flat = unit_stride and few_between
        self.places = self.lines if self.flat else out

    def _choose_blocks(self, max_samples):
        """Choose how many samples stand in a matrix, and in how many blocks they are laid out."""
        count, channels, rows = self.x.shape[:3]
        places = max(1, math.prod(self.places))
        most = max(1, min(max_samples, LONG // places))
        # as few as half of them, if then no place is left free
        candidates = range((most + 1) // 2, most + 1)
        self.samples = min(candidates, key=lambda n: (-count % n, -n))

        self.width = self.samples * places
        size = rows * channels * math.prod(self.kernel[1:]) * self.width
        blocks_in_cache = BLOCK // max(1, size)
        blocks_needed = -(-count // self.samples)
        self.blocks = max(1, min(blocks_in_cache, blocks_needed))

    def matrices(self, shares=1):
        """Yield the slice of some samples, and their matrices.

        These are (blocks, groups, shares, rows, taps * C/groups / shares, width), and gone with
        the next slice. Where it has fewer samples, something stands behind the last.
        """
        zeros, shape = self._zeros()
        inside = self._samples_in(zeros, shape)
        windows = self._windows_in(zeros, shape)
        columns = self.workspace.empty(windows, windows.shape)
        matrices = self._as_matrices(columns, shares)
        for part, samples in self._parts(self.x):
            used = len(samples) // self.samples
            inside[:used] = samples.reshape(used, *inside.shape[1:])
            np.copyto(columns[:used], windows[:used])
            yield part, matrices[:used]

    def _as_matrices(self, columns, shares):
        """Return the matrices in the memory of the columns, where neighbouring ones overlap."""
        height = self.height // shares
        shape = (self.blocks, self.groups, shares, self.out[0], height, self.width)
        block, group, row, *_, item = columns.strides
        if self.dilation[0] == 1:
            row *= self.stride[0]
        line = self.width * item
        strides = (block, group, height * line, row, line, item)
        return strided_view(columns, shape, strides)

    def _parts(self, x):
        """Yield the slices of the samples that are laid out at once, and these samples.

        Zeros fill the last block. The samples are read into the cache here: what follows does not
        read them in order.
        """
        step = max(1, self.blocks * self.samples)
        samples = self.workspace.empty(x, (step, *x.shape[1:]))
        for start in range(0, len(x), step):
            part = slice(start, min(start + step, len(x)))
            count = part.stop - start
            samples[:count] = x[part]
            samples[count:] = 0
            full_blocks = count + -count % self.samples
            yield part, samples[:full_blocks]

    def _zeros(self):
        """Return zeros with room for padded samples, and their shape: (block, row, C, n, *line).

        Some more zeros stand behind, for the windows that begin in the last line.
        """
        _, channels, rows, *_ = self.x.shape
        rows += sum(self.padding[0])
        shape = (self.blocks, rows, channels, self.samples, *self.lines)

        behind = 0
        steps = contiguous_steps(self.lines)
        axes = zip(self.padding[1:], self.kernel[1:], self.dilation[1:], steps, strict=True)
        for pair, k, d, step in axes:
            reach = max(pair) + (k - 1) * d
            behind += reach * step

        size = math.prod(shape) + behind
        return self.workspace.zeros(self.x, (size,)), shape

    def _samples_in(self, zeros, shape):
        """Return where the samples go in the zeros: a view (block, n, C, row, *line)."""
        spatial = self.x.shape[2:]
        sizes = zip(self.padding, spatial, strict=True)
        rows, *lines = (slice(before, before + n) for (before, _), n in sizes)

        padded = zeros[: math.prod(shape)]
        padded = padded.reshape(shape)
        every_block = slice(None)
        inside = padded[(every_block, rows, ..., *lines)]  # (block, row, C, n, *line)

        behind = range(4, inside.ndim)
        return inside.transpose(0, 3, 2, 1, *behind)

    def _windows_in(self, zeros, shape):
        """Return the windows in the zeros: (block, group, row, *taps, C/groups, n, *places)."""
        block, row, channel, sample, *line = contiguous_steps(shape)
        group = self.channels * channel

        rows, row_steps = shape[1:2], (row,)
        if self.dilation[0] > 1:
            # the rows of a window are not neighbours: they are laid out, too
            rows = (self.out[0], self.kernel[0])
            row_steps = (self.stride[0] * row, self.dilation[0] * row)

        taps = self.kernel[1:]
        tap_steps = [d * step for d, step in zip(self.dilation[1:], line, strict=True)]

        places, place_steps = self.places, [1]
        if self.flat:
            places = (math.prod(self.places),)
        else:
            place_steps = [s * step for s, step in zip(self.stride[1:], line, strict=True)]

        shape = (self.blocks, self.groups, *rows, *taps, self.channels, self.samples, *places)
        steps = (block, group, *row_steps, *tap_steps, channel, sample, *place_steps)
        strides = [step * zeros.itemsize for step in steps]
        return strided_view(zeros, shape, strides)

    def weights(self, w):
        """Return the weights (out, C/groups, *kernel) as the matrices' left factor.

        It is (1, groups, shares, 1, out/groups/shares, taps * C/groups).
        """
        rows = self._stored(w.transpose(0, *range(2, w.ndim), 1))
        results = len(w) // self.groups
        shares = quick_shares(results, self.height * self.width)
        return rows.reshape(1, self.groups, shares, 1, -1, self.height)

    def products(self, left, right):
        """Return the products of matrices; they are gone with the next ones."""
        if self._products is None:
            self._products = self._room_for_products(left, right)
        blocks = max(len(left), len(right))
        out = self._products[:blocks]
        return np.matmul(left, right, out=out)

    def _room_for_products(self, left, right):
        lead = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        rows, width = left.shape[-2], right.shape[-1]
        return self.workspace.empty(self.x, (*lead, rows, width))

    def _stored(self, view):
        """Return a copy in C order."""
        copy = self.workspace.empty(view, view.shape)
        np.copyto(copy, view)
        return copy

    def store(self, products, y):
        """Write products (blocks, groups, shares, rows, out/groups/shares, width) to y.

        y is (n, out, *spatial).
        """
        lead = products.shape[:5]
        products = products.reshape(*lead, self.samples, *self.places)
        windows = map(slice, self.out[1:])
        products = products[(..., *windows)]

        behind = range(6, products.ndim)
        products = products.transpose(0, 5, 1, 2, 4, 3, *behind)
        if len(y) % self.samples == 0:  # a view: y is contiguous
            y.reshape(products.shape)[...] = products
        else:
            y[...] = products.reshape(-1, *y.shape[1:])[: len(y)]

    def transposed_results(self, y):
        """Yield the samples of y (n, out, *spatial) as their columns stand in the matrices.

        They are (blocks, groups, 1, rows, width, out/groups).
        """
        results = y.shape[1] // self.groups
        rows = self.out[0]
        lead = (self.blocks, self.groups)
        shape = (*lead, rows, self.samples, *self.places, results)
        zeros = self.workspace.zeros(y, shape)
        columns = zeros.reshape(*lead, 1, rows, -1, results)

        windows = map(slice, self.out[1:])
        inside = zeros[(..., *windows, slice(None))]
        behind = range(4, inside.ndim - 1)
        inside = inside.transpose(0, 3, 1, -1, 2, *behind)
        for _, samples in self._parts(y):
            used = len(samples) // self.samples
            inside[:used] = samples.reshape(used, *inside.shape[1:])
            yield columns[:used]
