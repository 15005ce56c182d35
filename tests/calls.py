"""Calls in both libraries, side by side: value, dtype, shape, gradients of both orders, and the error where there is one.

A call is text, evaluated with ``L`` (minigrad or torch) and the operands x, y, z.
"""

import warnings

import numpy as np
from oracle import changed

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


def put(lib, array):
    """Return a leaf with the array's memory layout; floats ask for a gradient."""
    t = lib.from_numpy(array) if array.ndim else lib.tensor(array.item(), dtype=getattr(lib, str(array.dtype)))
    return t.requires_grad_() if array.dtype.kind == "f" else t


def flat(result):
    """Return all tensors and numbers of a result, named tuples too."""
    if isinstance(result, (tuple, list)):
        return [part for each in result for part in flat(each)]
    return [result]


def run(lib, text, arrays, names=None):
    """Return ("error", type) or the results and their gradients, as arrays (None where there is no gradient)."""
    xs = {name: put(lib, a) for name, a in zip("xyz", arrays, strict=False)}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            outs = flat(eval(text, {"L": lib, **xs, **(names or {})}))
            found = "value", [*map(plain, outs)], gradients(lib, outs, [x for x in xs.values() if x.requires_grad])
        except Exception as error:
            found = "error", error
    spoken = [f"{w.filename}:{w.lineno}: {w.message}" for w in said if w.category is RuntimeWarning]
    assert lib is not mg or not spoken  # infinities and NaN come without a word
    return found


def plain(out):
    if not hasattr(out, "detach"):
        return out
    out = out.detach()
    return (out + out.new_zeros(()) if getattr(out, "_is_zerotensor", bool)() else out).numpy()


def gradients(lib, outs, leaves):
    """Return the gradients of a fixed combination of the results, and those of a combination of these."""
    total = combined(lib, outs)
    if total is None:
        return None
    try:
        first = lib.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
        first = [x * 0 if g is None else g for g, x in zip(first, leaves, strict=True)]
        bent = combined(lib, first)
        second = [None] * len(leaves) if bent is None else lib.autograd.grad(bent, leaves, allow_unused=True)
    except RuntimeError as error:
        return error
    zeros = [x.detach() * 0 for x in leaves]
    return [plain(g) for g in first], [plain(z if g is None else g) for g, z in zip(second, zeros, strict=True)]


def combined(lib, outs):
    live = [y for y in outs if getattr(y, "requires_grad", False)]
    if not live:
        return None
    weights = [lib.from_numpy(np.cos(np.arange(y.numel())).reshape(tuple(y.shape)).astype(S)).to(y.dtype) for y in live]
    return sum((y * w).sum() for y, w in zip(live, weights, strict=True))


def check(torch, text, *arrays, names=None):
    """Compare one call; return what was seen: "value", "error", and whether gradients were compared."""
    theirs = run(torch, text, [a.copy(order="K") for a in arrays], names)
    ours = run(mg, text, [a.copy(order="K") for a in arrays], names)
    if "error" in (theirs[0], ours[0]):
        assert theirs[0] == ours[0], f"{text}: PyTorch {theirs[:2]}, minigrad {ours[:2]}"
        same = type(theirs[1])
        assert isinstance(ours[1], RuntimeError if same is NotImplementedError else same), f"{text}: {theirs}, {ours}"
        return "error"
    small = S in [getattr(a, "dtype", None) for a in (*arrays, *theirs[1])] or "float32" in text
    tolerance = 2e-5 if small else 1e-10
    assert len(ours[1]) == len(theirs[1]), text
    for a, b in zip(ours[1], theirs[1], strict=True):
        same_array(a, b, tolerance, text)
    if isinstance(theirs[2], RuntimeError) or changed(torch, text):  # PyTorch has no rule there, or an old one
        return "value"
    if theirs[2] is None or ours[2] is None:
        assert theirs[2] is ours[2], f"{text}: does the result ask for a gradient? {ours[2]} {theirs[2]}"
        return "value"
    assert not isinstance(ours[2], RuntimeError), f"{text}: {ours[2]}"
    floats = [a for a in arrays if a.dtype.kind == "f"]
    for order in (0, 1):
        for a, b, first, x in zip(ours[2][order], theirs[2][order], theirs[2][0], floats, strict=True):
            where = np.isfinite(b) & np.isfinite(first) & ~np.isnan(x)  # a gradient at NaN says nothing
            if order == 1:
                where &= np.isfinite(a)
            same_array(np.where(where, a, 0).astype(a.dtype), np.where(where, b, 0).astype(b.dtype), tolerance * 10,
                       f"{text}: gradient of order {order + 1}")  # fmt: skip
    return "gradients"


def same_array(a, b, tolerance, text):
    if not isinstance(b, np.ndarray):
        assert type(a) is type(b) and a == b, text
        return
    assert (a.dtype, a.shape) == (b.dtype, b.shape), f"{text}: {a.dtype}{a.shape}, PyTorch {b.dtype}{b.shape}"
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=text)
