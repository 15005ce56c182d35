"""Einstein sums: pairs of operands become one batched matrix product each, the cheapest pair first.

``inputs`` holds one string of letters per operand, ``output`` the letters of the result: no
ellipsis, no spaces (``minigrad.functions.equation`` takes care of both).
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from minigrad.ops.summation import sum_axes
from minigrad.primitive import primitive


def _einsum_vjp(g, i, _out, *xs, inputs, output):
    """The cotangent of operand i: g with the other operands, summed to the operand's letters."""
    x, own = xs[i], inputs[i]
    arrays = [g, *xs[:i], *xs[i + 1 :]]
    names = [output, *inputs[:i], *inputs[i + 1 :]]
    letters = "".join(dict.fromkeys(own))
    known = _sizes(arrays, names)
    sizes = dict(zip(own, x.shape, strict=True))

    # a letter summed over in this operand alone: the cotangent is constant along it
    for letter in letters:
        if known.get(letter, 1) == 1:
            arrays.append(np.ones(sizes[letter], x.dtype))
            names.append(letter)

    # a repeated letter takes the diagonal: its adjoint fills one
    repeats = _repeats(own)
    fresh = _unused_letters(len(repeats), {*own, *known})
    for letter, other in zip(repeats, fresh, strict=True):
        arrays.append(np.eye(sizes[letter], dtype=x.dtype))
        names.append(letter + other)

    target = letters + "".join(fresh)
    result = einsum(*arrays, inputs=tuple(names), output=target)
    return np.transpose(result, _axes_back(own, target)) if repeats else result


def _sizes(arrays, names):
    """Return how long the axis of each letter is, the longest where one is broadcast."""
    sizes: dict[str, int] = {}
    for x, letters in zip(arrays, names, strict=True):
        for letter, n in zip(letters, x.shape, strict=True):
            sizes[letter] = max(n, sizes.get(letter, 0))
    return sizes


def _repeats(letters):
    """Return the letters that stood before, one per repetition."""
    return [letter for place, letter in enumerate(letters) if letter in letters[:place]]


def _axes_back(own, target):
    """Return the axes that bring ``target`` into the order of ``own``.

    ``target`` holds each letter once, then the stand-ins of their repeats.
    """
    axes = []
    repeat = len(set(own))
    for place, letter in enumerate(own):
        if letter in own[:place]:
            axes.append(repeat)
            repeat += 1
        else:
            axes.append(target.index(letter))
    return tuple(axes)


def _unused_letters(count, taken):
    letters = (c for c in map(chr, range(0x100, 0x10000)) if c not in taken)
    return list(itertools.islice(letters, count))


@primitive(each=_einsum_vjp, promotes=0, views=True)
def einsum(*xs, inputs, output):
    """Sum the product of the operands over every letter that ``output`` does not have."""
    terms = []
    for i, (x, names) in enumerate(zip(xs, inputs, strict=True)):
        others = (*inputs[:i], *inputs[i + 1 :])
        needed = {*output}.union(*others)
        terms.append(_without_own_sums(x, names, needed))

    while len(terms) > 1:
        i, j = _cheapest_pair([(names, x.shape) for x, names in terms], output)
        y, right = terms.pop(j)
        x, left = terms.pop(i)
        needed = {*output}.union(*(names for _, names in terms))
        terms.append(_contract(x, left, y, right, needed))

    x, names = _without_own_sums(*terms[0], output)
    return np.transpose(x, [names.index(name) for name in output])


def count_products(shapes, inputs, output):
    """Return how many products of numbers ``einsum`` adds up, pair by pair in its order."""
    terms = []
    for i, (shape, names) in enumerate(zip(shapes, inputs, strict=True)):
        needed = {*output}.union(*inputs[:i], *inputs[i + 1 :])
        sizes = zip(names, shape, strict=True)
        terms.append({name: n for name, n in sizes if name in needed})

    total = 0
    while len(terms) > 1:
        i, j = _cheapest_pair([("".join(term), tuple(term.values())) for term in terms], output)
        right, left = terms.pop(j), terms.pop(i)
        needed = {*output}.union(*terms)
        both = dict(left)
        for name, n in right.items():
            both[name] = max(n, left.get(name, 1))

        summed = (left.keys() & right.keys()) - needed
        if summed:  # else a plain product, as of ``*``
            total += math.prod(both.values())
        terms.append({name: n for name, n in both.items() if name in needed})
    return total


def _without_own_sums(x, names, needed):
    """Take the diagonals of repeated letters, and sum over those that nobody else needs."""
    for name in dict.fromkeys(names):
        while names.count(name) > 1:
            first = names.index(name)
            second = names.index(name, first + 1)
            x = np.diagonal(x, axis1=first, axis2=second)  # its axis comes last
            names = names[:first] + names[first + 1 : second] + names[second + 1 :] + name

    summed = tuple(i for i, name in enumerate(names) if name not in needed)
    if summed:
        x = _sum(x, summed)
    return x, "".join(name for name in names if name in needed)


def _sum(x, axis):
    if x.dtype.kind == "f":
        return sum_axes(x, axis, False)
    return np.sum(x, axis=axis, dtype=x.dtype)


def _cheapest_pair(terms, output):
    """Return the places of the pair whose result is smallest, compared with what it replaces.

    This is the greedy path.
    """
    if len(terms) == 2:
        return 0, 1
    pairs = [(i, j) for j in range(1, len(terms)) for i in range(j)]
    return min(pairs, key=lambda pair: _cost(terms, output, *pair))


def _cost(terms, output, i, j):
    """Return by how much contracting two terms makes memory grow, then its multiplications."""
    left, left_shape = terms[i]
    right, right_shape = terms[j]
    others = (names for k, (names, _) in enumerate(terms) if k not in (i, j))
    needed = {*output}.union(*others)

    sizes = dict(zip(left, left_shape, strict=True))
    for name, n in zip(right, right_shape, strict=True):
        sizes[name] = max(n, sizes.get(name, 1))

    result = math.prod(n for name, n in sizes.items() if name in needed)
    replaced = math.prod(left_shape) + math.prod(right_shape)
    multiplications = math.prod(sizes.values())
    return result - replaced, multiplications


def _contract(x, left, y, right, needed):
    """Contract two operands by one matrix product; return the result and its letters.

    A letter is of both and needed later (batch), of both and summed, or of one (rows, columns).
    """
    shared = [c for c in left if c in right]
    batch = [c for c in shared if c in needed]
    summed = [c for c in shared if c not in needed]
    rows = [c for c in left if c not in right]
    columns = [c for c in right if c not in left]
    order = "".join([*batch, *rows, *columns])
    if not summed:  # nothing to add up: a plain product
        return _with_axes(x, left, order) * _with_axes(y, right, order), order

    x, y = (
        _stretch(x, left, y, right, summed),
        _stretch(y, right, x, left, summed),
    )
    x_matrix = _as_matrices(x, left, batch, rows, summed)
    y_matrix = _as_matrices(y, right, batch, summed, columns)
    out = np.matmul(x_matrix, y_matrix, order="C")

    row_sizes = [x.shape[left.index(c)] for c in rows]
    column_sizes = [y.shape[right.index(c)] for c in columns]
    out = out.reshape((*out.shape[:-2], *row_sizes, *column_sizes))
    return out, order


def _as_matrices(x, names, batch, rows, columns):
    """Return x (*names) as matrices (*batch, rows, columns)."""
    sizes = dict(zip(names, x.shape, strict=True))
    batch_shape = [sizes[c] for c in batch]
    height = math.prod(sizes[c] for c in rows)
    width = math.prod(sizes[c] for c in columns)

    order = (*batch, *rows, *columns)
    axes = [names.index(c) for c in order]
    x = np.transpose(x, axes)
    return x.reshape(*batch_shape, height, width)


def _stretch(x, names, other, other_names, summed):
    """Stretch axes of length one that the other operand sums over in full."""
    shape = list(x.shape)
    for c in summed:
        i = names.index(c)
        if shape[i] == 1:
            shape[i] = max(1, other.shape[other_names.index(c)])
    return np.broadcast_to(x, shape) if tuple(shape) != x.shape else x


def _with_axes(x, names, order):
    """Return x (*names) in this order of letters, axes of length one where it has none."""
    x = np.transpose(x, [names.index(c) for c in order if c in names])
    return x[tuple(slice(None) if c in names else None for c in order)]
