"""The op sheet, docs/ops.md: every sampled primitive, run and judged cell by cell. ``python tests/opsheet.py --write``

A cell is what was seen when it was written; nothing here is typed in by hand, and a primitive appears
by standing in SAMPLES of test_primitives.py.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parent.parent)]
from oracle import check
from test_primitives import ALL, FLAT, SAMPLES, SYMMETRIC, called, samples, tensors

import minigrad as mg
from minigrad.autograd import GradcheckError, gradcheck, gradgradcheck

FILE = Path(__file__).parent.parent / "docs" / "ops.md"
COLUMNS = (
    "value",
    "order 1",
    "order 2",
    "broadcasting",
    "0-d",
    "empty",
    "float32",
    "NumPy call",
    "compared with PyTorch",
)
YES, NO, REFUSED, NONE = "yes", "**no**", "refused", "–"
RENAMED = {"axis": "dim", "keepdims": "keepdim"}
AS_PYTORCH = {  # where PyTorch has the operation under another name or signature
    "elementwise.rint": lambda t, x: t.round(x),
    "elementwise.pow_scalar": lambda t, x, exponent: t.pow(x, exponent),
    "elementwise.safe_sqrt": lambda t, x: t.sqrt(x),
    "elementwise.floor_divide": lambda t, x, y: t.div(x, y, rounding_mode="floor"),
    "loss.binary_cross_entropy": lambda t, p, y: t.nn.functional.binary_cross_entropy(p, y, reduction="none"),
    "loss.cross_entropy": lambda t, x, classes, reduction, kept: t.nn.functional.cross_entropy(
        x, t.tensor(classes), reduction=reduction
    ),
    "loss.nll": lambda t, x, classes: t.nn.functional.nll_loss(x, t.tensor(classes), reduction="none"),
    "loss.softmax_minus_onehot": lambda t, x, classes: (
        x.softmax(1) - t.nn.functional.one_hot(t.tensor(classes), x.shape[1])
    ),
    "indexing.take_along_axis": lambda t, x, indices, axis: t.take_along_dim(x, t.tensor(indices), axis),
    "shape.astype": lambda t, x, dtype: x.to(getattr(t, dtype.name)),
    "elementwise.trunc_divide": lambda t, x, y: t.div(x, y, rounding_mode="trunc"),
    "elementwise.clamp_min": lambda t, x, y: t.clamp(x, min=y),
    "elementwise.clamp_max": lambda t, x, y: t.clamp(x, max=y),
    "elementwise.masked": lambda t, x, mask: t.where(mask, x, 0.0),
    "elementwise.clamp_between": lambda t, x, low, high: t.clamp(x, low, high),
    "elementwise.hardtanh": lambda t, x, min, max: t.nn.functional.hardtanh(x, min, max),
    "elementwise.softplus": lambda t, x: t.nn.functional.softplus(x),
    "elementwise.where": lambda t, c, x, y: t.where(c, x, y),
    "reduction.mean_square": lambda t, x, axis, keepdims: (x * x).mean(axis, keepdims),
    "reduction.sum_of_product": lambda t, x, y, shape: (x * y).sum_to_size(shape),
    "shape.transpose": lambda t, x, axes: x.permute(axes),
    "shape.broadcast_to": lambda t, x, shape: x.broadcast_to(shape),
    "shape.reshape": lambda t, x, shape: x.reshape(shape),
    "shape.swapaxes": lambda t, x, axis1, axis2: x.swapaxes(axis1, axis2),
    "shape.expand_dims": lambda t, x, axis: x.unsqueeze(axis),
    "shape.flip": lambda t, x, axis: x.flip(axis),
    "shape.concatenate": lambda t, *xs, axis: t.cat(xs, axis),
    "shape.copy": lambda t, x: x.clone(),
    "shape.contiguous": lambda t, x: x.contiguous(),
    "shape.roll": lambda t, x, shift, axis: x.roll(shift, axis),
    "diagonal.tril": lambda t, x, k: x.tril(k),
    "diagonal.triu": lambda t, x, k: x.triu(k),
    "diagonal.diagonal": lambda t, x, offset, axis1, axis2: x.diagonal(offset, axis1, axis2),
    "diagonal.unfold": lambda t, x, axis, size, step: x.unfold(axis, size, step),
    "matmul.matmul_t": lambda t, x, w: t.nn.functional.linear(x, w),
    "shape.pad": lambda t, x, widths: t.nn.functional.pad(x, [n for pair in widths[::-1] for n in pair]),
    "diagonal.diagonal_embed": lambda t, x, offset, axis1, axis2, shape: t.diag_embed(x, offset, axis1, axis2)[
        tuple(map(slice, shape))
    ],
    "diagonal.fold": lambda t, x, axis, step, shape: added(
        t, x, shape, (slice(None), np.arange(x.shape[1])[:, None] * step + np.arange(x.shape[2]))
    ),
    "indexing.getitem": lambda t, x, index: x.reshape(-1)[places(t, x.shape, index)],
    "indexing.scatter_add": lambda t, x, index, shape: added(t, x, shape, index),
    "indexing.put_along_axis": lambda t, x, indices, axis, shape: t.zeros(shape, dtype=x.dtype).scatter_add(
        axis, t.tensor(indices), x
    ),
    "indexing.setitem": lambda t, x, y, index, within=...: (
        x.reshape(-1).index_put((places(t, x.shape, within, index),), y).reshape(x.shape)
    ),
    "indexing.overwrite": lambda t, x, y, view: (
        x.reshape(-1).index_put((t.tensor(seen(x.shape, view)),), y).reshape(x.shape)
    ),
    "indexing.scatter_reduce": lambda t, x, y, index, reduce: x.scatter_reduce(
        0, t.tensor(index[0])[:, None].expand_as(y), y, reduce
    ),
    "einsum.einsum": lambda t, *xs, inputs, output: t.einsum(",".join(inputs) + "->" + output, *xs),
    "linalg.cholesky": lambda t, x: t.linalg.cholesky(x),
    "linalg.solve": lambda t, a, b: t.linalg.solve(a, b),
    "norm.vector_norm": lambda t, x, order, axis, keepdims: t.linalg.vector_norm(x, order, axis, keepdims),
    "linalg.logabsdet": lambda t, x: t.linalg.slogdet(x)[1],
    "linalg.cofactor": lambda t, x: t.linalg.det(x)[..., None, None] * t.linalg.inv(x).mT,
    "linalg.cofactor_vjp": lambda t, x, g: t.autograd.grad(
        AS_PYTORCH["linalg.cofactor"](t, x), x, g, create_graph=True
    )[0],
    "linalg.eigh": lambda t, x, lower: packed(t, t.linalg.eigh(x)),
    "linalg.qr": lambda t, x: packed(t, t.linalg.qr(x)),
    "linalg.svd": lambda t, x: packed(t, t.linalg.svd(x, full_matrices=False)),
}
UP_TO_SIGN = {"linalg.eigh", "linalg.qr", "linalg.svd"}  # factors whose columns may point either way: their squares


def places(t, shape, *indices):
    """Return where an index (after an index) leads, counted in the flattened array."""
    found = np.arange(np.prod(shape)).reshape(tuple(shape))
    for index in indices:
        found = found[index]
    return t.tensor(np.ascontiguousarray(found))


def seen(shape, view):
    """Return where a view leads, counted in the flattened array."""
    found = np.arange(np.prod(shape)).reshape(tuple(shape))
    for step, params in view:
        found = step(found, **params)
    return np.ascontiguousarray(found)


def added(t, x, shape, index):
    flat = t.zeros(int(np.prod(shape)), dtype=x.dtype)
    return flat.index_add(0, places(t, shape, index).reshape(-1), x.reshape(-1)).reshape(shape)


def packed(t, parts):
    lead = max(part.ndim for part in parts) - 2
    return t.cat([part.flatten(lead) for part in parts], -1)


# What a user calls at the edges, where the sample's own parameters do not fit: a call that PyTorch answers or refuses, too.
POINT = {
    "shape.reshape": lambda L, x: x.reshape(1, 1),
    "shape.expand_dims": lambda L, x: x.unsqueeze(0),
    "shape.transpose": lambda L, x: x.permute(()),
    "shape.swapaxes": lambda L, x: x.swapaxes(0, -1),
    "shape.roll": lambda L, x: x.roll(1),
    "shape.concatenate": lambda L, x, y: L.cat([x, y]),
    "shape.pad": lambda L, x: L.nn.functional.pad(x, (1, 1)),
    "diagonal.diagonal": lambda L, x: x.diagonal(),
    "diagonal.fold": lambda L, x: x.unfold(0, 1, 1),
    "diagonal.unfold": lambda L, x: x.unfold(0, 1, 1),
    "diagonal.tril": lambda L, x: x.tril(),
    "diagonal.triu": lambda L, x: x.triu(),
    "einsum.einsum": lambda L, x, y: L.einsum(",->", x, y),
    "indexing.setitem": lambda L, x, y: x.index_fill(0, L.tensor([0]), y),
    "indexing.overwrite": lambda L, x, y: x.index_fill(0, L.tensor([0]), y),
    "indexing.take_along_axis": lambda L, x: x.gather(0, L.tensor(0)),
    "indexing.scatter_reduce": lambda L, x, y: x.scatter_reduce(0, L.tensor(0), y, "amax"),
    "linalg.cross": lambda L, x, y: L.cross(x, y, dim=0),
    **{
        f"linalg.{f}": lambda L, x, f=f: getattr(L.linalg, f)(x)
        for f in ("cholesky", "det", "eigh", "inv", "pinv", "qr", "svd")
    },
    **{f"linalg.{f}": lambda L, x: L.linalg.det(x) for f in ("cofactor", "cofactor_vjp")},
    "linalg.logabsdet": lambda L, x: L.linalg.slogdet(x),
    "linalg.solve": lambda L, x, y: L.linalg.solve(x, y),
    "linalg.trace": lambda L, x: x.trace(),
    "matmul.matmul": lambda L, x, y: x @ y,
    "matmul.matmul_t": lambda L, x, y: x @ y,
    "matmul.linear": lambda L, x, y: L.nn.functional.linear(x, y),
    "reduction.sum_of_product": lambda L, x, y: (x * y).sum(),
    **{f"reduction.{f}": lambda L, x, f=f: getattr(x, f)(0) for f in ("cumsum", "softmax", "log_softmax")},
    **{f"scan.{f}": lambda L, x, f=f: getattr(x, f)(0) for f in ("cumprod", "logcumsumexp", "prod")},
    **{
        f"loss.{f}": lambda L, x: L.nn.functional.cross_entropy(x, L.tensor(0.5))
        for f in ("cross_entropy", "nll", "softmax_minus_onehot")
    },
}
EMPTY = {  # of x and y, (0, 3)
    "diagonal.diagonal_embed": lambda L, x: L.diag_embed(x),
    "indexing.put_along_axis": lambda L, x: x.take_along_dim(L.zeros(0, 1, dtype=L.int64), 1),
    "indexing.scatter_add": lambda L, x, y: x.index_add(1, L.tensor([0, 0, 2]), y),
    "indexing.take_along_axis": lambda L, x: x.gather(1, L.zeros(0, 1, dtype=L.int64)),
    "linalg.solve": lambda L, x, y: L.linalg.solve(x @ y.T, x),
    "reduction.amax": lambda L, x: x.amax(1),
    "reduction.amin": lambda L, x: x.amin(1),
    **{
        f"loss.{f}": lambda L, x: L.nn.functional.cross_entropy(x, L.zeros(0, dtype=L.int64))
        for f in ("cross_entropy", "nll", "softmax_minus_onehot")
    },
    "shape.broadcast_to": lambda L, x: x.expand(2, 0, 3),
    "shape.reshape": lambda L, x: x.reshape(3, 0),
}


def quietly(function, *args, **kwargs):
    """Return what the function returns, or the error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*args, **kwargs)
        except Exception as error:
            return error


def word(seen):
    return YES if seen is True else NO


def straight(name, operands, params):
    return gradcheck(lambda *xs: called(name)(*xs, **params), tensors(operands))


def curved(name, operands, params):
    """Check second order; a function without curvature is given a bent operand."""
    made, xs = called(name), tensors(operands)
    try:
        return gradgradcheck(lambda *xs: made(*xs, **params), xs)
    except GradcheckError as error:
        if "every gradient is zero" not in str(error):
            raise
        return gradgradcheck(lambda *xs: made(*(x * x for x in xs), **params), xs)


def shaped(name, operands, params, dtype=np.float64):
    """Return whether the gradients have the operands' shapes and dtypes; the error where it is refused."""
    xs = tensors(operands, dtype)
    leaves = [x for x in xs if x.requires_grad]
    y = called(name)(*xs, **params)
    gs = mg.autograd.grad(y, leaves, mg.ones_like(y))
    return y.dtype == dtype and all((g.shape, g.dtype) == (x.shape, x.dtype) for g, x in zip(gs, leaves, strict=True))


def edge(torch, name, calls, array):
    """Judge a line beside PyTorch: yes, or refused by both; no where they differ."""
    found = quietly(check, torch, calls[name], array, array + 0.25)
    return NO if isinstance(found, Exception) else REFUSED if found == "error" else YES


def small(name, *cuts):
    """Judge operands of another size: yes, no, or refused however they are cut."""
    answers = [
        quietly(shaped, name, [cut(np.asarray(x)) for x in operands], params if cut is not scalar else reduced(params))
        for operands, params in samples(name)
        for cut in cuts
    ]
    said = [answer for answer in answers if not isinstance(answer, Exception)]
    return word(all(said)) if said else REFUSED


def scalar(x):
    return x.reshape(-1)[0]


def reduced(params):
    """A scalar has no axes to name."""
    return {key: () if key == "axis" and isinstance(value, tuple) else value for key, value in params.items()}


def broadcasts(name):
    """Say whether operands of several shapes were sampled, and their gradients checked."""
    several = [ops for ops, _ in samples(name) if len(ops) > 1]
    mixed = [ops for ops in several if len({np.shape(x) for x in ops}) > 1]
    return YES if mixed else NONE


def compared(torch, name):
    """Compare values and first gradients of all samples with PyTorch's function of that name."""
    short = name.split(".")[1]
    homes = (torch, torch.nn.functional, torch.linalg)
    theirs = AS_PYTORCH.get(name) or next((getattr(h, short) for h in homes if hasattr(h, short)), None)
    if theirs is None:
        return NONE
    for operands, params in samples(name):
        if name not in AS_PYTORCH:
            params_there = {RENAMED.get(key, key): value for key, value in params.items()}
            found = quietly(both, torch, name, lambda t, *xs, **p: theirs(*xs, **p), operands, params, params_there)
        else:
            found = quietly(both, torch, name, theirs, operands, params, params)
        if isinstance(found, Exception) and not isinstance(found, AssertionError) and name not in AS_PYTORCH:
            return NONE  # another signature
        if found is not True:
            return NO
    return YES


# PyTorch's own are no more exact than this
TOLERANCE = {"gamma.igamma": 1e-8, "gamma.igammac": 1e-8}


def both(torch, name, theirs, operands, params, params_there):
    xs = tensors(operands)
    ys = [torch.tensor(x.detach().numpy(), requires_grad=x.requires_grad) for x in xs]
    whole = [y + y.mT for y in ys] if name in SYMMETRIC else ys
    a, b = called(name)(*xs, **params), theirs(torch, *whole, **params_there)
    if name in UP_TO_SIGN:
        a, b = a * a, b * b
    if a.shape != tuple(b.shape):
        raise TypeError("another form of result")
    seed = np.cos(np.arange(a.numel())).reshape(a.shape)
    a.backward(mg.tensor(seed))
    b.backward(torch.tensor(seed))
    pairs = [(a, b)] + [(x.grad, y.grad) for x, y in zip(xs, ys, strict=True) if x.requires_grad]
    for p, q in pairs:
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=TOLERANCE.get(name, 1e-9), atol=1e-12)
    return True


def row(torch, name):
    """Return the cells of one primitive."""
    made, every = called(name), samples(name)
    operands, params = every[0]
    value = all(
        np.array_equal(made(*tensors(ops), **p).detach().numpy(), made(*map(np.asarray, ops), **p)) for ops, p in every
    )
    if name in FLAT:
        first = second = "0"
    else:
        first = word(quietly(lambda: all(straight(name, ops, p) for ops, p in every)))
        second = word(quietly(lambda: all(curved(name, ops, p) for ops, p in every)))
    single = {k: np.dtype(np.float32) if k == "dtype" else v for k, v in params.items()}
    return (
        word(bool(value)),
        first,
        second,
        broadcasts(name),
        edge(torch, name, POINT, np.array(0.5)) if name in POINT else small(name, scalar),
        edge(torch, name, EMPTY, np.zeros((0, 3)))
        if name in EMPTY
        else small(name, lambda x: x[:0] if x.ndim else x, lambda x: x[..., :0] if x.ndim else x),
        word(quietly(shaped, name, operands, single, np.float32)),
        ", ".join(f"`np.{f}`" for f in dict.fromkeys(ALL[name].numpy)) or NONE,
        compared(torch, name),
    )


HEAD = """# Operations

Written by `python tests/opsheet.py --write` from what it saw; `tests/test_opsheet.py` fails when this page is out of date.

One line a primitive; every other function is composed of these. *order 1* and *order 2* are finite differences in float64,
*0* where the gradient is zero everywhere; *refused* means an error, PyTorch's and ours, as for the trace of a scalar; – means
that there is nothing to see: one operand, no NumPy function, no such function in PyTorch. Factors of matrices are compared
up to the sign of their columns. Functions composed of primitives are compared
with PyTorch call by call in `tests/test_calls.py`.

"""


def sheet(torch):
    """Return the page."""
    np.random.seed(0)
    lines = ["| operation | " + " | ".join(COLUMNS) + " |", "| --- " * (len(COLUMNS) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(row(torch, name)) + " |" for name in sorted(SAMPLES)]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--write", action="store_true", help="write docs/ops.md")
    arguments = parser.parse_args()
    import torch

    page = sheet(torch)
    if arguments.write:
        FILE.write_text(page)
    else:
        print(page)
