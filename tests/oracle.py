"""PyTorch as the judge: one call in both libraries, side by side.

A call is a function of the library and its operands, ``lambda L, x, y: L.atan2(x, y)``. ``check`` compares value, dtype,
shape, gradients of both orders, and the error where there is one. ``agree`` does so on random operands, and insists
that there are gradients. ``text`` is what a case says of itself: its own source.
"""

import ast
import functools
import inspect
import re
import warnings
from pathlib import Path

import numpy as np

import minigrad as mg

rng = np.random.default_rng(0)
F, S = np.float64, np.float32

# ---- operands: each a function of nothing, so that no test can write into another's ---------------------
VALUES = {
    "0-d": lambda: np.array(0.3),
    "one": lambda: np.array([0.6]),
    "vector": lambda: np.array([-0.7, 0.2, 0.9, -0.4]),
    "matrix": lambda: rng.uniform(-0.9, 0.9, (3, 4)),
    "cube": lambda: rng.permutation(24).reshape(2, 3, 4) / 13 - 0.87,
    "turned": lambda: (rng.permutation(12).reshape(4, 3) / 7 - 0.8).T,
    "stepped": lambda: (rng.permutation(12).reshape(2, 6) / 7 - 0.8)[:, ::2],
    "empty": lambda: np.zeros((0, 3)),
    "no columns": lambda: np.zeros((2, 0)),
    "float32": lambda: np.array([[-0.7, 0.2], [0.9, -0.4]], S),
    "special": lambda: np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 1e-300]),
    "nan inside": lambda: np.array([[0.5, np.nan, 1.0], [2.0, -1.0, np.nan]]),
    "ties": lambda: np.array([[1.0, 2.0, 2.0, 1.0], [3.0, 3.0, 3.0, 3.0]]),
    "zeros": lambda: np.array([[0.5, 0.0, 2.0], [0.0, 3.0, 0.0], [1.0, 2.0, 3.0]]),
    "ints": lambda: np.array([[-7, 7, 0], [3, -2, 5]]),
    "int32": lambda: np.array([1, 2, 3], np.int32),
    "bytes": lambda: np.array([1, 200, 3], np.uint8),
    "bools": lambda: np.array([[True, False], [True, True]]),
}

# Calls whose gradients a later PyTorch changed, and the first that has the new ones. Ours are the newest's; beside an
# older PyTorch their gradients are not compared. test_versions.py knows the changes by heart.
CHANGED = {r"\b(clamp|clip)": (2, 14), r"\b(fmax|fmin)": (2, 15)}


def version(torch):
    """Return the installed PyTorch's version, ``(2, 15)``."""
    return tuple(map(int, torch.__version__.split(".")[:2]))


def changed(torch, label):
    """Return whether a later PyTorch than the installed one gives this call other gradients."""
    return any(version(torch) < since and re.search(call, label) for call, since in CHANGED.items())


def arrays(*shapes, seed=0):
    """Return random arrays of these shapes; what is an array already stays as it is."""
    rng = np.random.default_rng(seed)
    return [s if isinstance(s, np.ndarray) else rng.standard_normal(s) for s in shapes]


# ---- a case as text -------------------------------------------------------------------------------------
@functools.cache
def _lambdas(file):
    """Return the lambdas of a file by their first line."""
    found = {}
    for node in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Lambda):
            found.setdefault(node.lineno, []).append(node)
    return found


def text(case):
    """Return the source of a case, without ``lambda L, x:``; it serves as the id of a test."""
    code = case.__code__
    places = {(line, column) for line, _, column, _ in code.co_positions()}
    there = _lambdas(code.co_filename)[code.co_firstlineno]
    node = next((n for n in there if (n.body.lineno, n.body.col_offset) in places), there[0])
    return ast.unparse(node.body)


# ---- one library ----------------------------------------------------------------------------------------
def leaf(lib, array, recorded=True):
    """Return a tensor with the array's memory layout; floats require grad."""
    t = lib.from_numpy(array) if array.ndim else lib.tensor(array.item(), dtype=getattr(lib, str(array.dtype)))
    return t.requires_grad_() if recorded and array.dtype.kind == "f" else t


def flatten(result):
    """Return all tensors and numbers of a result, named tuples too."""
    if isinstance(result, (tuple, list)):
        return [part for each in result for part in flatten(each)]
    return [result]


def apply(lib, case, xs):
    """Return the case's result; it takes as many operands as it names."""
    code = case.__code__
    named = code.co_argcount - 1 - len(case.__defaults__ or ())  # without L, and what is bound already
    return case(lib, *(xs if code.co_flags & inspect.CO_VARARGS else xs[:named]))


def run(lib, case, arrays, recorded=True, seed=None):
    """Return ("error", error), or "value", the results, and their gradients (None where there are none)."""
    xs = [leaf(lib, a, recorded) for a in arrays]
    if seed is not None:
        lib.manual_seed(seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            outs = flatten(apply(lib, case, xs))
            result = "value", [*map(as_array, outs)], gradients(lib, outs, [x for x in xs if x.requires_grad])
        except Exception as error:
            result = "error", error
    warned = [f"{w.filename}:{w.lineno}: {w.message}" for w in caught if w.category is RuntimeWarning]
    assert lib is not mg or not warned  # infinities and NaN come without a word
    return result


def as_array(out):
    """Return a result as an array; what is not a tensor stays as it is."""
    if not hasattr(out, "detach"):
        return out
    out = out.detach()
    return (out + out.new_zeros(()) if getattr(out, "_is_zerotensor", bool)() else out).numpy()


def gradients(lib, outs, leaves):
    """Return the gradients of a fixed combination of the results, and those of a combination of these."""
    total, weights = weighted_sum(lib, outs)
    if total is None:
        return None
    try:
        first = lib.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
        first = [x * 0 if g is None else g for g, x in zip(first, leaves, strict=True)]
        slope, _ = weighted_sum(lib, first)
        leaves = [*leaves, *weights]
        second = [None] * len(leaves) if slope is None else lib.autograd.grad(slope, leaves, allow_unused=True)
    except RuntimeError as error:
        return error
    zeros = [x.detach() * 0 for x in leaves]
    return [as_array(g) for g in first], [as_array(z if g is None else g) for g, z in zip(second, zeros, strict=True)]


def weighted_sum(lib, outs):
    """Return the sum of all results that require grad, each by weights, and the weights, which require grad, too."""
    live = [y for y in outs if getattr(y, "requires_grad", False)]
    if not live:
        return None, []
    weights = [lib.from_numpy(np.cos(np.arange(y.numel())).reshape(tuple(y.shape)).astype(S)).to(y.dtype) for y in live]
    weights = [w.detach().requires_grad_() for w in weights]
    return sum((y * w).sum() for y, w in zip(live, weights, strict=True)), weights


# ---- both -----------------------------------------------------------------------------------------------
def check(torch, case, *arrays, label=None, recorded=True, seed=None, tolerance=None):
    """Compare one call; return what was seen: "value", "error", or "gradients" where these were compared, too.

    ``label`` is the call in words, where the source of ``case`` does not say it; ``recorded=False`` asks for no
    gradients, so that the operands may be written into; ``seed`` is that of the random numbers.
    """
    label = label or text(case)
    theirs = run(torch, case, [a.copy(order="K") for a in arrays], recorded, seed)
    ours = run(mg, case, [a.copy(order="K") for a in arrays], recorded, seed)
    if "error" in (theirs[0], ours[0]):
        assert theirs[0] == ours[0], f"{label}: PyTorch {theirs[:2]}, minigrad {ours[:2]}"
        types = {type(theirs[1]), type(ours[1])}  # versions of PyTorch are of two minds about these:
        assert len(types) == 1 or types == {RuntimeError, NotImplementedError}, f"{label}: {theirs}, {ours}"
        return "error"
    small = S in [getattr(a, "dtype", None) for a in (*arrays, *theirs[1])] or "float32" in label
    tolerance = tolerance or (2e-5 if small else 1e-10)
    assert len(ours[1]) == len(theirs[1]), label
    for a, b in zip(ours[1], theirs[1], strict=True):
        same_array(a, b, tolerance, label)
    if isinstance(theirs[2], RuntimeError) or changed(torch, label):  # PyTorch has no rule there, or an old one
        return "value"
    if theirs[2] is None or ours[2] is None:
        assert theirs[2] is ours[2], f"{label}: does the result require grad? {ours[2]} {theirs[2]}"
        return "value"
    assert not isinstance(ours[2], RuntimeError), f"{label}: {ours[2]}"
    floats = [a for a in arrays if a.dtype.kind == "f"]
    for order in (0, 1):
        for i, (a, b) in enumerate(zip(ours[2][order], theirs[2][order], strict=True)):
            where = np.isfinite(b)  # a gradient at NaN says nothing
            if order == 1:
                where &= np.isfinite(a)
            if i < len(floats):
                where &= np.isfinite(theirs[2][0][i]) & ~np.isnan(floats[i])
            else:  # of the weights: what is left of numbers of 1e300 is rounding
                where &= np.abs(b).astype(F) < 1e200
            same_array(np.where(where, a, 0).astype(a.dtype), np.where(where, b, 0).astype(b.dtype), tolerance * 10,
                       f"{label}: gradient of order {order + 1}")  # fmt: skip
    return "gradients"


def same_array(a, b, tolerance, label):
    """Compare two results: arrays by dtype, shape and value, anything else by ``==``."""
    if not isinstance(b, np.ndarray):
        assert type(a) is type(b) and a == b, label
        return
    assert (a.dtype, a.shape) == (b.dtype, b.shape), f"{label}: {a.dtype}{a.shape}, PyTorch {b.dtype}{b.shape}"
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=label)


def agree(torch, function, *shapes, dtype="float64", rtol=None, atol=None):
    """Check ``function(F, *operands)`` against PyTorch on random operands: values, both orders of gradients, dtypes."""
    operands = [x.astype(dtype) if x.dtype.kind == "f" else x for x in arrays(*shapes)]
    case = lambda L, *xs: function(L.nn.functional, *xs)
    ours, theirs = (run(lib, case, [x.copy() for x in operands]) for lib in (mg, torch))
    rtol = rtol or (1e-10 if dtype == "float64" else 2e-4)
    for outcome in (ours, theirs):
        if outcome[0] == "error" or isinstance(outcome[-1], Exception):
            raise outcome[-1]
    (_, values, (first, second)), (_, their_values, (their_first, their_second)) = ours, theirs
    pairs = zip([*values, *first, *second], [*their_values, *their_first, *their_second], strict=True)
    for i, (a, b) in enumerate(pairs):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol or rtol, err_msg=f"result {i}")
    assert any(np.abs(a).max() > 1e-3 for a in first)  # not a vacuous check
