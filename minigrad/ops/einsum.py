"""Einstein sums: pairs of operands become one batched matrix product each, the cheapest pair first.

``inputs`` holds one string of letters an operand, ``output`` the letters of the result: no ellipsis,
no spaces (``minigrad.functions.equation`` takes care of both).
"""

from __future__ import annotations

import math

import numpy as np

from minigrad.ops.summation import sum_axes
from minigrad.primitive import primitive


def _einsum_vjp(g, i, xs, inputs, output):
    """The cotangent of operand i: g with the other operands, summed to the operand's letters."""
    own = inputs[i]
    letters = "".join(dict.fromkeys(own))
    others = [(x, names) for j, (x, names) in enumerate(zip(xs, inputs, strict=True)) if j != i]
    known: dict[str, int] = {}
    for x, names in ((g, output), *others):
        for name, n in zip(names, x.shape, strict=True):
            known[name] = max(n, known.get(name, 0))
    sizes = dict(zip(own, xs[i].shape, strict=True))
    for name in letters:
        if (
            known.get(name, 1) == 1
        ):  # summed over in this operand alone: the cotangent is constant along it
            others.append((np.ones(sizes[name], xs[i].dtype), name))
    taken, target = set(own).union(known), letters
    for place, name in enumerate(own):
        if name in own[:place]:  # a repeated letter takes the diagonal: its adjoint fills one
            fresh = _unused(taken)
            taken.add(fresh)
            others.append((np.eye(sizes[name], dtype=xs[i].dtype), name + fresh))
            target += fresh
    made = einsum(
        g, *(x for x, _ in others), inputs=(output, *(n for _, n in others)), output=target
    )
    return np.transpose(made, _back(own, target)) if len(own) > len(letters) else made


def _back(own, target):
    """Return the axes that bring ``target`` (letters once, then their repeats) into the order of ``own``."""
    repeats = iter(range(len(set(own)), len(target)))
    return tuple(
        next(repeats) if name in own[:place] else target.index(name)
        for place, name in enumerate(own)
    )


def _unused(taken):
    return next(c for c in map(chr, range(0x100, 0x10000)) if c not in taken)


@primitive(
    each=lambda g, i, _out, *xs, inputs, output: _einsum_vjp(g, i, xs, inputs, output),
    promotes=0,
    views=True,
)
def einsum(*xs, inputs, output):
    """Sum the product of the operands over every letter that ``output`` does not have."""
    terms = [
        _simple(x, names, output, inputs[:i] + inputs[i + 1 :])
        for i, (x, names) in enumerate(zip(xs, inputs, strict=True))
    ]
    while len(terms) > 1:
        i, j = _cheapest([(names, x.shape) for x, names in terms], output)
        right, left = terms.pop(j), terms.pop(i)
        kept = set(output).union(*(names for _, names in terms))
        terms.append(_pair(*left, *right, kept))
    x, names = terms[0]
    lost = tuple(k for k, name in enumerate(names) if name not in output)
    x = _summed(x, lost) if lost else x
    names = [name for name in names if name in output]
    return np.transpose(x, [names.index(name) for name in output])


def products(shapes, inputs, output):
    """Return how many products of numbers ``einsum`` adds up, pair by pair in the order it takes them."""
    total, terms = 0, []
    for i, (shape, names) in enumerate(zip(shapes, inputs, strict=True)):
        kept = set(output).union(*inputs[:i], *inputs[i + 1 :])
        terms.append({name: n for name, n in zip(names, shape, strict=True) if name in kept})
    while len(terms) > 1:
        i, j = _cheapest([("".join(term), tuple(term.values())) for term in terms], output)
        right, left = terms.pop(j), terms.pop(i)
        both = {name: max(left.get(name, 1), right.get(name, 1)) for name in (*left, *right)}
        kept = set(output).union(*terms)
        summed = any(name in left and name in right and name not in kept for name in both)
        total += math.prod(both.values()) if summed else 0  # else a plain product, as of ``*``
        terms.append({name: n for name, n in both.items() if name in kept})
    return total


def _simple(x, names, output, others):
    """Take the diagonals of repeated letters, and sum over those that nobody else has."""
    for name in dict.fromkeys(names):
        while names.count(name) > 1:
            first = names.index(name)
            second = names.index(name, first + 1)
            x = np.diagonal(x, axis1=first, axis2=second)  # its axis comes last
            names = (
                names.replace(name, "")
                if names.count(name) == 2
                else _without(names, first, second)
            )
            names += name
    kept = set(output).union(*others)
    lost = tuple(i for i, name in enumerate(names) if name not in kept)
    if lost:
        x = _summed(x, lost)
    return x, "".join(name for name in names if name in kept)


def _summed(x, axis):
    return sum_axes(x, axis, False) if x.dtype.kind == "f" else np.sum(x, axis=axis, dtype=x.dtype)


def _without(names, *places):
    return "".join(name for i, name in enumerate(names) if i not in places)


def _cheapest(terms, output):
    """Return the pair whose result is smallest beside what it replaces (the greedy path)."""
    if len(terms) == 2:
        return 0, 1
    best = None
    for j in range(1, len(terms)):
        for i in range(j):
            (a, shape_a), (b, shape_b) = terms[i], terms[j]
            kept = set(output).union(
                *(names for k, (names, _) in enumerate(terms) if k not in (i, j))
            )
            sizes = dict(zip(a, shape_a, strict=True))
            for name, n in zip(b, shape_b, strict=True):
                sizes[name] = max(n, sizes.get(name, 1))
            made = math.prod(n for name, n in sizes.items() if name in kept)
            cost = (made - math.prod(shape_a) - math.prod(shape_b), math.prod(sizes.values()))
            if best is None or cost < best[0]:
                best = cost, (i, j)
    return best[1]


def _pair(x, a, y, b, kept):
    """Contract two operands by one matrix product: letters are shared and kept, summed, or of one side."""
    summed = [n for n in a if n in b and n not in kept]
    x, y = _equal(x, a, y, b, summed), _equal(y, b, x, a, summed)
    batch = [n for n in a if n in b and n in kept]
    rows, columns = [n for n in a if n not in b], [n for n in b if n not in a]
    size_x, size_y = dict(zip(a, x.shape, strict=True)), dict(zip(b, y.shape, strict=True))
    if not summed:  # nothing to add up: a plain product
        order = [*batch, *rows, *columns]
        return _spread(x, a, order) * _spread(y, b, order), "".join(order)
    left = np.transpose(x, [a.index(n) for n in (*batch, *rows, *summed)])
    right = np.transpose(y, [b.index(n) for n in (*batch, *summed, *columns)])
    m, k, n = (
        math.prod(size[c] for c in part)
        for part, size in ((rows, size_x), (summed, size_x), (columns, size_y))
    )
    left = left.reshape(*(size_x[c] for c in batch), m, k)
    right = right.reshape(*(size_y[c] for c in batch), k, n)
    out = np.matmul(left, right, order="C")
    shape = (*out.shape[:-2], *(size_x[c] for c in rows), *(size_y[c] for c in columns))
    return out.reshape(shape), "".join([*batch, *rows, *columns])


def _equal(x, a, y, b, summed):
    """Stretch axes of length one that the other operand sums over in full."""
    shape = tuple(
        max(n, y.shape[b.index(c)]) if c in summed and n == 1 else n
        for c, n in zip(a, x.shape, strict=True)
    )
    return x if shape == x.shape else np.broadcast_to(x, shape)


def _spread(x, names, order):
    x = np.transpose(x, [names.index(c) for c in order if c in names])
    return x[tuple(slice(None) if c in names else None for c in order)]
